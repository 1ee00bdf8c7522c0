//! The conversation in the order Chat Completions wants it, before any wish of a dialect.
//!
//! The input is a list of things that happened; Chat Completions wants turns. A turn of the model has
//! its text and all its calls in one message and the output of every call directly behind it. So items
//! of the model gather in the turn that is open, until an output or somebody else's message ends it,
//! and outputs go to their calls wherever these stand.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::chat::request::Part;
use crate::json::JsonText;

use super::envelope::Envelope;
use super::text::append_paragraph;

/// One piece of a conversation.
#[derive(Debug)]
pub(super) enum Entry<'d> {
    /// What the system or the developer says.
    System {
        /// Whether it was the developer.
        developer: bool,
        /// The text.
        text: JsonText<'d>,
    },
    /// A turn of the model.
    Turn(Turn<'d>),
    /// What the user says.
    User(Vec<Part<'d>>),
}

/// What the model thought, said and called, and what came of the calls.
#[derive(Debug, Default)]
pub(super) struct Turn<'d> {
    pub(super) text: JsonText<'d>,
    pub(super) reasoning: JsonText<'d>,
    /// The field in which the reasoning came.
    pub(super) field: Option<String>,
    /// Opaque pieces of the reasoning. JSON.
    pub(super) details: Vec<String>,
    /// Extra members of calls, by their ids. JSON.
    pub(super) extras: BTreeMap<String, String>,
    pub(super) calls: Vec<Call<'d>>,
    /// Images the model made.
    pub(super) images: Vec<Part<'d>>,
    answered: bool,
}

/// A call and what came of it.
#[derive(Debug)]
pub(super) struct Call<'d> {
    pub(super) id: JsonText<'d>,
    /// The function.
    pub(super) name: Cow<'d, str>,
    pub(super) arguments: JsonText<'d>,
    pub(super) output: Option<Vec<Part<'d>>>,
}

/// Puts a conversation in order.
#[derive(Debug, Default)]
pub(super) struct Conversation<'d> {
    entries: Vec<Entry<'d>>,
    /// The turn that further items of the model belong to.
    open: Option<usize>,
    /// Calls without an output: the turn and the place in it. They are found by their ids, which may
    /// repeat, and their numbers: outputs go to the oldest call first.
    waiting: BTreeMap<(Cow<'d, str>, usize), (usize, usize)>,
    /// How many calls there were.
    calls: usize,
}

impl<'d> Conversation<'d> {
    /// The entries in order.
    pub(super) fn into_entries(self) -> Vec<Entry<'d>> {
        self.entries
    }

    pub(super) fn system(&mut self, developer: bool, text: JsonText<'d>) {
        self.open = None;
        if !text.is_empty() {
            self.entries.push(Entry::System { developer, text });
        }
    }

    pub(super) fn user(&mut self, parts: Vec<Part<'d>>) {
        self.open = None;
        if !parts.is_empty() {
            self.entries.push(Entry::User(parts));
        }
    }

    pub(super) fn said(&mut self, text: &JsonText<'d>) {
        if let Some((_, turn)) = self.turn() {
            append_paragraph(&mut turn.text, text);
        }
    }

    pub(super) fn made(&mut self, image: Part<'d>) {
        if let Some((_, turn)) = self.turn() {
            turn.images.push(image);
        }
    }

    /// Reasoning of one turn is one text: what the upstream sent in pieces goes back whole.
    pub(super) fn thought(&mut self, text: &JsonText<'d>, envelope: Envelope) {
        if let Some((_, turn)) = self.turn() {
            turn.reasoning.append(text);
            turn.field = envelope.field.or(turn.field.take());
            turn.details.extend(envelope.details);
            turn.extras.extend(envelope.calls);
        }
    }

    pub(super) fn called(&mut self, call: Call<'d>) {
        let id = call.id.clone().into_decoded();
        let number = self.calls;
        self.calls += 1;
        if let Some((entry, turn)) = self.turn() {
            let place = (entry, turn.calls.len());
            turn.calls.push(call);
            self.waiting.insert((id, number), place);
        }
    }

    /// What came of a call. Without its call, which may have been cut from the history, it is something
    /// the user reports.
    pub(super) fn came_out(&mut self, call_id: Option<&JsonText<'d>>, output: Vec<Part<'d>>) {
        let Some((entry, place)) = call_id.and_then(|id| self.oldest_waiting(id)) else {
            let mut parts = vec![Part::Text(JsonText::encode(ORPHAN))];
            parts.extend(output);
            return self.user(parts);
        };
        if let Some(Entry::Turn(turn)) = self.entries.get_mut(entry) {
            turn.answered = true;
            if let Some(call) = turn.calls.get_mut(place) {
                call.output = Some(output);
            }
        }
    }

    /// Takes the oldest call of this id that waits for its output.
    fn oldest_waiting(&mut self, id: &JsonText<'d>) -> Option<(usize, usize)> {
        let from = (id.clone().into_decoded(), 0);
        let (key, _) = self.waiting.range(&from..).next().filter(|((id, _), _)| *id == from.0)?;
        let key = key.clone();
        self.waiting.remove(&key)
    }

    /// The open turn, or a new one behind one that has outputs.
    fn turn(&mut self) -> Option<(usize, &mut Turn<'d>)> {
        let open = self.open.filter(
            |&index| matches!(self.entries.get(index), Some(Entry::Turn(turn)) if !turn.answered),
        );
        let index = open.unwrap_or(self.entries.len());
        if open.is_none() {
            self.entries.push(Entry::Turn(Turn::default()));
            self.open = Some(index);
        }
        match self.entries.get_mut(index) {
            Some(Entry::Turn(turn)) => Some((index, turn)),
            // Cannot happen: the entry was found or made to be a turn.
            _ => None,
        }
    }
}

const ORPHAN: &str = "[Output of an earlier tool call]\n";
