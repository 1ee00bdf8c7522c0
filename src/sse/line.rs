//! One line of a body: where it ends, and what it can be.

use memchr::memchr2;

/// The first line without its end, the byte that ended it, and what follows.
pub fn split_line(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr2(b'\n', b'\r', bytes)?)?;
    let (&end, after) = rest.split_first()?;
    Some((line, end, after))
}

/// True for a line that is a JSON object from its first to its last byte, so that what follows can
/// only be another document.
pub fn is_whole_object(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let closes = line.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    line.first() == Some(&b'{') && closes.is_some_and(|at| at + 1 == line.len())
}

/// True for a line that begins like a JSON document.
pub fn opens_document(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// True for a line of server-sent events that no line of JSON can look like.
pub fn is_field(line: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b"id:", b"retry:", b": "].iter().any(|field| line.starts_with(field))
}
