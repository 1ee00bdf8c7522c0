//! Responses API in front of Chat Completions, as an HTTP filter for Envoy and Higress.

pub mod exchange;

pub mod config;
pub mod translate;

pub mod dialect;

pub mod chat;
pub mod responses;

pub mod error;
pub mod ids;
pub mod json;
pub mod sse;

#[cfg(feature = "filter")]
mod filter;
#[cfg(feature = "filter")]
mod host;
