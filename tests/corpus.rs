//! The shared corpus of upstream answers, where it is at hand: every case whole, byte by byte and in
//! its own cuts, streamed and not, held against what it expects and against the oracles.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

use support::corpus;
use support::drive::{Answer, Client, Upstream, chat_request, exchange};
use support::expect;
use support::twins;
use support::verdict::verdict;

fn main() -> ExitCode {
    let Some((folder, cases)) = corpus::cases() else { return ExitCode::SUCCESS };
    let trial = |case: Value| {
        let folder = folder.clone();
        let id = corpus::id(&case).to_owned();
        Trial::test(id, move || check(&folder, &case))
    };
    let answers = cases.into_iter().filter(|case| !corpus::is_request(case));
    libtest_mimic::run(&Arguments::from_args(), answers.map(trial).collect()).exit_code()
}

fn check(folder: &Path, case: &Value) -> Result<(), Failed> {
    let (client, upstream) = (corpus::client(folder, case, true), corpus::upstream(folder, case));
    let whole = exchange(&client, &upstream);
    expect::met(case, &whole, &verdict(&whole)?, true)?;
    for (how, cut) in cuts(case, &upstream) {
        let answer = exchange(&client, &cut);
        if told(&answer) != told(&whole) {
            let (one, other) = (text(&whole), text(&answer));
            return Err(format!("{how}: another answer\nwhole: {one}\ncut: {other}").into());
        }
    }
    // Where the host cannot hold headers the status follows the upstream's; everything else stands.
    let answer = exchange(&corpus::client(folder, case, false), &upstream);
    let met = expect::met(case, &answer, &verdict(&answer)?, false);
    met.map_err(|wrong| format!("not held: {wrong}"))?;
    twins::agree(&client, &upstream)?;
    if let Some(paths) = case["expect"]["must_preserve"].as_array() {
        preserved(paths, &client, &upstream, &whole)?;
    }
    Ok(())
}

fn told(answer: &Answer) -> (u16, &support::drive::Headers, Vec<u8>) {
    (answer.status, &answer.headers, answer.body())
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body()).into_owned()
}

fn cuts(case: &Value, upstream: &Upstream) -> Vec<(String, Upstream)> {
    let body = upstream.pieces.concat();
    let mut cuts = vec![("byte by byte".to_owned(), upstream.in_pieces_of(1))];
    if let Some(size) = case["splits"]["every"].as_u64() {
        cuts.push((format!("every {size}"), upstream.in_pieces_of(size as usize)));
    }
    if let Some(mark) = case["splits"]["after_every"].as_str() {
        let ends = body.windows(mark.len()).enumerate();
        let ends = ends.filter(|(_, window)| *window == mark.as_bytes());
        let offsets: Vec<usize> = ends.map(|(at, _)| at + mark.len()).collect();
        cuts.push((format!("after every {mark:?}"), upstream.cut_at(offsets)));
    }
    cuts
}

/// What the client sends back with the items of the answer brings the upstream's own marks back.
fn preserved(
    paths: &[Value],
    client: &Client,
    upstream: &Upstream,
    answer: &Answer,
) -> Result<(), Failed> {
    let response = verdict(answer)?.response().cloned().expect("a Response");
    let mut body: Value = serde_json::from_slice(&client.body)?;
    let mut input = vec![json!({"role": "user", "content": "go"})];
    for item in response["output"].as_array().expect("output") {
        input.push(item.clone());
    }
    for call in response["output"].as_array().expect("output") {
        if call["type"] == "function_call" {
            let output =
                json!({"type": "function_call_output", "call_id": call["call_id"], "output": "ok"});
            input.push(output);
        }
    }
    body["input"] = input.into();
    let replay = Client { body: body.to_string().into_bytes(), ..client.clone() };
    let chat = chat_request(&replay).map_err(|reply| format!("refused: {reply:?}"))?;
    let chat: Value = serde_json::from_slice(&chat.body)?;
    let sent = String::from_utf8(upstream.pieces.concat())?;
    for path in paths.iter().filter_map(Value::as_str) {
        let pointer = format!("/{}", path.replace('.', "/"));
        let messages = chat["messages"].as_array().expect("messages");
        let calls =
            messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten();
        let kept = calls.filter_map(|call| call.pointer(&pointer)).next();
        let kept = kept.ok_or_else(|| format!("{path} is lost: {chat}"))?;
        if !sent.contains(&kept.to_string()) {
            return Err(format!("{path} became {kept}").into());
        }
    }
    Ok(())
}
