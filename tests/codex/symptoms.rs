//! What users see when something is set up wrongly, and that the remedy of `docs/troubleshooting.md`
//! is one.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::json;

use crate::cli::{Codex, Run, Scenario};
use crate::completion::Completion;
use crate::upstream::{Answer, Gate, Request};

/// The base URL that the filter is behind.
const BASE_URL: &str = "http://127.0.0.1:10000/v1";

/// A `config.toml` with this base URL, and these top-level lines.
fn config(base_url: &str, settings: &str) -> String {
    format!(
        "{settings}
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.filter]
name = \"Filter\"
base_url = \"{base_url}\"
wire_api = \"responses\"
env_key = \"OPENAI_API_KEY\"
request_max_retries = 1
stream_max_retries = 1
"
    )
}

/// A server that knows one path and one model.
fn strict(path: &'static str, model: &'static str) -> impl Fn(usize, &Request) -> Answer {
    move |_, request| {
        if request.path != path {
            return Answer::json(404, r#"{"detail":"Not Found"}"#);
        }
        let asked = request.json()["model"].clone();
        if asked != model {
            let message = format!("The model {asked} does not exist.");
            let error = json!({"message": message, "code": "model_not_found"});
            return Answer::json(404, json!({"error": error}).to_string());
        }
        Completion::text("All is well.").answer(request)
    }
}

fn always(scenario: Scenario, answer: Answer) -> Codex {
    scenario.start(move |_, _| answer.clone())
}

fn is_well(run: Run) {
    assert_eq!(run.succeeded().messages().last().map(String::as_str), Some("All is well."));
}

#[test]
fn a_wrong_key_is_told_as_one() {
    let openai = r#"{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
    for (status, body) in [
        (401, openai),
        (401, r#"{"detail":"Invalid API key"}"#),
        (403, r#"{"error":"Invalid API key"}"#),
        (400, r#"{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}"#),
        (500, r#"{"error":{"message":"Invalid API key"}}"#),
    ] {
        let run = always(Scenario::new(), Answer::json(status, body)).exec("go").failed();
        let told = run.errors();
        assert!(told.contains("unexpected status 401 Unauthorized: In"), "{status}: {told}");
        assert!(!told.contains("high demand"), "{status}: {told}");
    }
}

#[test]
fn a_base_url_with_or_without_v1_can_be_mended_on_either_side() {
    let settings = "model = \"m\"\nmodel_provider = \"filter\"";
    let without = BASE_URL.trim_end_matches("/v1");
    let upstream = || strict("/v1/chat/completions", "m");
    let codex = Scenario::new().config(&config(without, settings)).start(upstream());
    let told = codex.exec("go").failed().errors();
    let hint = "check the upstream's address, or set its `path`";
    assert!(
        told.contains("unexpected status 404 Not Found: Not Found") && told.contains(hint),
        "{told}"
    );
    assert_eq!(codex.upstream().request(0).path, "/chat/completions");
    is_well(Scenario::new().config(&config(BASE_URL, settings)).start(upstream()).exec("go"));
    let path = json!({"upstreams": {"default": {"path": "/v1/chat/completions"}}});
    for base_url in [without, BASE_URL, "http://127.0.0.1:10000/v1/v1"] {
        let mended =
            Scenario::new().configuration(path.clone()).config(&config(base_url, settings));
        is_well(mended.start(upstream()).exec("go"));
    }
    let full = config("http://127.0.0.1:10000/v1/responses", settings);
    let told = Scenario::new().config(&full).start(upstream()).exec("go").failed().errors();
    assert!(told.contains("/v1/responses/responses"), "{told}");
}

#[test]
fn a_model_that_is_still_loading_is_waited_for_by_envoy() {
    let loading = || {
        let body = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
        Answer::json(503, body)
    };
    let told = always(Scenario::new(), loading()).exec("go").failed().errors();
    let expected = "unexpected status 503 Service Unavailable: Loading model";
    assert!(told.contains(expected), "{told}");

    let retry = "timeout: 0s, retry_policy: { retry_on: retriable-status-codes, \
                 retriable_status_codes: [503], num_retries: 5, \
                 retry_back_off: { base_interval: 0.01s, max_interval: 0.1s } },";
    let codex =
        Scenario::new().edit("timeout: 0s,", retry).start(move |before, request| match before {
            0..3 => loading(),
            _ => Completion::text("All is well.").answer(request),
        });
    let run = codex.exec("go").succeeded();
    assert_eq!(run.errors(), "", "Codex saw nothing of it");
    is_well(run);
}

#[test]
fn a_timeout_of_envoy_breaks_answers_off() {
    let never = Gate::new();
    for (setting, shorter) in
        [("timeout: 0s,", "timeout: 1s,"), ("stream_idle_timeout: 600s", "stream_idle_timeout: 1s")]
    {
        let begun = Completion::text("All is").pieces().concat();
        let answer = Answer::sse().write(begun).wait(&never);
        let run = always(Scenario::new().edit(setting, shorter), answer).exec("go").failed();
        let told = run.errors();
        let expected = "stream disconnected before completion: Transport error: network error";
        assert!(told.contains(expected), "{setting}: {told}");
    }
}

#[test]
fn a_model_that_codex_chooses_itself() {
    let settings = "model_provider = \"filter\"";
    let upstream = || strict("/v1/chat/completions", "qwen3");
    let codex = Scenario::new().config(&config(BASE_URL, settings)).start(upstream());
    let told = codex.exec("go").failed().errors();
    assert!(told.contains("does not exist"), "{told}");
    // One of Codex's own, of which the number changes.
    let asked = codex.upstream().request(0).json()["model"].as_str().unwrap().to_owned();
    assert!(asked.starts_with("gpt-"), "{asked}");
    let mapped = json!({"upstreams": {"default": {"models": {"*": "qwen3"}}}});
    let mended = Scenario::new().configuration(mapped).config(&config(BASE_URL, settings));
    is_well(mended.start(upstream()).exec("go"));
}

#[test]
fn calls_that_the_server_lets_through_as_text_are_parsed_when_the_profile_says_so() {
    const TEXT: &str = r#"<tool_call>
{"name": "exec_command", "arguments": {"cmd": "touch ran.txt"}}
</tool_call>"#;
    let upstream = move |before: usize, request: &Request| match before {
        0 => Completion::text(TEXT).answer(request),
        _ => Completion::text("All is well.").answer(request),
    };
    let codex = Scenario::new().start(upstream);
    let run = codex.exec("go").succeeded();
    assert_eq!(run.messages(), [TEXT], "the call is nothing but text");
    assert_eq!(codex.read("ran.txt"), None);
    let parsed = json!({"upstreams": {"default": {"dialect": {"text_tool_calls": ["hermes"]}}}});
    let codex = Scenario::new().configuration(parsed).start(upstream);
    is_well(codex.exec("go"));
    assert!(codex.read("ran.txt").is_some());
}

#[test]
fn without_a_provider_codex_connects_to_openai_whatever_the_environment_says() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let codex = Scenario::new()
        .config(&config(BASE_URL, "model = \"m\""))
        .start(|_, request| Completion::text("All is well.").answer(request));
    let mut child = codex
        .command(&["exec"], &["go"])
        .env("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
        .envs(
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"]
                .map(|name| (name, format!("http://{address}"))),
        )
        .spawn()
        .unwrap();
    let asked = proxy.incoming().map(|connection| {
        let mut connection = connection.unwrap();
        let mut line = String::new();
        BufReader::new(&connection).read_line(&mut line).unwrap();
        let _ = connection.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        line
    });
    let found = asked.take(50).any(|line| line.starts_with("CONNECT api.openai.com:443"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found);
    assert_eq!(codex.upstream().requests().len(), 0);

    // The built-in provider at another address, which is the setting that the variable once was.
    let settings = "model = \"m\"\nopenai_base_url = \"http://127.0.0.1:10000/v1\"";
    let codex = Scenario::new()
        .config(&config(BASE_URL, settings))
        .start(|_, request| Completion::text("All is well.").answer(request));
    is_well(codex.exec("go"));
}

#[test]
fn codex_has_words_of_its_own_for_some_failures() {
    for (status, body, told) in [
        (500, r#"{"error":{"message":"It broke."}}"#, "currently experiencing high demand"),
        (
            503,
            r#"{"error":{"message":"The engine is overloaded.","code":"overloaded"}}"#,
            "Selected model is at capacity",
        ),
        (
            429,
            r#"{"error":{"message":"Too many requests"}}"#,
            "exceeded retry limit, last status: 429 Too Many Requests",
        ),
    ] {
        let run = always(Scenario::new(), Answer::json(status, body)).exec("go").failed();
        assert!(run.errors().contains(told), "{status}: {}", run.errors());
    }
}

#[test]
fn headers_that_envoy_may_not_let_go_are_told_as_such() {
    let scenario =
        Scenario::new().edit("_stop_iteration: true", "_stop_iteration: false").complains();
    let run = always(scenario, Answer::json(200, "{}")).exec("go").failed();
    let expected =
        "unexpected status 503 Service Unavailable: The proxy holds the request's headers";
    assert!(run.errors().contains(expected), "{}", run.errors());
}
