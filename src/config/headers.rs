//! Headers that a request gets or loses on its way to an upstream.

use std::borrow::Cow;

use crate::json::fields::{Fields, Read};

/// Headers to set (with a value) or to remove (without one), in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits(Vec<(String, Option<String>)>);

/// Headers that belong to the host or to the translation.
const RESERVED: [&str; 8] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
];

impl HeaderEdits {
    /// Reads an object of header names with strings, or `null` for headers to be removed.
    ///
    /// # Errors
    /// A sentence that names the header. It never quotes a value, which may be a secret.
    #[inline(never)]
    pub(super) fn read(fields: Fields<'_>) -> Read<Self> {
        let mut edits: Vec<(String, _)> = Vec::new();
        for (name, field) in fields.each() {
            let at = field.path().to_owned();
            let lower = header_name(name).map_err(|reason| format!("{at}: {reason}"))?;
            let value = field
                .or_null()
                .text()
                .map_err(|reason| format!("{reason}, or null to remove the header"))?;
            if !value.as_deref().is_none_or(is_header_value) {
                return Err(format!(
                    "{at}: the value has characters that no header may have; takes visible ASCII \
                     with single spaces or tabs between"
                ));
            }
            let place = edits.partition_point(|(name, _)| *name <= lower);
            edits.insert(place, (lower, value));
        }
        if let Some([(name, _), _]) = edits.array_windows().find(|[a, b]| a.0 == b.0) {
            let at = fields.at();
            return Err(format!("{at}: has `{name}` twice, in different case; keep one"));
        }
        Ok(Self(edits))
    }

    /// Names with values to set, or without one to remove.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

/// The name in lower case, as HTTP/2 demands.
///
/// # Errors
/// What is wrong with it and what it takes.
pub(super) fn header_name(name: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("is no header name; takes letters, digits and `-`".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) {
        return Err("belongs to the translation; leave it out".to_owned());
    }
    Ok(lower)
}

fn is_header_value(value: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    value.bytes().all(is_allowed) && value.trim() == value
}

/// A text of a client as a header value: every byte that is no visible ASCII, and `%` itself, becomes
/// `%XX`, so that different texts stay different and none can add a header. At most 256 bytes.
pub fn escaped(text: &str) -> Cow<'_, str> {
    const BYTES_MAX: usize = 256;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    if text.len() <= BYTES_MAX && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut value = String::with_capacity(text.len().min(BYTES_MAX));
    for byte in text.bytes() {
        let width = if is_plain(byte) { 1 } else { 3 };
        if value.len() + width > BYTES_MAX {
            break;
        }
        if width == 1 {
            value.push(char::from(byte));
        } else {
            value.push('%');
            value.extend([byte >> 4, byte & 15].map(hex_digit));
        }
    }
    Cow::Owned(value)
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_add_a_header() {
        for (text, value) in [
            ("gpt-5/x:free@1", "gpt-5/x:free@1"),
            ("a\r\nx-admin: 1", "a%0D%0Ax-admin:%201"),
            ("模", "%E6%A8%A1"),
            ("100%", "100%25"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), value);
        }
        assert_eq!(escaped(&"x".repeat(1000)).len(), 256);
        assert_eq!(escaped(&"\n".repeat(1000)), "%0A".repeat(85));
    }
}
