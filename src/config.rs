//! The plugin configuration: parsed once, validated, then only read.
//!
//! ```json
//! {"upstreams": {"default": {"preset": "generic", "dialect": {"reasoning_param": "effort"}, "path": null}},
//!  "hold_headers": true, "keep_alive_seconds": 15, "strictness": "lenient", "refusals": "auto"}
//! ```

use crate::dialect::Dialect;

/// What happens to parts of a request that Chat Completions cannot express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// They are dropped and reported.
    Lenient,
    /// The request is refused with the field's name.
    Strict,
}

/// Limits on everything that is buffered or counted. Bytes unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request body.
    pub request_bytes_max: usize,
    /// Items in `input`.
    pub input_items_max: usize,
    /// Tools after flattening.
    pub tools_max: usize,
    /// Nesting of JSON.
    pub depth_max: usize,
    /// One event of an upstream's stream, or a JSON body that is read whole.
    pub event_bytes_max: usize,
    /// Arguments of all tool calls of one answer.
    pub arguments_bytes_max: usize,
    /// All output of one answer: text, reasoning and arguments.
    pub output_bytes_max: usize,
    /// Tool calls of one answer.
    pub tool_calls_max: usize,
    /// What is read of an error body.
    pub error_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 64 << 20,
            input_items_max: 100_000,
            tools_max: 4_096,
            depth_max: 128,
            event_bytes_max: 16 << 20,
            arguments_bytes_max: 16 << 20,
            output_bytes_max: 64 << 20,
            tool_calls_max: 1_024,
            error_bytes_max: 64 << 10,
        }
    }
}

/// One upstream profile.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in the configuration.
    pub name: String,
    /// How it differs from plain Chat Completions.
    pub dialect: Dialect,
}

/// How refusals reach the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    /// Text for Codex, which drops messages with refusal parts; refusal parts for everyone else.
    Auto,
    /// Always refusal parts.
    Part,
    /// Always text.
    Text,
}

/// How reasoning reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningOutput {
    /// As a reasoning summary, the only form every client accepts.
    Summary,
    /// As raw reasoning text.
    Text,
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Profiles by name; always has `default`.
    pub upstreams: Vec<Upstream>,
    /// Whether the host can hold headers until the body is read.
    pub hold_headers: bool,
    /// Silence towards the client after which upstream bytes without news become a keep-alive.
    pub keep_alive_s: u64,
    /// What happens to what Chat Completions cannot express.
    pub strictness: Strictness,
    /// How refusals reach the client.
    pub refusals: Refusals,
    /// How reasoning reaches the client.
    pub reasoning_output: ReasoningOutput,
    /// Limits on buffers.
    pub limits: Limits,
}

impl Config {
    /// Parses and validates the plugin configuration; empty text means `{}`.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    pub fn parse(json: &str) -> Result<Self, String> {
        let _ = json;
        Err(String::new())
    }
}
