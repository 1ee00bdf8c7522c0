//! The end of a JSON string, and what is wrong with what stands before it.
//!
//! Most bytes of a large document stand in its long strings, so this decides what reading one costs.
//! Long ones are read in blocks of 64: every byte that needs a look becomes one bit of a word. With
//! `simd128` those bits are found sixteen at a time, otherwise eight.

use super::document::Reason;

#[cfg(target_feature = "simd128")]
mod lanes;
#[cfg(not(target_feature = "simd128"))]
mod words;

#[cfg(target_feature = "simd128")]
use lanes as width;
#[cfg(not(target_feature = "simd128"))]
use words as width;

/// Where a string ends, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The closing quote.
    pub(super) at: usize,
    /// Whether there are escapes.
    pub(super) escapes: bool,
    /// Whether there are escapes that may be half of a surrogate pair.
    pub(super) surrogates: bool,
}

/// The end of the string whose text begins at `at`; `None` for what [`string_fault`] knows about.
#[inline]
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<End> {
    width::string_end(bytes, End { at, escapes: false, surrogates: false })
}

/// The end of the same string, if it is short and plain, as most are; `None` says nothing.
#[inline]
pub(super) fn short_string(bytes: &[u8], at: usize) -> Option<usize> {
    width::short_string(bytes, at)
}

/// Reads byte by byte.
#[inline]
fn last_bytes(bytes: &[u8], mut found: End) -> Option<End> {
    loop {
        match bytes.get(found.at)? {
            b'"' => return Some(found),
            b'\\' | 0..0x20 => found.escape(bytes)?,
            _ => found.at += 1,
        }
    }
}

impl End {
    /// Goes over an escape, or not over a control character.
    #[inline]
    fn escape(&mut self, bytes: &[u8]) -> Option<()> {
        match bytes.get(self.at..)? {
            [b'\\', escaped, ..] if is_simple(*escaped) => self.at += 2,
            [b'\\', b'u', a, b, c, d, ..]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
            {
                self.surrogates |= matches!(a, b'd' | b'D');
                self.at += 6;
            }
            _ => return None,
        }
        self.escapes = true;
        Some(())
    }
}

/// What is wrong with a string of which there is no end, and where.
#[cold]
pub(super) fn string_fault(bytes: &[u8], at: usize) -> (usize, Reason) {
    let mut found = End { at, escapes: false, surrogates: false };
    loop {
        let expected = match bytes.get(found.at) {
            None => "`\"`",
            Some(b'\\') if found.escape(bytes).is_some() => continue,
            Some(b'\\') => "an escape of JSON",
            Some(0..0x20) => "an escape instead of a control character",
            Some(_) => {
                found.at += 1;
                continue;
            }
        };
        return (found.at, Reason::Expected(expected));
    }
}

/// The letters of escapes that are two characters long.
static SIMPLE: [bool; 256] = {
    let mut simple = [false; 256];
    let mut letters: &[u8] = b"\"\\/bfnrt";
    while let [letter, rest @ ..] = letters {
        #[allow(clippy::indexing_slicing, reason = "evaluated while compiling")]
        {
            simple[*letter as usize] = true;
        }
        letters = rest;
    }
    simple
};

#[inline]
fn is_simple(escaped: u8) -> bool {
    SIMPLE.get(usize::from(escaped)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, for a string that is short and plain.
    fn shortly(bytes: &[u8], at: usize) -> Option<usize> {
        let end = short_string(bytes, at)?;
        assert_eq!(string_end(bytes, at), Some(End { at: end, escapes: false, surrogates: false }));
        Some(end)
    }

    #[test]
    fn short_strings_end_at_their_quote() {
        for (len, behind) in (0..40).flat_map(|len| (0..40).map(move |behind| (len, behind))) {
            for begin in 0..9 {
                let bytes = ["\"".repeat(begin), "x".repeat(len), "\"".repeat(1 + behind)].concat();
                let end = shortly(bytes.as_bytes(), begin);
                assert!([None, Some(begin + len)].contains(&end), "{len} before {behind}");
                // One that is followed by as much as is read at once is found.
                assert!(end.is_some() || len >= 16 || len + behind < 16, "{len} before {behind}");
            }
        }
    }

    #[test]
    fn short_strings_are_plain() {
        for byte in 0..=0xff {
            for (len, place) in (0..40).flat_map(|len| (0..len).map(move |place| (len, place))) {
                let mut bytes = vec![b'x'; len];
                bytes[place] = byte;
                bytes.resize(80, b'"');
                let end = if byte == b'"' { place } else { len };
                assert!(
                    [None, Some(end)].contains(&shortly(&bytes, 0)),
                    "{byte} at {place} of {len}"
                );
                if matches!(byte, b'\\' | 0..0x20) {
                    assert_eq!(short_string(&bytes, 0), None, "{byte} at {place} of {len}");
                }
                // The text ends before the string does.
                assert_eq!(short_string(&bytes[..place], 0), None);
            }
        }
    }

    /// The same, byte by byte.
    fn slowly(bytes: &[u8]) -> Option<End> {
        last_bytes(bytes, End { at: 0, escapes: false, surrogates: false })
    }

    fn quickly(bytes: &[u8]) -> Option<End> {
        string_end(bytes, 0)
    }

    #[test]
    fn every_byte_is_told_apart_in_every_place() {
        for byte in 0..=0xff {
            for len in 0..150 {
                let mut bytes = vec![b'x'; 150];
                bytes.push(b'"');
                bytes[len] = byte;
                assert_eq!(quickly(&bytes), slowly(&bytes), "{byte} behind {len}");
                bytes[len + 1..].fill(byte ^ 0x80);
                assert_eq!(quickly(&bytes), slowly(&bytes), "{byte} behind {len} before others");
            }
        }
    }

    #[test]
    fn every_escape_is_told_apart_in_every_place() {
        for byte in 0..=0xff {
            for len in 0..150 {
                let mut bytes = vec![b'x'; len];
                bytes.extend([b'\\', byte]);
                bytes.resize(160, b'7');
                bytes.push(b'"');
                assert_eq!(quickly(&bytes), slowly(&bytes), "{byte} escaped behind {len}");
                bytes.truncate(len + 2);
                bytes.push(b'"');
                assert_eq!(
                    quickly(&bytes),
                    slowly(&bytes),
                    "{byte} escaped behind {len} at the end"
                );
            }
        }
    }

    #[test]
    fn runs_of_backslashes_end_in_an_escape_or_not() {
        for before in 0..130 {
            for run in 0..140 {
                let bytes =
                    ["x".repeat(before), "\\".repeat(run), "\"n\" and \"".repeat(20)].concat();
                assert_eq!(
                    quickly(bytes.as_bytes()),
                    slowly(bytes.as_bytes()),
                    "{run} behind {before}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_read_what_bytes_do(
            pieces in prop::collection::vec(
                prop_oneof![
                    8 => "[ -!#-\\[\\]-~]{0,40}",
                    6 => r#"\\["\\/bfnrt]"#,
                    2 => r#"(\\\\){1,40}"#,
                    2 => r"\\u[0-9a-fA-F]{4}",
                    1 => "é{1,30}",
                ],
                0..40,
            ),
            end in prop_oneof![
                8 => Just("\" \\"), 1 => Just(""), 1 => Just("\\"), 1 => Just("\\x\""), 1 => Just("\n\""),
                1 => Just("\\u12g4\""), 1 => Just("\\u12"),
            ],
            behind in "[\u{1}-\u{7f}]{0,80}",
        ) {
            let text = [pieces.concat().as_str(), end, behind.as_str()].concat();
            for cut in 0..text.len().min(9) {
                let bytes = &text.as_bytes()[cut..];
                prop_assert_eq!(quickly(bytes), slowly(bytes));
            }
        }
    }
}
