//! What an exchange asks the shell to do.

use std::borrow::Cow;

use super::Reply;

/// What may be written behind [`BodyAction::HoldForTrailers`]. The host ends the stream when it is more
/// than its buffer takes: a mebibyte by default, 32 KiB where its makers' advice for gateways is followed.
pub const HELD_OUTPUT_BYTES_MAX: usize = 16 << 10;

/// Changes to a header map: `None` removes. Names are in lower case.
pub type HeaderChanges = Vec<(Cow<'static, str>, Option<String>)>;

/// What to do with request headers.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestHeadersAction {
    /// This exchange is none of the filter's business; no further call is needed.
    Pass,
    /// Change these headers; for the rest as [`Self::Pass`].
    Change(HeaderChanges),
    /// Change these headers. `hold` asks the host to keep the headers until the body is read.
    Translate {
        /// Header changes to make now.
        changes: HeaderChanges,
        /// Whether to hold the headers until the body has been translated.
        hold: bool,
    },
    /// Answer now; nothing goes upstream.
    Reply(Reply),
}

/// What to do with the bytes of a request body callback.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestBodyAction {
    /// Take the bytes away and pause.
    Hold,
    /// Leave the bytes in the host and pause; the next call brings them again with what follows.
    HoldBuffered,
    /// Send this body upstream. `changes` is empty unless headers are held.
    Forward {
        /// Header changes to make before the headers are released.
        changes: HeaderChanges,
        /// The request as the upstream is to get it.
        body: Vec<u8>,
    },
    /// Answer now; nothing goes upstream.
    Reply(Reply),
}

/// What to do with response headers.
#[derive(Debug, PartialEq, Eq)]
pub enum ResponseHeadersAction {
    /// The answer goes through untouched; no further call is needed.
    Pass,
    /// Change these headers and let them go.
    Forward(HeaderChanges),
    /// Change these headers and keep them until [`BodyAction`] releases or replaces them.
    Hold(HeaderChanges),
    /// Replace the answer.
    Reply(Reply),
}

/// What to do with the bytes of a response body callback.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyAction {
    /// Replace the bytes by [`Exchange::output`] and let them go, held headers with them.
    Forward,
    /// Replace the bytes by [`Exchange::output`](super::Exchange::output) and pause, but let them go at
    /// once by other means, held headers with them: [`Exchange::tick`](super::Exchange::tick) may add to
    /// them.
    Flush,
    /// Take the bytes away and pause; the output follows in a later callback.
    Hold,
    /// As [`Self::Hold`], but such that the host takes output in the callback for trailers as well. It
    /// takes little there: [`HELD_OUTPUT_BYTES_MAX`].
    HoldForTrailers,
    /// Let the bytes go as they are.
    Keep,
    /// Replace headers and body; only ever returned while headers are held.
    Reply(Reply),
}
