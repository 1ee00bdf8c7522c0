//! Requests: what leaves for the upstream, whatever the client sent.
//!
//! Every chat request of these tests goes through an oracle that knows the rules of the strictest
//! upstreams and nothing of the crate.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says when it cannot run"
)]

mod support;

#[path = "requests/drive.rs"]
mod drive;

#[path = "requests/codex.rs"]
mod codex;
#[path = "requests/corpus.rs"]
mod corpus;
#[path = "requests/history.rs"]
mod history;
#[path = "requests/parameters.rs"]
mod parameters;
#[path = "requests/properties.rs"]
mod properties;
#[path = "requests/reasoning.rs"]
mod reasoning;
#[path = "requests/refused.rs"]
mod refused;
#[path = "requests/tools.rs"]
mod tools;
#[path = "requests/treatment.rs"]
mod treatment;
