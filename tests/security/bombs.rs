//! Little that becomes much: requests and answers that are made to take memory or time. Bounds are on
//! bytes; time shows in them where work is done on copies.

use responses_filter::config::Config;
use responses_filter::exchange::{
    BodyAction, Exchange, RequestBodyAction, RequestHeadersAction, ResponseHeadersAction,
};
use serde_json::{Value, json};
use std::rc::Rc;

use crate::memory::{Cost, cost_of};
use crate::support::drive::{Client, chat_request};
use crate::support::grammar;

const MIB: usize = 1 << 20;

/// The error that a request is refused with, and what it took to find out.
#[track_caller]
fn refused(body: String) -> (Value, Cost) {
    let client = Client::post(body);
    let (outcome, cost) = cost_of(|| chat_request(&client));
    let reply = outcome.expect_err("a refusal");
    assert_eq!(reply.status, 400);
    (grammar::check_error(&reply.body).expect("a legal error")["error"].clone(), cost)
}

#[test]
fn deep_json_is_refused_before_it_is_read() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for end in ["", &close.repeat(1_000_000)] {
            let deep = format!("{}1{end}", open.repeat(1_000_000));
            let body = format!(r#"{{"model":"m","input":{deep}}}"#);
            let length = body.len();
            let (error, cost) = refused(body);
            assert!(error["message"].as_str().unwrap().contains("128 levels"), "{error}");
            assert_eq!(error["param"], "input");
            assert!(cost.peak < 3 * length, "{cost:?} for {length} bytes");
        }
    }
}

/// Depth that only shows when a string is read as JSON.
#[test]
fn deep_json_in_strings_is_carried_or_left() {
    for deep in ["[".repeat(1_000_000), "{\"a\":".repeat(200_000)] {
        let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": deep});
        let output = json!({"type": "function_call_output", "call_id": "c", "output": deep});
        let sealed = json!({"type": "reasoning", "summary": [], "encrypted_content": deep});
        let body = json!({"model": "m", "input": [sealed, call, output]}).to_string();
        for preset in ["generic", "gemini", "anthropic_compat", "mistral"] {
            let config = json!({"upstreams": {"default": {"preset": preset}}}).to_string();
            let client = Client::post(body.clone()).with_config(config);
            let (chat, cost) = cost_of(|| chat_request(&client));
            assert!(chat.is_ok_and(|chat| chat.body.len() < 2 * body.len()));
            assert!(cost.peak < 16 * body.len(), "{cost:?} for {} bytes", body.len());
        }
    }
}

/// What no client and no upstream could read in the answer or in the request must not get there.
#[test]
fn huge_numbers_are_refused() {
    let digits = "9".repeat(1_000_000);
    for number in ["1e999999999", "-1e400", &digits] {
        for field in [
            format!(r#""temperature":{number}"#),
            format!(r#""telepathy":{number}"#),
            format!(
                r#""tools":[{{"type":"function","name":"f","parameters":{{"maximum":{number}}}}}]"#
            ),
        ] {
            let (error, cost) = refused(format!(r#"{{"model":"m","input":"x",{field}}}"#));
            assert!(error["message"].as_str().unwrap().contains("double"), "{error}");
            assert!(cost.peak < 16 * MIB, "{cost:?}");
        }
    }
    let small =
        format!(r#"{{"model":"m","input":"x","temperature":1e-999999999,"top_p":0.{digits}}}"#);
    let chat = chat_request(&Client::post(small)).expect("numbers that can be read");
    serde_json::from_slice::<Value>(&chat.body).expect("numbers that can be read");
}

#[test]
fn members_that_come_a_hundred_thousand_times_count_once() {
    for member in [r#""model":"m""#, r#""input":"x""#, r#""tools":[]"#, r#""x":1"#] {
        let body = format!(
            r#"{{"model":"m","input":"x",{}"stream":false}}"#,
            format!("{member},").repeat(100_000)
        );
        let length = body.len();
        let client = Client::post(body);
        let (chat, cost) = cost_of(|| chat_request(&client).expect("a request"));
        let chat: Value = serde_json::from_slice(&chat.body).expect("JSON");
        assert_eq!((&chat["model"], &chat["messages"][0]["content"]), (&json!("m"), &json!("x")));
        assert!(cost.peak < 16 * length, "{cost:?} for {length} bytes");
    }
}

fn tools(count: usize, parameters: &str) -> String {
    let tools: Vec<String> = (0..count)
        .map(|n| format!(r#"{{"type":"function","name":"f{n}","parameters":{parameters}}}"#))
        .collect();
    format!(r#"{{"model":"m","input":"x","tools":[{}]}}"#, tools.join(","))
}

#[test]
fn a_hundred_thousand_tools_are_refused() {
    let body = tools(100_000, "{}");
    let length = body.len();
    let (error, cost) = refused(body);
    assert_eq!(error["param"], "tools");
    assert!(cost.peak < 12 * length, "{cost:?} for {length} bytes");
    // As many as are allowed cost in proportion.
    let costs = [1024, 4096].map(|count| {
        let client = Client::post(tools(count, "{}"));
        cost_of(|| chat_request(&client).expect("a request")).1
    });
    assert!(costs[1].taken < 6 * costs[0].taken, "{costs:?}");
}

/// Names that become the same name when they are made legal.
#[test]
fn tools_that_clash_cost_in_proportion() {
    let body = |count: usize| {
        let long = "x".repeat(100);
        let tools: Vec<Value> = (0..count)
            .map(|n| json!({"type": "function", "name": format!("{long}.{n}"), "parameters": {}}))
            .collect();
        json!({"model": "m", "input": "x", "tools": tools}).to_string()
    };
    let costs = [1024, 4096].map(|count| {
        let client = Client::post(body(count));
        cost_of(|| chat_request(&client).expect("a request")).1
    });
    assert!(costs[1].taken < 6 * costs[0].taken, "{costs:?}");
}

fn for_gemini(parameters: &Value) -> (usize, usize, Cost) {
    let body = tools(1, &parameters.to_string());
    let length = body.len();
    let config = r#"{"upstreams":{"default":{"preset":"gemini"}}}"#;
    let client = Client::post(body).with_config(config);
    let (chat, cost) = cost_of(|| chat_request(&client).expect("a request"));
    (length, chat.body.len(), cost)
}

/// References that are written out, for upstreams that know none.
#[test]
fn schemas_do_not_grow_without_end() {
    let reference = |to: usize| json!({"$ref": format!("#/$defs/d{to}")});
    let properties = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("p{n}"), reference(0)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let text = "x".repeat(200_000);
    let described = json!({"type": "string", "description": text});
    let listed = json!({"type": "string", "enum": vec!["a word of some length"; 10_000]});
    let fan = |to| json!({"properties": {"a": reference(to), "b": reference(to)}});
    let chain: serde_json::Map<String, Value> =
        (0..20_000).map(|n| (format!("d{n}"), reference(n + 1))).collect();
    let fans: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("d{n}"), fan(n + 1))).collect();
    for (defs, own) in [
        (json!({"d0": described}), properties(10_000)),
        (json!({"d0": listed}), properties(10_000)),
        (json!({"d0": {"type": "object", "properties": properties(2_000)}}), properties(2_000)),
        (chain.into(), properties(1)),
        (fans.into(), properties(100)),
    ] {
        let schema = json!({"type": "object", "properties": own, "$defs": defs});
        let (length, chat, cost) = for_gemini(&schema);
        assert!(chat < 8 * length + MIB / 4, "{length} bytes become {chat}");
        assert!(cost.peak < 64 * length + 4 * MIB, "{cost:?} for {length} bytes");
    }
}

/// Items that are looked up by their ids.
#[test]
fn a_hundred_thousand_items_cost_in_proportion() {
    let body = |count: usize| {
        let input: Vec<Value> = (0..count)
            .map(|n| json!({"type": "function_call", "call_id": format!("c{n}"), "name": "f", "arguments": "{}"}))
            .chain((0..count).map(|n| {
                json!({"type": "function_call_output", "call_id": format!("c{}", count - 1 - n), "output": "x"})
            }))
            .collect();
        json!({"model": "m", "input": input}).to_string()
    };
    let costs = [12_500, 50_000].map(|count| {
        let client = Client::post(body(count));
        cost_of(|| chat_request(&client).expect("a request")).1
    });
    assert!(costs[1].taken < 6 * costs[0].taken, "{costs:?}");
    let (error, _) = refused(body(50_001));
    assert_eq!(error["param"], "input");
}

/// An exchange whose answer is about to come.
pub fn answering(config: &str, request: &Value, content_type: &str) -> Exchange {
    let config = Rc::new(Config::parse(config).expect("a configuration"));
    let mut exchange = Exchange::new(config, || 0, 1);
    let post = [(":method", "POST"), (":path", "/v1/responses")];
    let post = post.map(|(name, value)| (name.into(), value.into()));
    let action = exchange.request_headers(&post, false);
    assert!(matches!(action, RequestHeadersAction::Translate { .. }));
    let action = exchange.request_body(request.to_string().into_bytes(), true);
    assert!(matches!(action, RequestBodyAction::Forward { .. }));
    let ok = [(":status", "200"), ("content-type", content_type)];
    let ok = ok.map(|(name, value)| (name.into(), value.into()));
    let action = exchange.response_headers(&ok, false);
    assert!(!matches!(action, ResponseHeadersAction::Reply(_) | ResponseHeadersAction::Pass));
    exchange
}

fn streamed() -> Value {
    json!({"model": "m", "input": "x", "stream": true, "top_logprobs": 1,
           "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
           "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "g"}]})
}

/// Feeds the same piece again and again and gives out what comes; how often until the answer ended.
fn feed(exchange: &mut Exchange, piece: &str, times: usize) -> (usize, usize) {
    let (mut output, mut fed) = (0, 0);
    for _ in 0..times {
        fed += 1;
        match exchange.response_body(piece.as_bytes(), false) {
            BodyAction::Forward | BodyAction::Flush => {
                let written = exchange.output();
                output += written.len();
                let is_over = written.windows(15).any(|part| part == b"response.failed");
                exchange.output_sent();
                if is_over {
                    break;
                }
            }
            BodyAction::Hold | BodyAction::HoldForTrailers => {}
            BodyAction::Keep | BodyAction::Reply(_) => panic!("a stream that began well"),
        }
    }
    (output, fed)
}

fn event(choice: &Value) -> String {
    format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}))
}

fn delta(delta: &Value) -> String {
    event(&json!({"index": 0, "delta": delta}))
}

#[test]
fn a_million_empty_deltas_leave_nothing_behind() {
    let empty = [
        (1_000_000, delta(&json!({"content": ""}))),
        (100_000, delta(&json!({}))),
        (100_000, delta(&json!({"role": "assistant", "content": null, "tool_calls": []}))),
        (100_000, delta(&json!({"reasoning_content": "", "reasoning": null}))),
        (100_000, delta(&json!({"refusal": "", "annotations": [], "reasoning_details": []}))),
        (
            100_000,
            event(&json!({"index": 0, "delta": {"content": ""}, "logprobs": {"content": []}})),
        ),
        (100_000, event(&json!({"index": 1, "delta": {"content": "another choice"}}))),
        (100_000, delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}))),
        (100_000, "data: {\"choices\":[],\"usage\":{\"total_tokens\":1}}\n\n".to_owned()),
        (100_000, "data: {}\n\n".to_owned()),
        (100_000, "event: ping\ndata: {\"type\":\"ping\"}\n\n".to_owned()),
        (100_000, ": ping\n\n".to_owned()),
        (100_000, "data: no JSON\n\n".to_owned()),
        (100_000, "id: 1\nretry: 1\n\n".to_owned()),
    ];
    for (times, piece) in empty {
        let mut exchange = answering("{}", &streamed(), "text/event-stream");
        feed(&mut exchange, &delta(&json!({"content": "x"})), 1);
        let ((output, _), cost) = cost_of(|| feed(&mut exchange, &piece, times));
        assert!(cost.peak < 64 << 10, "{cost:?} after {times} times {piece}");
        assert!(output < 8 << 10, "{output} bytes of output after {times} times {piece}");
    }
}

/// Whatever an upstream repeats for ever, the answer ends at a limit, and memory stays near it.
#[test]
fn endless_answers_end_at_a_limit() {
    let detail = json!({"type": "reasoning.encrypted", "data": "x".repeat(50)});
    let citation =
        json!({"type": "url_citation", "url_citation": {"url": "https://a.b", "title": "t"}});
    let token = json!({"token": "x", "logprob": -1.0, "top_logprobs": []});
    let call =
        |function: Value| json!({"tool_calls": [{"index": 0, "id": "c", "function": function}]});
    let calls = json!({"tool_calls": [{"id": "", "function": {"name": "f", "arguments": "{}"}}]});
    let image = json!({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]});
    for piece in [
        delta(&json!({"content": "x"})),
        delta(&json!({"reasoning_content": "x"})),
        delta(&json!({"refusal": "x"})),
        delta(&json!({"reasoning_details": [detail]})),
        delta(&json!({"annotations": [citation]})),
        delta(&call(json!({"name": "f", "arguments": "x"}))),
        delta(&call(json!({"name": "g", "arguments": "x"}))),
        delta(&call(json!({"name": "f"}))),
        delta(&calls),
        delta(&image),
        event(&json!({"index": 0, "delta": {"content": ""}, "logprobs": {"content": [token]}})),
        [delta(&json!({"content": "x"})), delta(&json!({"reasoning_content": "x"}))].concat(),
        "data: {".to_owned(),
        "x".to_owned(),
    ] {
        let limits = json!({"output_bytes_max": 20_000, "arguments_bytes_max": 20_000,
                            "event_bytes_max": 20_000, "tool_calls_max": 100});
        let config = json!({"limits": limits}).to_string();
        for first in [json!({"content": "x"}), json!({"role": "assistant"})] {
            let mut exchange = answering(&config, &streamed(), "text/event-stream");
            feed(&mut exchange, &delta(&first), 1);
            let ((_, fed), cost) = cost_of(|| feed(&mut exchange, &piece, 100_000));
            // What nobody gets may go on, as long as nobody keeps it either.
            assert!(fed < 100_000 || cost.peak < 64 << 10, "{cost:?}, no end of {piece}");
            // A mebibyte may be held back until it is known what it is.
            assert!(cost.peak < 8 * MIB, "{cost:?} for {piece}");
        }
    }
}

/// Each piece could be the last one of a document that is read at its end.
#[test]
fn documents_are_read_once_however_they_are_cut() {
    let elements = "[{},[]],".repeat(200_000);
    let document = format!(r#"{{"choices":[],"x":[{elements}1]}}"#);
    let pieces: Vec<&[u8]> = document.as_bytes().split_inclusive(|byte| *byte == b']').collect();
    let whole = json!({"model": "m", "input": "x"});
    for (config, request) in [
        ("{}", &streamed()),
        ("{}", &whole),
        (r#"{"hold_headers":false}"#, &streamed()),
        (r#"{"hold_headers":false}"#, &whole),
    ] {
        let exchange = &mut answering(config, request, "application/json");
        let ((), cost) = cost_of(|| {
            for piece in &pieces {
                exchange.response_body(piece, false);
                exchange.output_sent();
            }
            exchange.response_body(&[], true);
        });
        assert!(cost.taken < 40 * document.len(), "{cost:?} for {} bytes", document.len());
    }
}

#[test]
fn lists_of_models_are_read_once_however_they_are_cut() {
    let models: String = (0..20_000).map(|n| format!(r#"{{"id":"m{n}"}},"#)).collect();
    let list = format!(r#"{{"data":[{models}{{"id":"last"}}]}}"#);
    let mut exchange = Exchange::new(Rc::new(Config::parse("{}").unwrap()), || 0, 1);
    let get = [(":method", "GET"), (":path", "/v1/models")];
    let get = get.map(|(name, value)| (name.into(), value.into()));
    assert!(matches!(exchange.request_headers(&get, true), RequestHeadersAction::Translate { .. }));
    let ok = [(":status".into(), "200".into())];
    assert!(matches!(exchange.response_headers(&ok, false), ResponseHeadersAction::Forward(_)));
    let mut answer = Vec::new();
    let ((), cost) = cost_of(|| {
        for piece in list.as_bytes().split_inclusive(|byte| *byte == b'}') {
            exchange.response_body(piece, false);
            answer.extend_from_slice(exchange.output());
            exchange.output_sent();
        }
    });
    let answer: Value = serde_json::from_slice(&answer).expect("the list");
    // More than anyone has, and as many as are taken.
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(2_000));
    assert!(cost.peak < 64 * MIB, "{cost:?} for {} bytes", list.len());
    assert!(cost.taken < 1024 * list.len(), "{cost:?} for {} bytes", list.len());
}
