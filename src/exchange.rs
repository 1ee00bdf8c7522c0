//! One HTTP exchange as a state machine without I/O.
//!
//! The shell feeds in what the host's callbacks bring and does what the returned action says. Nothing
//! here waits or calls the host.
//!
//! ```text
//! request_headers ─> Pass | Change ──────────────────────────────────> the filter stays out of it
//!        │─────────> Reply ──────────────────────────────────────────> answered here
//!        └─────────> Translate ─> request_body ─> Hold… then Forward | Reply
//!                                                     │    (request_trailers instead of an end)
//! response_headers ─> Pass | Forward | Hold | Reply <─┘
//! response_body    ─> Forward | Flush… | Hold… | Keep | Reply (once for every piece, then end_of_stream)
//! response_trailers─> Forward | Reply             (instead of a body callback with end_of_stream)
//! ```

mod action;
mod answer;
mod keep_alive;
mod list;
mod memo;
mod metric;
mod native;
mod paths;
mod pipe;
mod reply;
mod report;
mod request;
mod response;
mod way;

use std::borrow::Cow;
use std::rc::Rc;

use crate::config::{Config, Route};
use crate::ids::Ids;
use crate::translate::request::Translated;
pub use action::{
    BodyAction, HELD_OUTPUT_BYTES_MAX, HeaderChanges, RequestBodyAction, RequestHeadersAction,
    ResponseHeadersAction,
};
use answer::Answer;
use list::List;
pub use metric::MetricName;
use native::Native;
use paths::Target;
pub use reply::Reply;
pub use report::{Measurement, Operation, Outcome, Report};
pub use way::Router;

/// A header as the host lists it: its lower-case name, its value decoded lossily.
pub type Header<'h> = (Cow<'h, str>, Cow<'h, str>);

/// All headers of a message.
pub type Headers<'h> = [Header<'h>];

/// Tells milliseconds since 1970.
pub type Clock = fn() -> u64;

/// One exchange. See the module's diagram.
pub struct Exchange {
    config: Rc<Config>,
    clock: Clock,
    router: Router,
    ids: Ids,
    /// Where the host would send the request.
    route: Route,
    /// `:authority` of the request.
    authority: String,
    is_codex: bool,
    phase: Phase,
    output: Vec<u8>,
    report: Report,
}

/// Where an exchange stands; each phase carries what it needs and nothing else.
enum Phase {
    /// Before the request headers.
    Start,
    /// The filter is out of it: passed through, replied, or done.
    Over,
    /// The request body is being collected.
    Request(Incoming),
    /// The request has gone upstream.
    Waiting(Box<Waiting>),
    /// The answer is being translated.
    Answer(Box<Answer>),
    /// An answer that needs no translation goes by.
    Native(Box<Native>),
    /// A list of models is being collected.
    List(List),
    /// The upstream's error is being collected.
    Failure(Failure),
}

/// A request whose body is being collected.
struct Incoming {
    target: Target,
    /// The position of the upstream, if the headers have left already.
    upstream: Option<usize>,
    /// What makes the content type that of JSON.
    content_type: HeaderChanges,
    /// The body so far, unless the host buffers it.
    body: Vec<u8>,
    /// Whether the host buffers the body, because it will end with trailers.
    is_buffered: bool,
}

/// What the answer will need.
struct Waiting {
    translated: Translated,
    upstream: usize,
}

/// An answer with an error status.
struct Failure {
    status: u16,
    headers: Vec<Header<'static>>,
    body: Vec<u8>,
    held: bool,
}

/// Output buffers larger than this are given back when they are empty: most streams are idle most of
/// the time, and there may be thousands.
const IDLE_OUTPUT_BYTES_MAX: usize = 1 << 10;

impl Exchange {
    /// A new exchange. `clock` tells milliseconds since 1970 and is asked a few times per exchange,
    /// never per event; `id_seed` is a number no other exchange has.
    pub fn new(config: Rc<Config>, clock: Clock, id_seed: u128) -> Self {
        Self {
            config,
            clock,
            router: Router::NONE,
            ids: Ids::new(id_seed),
            route: Route::default(),
            authority: String::new(),
            is_codex: false,
            phase: Phase::Start,
            output: Vec::new(),
            report: Report::default(),
        }
    }

    /// The same with a host that can be asked about routes.
    #[must_use]
    pub fn routed_by(self, router: Router) -> Self {
        Self { router, ..self }
    }

    /// The configuration that serves this exchange.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What happened, when the exchange is over; `None` when it was none of the filter's business.
    pub fn report(&mut self) -> Option<Report> {
        let mut report = std::mem::take(&mut self.report);
        if !report.is_of_interest() {
            return None;
        }
        report.ended(self.clock);
        match &self.phase {
            Phase::Answer(answer) => answer.describe(&mut report),
            Phase::Native(native) => native.describe(&mut report),
            Phase::List(list) if list.is_written() => report.completed(),
            _ => {}
        }
        Some(report)
    }

    /// The response ended with trailers instead of a body callback with `end_of_stream`.
    pub fn response_trailers(&mut self) -> BodyAction {
        match &mut self.phase {
            Phase::Answer(answer) => answer.trailers(self.clock, &mut self.output),
            _ => self.response_body(&[], true),
        }
    }

    /// Time has passed while the response is paused behind a [`BodyAction::Flush`]. Says whether
    /// [`Self::output`] now holds something for the client.
    pub fn tick(&mut self) -> bool {
        match &mut self.phase {
            Phase::Answer(answer) => answer.tick(self.clock, &mut self.output),
            _ => false,
        }
    }

    /// What the last [`BodyAction::Forward`] is about; valid until the next call.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Makes all further events of the answer take the general way, which defines what comes out. It
    /// costs time and changes nothing; tests compare both ways by it.
    pub fn turn_memo_off(&mut self) {
        if let Phase::Answer(answer) = &mut self.phase {
            answer.turn_memo_off();
        }
    }

    /// Gives memory back that an idle stream does not need.
    pub fn output_sent(&mut self) {
        if self.output.capacity() > IDLE_OUTPUT_BYTES_MAX {
            self.output = Vec::new();
        }
    }
}

/// Leaves changes out that change nothing: each one is a call of the host, and those cost more than
/// most of what the filter does.
fn keep_effective(changes: &mut HeaderChanges, headers: &Headers<'_>) {
    changes.retain(|(name, value)| {
        let mut present = headers.iter().filter(|(present, _)| present == name);
        match value {
            None => present.next().is_some(),
            Some(value) => {
                present.next().is_none_or(|(_, is)| is != value) || present.next().is_some()
            }
        }
    });
}

/// The first header of this name.
fn header<'h>(headers: &'h Headers<'_>, name: &str) -> Option<&'h str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| &**value)
}
