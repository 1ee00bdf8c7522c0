//! What happened to a request: for access logs and counters. Never holds content.
//!
//! Names follow OpenTelemetry's conventions for generative AI where those have one, and Prometheus's
//! rules for metrics. Every label has few values: they come from the configuration or from a table,
//! never from clients.

use super::Clock;
use super::metric::{Label, Names};
use crate::chat::{FinishReason, Usage};
use crate::config::{Config, Upstream, headers};
use crate::error::ApiError;
use crate::json::{Digits, search};
use crate::translate::request::Translated;

/// What a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A response.
    Responses,
    /// A compacted conversation.
    Compact,
    /// The list of models.
    Models,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Before its end: the client went, or the upstream broke off.
    #[default]
    Aborted,
    /// Well.
    Completed,
    /// With a failure behind the headers of a success.
    Failed,
    /// Cut by a token limit or a content filter.
    Incomplete,
    /// By the filter, before anything went upstream.
    Refused,
    /// With an error status of the upstream or of the host.
    UpstreamError,
}

/// What happened to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    operation: Option<Operation>,
    pub(super) outcome: Outcome,
    upstream: Option<String>,
    model: Option<String>,
    upstream_model: Option<String>,
    pub(super) finish_reason: Option<FinishReason>,
    error: Option<ErrorNames>,
    pub(super) usage: Option<Usage>,
    dropped: Vec<&'static str>,
    sent_ms: Option<u64>,
    pub(super) first_output_ms: Option<u64>,
    end_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ErrorNames {
    /// One of a table.
    class: &'static str,
    /// What the client got.
    code: String,
}

/// A counter or a histogram and what to add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement<'n> {
    /// The name with its labels in it.
    pub name: &'n str,
    /// Whether it is a histogram.
    pub is_histogram: bool,
    /// By how much a counter grows, or what a histogram gets.
    pub value: u64,
}

impl Report {
    pub(super) fn begin(&mut self, operation: Operation) {
        self.operation = Some(operation);
    }

    pub(super) fn refused(&mut self, error: &ApiError) {
        self.outcome = Outcome::Refused;
        self.error(error);
    }

    pub(super) fn upstream_error(&mut self, error: &ApiError) {
        self.outcome = Outcome::UpstreamError;
        self.error(error);
    }

    pub(super) fn error(&mut self, error: &ApiError) {
        self.error = Some(ErrorNames { class: error.class.code(), code: error.code().to_owned() });
    }

    pub(super) fn completed(&mut self) {
        self.outcome = Outcome::Completed;
    }

    pub(super) fn sent(&mut self, clock: Clock) {
        self.sent_ms = Some(clock());
    }

    /// When the request was whole, in milliseconds since 1970.
    pub(super) fn sent_ms(&self) -> Option<u64> {
        self.sent_ms
    }

    pub(super) fn model(&mut self, model: Option<&str>) {
        self.model = model.map(str::to_owned);
    }

    pub(super) fn upstream_model(&mut self, model: Option<&str>) {
        self.upstream_model = model.map(str::to_owned);
    }

    pub(super) fn upstream(&mut self, name: &str) {
        self.upstream = Some(name.to_owned());
    }

    pub(super) fn translated(&mut self, translated: &Translated) {
        self.model = Some(translated.model.clone());
        self.upstream_model = Some(translated.upstream_model.clone());
        self.dropped.clone_from(&translated.dropped);
    }

    pub(super) fn ended(&mut self, clock: Clock) {
        self.end_ms = clock();
    }

    /// Whether the filter had anything to do with the request.
    pub fn is_of_interest(&self) -> bool {
        self.operation.is_some()
    }

    /// Hands what goes into the filter state to `put`, by name; only what is known.
    pub fn describe(&self, put: &mut dyn FnMut(&'static str, &str)) {
        let mut put_known =
            |name, value: Option<&str>| value.into_iter().for_each(|v| put(name, v));
        put_known("gen_ai.operation.name", self.operation.map(Operation::word));
        put_known("gen_ai.response.finish_reasons", self.finish_reason.map(word));
        put_known("responses_filter.upstream", self.upstream.as_deref());
        put_known("responses_filter.outcome", Some(self.outcome.word()));
        for (name, text) in [
            ("gen_ai.request.model", self.model.as_deref()),
            ("gen_ai.response.model", self.upstream_model.as_deref()),
            ("error.type", self.error.as_ref().map(|error| error.code.as_str())),
        ] {
            put_known(name, text.map(headers::escaped).as_deref());
        }
        let usage = self.usage.as_ref();
        for (name, count) in [
            ("gen_ai.usage.input_tokens", usage.map(|usage| usage.prompt_tokens)),
            ("gen_ai.usage.cache_read.input_tokens", usage.map(|usage| usage.cached_tokens)),
            ("gen_ai.usage.output_tokens", usage.map(|usage| usage.completion_tokens)),
            ("gen_ai.usage.reasoning.output_tokens", usage.map(|usage| usage.reasoning_tokens)),
            ("responses_filter.time_to_first_token_ms", self.first_token_ms()),
        ] {
            let mut digits = Digits::default();
            let digits = count.and_then(|count| str::from_utf8(digits.of(count, b"")).ok());
            put_known(name, digits);
        }
        let dropped = (!self.dropped.is_empty()).then(|| search::join(&self.dropped, ","));
        put_known("responses_filter.dropped", dropped.as_deref());
    }

    /// Hands what is counted to `count`, one by one.
    pub fn measure(&self, config: &Config, count: &mut dyn FnMut(Measurement<'_>)) {
        let Some(operation) = self.operation else { return };
        let upstream = self.upstream.as_deref().unwrap_or("none");
        let mut name =
            Names::of_all(&[Label("upstream", upstream), Label("model", self.known_model(config))]);
        let mut add = |metric: &str, labels: &[Label<'_>], is_histogram: bool, value: u64| {
            count(Measurement { name: name.of(metric, labels), is_histogram, value });
        };
        let end = [Label("operation", operation.word()), Label("outcome", self.outcome.word())];
        add("requests_total", &end, false, 1);
        if let Some(error) = &self.error {
            add("errors_total", &[Label("code", error.class)], false, 1);
        }
        if let Some(usage) = &self.usage {
            for (kind, tokens) in [
                ("input", usage.prompt_tokens),
                ("input_cached", usage.cached_tokens),
                ("output", usage.completion_tokens),
                ("output_reasoning", usage.reasoning_tokens),
            ] {
                if tokens > 0 {
                    add("tokens_total", &[Label("type", kind)], false, tokens);
                }
            }
        }
        for field in &self.dropped {
            add("dropped_fields_total", &[Label("field", field)], false, 1);
        }
        if let Some(ms) = self.first_token_ms() {
            add("time_to_first_token_milliseconds", &[], true, ms);
        }
        let took_time = operation != Operation::Models && self.outcome != Outcome::Refused;
        if let (Some(ms), true) = (self.since_sent(self.end_ms), took_time) {
            add("duration_milliseconds", &[], true, ms);
        }
    }

    /// The upstream's name for the model if the operator has written it down, because clients can
    /// send any number of others.
    fn known_model(&self, config: &Config) -> &str {
        let model = self.upstream_model.as_deref().unwrap_or_default();
        let upstream = self.upstream.as_deref().and_then(|name| config.upstream(name));
        let is_alias = upstream.is_some_and(|upstream: &Upstream| upstream.models.knows(model));
        if is_alias || config.catalog.names().any(|name| name == model) { model } else { "other" }
    }

    fn first_token_ms(&self) -> Option<u64> {
        self.since_sent(self.first_output_ms?)
    }

    fn since_sent(&self, ms: u64) -> Option<u64> {
        Some(ms.saturating_sub(self.sent_ms?))
    }
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Compact => "compact",
            Self::Models => "models",
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
            Self::UpstreamError => "upstream_error",
        }
    }
}

fn word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::ContentFilter => "content_filter",
        FinishReason::ContextWindow => "context_window",
        FinishReason::Length => "length",
        FinishReason::Stop => "stop",
        FinishReason::Unknown => "other",
    }
}
