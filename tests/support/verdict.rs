//! What an answer is, once the oracles have found nothing wrong with it.

use serde_json::Value;

use super::drive::{Answer, header};
use super::grammar::{self, Stream};
use super::schema::Violation;
use super::summary::Summary;

/// An answer in one of its three legal forms.
#[derive(Debug)]
pub enum Verdict {
    /// A stream of events.
    Stream(Box<Stream>),
    /// One Response object.
    Response(Value),
    /// The answer of `POST /responses/compact`.
    Compaction(Value),
    /// An error over HTTP.
    Error { status: u16, body: Value },
}

/// Holds an answer against the oracle that its status and content type call for.
pub fn verdict(answer: &Answer) -> Result<Verdict, Violation> {
    let body = answer.body();
    let kind = header(&answer.headers, "content-type").unwrap_or_default();
    match (answer.status, kind) {
        (200, "text/event-stream; charset=utf-8") => {
            grammar::check(&body).map(|stream| Verdict::Stream(Box::new(stream)))
        }
        // The compact endpoint has no other way to fail once the status line is gone.
        (200, "application/json") if is_error(&body) => {
            grammar::check_error(&body).map(|body| Verdict::Error { status: answer.status, body })
        }
        (200, "application/json") if is_compaction(&body) => {
            grammar::check_compaction(&body).map(Verdict::Compaction)
        }
        (200, "application/json") => grammar::check_response(&body).map(Verdict::Response),
        (400.., "application/json") => {
            grammar::check_error(&body).map(|body| Verdict::Error { status: answer.status, body })
        }
        (status, kind) => Err(Violation {
            rule: "answer",
            detail: format!("status {status} with content type {kind:?}"),
        }),
    }
}

fn is_error(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"].is_object() && body["object"].is_null()
}

fn is_compaction(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["object"] == "response.compaction"
}

impl Verdict {
    /// What the answer amounts to; an HTTP error counts as failed.
    pub fn summary(&self) -> Summary {
        match self {
            Self::Stream(stream) => stream.summary.clone(),
            Self::Response(response) | Self::Compaction(response) => Summary::of_response(response),
            Self::Error { body, .. } => Summary {
                terminal: format!("failed:{}", body["error"]["code"].as_str().unwrap_or("?")),
                ..Summary::default()
            },
        }
    }

    /// The final Response, unless there is none.
    pub fn response(&self) -> Option<&Value> {
        match self {
            Self::Stream(stream) => Some(&stream.response),
            Self::Response(response) | Self::Compaction(response) => Some(response),
            Self::Error { .. } => None,
        }
    }

    /// The error, wherever the answer carries it.
    pub fn error(&self) -> Option<&Value> {
        let error = match self {
            Self::Stream(stream) => &stream.response["error"],
            Self::Response(response) | Self::Compaction(response) => &response["error"],
            Self::Error { body, .. } => &body["error"],
        };
        (!error.is_null()).then_some(error)
    }
}
