//! Which setting would help, when an upstream's text shows it.
//!
//! The filter cannot send a request twice, so it tells the operator which field of the upstream's
//! `dialect` to change.

use super::report::{Report, matches};
use crate::error::Class;

/// Texts in lower case, and the remedy.
const HINTS: [(&[&str], &str); 17] = [
    (
        &["system message must be at the beginning", "only one system message"],
        r#"set `dialect.system_messages` to "merge_first""#,
    ),
    (
        &["must be passed back", "reasoning_content is missing", "missing reasoning_content"],
        r#"set `dialect.reasoning_replay` to "reasoning_content" and `dialect.reasoning_required` to true"#,
    ),
    (&["thought_signature"], r#"set `dialect.reasoning_replay` to "thought_signature""#),
    (&["length of 9"], r#"set `dialect.tool_call_id` to "mistral9""#),
    (&["after role 'tool'"], "set `dialect.assistant_after_tool` to true"),
    (
        &["tool choice requires --enable-auto"],
        "start the upstream server with --enable-auto-tool-choice and a --tool-call-parser",
    ),
    (&["tool_choice type: 'object'"], r#"set `dialect.tool_choice` to "string_only""#),
    (
        &["tool_choice*thinking", "tool choice*thinking"],
        r#"set `dialect.tool_choice` to "auto_only""#,
    ),
    (
        &["must be set to false for non-streaming", "only support stream"],
        "set `dialect.force_stream` to true",
    ),
    (&["image urls are not currently supported"], r#"set `dialect.images` to "data_url_only""#),
    (&["json_schema' or 'text'"], r#"set `dialect.response_format` to "json_schema""#),
    (&["function parameters is empty"], "set `dialect.parameters_required` to true"),
    (&["must start with a letter"], r#"set `dialect.tool_name` to "letter_first""#),
    (
        &[
            "invalid reasoning value",
            "reasoning_effort*must be",
            "reasoning_effort*input should be",
        ],
        "list the efforts that the upstream knows in `dialect.effort_values`",
    ),
    (&["roles must alternate"], r#"set `dialect.system_messages` to "merge_first""#),
    (
        &["unknown name \"$schema", "unknown name \"additionalproperties", "unknown name \"const"],
        r#"set `dialect.schema` to "gemini""#,
    ),
    (&["'developer'", "`developer`", "role developer"], "set `dialect.developer_role` to false"),
];

/// How upstreams refuse a field they do not know.
const REFUSALS: [&str; 8] = [
    "extra_forbidden",
    "extra inputs",
    "is unsupported",
    "unknown name",
    "unsupported parameter",
    "not supported on this model",
    "unrecognized request argument",
    "unknown parameter",
];

/// Fields that upstreams refuse, and what keeps them away.
const FIELDS: [(&[&str], &str); 8] = [
    (&["stream_options"], "set `dialect.include_usage` to false"),
    (
        &["reasoning_content", "reasoning_details", "messages*reasoning"],
        r#"set `dialect.reasoning_replay` to the field that the upstream takes, or to "none""#,
    ),
    (
        &["reasoning", "thinking", "chat_template_kwargs"],
        r#"set `dialect.reasoning_param` to the form that the upstream takes, or to "none""#,
    ),
    (&["max_completion_tokens"], r#"set `dialect.max_tokens_field` to "max_tokens""#),
    (&["max_tokens"], r#"set `dialect.max_tokens_field` to "max_completion_tokens""#),
    (&["strict"], "set `dialect.strict_tools` to false"),
    (&["$schema", "additionalproperties"], r#"set `dialect.schema` to "gemini""#),
    (
        &[
            "parallel_tool_calls",
            "prompt_cache_key",
            "service_tier",
            "verbosity",
            "metadata",
            "store",
        ],
        r#"take the field out of `dialect.extra_params` and set `dialect.params` to "minimal""#,
    ),
];

/// A sentence that names the setting, if the text shows one.
pub fn find(class: Class, report: &Report) -> Option<String> {
    let said = |texts: &[&str]| texts.iter().any(|text| matches(&report.searched, text));
    let remedy = match class {
        Class::InvalidRequest => {
            let known = HINTS.iter().find(|(texts, _)| said(texts));
            let refused = || said(&REFUSALS) || report.codes.iter().any(|c| c == "extraforbidden");
            known.or_else(|| FIELDS.iter().find(|(texts, _)| refused() && said(texts)))?.1
        }
        Class::NotFound => "check the upstream's address, or set its `path`",
        _ => return None,
    };
    Some(format!("{remedy}."))
}
