//! A Responses request becomes a Chat Completions request.

use crate::config::{Limits, Strictness};
use crate::dialect::Dialect;
use crate::error::{ApiError, Class};

use super::tools::ToolTable;

/// The endpoint the client called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST …/responses`.
    Responses,
    /// `POST …/responses/compact`.
    Compact,
}

/// What the answer is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A response like any other.
    Respond,
    /// The input ended with a `compaction_trigger`: the text of the answer becomes one `compaction`
    /// item and nothing else is put out.
    CompactionItem,
    /// The answer is a `response.compaction` object.
    CompactEndpoint,
}

/// What a translation depends on besides the request.
pub struct Context<'a> {
    /// How the upstream differs.
    pub dialect: &'a Dialect,
    /// Limits on what is read.
    pub limits: &'a Limits,
    /// What happens to what Chat Completions cannot express.
    pub strictness: Strictness,
    /// The endpoint the client called.
    pub endpoint: Endpoint,
    /// The upstream's name for a model of the client.
    pub model: &'a dyn Fn(&str) -> String,
}

/// The members of a Response object that repeat the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// The members as JSON, separated by commas, without the braces around them.
    pub json: String,
    /// `service_tier` as long as the upstream has not named one; never `auto`.
    pub service_tier: String,
}

/// A translated request.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The body for the upstream.
    pub chat: Vec<u8>,
    /// The model as the client named it.
    pub model: String,
    /// The model as the upstream was asked for it.
    pub upstream_model: String,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Whether the upstream was asked to stream.
    pub upstream_stream: bool,
    /// The tools the upstream was told about.
    pub tools: ToolTable,
    /// What the Response object repeats of the request.
    pub echo: Echo,
    /// What the answer is to become.
    pub task: Task,
    /// Whether the client wants log probabilities with the text.
    pub include_logprobs: bool,
    /// Whether the client wants `encrypted_content` on reasoning items.
    pub include_encrypted_reasoning: bool,
    /// What was dropped: names from the documented table, `other` for what it does not know; each
    /// once, in order of appearance.
    pub dropped: Vec<&'static str>,
}

/// Translates the body of a request.
///
/// # Errors
/// A failure of the client's request that names the field at fault.
pub fn request(body: &[u8], context: &Context<'_>) -> Result<Translated, ApiError> {
    let _ = (body, context);
    Err(ApiError::new(Class::Server, "requests are not translated yet"))
}
