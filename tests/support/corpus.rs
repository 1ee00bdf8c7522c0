//! The shared corpus of upstream answers and client requests, where it is at hand.

#![allow(clippy::print_stderr, reason = "a test says when it cannot run")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::drive::{Client, Upstream};

/// Its folder and its cases; nothing, said on standard error, where it is absent.
pub fn cases() -> Option<(PathBuf, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/dialects");
    let Ok(manifest) = fs::read(folder.join("manifest.json")) else {
        eprintln!("The corpus {} is absent: none of its cases runs.", folder.display());
        return None;
    };
    let manifest: Value = serde_json::from_slice(&manifest).expect("manifest.json");
    Some((folder, manifest["cases"].as_array().expect("cases").clone()))
}

/// Whether the case is about the request that leaves, not about an answer.
pub fn is_request(case: &Value) -> bool {
    case["direction"] == "request"
}

/// The case's name.
pub fn id(case: &Value) -> &str {
    case["id"].as_str().expect("id")
}

/// The plugin configuration under which the case holds.
pub fn configuration(case: &Value) -> Value {
    match case["profile"].as_object() {
        Some(profile) if !profile.is_empty() => {
            json!({"upstreams": {"default": {"dialect": profile}}})
        }
        _ => json!({}),
    }
}

/// The client of the case, before a filter that holds headers or does not.
pub fn client(folder: &Path, case: &Value, hold_headers: bool) -> Client {
    let mut configuration = configuration(case);
    configuration["hold_headers"] = hold_headers.into();
    Client::post(body(folder, case).to_string()).with_config(configuration.to_string())
}

/// What that client sends.
pub fn body(folder: &Path, case: &Value) -> Value {
    if is_request(case) {
        let file =
            fs::read(folder.join(case["file"].as_str().expect("file"))).expect("the request");
        let file: Value = serde_json::from_slice(&file).expect("a request in JSON");
        return file["responses_request"].clone();
    }
    let request = &case["request"];
    let tools = request["tools"].as_array().cloned().unwrap_or_default();
    let tool = |name: Value| {
        json!({"type": "function", "name": name, "description": "A tool.", "strict": false,
               "parameters": {"type": "object", "properties": {}}})
    };
    json!({
        "model": "m", "input": "go", "stream": request["stream"].as_bool().unwrap_or(true),
        "tools": tools.into_iter().map(tool).collect::<Vec<_>>(),
    })
}

/// What the upstream of the case answers.
pub fn upstream(folder: &Path, case: &Value) -> Upstream {
    let body = fs::read(folder.join(case["file"].as_str().expect("file"))).expect("the body");
    let http = &case["http"];
    let mut upstream = Upstream::new("", body);
    upstream.status = http["status"].as_u64().expect("a status") as u16;
    upstream.headers.clear();
    if let Some(kind) = http["content_type"].as_str().filter(|kind| !kind.is_empty()) {
        upstream.headers.push(("content-type".into(), kind.into()));
    }
    for (name, value) in http["headers"].as_object().into_iter().flatten() {
        upstream.headers.push((name.clone(), value.as_str().unwrap_or_default().into()));
    }
    upstream
}
