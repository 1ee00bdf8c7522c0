//! The script over HTTP, for tests that run in another process.
//!
//! | request | does |
//! |---|---|
//! | `POST /_demo/answers` | queues the answer in the body, or each of an array of answers |
//! | `GET /_demo/requests` | lists what was recorded: method, path, headers, body |
//! | `POST /_demo/gates/NAME` | opens the gate that answers name in `wait` |
//! | `DELETE /_demo` | forgets requests, answers and gates |
//!
//! An answer: `{"status": 200, "headers": {"content-type": "text/event-stream"}, "steps": [{"write":
//! "data: …\n\n"}, {"file": "/path", "every": 7}, {"pause_ms": 5}, {"wait": "NAME"}, {"cut": true}],
//! "trailers": {}, "only_for": "text in the request"}`; all of it optional.

#![allow(clippy::indexing_slicing, reason = "a missing key of a serde_json::Value reads as null")]

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Gate, Log, Request, Shared, Step};

/// The answer to a control request; `None` for every other request.
pub(super) fn answer(request: &Request, shared: &Shared) -> Option<Answer> {
    let path = request.path.strip_prefix("/_demo")?;
    Some(match (request.method.as_str(), path) {
        ("POST", "/answers") => match shared.change(|log| queue(log, &request.json())) {
            Ok(queued) => reply(200, &json!({ "queued": queued })),
            Err(reason) => reply(400, &json!({ "error": reason })),
        },
        ("GET", "/requests") => {
            let log = shared.log();
            reply(200, &Value::Array(log.requests.iter().map(recorded).collect()))
        }
        ("POST", path) if path.starts_with("/gates/") => {
            let name = path.trim_start_matches("/gates/");
            shared.change(|log| gate(log, name)).open();
            reply(200, &json!({ "opened": name }))
        }
        ("DELETE", "") => {
            shared.change(Log::forget);
            reply(200, &json!({}))
        }
        _ => reply(404, &json!({ "error": "no such control" })),
    })
}

fn reply(status: u16, body: &Value) -> Answer {
    Answer::json(status, body.to_string())
}

fn recorded(request: &Request) -> Value {
    let headers: Vec<Value> =
        request.headers.iter().map(|(name, value)| json!([name, value])).collect();
    json!({
        "method": request.method,
        "path": request.path,
        "version": request.version,
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
        "complete": request.complete,
    })
}

/// Queues one answer or an array of them, all or none.
fn queue(log: &mut Log, script: &Value) -> Result<usize, String> {
    let scripts = match script {
        Value::Array(scripts) => scripts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let answers =
        scripts.iter().map(|script| parse(log, script)).collect::<Result<Vec<_>, String>>()?;
    let queued = answers.len();
    log.answers.extend(answers);
    Ok(queued)
}

fn parse(log: &mut Log, script: &Value) -> Result<Answer, String> {
    let fields = script.as_object().ok_or("an answer is an object")?;
    let mut answer = Answer::new(200);
    for (field, value) in fields {
        match field.as_str() {
            "status" => {
                answer.status = value
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok())
                    .ok_or("status: a number from 200 to 599")?;
            }
            "headers" => answer.headers = pairs(value).ok_or("headers: an object of strings")?,
            "trailers" => answer.trailers = pairs(value).ok_or("trailers: an object of strings")?,
            "only_for" => answer.only_for = value.as_str().map(str::to_owned),
            "steps" => {
                for value in value.as_array().ok_or("steps: an array")? {
                    add_step(log, &mut answer, value)?;
                }
            }
            other => return Err(format!("{other}: unknown field")),
        }
    }
    Ok(answer)
}

fn add_step(log: &mut Log, answer: &mut Answer, step: &Value) -> Result<(), String> {
    let every = step["every"].as_u64().and_then(|size| usize::try_from(size).ok());
    let body: Bytes = if let Some(text) = step["write"].as_str() {
        text.to_owned().into()
    } else if let Some(path) = step["file"].as_str() {
        std::fs::read(path).map_err(|error| format!("file {path}: {error}"))?.into()
    } else if let Some(pause_ms) = step["pause_ms"].as_u64() {
        answer.steps.push(Step::Pause(Duration::from_millis(pause_ms)));
        return Ok(());
    } else if let Some(name) = step["wait"].as_str() {
        answer.steps.push(Step::Wait(gate(log, name)));
        return Ok(());
    } else if step["cut"] == Value::Bool(true) {
        answer.steps.push(Step::Cut);
        return Ok(());
    } else {
        return Err(format!("steps: {step} has none of write, file, pause_ms, wait, cut"));
    };
    let whole = body.len();
    *answer = answer.clone().write_every(body, every.unwrap_or(whole));
    Ok(())
}

/// The gate of that name, made by whoever names it first.
fn gate(log: &mut Log, name: &str) -> Gate {
    if let Some((_, gate)) = log.gates.iter().find(|(other, _)| other == name) {
        return gate.clone();
    }
    let gate = Gate::new();
    log.gates.push((name.to_owned(), gate.clone()));
    gate
}

fn pairs(value: &Value) -> Option<Vec<(String, String)>> {
    value
        .as_object()?
        .iter()
        .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
