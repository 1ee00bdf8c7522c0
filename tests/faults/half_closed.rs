//! Connections of which one side has closed its half.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::json;

use crate::http::{DONE, ask, ask_whole, delta, finish, says, stream_of, whole_of};
use crate::upstream::PATIENCE;
use crate::{Read, Setup, in_both_modes, logged};

/// An upstream that answers every request with this head and body, closes its half of the connection
/// and waits until the other side closes the other half.
fn upstream(answer: String) -> SocketAddr {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, answer) = (connection.unwrap(), answer.clone());
            thread::spawn(move || {
                // The whole request comes in one piece.
                let _ = connection.read(&mut [0; 64 << 10]);
                let _ = connection.write_all(answer.as_bytes());
                let _ = connection.shutdown(Shutdown::Write);
                while connection.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
            });
        }
    });
    address
}

const SSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

/// Without a length the end of the connection is that of the answer.
#[test]
fn an_upstream_that_ends_its_answer_so() {
    let envoy = Setup::new().start_before(upstream([SSE, "\r\n", &says("Hi")].concat()));
    assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.text, "Hi");
    assert_eq!(whole_of(envoy.respond(&ask_whole("?"))).text, "Hi");
    logged(&envoy, "200 via_upstream");

    let open = [delta(json!({"content": "Hi"})), finish("stop")].concat();
    let envoy = Setup::new().start_before(upstream([SSE, "\r\n", &open].concat()));
    assert_eq!(stream_of(envoy.respond(&ask("?"))).summary.terminal, "completed");
}

/// Nothing tells an answer that was cut so from one that has ended, except that it says so itself.
#[test]
fn an_upstream_that_cuts_its_answer_so() {
    let half = delta(json!({"content": "Half an answer"}));
    let envoy = Setup::new().start_before(upstream([SSE, "\r\n", &half].concat()));
    let summary = stream_of(envoy.respond(&ask("?"))).summary;
    assert!(summary.terminal.starts_with("failed:"), "{}", summary.terminal);
    assert_eq!(envoy.respond(&ask_whole("?")).status(), 500);

    // With a length Envoy sees what is missing.
    let length = format!("content-length: {}\r\n\r\n", half.len() + DONE.len());
    let envoy = Setup::new().start_before(upstream([SSE, &length, &half].concat()));
    let read = Read::of(envoy.respond(&ask("?")));
    assert!(!read.whole && read.terminal().is_none(), "{:?}", read.kinds());
    logged(&envoy, "200 upstream_reset_after_response_started");
}

/// Envoy takes a client that has closed its half for one that has left.
#[test]
fn a_client_that_has_said_all() {
    in_both_modes(|envoy| {
        let body = ask_whole("?").to_string();
        let head = "POST /v1/responses HTTP/1.1\r\nhost: envoy\r\n";
        let length = format!("content-length: {}\r\n\r\n", body.len());
        let mut connection = TcpStream::connect(envoy.address()).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all([head, &length, &body].concat().as_bytes()).unwrap();
        connection.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        let _ = connection.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}
