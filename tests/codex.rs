//! The real Codex CLI through real Envoy with the real artifact, in front of the scripted upstream.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "codex/cli.rs"]
mod cli;
#[path = "support/completion.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod completion;
#[path = "support/envoy.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod envoy;
#[path = "support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

#[path = "codex/catalog.rs"]
mod catalog;
#[path = "codex/conversations.rs"]
mod conversations;
#[path = "codex/failures.rs"]
mod failures;
#[path = "codex/symptoms.rs"]
mod symptoms;
#[path = "codex/tools.rs"]
mod tools;
