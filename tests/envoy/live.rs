//! Answers arrive while they are made.

use std::sync::Barrier;
use std::thread;

use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::envoy::{Envoy, Events};
use crate::upstream::{Answer, Gate, Outcome, PATIENCE};
use crate::{DONE, ask, checked_stream, delta, finish, in_both_modes, in_both_modes_over_http_2};

/// Reads events up to the next text delta.
pub fn next_text<R: std::io::Read>(events: &mut Events<R>) -> String {
    loop {
        let event = events.next().expect("a text delta before the end").expect("a whole stream");
        if event["type"] == "response.output_text.delta" {
            return event["delta"].as_str().expect("text").to_owned();
        }
    }
}

/// A piece of a stream with this text.
pub fn text(text: &str) -> String {
    delta(json!({ "content": text }))
}

/// Fails when a piece waits for the next one.
pub fn each_piece_arrives_before_the_next_is_sent(envoy: &Envoy, answer: Answer) {
    let gates = [Gate::new(), Gate::new(), Gate::new()];
    envoy.upstream.push(
        answer
            .write(text("one "))
            .wait(&gates[0])
            .write(text("two "))
            .wait(&gates[1])
            .write(text("three"))
            .wait(&gates[2])
            .write([finish("stop"), DONE.to_owned()].concat()),
    );
    let mut events = Events::new(envoy.respond(&ask("?")));
    for (gate, expected) in gates.iter().zip(["one ", "two ", "three"]) {
        assert_eq!(next_text(&mut events), expected);
        gate.open();
    }
    assert!(events.by_ref().all(|event| event.is_ok()));
    assert_eq!(checked_stream(events.text.as_bytes()).summary.text, "one two three");
}

#[test]
fn each_piece_arrives_before_the_next_is_sent_over_http_1() {
    in_both_modes(|envoy| {
        each_piece_arrives_before_the_next_is_sent(envoy, Answer::sse());
        // Neither a wrong content type nor none may make the filter wait.
        let json = Answer::new(200).header("content-type", "application/json");
        each_piece_arrives_before_the_next_is_sent(envoy, json);
        each_piece_arrives_before_the_next_is_sent(envoy, Answer::new(200));
    });
}

#[test]
fn each_piece_arrives_before_the_next_is_sent_over_http_2() {
    in_both_modes_over_http_2(|envoy| {
        each_piece_arrives_before_the_next_is_sent(envoy, Answer::sse());
    });
}

#[test]
fn the_terminal_event_does_not_wait_for_the_connection_to_close() {
    in_both_modes(|envoy| {
        let gate = Gate::new();
        let usage = json!({
            "choices": [],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        });
        envoy.upstream.push(
            Answer::sse()
                .write(
                    [text("Hi"), finish("stop"), format!("data: {usage}\n\n"), DONE.into()]
                        .concat(),
                )
                .wait(&gate),
        );
        let mut events = Events::new(envoy.respond(&ask("?")));
        let completed = |event: &Value| event["type"] == "response.completed";
        assert!(events.by_ref().any(|event| completed(&event.unwrap())));
        gate.open();
    });
}

#[test]
fn a_client_that_leaves_ends_the_request_upstream() {
    in_both_modes(|envoy| {
        let never = Gate::new();
        envoy.upstream.push(Answer::sse().write(text("one")).wait(&never));
        let mut events = Events::new(envoy.respond(&ask("?")));
        assert_eq!(next_text(&mut events), "one");
        drop(events);
        assert_eq!(envoy.upstream.outcome(0), Outcome::Abandoned);
        // And nothing of it stays behind.
        assert_eq!(envoy.respond(&ask("?")).status(), 200);
    });
}

/// Streams that run at the same time do not mix, whoever shares the connection.
fn streams_side_by_side(envoy: &Envoy, client: &Client) {
    const STREAMS: usize = 8;
    let gate = Gate::new();
    for number in 0..STREAMS {
        envoy.upstream.push(
            Answer::sse()
                .write(text(&format!("{number} begins, ")))
                .wait(&gate)
                .write([text(&format!("{number} ends")), finish("stop"), DONE.into()].concat())
                .only_for(&format!("model-{number}")),
        );
    }
    let begun = Barrier::new(STREAMS);
    thread::scope(|scope| {
        for number in 0..STREAMS {
            let (begun, gate) = (&begun, &gate);
            scope.spawn(move || {
                let request =
                    json!({"model": format!("model-{number}"), "input": "?", "stream": true});
                let response =
                    client.post(envoy.url("/v1/responses")).json(&request).send().unwrap();
                let mut events = Events::new(response);
                assert_eq!(next_text(&mut events), format!("{number} begins, "));
                begun.wait();
                gate.open();
                assert!(events.by_ref().all(|event| event.is_ok()));
                let stream = checked_stream(events.text.as_bytes());
                assert_eq!(stream.summary.text, format!("{number} begins, {number} ends"));
                assert_eq!(stream.response["model"], format!("model-{number}"));
            });
        }
    });
}

#[test]
fn streams_run_side_by_side_on_many_connections() {
    in_both_modes(|envoy| streams_side_by_side(envoy, &envoy.client));
}

#[test]
fn streams_run_side_by_side_on_one_connection() {
    in_both_modes_over_http_2(|envoy| {
        let client = Client::builder().no_proxy().timeout(PATIENCE).http2_prior_knowledge();
        streams_side_by_side(envoy, &client.build().unwrap());
    });
}
