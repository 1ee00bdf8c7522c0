//! What a client or an upstream says does not get into a log, neither as text nor as a line of its own.
//!
//! Beside these tests every Envoy of the suite has its log searched for the keys and texts that went
//! through it, when it ends: see `tests/support/secrets.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;

use crate::envoy::Setup;
use crate::upstream::Answer;

const KEY: &str = "key-that-nobody-may-read";
const TEXT: &str = "A text that nobody may read.";

/// Everything that is wrong in a request or in an answer, with the key and the text in it.
#[test]
fn no_log_tells_keys_and_texts_even_when_all_goes_wrong() {
    for hold in [true, false] {
        let configuration = json!({"upstreams": {"default": {"headers": {"x-key": KEY}}}});
        let envoy = Setup::new().configuration(configuration).hold_headers(hold).start();
        let post = |body: String| {
            let request = envoy.client.post(envoy.url("/v1/responses")).body(body);
            request.bearer_auth(KEY).header("cookie", KEY).send().expect("an answer")
        };
        for body in [
            json!({"model": TEXT, "input": TEXT, "stream": true}).to_string(),
            json!({"model": TEXT, "input": {TEXT: TEXT}}).to_string(),
            json!({"model": "m", "input": [{"type": TEXT, TEXT: TEXT}], TEXT: TEXT}).to_string(),
            json!({"model": "m", "input": TEXT, "tools": [{"type": TEXT}]}).to_string(),
            format!("{{\"model\":\"{TEXT}\",\"{TEXT}\":"),
            format!("{TEXT}\n{TEXT}"),
        ] {
            for answer in [
                Answer::sse().write(format!("data: {{\"{TEXT}\"\n\n: {TEXT}\n\nevent: {TEXT}\n\n")),
                Answer::sse().write(format!(
                    "data: {{\"error\":{{\"message\":\"{TEXT}\",\"code\":\"{TEXT}\"}}}}\n\n"
                )),
                Answer::new(401)
                    .header("x-own", KEY)
                    .write(format!("{{\"error\":\"{KEY} {TEXT}\"}}")),
                Answer::new(200).header("content-type", "text/html").write(format!("<p>{TEXT}")),
                Answer::sse()
                    .write(format!(
                        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{TEXT}\"}}}}]}}\n\n"
                    ))
                    .cut(),
            ] {
                envoy.upstream.push(answer);
                // What becomes of it is the matter of other tests; some end in a broken connection.
                let _ = post(body.clone()).bytes();
            }
            envoy.upstream.forget();
        }
        let list = envoy.client.get(envoy.url("/v1/models")).bearer_auth(KEY);
        envoy.upstream.push(Answer::new(200).write(TEXT));
        let _ = list.send().and_then(|answer| answer.bytes());
        let log = envoy.log();
        assert!(log.contains("[info]"), "there is a log");
        for secret in [KEY, TEXT] {
            assert!(!log.contains(secret), "the log tells {secret}");
        }
    }
}

/// A refused configuration is told, the keys in it are not.
#[test]
fn a_refused_configuration_tells_no_key() {
    for headers in [
        json!({"authorization": format!("Bearer {KEY}\r\nx: 1")}),
        json!({"authorization": [KEY]}),
        json!({"x y": KEY}),
        json!({"host": KEY}),
    ] {
        let configuration = json!({"upstreams": {"default": {"headers": headers}}});
        let refused = Setup::new().configuration(configuration).complains().try_start();
        let reason = refused.map(drop).expect_err("a refusal");
        assert!(reason.contains("upstreams.default.headers"), "{reason}");
        assert!(!reason.contains(KEY), "{reason}");
    }
}

/// Names that look like lines of a log stay part of the line they are in.
#[test]
fn no_name_makes_a_line_of_its_own() {
    let envoy = Setup::new()
        .edit(
            "first byte %RESPONSE_DURATION% ms",
            "model %FILTER_STATE(wasm.gen_ai.request.model:PLAIN)%",
        )
        .start();
    let fake = "\n[2026-01-01 00:00:00.000][1][emergency] all is lost";
    for stream in [true, false] {
        let body = json!({"model": fake, "input": "x", "stream": stream});
        assert_eq!(envoy.respond(&body).status(), 200);
        let body = json!({"model": fake, "input": 1, fake: 2, "stream": stream});
        assert_eq!(envoy.respond(&body).status(), 400);
    }
    let error = json!({"error": {"message": fake, "type": fake, "code": fake}}).to_string();
    envoy.upstream.push(Answer::new(400).header("content-type", "application/json").write(error));
    assert_eq!(envoy.respond(&json!({"model": "m", "input": "x"})).status(), 400);
    // The access log is written when an answer is over, a moment after the client has it.
    while envoy.log().matches("POST /v1").count() < 5 {
        std::thread::yield_now();
    }
    let log = envoy.log();
    assert!(!log.contains("\n[2026-01-01 00:00:00.000]"), "{log}");
    assert!(log.contains("model %0A[2026-01-01%20"), "{log}");
}

/// The search at the end of each Envoy finds what is there to be found.
#[test]
fn a_log_that_tells_a_key_or_a_text_is_noticed() {
    for told in ["%REQ(AUTHORIZATION)%", "%REQ(COOKIE)%", "%REQ(X-TEXT)%"] {
        let envoy = Setup::new().edit("%REQ(:METHOD)%", told).start();
        let request = envoy.client.post(envoy.url("/v1/responses")).bearer_auth(KEY);
        let request = request.header("cookie", "another key of length").header("x-text", TEXT);
        let body = json!({"model": "m", "input": TEXT}).to_string();
        let answer = request.body(body).send().and_then(|answer| answer.bytes());
        assert!(answer.is_ok());
        while !envoy.log().contains(" 200 via_upstream") {
            std::thread::yield_now();
        }
        let end = catch_unwind(AssertUnwindSafe(move || drop(envoy)));
        assert!(end.is_err(), "{told} went unnoticed");
    }
}
