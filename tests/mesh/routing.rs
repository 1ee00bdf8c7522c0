//! Several providers behind one Envoy.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::example::{Example, Running};
use crate::upstream::{Answer, Upstream};
use crate::{ask, good};

struct Providers {
    envoy: Running,
    vllm: Upstream,
    coder: Option<Upstream>,
    deepseek: Upstream,
    third: Upstream,
}

fn by_route() -> Providers {
    let [vllm, deepseek, third] = [(); 3].map(|()| Upstream::start());
    let envoy = Example::read("by-route.yaml")
        .upstream(8000, &vllm)
        .upstream(8001, &deepseek)
        .upstream(8002, &third)
        .file("/etc/envoy/keys/deepseek", "key-of-deepseek")
        .file("/etc/envoy/keys/openai", "key-of-openai")
        .start();
    Providers { envoy, vllm, coder: None, deepseek, third }
}

fn by_model(file: &'static str) -> Providers {
    let [vllm, coder, deepseek, third] = [(); 4].map(|()| Upstream::start());
    let envoy = Example::read(file)
        .upstream(8000, &vllm)
        .upstream(8001, &deepseek)
        .upstream(8002, &coder)
        .upstream(11434, &third)
        .start();
    Providers { envoy, vllm, coder: Some(coder), deepseek, third }
}

#[test]
fn a_route_names_its_upstream() {
    let providers = by_route();
    let answer = good(providers.envoy.post("/v1/responses", &ask("qwen3")));
    assert_eq!(answer["model"], "qwen3");
    let request = providers.vllm.request(0);
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.json()["model"], "qwen3");

    // The client's own key does not reach a provider that has one from Envoy.
    let response = providers
        .envoy
        .client
        .post(providers.envoy.url("/deepseek/v1/responses"))
        .header("authorization", "Bearer key-of-the-client")
        .header("x-llm-upstream", "openai")
        .json(&ask("thinker"))
        .send()
        .unwrap();
    assert_eq!(good(response)["model"], "thinker");
    let request = providers.deepseek.request(0);
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.json()["model"], "deepseek-reasoner");
    assert_eq!(request.header("authorization"), Some("Bearer key-of-deepseek"));
    assert_eq!(request.header("x-llm-model"), None);
    assert_eq!(request.header("x-llm-upstream"), None);
}

#[test]
fn the_default_model_serves_requests_that_name_none() {
    let providers = by_route();
    let answer = good(providers.envoy.post("/deepseek/v1/responses", &json!({"input": "Hi"})));
    assert_eq!(answer["model"], "deepseek-chat");
    assert_eq!(providers.deepseek.request(0).json()["model"], "deepseek-chat");
    let refused = providers.envoy.post("/v1/responses", &json!({"input": "Hi"}));
    assert_eq!(crate::bad(refused, 400)["param"], "model");
}

#[test]
fn an_upstream_with_the_same_api_is_passed_with_its_name_for_the_model() {
    let providers = by_route();
    let answer = "{\"id\": \"resp_1\",\n \"object\": \"response\", \"model\":\"gpt-5.5\"}";
    providers.third.push(Answer::json(200, answer).header("openai-model", "gpt-5.5"));
    let sent = r#"{ "input": "Hi",  "model": "coder", "store": true }"#;
    let response = providers
        .envoy
        .client
        .post(providers.envoy.url("/openai/v1/responses"))
        .header("content-type", "application/json")
        .body(sent)
        .send()
        .unwrap();
    assert_eq!(response.headers().get("openai-model"), None, "Codex would warn of misuse");
    assert_eq!(response.text().unwrap(), answer);
    let request = providers.third.request(0);
    assert_eq!(request.path, "/v1/responses");
    assert_eq!(request.body, sent.replace("coder", "gpt-5.5"));
    assert_eq!(request.header("authorization"), Some("Bearer key-of-openai"));

    // What needs a store is refused for the others and left to this one.
    providers.third.push(Answer::json(200, "{}"));
    let stored = providers.envoy.get("/openai/v1/responses/resp_1");
    assert_eq!(stored.status(), 200);
    assert_eq!(providers.third.request(1).path, "/v1/responses/resp_1");
    assert_eq!(providers.envoy.get("/v1/responses/resp_1").status(), 404);
}

#[test]
fn a_stream_of_an_upstream_with_the_same_api_passes_as_it_is() {
    let providers = by_route();
    let stream = ": hello\r\n\r\nevent: response.completed\r\ndata: {\"type\":\"response.completed\",\
                  \"response\":{\"status\":\"completed\"}}\r\n\r\nodd";
    providers.third.push(Answer::sse().write_every(stream, 5));
    let body = json!({"model": "m", "input": "Hi", "stream": true});
    let response = providers.envoy.post("/openai/v1/responses", &body);
    assert_eq!(response.text().unwrap(), stream);
}

/// What the client asked for decides, in both ways of reading it.
fn the_model_decides(file: &'static str) {
    let providers = by_model(file);
    let envoy = &providers.envoy;
    good(envoy.post("/v1/responses", &ask("deepseek-chat")));
    good(envoy.post("/v1/responses", &ask("local/llama3:8b")));
    good(envoy.post("/v1/responses", &ask("qwen3")));
    // Routes match on what the filter says, whatever the client says.
    let forged = envoy
        .client
        .post(envoy.url("/v1/responses"))
        .header("x-llm-model", "deepseek-chat")
        .header("x-llm-upstream", "local")
        .json(&ask("qwen2"));
    good(forged.send().unwrap());

    let asked = |upstream: &Upstream| -> Vec<Value> {
        upstream.requests().iter().map(|request| request.json()["model"].clone()).collect()
    };
    assert_eq!(asked(&providers.deepseek), ["deepseek-chat"]);
    assert_eq!(asked(&providers.third), ["llama3:8b"]);
    assert_eq!(asked(&providers.vllm), ["qwen3", "qwen2"]);
    good(envoy.post("/v1/responses", &ask("qwen3-coder")));
    assert_eq!(asked(providers.coder.as_ref().unwrap()), ["qwen3-coder"]);
    // The profile, not only the cluster, is that of the model: only DeepSeek's has this field.
    let body = json!({"model": "deepseek-chat", "input": "Hi", "reasoning": {"effort": "high"}});
    good(envoy.post("/v1/responses", &body));
    let asked = providers.deepseek.request(1).json();
    assert!(asked["thinking"].is_object(), "{asked}");
}

#[test]
fn the_model_decides_when_headers_are_held() {
    the_model_decides("by-model.yaml");
}

#[test]
fn the_model_decides_without_held_headers() {
    the_model_decides("without-hold.yaml");
}

#[test]
fn a_model_cannot_smuggle_a_header() {
    let upstream = Upstream::start();
    let envoy = Example::read("rate-limit.yaml")
        .replace("request_headers_to_remove: [x-llm-model, x-llm-upstream]", "")
        .upstream(8000, &upstream)
        .start();
    for (index, (model, header)) in [
        ("a\r\nx-admin: 1", "a%0D%0Ax-admin:%201"),
        ("a\nb", "a%0Ab"),
        ("模型", "%E6%A8%A1%E5%9E%8B"),
        ("\u{0}", "%00"),
    ]
    .into_iter()
    .enumerate()
    {
        good(envoy.post("/v1/responses", &ask(model)));
        let request = upstream.request(index);
        assert_eq!(request.header("x-llm-model"), Some(header));
        assert_eq!(request.header("x-admin"), None);
        assert_eq!(request.json()["model"], model);
    }
}

/// A body that never says its model, a broken one, none at all: each must be answered.
fn nothing_hangs(file: &'static str) {
    let providers = by_model(file);
    for (body, status) in
        [("{}", 400), ("{\"model\": 7, \"input\": \"x\"}", 400), ("{\"model\"", 400), ("[]", 400)]
    {
        let response = providers
            .envoy
            .client
            .post(providers.envoy.url("/v1/responses"))
            .header("content-type", "application/json")
            .body(body)
            .timeout(Duration::from_secs(20))
            .send()
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        crate::bad(response, status);
    }
    let empty = providers.envoy.client.post(providers.envoy.url("/v1/responses"));
    crate::bad(empty.timeout(Duration::from_secs(20)).send().unwrap(), 400);
    // Without a content type, which json_to_metadata insists on.
    let body = ask("qwen3").to_string();
    let untyped = providers.envoy.client.post(providers.envoy.url("/v1/responses")).body(body);
    good(untyped.timeout(Duration::from_secs(20)).send().unwrap());
    // In pieces, of which the first comes alone.
    let mut connection = TcpStream::connect(providers.envoy.address()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let body = ask("deepseek-chat").to_string();
    let (first, rest) = body.split_at(9);
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: e\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{first}",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.flush().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(providers.deepseek.requests().len(), 1);
}

#[test]
fn nothing_hangs_when_headers_are_held() {
    nothing_hangs("by-model.yaml");
}

#[test]
fn nothing_hangs_without_held_headers() {
    nothing_hangs("without-hold.yaml");
}
