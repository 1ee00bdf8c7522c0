//! The upstream that all other tests rely on: what it says by itself, and how it is scripted over HTTP.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

use std::io::Read;

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use upstream::{Outcome, PATIENCE, Upstream};

fn client() -> Client {
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

fn url(upstream: &Upstream, path: &str) -> String {
    format!("http://{}{path}", upstream.address())
}

fn complete(upstream: &Upstream, body: &Value) -> Response {
    client().post(url(upstream, "/v1/chat/completions")).json(body).send().unwrap()
}

/// The chunks of a streamed answer, without the end mark that must follow them.
fn chunks(response: Response) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().unwrap();
    let chunks = text.strip_suffix("data: [DONE]\n\n").expect("an end mark");
    let data = chunks.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn the_conversation_decides() {
    let upstream = Upstream::start();
    let tool = |name: &str, field: &str| {
        let parameters = json!({
            "type": "object",
            "properties": {field: {"type": "string"}, "count": {"type": "integer"}},
            "required": [field, "count"],
        });
        json!({"type": "function", "function": {"name": name, "parameters": parameters}})
    };
    let tools = json!([tool("read", "path"), tool("run", "cmd")]);
    let ask = |prompt: &str| {
        let body = json!({"model": "m", "tools": tools,
                          "messages": [{"role": "user", "content": prompt}]});
        let mut answer: Value = complete(&upstream, &body).json().unwrap();
        assert_eq!(answer["object"], "chat.completion");
        assert_eq!(answer["model"], "m");
        let usage = &answer["usage"];
        let sum =
            usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
        assert_eq!(usage["total_tokens"], sum);
        answer["choices"][0].take()
    };
    let text = ask("Hi");
    assert_eq!(text["finish_reason"], "stop");
    assert_eq!(text["message"]["content"], "Hello from the demo upstream. You said: \"Hi\".");
    assert_eq!(text["message"].get("reasoning_content"), None);
    assert!(ask("Think.")["message"]["reasoning_content"].is_string());

    let one = ask("Use a tool.");
    assert_eq!(one["finish_reason"], "tool_calls");
    let calls = one["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["function"]["name"], "run", "a command first");
    let arguments = calls[0]["function"]["arguments"].as_str().unwrap();
    assert_eq!(arguments, r#"{"cmd":"echo hello 1","count":1}"#);
    let two = ask("Use tools in parallel: read.");
    let calls = two["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1]["function"]["name"], "read", "the one that was named");
    assert_ne!(calls[0]["id"], calls[1]["id"]);
}

#[test]
fn results_of_tools_are_quoted() {
    let upstream = Upstream::start();
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "Use tools."},
        {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "first"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "second"}]},
    ]});
    let answer: Value = complete(&upstream, &body).json().unwrap();
    let text = &answer["choices"][0]["message"]["content"];
    assert_eq!(text, "The tools answered: \"first\" and \"second\".");
}

#[test]
fn a_stream_says_the_same_as_a_whole_answer() {
    let upstream = Upstream::start();
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    for prompt in ["Please think about it a little longer than usual.", "use tools"] {
        let messages = json!([{"role": "user", "content": prompt}]);
        let mut body = json!({"model": "m", "messages": messages, "tools": tools});
        let whole: Value = complete(&upstream, &body).json().unwrap();
        body["stream"] = true.into();
        let without_usage = chunks(complete(&upstream, &body));
        assert!(without_usage.iter().all(|chunk| chunk.get("usage").is_none()));
        body["stream_options"] = json!({"include_usage": true});
        let chunks = chunks(complete(&upstream, &body));
        assert_eq!(chunks.len(), without_usage.len() + 1);
        assert!(chunks.last().unwrap()["usage"]["total_tokens"].is_u64());

        let message = &whole["choices"][0]["message"];
        let joined = |field: &str| {
            let pieces =
                chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str());
            pieces.collect::<String>()
        };
        for field in ["content", "reasoning_content"] {
            assert_eq!(joined(field), message[field].as_str().unwrap_or_default());
        }
        for (index, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let deltas = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]);
            let arguments: String = deltas
                .filter(|delta| delta["index"] == index)
                .filter_map(|delta| delta["function"]["arguments"].as_str())
                .collect();
            assert_eq!(arguments, call["function"]["arguments"].as_str().unwrap());
        }
        let finish = |chunk: &&Value| chunk["choices"][0]["finish_reason"].is_string();
        let finish = chunks.iter().find(finish).unwrap();
        assert_eq!(finish["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"]);
    }
}

#[test]
fn what_it_does_not_serve_is_an_error() {
    let upstream = Upstream::start();
    let models: Value = client().get(url(&upstream, "/v1/models")).send().unwrap().json().unwrap();
    assert_eq!(models["data"][0]["id"], "demo");
    for (path, body, status) in [
        ("/v1/chat/completions", "{", 400),
        ("/v1/chat/completions", "{\"messages\": []}", 400),
        ("/v1/responses", "{}", 404),
    ] {
        let answer = client().post(url(&upstream, path)).body(body).send().unwrap();
        assert_eq!(answer.status(), status, "{path} {body}");
        let answer: Value = answer.json().unwrap();
        assert!(answer["error"]["message"].is_string());
    }
}

#[test]
fn it_is_scripted_over_http() {
    let upstream = Upstream::start();
    let control = |method: &str, path: &str, body: Value| {
        let method = method.parse().unwrap();
        client().request(method, url(&upstream, path)).json(&body).send().unwrap()
    };
    let script = json!([
        {"status": 429, "headers": {"retry-after": "3"}, "only_for": "second"},
        {"headers": {"content-type": "text/x-own"},
         "steps": [{"write": "one "}, {"wait": "gate"}, {"write": "two"}]},
        {"steps": [{"write": "half"}, {"cut": true}]},
    ]);
    assert_eq!(control("POST", "/_demo/answers", script).json::<Value>().unwrap()["queued"], 3);

    let mut first = complete(&upstream, &json!({"text": "first"}));
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["content-type"], "text/x-own");
    let mut piece = [0; 4];
    first.read_exact(&mut piece).unwrap();
    assert_eq!(&piece, b"one ");
    control("POST", "/_demo/gates/gate", json!({}));
    let mut rest = String::new();
    first.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "two");

    let second = complete(&upstream, &json!({"text": "second"}));
    assert_eq!(
        (second.status().as_u16(), &second.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    assert!(complete(&upstream, &json!({"text": "third"})).text().is_err(), "it was cut");
    assert_eq!(upstream.outcome(2), Outcome::Cut);

    let requests: Value = control("GET", "/_demo/requests", json!({})).json().unwrap();
    let bodies: Vec<_> =
        requests.as_array().unwrap().iter().map(|request| &request["body"]).collect();
    assert_eq!(bodies, [r#"{"text":"first"}"#, r#"{"text":"second"}"#, r#"{"text":"third"}"#]);
    assert_eq!(requests[0]["path"], "/v1/chat/completions");

    control("DELETE", "/_demo", json!({}));
    assert_eq!(upstream.requests().len(), 0);
    for wrong in [json!({"stauts": 200}), json!({"steps": [{"say": "x"}]}), json!(5)] {
        assert_eq!(control("POST", "/_demo/answers", wrong).status(), 400);
    }
}
