//! Dialects of Chat Completions: every way in which one upstream differs from the next.
//!
//! A [`Dialect`] is plain data. A preset per provider fills it ([`presets`]), the configuration
//! overrides it field by field, and the code that reads a field names no provider. This layer knows
//! Chat Completions only; the Responses API is out of its sight.

mod annotations;
pub mod call_ids;
mod chunk;
mod delta;
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
pub mod steady;
mod text_calls;
mod think;
mod tool_calls;
pub mod tool_names;
mod usage;
mod value;
mod words;

use crate::json::fields::Fields;

pub use delta::{Delta, ToolCallDelta};
pub use words::{
    Attachments, ContentParts, FormatWithTools, ImageDetail, Images, InlineThink, MaxTokensField,
    NullContent, Params, ReasoningParam, ReasoningReplay, RequiredAs, ResponseFormat, Schema,
    Snapshots, StreamEnd, SystemMessages, TextToolCalls, ToolCallId, ToolChoice, ToolImages,
    ToolName, UNSIGNED_CALL, WebSearch,
};

/// How one upstream differs. The field names and values are those of the configuration.
#[derive(Clone, Debug, PartialEq)]
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
    /// Members added to every request body: their names, and JSON as it is.
    pub extra_body: Vec<(String, String)>,
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
    /// What ends a stream.
    pub stream_end: StreamEnd,
    /// Whether an answer without any output is a failure.
    pub empty_is_error: bool,
}

impl Dialect {
    /// The preset of this name with overrides, which are an object in JSON.
    ///
    /// # Errors
    /// A sentence that names the field and what it takes.
    pub fn new(preset: &str, overrides: &str) -> Result<Self, String> {
        let overrides = value::document(overrides).ok_or("dialect: is no JSON")?;
        presets::load(preset, Fields::of("dialect", overrides.root()))
    }
}
