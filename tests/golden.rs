//! Every fixture, byte by byte: the request that reaches the upstream and the answer that reaches
//! the client. `UPDATE_EXPECT=1 cargo test --test golden` rewrites what is expected; read the diff
//! like code.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use support::chat_request;
use support::drive::{self, ChatRequest};
use support::fixtures::{self, Fixture};
use support::frames;
use support::verdict::verdict;

fn main() -> ExitCode {
    let fixtures = fixtures::all();
    assert!(!fixtures.is_empty(), "no fixtures in {}", fixtures::root().display());
    let trial = |fixture: Fixture| Trial::test(fixture.name.clone(), move || golden(&fixture));
    let trials = fixtures.into_iter().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn golden(fixture: &Fixture) -> Result<(), Failed> {
    let (chat, answer) = match &fixture.upstream {
        Some(upstream) => {
            let answer = drive::exchange(&fixture.client, upstream);
            (answer.chat.clone(), Some(answer))
        }
        None => match drive::chat_request(&fixture.client) {
            Ok(chat) => (Some(chat), None),
            Err(reply) => (None, Some(drive::answered(reply, None))),
        },
    };
    if let Some(chat) = &chat {
        let faults = chat_request::faults(&chat.body, &drive::allowed(&fixture.client));
        if !faults.is_empty() {
            return Err(format!("the upstream would not take {faults:#?}").into());
        }
    }
    let chat = chat.map(|chat| written(&chat)).transpose()?;
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    compare(&fixture.folder.join("chat.json"), chat.as_deref(), update)?;
    if let Some(answer) = &answer {
        verdict(answer)?;
    }
    let expected = answer.as_ref().map(fixtures::expected);
    for file in ["expected.sse", "expected.json", "expected.http"] {
        let text = expected.as_ref().filter(|(name, _)| *name == file);
        compare(&fixture.folder.join(file), text.map(|(_, text)| text.as_str()), update)?;
    }
    Ok(())
}

/// The body that reaches the upstream, one key per line. Where it goes when not to the usual path
/// is part of it.
fn written(chat: &ChatRequest) -> Result<String, Failed> {
    frames::json(&chat.body)?;
    let body = String::from_utf8(chat.body.clone())?;
    if drive::header(&chat.headers, ":path") != Some("/v1/chat/completions") {
        return Err(format!("sent to {:?}", drive::header(&chat.headers, ":path")).into());
    }
    Ok(fixtures::pretty(&body))
}

/// Compares a file with the text it should have; `None` means that there should be no such file.
fn compare(file: &Path, text: Option<&str>, update: bool) -> Result<(), Failed> {
    let on_disk = fs::read_to_string(file).ok();
    if on_disk.as_deref() == text {
        return Ok(());
    }
    if update {
        match text {
            Some(text) => fs::write(file, text)?,
            None => fs::remove_file(file)?,
        }
        return Ok(());
    }
    let name = file.display();
    let Some(text) = text else {
        return Err(format!("{name} is expected and did not come").into());
    };
    let Some(on_disk) = on_disk else {
        return Err(format!("{name} is missing; got:\n{text}").into());
    };
    let line = on_disk.lines().zip(text.lines()).position(|(one, other)| one != other);
    let line = line.unwrap_or_else(|| on_disk.lines().count().min(text.lines().count()));
    let nth = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    let (expected, got) = (nth(&on_disk), nth(text));
    Err(format!("{name}:{}\nexpected: {expected}\ngot:      {got}", line + 1).into())
}
