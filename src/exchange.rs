//! One HTTP exchange as a state machine without I/O.
//!
//! The shell feeds in what the host's callbacks bring and does what the returned action says. Nothing
//! here waits or calls the host.
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

mod answer;
mod paths;
mod reply;

use std::rc::Rc;

use crate::config::{Config, DEFAULT, Refusals, Upstream, Wire};
use crate::dialect::deltas::Reader;
use crate::dialect::errors;
use crate::error::{ApiError, Class};
use crate::ids::Ids;
use crate::responses::Response;
use crate::sse::Decoder;
use crate::translate::items::Forms;
use crate::translate::output::PartKind;
use crate::translate::request::{self, Context, Task, Translated};
use crate::translate::stream::{Delivery, Options, Translator};
use answer::Answer;
use paths::Target;
pub use reply::Reply;

/// Headers as the host lists them: lower-case names, values decoded lossily.
pub type Headers = [(String, String)];

/// Tells milliseconds since 1970.
pub type Clock = fn() -> u64;

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
    config: Rc<Config>,
    clock: Clock,
    ids: Ids,
    is_codex: bool,
    phase: Phase,
    output: Vec<u8>,
}

/// Where an exchange stands; each phase carries what it needs and nothing else.
enum Phase {
    /// Before the request headers.
    Start,
    /// The filter is out of it: passed through, replied, or done.
    Over,
    /// The request body is being collected by the host.
    Request { target: Target, hold: bool },
    /// The request has gone upstream.
    Waiting(Box<Waiting>),
    /// The answer is being translated.
    Answer(Box<Answer>),
    /// The upstream's error is being collected.
    Failure(Failure),
}

/// What the answer will need.
struct Waiting {
    translated: Translated,
    upstream: usize,
}

/// An answer with an error status.
struct Failure {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    held: bool,
}

/// Output buffers larger than this are given back when they are empty: most streams are idle most of
/// the time, and there may be thousands.
const IDLE_OUTPUT_BYTES_MAX: usize = 8 << 10;

/// Requests whose echo is larger than this get no held answers, because the host crashes when a large
/// body is written while it is paused (measured with Envoy 1.36 to 1.40).
const HELD_ECHO_BYTES_MAX: usize = 128 << 10;

impl Exchange {
    /// A new exchange. `clock` tells milliseconds since 1970 and is asked a few times per exchange,
    /// never per event; `id_seed` is a number no other exchange has.
    pub fn new(config: Rc<Config>, clock: Clock, id_seed: u128) -> Self {
        Self {
            config,
            clock,
            ids: Ids::new(id_seed),
            is_codex: false,
            phase: Phase::Start,
            output: Vec::new(),
        }
    }

    /// Request headers have come; `end_of_stream` says that no body will follow.
    pub fn request_headers(
        &mut self,
        headers: &Headers,
        end_of_stream: bool,
    ) -> RequestHeadersAction {
        self.phase = Phase::Over;
        let target = match Target::of(headers) {
            paths::Decision::Pass => return RequestHeadersAction::Pass,
            paths::Decision::Refuse(reply) => return RequestHeadersAction::Reply(reply),
            paths::Decision::Translate(target) => target,
        };
        let upstream = self.config.upstream(DEFAULT);
        if upstream.is_some_and(|upstream| upstream.wire == Wire::Responses) {
            return RequestHeadersAction::Pass;
        }
        if end_of_stream {
            let error = ApiError::new(Class::InvalidRequest, "The request has no body; send JSON.");
            return RequestHeadersAction::Reply(Reply::error(&error));
        }
        self.is_codex = ["originator", "user-agent"]
            .iter()
            .any(|name| header(headers, name).is_some_and(|value| value.starts_with("codex")));
        let hold = self.config.hold_headers;
        // Compressed answers could not be read, and a stale length would cut the new body.
        let mut changes: HeaderChanges =
            vec![("content-length", None), ("accept-encoding", Some("identity".to_owned()))];
        if !hold {
            changes.push((":path", Some(target.upstream_path(upstream.and_then(Upstream::path)))));
        }
        self.phase = Phase::Request { target, hold };
        RequestHeadersAction::Translate { changes, hold }
    }

    /// The whole request body has come.
    pub fn request_body(&mut self, body: &[u8]) -> RequestBodyAction {
        let Phase::Request { target, hold } = std::mem::replace(&mut self.phase, Phase::Over)
        else {
            return RequestBodyAction::Forward { changes: Vec::new(), body: body.to_vec() };
        };
        match self.translate(&target, body) {
            Err(error) => RequestBodyAction::Reply(Reply::error(&error)),
            Ok((mut translated, upstream)) => {
                let body = std::mem::take(&mut translated.chat);
                let mut changes = HeaderChanges::new();
                if hold {
                    let path = self.config.upstreams.get(upstream).and_then(Upstream::path);
                    changes.push((":path", Some(target.upstream_path(path))));
                    changes.push(("content-length", Some(body.len().to_string())));
                    changes.push(("content-type", Some("application/json".to_owned())));
                }
                self.phase = Phase::Waiting(Box::new(Waiting { translated, upstream }));
                RequestBodyAction::Forward { changes, body }
            }
        }
    }

    fn translate(&self, target: &Target, body: &[u8]) -> Result<(Translated, usize), ApiError> {
        let limits = &self.config.limits;
        if body.len() > limits.request_bytes_max {
            return Err(ApiError::new(
                Class::RequestTooLarge,
                format!(
                    "The request has {} bytes; limits.request_bytes_max of the filter is {}.",
                    body.len(),
                    limits.request_bytes_max
                ),
            ));
        }
        let index = self.config.upstreams.iter().position(|upstream| upstream.name == DEFAULT);
        let Some((index, upstream)) = index.and_then(|i| Some((i, self.config.upstreams.get(i)?)))
        else {
            return Err(ApiError::new(Class::Server, "The filter has no upstream profile."));
        };
        let context = Context {
            dialect: &upstream.dialect,
            limits,
            strictness: self.config.strictness,
            endpoint: target.endpoint,
            model: &|model| model.to_owned(),
        };
        Ok((request::request(body, &context)?, index))
    }

    /// Response headers have come.
    pub fn response_headers(
        &mut self,
        headers: &Headers,
        end_of_stream: bool,
    ) -> ResponseHeadersAction {
        let waiting = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Waiting(waiting) => Some(waiting),
            // The host answers before the request is whole, with 413 for example.
            Phase::Request { .. } => None,
            Phase::Start | Phase::Over | Phase::Answer(_) | Phase::Failure(_) => {
                return ResponseHeadersAction::Pass;
            }
        };
        let status = header(headers, ":status").and_then(|s| s.parse().ok()).unwrap_or(502);
        if (200..300).contains(&status) {
            let Some(waiting) = waiting else {
                let error = ApiError::new(
                    Class::BadGateway,
                    "The upstream answered before it had the whole request.",
                );
                return ResponseHeadersAction::Reply(Reply::upstream_error(&error, headers));
            };
            return self.answer_headers(*waiting, headers, end_of_stream);
        }
        if end_of_stream {
            let error = errors::classify(status, headers, b"", (self.clock)() / 1000);
            return ResponseHeadersAction::Reply(Reply::upstream_error(&error, headers));
        }
        let held = self.config.hold_headers;
        let headers = headers.to_vec();
        self.phase = Phase::Failure(Failure { status, headers, body: Vec::new(), held });
        let changes = vec![
            ("content-length", None),
            ("content-encoding", None),
            ("content-type", Some("application/json".to_owned())),
            ("openai-model", None),
        ];
        if held {
            ResponseHeadersAction::Hold(changes)
        } else {
            ResponseHeadersAction::Forward(changes)
        }
    }

    fn answer_headers(
        &mut self,
        waiting: Waiting,
        headers: &Headers,
        end_of_stream: bool,
    ) -> ResponseHeadersAction {
        let broken = |message: &str| {
            let error = ApiError::new(Class::BadGateway, message);
            ResponseHeadersAction::Reply(Reply::upstream_error(&error, headers))
        };
        if end_of_stream {
            return broken("The upstream sent an empty answer.");
        }
        let encoding = header(headers, "content-encoding").unwrap_or("identity");
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
            return broken(
                "The upstream compressed its answer although it was asked not to. Put Envoy's \
                 decompressor filter between the filter and the upstream.",
            );
        }
        let Waiting { translated, upstream } = waiting;
        let delivery = match translated.task {
            Task::CompactEndpoint => Delivery::Whole,
            Task::Respond | Task::CompactionItem if translated.stream => Delivery::Stream,
            Task::Respond | Task::CompactionItem => Delivery::Whole,
        };
        let content_type = header(headers, "content-type").unwrap_or_default();
        let may_pause = translated.echo.json.len() <= HELD_ECHO_BYTES_MAX;
        let held = self.config.hold_headers
            && may_pause
            && (delivery == Delivery::Whole || content_type.starts_with("application/json"));
        let mut changes = vec![
            ("content-length", None),
            ("content-encoding", None),
            ("openai-model", None),
            ("content-type", Some(delivery.content_type().to_owned())),
        ];
        if !translated.dropped.is_empty() {
            changes.push((DROPPED, Some(dropped(&translated.dropped))));
        }
        let Some(answer) = self.answer(translated, upstream, delivery, (held, may_pause)) else {
            return broken("The filter has no profile for this upstream.");
        };
        self.phase = Phase::Answer(Box::new(answer));
        if held {
            ResponseHeadersAction::Hold(changes)
        } else {
            ResponseHeadersAction::Forward(changes)
        }
    }

    fn answer(
        &mut self,
        translated: Translated,
        upstream: usize,
        delivery: Delivery,
        hold: (bool, bool),
    ) -> Option<Answer> {
        let dialect = &self.config.upstreams.get(upstream)?.dialect;
        let limits = self.config.limits.clone();
        let names: Vec<String> = translated.tools.chat_names().map(str::to_owned).collect();
        let asks_for_answer = !names.is_empty() || translated.task != Task::Respond;
        let refusal = match self.config.refusals {
            Refusals::Auto if self.is_codex => PartKind::Text,
            Refusals::Auto | Refusals::Part => PartKind::Refusal,
            Refusals::Text => PartKind::Text,
        };
        let options = Options {
            delivery,
            task: translated.task,
            forms: Forms {
                refusal,
                reasoning: self.config.reasoning_output,
                logprobs: translated.include_logprobs,
            },
            empty_is_error: dialect.empty_is_error && asks_for_answer,
            limits: limits.clone(),
        };
        let response = Response {
            id: self.ids.next("resp"),
            created_at: (self.clock)() / 1000,
            model: translated.model,
            echo: translated.echo.json,
        };
        let service_tier = translated.echo.service_tier;
        let ids = self.ids.clone();
        let reader = Reader::new(dialect, names);
        let translator = Translator::new(response, service_tier, translated.tools, ids, options);
        let decoder = Decoder::new(limits.event_bytes_max);
        let keep_alive_ms = self.config.keep_alive_seconds.saturating_mul(1000);
        Some(Answer::new(decoder, reader, translator, delivery, hold, keep_alive_ms))
    }

    /// A piece of the response body has come.
    pub fn response_body(&mut self, chunk: &[u8], end_of_stream: bool) -> BodyAction {
        match &mut self.phase {
            Phase::Answer(answer) => {
                answer.body(chunk, end_of_stream, self.clock, &mut self.output)
            }
            Phase::Failure(failure) => {
                self.output.clear();
                let limit = self.config.limits.error_bytes_max;
                let room = limit.saturating_sub(failure.body.len());
                failure.body.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
                // Nothing may be held at an empty piece: see `Answer`.
                if !end_of_stream && !chunk.is_empty() && failure.body.len() < limit {
                    return BodyAction::Hold;
                }
                let now_s = (self.clock)() / 1000;
                let error =
                    errors::classify(failure.status, &failure.headers, &failure.body, now_s);
                let action = if failure.held {
                    BodyAction::Reply(Reply::upstream_error(&error, &failure.headers))
                } else {
                    self.output.extend_from_slice(&error.to_json());
                    BodyAction::Forward
                };
                self.phase = Phase::Over;
                action
            }
            Phase::Start | Phase::Over | Phase::Request { .. } | Phase::Waiting(_) => {
                self.output.clear();
                BodyAction::Forward
            }
        }
    }

    /// The response ended with trailers instead of a body callback with `end_of_stream`.
    pub fn response_trailers(&mut self) -> BodyAction {
        self.response_body(&[], true)
    }

    /// What the last [`BodyAction::Forward`] is about; valid until the next call.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Gives memory back that an idle stream does not need.
    pub fn output_sent(&mut self) {
        if self.output.capacity() > IDLE_OUTPUT_BYTES_MAX {
            self.output = Vec::new();
        }
    }
}

impl Upstream {
    fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl Delivery {
    fn content_type(self) -> &'static str {
        match self {
            Self::Stream => "text/event-stream; charset=utf-8",
            Self::Whole => "application/json",
        }
    }
}

/// The response header that names what was dropped from the request.
const DROPPED: &str = "x-responses-filter-dropped";

/// A kibibyte at most, whole names only.
fn dropped(names: &[&'static str]) -> String {
    let mut list = String::new();
    for name in names {
        if list.len() + name.len() + 1 > 1024 {
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(name);
    }
    list
}

/// The first header of this name.
fn header<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}
