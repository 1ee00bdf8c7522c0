//! The request cases of the shared corpus of dialects.

use std::path::Path;

use serde_json::Value;

use crate::drive::with;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/dialects");

#[test]
fn every_request_case_of_the_corpus_holds() {
    let corpus = Path::new(CORPUS);
    let Ok(manifest) = std::fs::read(corpus.join("manifest.json")) else {
        eprintln!("skipped: no corpus at {CORPUS}");
        return;
    };
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut count = 0;
    for case in manifest["cases"].as_array().unwrap() {
        if case["direction"] != "request" {
            continue;
        }
        let id = case["id"].as_str().unwrap();
        let file = std::fs::read(corpus.join(case["file"].as_str().unwrap())).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let chat = with("generic", &case["profile"]).chat(&file["responses_request"]);
        for (assertion, expected) in case["expect"].as_object().unwrap() {
            assert!(
                holds(assertion, expected, &case["expect"], &chat),
                "{id}: {assertion}: {chat:#}"
            );
        }
        count += 1;
    }
    assert!(count >= 13, "the corpus has only {count} request cases");
}

/// Whether one assertion of the corpus holds for a chat request.
fn holds(assertion: &str, expected: &Value, all: &Value, chat: &Value) -> bool {
    let messages = chat["messages"].as_array().unwrap();
    let empty = Vec::new();
    let tools = chat["tools"].as_array().unwrap_or(&empty);
    let names: Vec<&str> =
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    let words = || expected.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    match assertion {
        "all_tools_type" => tools.iter().all(|tool| tool["type"] == *expected),
        "allowed_top_level" => {
            chat.as_object().unwrap().keys().all(|key| words().any(|word| word == key))
        }
        "body_has" => expected.as_object().unwrap().iter().all(|(path, value)| {
            let pointer = format!("/{}", path.replace('.', "/"));
            chat.pointer(&pointer) == Some(value)
        }),
        "every_tool_has_object_parameters" => {
            tools.iter().all(|tool| tool["function"]["parameters"]["type"] == "object")
        }
        "first_contains" => {
            words().all(|word| messages[0]["content"].as_str().unwrap().contains(word))
        }
        "messages" => {
            let any_order = all["order_of_tool_messages"] == "any";
            let expected = expected.as_array().unwrap();
            expected.len() == messages.len()
                && expected.iter().zip(messages).all(|(expected, message)| {
                    same_message(expected, message)
                        || (any_order
                            && expected["role"] == "tool"
                            && messages.iter().any(|message| same_message(expected, message)))
                })
        }
        "messages_roles" => {
            messages.iter().map(|message| message["role"].as_str().unwrap()).eq(words())
        }
        "no_field_in_tools" => {
            words().all(|word| !chat["tools"].to_string().contains(&format!("\"{word}\"")))
        }
        "no_message_with_role" => messages.iter().all(|message| message["role"] != *expected),
        "no_tool_named" => words().all(|word| !names.contains(&word)),
        "order_of_tool_messages" => true,
        "text_contains" => chat["messages"].to_string().contains(expected.as_str().unwrap()),
        "tool_names_include" => words().all(|word| names.contains(&word)),
        other => panic!("unknown assertion {other}"),
    }
}

fn same_message(expected: &Value, message: &Value) -> bool {
    let same_content = match (&expected["content"], &message["content"]) {
        _ if expected["content_any"] == true => true,
        (_, Value::Array(parts)) if expected.get("content_parts").is_some() => {
            let kinds: Vec<Value> = parts.iter().map(|part| part["type"].clone()).collect();
            expected["content_parts"] == Value::Array(kinds)
        }
        (Value::Null, Value::String(text)) => text.is_empty(),
        (expected, content) => expected == content,
    };
    let members = expected.as_object().unwrap().iter();
    same_content
        && members
            .filter(|(name, _)| !name.starts_with("content"))
            .all(|(name, value)| message[name] == *value)
}
