//! Answers made from the conversation, when no script says otherwise.
//!
//! `POST …/chat/completions` answers by the last message:
//!
//! | the user's text contains | answer |
//! |---|---|
//! | `think` (or the request sets `reasoning_effort`) | `reasoning_content` before anything else |
//! | `use a tool` and tools are offered | one tool call |
//! | `use tools` or `in parallel` and tools are offered | two tool calls at once |
//! | anything else | a text that repeats what was said |
//!
//! The tool is the one the text names, else the first with a command to run, else the first; its
//! arguments are made up from its schema. After tool results the answer is a text that quotes them.
//! `GET …/models` lists one model; everything else is 404.

#![allow(clippy::indexing_slicing, reason = "a missing key of a serde_json::Value reads as null")]

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Answer, Request};

/// The name of the only model.
pub const MODEL: &str = "demo";

/// A fixed date keeps answers reproducible.
const CREATED: u64 = 1_767_225_600;

/// Words in one piece of a stream.
const WORDS: usize = 3;

/// The answer to an unscripted request.
pub fn answer(request: &Request, pause: Duration) -> Answer {
    let path = request.path.split('?').next().unwrap_or_default();
    match request.method.as_str() {
        "POST" if path.ends_with("/chat/completions") => completions(request, pause),
        "GET" | "HEAD" if path.ends_with("/models") => {
            let model =
                json!({"id": MODEL, "object": "model", "created": CREATED, "owned_by": "demo"});
            Answer::json(200, json!({"object": "list", "data": [model]}).to_string())
        }
        _ => failure(404, &format!("Unknown request URL: {} {path}.", request.method)),
    }
}

fn failure(status: u16, message: &str) -> Answer {
    let error = json!({
        "message": message,
        "type": "invalid_request_error",
        "param": null,
        "code": null,
    });
    Answer::json(status, json!({ "error": error }).to_string())
}

fn completions(request: &Request, pause: Duration) -> Answer {
    let asked = request.json();
    if !asked.is_object() {
        return failure(400, "We could not parse the JSON body of your request.");
    }
    let Some(messages) = asked["messages"].as_array().filter(|messages| !messages.is_empty())
    else {
        return failure(400, "Missing required parameter: 'messages'.");
    };
    let turn = Turn::new(&asked, messages);
    let model = asked["model"].as_str().unwrap_or(MODEL);
    let usage = usage(request.body.len(), &turn);
    if asked["stream"] != Value::Bool(true) {
        return Answer::json(200, completion(model, &turn, &usage).to_string());
    }
    let mut chunks = chunks(model, &turn);
    if asked["stream_options"]["include_usage"] == Value::Bool(true) {
        let mut last = chunk(model, None, None);
        last["usage"] = usage;
        chunks.push(last);
    }
    let mut answer = Answer::sse();
    for (index, chunk) in chunks.iter().enumerate() {
        if index > 0 && !pause.is_zero() {
            answer = answer.pause(pause);
        }
        answer = answer.write(format!("data: {chunk}\n\n"));
    }
    answer.write("data: [DONE]\n\n")
}

/// What the assistant says and does next.
struct Turn {
    reasoning: String,
    text: String,
    calls: Vec<Call>,
}

struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Turn {
    fn new(asked: &Value, messages: &[Value]) -> Self {
        let results: Vec<String> = messages
            .iter()
            .rev()
            .take_while(|message| message["role"] == "tool")
            .map(|message| text_of(&message["content"]))
            .collect();
        let prompt = messages
            .iter()
            .rev()
            .find(|message| message["role"] == "user")
            .map_or_else(String::new, |message| text_of(&message["content"]));
        let said = prompt.to_lowercase();

        let thinks = asked.get("reasoning_effort").is_some() || said.contains("think");
        let reasoning = if thinks {
            "The user wants to see me think. I look at the last message and answer it.".to_owned()
        } else {
            String::new()
        };
        if !results.is_empty() {
            let quoted: Vec<String> = results.iter().rev().map(|result| quote(result)).collect();
            let text = format!("The tools answered: {}.", quoted.join(" and "));
            return Self { reasoning, text, calls: Vec::new() };
        }
        let wanted = if said.contains("use tools") || said.contains("in parallel") {
            2
        } else {
            usize::from(said.contains("use a tool"))
        };
        let calls = calls(asked, messages, &said, wanted);
        let text = if calls.is_empty() {
            format!("Hello from the demo upstream. You said: {}.", quote(&prompt))
        } else {
            String::new()
        };
        Self { reasoning, text, calls }
    }

    fn finish_reason(&self) -> &'static str {
        if self.calls.is_empty() { "stop" } else { "tool_calls" }
    }
}

fn calls(asked: &Value, messages: &[Value], said: &str, wanted: usize) -> Vec<Call> {
    let offered: Vec<&Value> = asked["tools"]
        .as_array()
        .map(|tools| tools.iter().map(|tool| &tool["function"]).collect())
        .unwrap_or_default();
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    let named = offered.iter().filter(|tool| said.contains(&name(tool).to_lowercase()));
    let runs_a_command = |tool: &&&Value| {
        let properties = &tool["parameters"]["properties"];
        properties.get("cmd").is_some() || properties.get("command").is_some()
    };
    let Some(tool) = named
        .max_by_key(|tool| name(tool).len())
        .or_else(|| offered.iter().find(runs_a_command))
        .or(offered.first())
    else {
        return Vec::new();
    };
    // Ids stay unique over the whole conversation.
    let earlier: usize =
        messages.iter().map(|message| message["tool_calls"].as_array().map_or(0, Vec::len)).sum();
    (1..=wanted)
        .map(|number| Call {
            id: format!("call_demo_{}", earlier + number),
            name: name(tool),
            arguments: sample("", &tool["parameters"], number).to_string(),
        })
        .collect()
}

/// A value that fits the schema, a different one for each `number`.
fn sample(name: &str, schema: &Value, number: usize) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let fields = required.iter().filter_map(Value::as_str).map(|field| {
                (field.to_owned(), sample(field, &schema["properties"][field], number))
            });
            Value::Object(fields.collect::<Map<String, Value>>())
        }
        Some("array") if name == "command" => json!(["echo", format!("hello {number}")]),
        Some("array") => json!([]),
        Some("integer" | "number") => json!(number),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ if name == "cmd" || name == "command" => json!(format!("echo hello {number}")),
        _ => json!(format!("demo {number}")),
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The text in quotes, cut to a length that suits an answer.
fn quote(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    let text = text.trim();
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("\"{}…\"", text.get(..end).unwrap_or_default()),
        None => format!("\"{text}\""),
    }
}

/// Counts a token for every four bytes, as a rule of thumb.
fn usage(request_bytes: usize, turn: &Turn) -> Value {
    let tokens = |bytes: usize| bytes.div_ceil(4);
    let arguments: usize = turn.calls.iter().map(|call| call.arguments.len()).sum();
    let prompt = tokens(request_bytes);
    let reasoning = tokens(turn.reasoning.len());
    let completion = reasoning + tokens(turn.text.len() + arguments);
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    })
}

fn completion(model: &str, turn: &Turn, usage: &Value) -> Value {
    let mut message = json!({
        "role": "assistant",
        "content": if turn.text.is_empty() { Value::Null } else { json!(turn.text) },
    });
    if !turn.reasoning.is_empty() {
        message["reasoning_content"] = json!(turn.reasoning);
    }
    if !turn.calls.is_empty() {
        message["tool_calls"] = turn
            .calls
            .iter()
            .map(|call| {
                json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                })
            })
            .collect();
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": turn.finish_reason()});
    json!({
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [choice],
        "usage": usage,
    })
}

fn chunks(model: &str, turn: &Turn) -> Vec<Value> {
    let delta = |delta: Value| chunk(model, Some(delta), None);
    let mut chunks = vec![delta(json!({"role": "assistant", "content": ""}))];
    chunks.extend(pieces(&turn.reasoning).map(|text| delta(json!({ "reasoning_content": text }))));
    chunks.extend(pieces(&turn.text).map(|text| delta(json!({ "content": text }))));
    for (index, call) in turn.calls.iter().enumerate() {
        chunks.push(delta(json!({"tool_calls": [{
            "index": index,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }]})));
        chunks.extend(pieces(&call.arguments).map(|text| {
            delta(json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}))
        }));
    }
    chunks.push(chunk(model, Some(json!({})), Some(turn.finish_reason())));
    chunks
}

/// A chunk with one choice, or with none when there is no delta.
fn chunk(model: &str, delta: Option<Value>, finish_reason: Option<&str>) -> Value {
    let choices: Vec<Value> = delta
        .into_iter()
        .map(|delta| json!({"index": 0, "delta": delta, "finish_reason": finish_reason}))
        .collect();
    json!({
        "id": "chatcmpl-demo",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "choices": choices,
    })
}

/// The text in pieces of a few words, nothing lost.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    words.chunks(WORDS).map(<[&str]>::concat).collect::<Vec<_>>().into_iter()
}
