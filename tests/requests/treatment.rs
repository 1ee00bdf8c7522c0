//! The table of treatments: every row does what it says, and the documentation is written from it.

use responses_filter::config::Strictness;
use responses_filter::translate::treatment::{Loss, RULES, Row, Section, TABLE};
use serde_json::{Value, json};

use crate::drive::{generic, with};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/requests.md");

/// A request with the thing a row is about, under the profile of an unknown upstream.
fn sample(row: &Row) -> Value {
    let mut body = json!({"model": "m", "input": [{"role": "user", "content": "x"}]});
    match row.section {
        Section::Parameters => {
            let (name, value) = parameter(row.name);
            body[name] = value;
            if name == "parallel_tool_calls" {
                body["tools"] = json!([{"type": "function", "name": "f"}]);
            }
        }
        Section::Unknown => body["telepathy"] = json!("MARK"),
        Section::Items => {
            let item = item(row.name.strip_prefix("input.").unwrap());
            let trigger = item["type"] == "compaction_trigger";
            body["input"].as_array_mut().unwrap().insert(usize::from(!trigger), item);
        }
        Section::Parts => {
            let part = part(row.name.strip_prefix("content.").unwrap());
            let role = if row.name == "content.input_text" { "user" } else { "assistant" };
            let role = if row.name == "content.input_image" { "system" } else { role };
            body["input"].as_array_mut().unwrap().push(json!({"role": role, "content": [part]}));
        }
        Section::Tools => body["tools"] = json!([tool(row.name.strip_prefix("tools.").unwrap())]),
        Section::ToolChoices => {
            body["tools"] = json!([{"type": "function", "name": "MARK"}]);
            body["tool_choice"] = choice(row.name.strip_prefix("tool_choice.").unwrap());
        }
        Section::Formats => {
            body["text"] =
                json!({"format": format(row.name.strip_prefix("text.format.").unwrap())});
        }
        Section::Includes => {
            body["include"] = match row.name.strip_prefix("include.").unwrap() {
                "other" => json!(["file_search_call.results"]),
                value => json!([value]),
            };
        }
    }
    body
}

fn parameter(name: &str) -> (&str, Value) {
    let nested = |value: &str| json!({(name.split_once('.').unwrap().1): value});
    match name {
        "model" | "instructions" => (name, json!("MARK")),
        "input" => (name, json!("MARK")),
        "stream" => (name, json!(true)),
        "stream_options" => (name, json!({"include_obfuscation": false})),
        "temperature" | "top_p" | "presence_penalty" | "frequency_penalty" => (name, json!(0.25)),
        "max_output_tokens" | "max_tool_calls" | "top_logprobs" => (name, json!(3)),
        "tools" => (name, json!([{"type": "function", "name": "MARK"}])),
        "tool_choice" => (name, json!("auto")),
        "parallel_tool_calls" => (name, json!(false)),
        "text" => (name, json!({"format": {"type": "json_object"}})),
        "text.verbosity" => ("text", nested("low")),
        "reasoning" => (name, json!({"summary": "auto"})),
        "reasoning.effort" => ("reasoning", nested("low")),
        "reasoning.mode" => ("reasoning", nested("pro")),
        "reasoning.context" => ("reasoning", nested("all_turns")),
        "include" => (name, json!([])),
        "service_tier" => (name, json!("priority")),
        "truncation" => (name, json!("auto")),
        "store" | "background" => (name, json!(true)),
        "context_management" => (name, json!([{"type": "compaction", "compact_threshold": 1000}])),
        "prompt_cache_key" | "safety_identifier" | "user" => (name, json!("MARK")),
        _ => (name, json!({"id": "MARK"})),
    }
}

fn item(kind: &str) -> Value {
    let mut item = match kind {
        "message" => json!({"role": "user", "content": "MARK"}),
        "function_call" => json!({"call_id": "c", "name": "MARK", "arguments": "{}"}),
        "custom_tool_call" => json!({"call_id": "c", "name": "f", "input": "MARK"}),
        "tool_search_call" => json!({"call_id": "c", "arguments": {"query": "MARK"}}),
        "local_shell_call" => {
            json!({"call_id": "c", "action": {"type": "exec", "command": ["MARK"]}})
        }
        "shell_call" => json!({"call_id": "c", "action": {"commands": ["MARK"]}}),
        "apply_patch_call" => {
            json!({"call_id": "c", "operation": {"type": "delete_file", "path": "MARK"}})
        }
        "computer_call" => json!({"call_id": "c", "action": {"type": "MARK"}}),
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
            json!({"call_id": "c", "output": "MARK"})
        }
        "tool_search_output" | "additional_tools" => {
            json!({"call_id": "c", "tools": [{"type": "function", "name": "MARK"}]})
        }
        "shell_call_output" => {
            json!({"call_id": "c", "output": [
                {"stdout": "MARK", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]})
        }
        "apply_patch_call_output" => {
            json!({"call_id": "c", "status": "completed", "output": "MARK"})
        }
        "computer_call_output" => {
            json!({"call_id": "c", "output": {"type": "computer_screenshot", "image_url": "https://MARK"}})
        }
        "reasoning" => json!({"summary": [{"type": "summary_text", "text": "MARK"}]}),
        "agent_message" => {
            json!({"content": [{"type": "encrypted_content", "encrypted_content": "gAAAAABMARK"}]})
        }
        "compaction" => json!({"encrypted_content": "gAAAAABMARK"}),
        "item_reference" => json!({"id": "msg_MARK"}),
        "image_generation_call" => json!({"result": "MARK"}),
        // An effort is a matter of its own row.
        "configuration_update" => json!({"reasoning": {}}),
        _ => json!({"id": "x_1", "action": "MARK"}),
    };
    item["type"] = json!(kind);
    item
}

fn part(kind: &str) -> Value {
    let member = match kind {
        "input_text" | "output_text" => "text",
        "input_image" => "image_url",
        "input_file" => "file_url",
        "input_video" => "video_url",
        kind => kind,
    };
    let value = match kind {
        "input_audio" => json!({"data": "MARK", "format": "wav"}),
        "encrypted_content" => json!("gAAAAABMARK"),
        "input_image" => json!("https://MARK"),
        _ => json!("MARK"),
    };
    json!({"type": kind, (member): value})
}

fn tool(kind: &str) -> Value {
    match kind {
        "strict" => json!({"type": "function", "name": "f", "strict": true}),
        "namespace" => {
            json!({"type": kind, "name": "n", "tools": [{"type": "function", "name": "MARK"}]})
        }
        "namespace.namespace" => {
            json!({"type": "namespace", "name": "n", "tools": [{"type": "namespace", "name": "MARK"}]})
        }
        "tool_search" => json!({"type": kind}),
        "shell" => json!({"type": kind, "environment": {"type": "container_auto"}}),
        "local_shell" | "apply_patch" => json!({"type": kind}),
        _ => json!({"type": kind, "name": "MARK"}),
    }
}

fn choice(kind: &str) -> Value {
    match kind {
        "auto" | "none" | "required" => json!(kind),
        "function" => json!({"type": "function", "name": "MARK"}),
        "allowed_tools" => json!({"type": kind, "tools": [{"type": "image_generation"}]}),
        "hosted" => json!({"type": "mcp", "server_label": "x"}),
        other => panic!("no sample of the choice {other}"),
    }
}

fn format(kind: &str) -> Value {
    match kind {
        "json_schema" => json!({"type": kind, "name": "MARK", "schema": {"type": "object"}}),
        "other" => json!({"type": "grammar"}),
        kind => json!({"type": kind}),
    }
}

#[test]
fn every_row_does_what_it_says() {
    for row in TABLE {
        let body = sample(row);
        let lenient = generic().raw(body.to_string().as_bytes());
        let mut strict = generic();
        strict.strictness = Strictness::Strict;
        let strict = strict.raw(body.to_string().as_bytes());
        let dropped = lenient.as_ref().map(|translated| translated.dropped.clone());
        let sent =
            lenient.as_ref().map(|translated| String::from_utf8(translated.chat.clone()).unwrap());
        let marked = body.to_string().contains("MARK");
        let name = row.name;
        match row.loss {
            Loss::Never => {
                assert_eq!(dropped, Ok(vec![]), "{name}");
                assert!(!marked || sent.unwrap().contains("MARK"), "{name} did not arrive");
                assert!(strict.is_ok(), "{name}");
            }
            Loss::Harmless => {
                assert_eq!(dropped, Ok(vec![]), "{name}");
                assert!(!sent.unwrap().contains("MARK"), "{name} arrived");
                assert!(strict.is_ok(), "{name}");
            }
            Loss::Wish => {
                assert_eq!(dropped, Ok(vec![name]), "{name}");
                assert!(!sent.unwrap().contains("MARK"), "{name} arrived");
                assert_eq!(strict.unwrap().dropped, [name]);
            }
            Loss::Substance => {
                // Rows that may be lost in one of several ways report under the exact one.
                let reported = dropped.unwrap();
                let exact = match name {
                    "tool_choice.required" | "tool_choice.function" => vec![],
                    "tool_choice.allowed_tools" => vec!["tool_choice.hosted"],
                    "input.agent_message" => vec!["content.encrypted_content"],
                    name => vec![name],
                };
                assert_eq!(reported, exact, "{name}");
                assert_eq!(strict.is_err(), !exact.is_empty(), "{name}");
            }
            Loss::Refused => {
                assert_eq!(lenient.unwrap_err().param.as_deref(), Some(name));
                assert_eq!(strict.unwrap_err().param.as_deref(), Some(name));
            }
        }
    }
}

/// Choices that a profile may not take at all; with it they are lost as their rows say.
#[test]
fn forced_choices_are_lost_where_only_auto_is_taken() {
    let drive = with("generic", &json!({"tool_choice": "auto_only"}));
    for name in ["tool_choice.required", "tool_choice.function"] {
        let row = TABLE.iter().find(|row| row.name == name).unwrap();
        assert_eq!(drive.translated(&sample(row)).dropped, [name]);
    }
}

#[test]
fn what_a_row_forwards_for_some_profiles_is_forwarded_for_them() {
    let extra =
        ["metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store", "user"];
    let drive = with("generic", &json!({"extra_params": extra}));
    for name in extra {
        let mut body = json!({"model": "m", "input": "x"});
        let (name, value) = parameter(name);
        body[name] = value.clone();
        let translated = drive.translated(&body);
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        assert_eq!(chat[name], value);
        assert!(translated.dropped.is_empty());
    }
    let all = with("generic", &json!({"params": "all"}));
    let translated = all.raw(br#"{"model":"m","input":"x","user":"u","store":true}"#).unwrap();
    let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
    assert_eq!(chat["user"], "u");
    assert!(chat.get("store").is_none());
}

#[test]
fn names_are_fit_for_a_header_and_each_is_there_once() {
    for row in TABLE {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.';
        assert!(row.name.bytes().all(fine), "{}", row.name);
        assert_eq!(TABLE.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
    }
    assert_eq!(TABLE.len(), RULES.len());
    assert!(RULES.iter().all(|rule| rule.ends_with('.') && !rule.contains('|')));
}

/// The page as the table has it.
fn page() -> String {
    let mut page = PREAMBLE.to_owned();
    let mut section = None;
    for (row, rule) in TABLE.iter().zip(RULES) {
        if section != Some(row.section) {
            section = Some(row.section);
            page += &format!(
                "\n## {}\n\n| name | if it is lost | what becomes of it |\n|---|---|---|\n",
                heading(row.section)
            );
        }
        let loss = match row.loss {
            Loss::Never => "never",
            Loss::Harmless => "harmless",
            Loss::Wish => "wish",
            Loss::Substance => "substance",
            Loss::Refused => "refused",
        };
        page += &format!("| `{}` | {loss} | {rule} |\n", row.name);
    }
    page
}

const fn heading(section: Section) -> &'static str {
    match section {
        Section::Parameters => "Parameters",
        Section::Items => "Input items",
        Section::Parts => "Content parts",
        Section::Tools => "Tools",
        Section::ToolChoices => "Tool choices",
        Section::Formats => "Text formats",
        Section::Includes => "Include values",
        Section::Unknown => "Everything else",
    }
}

const PREAMBLE: &str = "\
# Requests

What becomes of everything a Responses request may contain. Nothing is lost without a word: what
Chat Completions or an upstream cannot express is dropped under one of these rules and named, under
the name in the first column, in the response header `x-responses-filter-dropped`.

The second column says what a loss means:

- *never*: it always arrives, or is answered, in one form or another;
- *harmless*: it may be left out, which changes nothing about the answer, so it is not reported;
- *wish*: a server is free not to fulfil it; its loss is reported, and no reason to refuse;
- *substance*: without it the answer would be another; its loss is reported, and with
  `\"strictness\": \"strict\"` the request is refused with a 400 that names the field in `param`;
- *refused*: it cannot work here, so the request is always refused.

`POST …/responses/compact` takes the same body. The upstream is asked for a summary of `input`, which
comes back as one `compaction` item; tools and text formats have no part in that.

`null` counts as absent everywhere. Fields in backquotes that are not part of the API, such as
`extra_params`, are those of an upstream's [profile](configuration.md).

This page is written from `src/translate/treatment.rs` by its test (`UPDATE_EXPECT=1`).
";

#[test]
fn the_documentation_is_the_table() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page(),
        "docs/requests.md is not what the table says: run with UPDATE_EXPECT=1"
    );
}
