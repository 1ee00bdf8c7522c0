//! The filter in real Envoy: the artifact of `make build`, the configuration of `envoy/envoy.yaml`,
//! the scripted upstream. Nothing here sleeps: where order matters, the upstream waits at a gate.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests fail by panicking and say where"
)]

#[path = "../support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/upstream.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod upstream;

mod answers;
mod broken;
mod errors;
mod live;
mod passthrough;
mod requests;

use envoy::{Envoy, Setup};
use reqwest::blocking::Response;
use serde_json::{Value, json};
use support::grammar::{self, Stream};
use support::summary::Summary;

/// Runs a test twice: with request headers held until the body is there, and without.
fn in_both_modes(test: impl Fn(&Envoy)) {
    in_both_modes_of(|| Setup::new(), test);
}

fn in_both_modes_of(setup: impl Fn() -> Setup, test: impl Fn(&Envoy)) {
    for hold_headers in [true, false] {
        eprintln!("hold_headers: {hold_headers}");
        test(&setup().hold_headers(hold_headers).start());
    }
}

/// A streamed answer, checked against the grammar.
fn stream_of(response: Response) -> Stream {
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "text/event-stream; charset=utf-8");
    let body = response.bytes().expect("a whole stream");
    checked_stream(&body)
}

fn checked_stream(body: &[u8]) -> Stream {
    grammar::check(body)
        .unwrap_or_else(|violation| panic!("{violation}\n{}", String::from_utf8_lossy(body)))
}

/// An answer in one piece, checked.
fn whole_of(response: Response) -> Summary {
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    let body = response.bytes().expect("a whole body");
    let checked = grammar::check_response(&body)
        .unwrap_or_else(|violation| panic!("{violation}\n{}", String::from_utf8_lossy(&body)));
    Summary::of_response(&checked)
}

/// An error in OpenAI's shape, checked; gives its `error` object.
fn error_of(response: Response) -> Value {
    assert_eq!(header(&response, "content-type"), "application/json");
    let body = response.bytes().expect("a whole body");
    let checked = grammar::check_error(&body)
        .unwrap_or_else(|violation| panic!("{violation}\n{}", String::from_utf8_lossy(&body)));
    checked["error"].clone()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

/// The end of an upstream's stream.
const DONE: &str = "data: [DONE]\n\n";

/// A chunk of an upstream's stream with this delta.
fn delta(delta: Value) -> String {
    chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]))
}

/// The chunk that ends an upstream's answer.
fn finish(reason: &str) -> String {
    chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]))
}

fn chunk(choices: Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": "m",
        "choices": choices,
    });
    format!("data: {chunk}\n\n")
}

/// A whole upstream stream that says this text.
fn says(text: &str) -> String {
    [delta(json!({"role": "assistant", "content": text})), finish("stop"), DONE.to_owned()].concat()
}

/// A completion with this message.
fn completion(message: Value) -> String {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    })
    .to_string()
}

/// A streamed request.
fn ask(input: &str) -> Value {
    json!({"model": "m", "input": input, "stream": true})
}

/// A request for an answer in one piece.
fn ask_whole(input: &str) -> Value {
    json!({"model": "m", "input": input})
}
