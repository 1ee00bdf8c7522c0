//! The fast way for events that are like the one before is the general way: same bytes in, same bytes
//! out, for every fixture, the corpus and streams made to look steady without being it.

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
use serde_json::json;

use support::drive::{Client, Upstream, exchange};
use support::mutate::mutated_stream;
use support::random::Random;
use support::{corpus, fixtures};

/// Streams per case; more for a long night: `STEADY_ROUNDS=100000`.
const ROUNDS: u64 = 60;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (fixture, upstream) in fixtures::answered() {
        let name = format!("fixture/{}", fixture.name);
        trials.push(Trial::test(name, move || check(&fixture.name, &fixture.client, &upstream)));
    }
    if let Some((folder, cases)) = corpus::cases() {
        for case in cases.into_iter().filter(|case| !corpus::is_request(case)) {
            let folder = folder.clone();
            let name = format!("corpus/{}", corpus::id(&case));
            let trial = move || {
                let client = corpus::client(&folder, &case, true);
                check(corpus::id(&case), &client, &corpus::upstream(&folder, &case))
            };
            trials.push(Trial::test(name, trial));
        }
    }
    for dialect in DIALECTS {
        let name = format!("random/{dialect}");
        trials.push(Trial::test(name, move || random_streams(dialect, "{}")));
    }
    // A limit that most of these streams pass, some of them between two events that are alike.
    let limits = r#"{"output_bytes_max":24}"#;
    trials.push(Trial::test("random/limited", move || random_streams("{}", limits)));
    for frame in &FRAMES[FRAMES.len() - VARYING..] {
        trials.push(Trial::test(format!("varying/{frame}"), move || varying_values(frame)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn rounds() -> u64 {
    let asked = std::env::var("STEADY_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// What in a dialect decides whether a text may pass unread.
const DIALECTS: [&str; 7] = [
    "{}",
    r#"{"snapshots":"on"}"#,
    r#"{"snapshots":"off","inline_think":"off"}"#,
    r#"{"inline_think":"prefix"}"#,
    r#"{"text_tool_calls":["hermes","mistral"]}"#,
    r#"{"text_tool_calls":["kimi"]}"#,
    r#"{"text_tool_calls":["harmony"]}"#,
];

/// Compares both ways on an answer and on what mutations make of it.
fn check(name: &str, client: &Client, upstream: &Upstream) -> Result<(), Failed> {
    same(client, upstream, "as it is")?;
    let body = upstream.pieces.concat();
    for seed in 0..rounds() / 2 {
        let random = &mut Random::named(name, seed);
        let mutated = Upstream { pieces: vec![mutated_stream(&body, random)], ..upstream.clone() };
        same(client, &mutated, &format!("mutation {seed}"))?;
    }
    Ok(())
}

/// Fails unless the fast way, in whatever pieces, answers as the general way does.
fn same(client: &Client, upstream: &Upstream, how: &str) -> Result<(), Failed> {
    let body = upstream.pieces.concat();
    for size in [body.len().max(1), 1000, 97] {
        let cut = upstream.in_pieces_of(size);
        let fast = exchange(client, &cut);
        let general = exchange(client, &Upstream { memo: false, ..cut });
        if (fast.status, &fast.headers, fast.body()) != told(&general) {
            return Err(format!(
                "{how}, in pieces of {size}\nupstream: {}\ngeneral: {}\nfast: {}",
                String::from_utf8_lossy(&body),
                String::from_utf8_lossy(&general.body()),
                String::from_utf8_lossy(&fast.body()),
            )
            .into());
        }
    }
    Ok(())
}

fn told(answer: &support::drive::Answer) -> (u16, &support::drive::Headers, Vec<u8>) {
    (answer.status, &answer.headers, answer.body())
}

fn random_streams(dialect: &str, limits: &str) -> Result<(), Failed> {
    let request = json!({
        "model": "m", "input": "hi", "stream": true,
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}},
                  {"type": "custom", "name": "c"}],
    });
    let upstream = format!(r#"{{"dialect":{dialect},"limits":{limits}}}"#);
    let config = format!(r#"{{"upstreams":{{"default":{upstream}}}}}"#);
    let client = Client::post(request.to_string()).with_config(config);
    for seed in 0..20 * rounds() {
        let mut random = Random::named(dialect, seed);
        let upstream = Upstream::sse(stream(&mut random));
        same(&client, &upstream, &format!("seed {seed}"))?;
    }
    Ok(())
}

/// After two values of a kind that both say nothing, any value may follow.
fn varying_values(frame: &str) -> Result<(), Failed> {
    let client = Client::post(json!({"model": "m", "input": "hi", "stream": true}).to_string());
    for kind in [0..3, 3..9] {
        for (one, two) in kind.clone().flat_map(|one| kind.clone().map(move |two| (one, two))) {
            for other in VALUES {
                let (one, two) = (VALUES[one], VALUES[two]);
                let texts = ["a ", "b ", "c ", "d ", "e ", "f "].iter();
                let events = texts.zip([one, one, one, two, other, one]).map(|(text, value)| {
                    format!("data: {}\n\n", frame.replace('@', text).replace('%', value))
                });
                let upstream = Upstream::sse(events.collect::<String>().into_bytes());
                same(&client, &upstream, &format!("{one}, {two}, {other}"))?;
            }
        }
    }
    Ok(())
}

/// Events around a text, `@`, some with a value that varies, `%`. Most bring nothing else than the text; the
/// others look as if they did.
const FRAMES: [&str; 54] = [
    r#"{"choices":[{"index":0,"delta":{"content":"@"}}]}"#,
    r#"{"id":"x","model":"m1","choices":[{"index":0,"delta":{"content":"@"},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"x","model":"m2","choices":[{"index":0,"delta":{"content":"@"},"finish_reason":null}]}"#,
    r#"{ "choices" : [ { "delta" : { "role":"assistant", "content" : "@" } } ] }"#,
    r#"{"choices":[{"delta":{"content":@}}]}"#,
    r#"{"choices":[{"delta":{"content":"","reasoning_content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"content":" ","reasoning_content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"content":null,"reasoning":"@"}}]}"#,
    r#"{"choices":[{"delta":{"reasoning":"@","reasoning_content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"reasoning":"@","reasoning_details":[{"type":"reasoning.text","text":"@","index":0}]}}]}"#,
    r#"{"choices":[{"delta":{"reasoning":"@","reasoning_details":[{"type":"reasoning.text","text":"ha","index":0}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"}},{"index":1,"function":{"arguments":"{"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":2,"id":"c1","function":{"name":"c","arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":2,"function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"@"}}}]}"#,
    r#"{"choices":[{"delta":{"function_call":{"arguments":"@"}}}]}"#,
    r#"{"choices":[{"delta":{"content":[{"type":"text","text":"@"}]}}]}"#,
    r#"{"choices":[{"delta":{"content":"@"}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
    r#"{"choices":[{"delta":{"content":"@"}}],"citations":["https://a.example"]}"#,
    r#"{"choices":[{"delta":{"content":"@","refusal":"no"}}]}"#,
    r#"{"choices":[{"delta":{"content":"@"},"logprobs":{"content":[{"token":"a","logprob":-1,"bytes":null,"top_logprobs":[]}]}}]}"#,
    r#"{"choices":[{"delta":{"content":"@","audio":{"transcript":"t"}}}]}"#,
    r#"{"choices":[{"delta":{"content":"a"},"text":"@"}],"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"content":"a","content":"@"},"finish_reason":"@"}]}"#,
    r#"{"created":%,"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"content":"@"}}],"usage":{"prompt_tokens":9,"completion_tokens":%}}"#,
    r#"{"usage":{"total_tokens":%,"x":{"y":%}},"created":%,"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"id":"x","created":%,"choices":[{"delta":{"content":"@"}}],"obfuscation":%}"#,
    r#"{"id":%,"created":%,"choices":[{"delta":{"reasoning":"@"}}],"system_fingerprint":%}"#,
    r#"{"id":%,"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"role":%,"content":"@","token_ids":[%,%]},"matched_stop":%}]}"#,
    r#"{"choices":[{"delta":{"content":"@"}}],"timings":{"predicted_n":%,"predicted_ms":%}}"#,
    r#"{"choices":[{"delta":{"content":"@"}}], "p" : % , "p":%}"#,
    r#"{"choices":[{"index":%,"delta":{"content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"content":"@"},"finish_reason":%}]}"#,
    r#"{"choices":[{"delta":{"content":"@","reasoning":%}}]}"#,
    r#"{"choices":[{"delta":{"content":"@","refusal":%}}]}"#,
    r#"{"choices":[{"delta":{"content":"@"},"index":1},{"delta":{"content":"@","x":%},"x":%}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":%,"function":{"arguments":"@"}}]}}]}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":%,"function":{"arguments":"@"}}]}}]}"#,
    r#"{"model":%,"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"service_tier":%,"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"object":%,"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"choices":[{"delta":{"content":"@"}}],"usage":{"completion_tokens":%,"total_tokens":%}}"#,
    r#"{"choices":[{"delta":{"content":"@"}}],"mod\u0065l":%,"err\u006fr":%}"#,
    r#"{"type":%,"message":%,"detail":%,"choices":[{"delta":{"content":"@"}}]}"#,
    r#"{"response":"@","done":%,"done_reason":%,"created_at":%}"#,
    r#"{"result":{"response":"@","x":%},"x":%}"#,
];

/// How many of them, the last, have such a value.
const VARYING: usize = 24;

/// Values that vary from one event to the next, good and bad. The first say nothing in most members.
const VALUES: [&str; 24] = [
    "\"\"",
    "\"null\"",
    "\"0\"",
    "0",
    "0.5",
    "-7",
    "7",
    "1763700000",
    "17637000011",
    "1e3",
    "01",
    "1.",
    "-",
    "1e999",
    "\"x\"",
    "\"xyz\"",
    "\"length\"",
    "\"a\\\"b\\u00e9é\"",
    "\"\\ud83d\"",
    "\"\t\"",
    "null",
    "true",
    "[1]",
    "{\"x\":\"y\"}",
];

/// Texts as they stand between the quotes, good and bad.
const TEXTS: [&str; 30] = [
    "a",
    " b",
    "word",
    "word",
    "word",
    " ",
    "",
    "\\n",
    "\\n\\n",
    "é",
    "🦀",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\ude00",
    "\\\"",
    "\\\\",
    "<think>",
    "</think>",
    "<",
    "[TOOL_CALLS]",
    "<tool_call>",
    "{\\\"a\\\":",
    "1}",
    "{}",
    "\t",
    "\\x",
    "\"",
    "null",
    "ha",
];

fn stream(random: &mut Random) -> Vec<u8> {
    let mut body = Vec::new();
    // Otherwise few streams would get far: half of the frames end a steady run.
    let favourites = [random.below(FRAMES.len()), random.below(FRAMES.len()), random.below(4)];
    let end: &[u8] = if random.below(4) == 0 { b"\r\n" } else { b"\n" };
    let mut frame = favourites[0];
    let mut last = String::new();
    // In a stream of one kind with values of one kind, most events are like the one before.
    let is_even = random.below(2) == 0;
    let mut usual = 0..9;
    if is_even {
        frame = FRAMES.len() - 1 - random.below(VARYING);
        usual = random.of(&[0..3, 3..9]).clone();
    }
    for _ in 0..4 + random.below(24) {
        let noise = if is_even { 24 } else { random.below(24) };
        match noise {
            0 => frame = random.below(FRAMES.len()),
            1..4 => frame = *random.of(&favourites),
            4 => body.extend_from_slice(b": ping\n"),
            5 => body.extend_from_slice(b"event: message\n"),
            6 => body.extend_from_slice(b"id: 7\n"),
            7 => body.extend_from_slice(b"data: {}\n"),
            8 => body.extend_from_slice(b"data: [DONE]\n\n"),
            9 => body.extend_from_slice(&[0xff]),
            _ => {}
        }
        // Snapshots repeat what came before.
        let text = random.of(&TEXTS);
        last = if random.below(6) == 0 { format!("{last}{text}") } else { (*text).to_owned() };
        body.extend_from_slice(b"data: ");
        let event = FRAMES[frame].replace('@', &last);
        let (first, rest) = event.split_once('%').unwrap_or((&event, ""));
        body.extend_from_slice(first.as_bytes());
        for more in rest.split('%').take(event.matches('%').count()) {
            let range = if random.below(8) > 0 { usual.clone() } else { 0..VALUES.len() };
            body.extend_from_slice(random.of(&VALUES[range]).as_bytes());
            body.extend_from_slice(more.as_bytes());
        }
        body.extend_from_slice(end);
        if random.below(16) > 0 {
            body.extend_from_slice(end);
        }
    }
    if random.below(3) > 0 {
        let finish = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        body.extend_from_slice(finish.as_bytes());
        body.extend_from_slice(b"\n\ndata: [DONE]\n\n");
    }
    body
}
