//! The oracles themselves: a good answer passes, and every broken one is refused by the rule it breaks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};

use support::grammar;
use support::summary::{Call, Summary};

/// A Response with every key, still running.
fn response() -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_760_000_000, "completed_at": null,
        "status": "in_progress", "background": false, "error": null, "incomplete_details": null,
        "instructions": "Be brief.", "max_output_tokens": null, "max_tool_calls": null,
        "metadata": {}, "model": "m", "output": [], "parallel_tool_calls": true,
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "previous_response_id": null,
        "prompt_cache_key": null, "reasoning": {"effort": null, "summary": "auto"},
        "safety_identifier": null, "service_tier": "default", "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto",
        "tools": [{"type": "function", "name": "look", "description": null,
                   "parameters": {"type": "object"}, "strict": false}],
        "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "usage": null
    })
}

fn usage() -> Value {
    json!({
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15
    })
}

fn finished(status: &str, output: Value) -> Value {
    let mut response = response();
    response["status"] = status.into();
    response["output"] = output;
    response["usage"] = usage();
    match status {
        "completed" => response["completed_at"] = 1_760_000_003_u64.into(),
        "incomplete" => response["incomplete_details"] = json!({"reason": "max_output_tokens"}),
        _ => response["error"] = json!({"code": "server_error", "message": "It broke."}),
    }
    response
}

fn reasoning() -> Value {
    json!({"id": "rs_1", "type": "reasoning",
           "summary": [{"type": "summary_text", "text": "Let me see."}],
           "encrypted_content": "b64"})
}

fn message() -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
           "content": [{"type": "output_text", "text": "Hello.", "annotations": [],
                        "logprobs": []}]})
}

fn function_call() -> Value {
    json!({"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
           "name": "look", "arguments": "{\"at\":\"sky\"}"})
}

fn custom_call() -> Value {
    json!({"id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_2",
           "name": "patch", "input": "+ a\n"})
}

/// The item without what its events will bring.
fn zero(item: &Value) -> Value {
    let mut zero = item.clone();
    for (key, value) in [
        ("summary", json!([])),
        ("content", json!([])),
        ("arguments", json!("")),
        ("input", json!("")),
        ("status", json!("in_progress")),
    ] {
        if item.get(key).is_some() {
            zero[key] = value;
        }
    }
    zero.as_object_mut().unwrap().remove("encrypted_content");
    zero
}

fn item_event(kind: &str, index: usize, item: &Value) -> Value {
    json!({"type": format!("response.output_item.{kind}"), "output_index": index, "item": item})
}

/// The events of an item at `index`, from `added` to `done`; texts come in two pieces.
fn item_events(index: usize, item: &Value) -> Vec<Value> {
    let mut events = vec![item_event("added", index, &zero(item))];
    let at = |kind: &str, mut rest: Value| {
        rest["type"] = format!("response.{kind}").into();
        rest["item_id"] = item["id"].clone();
        rest["output_index"] = index.into();
        rest
    };
    let pieces = |text: &Value| {
        let (one, two) = text.as_str().unwrap().split_at(2);
        [one.to_owned(), two.to_owned()]
    };
    match item["type"].as_str().unwrap() {
        "reasoning" => {
            let part = &item["summary"][0];
            let empty = json!({"type": "summary_text", "text": ""});
            let part_event = |part: &Value| json!({"summary_index": 0, "part": part});
            events.push(at("reasoning_summary_part.added", part_event(&empty)));
            for delta in pieces(&part["text"]) {
                let delta = json!({"summary_index": 0, "delta": delta});
                events.push(at("reasoning_summary_text.delta", delta));
            }
            let done = json!({"summary_index": 0, "text": part["text"]});
            events.push(at("reasoning_summary_text.done", done));
            events.push(at("reasoning_summary_part.done", part_event(part)));
        }
        "message" => {
            let part = &item["content"][0];
            let mut empty = part.clone();
            empty["text"] = "".into();
            let part_event = |part: &Value| json!({"content_index": 0, "part": part});
            events.push(at("content_part.added", part_event(&empty)));
            for delta in pieces(&part["text"]) {
                let delta = json!({"content_index": 0, "delta": delta, "logprobs": []});
                events.push(at("output_text.delta", delta));
            }
            let done = json!({"content_index": 0, "text": part["text"], "logprobs": []});
            events.push(at("output_text.done", done));
            events.push(at("content_part.done", part_event(part)));
        }
        "function_call" => {
            for delta in pieces(&item["arguments"]) {
                events.push(at("function_call_arguments.delta", json!({"delta": delta})));
            }
            let done = json!({"name": item["name"], "arguments": item["arguments"]});
            events.push(at("function_call_arguments.done", done));
        }
        _ => {
            for delta in pieces(&item["input"]) {
                events.push(at("custom_tool_call_input.delta", json!({"delta": delta})));
            }
            events.push(at("custom_tool_call_input.done", json!({"input": item["input"]})));
        }
    }
    events.push(item_event("done", index, item));
    events
}

fn lifecycle(kind: &str, response: Value) -> Value {
    json!({"type": format!("response.{kind}"), "response": response})
}

/// A good answer with one item of each kind, each with two deltas.
fn good() -> Vec<Value> {
    let items = [reasoning(), message(), function_call(), custom_call()];
    let mut events = vec![lifecycle("created", response()), lifecycle("in_progress", response())];
    for (index, item) in items.iter().enumerate() {
        events.extend(item_events(index, item));
    }
    events.push(lifecycle("completed", finished("completed", json!(items))));
    events
}

/// A message, and a call that the token limit cut.
fn cut_call() -> Vec<Value> {
    let mut events = vec![lifecycle("created", response()), lifecycle("in_progress", response())];
    events.extend(item_events(0, &message()));
    let call = item_events(1, &function_call());
    events.extend(call.into_iter().take(3));
    let mut cut = function_call();
    cut["status"] = "incomplete".into();
    events.push(lifecycle("incomplete", finished("incomplete", json!([message(), cut]))));
    events
}

/// A message, and a call in the middle of which everything failed.
fn failed() -> Vec<Value> {
    let mut events = vec![lifecycle("created", response()), lifecycle("in_progress", response())];
    events.extend(item_events(0, &message()));
    events.extend(item_events(1, &function_call()).into_iter().take(2));
    let error = json!({"code": "server_error", "message": "It broke.", "param": null});
    let mut event = error.clone();
    event["type"] = "error".into();
    event["error"] = error;
    event["error"]["type"] = "server_error".into();
    events.push(event);
    events.push(lifecycle("failed", finished("failed", json!([message()]))));
    events
}

/// The first event of this name without its `response.`; items as `message added`, `message done`.
#[track_caller]
fn find(events: &[Value], name: &str) -> usize {
    let found = |event: &Value| match name.split_once(' ') {
        Some((item, suffix)) => {
            event["type"] == format!("response.output_item.{suffix}")
                && event["item"]["type"] == item
        }
        None => event["type"] == name || event["type"] == format!("response.{name}"),
    };
    events.iter().position(found).unwrap_or_else(|| panic!("no event {name}"))
}

#[track_caller]
fn at<'a>(events: &'a mut [Value], name: &str) -> &'a mut Value {
    let position = find(events, name);
    &mut events[position]
}

#[track_caller]
fn remove(events: &mut Vec<Value>, name: &str) -> Value {
    let position = find(events, name);
    events.remove(position)
}

fn numbered(events: Vec<Value>) -> Vec<Value> {
    let number = |(n, mut event): (usize, Value)| {
        event["sequence_number"] = n.into();
        event
    };
    events.into_iter().enumerate().map(number).collect()
}

fn body(events: &[Value]) -> Vec<u8> {
    let mut body = String::new();
    for event in events {
        let name = event["type"].as_str().unwrap();
        body.push_str(&format!("event: {name}\ndata: {event}\n\n"));
    }
    body.push_str("data: [DONE]\n\n");
    body.into_bytes()
}

/// Numbers the events, checks them and wants `rule` broken.
#[track_caller]
fn refused(rule: &str, events: Vec<Value>) {
    refused_bytes(rule, &body(&numbered(events)));
}

#[track_caller]
fn refused_bytes(rule: &str, body: &[u8]) {
    let violation = grammar::check(body).expect_err("a broken stream passed");
    assert_eq!(violation.rule, rule, "{violation}");
}

/// The good answer with a change that has to break `rule`.
#[track_caller]
fn broken(rule: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let mut events = good();
    change(&mut events);
    refused(rule, events);
}

#[test]
fn a_good_answer_passes_and_is_summed_up() {
    let stream = grammar::check(&body(&numbered(good()))).unwrap();
    let call = |kind: &str, call_id: &str, name: &str, arguments: &str| Call {
        kind: kind.into(),
        call_id: call_id.into(),
        name: name.into(),
        namespace: None,
        arguments: arguments.into(),
    };
    let summary = stream.summary;
    assert_eq!(summary.terminal, "completed");
    assert_eq!(summary.text, "Hello.");
    assert_eq!(summary.reasoning, "Let me see.");
    assert_eq!(
        summary.calls,
        [
            call("function_call", "call_1", "look", "{\"at\":\"sky\"}"),
            call("custom_tool_call", "call_2", "patch", "+ a\n"),
        ]
    );
    assert_eq!(summary.usage.unwrap().cached, 4);
    assert_eq!(Summary::of_response(&stream.response), summary);
    assert_eq!(stream.events.len(), good().len());
}

#[test]
fn a_cut_call_passes_and_counts_as_no_call() {
    let stream = grammar::check(&body(&numbered(cut_call()))).unwrap();
    assert_eq!(stream.summary.terminal, "incomplete:max_output_tokens");
    assert_eq!(stream.summary.calls, []);
}

#[test]
fn a_failure_passes_and_keeps_what_came() {
    let stream = grammar::check(&body(&numbered(failed()))).unwrap();
    assert_eq!(stream.summary.terminal, "failed:server_error");
    assert_eq!(stream.summary.text, "Hello.");
    assert_eq!(stream.summary.items, ["message", "function_call"]);
}

#[test]
fn keep_alives_pass_anywhere_before_the_end() {
    for position in 2..good().len() {
        let mut events = good();
        events.insert(position, lifecycle("in_progress", response()));
        grammar::check(&body(&numbered(events))).unwrap();
    }
}

#[test]
fn framing_is_exact() {
    let good = String::from_utf8(body(&numbered(good()))).unwrap();
    let cases = [
        ("framing", good.trim_end().to_owned()),
        ("framing", format!("{good}\n")),
        ("framing", good.replacen("event: response.created\n", "", 1)),
        ("framing", good.replacen("data: {", "data:{", 1)),
        ("framing", good.replacen("event: ", ": a comment\nevent: ", 1)),
        ("framing", good.replacen("event: ", "id: 1\nevent: ", 1)),
        ("done", good.replace("data: [DONE]\n\n", "")),
        ("framing", good.replace("data: [DONE]\n\n", "data: [DONE]\n\ndata: [DONE]\n\n")),
        ("event name", good.replacen("event: response.created", "event: response.queued", 1)),
        (
            "json",
            good.replacen("\"object\":\"response\"", "\"object\":\"response\",\"id\":\"\"", 1),
        ),
        ("json", good.replacen("data: {", "data: {{", 1)),
    ];
    for (rule, body) in cases {
        refused_bytes(rule, body.as_bytes());
    }
    refused_bytes("utf-8", b"event: \xff\n\n");
}

#[test]
fn events_are_known_and_whole() {
    broken("known event", |events| events.insert(2, json!({"type": "keepalive"})));
    for (name, key) in [
        ("created", "response"),
        ("reasoning added", "item"),
        ("reasoning_summary_part.added", "part"),
        ("reasoning_summary_part.added", "summary_index"),
        ("reasoning_summary_text.delta", "item_id"),
        ("content_part.added", "content_index"),
        ("output_text.delta", "logprobs"),
        ("output_text.delta", "delta"),
        ("output_text.done", "logprobs"),
        ("function_call_arguments.done", "name"),
        ("function_call done", "output_index"),
    ] {
        broken("shape", |events| {
            at(events, name).as_object_mut().unwrap().remove(key);
        });
    }
    broken("shape", |events| at(events, "output_text.delta")["delta"] = "".into());
    broken("shape", |events| at(events, "output_text.delta")["content_index"] = "0".into());
}

#[test]
fn sequence_numbers_count_from_zero() {
    for wrong in [0, 7] {
        let mut events = numbered(good());
        events[5]["sequence_number"] = wrong.into();
        refused_bytes("sequence", &body(&events));
    }
}

#[test]
fn the_lifecycle_is_kept() {
    broken("lifecycle", |events| events.swap(0, 1));
    broken("lifecycle", |events| drop(remove(events, "in_progress")));
    broken("lifecycle", |events| events.insert(8, lifecycle("created", response())));
    broken("terminal", |events| drop(remove(events, "completed")));
    broken("terminal", |events| events.push(lifecycle("in_progress", response())));
    broken("terminal", |events| {
        let twin = at(events, "completed").clone();
        events.push(twin);
    });
}

#[test]
fn the_response_stays_the_same() {
    for (key, other) in [
        ("id", json!("resp_2")),
        ("created_at", json!(7)),
        ("model", json!("other")),
        ("tools", json!([])),
        ("instructions", json!(null)),
        ("temperature", json!(0.5)),
    ] {
        broken("identity", |events| at(events, "completed")["response"][key] = other);
    }
    broken("keep-alive", |events| {
        events.insert(2, lifecycle("in_progress", response()));
        events[2]["response"]["service_tier"] = "flex".into();
    });
}

#[test]
fn every_key_of_the_response_is_there() {
    let keys: Vec<String> = response().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.len(), 31);
    for key in keys {
        broken("shape", |events| {
            for name in ["created", "in_progress", "completed"] {
                at(events, name)["response"].as_object_mut().unwrap().remove(&key);
            }
        });
    }
}

#[test]
fn the_keys_of_the_response_have_their_types() {
    for (key, wrong) in [
        ("created_at", json!(1.5)),
        ("frequency_penalty", json!(null)),
        ("instructions", json!([])),
        ("object", json!("completion")),
        ("output_text", json!("Hello.")),
        ("reasoning", json!({"effort": null})),
        ("service_tier", json!(null)),
        ("store", json!(null)),
        ("text", json!({"format": {"type": "json_schema", "name": "n"}})),
        ("tool_choice", json!({"type": "function"})),
        ("tools", json!([{"type": "function", "name": "look"}])),
        ("top_logprobs", json!(null)),
        ("truncation", json!("middle")),
        ("user", json!(null)),
    ] {
        broken("shape", |events| {
            for name in ["created", "in_progress", "completed"] {
                at(events, name)["response"][key] = wrong.clone();
            }
        });
    }
}

#[test]
fn a_running_response_has_nothing_yet() {
    for (key, early) in
        [("usage", usage()), ("output", json!([message()])), ("completed_at", json!(1))]
    {
        broken("running response", |events| at(events, "in_progress")["response"][key] = early);
    }
    broken("status", |events| at(events, "created")["response"]["status"] = "completed".into());
}

#[test]
fn the_terminal_event_says_what_the_response_says() {
    for (key, wrong) in [
        ("status", json!("incomplete")),
        ("completed_at", json!(null)),
        ("completed_at", json!(1)),
        ("incomplete_details", json!({"reason": "max_output_tokens"})),
    ] {
        broken("status", |events| at(events, "completed")["response"][key] = wrong);
    }
    let mut events = cut_call();
    let response = &mut at(&mut events, "incomplete")["response"];
    response["incomplete_details"] = json!({"reason": "length"});
    refused("status", events);
}

#[test]
fn usage_is_whole_or_absent() {
    let mut events = good();
    at(&mut events, "completed")["response"]["usage"] = json!(null);
    grammar::check(&body(&numbered(events))).unwrap();
    for (rule, pointer, wrong) in [
        ("shape", "/input_tokens_details", json!(null)),
        ("shape", "/input_tokens_details/cached_tokens", json!(null)),
        ("shape", "/output_tokens", json!(5.0)),
        ("shape", "/output_tokens_details", json!({})),
        ("usage", "/output_tokens_details/reasoning_tokens", json!(6)),
    ] {
        broken(rule, |events| {
            let usage = &mut at(events, "completed")["response"]["usage"];
            *usage.pointer_mut(pointer).unwrap() = wrong;
        });
    }
}

#[test]
fn items_come_one_after_another() {
    broken("sequential", |events| drop(remove(events, "reasoning done")));
    broken("index", |events| at(events, "message added")["output_index"] = 0.into());
    broken("index", |events| at(events, "output_text.delta")["output_index"] = 0.into());
    broken("nesting", |events| drop(remove(events, "message added")));
    broken("unfinished item", |events| drop(remove(events, "custom_tool_call done")));
    broken("nesting", |events| {
        let delta = at(events, "output_text.delta").clone();
        let behind = find(events, "message done") + 1;
        events.insert(behind, delta);
    });
}

#[test]
fn items_keep_their_identity() {
    broken("item id", |events| at(events, "output_text.delta")["item_id"] = "msg_2".into());
    for (key, other) in [("id", "fc_9"), ("call_id", "call_9"), ("name", "see")] {
        broken("item identity", |events| {
            at(events, "function_call done")["item"][key] = other.into();
        });
    }
    broken("item identity", |events| {
        at(events, "function_call_arguments.done")["name"] = "see".into();
    });
    for id in ["fc1", "fc_", "_1"] {
        broken("item id", |events| at(events, "function_call added")["item"]["id"] = id.into());
    }
    broken("shape", |events| at(events, "function_call added")["item"]["call_id"] = "".into());
    broken("known item", |events| at(events, "message added")["item"]["type"] = "text".into());
}

#[test]
fn ids_are_distinct() {
    for key in ["id", "call_id"] {
        let twin = function_call()[key].clone();
        broken("distinct ids", |events| {
            let from = find(events, "custom_tool_call added");
            for event in events.iter_mut().skip(from) {
                if event.get("item").is_some() {
                    event["item"][key] = twin.clone();
                } else if key == "id" && event.get("item_id").is_some() {
                    event["item_id"] = twin.clone();
                }
            }
            at(events, "completed")["response"]["output"][3][key] = twin.clone();
        });
    }
}

#[test]
fn items_begin_empty_and_end_whole() {
    broken("zero value", |events| {
        at(events, "function_call added")["item"]["arguments"] = "{".into();
    });
    broken("zero value", |events| {
        at(events, "message added")["item"]["content"] = message()["content"].clone();
    });
    broken("zero value", |events| at(events, "content_part.added")["part"]["text"] = "H".into());
    for (name, status) in [("message added", "completed"), ("function_call done", "incomplete")] {
        broken("item status", |events| at(events, name)["item"]["status"] = status.into());
    }
    for name in ["content_part.done", "output_text.done", "function_call_arguments.done"] {
        broken("nesting", |events| drop(remove(events, name)));
    }
}

#[test]
fn parts_nest_in_items() {
    for name in ["content_part.added", "reasoning_summary_part.added"] {
        broken("nesting", |events| drop(remove(events, name)));
        broken("nesting", |events| {
            let twin = at(events, name).clone();
            let behind = find(events, name) + 1;
            events.insert(behind, twin);
            let index = if name.starts_with('c') { "content_index" } else { "summary_index" };
            events[behind][index] = 1.into();
        });
    }
    broken("index", |events| at(events, "content_part.added")["content_index"] = 1.into());
    broken("index", |events| {
        at(events, "reasoning_summary_text.delta")["summary_index"] = 1.into();
    });
    broken("known part", |events| {
        at(events, "content_part.added")["part"]["type"] = "summary_text".into();
    });
    for (name, other) in [
        ("output_text.delta", "response.refusal.delta"),
        ("function_call_arguments.delta", "response.custom_tool_call_input.delta"),
    ] {
        broken("nesting", |events| at(events, name)["type"] = other.into());
    }
}

#[test]
fn what_is_said_twice_is_the_same() {
    for (name, pointer) in [
        ("reasoning_summary_text.delta", "/delta"),
        ("reasoning_summary_text.done", "/text"),
        ("reasoning_summary_part.done", "/part/text"),
        ("reasoning done", "/item/summary/0/text"),
        ("output_text.delta", "/delta"),
        ("output_text.done", "/text"),
        ("content_part.done", "/part/text"),
        ("message done", "/item/content/0/text"),
        ("function_call_arguments.delta", "/delta"),
        ("function_call_arguments.done", "/arguments"),
        ("function_call done", "/item/arguments"),
        ("custom_tool_call_input.delta", "/delta"),
        ("custom_tool_call_input.done", "/input"),
        ("custom_tool_call done", "/item/input"),
    ] {
        broken("same text", |events| {
            *at(events, name).pointer_mut(pointer).unwrap() = "other".into();
        });
        if name.ends_with(".delta") {
            broken("same text", |events| drop(remove(events, name)));
        }
    }
    for change in [
        |output: &mut Value| output[1]["content"][0]["text"] = "Hello".into(),
        |output: &mut Value| *output = json!([]),
        |output: &mut Value| output.as_array_mut().unwrap().swap(0, 1),
    ] {
        broken("final output", |events| change(&mut at(events, "completed")["response"]["output"]));
    }
}

#[test]
fn annotations_are_announced() {
    let citation = json!({"type": "url_citation", "url": "http://a.test", "title": "A",
                          "start_index": 0, "end_index": 5});
    let with = |announced: &Value| {
        let mut events = good();
        let event = json!({"type": "response.output_text.annotation.added", "item_id": "msg_1",
                           "output_index": 1, "content_index": 0, "annotation_index": 0,
                           "annotation": announced});
        let end = find(&events, "output_text.done");
        events.insert(end, event);
        for (name, pointer) in [
            ("content_part.done", "/part"),
            ("message done", "/item/content/0"),
            ("completed", "/response/output/1/content/0"),
        ] {
            let part = at(&mut events, name).pointer_mut(pointer).unwrap();
            part["annotations"] = json!([citation]);
        }
        events
    };
    grammar::check(&body(&numbered(with(&citation)))).unwrap();
    let mut other = citation.clone();
    other["title"] = "B".into();
    refused("same text", with(&other));
    other.as_object_mut().unwrap().remove("end_index");
    refused("shape", with(&other));
}

#[test]
fn no_item_is_empty() {
    let mut events = vec![lifecycle("created", response()), lifecycle("in_progress", response())];
    let mut empty = message();
    empty["content"] = json!([]);
    events.push(item_event("added", 0, &zero(&empty)));
    events.push(item_event("done", 0, &empty));
    events.push(lifecycle("completed", finished("completed", json!([empty]))));
    refused("empty item", events);

    broken("empty item", |events| {
        remove(events, "output_text.delta");
        remove(events, "output_text.delta");
        at(events, "output_text.done")["text"] = "".into();
    });
}

#[test]
fn a_cut_call_never_looks_whole() {
    let mut events = cut_call();
    let end = events.len() - 1;
    let arguments_done = item_events(1, &function_call())[3].clone();
    events.insert(end, arguments_done.clone());
    refused("cut call", events);

    let mut cut = function_call();
    cut["status"] = "incomplete".into();
    let mut events = cut_call();
    events.insert(end, arguments_done);
    events.insert(end + 1, item_event("done", 1, &cut));
    refused("item status", events);

    let mut events = cut_call();
    events[end]["response"]["output"][1]["status"] = "completed".into();
    refused("final output", events);

    let mut events = cut_call();
    events[end]["response"]["output"].as_array_mut().unwrap().pop();
    // Whatever is last was cut, so a whole message in the last place breaks a rule of its own.
    refused("item status", events);

    let mut events = cut_call();
    events[end] = lifecycle("completed", finished("completed", json!([message()])));
    refused("unfinished item", events);
}

#[test]
fn a_cut_message_is_closed_and_incomplete() {
    let mut cut = message();
    cut["status"] = "incomplete".into();
    let answer = |status: &str, items: &[Value]| {
        let mut events =
            vec![lifecycle("created", response()), lifecycle("in_progress", response())];
        for (index, item) in items.iter().enumerate() {
            events.extend(item_events(index, item));
        }
        events.push(lifecycle(status, finished(status, json!(items))));
        events
    };
    let good = answer("incomplete", std::slice::from_ref(&cut));
    grammar::check(&body(&numbered(good.clone()))).unwrap();

    let mut open = good;
    remove(&mut open, "message done");
    refused("unfinished item", open);
    refused("item status", answer("incomplete", &[message()]));
    refused("item status", answer("incomplete", &[cut.clone(), function_call()]));
    refused("item status", answer("completed", &[cut]));
}

#[test]
fn a_failure_comes_as_error_and_failed() {
    let change = |rule: &str, change: &dyn Fn(&mut Vec<Value>)| {
        let mut events = failed();
        change(&mut events);
        refused(rule, events);
    };
    change("error event", &|events| drop(remove(events, "error")));
    change("terminal", &|events| drop(remove(events, "failed")));
    change("error event", &|events| {
        let end = events.len() - 1;
        events.insert(end, lifecycle("in_progress", response()));
    });
    for key in ["code", "message", "param", "error"] {
        change("shape", &|events| {
            at(events, "error").as_object_mut().unwrap().remove(key);
        });
    }
    change("error event", &|events| at(events, "error")["error"]["code"] = "other".into());
    change("error event", &|events| {
        at(events, "error")["message"] = "other".into();
        at(events, "error")["error"]["message"] = "other".into();
    });
    change("shape", &|events| at(events, "failed")["response"]["error"]["code"] = 500.into());
    change("final output", &|events| {
        let output = &mut at(events, "failed")["response"]["output"];
        output.as_array_mut().unwrap().push(function_call());
    });
    change("unfinished item", &|events| {
        remove(events, "error");
        remove(events, "failed");
        events.push(lifecycle("completed", finished("completed", json!([message()]))));
    });
}

#[test]
fn a_whole_response_is_checked_like_a_streamed_one() {
    let good = finished("completed", json!([reasoning(), message(), function_call()]));
    let check = |response: &Value| grammar::check_response(response.to_string().as_bytes());
    check(&good).unwrap();
    for (rule, pointer, wrong) in [
        ("status", "/status", json!("failed")),
        ("status", "/completed_at", json!(null)),
        ("shape", "/usage/total_tokens", json!(null)),
        ("item id", "/output/1/id", json!("m1")),
        ("item status", "/output/1/status", json!("incomplete")),
        ("item status", "/output/2/status", json!("in_progress")),
        ("empty item", "/output/1/content", json!([])),
        ("empty item", "/output/1/content/0/text", json!("")),
        ("shape", "/output/2/arguments", json!({})),
        ("known part", "/output/1/content/0/type", json!("text")),
        ("distinct ids", "/output/2/id", json!("msg_1")),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong;
        let violation = check(&broken).expect_err(pointer);
        assert_eq!(violation.rule, rule, "{pointer}: {violation}");
    }
}

#[test]
fn a_compaction_has_one_item_that_stands_for_all() {
    let item = json!({"id": "cmp_1", "type": "compaction", "encrypted_content": "b64"});
    let good = json!({"id": "resp_1", "object": "response.compaction", "created_at": 1,
                      "output": [item], "usage": usage()});
    let check = |body: &Value| grammar::check_compaction(body.to_string().as_bytes());
    check(&good).unwrap();
    for (rule, pointer, wrong) in [
        ("shape", "/object", json!("response")),
        ("shape", "/usage", json!(null)),
        ("compaction", "/output", json!([])),
        ("empty item", "/output/0/encrypted_content", json!("")),
        ("item id", "/output/0/id", json!("1")),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong;
        assert_eq!(check(&broken).expect_err(pointer).rule, rule, "{pointer}");
    }
}

#[test]
fn an_error_body_has_all_four_keys() {
    let good = json!({"error": {"message": "No.", "type": "t", "param": null, "code": "c"}});
    let check = |body: &Value| grammar::check_error(body.to_string().as_bytes());
    check(&good).unwrap();
    for key in ["message", "type", "param", "code"] {
        let mut broken = good.clone();
        broken["error"].as_object_mut().unwrap().remove(key);
        check(&broken).expect_err(key);
    }
    check(&json!({"error": {"message": "No.", "type": "t", "param": null, "code": 7}}))
        .unwrap_err();
    check(&json!({"error": "No."})).unwrap_err();
}
