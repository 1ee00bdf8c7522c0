//! One HTTP exchange as a state machine without I/O.
//!
//! The shell feeds in what the host's callbacks bring and does what the returned action says. Nothing
//! here waits, reads a clock or calls the host.
//!
//! ```text
//! request_headers ─> Pass ───────────────────────────────────────────> the filter stays out of it
//!        │─────────> Reply ──────────────────────────────────────────> answered here
//!        └─────────> Translate ─> request_body ─> Forward | Reply
//!                                                     │
//! response_headers ─> Pass | Forward | Hold | Reply <─┘
//! response_body    ─> Forward | Hold | Reply      (once for every piece, then end_of_stream)
//! response_trailers─> Forward                     (instead of a body callback with end_of_stream)
//! ```

use std::rc::Rc;

use crate::config::Config;

/// Headers as the host lists them: lower-case names, values decoded lossily.
pub type Headers = [(String, String)];

/// Tells milliseconds since 1970.
pub type Clock = fn() -> u64;

/// A complete answer made by the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `:status`; `content-length` is the host's business.
    pub headers: Vec<(&'static str, String)>,
    /// The body; never longer than a few KiB plus an error text.
    pub body: Vec<u8>,
}

/// Changes to a header map: `None` removes.
pub type HeaderChanges = Vec<(&'static str, Option<String>)>;

/// What to do with request headers.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestHeadersAction {
    /// This exchange is none of the filter's business; no further call is needed.
    Pass,
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

/// What to do when the whole request body is there.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestBodyAction {
    /// Send this body upstream. `changes` is empty unless headers are held.
    Forward {
        /// Header changes to make before the headers are released.
        changes: HeaderChanges,
        /// The Chat Completions request.
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
    /// Take the bytes away and pause; the output follows in a later callback.
    Hold,
    /// Replace headers and body; only ever returned while headers are held.
    Reply(Reply),
}

/// One exchange. See the module's diagram.
pub struct Exchange {
    _config: Rc<Config>,
}

#[allow(unused_variables, clippy::todo)]
impl Exchange {
    /// A new exchange. `clock` tells milliseconds since 1970 and is asked a few times per exchange,
    /// never per event; `id_seed` is a number no other exchange has.
    pub fn new(config: Rc<Config>, clock: Clock, id_seed: u128) -> Self {
        Self { _config: config }
    }

    /// Request headers have come; `end_of_stream` says that no body will follow.
    pub fn request_headers(&mut self, headers: &Headers, end_of_stream: bool) -> RequestHeadersAction {
        todo!()
    }

    /// The whole request body has come.
    pub fn request_body(&mut self, body: &[u8]) -> RequestBodyAction {
        todo!()
    }

    /// Response headers have come.
    pub fn response_headers(&mut self, headers: &Headers, end_of_stream: bool) -> ResponseHeadersAction {
        todo!()
    }

    /// A piece of the response body has come.
    pub fn response_body(&mut self, chunk: &[u8], end_of_stream: bool) -> BodyAction {
        todo!()
    }

    /// The response ended with trailers instead of a body callback with `end_of_stream`.
    pub fn response_trailers(&mut self) -> BodyAction {
        self.response_body(&[], true)
    }

    /// What the last [`BodyAction::Forward`] is about; valid until the next call.
    pub fn output(&self) -> &[u8] {
        todo!()
    }
}
