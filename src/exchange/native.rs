//! Answers of upstreams that speak the Responses API themselves: counted, not touched.

use super::report::Report;
use super::{Clock, Outcome};
use crate::chat::Usage;
use crate::json::document::{Bounds, Document, Kind, Value};
use crate::json::wide;
use crate::sse::{Decoder, Frame};

/// Watches an answer go by.
pub struct Native {
    form: Form,
    event_bytes_max: usize,
    /// Whether the upstream knows the model by another name than the client.
    pub is_renamed: bool,
    /// Nothing more can be learned: it has ended, or is too large to be read.
    is_blind: bool,
    /// Whether all of it has gone by.
    is_over: bool,
    /// How it ended.
    end: Option<Ended>,
    /// When output first went by.
    first_output_ms: Option<u64>,
}

/// What the first bytes have shown the answer to be.
enum Form {
    Unknown,
    Events(Decoder),
    /// The response in one piece, as far as it has come.
    Whole(Vec<u8>),
}

/// What the end of a response tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `completed`, `incomplete` or `failed`, or a word of a later version of the API.
    pub status: String,
    /// Token counts, if there are any.
    pub usage: Option<Usage>,
}

impl Native {
    /// Nothing has gone by yet.
    pub fn new(event_bytes_max: usize, is_renamed: bool) -> Self {
        let form = Form::Unknown;
        Self {
            form,
            event_bytes_max,
            is_renamed,
            is_blind: false,
            is_over: false,
            end: None,
            first_output_ms: None,
        }
    }

    /// A piece of the body goes by.
    pub fn body(&mut self, chunk: &[u8], end_of_stream: bool, clock: Clock) {
        self.is_over |= end_of_stream;
        if self.is_blind {
            return;
        }
        if let (Form::Unknown, Some(first)) = (&self.form, chunk.trim_ascii_start().first()) {
            self.form = match first {
                b'{' => Form::Whole(Vec::new()),
                _ => Form::Events(Decoder::new(self.event_bytes_max)),
            };
        }
        let is_readable = match &mut self.form {
            Form::Unknown => true,
            Form::Whole(body) => {
                self.first_output_ms.get_or_insert_with(clock);
                body.extend_from_slice(chunk);
                if end_of_stream {
                    self.end = Ended::read(body, |response| Some(response));
                }
                body.len() <= self.event_bytes_max
            }
            Form::Events(decoder) => {
                let (end, first_output_ms) = (&mut self.end, &mut self.first_output_ms);
                let mut sink = |frame: Frame<'_>| {
                    let Frame::Data { event, data } = frame else { return };
                    if is_terminal(event, data) {
                        *end = Ended::read(data, |event| event.get("response"));
                    } else if first_output_ms.is_none() && is_delta(event, data) {
                        *first_output_ms = Some(clock());
                    }
                };
                decoder.push(chunk, &mut sink).is_ok()
                    && (!end_of_stream || decoder.finish(&mut sink).is_ok())
            }
        };
        self.is_blind = !is_readable || self.end.is_some();
        if self.is_blind {
            self.form = Form::Unknown;
        }
    }

    /// Puts what is known into a report.
    pub fn describe(&self, report: &mut Report) {
        report.first_output_ms = self.first_output_ms;
        let Some(end) = &self.end else {
            // What is too large to be read, or no response at all, has arrived all the same. Only a
            // stream shows that its end is missing.
            report.outcome = match self.form {
                _ if !self.is_over => Outcome::Aborted,
                Form::Events(_) => Outcome::Failed,
                Form::Unknown | Form::Whole(_) => Outcome::Completed,
            };
            return;
        };
        report.usage = end.usage;
        report.outcome = match end.status.as_str() {
            "incomplete" => Outcome::Incomplete,
            "failed" | "cancelled" => Outcome::Failed,
            _ => Outcome::Completed,
        };
    }
}

fn is_terminal(event: &[u8], data: &[u8]) -> bool {
    const NAMES: [&[u8]; 3] = [b"response.completed", b"response.incomplete", b"response.failed"];
    NAMES.iter().any(|name| event == *name || (event.is_empty() && begins(data, name)))
}

fn is_delta(event: &[u8], data: &[u8]) -> bool {
    event.ends_with(b".delta") || (event.is_empty() && begins(data, b".delta"))
}

/// Whether the name of the event stands in its first bytes, where every server writes it.
fn begins(data: &[u8], name: &[u8]) -> bool {
    let head = data.get(..96).unwrap_or(data);
    wide::find(head, name).is_some()
}

impl Ended {
    /// Reads a document, in which `response` finds the response; `None` when there is none.
    fn read(document: &[u8], response: fn(Value<'_>) -> Option<Value<'_>>) -> Option<Self> {
        let text = std::str::from_utf8(document).ok()?;
        let document = Document::parse(text, Bounds::USUAL).ok()?;
        let response = response(document.root()).filter(|value| value.kind() == Kind::Object)?;
        let status = response.get("status").and_then(Value::decoded).unwrap_or_default();
        let usage = response.get("usage").filter(|usage| usage.kind() == Kind::Object);
        Some(Self { status: status.into_owned(), usage: usage.map(counts) })
    }
}

fn counts(usage: Value<'_>) -> Usage {
    let count = |of: Option<Value<'_>>, name: &str| {
        of.and_then(|of| of.get(name)?.raw().parse().ok()).unwrap_or_default()
    };
    let (input, output) = (usage.get("input_tokens_details"), usage.get("output_tokens_details"));
    Usage {
        prompt_tokens: count(Some(usage), "input_tokens"),
        cached_tokens: count(input, "cached_tokens"),
        cache_write_tokens: 0,
        completion_tokens: count(Some(usage), "output_tokens"),
        reasoning_tokens: count(output, "reasoning_tokens"),
        total_tokens: count(Some(usage), "total_tokens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETED: &str = r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":2},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":12}}}"#;

    fn usage() -> Usage {
        Usage {
            prompt_tokens: 5,
            cached_tokens: 2,
            cache_write_tokens: 0,
            completion_tokens: 7,
            reasoning_tokens: 3,
            total_tokens: 12,
        }
    }

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        let stream = format!(
            "event: response.output_text.delta\ndata: {{\"delta\":\"x\"}}\n\ndata: {COMPLETED}\n\n"
        );
        for size in [1, 7, stream.len()] {
            let mut native = Native::new(1 << 20, false);
            for chunk in stream.as_bytes().chunks(size) {
                native.body(chunk, false, || 1);
            }
            native.body(b"", true, || 2);
            let ended = Ended { status: "completed".to_owned(), usage: Some(usage()) };
            assert_eq!(native.end, Some(ended));
            assert_eq!(native.first_output_ms, Some(1));
        }
    }

    #[test]
    fn a_whole_response_is_read_and_one_too_large_is_let_go() {
        let whole = COMPLETED.split_once("\"response\":").unwrap().1.strip_suffix('}').unwrap();
        let mut native = Native::new(1 << 20, false);
        native.body(whole.as_bytes(), true, || 3);
        assert_eq!(native.end.unwrap().usage, Some(usage()));
        let mut native = Native::new(16, false);
        native.body(whole.as_bytes(), false, || 3);
        native.body(b"{}", true, || 4);
        assert_eq!(native.end, None);
    }

    #[test]
    fn counts_that_are_null_are_none() {
        let body = r#"{"status":"completed","usage":{"input_tokens":5,"input_tokens_details":null,
            "output_tokens":7,"output_tokens_details":{"reasoning_tokens":null},"total_tokens":12}}"#;
        let mut native = Native::new(1 << 20, false);
        native.body(body.as_bytes(), true, || 3);
        let counted = Usage { cached_tokens: 0, reasoning_tokens: 0, ..usage() };
        assert_eq!(native.end.unwrap().usage, Some(counted));
    }

    #[test]
    fn without_an_end_only_a_whole_stream_is_a_failure() {
        let outcome = |limit: usize, body: &str, is_over: bool| {
            let mut native = Native::new(limit, false);
            native.body(body.as_bytes(), false, || 3);
            if is_over {
                native.body(b"", true, || 4);
            }
            let mut report = Report::default();
            native.describe(&mut report);
            report.outcome
        };
        let event = "data: {\"type\":\"response.created\"}\n\n";
        for (limit, body, is_over, expected) in [
            (99, event, true, Outcome::Failed),
            (99, event, false, Outcome::Aborted),
            (9, event, true, Outcome::Completed),
            (9, "{\"status\": \"completed\"}", true, Outcome::Completed),
            (9, "{\"status\": \"completed\"}", false, Outcome::Aborted),
            (99, "{\"cut", true, Outcome::Completed),
            (99, "", true, Outcome::Completed),
        ] {
            assert_eq!(outcome(limit, body, is_over), expected, "{limit} {body} {is_over}");
        }
    }
}
