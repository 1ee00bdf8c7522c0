//! The upstream breaks off, at every point of an answer: nothing looks complete that is not.

use serde_json::json;

use crate::http::{DONE, delta, error_of, finish};
use crate::upstream::Answer;
use crate::{Envoy, Read, ask, ask_whole, in_both_modes, in_both_modes_over_http_2, logged};

fn each_protocol(test: impl Fn(&Envoy)) {
    in_both_modes(&test);
    in_both_modes_over_http_2(&test);
}

fn half() -> String {
    delta(json!({"content": "Half an answer"}))
}

/// The beginning of an event.
fn begun() -> String {
    half().chars().take(30).collect()
}

fn half_a_call() -> String {
    let function = json!({"name": "delete", "arguments": "{\"path\": \"/tmp\""});
    delta(json!({"tool_calls": [{"index": 0, "id": "call_1", "function": function}]}))
}

fn json(status: u16) -> Answer {
    Answer::new(status).header("content-type", "application/json")
}

/// What a client reads of a stream of which the upstream sends this and breaks off.
fn streamed(envoy: &Envoy, answer: Answer) -> Read {
    envoy.upstream.push(answer.cut());
    let response = envoy.respond(&ask("?"));
    assert_eq!(response.status(), 200);
    Read::of(response)
}

/// An answer in one piece of which the upstream sends this and breaks off: it never arrives whole.
fn nothing_whole(envoy: &Envoy, answer: Answer) {
    envoy.upstream.push(answer.cut());
    let response = envoy.respond(&ask_whole("?"));
    // Where headers were held Envoy answers in its own words; else the status of the upstream has left.
    let replaced = [502, 503].contains(&response.status().as_u16());
    match response.text() {
        Ok(text) => assert!(replaced && text.contains("reset"), "{text}"),
        Err(_) => assert!(!replaced),
    }
}

#[test]
fn before_the_headers() {
    each_protocol(|envoy| {
        for request in [ask("?"), ask_whole("?")] {
            envoy.upstream.push(Answer::sse().cut_before_head());
            let response = envoy.respond(&request);
            assert_eq!(response.status(), 503);
            assert_eq!(error_of(response)["type"], "server_error");
        }
        logged(envoy, "upstream_reset_before_response_started{");
    });
}

#[test]
fn between_the_headers_and_the_first_event() {
    each_protocol(|envoy| {
        for body in [String::new(), ": ping\n\n".into(), begun()] {
            let read = streamed(envoy, Answer::sse().write(body.clone()));
            assert!(!read.whole && read.terminal().is_none(), "{:?}", read.kinds());
            nothing_whole(envoy, Answer::sse().write(body));
        }
        nothing_whole(envoy, json(200));
        logged(envoy, "upstream_reset_after_response_started");
    });
}

#[test]
fn in_the_middle_of_an_event() {
    each_protocol(|envoy| {
        for body in [half() + &begun(), half_a_call(), half_a_call() + "data: {"] {
            let read = streamed(envoy, Answer::sse().write(body.clone()));
            assert!(!read.whole && read.terminal().is_none(), "{:?}", read.kinds());
            assert!(!read.events.is_empty());
            let done = read.kinds().into_iter().find(|kind| kind.ends_with("output_item.done"));
            assert_eq!(done, None, "half a call must not look whole");
            nothing_whole(envoy, Answer::sse().write(body));
        }
        logged(envoy, "200 upstream_reset_after_response_started");
    });
}

#[test]
fn in_the_middle_of_a_document() {
    each_protocol(|envoy| {
        nothing_whole(envoy, json(200).write("{\"choices\": [{\"message\": {\"content\": \"Ha"));
        nothing_whole(envoy, json(500).write("{\"error\": {\"mess"));
        nothing_whole(envoy, json(429));
        logged(envoy, "upstream_reset_after_response_started");
    });
}

#[test]
fn between_the_finish_reason_and_the_end() {
    each_protocol(|envoy| {
        let body = [half(), finish("stop")].concat();
        let read = streamed(envoy, Answer::sse().write(body.clone()));
        assert!(!read.whole && read.terminal().is_none(), "{:?}", read.kinds());
        nothing_whole(envoy, Answer::sse().write(body));
        logged(envoy, "upstream_reset_after_response_started");
    });
}

#[test]
fn behind_the_end() {
    each_protocol(|envoy| {
        let body = [half(), finish("stop"), DONE.to_owned()].concat();
        let read = streamed(envoy, Answer::sse().write(body));
        // All has been said: clients stop reading at the terminal event.
        assert_eq!(read.terminal(), Some("response.completed"));
        logged(envoy, "200 upstream_reset_after_response_started");
    });
}
