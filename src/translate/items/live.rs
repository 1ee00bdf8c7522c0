//! The short way for pieces of text that go to the item which is live already.
//!
//! [`Items::delta`] defines what a piece does. When all it does is to grow the last item and to become
//! an event like the one before, the events of many pieces are written in a row, and the item grows by
//! all of them at once.

use super::{Item, Items, limit};
use crate::dialect::steady::Channel;
use crate::error::ApiError;
use crate::json::{JsonBytes, JsonText};
use crate::responses::event::Repeated;

/// An item that has told the client all of its text, piece by piece.
pub struct Live<'t> {
    /// What is known of the item.
    pub text: &'t mut JsonText<'static>,
    /// The event that carries pieces.
    pub repeated: &'t mut Repeated,
    /// How much of its arguments a call has sent.
    pub sent: Option<&'t mut usize>,
}

impl Items {
    /// Takes pieces of this channel, together of `bytes_max` bytes at most; returns what they say.
    ///
    /// `None`, and no piece has been taken, when one of them might do more than to grow the last item.
    pub fn extend<'p>(
        &mut self,
        channel: Channel,
        (pieces, bytes_max): (impl Iterator<Item = JsonBytes<'p>>, usize),
        sequence_number: &mut u64,
        out: &mut Vec<u8>,
    ) -> Option<JsonText<'static>> {
        // Log probabilities belong to the next piece of text.
        if !self.logprobs.is_empty() || bytes_max > self.bytes_left(channel) {
            return None;
        }
        let is_alone = self.open.len() == 1;
        let live = match (channel, self.open.back_mut()?) {
            (Channel::Text, Item::Message(message)) => message.live()?,
            (Channel::Reasoning, Item::Reasoning(reasoning)) => reasoning.live()?,
            // Behind others, or before them, a call is looked at with each piece.
            (Channel::Arguments { slot }, Item::Call(call)) if is_alone && call.slot() == slot => {
                call.live()?
            }
            _ => return None,
        };
        let said = live.repeated.write_all(pieces, sequence_number, out);
        live.text.push(&said);
        self.output_bytes += said.len();
        if let Some(sent) = live.sent {
            *sent += said.len();
            self.argument_bytes += said.len();
        }
        Some(said)
    }

    /// How much may come on this channel.
    fn bytes_left(&self, channel: Channel) -> usize {
        let output = self.limits.output_bytes_max.saturating_sub(self.output_bytes);
        let arguments = self.limits.arguments_bytes_max.saturating_sub(self.argument_bytes);
        match channel {
            Channel::Text | Channel::Reasoning => output,
            Channel::Arguments { .. } => output.min(arguments),
        }
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
