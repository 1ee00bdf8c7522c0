//! What becomes of everything a request may contain: one row each, and the report of what was dropped.
//!
//! The rows are the documentation: `docs/requests.md` is written from them, and the tests hold every
//! row against what the translation does.

use std::fmt;

use crate::config::Strictness;
use crate::error::{Refused, refused};

/// A thing a request may contain and what becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The part of a request it belongs to.
    pub section: Section,
    /// Its name in the documentation and, if it is dropped, in the report.
    pub name: &'static str,
    /// Whether it can be lost, and what is said about it then.
    pub loss: Loss,
}

/// The parts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Members of the request.
    Parameters,
    /// Types of input items.
    Items,
    /// Types of content parts.
    Parts,
    /// Types of tools.
    Tools,
    /// Forms of `tool_choice`.
    ToolChoices,
    /// Types of `text.format`.
    Formats,
    /// Values of `include`.
    Includes,
    /// What the other sections do not list.
    Unknown,
}

/// Whether a thing can be lost, and what is said about it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It always arrives, or is answered, in one form or another.
    Never,
    /// It may be left out, which changes nothing about the answer; not reported.
    Harmless,
    /// A wish that a server is free not to fulfil. Reported; no reason to refuse.
    Wish,
    /// Without it the answer is another. Reported; `strict` refuses the request instead.
    Substance,
    /// It is always refused.
    Refused,
}

/// What was dropped from one request.
#[derive(Debug)]
pub struct Report {
    strictness: Strictness,
    dropped: Vec<&'static str>,
}

impl Report {
    /// Nothing was dropped yet.
    pub fn new(strictness: Strictness) -> Self {
        Self { strictness, dropped: Vec::new() }
    }

    /// The names of what was dropped, each once, in order of appearance.
    pub fn into_dropped(self) -> Vec<&'static str> {
        self.dropped
    }

    /// Something was dropped that stands at `param`.
    ///
    /// # Errors
    /// The request is to be refused rather than translated without it.
    pub fn drop(&mut self, row: &Row, param: impl fmt::Display) -> Result<(), Refused> {
        self.drop_at(row, &param)
    }

    #[inline(never)]
    fn drop_at(&mut self, row: &Row, param: &dyn fmt::Display) -> Result<(), Refused> {
        match (row.loss, self.strictness) {
            (Loss::Never | Loss::Harmless, _) => return Ok(()),
            (Loss::Substance | Loss::Refused, Strictness::Strict) => {
                let param = param.to_string();
                let message = format!(
                    "`{param}` cannot be expressed to this upstream. Remove it, or let the proxy \
                     drop such fields with `\"strictness\": \"lenient\"`."
                );
                return Err(refused(&param, message, "unsupported_parameter"));
            }
            (Loss::Wish | Loss::Substance | Loss::Refused, _) => {}
        }
        if !self.dropped.contains(&row.name) {
            self.dropped.push(row.name);
        }
        Ok(())
    }
}

/// The row of a member of the request.
pub fn parameter(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.section == Section::Parameters && row.name == name)
}

/// The row of what the other rows do not know.
pub const OTHER: Row = Row { section: Section::Unknown, name: "other", loss: Loss::Substance };

macro_rules! rows {
    ($($section:ident { $($row:ident $name:literal $loss:ident: $rule:literal)+ })+) => {
        $($(
            #[doc = concat!("`", $name, "`: ", $rule)]
            pub const $row: Row = Row {
                section: Section::$section,
                name: $name,
                loss: Loss::$loss,
            };
        )+)+

        /// Every row, in the order of the documentation.
        pub const TABLE: &[Row] = &[$($($row,)+)+ OTHER];

        /// What becomes of what each row is about, in the same order. Only read where the documentation is
        /// written, so the artifact does not hold it.
        pub const RULES: &[&str] = &[
            $($($rule,)+)+
            "Anything of a type or name that this page does not list is dropped. Unknown members inside \
             items, parts and tools are not looked at.",
        ];
    };
}

rows! {
    Parameters {
        MODEL "model" Never: "Forwarded under the name the upstream has for it; required."
        INPUT "input" Never: "Becomes `messages`; required. A string is one user message."
        INSTRUCTIONS "instructions" Never: "Opens the leading system message."
        STREAM "stream" Never: "Forwarded; `force_stream` asks the upstream for a stream regardless."
        STREAM_OPTIONS "stream_options" Harmless:
            "Left out: obfuscation and delivery of summaries are the server's. With `include_usage` \
             every stream is asked for its usage."
        TEMPERATURE "temperature" Never: "Forwarded if present."
        TOP_P "top_p" Never: "Forwarded if present."
        PRESENCE_PENALTY "presence_penalty" Never: "Forwarded if present."
        FREQUENCY_PENALTY "frequency_penalty" Never: "Forwarded if present."
        MAX_OUTPUT_TOKENS "max_output_tokens" Never:
            "Forwarded as `max_tokens` or `max_completion_tokens`, by `max_tokens_field`."
        TOP_LOGPROBS "top_logprobs" Harmless:
            "Forwarded with `logprobs: true` when `include` asks for `message.output_text.logprobs`; \
             without that no answer would show them."
        TOOLS "tools" Never: "See tools. An empty list is not sent, nor what depends on it."
        TOOL_CHOICE "tool_choice" Never: "See tool choices; not sent without tools."
        PARALLEL_TOOL_CALLS "parallel_tool_calls" Wish:
            "Forwarded if `extra_params` names it and there are tools. `true`, the default, is no \
             loss."
        MAX_TOOL_CALLS "max_tool_calls" Wish:
            "Dropped: it limits tools that the server runs. Echoed."
        TEXT "text" Never: "See text formats."
        VERBOSITY "text.verbosity" Wish:
            "Forwarded as `verbosity` if `extra_params` names it. Echoed."
        REASONING "reasoning" Never:
            "`summary` and `generate_summary` are answered with the reasoning the upstream shows, \
             whatever they say. Echoed."
        REASONING_EFFORT "reasoning.effort" Wish:
            "Sent in the form `reasoning_param` names, clamped to the nearest of `effort_values`; a \
             word that is no effort is not sent."
        REASONING_MODE "reasoning.mode" Wish: "Dropped."
        REASONING_CONTEXT "reasoning.context" Harmless:
            "Left out: earlier reasoning goes back as far as the client replays it."
        INCLUDE "include" Never: "See include values."
        METADATA "metadata" Harmless: "Echoed; forwarded if `extra_params` names it."
        USER "user" Harmless: "Echoed; forwarded if `extra_params` names it."
        SAFETY_IDENTIFIER "safety_identifier" Harmless:
            "Echoed; forwarded if `extra_params` names it."
        PROMPT_CACHE_KEY "prompt_cache_key" Harmless:
            "Echoed; forwarded if `extra_params` names it."
        PROMPT_CACHE_RETENTION "prompt_cache_retention" Harmless: "Left out."
        PROMPT_CACHE_OPTIONS "prompt_cache_options" Harmless: "Left out."
        SERVICE_TIER "service_tier" Wish:
            "Forwarded if `extra_params` names it. `auto` and `default` are no loss."
        CLIENT_METADATA "client_metadata" Harmless: "Left out."
        ACCESS_PROGRAMS "access_programs" Harmless: "Left out."
        TRUNCATION "truncation" Wish:
            "Dropped: `disabled` is how every upstream is taken to work, `auto` cannot be had. \
             Echoed."
        STORE "store" Wish:
            "Nothing is stored, so `true` is dropped and `false` is echoed always. With `store` in \
             `extra_params` it is forwarded, where it means what Chat Completions means by it."
        MODERATION "moderation" Substance: "Dropped."
        IMAGE "image" Wish: "Dropped."
        CONTEXT_MANAGEMENT "context_management" Substance:
            "Dropped: compaction happens when the client asks for it by a `compaction_trigger`."
        PREVIOUS_RESPONSE_ID "previous_response_id" Refused:
            "400 `previous_response_not_found`: there is no store. Send the whole conversation in \
             `input`."
        CONVERSATION "conversation" Refused:
            "400 `unsupported_parameter`: there is no store. Send the whole conversation in `input`."
        BACKGROUND "background" Refused:
            "`true`: 400 `unsupported_parameter`, as there is no store to fetch the answer from. \
             `false` is the only way it works."
        PROMPT "prompt" Refused:
            "400 `unsupported_parameter`: prompt templates live at OpenAI. Send `instructions` and \
             `input`."
    }
    Items {
        MESSAGE "input.message" Never:
            "A message of the same role. Leading `system` and `developer` text is joined into one \
             system message; later such text follows `system_messages`. Messages of one role in a \
             row are joined with a blank line."
        FUNCTION_CALL "input.function_call" Never:
            "A tool call of the assistant message of its turn. Arguments that are no JSON object go \
             as `{\"_raw\": …}`."
        FUNCTION_CALL_OUTPUT "input.function_call_output" Never:
            "A tool message behind the message with its call; user text when its call is gone. Calls \
             without an output get one that says so."
        CUSTOM_TOOL_CALL "input.custom_tool_call" Never:
            "A tool call with the arguments `{\"input\": …}`."
        CUSTOM_TOOL_CALL_OUTPUT "input.custom_tool_call_output" Never: "As `function_call_output`."
        TOOL_SEARCH_CALL "input.tool_search_call" Never: "A tool call."
        TOOL_SEARCH_OUTPUT "input.tool_search_output" Never:
            "A tool message that lists what was found; the tools join the tools of the request."
        ADDITIONAL_TOOLS "input.additional_tools" Never: "The tools join the tools of the request."
        LOCAL_SHELL_CALL "input.local_shell_call" Never:
            "A tool call; the arguments are the members of `action`."
        LOCAL_SHELL_CALL_OUTPUT "input.local_shell_call_output" Never: "As `function_call_output`."
        SHELL_CALL "input.shell_call" Never:
            "A tool call; the arguments are the members of `action`."
        SHELL_CALL_OUTPUT "input.shell_call_output" Never:
            "A tool message with the output and exit code of each command."
        APPLY_PATCH_CALL "input.apply_patch_call" Never:
            "A tool call; the arguments are the members of `operation`."
        APPLY_PATCH_CALL_OUTPUT "input.apply_patch_call_output" Never:
            "A tool message with the outcome."
        REASONING_ITEM "input.reasoning" Harmless:
            "Goes back with the assistant message of its turn in the field `reasoning_replay` names, \
             with what its `encrypted_content` carries for the upstream. Left out where the upstream \
             takes none."
        AGENT_MESSAGE "input.agent_message" Substance:
            "User text, its `encrypted_content` too, which is clear text unless OpenAI made it; such \
             is dropped."
        COMPACTION "input.compaction" Substance:
            "User text with the summary. A summary that was made elsewhere cannot be read; a note \
             takes its place."
        COMPACTION_TRIGGER "input.compaction_trigger" Wish:
            "At the end of the input: the upstream is asked for a summary, and the answer is one \
             `compaction` item. Elsewhere it means nothing."
        CONFIGURATION_UPDATE "input.configuration_update" Never:
            "The last one's `reasoning.effort` replaces that of the request."
        ITEM_REFERENCE "input.item_reference" Substance:
            "Dropped: there is no store. Send the item itself."
        WEB_SEARCH_CALL "input.web_search_call" Never: "A note in the assistant message of its turn."
        FILE_SEARCH_CALL "input.file_search_call" Never: "As `web_search_call`."
        CODE_INTERPRETER_CALL "input.code_interpreter_call" Never: "As `web_search_call`."
        COMPUTER_CALL "input.computer_call" Never:
            "A tool call; the arguments are the recorded members."
        COMPUTER_CALL_OUTPUT "input.computer_call_output" Never:
            "A tool message; the screenshot follows `tool_images`."
        IMAGE_GENERATION_CALL "input.image_generation_call" Never:
            "A note in the assistant message of its turn; the image follows as a user message."
        MCP_CALL "input.mcp_call" Never: "As `web_search_call`."
        MCP_LIST_TOOLS "input.mcp_list_tools" Wish: "Dropped: nobody here can call these tools."
        MCP_APPROVAL_REQUEST "input.mcp_approval_request" Never: "As `web_search_call`."
        MCP_APPROVAL_RESPONSE "input.mcp_approval_response" Never: "User text."
        PROGRAM "input.program" Never: "As `web_search_call`."
        PROGRAM_OUTPUT "input.program_output" Never: "User text."
    }
    Parts {
        INPUT_TEXT "content.input_text" Never:
            "Text; parts in a row are joined. `prompt_cache_breakpoint` is left out."
        OUTPUT_TEXT "content.output_text" Never: "Text; annotations and logprobs are left out."
        REFUSAL "content.refusal" Never: "Text of the assistant message."
        INPUT_IMAGE "content.input_image" Substance:
            "An `image_url` part in user messages. A note takes the place of what `images` does not \
             allow, of stored files (`file_id`) and of images in messages of other roles. `detail` \
             follows `image_detail`."
        INPUT_FILE "content.input_file" Substance:
            "A `file` part in user messages where `files` forwards them and the file is not a URL; \
             else a note with its name."
        INPUT_AUDIO "content.input_audio" Substance:
            "An `input_audio` part in user messages where `audio` forwards them; else a note."
        INPUT_VIDEO "content.input_video" Substance: "A note takes its place."
        ENCRYPTED_CONTENT "content.encrypted_content" Substance:
            "Clear text is text; what OpenAI encrypted is dropped."
    }
    Tools {
        FUNCTION_TOOL "tools.function" Never:
            "A function. `parameters` that are missing become an object without properties. \
             `defer_loading` is left out. \
             Of two with one name the first counts."
        FUNCTION_STRICT "tools.strict" Wish:
            "Forwarded with `strict_tools`. `false` is no loss."
        CUSTOM_TOOL "tools.custom" Never:
            "A function with one string parameter, `input`, and the grammar in its description."
        NAMESPACE_TOOL "tools.namespace" Never:
            "Its tools, each under a name that joins both names with `__`; their common description \
             stands with the first of them."
        NESTED_NAMESPACE "tools.namespace.namespace" Substance:
            "A namespace within a namespace is dropped."
        TOOL_SEARCH "tools.tool_search" Substance:
            "A function where the client runs it (`execution: client`); else dropped."
        LOCAL_SHELL "tools.local_shell" Never: "A function; the client runs it."
        SHELL "tools.shell" Substance:
            "A function where the client runs it (`environment: local`, or none); else dropped."
        APPLY_PATCH "tools.apply_patch" Never: "A function; the client runs it."
        WEB_SEARCH "tools.web_search" Substance:
            "Dropped, or asked for in the form `web_search` names. The forms `web_search_preview` and \
             with a date are the same tool."
        FILE_SEARCH "tools.file_search" Substance: "Dropped: a tool that OpenAI runs."
        CODE_INTERPRETER "tools.code_interpreter" Substance: "Dropped: a tool that OpenAI runs."
        COMPUTER "tools.computer" Substance:
            "Dropped: its actions need a model trained for it. Also `computer_use_preview`."
        IMAGE_GENERATION "tools.image_generation" Substance: "Dropped: a tool that OpenAI runs."
        MCP "tools.mcp" Substance: "Dropped: a tool that OpenAI runs."
        PROGRAMMATIC_TOOL_CALLING "tools.programmatic_tool_calling" Substance:
            "Dropped: a tool that OpenAI runs."
    }
    ToolChoices {
        CHOICE_AUTO "tool_choice.auto" Never: "Not sent: it is the default."
        CHOICE_NONE "tool_choice.none" Never:
            "Forwarded; without tools where the upstream takes `auto` only."
        CHOICE_REQUIRED "tool_choice.required" Substance:
            "Forwarded, as the word `tool_choice_required_as` names; dropped where the upstream takes \
             `auto` only."
        CHOICE_FUNCTION "tool_choice.function" Substance:
            "Also `custom`, `tool_search`, `local_shell`, `shell`, `apply_patch`: a named function; \
             where the upstream takes words only, that tool alone and `required`; where it takes \
             `auto` only, that tool alone. A tool that was not declared: 400."
        CHOICE_ALLOWED "tool_choice.allowed_tools" Substance:
            "The other tools are not sent; the mode as `auto` or `required`."
        CHOICE_HOSTED "tool_choice.hosted" Substance: "A tool that the server runs: dropped."
    }
    Formats {
        FORMAT_TEXT "text.format.text" Never: "Not sent: it is the default."
        FORMAT_JSON_OBJECT "text.format.json_object" Never:
            "`response_format`; a schema for any object, or a sentence in the system message, by \
             `response_format` of the profile."
        FORMAT_JSON_SCHEMA "text.format.json_schema" Never:
            "`response_format.json_schema`; `json_object` with the schema in the system message, or \
             the schema there alone, by `response_format` and `format_with_tools` of the profile."
        FORMAT_OTHER "text.format.other" Substance: "Any other type is dropped."
    }
    Includes {
        INCLUDE_LOGPROBS "include.message.output_text.logprobs" Never:
            "`logprobs: true`, with `top_logprobs` if that is given."
        INCLUDE_ENCRYPTED "include.reasoning.encrypted_content" Never:
            "Reasoning items carry what the upstream wants back in `encrypted_content`, asked or not."
        INCLUDE_HOSTED "include.other" Harmless:
            "Any other value is about tools that the server runs, or about stored items."
    }
}
