//! The words of a dialect: every field that is no flag and no list takes one of a few.

use crate::json::fields::words;

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
    /// What ends a stream.
    StreamEnd {
        /// `[DONE]`, behind which other clients do not read on either.
        Done = "done",
        /// The end of the body: token counts may follow `[DONE]`.
        Body = "body",
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
        /// `<｜DSML｜function_calls>…` of DeepSeek, and the tokens of its older models.
        Deepseek = "deepseek",
        /// Channels of gpt-oss.
        Harmony = "harmony",
    }
}
