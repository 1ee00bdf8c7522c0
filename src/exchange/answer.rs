//! The way of an answer's bytes: frames, deltas, events.

use super::pipe::Pipe;
use super::{BodyAction, Clock, Outcome, Reply, Report};
use crate::dialect::deltas::Reader;
use crate::responses::response::Status;
use crate::sse::Decoder;
use crate::translate::stream::{Delivery, Translator};

/// An answer under translation.
pub struct Answer {
    decoder: Decoder,
    pipe: Pipe,
    delivery: Delivery,
    /// Whether the host keeps the headers back, so that they can still be replaced.
    headers_held: bool,
    /// Whether the end is small enough to be written while the host is paused.
    may_pause: bool,
    /// Bytes of the body so far.
    taken_bytes: usize,
    /// Whether `output` holds events that have not been handed over.
    pending: bool,
    keep_alive_ms: u64,
    /// Since when there have been bytes but no events.
    quiet_since_ms: Option<u64>,
    /// When there was output for the first time.
    first_output_ms: Option<u64>,
}

/// While the host is paused no more than this is taken in: more written at once crashes it.
const HELD_BYTES_MAX: usize = 64 << 10;

/// While the host is paused no more than this is written.
const HELD_OUTPUT_BYTES_MAX: usize = 512 << 10;

impl Answer {
    /// An answer of which nothing has been read.
    pub fn new(
        decoder: Decoder,
        reader: Reader,
        translator: Translator,
        delivery: Delivery,
        (headers_held, may_pause): (bool, bool),
        keep_alive_ms: u64,
    ) -> Self {
        Self {
            decoder,
            pipe: Pipe::new(reader, translator),
            delivery,
            headers_held,
            may_pause,
            taken_bytes: 0,
            pending: false,
            keep_alive_ms,
            quiet_since_ms: None,
            first_output_ms: None,
        }
    }

    /// A piece of the body, or its end.
    pub fn body(
        &mut self,
        chunk: &[u8],
        end_of_stream: bool,
        clock: Clock,
        out: &mut Vec<u8>,
    ) -> BodyAction {
        if !std::mem::take(&mut self.pending) {
            out.clear();
        }
        self.read(chunk, end_of_stream, clock, out);
        if self.first_output_ms.is_none() && self.pipe.translator.has_output() {
            self.first_output_ms = Some(clock());
        }
        if !end_of_stream && self.is_over_all_the_same(chunk.len()) {
            self.finish(clock, out);
        }
        if self.headers_held
            && let Some(error) = self.pipe.translator.failure()
        {
            return BodyAction::Reply(Reply::error(error));
        }
        if !end_of_stream && self.must_hold(chunk.len(), out.len()) {
            self.pending = !out.is_empty();
            return BodyAction::Hold;
        }
        if out.is_empty() && self.delivery == Delivery::Stream {
            self.keep_alive(clock, out);
        } else {
            self.quiet_since_ms = None;
        }
        self.headers_held = false;
        BodyAction::Forward
    }

    /// Makes all further events take the general way.
    pub fn turn_memo_off(&mut self) {
        self.pipe.turn_memo_off();
    }

    /// Puts what is known into a report.
    pub fn describe(&self, report: &mut Report) {
        let translator = &self.pipe.translator;
        report.first_output_ms = self.first_output_ms;
        report.finish_reason = translator.finish_reason();
        report.usage = translator.usage().copied();
        report.outcome = match translator.status() {
            Status::InProgress => Outcome::Aborted,
            Status::Completed => Outcome::Completed,
            Status::Incomplete(_) => Outcome::Incomplete,
            Status::Failed { .. } => Outcome::Failed,
        };
        if let Some(error) = translator.failure() {
            report.error(error);
        }
    }

    fn read(&mut self, chunk: &[u8], end_of_stream: bool, clock: Clock, out: &mut Vec<u8>) {
        let Self { decoder, pipe, .. } = self;
        let mut rest = chunk;
        while !rest.is_empty() {
            let is_whole = decoder.is_between_events();
            if is_whole {
                rest = pipe.known_events(rest, decoder.event_bytes_max(), out);
                if rest.is_empty() {
                    break;
                }
            }
            let from = rest;
            match decoder.push_event(from, &mut |frame| pipe.frame(frame, clock, out)) {
                Ok(behind) => rest = behind,
                Err(_) => {
                    pipe.too_large(out);
                    break;
                }
            }
            if decoder.is_between_events() {
                let event = from.get(..from.len() - rest.len()).filter(|_| is_whole);
                pipe.end_event(event.unwrap_or_default());
            }
        }
        if end_of_stream {
            self.finish(clock, out);
        }
    }

    fn finish(&mut self, clock: Clock, out: &mut Vec<u8>) {
        let pipe = &mut self.pipe;
        if !pipe.translator.is_ended() {
            let result = self.decoder.finish(&mut |frame| pipe.frame(frame, clock, out));
            if result.is_err() {
                pipe.too_large(out);
            }
        }
        pipe.end(clock, out);
    }

    /// Whether this must be taken for the end although the host has not said so.
    ///
    /// A filter that adds trailers, such as Envoy's decompressor, leaves the last callback empty and
    /// without `end_of_stream`. To pause there hangs, not to pause leaves no later chance to write
    /// (measured with Envoy 1.40). Nor is there one for what is too large to be held.
    fn is_over_all_the_same(&self, taken: usize) -> bool {
        let translator = &self.pipe.translator;
        if translator.is_ended() {
            return false;
        }
        if taken == 0 {
            let proven = self.pipe.proven || translator.is_finishing();
            return proven || self.decoder.is_whole_document();
        }
        let too_late = !self.may_pause || self.taken_bytes > HELD_BYTES_MAX;
        too_late && self.decoder.is_whole_document()
    }

    /// Whether the end of this answer must wait for a later callback, which may be the one for
    /// trailers: there the host takes bytes only when the last body callback has paused.
    fn must_hold(&mut self, taken: usize, output: usize) -> bool {
        let translator = &self.pipe.translator;
        if translator.is_ended() || taken == 0 {
            return false;
        }
        self.taken_bytes += taken;
        let little = self.taken_bytes <= HELD_BYTES_MAX;
        let proven = self.pipe.proven || translator.is_finishing();
        let end = output + translator.terminal_bytes_max();
        let ending = proven && end <= HELD_OUTPUT_BYTES_MAX;
        match self.delivery {
            Delivery::Whole => self.may_pause && (little || ending),
            Delivery::Stream if output > 0 => ending,
            Delivery::Stream if self.headers_held => little || ending,
            Delivery::Stream => self.may_pause && self.decoder.is_document() && little || ending,
        }
    }

    fn keep_alive(&mut self, clock: Clock, out: &mut Vec<u8>) {
        let now = clock();
        let since = *self.quiet_since_ms.get_or_insert(now);
        if now.saturating_sub(since) >= self.keep_alive_ms {
            self.pipe.translator.keep_alive(out);
            self.quiet_since_ms = Some(now);
        }
    }
}
