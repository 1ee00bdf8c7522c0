//! Requests that are refused: each with the field at fault, in OpenAI's words and codes.

use responses_filter::config::Strictness;
use responses_filter::error::Class;
use serde_json::{Value, json};

use crate::drive::{generic, with};

/// The code and the field of an error.
fn fault(body: &[u8]) -> (String, String) {
    let error = generic().raw(body).expect_err("a request that is refused");
    assert_eq!(error.status(), 400);
    assert!(!error.message.is_empty());
    (error.code().to_owned(), error.param.unwrap_or_default())
}

#[test]
fn bodies_that_are_no_json_objects() {
    for (body, code, param) in [
        (&b""[..], "invalid_json", ""),
        (b"hello", "invalid_json", ""),
        (b"{\"model\":\"m\",\"input\":\"x\"", "invalid_json", "input"),
        (b"{\"model\":\"m\",\"input\":[{\"role\":]}", "invalid_json", "input"),
        (b"{\"model\":\"m\",\"input\":\"\xff\"}", "invalid_json", ""),
        (b"{\"model\":\"m\",\"input\":\"a\nb\"}", "invalid_json", "input"),
        (b"[]", "invalid_type", ""),
        (b"\"x\"", "invalid_type", ""),
        (b"null", "invalid_type", ""),
    ] {
        assert_eq!(
            fault(body),
            (code.to_owned(), param.to_owned()),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn fields_that_are_missing_or_wrong() {
    let call = |call: Value| json!({"model": "m", "input": [call]});
    for (body, code, param) in [
        (json!({"input": "x"}), "missing_required_parameter", "model"),
        (json!({"model": "", "input": "x"}), "missing_required_parameter", "model"),
        (json!({"model": 7, "input": "x"}), "invalid_type", "model"),
        (json!({"model": "m"}), "missing_required_parameter", "input"),
        (json!({"model": "m", "input": null}), "missing_required_parameter", "input"),
        (json!({"model": "m", "input": {}}), "invalid_type", "input"),
        (json!({"model": "m", "input": []}), "invalid_value", "input"),
        (json!({"model": "m", "input": [[]]}), "invalid_type", "input[0]"),
        (json!({"model": "m", "input": ["x"]}), "invalid_type", "input[0]"),
        (json!({"model": "m", "input": [{}]}), "missing_required_parameter", "input[0].type"),
        (call(json!({"type": 1})), "invalid_type", "input[0].type"),
        (
            call(json!({"type": "message", "content": "x"})),
            "missing_required_parameter",
            "input[0].role",
        ),
        (call(json!({"role": "robot", "content": "x"})), "invalid_value", "input[0].role"),
        (call(json!({"role": "user"})), "missing_required_parameter", "input[0].content"),
        (call(json!({"role": "user", "content": 1})), "invalid_type", "input[0].content"),
        (
            json!({"model": "m", "input": [{"role": "user", "content": "x"},
                {"role": "user", "content": [{"type": "input_text", "text": "x"}, {"text": "x"}]}]}),
            "missing_required_parameter",
            "input[1].content[1].type",
        ),
        (
            call(json!({"role": "user", "content": [{"type": "input_text"}]})),
            "missing_required_parameter",
            "input[0].content[0].text",
        ),
        (
            call(json!({"role": "user", "content": [{"type": "input_image"}]})),
            "missing_required_parameter",
            "input[0].content[0].image_url",
        ),
        (
            call(json!({"type": "function_call", "call_id": "a", "arguments": "{}"})),
            "missing_required_parameter",
            "input[0].name",
        ),
        (
            call(json!({"type": "function_call", "name": "f", "arguments": "{}"})),
            "missing_required_parameter",
            "input[0].call_id",
        ),
        (
            call(json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": 1})),
            "invalid_type",
            "input[0].arguments",
        ),
        (
            call(json!({"type": "function_call_output", "call_id": "a"})),
            "missing_required_parameter",
            "input[0].output",
        ),
        (
            call(json!({"type": "local_shell_call", "call_id": "a", "action": "ls"})),
            "invalid_type",
            "input[0].action",
        ),
        (
            call(json!({"type": "additional_tools", "tools": [{"type": "function"}]})),
            "missing_required_parameter",
            "input[0].tools[0].name",
        ),
    ] {
        assert_eq!(
            fault(body.to_string().as_bytes()),
            (code.to_owned(), param.to_owned()),
            "{body}"
        );
    }
}

#[test]
fn parameters_that_are_wrong() {
    for (name, value, code, param) in [
        ("instructions", json!(["x"]), "invalid_type", "instructions"),
        ("stream", json!("yes"), "invalid_type", "stream"),
        ("temperature", json!("hot"), "invalid_type", "temperature"),
        ("top_p", json!(true), "invalid_type", "top_p"),
        ("max_output_tokens", json!(0), "invalid_value", "max_output_tokens"),
        ("max_output_tokens", json!(-1), "invalid_value", "max_output_tokens"),
        ("max_output_tokens", json!(1.5), "invalid_value", "max_output_tokens"),
        ("max_output_tokens", json!("1"), "invalid_type", "max_output_tokens"),
        ("top_logprobs", json!(1e99), "invalid_value", "top_logprobs"),
        ("parallel_tool_calls", json!(1), "invalid_type", "parallel_tool_calls"),
        ("reasoning", json!("high"), "invalid_type", "reasoning"),
        ("reasoning", json!({"effort": 3}), "invalid_type", "reasoning.effort"),
        ("text", json!([]), "invalid_type", "text"),
        ("text", json!({"format": "json"}), "invalid_type", "text.format"),
        ("text", json!({"format": {}}), "missing_required_parameter", "text.format.type"),
        (
            "text",
            json!({"format": {"type": "json_schema", "schema": {}}}),
            "missing_required_parameter",
            "text.format.name",
        ),
        (
            "text",
            json!({"format": {"type": "json_schema", "name": "x"}}),
            "missing_required_parameter",
            "text.format.schema",
        ),
        ("text", json!({"verbosity": 1}), "invalid_type", "text.verbosity"),
        ("include", json!("all"), "invalid_type", "include"),
        ("include", json!([1]), "invalid_type", "include[0]"),
        ("tools", json!({}), "invalid_type", "tools"),
        ("tools", json!([1]), "invalid_type", "tools[0]"),
        ("tools", json!([{"name": "f"}]), "missing_required_parameter", "tools[0].type"),
        ("tools", json!([{"type": "function"}]), "missing_required_parameter", "tools[0].name"),
        (
            "tools",
            json!([{"type": "function", "name": ""}]),
            "missing_required_parameter",
            "tools[0].name",
        ),
        (
            "tools",
            json!([{"type": "function", "name": "f", "parameters": true}]),
            "invalid_type",
            "tools[0].parameters",
        ),
        (
            "tools",
            json!([{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]),
            "missing_required_parameter",
            "tools[0].tools[0].name",
        ),
        ("background", json!("no"), "invalid_type", "background"),
        ("metadata", json!("x"), "invalid_type", "metadata"),
        ("user", json!(7), "invalid_type", "user"),
        ("store", json!("no"), "invalid_type", "store"),
        ("truncation", json!(true), "invalid_type", "truncation"),
        ("reasoning", json!({"summary": 1}), "invalid_type", "reasoning.summary"),
    ] {
        let body = json!({"model": "m", "input": "x", (name): value});
        assert_eq!(
            fault(body.to_string().as_bytes()),
            (code.to_owned(), param.to_owned()),
            "{body}"
        );
    }
}

#[test]
fn what_needs_a_store() {
    for (name, value, code) in [
        ("previous_response_id", json!("resp_1"), "previous_response_not_found"),
        ("conversation", json!("conv_1"), "unsupported_parameter"),
        ("conversation", json!({"id": "conv_1"}), "unsupported_parameter"),
        ("prompt", json!({"id": "pmpt_1"}), "unsupported_parameter"),
        ("background", json!(true), "unsupported_parameter"),
    ] {
        // Even without a model: a client that relies on a store is told so first.
        for body in [json!({"model": "m", "input": "x", (name): value}), json!({(name): value})] {
            assert_eq!(fault(body.to_string().as_bytes()), (code.to_owned(), name.to_owned()));
        }
        let absent = json!({"model": "m", "input": "x", (name): null});
        generic().translated(&absent);
    }
    generic().translated(&json!({"model": "m", "input": "x", "background": false, "store": false}));
}

#[test]
fn what_is_too_much() {
    let deep = |levels: usize| {
        let value = "[".repeat(levels) + &"]".repeat(levels);
        format!(r#"{{"model":"m","input":"x","metadata":{{"a":{value}}}}}"#)
    };
    assert_eq!(fault(deep(127).as_bytes()), ("invalid_json".to_owned(), "metadata".to_owned()));
    generic().raw(deep(126).as_bytes()).expect("as deep as it may be");
    // Far deeper than any stack.
    assert_eq!(fault(deep(1_000_000).as_bytes()).1, "metadata");

    let mut drive = generic();
    drive.limits.input_items_max = 2;
    let items = |count: usize| json!({"model": "m", "input": vec![json!({"role": "user", "content": "x"}); count]});
    drive.translated(&items(2));
    let error = drive.error(&items(3));
    assert_eq!((error.code(), error.param.as_deref()), ("array_above_max_length", Some("input")));

    let mut drive = generic();
    drive.limits.tools_max = 1;
    let tool = |name: &str| json!({"type": "function", "name": name});
    drive.translated(&json!({"model": "m", "input": "x", "tools": [tool("a")]}));
    let tools =
        json!([{"type": "namespace", "name": "n", "tools": [tool("a"), tool("b"), tool("c")]}]);
    let error = drive.error(&json!({"model": "m", "input": "x", "tools": tools}));
    assert_eq!((error.code(), error.param.as_deref()), ("array_above_max_length", Some("tools")));

    let refs = vec![json!({"type": "function", "name": "a"}); 3];
    let choice = json!({"type": "allowed_tools", "tools": refs});
    let one = json!({"model": "m", "input": "x", "tools": [tool("a")], "tool_choice": choice});
    assert_eq!(drive.error(&one).param.as_deref(), Some("tool_choice.tools"));

    let mut drive = generic();
    drive.limits.json_values_max = 6;
    let error = drive.error(&json!({"model": "m", "input": "x", "include": ["a"]}));
    assert_eq!(error.param.as_deref(), Some("include"));
    drive.translated(&json!({"model": "m", "input": "x"}));

    let mut drive = generic();
    drive.limits.request_bytes_max = 30;
    let error = drive.error(&json!({"model": "m", "input": "a longer text"}));
    assert_eq!((error.class, error.status()), (Class::RequestTooLarge, 413));
}

#[test]
fn members_that_come_twice_count_once() {
    let body = br#"{"model":"a","input":"x","model":"m","stream":1,"stream":true}"#;
    let translated = generic().raw(body).expect("the last one counts");
    assert_eq!((translated.model.as_str(), translated.stream), ("m", true));
    let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
    assert_eq!(chat["model"], "up-m");
    let body = br#"{"model":"m","input":"x","user":"a","user":"b"}"#;
    let drive = with("generic", &json!({"extra_params": ["user"]}));
    let chat = String::from_utf8(drive.raw(body).unwrap().chat).unwrap();
    assert!(chat.contains(r#""user":"b""#) && !chat.contains(r#""user":"a""#), "{chat}");
}

#[test]
fn strict_names_the_field_it_refuses() {
    let user = json!({"role": "user", "content": "x"});
    let image = json!({"role": "user", "content": [{"type": "input_video", "video_url": "x"}]});
    for (more, param) in [
        (json!({"input": [user, {"type": "item_reference", "id": "x"}]}), "input[1]"),
        (json!({"input": [user, {"type": "telepathy"}]}), "input[1]"),
        (json!({"input": [user, image]}), "input[1].content[0]"),
        (json!({"context_management": [{"type": "compaction"}]}), "context_management"),
        (json!({"telepathy": true}), "telepathy"),
        (json!({"text": {"format": {"type": "grammar"}}}), "text.format"),
    ] {
        let mut body = json!({"model": "m", "input": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        generic().translated(&body);
        let mut strict = generic();
        strict.strictness = Strictness::Strict;
        let error = strict.error(&body);
        assert_eq!((error.status(), error.code()), (400, "unsupported_parameter"));
        assert_eq!(error.param.as_deref(), Some(param), "{body}");
        assert!(error.message.contains(param));
    }
}
