//! `keep_alive: timer`: clients hear something while the upstream sends nothing at all.

use serde_json::{Value, json};

use crate::envoy::{Envoy, Events, Setup};
use crate::live::{each_piece_arrives_before_the_next_is_sent, next_text, text};
use crate::upstream::{Answer, Gate, Outcome};
use crate::{DONE, Stage, ask, checked_stream, finish, stream_of};

fn timed() -> Setup {
    Setup::new().configuration(json!({"keep_alive": "timer", "keep_alive_seconds": 1}))
}

fn in_both_modes(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(timed, true), Stage::new(timed, false)];
    MODES.iter().for_each(|stage| stage.play(&test));
}

/// Reads events up to the next keep-alive.
fn next_keep_alive<R: std::io::Read>(events: &mut Events<R>) {
    let is_keep_alive = |event: Value| event["type"] == "response.in_progress";
    assert!(events.any(|event| is_keep_alive(event.expect("a whole stream"))), "a keep-alive");
}

fn silence_is_filled(envoy: &Envoy, end: impl Fn(Answer) -> Answer) {
    let gates = [Gate::new(), Gate::new()];
    envoy.upstream.push(end(Answer::sse()
        .write(text("one "))
        .wait(&gates[0])
        .write(text("two"))
        .wait(&gates[1])
        .write([finish("stop"), DONE.to_owned()].concat())));
    let mut events = Events::new(envoy.respond(&ask("?")));
    for (gate, expected) in gates.iter().zip(["one ", "two"]) {
        assert_eq!(next_text(&mut events), expected);
        next_keep_alive(&mut events);
        next_keep_alive(&mut events);
        gate.open();
    }
    assert!(events.by_ref().all(|event| event.is_ok()));
    assert_eq!(checked_stream(events.text.as_bytes()).summary.text, "one two");
}

#[test]
fn silence_of_the_upstream_is_filled() {
    in_both_modes(|envoy| {
        silence_is_filled(envoy, |answer| answer);
        each_piece_arrives_before_the_next_is_sent(envoy, Answer::sse());
    });
}

#[test]
fn silence_of_an_upstream_over_http_2_is_filled() {
    let envoy = timed().http2_upstream().start();
    silence_is_filled(&envoy, |answer| answer.trailer("x-checksum", "1"));
    silence_is_filled(&envoy, |answer| answer);
}

/// What comes at once must leave in order, however the host's reads and its queue take turns.
#[test]
fn long_streams_are_whole() {
    let envoy = timed().workers(2).start();
    let words: Vec<String> = (0..2000).map(|number| format!("{number} ")).collect();
    let body: String = words.iter().map(|word| text(word)).collect();
    let body = [body, finish("stop"), DONE.to_owned()].concat();
    envoy.upstream.script(move |_, _| Answer::sse().write_every(body.clone().into_bytes(), 777));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let stream = stream_of(envoy.respond(&ask("?")));
                assert_eq!(stream.summary.text, words.concat());
            });
        }
    });
}

#[test]
fn a_client_that_leaves_in_silence_ends_the_request_upstream() {
    in_both_modes(|envoy| {
        let never = Gate::new();
        envoy.upstream.push(Answer::sse().write(text("one")).wait(&never));
        let mut events = Events::new(envoy.respond(&ask("?")));
        assert_eq!(next_text(&mut events), "one");
        next_keep_alive(&mut events);
        drop(events);
        assert_eq!(envoy.upstream.outcome(0), Outcome::Abandoned);
        assert_eq!(envoy.respond(&ask("?")).status(), 200);
    });
}
