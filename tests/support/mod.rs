//! What the test binaries share: the oracles, the fixtures and the one way to drive an exchange.
//!
//! The oracles ([`frames`], [`schema`], [`grammar`], [`summary`]) are written from the API reference
//! alone. They share no types with the crate and read `serde_json::Value`, so that a wrong idea in
//! the crate cannot make itself right here.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod chat_request;
#[cfg(not(target_os = "unknown"))]
pub mod corpus;
pub mod drive;
pub mod expect;
pub mod expect_request;
#[cfg(not(target_os = "unknown"))]
pub mod fixtures;
pub mod frames;
pub mod grammar;
pub mod mutate;
pub mod profile;
pub mod random;
pub mod schema;
pub mod summary;
pub mod twins;
pub mod verdict;
