//! The way of an answer's bytes: frames, deltas, events.

use serde::de::IgnoredAny;

use super::{BodyAction, Clock, Outcome, Reply, Report};
use crate::dialect::Delta;
use crate::dialect::deltas::Reader;
use crate::error::{ApiError, Class};
use crate::responses::response::Status;
use crate::sse::{Decoder, Frame};
use crate::translate::stream::{Delivery, End, Translator};

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

/// What stands between frames and events.
struct Pipe {
    reader: Reader,
    translator: Translator,
    /// The upstream has said that its answer is whole. Only usage may still come.
    proven: bool,
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
            pipe: Pipe { reader, translator, proven: false },
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
        let pipe = &mut self.pipe;
        let result = self.decoder.push(chunk, &mut |frame| pipe.frame(frame, clock, out));
        if result.is_err() {
            pipe.too_large(out);
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

impl Pipe {
    fn frame(&mut self, frame: Frame<'_>, clock: Clock, out: &mut Vec<u8>) {
        let translator = &mut self.translator;
        if translator.is_ended() {
            return;
        }
        match frame {
            Frame::Comment => translator.start(out),
            Frame::Data { event, data } if !self.proven => {
                translator.start(out);
                self.reader.read(event, data, &mut |delta| translator.delta(delta, out));
            }
            // Some upstreams send usage behind [DONE]; anything else there is noise.
            Frame::Data { event, data } => {
                self.reader.read(event, data, &mut |delta| {
                    if let Delta::Usage(_) = delta {
                        translator.delta(delta, out);
                    }
                });
            }
            Frame::Document(data) => {
                self.reader.read(b"", data, &mut |delta| translator.delta(delta, out));
                self.reader.finish(&mut |delta| translator.delta(delta, out));
                // A whole document is its own proof; a part of one, or markup, is none.
                self.proven = serde_json::from_slice::<IgnoredAny>(data).is_ok();
            }
            Frame::Done if !self.proven => {
                self.reader.finish(&mut |delta| translator.delta(delta, out));
                self.proven = true;
            }
            Frame::Done => {}
        }
        // Without usage the end is awaited: clients compact their history by these numbers.
        if self.proven && self.translator.usage().is_some() {
            self.end(clock, out);
        }
    }

    fn too_large(&mut self, out: &mut Vec<u8>) {
        let error = ApiError::new(
            Class::Server,
            "The upstream sent an event that is larger than limits.event_bytes_max of the filter \
             allows.",
        );
        self.translator.fail(error, out);
    }

    /// The answer is over.
    fn end(&mut self, clock: Clock, out: &mut Vec<u8>) {
        if self.translator.is_ended() {
            return;
        }
        let translator = &mut self.translator;
        if !self.proven {
            self.reader.finish(&mut |delta| translator.delta(delta, out));
        }
        let end = if self.proven { End::Proven } else { End::Body };
        translator.finish(end, clock() / 1000, out);
    }
}
