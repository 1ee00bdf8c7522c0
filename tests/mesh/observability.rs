//! What an operator sees: access log, metrics in a real Prometheus, dashboard and alerts.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::example::{Example, Running};
use crate::prometheus::{Prometheus, dashboards, patiently, program};
use crate::upstream::{Answer, Upstream};
use crate::{bad, good};

/// What must never be seen anywhere.
const SECRETS: [&str; 3] = ["what the user wrote", "what the model said", "key-of-the-client"];

struct Observed {
    envoy: Running,
    upstream: Upstream,
    log: PathBuf,
}

fn start() -> Observed {
    let upstream = Upstream::start();
    let (example, log) =
        Example::read("observability.yaml").upstream(8000, &upstream).output("/dev/stdout");
    Observed { envoy: example.start(), upstream, log }
}

impl Observed {
    /// Sends a request with secrets in it.
    fn ask(&self, mut fields: Value) -> reqwest::blocking::Response {
        fields["input"] = "what the user wrote".into();
        let request = self.envoy.client.post(self.envoy.url("/v1/responses"));
        request.header("authorization", "Bearer key-of-the-client").json(&fields).send().unwrap()
    }

    /// The lines of the access log, once there are so many.
    fn lines(&self, count: usize) -> Vec<Value> {
        let read = || std::fs::read_to_string(&self.log).unwrap_or_default();
        patiently(|| (read().lines().count() >= count).then_some(()))
            .unwrap_or_else(|| panic!("{count} lines are not there: {}", read()));
        let text = read();
        assert_eq!(text.lines().count(), count, "{text}");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// One request of every fate.
    fn ask_of_every_kind(&self) {
        let push = |answer| self.upstream.push(answer);
        let chunk = |delta: Value, finish: Value| {
            let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
            format!("data: {}\n\n", json!({"id": "c", "choices": choices}))
        };
        let usage = json!({"choices": [], "usage": {
            "prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 60},
            "completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 120}});
        let said = chunk(json!({"content": "what the model said"}), Value::Null);
        let end = |reason: &str| {
            chunk(json!({}), reason.into()) + &format!("data: {usage}\n\ndata: [DONE]\n\n")
        };

        push(Answer::sse().write(said.clone() + &end("stop")));
        let body = self.ask(json!({"model": "coder", "stream": true, "truncation": "auto"}));
        assert!(body.text().unwrap().contains("response.completed"));
        push(Answer::sse().write(said.clone() + &end("length")));
        assert_eq!(good(self.ask(json!({"model": "any one\n"})))["status"], "incomplete");
        push(
            Answer::sse()
                .write(said.clone())
                .write("data: {\"error\":{\"message\":\"what the model said\"}}\n\n"),
        );
        let body = self.ask(json!({"model": "coder", "stream": true}));
        assert!(body.text().unwrap().contains("response.failed"));
        push(Answer::json(401, r#"{"error":{"message":"what the model said"}}"#));
        bad(self.ask(json!({"model": "coder"})), 401);
        bad(self.ask(json!({"model": "coder", "tools": 7})), 400);
        good(self.envoy.get("/v1/models"));
        push(Answer::sse().write(said).cut());
        let broken = self.ask(json!({"model": "coder", "stream": true})).text();
        assert!(broken.is_err(), "{broken:?}");
    }
}

#[test]
fn the_access_log_tells_what_happened_and_no_content() {
    let observed = start();
    observed.ask_of_every_kind();
    let lines = observed.lines(7);
    let all = std::fs::read_to_string(&observed.log).unwrap();
    for secret in SECRETS {
        assert!(!all.contains(secret), "{all}");
    }
    let line = &lines[0];
    for (field, value) in [
        ("status", json!(200)),
        ("operation", json!("responses")),
        ("model", json!("coder")),
        ("upstream_model", json!("qwen3-coder")),
        ("upstream", json!("default")),
        ("outcome", json!("completed")),
        ("finish_reason", json!("stop")),
        ("input_tokens", json!("100")),
        ("cached_tokens", json!("60")),
        ("output_tokens", json!("20")),
        ("reasoning_tokens", json!("5")),
        ("dropped", json!("truncation")),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    let first: u64 = line["first_token_ms"].as_str().unwrap().parse().unwrap();
    // Two clocks, each cut to milliseconds.
    assert!(first <= line["duration_ms"].as_u64().unwrap() + 2, "{line}");
    assert!(line["request_id"].is_string() && line["error"].is_null(), "{line}");

    let told = |line: &Value| {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        (text("operation"), text("outcome"), text("error"))
    };
    let told: Vec<_> = lines.iter().map(told).collect();
    let expected = [
        ("responses", "completed", ""),
        ("responses", "incomplete", ""),
        ("responses", "failed", "server_error"),
        ("responses", "upstream_error", "invalid_api_key"),
        ("responses", "refused", "invalid_type"),
        ("models", "completed", ""),
        ("responses", "aborted", ""),
    ];
    assert_eq!(told, expected.map(|(o, w, e)| (o.to_owned(), w.to_owned(), e.to_owned())));
    assert_eq!(lines[1]["model"], "any%20one%0A", "a client cannot break a line of the log");
    assert_eq!(lines[1]["finish_reason"], "length");
    assert_eq!(lines[4]["model"], "coder");
    documented(line);
}

/// The example in README and documentation is such a line, but for what changes from run to run.
fn documented(line: &Value) {
    let constant = |line: &Value| {
        let mut fields = line.as_object().expect("an object").clone();
        for name in ["time", "request_id", "duration_ms", "first_token_ms"] {
            assert!(fields.remove(name).is_some(), "no {name} in {line}");
        }
        // Envoy 1.36 writes what is absent.
        fields.retain(|_, value| !value.is_null());
        fields
    };
    for page in [include_str!("../../README.md"), include_str!("../../docs/observability.md")] {
        let example = page.lines().find(|line| line.starts_with("{\"cached_tokens\""));
        let example = example.unwrap_or_else(|| panic!("no example for {line}"));
        let example: Value = serde_json::from_str(example).expect("JSON");
        assert_eq!(constant(&example), constant(line));
    }
}

#[test]
fn prometheus_reads_what_was_counted() {
    let observed = start();
    let prometheus = Prometheus::start(observed.envoy.admin());
    observed.ask_of_every_kind();
    for (outcome, model, count) in [
        ("completed", "qwen3-coder", 1.0),
        ("incomplete", "other", 1.0),
        ("failed", "qwen3-coder", 1.0),
        ("upstream_error", "qwen3-coder", 1.0),
        ("refused", "other", 1.0),
        ("aborted", "qwen3-coder", 1.0),
    ] {
        let query = format!(
            "responses_filter_requests_total{{upstream=\"default\",model={model:?},\
             operation=\"responses\",outcome={outcome:?}}}"
        );
        prometheus.wait_for_number(&query, count);
    }
    for (query, number) in [
        ("responses_filter_requests_total{operation=\"models\",outcome=\"completed\"}", 1.0),
        ("responses_filter_errors_total{code=\"invalid_api_key\"}", 1.0),
        ("sum(responses_filter_tokens_total{type=\"input\"})", 200.0),
        ("sum(responses_filter_tokens_total{type=\"input_cached\"})", 120.0),
        ("sum(responses_filter_tokens_total{type=\"output\"})", 40.0),
        ("sum(responses_filter_tokens_total{type=\"output_reasoning\"})", 10.0),
        ("responses_filter_dropped_fields_total{field=\"truncation\"}", 1.0),
        ("sum(responses_filter_time_to_first_token_milliseconds_count)", 4.0),
        ("sum(responses_filter_duration_milliseconds_count)", 5.0),
    ] {
        prometheus.wait_for_number(query, number);
    }
    // Names and labels are all that there is, and their number does not grow with the clients'.
    let names = |text: &str| -> usize {
        text.lines().filter(|line| line.starts_with("responses_filter_requests_total{")).count()
    };
    let before = observed.envoy.admin_text("/stats/prometheus");
    for number in 0..5 {
        good(observed.ask(json!({"model": format!("model-{number}")})));
    }
    let after = observed.envoy.admin_text("/stats/prometheus");
    assert_eq!(names(&after), names(&before) + 1, "one for completed answers of other models");
    for secret in SECRETS {
        assert!(!after.contains(secret));
    }
    every_panel_shows_something(&observed, &prometheus);
}

/// Each query of the dashboard, as Grafana would send it.
fn every_panel_shows_something(observed: &Observed, prometheus: &Prometheus) {
    let text = std::fs::read_to_string(dashboards().join("grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    // Rates need an increase between two scrapes.
    prometheus.wait_for_number("sum(responses_filter_requests_total)", 12.0);
    observed.ask_of_every_kind();
    good(observed.ask(json!({"model": "coder", "truncation": "auto"})));
    let mut queries = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let query = query
                .replace("$__rate_interval", "1m")
                .replace("$__range", "1m")
                .replace("$upstream", ".*");
            assert!(!query.contains('$'), "{query}");
            prometheus.wait_for(&query, |result| {
                result.as_array().is_some_and(|series| {
                    let is_number = |s: &Value| s["value"][1].as_str().is_some_and(|v| v != "NaN");
                    series.iter().any(is_number)
                })
            });
            queries += 1;
        }
    }
    assert!(queries > 10, "{queries}");
    // The alerts are loaded and evaluated as well.
    let alerts = prometheus.wait_for("ALERTS", Value::is_array);
    assert!(alerts.as_array().unwrap().len() < 9, "{alerts}");
}

#[test]
fn alerts_fire_when_they_should() {
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
    ] {
        let output = Command::new(program("promtool"))
            .args(arguments)
            .current_dir(dashboards())
            .output()
            .expect("promtool: run `make tools`, or `apt install prometheus`");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

/// Upstreams that speak the Responses API are counted and logged like all others.
#[test]
fn what_passes_untouched_is_observed_as_well() {
    let upstream = Upstream::start();
    let native =
        r#"{"upstreams": {"default": {"wire": "responses", "models": {"coder": "gpt-x"}}}}"#;
    let (example, log) = Example::read("observability.yaml")
        .replace(
            r#"{"upstreams": {"default": {"preset": "vllm", "models": {"coder": "qwen3-coder"}}}}"#,
            native,
        )
        .upstream(8000, &upstream)
        .output("/dev/stdout");
    let observed = Observed { envoy: example.start(), upstream, log };
    let response = |status: &str| {
        json!({"id": "resp_1", "status": status, "usage": {"input_tokens": 100, "output_tokens": 20,
            "input_tokens_details": {"cached_tokens": 60}, "output_tokens_details": null}})
    };
    let terminal = json!({"type": "response.completed", "response": response("completed")});
    let delta = r#"{"type":"response.output_text.delta","delta":"what the model said"}"#;
    let stream = format!("data: {delta}\n\ndata: {terminal}\n\n");
    observed.upstream.push(Answer::sse().write_every(stream.clone(), 9));
    let asked = observed.ask(json!({"model": "coder", "stream": true}));
    assert_eq!(asked.text().unwrap(), stream);
    let whole = response("incomplete").to_string();
    observed.upstream.push(Answer::json(200, whole.clone()));
    assert_eq!(observed.ask(json!({"model": "coder"})).text().unwrap(), whole);
    let refused = r#"{"error": {"message": "what the model said", "code": 7}}"#;
    observed.upstream.push(Answer::json(429, refused));
    let asked = observed.ask(json!({"model": "coder"}));
    assert_eq!((asked.status().as_u16(), asked.text().unwrap()), (429, refused.to_owned()));

    let lines = observed.lines(3);
    let told: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(told, ["completed", "incomplete", "upstream_error"]);
    for line in &lines[..2] {
        assert_eq!((&line["input_tokens"], &line["output_tokens"]), (&json!("100"), &json!("20")));
        assert_eq!((&line["cached_tokens"], &line["model"]), (&json!("60"), &json!("coder")));
        assert_eq!(line["upstream_model"], "gpt-x");
    }
    assert_eq!(lines[2]["error"], "rate_limit_exceeded");
    let text = std::fs::read_to_string(&observed.log).unwrap();
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    let prometheus = Prometheus::start(observed.envoy.admin());
    let tokens = "sum(responses_filter_tokens_total{model=\"gpt-x\",type=\"input\"})";
    prometheus.wait_for_number(tokens, 200.0);
    let failures = "responses_filter_errors_total{model=\"gpt-x\",code=\"rate_limit_exceeded\"}";
    prometheus.wait_for_number(failures, 1.0);
}

/// `stats_tags` of the example know every label that the filter writes.
#[test]
fn every_label_has_its_rule() {
    let observed = start();
    observed.ask_of_every_kind();
    let text = observed.envoy.admin_text("/stats/prometheus");
    let own: Vec<&str> =
        text.lines().filter(|line| line.starts_with("responses_filter_")).collect();
    assert!(!own.is_empty());
    for line in own {
        let (name, _) = line.split_once('{').unwrap();
        assert!(!name.contains("__"), "a label is left in the name: {line}");
    }
    assert!(Path::new(&observed.log).exists());
}
