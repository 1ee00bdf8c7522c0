//! Parameters: names, forms, and what the Response object repeats of them.

use responses_filter::translate::request::Translated;
use serde_json::{Value, json};

use crate::drive::{Drive, generic, with};
use crate::support::chat_request;

fn with_more(more: Value) -> Value {
    let mut body = json!({"model": "m", "input": "x"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn echo(body: &Value) -> Value {
    echo_of(&generic().translated(body))
}

fn echo_of(translated: &Translated) -> Value {
    let members = &translated.echo.json[..];
    serde_json::from_slice(&[b"{", members, b"}"].concat()).unwrap()
}

#[test]
fn a_plain_request_is_small() {
    let chat = generic().chat(&json!({"model": "m", "input": "go"}));
    assert_eq!(
        chat,
        json!({"model": "up-m", "messages": [{"role": "user", "content": "go"}], "stream": false})
    );
}

#[test]
fn streams_are_asked_for_usage() {
    let stream = |preset: &str, stream: bool| {
        let translated = with(preset, &json!({})).translated(&with_more(json!({"stream": stream})));
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        assert_eq!(chat["stream"], translated.upstream_stream);
        assert_eq!(translated.stream, stream);
        (translated.upstream_stream, chat["stream_options"]["include_usage"] == true)
    };
    assert_eq!(stream("generic", true), (true, true));
    assert_eq!(stream("generic", false), (false, false));
    assert_eq!(stream("mistral", true), (true, false));
    assert_eq!(stream("qwen_dashscope", false), (true, true));
}

#[test]
fn numbers_pass_as_they_were_written() {
    let body = br#"{"model":"m","input":"x","temperature":0.10,"top_p":1,"presence_penalty":-0.5,
                    "frequency_penalty":1e-1,"max_output_tokens":64.0}"#;
    let translated = generic().raw(body).unwrap();
    let chat = String::from_utf8(translated.chat.clone()).unwrap();
    for member in [
        "\"temperature\":0.10",
        "\"top_p\":1,",
        "\"presence_penalty\":-0.5",
        "\"frequency_penalty\":1e-1",
        "\"max_tokens\":64",
    ] {
        assert!(chat.contains(member), "{member}: {chat}");
    }
    let openai = with("openai", &json!({})).chat(&with_more(json!({"max_output_tokens": 64})));
    assert_eq!(openai["max_completion_tokens"], 64);
    assert!(openai.get("max_tokens").is_none());
}

#[test]
fn log_probabilities_are_asked_for_when_the_answer_shows_them() {
    let logprobs = |more: Value| {
        let translated = generic().translated(&with_more(more));
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        assert_eq!(chat.get("logprobs").is_some(), translated.include_logprobs);
        (chat.get("logprobs").cloned(), chat.get("top_logprobs").cloned())
    };
    let include = json!(["reasoning.encrypted_content", "message.output_text.logprobs"]);
    assert_eq!(logprobs(json!({"include": include})), (Some(json!(true)), None));
    assert_eq!(
        logprobs(json!({"include": include, "top_logprobs": 3})),
        (Some(json!(true)), Some(json!(3)))
    );
    assert_eq!(logprobs(json!({"top_logprobs": 3})), (None, None));
}

#[test]
fn formats_take_the_form_an_upstream_knows() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let wanted = json!({"type": "json_schema", "name": "p", "description": "d", "strict": true,
                        "schema": schema});
    let chat = |overrides: Value, format: &Value, tools: bool| {
        let mut body = with_more(json!({"instructions": "I", "text": {"format": format}}));
        if tools {
            body["tools"] = json!([{"type": "function", "name": "f"}]);
        }
        let chat = with("generic", &overrides).chat(&body);
        let system = chat["messages"][0]["content"].as_str().unwrap().to_owned();
        (chat.get("response_format").cloned(), system)
    };
    let nested = json!({"type": "json_schema", "json_schema":
        {"name": "p", "description": "d", "schema": schema, "strict": true}});
    assert_eq!(chat(json!({}), &wanted, true), (Some(nested.clone()), "I".to_owned()));
    // Some clients nest it as Chat Completions does.
    assert_eq!(chat(json!({}), &nested, false).0, Some(nested));
    let (format, system) = chat(json!({"response_format": "json_object"}), &wanted, false);
    assert_eq!(format, Some(json!({"type": "json_object"})));
    assert!(system.starts_with("I\n\n") && system.ends_with(&schema.to_string()), "{system}");
    let (format, system) = chat(json!({"response_format": "none"}), &wanted, false);
    assert_eq!(format, None);
    assert!(system.ends_with(&schema.to_string()), "{system}");
    let text_with_tools = json!({"format_with_tools": "text"});
    assert_eq!(chat(text_with_tools.clone(), &wanted, true).0, None);
    assert!(chat(text_with_tools, &wanted, false).0.is_some());

    let object = json!({"type": "json_object"});
    assert_eq!(chat(json!({}), &object, false).0, Some(object.clone()));
    let (format, _) = chat(json!({"response_format": "json_schema"}), &object, false);
    assert_eq!(format.unwrap()["json_schema"]["schema"], json!({"type": "object"}));
    let (format, system) = chat(json!({"response_format": "none"}), &object, false);
    assert!(format.is_none() && system.contains("JSON object"), "{system}");
    assert_eq!(chat(json!({}), &json!({"type": "text"}), false), (None, "I".to_owned()));
}

#[test]
fn a_profile_adds_what_every_request_needs() {
    let minimax = with("minimax", &json!({})).chat(&with_more(json!({})));
    assert_eq!(minimax["reasoning_split"], true);
    // What the profile says replaces what the translation would say.
    let extra = json!({"extra_body": {"temperature": 0.5, "top_k": 40}});
    let drive = with("generic", &extra);
    let translated = drive.raw(br#"{"model":"m","input":"x","temperature":1}"#).unwrap();
    let chat = String::from_utf8(translated.chat).unwrap();
    assert_eq!(chat.matches("temperature").count(), 1);
    assert!(chat.contains(r#""temperature":0.5"#) && chat.contains(r#""top_k":40"#), "{chat}");
}

#[test]
fn parallel_calls_are_a_matter_of_the_profile() {
    let parallel = |drive: &Drive, value: bool| {
        let tools = json!([{"type": "function", "name": "f"}]);
        let body = with_more(json!({"tools": tools, "parallel_tool_calls": value}));
        let translated = drive.translated(&body);
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        (chat.get("parallel_tool_calls").cloned(), translated.dropped)
    };
    let openai = with("openai", &json!({}));
    assert_eq!(parallel(&openai, true), (Some(json!(true)), vec![]));
    assert_eq!(parallel(&openai, false), (Some(json!(false)), vec![]));
    assert_eq!(parallel(&generic(), true), (None, vec![]));
    assert_eq!(parallel(&generic(), false), (None, vec!["parallel_tool_calls"]));
}

#[test]
fn what_codex_always_sends_is_no_loss() {
    let request = with_more(json!({
        "stream": true, "store": false, "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k", "client_metadata": {"a": "b"}, "parallel_tool_calls": true,
        "tool_choice": "auto", "reasoning": {"summary": "auto"}, "tools": []
    }));
    assert!(generic().translated(&request).dropped.is_empty());
}

#[test]
fn each_name_is_reported_once_and_in_order() {
    let request = with_more(json!({
        "zeta": 1, "alpha": 2, "text": {"verbosity": "low"}, "truncation": "auto",
        "tools": [{"type": "mcp"}, {"type": "mcp"}, {"type": "web_search"}]
    }));
    assert_eq!(
        generic().translated(&request).dropped,
        ["text.verbosity", "other", "truncation", "tools.mcp", "tools.web_search"]
    );
}

#[test]
fn an_empty_request_is_echoed_with_every_default() {
    assert_eq!(
        echo(&json!({"model": "m", "input": "x"})),
        json!({
            "instructions": null, "max_output_tokens": null, "max_tool_calls": null, "metadata": {},
            "parallel_tool_calls": true, "prompt_cache_key": null, "safety_identifier": null,
            "temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0,
            "top_logprobs": 0, "truncation": "disabled", "tool_choice": "auto", "background": false,
            "store": false, "previous_response_id": null, "text": {"format": {"type": "text"}},
            "reasoning": null, "tools": []
        })
    );
}

#[test]
fn a_request_is_echoed_as_it_was_sent() {
    let schema =
        json!({"type": "json_schema", "name": "p", "schema": {"type": "object"}, "strict": true});
    let function = json!({"type": "function", "name": "f", "description": "d", "strict": false,
                          "parameters": {"type": "object", "properties": {}}});
    let namespace = json!({"type": "namespace", "name": "n", "tools": [function]});
    let sent = json!({
        "instructions": "I", "max_output_tokens": 64, "max_tool_calls": 2, "metadata": {"a": "b"},
        "parallel_tool_calls": false, "prompt_cache_key": "k", "safety_identifier": "s",
        "temperature": 0.5, "top_p": 0.25, "presence_penalty": 1, "frequency_penalty": -1,
        "top_logprobs": 2, "truncation": "auto", "user": "u",
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": schema, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": null, "context": "all_turns"},
        "tools": [function, namespace, {"type": "custom", "name": "c"}]
    });
    let mut expected = sent.clone();
    expected["background"] = json!(false);
    expected["store"] = json!(false);
    expected["previous_response_id"] = Value::Null;
    expected["reasoning"] = json!({"effort": "high", "summary": null});
    let mut request = with_more(sent);
    request["store"] = json!(true);
    request["service_tier"] = json!("flex");
    let translated = generic().translated(&request);
    assert_eq!(echo_of(&translated), expected);
    assert_eq!(translated.echo.service_tier, "flex");
}

#[test]
fn functions_are_echoed_whole_and_tiers_by_name() {
    let tools = json!([{"type": "function", "name": "f"}]);
    assert_eq!(
        echo(&with_more(json!({"tools": tools})))["tools"],
        json!([{"type": "function", "name": "f", "description": null, "parameters": null, "strict": null}])
    );
    for tier in [json!("auto"), Value::Null] {
        let translated = generic().translated(&with_more(json!({"service_tier": tier})));
        assert_eq!(translated.echo.service_tier, "default");
    }
    let summary = with_more(json!({"reasoning": {"generate_summary": "detailed"}}));
    assert_eq!(echo(&summary)["reasoning"], json!({"effort": null, "summary": "detailed"}));
}

#[test]
fn the_oracle_finds_what_is_wrong() {
    let allowed = chat_request::Allowed::default();
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let asking = json!({"role": "assistant", "content": "", "tool_calls": [call]});
    let user = json!({"role": "user", "content": "x"});
    let tool = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "A"});
    for (change, fault) in [
        (json!({"store": false}), "unknown member"),
        (json!({"messages": []}), "is empty"),
        (json!({"stream_options": {"include_usage": true}}), "without a stream"),
        (json!({"tools": []}), "is empty"),
        (json!({"tool_choice": "auto"}), "without tools"),
        (json!({"messages": [user, user]}), "another message of the user"),
        (json!({"messages": [user, {"role": "system", "content": "x"}]}), "behind the first"),
        (json!({"messages": [user, {"role": "developer", "content": "x"}]}), "not everybody"),
        (json!({"messages": [user, asking]}), "without an answer"),
        (json!({"messages": [user, tool("a")]}), "answers no call"),
        (json!({"messages": [user, asking, tool("b")]}), "answers no call of"),
        (json!({"messages": [user, asking, user, tool("a")]}), "without an answer"),
        (json!({"messages": [user, {"role": "assistant", "content": null}]}), "no string"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]}),
            "unknown type",
        ),
    ] {
        let mut body = json!({"model": "m", "stream": false, "messages": [user]});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let faults = chat_request::faults(body.to_string().as_bytes(), &allowed);
        assert!(faults.iter().any(|found| found.contains(fault)), "{change}: {faults:?}");
    }
}
