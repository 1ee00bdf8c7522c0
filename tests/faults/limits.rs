//! Messages that are larger than Envoy or the filter take.

use serde_json::json;

use crate::http::{ask, ask_whole, error_of, says};
use crate::upstream::Answer;
use crate::{Setup, in_both_modes, in_both_modes_of, logged};

#[test]
fn request_headers_that_envoy_does_not_take() {
    in_both_modes(|envoy| {
        let request = envoy.client.post(envoy.url("/v1/responses")).json(&ask("?"));
        let response = request.header("x-large", "x".repeat(100 << 10)).send().unwrap();
        assert_eq!(response.status(), 431);
        assert_eq!(envoy.upstream.requests().len(), 0);
        logged(envoy, "431 http1.headers_too_large");
    });
}

#[test]
fn response_headers_that_envoy_does_not_take() {
    in_both_modes(|envoy| {
        for request in [ask("?"), ask_whole("?")] {
            let answer = Answer::sse().header("x-large", &"x".repeat(100 << 10));
            envoy.upstream.push(answer.write(says("Hi")));
            let response = envoy.respond(&request);
            assert!([502, 503].contains(&response.status().as_u16()), "{}", response.status());
            assert_eq!(error_of(response)["type"], "server_error");
        }
        logged(envoy, "upstream_reset_before_response_started{");
    });
}

#[test]
fn a_request_body_that_the_filter_does_not_take() {
    let setup = || Setup::new().configuration(json!({"limits": {"request_bytes_max": 100_000}}));
    in_both_modes_of(setup, |envoy| {
        for size in [100_000, 5 << 20] {
            let response = envoy.respond(&ask(&"x".repeat(size)));
            assert_eq!(response.status(), 413);
            assert_eq!(error_of(response)["code"], "request_too_large");
        }
        logged(envoy, "413 responses_filter ");
    });
}

#[test]
fn an_error_body_that_the_filter_does_not_take() {
    in_both_modes(|envoy| {
        for size in [10 << 10, 64 << 10, 65 << 10, 1 << 20, 3 << 20] {
            for request in [ask("?"), ask_whole("?")] {
                let body = json!({"error": {"message": "x".repeat(size)}}).to_string();
                envoy.upstream.push(Answer::json(400, body));
                let response = envoy.respond(&request);
                assert_eq!(response.status(), 400);
                error_of(response);
            }
        }
        logged(envoy, " 400 ");
    });
}
