//! Output never depends on how the upstream's bytes were cut, and news leaves as soon as it comes.

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

use support::drive::{Answer, Client, End, Upstream, exchange};
use support::fixtures::{self, Fixture};
use support::random::Random;
use support::{frames, schema};

/// Pseudo-random cuts per fixture.
const RANDOM_CUTS: u64 = 40;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (fixture, upstream) in fixtures::answered() {
        let client = &fixture.client;
        type Check = fn(&Client, &Upstream) -> Result<(), Failed>;
        let checks: [(&str, Check); 2] = [("cut", cut), ("end", ends)];
        for (kind, check) in checks {
            let (client, upstream) = (client.clone(), upstream.clone());
            let name = format!("{kind}/{}", fixture.name);
            trials.push(Trial::test(name, move || check(&client, &upstream)));
        }
        if is_live(&fixture) {
            let name = format!("live/{}", fixture.name);
            trials.push(Trial::test(name, move || live(&fixture.client, &upstream)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Fails unless the answer to `cut` is, for a client, the answer `whole`.
fn same(how: &str, whole: &Answer, cut: &Answer) -> Result<(), Failed> {
    if (whole.status, &whole.headers) != (cut.status, &cut.headers) {
        let (one, other) = ((whole.status, &whole.headers), (cut.status, &cut.headers));
        return Err(format!("{how}: {one:?} when whole, {other:?} when cut").into());
    }
    let (one, other) = (whole.body(), cut.body());
    if one == other {
        return Ok(());
    }
    let at = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let from = at.saturating_sub(60);
    let around =
        |body: &[u8]| String::from_utf8_lossy(&body[from..body.len().min(at + 60)]).into_owned();
    let (one, other) = (around(&one), around(&other));
    Err(format!("{how}: differs at byte {at}\nwhole: …{one}…\ncut:   …{other}…").into())
}

fn cut(client: &Client, upstream: &Upstream) -> Result<(), Failed> {
    let whole = exchange(client, upstream);
    let length = upstream.pieces.concat().len();
    for at in 1..length {
        let answer = exchange(client, &upstream.cut_at([at]));
        same(&format!("cut at {at}"), &whole, &answer)?;
    }
    for size in [1, 2, 3, 7, 64] {
        let answer = exchange(client, &upstream.in_pieces_of(size));
        same(&format!("pieces of {size}"), &whole, &answer)?;
    }
    for seed in 1..=RANDOM_CUTS {
        let mut random = Random::new(seed);
        let mut offsets: Vec<usize> = (0..random.below(12)).map(|_| random.below(length)).collect();
        offsets.sort_unstable();
        let answer = exchange(client, &upstream.cut_at(offsets.iter().copied()));
        same(&format!("cut at {offsets:?}"), &whole, &answer)?;
    }
    Ok(())
}

/// However the host says that the body has ended, the answer is the same. Only an upstream that
/// stops without `[DONE]` and then sends trailers may cost the client what the host cannot write.
fn ends(client: &Client, upstream: &Upstream) -> Result<(), Failed> {
    let whole = exchange(client, upstream);
    let done = upstream.pieces.concat().windows(6).any(|six| six == b"[DONE]");
    for end in [End::WithLast, End::Trailers] {
        for pieces in [upstream.clone(), upstream.in_pieces_of(1)] {
            let answer = exchange(client, &pieces.ending(end));
            if answer.lost == 0 {
                same(&format!("{end:?}"), &whole, &answer)?;
            } else if done || !answer.is_stream() {
                return Err(format!("{end:?}: {} bytes were lost", answer.lost).into());
            }
        }
    }
    Ok(())
}

/// Fixtures of streams in which nothing has to wait.
fn is_live(fixture: &Fixture) -> bool {
    [
        "generic-content-filter-in-text",
        "generic-length-in-text",
        "generic-one-call",
        "generic-reasoning-then-text",
        "generic-refusal-as-part",
        "generic-refusal-for-codex",
        "generic-text",
        "generic-text-then-call",
    ]
    .contains(&fixture.name.as_str())
}

/// Each piece of text, reasoning, refusal or arguments leaves in the callback in which it came.
fn live(client: &Client, upstream: &Upstream) -> Result<(), Failed> {
    let body = String::from_utf8(upstream.pieces.concat())?;
    let events: Vec<&str> = body.split_inclusive("\n\n").collect();
    let pieces = events.iter().map(|event| event.as_bytes().to_vec()).collect();
    let answer = exchange(client, &Upstream { pieces, ..upstream.clone() });
    let mut heard = 0;
    for (event, piece) in events.iter().zip(&answer.pieces) {
        let Ok(chunk) = serde_json::from_str::<Value>(event.trim().trim_start_matches("data: "))
        else {
            continue;
        };
        let delta = &chunk["choices"][0]["delta"];
        let news = [
            &delta["reasoning_content"],
            &delta["content"],
            &delta["refusal"],
            &delta["tool_calls"][0]["function"]["arguments"],
        ];
        let news: String = news.iter().filter_map(|news| news.as_str()).collect();
        let said = deltas(piece)?;
        if news != said {
            return Err(format!("{news:?} came in, {said:?} went out").into());
        }
        heard += news.len();
    }
    if heard == 0 { Err("the fixture has no news".into()) } else { Ok(()) }
}

/// All deltas of these events, joined.
fn deltas(piece: &[u8]) -> Result<String, Failed> {
    let text = std::str::from_utf8(piece)?;
    let mut said = String::new();
    for block in text.split_terminator("\n\n").filter(|block| !block.contains("[DONE]")) {
        let event = frames::event(block)?;
        if schema::kind_of(&event).ends_with(".delta") {
            said.push_str(event["delta"].as_str().unwrap_or_default());
        }
    }
    Ok(said)
}
