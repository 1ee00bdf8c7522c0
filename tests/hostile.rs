//! Broken upstreams and broken clients: whatever comes, the filter lives, says one legal thing and
//! never makes a half look whole.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use support::chat_request;
use support::drive::{self, Client, Upstream, chat_request, exchange};
use support::fixtures::{self, Fixture};
use support::grammar;
use support::mutate::{mutated_json, mutated_stream};
use support::random::Random;
use support::schema::ensure;
use support::summary::Summary;
use support::verdict::{Verdict, verdict};

/// Mutations per fixture; a larger number for a long night: `HOSTILE_ROUNDS=100000`.
const ROUNDS: u64 = 150;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (fixture, upstream) in fixtures::answered() {
        let case = (fixture.clone(), upstream.clone());
        let name = format!("truncated/{}", fixture.name);
        trials.push(Trial::test(name, move || truncated(&case.0, &case.1)));
        let name = format!("mutated/{}", fixture.name);
        trials.push(Trial::test(name, move || mutated_answers(&fixture, &upstream)));
    }
    for fixture in fixtures::all() {
        let name = format!("request/{}", fixture.name);
        trials.push(Trial::test(name, move || mutated_requests(&fixture)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn rounds() -> u64 {
    let asked = std::env::var("HOSTILE_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// Runs an exchange that may do anything but panic or answer illegally.
fn survives(client: &Client, upstream: &Upstream, how: &str) -> Result<Verdict, Failed> {
    let answer = catch_unwind(AssertUnwindSafe(|| exchange(client, upstream)));
    let Ok(answer) = answer else {
        return Err(format!("{how}: panicked on {}", text(&upstream.pieces.concat())).into());
    };
    verdict(&answer).map_err(|violation| {
        let upstream = text(&upstream.pieces.concat());
        let body = text(&answer.body());
        format!("{how}: {violation}\nupstream: {upstream}\nanswer: {body}").into()
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The upstream stops after any byte.
fn truncated(fixture: &Fixture, upstream: &Upstream) -> Result<(), Failed> {
    let body = upstream.pieces.concat();
    let whole = survives(&fixture.client, upstream, "whole")?.summary();
    for at in 0..body.len() {
        let cut = Upstream { pieces: vec![body[..at].to_vec()], ..upstream.clone() };
        let how = format!("cut after {at} bytes");
        let summary = survives(&fixture.client, &cut, &how)?.summary();
        if !may_have_ended(&body[..at]) && !summary.terminal.starts_with("failed:") {
            return Err(format!("{how}: {} without a proof of the end", summary.terminal).into());
        }
        calls_are_whole(&summary, &whole).map_err(|wrong| format!("{how}: {wrong}"))?;
    }
    Ok(())
}

/// Whether anything in these bytes could be taken for the end of an answer: `[DONE]`, a finish
/// reason, or one whole JSON value.
fn may_have_ended(body: &[u8]) -> bool {
    let text = text(body);
    let finished = |chunk: &Value| {
        let choices = chunk["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
        choices
            .iter()
            .any(|choice| choice["finish_reason"].as_str().is_some_and(|reason| !reason.is_empty()))
    };
    let line = |line: &str| {
        let data = line.trim_start_matches('\u{feff}').trim_start_matches("data:").trim();
        data == "[DONE]" || serde_json::from_str(data).is_ok_and(|chunk| finished(&chunk))
    };
    text.split(['\n', '\r']).any(line) || serde_json::from_str::<Value>(text.trim()).is_ok()
}

/// Every call that left as whole is one of the calls of the whole answer, in its place.
fn calls_are_whole(cut: &Summary, whole: &Summary) -> Result<(), String> {
    for (n, call) in cut.calls.iter().enumerate() {
        let meant = whole.calls.get(n);
        let same = meant.is_some_and(|meant| {
            (&meant.kind, &meant.name, &meant.arguments)
                == (&call.kind, &call.name, &call.arguments)
        });
        if !same {
            return Err(format!("call {n} left as {call:?}, it was {meant:?}"));
        }
    }
    Ok(())
}

fn mutated_answers(fixture: &Fixture, upstream: &Upstream) -> Result<(), Failed> {
    let client = &fixture.client;
    let body = upstream.pieces.concat();
    for seed in 1..=rounds() {
        let mut random = Random::named(&fixture.name, seed);
        let mutant = mutated_stream(&body, &mut random);
        let whole = Upstream { pieces: vec![mutant], ..upstream.clone() };
        let how = format!("seed {seed}");
        let one = survives(client, &whole, &how)?;
        let size = 1 + random.below(64);
        let other = survives(client, &whole.in_pieces_of(size), &how)?;
        if one.summary() != other.summary() {
            let upstream = text(&whole.pieces.concat());
            return Err(format!("{how}: another answer in pieces of {size}\n{upstream}").into());
        }
    }
    Ok(())
}

/// A broken request is refused in the client's own terms or becomes a legal request.
fn mutated_requests(fixture: &Fixture) -> Result<(), Failed> {
    let client = &fixture.client;
    for seed in 1..=rounds() {
        let mut random = Random::named(&fixture.name, seed);
        let body = mutated_json(&client.body, &mut random);
        let mutant = Client { body, ..client.clone() };
        let how = || format!("seed {seed}: {}", text(&mutant.body));
        let outcome = catch_unwind(AssertUnwindSafe(|| chat_request(&mutant)));
        let outcome = outcome.map_err(|_| format!("panicked, {}", how()))?;
        let checked = match outcome {
            Ok(chat) => {
                let mut faults = chat_request::faults(&chat.body, &drive::allowed(client));
                // What a schema or a URL says is the client's own business.
                faults.retain(|fault| !fault.contains("has no URL"));
                faults.retain(|fault| !fault.contains("has parameters that are no object"));
                let (none, chat) = (faults.is_empty(), text(&chat.body));
                ensure(none, "chat request", || format!("{faults:?}: {chat}")).map(|()| true)
            }
            Err(reply) if reply.status == 200 => grammar::check_response(&reply.body).map(|_| true),
            Err(reply) => {
                grammar::check_error(&reply.body).map(|_| (400..500).contains(&reply.status))
            }
        };
        match checked {
            Ok(true) => {}
            Ok(false) => return Err(format!("the client's fault is not told so, {}", how()).into()),
            Err(violation) => return Err(format!("{violation}, {}", how()).into()),
        }
    }
    Ok(())
}
