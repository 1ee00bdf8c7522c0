//! The conversation: order, pairing, roles, and what cannot stay where it was.

use responses_filter::translate::compaction;
use responses_filter::translate::request::{Endpoint, Task};
use serde_json::{Value, json};

use crate::drive::{Drive, generic, with};

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

fn developer(text: &str) -> Value {
    json!({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]})
}

fn assistant(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "status": "completed", "id": "msg_1",
           "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": "run", "arguments": "{\"a\":1}"})
}

fn output(id: &str, output: impl Into<Value>) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": output.into()})
}

/// Messages in short: role, text, ids of calls, id of the call that is answered.
fn short(messages: &Value) -> Vec<String> {
    let text = |content: &Value| match content {
        Value::Array(parts) => {
            let part = |part: &Value| match part["type"].as_str().unwrap() {
                "text" => part["text"].as_str().unwrap().to_owned(),
                other => format!("<{other}>"),
            };
            parts.iter().map(part).collect::<Vec<_>>().join("+")
        }
        content => content.as_str().unwrap_or("null").to_owned(),
    };
    let one = |message: &Value| {
        let mut short =
            format!("{}:{}", message["role"].as_str().unwrap(), text(&message["content"]));
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            short += &format!(" >{}", call["id"].as_str().unwrap());
        }
        if let Some(id) = message["tool_call_id"].as_str() {
            short += &format!(" <{id}");
        }
        short
    };
    messages.as_array().unwrap().iter().map(one).collect()
}

fn said(drive: &Drive, items: Value) -> Vec<String> {
    short(&drive.messages(&items))
}

#[test]
fn calls_and_outputs_gather_in_turns() {
    let generic = generic();
    for (items, messages) in [
        // In the order in which Codex replays parallel calls.
        (
            json!([
                user("u"),
                assistant("t"),
                call("a"),
                call("b"),
                output("a", "A"),
                output("b", "B")
            ]),
            vec!["user:u", "assistant:t >a >b", "tool:A <a", "tool:B <b"],
        ),
        // A message between calls stays in their turn.
        (
            json!([
                user("u"),
                call("a"),
                assistant("t"),
                call("b"),
                output("a", "A"),
                output("b", "B")
            ]),
            vec!["user:u", "assistant:t >a >b", "tool:A <a", "tool:B <b"],
        ),
        // An interrupted call is answered at once; the next one begins a turn.
        (
            json!([user("u"), call("a"), output("a", "aborted"), call("b"), output("b", "B")]),
            vec!["user:u", "assistant: >a", "tool:aborted <a", "assistant: >b", "tool:B <b"],
        ),
        // What the user says in between waits until the calls are answered.
        (
            json!([user("u"), call("a"), user("v"), output("a", "A"), assistant("t")]),
            vec!["user:u", "assistant: >a", "tool:A <a", "user:v", "assistant:t"],
        ),
        // Outputs in another order stay with their calls.
        (
            json!([
                user("u"),
                call("a"),
                call("b"),
                output("b", "B"),
                assistant("t"),
                output("a", "A")
            ]),
            vec!["user:u", "assistant: >a >b", "tool:A <a", "tool:B <b", "assistant:t"],
        ),
        // An id that comes again in a later turn is another call.
        (
            json!([user("u"), call("a"), output("a", "1"), call("a"), output("a", "2")]),
            vec!["user:u", "assistant: >a", "tool:1 <a", "assistant: >a", "tool:2 <a"],
        ),
        // Two messages of one answer are one message.
        (json!([user("u"), assistant("s"), assistant("t")]), vec!["user:u", "assistant:s\n\nt"]),
        (json!([user("u"), user("v")]), vec!["user:u\n\nv"]),
    ] {
        assert_eq!(said(&generic, items.clone()), messages, "{items}");
    }
}

#[test]
fn what_has_lost_its_partner_is_repaired() {
    let generic = generic();
    assert_eq!(
        said(&generic, json!([user("u"), call("a"), call("b"), output("b", "B"), user("v")])),
        [
            "user:u",
            "assistant: >a >b",
            "tool:[no output: the call was interrupted] <a",
            "tool:B <b",
            "user:v"
        ]
    );
    assert_eq!(
        said(
            &generic,
            json!([user("u"), output("zz", "late"), output("yy", json!([])), assistant("t")])
        ),
        [
            "user:u\n\n[Output of an earlier tool call]\nlate\n\n[Output of an earlier tool call]\n",
            "assistant:t"
        ]
    );
    // An output without a call_id, and a second output for one call.
    let outputs = json!([user("u"), call("a"), output("a", "1"), output("a", "2"),
        {"type": "function_call_output", "id": "fco_1", "output": "3"}]);
    assert_eq!(
        said(&generic, outputs)[2..],
        [
            "tool:1 <a",
            "user:[Output of an earlier tool call]\n2\n\n[Output of an earlier tool call]\n3"
        ]
    );
    assert_eq!(
        said(&generic, json!([user("u"), call("a"), output("a", "")]))[2],
        "tool:[no output] <a"
    );
}

#[test]
fn repeated_and_empty_call_ids_in_one_turn_become_distinct() {
    let items = json!([
        user("u"),
        call("a"),
        call("a"),
        call(""),
        output("a", "1"),
        output("a", "2"),
        output("", "3")
    ]);
    let messages = generic().messages(&items);
    let ids: Vec<&Value> =
        messages[1]["tool_calls"].as_array().unwrap().iter().map(|call| &call["id"]).collect();
    assert_eq!(ids[0], "a");
    for (index, output) in ["1", "2", "3"].iter().enumerate() {
        assert_eq!(messages[index + 2]["content"], *output);
        assert_eq!(messages[index + 2]["tool_call_id"], *ids[index]);
    }
}

#[test]
fn arguments_in_a_history_are_json_objects() {
    let arguments = |arguments: Value| {
        let call =
            json!({"type": "function_call", "call_id": "a", "name": "run", "arguments": arguments});
        let messages = generic().messages(&json!([user("u"), call, output("a", "A")]));
        messages[1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap().to_owned()
    };
    // What is whole stays as it is, blanks and escapes too.
    assert_eq!(arguments(json!("{ \"cmd\": \"a\\n\\u00e9\" }")), "{ \"cmd\": \"a\\n\\u00e9\" }");
    for empty in [json!(""), json!(" "), json!("null"), Value::Null] {
        assert_eq!(arguments(empty), "{}");
    }
    assert_eq!(arguments(json!({"cmd": "ls"})), "{\"cmd\":\"ls\"}");
    assert_eq!(arguments(json!("{\"cmd\": \"l")), "{\"_raw\":\"{\\\"cmd\\\": \\\"l\"}");
    assert_eq!(arguments(json!("[1]")), "{\"_raw\":\"[1]\"}");
    assert_eq!(arguments(json!("{}{}")), "{\"_raw\":\"{}{}\"}");
}

#[test]
fn system_text_leads_and_late_system_text_keeps_its_place() {
    let items = json!([developer("D1"), {"role": "system", "content": "S1"}, user("u"), assistant("t"),
                       developer("D2"), user("v"), call("a"), developer("D3"), output("a", "A")]);
    let request = json!({"model": "m", "instructions": "I", "input": items});
    let said = |drive: &Drive| short(&drive.chat(&request)["messages"]);
    assert_eq!(
        said(&generic()),
        [
            "system:I\n\nD1\n\nS1",
            "user:u",
            "assistant:t",
            "user:D2\n\nv",
            "assistant: >a",
            "tool:A <a",
            "user:D3"
        ]
    );
    assert_eq!(
        said(&with("generic", &json!({"system_messages": "merge_first"}))),
        [
            "system:I\n\nD1\n\nS1\n\nD2\n\nD3",
            "user:u",
            "assistant:t",
            "user:v",
            "assistant: >a",
            "tool:A <a"
        ]
    );
    assert_eq!(
        said(&with("openai", &json!({}))),
        [
            "system:I",
            "developer:D1",
            "system:S1",
            "user:u",
            "assistant:t",
            "developer:D2",
            "user:v",
            "assistant:null >a",
            "tool:A <a",
            "developer:D3"
        ]
    );
    let leading = json!({"developer_role": true});
    assert_eq!(said(&with("generic", &leading)).first().unwrap(), "developer:I\n\nD1\n\nS1");
}

#[test]
fn parts_of_one_message_are_joined_where_the_upstream_takes_strings() {
    let parts = |first: &str, second: &str| {
        json!([{"role": "user", "content": [{"type": "input_text", "text": first},
                                            {"type": "input_text", "text": second}]}])
    };
    let generic = generic();
    assert_eq!(said(&generic, parts("one ", "two")), ["user:one two"]);
    assert_eq!(said(&generic, parts("<a/>", "<b/>")), ["user:<a/>\n<b/>"]);
    // The text of one answer is one text.
    let answer = json!([user("u"), {"role": "assistant", "content": [
        {"type": "output_text", "text": "one"}, {"type": "refusal", "refusal": "two"}]}]);
    assert_eq!(said(&generic, answer), ["user:u", "assistant:onetwo"]);

    let as_parts = with("generic", &json!({"content_parts": "parts"}));
    let body = json!({"model": "m", "instructions": "I", "input": parts("<a/>", "<b/>")});
    let chat: Value =
        serde_json::from_slice(&as_parts.raw(body.to_string().as_bytes()).unwrap().chat).unwrap();
    assert_eq!(chat["messages"][0]["content"], json!([{"type": "text", "text": "I"}]));
    assert_eq!(
        chat["messages"][1]["content"],
        json!([{"type": "text", "text": "<a/>"}, {"type": "text", "text": "<b/>"}])
    );
}

#[test]
fn text_arrives_as_it_was_written() {
    let text = "q\"b\\n\n\t\u{1}é😀 </s>";
    let items = json!([user(text), assistant(text), call("a"), output("a", text)]);
    let messages = generic().messages(&items);
    assert_eq!(messages[0]["content"], text);
    assert_eq!(messages[1]["content"], text);
    assert_eq!(messages[2]["content"], text);
    // Half of a surrogate pair is no text; strict upstreams refuse it.
    let body = br#"{"model":"m","input":"a\ud83d b \ud83d\ude00"}"#;
    let chat: Value = serde_json::from_slice(&generic().raw(body).unwrap().chat).unwrap();
    assert_eq!(chat["messages"][0]["content"], "a\u{FFFD} b 😀");
}

#[test]
fn images_go_where_the_upstream_takes_them() {
    const URL: &str = "data:image/png;base64,AAAA";
    let image = json!({"type": "input_image", "image_url": URL, "detail": "original"});
    let text = json!({"type": "input_text", "text": "shot"});
    let items = json!([
        {"role": "user", "content": [text, image, {"type": "input_text", "text": "</image>"},
                                     {"type": "input_text", "text": "look"}]},
        call("a"), call("b"), output("a", json!([text, image])), output("b", json!([image])), user("v")
    ]);
    let attached = "Attached to the output of the tool call";
    let moved = vec![
        "user:shot+<image_url>+</image>\nlook".to_owned(),
        "assistant: >a >b".to_owned(),
        "tool:shot <a".to_owned(),
        "tool:[attached below] <b".to_owned(),
        format!("user:{attached} a:+<image_url>+{attached} b:+<image_url>+v"),
    ];
    assert_eq!(said(&generic(), items.clone()), moved);
    let detail = |preset: &str| with(preset, &json!({})).messages(&items)[0]["content"][1].clone();
    assert_eq!(detail("generic")["image_url"], json!({"url": URL}));
    assert_eq!(detail("openai")["image_url"], json!({"url": URL, "detail": "high"}));

    let stays = with("generic", &json!({"tool_images": "tool"}));
    let body = json!({"model": "m", "input": items}).to_string();
    let chat: Value = serde_json::from_slice(&stays.raw(body.as_bytes()).unwrap().chat).unwrap();
    assert_eq!(
        short(&chat["messages"])[2..],
        ["tool:shot+<image_url> <a", "tool:<image_url> <b", "user:v"]
    );

    for blind in [json!({"images": "none"}), json!({"tool_images": "drop", "images": "none"})] {
        let translated = with("generic", &blind).translated(&json!({"model": "m", "input": items}));
        let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
        assert_eq!(
            short(&chat["messages"]),
            [
                "user:shot\n[image left out]\n</image>\nlook",
                "assistant: >a >b",
                "tool:shot\n[image left out] <a",
                "tool:[image left out] <b",
                "user:v"
            ]
        );
        assert_eq!(translated.dropped, ["content.input_image"]);
    }
}

#[test]
fn images_that_are_no_data_urls_are_noted_where_only_these_are_taken() {
    let image = |url: &str| json!([{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]);
    let ollama = with("ollama", &json!({}));
    assert_eq!(said(&ollama, image("https://example.com/a.png")), ["user:[image left out]"]);
    assert_eq!(said(&ollama, image("data:image/png;base64,AA")), ["user:<image_url>"]);
    assert_eq!(said(&generic(), image("https://example.com/a.png")), ["user:<image_url>"]);
}

#[test]
fn files_and_audio_go_where_chat_has_them() {
    let items = json!([{"role": "user", "content": [
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
        {"type": "input_file", "file_url": "https://example.com/b.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "input_video", "video_url": "x"},
        {"type": "hologram"}
    ]}]);
    let translated = generic().translated(&json!({"model": "m", "input": items}));
    let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
    assert_eq!(
        short(&chat["messages"]),
        [
            "user:[file left out: a.pdf]\n[file left out: https://example.com/b.pdf]\n[audio left out]\n\
          [video left out]"
        ]
    );
    assert_eq!(
        translated.dropped,
        ["content.input_file", "content.input_audio", "content.input_video", "other"]
    );
    let messages = with("openai", &json!({})).messages(&items);
    assert_eq!(
        messages[0]["content"][0],
        json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}})
    );
    assert_eq!(
        messages[0]["content"][2],
        json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}})
    );
}

#[test]
fn bridges_stand_where_a_profile_wants_them() {
    let mistral = with("mistral", &json!({}));
    let image = json!([{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]);
    assert_eq!(
        said(&mistral, json!([user("u"), call("abcdefgh1"), output("abcdefgh1", image)])),
        [
            "user:u",
            "assistant: >abcdefgh1",
            "tool:[attached below] <abcdefgh1",
            "assistant:Noted.",
            "user:Attached to the output of the tool call abcdefgh1:+<image_url>"
        ]
    );
    assert_eq!(
        said(&mistral, json!([user("u"), assistant("t")])),
        ["user:u", "assistant:t", "user:Continue."]
    );
    assert_eq!(said(&generic(), json!([user("u"), assistant("t")])), ["user:u", "assistant:t"]);
}

#[test]
fn empty_messages_go_where_a_profile_wants_none() {
    let items =
        json!([user("u"), assistant("s"), user(""), developer(""), assistant("t"), user("v")]);
    let claude = with("anthropic_compat", &json!({}));
    assert_eq!(said(&claude, items), ["user:u", "assistant:s\n\nt", "user:v"]);
    let empty_call = json!([user("u"), call("a"), output("a", "A")]);
    assert_eq!(said(&claude, empty_call)[1], "assistant:null >a");
}

#[test]
fn content_of_calls_follows_the_profile() {
    let items = json!([user("u"), call("a"), output("a", "A")]);
    for (form, content) in
        [("empty_string", Some(json!(""))), ("null", Some(Value::Null)), ("omit", None)]
    {
        let messages = with("generic", &json!({"null_content": form})).messages(&items);
        assert_eq!(messages[1].get("content"), content.as_ref(), "{form}");
    }
}

#[test]
fn other_items_of_codex_are_text() {
    let items = json!([
        user("u"),
        {"type": "agent_message", "id": "amsg_1", "author": "/root", "recipient": "/root/t1",
         "content": [{"type": "input_text", "text": "Payload:\n"},
                     {"type": "encrypted_content", "encrypted_content": "do the thing"}]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed",
         "action": {"type": "search", "query": "rust"}},
        assistant("t"),
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"},
    ]);
    assert_eq!(
        said(&generic(), items),
        [
            "user:u\n\nPayload:\ndo the thing",
            "assistant:[web_search_call: {\"action\":{\"type\":\"search\",\"query\":\"rust\"}}]\n\nt\n\n\
             [image_generation_call: {}]",
            "user:<image_url>"
        ]
    );
}

#[test]
fn what_openai_encrypted_and_references_are_dropped_with_a_report() {
    let input = json!([
        user("u"),
        {"type": "agent_message", "content": [{"type": "encrypted_content", "encrypted_content": "gAAAAABo1"}]},
        {"type": "item_reference", "id": "msg_1"},
        {"id": "rs_1"},
        {"type": "mcp_list_tools", "server_label": "x", "tools": []},
        {"type": "telepathy", "thought": 1},
        {"type": "compaction", "encrypted_content": "gAAAAABo2"},
    ]);
    let translated = generic().translated(&json!({"model": "m", "input": input}));
    assert_eq!(
        translated.dropped,
        [
            "content.encrypted_content",
            "input.item_reference",
            "input.mcp_list_tools",
            "other",
            "input.compaction"
        ]
    );
    let text = String::from_utf8(translated.chat).unwrap();
    assert!(text.contains("cannot be read here") && !text.contains("gAAAA"), "{text}");
}

#[test]
fn a_compaction_trigger_asks_for_a_summary_and_nothing_else() {
    let request = json!({
        "model": "m", "stream": true, "tool_choice": "required", "parallel_tool_calls": true,
        "text": {"format": {"type": "json_object"}},
        "tools": [{"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}}],
        "input": [user("u"), call("a"), output("a", "A"), {"type": "compaction_trigger"}]
    });
    let translated = generic().translated(&request);
    assert_eq!(translated.task, Task::CompactionItem);
    assert!(translated.stream && translated.upstream_stream);
    let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
    for gone in ["tools", "tool_choice", "response_format"] {
        assert!(chat.get(gone).is_none(), "{gone}");
    }
    let messages = short(&chat["messages"]);
    assert_eq!(messages[3], format!("user:{}", compaction::INSTRUCTION));

    let elsewhere = json!([{"type": "compaction_trigger"}, user("u")]);
    let translated = generic().translated(&json!({"model": "m", "input": elsewhere}));
    assert_eq!(translated.task, Task::Respond);
    assert_eq!(translated.dropped, ["input.compaction_trigger"]);
}

#[test]
fn a_summary_becomes_text_again() {
    let sealed = compaction::seal_summary("We did \"x\".");
    let items = json!([developer("D"), user("u"),
                       {"type": "compaction", "id": "cmp_1", "encrypted_content": sealed}, user("v")]);
    assert_eq!(
        said(&generic(), items),
        [
            "system:D",
            "user:u\n\nSummary of the conversation so far, which it replaces:\nWe did \"x\".\n\nv"
        ]
    );
}

#[test]
fn the_compact_endpoint_asks_for_a_summary_in_one_piece() {
    let mut drive = generic();
    drive.endpoint = Endpoint::Compact;
    let request = json!({"model": "m", "instructions": "I", "input": [user("u"), assistant("t")]});
    let translated = drive.translated(&request);
    assert_eq!(translated.task, Task::CompactEndpoint);
    assert!(!translated.stream && !translated.upstream_stream);
    let chat: Value = serde_json::from_slice(&translated.chat).unwrap();
    let messages = short(&chat["messages"]);
    assert_eq!(messages[..3], ["system:I", "user:u", "assistant:t"]);
    assert_eq!(messages[3], format!("user:{}", compaction::INSTRUCTION));
    assert_eq!(drive.error(&json!({"input": "x"})).param.as_deref(), Some("model"));
}
