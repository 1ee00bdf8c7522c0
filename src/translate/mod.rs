//! Between the Responses API and Chat Completions. Knows no upstream by name.

pub mod body;
pub mod request;
pub mod treatment;

pub mod tools;

mod conversation;
mod echo;
mod input;
mod messages;
mod params;
mod parts;
mod records;
mod text;
mod tool_choice;
mod tool_forms;
mod tool_names;
mod turn;

pub mod stream;

pub mod items;

pub mod arguments;
pub mod calls;
mod logprobs;
pub mod output;
pub mod reasoning;
pub mod sink;

pub mod compaction;
pub mod envelope;
