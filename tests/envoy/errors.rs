//! Errors, whoever makes them, reach clients in OpenAI's shape.

use serde_json::json;

use crate::envoy::{Envoy, Setup};
use crate::upstream::{Answer, Gate, Outcome};
use crate::{ask, ask_whole, error_of, header, in_both_modes, in_both_modes_of, stream_of};

/// The error for a streamed and for a whole request: its status and its message.
fn refused(envoy: &Envoy, status: u16) -> Vec<String> {
    [ask("?"), ask_whole("?")]
        .iter()
        .map(|request| {
            let response = envoy.respond(request);
            assert_eq!(response.status(), status);
            let error = error_of(response);
            error["message"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn errors_of_the_upstream_keep_their_status_and_message() {
    let openai = json!({"error": {"message": "no such thing", "type": "invalid_request_error",
                                  "param": "x", "code": null}});
    let cases = [
        (400, "application/json", openai.to_string(), "no such thing"),
        (401, "application/json", json!({"detail": "bad key"}).to_string(), "bad key"),
        (403, "text/plain", "not from here".to_owned(), "not from here"),
        (500, "application/json", json!({"error": "it broke"}).to_string(), "it broke"),
        (500, "text/plain", String::new(), ""),
        (502, "text/html", "<html><h1>Bad Gateway</h1></html>".to_owned(), ""),
        (503, "text/plain", "upstream connect error".to_owned(), ""),
    ];
    in_both_modes(|envoy| {
        for (status, content_type, body, message) in &cases {
            for _ in 0..2 {
                let answer = Answer::new(*status).header("content-type", content_type);
                envoy.upstream.push(answer.write(body.clone()));
            }
            for said in refused(envoy, *status) {
                assert!(said.contains(message), "{said}");
                assert!(!said.contains('<'), "{said}");
            }
        }
    });
}

#[test]
fn an_error_without_a_body_says_something_all_the_same() {
    in_both_modes(|envoy| {
        for _ in 0..2 {
            envoy.upstream.push(Answer::new(500).header("content-length", "0"));
        }
        refused(envoy, 500);
    });
}

#[test]
fn rate_limits_tell_when_to_come_back() {
    in_both_modes(|envoy| {
        let body = json!({"error": {"message": "slow down", "type": "rate_limit_error"}});
        envoy.upstream.push(Answer::json(429, body.to_string()).header("retry-after", "12"));
        let response = envoy.respond(&ask("?"));
        assert_eq!(response.status(), 429);
        assert_eq!(header(&response, "retry-after"), "12");
        assert_eq!(error_of(response)["code"], "rate_limit_exceeded");
    });
}

#[test]
fn a_full_context_window_has_the_code_that_clients_act_on() {
    in_both_modes(|envoy| {
        let message = "This model's maximum context length is 8192 tokens. However, your messages \
                       resulted in 9000 tokens.";
        let body = json!({"error": {"message": message, "type": "BadRequestError", "code": 400}});
        envoy.upstream.push(Answer::json(400, body.to_string()));
        let response = envoy.respond(&ask("?"));
        assert_eq!(response.status(), 400);
        assert_eq!(error_of(response)["code"], "context_length_exceeded");
    });
}

#[test]
fn an_upstream_that_is_down_is_503() {
    for hold_headers in [true, false] {
        let envoy = Setup::new().hold_headers(hold_headers).start_without_upstream();
        refused(&envoy, 503);
    }
}

#[test]
fn an_upstream_that_does_not_speak_tls_is_503() {
    // The certificate of nobody; its key was thrown away.
    const TRUSTED_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUbA6Rl5hUCAUeXXcVu2kKiRrUbZUwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwNDMzMzRaGA8yMTI2MTAyODA0MzMz
NFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNJJ
hQPuCh4om5ofZKb6m6FziBRYm4VLCLIXLRo0cHnQJlc2UTxtNE6SajcgMmbkJxNd
zxZ8y1VGCg+qARddru+jUzBRMB0GA1UdDgQWBBSI2jkhd9PmDXjiw4czmdMLiiiJ
kjAfBgNVHSMEGDAWgBSI2jkhd9PmDXjiw4czmdMLiiiJkjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIHKsPrHioa0S72nb2eH2Qmf+xFyS+/GWCh3M
W2aEwiwmAiEA0TROJ6c1koXrpdkeNYKnbwzYo2u0vAT3fBIeBnlz7f0=
-----END CERTIFICATE-----
";
    let setup = || Setup::new().tls_upstream(TRUSTED_CA);
    in_both_modes_of(setup, |envoy| {
        refused(envoy, 503);
    });
}

#[test]
fn a_missing_route_is_404() {
    let setup = || Setup::new().edit("prefix: \"/\"", "prefix: \"/elsewhere\"");
    in_both_modes_of(setup, |envoy| {
        refused(envoy, 404);
    });
}

#[test]
fn an_upstream_that_is_silent_for_too_long_is_504() {
    let setup = || Setup::new().edit("timeout: 0s,", "timeout: 0.1s,");
    in_both_modes_of(setup, |envoy| {
        let never = Gate::new();
        for _ in 0..2 {
            envoy.upstream.push(Answer::new(200).wait_before_head(&never));
        }
        refused(envoy, 504);
        assert_eq!(envoy.upstream.outcome(1), Outcome::Abandoned);
    });
}

#[test]
fn a_request_beyond_the_limit_of_the_filter_is_413() {
    let limits = json!({"limits": {"request_bytes_max": 1 << 20}});
    let setup = || Setup::new().configuration(limits.clone());
    in_both_modes_of(setup, |envoy| {
        let response = envoy.respond(&ask(&"x".repeat(3 << 20)));
        assert_eq!(response.status(), 413);
        error_of(response);
    });
}

#[test]
fn a_request_that_is_no_request_goes_nowhere() {
    in_both_modes(|envoy| {
        for body in ["", "{", "[]", "null", "\"text\"", "{\"model\": 5, \"input\": \"?\"}"] {
            let response = envoy
                .client
                .post(envoy.url("/v1/responses"))
                .header("content-type", "application/json")
                .body(body)
                .send()
                .unwrap();
            assert_eq!(response.status(), 400, "{body}");
            assert_eq!(error_of(response)["type"], "invalid_request_error");
        }
        assert!(envoy.upstream.requests().iter().all(|request| !request.complete));
    });
}

#[test]
fn only_post_is_answered() {
    in_both_modes(|envoy| {
        let response = envoy.client.get(envoy.url("/v1/responses")).send().unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(header(&response, "allow"), "POST");
        error_of(response);
        let response = envoy.client.head(envoy.url("/v1/responses")).send().unwrap();
        assert_eq!(response.status(), 405);
        let response = envoy.client.get(envoy.url("/v1/responses/resp_1")).send().unwrap();
        assert_eq!(response.status(), 404);
        error_of(response);
        assert_eq!(envoy.upstream.requests().len(), 0);
    });
}

#[test]
fn compression_that_nobody_undoes_is_named() {
    in_both_modes(|envoy| {
        let answer = Answer::sse().header("content-encoding", "br").write("\u{1}\u{2}\u{3}");
        envoy.upstream.push(answer);
        let response = envoy.respond(&ask("?"));
        assert_eq!(response.status(), 502);
        assert!(error_of(response)["message"].as_str().unwrap().contains("compress"));
    });
}

#[test]
fn a_wrong_configuration_is_refused_with_the_name_of_the_field() {
    let reason = Setup::new()
        .configuration(json!({"strictness": "very"}))
        .try_start()
        .err()
        .expect("Envoy must not start");
    assert!(reason.contains("strictness"), "{reason}");
}

#[test]
fn a_stream_that_has_nothing_to_say_is_an_answer() {
    in_both_modes(|envoy| {
        let body = [crate::finish("stop"), crate::DONE.to_owned()].concat();
        envoy.upstream.push(Answer::sse().write(body));
        let stream = stream_of(envoy.respond(&ask("?")));
        assert_eq!(stream.summary.text, "");
    });
}
