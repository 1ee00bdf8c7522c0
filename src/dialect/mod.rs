//! Dialects of Chat Completions: every way in which one upstream differs from the next.
//!
//! A [`Dialect`] is plain data. A preset per provider fills it ([`presets`]), the configuration
//! overrides it field by field, and the code that reads a field names no provider. This layer knows
//! Chat Completions only; the Responses API is out of its sight.

mod annotations;
pub mod call_ids;
pub mod deltas;
pub mod errors;
mod finish;
mod growth;
mod harmony;
mod outlet;
pub mod presets;
mod reasoning;
mod repair;
pub mod schema;
mod text_calls;
mod think;
mod tool_calls;
mod tool_names;
mod usage;
mod value;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::chat;
use crate::error::ApiError;
use crate::json::JsonText;

/// How one upstream differs. The field names and values are those of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    // -- requests: parameters --
    /// Which field carries the token limit of an answer.
    pub max_tokens_field: MaxTokensField,
    /// Whether `stream_options.include_usage` is sent with streams.
    pub include_usage: bool,
    /// Which optional parameters are forwarded.
    pub params: Params,
    /// Parameters forwarded beyond those of `params`: `prompt_cache_key`, `parallel_tool_calls`,
    /// `service_tier`, `verbosity`, `metadata`, `user`, `safety_identifier`, `store`.
    pub extra_params: Vec<String>,
    /// Members added to every request body as they are.
    pub extra_body: Map<String, Value>,
    /// How `reasoning.effort` is spelled.
    pub reasoning_param: ReasoningParam,
    /// The efforts this upstream knows, weakest first; others are clamped to the nearest.
    pub effort_values: Vec<String>,
    /// Whether the upstream is always asked to stream.
    pub force_stream: bool,
    /// Which forms of `response_format` the upstream takes.
    pub response_format: ResponseFormat,
    /// Where the wanted format goes when the request has tools too.
    pub format_with_tools: FormatWithTools,
    /// How the upstream is asked to search the web when the client offers `web_search`.
    pub web_search: WebSearch,
    // -- requests: messages --
    /// What becomes of system text behind the first message.
    pub system_messages: SystemMessages,
    /// Whether the role `developer` is known; otherwise `system` is sent.
    pub developer_role: bool,
    /// The content of an assistant message that has only tool calls.
    pub null_content: NullContent,
    /// Whether text-only content is sent as a string or as parts.
    pub content_parts: ContentParts,
    /// Whether empty messages and texts are left out.
    pub drop_empty_text: bool,
    /// Whether a short assistant message is put between tool and user messages, and a short user
    /// message behind an assistant message that would be the last one.
    pub assistant_after_tool: bool,
    /// Which field takes earlier reasoning back.
    pub reasoning_replay: ReasoningReplay,
    /// Whether every assistant message must carry the reasoning field, if only an empty one.
    pub reasoning_required: bool,
    /// Where images of tool outputs go.
    pub tool_images: ToolImages,
    /// Which images the upstream takes.
    pub images: Images,
    /// Whether `detail` of an image is forwarded.
    pub image_detail: ImageDetail,
    /// Whether files are forwarded as `file` parts.
    pub files: Attachments,
    /// Whether audio is forwarded as `input_audio` parts.
    pub audio: Attachments,
    // -- requests: tools --
    /// Whether `strict` of a function is forwarded.
    pub strict_tools: bool,
    /// Which forms of `tool_choice` the upstream takes.
    pub tool_choice: ToolChoice,
    /// The word for `tool_choice: "required"`.
    pub tool_choice_required_as: RequiredAs,
    /// The form of tool call ids.
    pub tool_call_id: ToolCallId,
    /// The form of tool names.
    pub tool_name: ToolName,
    /// Whether a function needs at least one declared parameter.
    pub parameters_required: bool,
    /// The subset of JSON Schema the upstream takes.
    pub schema: Schema,
    // -- answers --
    /// Where `<think>` tags in the text are looked for.
    pub inline_think: InlineThink,
    /// Whether reasoning arrives as growing snapshots instead of pieces.
    pub snapshots: Snapshots,
    /// Which textual tool call formats are parsed.
    pub text_tool_calls: Vec<TextToolCalls>,
    /// Whether an answer without any output is a failure.
    pub empty_is_error: bool,
}

/// Declares an enum whose variants are words of the configuration. A word that is none of them is
/// refused with the list of those that are.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word the configuration takes here.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Value::deserialize(deserializer)? {
                    $(Value::String(word) if word == $word => Ok(Self::$variant),)+
                    other => Err(unknown_word(&other, Self::WORDS)),
                }
            }
        }
    };
}

fn unknown_word<E: serde::de::Error>(value: &Value, words: &[&str]) -> E {
    let found = match value {
        Value::String(word) => format!("unknown word `{word}`"),
        other => format!("`{other}` is not a word"),
    };
    E::custom(format_args!("{found}; takes {}", words.join(", ")))
}

words! {
    /// The field that limits the tokens of an answer.
    MaxTokensField {
        /// The older name, which most hosts know.
        MaxTokens = "max_tokens",
        /// OpenAI's newer name.
        MaxCompletionTokens = "max_completion_tokens",
    }
}
words! {
    /// Which optional parameters are forwarded.
    Params {
        /// Sampling parameters, token limit, stop and what other fields of the dialect name.
        Minimal = "minimal",
        /// Everything that Chat Completions at OpenAI knows.
        All = "all",
    }
}
words! {
    /// How the wish for reasoning is spelled.
    ReasoningParam {
        /// Not at all.
        None = "none",
        /// `reasoning_effort: "low"`.
        Effort = "effort",
        /// `reasoning: {effort: "low"}`.
        ReasoningObj = "reasoning_obj",
        /// `thinking: {type: "enabled" | "disabled"}`.
        ThinkingType = "thinking_type",
        /// `enable_thinking: true | false`.
        EnableThinking = "enable_thinking",
        /// `chat_template_kwargs: {enable_thinking, thinking}`.
        TemplateKwargs = "template_kwargs",
        /// `reasoning: {enabled: true}` with `reasoning_effort`.
        Together = "together",
    }
}
words! {
    /// What `response_format` may be.
    ResponseFormat {
        /// `json_schema`, `json_object` and `text`.
        All = "all",
        /// `json_schema` only; `json_object` becomes a schema that takes any object.
        JsonSchema = "json_schema",
        /// `json_object`, with the schema as text in the system message.
        JsonObject = "json_object",
        /// None; the schema goes into the system message.
        None = "none",
    }
}
words! {
    /// Where the wanted format goes when the request has tools too.
    FormatWithTools {
        /// Into `response_format`, as without tools.
        Send = "send",
        /// Into the system message: the upstream cannot combine `response_format` with tools.
        Text = "text",
    }
}
words! {
    /// How the upstream is asked to search the web.
    WebSearch {
        /// Not at all; the tool is dropped.
        Drop = "drop",
        /// `web_search_options: {…}`.
        Options = "web_search_options",
        /// `plugins: [{id: "web"}]`.
        Plugin = "plugins_web",
        /// `enable_search: true`.
        EnableSearch = "enable_search",
    }
}
words! {
    /// What becomes of system and developer text behind the first message.
    SystemMessages {
        /// It becomes user text in its place.
        LateAsUser = "late_as_user",
        /// It moves into the first message.
        MergeFirst = "merge_first",
        /// It stays a system message where it is.
        Keep = "keep",
    }
}
words! {
    /// The content of an assistant message that has only tool calls.
    NullContent {
        /// `""`.
        EmptyString = "empty_string",
        /// `null`.
        Null = "null",
        /// No `content` at all.
        Omit = "omit",
    }
}
words! {
    /// How text-only content is written.
    ContentParts {
        /// As one string.
        String = "string",
        /// As a list of text parts.
        Parts = "parts",
    }
}
words! {
    /// The field that takes earlier reasoning back.
    ReasoningReplay {
        /// The field in which the upstream itself sent it, if that is known.
        Auto = "auto",
        /// Reasoning is not sent back.
        None = "none",
        /// `reasoning_content`.
        ReasoningContent = "reasoning_content",
        /// `reasoning`.
        Reasoning = "reasoning",
        /// `reasoning_details`, verbatim.
        ReasoningDetails = "reasoning_details",
        /// A `thinking` part in the content list.
        ContentThinking = "content_thinking",
        /// `<think>` tags before the text.
        ThinkTags = "think_tags",
        /// Only the signatures on tool calls.
        ThoughtSignature = "thought_signature",
    }
}
words! {
    /// Where images of tool outputs go.
    ToolImages {
        /// Into a user message behind the batch of tool messages.
        UserMessage = "user_message",
        /// They stay in the tool message.
        Tool = "tool",
        /// They are replaced by a note.
        Drop = "drop",
    }
}
words! {
    /// Which images an upstream takes.
    Images {
        /// URLs and data URLs.
        All = "all",
        /// Data URLs only.
        DataUrlOnly = "data_url_only",
        /// None; a note takes their place.
        None = "none",
    }
}
words! {
    /// Whether `detail` of an image is forwarded.
    ImageDetail {
        /// No.
        Drop = "drop",
        /// Yes; `original`, which Chat Completions does not know, becomes `high`.
        Forward = "forward",
    }
}
words! {
    /// What becomes of attachments that only some upstreams take.
    Attachments {
        /// A note takes their place.
        Note = "note",
        /// They are forwarded.
        Forward = "forward",
    }
}
words! {
    /// Which forms of `tool_choice` an upstream takes.
    ToolChoice {
        /// Words and a named function.
        All = "all",
        /// Words only.
        StringOnly = "string_only",
        /// `auto` only, so it is left out.
        AutoOnly = "auto_only",
    }
}
words! {
    /// The word for `required`.
    RequiredAs {
        /// `required`.
        Required = "required",
        /// `any`.
        Any = "any",
    }
}
words! {
    /// The form of tool call ids.
    ToolCallId {
        /// As the upstream made them.
        Pass = "pass",
        /// Nine characters of `[a-zA-Z0-9]`.
        Mistral9 = "mistral9",
        /// Characters of `[a-zA-Z0-9_-]` only.
        Claude = "claude",
    }
}
words! {
    /// The form of tool names.
    ToolName {
        /// `^[a-zA-Z0-9_-]{1,64}$`.
        Chat = "chat",
        /// The same, beginning with a letter.
        LetterFirst = "letter_first",
        /// Beginning with a letter or underscore.
        Gemini = "gemini",
    }
}
impl ToolName {
    /// Whether a name may begin with this character.
    pub const fn may_begin(self, first: char) -> bool {
        match self {
            Self::Chat => true,
            Self::LetterFirst => first.is_ascii_alphabetic(),
            Self::Gemini => first.is_ascii_alphabetic() || first == '_',
        }
    }
}

/// Members of a tool call that another model made, for [`ReasoningReplay::ThoughtSignature`]: the
/// upstream refuses calls without a signature, and this is its documented word for having none to
/// check. Written without braces.
pub const UNSIGNED_CALL: &str =
    r#""extra_content":{"google":{"thought_signature":"skip_thought_signature_validator"}}"#;

words! {
    /// The subset of JSON Schema that tools may use.
    Schema {
        /// Everything.
        Plain = "plain",
        /// What Gemini's compatible endpoint takes.
        Gemini = "gemini",
        /// Kimi's subset.
        Kimi = "kimi",
    }
}
words! {
    /// Where `<think>` tags are looked for.
    InlineThink {
        /// Nowhere.
        Off = "off",
        /// At the very start of the text.
        Auto = "auto",
        /// Everything up to a closing tag is reasoning, whether it was opened or not.
        Prefix = "prefix",
    }
}
words! {
    /// Whether reasoning arrives as growing snapshots.
    Snapshots {
        /// Pieces, as the API says; snapshots are noticed when two in a row repeat all before.
        Auto = "auto",
        /// Always snapshots.
        On = "on",
        /// Never.
        Off = "off",
    }
}
words! {
    /// A textual form of tool calls that leaks from servers without a parser.
    TextToolCalls {
        /// `<tool_call>{json}</tool_call>` of Hermes and Qwen.
        Hermes = "hermes",
        /// `<function=name><parameter=key>…` of Qwen3-Coder.
        Qwen = "qwen",
        /// `<|tool_calls_section_begin|>…` of Kimi.
        Kimi = "kimi",
        /// `<minimax:tool_call><invoke …>` of MiniMax.
        Minimax = "minimax",
        /// `[TOOL_CALLS]name[ARGS]{…}` of Mistral.
        Mistral = "mistral",
        /// Channels of gpt-oss.
        Harmony = "harmony",
    }
}

/// News from an upstream, free of its dialect. Made by [`deltas::Reader`].
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
    /// An annotation of the text so far, as the upstream sent it. JSON.
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

impl Dialect {
    /// The preset of this name with the overrides of the configuration.
    ///
    /// # Errors
    /// A sentence that names the field and what it takes.
    pub fn new(preset: &str, overrides: &Map<String, Value>) -> Result<Self, String> {
        presets::load(preset, overrides)
    }
}
