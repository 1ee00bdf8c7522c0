//! The filter in real Envoy: the artifact of `make build`, the configuration of `envoy/envoy.yaml`,
//! the scripted upstream. Nothing here sleeps: where order matters, the upstream waits at a gate.

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
#[path = "../support/upstream.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod upstream;

mod answers;
mod broken;
mod corpus;
mod errors;
mod live;
mod passthrough;
mod requests;
mod silence;
mod simd;

use envoy::{Envoy, Setup};
use http::{
    DONE, ask, ask_whole, checked_stream, completion, delta, error_of, finish, header, says,
    stream_of, whole_of,
};
use stage::Stage;

/// Runs a test twice: with request headers held until the body is there, and without.
fn in_both_modes(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(Setup::new, true), Stage::new(Setup::new, false)];
    MODES.iter().for_each(|stage| stage.play(&test));
}

/// As [`in_both_modes`], with HTTP/2 to the upstream.
fn in_both_modes_over_http_2(test: impl Fn(&Envoy)) {
    static MODES: [Stage; 2] = [Stage::new(over_http_2, true), Stage::new(over_http_2, false)];
    MODES.iter().for_each(|stage| stage.play(&test));
}

fn over_http_2() -> Setup {
    Setup::new().http2_upstream()
}

/// As [`in_both_modes`], with Envoys of its own.
fn in_both_modes_of(setup: impl Fn() -> Setup, test: impl Fn(&Envoy)) {
    for hold_headers in [true, false] {
        eprintln!("hold_headers: {hold_headers}");
        test(&setup().hold_headers(hold_headers).start());
    }
}
