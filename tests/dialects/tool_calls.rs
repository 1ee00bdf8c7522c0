//! T: which call a piece belongs to. L: calls and control text that leaked into the text.

use serde_json::{Value, json};

use crate::read::{TOOLS, chunk, completion, events, finish, read, read_as, stream};

/// Reads a stream of which each delta has one list of calls.
#[track_caller]
fn check(lists: &[Value], expected: &[&str]) {
    let deltas: Vec<Value> = lists.iter().map(|calls| json!({"tool_calls": calls})).collect();
    assert_eq!(read(stream(&deltas)).calls(), expected);
}

fn call(index: Value, id: Value, name: Value, arguments: Value) -> Value {
    let mut call = json!({"type": "function", "function": {"name": name, "arguments": arguments}});
    for (member, value) in [("index", index), ("id", id)] {
        if value != "-" {
            call[member] = value;
        }
    }
    call
}

macro_rules! call {
    ($index:tt, $id:tt, $name:tt, $arguments:tt) => {
        json!([call(json!($index), json!($id), json!($name), json!($arguments))])
    };
}

const LS: &str = r#"{"cmd":"ls"}"#;
const PWD: &str = r#"{"cmd":"pwd"}"#;

#[test]
fn t1_no_index() {
    check(&[call!("-", "a", "exec_command", LS)], &[r#"a exec_command {"cmd":"ls"}"#]);
    check(
        &[call!("-", "a", "exec_command", LS), call!("-", "b", "exec_command", PWD)],
        &[r#"a exec_command {"cmd":"ls"}"#, r#"b exec_command {"cmd":"pwd"}"#],
    );
    check(
        &[
            call!("-", "a", "exec_command", ""),
            call!("-", "-", null, r#"{"cmd":"#),
            call!("-", "a", null, r#""ls"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t1_no_index_and_two_calls_in_one_chunk() {
    let both = json!([
        call(json!("-"), json!("-"), json!("list_dir"), json!("")),
        call(json!("-"), json!("-"), json!("list_dir"), json!("")),
    ]);
    check(&[both], &["- list_dir ", "- list_dir "]);
}

#[test]
fn t2_index_0_for_every_call() {
    check(
        &[
            call!(0, "a", "exec_command", LS),
            call!(0, "b", "exec_command", PWD),
            call!(0, "c", "list_dir", ""),
            call!(0, "d", "list_dir", ""),
        ],
        &[
            r#"a exec_command {"cmd":"ls"}"#,
            r#"b exec_command {"cmd":"pwd"}"#,
            "c list_dir ",
            "d list_dir ",
        ],
    );
}

#[test]
fn t2_index_0_without_ids() {
    check(
        &[call!(0, null, "exec_command", LS), call!(0, null, "exec_command", PWD)],
        &[r#"- exec_command {"cmd":"ls"}"#, r#"- exec_command {"cmd":"pwd"}"#],
    );
}

#[test]
fn t3_a_new_id_without_a_name_continues() {
    check(
        &[
            call!(0, "a", "exec_command", ""),
            call!(0, "b", null, r#"{"cmd":"#),
            call!(0, "c", "", r#""ls"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t3_a_new_id_with_the_name_again_continues_an_unfinished_call() {
    check(
        &[call!(0, "a", "exec_command", r#"{"cmd":"#), call!(0, "b", "exec_command", r#""ls"}"#)],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
    // An object that opens is another call: the first one was cut.
    check(
        &[call!(0, "a", "exec_command", r#"{"cmd":"#), call!(0, "b", "exec_command", LS)],
        &[r#"a exec_command {"cmd":"#, r#"b exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t3_the_same_id_again() {
    check(
        &[
            call!(0, "a", "exec_command", ""),
            call!(0, "a", null, r#"{"cmd":"#),
            call!(0, "a", null, r#""ls"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t4_empty_and_null_are_absent() {
    check(
        &[
            call!(0, "a", "exec_command", ""),
            call!(0, "", "", r#"{"cmd":"#),
            json!([{"index": 0, "id": null, "type": null, "function": {"name": null,
                "arguments": "\"ls\"}"}}]),
            json!([{"index": 0, "id": null, "function": {"name": null, "arguments": null}}]),
            json!([{"index": 0, "function": null}]),
            json!(null),
            json!([]),
            json!([null]),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t5_ids_missing_numeric_and_duplicated() {
    check(
        &[call!(0, "-", "exec_command", LS), call!(1, "-", "list_dir", "{}")],
        &[r#"- exec_command {"cmd":"ls"}"#, "- list_dir {}"],
    );
    check(&[call!(0, 7, "exec_command", LS)], &[r#"7 exec_command {"cmd":"ls"}"#]);
    check(
        &[call!(0, "0", "exec_command", LS), call!(1, "0", "exec_command", PWD)],
        &[r#"0 exec_command {"cmd":"ls"}"#, r#"0 exec_command {"cmd":"pwd"}"#],
    );
    check(
        &[call!("-", "0", "exec_command", LS), call!("-", "0", "exec_command", PWD)],
        &[r#"0 exec_command {"cmd":"ls"}"#, r#"0 exec_command {"cmd":"pwd"}"#],
    );
    // Late, but the first one counts.
    check(
        &[call!(0, null, "exec_command", r#"{"cmd":"#), call!(0, "a", null, r#""ls"}"#)],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t6_ids_that_hold_the_name_stay() {
    check(
        &[call!(0, "functions.exec_command:0", "exec_command", LS)],
        &[r#"functions.exec_command:0 exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t7_the_name_again_with_every_piece() {
    check(
        &[
            call!(0, "a", "exec_command", r#"{"cmd":"#),
            call!(0, "a", "exec_command", r#""l"#),
            call!(0, "-", "exec_command", r#"s"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
    // Without index and id, too.
    check(
        &[
            call!("-", "-", "exec_command", r#"{"cmd":"#),
            call!("-", "-", "exec_command", r#""ls"}"#),
        ],
        &[r#"- exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t7_another_declared_name_is_ignored() {
    check(
        &[call!(0, "a", "exec_command", ""), call!(0, "a", "read_file", LS)],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t7_the_name_in_pieces() {
    for pieces in [&["exec_", "command"][..], &["exec_", "exec_command"], &["e", "xec_comm", "and"]]
    {
        let mut lists = vec![call!(0, "a", (pieces[0]), "")];
        lists.extend(pieces[1..].iter().map(|piece| call!(0, "-", (piece), "")));
        lists.push(call!(0, "-", null, LS));
        check(&lists, &[r#"a exec_command {"cmd":"ls"}"#]);
        let deltas: Vec<Value> = lists.iter().map(|calls| json!({"tool_calls": calls})).collect();
        assert_eq!(read(stream(&deltas)).calls[0].names, 1, "{pieces:?}");
    }
}

#[test]
fn t8_the_name_comes_late() {
    check(
        &[
            call!(0, "a", null, r#"{"cmd""#),
            call!(0, "-", "exec_command", r#":"l"#),
            call!(0, "-", null, r#"s"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
    check(
        &[call!("-", "-", null, r#"{"cmd":"#), call!("-", "a", "exec_command", r#""ls"}"#)],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t9_arguments_as_an_object() {
    check(
        &[call!(0, "a", "exec_command", {"cmd": "l \"s\"", "n": [1, 2.50, null]})],
        &[r#"a exec_command {"cmd":"l \"s\"","n":[1,2.5,null]}"#],
    );
    let pretty = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"list_dir\",\
                  \"arguments\": { \"a b\" : 12345678901234567890123 } }}]}}]}\n\n";
    assert_eq!(read(pretty).calls(), [r#"- list_dir {"a b":12345678901234567890123}"#]);
}

#[test]
fn t10_no_arguments() {
    check(&[call!(0, "a", "list_dir", "")], &["a list_dir "]);
    check(&[call!(0, "a", "list_dir", null)], &["a list_dir "]);
    check(&[json!([{"index": 0, "id": "a", "function": {"name": "list_dir"}}])], &["a list_dir "]);
}

#[test]
fn t11_concatenated_objects_stay_as_they_are() {
    check(
        &[call!(0, "a", "exec_command", LS), call!(0, "-", null, PWD)],
        &[r#"a exec_command {"cmd":"ls"}{"cmd":"pwd"}"#],
    );
}

#[test]
fn t12_cut_arguments_are_not_repaired() {
    let body = events(&[
        chunk(json!({"tool_calls": call!(0, "a", "exec_command", r#"{"cmd":"cat <<EOF\nx"#)})),
        finish("length"),
    ]);
    assert_eq!(read(body).calls(), ["a exec_command {\"cmd\":\"cat <<EOF\\nx"]);
}

#[test]
fn t13_everything_in_the_last_chunk() {
    let body = events(&[
        chunk(json!({"tool_calls": call!(0, "a", "exec_command", r#"{"cmd":"#)})),
        json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "delta":
            {"tool_calls": call!(0, "a", "exec_command", r#""ls"}"#)}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ]);
    let answer = read(body);
    assert_eq!(answer.calls(), [r#"a exec_command {"cmd":"ls"}"#]);
    assert_eq!(answer.order, ["call", "finish", "usage"]);
}

#[test]
fn t13_the_whole_call_again() {
    check(
        &[call!(0, "a", "exec_command", LS), call!(0, "a", "exec_command", LS)],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t14_the_first_index_is_1() {
    check(
        &[
            call!(1, "a", "exec_command", ""),
            call!(1, "-", null, LS),
            call!(3, "b", "list_dir", "{}"),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#, "b list_dir {}"],
    );
}

#[test]
fn t15_a_fresh_index_without_id_and_name_continues() {
    check(
        &[
            call!(0, "a", "exec_command", r#"{"cmd":"#),
            call!(1, "-", null, r#""l"#),
            call!(2, null, "", r#"s"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn t16_the_call_of_the_older_api() {
    let deltas = [
        json!({"content": null, "function_call": {"name": "exec_command", "arguments": ""}}),
        json!({"function_call": {"arguments": LS}}),
    ];
    assert_eq!(read(stream(&deltas)).calls(), [r#"- exec_command {"cmd":"ls"}"#]);
}

#[test]
fn t17_prefixes_and_unknown_names() {
    check(
        &[
            call!(0, "a", "functions.exec_command", LS),
            call!(1, "b", "default_api:read_file", "{}"),
            call!(2, "c", "bash", "{}"),
            call!(3, "d", "functions.bash", "{}"),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#, "b read_file {}", "c bash {}", "d functions.bash {}"],
    );
}

#[test]
fn t17_an_unknown_name_waits_until_it_is_known_in_full() {
    let deltas = [
        json!({"tool_calls": call!(0, "a", "ba", "")}),
        json!({"tool_calls": call!(0, "-", "sh", "")}),
        json!({"tool_calls": call!(0, "-", null, "{}")}),
        json!({"content": "Hi"}),
    ];
    let answer = read(stream(&deltas));
    assert_eq!((answer.calls[0].name.as_str(), answer.calls[0].names), ("bash", 1));
    assert_eq!(answer.order, ["call", "text", "finish"]);
}

#[test]
fn parallel_calls_may_be_interleaved() {
    check(
        &[
            call!(0, "a", "exec_command", ""),
            call!(1, "b", "read_file", ""),
            call!(0, "-", null, r#"{"cmd":"#),
            call!(1, "-", null, "{}"),
            call!(0, "-", null, r#""ls"}"#),
        ],
        &[r#"a exec_command {"cmd":"ls"}"#, "b read_file {}"],
    );
}

#[test]
fn opaque_members_of_calls_are_kept() {
    let google = json!({"google": {"thought_signature": "RW1Q"}});
    let mut list = call!("-", "a", "exec_command", LS);
    list[0]["extra_content"] = google.clone();
    let answer = read(stream(&[json!({"tool_calls": list})]));
    assert_eq!(answer.calls[0].extra, Some(json!({"extra_content": google})));
}

#[test]
fn w6_a_broken_event_within_a_call_is_a_failure() {
    let open =
        format!("data: {}\n\n", chunk(json!({"tool_calls": call!(0, "a", "list_dir", "{")})));
    let rest = format!("data: {}\n\n", chunk(json!({"tool_calls": call!(0, "-", null, "}")})));
    let stop = format!("data: {}\n\n", finish("tool_calls"));
    let broken = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"ind\n\n";
    assert!(read(format!("{open}{broken}{rest}{stop}")).failed.is_some());
    // Before any call, behind the last one, or when it was no JSON in the first place: skipped.
    for body in [
        format!("{broken}{open}{rest}{stop}"),
        format!("{open}{rest}{stop}{broken}"),
        format!("{open}data: ping\n\n{rest}{stop}"),
    ] {
        let answer = read(&body);
        assert_eq!(
            (answer.failed.as_ref(), answer.calls()),
            (None, vec!["a list_dir {}".to_owned()])
        );
    }
}

#[test]
fn l1_harmony_tails_of_names() {
    check(
        &[call!(0, "a", "exec_command<|channel|>commentary", LS)],
        &[r#"a exec_command {"cmd":"ls"}"#],
    );
}

#[test]
fn l1_harmony_channels_only_where_asked_for() {
    let text = "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final\
                <|message|>Four<|return|>";
    let deltas: Vec<Value> =
        text.as_bytes().chunks(5).map(|c| json!({"content": String::from_utf8_lossy(c)})).collect();
    let harmony = json!({"text_tool_calls": ["harmony"]});
    let answer = read_as(&harmony, stream(&deltas));
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("Easy.", "Four"));
    assert_eq!(answer.field, Some("reasoning"));
    assert_eq!(read(stream(&deltas)).text, text);
}

#[test]
fn l2_calls_in_the_text_only_where_asked_for() {
    let texts = [
        "Ok.\n<tool_",
        "call>\n{\"name\": \"exec_command\", \"argu",
        "ments\": {\"cmd\": \"ls\"}}\n</tool_call>",
    ];
    let deltas = texts.map(|text| json!({"content": text}));
    let hermes = json!({"text_tool_calls": ["hermes"]});
    let answer = read_as(&hermes, stream(&deltas));
    assert_eq!(
        (answer.text.as_str(), answer.calls()),
        ("Ok.", vec![format!("- exec_command {LS}")])
    );
    assert_eq!(answer.order, ["text", "call", "finish"]);
    let answer = read(stream(&deltas));
    assert_eq!((answer.text, answer.calls.len()), (texts.concat(), 0));
}

#[test]
fn l2_calls_in_reasoning() {
    let text = "Let me look.<|tool_calls_section_begin|><|tool_call_begin|>functions.exec_command:0\
                <|tool_call_argument_begin|>{\"cmd\":\"ls\"}<|tool_call_end|><|tool_calls_section_end|>";
    let answer = read_as(
        &json!({"text_tool_calls": ["kimi"]}),
        stream(&[json!({"reasoning_content": text})]),
    );
    assert_eq!(answer.reasoning, "Let me look.");
    assert_eq!(answer.calls(), [format!("functions.exec_command:0 exec_command {LS}")]);
}

#[test]
fn l2_a_block_without_its_end_is_text() {
    let text = "<tool_call>{\"name\":\"exec_command\",\"arguments\":{}}";
    let body = events(&[chunk(json!({"content": text})), finish("length")]);
    let answer = read_as(&json!({"text_tool_calls": ["hermes"]}), body);
    assert_eq!((answer.text.as_str(), answer.calls.len()), (text, 0));
}

#[test]
fn l2_text_calls_beside_ordinary_ones_have_slots_of_their_own() {
    let deltas = [
        json!({"tool_calls": call!(0, "a", "list_dir", "{}")}),
        json!({"content": "<tool_call>{\"name\":\"exec_command\",\"arguments\":{}}</tool_call>"}),
    ];
    let answer = read_as(&json!({"text_tool_calls": ["hermes"]}), stream(&deltas));
    assert_eq!(answer.calls(), ["a list_dir {}", "- exec_command {}"]);
}

#[test]
fn n1_calls_of_a_whole_message() {
    let calls = json!([
        {"id": 0, "type": "function", "function": {"name": TOOLS[0], "arguments": {"cmd": "ls"}}},
        {"id": 0, "type": "function", "function": {"name": TOOLS[0], "arguments": {"cmd": "ls"}}},
        {"function": {"name": "bash", "arguments": null}},
    ]);
    let answer = read(completion(json!({"content": null, "tool_calls": calls})));
    let first = format!("0 exec_command {LS}");
    assert_eq!(answer.calls(), [first.clone(), first, "- bash ".to_owned()]);
    let answer =
        read(completion(json!({"content": [], "tool_calls": null, "function_call": null})));
    assert_eq!((answer.calls.len(), answer.text.as_str()), (0, ""));
}
