//! The shared corpus of upstream answers at the level of deltas, where it is at hand.

use std::fs;
use std::path::Path;

use responses_filter::chat::{FinishReason, Usage};
use responses_filter::dialect::errors::{classify, is_error_document};
use responses_filter::exchange::Header;
use serde_json::{Value, json};

use crate::read::{Answer, read_as};

#[test]
fn answers_of_the_shared_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/dialects");
    let Ok(manifest) = fs::read(folder.join("manifest.json")) else {
        eprintln!("The corpus {} is absent: none of its cases runs.", folder.display());
        return;
    };
    let manifest: Value = serde_json::from_slice(&manifest).expect("manifest.json");
    let cases = manifest["cases"].as_array().expect("cases");
    let mut failures = Vec::new();
    for case in cases.iter().filter(|case| case["http"].is_object()) {
        let body = fs::read(folder.join(case["file"].as_str().expect("file"))).expect("a body");
        if let Err(wrong) = check(case, &body) {
            failures.push(format!("{}: {wrong}", case["id"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(case: &Value, body: &[u8]) -> Result<(), String> {
    let expect = &case["expect"];
    if !expect["error_status"].is_null() {
        return check_error(case, body);
    }
    let answer = read_as(&case["profile"], body);
    met(expect, "text", &json!(answer.text))?;
    met(expect, "text_joined", &json!(answer.text))?;
    met(expect, "refusal", &json!(answer.refusal))?;
    met(expect, "reasoning_trimmed", &json!(answer.reasoning.trim()))?;
    if expect["reasoning_trimmed"].is_null() {
        met(expect, "reasoning", &json!(answer.reasoning))?;
    }
    check_calls(expect, &answer)?;
    check_usage(expect, answer.usage)?;
    let ended = ending(&answer);
    let terminal = expect["terminal"].as_str().unwrap_or(ended);
    if !terminal.starts_with(ended) {
        return Err(format!("{ended}, expected {terminal}"));
    }
    Ok(())
}

fn met(expect: &Value, member: &str, value: &Value) -> Result<(), String> {
    let any_of = expect[format!("{member}_any_of")].as_array();
    let expected = &expect[member];
    let met =
        expected.is_null() || expected == value || any_of.is_some_and(|any| any.contains(value));
    if met { Ok(()) } else { Err(format!("{member} is {value}, expected {expected}")) }
}

fn check_calls(expect: &Value, answer: &Answer) -> Result<(), String> {
    let Some(expected) = expect["calls"].as_array() else { return Ok(()) };
    let incomplete = answer.finishes.last() == Some(&FinishReason::Length);
    if incomplete || answer.failed.is_some() {
        return Ok(());
    }
    let arguments = |text: &str| match text {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or(json!("RAW")),
    };
    let met = expected.len() == answer.calls.len()
        && expected.iter().zip(&answer.calls).all(|(expected, call)| {
            expected["name"] == *call.name
                && expected["arguments"] == arguments(&call.arguments)
                && (expected["call_id"].is_null() || expected["call_id"] == json!(call.id))
        });
    if met { Ok(()) } else { Err(format!("calls are {:?}", answer.calls)) }
}

fn check_usage(expect: &Value, usage: Option<Usage>) -> Result<(), String> {
    let expected = &expect["usage"];
    if expect["usage_optional"] == true || expected.is_null() {
        return Ok(());
    }
    let usage = usage.unwrap_or_default();
    let usage = json!({"input": usage.prompt_tokens, "cached": usage.cached_tokens,
        "output": usage.completion_tokens, "reasoning": usage.reasoning_tokens,
        "total": usage.total_tokens});
    if *expected == usage { Ok(()) } else { Err(format!("usage is {usage}")) }
}

/// How the answer ended, as far as deltas say it.
fn ending(answer: &Answer) -> &'static str {
    match (&answer.failed, answer.finishes.last()) {
        (Some(error), _) => match error.class.stream_code() {
            "context_length_exceeded" => "failed:context_length_exceeded",
            "insufficient_quota" => "failed:insufficient_quota",
            "rate_limit_exceeded" => "failed:rate_limit_exceeded",
            "server_is_overloaded" => "failed:server_is_overloaded",
            "server_error" => "failed:server_error",
            _ => "failed:invalid_prompt",
        },
        (None, Some(FinishReason::Length)) => "incomplete:max_output_tokens",
        (None, Some(FinishReason::ContentFilter)) => "incomplete:content_filter",
        (None, Some(FinishReason::Stop)) => "completed",
        // What the window, an unknown word or no word means depends on more than deltas.
        (None, Some(FinishReason::ContextWindow | FinishReason::Unknown) | None) => "",
    }
}

fn check_error(case: &Value, body: &[u8]) -> Result<(), String> {
    let expect = &case["expect"];
    let status = u16::try_from(case["http"]["status"].as_u64().expect("status")).expect("status");
    let headers: Vec<Header<'_>> = case["http"]["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.into(), value.as_str().expect("a header").into()))
        .collect();
    let error = match status {
        200 => is_error_document(body).ok_or("no error")?,
        _ => classify(status, &headers, body, 0),
    };
    met(expect, "error_status", &json!(error.status()))?;
    met(&expect["error"], "code", &json!(error.code()))?;
    met(expect, "retry_after_s", &json!(error.retry_after_s))?;
    let contained = expect["error"]["message_contains"].as_str().unwrap_or_default();
    if error.message.contains(contained) { Ok(()) } else { Err(error.message) }
}
