//! Responses API in front of Chat Completions, as an HTTP filter for Envoy and Higress.

pub mod chat;
pub mod config;
pub mod dialect;
pub mod error;
pub mod exchange;
pub mod ids;
pub mod json;
pub mod responses;
pub mod sse;
pub mod translate;

#[cfg(feature = "filter")]
mod filter;
#[cfg(feature = "filter")]
mod host;
