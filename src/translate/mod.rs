//! Between the Responses API and Chat Completions. Knows no upstream by name.

pub mod compaction;
pub mod envelope;
pub mod error;
pub mod input;
pub mod output;
pub mod request;
pub mod stream;
pub mod tools;
pub mod usage;
