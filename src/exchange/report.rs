//! What happened to a request: for access logs and counters. Never holds content.
//!
//! Names follow OpenTelemetry's conventions for generative AI where those have one, and Prometheus's
//! rules for metrics. Every label has few values: they come from the configuration or from a table,
//! never from clients.

use super::Clock;
use crate::chat::{FinishReason, Usage};
use crate::config::{Config, Upstream, headers};
use crate::error::ApiError;
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The name with its labels in it.
    pub name: String,
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

    /// What goes into the filter state, by name; only what is known.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = Vec::with_capacity(16);
        let mut put =
            |name, value: Option<String>| properties.extend(value.map(|value| (name, value)));
        let escaped = |text: &Option<String>| text.as_deref().map(headers::escaped);
        put("gen_ai.operation.name", self.operation.map(|o| o.word().to_owned()));
        put("gen_ai.request.model", escaped(&self.model));
        put("gen_ai.response.model", escaped(&self.upstream_model));
        put("gen_ai.response.finish_reasons", self.finish_reason.map(|r| word(r).to_owned()));
        let count = |of: fn(&Usage) -> u64| self.usage.as_ref().map(|usage| of(usage).to_string());
        put("gen_ai.usage.input_tokens", count(|usage| usage.prompt_tokens));
        put("gen_ai.usage.cache_read.input_tokens", count(|usage| usage.cached_tokens));
        put("gen_ai.usage.output_tokens", count(|usage| usage.completion_tokens));
        put("gen_ai.usage.reasoning.output_tokens", count(|usage| usage.reasoning_tokens));
        put("error.type", self.error.as_ref().map(|error| headers::escaped(&error.code)));
        put("responses_filter.upstream", self.upstream.clone());
        put("responses_filter.outcome", Some(self.outcome.word().to_owned()));
        put(
            "responses_filter.time_to_first_token_ms",
            self.first_token_ms().map(|ms| ms.to_string()),
        );
        let dropped = (!self.dropped.is_empty()).then(|| self.dropped.join(","));
        put("responses_filter.dropped", dropped);
        properties
    }

    /// What is counted.
    pub fn measurements(&self, config: &Config) -> Vec<Measurement> {
        let Some(operation) = self.operation else { return Vec::new() };
        let upstream = self.upstream.as_deref().unwrap_or("none");
        let model = self.known_model(config);
        let labels = Labels::new().with("upstream", upstream).with("model", model);
        let mut all = Vec::with_capacity(12);
        let mut add = |name: &str, labels: &Labels, is_histogram: bool, value: u64| {
            all.push(Measurement { name: labels.name(name), is_histogram, value });
        };
        let ends = labels.with("operation", operation.word()).with("outcome", self.outcome.word());
        add("requests_total", &ends, false, 1);
        if let Some(error) = &self.error {
            add("errors_total", &labels.with("code", error.class), false, 1);
        }
        if let Some(usage) = &self.usage {
            for (kind, tokens) in [
                ("input", usage.prompt_tokens),
                ("input_cached", usage.cached_tokens),
                ("output", usage.completion_tokens),
                ("output_reasoning", usage.reasoning_tokens),
            ] {
                if tokens > 0 {
                    add("tokens_total", &labels.with("type", kind), false, tokens);
                }
            }
        }
        for field in &self.dropped {
            add("dropped_fields_total", &labels.with("field", field), false, 1);
        }
        if let Some(ms) = self.first_token_ms() {
            add("time_to_first_token_milliseconds", &labels, true, ms);
        }
        let took_time = operation != Operation::Models && self.outcome != Outcome::Refused;
        if let (Some(ms), true) = (self.since_sent(self.end_ms), took_time) {
            add("duration_milliseconds", &labels, true, ms);
        }
        all
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

/// Labels in the form that hosts split off a metric's name: `label=.=value;.;` before it, as in the
/// metrics of Istio. Envoy needs `stats_tags` for it (`envoy/examples/observability.yaml`).
#[derive(Clone)]
struct Labels(String);

impl Labels {
    fn new() -> Self {
        Self("responses_filter_".to_owned())
    }

    fn with(&self, label: &str, value: &str) -> Self {
        let mut labels = self.more(label.len() + value.len() + 6);
        labels.push_str(label);
        labels.push_str("=.=");
        // The separators must not occur in a value.
        let separates = |c: char| c == ';' || c.is_whitespace() || c.is_control();
        if value.contains(separates) {
            labels.extend(value.chars().map(|c| if separates(c) { '_' } else { c }));
        } else {
            labels.push_str(value);
        }
        labels.push_str(";.;");
        Self(labels)
    }

    fn name(&self, metric: &str) -> String {
        let mut name = self.more(metric.len());
        name.push_str(metric);
        name
    }

    /// A copy that has room for this many bytes more.
    fn more(&self, bytes: usize) -> String {
        let mut copy = String::with_capacity(self.0.len() + bytes);
        copy.push_str(&self.0);
        copy
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
