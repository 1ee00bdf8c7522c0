//! Data that is not one chunk: lists, broken JSON, several documents in one event, noise.

use serde_json::value::RawValue;

use super::Reader;
use crate::dialect::errors;
use crate::dialect::outlet::Sink;
use crate::dialect::repair::repair;
use crate::error::{ApiError, Class};

impl Reader {
    /// Reads what is not one JSON object.
    #[inline(never)]
    pub(super) fn read_irregular(
        &mut self,
        depth: u8,
        event: &[u8],
        data: &[u8],
        sink: &mut Sink<'_>,
    ) {
        let data = data.trim_ascii();
        match data.first() {
            None => {}
            Some(b'{') => self.read_broken(depth, event, data, sink),
            Some(b'[') => {
                for element in serde_json::from_slice::<Vec<&RawValue>>(data).unwrap_or_default() {
                    self.read_within(depth, event, element.get().as_bytes(), sink);
                }
            }
            Some(_) if event == b"error" => self.fail(errors::in_stream(data), sink),
            // W2: a web page in place of an answer.
            Some(b'<') if !self.outlet.spoke && is_page(data) => {
                self.fail(errors::in_stream(data), sink);
            }
            Some(b'd') if data.starts_with(b"data:") => {
                self.read_within(depth, event, data.get(5..).unwrap_or_default(), sink);
            }
            Some(_) => self.read_lines(depth, event, data, sink),
        }
    }

    /// W6: mends a JSON object that does not parse; the last resort is one document per line (W1).
    fn read_broken(&mut self, depth: u8, event: &[u8], data: &[u8], sink: &mut Sink<'_>) {
        let repaired = repair(data);
        if let Ok(chunk) = serde_json::from_str(&repaired) {
            return self.read_chunk(depth, event, repaired.as_bytes(), &chunk, sink);
        }
        // A member that comes twice is no error for a parser that keeps the last one.
        let unique = serde_json::from_str::<serde_json::Value>(&repaired)
            .and_then(|value| serde_json::to_string(&value))
            .unwrap_or_default();
        if let Ok(chunk) = serde_json::from_str(&unique) {
            return self.read_chunk(depth, event, unique.as_bytes(), &chunk, sink);
        }
        if memchr::memchr(b'\n', data).is_some() {
            return self.read_lines(depth, event, data, sink);
        }
        if event == b"error" {
            return self.fail(errors::in_stream(data), sink);
        }
        if !std::mem::replace(&mut self.warned, true) {
            log::warn!("an event of the upstream is no JSON ({} bytes); it is skipped", data.len());
        }
        if !self.outlet.calls.is_empty() && self.finish.is_none() {
            let message = "The upstream sent an event that is no JSON within a tool call, so a part \
                           of the call may be missing.";
            self.fail(ApiError::new(Class::Server, message), sink);
        }
    }

    fn read_lines(&mut self, depth: u8, event: &[u8], data: &[u8], sink: &mut Sink<'_>) {
        for line in data.split(|&byte| byte == b'\n').filter(|line| line.len() < data.len()) {
            self.read_within(depth, event, line, sink);
        }
    }
}

/// True for markup; a lone `<` may be noise.
fn is_page(data: &[u8]) -> bool {
    let start = data.get(..5).unwrap_or_default().to_ascii_lowercase();
    start == b"<html" || start == b"<?xml" || start.starts_with(b"<!")
}
