//! What is not a Responses request is none of the filter's business.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::envoy::Envoy;
use crate::upstream::{Answer, PATIENCE};
use crate::{error_of, header, in_both_modes, says};

#[test]
fn chat_completions_pass_untouched() {
    // Neither valid JSON nor valid UTF-8: nobody may look at it.
    let request: &[u8] = b"{ \"model\" :\t\"m\", \"messages\": [],, \xff\xfe }";
    let answer = [says("Hi").as_bytes(), b"\xff\xfe: not an event\r\n"].concat();
    in_both_modes(|envoy| {
        envoy.upstream.push(
            Answer::new(200)
                .header("content-type", "text/event-stream")
                .header("openai-model", "another-model")
                .header("x-own", "1")
                .write_every(answer.clone(), 11),
        );
        let response = envoy
            .client
            .post(envoy.url("/v1/chat/completions?x=1"))
            .header("content-type", "application/json")
            .header("accept-encoding", "gzip")
            .header("authorization", "Bearer key")
            .body(request)
            .send()
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), "text/event-stream");
        assert_eq!(header(&response, "openai-model"), "another-model");
        assert_eq!(header(&response, "x-own"), "1");
        assert_eq!(response.bytes().unwrap(), answer);

        let received = envoy.upstream.request(0);
        assert_eq!(received.path, "/v1/chat/completions?x=1");
        assert_eq!(received.body, request);
        assert_eq!(received.header("accept-encoding"), Some("gzip"));
        assert_eq!(received.header("authorization"), Some("Bearer key"));
        assert_eq!(received.header("content-length"), Some(request.len().to_string().as_str()));
    });
}

#[test]
fn other_paths_and_their_errors_pass_untouched() {
    in_both_modes(|envoy| {
        for (method, path) in [
            ("GET", "/v1/files"),
            ("POST", "/v1/embeddings"),
            ("DELETE", "/v1/files/file_1"),
            ("POST", "/v1/responses2"),
            ("GET", "/"),
        ] {
            let answer = Answer::new(418).header("content-type", "text/plain");
            envoy.upstream.push(answer.header("content-length", "12").write("short, stout"));
            let method = method.parse().unwrap();
            let response = envoy.client.request(method, envoy.url(path)).send().unwrap();
            assert_eq!(response.status(), 418, "{path}");
            assert_eq!(header(&response, "content-type"), "text/plain");
            assert_eq!(header(&response, "content-length"), "12");
            assert_eq!(response.text().unwrap(), "short, stout");
        }
    });
}

#[test]
fn an_upgrade_is_refused_at_once() {
    in_both_modes(|envoy| {
        let request = "GET /v1/responses HTTP/1.1\r\nhost: envoy\r\nconnection: Upgrade\r\n\
                       upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let mut connection = connect(envoy);
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (head, _) = read_response(&mut connection);
        assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
        assert_eq!(envoy.upstream.requests().len(), 0);
    });
}

#[test]
fn a_stored_response_is_not_there() {
    in_both_modes(|envoy| {
        let response =
            envoy.client.post(envoy.url("/v1/responses/resp_1/cancel")).body("").send().unwrap();
        assert_eq!(response.status(), 404);
        error_of(response);
    });
}

/// A connection without a client library in between.
pub fn connect(envoy: &Envoy) -> BufReader<TcpStream> {
    let connection = TcpStream::connect(envoy.address()).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(connection)
}

/// The head and the body of one response, by its length or its chunks.
pub fn read_response(connection: &mut BufReader<TcpStream>) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = Vec::new();
    if let Some(length) = length {
        body.resize(length.parse().unwrap(), 0);
        connection.read_exact(&mut body).unwrap();
    } else if head.contains("transfer-encoding: chunked") {
        loop {
            let mut size = String::new();
            connection.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut piece = vec![0; size + 2];
            connection.read_exact(&mut piece).unwrap();
            if size == 0 {
                break;
            }
            body.extend(&piece[..size]);
        }
    }
    (head, body)
}
