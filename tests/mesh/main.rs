//! The examples of `envoy/examples` in real Envoy, used as an operator would.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests fail by panicking and say where"
)]

#[path = "../support/example.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod example;
#[path = "../support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

mod failover;
mod front;
mod models;
mod observability;
mod prometheus;
mod routing;
mod rules;
mod validate;

use reqwest::blocking::Response;
use serde_json::{Value, json};

/// A request for this model.
fn ask(model: &str) -> Value {
    json!({"model": model, "input": "Say hello."})
}

/// The body of an answer that must be a good one.
fn good(response: Response) -> Value {
    let status = response.status();
    let text = response.text().expect("a body");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// The body of an error with this status.
fn bad(response: Response, status: u16) -> Value {
    let actual = response.status();
    let text = response.text().expect("a body");
    assert_eq!(actual, status, "{text}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    assert!(body["error"]["message"].is_string(), "{body}");
    body["error"].clone()
}
