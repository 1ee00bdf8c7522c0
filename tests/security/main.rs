//! What SECURITY.md promises: one test for each of its sentences.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests fail by panicking and say where"
)]

#[path = "../support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

mod bombs;
mod envelopes;
mod framing;
mod logs;
mod memory;
mod models;
mod page;
mod paths;
mod wire;
