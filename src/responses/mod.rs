//! The vocabulary of the Responses API: what clients send and get.
//!
//! Types and their JSON form, no decisions. <https://platform.openai.com/docs/api-reference/responses>

pub mod content;
pub mod item;
pub mod read;
pub mod request;
pub mod tool;

pub mod event;
pub mod output;
pub mod response;

pub use output::OutputItem;
pub use response::Response;
