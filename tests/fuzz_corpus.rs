//! The properties that fuzzing looks for breaches of, on what it has found before, on seeds made from
//! the fixtures, and on seeds that went through a few mutations.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use fuzz::support::fixtures;
use fuzz::support::mutate::{mutated_json, mutated_stream};
use fuzz::support::random::Random;
use fuzz::{PROPERTIES, Property};

/// Mutations of each seed.
const ROUNDS: u64 = 20;

/// Where `make fuzz` wants the seeds, one folder per property.
const SEEDS: &str = "FUZZ_SEEDS";

fn main() -> ExitCode {
    let seeds = seeds();
    if let Some(folder) = std::env::var_os(SEEDS) {
        write(Path::new(&folder), &seeds);
        return ExitCode::SUCCESS;
    }
    let mut trials = Vec::new();
    for (name, property) in PROPERTIES {
        trials.push(Trial::test(format!("corpus/{name}"), move || corpus(name, property)));
        let own: Vec<Seed> = seeds.iter().filter(|seed| seed.property == name).cloned().collect();
        trials.push(Trial::test(format!("seeds/{name}"), move || mutated(&own, property)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// An input that means something to one of the properties.
#[derive(Clone)]
struct Seed {
    property: &'static str,
    name: String,
    bytes: Vec<u8>,
}

/// Runs what fuzzing has kept: each file took a way through the filter that no other one took.
fn corpus(name: &str, property: Property) -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("{} is empty", folder.display()).into());
    }
    for file in files {
        let bytes = fs::read(&file).expect("a file");
        check(property, &bytes, &file.display().to_string())?;
    }
    Ok(())
}

fn mutated(seeds: &[Seed], property: Property) -> Result<(), Failed> {
    if seeds.is_empty() {
        return Err("no fixture makes a seed".into());
    }
    for seed in seeds {
        check(property, &seed.bytes, &seed.name)?;
        for round in 1..=ROUNDS {
            let mut random = Random::new(round);
            let mutant = match seed.property {
                "stream" | "framing" => mutated_stream(&seed.bytes, &mut random),
                _ => mutated_json(&seed.bytes, &mut random),
            };
            check(property, &mutant, &format!("{}, mutation {round}", seed.name))?;
        }
    }
    Ok(())
}

fn check(property: Property, bytes: &[u8], how: &str) -> Result<(), Failed> {
    catch_unwind(AssertUnwindSafe(|| property(bytes)))
        .map_err(|_| format!("{how}: the property does not hold, see above").into())
}

/// What the fixtures say, in the form in which each property reads it.
fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (n, fixture) in fixtures::all().into_iter().enumerate() {
        let mut seed = |property: &'static str, settings: &[u8], body: &[u8]| {
            let name = format!("{}-{}", fixture.name, seeds.len());
            seeds.push(Seed { property, name, bytes: [settings, body].concat() });
        };
        // Which settings a fixture gets does not matter, as long as all of them occur.
        let n = n as u8;
        seed("request", &[n, n / 7], &fixture.client.body);
        seed("configuration", &[], fixture.client.config.as_bytes());
        let Some(upstream) = &fixture.upstream else { continue };
        let body = upstream.pieces.concat();
        seed("framing", &[n, 0], &body);
        if upstream.status == 200 {
            seed("stream", &[0, 1, 0, 0, n], &body);
            seed("stream", &[n, n / 2, n / 3, n / 5, n], &body);
        } else {
            seed("failure", &[n, (upstream.status - 300) as u8, 0, n], &body);
        }
    }
    seeds.extend(scripts());
    seeds.extend(envelopes());
    seeds
}

/// Scripts of chunks: every kind of step in turn, then in other orders.
fn scripts() -> impl Iterator<Item = Seed> {
    (1..=40u8).map(|n| {
        let mut random = Random::new(u64::from(n));
        let mut bytes = vec![n, n / 2, 0, n];
        bytes.extend((0..2 * n).map(|_| random.next() as u8));
        Seed { property: "deltas", name: format!("script-{n}"), bytes }
    })
}

fn envelopes() -> Vec<Seed> {
    use responses_filter::translate::envelope::Envelope;
    let details = vec![r#"{"type":"reasoning.encrypted","data":"x/+=","index":0}"#.to_owned()];
    let extra = r#"{"extra_content":{"google":{"thought_signature":"RW1Q"}}}"#.to_owned();
    let field = Some("reasoning_content".to_owned());
    let calls = vec![("call_a".to_owned(), extra)];
    let all = [
        Envelope::default(),
        Envelope { field: field.clone(), ..Envelope::default() },
        Envelope { details: details.clone(), ..Envelope::default() },
        Envelope { field, details, calls },
    ];
    let seal = |(n, envelope): (usize, &Envelope)| Seed {
        property: "envelope",
        name: format!("envelope-{n}"),
        bytes: [&[n as u8], envelope.seal().as_bytes()].concat(),
    };
    all.iter().enumerate().map(seal).collect()
}

fn write(folder: &Path, seeds: &[Seed]) {
    for seed in seeds {
        let folder = folder.join(seed.property);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(&seed.name), &seed.bytes).expect("a file");
    }
    fs::write(folder.join("words"), dictionary(seeds)).expect("a file");
}

/// What libFuzzer puts in beside its own inventions: the words in quotes that seeds have, and what
/// frames and envelopes are made of.
fn dictionary(seeds: &[Seed]) -> String {
    let mut words: BTreeSet<&str> = BTreeSet::new();
    for seed in seeds {
        let text = std::str::from_utf8(&seed.bytes[seed.bytes.len().min(5)..]).unwrap_or_default();
        let is_word = |word: &&str| {
            (3..=32).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte))
        };
        words.extend(text.split('"').filter(is_word));
    }
    let mut lines: Vec<String> = words.iter().map(|word| format!(r#""\"{word}\"""#)).collect();
    lines.extend(FRAMES.map(|frame| format!("\"{frame}\"")));
    lines.join("\n")
}

/// In the notation of libFuzzer.
const FRAMES: [&str; 8] =
    ["data: ", "event: ", r"\x0a\x0a", r"\x0d\x0a", "[DONE]", "rf1.", "<think>", "<tool_call>"];
