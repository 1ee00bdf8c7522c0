//! Everybody may be slow.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::http::{
    DONE, ask, ask_whole, checked_stream, completion, delta, error_of, finish, says, stream_of,
    whole_of,
};
use crate::upstream::{Answer, Gate, Outcome, PATIENCE};
use crate::{Envoy, Read, Setup, in_both_modes, in_both_modes_of, logged, small_buffers, until};

#[test]
fn an_upstream_that_thinks_before_it_sends_headers() {
    in_both_modes(|envoy| {
        let gate = Gate::new();
        envoy.upstream.push(Answer::sse().wait_before_head(&gate).write(says("At last")));
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| stream_of(envoy.respond(&ask("?"))).summary.text);
            envoy.upstream.request(0);
            gate.open();
            assert_eq!(answer.join().unwrap(), "At last");
        });
        logged(envoy, "200 via_upstream");
    });
}

#[test]
fn an_upstream_that_sends_byte_by_byte() {
    in_both_modes(|envoy| {
        let stream = says("Zeichen: ä€𝄞");
        let document = completion(json!({"role": "assistant", "content": "Zeichen: ä€𝄞"}));
        for body in [stream, document] {
            for _ in 0..2 {
                envoy.upstream.push(Answer::new(200).write_every(body.clone(), 1));
            }
            assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, "Zeichen: ä€𝄞");
            assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, "Zeichen: ä€𝄞");
        }
        logged(envoy, "200 via_upstream");
    });
}

#[test]
fn a_client_that_sends_byte_by_byte() {
    in_both_modes(|envoy| {
        let body = ask("slowly").to_string();
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let mut connection = TcpStream::connect(envoy.address()).unwrap();
        connection.set_nodelay(true).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        for byte in (head + &body).into_bytes() {
            connection.write_all(&[byte]).unwrap();
        }
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("response.completed"), "{answer}");
        logged(envoy, "200 via_upstream");
    });
}

/// 16 MB for a client that does not read until every buffer before it is full.
fn a_slow_reader_loses_nothing(envoy: &Envoy) {
    let piece = "0123456789abcdef".repeat(1024);
    let mut body = String::new();
    for _ in 0..1000 {
        body.push_str(&delta(json!({ "content": piece })));
    }
    body.push_str(&[finish("stop"), DONE.to_owned()].concat());
    envoy.upstream.push(Answer::sse().write_every(body, 64 << 10));
    let mut response = envoy.respond(&ask("?"));
    until("Envoy reads on and on", || envoy.stat(PAUSED) > 0);
    let mut bytes = Vec::new();
    response.read_to_end(&mut bytes).unwrap();
    let text = checked_stream(&bytes).summary.text;
    assert!(text.len() == 1000 * piece.len() && text == piece.repeat(1000), "the text differs");
    assert_eq!(envoy.upstream.outcome(0), Outcome::Sent);
}

/// How often Envoy has stopped reading from the upstream because the client did not.
const PAUSED: &str = "cluster.upstream.upstream_flow_control_paused_reading_total";

#[test]
fn a_client_that_reads_slowly() {
    for setup in [Setup::new(), small_buffers().http2_upstream()] {
        let envoy = setup.start();
        a_slow_reader_loses_nothing(&envoy);
        logged(&envoy, "200 via_upstream");
    }
}

#[test]
fn silence_that_is_too_long_for_envoy() {
    let setup: fn() -> Setup =
        || Setup::new().edit("stream_idle_timeout: 600s", "stream_idle_timeout: 0.5s");
    in_both_modes_of(setup, |envoy| {
        let never = Gate::new();
        let half = delta(json!({"content": "Half an answer"}));
        envoy.upstream.push(Answer::sse().write(half).wait(&never));
        let read = Read::of(envoy.respond(&ask("?")));
        assert!(!read.whole && read.terminal().is_none(), "{:?}", read.kinds());

        envoy.upstream.push(Answer::sse().wait_before_head(&never));
        let response = envoy.respond(&ask("?"));
        assert_eq!(response.status(), 504);
        error_of(response);
        logged(envoy, "stream_idle_timeout");
    });
}

#[test]
fn an_answer_that_takes_too_long_for_its_route() {
    let setup: fn() -> Setup = || Setup::new().edit("timeout: 0s,", "timeout: 0.5s,");
    in_both_modes_of(setup, |envoy| {
        let never = Gate::new();
        let half = delta(json!({"content": "Half an answer"}));
        envoy.upstream.push(Answer::sse().write(half).wait(&never));
        let read = Read::of(envoy.respond(&ask("?")));
        assert!(!read.whole && read.terminal().is_none(), "{:?}", read.kinds());
        assert_eq!(envoy.upstream.outcome(0), Outcome::Abandoned);
        logged(envoy, "response_timeout");
    });
}

#[test]
fn a_client_that_takes_too_long_for_its_request() {
    let setup = || Setup::new().edit("stream_idle_timeout: 600s", "request_timeout: 0.5s");
    in_both_modes_of(setup, |envoy| {
        let mut connection = TcpStream::connect(envoy.address()).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let half = "POST /v1/responses HTTP/1.1\r\nhost: envoy\r\ncontent-length: 100\r\n\r\n{";
        connection.write_all(half.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let status = ["HTTP/1.1 504 ", "HTTP/1.1 408 "].into_iter().find(|s| answer.starts_with(s));
        assert!(status.is_some(), "{answer}");
        assert!(answer.contains("{\"error\":{\"message\":\"request timeout\""), "{answer}");
        logged(envoy, "request_overall_timeout");
    });
}

/// Nobody may notice: clients of the same upstream stop reading at `[DONE]`.
#[test]
fn an_upstream_that_never_closes_its_stream() {
    in_both_modes(|envoy| {
        for request in [ask("?"), ask_whole("?")] {
            let never = Gate::new();
            envoy.upstream.push(Answer::sse().write(says("All of it")).wait(&never));
            let mut read = String::new();
            let mut response = envoy.respond(&request);
            let mut piece = [0; 4096];
            while !read.contains("\"completed_at\":1") {
                let length = response.read(&mut piece).unwrap();
                assert!(length > 0, "{read}");
                read.push_str(&String::from_utf8_lossy(&piece[..length]));
            }
            assert!(read.contains("All of it"));
            never.open();
        }
    });
}
