//! The shared corpus through real Envoy, where it is at hand: its answers whole and byte by byte, its
//! requests as they leave.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::envoy::{Envoy, Setup};
use crate::support::{corpus, drive, expect, expect_request, verdict};
use crate::upstream::Answer;

#[test]
fn everything_with_held_headers() {
    each_case(true);
}

#[test]
fn everything_without_held_headers() {
    each_case(false);
}

/// Runs all cases, those with the same profile before the same Envoy, and reports all that fail.
fn each_case(hold_headers: bool) {
    let Some((folder, cases)) = corpus::cases() else { return };
    let mut profiles: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for case in cases {
        profiles.entry(case["profile"].to_string()).or_default().push(case);
    }
    let mut failures = String::new();
    for cases in profiles.values() {
        let setup = Setup::new().configuration(corpus::configuration(&cases[0]));
        let envoy = setup.hold_headers(hold_headers).start();
        for case in cases {
            if let Err(wrong) = check(&envoy, &folder, case, hold_headers) {
                failures += &format!("{}: {wrong}\n", corpus::id(case));
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn check(envoy: &Envoy, folder: &Path, case: &Value, held: bool) -> Result<(), String> {
    if corpus::is_request(case) {
        return request(envoy, folder, case);
    }
    answer(envoy, folder, case, held, usize::MAX)?;
    answer(envoy, folder, case, held, 1).map_err(|wrong| format!("byte by byte: {wrong}"))
}

fn answer(
    envoy: &Envoy,
    folder: &Path,
    case: &Value,
    held: bool,
    piece: usize,
) -> Result<(), String> {
    let upstream = corpus::upstream(folder, case);
    let mut scripted = Answer::new(upstream.status).write_every(upstream.pieces.concat(), piece);
    for (name, value) in &upstream.headers {
        scripted = scripted.header(name, value);
    }
    envoy.upstream.push(scripted);
    let response = envoy.respond(&corpus::body(folder, case));
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let answer = drive::Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(header).collect(),
        pieces: vec![response.bytes().map_err(|error| error.to_string())?.to_vec()],
        complete: true,
        ..drive::Answer::default()
    };
    let verdict = verdict::verdict(&answer)
        .map_err(|violation| format!("{violation}\n{}", String::from_utf8_lossy(&answer.body())))?;
    expect::met(case, &answer, &verdict, held)
}

fn request(envoy: &Envoy, folder: &Path, case: &Value) -> Result<(), String> {
    let before = envoy.upstream.requests().len();
    let response = envoy.respond(&corpus::body(folder, case));
    if response.status() != 200 {
        return Err(format!("{}: {}", response.status(), response.text().unwrap_or_default()));
    }
    response.bytes().map_err(|error| error.to_string())?;
    expect_request::sent(case, &envoy.upstream.request(before).json())
}
