//! Limits on everything that is buffered or counted.

use crate::json::fields::{Fields, Read};

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
    /// These limits with the fields of a profile replaced.
    ///
    /// # Errors
    /// A sentence that names the field, and where it belongs if it cannot be the profile's own.
    pub(super) fn of_upstream(&self, fields: Fields<'_>) -> Read<Self> {
        match SHARED.iter().find(|name| fields.has(name)) {
            None => self.read(fields),
            Some(name) => Err(format!(
                "{}.{name}: is one limit for all upstreams; set it in the filter's limits",
                fields.at()
            )),
        }
    }

    /// These limits with some fields replaced.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it and what it takes.
    #[inline(never)]
    pub(super) fn read(&self, mut fields: Fields<'_>) -> Read<Self> {
        let mut limits = self.clone();
        for (name, limit) in [
            ("request_bytes_max", &mut limits.request_bytes_max),
            ("input_items_max", &mut limits.input_items_max),
            ("tools_max", &mut limits.tools_max),
            ("depth_max", &mut limits.depth_max),
            ("json_values_max", &mut limits.json_values_max),
            ("event_bytes_max", &mut limits.event_bytes_max),
            ("arguments_bytes_max", &mut limits.arguments_bytes_max),
            ("output_bytes_max", &mut limits.output_bytes_max),
            ("tool_calls_max", &mut limits.tool_calls_max),
            ("error_bytes_max", &mut limits.error_bytes_max),
        ] {
            // Nothing gets through a limit of 0, and the filter's memory has no more than 4 GiB.
            let number = fields.take(name).whole(1..=i64::from(u32::MAX))?;
            *limit = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(*limit);
        }
        fields.end()?;
        Ok(limits)
    }
}
