//! A turn of the model: what it thought, said and called in a row.

use std::collections::BTreeMap;

use crate::chat::request::Part;
use crate::json::kept::JsonStr;

use super::conversation::{Call, Conversation, Event};
use super::envelope::Envelope;
use super::text::{Pieces, fold, is_blank};

/// A turn of the model.
pub(super) struct Turn<'c, 'd> {
    events: &'c [Event],
    conversation: &'c Conversation<'d>,
    pub(super) calls: &'c [Call<'d>],
    /// The field in which the reasoning came.
    pub(super) field: Option<&'c str>,
    pub(super) has_text: bool,
    pub(super) has_thoughts: bool,
    pub(super) has_details: bool,
}

impl<'c, 'd> Turn<'c, 'd> {
    pub(super) fn of(events: &'c [Event], conversation: &'c Conversation<'d>) -> Self {
        let mut turn = Self {
            events,
            conversation,
            calls: &[],
            field: None,
            has_text: false,
            has_thoughts: false,
            has_details: false,
        };
        let mut calls = 0..0;
        for event in events {
            match *event {
                Event::Said(text) => turn.has_text |= !is_blank(conversation.parts.of(text)),
                Event::Thought(text) => turn.has_thoughts |= !is_blank(conversation.parts.of(text)),
                Event::Called(call) => {
                    let call = call as usize;
                    calls = if calls.is_empty() { call } else { calls.start }..call + 1;
                }
                _ => {}
            }
        }
        turn.calls = conversation.calls.get(calls).unwrap_or_default();
        for envelope in turn.envelopes() {
            turn.field = envelope.field.as_deref().or(turn.field);
            turn.has_details |= !envelope.details.is_empty();
        }
        turn
    }

    pub(super) fn envelopes(&self) -> impl Iterator<Item = &'c Envelope> + use<'c, 'd> {
        let conversation = self.conversation;
        self.events.iter().filter_map(|event| match event {
            Event::Sealed(number) => conversation.envelopes.get(*number as usize),
            _ => None,
        })
    }

    /// What came of each call.
    pub(super) fn outputs(&self) -> impl Iterator<Item = Option<&'c [Part<'d>]>> + use<'c, 'd> {
        let parts = &self.conversation.parts;
        self.calls.iter().map(|call| call.output.map(|output| parts.of(output)))
    }

    /// The members that the upstream put beside calls, such as a signature, by the ids of these.
    #[inline(never)]
    pub(super) fn extras(&self) -> BTreeMap<&'c str, &'c str> {
        let calls = self.envelopes().flat_map(|envelope| &envelope.calls);
        let mut extras = BTreeMap::new();
        for (id, extra) in calls {
            extras.insert(id.as_str(), inside(extra).unwrap_or_default());
        }
        extras
    }

    /// Appends what was said: one text, of one paragraph for each message.
    pub(super) fn text(&self, out: &mut Pieces<'d>) {
        let mut join: fn(&mut Pieces<'d>, JsonStr<'d>) = Pieces::append;
        for event in self.events {
            if let Event::Said(text) = event {
                let text = self.conversation.parts.of(*text);
                fold(text, join, Pieces::append, out);
                if !is_blank(text) {
                    join = Pieces::append_paragraph;
                }
            }
        }
    }

    /// Appends what was thought. Reasoning of one turn is one text: what the upstream sent in pieces goes
    /// back whole.
    pub(super) fn thoughts(&self, out: &mut Pieces<'d>) {
        for event in self.events {
            if let Event::Thought(text) = event {
                fold(self.conversation.parts.of(*text), Pieces::append, Pieces::append, out);
            }
        }
    }
}

/// The members of an object, without the braces around them.
fn inside(object: &str) -> Option<&str> {
    Some(object.trim().strip_prefix('{')?.strip_suffix('}')?.trim())
}
