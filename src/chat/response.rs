//! What Chat Completions upstreams send.
//!
//! Every field is optional and unread until somebody asks: upstreams disagree about the type of
//! nearly all of them. What is rare stays raw, so that the structs of the frequent chunk stay small.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use super::lenient::{self, Lenient, Maybe, Raw};

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

/// The first of the choices, the one with index 0 or none.
#[derive(Debug, Default)]
pub struct Choices<'a> {
    /// Whether there is a list, empty or not.
    pub listed: bool,
    /// The first choice.
    pub first: Option<Choice<'a>>,
}

/// One choice of a chunk or a completion.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Choice<'a> {
    /// Which of the choices.
    #[serde(borrow)]
    pub index: Raw<'a>,
    /// What is new.
    #[serde(borrow, default)]
    pub delta: Maybe<Message<'a>>,
    /// Everything there is: a [`Message`].
    #[serde(borrow)]
    pub message: Raw<'a>,
    /// Text in the manner of the older completions endpoint.
    #[serde(borrow)]
    pub text: Raw<'a>,
    /// Why the model stopped.
    #[serde(borrow)]
    pub finish_reason: Raw<'a>,
    /// Log probabilities of the text: [`Logprobs`].
    #[serde(borrow)]
    pub logprobs: Raw<'a>,
    /// Token counts, where some upstreams put them.
    #[serde(borrow)]
    pub usage: Raw<'a>,
    /// What went wrong.
    #[serde(borrow)]
    pub error: Raw<'a>,
}

/// A message, or the new part of one.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Message<'a> {
    /// Text, or a list of parts.
    #[serde(borrow)]
    pub content: Raw<'a>,
    /// Reasoning, by its most frequent name.
    #[serde(borrow)]
    pub reasoning_content: Raw<'a>,
    /// Reasoning.
    #[serde(borrow)]
    pub reasoning: Raw<'a>,
    /// Reasoning.
    #[serde(borrow)]
    pub reasoning_text: Raw<'a>,
    /// Reasoning, in native answers.
    #[serde(borrow)]
    pub thinking: Raw<'a>,
    /// Reasoning in parts, some of them opaque.
    #[serde(borrow)]
    pub reasoning_details: Raw<'a>,
    /// A list of [`ToolCall`].
    #[serde(borrow)]
    pub tool_calls: Raw<'a>,
    /// The one call of the older API: a [`Function`].
    #[serde(borrow)]
    pub function_call: Raw<'a>,
    /// A refusal.
    #[serde(borrow)]
    pub refusal: Raw<'a>,
    /// Sound, of which only the transcript is read: [`Audio`].
    #[serde(borrow)]
    pub audio: Raw<'a>,
    /// Generated images.
    #[serde(borrow)]
    pub images: Raw<'a>,
    /// Annotations of the text.
    #[serde(borrow)]
    pub annotations: Raw<'a>,
}

/// A tool call, or the new part of one.
#[derive(Debug, Default, serde::Deserialize)]
pub struct ToolCall<'a> {
    /// Which call.
    #[serde(borrow)]
    pub index: Raw<'a>,
    /// Its id.
    #[serde(borrow)]
    pub id: Raw<'a>,
    /// Name and arguments.
    #[serde(borrow, default)]
    pub function: Maybe<Function<'a>>,
    /// The name, where there is no `function` around it.
    #[serde(borrow)]
    pub name: Raw<'a>,
    /// The arguments, where there is no `function` around them.
    #[serde(borrow)]
    pub arguments: Raw<'a>,
    /// Opaque; must go back with the call.
    #[serde(borrow)]
    pub extra_content: Raw<'a>,
    /// Opaque; must go back with the call.
    #[serde(borrow)]
    pub provider_specific_fields: Raw<'a>,
    /// Opaque; must go back with the call.
    #[serde(borrow)]
    pub thought_signature: Raw<'a>,
}

/// Name and arguments of a call.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
pub struct Function<'a> {
    /// The name, or a piece of it.
    #[serde(borrow)]
    pub name: Raw<'a>,
    /// The arguments: a piece of JSON text in a string, or the object itself.
    #[serde(borrow)]
    pub arguments: Raw<'a>,
}

/// Log probabilities.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Logprobs<'a> {
    /// One element per token of the text.
    #[serde(borrow)]
    pub content: Raw<'a>,
}

/// Sound.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Audio<'a> {
    /// What is said.
    #[serde(borrow)]
    pub transcript: Raw<'a>,
}

impl<'a> Choice<'a> {
    /// True for the choice that counts when several were asked for.
    fn is_first(&self) -> bool {
        self.index.is_none_or(|index| index.get().trim_matches('"') == "0")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

impl<'de: 'a, 'a> Lenient<'de> for Choices<'a> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let first = Choice::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self { listed: true, first: Some(first).filter(Choice::is_first) })
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut first = None;
        while first.is_none() {
            let Some(Maybe(choice)) = seq.next_element::<Maybe<Choice<'a>>>()? else { break };
            first = choice.filter(Choice::is_first);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self { listed: true, first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<&str> {
        let choices: Choices<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(choices.listed, json.starts_with(['[', '{']));
        Some(choices.first?.text?.get())
    }

    #[test]
    fn w4_the_first_choice_is_the_one_with_index_0_or_none() {
        assert_eq!(text(r#"[{"index":1,"text":1},{"index":0,"text":2}]"#), Some("2"));
        assert_eq!(text(r#"[{"text":1},{"text":2}]"#), Some("1"));
        assert_eq!(text(r#"[{"index":"0","text":1}]"#), Some("1"));
        assert_eq!(text(r#"[{"index":1,"text":1}]"#), None);
        assert_eq!(text(r#"[null,7,{"text":1}]"#), Some("1"));
        assert_eq!(text(r#"{"index":0,"text":1}"#), Some("1"));
        assert_eq!(text("null"), None);
        assert_eq!(text("\"x\""), None);
    }

    #[test]
    fn w4_members_of_unexpected_kinds_are_absent() {
        let json = r#"[{"delta":[],"message":null,"logprobs":7,"finish_reason":null}]"#;
        let choice = serde_json::from_str::<Choices<'_>>(json).unwrap().first.unwrap();
        assert!(choice.delta.0.is_none() && choice.message.is_none());
        assert!(choice.logprobs.is_some() && choice.finish_reason.is_none());
    }
}
