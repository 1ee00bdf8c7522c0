//! The rules of answers, one by one: what upstreams send goes in, deltas come out, however the bytes
//! are cut. The letters are those of the dialect catalogue: reasoning (S), tool calls (T), leaked
//! control text (L), finish reasons (F), usage (U), wire (W), errors (E), whole messages (N).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod corpus;
mod errors;
mod hostile;
mod read;
mod reasoning;
mod tool_calls;
mod wire;
