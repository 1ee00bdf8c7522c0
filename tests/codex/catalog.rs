//! Codex learns of models from the list that the filter makes.

use serde_json::{Value, json};

use crate::cli::Scenario;
use crate::completion::Completion;
use crate::upstream::{Answer, Request};

/// A provider that asks for the list.
fn scenario() -> Scenario {
    Scenario::new().provider("model_catalog_url = \"http://127.0.0.1:10000/v1/models\"")
}

/// An upstream with this list whose first answer took so many tokens.
fn upstream(list: Value, tokens: u64) -> impl Fn(usize, &Request) -> Answer + Send + Sync {
    move |_, request| {
        if request.method == "GET" {
            return Answer::json(200, list.to_string());
        }
        let body = request.json().to_string();
        let completion = if body.contains("CONTEXT CHECKPOINT COMPACTION") {
            Completion::text("SUMMARY: they spoke of lighthouses.")
        } else if body.contains("go on") {
            Completion::text("The second answer.")
        } else {
            Completion::text("The first answer.").tokens(tokens, 10)
        };
        completion.answer(request)
    }
}

/// How many requests of two turns were for something else than the list.
fn turns(scenario: Scenario, list: Value, tokens: u64) -> usize {
    let codex = scenario.start(upstream(list, tokens));
    let first = codex.exec("tell me of lighthouses").succeeded();
    assert!(!first.stdout.contains("metadata"), "{}", first.stdout);
    assert!(!first.stderr.contains("metadata"), "{}", first.stderr);
    let second = codex.run(&["exec", "resume", "--last", "--json"], &["go on"]).succeeded();
    assert_eq!(second.messages().last().map(String::as_str), Some("The second answer."));
    let requests = codex.upstream().requests();
    assert_eq!(requests[0].path, "/v1/models");
    requests.iter().filter(|request| request.method == "POST").count()
}

#[test]
fn without_the_list_codex_warns() {
    let codex = Scenario::new().start(upstream(json!({}), 100));
    let run = codex.exec("tell me of lighthouses").succeeded();
    assert!(run.stdout.contains("Model metadata for `test-model` not found"), "{}", run.stdout);
}

#[test]
fn the_context_window_of_the_upstream_says_when_to_compact() {
    let list = |window: u64| json!({"object": "list", "data": [{"id": "test-model", "max_model_len": window}]});
    assert_eq!(turns(scenario(), list(200_000), 30_000), 2, "there is room");
    // Nine tenths of it are 28 800.
    assert_eq!(turns(scenario(), list(32_000), 28_000), 2, "there is still room");
    assert_eq!(turns(scenario(), list(32_000), 29_000), 3, "a compaction before the second turn");
}

#[test]
fn the_context_window_of_the_configuration_counts_more() {
    let stated = json!({"data": [{"id": "test-model", "max_model_len": 200_000}]});
    let configured =
        scenario().configuration(json!({"catalog": {"test-model": {"context_window": 32_000}}}));
    assert_eq!(turns(configured, stated, 30_000), 3);
}

#[test]
fn the_system_prompt_of_the_catalog_is_used() {
    let configuration = json!({
        "upstreams": {"default": {"models": {"test-model": "upstream-model"}}},
        "catalog": {"test-model": {"base_instructions": "You answer in rhymes."}}
    });
    let codex = scenario().configuration(configuration).start(upstream(json!([]), 100));
    codex.exec("tell me of lighthouses").succeeded();
    let request = codex.upstream().requests().into_iter().find(|r| r.method == "POST").unwrap();
    assert_eq!(request.json()["model"], "upstream-model");
    assert!(request.json()["messages"][0]["content"].as_str().unwrap().contains("in rhymes"));
}

#[test]
fn the_size_at_which_to_compact_can_be_configured_by_itself() {
    let list = json!({"data": [{"id": "test-model", "max_model_len": 200_000}]});
    let compacting_at = |limit: u64| {
        let model = json!({"test-model": {"auto_compact_token_limit": limit}});
        scenario().configuration(json!({"catalog": model}))
    };
    assert_eq!(turns(compacting_at(50_000), list.clone(), 30_000), 2);
    assert_eq!(turns(compacting_at(20_000), list, 30_000), 3);
}
