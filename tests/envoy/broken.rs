//! Answers that break off: they never look complete.

use serde_json::{Value, json};

use crate::envoy::{Envoy, Events};
use crate::upstream::Answer;
use crate::{
    DONE, ask, ask_whole, delta, error_of, finish, in_both_modes, in_both_modes_over_http_2,
    stream_of,
};

const TERMINAL: [&str; 3] = ["response.completed", "response.incomplete", "response.failed"];

fn half_a_call() -> String {
    let function = json!({"name": "delete", "arguments": "{\"path\": \"/tmp\""});
    delta(
        json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}),
    )
}

fn ask_with_tool(stream: bool) -> Value {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let tool = json!({"type": "function", "name": "delete", "parameters": parameters});
    json!({"model": "m", "input": "?", "stream": stream, "tools": [tool]})
}

#[test]
fn a_stream_that_ends_without_an_end_has_failed() {
    in_both_modes(|envoy| {
        for body in [delta(json!({"content": "Half an ans"})), half_a_call()] {
            envoy.upstream.push(Answer::sse().write(body.clone()));
            let stream = stream_of(envoy.respond(&ask_with_tool(true)));
            assert!(stream.summary.terminal.starts_with("failed:"), "{:?}", stream.summary);
            assert_eq!(stream.summary.calls, []);

            envoy.upstream.push(Answer::sse().write(body));
            let response = envoy.respond(&ask_with_tool(false));
            // Without held headers the status is on its way before the end is known.
            let status = response.status();
            assert!(status == 502 || status == 500 || status == 200, "{status}");
            assert!(!response.text().unwrap().contains("\"completed\""));
        }
    });
}

#[test]
fn a_connection_that_breaks_breaks_the_stream() {
    in_both_modes(a_broken_connection_breaks_the_stream);
    in_both_modes_over_http_2(a_broken_connection_breaks_the_stream);
}

fn a_broken_connection_breaks_the_stream(envoy: &Envoy) {
    for body in [delta(json!({"content": "Half an ans"})), half_a_call()] {
        envoy.upstream.push(Answer::sse().write(body).cut());
        let events: Vec<_> = Events::new(envoy.respond(&ask_with_tool(true))).collect();
        let (last, before) = events.split_last().expect("events");
        assert!(last.is_err(), "the client must notice: {last:?}");
        for event in before {
            let event = event.as_ref().expect("one error, at the end");
            assert!(!TERMINAL.contains(&event["type"].as_str().unwrap()), "{event}");
            let is_call = event["item"]["type"] == "function_call";
            assert!(!(is_call && event["type"] == "response.output_item.done"), "{event}");
        }
    }
}

#[test]
fn a_document_that_breaks_off_is_an_error() {
    in_both_modes(|envoy| {
        let answer = || Answer::new(200).header("content-type", "application/json");
        for body in ["", "{\"choices\": [{\"message\": {\"content\": \"Half an ans", "\u{feff}  "] {
            envoy.upstream.push(answer().write(body));
            let stream = stream_or_error(envoy.respond(&ask("?")));
            assert!(stream.is_none_or(|terminal| terminal.starts_with("failed:")));
            envoy.upstream.push(answer().write(body));
            let response = envoy.respond(&ask_whole("?"));
            assert!(!response.text().unwrap().contains("\"completed\""));
        }
    });
}

/// The terminal event, or nothing when it became an HTTP error.
fn stream_or_error(response: reqwest::blocking::Response) -> Option<String> {
    if response.status() == 200 {
        return Some(stream_of(response).summary.terminal);
    }
    assert!(response.status().is_server_error());
    error_of(response);
    None
}

#[test]
fn no_answer_at_all_is_an_error() {
    in_both_modes(|envoy| {
        envoy.upstream.push(Answer::new(200).cut_before_head());
        let response = envoy.respond(&ask("?"));
        assert_eq!(response.status(), 503);
        assert_eq!(error_of(response)["type"], "server_error");
    });
}

#[test]
fn an_error_inside_a_stream_is_a_failure() {
    in_both_modes(|envoy| {
        let error = json!({"error": {"message": "the model crashed", "code": 500}});
        let body = [delta(json!({"content": "Half"})), format!("data: {error}\n\n"), DONE.into()];
        envoy.upstream.push(Answer::sse().write(body.concat()));
        let stream = stream_of(envoy.respond(&ask("?")));
        assert!(stream.summary.terminal.starts_with("failed:"), "{:?}", stream.summary);
        assert!(
            stream.response["error"]["message"].as_str().unwrap().contains("the model crashed")
        );
    });
}

#[test]
fn what_follows_the_end_does_not_matter() {
    in_both_modes(|envoy| {
        let late =
            [delta(json!({"content": "late"})), half_a_call(), "data: {{{\n\n".into()].concat();
        let body = [delta(json!({"content": "Hi"})), finish("stop"), DONE.into(), late].concat();
        envoy.upstream.push(Answer::sse().write(body));
        let summary = stream_of(envoy.respond(&ask("?"))).summary;
        assert_eq!((summary.terminal.as_str(), summary.text.as_str()), ("completed", "Hi"));
        assert_eq!(summary.calls, []);
    });
}
