//! When a provider fails: what is tried again, where, and in which form.

use serde_json::json;

use crate::example::{Example, Running};
use crate::upstream::{Answer, Upstream};
use crate::{ask, bad, good};

struct Providers {
    envoy: Running,
    primary: Upstream,
    secondary: Upstream,
}

fn start() -> Providers {
    let [primary, secondary] = [(); 2].map(|()| Upstream::start());
    let envoy = Example::read("failover.yaml")
        .upstream(8000, &primary)
        .upstream(8001, &secondary)
        .file("/etc/envoy/keys/primary", "key-one")
        .file("/etc/envoy/keys/secondary", "key-two")
        // The waiting is what is tested, not its length.
        .replace("base_interval: 1s, max_interval: 10s", "base_interval: 0.01s, max_interval: 0.1s")
        .start();
    Providers { envoy, primary, secondary }
}

fn loading() -> Answer {
    let body = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    Answer::json(503, body)
}

#[test]
fn the_secondary_gets_a_translation_of_its_own() {
    let providers = start();
    providers.primary.script(|_, _| loading());
    let body = json!({
        "model": "any", "input": "Say hello.", "stream": true, "reasoning": {"effort": "high"}
    });
    let response = providers.envoy.post("/v1/responses", &body);
    assert_eq!(response.status(), 200);
    let stream = response.text().unwrap();
    assert!(stream.contains("event: response.completed"), "{stream}");

    let first = providers.primary.request(0);
    assert_eq!(first.json()["model"], "qwen3-coder");
    assert_eq!(first.header("authorization"), Some("Bearer key-one"));
    assert_eq!(providers.primary.requests().len(), 6, "one and five retries");
    let second = providers.secondary.request(0);
    assert_eq!(second.json()["model"], "deepseek-chat");
    assert_eq!(second.header("authorization"), Some("Bearer key-two"));
    // Not only the names differ: each profile spells the effort in its own way.
    assert_ne!(first.json()["chat_template_kwargs"], second.json()["chat_template_kwargs"]);
}

#[test]
fn a_server_that_loads_its_model_is_waited_for() {
    let providers = start();
    for _ in 0..3 {
        providers.primary.push(loading());
    }
    good(providers.envoy.post("/v1/responses", &ask("any")));
    let bodies: Vec<_> = providers.primary.requests().iter().map(|r| r.body.clone()).collect();
    assert_eq!(bodies.len(), 4);
    assert!(bodies.iter().all(|body| body == &bodies[0]), "the same translation each time");
    assert_eq!(providers.secondary.requests().len(), 0);
}

#[test]
fn a_primary_that_is_gone_or_has_had_enough_is_replaced() {
    for answer in [
        Answer::new(200).cut_before_head(),
        Answer::json(429, r#"{"error":{"message":"Too many requests"}}"#),
        Answer::json(500, "{}"),
    ] {
        let providers = start();
        providers.primary.push(answer);
        good(providers.envoy.post("/v1/responses", &ask("any")));
        assert_eq!(providers.primary.requests().len(), 1);
        assert_eq!(providers.secondary.requests().len(), 1);
    }
}

#[test]
fn a_wrong_request_is_tried_nowhere_else() {
    let providers = start();
    let body = r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#;
    providers.primary.push(Answer::json(400, body));
    let error = bad(providers.envoy.post("/v1/responses", &ask("any")), 400);
    assert_eq!(error["code"], "context_length_exceeded");
    assert_eq!(providers.secondary.requests().len(), 0);
}

#[test]
fn when_both_fail_the_client_gets_the_last_error() {
    let providers = start();
    providers.primary.push(Answer::json(500, "{}"));
    providers.secondary.push(Answer::json(401, r#"{"error":{"message":"Bad key"}}"#));
    let error = bad(providers.envoy.post("/v1/responses", &ask("any")), 401);
    assert_eq!(error["code"], "invalid_api_key");
}

/// Why failover.yaml is made as it is: Envoy's own ways to another endpoint repeat what the filter has
/// written, whoever gets it.
#[test]
fn behind_one_filter_the_secondary_gets_the_translation_of_the_primary() {
    let [primary, secondary] = [(); 2].map(|()| Upstream::start());
    let endpoint = |priority: u8, upstream: &Upstream| {
        let port = upstream.address().port();
        format!(
            "{{ priority: {priority}, lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: \
             {{ address: 127.0.0.1, port_value: {port} }} }} }} }}] }}"
        )
    };
    let retry = "cluster: vllm
                  retry_policy:
                    retry_on: 5xx
                    retry_priority:
                      name: envoy.retry_priorities.previous_priorities
                      typed_config:
                        \"@type\": type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig
                        update_frequency: 1
";
    let one = "{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, \
               port_value: 8000 } } } }] }";
    let envoy = Example::read("rate-limit.yaml")
        .replace("cluster: vllm\n", retry)
        .replace(one, &[endpoint(0, &primary), endpoint(1, &secondary)].join(", "))
        .start();
    primary.push(loading());
    good(envoy.post("/v1/responses", &ask("any")));
    let (first, second) = (primary.request(0), secondary.request(0));
    assert_eq!(first.body, second.body);
    assert_eq!(first.path, second.path);
}

/// Editors end files with a line end, and `kubectl create secret` keeps it.
#[test]
fn a_line_end_behind_a_key_does_no_harm() {
    let [primary, secondary] = [(); 2].map(|()| Upstream::start());
    let envoy = Example::read("failover.yaml")
        .upstream(8000, &primary)
        .upstream(8001, &secondary)
        .file("/etc/envoy/keys/primary", "key-one\n")
        .file("/etc/envoy/keys/secondary", "key-two")
        .start();
    good(envoy.post("/v1/responses", &ask("any")));
    assert_eq!(primary.request(0).header("authorization"), Some("Bearer key-one"));
}

/// Envoy keeps a request for another try within the buffer's limit, and no larger one.
#[test]
fn a_request_larger_than_the_buffer_is_sent_once() {
    for (megabytes, tries) in [(0, 2), (3, 1)] {
        let upstream = Upstream::start();
        let retry = "cluster: vllm\n                  retry_policy: { retry_on: 5xx }\n";
        let envoy = Example::read("rate-limit.yaml")
            .replace("cluster: vllm\n", retry)
            .upstream(8000, &upstream)
            .start();
        upstream.push(loading());
        let input = "x".repeat(megabytes << 20);
        let answer = envoy.post("/v1/responses", &json!({"model": "m", "input": input}));
        assert_eq!(answer.status(), if tries == 1 { 503 } else { 200 }, "{megabytes}");
        assert_eq!(upstream.requests().len(), tries, "{megabytes}");
    }
}
