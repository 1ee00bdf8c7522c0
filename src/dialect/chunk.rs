//! One event as it comes: the API's chunk or completion, with the members beside it that only some
//! upstreams send.

use crate::chat::lenient::Raw;
use crate::chat::response::Choices;

/// One event of a stream, a whole completion, or what came in its place.
///
/// The fields behind `service_tier` are not of the API: errors and the native answers of upstreams
/// whose other endpoint was reached.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Chunk<'a> {
    /// `chat.completion.chunk`, `chat.completion`, `error`.
    #[serde(borrow)]
    pub object: Raw<'a>,
    /// The model that answers.
    #[serde(borrow)]
    pub model: Raw<'a>,
    /// What the model said, of which only the first choice is kept.
    #[serde(borrow, default)]
    pub choices: Choices<'a>,
    /// Token counts.
    #[serde(borrow)]
    pub usage: Raw<'a>,
    /// The service tier that answers.
    #[serde(borrow)]
    pub service_tier: Raw<'a>,
    /// Groq's envelope of `usage`: [`Groq`].
    #[serde(borrow)]
    pub x_groq: Raw<'a>,
    /// URLs the text rests on.
    #[serde(borrow)]
    pub citations: Raw<'a>,
    /// The same with titles.
    #[serde(borrow)]
    pub search_results: Raw<'a>,
    /// What went wrong.
    #[serde(borrow)]
    pub error: Raw<'a>,
    /// The kind of a flat error.
    #[serde(borrow, rename = "type")]
    pub kind: Raw<'a>,
    /// Text of a flat error, or the message of a native answer.
    #[serde(borrow)]
    pub message: Raw<'a>,
    /// Text of a flat error.
    #[serde(borrow)]
    pub detail: Raw<'a>,
    /// A list of errors.
    #[serde(borrow)]
    pub errors: Raw<'a>,
    /// A status beside the answer: [`BaseResp`].
    #[serde(borrow)]
    pub base_resp: Raw<'a>,
    /// An envelope around the answer.
    #[serde(borrow)]
    pub result: Raw<'a>,
    /// Text of a native answer.
    #[serde(borrow)]
    pub response: Raw<'a>,
    /// The calls of a native answer.
    #[serde(borrow)]
    pub tool_calls: Raw<'a>,
    /// Whether a native answer has ended.
    #[serde(borrow)]
    pub done: Raw<'a>,
    /// Why a native answer has ended.
    #[serde(borrow)]
    pub done_reason: Raw<'a>,
}

/// What Groq puts beside its answers.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Groq<'a> {
    /// Token counts.
    #[serde(borrow)]
    pub usage: Raw<'a>,
    /// What went wrong.
    #[serde(borrow)]
    pub error: Raw<'a>,
}

/// A status beside the answer.
#[derive(Debug, Default, serde::Deserialize)]
pub struct BaseResp<'a> {
    /// 0 when all is well.
    #[serde(borrow)]
    pub status_code: Raw<'a>,
}
