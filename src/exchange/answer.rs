//! The way of an answer's bytes: frames, deltas, events.

use super::keep_alive::Silence;
use super::pipe::Pipe;
use super::{BodyAction, Clock, HELD_OUTPUT_BYTES_MAX, Outcome, Reply, Report};
use crate::dialect::StreamEnd;
use crate::dialect::deltas::Reader;
use crate::responses::response::Status;
use crate::sse::Decoder;
use crate::translate::stream::{Delivery, Translator};

/// How often a text is told: as delta, in text.done, part.done and item.done, and in the output.
const TOLD_MAX: usize = 5;

/// An answer under translation.
pub struct Answer {
    decoder: Decoder,
    pipe: Pipe,
    delivery: Delivery,
    /// The headers of a whole answer instead of the one the host keeps back; `None` once it has gone.
    held_headers: Option<Vec<(&'static str, String)>>,
    /// Bytes of the body so far.
    taken_bytes: usize,
    /// Whether `output` holds events that have not been handed over.
    pending: bool,
    silence: Silence,
    /// Whether the last piece was left to a timer.
    was_timed: bool,
    /// When there was output for the first time.
    first_output_ms: Option<u64>,
}

impl Answer {
    /// An answer of which nothing has been read.
    pub fn new(
        (decoder, stream_end): (Decoder, StreamEnd),
        reader: Reader,
        translator: Translator,
        delivery: Delivery,
        held_headers: Option<Vec<(&'static str, String)>>,
        silence: Silence,
    ) -> Self {
        Self {
            decoder,
            pipe: Pipe::new(reader, translator, stream_end),
            delivery,
            held_headers,
            taken_bytes: 0,
            pending: false,
            silence,
            was_timed: false,
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
        self.taken_bytes += chunk.len();
        self.read(chunk, end_of_stream, clock, out);
        if self.first_output_ms.is_none() && self.pipe.translator.has_output() {
            self.first_output_ms = Some(clock());
        }
        if !end_of_stream && self.is_over_all_the_same(chunk.len()) {
            self.finish(clock, out);
        }
        if self.held_headers.is_some()
            && let Some(error) = self.pipe.translator.failure()
        {
            return BodyAction::Reply(Reply::error(error));
        }
        if !end_of_stream && let Some(hold) = self.hold(chunk.len(), out.len()) {
            self.pending = !out.is_empty();
            return hold;
        }
        let is_open = self.delivery == Delivery::Stream && !self.pipe.translator.is_ended();
        if out.is_empty() && is_open {
            self.keep_alive(clock(), out);
        } else {
            self.silence.end();
        }
        self.held_headers = None;
        self.timed_or_not(chunk.len(), end_of_stream, out.len(), clock)
    }

    /// Lets output go, to be added to by a timer if it may.
    fn timed_or_not(
        &mut self,
        taken: usize,
        end_of_stream: bool,
        output: usize,
        clock: Clock,
    ) -> BodyAction {
        // Nothing may be paused at an empty piece: see `is_over_all_the_same`.
        let goes_on = taken > 0 && !end_of_stream && !self.pipe.translator.is_ended();
        if goes_on && self.may_be_timed(output) {
            self.silence.begin(clock());
            self.was_timed = true;
            return BodyAction::Flush;
        }
        if std::mem::take(&mut self.was_timed) && goes_on {
            // The pauses end with a piece at which the host is given nothing to keep.
            self.pending = output > 0;
            return BodyAction::Hold;
        }
        BodyAction::Forward
    }

    /// Time has passed behind a [`BodyAction::Flush`]. Says whether `out` now holds a keep-alive.
    pub fn tick(&mut self, clock: Clock, out: &mut Vec<u8>) -> bool {
        if self.pending || !self.silence.may_go_on() {
            return false;
        }
        out.clear();
        self.keep_alive(clock(), out);
        self.silence.is_filled_with(out.len());
        !out.is_empty()
    }

    /// Makes all further events take the general way.
    pub fn turn_memo_off(&mut self) {
        self.pipe.turn_memo_off();
    }

    /// The body has ended with trailers. The host takes no body any more unless it buffers one, but as long as
    /// it holds the headers it takes a whole answer instead.
    pub fn trailers(&mut self, clock: Clock, out: &mut Vec<u8>) -> BodyAction {
        let held_headers = self.held_headers.clone();
        match (self.body(&[], true, clock, out), held_headers) {
            (BodyAction::Forward, Some(headers)) => {
                BodyAction::Reply(Reply { status: 200, headers, body: std::mem::take(out) })
            }
            (action, _) => action,
        }
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
        let Self { decoder, pipe, delivery, .. } = self;
        if *delivery == Delivery::Stream {
            // Events of both sides are of like size.
            out.reserve(chunk.len());
        }
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

    #[inline(never)]
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
    fn is_over_all_the_same(&mut self, taken: usize) -> bool {
        let translator = &self.pipe.translator;
        if translator.is_ended() {
            return false;
        }
        if taken == 0 {
            let proven = self.pipe.proven || translator.is_finishing();
            return proven || self.decoder.is_whole_document();
        }
        // What has a delta is a piece of a stream, and others follow it.
        self.held_headers.is_none()
            && !self.is_small(0)
            && self.decoder.is_whole_document_without("delta")
    }

    /// Whether the output has to wait for a later callback, and for which.
    ///
    /// While headers are held they may still be replaced, so everything waits. Behind them an end waits that
    /// may come with trailers, if it is small enough to be written there.
    fn hold(&mut self, taken: usize, output: usize) -> Option<BodyAction> {
        let translator = &self.pipe.translator;
        if translator.is_ended() || taken == 0 {
            return None;
        }
        let is_silent = match self.delivery {
            Delivery::Whole => true,
            Delivery::Stream => {
                output == 0 && (self.held_headers.is_some() || self.decoder.is_document())
            }
        };
        if self.held_headers.is_some() && is_silent {
            return Some(BodyAction::Hold);
        }
        let waits = is_silent || self.pipe.proven || translator.is_finishing();
        (waits && self.is_small(output)).then_some(BodyAction::HoldForTrailers)
    }

    /// Whether the host takes the end of this answer in the callback for trailers, as far as it can be
    /// told by now. `output` is what waits already.
    fn is_small(&self, output: usize) -> bool {
        // A document is read at its end.
        let told = if self.decoder.is_document() { TOLD_MAX } else { 1 };
        let end = self.pipe.translator.terminal_bytes_max();
        told * self.taken_bytes + output + end <= HELD_OUTPUT_BYTES_MAX
    }

    #[inline(never)]
    fn keep_alive(&mut self, now_ms: u64, out: &mut Vec<u8>) {
        if self.silence.is_too_long(now_ms) {
            self.pipe.translator.keep_alive(out);
        }
    }

    /// Whether a timer may add to what is written now.
    fn may_be_timed(&mut self, output: usize) -> bool {
        // The next piece may be the last, and then it brings all this into the pause.
        let unread = TOLD_MAX * self.decoder.unread_bytes();
        let end = self.pipe.translator.terminal_bytes_max();
        self.delivery == Delivery::Stream && self.silence.may_be_timed(output + unread + end)
    }
}
