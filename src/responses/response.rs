//! The Response object.

use super::event::Carried;
use crate::chat;
use crate::json::{self, Object};

/// What is known of a response besides its output.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// `resp_…`
    pub id: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// The model as the client named it.
    pub model: String,
    /// The members that repeat the request, as JSON without braces, in one line.
    pub echo: Vec<u8>,
    /// The tier that serves the request.
    pub service_tier: String,
    /// Where it stands.
    pub status: Status,
    /// Token counts, as far as they are known. Clients get them with the end.
    pub usage: Option<chat::Usage>,
}

/// Where a response stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Being made.
    #[default]
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

/// A Response object as it is told at one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// What it tells.
    pub response: &'a Response,
    /// Seconds since 1970, once the response is completed.
    pub completed_at: Option<u64>,
    /// The finished items: JSON in one line, separated by commas.
    pub output: &'a [u8],
}

impl Carried for Snapshot<'_> {
    /// All keys of the API reference in every snapshot, since strict clients check them in
    /// `response.created` too.
    fn write(&self, out: &mut Vec<u8>) {
        let Self { response, completed_at, output } = self;
        out.reserve(response.echo.len() + output.len() + 512);
        json::object(out, |object| {
            object.plain("id", &response.id);
            object.members(br#""object":"response""#);
            object.number("created_at", response.created_at);
            match completed_at {
                Some(at) => object.number("completed_at", *at),
                None => object.null("completed_at"),
            }
            write_status(&response.status, object);
            object.str("model", &response.model);
            object.array("output", |list| {
                if !output.is_empty() {
                    list.raw(output);
                }
            });
            object.members(&response.echo);
            object.str("service_tier", &response.service_tier);
            match response.usage.as_ref().filter(|_| response.status != Status::InProgress) {
                Some(usage) => write_usage(usage, object),
                None => object.null("usage"),
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
    response.plain("status", word);
    match status {
        Status::InProgress | Status::Completed => {
            response.members(br#""error":null,"incomplete_details":null"#);
        }
        Status::Failed { code, message } => {
            response.object("error", |error| {
                error.str("code", code);
                error.str("message", message);
            });
            response.null("incomplete_details");
        }
        Status::Incomplete(reason) => {
            response.null("error");
            response.object("incomplete_details", |details| {
                details.plain("reason", reason.word());
            });
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
