//! Keep-alives: what a waiting client gets to hear, and when.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};

use support::drive::{Answer, Client, Upstream, exchange};
use support::grammar;

fn client(keep_alive_seconds: u64) -> Client {
    client_with(json!({"keep_alive_seconds": keep_alive_seconds}))
}

fn client_with(config: Value) -> Client {
    let tool = json!({"type": "function", "name": "look", "parameters": {"type": "object"}});
    let body = json!({"model": "m", "input": "go", "stream": true, "tools": [tool]});
    Client::post(body.to_string()).with_config(config.to_string())
}

/// These events of an upstream, one every five seconds, then a good end.
fn slow(events: &[String]) -> Upstream {
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let mut pieces: Vec<Vec<u8>> = events.iter().map(|event| event.clone().into_bytes()).collect();
    pieces.push(format!("data: {finish}\n\ndata: [DONE]\n\n").into_bytes());
    Upstream { pieces, pace_ms: 5000, ..Upstream::sse("") }
}

fn comments(count: usize) -> Vec<String> {
    vec![": still here\n\n".to_owned(); count]
}

fn call(index: usize, arguments: &str) -> String {
    let function = json!({"name": "look", "arguments": arguments});
    let call = json!({"index": index, "id": format!("call_{index}"), "function": function});
    let delta = json!({"tool_calls": [call]});
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}))
}

/// How many keep-alives each piece brought, the first `in_progress` not counted.
fn keep_alives(answer: &Answer) -> Vec<usize> {
    grammar::check(&answer.body()).unwrap_or_else(|violation| panic!("{violation}"));
    let count = |piece: &Vec<u8>| {
        let text = String::from_utf8_lossy(piece).into_owned();
        let all = text.matches("event: response.in_progress\n").count();
        all - text.matches("event: response.created\n").count()
    };
    answer.pieces.iter().map(count).collect()
}

#[test]
fn comments_become_keep_alives_at_the_configured_pace() {
    let answer = exchange(&client(15), &slow(&comments(8)));
    assert_eq!(keep_alives(&answer)[..8], [0, 0, 0, 0, 1, 0, 0, 1]);
}

#[test]
fn held_back_calls_keep_the_client_waiting_but_awake() {
    // The first call streams; the second one waits for it and brings no news by itself.
    let mut events = vec![call(0, "{\"a\":"), call(1, "{")];
    events.extend((0..9).map(|_| call(1, " ")));
    events.push(call(1, "}"));
    let answer = exchange(&client(15), &slow(&events));
    let kept: usize = keep_alives(&answer).iter().sum();
    assert!(kept >= 2, "{:?}", keep_alives(&answer));
}

#[test]
fn news_make_keep_alives_unnecessary() {
    let events: Vec<String> = (0..9).map(|_| call(0, " ")).collect();
    let answer = exchange(&client(15), &slow(&events));
    assert_eq!(keep_alives(&answer).iter().sum::<usize>(), 0);
}

#[test]
fn comments_before_anything_else_open_the_stream() {
    let answer = exchange(&client(15), &slow(&comments(1)));
    let first = String::from_utf8(answer.pieces[0].clone()).unwrap();
    assert!(first.starts_with("event: response.created\n"), "{first}");
}

/// Total silence of this many seconds behind a piece of text.
fn silent(seconds: u64) -> Upstream {
    let text = json!({"choices": [{"index": 0, "delta": {"content": "Wait."}}]});
    Upstream { pace_ms: 1000 * seconds, ..slow(&[format!("data: {text}\n\n")]) }
}

fn timed() -> Client {
    client_with(json!({"keep_alive": "timer", "keep_alive_seconds": 15}))
}

#[test]
fn a_timer_fills_silence_at_the_configured_pace() {
    let answer = exchange(&timed(), &silent(50));
    // The text, three keep-alives, the end.
    assert_eq!(keep_alives(&answer)[..5], [0, 1, 1, 1, 0]);
}

#[test]
fn without_a_timer_silence_stays_silent() {
    let answer = exchange(&client(15), &silent(50));
    assert_eq!(keep_alives(&answer).iter().sum::<usize>(), 0);
}

#[test]
fn a_timer_stops_when_nobody_answers_for_long() {
    let answer = exchange(&timed(), &silent(100_000));
    let bytes: usize = answer.pieces.iter().map(Vec::len).sum();
    assert!((1 << 20..1100 << 10).contains(&bytes), "{bytes} bytes");
    assert!(answer.body().ends_with(b"data: [DONE]\n\n"));
}

#[test]
fn comments_do_not_disturb_the_pace_of_a_timer() {
    let mut upstream = slow(&comments(3));
    upstream.pace_ms = 20_000;
    let answer = exchange(&timed(), &upstream);
    // The first comment opens the stream after 20 seconds, the end comes after 80.
    assert_eq!(keep_alives(&answer).iter().sum::<usize>(), (80 - 20) / 15);
}

#[test]
fn whole_answers_know_no_timer() {
    let body = json!({"model": "m", "input": "go"});
    let config = json!({"keep_alive": "timer", "keep_alive_seconds": 1});
    let client = Client::post(body.to_string()).with_config(config.to_string());
    let answer = exchange(&client, &silent(50));
    let response: Value = serde_json::from_slice(&answer.body()).unwrap();
    assert_eq!(response["status"], "completed");
}
