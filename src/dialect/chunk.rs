//! One event as it comes: the API's chunk or completion, with the members beside it that only some
//! upstreams send.

use crate::chat::lenient::members;
use crate::json::document::Kind;

members! {
    /// One event of a stream, a whole completion, or what came in its place.
    ///
    /// The fields behind `service_tier` are not of the API: errors and the native answers of upstreams
    /// whose other endpoint was reached.
    pub struct Chunk {
        /// `chat.completion.chunk`, `chat.completion`, `error`.
        pub object,
        /// The model that answers.
        pub model,
        /// What the model said, of which only the first choice is kept.
        pub choices,
        /// Token counts.
        pub usage,
        /// The service tier that answers.
        pub service_tier,
        /// Groq's envelope of `usage`: [`Groq`].
        pub x_groq,
        /// URLs the text rests on.
        pub citations,
        /// The same with titles.
        pub search_results,
        /// What went wrong.
        pub error,
        /// The kind of a flat error.
        pub kind("type"),
        /// Text of a flat error, or the message of a native answer.
        pub message,
        /// Text of a flat error.
        pub detail,
        /// A list of errors.
        pub errors,
        /// A status beside the answer: [`BaseResp`].
        pub base_resp,
        /// An envelope around the answer.
        pub result,
        /// Text of a native answer.
        pub response,
        /// The calls of a native answer.
        pub tool_calls,
        /// Whether a native answer has ended.
        pub done,
        /// Why a native answer has ended.
        pub done_reason,
    }

    /// What Groq puts beside its answers.
    pub struct Groq {
        /// Token counts.
        pub usage,
        /// What went wrong.
        pub error,
    }

    /// A status beside the answer.
    pub struct BaseResp {
        /// 0 when all is well.
        pub status_code,
    }
}

impl Chunk<'_> {
    /// Whether there is a list of choices, empty or not.
    pub fn is_completion(&self) -> bool {
        let kind = self.choices.map(|choices| choices.kind());
        matches!(kind, Some(Kind::Array | Kind::Object))
    }
}
