//! `GET …/models` through Envoy, for upstreams of several shapes.

use serde_json::{Value, json};

use crate::example::{Example, Running};
use crate::good;
use crate::upstream::{Answer, Upstream};

/// The smallest example with this plugin configuration.
fn start(configuration: &Value) -> (Running, Upstream) {
    let upstream = Upstream::start();
    let envoy = Example::read("rate-limit.yaml")
        .replace(r#"{"upstreams": {"default": {"preset": "vllm"}}}"#, &configuration.to_string())
        .upstream(8000, &upstream)
        .start();
    (envoy, upstream)
}

fn listed<'l>(list: &'l Value, key: &str, id: &str) -> &'l Value {
    let models = list[key].as_array().unwrap_or_else(|| panic!("{list}"));
    let name = if key == "data" { "id" } else { "slug" };
    models.iter().find(|model| model[name] == id).unwrap_or_else(|| panic!("no {id} in {list}"))
}

/// What Codex 0.169 cannot do without (measured by leaving out one after the other).
fn assert_codex_reads(model: &Value) {
    for (name, is_right) in [
        ("slug", Value::is_string as fn(&Value) -> bool),
        ("display_name", Value::is_string),
        ("supported_reasoning_levels", Value::is_array),
        ("shell_type", Value::is_string),
        ("visibility", Value::is_string),
        ("supported_in_api", Value::is_boolean),
        ("priority", Value::is_i64),
        ("support_verbosity", Value::is_boolean),
        ("experimental_supported_tools", Value::is_array),
        ("base_instructions", Value::is_string),
    ] {
        assert!(is_right(&model[name]), "{name}: {}", model[name]);
    }
    assert!(model["truncation_policy"]["limit"].is_u64());
    let window = &model["context_window"];
    assert!(window.is_u64() || window.is_null(), "{window}");
}

#[test]
fn every_shape_of_list_becomes_one_that_all_clients_read() {
    let (envoy, upstream) = start(&json!({}));
    for (shape, list, id, window) in [
        (
            "OpenAI",
            json!({"object": "list", "data": [
                {"id": "gpt-x", "object": "model", "created": 17, "owned_by": "openai"}]}),
            "gpt-x",
            Value::Null,
        ),
        (
            "vLLM",
            json!({"object": "list", "data": [{"id": "qwen3", "object": "model", "created": 1,
                "owned_by": "vllm", "root": "/models/qwen3", "max_model_len": 32768}]}),
            "qwen3",
            json!(32768),
        ),
        (
            "OpenRouter",
            json!({"data": [{"id": "a/b:free", "name": "A: B", "created": 5, "description": "Nice",
                "context_length": 262144, "top_provider": {"context_length": 131072},
                "architecture": {"input_modalities": ["text", "image", "file"]}}]}),
            "a/b:free",
            json!(131072),
        ),
        (
            "Together",
            json!([{"id": "t/m", "object": "model", "created": 3, "type": "chat",
                "display_name": "T M", "context_length": 8192}]),
            "t/m",
            json!(8192),
        ),
        (
            "LM Studio",
            json!({"object": "list", "data": [{"id": "l", "object": "model", "type": "llm",
                "max_context_length": 131072, "loaded_context_length": 4096}]}),
            "l",
            json!(4096),
        ),
        (
            "Ollama's own",
            json!({"models": [{"name": "llama3:8b", "model": "llama3:8b", "size": 1,
                "details": {"family": "llama"}}]}),
            "llama3:8b",
            Value::Null,
        ),
    ] {
        upstream.push(Answer::json(200, list.to_string()).header("etag", "\"1\""));
        let response = envoy.get("/v1/models?client_version=0.169.0");
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers().get("etag"), None);
        let list = good(response);
        assert_eq!(list["object"], "list", "{shape}");
        let model = listed(&list, "data", id);
        assert_eq!(model["object"], "model", "{shape}");
        assert!(model["created"].is_u64() && model["owned_by"].is_string(), "{shape}: {model}");
        let model = listed(&list, "models", id);
        assert_codex_reads(model);
        assert_eq!(model["context_window"], window, "{shape}");
    }
    assert_eq!(upstream.request(0).path, "/v1/models");
    assert_eq!(upstream.request(0).header("accept-encoding"), Some("identity"));
}

#[test]
fn names_of_the_configuration_are_listed_with_what_they_stand_for() {
    let (envoy, upstream) = start(&json!({
        "upstreams": {"default": {
            "preset": "openai", "default_model": "base",
            "models": {"coder": "qwen3", "gpt-*": "qwen3"}}},
        "catalog": {
            "coder": {"display_name": "Coder", "supported_reasoning_levels": ["low", "high"]},
            "base": {"context_window": 16384, "base_instructions": "Be brief."},
            "other": {"visibility": "hide"}},
    }));
    let stated = json!({"data": [{"id": "qwen3", "max_model_len": 32768, "owned_by": "me"}]});
    upstream.push(Answer::json(200, stated.to_string()));
    let list = good(envoy.get("/v1/models"));
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["qwen3", "coder", "base", "other"]);
    let coder = listed(&list, "models", "coder");
    assert_codex_reads(coder);
    assert_eq!(coder["context_window"], 32768);
    assert_eq!(coder["display_name"], "Coder");
    assert_eq!(coder["supported_reasoning_levels"][1]["effort"], "high");
    assert_eq!(listed(&list, "data", "coder")["max_model_len"], 32768);
    let base = listed(&list, "models", "base");
    assert_eq!(
        (&base["context_window"], &base["base_instructions"]),
        (&json!(16384), &json!("Be brief."))
    );
    assert_eq!(listed(&list, "models", "other")["visibility"], "hide");
}

#[test]
fn an_upstream_without_a_list_is_served_from_the_configuration() {
    let (envoy, upstream) = start(&json!({
        "upstreams": {"default": {"models": {"coder": "x"}}},
        "catalog": {"coder": {"context_window": 65536}}
    }));
    for answer in [
        Answer::json(404, r#"{"detail":"Not Found"}"#),
        Answer::new(405),
        Answer::json(200, r#"{"error":"Unexpected endpoint or method."}"#),
        Answer::new(200).header("content-type", "text/html").write("<html>"),
        Answer::json(200, r#"{"data":[{"id":"cut"#),
    ] {
        upstream.push(answer);
        let list = good(envoy.get("/v1/models"));
        assert_eq!(listed(&list, "models", "coder")["context_window"], 65536);
        assert_eq!(list["data"].as_array().unwrap().len(), 1);
    }
    // A failure is a failure.
    upstream.push(Answer::json(401, r#"{"error":{"message":"No key","code":"invalid_api_key"}}"#));
    assert_eq!(crate::bad(envoy.get("/v1/models"), 401)["code"], "invalid_api_key");
}

#[test]
fn a_list_of_any_size_arrives_however_it_is_cut() {
    let (envoy, upstream) = start(&json!({}));
    let models: Vec<Value> =
        (0..1500).map(|n| json!({"id": format!("m{n}"), "description": "x".repeat(400)})).collect();
    let text = json!({"data": models}).to_string();
    upstream.push(Answer::new(200).write_every(text.clone(), 8191));
    let list = good(envoy.get("/v1/models"));
    assert_eq!(list["models"].as_array().unwrap().len(), 1500);
    upstream.push(Answer::new(200).write_every(r#"{"data":["a", {"id":"b"}, 3, {}]}"#, 1));
    let list = good(envoy.get("/v1/models"));
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[test]
fn the_configuration_alone_answers_when_it_is_to() {
    let (envoy, upstream) = start(&json!({
        "model_list": "configured", "upstreams": {"default": {"default_model": "m"}}
    }));
    let list = good(envoy.get("/v1/models"));
    assert_codex_reads(listed(&list, "models", "m"));
    assert_eq!(upstream.requests().len(), 0);
    let (envoy, upstream) = start(&json!({"model_list": "pass"}));
    upstream.push(Answer::json(200, "[ 1 ]"));
    assert_eq!(envoy.get("/v1/models?x=1").text().unwrap(), "[ 1 ]");
    assert_eq!(upstream.request(0).path, "/v1/models?x=1");
}

#[test]
fn routes_to_one_upstream_list_the_names_of_that_one() {
    let [vllm, deepseek, openai] = [(); 3].map(|()| Upstream::start());
    let envoy = Example::read("by-route.yaml")
        .upstream(8000, &vllm)
        .upstream(8001, &deepseek)
        .upstream(8002, &openai)
        .file("/etc/envoy/keys/deepseek", "k")
        .file("/etc/envoy/keys/openai", "k")
        .start();
    let names = |path: &str| -> Vec<String> {
        let list = good(envoy.get(path));
        let models = list["data"].as_array().unwrap();
        models.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("/deepseek/v1/models"), ["demo", "thinker", "coder", "deepseek-chat"]);
    assert_eq!(names("/openai/v1/models"), ["demo", "coder"]);
    assert_eq!(names("/v1/models"), ["demo"]);
    assert_eq!(deepseek.request(0).header("authorization"), Some("Bearer k"));
}
