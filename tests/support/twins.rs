//! Two clients that differ only in `stream` before the same upstream.

use serde_json::Value;

use super::drive::{Client, Upstream, exchange};
use super::verdict::{Verdict, verdict};

/// The same client, streaming or not.
pub fn streaming(client: &Client, stream: bool) -> Client {
    let mut body: Value = serde_json::from_slice(&client.body).expect("a request in JSON");
    body["stream"] = stream.into();
    Client { body: body.to_string().into_bytes(), ..client.clone() }
}

/// Checks that both get the same Response, or the same error.
pub fn agree(client: &Client, upstream: &Upstream) -> Result<(), String> {
    let of = |stream: bool| {
        let answer = exchange(&streaming(client, stream), upstream);
        verdict(&answer).map_err(|violation| format!("stream {stream}: {violation}"))
    };
    let (streamed, whole) = (of(true)?, of(false)?);
    match (streamed.response(), whole.response()) {
        (Some(streamed), Some(whole)) if streamed["error"].is_null() => {
            let (streamed, whole) = (without_ids(streamed), without_ids(whole));
            if streamed == whole {
                return Ok(());
            }
            Err(format!("streamed: {streamed:#}\nnot streamed: {whole:#}"))
        }
        _ => same_error(&streamed, &whole),
    }
}

/// A failure in a stream and over HTTP tells the same; only codes that no retry can mend differ,
/// because in a stream Codex stops at `invalid_prompt` alone.
fn same_error(streamed: &Verdict, whole: &Verdict) -> Result<(), String> {
    let (Some(one), Some(other)) = (streamed.error(), whole.error()) else {
        return Err(format!("only one of the two failed: {streamed:?}\n{whole:?}"));
    };
    let code = one["code"] == other["code"] || one["code"] == "invalid_prompt";
    if code && one["message"] == other["message"] {
        return Ok(());
    }
    Err(format!("streamed: {one}\nnot streamed: {other}"))
}

/// The Response without ids of its own and without its end, which no two answers share.
fn without_ids(response: &Value) -> Value {
    let mut response = response.clone();
    response["id"].take();
    response["completed_at"].take();
    for item in response["output"].as_array_mut().into_iter().flatten() {
        item["id"].take();
    }
    response
}
