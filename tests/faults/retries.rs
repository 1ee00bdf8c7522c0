//! Envoy retries what the filter has translated once.

use serde_json::json;

use crate::http::{ask, ask_whole, error_of, says, stream_of};
use crate::upstream::Answer;
use crate::{Envoy, Setup, Stage, logged};

const ROUTE: &str = "timeout: 0s, auto_host_rewrite: true }";

fn retrying() -> Setup {
    let policy = "retry_policy: { retry_on: \"5xx,reset\", num_retries: 2, \
                  retry_back_off: { base_interval: 0.001s } }";
    Setup::new().edit(ROUTE, &format!("timeout: 0s, auto_host_rewrite: true, {policy} }}"))
}

fn in_both_modes_retrying(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(retrying, true), Stage::new(retrying, false)];
    crate::play(&MODES, test);
}

#[test]
fn the_translated_request_is_retried() {
    in_both_modes_retrying(|envoy| {
        envoy.upstream.push(Answer::json(503, "{}"));
        envoy.upstream.push(Answer::sse().cut_before_head());
        envoy.upstream.push(Answer::sse().write(says("At last")));
        let summary = stream_of(envoy.respond(&ask("once"))).summary;
        assert_eq!(summary.text, "At last");
        let requests = envoy.upstream.requests();
        assert_eq!(requests.len(), 3);
        for request in &requests {
            assert_eq!(request.path, "/v1/chat/completions");
            assert_eq!(request.json(), requests[0].json());
        }
        logged(envoy, "200 via_upstream");
    });
}

#[test]
fn the_last_answer_counts_when_retries_are_used_up() {
    in_both_modes_retrying(|envoy| {
        for _ in 0..3 {
            let body = json!({"error": {"message": "overloaded", "type": "server_error"}});
            envoy.upstream.push(Answer::json(503, body.to_string()));
        }
        let response = envoy.respond(&ask_whole("?"));
        assert_eq!(response.status(), 503);
        assert!(error_of(response)["message"].as_str().unwrap().contains("overloaded"));
        assert_eq!(envoy.upstream.requests().len(), 3);
        logged(envoy, "via_upstream");
    });
}

/// What Envoy is to retry it must buffer; a larger request goes out once.
#[test]
fn large_requests_are_retried_when_the_route_buffers_them() {
    let text = "x".repeat(3 << 20);
    let unbuffered = retrying().start();
    unbuffered.upstream.push(Answer::json(503, "{}"));
    assert_eq!(unbuffered.respond(&ask(&text)).status(), 503);
    assert_eq!(unbuffered.upstream.requests().len(), 1);

    let buffered = retrying().edit(
        r#"match: { prefix: "/" },"#,
        r#"match: { prefix: "/" }, request_body_buffer_limit: 67108864,"#,
    );
    let buffered = buffered.start();
    buffered.upstream.push(Answer::json(503, "{}"));
    buffered.upstream.push(Answer::sse().write(says("Large")));
    assert_eq!(stream_of(buffered.respond(&ask(&text))).summary.text, "Large");
    assert!(buffered.upstream.request(1).body.len() > text.len());
    logged(&unbuffered, "503");
}
