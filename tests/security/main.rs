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

#[path = "../support/mod.rs"]
mod support;

mod bombs;
mod memory;
mod models;
