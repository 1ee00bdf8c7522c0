//! Requests of every size and make reach the upstream whole.

use std::convert::Infallible;
use std::io::Write;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::blocking::{Body, Client};
use serde_json::{Value, json};

use crate::envoy::Envoy;
use crate::passthrough::{connect, read_response};
use crate::upstream::PATIENCE;
use crate::{
    ask, ask_whole, checked_stream, header, in_both_modes, in_both_modes_of, stream_of, whole_of,
};

/// The text of the only message that the upstream got.
fn received(envoy: &Envoy, index: usize) -> String {
    let request = envoy.upstream.request(index);
    assert!(request.complete);
    assert_eq!(request.path, "/v1/chat/completions");
    let length = request.header("content-length");
    assert!(length.is_none_or(|length| length == request.body.len().to_string()), "{length:?}");
    request.json()["messages"][0]["content"].as_str().expect("a text").to_owned()
}

#[test]
fn large_requests_arrive_whole() {
    // The smallest buffer that is common: bodies are much larger than what Envoy holds.
    let setup = || {
        crate::Setup::new().edit(
            "per_connection_buffer_limit_bytes: 1048576",
            "per_connection_buffer_limit_bytes: 32768",
        )
    };
    in_both_modes_of(setup, |envoy| {
        for (index, megabytes) in [1, 5, 20].into_iter().enumerate() {
            let text = "Zeichen: ä€𝄞 ".repeat((megabytes << 20) / 19) + "the end";
            let response = envoy.respond(&ask(&text));
            assert_eq!(stream_of(response).summary.terminal, "completed");
            assert!(received(envoy, index) == text, "{megabytes} MB differ");
        }
    });
}

#[test]
fn held_headers_carry_the_exact_length() {
    let envoy = crate::Setup::new().start();
    whole_of(envoy.respond(&ask_whole("Hi")));
    let request = envoy.upstream.request(0);
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(request.header("content-type"), Some("application/json"));
}

#[test]
fn chunked_requests_arrive_whole() {
    in_both_modes(|envoy| {
        let body = ask("chunk by chunk").to_string();
        let response = envoy
            .client
            .post(envoy.url("/v1/responses"))
            .body(Body::new(std::io::Cursor::new(body)))
            .send()
            .unwrap();
        assert_eq!(stream_of(response).summary.terminal, "completed");
        assert_eq!(received(envoy, 0), "chunk by chunk");
    });
}

#[test]
fn http_2_clients_are_served() {
    in_both_modes(|envoy| {
        let client = Client::builder().no_proxy().timeout(PATIENCE).http2_prior_knowledge();
        let client = client.build().unwrap();
        let post =
            |request: &Value| client.post(envoy.url("/v1/responses")).json(request).send().unwrap();
        let response = post(&ask("over two"));
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
        assert_eq!(stream_of(response).summary.terminal, "completed");
        assert_eq!(received(envoy, 0), "over two");
        assert_eq!(whole_of(post(&ask_whole("again"))).terminal, "completed");
    });
}

#[test]
fn request_trailers_end_a_request_as_well() {
    in_both_modes(|envoy| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let request = ask("then trailers");
        let (status, body) = runtime.block_on(post_with_trailers(envoy, &request, true));
        assert_eq!(status, 200);
        assert_eq!(checked_stream(&body).summary.terminal, "completed");
        assert_eq!(received(envoy, 0), "then trailers");
        // Unannounced ones come when Envoy takes no body any more.
        let (status, _) = runtime.block_on(post_with_trailers(envoy, &request, false));
        assert_eq!(status, 400);
    });
}

async fn post_with_trailers(envoy: &Envoy, request: &Value, announced: bool) -> (u16, Bytes) {
    let stream = tokio::net::TcpStream::connect(envoy.address()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut trailers = hyper::HeaderMap::new();
    trailers.insert("x-checksum", hyper::header::HeaderValue::from_static("1"));
    let frames = [Frame::data(Bytes::from(request.to_string())), Frame::trailers(trailers)];
    let body = StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>)));
    let mut request = hyper::Request::post(envoy.url("/v1/responses"));
    if announced {
        request = request.header("trailer", "x-checksum");
    }
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

#[test]
fn a_client_that_waits_for_100_gets_it() {
    in_both_modes(|envoy| {
        let body = ask_whole("after you").to_string();
        let mut connection = connect(envoy);
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: envoy\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        connection.get_mut().write_all(head.as_bytes()).unwrap();
        let (interim, _) = read_response(&mut connection);
        assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
        connection.get_mut().write_all(body.as_bytes()).unwrap();
        let (head, body) = read_response(&mut connection);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["status"], "completed");
        assert_eq!(received(envoy, 0), "after you");
    });
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    in_both_modes(|envoy| {
        let mut connection = connect(envoy);
        for index in 0..5 {
            let body = ask_whole(&format!("number {index}")).to_string();
            let head = format!(
                "POST /v1/responses HTTP/1.1\r\nhost: envoy\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            connection.get_mut().write_all(head.as_bytes()).unwrap();
            let (head, body) = read_response(&mut connection);
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let answer: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(answer["status"], "completed");
            assert_eq!(received(envoy, index), format!("number {index}"));
        }
    });
}

#[test]
fn every_path_that_ends_in_responses_is_served() {
    in_both_modes(|envoy| {
        for (index, (path, upstream)) in [
            ("/responses", "/chat/completions"),
            ("/v1/responses?key=1", "/v1/chat/completions?key=1"),
            ("/openai/v1/responses", "/openai/v1/chat/completions"),
        ]
        .into_iter()
        .enumerate()
        {
            let response =
                envoy.client.post(envoy.url(path)).json(&ask_whole("Hi")).send().unwrap();
            assert_eq!(whole_of(response).terminal, "completed");
            assert_eq!(envoy.upstream.request(index).path, upstream);
        }
    });
}

#[test]
fn headers_of_the_client_reach_the_upstream() {
    in_both_modes(|envoy| {
        let response = envoy
            .client
            .post(envoy.url("/v1/responses"))
            .header("authorization", "Bearer key")
            .header("x-own", "1")
            .json(&json!({"model": "m", "input": "Hi"}))
            .send()
            .unwrap();
        assert_eq!(header(&response, "content-type"), "application/json");
        let request = envoy.upstream.request(0);
        assert_eq!(request.header("authorization"), Some("Bearer key"));
        assert_eq!(request.header("x-own"), Some("1"));
    });
}
