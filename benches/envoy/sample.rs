//! One exchange of every work with every target is read completely, request and answer: what is
//! wrong must not be fast.

use serde_json::Value;

use super::answer::{CALL_ID, CONCLUSION, Script, TOOL};
use super::oracle::frames;
use super::oracle::grammar;
use super::oracle::summary::Call;
use super::workload::{Kind, Workload};

/// Checks what came through an Envoy that translates nothing.
///
/// # Errors
/// What differs from what the upstream sent, and from what the client sent.
pub fn untouched(
    script: &Script,
    answer: &[u8],
    sent: &str,
    received: &[u8],
) -> Result<(), String> {
    same("the answer", answer == script.body)?;
    same("the request", received == sent.as_bytes())
}

/// Checks a translated answer by the oracle of the tests, and by what the upstream said.
///
/// # Errors
/// What is wrong with it.
pub fn translated(work: &Workload, script: &Script, answer: &[u8]) -> Result<(), String> {
    let stream = grammar::check(answer).map_err(|violation| violation.to_string())?;
    let summary = stream.summary;
    let (mut text, mut reasoning, mut arguments) = ("", "", None);
    match work.kind {
        Kind::Text | Kind::Padded => text = &script.content,
        Kind::Reason => (text, reasoning) = (CONCLUSION, &script.content),
        Kind::Tool => arguments = Some(&script.content),
    }
    same("the status", summary.terminal == "completed")?;
    same("the text", summary.text == text)?;
    same("the reasoning", summary.reasoning == reasoning)?;
    let calls: Vec<_> = summary.calls.iter().map(|call| &call.arguments).collect();
    same("the calls", calls == Vec::from_iter(arguments))?;
    let named = |call: &Call| call.name == TOOL && call.call_id == CALL_ID;
    same("the call's name", summary.calls.iter().all(named))?;
    let output = summary.usage.map(|usage| usage.output);
    same("the usage", output == Some(work.chunks as u64))?;
    let deltas = stream
        .events
        .iter()
        .filter(|event| event["type"].as_str().is_some_and(|kind| kind.ends_with(".delta")));
    let due = work.chunks + usize::from(work.kind == Kind::Reason);
    same("the number of deltas", deltas.count() == due)
}

/// Checks a translated request: every text, every schema, every call and output is still there.
///
/// # Errors
/// What is missing.
pub fn request(sent: &str, received: &[u8]) -> Result<(), String> {
    let sent = frames::json(sent.as_bytes()).map_err(|violation| violation.to_string())?;
    let chat = frames::json(received).map_err(|violation| violation.to_string())?;
    same("stream", chat["stream"] == true)?;
    same("model", chat["model"] == sent["model"])?;
    let messages = list(&chat["messages"]);
    let said: Vec<String> =
        messages.iter().flat_map(|message| texts(&message["content"])).collect();
    let text = said.join("\n");
    same("instructions", text.contains(sent["instructions"].as_str().unwrap_or("?")))?;
    let calls: Vec<&Value> =
        messages.iter().flat_map(|message| list(&message["tool_calls"])).collect();
    for item in list(&sent["input"]) {
        match item["type"].as_str() {
            Some("message") => {
                for part in texts(&item["content"]) {
                    same("a message", text.contains(&part))?;
                }
            }
            Some("function_call") => {
                let is_call = |call: &&&Value| {
                    call["id"] == item["call_id"]
                        && call["function"]["arguments"] == item["arguments"]
                };
                same("a call", calls.iter().filter(is_call).count() == 1)?;
            }
            Some("function_call_output") => {
                let is_output = |message: &&Value| {
                    message["tool_call_id"] == item["call_id"]
                        && texts(&message["content"]) == texts(&item["output"])
                };
                same("an output", messages.iter().filter(is_output).count() == 1)?;
            }
            _ => {}
        }
    }
    let schemas = |tools: &[Value], at: &str| -> Vec<Value> {
        tools.iter().filter_map(|tool| tool.pointer(at).cloned()).collect()
    };
    let offered = schemas(list(&sent["tools"]), "/parameters");
    same("the schemas", schemas(list(&chat["tools"]), "/function/parameters") == offered)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The texts in a content, whether it is a string or parts.
fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        parts => {
            list(parts).iter().filter_map(|part| part["text"].as_str().map(str::to_owned)).collect()
        }
    }
}

fn same(what: &str, holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what} is not what it should be")) }
}
