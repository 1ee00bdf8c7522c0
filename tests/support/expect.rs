//! The expectations of the shared corpus, word by word as its README explains them.

use serde_json::Value;

use super::drive::{Answer, header};
use super::summary::{Call, Summary, Usage};
use super::verdict::Verdict;

/// Every word an expectation may use; an unknown one must not pass for a met one.
const WORDS: &[&str] = &[
    "calls",
    "calls_any_of",
    "error",
    "error_status",
    "error_status_any_of",
    "must_preserve",
    "reasoning",
    "reasoning_trimmed",
    "refusal",
    "retry_after_s",
    "terminal",
    "terminal_any_of",
    "text",
    "text_any_of",
    "text_joined",
    "text_trimmed",
    "unique_call_ids",
    "usage",
    "usage_optional",
];

/// Fails unless the answer to this case is what the case expects. Status and headers are only held
/// against it where the host could hold the headers back.
pub fn met(case: &Value, answer: &Answer, verdict: &Verdict, held: bool) -> Result<(), String> {
    let expect = case["expect"].as_object().ok_or("a case without expect")?;
    for word in expect.keys() {
        if !WORDS.contains(&word.as_str()) {
            return Err(format!("this runner does not know `{word}`"));
        }
    }
    let expect = &case["expect"];
    if expect.get("error_status").is_some() {
        error(expect, verdict)?;
        return if held { error_over_http(expect, answer) } else { Ok(()) };
    }
    let summary = verdict.summary();
    one_of("terminal", expect, &summary.terminal)?;
    if matches!(verdict, Verdict::Error { .. }) {
        // Nothing has been streamed, so there is nothing else to compare.
        return Ok(());
    }
    texts(expect, &summary)?;
    calls(expect, &summary)?;
    usage(expect, &summary)
}

/// `key` or one of `key_any_of` is what came; neither being there expects nothing.
fn one_of(key: &str, expect: &Value, got: &str) -> Result<(), String> {
    let mut admitted: Vec<&Value> = expect.get(key).into_iter().collect();
    admitted.extend(expect[format!("{key}_any_of")].as_array().into_iter().flatten());
    if admitted.is_empty() || admitted.iter().any(|admitted| *admitted == got) {
        return Ok(());
    }
    Err(format!("{key} is {got:?}, expected {admitted:?}"))
}

fn texts(expect: &Value, summary: &Summary) -> Result<(), String> {
    let trimmed = expect["text_trimmed"] == true;
    let text = if trimmed { summary.text.trim() } else { &summary.text };
    one_of("text", expect, text)?;
    one_of("text_joined", expect, &summary.text)?;
    one_of("reasoning", &without_trimmed(expect), &summary.reasoning)?;
    one_of("reasoning_trimmed", expect, summary.reasoning.trim())?;
    one_of("refusal", expect, &summary.refusal)
}

/// Where `reasoning_trimmed` is given, it stands in the place of `reasoning`.
fn without_trimmed(expect: &Value) -> Value {
    let mut expect = expect.clone();
    if expect.get("reasoning_trimmed").is_some() {
        expect.as_object_mut().map(|expect| expect.remove("reasoning"));
    }
    expect
}

fn calls(expect: &Value, summary: &Summary) -> Result<(), String> {
    let got = &summary.calls;
    if expect["unique_call_ids"] == true {
        for (n, call) in got.iter().enumerate() {
            let twin = got.iter().take(n).any(|earlier| earlier.call_id == call.call_id);
            if twin || call.call_id.is_empty() {
                return Err(format!("call ids are not unique: {got:?}"));
            }
        }
    }
    let mut admitted: Vec<&Value> = expect.get("calls").into_iter().collect();
    admitted.extend(expect["calls_any_of"].as_array().into_iter().flatten());
    let fits = |wanted: &&Value| {
        let wanted = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
        wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| call(wanted, got))
    };
    if admitted.is_empty() || admitted.iter().any(fits) {
        return Ok(());
    }
    Err(format!("calls are {got:?}, expected {admitted:?}"))
}

fn call(wanted: &Value, got: &Call) -> bool {
    let arguments = match &wanted["arguments"] {
        Value::String(verbatim) => *verbatim == got.arguments,
        json => serde_json::from_str(&got.arguments).ok().as_ref() == Some(json),
    };
    let id = wanted["call_id"].is_null() || wanted["call_id"] == got.call_id;
    arguments && id && wanted["name"] == got.name
}

fn usage(expect: &Value, summary: &Summary) -> Result<(), String> {
    let none = [None, Some(Usage::default())];
    let optional = expect["usage_optional"] == true;
    let Some(wanted) = expect.get("usage") else { return Ok(()) };
    if none.contains(&summary.usage) && (optional || wanted.is_null()) {
        return Ok(());
    }
    let count = |key: &str| wanted[key].as_u64().unwrap_or_default();
    let wanted = Usage {
        input: count("input"),
        cached: count("cached"),
        output: count("output"),
        reasoning: count("reasoning"),
        total: count("total"),
    };
    if summary.usage == Some(wanted) {
        return Ok(());
    }
    Err(format!("usage is {:?}, expected {wanted:?}", summary.usage))
}

fn error(expect: &Value, verdict: &Verdict) -> Result<(), String> {
    let error = verdict.error().ok_or_else(|| format!("no error: {verdict:?}"))?;
    let message = error["message"].as_str().unwrap_or_default();
    let code = error["code"].as_str().unwrap_or_default();
    // In a stream, Codex stops retrying at this code alone.
    if matches!(verdict, Verdict::Error { .. }) || code != "invalid_prompt" {
        one_of("code", &expect["error"], code)?;
    }
    let contained = expect["error"]["message_contains"].as_str().unwrap_or_default();
    if !message.contains(contained) {
        return Err(format!("{message:?} does not contain {contained:?}"));
    }
    if message.contains("</") {
        return Err(format!("markup in the message: {message:?}"));
    }
    if let Some(seconds) = expect["retry_after_s"].as_u64()
        && !said_delays(message).any(|said| said.ceil() == seconds as f64)
    {
        return Err(format!("{message:?} does not say when to try again"));
    }
    Ok(())
}

/// The delays in the words that Codex looks for: `try again in 11.2s`, in seconds.
fn said_delays(message: &str) -> impl Iterator<Item = f64> {
    let numbers = message.split("try again in ").skip(1);
    numbers.filter_map(|said| said.split_once('s')?.0.parse().ok())
}

fn error_over_http(expect: &Value, answer: &Answer) -> Result<(), String> {
    let mut admitted: Vec<&Value> = vec![&expect["error_status"]];
    admitted.extend(expect["error_status_any_of"].as_array().into_iter().flatten());
    if !admitted.iter().any(|admitted| **admitted == answer.status) {
        return Err(format!("status {}, expected {admitted:?}", answer.status));
    }
    let Some(seconds) = expect["retry_after_s"].as_u64() else { return Ok(()) };
    let told = header(&answer.headers, "retry-after");
    if told != Some(&seconds.to_string()) {
        return Err(format!("retry-after is {told:?}, expected {seconds}"));
    }
    Ok(())
}
