//! Faults around the filter, in real Envoy: what the client sees, what the log says, and that the next
//! request works. `docs/faults.md` is the table; every row names its test here or in `tests/envoy`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests fail by panicking and say where"
)]

#[path = "../support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "../support/http.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod http;
#[path = "../support/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/trap.rs"]
mod trap;
#[path = "../support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

mod clients;
mod crashes;
mod encodings;
mod half_closed;
mod limits;
mod reload;
mod resets;
mod retries;
mod sizes;
mod slow;
mod table;

use envoy::{Envoy, Events, Setup};
use http::{ask, ask_whole, stream_of, whole_of};
use reqwest::blocking::Response;
use serde_json::{Value, json};
use stage::Stage;
use upstream::PATIENCE;

/// Runs a test twice: with headers held until the filter has decided, and without.
fn in_both_modes(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(Setup::new, true), Stage::new(Setup::new, false)];
    play(&MODES, test);
}

/// As [`in_both_modes`], with HTTP/2 to the upstream.
fn in_both_modes_over_http_2(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(http_2, true), Stage::new(http_2, false)];
    play(&MODES, test);
}

/// As [`in_both_modes`], where Envoy buffers little.
fn in_both_modes_with_small_buffers(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(small_buffers, true), Stage::new(small_buffers, false)];
    play(&MODES, test);
}

/// As [`in_both_modes`], with Envoys of its own.
fn in_both_modes_of(setup: fn() -> Setup, test: impl Fn(&Envoy)) {
    play(&[Stage::new(setup, true), Stage::new(setup, false)], test);
}

fn play(modes: &[Stage], test: impl Fn(&Envoy)) {
    for stage in modes {
        stage.play(|envoy| {
            test(envoy);
            the_next_request_works(envoy);
        });
    }
}

fn http_2() -> Setup {
    Setup::new().http2_upstream()
}

/// What Envoy buffers of a connection where the advice of its makers for gateways is followed.
const SMALL_BUFFER: usize = 32 << 10;

fn small_buffers() -> Setup {
    Setup::new().edit(
        "per_connection_buffer_limit_bytes: 1048576",
        &format!("per_connection_buffer_limit_bytes: {SMALL_BUFFER}"),
    )
}

/// As `docs/configuration.md` asks for: reads from the upstream are small.
fn timed() -> Setup {
    let timer = json!({"keep_alive": "timer", "keep_alive_seconds": 1});
    let small_reads = "    connect_timeout: 5s\n    per_connection_buffer_limit_bytes: 65536\n";
    Setup::new().configuration(timer).edit("    connect_timeout: 5s\n", small_reads)
}

/// Nothing of a fault stays behind.
fn the_next_request_works(envoy: &Envoy) {
    assert_eq!(stream_of(envoy.respond(&ask("next"))).summary.terminal, "completed");
    assert_eq!(whole_of(envoy.respond(&ask_whole("next"))).terminal, "completed");
}

/// What a client read of a stream that may break off.
struct Read {
    events: Vec<Value>,
    /// Whether the connection ended as HTTP wants it.
    whole: bool,
}

impl Read {
    fn of(response: Response) -> Self {
        let mut read = Self { events: Vec::new(), whole: true };
        for event in Events::new(response) {
            match event {
                Ok(event) => read.events.push(event),
                Err(_) => read.whole = false,
            }
        }
        read
    }

    fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event["type"].as_str().unwrap_or_default()).collect()
    }

    /// The terminal event, if one came.
    fn terminal(&self) -> Option<&str> {
        let terminal = ["response.completed", "response.failed", "response.incomplete"];
        self.kinds().into_iter().find(|kind| terminal.contains(kind))
    }
}

/// Waits until this is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let tries = 6000;
    for _ in 0..tries {
        if is_so() {
            return;
        }
        std::thread::sleep(PATIENCE / tries);
    }
    panic!("{what}");
}

/// Waits until Envoy's log says this; it writes access logs with a delay.
#[track_caller]
fn logged(envoy: &Envoy, what: &str) {
    let is_there = || envoy.news().contains(what);
    until(&format!("`{what}` is not in the log"), is_there);
}
