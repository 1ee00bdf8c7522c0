//! What makes no difference to a client: whether it streams, and how the JSON of both sides is laid out.
//!
//! One engine, two sinks: a client that streams and one that does not get the same Response. And JSON in many
//! lines, from the client and from the upstream, becomes the events that the same JSON in one line becomes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use serde_json::Value;

use support::drive::{Client, Upstream, exchange};
use support::twins;
use support::{fixtures, frames};

fn main() -> ExitCode {
    let trial = |(fixture, upstream): (fixtures::Fixture, _)| {
        Trial::test(fixture.name.clone(), move || -> Result<(), Failed> {
            twins::agree(&fixture.client, &upstream).map_err(Failed::from)
        })
    };
    let mut trials: Vec<Trial> = fixtures::answered().into_iter().map(trial).collect();
    for (fixture, upstream) in fixtures::answered() {
        for end in ["\n", "\r\n", "\n\t"] {
            let (client, upstream) = (fixture.client.clone(), upstream.clone());
            let name = format!("laid out with {end:?}/{}", fixture.name);
            trials.push(Trial::test(name, move || laid_out(&client, &upstream, end)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Compares the events of a stream in which all JSON stands in many lines, which end with `end`.
fn laid_out(client: &Client, upstream: &Upstream, end: &str) -> Result<(), Failed> {
    let plain = exchange(client, upstream);
    let upstream =
        Upstream { pieces: vec![events(&upstream.pieces.concat(), end)], ..upstream.clone() };
    let laid_out =
        exchange(&Client { body: lines(&client.body, end), ..client.clone() }, &upstream);
    if !plain.is_stream() {
        return Ok(());
    }
    let events = |body: &[u8]| {
        let events = frames::events(body).map_err(|violation| violation.to_string());
        events.map(|events| Value::Array(events.into_iter().map(unsealed).collect()))
    };
    let (one, other) = (events(&plain.body())?, events(&laid_out.body())?);
    if one == other {
        return Ok(());
    }
    Err(format!("in one line: {one:#?}\nin many: {other:#?}").into())
}

/// The same event without what the upstream wants back as it came.
fn unsealed(mut event: Value) -> Value {
    match &mut event {
        Value::Object(members) => {
            members.remove("encrypted_content");
            members.values_mut().for_each(|value| *value = unsealed(value.take()));
        }
        Value::Array(elements) => {
            elements.iter_mut().for_each(|value| *value = unsealed(value.take()));
        }
        _ => {}
    }
    event
}

/// The same JSON in many lines; other text as it is.
fn lines(json: &[u8], end: &str) -> Vec<u8> {
    match serde_json::from_slice::<Value>(json) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            format!("{value:#}").replace('\n', end).into_bytes()
        }
        _ => json.to_vec(),
    }
}

/// The same stream, each of its events over many `data:` lines.
fn events(body: &[u8], end: &str) -> Vec<u8> {
    let laid_out = body.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let Some(data) = line.strip_prefix(b"data: ") else { return line.to_vec() };
        let data = String::from_utf8(lines(data, end)).expect("a fixture is text");
        let lines = data.trim_end().split('\n').map(|line| format!("data: {line}\n"));
        lines.collect::<String>().into_bytes()
    });
    laid_out.collect::<Vec<_>>().concat()
}
