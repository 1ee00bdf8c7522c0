//! Data that is not one chunk: lists, broken JSON, several documents in one event, noise.

use super::Reader;
use crate::dialect::errors;
use crate::dialect::outlet::Sink;
use crate::dialect::repair::repair;
use crate::dialect::value;
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
                let text = std::str::from_utf8(data).unwrap_or_default();
                if let Some(list) = value::document(text) {
                    for element in list.root().elements() {
                        self.read_within(depth, event, element.raw().as_bytes(), sink);
                    }
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
        if let Some(document) = value::document(&repaired) {
            return self.read_chunk(depth, event, document.root(), sink);
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
