//! One line of a body: where it ends, and what it can be.

use super::nesting::Nesting;
use crate::json::wide;

/// The first line without its end, the byte that ended it, and what follows.
pub fn split_line(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let mut at = 0;
    loop {
        at += wide::printed_len(bytes.get(at..)?);
        let (line, rest) = bytes.split_at_checked(at)?;
        match rest.split_first()? {
            (&end @ (b'\n' | b'\r'), after) => return Some((line, end, after)),
            // Other control characters are rare, and none of JSON but the tab.
            _ => at += 1,
        }
    }
}

/// True for a line that is a JSON object from its first to its last byte, so that what follows can
/// only be another document.
pub fn is_whole_object(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let mut nesting = Nesting::default();
    nesting.read(line);
    line.first() == Some(&b'{') && nesting.is_closed()
}

/// True for a line that begins like a JSON document.
pub fn opens_document(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// True for a line of server-sent events that no line of JSON can look like.
pub fn is_field(line: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b"id:", b"retry:", b": "].iter().any(|field| line.starts_with(field))
}
