//! Answers that the filter makes itself.

use super::{Headers, header};
use crate::error::ApiError;

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

/// Headers of an upstream that help the client: what to quote and when to come back.
const KEPT: [&str; 7] = [
    "x-request-id",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];

impl Reply {
    /// An error in OpenAI's shape.
    pub fn error(error: &ApiError) -> Self {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(seconds) = error.retry_after_s {
            headers.push(("retry-after", seconds.to_string()));
        }
        Self { status: error.status(), headers, body: error.to_json() }
    }

    /// An error in OpenAI's shape for one that an upstream sent with these headers.
    pub fn upstream_error(error: &ApiError, upstream: &Headers<'_>) -> Self {
        let mut reply = Self::error(error);
        reply.headers.extend(Self::kept(upstream));
        reply
    }

    /// Those headers of an upstream that an answer made here keeps.
    pub fn kept(upstream: &Headers<'_>) -> impl Iterator<Item = (&'static str, String)> {
        KEPT.iter().filter_map(|name| Some((*name, header(upstream, name)?.to_owned())))
    }
}
