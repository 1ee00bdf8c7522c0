//! Between the Responses API and Chat Completions. Knows no upstream by name.

pub mod request;

pub mod input;
pub mod tools;

pub mod stream;

pub mod items;

pub mod arguments;
pub mod calls;
pub mod output;
pub mod sink;

pub mod compaction;
pub mod envelope;
