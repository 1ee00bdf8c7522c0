//! From frames to events: through the reader, which knows the dialect, and the translator, which
//! knows the API; past both parsers for events that are like the one before (see [`Memo`]).

use std::ops::Range;

use super::Clock;
use super::memo::Memo;
use crate::dialect::deltas::Reader;
use crate::dialect::{Delta, StreamEnd};
use crate::error::{ApiError, Class};
use crate::json::document::is_document;
use crate::sse::Frame;
use crate::translate::stream::{End, Translator};

/// What stands between frames and events.
pub struct Pipe {
    reader: Reader,
    /// Where the deltas go.
    pub translator: Translator,
    stream_end: StreamEnd,
    /// The upstream has said that its answer is whole. At most token counts may still come.
    pub proven: bool,
    memo: Memo,
    seen: Seen,
}

/// The frames since the last place between two events.
#[derive(Default)]
struct Seen {
    frames: usize,
    /// Whether the memo knew the last one.
    known: bool,
    /// Where the data of the last one stood, if it had no name: addresses, no more.
    data: Option<Range<usize>>,
}

impl Pipe {
    /// A pipe through which nothing has gone.
    pub fn new(reader: Reader, translator: Translator, stream_end: StreamEnd) -> Self {
        let (memo, seen) = (Memo::default(), Seen::default());
        Self { reader, translator, stream_end, proven: false, memo, seen }
    }

    /// Makes all further events take the general way.
    pub fn turn_memo_off(&mut self) {
        self.memo.turn_off();
    }

    /// Reads the events at the beginning of `bytes` that are like the one before; returns the bytes
    /// behind them.
    pub fn known_events<'b>(
        &mut self,
        bytes: &'b [u8],
        event_bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> &'b [u8] {
        let Self { reader, translator, memo, .. } = self;
        let Some(channel) = memo.channel() else { return bytes };
        let (mut rest, mut counts) = (bytes, Vec::new());
        let mut next = || {
            let alike = memo.recognise(rest, event_bytes_max)?;
            rest = alike.behind;
            Some(alike)
        };
        let texts = std::iter::from_fn(|| {
            let alike = next()?;
            counts.extend(alike.counts);
            Some(alike.text)
        });
        if let Some(said) = translator.extend(channel, (texts, bytes.len()), out) {
            reader.said(channel, &said);
            reader.count(&counts, &mut |delta| translator.delta(delta, out));
            return rest;
        }
        while !translator.is_ended()
            && let Some(alike) = next()
        {
            let sink = &mut |delta: Delta<'_>| translator.delta(delta, out);
            reader.repeat(channel, alike.text.text(), sink);
            reader.count(alike.counts.as_slice(), sink);
        }
        rest
    }

    /// Reads a frame.
    pub fn frame(&mut self, frame: Frame<'_>, clock: Clock, out: &mut Vec<u8>) {
        self.seen.frames += 1;
        self.seen.known = false;
        if self.translator.is_ended() {
            return;
        }
        if let Frame::Data { event, data } = frame
            && !self.proven
        {
            return self.data(event, data, out);
        }
        self.memo.forget();
        let translator = &mut self.translator;
        match frame {
            Frame::Comment => translator.start(out),
            // Behind [DONE] anything but token counts is noise.
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
                // A whole document is its own proof; a part of one, a piece of a stream, or markup, is none.
                self.proven = !self.reader.has_read_pieces() && is_document(data);
            }
            Frame::Done if !self.proven => {
                self.reader.finish(&mut |delta| translator.delta(delta, out));
                self.proven = true;
            }
            Frame::Done => {}
        }
        // Clients commonly stop here, so nobody notices when an upstream never closes the stream.
        let is_end = self.stream_end == StreamEnd::Done || self.translator.usage().is_some();
        if self.proven && is_end {
            self.end(clock, out);
        }
    }

    fn data(&mut self, event: &[u8], data: &[u8], out: &mut Vec<u8>) {
        let Self { reader, translator, memo, seen, .. } = self;
        translator.start(out);
        let sink = &mut |delta: Delta<'_>| translator.delta(delta, out);
        let known = memo.channel().filter(|_| event.is_empty());
        if let Some((channel, alike)) = known.zip(memo.recognise_data(data)) {
            seen.known = true;
            reader.repeat(channel, alike.text.text(), sink);
            return reader.count(alike.counts.as_slice(), sink);
        }
        memo.forget();
        reader.read(event, data, sink);
        let addresses = data.as_ptr_range();
        let addresses = addresses.start as usize..addresses.end as usize;
        seen.data = Some(addresses).filter(|_| event.is_empty());
    }

    /// A place between two events has come. Remembers the event if the next may be like it; `event`
    /// is all of it as it came, or empty.
    pub fn end_event(&mut self, event: &[u8]) {
        let Seen { frames, known, data } = std::mem::take(&mut self.seen);
        if frames == 1 && known {
            return;
        }
        self.memo.forget();
        if frames == 1
            && !self.proven
            && let Some(steady) = self.reader.steady()
        {
            self.memo.learn(event, steady, data.as_ref());
        }
    }

    /// An event was larger than it may be.
    pub fn too_large(&mut self, out: &mut Vec<u8>) {
        let error = ApiError::new(
            Class::Server,
            "The upstream sent an event that is larger than limits.event_bytes_max of the filter \
             allows.",
        );
        self.translator.fail(error, out);
    }

    /// The answer is over.
    pub fn end(&mut self, clock: Clock, out: &mut Vec<u8>) {
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
