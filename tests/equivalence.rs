//! One engine, two sinks: a client that streams and one that does not get the same Response.

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

use support::fixtures;
use support::twins;

fn main() -> ExitCode {
    let trial = |(fixture, upstream): (fixtures::Fixture, _)| {
        Trial::test(fixture.name.clone(), move || -> Result<(), Failed> {
            twins::agree(&fixture.client, &upstream).map_err(Failed::from)
        })
    };
    let trials = fixtures::answered().into_iter().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
