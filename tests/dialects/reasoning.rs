//! S: reasoning in fields, details, content parts and tags.

use serde_json::{Value, json};

use crate::read::{chunk, completion, events, finish, read, read_as, stream};

#[track_caller]
fn check(overrides: &Value, deltas: &[Value], reasoning: &str, text: &str, field: Option<&str>) {
    let answer = read_as(overrides, stream(deltas));
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), (reasoning, text));
    assert_eq!(answer.field, field);
}

#[test]
fn s1_every_field() {
    for field in ["reasoning_content", "reasoning", "reasoning_text", "thinking"] {
        let deltas = [json!({field: "Th\"ink"}), json!({field: " é."}), json!({"content": "Hi"})];
        check(&json!({}), &deltas, "Th\"ink é.", "Hi", Some(field));
    }
}

#[test]
fn s1_two_fields_with_the_same_text_are_one() {
    let both = |text: &str| json!({"reasoning_content": text, "reasoning": text});
    check(&json!({}), &[both("A"), both("B")], "AB", "", Some("reasoning_content"));
}

#[test]
fn s1_the_first_field_that_says_something_counts_in_each_delta() {
    let deltas = [
        json!({"reasoning_content": null, "reasoning": "A"}),
        json!({"reasoning_content": "", "reasoning": "B"}),
        json!({"reasoning_content": "", "reasoning": "", "reasoning_text": {"text": "C"}}),
    ];
    check(&json!({}), &deltas, "ABC", "", Some("reasoning"));
}

#[test]
fn s1_objects() {
    let deltas = [json!({"reasoning": {"text": "A"}}), json!({"reasoning": {"content": "B"}})];
    check(&json!({}), &deltas, "AB", "", Some("reasoning"));
}

#[test]
fn s1_empty_fields_are_no_reasoning() {
    let deltas = [
        json!({"content": "Hi", "reasoning_content": "", "reasoning": null}),
        json!({"content": "!", "reasoning_content": {}, "reasoning_details": []}),
    ];
    check(&json!({}), &deltas, "", "Hi!", None);
}

#[test]
fn s2_text_beside_details_comes_once_and_the_details_are_merged() {
    let piece = |text: &str| {
        json!({"reasoning": text, "reasoning_details":
            [{"type": "reasoning.text", "text": text, "index": 0, "signature": null}]})
    };
    let signature = json!({"content": "", "reasoning_details":
        [{"type": "reasoning.text", "signature": "s1", "index": 0}]});
    let answer = read(stream(&[piece("A"), piece("B"), signature, json!({"content": "Hi"})]));
    assert_eq!((answer.reasoning.as_str(), answer.field), ("AB", Some("reasoning_details")));
    let detail = json!({"type": "reasoning.text", "text": "AB", "index": 0, "signature": "s1"});
    assert_eq!(answer.details, [detail]);
    assert_eq!(answer.order, ["reasoning", "detail", "text", "finish"]);
}

#[test]
fn s2_text_from_details_alone() {
    let deltas = [
        json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "A"}]}),
        json!({"reasoning_details": [{"type": "reasoning.text", "text": "B"},
            {"type": "reasoning.encrypted", "data": "x"}]}),
    ];
    let answer = read(stream(&deltas));
    assert_eq!(answer.reasoning, "AB");
    assert_eq!(answer.details.len(), 3);
}

#[test]
fn s2_encrypted_details_go_out_before_the_call_they_belong_to() {
    let delta = json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "id": "c"}],
        "tool_calls": [{"index": 0, "id": "c", "function": {"name": "list_dir", "arguments": "{}"}}]});
    let answer = read(stream(&[delta]));
    assert_eq!(answer.order, ["detail", "call", "finish"]);
    assert_eq!((answer.reasoning.as_str(), answer.field), ("", None));
}

#[test]
fn s3_content_parts() {
    let deltas = [
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "A"}]}]}),
        json!({"content": [{"type": "thinking", "thinking": "B", "closed": true},
            {"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "4"}]}),
        json!({"content": " exactly"}),
        json!({"content": []}),
    ];
    check(&json!({}), &deltas, "AB", "4 exactly", Some("content_thinking"));
}

#[test]
fn s4_tags_at_the_start() {
    let deltas = ["<th", "ink>\nLet me", " see.\n", "</thi", "nk>", "\n\n", "Done <think>."];
    let deltas = deltas.map(|text| json!({"content": text}));
    check(&json!({}), &deltas, "Let me see.", "Done <think>.", Some("think_tags"));
    let off = json!({"inline_think": "off"});
    check(&off, &deltas, "", "<think>\nLet me see.\n</think>\n\nDone <think>.", None);
}

#[test]
fn s4_an_unclosed_tag() {
    let body = events(&[chunk(json!({"content": "<think>half a thou"})), finish("length")]);
    let answer = read(body);
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("half a thou", ""));
}

#[test]
fn s4_text_that_may_be_a_tag_goes_out_before_a_call() {
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "list_dir"}}]});
    let answer = read(stream(&[json!({"content": "<thin"}), call.clone()]));
    assert_eq!(
        (answer.text.as_str(), &answer.order[..]),
        ("<thin", &["text", "call", "finish"][..])
    );
    // Blanks alone would be a message of their own.
    let answer = read(stream(&[json!({"content": "\n\n"}), call]));
    assert_eq!(answer.order, ["call", "finish"]);
}

#[test]
fn s5_only_a_closing_tag() {
    let prefix = json!({"inline_think": "prefix"});
    let deltas = ["First I", " check.", "\n</think>\n\n", "Result: 7"];
    let deltas = deltas.map(|text| json!({"content": text}));
    check(&prefix, &deltas, "First I check.", "Result: 7", Some("think_tags"));
    let deltas = [json!({"content": "No thought."})];
    check(&prefix, &deltas, "", "No thought.", None);
}

#[test]
fn s6_the_tagged_copy_is_dropped() {
    let deltas = [
        json!({"content": "<think>Plan", "reasoning_content": "Plan"}),
        json!({"content": " A</think>", "reasoning_content": " A"}),
        json!({"content": "Go."}),
    ];
    check(&json!({}), &deltas, "Plan A", "Go.", Some("reasoning_content"));
    let answer = read(completion(
        json!({"content": "<think>Plan A</think>Go.", "reasoning_content": "Plan A"}),
    ));
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("Plan A", "Go."));
}

#[test]
fn s6_a_field_that_lags_behind_the_tags_is_the_copy() {
    let deltas = [
        json!({"content": "<think>Plan"}),
        json!({"content": " A", "reasoning_content": "Plan A"}),
        json!({"content": "</think>Go."}),
    ];
    check(&json!({}), &deltas, "Plan A", "Go.", Some("think_tags"));
}

#[test]
fn s7_snapshots() {
    let detail = |text: &str| json!({"reasoning_details": [{"type": "reasoning.text", "text": text, "index": 0}]});
    let deltas = [detail("Let"), detail("Let me"), detail("Let me see"), json!({"content": "Hi"})];
    for snapshots in ["auto", "on"] {
        let answer = read_as(&json!({"snapshots": snapshots}), stream(&deltas));
        assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("Let me see", "Hi"));
        assert_eq!(answer.details[0]["text"], "Let me see", "{snapshots}");
    }
    let texts = ["A", "A b", "A b c"].map(|text| json!({"content": text}));
    check(&json!({"snapshots": "on"}), &texts, "", "A b c", None);
    check(&json!({"snapshots": "off"}), &texts, "", "AA bA b c", None);
}

#[test]
fn s9_interleaved_parts_keep_their_order() {
    let deltas = [
        json!({"reasoning_content": "A"}),
        json!({"content": "B"}),
        json!({"reasoning_content": "C"}),
        json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "list_dir"}}]}),
        json!({"content": "D"}),
    ];
    let order = ["reasoning", "text", "reasoning", "call", "text", "finish"];
    assert_eq!(read(stream(&deltas)).order, order);
}
