//! The answer's side of an exchange.

use std::borrow::Cow;

use super::answer::Answer;
use super::keep_alive::Silence;
use super::list::List;
use super::native::Native;
use super::{
    BodyAction, Exchange, Failure, HeaderChanges, Headers, Phase, Reply, ResponseHeadersAction,
    Waiting, header, keep_effective,
};
use crate::config::Refusals;
use crate::dialect::deltas::Reader;
use crate::dialect::errors;
use crate::error::{ApiError, Class};
use crate::responses::Response;
use crate::sse::Decoder;
use crate::translate::items::Forms;
use crate::translate::output::PartKind;
use crate::translate::request::{Task, Translated};
use crate::translate::stream::{Delivery, Options, Translator};

impl Exchange {
    /// Response headers have come.
    pub fn response_headers(
        &mut self,
        headers: &Headers<'_>,
        end_of_stream: bool,
    ) -> ResponseHeadersAction {
        let waiting = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Waiting(waiting) => Some(waiting),
            // The host answers before the request is whole, with 413 for example.
            Phase::Request(_) => None,
            Phase::Native(native) => return self.native_headers(native, headers, end_of_stream),
            Phase::List(list) => match list.headers(headers, end_of_stream, &self.config) {
                Ok(action) => return self.list_headers(list, action),
                Err("") => None,
                Err(message) => return self.broken(message, headers),
            },
            Phase::Start | Phase::Over | Phase::Answer(_) | Phase::Failure(_) => {
                return ResponseHeadersAction::Pass;
            }
        };
        let status = status(headers);
        if (200..300).contains(&status) {
            return match waiting {
                Some(waiting) => self.answer_headers(*waiting, headers, end_of_stream),
                None => self.broken("The upstream answered before it had the request.", headers),
            };
        }
        if end_of_stream {
            let error = errors::classify(status, headers, b"", (self.clock)() / 1000);
            self.report.upstream_error(&error);
            return ResponseHeadersAction::Reply(Reply::upstream_error(&error, headers));
        }
        let held = self.config.hold_headers;
        let owned = |text: &Cow<'_, str>| Cow::Owned(text.to_string());
        let headers = headers.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        self.phase = Phase::Failure(Failure { status, headers, body: Vec::new(), held });
        let changes = vec![
            ("content-length".into(), None),
            ("content-encoding".into(), None),
            ("content-type".into(), Some("application/json".to_owned())),
            ("openai-model".into(), None),
        ];
        if held {
            ResponseHeadersAction::Hold(changes)
        } else {
            ResponseHeadersAction::Forward(changes)
        }
    }

    /// What the upstream sent is no answer.
    #[cold]
    fn broken(&mut self, message: &str, headers: &Headers<'_>) -> ResponseHeadersAction {
        let error = ApiError::new(Class::BadGateway, message);
        self.report.upstream_error(&error);
        ResponseHeadersAction::Reply(Reply::upstream_error(&error, headers))
    }

    #[inline(never)]
    fn list_headers(&mut self, list: List, action: ResponseHeadersAction) -> ResponseHeadersAction {
        match action {
            ResponseHeadersAction::Reply(_) => self.report.completed(),
            _ => self.phase = Phase::List(list),
        }
        action
    }

    #[inline(never)]
    fn native_headers(
        &mut self,
        native: Box<Native>,
        headers: &Headers<'_>,
        end_of_stream: bool,
    ) -> ResponseHeadersAction {
        let status = status(headers);
        if !(200..300).contains(&status) {
            let error = errors::classify(status, headers, b"", (self.clock)() / 1000);
            self.report.upstream_error(&error);
            return ResponseHeadersAction::Pass;
        }
        let is_watched = self.config.metrics || self.config.filter_state;
        // Codex takes a name that it did not ask for as a sign of misuse and says so (measured).
        let changes: HeaderChanges =
            if native.is_renamed { vec![("openai-model".into(), None)] } else { Vec::new() };
        if is_watched && !end_of_stream {
            self.phase = Phase::Native(native);
            return ResponseHeadersAction::Forward(changes);
        }
        self.report.completed();
        if changes.is_empty() {
            ResponseHeadersAction::Pass
        } else {
            ResponseHeadersAction::Forward(changes)
        }
    }

    fn answer_headers(
        &mut self,
        waiting: Waiting,
        headers: &Headers<'_>,
        end_of_stream: bool,
    ) -> ResponseHeadersAction {
        if end_of_stream {
            return self.broken("The upstream sent an empty answer.", headers);
        }
        let encoding = header(headers, "content-encoding").unwrap_or("identity");
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
            return self.broken(
                "The upstream compressed its answer although it was asked not to. Put Envoy's \
                 decompressor filter between the filter and the upstream.",
                headers,
            );
        }
        let Waiting { translated, upstream } = waiting;
        let delivery = match translated.task {
            Task::CompactEndpoint => Delivery::Whole,
            Task::Respond | Task::CompactionItem if translated.stream => Delivery::Stream,
            Task::Respond | Task::CompactionItem => Delivery::Whole,
        };
        let content_type = header(headers, "content-type").unwrap_or_default();
        let held = self.config.hold_headers
            && (delivery == Delivery::Whole || content_type.starts_with("application/json"));
        let mut changes: HeaderChanges = vec![
            ("content-length".into(), None),
            ("content-encoding".into(), None),
            ("openai-model".into(), None),
            ("content-type".into(), Some(delivery.content_type().to_owned())),
        ];
        if !translated.dropped.is_empty() {
            changes.push((DROPPED.into(), Some(dropped(&translated.dropped))));
        }
        let held_headers = held.then(|| instead(&changes, headers));
        keep_effective(&mut changes, headers);
        let Some(answer) = self.answer(translated, upstream, delivery, held_headers) else {
            return self.broken("The filter has no profile for this upstream.", headers);
        };
        self.phase = Phase::Answer(Box::new(answer));
        if held {
            ResponseHeadersAction::Hold(changes)
        } else {
            ResponseHeadersAction::Forward(changes)
        }
    }

    #[inline(never)]
    fn answer(
        &mut self,
        translated: Translated,
        upstream: usize,
        delivery: Delivery,
        held_headers: Option<Vec<(&'static str, String)>>,
    ) -> Option<Answer> {
        let profile = self.config.upstreams.get(upstream)?;
        let dialect = &profile.dialect;
        let limits = profile.limits.clone();
        let has_tools = translated.tools.chat_names().next().is_some();
        let asks_for_answer = has_tools || translated.task != Task::Respond;
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
            created_at: self.report.sent_ms().unwrap_or_else(self.clock) / 1000,
            model: translated.model,
            echo: translated.echo.json,
            service_tier: translated.echo.service_tier,
            ..Response::default()
        };
        let ids = self.ids.clone();
        let reader = Reader::new(dialect, translated.tools.names());
        let translator = Translator::new(response, translated.tools, ids, options);
        let decoder = Decoder::new(limits.event_bytes_max);
        let silence_max_ms = profile.keep_alive_seconds.saturating_mul(1000);
        let silence = Silence::new(self.config.keep_alive, silence_max_ms);
        let framing = (decoder, dialect.stream_end);
        Some(Answer::new(framing, reader, translator, delivery, held_headers, silence))
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
                    return if failure.held {
                        BodyAction::Hold
                    } else {
                        BodyAction::HoldForTrailers
                    };
                }
                let now_s = (self.clock)() / 1000;
                let error =
                    errors::classify(failure.status, &failure.headers, &failure.body, now_s);
                self.report.upstream_error(&error);
                let action = if failure.held {
                    BodyAction::Reply(Reply::upstream_error(&error, &failure.headers))
                } else {
                    self.output.extend_from_slice(&error.to_json());
                    BodyAction::Forward
                };
                self.phase = Phase::Over;
                action
            }
            Phase::Native(native) => {
                native.body(chunk, end_of_stream, self.clock);
                BodyAction::Keep
            }
            Phase::List(list) => list.body(chunk, end_of_stream, &self.config, &mut self.output),
            Phase::Start | Phase::Over | Phase::Request(_) | Phase::Waiting(_) => {
                self.output.clear();
                BodyAction::Forward
            }
        }
    }
}

/// The status of an answer; without one it is that of a broken gateway.
pub(super) fn status(headers: &Headers<'_>) -> u16 {
    header(headers, ":status").and_then(|status| status.parse().ok()).unwrap_or(502)
}

impl Delivery {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Stream => "text/event-stream; charset=utf-8",
            Self::Whole => "application/json",
        }
    }
}

/// The headers of an answer made here instead of one with these changes.
fn instead(changes: &HeaderChanges, upstream: &Headers<'_>) -> Vec<(&'static str, String)> {
    let own = ["content-type", DROPPED].into_iter().filter_map(|name| {
        let (_, value) = changes.iter().find(|(changed, _)| changed == name)?;
        Some((name, value.clone()?))
    });
    own.chain(Reply::kept(upstream)).collect()
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
