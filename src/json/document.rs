//! A JSON document as an index over its text.
//!
//! A request is read once, from left to right, and nothing of it is decoded: a [`Value`] is a place in
//! the text, so what is carried is copied as it stands and what is read is looked up. Nesting costs no
//! stack, depth and number of values are limited, and where the text is no JSON the [`Fault`] says at
//! which byte and in which member. Of members with one name the last one counts.
//!
//! The grammar is RFC 8259 to the letter, because pieces of the text become pieces of other documents.

use std::borrow::Cow;
use std::fmt;

use super::escapes::unescape;
use super::scan::{Scanned, scan};
use super::{JsonText, repair_surrogates, wide};

/// Limits on a document.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Arrays and objects within each other.
    pub depth_max: usize,
    /// Values and member names.
    pub values_max: usize,
}

impl Bounds {
    /// As deep as most parsers allow, and more values than anything within its limit on bytes has use
    /// for.
    pub const USUAL: Self = Self { depth_max: 128, values_max: 1 << 22 };
}

/// A parsed document. [`Document::root`] is its value.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    /// Whether there may be escapes of half a surrogate pair.
    surrogates: bool,
    /// Whether anything but spaces stands between its values.
    breaks: bool,
}

/// One value or member name, in the order of the text.
///
/// What an array or object holds follows it, names before their values, so a walk over its members or
/// elements goes from `next` to `next` and never into what it passes:
///
/// ```text
///  text      {"a":[1,{}],"b":2}
///  index     0  {…}  next 7
///            1    "a"  next 2
///            2    […]  next 5
///            3      1    next 4
///            4      {}   next 5
///            5    "b"  next 6
///            6    2    next 7
/// ```
///
/// It has 16 bytes. There is one in about two hundred bytes of a large request, and one in ten of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Where it begins in the text.
    pub(super) start: u32,
    /// Where it ends in the text.
    pub(super) end: u32,
    /// The node behind it and everything in it.
    pub(super) next: u32,
    /// What it is. A member name is a string.
    pub(super) kind: Kind,
    /// Whether it is a string with escapes.
    pub(super) escapes: bool,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The byte at which it was noticed.
    pub offset: usize,
    /// The member of the outermost object in which that byte stands.
    pub member: Option<String>,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It breaks the grammar; the words say what should have stood there.
    Expected(&'static str),
    /// It is nested deeper than allowed.
    Depth,
    /// It has more values than allowed.
    Values,
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[…]`
    Array,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
    /// A number.
    Number,
    /// `{…}`
    Object,
    /// `"…"`
    String,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "an array",
            Self::Bool => "a boolean",
            Self::Null => "null",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "a string",
        })
    }
}

impl<'t> Document<'t> {
    /// Reads a text of less than 4 GiB.
    ///
    /// # Errors
    /// Where and why the text is no JSON within the bounds.
    pub fn parse(text: &'t str, bounds: Bounds) -> Result<Self, Fault> {
        let Scanned { nodes, surrogates, breaks } = scan(text, bounds)?;
        Ok(Self { text, nodes, surrogates, breaks })
    }

    /// The value the document is.
    #[inline]
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    #[inline]
    fn node(&self, index: u32) -> Node {
        // The default cannot be reached: indexes come from nodes.
        let none = Node { start: 0, end: 0, next: u32::MAX, kind: Kind::Null, escapes: false };
        self.nodes.get(index as usize).copied().unwrap_or(none)
    }

    #[inline]
    fn raw(&self, node: Node) -> &str {
        self.text.get(node.start as usize..node.end as usize).unwrap_or("null")
    }

    /// The text of a string without its quotes.
    #[inline]
    fn body(&self, node: Node) -> &str {
        let (start, end) = (node.start as usize + 1, (node.end as usize).saturating_sub(1));
        self.text.get(start..end).unwrap_or_default()
    }

    #[inline(never)]
    fn name(&self, node: Node) -> Cow<'_, str> {
        let body = self.body(node);
        if node.escapes { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) }
    }

    /// Whether a string says `decoded`. Most that are asked do not, which their length tells.
    #[inline]
    fn says(&self, node: &Node, decoded: &str) -> bool {
        if node.escapes {
            return self.says_escaped(node, decoded);
        }
        let decoded = decoded.as_bytes();
        let place = node.start as usize + 1..node.end as usize - 1;
        place.len() == decoded.len()
            && self.text.as_bytes().get(place).is_some_and(|body| wide::equal(body, decoded))
    }

    #[cold]
    fn says_escaped(&self, node: &Node, decoded: &str) -> bool {
        unescape(self.body(*node)) == decoded
    }
}

/// A value of a document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: u32,
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.raw())
    }
}

impl<'d> Value<'d> {
    /// The text of the value.
    #[inline]
    pub fn raw(self) -> &'d str {
        self.document.raw(self.document.node(self.index))
    }

    /// Whether the text of the document it belongs to stands in one line, without tabs.
    pub fn is_in_one_line(self) -> bool {
        !self.document.breaks
    }

    /// The kind of the value.
    #[inline]
    pub fn kind(self) -> Kind {
        self.document.node(self.index).kind
    }

    /// True for `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text of a string.
    #[inline]
    pub fn text(self) -> Option<JsonText<'d>> {
        if self.kind() != Kind::String {
            return None;
        }
        let body = self.document.body(self.document.node(self.index));
        if self.document.surrogates {
            return Some(JsonText(repair_surrogates(body)));
        }
        Some(JsonText(Cow::Borrowed(body)))
    }

    /// The text of a string, as its reader will see it.
    #[inline(never)]
    pub fn decoded(self) -> Option<Cow<'d, str>> {
        if self.kind() != Kind::String {
            return None;
        }
        let node = self.document.node(self.index);
        let body = self.document.body(node);
        Some(if node.escapes { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) })
    }

    /// True for an array or object in which there is nothing, and for all other values.
    pub fn is_empty(self) -> bool {
        self.next() == self.index + 1
    }

    /// True for a string of these characters.
    #[inline(never)]
    pub fn is(self, decoded: &str) -> bool {
        let node = self.document.node(self.index);
        node.kind == Kind::String && self.document.says(&node, decoded)
    }

    /// Whether this is the member of an object that has this name.
    pub(super) fn is_named(self, name: &str) -> bool {
        // Names stand before their values.
        let node = self.document.node(self.index.saturating_sub(1));
        self.document.says(&node, name)
    }

    /// The elements of an array; none for anything else.
    #[inline]
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> + Clone {
        let end = if self.kind() == Kind::Array { self.next() } else { 0 };
        self.siblings(end)
    }

    /// The members of an object: the name as it is written, with its quotes, and the value.
    #[inline]
    pub fn members(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        self.name_nodes().map(|(name, value)| (value.document.raw(name), value))
    }

    /// The members of an object: the name as it is meant, and the value.
    pub fn named_members(self) -> impl Iterator<Item = (Cow<'d, str>, Value<'d>)> {
        self.name_nodes().map(|(name, value)| (value.document.name(name), value))
    }

    /// The member of an object by its name.
    #[inline(never)]
    pub fn get(self, decoded: &str) -> Option<Value<'d>> {
        let end = if self.kind() == Kind::Object { self.next() } else { return None };
        let (nodes, mut index) = (&*self.document.nodes, self.index + 1);
        // No value of a member is the root.
        let mut found = 0;
        while index < end
            && let (Some(name), Some(value)) =
                (nodes.get(index as usize), nodes.get(index as usize + 1))
        {
            if self.document.says(name, decoded) {
                found = index + 1;
            }
            index = value.next;
        }
        (found != 0).then_some(Value { index: found, ..self })
    }

    /// The members of an object: the name as it is meant, unless it has escapes, and the value.
    #[inline]
    pub(super) fn plain_members(self) -> impl Iterator<Item = (Option<&'d [u8]>, Value<'d>)> {
        self.name_nodes().map(|(name, value)| {
            let place = name.start as usize + 1..name.end as usize - 1;
            let bytes = value.document.text.as_bytes();
            (bytes.get(place).filter(|_| !name.escapes), value)
        })
    }

    /// The name of this member of an object.
    pub(super) fn name(self) -> Cow<'d, str> {
        // Names stand before their values.
        self.document.name(self.document.node(self.index.saturating_sub(1)))
    }

    #[inline]
    fn name_nodes(self) -> impl Iterator<Item = (Node, Value<'d>)> {
        let end = if self.kind() == Kind::Object { self.next() } else { 0 };
        let mut nodes = self.siblings(end);
        std::iter::from_fn(move || {
            let name = nodes.next()?;
            Some((name.document.node(name.index), nodes.next()?))
        })
    }

    #[inline]
    fn next(self) -> u32 {
        self.document.node(self.index).next
    }

    /// The nodes inside this one.
    #[inline]
    fn siblings(self, end: u32) -> Siblings<'d> {
        Siblings { next: Value { index: self.index + 1, ..self }, end }
    }
}

/// Nodes that follow each other.
#[derive(Clone)]
struct Siblings<'d> {
    next: Value<'d>,
    end: u32,
}

impl<'d> Iterator for Siblings<'d> {
    type Item = Value<'d>;

    #[inline]
    fn next(&mut self) -> Option<Value<'d>> {
        let value = self.next;
        if value.index >= self.end {
            return None;
        }
        self.next.index = value.next();
        Some(value)
    }
}

/// Whether these bytes are one document within the usual bounds.
pub fn is_document(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| Document::parse(text, Bounds::USUAL).is_ok())
}

/// What the name of a member says, as [`Value::members`] gives it.
pub fn decoded_name(written: &str) -> Cow<'_, str> {
    let body = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    if body.contains('\\') { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) }
}

/// Whether a string as it is written, quotes included, says `decoded`.
pub fn names(written: &str, decoded: &str) -> bool {
    let Some(body) = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    body == decoded || (body.contains('\\') && JsonText(body.into()).decode() == decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { depth_max: 8, values_max: 64 };

    fn fault(text: &str) -> Fault {
        Document::parse(text, BOUNDS).map(|_| ()).unwrap_err()
    }

    #[test]
    fn values_are_places_in_the_text() {
        let text = r#" {"a": [1, -2.5e+3, "x\n", {}, []] , "b":{"c":null,"\u0063":true}} "#;
        let document = Document::parse(text, BOUNDS).unwrap();
        let root = document.root();
        assert_eq!(root.kind(), Kind::Object);
        let elements: Vec<&str> = root.get("a").unwrap().elements().map(Value::raw).collect();
        assert_eq!(elements, ["1", "-2.5e+3", r#""x\n""#, "{}", "[]"]);
        assert_eq!(
            root.get("a").unwrap().elements().nth(2).unwrap().text().unwrap().decode(),
            "x\n"
        );
        let b = root.get("b").unwrap();
        assert_eq!(b.get("c").unwrap().raw(), "true", "the last member of a name counts");
        assert_eq!(b.members().count(), 2);
        assert!(b.get("d").is_none() && b.elements().next().is_none());
    }

    #[test]
    fn faults_say_where() {
        for (text, offset, member, reason) in [
            ("", 0, None, Reason::Expected("a value")),
            ("{", 1, None, Reason::Expected("a member name in quotes")),
            (r#"{"a":1,}"#, 7, Some("a"), Reason::Expected("a member name in quotes")),
            (r#"{"a" 1}"#, 5, Some("a"), Reason::Expected("`:`")),
            (r#"{"a":[1 2]}"#, 8, Some("a"), Reason::Expected("`,` or `]`")),
            (r#"{"a":1,"b\n":{"c":tru}}"#, 18, Some("b\n"), Reason::Expected("a value")),
            ("[01]", 2, None, Reason::Expected("`,` or `]`")),
            ("[-]", 2, None, Reason::Expected("a digit")),
            ("[1.e2]", 3, None, Reason::Expected("a digit")),
            ("\"a\nb\"", 2, None, Reason::Expected("an escape instead of a control character")),
            (r#""\x""#, 1, None, Reason::Expected("an escape of JSON")),
            (r#""\u12g4""#, 1, None, Reason::Expected("an escape of JSON")),
            (r#""a"#, 2, None, Reason::Expected("`\"`")),
            ("1 2", 2, None, Reason::Expected("the end")),
            (r#"{"a":1,"b":[[[[[[[[1]]]]]]]]}"#, 18, Some("b"), Reason::Depth),
        ] {
            let member = member.map(str::to_owned);
            assert_eq!(fault(text), Fault { offset, member, reason }, "{text}");
        }
        let many = format!("[{}1]", "1,".repeat(63));
        assert_eq!(fault(&many).reason, Reason::Values);
    }

    /// Any JSON, and pieces that make it invalid.
    fn texts() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("-0.5E-7".to_owned()),
            Just("10".to_owned()),
            ".{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap()),
            "(?s).{50,150}".prop_map(|text| serde_json::to_string(&text).unwrap()),
            r#""[a-z]{0,70}(\\["\\/bfnrtu]|[ -!#-~]){0,9}[a-z]{0,70}""#,
            Just(r#""\ud83d\ude00\/""#.to_owned()),
            r#"[-+0-9.eE"\\unt{}\[\]:, ]{0,4}"#,
        ];
        leaf.prop_recursive(6, 48, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|e| format!("[{}]", e.join(" , "))),
                prop::collection::vec(("[a-c]{1,2}", inner), 0..4).prop_map(|members| {
                    let members: Vec<String> =
                        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    /// A text with something in it that was not meant to be there, or something left out.
    fn mutated() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            r#"[-0-9.eE"\\unt{}\[\]:, ]{0,3}"#,
            Just(r"\u00e9".to_owned()),
            Just("\n".to_owned()),
            Just("é".to_owned()),
        ];
        (texts(), piece, 0.0..1.0, 0_usize..3).prop_map(|(text, piece, at, left_out)| {
            let characters: Vec<char> = text.chars().collect();
            let at = (at * characters.len() as f64) as usize;
            let (before, behind) = characters.split_at(at);
            let behind = behind.iter().skip(left_out);
            before.iter().copied().chain(piece.chars()).chain(behind.copied()).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn accepts_what_serde_accepts_and_reads_the_same(
            text in prop_oneof![texts(), mutated()]
        ) {
            // Half a surrogate pair is replaced here, and makes serde_json refuse the text.
            prop_assume!(repair_surrogates(&text) == text);
            let bounds = Bounds { depth_max: 100, values_max: 10_000 };
            let ours = Document::parse(&text, bounds);
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", text);
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                prop_assert_eq!(rebuild(ours.root()), theirs);
            }
        }
    }

    fn rebuild(value: Value<'_>) -> serde_json::Value {
        match value.kind() {
            Kind::Array => value.elements().map(rebuild).collect(),
            Kind::Object => value
                .members()
                .map(|(name, value)| (serde_json::from_str(name).unwrap(), rebuild(value)))
                .collect::<serde_json::Map<String, serde_json::Value>>()
                .into(),
            Kind::String => value.text().unwrap().decode().into_owned().into(),
            _ => serde_json::from_str(value.raw()).unwrap(),
        }
    }
}
