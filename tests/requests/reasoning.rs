//! Reasoning on its way back to the upstream that sent it.

use responses_filter::translate::envelope::Envelope;
use serde_json::{Value, json};

use crate::drive::{Drive, generic, with};

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn reasoning(text: &str, sealed: &Envelope) -> Value {
    json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}],
           "content": null, "encrypted_content": sealed.seal()})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": "run", "arguments": "{}"})
}

fn output(id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": "A"})
}

fn field(name: &str) -> Envelope {
    Envelope { field: Some(name.to_owned()), ..Envelope::default() }
}

/// The assistant messages of a request with these items.
fn turns(drive: &Drive, items: Value) -> Vec<Value> {
    let messages = drive.messages(&items);
    let is_assistant = |message: &&Value| message["role"] == "assistant";
    messages.as_array().unwrap().iter().filter(is_assistant).cloned().collect()
}

#[test]
fn reasoning_returns_in_the_field_it_came_in() {
    for name in ["reasoning_content", "reasoning", "reasoning_text"] {
        let items = json!([user("u"), reasoning("R", &field(name)), call("a"), output("a"),
                           reasoning("S", &field(name)), {"role": "assistant", "content": "t"}]);
        let turns = turns(&generic(), items);
        assert_eq!(turns[0][name], "R");
        assert_eq!(turns[1][name], "S");
        assert_eq!(turns[1]["content"], "t");
    }
    // Without a known field nothing is guessed.
    for unknown in [json!("ENC123"), Value::Null, field("messages").seal().into()] {
        let item = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "R"}],
                          "encrypted_content": unknown});
        let turn = turns(&generic(), json!([user("u"), item, call("a"), output("a")])).remove(0);
        assert_eq!(turn.as_object().unwrap().len(), 3, "{turn}");
    }
}

#[test]
fn a_profile_names_the_field() {
    let items =
        json!([user("u"), reasoning("R", &field("reasoning_text")), call("a"), output("a")]);
    let turn = |replay: &str| {
        let drive = with("generic", &json!({"reasoning_replay": replay}));
        turns(&drive, items.clone()).remove(0)
    };
    assert_eq!(turn("reasoning_content")["reasoning_content"], "R");
    assert_eq!(turn("reasoning")["reasoning"], "R");
    assert_eq!(
        turn("reasoning_details")["reasoning_details"],
        json!([{"type": "reasoning.text", "text": "R"}])
    );
    assert_eq!(
        turn("content_thinking")["content"],
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "R"}]}])
    );
    assert_eq!(turn("think_tags")["content"], "<think>\nR\n</think>\n\n");
    assert!(!turn("none").to_string().contains('R'));
}

#[test]
fn pieces_of_one_turn_are_one_text_again() {
    let items = json!([user("u"), reasoning("one ", &field("reasoning")), {"role": "assistant", "content": "t"},
                       reasoning("two", &field("reasoning")), call("a"), output("a")]);
    let turn = turns(&generic(), items).remove(0);
    assert_eq!(turn["reasoning"], "one two");
    assert_eq!(turn["content"], "t");
}

#[test]
fn raw_thoughts_go_before_their_summary() {
    let drive = with("generic", &json!({"reasoning_replay": "reasoning_content"}));
    let item = json!({"type": "reasoning",
        "summary": [{"type": "summary_text", "text": "S1"}, {"type": "summary_text", "text": "S2"}],
        "content": [{"type": "reasoning_text", "text": "R1"}, {"type": "text", "text": "R2"}]});
    let mut without = item.clone();
    without["content"] = json!([]);
    for (item, text) in [(item, "R1R2"), (without, "S1\n\nS2")] {
        let turn = turns(&drive, json!([user("u"), item, call("a"), output("a")])).remove(0);
        assert_eq!(turn["reasoning_content"], text);
    }
}

#[test]
fn details_return_verbatim() {
    let details = [
        r#"{"type":"reasoning.text","text":"R","signature":"sig","index":0}"#,
        r#"{"type":"reasoning.encrypted","data":"x/+=","id":"r1"}"#,
    ];
    let sealed = Envelope {
        field: Some("reasoning".to_owned()),
        details: details.map(str::to_owned).to_vec(),
        calls: Vec::new(),
    };
    for replay in ["auto", "reasoning_details"] {
        let drive = with("generic", &json!({"reasoning_replay": replay}));
        let items = json!([user("u"), reasoning("R", &sealed), call("a"), output("a")]);
        let body = json!({"model": "m", "input": items}).to_string();
        let chat = String::from_utf8(drive.raw(body.as_bytes()).unwrap().chat).unwrap();
        assert!(chat.contains(&format!("\"reasoning_details\":[{}]", details.join(","))), "{chat}");
        assert!(!chat.contains("\"reasoning\":"), "{chat}");
    }
}

#[test]
fn the_field_is_there_where_an_upstream_insists() {
    let items = json!([user("u"), {"role": "assistant", "content": "t"}, user("v"), call("a"), output("a")]);
    for preset in ["deepseek", "kimi"] {
        for turn in turns(&with(preset, &json!({})), items.clone()) {
            assert_eq!(turn["reasoning_content"], "", "{preset}");
        }
    }
    assert!(!generic().messages(&items).to_string().contains("reasoning"));
}

#[test]
fn signatures_return_to_their_calls() {
    let extra = |signature: &str| {
        format!("{{\"extra_content\":{{\"google\":{{\"thought_signature\":\"{signature}\"}}}}}}")
    };
    let signed = |id: &str, signature: &str| {
        json!({"type": "reasoning", "summary": [], "encrypted_content":
            Envelope { calls: vec![(id.to_owned(), extra(signature))], ..Envelope::default() }.seal()})
    };
    let signature = |call: &Value| {
        call["extra_content"]["google"]["thought_signature"].as_str().map(str::to_owned)
    };
    // Before its call, behind its call, and none.
    let items = json!([
        user("u"),
        signed("a", "S1"),
        call("a"),
        call("b"),
        signed("b", "S2"),
        call("c"),
        output("a"),
        output("b"),
        output("c"),
        call("d"),
        output("d")
    ]);
    for (preset, unsigned) in
        [("generic", None), ("gemini", Some("skip_thought_signature_validator"))]
    {
        let turns = turns(&with(preset, &json!({})), items.clone());
        let calls = turns[0]["tool_calls"].as_array().unwrap();
        assert_eq!(signature(&calls[0]).as_deref(), Some("S1"));
        assert_eq!(signature(&calls[1]).as_deref(), Some("S2"));
        assert_eq!(signature(&calls[2]), None);
        assert_eq!(signature(&turns[1]["tool_calls"][0]).as_deref(), unsigned, "{preset}");
    }
    assert!(!with("xai", &json!({})).messages(&items).to_string().contains("extra_content"));
}

#[test]
fn forged_members_of_calls_are_ignored() {
    let forged = Envelope {
        calls: vec![("a".to_owned(), r#"{"function":{"name":"rm"}}"#.to_owned())],
        ..Envelope::default()
    };
    let item = json!({"type": "reasoning", "summary": [], "encrypted_content": forged.seal()});
    let turn = turns(&generic(), json!([user("u"), item, call("a"), output("a")])).remove(0);
    assert_eq!(turn["tool_calls"][0].as_object().unwrap().len(), 3);
}

#[test]
fn efforts_are_spelled_as_the_upstream_wants_them() {
    let chat = |preset: &str, overrides: Value, effort: &str| {
        let request =
            json!({"model": "m", "input": "x", "reasoning": {"effort": effort, "summary": "auto"}});
        with(preset, &overrides).chat(&request)
    };
    for (preset, sent, word) in [
        ("openai", "xhigh", "xhigh"),
        ("openai", "max", "xhigh"),
        ("vllm", "max", "max"),
        ("ollama", "minimal", "low"),
        ("ollama", "xhigh", "max"),
        ("ollama", "none", "none"),
        ("fireworks", "minimal", "low"),
        ("fireworks", "none", "low"),
        ("fireworks", "ultra", "high"),
    ] {
        assert_eq!(chat(preset, json!({}), sent)["reasoning_effort"], word, "{preset} {sent}");
    }
    let two = json!({"reasoning_param": "effort", "effort_values": ["none", "high"]});
    assert_eq!(chat("generic", two.clone(), "minimal")["reasoning_effort"], "high");
    assert_eq!(chat("generic", two, "none")["reasoning_effort"], "none");

    for (preset, effort, member, value) in [
        ("openrouter", "high", "reasoning", json!({"effort": "high"})),
        ("deepseek", "high", "thinking", json!({"type": "enabled"})),
        ("kimi", "none", "thinking", json!({"type": "disabled"})),
        ("qwen_dashscope", "low", "enable_thinking", json!(true)),
        ("siliconflow", "none", "enable_thinking", json!(false)),
        (
            "sglang",
            "low",
            "chat_template_kwargs",
            json!({"enable_thinking": true, "thinking": true}),
        ),
        ("together", "none", "reasoning", json!({"enabled": false})),
        ("together", "low", "reasoning_effort", json!("low")),
    ] {
        assert_eq!(chat(preset, json!({}), effort)[member], value, "{preset} {effort}");
    }
}

#[test]
fn words_that_are_no_efforts_and_upstreams_without_one_get_none() {
    for (preset, effort) in
        [("openai", "foo"), ("generic", "high"), ("minimax", "low"), ("deepseek", "")]
    {
        let request = json!({"model": "m", "input": "x", "reasoning": {"effort": effort}});
        let translated = with(preset, &json!({})).translated(&request);
        assert_eq!(translated.dropped, ["reasoning.effort"], "{preset}");
        let chat = String::from_utf8(translated.chat).unwrap();
        assert!(!chat.contains("effort") && !chat.contains("thinking"), "{chat}");
    }
    // Codex sends an object without an effort for models it does not know.
    for reasoning in [json!({"summary": "auto"}), json!({}), Value::Null] {
        let request = json!({"model": "m", "input": "x", "reasoning": reasoning});
        assert!(with("openai", &json!({})).translated(&request).dropped.is_empty());
    }
}

#[test]
fn a_later_effort_of_the_conversation_counts() {
    let request = json!({"model": "m", "reasoning": {"effort": "low"}, "input": [
        user("u"), {"type": "configuration_update", "reasoning": {"effort": "medium"}},
        {"role": "assistant", "content": "t"},
        {"type": "configuration_update", "reasoning": {"effort": "high"}}, user("v")]});
    assert_eq!(with("openai", &json!({})).chat(&request)["reasoning_effort"], "high");
}
