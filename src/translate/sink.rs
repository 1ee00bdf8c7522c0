//! Where events go: to a streaming client, or nowhere.
//!
//! One engine builds streamed and whole responses; the only difference is this sink.

use crate::json::JsonText;
use crate::responses::event::{self, Event, Repeated};

/// Takes events and numbers them.
pub struct Sink<'o> {
    out: Option<&'o mut Vec<u8>>,
    sequence_number: &'o mut u64,
}

impl<'o> Sink<'o> {
    /// A sink that appends to `out` and counts on from `sequence_number`.
    pub fn stream(out: &'o mut Vec<u8>, sequence_number: &'o mut u64) -> Self {
        Self { out: Some(out), sequence_number }
    }

    /// A sink that takes events without a trace.
    pub fn silent(sequence_number: &'o mut u64) -> Self {
        Self { out: None, sequence_number }
    }

    /// Writes one event.
    pub fn emit<E: Event>(&mut self, event: &E) {
        if let Some(out) = &mut self.out {
            event::write(event, *self.sequence_number, out);
            *self.sequence_number += 1;
        }
    }

    /// Writes a piece of text as the event that `repeated` holds; `event` makes it the first time,
    /// with an empty delta.
    pub fn repeat<E: Event>(
        &mut self,
        repeated: &mut Option<Repeated>,
        delta: &JsonText<'_>,
        event: impl FnOnce() -> E,
    ) {
        let Some(out) = &mut self.out else { return };
        if repeated.is_none() {
            *repeated = Repeated::new(&event());
        }
        if let Some(repeated) = repeated {
            repeated.write(delta, *self.sequence_number, out);
            *self.sequence_number += 1;
        }
    }
}
