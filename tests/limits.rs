//! Every buffer and count has a limit, and every limit a defined end that the client hears of.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};

use support::drive::{Answer, Client, End, Upstream, chat_request, exchange};
use support::summary::Summary;
use support::verdict::{Verdict, verdict};

fn limited(limits: Value) -> String {
    json!({"limits": limits}).to_string()
}

fn client(input: Value, stream: bool) -> Client {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"a": 1}});
    let tools = [tool("look"), tool("row")];
    let body = json!({"model": "m", "input": input, "stream": stream, "tools": tools});
    Client::post(body.to_string())
}

fn chunk(delta: Value, finish: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}))
}

fn call(index: usize, arguments: &str) -> Value {
    let function = json!({"name": "look", "arguments": arguments});
    json!({"tool_calls": [{"index": index, "id": format!("call_{index}"), "function": function}]})
}

/// A stream of these deltas that ends well.
fn stream(deltas: &[Value]) -> Upstream {
    let chunks: String = deltas.iter().map(|delta| chunk(delta.clone(), None)).collect();
    Upstream::sse(format!("{chunks}{}data: [DONE]\n\n", chunk(json!({}), Some("stop"))))
}

#[track_caller]
fn told(answer: &Answer) -> (Summary, Verdict) {
    let verdict = verdict(answer).unwrap_or_else(|violation| panic!("{violation}"));
    (verdict.summary(), verdict)
}

/// What the documentation says of a limit: the status and the code of its error.
fn documented(name: &str) -> (u16, &'static str) {
    let page = include_str!("../docs/operations.md");
    let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
    let row = row.unwrap_or_else(|| panic!("{name} is not documented"));
    let mut words = row.split(" | ").nth(1).expect("a cell").split([' ', '`', ';', ',']);
    let status = words.next().and_then(|word| word.parse().ok()).expect("a status");
    (status, words.find(|word| !word.is_empty()).expect("a code"))
}

/// Within the limit the answer is whole; beyond it the answer fails with the limit's name, streamed
/// or not, and however it is cut.
#[track_caller]
fn bounds(name: &str, enough: usize, upstream: &Upstream) {
    for stream in [true, false] {
        let client = client(json!("go"), stream);
        let within = client.clone().with_config(limited(json!({name: enough})));
        assert_eq!(told(&exchange(&within, upstream)).0.terminal, "completed", "{name}");
        let beyond = client.with_config(limited(json!({name: enough - 1})));
        for cut in [upstream.clone(), upstream.in_pieces_of(5)] {
            let (summary, verdict) = told(&exchange(&beyond, &cut));
            assert_eq!(summary.terminal, "failed:server_error", "{name}");
            let message = verdict.error().unwrap()["message"].as_str().unwrap();
            assert!(message.contains(&format!("limits.{name}")), "{message}");
            let code = verdict.error().unwrap()["code"].as_str().unwrap().to_owned();
            let (status, documented_code) = documented(name);
            assert_eq!(code, documented_code, "{name}");
            assert!(stream || exchange(&beyond, &cut).status == status, "{name}");
        }
    }
}

#[test]
fn output_is_bounded() {
    let pieces = json!([{"content": "four"}, {"reasoning_content": "four"}, {"content": "four"}]);
    bounds("output_bytes_max", 12, &stream(pieces.as_array().unwrap()));
}

#[test]
fn arguments_are_bounded() {
    bounds("arguments_bytes_max", 12, &stream(&[call(0, "{    }"), call(1, "{    }")]));
}

#[test]
fn calls_are_bounded() {
    bounds("tool_calls_max", 2, &stream(&[call(0, "{}"), call(1, "{}")]));
}

#[test]
fn events_are_bounded() {
    let text = json!({"content": "x".repeat(100)});
    let long = chunk(text.clone(), None);
    let upstream = stream(&[text, json!({"content": "x"})]);
    // Its line without the line end, and without the blank line behind it.
    bounds("event_bytes_max", long.len() - 2, &upstream);
}

/// A line without an end is given up as soon as it is too long, not when the upstream stops.
#[test]
fn an_endless_event_ends_the_answer_at_once() {
    let client = client(json!("go"), true).with_config(limited(json!({"event_bytes_max": 1000})));
    let mut upstream = Upstream::sse(format!("data: {}", "x".repeat(3000))).in_pieces_of(100);
    upstream.end = End::Reset;
    let answer = exchange(&client, &upstream);
    assert_eq!(told(&answer).0.terminal, "failed:server_error");
    let last = answer.pieces.iter().rposition(|piece| !piece.is_empty()).unwrap();
    assert!(last <= 11, "the end came with piece {last}");
}

#[test]
fn a_whole_answer_is_bounded() {
    let message = json!({"role": "assistant", "content": "x".repeat(2000)});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let upstream = Upstream::json(json!({"choices": [choice]}).to_string());
    bounds("event_bytes_max", upstream.pieces.concat().len(), &upstream);
}

#[test]
fn an_error_body_is_read_no_further_than_it_needs() {
    let long = format!("{{\"error\":{{\"message\":\"No.\",\"x\":\"{}\"}}}}", "x".repeat(5000));
    let config = limited(json!({"error_bytes_max": 1000}));
    let mut upstream = Upstream::json(long).in_pieces_of(100);
    upstream.status = 400;
    upstream.end = End::Reset;
    let answer = exchange(&client(json!("go"), true).with_config(config), &upstream);
    assert_eq!(answer.status, 400, "the answer comes although the upstream never ends");
    told(&answer);
}

/// A request beyond a limit is refused with the field, the limit and a status that says whose fault
/// it is.
#[track_caller]
fn refused(name: &str, enough: usize, status: u16, client: &Client) {
    let within = client.clone().with_config(limited(json!({name: enough})));
    chat_request(&within).unwrap_or_else(|reply| panic!("{name}: {reply:?}"));
    let beyond = client.clone().with_config(limited(json!({name: enough - 1})));
    let reply = chat_request(&beyond).expect_err(name);
    assert_eq!(reply.status, status, "{name}");
    let body = support::grammar::check_error(&reply.body).unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains(&(enough - 1).to_string()), "{name}: {message}");
    let code = body["error"]["code"].as_str().unwrap();
    assert_eq!((reply.status, code), documented(name), "{name}");
}

#[test]
fn requests_are_bounded() {
    let text = json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]);
    let two = client(text, true);
    refused("request_bytes_max", two.body.len(), 413, &two);
    refused("input_items_max", 2, 400, &two);
    refused("tools_max", 2, 400, &two);
    // The request, its tools, a tool, its schema.
    refused("depth_max", 4, 400, &two);
    let is_enough = |values: &usize| {
        let limits = limited(json!({"json_values_max": values}));
        chat_request(&two.clone().with_config(limits)).is_ok()
    };
    refused("json_values_max", (1..100).find(is_enough).unwrap(), 400, &two);
}

/// A host ends a stream that writes more into its buffer than that takes.
#[test]
fn large_answers_never_go_into_a_pause() {
    for kib in [3, 6, 10, 63, 65, 600, 3000] {
        let text = "x".repeat(kib << 10);
        let message = json!({"role": "assistant", "content": text});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        let whole = Upstream::json(json!({"choices": [choice]}).to_string());
        for upstream in [whole, stream(&[json!({"content": text})])] {
            for (stream, hold_headers) in EACH_WAY {
                let config = json!({"hold_headers": hold_headers}).to_string();
                let client = client(json!("go"), stream).with_config(config);
                for end in [End::Empty, End::WithLast, End::Trailers] {
                    let upstream = upstream.in_pieces_of(16 << 10).ending(end);
                    let answer = exchange(&client, &upstream);
                    let summary = told(&answer).0;
                    assert_eq!(
                        (summary.terminal.as_str(), summary.text.len()),
                        ("completed", kib << 10)
                    );
                }
            }
        }
    }
}

/// Streamed or not, with and without held headers.
const EACH_WAY: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

/// The echo of a large request makes every answer large; that must not go into a pause either.
#[test]
fn large_echoes_never_go_into_a_pause() {
    let message = json!({"role": "assistant", "content": "Hi."});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let whole = Upstream::json(json!({"choices": [choice]}).to_string());
    for kib in [10, 13, 100, 200, 600, 1500] {
        let mut body: Value = serde_json::from_slice(&client(json!("go"), true).body).unwrap();
        body["instructions"] = "x".repeat(kib << 10).into();
        for (stream, hold_headers) in EACH_WAY {
            body["stream"] = stream.into();
            let config = json!({"hold_headers": hold_headers}).to_string();
            let client = Client::post(body.to_string()).with_config(config);
            let upstream = self::stream(&[json!({"content": "Hi."})]);
            for upstream in [whole.clone(), upstream.clone(), upstream.in_pieces_of(30)] {
                let answer = exchange(&client, &upstream);
                assert_eq!(told(&answer).0.text, "Hi.");
            }
        }
    }
}
