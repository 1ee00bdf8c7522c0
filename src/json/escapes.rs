//! Escapes of JSON strings (RFC 8259 §7): written, read, and repaired.

use std::borrow::Cow;

use super::wide;

/// Control characters, as serde_json and most writers escape them.
static CONTROLS: [&str; 0x20] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\b",
    "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012",
    "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a",
    "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];

/// Gives the escaped form of decoded text to `push`, piece by piece.
pub fn escape(decoded: &str, mut push: impl FnMut(&str)) {
    let mut rest = decoded;
    loop {
        let plain = wide::plain_len(rest.as_bytes());
        let (before, special) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        push(before);
        let Some(byte) = special.bytes().next() else { return };
        push(match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            control => CONTROLS.get(usize::from(control)).copied().unwrap_or_default(),
        });
        rest = special.get(1..).unwrap_or_default();
    }
}

/// Decodes text whose escapes are valid. Surrogates without their other half become U+FFFD.
pub fn unescape(escaped: &str) -> String {
    let mut decoded = String::with_capacity(escaped.len());
    let mut rest = escaped;
    loop {
        let plain = wide::plain_len(rest.as_bytes());
        let (before, special) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        decoded.push_str(before);
        let Some((special, behind)) = special.split_at_checked(1) else { return decoded };
        // What else is special in a document is escaped in a string.
        let (character, taken) = match special {
            "\\" => character(behind),
            other => (char::from(other.as_bytes().first().copied().unwrap_or_default()), 0),
        };
        decoded.push(character);
        rest = behind.get(taken..).unwrap_or_default();
    }
}

/// The character of an escape, its backslash already taken off, and the length of the rest.
fn character(escape: &str) -> (char, usize) {
    let Some(unit_1) = unit(escape) else {
        let character = match escape.bytes().next() {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return escape.chars().next().map_or(('\\', 1), |c| (c, c.len_utf8())),
        };
        return (character, 1);
    };
    let unit_2 = escape.get(5..).and_then(|low| unit(low.strip_prefix('\\')?)).unwrap_or_default();
    match (unit_1, unit_2) {
        (0xD800..=0xDBFF, 0xDC00..=0xDFFF) => {
            let scalar = 0x1_0000 + ((unit_1 - 0xD800) << 10) + (unit_2 - 0xDC00);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        _ => (char::from_u32(unit_1).unwrap_or(char::REPLACEMENT_CHARACTER), 5),
    }
}

/// Replaces lone surrogate escapes, which RFC 8259 §8.2 calls unpredictable and serde_json refuses,
/// by U+FFFD. Takes the inside of a string or a whole document: outside of strings there are no
/// escapes.
pub fn repair_surrogates(body: &str) -> Cow<'_, str> {
    if !has_surrogates(body) {
        return Cow::Borrowed(body);
    }
    let mut repaired = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((plain, escape)) = rest.split_once('\\') {
        repaired.push_str(plain);
        let taken = match (unit(escape), character(escape)) {
            (Some(0xD800..=0xDFFF), (char::REPLACEMENT_CHARACTER, taken)) => {
                repaired.push(char::REPLACEMENT_CHARACTER);
                rest = escape.get(taken..).unwrap_or_default();
                continue;
            }
            (_, (_, taken)) => taken,
        };
        let (kept, after) = escape.split_at_checked(taken).unwrap_or((escape, ""));
        repaired.push('\\');
        repaired.push_str(kept);
        rest = after;
    }
    repaired.push_str(rest);
    Cow::Owned(repaired)
}

fn has_surrogates(body: &str) -> bool {
    let mut rest = body.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        match rest.get(at + 1..).unwrap_or_default() {
            [b'u', b'd' | b'D', ..] => return true,
            [_, after @ ..] => rest = after,
            [] => return false,
        }
    }
    false
}

/// Whether four bytes are the digits of an escape that is no surrogate.
pub fn is_scalar(digits: &[u8]) -> bool {
    let is_surrogate = matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
    !is_surrogate && digits.iter().all(u8::is_ascii_hexdigit)
}

/// The UTF-16 unit of an escape that begins with `u`, its backslash already taken off.
fn unit(escape: &str) -> Option<u32> {
    u32::from_str_radix(escape.strip_prefix('u')?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(decoded: &str) -> String {
        let mut text = String::new();
        escape(decoded, |piece| text.push_str(piece));
        text
    }

    #[test]
    fn every_escape_is_read() {
        for (text, decoded) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20AC", "Aé€"),
            (r"\ud83d\ude00!", "😀!"),
            (r"a\ud83d", "a\u{FFFD}"),
            (r"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
            (r"\ude00\n", "\u{FFFD}\n"),
        ] {
            assert_eq!(unescape(text), decoded, "{text}");
        }
    }

    proptest! {
        #[test]
        fn writes_and_reads_what_serde_does(text in "(?s).{0,12}[\"\\\\\u{0}-\u{20}é]?.{0,12}") {
            let theirs = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(format!("\"{}\"", escaped(&text)), theirs);
            prop_assert_eq!(unescape(&escaped(&text)), text);
        }

        #[test]
        fn reads_any_valid_escapes_as_serde_does(
            text in r#"([a-zé]|\\["\\/bfnrt]|\\u[0-9a-cA-Cef][0-9a-fA-F]{3}|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}){0,12}"#
        ) {
            let theirs: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            prop_assert_eq!(unescape(&text), theirs);
            prop_assert_eq!(&*repair_surrogates(&text), &*text);
        }

        #[test]
        fn whatever_is_repaired_is_valid(text in r#"(x|\\\\|\\n|\\u[dD][0-9a-f]{3}){0,8}"#) {
            let repaired = format!("\"{}\"", repair_surrogates(&text));
            let decoded: String = serde_json::from_str(&repaired).unwrap();
            prop_assert_eq!(decoded, unescape(&text));
        }
    }
}
