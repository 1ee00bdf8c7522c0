//! News from an upstream, without its dialect: what the translation is made of.

use crate::chat;
use crate::error::ApiError;
use crate::json::JsonText;

/// News from an upstream, free of its dialect. Made by [`super::deltas::Reader`].
#[derive(Debug)]
pub enum Delta<'a> {
    /// A piece of the answer.
    Text(JsonText<'a>),
    /// A piece of the model's reasoning.
    Reasoning(JsonText<'a>),
    /// A piece of a refusal.
    Refusal(JsonText<'a>),
    /// A piece of a tool call.
    ToolCall(ToolCallDelta<'a>),
    /// Reasoning in an opaque form that must go back to the upstream as it came: one element of
    /// `reasoning_details`, or a signature. JSON.
    ReasoningDetail(&'a str),
    /// The field in which reasoning arrives, such as `reasoning_content`; said once, before the
    /// first piece of reasoning.
    ReasoningField(&'static str),
    /// An annotation of the text so far: a `url_citation` with `url`, `title`, `start_index` and
    /// `end_index`, whatever its form was. JSON.
    Annotation(&'a str),
    /// The log probabilities of the text piece that follows: a JSON list of tokens. They come first,
    /// because they leave in the same event as the text.
    Logprobs(&'a str),
    /// A generated image: a data URL or URL.
    Image(JsonText<'a>),
    /// The model the upstream says it used.
    Model(JsonText<'a>),
    /// The service tier the upstream says it used.
    ServiceTier(JsonText<'a>),
    /// Why the model stopped. May come more than once; the last one counts, and it ends nothing.
    Finish(chat::FinishReason),
    /// Token counts so far. The last one counts.
    Usage(chat::Usage),
    /// The upstream says that it failed.
    Failed(ApiError),
}

/// A piece of a tool call.
#[derive(Debug, Default)]
pub struct ToolCallDelta<'a> {
    /// Which call of this answer: 0 for the first, in order of arrival.
    pub slot: usize,
    /// The upstream's id, only in the piece in which it became known.
    pub id: Option<JsonText<'a>>,
    /// The whole name so far, only in pieces in which it changed.
    pub name: Option<String>,
    /// The next piece of the arguments: JSON text, itself carried inside a JSON string.
    pub arguments: JsonText<'a>,
    /// Opaque members of the call that must go back with it (`extra_content` with a thought
    /// signature). JSON.
    pub extra: Option<&'a str>,
}
