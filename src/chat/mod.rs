//! The vocabulary of Chat Completions: what upstreams get and send.
//!
//! Types and their JSON form, no decisions. <https://platform.openai.com/docs/api-reference/chat>

pub mod lenient;
pub mod request;
pub mod response;

pub use response::{FinishReason, Usage};
