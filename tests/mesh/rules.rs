//! What chooses a profile besides the model: the route's name, the host, the cluster, and Higress's
//! own rules; and how a profile asks its upstream.

use serde_json::{Value, json};

use crate::example::{Example, Running};
use crate::upstream::{Answer, Upstream};
use crate::{ask, bad, good};

const ROUTES: &str = r#"              - name: llm-named
                match: { prefix: "/named/" }
                route: { cluster: vllm, prefix_rewrite: "/", timeout: 0s }
              - name: other
                match: { prefix: "/clustered/" }
                route: { cluster: "outbound|8000||qwen.static", prefix_rewrite: "/", timeout: 0s }
"#;

/// What Higress and Istio call a cluster.
const CLUSTER: &str = r#"  - name: "outbound|8000||qwen.static"
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: qwen
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8000 } } } }] }]
"#;

/// Two routes and a catch-all to one upstream, with this configuration; `hold_headers` says whether
/// Envoy may hold headers.
fn start(configuration: &Value) -> (Running, Upstream) {
    let upstream = Upstream::start();
    let mut example = Example::read("rate-limit.yaml")
        .replace(r#"{"upstreams": {"default": {"preset": "vllm"}}}"#, &configuration.to_string())
        .replace("              routes:\n", &format!("              routes:\n{ROUTES}"))
        .replace("  clusters:\n", &format!("  clusters:\n{CLUSTER}"))
        .upstream(8000, &upstream);
    if configuration["hold_headers"] == false {
        example = example.replace("allow_on_headers_stop_iteration: true", "");
    }
    (example.start(), upstream)
}

/// A profile that can be told by the name it gives to every model.
fn profile(name: &str) -> Value {
    json!({"models": {"*": name}})
}

/// The name under which the upstream was asked, for a request to this path and host.
fn chosen(envoy: &Running, upstream: &Upstream, path: &str, host: &str) -> String {
    let before = upstream.requests().len();
    let request = envoy.client.post(envoy.url(path)).header("host", host).json(&ask("m"));
    good(request.send().unwrap());
    upstream.request(before).json()["model"].as_str().unwrap().to_owned()
}

#[test]
fn rules_choose_by_route_host_and_cluster() {
    for hold_headers in [true, false] {
        let (envoy, upstream) = start(&json!({
            "hold_headers": hold_headers,
            "upstreams": {
                "default": profile("default"), "r": profile("by-route"), "h": profile("by-host"),
                "c": profile("by-cluster")},
            "rules": [
                {"route": "llm-*", "host": "both.example.com", "upstream": "default"},
                {"route": "llm-*", "upstream": "r"},
                {"host": "*.eu.example.com", "upstream": "h"},
                {"cluster": "outbound|*||qwen.static", "upstream": "c"}],
        }));
        for (path, host, expected) in [
            ("/v1/responses", "example.com", "default"),
            ("/named/v1/responses", "example.com", "by-route"),
            ("/v1/responses", "api.eu.example.com", "by-host"),
            ("/v1/responses", "API.EU.example.com:8443", "by-host"),
            ("/clustered/v1/responses", "example.com", "by-cluster"),
            ("/clustered/v1/responses", "api.eu.example.com", "by-host"),
            ("/named/v1/responses", "both.example.com", "default"),
        ] {
            assert_eq!(chosen(&envoy, &upstream, path, host), expected, "{path} {host}");
        }
    }
}

/// What Higress makes of `defaultConfig` and `matchRules` (tests/kubernetes checks the manifest).
#[test]
fn rules_of_higress_choose_in_a_real_envoy() {
    let scope = |matches: Value, name: &str| {
        let mut rule = json!({"upstreams": {"default": profile(name)}});
        rule.as_object_mut().unwrap().extend(matches.as_object().unwrap().clone());
        rule
    };
    let rules = json!([
        scope(json!({"_match_route_": ["llm-named"]}), "by-ingress"),
        scope(json!({"_match_domain_": ["*.intern.example.com"]}), "by-domain"),
        scope(json!({"_match_service_": ["qwen.static:8000"]}), "by-service")
    ]);
    let (envoy, upstream) = start(&json!({
        "hold_headers": false, "upstreams": {"default": profile("outside")}, "_rules_": rules}));
    for (path, host, expected) in [
        ("/v1/responses", "example.com", "outside"),
        ("/named/v1/responses", "example.com", "by-ingress"),
        ("/v1/responses", "a.intern.example.com", "by-domain"),
        ("/clustered/v1/responses", "example.com", "by-service"),
    ] {
        assert_eq!(chosen(&envoy, &upstream, path, host), expected, "{path} {host}");
    }
    // Without a defaultConfig it stays out of what no rule matches.
    let (envoy, upstream) = start(&json!({"_rules_": [
        scope(json!({"_match_route_": ["llm-named"]}), "by-ingress")]}));
    assert_eq!(chosen(&envoy, &upstream, "/named/v1/responses", "e"), "by-ingress");
    upstream.push(Answer::json(200, "{\"untouched\": 1}"));
    assert_eq!(good(envoy.post("/v1/responses", &ask("m"))), json!({"untouched": 1}));
    assert_eq!(upstream.request(1).path, "/v1/responses");
}

#[test]
fn a_route_that_names_a_profile_of_nobody_is_told_apart() {
    let [vllm, deepseek, openai] = [(); 3].map(|()| Upstream::start());
    let envoy = Example::read("by-route.yaml")
        .upstream(8000, &vllm)
        .upstream(8001, &deepseek)
        .upstream(8002, &openai)
        .file("/etc/envoy/keys/deepseek", "k")
        .file("/etc/envoy/keys/openai", "k")
        .replace("{ upstream: deepseek }", "{ upstream: nobody }")
        .start();
    let error = bad(envoy.post("/deepseek/v1/responses", &ask("m")), 500);
    let message = error["message"].as_str().unwrap();
    let expected = "names an upstream that the filter's configuration does not have";
    assert!(message.contains(expected), "{message}");
    assert_eq!(deepseek.requests().len(), 0);
    good(envoy.post("/v1/responses", &ask("m")));
}

#[test]
fn a_profile_says_whether_its_upstream_streams() {
    let (envoy, upstream) = start(&json!({
        "upstreams": {"always": {"stream": "always"}, "never": {"stream": "never"}},
        "rules": [{"route": "llm-named", "upstream": "always"},
                  {"route": "other", "upstream": "never"}]}));
    for (index, (path, streams)) in
        [("/named/v1/responses", true), ("/clustered/v1/responses", false)].into_iter().enumerate()
    {
        let whole = good(envoy.post(path, &ask("m")));
        assert_eq!(whole["status"], "completed");
        let asked = json!({"model": "m", "input": "Say hello.", "stream": true});
        let stream = envoy.post(path, &asked);
        assert_eq!(stream.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert!(stream.text().unwrap().contains("event: response.completed"));
        for request in [upstream.request(2 * index), upstream.request(2 * index + 1)] {
            assert_eq!(request.json()["stream"] == true, streams, "{:?}", request.body);
        }
    }
}

#[test]
fn headers_of_a_profile_and_of_tracing_reach_its_upstream() {
    let (envoy, upstream) = start(&json!({"upstreams": {
        "default": {"headers": {"x-api-version": "2026-01-01", "x-internal": null}}}}));
    let traced = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "vendor=t61rcWkgMzE"),
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
        ("baggage", "user=7"),
    ];
    let mut request = envoy.client.post(envoy.url("/v1/responses")).header("x-internal", "1");
    for (name, value) in traced {
        request = request.header(name, value);
    }
    upstream.push(Answer::sse().header("traceresponse", "00-a-b-01").write(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n\
         data: [DONE]\n\n",
    ));
    let response = request.json(&ask("m")).send().unwrap();
    assert_eq!(response.headers()["traceresponse"], "00-a-b-01");
    good(response);
    let seen = upstream.request(0);
    for (name, value) in traced {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.header("x-api-version"), Some("2026-01-01"));
    assert_eq!(seen.header("x-internal"), None);
}

/// The filter takes bodies in by itself, so that none of Envoy's buffers has to be larger for them.
#[test]
fn a_conversation_of_megabytes_passes() {
    for name in ["rate-limit.yaml", "without-hold.yaml"] {
        let upstream = Upstream::start();
        let envoy = Example::read(name).upstream(8000, &upstream).start();
        let input = "x".repeat(5 << 20);
        let answer = envoy.post("/v1/responses", &json!({"model": "m", "input": input}));
        assert_eq!(answer.status(), 200, "{name}: {}", answer.text().unwrap());
        assert!(upstream.request(0).body.len() > 5 << 20, "{name}");
    }
}

/// Headers that are held without Envoy's permission would hang for ever.
#[test]
fn a_hold_that_envoy_never_lets_go_ends_in_an_error_that_says_so() {
    let upstream = Upstream::start();
    let envoy = Example::read("rate-limit.yaml")
        .replace("allow_on_headers_stop_iteration: true", "")
        .upstream(8000, &upstream)
        .start();
    for _ in 0..2 {
        let error = bad(envoy.post("/v1/responses", &ask("m")), 503);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("allow_on_headers_stop_iteration: true"), "{message}");
    }
    assert_eq!(upstream.requests().len(), 0);
    // What needs no body is served.
    good(envoy.get("/v1/models"));
}
