//! The stream machine alone: any order of deltas gives a stream that the independent grammar accepts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use proptest::prelude::*;
use responses_filter::chat::{FinishReason, Usage};
use responses_filter::config::{Limits, ReasoningOutput};
use responses_filter::dialect::{Delta, ToolCallDelta};
use responses_filter::error::{ApiError, Class};
use responses_filter::ids::Ids;
use responses_filter::json::JsonText;
use responses_filter::responses::Response;
use responses_filter::translate::items::Forms;
use responses_filter::translate::output::PartKind;
use responses_filter::translate::request::Task;
use responses_filter::translate::stream::{Delivery, End, Options, Translator};
use responses_filter::translate::tools::{Tool, ToolKind, ToolTable};
use serde_json::{Value, json};
use support::grammar;

/// News as the tests spell it.
#[derive(Clone, Debug)]
enum News {
    Text(&'static str),
    Refusal(&'static str),
    Reasoning(&'static str),
    Detail,
    Annotation,
    Call {
        slot: usize,
        id: Option<&'static str>,
        name: Option<&'static str>,
        arguments: &'static str,
    },
    Extra {
        slot: usize,
    },
    Finish(FinishReason),
    Usage,
    Failed,
    KeepAlive,
}

fn call(slot: usize, name: &'static str, arguments: &'static str) -> News {
    let id = [Some("call_a"), Some("call_b"), None].get(slot).copied().flatten();
    News::Call { slot, id, name: Some(name).filter(|name| !name.is_empty()), arguments }
}

fn tools() -> ToolTable {
    let tool = |chat_name: &str, kind, name: &str, namespace: Option<&str>| Tool {
        chat_name: chat_name.to_owned(),
        kind,
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
    };
    [
        tool("run", ToolKind::Function, "run", None),
        tool("run_all", ToolKind::Function, "run_all", None),
        tool("mcp__calc__add", ToolKind::Function, "add", Some("mcp__calc")),
        tool("apply_patch", ToolKind::Custom, "apply_patch", None),
        tool("tool_search", ToolKind::ToolSearch, "tool_search", None),
        tool("local_shell", ToolKind::LocalShell, "local_shell", None),
    ]
    .into_iter()
    .collect()
}

fn translator(delivery: Delivery, reasoning: ReasoningOutput) -> Translator {
    let echo = json!({
        "instructions": null, "tools": [], "tool_choice": "auto", "truncation": "disabled",
        "parallel_tool_calls": true, "text": {"format": {"type": "text"}}, "top_p": 1,
        "presence_penalty": 0, "frequency_penalty": 0, "top_logprobs": 0, "temperature": 1,
        "reasoning": null, "max_output_tokens": null, "max_tool_calls": null, "store": false,
        "background": false, "metadata": {}, "safety_identifier": null, "prompt_cache_key": null,
        "previous_response_id": null
    })
    .to_string();
    let response = Response {
        id: "resp_1".to_owned(),
        created_at: 1_700_000_000,
        model: "m".to_owned(),
        echo: echo.as_bytes()[1..echo.len() - 1].to_vec(),
        service_tier: "default".to_owned(),
        ..Response::default()
    };
    let forms = Forms { refusal: PartKind::Refusal, reasoning, logprobs: false };
    let options = Options {
        delivery,
        task: Task::Respond,
        forms,
        empty_is_error: true,
        limits: Limits::default(),
    };
    Translator::new(response, tools(), Ids::new(7), options)
}

fn give(translator: &mut Translator, news: &News, out: &mut Vec<u8>) {
    let delta = match news {
        News::Text(text) => Delta::Text(JsonText::encode(text)),
        News::Refusal(text) => Delta::Refusal(JsonText::encode(text)),
        News::Reasoning(text) => Delta::Reasoning(JsonText::encode(text)),
        News::Detail => Delta::ReasoningDetail(r#"{"type":"reasoning.encrypted","data":"x"}"#),
        News::Annotation => Delta::Annotation(
            r#"{"type":"url_citation","url":"https://a.example/","title":"A","start_index":0,"end_index":1}"#,
        ),
        News::Call { slot, id, name, arguments } => Delta::ToolCall(ToolCallDelta {
            slot: *slot,
            id: id.map(JsonText::encode),
            name: name.map(str::to_owned),
            arguments: JsonText::encode(arguments),
            extra: None,
        }),
        News::Extra { slot } => Delta::ToolCall(ToolCallDelta {
            slot: *slot,
            extra: Some(r#"{"extra_content":{"google":{"thought_signature":"s"}}}"#),
            ..ToolCallDelta::default()
        }),
        News::Finish(reason) => Delta::Finish(*reason),
        News::Usage => {
            Delta::Usage(Usage { prompt_tokens: 3, total_tokens: 3, ..Usage::default() })
        }
        News::Failed => Delta::Failed(ApiError::new(Class::Server, "boom")),
        News::KeepAlive => return translator.keep_alive(out),
    };
    translator.delta(delta, out);
}

fn stream(news: &[News], end: End, reasoning: ReasoningOutput) -> Vec<u8> {
    let mut translator = translator(Delivery::Stream, reasoning);
    let mut out = Vec::new();
    translator.start(&mut out);
    for news in news {
        give(&mut translator, news, &mut out);
    }
    translator.finish(end, 1_700_000_001, &mut out);
    out
}

#[track_caller]
fn checked(news: &[News], end: End) -> grammar::Stream {
    let body = stream(news, end, ReasoningOutput::Summary);
    grammar::check(&body)
        .unwrap_or_else(|violation| panic!("{violation:?}\n{}", String::from_utf8_lossy(&body)))
}

/// The type of each output item and what it says, in short.
fn items(stream: &grammar::Stream) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    stream.response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| match item["type"].as_str().unwrap() {
            "message" => format!("message {}", text(&item["content"][0]["text"])),
            "reasoning" => format!("reasoning {}", text(&item["summary"][0]["text"])),
            "function_call" => format!("{} {}", text(&item["name"]), text(&item["arguments"])),
            "custom_tool_call" => format!("{} {}", text(&item["name"]), text(&item["input"])),
            other => other.to_owned(),
        })
        .collect()
}

const STOP: News = News::Finish(FinishReason::Stop);

#[test]
fn items_follow_each_other_in_the_upstreams_order() {
    let stream = checked(
        &[
            News::Reasoning("Hm."),
            News::Text("Be"),
            News::Text("fore."),
            call(0, "run", "{\"a\":1}"),
            News::Text("After."),
            STOP,
            News::Usage,
        ],
        End::Proven,
    );
    assert_eq!(
        items(&stream),
        ["reasoning Hm.", "message Before.", "run {\"a\":1}", "message After."]
    );
    assert_eq!(stream.response["status"], "completed");
}

#[test]
fn interleaved_calls_come_out_one_after_another() {
    let stream = checked(
        &[
            call(0, "run", "{\"city\":"),
            call(1, "mcp__calc__add", "{\"tz\":"),
            call(0, "", "\"Paris\"}"),
            call(1, "", "\"CET\"}"),
            STOP,
        ],
        End::Proven,
    );
    assert_eq!(items(&stream), ["run {\"city\":\"Paris\"}", "add {\"tz\":\"CET\"}"]);
    assert_eq!(stream.response["output"][1]["namespace"], "mcp__calc");
}

#[test]
fn text_behind_an_unfinished_call_waits_for_it() {
    let stream = checked(
        &[call(0, "run", "{\"a\":"), News::Text("x"), News::Text("y"), call(0, "", "1}"), STOP],
        End::Proven,
    );
    assert_eq!(items(&stream), ["run {\"a\":1}", "message xy"]);
}

#[test]
fn a_name_that_could_grow_waits_for_arguments() {
    let mut translator = translator(Delivery::Stream, ReasoningOutput::Summary);
    let mut out = Vec::new();
    give(&mut translator, &call(0, "run", ""), &mut out);
    assert!(!String::from_utf8_lossy(&out).contains("output_item.added"));
    out.clear();
    give(&mut translator, &call(0, "run_all", ""), &mut out);
    assert!(String::from_utf8_lossy(&out).contains("\"name\":\"run_all\""));
}

#[test]
fn empty_and_null_arguments_become_an_empty_object() {
    for arguments in ["", "null"] {
        let stream = checked(&[call(0, "run", arguments), STOP], End::Proven);
        assert_eq!(items(&stream), ["run {}"], "{arguments:?}");
    }
}

#[test]
fn arguments_that_do_not_parse_go_out_verbatim_once_they_are_whole() {
    let stream = checked(&[call(0, "run", "{\"a\":1}{\"a\":2}"), STOP], End::Proven);
    assert_eq!(items(&stream), ["run {\"a\":1}{\"a\":2}"]);
}

#[test]
fn a_cut_call_is_never_done() {
    for reason in [FinishReason::Length, FinishReason::ContentFilter] {
        let stream = checked(
            &[News::Text("t"), call(0, "run_all", "{\"a\":1}"), News::Finish(reason)],
            End::Proven,
        );
        assert_eq!(stream.response["status"], "incomplete");
        assert_eq!(stream.response["output"][1]["status"], "incomplete");
        assert_eq!(stream.response["output"][0]["status"], "completed");
    }
    let stream = checked(&[call(0, "run_all", "{\"a\":1}")], End::Body);
    assert_eq!(stream.response["status"], "failed");
    assert_eq!(stream.response["output"], json!([]));
}

#[test]
fn the_input_of_a_custom_tool_is_streamed_out_of_its_wrapper() {
    let stream = checked(
        &[call(0, "apply_patch", "{\"input\":\"*** Be"), call(0, "", "gin\\n\"}"), STOP],
        End::Proven,
    );
    assert_eq!(items(&stream), ["apply_patch *** Begin\n"]);
    let deltas: Vec<_> = stream
        .events
        .iter()
        .filter(|event| event["type"] == "response.custom_tool_call_input.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(deltas, ["*** Be", "gin\n"]);
}

#[test]
fn half_an_input_of_a_custom_tool_fails_instead_of_running() {
    let stream = checked(&[call(0, "apply_patch", "{\"input\":\"*** Be"), STOP], End::Proven);
    assert_eq!(stream.response["status"], "failed");
}

#[test]
fn tool_search_carries_an_object() {
    let stream = checked(&[call(0, "tool_search", "{\"query\":\"x\"}"), STOP], End::Proven);
    let item = &stream.response["output"][0];
    assert_eq!(item["type"], "tool_search_call");
    assert_eq!(item["execution"], "client");
    assert_eq!(item["arguments"], json!({"query": "x"}));
}

#[test]
fn a_local_shell_call_carries_its_action() {
    let stream = checked(&[call(0, "local_shell", "{\"command\":[\"ls\"]}"), STOP], End::Proven);
    let item = &stream.response["output"][0];
    assert_eq!(item["type"], "local_shell_call");
    assert_eq!(item["action"], json!({"type": "exec", "command": ["ls"], "env": {}}));
}

#[test]
fn undeclared_tools_pass_as_functions() {
    let stream = checked(&[call(0, "bash", "{}"), STOP], End::Proven);
    assert_eq!(items(&stream), ["bash {}"]);
}

#[test]
fn a_call_without_a_name_is_a_failure() {
    let stream = checked(&[call(0, "", "{\"a\":1}"), STOP], End::Proven);
    assert_eq!(stream.response["error"]["code"], "server_error");
}

#[test]
fn call_ids_are_unique_and_never_empty() {
    let same = |slot| News::Call { slot, id: Some("x"), name: Some("run"), arguments: "{}" };
    let missing = |slot| News::Call { slot, id: None, name: Some("run"), arguments: "{}" };
    let stream = checked(&[same(0), same(1), missing(2), missing(3), STOP], End::Proven);
    let ids: Vec<_> = stream.response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["call_id"].as_str().unwrap().to_owned())
        .collect();
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 4, "{ids:?}");
    assert_eq!(ids[0], "x");
}

#[test]
fn a_signature_travels_in_a_reasoning_item_beside_its_call() {
    for news in [
        vec![News::Extra { slot: 0 }, call(0, "run_all", "{}"), STOP],
        vec![call(0, "run_all", "{}"), News::Extra { slot: 0 }, STOP],
    ] {
        let stream = checked(&news, End::Proven);
        let output = stream.response["output"].as_array().unwrap();
        assert!(output.iter().any(|item| item["type"] == "reasoning"
            && item["encrypted_content"].as_str().is_some_and(|sealed| sealed.len() > 40)));
    }
}

#[test]
fn half_a_character_in_an_object_does_not_cost_the_event() {
    let news = [call(0, "tool_search", r#"{"query":"\ud83d boat"}"#), STOP];
    let stream = checked(&news, End::Proven);
    assert_eq!(stream.response["output"][0]["arguments"]["query"], "\u{FFFD} boat");
    let news = [call(0, "tool_search", r#"{"limit":1e999}"#), STOP];
    let stream = checked(&news, End::Proven);
    assert_eq!(stream.response["output"][0]["type"], "function_call");
    assert_eq!(stream.response["output"][0]["arguments"], r#"{"limit":1e999}"#);
}

#[test]
fn endings_are_told_as_they_are() {
    for (news, end, status) in [
        (vec![News::Text("a"), STOP], End::Proven, "completed"),
        (vec![News::Text("a"), STOP], End::Body, "completed"),
        (vec![News::Text("a")], End::Proven, "completed"),
        (vec![News::Text("a")], End::Body, "failed"),
        (vec![News::Text("a"), News::Finish(FinishReason::Length)], End::Proven, "incomplete"),
        (
            vec![News::Text("a"), News::Finish(FinishReason::ContextWindow)],
            End::Proven,
            "incomplete",
        ),
        (vec![News::Finish(FinishReason::ContextWindow)], End::Proven, "failed"),
        (vec![News::Text("a"), News::Finish(FinishReason::Unknown)], End::Proven, "completed"),
        (vec![News::Finish(FinishReason::Unknown)], End::Proven, "failed"),
        (vec![News::Reasoning("a"), STOP], End::Proven, "failed"),
        (vec![], End::Proven, "failed"),
        (vec![News::Text("a"), News::Failed, STOP], End::Proven, "failed"),
        (vec![News::Text("a"), STOP, News::Failed], End::Proven, "failed"),
    ] {
        let stream = checked(&news, end);
        assert_eq!(stream.response["status"], status, "{news:?} {end:?}");
    }
}

fn news() -> impl Strategy<Value = News> {
    let names = prop::sample::select(vec![
        None,
        Some("run"),
        Some("run_all"),
        Some("mcp__calc__add"),
        Some("apply_patch"),
        Some("tool_search"),
        Some("unknown"),
    ]);
    let arguments = prop::sample::select(vec![
        "",
        "{}",
        "{\"a\":",
        "1}",
        "\"x\"}",
        "{\"input\":\"",
        "p\\n",
        "\"}",
        "null",
        "{\"a\":{",
        "}",
    ]);
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b\n\"", "é😀"]).prop_map(News::Text),
        1 => Just(News::Refusal("no")),
        3 => Just(News::Reasoning("hm")),
        1 => Just(News::Detail),
        1 => Just(News::Annotation),
        8 => (0..4_usize, names, arguments).prop_map(|(slot, name, arguments)| News::Call {
            slot, id: Some("id"), name, arguments
        }),
        1 => (0..4_usize).prop_map(|slot| News::Extra { slot }),
        1 => prop::sample::select(vec![
            FinishReason::Stop, FinishReason::Length, FinishReason::ContentFilter,
            FinishReason::Unknown, FinishReason::ContextWindow,
        ]).prop_map(News::Finish),
        1 => Just(News::Usage),
        1 => Just(News::KeepAlive),
        1 => Just(News::Failed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_deltas_is_a_legal_stream(
        news in prop::collection::vec(news(), 0..24),
        proven in any::<bool>(),
        raw in any::<bool>(),
    ) {
        let end = if proven { End::Proven } else { End::Body };
        let form = if raw { ReasoningOutput::Text } else { ReasoningOutput::Summary };
        let body = stream(&news, end, form);
        if let Err(violation) = grammar::check(&body) {
            prop_assert!(false, "{violation:?}\n{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn streamed_and_whole_responses_are_the_same(news in prop::collection::vec(news(), 0..16)) {
        let body = stream(&news, End::Proven, ReasoningOutput::Summary);
        let streamed = grammar::fold(&body).unwrap();
        let mut translator = translator(Delivery::Whole, ReasoningOutput::Summary);
        let mut out = Vec::new();
        for news in &news {
            give(&mut translator, news, &mut out);
        }
        translator.finish(End::Proven, 1_700_000_001, &mut out);
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), streamed);
    }
}
