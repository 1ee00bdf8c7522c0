//! Real requests of the Codex CLI: each becomes a chat request that every upstream takes, and nothing
//! in it is lost.

use std::collections::BTreeSet;
use std::path::PathBuf;

use responses_filter::dialect::{Images, ReasoningReplay, Schema, ToolCallId};
use responses_filter::translate::request::Task;
use serde_json::Value;

use crate::drive::{Drive, all_presets};

const BODIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/codex-requests");

fn bodies() -> Vec<(String, Vec<u8>)> {
    let Ok(folder) = std::fs::read_dir(BODIES) else {
        eprintln!("skipped: no requests at {BODIES}");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 44, "only {} requests", files.len());
    let name = |file: &PathBuf| file.file_stem().unwrap().to_string_lossy().into_owned();
    files.iter().map(|file| (name(file), std::fs::read(file).unwrap())).collect()
}

#[test]
fn every_request_of_codex_works_with_every_preset() {
    for (name, body) in bodies() {
        let request: Value = serde_json::from_slice(&body).unwrap();
        for (preset, drive) in all_presets() {
            let translated = drive.translated(&request);
            assert_eq!(translated.chat, drive.translated(&request).chat, "twice the same bytes");
            let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
            let account =
                Account { drive: &drive, chat: &chat, place: format!("{name}, {preset}") };
            account.of(&request, translated.task);
        }
    }
}

#[test]
fn an_ordinary_request_of_codex_passes_strict_unless_it_wants_hosted_tools() {
    use responses_filter::config::Strictness;
    for (name, body) in bodies() {
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        let mut drive = crate::drive::generic();
        drive.strictness = Strictness::Strict;
        if let Some(tools) = request.get_mut("tools").and_then(Value::as_array_mut)
            && tools.iter().any(|tool| tool["type"] == "web_search")
        {
            let error = drive.raw(&body).unwrap_err();
            assert!(error.param.unwrap().starts_with("tools["), "{name}");
            tools.retain(|tool| tool["type"] != "web_search");
        }
        drive.translated(&request);
    }
}

/// Looks for everything of a request in the chat request.
struct Account<'a> {
    drive: &'a Drive,
    chat: &'a Value,
    place: String,
}

impl Account<'_> {
    fn of(&self, request: &Value, task: Task) {
        let items = request["input"].as_array().unwrap();
        let mut tools: Vec<&Value> = request["tools"].as_array().into_iter().flatten().collect();
        let mut calls = 0;
        for item in items {
            match item["type"].as_str().unwrap() {
                "message" | "agent_message" => self.texts(&item["content"]),
                "reasoning" => self.reasoning(item),
                "function_call" => {
                    calls += 1;
                    self.call(item, item["arguments"].as_str().unwrap());
                }
                "custom_tool_call" => {
                    calls += 1;
                    let input = serde_json::json!({"input": item["input"]}).to_string();
                    self.call(item, &input);
                }
                "tool_search_call" => {
                    calls += 1;
                    self.call(item, &item["arguments"].to_string());
                }
                "function_call_output" | "custom_tool_call_output" => self.output(item),
                "tool_search_output" | "additional_tools" => {
                    tools.extend(item["tools"].as_array().unwrap());
                }
                "compaction_trigger" => assert_eq!(task, Task::CompactionItem, "{}", self.place),
                other => panic!("{}: {other} is not accounted for", self.place),
            }
        }
        let sent: usize =
            self.messages().map(|m| m["tool_calls"].as_array().map_or(0, Vec::len)).sum();
        assert_eq!(sent, calls, "{}: calls", self.place);
        if task == Task::Respond {
            self.tools(&tools);
        } else {
            assert!(self.chat.get("tools").is_none());
        }
    }

    fn messages(&self) -> impl Iterator<Item = &Value> {
        self.chat["messages"].as_array().unwrap().iter()
    }

    fn says(&self, text: &str) -> bool {
        let in_part = |part: &Value| part["text"].as_str().is_some_and(|said| said.contains(text));
        self.messages().any(|message| match &message["content"] {
            Value::String(said) => said.contains(text),
            Value::Array(parts) => parts.iter().any(in_part),
            _ => false,
        })
    }

    fn texts(&self, content: &Value) {
        for part in content.as_array().unwrap() {
            match part["type"].as_str().unwrap() {
                "input_text" | "output_text" => {
                    let text = part["text"].as_str().unwrap();
                    assert!(self.says(text), "{}: lost {text:?}", self.place);
                }
                "encrypted_content" => {
                    let text = part["encrypted_content"].as_str().unwrap();
                    assert!(self.says(text), "{}: lost {text:?}", self.place);
                }
                "input_image" => {
                    let url = part["image_url"].as_str().unwrap();
                    let sent = self.chat["messages"].to_string().contains(url);
                    assert!(sent || self.drive.dialect.images == Images::None, "{}", self.place);
                }
                other => panic!("{}: part {other}", self.place),
            }
        }
    }

    fn output(&self, item: &Value) {
        match &item["output"] {
            Value::String(text) => assert!(self.says(text), "{}: lost {text:?}", self.place),
            parts => self.texts(parts),
        }
    }

    fn reasoning(&self, item: &Value) {
        let part = item["content"].get(0).or(item["summary"].get(0));
        let Some(text) = part.and_then(|part| part["text"].as_str()) else { return };
        let wanted = !matches!(
            self.drive.dialect.reasoning_replay,
            ReasoningReplay::Auto | ReasoningReplay::None | ReasoningReplay::ThoughtSignature
        );
        let sent = self.chat["messages"].to_string().contains(&format!("\"{text}\""));
        assert_eq!(sent, wanted, "{}: reasoning {text:?}", self.place);
    }

    fn call(&self, item: &Value, arguments: &str) {
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        let name = item["name"].as_str().unwrap_or("tool_search");
        let same = |call: &Value| {
            let sent = call["function"]["arguments"].as_str().unwrap();
            serde_json::from_str::<Value>(sent).unwrap() == arguments
                && call["function"]["name"].as_str().unwrap().contains(&name[..name.len().min(20)])
                && (self.drive.dialect.tool_call_id != ToolCallId::Pass
                    || call["id"] == item["call_id"])
        };
        let mut calls = self.messages().filter_map(|m| m["tool_calls"].as_array()).flatten();
        assert!(calls.any(same), "{}: lost the call of {name}", self.place);
    }

    fn tools(&self, tools: &[&Value]) {
        let empty = Vec::new();
        let sent = self.chat["tools"].as_array().unwrap_or(&empty);
        let mut wanted = BTreeSet::new();
        for tool in tools {
            match tool["type"].as_str().unwrap() {
                "namespace" => {
                    for member in tool["tools"].as_array().unwrap() {
                        self.tool(sent, member, tool["name"].as_str().unwrap());
                        wanted.insert((tool["name"].as_str(), member["name"].as_str()));
                    }
                }
                "web_search" => {}
                "tool_search" => {
                    wanted.insert((None, Some("tool_search")));
                }
                _ => {
                    self.tool(sent, tool, "");
                    wanted.insert((None, tool["name"].as_str()));
                }
            }
        }
        assert_eq!(sent.len(), wanted.len(), "{}: tools", self.place);
    }

    fn tool(&self, sent: &[Value], tool: &Value, namespace: &str) {
        let name = tool["name"].as_str().unwrap();
        let description = tool["description"].as_str().unwrap_or_default();
        let plain = self.drive.dialect.schema == Schema::Plain;
        let has_properties =
            tool["parameters"]["properties"].as_object().is_some_and(|known| !known.is_empty());
        let compares = plain && tool["type"] == "function" && has_properties;
        let found = sent.iter().map(|tool| &tool["function"]).any(|function| {
            function["name"].as_str().unwrap().contains(&name[..name.len().min(10)])
                && function["description"].as_str().unwrap_or_default().contains(description)
                && (!compares || function["parameters"] == tool["parameters"])
        });
        assert!(found, "{}: lost the tool {namespace}/{name}", self.place);
    }
}
