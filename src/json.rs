//! JSON text that is carried instead of read.
//!
//! Most of what passes through this filter is text that nobody here looks into: deltas, messages,
//! schemas, tool outputs. [`JsonText`] is such a string in the form it has between the quotes of a
//! JSON document, so it moves from one document into another without being decoded and encoded
//! again. [`Object`] and [`Array`] write documents around it.
//!
//! This file knows JSON (RFC 8259) and nothing of either API.

use std::borrow::Cow;

pub use bytes::{JsonBytes, Pieces};
pub use escapes::repair_surrogates;

mod bytes;
pub mod decimal;
pub mod directory;
pub mod document;
mod escapes;
pub mod fields;
pub mod kept;
#[cfg(target_feature = "simd128")]
mod lanes;
pub mod line;
pub mod nested;
pub mod reading;
mod scan;
pub mod search;
mod string_end;
pub mod wide;

/// The body of a JSON string: escaped, valid, without its quotes.
///
/// Invariant: `"` + text + `"` is one JSON string that strict parsers accept. Lone surrogate
/// escapes, which some upstreams emit and strict parsers refuse, have become U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonText<'a>(Cow<'a, str>);

impl<'a> JsonText<'a> {
    /// The text without any character.
    pub const EMPTY: JsonText<'static> = JsonText(Cow::Borrowed(""));

    /// Encodes decoded text.
    pub fn encode(decoded: &'a str) -> Self {
        if wide::is_plain(decoded.as_bytes()) {
            return Self(Cow::Borrowed(decoded));
        }
        let mut text = JsonText::EMPTY;
        text.push_decoded(decoded);
        text
    }

    /// The text as its reader will see it.
    pub fn decode(&self) -> Cow<'_, str> {
        if memchr::memchr(b'\\', self.0.as_bytes()).is_none() {
            return Cow::Borrowed(&self.0);
        }
        Cow::Owned(escapes::unescape(&self.0))
    }

    /// The escaped form, as it stands between the quotes.
    pub fn escaped(&self) -> &str {
        &self.0
    }

    /// True when there is no character.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Length of the escaped form in bytes: what the text costs in a buffer.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The text behind the first `len` bytes of the escaped form, which must be a length that this
    /// text once had.
    pub fn after(&self, len: usize) -> Option<JsonText<'_>> {
        self.0.get(len..).map(|rest| JsonText(Cow::Borrowed(rest)))
    }

    /// What follows `prefix`, or `None` when the text does not begin with it. Both must be escaped
    /// in the same way, as two texts of one writer are.
    pub fn strip_prefix(&self, prefix: &JsonText<'_>) -> Option<JsonText<'_>> {
        Some(JsonText(Cow::Borrowed(self.0.strip_prefix(&*prefix.0)?)))
    }

    /// Whether the text, as its reader will see it, begins with `prefix`.
    pub fn begins_with(&self, prefix: &str) -> bool {
        match self.0.get(..prefix.len()) {
            Some(beginning) if !beginning.contains('\\') => beginning == prefix,
            _ => self.decode().starts_with(prefix),
        }
    }

    /// The text as its reader will see it.
    pub fn into_decoded(self) -> Cow<'a, str> {
        match self.0 {
            Cow::Borrowed(text) if !text.contains('\\') => Cow::Borrowed(text),
            text => Cow::Owned(Self(text).decode().into_owned()),
        }
    }

    /// Appends text that is already escaped.
    pub fn push(&mut self, text: &JsonText<'_>) {
        self.0.to_mut().push_str(&text.0);
    }

    /// Appends the inside of a JSON string whose escapes are whole.
    pub fn push_escaped(&mut self, body: &str) {
        self.0.to_mut().push_str(&repair_surrogates(body));
    }

    /// Appends decoded text.
    pub fn push_decoded(&mut self, decoded: &str) {
        let text = self.0.to_mut();
        escapes::escape(decoded, |piece| text.push_str(piece));
    }

    /// A copy that borrows from this one.
    pub fn borrowed(&self) -> JsonText<'_> {
        JsonText(Cow::Borrowed(&self.0))
    }

    /// The same text, owning its bytes.
    pub fn into_owned(self) -> JsonText<'static> {
        JsonText(Cow::Owned(self.0.into_owned()))
    }
}

/// Writes the members of one JSON object, in the order of the calls.
///
/// Its methods are not inlined: documents are written once or twice per exchange, by code that is cold every
/// time, so what counts is how much of it there is.
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// Writes one JSON object; `members` writes what is in it.
pub fn object(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    members(&mut Object { out, empty: true });
    out.push(b'}');
}

/// Writes the members of one JSON object without the braces around them.
pub fn members(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
    members(&mut Object { out, empty: true });
}

/// Writes one JSON array; `elements` writes what is in it.
pub fn array(out: &mut Vec<u8>, elements: impl FnOnce(&mut Array<'_>)) {
    out.push(b'[');
    elements(&mut Array { out, empty: true });
    out.push(b']');
}

impl Object<'_> {
    /// Starts a member; the returned buffer takes exactly one JSON value. The name is one of an API's: plain
    /// letters, nothing to escape.
    #[inline(never)]
    pub fn member(&mut self, name: &'static str) -> &mut Vec<u8> {
        debug_assert!(wide::is_plain(name.as_bytes()));
        if std::mem::take(&mut self.empty) {
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(b",\"");
        }
        wide::append(self.out, name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// The same with a name from outside.
    pub fn named_member(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        write_str(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A string member from decoded text.
    #[inline(never)]
    pub fn str(&mut self, name: &'static str, value: &str) {
        write_str(self.member(name), value);
    }

    /// A string member of an API's own words, ids and the like: nothing to escape.
    #[inline(never)]
    pub fn plain(&mut self, name: &'static str, value: &str) {
        debug_assert!(wide::is_plain(value.as_bytes()));
        write_quoted(self.member(name), value);
    }

    /// A string member from carried text.
    #[inline(never)]
    pub fn text(&mut self, name: &'static str, value: &JsonText<'_>) {
        write_text(self.member(name), value);
    }

    /// An unsigned number.
    #[inline(never)]
    pub fn number(&mut self, name: &'static str, value: u64) {
        write_number(self.member(name), value);
    }

    /// `true` or `false`.
    pub fn bool(&mut self, name: &'static str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// An explicit null.
    pub fn null(&mut self, name: &'static str) {
        self.raw(name, "null");
    }

    /// A member whose value is already JSON.
    #[inline(never)]
    pub fn raw(&mut self, name: &'static str, json: &str) {
        wide::append(self.member(name), json.as_bytes());
    }

    /// A string member, null without one.
    pub fn optional_str(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.str(name, value),
            None => self.null(name),
        }
    }

    /// An object as a member.
    pub fn object(&mut self, name: &'static str, members: impl FnOnce(&mut Object<'_>)) {
        object(self.member(name), members);
    }

    /// An array as a member.
    pub fn array(&mut self, name: &'static str, elements: impl FnOnce(&mut Array<'_>)) {
        array(self.member(name), elements);
    }

    /// Members that are already JSON and separated by commas: the inside of another object.
    pub fn members(&mut self, json: &[u8]) {
        if json.is_empty() {
            return;
        }
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(json);
    }
}

/// Writes the elements of one JSON array.
pub struct Array<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl Array<'_> {
    /// Starts an element; the returned buffer takes exactly one JSON value.
    pub fn element(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out
    }

    /// An element that is already JSON.
    pub fn raw(&mut self, json: &[u8]) {
        wide::append(self.element(), json);
    }

    /// An object as an element.
    pub fn object(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        object(self.element(), members);
    }
}

/// Writes decoded text as a JSON string.
pub fn write_str(out: &mut Vec<u8>, decoded: &str) {
    out.push(b'"');
    if wide::is_plain(decoded.as_bytes()) {
        wide::append(out, decoded.as_bytes());
    } else {
        write_escaped(out, decoded);
    }
    out.push(b'"');
}

#[inline(never)]
fn write_escaped(out: &mut Vec<u8>, decoded: &str) {
    escapes::escape(decoded, |piece| out.extend_from_slice(piece.as_bytes()));
}

/// Writes carried text as a JSON string.
pub fn write_text(out: &mut Vec<u8>, text: &JsonText<'_>) {
    write_quoted(out, text.escaped());
}

/// Writes what needs no escapes any more as a JSON string.
fn write_quoted(out: &mut Vec<u8>, escaped: &str) {
    out.push(b'"');
    wide::append(out, escaped.as_bytes());
    out.push(b'"');
}

/// Writes an unsigned number in decimal.
pub fn write_number(out: &mut Vec<u8>, value: u64) {
    // Most are places and counts.
    if value < 10 {
        out.push(b'0' + value as u8);
    } else {
        wide::append(out, Digits::default().of(value, b""));
    }
}

/// Room for the decimal digits of a number and a few bytes behind them.
#[derive(Debug, Default)]
pub struct Digits([u8; 24]);

impl Digits {
    /// The digits of `value` and `behind`, which has at most four bytes.
    pub fn of(&mut self, mut value: u64, behind: &[u8]) -> &[u8] {
        let mut start = self.0.len();
        for (place, byte) in self.0.iter_mut().rev().zip(behind.iter().rev()) {
            *place = *byte;
            start -= 1;
        }
        for place in self.0.iter_mut().rev().skip(behind.len()) {
            // A remainder of ten fits into a byte.
            *place = b'0' + (value % 10) as u8;
            start -= 1;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.0.get(start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a document carries that is one string.
    fn carried(json: &str) -> Option<JsonText<'static>> {
        let document = document::Document::parse(json, document::Bounds::USUAL).unwrap();
        document.root().text().map(JsonText::into_owned)
    }

    #[test]
    fn a_string_is_carried_with_its_escapes() {
        let text = carried(r#""a\n\"b\" \u00e9""#).unwrap();
        assert_eq!(text.escaped(), r#"a\n\"b\" \u00e9"#);
        assert_eq!(text.decode(), "a\n\"b\" é");
    }

    #[test]
    fn only_strings_are_text() {
        for json in ["1", "null", "{}", "[\"a\"]", "true"] {
            assert_eq!(carried(json), None, "{json}");
        }
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        for (json, decoded) in [
            (r#""\ud83d\ude00!""#, "😀!"),
            (r#""a\ud83d""#, "a\u{FFFD}"),
            (r#""\ude00b""#, "\u{FFFD}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\uD83D\n""#, "\u{FFFD}\n"),
        ] {
            assert_eq!(carried(json).unwrap().decode(), decoded, "{json}");
        }
    }

    #[test]
    fn encoding_is_the_reverse_of_decoding() {
        for decoded in ["", "plain", "q\"b\\n\n\u{1}\u{7f}é😀"] {
            let mut text = JsonText::encode(decoded);
            assert_eq!(text.decode(), decoded);
            text.push_decoded("\t");
            assert_eq!(text.decode(), format!("{decoded}\t"));
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for value in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut out = b"n".to_vec();
            write_number(&mut out, value);
            out.extend_from_slice(Digits::default().of(value, b"}\n\n"));
            assert_eq!(String::from_utf8(out).unwrap(), format!("n{value}{value}}}\n\n"));
        }
    }

    #[test]
    fn objects_and_arrays_nest() {
        let mut out = Vec::new();
        object(&mut out, |o| {
            o.str("a", "x\"y");
            o.number("n", 7);
            o.array("l", |l| {
                l.object(|o| o.null("z"));
                l.raw(b"true");
            });
            o.object("e", |_| {});
            o.members(br#""k":1"#);
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"a":"x\"y","n":7,"l":[{"z":null},true],"e":{},"k":1}"#
        );
    }
}
