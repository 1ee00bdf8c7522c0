//! What Chat Completions upstreams send.
//!
//! Every field is optional and unread until somebody asks: upstreams disagree about the type of
//! nearly all of them, and one odd value must not cost the rest of its event. [`Maybe`] and
//! [`Several`] take what is there in the expected shape and nothing else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

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

/// A JSON value as it came; `null` counts as absent.
pub type Raw<'a> = Option<&'a RawValue>;

/// One event of a stream, a whole completion, or what came in its place.
///
/// The fields behind `service_tier` are not of the API: errors and the native answers of upstreams
/// whose other endpoint was reached.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Chunk<'a> {
    /// `chat.completion.chunk`, `chat.completion`, `error`.
    #[serde(borrow)]
    pub object: Raw<'a>,
    /// The model that answers.
    #[serde(borrow)]
    pub model: Raw<'a>,
    /// What the model said, of which only the first choice is kept.
    #[serde(borrow)]
    pub choices: Choices<'a>,
    /// Token counts.
    #[serde(borrow)]
    pub usage: Raw<'a>,
    /// The service tier that answers.
    #[serde(borrow)]
    pub service_tier: Raw<'a>,
    /// Groq's envelope of `usage`.
    #[serde(borrow)]
    pub x_groq: Maybe<Usages<'a>>,
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
    /// A status beside the answer.
    #[serde(borrow)]
    pub base_resp: Maybe<BaseResp<'a>>,
    /// An envelope around the answer.
    #[serde(borrow)]
    pub result: Raw<'a>,
    /// Text of a native answer.
    #[serde(borrow)]
    pub response: Raw<'a>,
    /// Calls of a native answer.
    #[serde(borrow)]
    pub tool_calls: Several<ToolCall<'a>>,
    /// Whether a native answer has ended.
    #[serde(borrow)]
    pub done: Raw<'a>,
    /// Why a native answer has ended.
    #[serde(borrow)]
    pub done_reason: Raw<'a>,
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
#[serde(default)]
pub struct Choice<'a> {
    /// Which of the choices.
    #[serde(borrow)]
    pub index: Raw<'a>,
    /// What is new.
    #[serde(borrow)]
    pub delta: Maybe<Message<'a>>,
    /// Everything there is.
    #[serde(borrow)]
    pub message: Maybe<Message<'a>>,
    /// Text in the manner of the older completions endpoint.
    #[serde(borrow)]
    pub text: Raw<'a>,
    /// Why the model stopped.
    #[serde(borrow)]
    pub finish_reason: Raw<'a>,
    /// Log probabilities of the text.
    #[serde(borrow)]
    pub logprobs: Maybe<Logprobs<'a>>,
    /// Token counts, where some upstreams put them.
    #[serde(borrow)]
    pub usage: Raw<'a>,
    /// What went wrong.
    #[serde(borrow)]
    pub error: Raw<'a>,
}

/// A message, or the new part of one.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
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
    /// Tool calls.
    #[serde(borrow)]
    pub tool_calls: Several<ToolCall<'a>>,
    /// The one call of the older API.
    #[serde(borrow)]
    pub function_call: Maybe<Function<'a>>,
    /// A refusal.
    #[serde(borrow)]
    pub refusal: Raw<'a>,
    /// Sound, of which only the transcript is read.
    #[serde(borrow)]
    pub audio: Maybe<Audio<'a>>,
    /// Generated images.
    #[serde(borrow)]
    pub images: Raw<'a>,
    /// Annotations of the text.
    #[serde(borrow)]
    pub annotations: Raw<'a>,
}

/// A tool call, or the new part of one.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ToolCall<'a> {
    /// Which call.
    #[serde(borrow)]
    pub index: Raw<'a>,
    /// Its id.
    #[serde(borrow)]
    pub id: Raw<'a>,
    /// Name and arguments.
    #[serde(borrow)]
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
#[serde(default)]
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
#[serde(default)]
pub struct Logprobs<'a> {
    /// One element per token of the text.
    #[serde(borrow)]
    pub content: Raw<'a>,
}

/// Sound.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Audio<'a> {
    /// What is said.
    #[serde(borrow)]
    pub transcript: Raw<'a>,
}

/// An envelope of token counts.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Usages<'a> {
    /// Token counts.
    #[serde(borrow)]
    pub usage: Raw<'a>,
    /// What went wrong.
    #[serde(borrow)]
    pub error: Raw<'a>,
}

/// A status beside the answer.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct BaseResp<'a> {
    /// 0 when all is well.
    #[serde(borrow)]
    pub status_code: Raw<'a>,
}

/// An object, or nothing when the value is of another kind: `null`, `[]`, a string.
#[derive(Clone, Copy, Debug)]
pub struct Maybe<T>(pub Option<T>);

/// The objects of a list, or nothing when the value is no list. One object costs no allocation.
#[derive(Debug)]
pub struct Several<T> {
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new() }
    }
}

impl<T> Several<T> {
    /// The objects in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    /// True when there is no object.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl<'a> Choice<'a> {
    /// True for the choice that counts when several were asked for.
    fn is_first(&self) -> bool {
        self.index.is_none_or(|index| index.get().trim_matches('"') == "0")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape(PhantomData))
    }
}

/// What becomes of the JSON kinds that carry something; all others become the default.
trait Lenient<'de>: Default {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Maybe<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Several<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let first = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self { first: Some(first), rest: Vec::new() })
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut objects = Self::default();
        while let Some(Maybe(object)) = seq.next_element::<Maybe<T>>()? {
            match object {
                Some(object) if objects.first.is_none() => objects.first = Some(object),
                object => objects.rest.extend(object),
            }
        }
        Ok(objects)
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

struct Shape<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Shape<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::from_seq(seq)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(json: &str) -> Chunk<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn w4_values_of_unexpected_kinds_are_absent() {
        for value in ["null", "[]", "7", "-1", "1.5", "\"x\"", "true", "[1,{\"index\":3}]"] {
            let json = format!("{{\"choices\":{value},\"x_groq\":{value},\"model\":\"m\"}}");
            let chunk = chunk(&json);
            assert!(chunk.choices.first.is_none(), "{value}");
            assert!(chunk.x_groq.0.is_none(), "{value}");
            assert_eq!(chunk.model.unwrap().get(), "\"m\"");
        }
        let chunk = chunk(r#"{"choices":[{"delta":[],"message":null}]}"#);
        assert!(chunk.choices.first.unwrap().delta.0.is_none());
    }

    #[test]
    fn w4_the_first_choice_is_the_one_with_index_0_or_none() {
        let text = |json: &str| Some(chunk(json).choices.first?.text?.get().to_owned());
        assert_eq!(
            text(r#"{"choices":[{"index":1,"text":1},{"index":0,"text":2}]}"#).unwrap(),
            "2"
        );
        assert_eq!(text(r#"{"choices":[{"text":1},{"text":2}]}"#).unwrap(), "1");
        assert_eq!(text(r#"{"choices":[{"index":1,"text":1}]}"#), None);
        assert_eq!(text(r#"{"choices":{"index":0,"text":1}}"#).unwrap(), "1");
    }

    #[test]
    fn lists_keep_their_order_and_lose_what_is_no_object() {
        let json = r#"{"tool_calls":[null,{"id":1},"x",{"id":2},{"id":3}]}"#;
        let chunk = chunk(json);
        let ids: Vec<_> = chunk.tool_calls.iter().map(|call| call.id.unwrap().get()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
    }
}
