//! The conversation in the order Chat Completions wants it, before any wish of a dialect.
//!
//! The input is a list of things that happened; Chat Completions wants turns. A turn of the model has
//! its text and all its calls in one message and the output of every call directly behind it. So items
//! of the model gather in the turn that is open, until an output or somebody else's message ends it,
//! and outputs go to their calls wherever these stand.
//!
//! That is why messages cannot be written while items are read: until the input ends, each call may still
//! get its output, and a later system message may have to go to the front. So there is one list of what
//! happened, one of parts and one of calls for all of the conversation, with numbers from the one into the
//! others; what belongs to a turn stands together in each of them.

use std::collections::BTreeSet;

use crate::json::kept::JsonStr;

use super::envelope::Envelope;
use super::text::{Pieces, Span, is_blank};

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// What the developer says.
    Developer(Span),
    /// What the operator says.
    System(Span),
    /// What the user says.
    User(Span),
    /// A turn of the model begins. What follows belongs to it, up to another turn or somebody else.
    Turn,
    /// The model said one text, in parts.
    Said(Span),
    /// The model thought: one text, in pieces.
    Thought(Span),
    /// What came with the thoughts: the number of the envelope.
    Sealed(u32),
    /// The model called something: the number of the call. Those of a turn are consecutive.
    Called(u32),
    /// The model made an image.
    Made(Span),
}

/// A call and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'d> {
    pub(super) id: JsonStr<'d>,
    /// The id as it is meant.
    pub(super) decoded_id: &'d str,
    /// The function.
    pub(super) name: &'d str,
    pub(super) arguments: JsonStr<'d>,
    pub(super) output: Option<Span>,
}

/// Puts a conversation in order.
#[derive(Debug, Default)]
pub(super) struct Conversation<'d> {
    pub(super) events: Vec<Event>,
    /// The parts of everything in it. A reader of the input adds those of an item, and then says what
    /// they are.
    pub(super) parts: Pieces<'d>,
    pub(super) calls: Vec<Call<'d>>,
    pub(super) envelopes: Vec<Envelope>,
    /// The first call of the turn that further items of the model belong to, if one is open.
    open: Option<u32>,
    /// Calls without an output. They are found by their ids, which may repeat, and their numbers: outputs
    /// go to the oldest call first.
    waiting: BTreeSet<(&'d str, u32)>,
}

impl<'d> Conversation<'d> {
    /// No conversation yet, and room for one of so many items.
    pub(super) fn with_capacity(items: usize) -> Self {
        Self { events: Vec::with_capacity(2 * items), ..Self::default() }
    }

    pub(super) fn system(&mut self, event: fn(Span) -> Event, text: Span) {
        self.open = None;
        if !is_blank(self.parts.of(text)) {
            self.events.push(event(text));
        }
    }

    pub(super) fn user(&mut self, parts: Span) {
        self.open = None;
        if !self.parts.of(parts).is_empty() {
            self.events.push(Event::User(parts));
        }
    }

    /// Something of the model that belongs to its turn: to the open one, or to a new one.
    pub(super) fn of_model(&mut self, event: Event) {
        if self.open.is_none() {
            self.events.push(Event::Turn);
            self.open = Some(self.calls.len() as u32);
        }
        self.events.push(event);
    }

    pub(super) fn sealed(&mut self, envelope: Envelope) {
        self.of_model(Event::Sealed(self.envelopes.len() as u32));
        self.envelopes.push(envelope);
    }

    pub(super) fn called(&mut self, call: Call<'d>) {
        let number = self.calls.len() as u32;
        self.of_model(Event::Called(number));
        self.waiting.insert((call.decoded_id, number));
        self.calls.push(call);
    }

    /// The oldest call of this id that waits for its output. It waits no longer.
    pub(super) fn oldest_waiting(&mut self, id: &'d str) -> Option<u32> {
        let &(other, number) = self.waiting.range((id, 0)..).next()?;
        if other != id {
            return None;
        }
        self.waiting.remove(&(id, number));
        Some(number)
    }

    /// What came of a call. A turn with outputs is over.
    pub(super) fn came_out(&mut self, call: u32, output: Span) {
        if self.open.is_some_and(|first| first <= call) {
            self.open = None;
        }
        if let Some(call) = self.calls.get_mut(call as usize) {
            call.output = Some(output);
        }
    }
}
