//! Response objects: running ones, finished ones and error bodies.

use serde_json::Value;

use super::super::frames;
use super::super::schema::{self, Checked, ensure, kind_of};
use super::{list, same};

/// What an answer may still change about its Response while it runs.
const CHANGING: &[&str] =
    &["completed_at", "error", "incomplete_details", "output", "service_tier", "status", "usage"];

/// Checks a Response that was not streamed. It may be a failed one: where the host cannot hold headers
/// the status line has gone before the failure is known.
pub fn check_response(body: &[u8]) -> Checked<Value> {
    let response = frames::json(body)?;
    let status = response["status"].as_str().unwrap_or_default().to_owned();
    let over = ["completed", "failed", "incomplete"];
    ensure(over.contains(&status.as_str()), "status", || {
        format!("an answer that is over cannot be {status:?}")
    })?;
    finished(&status, &response)?;
    Ok(response)
}

/// Checks an answer of `POST /responses/compact`.
pub fn check_compaction(body: &[u8]) -> Checked<Value> {
    let body = frames::json(body)?;
    schema::compaction(&body)?;
    list(&body["output"]).iter().try_for_each(not_empty)?;
    Ok(body)
}

/// Checks the body of an HTTP error.
pub fn check_error(body: &[u8]) -> Checked<Value> {
    let body = frames::json(body)?;
    schema::error_body(&body)?;
    Ok(body)
}

/// A Response of `created` or `in_progress`: nothing has come yet.
pub(super) fn running(response: &Value) -> Checked {
    schema::response(response)?;
    same("status", "status", &response["status"], &"in_progress".into())?;
    for key in ["completed_at", "error", "incomplete_details", "usage"] {
        same("running response", key, &response[key], &Value::Null)?;
    }
    same("running response", "output", &response["output"], &Value::Array(Vec::new()))
}

/// The Response is the one that was created, in everything that cannot change.
pub(super) fn same_response(created: &Value, response: &Value) -> Checked {
    let (Some(created), Some(response)) = (created.as_object(), response.as_object()) else {
        return ensure(false, "identity", || "no Response was created".into());
    };
    let keys = created.keys().chain(response.keys());
    for key in keys.filter(|key| !CHANGING.contains(&key.as_str())) {
        ensure(created.get(key) == response.get(key), "identity", || {
            format!("{key} was {:?} and is {:?}", created.get(key), response.get(key))
        })?;
    }
    Ok(())
}

/// A Response that will not change any more.
pub(super) fn finished(status: &str, response: &Value) -> Checked {
    schema::response(response)?;
    same("status", "status", &response["status"], &status.into())?;
    let (error, details) = (&response["error"], &response["incomplete_details"]);
    ensure(error.is_null() == (status != "failed"), "status", || format!("error is {error}"))?;
    ensure(details.is_null() == (status != "incomplete"), "status", || {
        format!("incomplete_details is {details}")
    })?;
    if status == "incomplete" {
        let known = ["content_filter", "max_output_tokens"];
        let reason = details["reason"].as_str().unwrap_or_default();
        ensure(known.contains(&reason), "status", || format!("incomplete for {reason:?}"))?;
    }
    if status == "completed" {
        let (created, completed) = (&response["created_at"], &response["completed_at"]);
        ensure(completed.as_u64() >= created.as_u64(), "status", || {
            format!("created at {created}, completed at {completed}")
        })?;
    }
    distinct_ids(list(&response["output"]))?;
    output(status, list(&response["output"]))
}

fn output(status: &str, output: &[Value]) -> Checked {
    for (n, item) in output.iter().enumerate() {
        let last = n + 1 == output.len();
        let incomplete = item["status"] == "incomplete";
        ensure(item["status"] != "in_progress", "item status", || {
            format!("output[{n}] is still in progress")
        })?;
        ensure(!incomplete || (last && status == "incomplete"), "item status", || {
            format!("output[{n}] is incomplete, the answer {status}, the item last: {last}")
        })?;
        // Whatever cut the answer cut the message that was being written.
        let cut = last && status == "incomplete" && kind_of(item) == "message";
        ensure(!cut || incomplete, "item status", || {
            format!("output[{n}] was cut and says {}", item["status"])
        })?;
        not_empty(item)?;
    }
    Ok(())
}

/// No item without content: a message without text, reasoning without anything.
pub(super) fn not_empty(item: &Value) -> Checked {
    let text = |part: &Value| {
        ["text", "refusal"].iter().any(|key| part[key].as_str().is_some_and(|t| !t.is_empty()))
    };
    let content = list(&item["content"]);
    match kind_of(item) {
        "message" => ensure(!content.is_empty() && content.iter().all(text), "empty item", || {
            format!("a message without text: {item}")
        }),
        "reasoning" => {
            let summary = list(&item["summary"]);
            let sealed =
                item["encrypted_content"].as_str().is_some_and(|sealed| !sealed.is_empty());
            let told = !summary.is_empty() || !content.is_empty();
            ensure(sealed || told, "empty item", || "reasoning without anything".into())?;
            ensure(summary.iter().chain(content).all(text), "empty item", || {
                format!("an empty part of reasoning: {item}")
            })
        }
        "compaction" => ensure(item["encrypted_content"] != "", "empty item", || {
            "a compaction without content".into()
        }),
        _ => Ok(()),
    }
}

/// Codex drops replayed items with a repeated id and cannot tell calls with one call id apart.
fn distinct_ids(output: &[Value]) -> Checked {
    for (n, item) in output.iter().enumerate() {
        for earlier in output.iter().take(n) {
            for key in ["id", "call_id"] {
                let id = item.get(key);
                ensure(id.is_none() || id != earlier.get(key), "distinct ids", || {
                    format!("{key} {id:?} comes twice")
                })?;
            }
        }
    }
    Ok(())
}
