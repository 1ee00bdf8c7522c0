//! The Response object.

use crate::chat;
use crate::json::{self, Object};

/// What stays the same in every snapshot of one response.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// `resp_…`
    pub id: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// The model as the client named it.
    pub model: String,
    /// The members that repeat the request, as JSON without braces.
    pub echo: String,
}

/// Where a response stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Being made.
    InProgress,
    /// Whole.
    Completed,
    /// Cut; the reason is one of the API's words.
    Incomplete(IncompleteReason),
    /// Broken.
    Failed {
        /// The code that clients act on; a string, never a number.
        code: String,
        /// What happened.
        message: String,
    },
}

/// Why a response is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncompleteReason {
    /// A content filter cut it.
    ContentFilter,
    /// A token limit cut it.
    MaxOutputTokens,
}

impl IncompleteReason {
    /// The word of the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ContentFilter => "content_filter",
            Self::MaxOutputTokens => "max_output_tokens",
        }
    }
}

/// What changes from snapshot to snapshot.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// Where the response stands.
    pub status: &'a Status,
    /// Seconds since 1970, once the response is completed.
    pub completed_at: Option<u64>,
    /// The finished items: JSON, separated by commas.
    pub output: &'a [u8],
    /// Token counts, once they are known.
    pub usage: Option<&'a chat::Usage>,
    /// The tier that served the request.
    pub service_tier: &'a str,
}

impl Response {
    /// Appends the Response object to `out`: all keys of the API reference in every snapshot, since
    /// strict clients check them in `response.created` too.
    pub fn write(&self, snapshot: &Snapshot<'_>, out: &mut Vec<u8>) {
        json::object(out, |response| {
            response.str("id", &self.id);
            response.str("object", "response");
            response.number("created_at", self.created_at);
            match snapshot.completed_at {
                Some(at) => response.number("completed_at", at),
                None => response.null("completed_at"),
            }
            write_status(snapshot.status, response);
            response.str("model", &self.model);
            response.array("output", |output| {
                if !snapshot.output.is_empty() {
                    output.raw(snapshot.output);
                }
            });
            response.members(self.echo.as_bytes());
            response.str("service_tier", snapshot.service_tier);
            match snapshot.usage {
                Some(usage) => write_usage(usage, response),
                None => response.null("usage"),
            }
        });
    }
}

fn write_status(status: &Status, response: &mut Object<'_>) {
    let word = match status {
        Status::InProgress => "in_progress",
        Status::Completed => "completed",
        Status::Incomplete(_) => "incomplete",
        Status::Failed { .. } => "failed",
    };
    response.str("status", word);
    match status {
        Status::Failed { code, message } => response.object("error", |error| {
            error.str("code", code);
            error.str("message", message);
        }),
        Status::InProgress | Status::Completed | Status::Incomplete(_) => response.null("error"),
    }
    match status {
        Status::Incomplete(reason) => response.object("incomplete_details", |details| {
            details.str("reason", reason.word());
        }),
        Status::InProgress | Status::Completed | Status::Failed { .. } => {
            response.null("incomplete_details");
        }
    }
}

/// Writes `usage` whole: clients fail on details without their numbers (measured with Codex).
pub fn write_usage(usage: &chat::Usage, response: &mut Object<'_>) {
    response.object("usage", |object| {
        object.number("input_tokens", usage.prompt_tokens);
        object.object("input_tokens_details", |details| {
            details.number("cached_tokens", usage.cached_tokens);
            details.number("cache_write_tokens", usage.cache_write_tokens);
        });
        object.number("output_tokens", usage.completion_tokens);
        object.object("output_tokens_details", |details| {
            details.number("reasoning_tokens", usage.reasoning_tokens);
        });
        object.number("total_tokens", usage.total_tokens);
    });
}
