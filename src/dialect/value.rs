//! Values whose type no two upstreams agree on.

use std::borrow::Cow;

pub use crate::chat::lenient::{object, objects};
pub use crate::json::document::Kind;

use crate::chat::lenient::Raw;
use crate::json::JsonText;
use crate::json::decimal::Decimal;
use crate::json::document::{Bounds, Document, Fault, Value};

/// The document that a text is.
///
/// # Errors
/// Where the text stops being one.
pub fn read(text: &str) -> Result<Document<'_>, Fault> {
    Document::parse(text, Bounds::USUAL)
}

/// The document that a text is, if it is one.
pub fn document(text: &str) -> Option<Document<'_>> {
    read(text).ok()
}

/// A string that is not empty.
pub fn text(raw: Raw<'_>) -> Option<JsonText<'_>> {
    raw?.text().filter(|text| !text.is_empty())
}

/// A string or number, decoded; neither empty nor the word `null`.
pub fn word(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let raw = raw?;
    let word = match raw.kind() {
        Kind::Number => Cow::Borrowed(raw.raw()),
        Kind::String => raw.decoded()?,
        Kind::Array | Kind::Bool | Kind::Null | Kind::Object => return None,
    };
    (!word.is_empty() && word != "null").then_some(word)
}

/// A number, whether written as one or as a string. Negative ones count as 0.
pub fn number(raw: Raw<'_>) -> Option<u64> {
    let digits = raw?.raw().trim_matches('"').trim();
    if let Ok(number) = digits.parse() {
        return Some(number);
    }
    Decimal::parse(digits).map(Decimal::whole)
}

/// False for the values that say nothing: `""`, `[]`, `{}`, `false`, `0` and `null`.
pub fn is_news(raw: Raw<'_>) -> bool {
    let Some(raw) = raw else { return false };
    match raw.kind() {
        Kind::Bool => raw.raw() == "true",
        Kind::Null => false,
        Kind::Number => raw.raw() != "0",
        // A blank is a piece like any other.
        Kind::String => raw.raw() != "\"\"",
        Kind::Array | Kind::Object => !raw.is_empty(),
    }
}

/// The elements of an array; none when the value is of another kind.
pub fn elements<'d>(raw: Raw<'d>) -> impl Iterator<Item = Value<'d>> {
    raw.into_iter().flat_map(Value::elements)
}

/// A JSON document without the whitespace between its tokens.
pub fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Cow::Borrowed(json);
    }
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|&char| {
        let kept = in_string || !char.is_ascii_whitespace();
        if escaped {
            escaped = false;
        } else if char == '"' {
            in_string = !in_string;
        } else {
            escaped = in_string && char == '\\';
        }
        kept
    });
    Cow::Owned(kept.collect())
}

/// Follows a JSON object or array whose text comes in pieces, to its end.
#[derive(Clone, Copy, Debug)]
pub struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    /// Before the value.
    pub const NEW: Self = Self { depth: 0, in_string: false, escaped: false };

    /// Reads on in the text. What stands behind the value in `text`, once it is closed.
    pub fn read<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return text.get(at + 1..);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `read` makes of a value.
    fn of<T>(json: &str, read: impl FnOnce(Raw<'_>) -> T) -> T {
        let document = document(json).unwrap();
        read(Some(document.root()).filter(|value| !value.is_null()))
    }

    #[test]
    fn words_are_strings_or_numbers() {
        for (json, expected) in [
            ("\"stop\"", Some("stop")),
            ("\"a\\u0062\"", Some("ab")),
            ("429", Some("429")),
            ("\"\"", None),
            ("\"null\"", None),
            ("null", None),
            ("{}", None),
        ] {
            let word = of(json, |raw| word(raw).map(Cow::into_owned));
            assert_eq!(word.as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn numbers_are_read_leniently() {
        for (json, expected) in [
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("\"12\"", Some(12)),
            ("-3", Some(0)),
            ("null", None),
            ("{}", None),
            ("\"x\"", None),
        ] {
            assert_eq!(of(json, number), expected, "{json}");
        }
    }

    #[test]
    fn empty_values_are_no_news() {
        for (json, expected) in [
            ("\"\"", false),
            ("{ }", false),
            ("[]", false),
            ("0", false),
            ("false", false),
            ("null", false),
            ("\"x\"", true),
            ("\" \"", true),
            ("{\"a\":1}", true),
            ("5", true),
        ] {
            assert_eq!(of(json, is_news), expected, "{json}");
        }
    }

    #[test]
    fn nesting_finds_the_end_in_pieces() {
        let text = r#"{"a":["}\"{",{}]} {"#;
        for size in 1..=text.len() {
            let mut nesting = Nesting::NEW;
            let mut read = 0;
            for piece in text.as_bytes().chunks(size) {
                let rest = nesting.read(std::str::from_utf8(piece).unwrap());
                read += piece.len() - rest.unwrap_or_default().len();
                if rest.is_some() {
                    break;
                }
            }
            assert_eq!(read, text.len() - 2, "pieces of {size}");
        }
    }

    #[test]
    fn compacting_leaves_strings_alone() {
        assert_eq!(compact("{ \"a b\" :\n [ 1, \"\\\" \\\\\" ] }"), r#"{"a b":[1,"\" \\"]}"#);
        assert_eq!(compact("{\"a\":1}"), "{\"a\":1}");
    }
}
