//! Clients that leave, at every point of an exchange.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};

use reqwest::blocking::Client;
use serde_json::json;

use crate::http::{ask, checked_stream, delta};
use crate::upstream::{Answer, Gate, Outcome, PATIENCE};
use crate::{Envoy, Events, in_both_modes, in_both_modes_over_http_2, logged};

fn head(length: usize) -> String {
    format!("POST /v1/responses HTTP/1.1\r\nhost: envoy\r\ncontent-length: {length}\r\n\r\n")
}

#[test]
fn in_the_middle_of_the_request() {
    in_both_modes(|envoy| {
        let body = ask("never mind").to_string();
        for sent in [0, 1, body.len() / 2, body.len() - 1] {
            let mut connection = TcpStream::connect(envoy.address()).unwrap();
            let part = [head(body.len()).as_bytes(), &body.as_bytes()[..sent]].concat();
            connection.write_all(&part).unwrap();
            connection.shutdown(Shutdown::Both).unwrap();
        }
        crate::the_next_request_works(envoy);
        let whole = |request: &crate::upstream::Request| request.complete;
        let texts = envoy.upstream.requests().into_iter().filter(whole);
        let texts: Vec<_> = texts.map(|request| request.json().to_string()).collect();
        assert!(texts.iter().all(|text| !text.contains("never mind")), "{texts:?}");
        logged(envoy, "downstream_remote_disconnect");
    });
}

#[test]
fn before_the_headers_of_the_answer() {
    in_both_modes(|envoy| {
        let never = Gate::new();
        envoy.upstream.push(Answer::sse().wait_before_head(&never));
        let body = ask("never mind").to_string();
        let mut connection = TcpStream::connect(envoy.address()).unwrap();
        connection.write_all((head(body.len()) + &body).as_bytes()).unwrap();
        envoy.upstream.request(0);
        drop(connection);
        assert_eq!(envoy.upstream.outcome(0), Outcome::Abandoned);
        logged(envoy, "downstream_remote_disconnect");
    });
}

/// The stream is cancelled upstream, and only that one of the connection.
fn one_stream_of_a_connection(envoy: &Envoy, client: &Client) {
    let (never, gate) = (Gate::new(), Gate::new());
    let begun = |gate: &Gate| Answer::sse().write(delta(json!({"content": "Begun"}))).wait(gate);
    envoy.upstream.push(begun(&never).only_for("leaves"));
    let rest = [crate::http::finish("stop"), crate::http::DONE.to_owned()].concat();
    envoy.upstream.push(begun(&gate).write(rest).only_for("stays"));
    let post = |input| client.post(envoy.url("/v1/responses")).json(&ask(input)).send().unwrap();
    let [mut leaves, mut stays] = ["leaves", "stays"].map(|input| Events::new(post(input)));
    for events in [&mut leaves, &mut stays] {
        assert_eq!(events.next().unwrap().unwrap()["type"], "response.created");
    }
    drop(leaves);
    assert_eq!(envoy.upstream.outcome(0), Outcome::Abandoned);
    gate.open();
    assert!(stays.by_ref().all(|event| event.is_ok()));
    assert_eq!(checked_stream(stays.text.as_bytes()).summary.text, "Begun");
}

#[test]
fn in_the_middle_of_a_stream_beside_another_one() {
    in_both_modes_over_http_2(|envoy| {
        let client = Client::builder().no_proxy().timeout(PATIENCE).http2_prior_knowledge();
        one_stream_of_a_connection(envoy, &client.build().unwrap());
        logged(envoy, "http2.remote_reset");
    });
}
