//! The short way for pieces of text that go to the item which is live already.
//!
//! [`Items::delta`] defines what a piece does. When all it does is to grow the last item and to become
//! an event like the one before, what changes is here at hand.

use super::{Item, Items, limit};
use crate::dialect::steady::Channel;
use crate::error::ApiError;
use crate::json::JsonText;
use crate::responses::event::Repeated;

/// An item that has told the client about a piece like those that come.
pub struct Live<'t> {
    text: &'t mut JsonText<'static>,
    repeated: &'t Repeated,
    sequence_number: &'t mut u64,
    output_bytes: &'t mut usize,
    output_bytes_max: usize,
}

impl Items {
    /// The short way for this channel; `None` when a piece for it does more than to grow the last item.
    pub fn live<'t>(
        &'t mut self,
        channel: Channel,
        sequence_number: &'t mut u64,
    ) -> Option<Live<'t>> {
        if !self.logprobs.is_empty() {
            // They belong to the next piece of text.
            return None;
        }
        let (text, repeated) = match (channel, self.open.back_mut()?) {
            (Channel::Text, Item::Message(message)) => message.live()?,
            (Channel::Reasoning, Item::Reasoning(reasoning)) => reasoning.live()?,
            _ => return None,
        };
        let output_bytes_max = self.limits.output_bytes_max;
        let output_bytes = &mut self.output_bytes;
        Some(Live { text, repeated, sequence_number, output_bytes, output_bytes_max })
    }

    /// Counts what goes into the output.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.output_bytes += bytes;
        if self.output_bytes > self.limits.output_bytes_max {
            return Err(limit("output", "output_bytes_max"));
        }
        Ok(())
    }
}

impl Live<'_> {
    /// Takes a piece. False, and nothing has happened, when a limit does not allow it.
    pub fn push(&mut self, piece: &JsonText<'_>, out: &mut Vec<u8>) -> bool {
        let output_bytes = *self.output_bytes + piece.len();
        if output_bytes > self.output_bytes_max {
            return false;
        }
        *self.output_bytes = output_bytes;
        self.text.push(piece);
        self.repeated.write(piece, *self.sequence_number, out);
        *self.sequence_number += 1;
        true
    }
}
