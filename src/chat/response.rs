//! What Chat Completions upstreams send.
//!
//! Every field is optional and unread until somebody asks: upstreams disagree about the type of
//! nearly all of them. What is rare stays raw, so that the structs of the frequent chunk stay small.

use super::lenient::{Raw, members, object, objects};

/// Why the model stopped, whatever word the upstream used for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// A content filter cut the answer.
    ContentFilter,
    /// The context window was full (`model_context_window_exceeded`).
    ContextWindow,
    /// The token limit cut the answer.
    Length,
    /// The answer is whole: `stop`, `tool_calls` and their synonyms.
    Stop,
    /// A word of no known meaning; the answer is whole if there is any.
    Unknown,
}

/// Token counts of one answer, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that came from a cache.
    pub cached_tokens: u64,
    /// Tokens of the prompt that were written to a cache.
    pub cache_write_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: u64,
    /// Tokens of the answer that were reasoning.
    pub reasoning_tokens: u64,
    /// Prompt and completion together.
    pub total_tokens: u64,
}

members! {
    /// One choice of a chunk or a completion.
    pub struct Choice {
        /// Which of the choices.
        pub index,
        /// What is new.
        pub delta,
        /// Everything there is: a [`Message`].
        pub message,
        /// Text in the manner of the older completions endpoint.
        pub text,
        /// Why the model stopped.
        pub finish_reason,
        /// Log probabilities of the text: [`Logprobs`].
        pub logprobs,
        /// Token counts, where some upstreams put them.
        pub usage,
        /// What went wrong.
        pub error,
    }

    /// A message, or the new part of one.
    pub struct Message {
        /// Text, or a list of parts.
        pub content,
        /// Reasoning, by its most frequent name.
        pub reasoning_content,
        /// Reasoning.
        pub reasoning,
        /// Reasoning.
        pub reasoning_text,
        /// Reasoning, in native answers.
        pub thinking,
        /// Reasoning in parts, some of them opaque.
        pub reasoning_details,
        /// A list of [`ToolCall`].
        pub tool_calls,
        /// The one call of the older API: a [`Function`].
        pub function_call,
        /// A refusal.
        pub refusal,
        /// Sound, of which only the transcript is read: [`Audio`].
        pub audio,
        /// Generated images.
        pub images,
        /// Annotations of the text.
        pub annotations,
    }

    /// A tool call, or the new part of one.
    pub struct ToolCall {
        /// Which call.
        pub index,
        /// Its id.
        pub id,
        /// Name and arguments.
        pub function,
        /// The name, where there is no `function` around it.
        pub name,
        /// The arguments, where there is no `function` around them.
        pub arguments,
        /// Opaque; must go back with the call.
        pub extra_content,
        /// Opaque; must go back with the call.
        pub provider_specific_fields,
        /// Opaque; must go back with the call.
        pub thought_signature,
    }

    /// Name and arguments of a call.
    pub struct Function {
        /// The name, or a piece of it.
        pub name,
        /// The arguments: a piece of JSON text in a string, or the object itself.
        pub arguments,
    }

    /// Log probabilities.
    pub struct Logprobs {
        /// One element per token of the text.
        pub content,
    }

    /// Sound.
    pub struct Audio {
        /// What is said.
        pub transcript,
    }
}

impl<'d> Choice<'d> {
    /// The first of the choices: the one with index 0 or none.
    pub fn first(choices: Raw<'d>) -> Option<Self> {
        objects(choices).filter_map(|choice| object(Some(choice))).find(Self::is_first)
    }

    fn is_first(&self) -> bool {
        self.index.is_none_or(|index| index.raw().trim_matches('"') == "0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::document::{Bounds, Document};

    const BOUNDS: Bounds = Bounds { depth_max: 9, values_max: 99 };

    fn text(json: &str) -> Option<String> {
        let document = Document::parse(json, BOUNDS).unwrap();
        Some(Choice::first(Some(document.root()))?.text?.raw().to_owned())
    }

    #[test]
    fn w4_the_first_choice_is_the_one_with_index_0_or_none() {
        for (json, expected) in [
            (r#"[{"index":1,"text":1},{"index":0,"text":2}]"#, Some("2")),
            (r#"[{"text":1},{"text":2}]"#, Some("1")),
            (r#"[{"index":"0","text":1}]"#, Some("1")),
            (r#"[{"index":1,"text":1}]"#, None),
            (r#"[null,7,{"text":1}]"#, Some("1")),
            (r#"{"index":0,"text":1}"#, Some("1")),
            ("null", None),
            ("\"x\"", None),
        ] {
            assert_eq!(text(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn w4_members_of_unexpected_kinds_are_absent() {
        let json = r#"[{"delta":[],"message":null,"logprobs":7,"finish_reason":null}]"#;
        let document = Document::parse(json, BOUNDS).unwrap();
        let choice = Choice::first(Some(document.root())).unwrap();
        assert!(object::<Message<'_>>(choice.delta).is_none() && choice.message.is_none());
        assert!(choice.logprobs.is_some() && choice.finish_reason.is_none());
    }
}
