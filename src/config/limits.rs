//! Limits on everything that is buffered or counted.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::read;

/// Limits on everything that is buffered or counted. Bytes unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A request body.
    pub request_bytes_max: usize,
    /// Items in `input`.
    pub input_items_max: usize,
    /// Tools after flattening.
    pub tools_max: usize,
    /// Nesting of JSON.
    pub depth_max: usize,
    /// Values and member names in a request body; each takes twelve bytes while it is translated.
    pub json_values_max: usize,
    /// One event of an upstream's stream, or a JSON body that is read whole.
    pub event_bytes_max: usize,
    /// Arguments of all tool calls of one answer.
    pub arguments_bytes_max: usize,
    /// All output of one answer: text, reasoning and arguments.
    pub output_bytes_max: usize,
    /// Tool calls of one answer; items of all kinds may be four times as many.
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
            json_values_max: 4 << 20,
            event_bytes_max: 16 << 20,
            arguments_bytes_max: 16 << 20,
            output_bytes_max: 64 << 20,
            tool_calls_max: 1_024,
            error_bytes_max: 64 << 10,
        }
    }
}

/// Limits on what is read before the upstream is known, and on what is read of errors.
const SHARED: [&str; 4] = ["request_bytes_max", "depth_max", "json_values_max", "error_bytes_max"];

impl Limits {
    /// Fails when a profile of an upstream has limits that cannot be its own.
    ///
    /// # Errors
    /// A sentence that names the field below `at` and says where it belongs.
    pub(super) fn of_upstream(at: &str, fields: &Map<String, Value>) -> Result<(), String> {
        match SHARED.iter().find(|name| fields.contains_key(**name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "{at}.{name}: is one limit for all upstreams; set it in the filter's limits"
            )),
        }
    }

    /// The defaults with these fields replaced.
    ///
    /// # Errors
    /// A sentence that names the field below `at`, what is wrong with it and what it takes.
    pub(super) fn read(at: &str, fields: &Map<String, Value>) -> Result<Self, String> {
        if let Some((name, _)) = fields.iter().find(|(_, value)| value.as_u64() == Some(0)) {
            return Err(format!("{at}.{name}: is 0, which lets nothing through; takes 1 or more"));
        }
        read::object(at, fields)
    }
}
