//! Where events go: to a streaming client, or nowhere.
//!
//! One engine builds streamed and whole responses; the only difference is this sink.

use crate::responses::event::{self, Event};

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
}
