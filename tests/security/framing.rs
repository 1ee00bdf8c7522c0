//! Request smuggling: whatever the length and the form of a body become, two readers see the same
//! messages on both sides of Envoy.

use serde_json::{Value, json};

use crate::envoy::Setup;
use crate::wire::{Upstream, connect, post, read, send};

/// A text that holds what would be a request of its own, were it cut at the wrong place.
fn input(length: usize) -> String {
    let inner = "\r\n\r\nPOST /v1/admin HTTP/1.1\r\nhost: envoy\r\ncontent-length: 0\r\n\r\n";
    format!("{}{inner}", "x".repeat(length))
}

fn smuggler(length: usize) -> String {
    json!({"model": "m", "input": input(length)}).to_string()
}

fn chunked(body: &str, size: usize) -> Vec<u8> {
    let mut message =
        b"POST /v1/responses HTTP/1.1\r\nhost: envoy\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for chunk in body.as_bytes().chunks(size) {
        message.extend(format!("{:x}\r\n", chunk.len()).bytes());
        message.extend(chunk);
        message.extend(b"\r\n");
    }
    message.extend(b"0\r\n\r\n");
    message
}

fn said(body: &[u8]) -> String {
    let chat: Value = serde_json::from_slice(body).expect("JSON");
    chat["messages"][0]["content"].as_str().expect("a text").to_owned()
}

#[test]
fn a_rewritten_body_is_framed_once_and_holds_all_of_it() {
    for hold in [true, false] {
        let upstream = Upstream::start();
        let envoy = Setup::new().hold_headers(hold).start_before(upstream.address);
        let mut connection = connect(envoy.address());
        for length in [0, 100, 100_000] {
            let body = smuggler(length);
            for message in [
                post("/v1/responses", "", &body),
                post("/v1/responses", "expect: nothing\r\nte: trailers\r\n", &body),
                chunked(&body, 7000),
                chunked(&body, 20),
            ] {
                let answer = send(&mut connection, &message);
                assert!(answer.start.starts_with("HTTP/1.1 200"), "{answer:?}");
                assert!(String::from_utf8_lossy(&answer.body).contains("hello"));
                let request = upstream.request();
                assert_eq!(request.path(), "/v1/chat/completions");
                assert_eq!(said(&request.body), input(length), "hold_headers: {hold}");
                let is_told = request.all("content-length").len() == 1;
                assert_eq!(is_told, hold, "{request:?}");
            }
        }
        upstream.has_no_more();
    }
}

/// Requests on one connection, sent before any is answered.
#[test]
fn requests_in_a_row_stay_apart() {
    for hold in [true, false] {
        let upstream = Upstream::start();
        let envoy = Setup::new().hold_headers(hold).start_before(upstream.address);
        let row: Vec<u8> = [
            post("/v1/responses", "", &smuggler(10)),
            chunked(&smuggler(3000), 999),
            post("/v1/embeddings", "", "{}"),
            post("/v1/responses", "", &smuggler(1)),
        ]
        .concat();
        let mut connection = connect(envoy.address());
        let mut answers = vec![send(&mut connection, &row)];
        for _ in 0..3 {
            answers.push(read(&mut connection).expect("a message").expect("an answer"));
        }
        assert!(answers.iter().all(|answer| answer.start.starts_with("HTTP/1.1 200")));
        let paths: Vec<String> = (0..4).map(|_| upstream.request().path().to_owned()).collect();
        let chat = "/v1/chat/completions";
        assert_eq!(paths, [chat, chat, "/v1/embeddings", chat]);
        upstream.has_no_more();
    }
}

/// What is ambiguous already when it comes does not get as far as the filter.
#[test]
fn ambiguous_requests_are_refused() {
    let upstream = Upstream::start();
    let envoy = Setup::new().start_before(upstream.address);
    let body = smuggler(0);
    for headers in [
        "transfer-encoding: chunked\r\n",
        "content-length: 1\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
    ] {
        let answer = send(&mut connect(envoy.address()), &post("/v1/responses", headers, &body));
        let status = answer.start.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "501"].contains(&status), "{headers}: {answer:?}");
    }
    upstream.has_no_more();
}

/// The other direction: answers that are translated, passed on, or replaced.
#[test]
fn a_rewritten_answer_is_framed_once() {
    let completion =
        r#"{"choices":[{"index":0,"message":{"content":"hello"},"finish_reason":"stop"}]}"#;
    let failure = r#"{"error":{"message":"no","code":"rate_limit_exceeded"}}"#;
    for hold in [true, false] {
        let upstream = Upstream::start();
        let envoy = Setup::new().hold_headers(hold).start_before(upstream.address);
        for body in [completion, failure, "[]"] {
            let length = body.len();
            for rest in [
                format!("content-length: {length}\r\n\r\n{body}"),
                format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
                "content-length: 0\r\n\r\n".to_owned(),
                "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            ] {
                upstream.answer_with(&rest);
                let mut connection = connect(envoy.address());
                for stream in [false, true, false] {
                    let ask = json!({"model": "m", "input": "x", "stream": stream}).to_string();
                    let answer = send(&mut connection, &post("/v1/responses", "", &ask));
                    assert!(!answer.body.is_empty(), "{answer:?}");
                }
                assert!(connection.buffer().is_empty(), "bytes behind the last answer");
            }
        }
    }
}
