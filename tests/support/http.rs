//! Requests, answers of upstreams, and answers of the filter held against the oracles.

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::support::grammar::{self, Stream};
use crate::support::summary::Summary;

/// A streamed answer, checked against the grammar.
pub fn stream_of(response: Response) -> Stream {
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "text/event-stream; charset=utf-8");
    let body = response.bytes().expect("a whole stream");
    checked_stream(&body)
}

pub fn checked_stream(body: &[u8]) -> Stream {
    grammar::check(body).unwrap_or_else(|violation| panic!("{violation}\n{}", excerpt(body)))
}

/// The end of a text, which is where answers go wrong.
fn excerpt(body: &[u8]) -> String {
    const BYTES_MAX: usize = 10_000;
    let from = body.len().saturating_sub(BYTES_MAX);
    String::from_utf8_lossy(&body[from..]).into_owned()
}

/// An answer in one piece, checked.
pub fn whole_of(response: Response) -> Summary {
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    let body = response.bytes().expect("a whole body");
    let checked = grammar::check_response(&body)
        .unwrap_or_else(|violation| panic!("{violation}\n{}", excerpt(&body)));
    Summary::of_response(&checked)
}

/// An error in OpenAI's shape, checked; gives its `error` object.
pub fn error_of(response: Response) -> Value {
    assert_eq!(header(&response, "content-type"), "application/json");
    let body = response.bytes().expect("a whole body");
    let checked = grammar::check_error(&body)
        .unwrap_or_else(|violation| panic!("{violation}\n{}", excerpt(&body)));
    checked["error"].clone()
}

pub fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

/// The end of an upstream's stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// A chunk of an upstream's stream with this delta.
pub fn delta(delta: Value) -> String {
    chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]))
}

/// The chunk that ends an upstream's answer.
pub fn finish(reason: &str) -> String {
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
pub fn says(text: &str) -> String {
    [delta(json!({"role": "assistant", "content": text})), finish("stop"), DONE.to_owned()].concat()
}

/// A completion with this message.
pub fn completion(message: Value) -> String {
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
pub fn ask(input: &str) -> Value {
    json!({"model": "m", "input": input, "stream": true})
}

/// A request for an answer in one piece.
pub fn ask_whole(input: &str) -> Value {
    json!({"model": "m", "input": input})
}
