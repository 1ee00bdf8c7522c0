//! A JSON document as an index over its text.
//!
//! A request is read once, from left to right, and nothing of it is decoded: a [`Value`] is a place in
//! the text, so what is carried is copied as it stands and what is read is looked up. Nesting costs no
//! stack, depth and number of values are limited, and where the text is no JSON the [`Fault`] says at
//! which byte and in which member. Of members with one name the last one counts.
//!
//! The grammar is RFC 8259 to the letter, because pieces of the text become pieces of other documents.

use std::fmt;

use super::{JsonText, repair_surrogates};

/// Limits on a document.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Arrays and objects within each other.
    pub depth_max: usize,
    /// Values and member names.
    pub values_max: usize,
}

/// A parsed document. [`Document::root`] is its value.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

/// One value or member name. The nodes of an array or object follow it, names before their values.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Where it begins in the text.
    start: u32,
    /// Where it ends in the text.
    end: u32,
    /// The node behind it and everything in it.
    next: u32,
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
        let mut scanner = Scanner { text, at: 0, nodes: Vec::new(), open: Vec::new(), bounds };
        match scanner.document() {
            Ok(()) => Ok(Self { text, nodes: scanner.nodes }),
            Err(reason) => Err(scanner.fault(reason)),
        }
    }

    /// The value the document is.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    fn node(&self, index: u32) -> Node {
        // The default cannot be reached: indexes come from nodes.
        self.nodes.get(index as usize).copied().unwrap_or(Node { start: 0, end: 0, next: u32::MAX })
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
    pub fn raw(self) -> &'d str {
        let node = self.document.node(self.index);
        self.document.text.get(node.start as usize..node.end as usize).unwrap_or("null")
    }

    /// The kind of the value.
    pub fn kind(self) -> Kind {
        match self.raw().as_bytes().first() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// True for `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text of a string.
    pub fn text(self) -> Option<JsonText<'d>> {
        let body = self.raw().strip_prefix('"')?.strip_suffix('"')?;
        Some(JsonText(repair_surrogates(body)))
    }

    /// True for a string of these characters.
    pub fn is(self, decoded: &str) -> bool {
        self.kind() == Kind::String && names(self.raw(), decoded)
    }

    /// The elements of an array; none for anything else.
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> {
        let end = if self.kind() == Kind::Array { self.next() } else { 0 };
        self.siblings(end)
    }

    /// The members of an object: the name as it is written, with its quotes, and the value.
    pub fn members(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let end = if self.kind() == Kind::Object { self.next() } else { 0 };
        let mut nodes = self.siblings(end);
        std::iter::from_fn(move || Some((nodes.next()?.raw(), nodes.next()?)))
    }

    /// The member of an object by its name.
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        self.members().filter(|(written, _)| names(written, name)).last().map(|(_, value)| value)
    }

    fn next(self) -> u32 {
        self.document.node(self.index).next
    }

    /// The nodes inside this one.
    fn siblings(self, end: u32) -> impl Iterator<Item = Value<'d>> {
        let mut index = self.index + 1;
        std::iter::from_fn(move || {
            let value = Value { index, ..self };
            (index < end).then(|| index = value.next())?;
            Some(value)
        })
    }
}

/// Whether a string as it is written, quotes included, says `decoded`.
pub fn names(written: &str, decoded: &str) -> bool {
    let Some(body) = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    body == decoded || (body.contains('\\') && JsonText(body.into()).decode() == decoded)
}

/// Reads a text into nodes.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    nodes: Vec<Node>,
    /// The arrays and objects around `at`, by node and opening byte.
    open: Vec<(u32, u8)>,
    bounds: Bounds,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Reason> {
        if u32::try_from(self.text.len()).is_err() {
            return Err(Reason::Values);
        }
        loop {
            self.skip_blanks();
            let opened = match self.peek() {
                Some(byte @ (b'{' | b'[')) => self.open(byte)?,
                Some(b'"') => self.string().map(|()| false)?,
                Some(b'-' | b'0'..=b'9') => self.number().map(|()| false)?,
                _ => self.literal().map(|()| false)?,
            };
            // A container that was opened and not closed at once wants its first value.
            if !opened && !self.close()? {
                return Ok(());
            }
        }
    }

    /// Opens a container; false when it was empty and is closed again.
    fn open(&mut self, byte: u8) -> Result<bool, Reason> {
        if self.open.len() >= self.bounds.depth_max {
            return Err(Reason::Depth);
        }
        let index = self.push(self.at)?;
        self.at += 1;
        self.skip_blanks();
        let closing = byte + 2;
        if self.peek() == Some(closing) {
            self.at += 1;
            self.finish(index);
            return Ok(false);
        }
        self.open.push((index, byte));
        if byte == b'{' {
            self.name()?;
        }
        Ok(true)
    }

    /// Goes on behind a value: over a comma, or out of the containers that end there. False at the
    /// end of the text.
    fn close(&mut self) -> Result<bool, Reason> {
        while let Some(&(index, opening)) = self.open.last() {
            self.skip_blanks();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if opening == b'{' {
                        self.skip_blanks();
                        self.name()?;
                    }
                    return Ok(true);
                }
                // In ASCII, `]` and `}` stand two behind `[` and `{`.
                Some(byte) if byte == opening + 2 => {
                    self.at += 1;
                    self.open.pop();
                    self.finish(index);
                }
                _ if opening == b'{' => return Err(Reason::Expected("`,` or `}`")),
                _ => return Err(Reason::Expected("`,` or `]`")),
            }
        }
        self.skip_blanks();
        match self.peek() {
            None => Ok(false),
            Some(_) => Err(Reason::Expected("the end")),
        }
    }

    fn name(&mut self) -> Result<(), Reason> {
        if self.peek() != Some(b'"') {
            return Err(Reason::Expected("a member name in quotes"));
        }
        self.string()?;
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(Reason::Expected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Reason> {
        let index = self.push(self.at)?;
        self.at += 1;
        loop {
            let rest = self.rest();
            let length = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            let plain = rest.get(..length).unwrap_or_default();
            if let Some(control) = plain.iter().position(|&byte| byte < 0x20) {
                self.at += control;
                return Err(Reason::Expected("an escape instead of a control character"));
            }
            self.at += length;
            match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    self.finish(index);
                    return Ok(());
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.at += 6;
                }
                [b'\\', ..] => return Err(Reason::Expected("an escape of JSON")),
                _ => return Err(Reason::Expected("`\"`")),
            }
        }
    }

    fn number(&mut self) -> Result<(), Reason> {
        let index = self.push(self.at)?;
        self.skip_one(b"-");
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
        }
        self.finish(index);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Reason> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(Reason::Expected("a digit")) } else { Ok(()) }
    }

    fn literal(&mut self) -> Result<(), Reason> {
        let rest = self.rest();
        let word =
            [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
        let length = word.ok_or(Reason::Expected("a value"))?.len();
        let index = self.push(self.at)?;
        self.at += length;
        self.finish(index);
        Ok(())
    }

    fn push(&mut self, start: usize) -> Result<u32, Reason> {
        if self.nodes.len() >= self.bounds.values_max {
            return Err(Reason::Values);
        }
        let index = self.nodes.len() as u32;
        self.nodes.push(Node { start: start as u32, end: start as u32, next: index });
        Ok(index)
    }

    fn finish(&mut self, index: u32) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.end = self.at as u32;
            node.next = next;
        }
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn skip_one(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn fault(&self, reason: Reason) -> Fault {
        Fault { offset: self.at, member: self.outermost_member(), reason }
    }

    /// The last whole member name directly in the outermost object.
    fn outermost_member(&self) -> Option<String> {
        self.open.first().filter(|(_, opening)| *opening == b'{')?;
        let mut name = None;
        let mut index = 1;
        // Names and values alternate. Of a value that has not ended, `next` is its own index.
        while let Some(node) = self.nodes.get(index).filter(|node| node.next as usize > index) {
            name = self.text.get(node.start as usize..node.end as usize);
            index = node.next as usize;
            match self.nodes.get(index) {
                Some(value) if value.next as usize > index => index = value.next as usize,
                _ => break,
            }
        }
        let body = name?.strip_prefix('"')?.strip_suffix('"')?;
        Some(JsonText(body.into()).decode().into_owned())
    }
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

    proptest! {
        #[test]
        fn accepts_what_serde_accepts_and_reads_the_same(text in texts()) {
            let bounds = Bounds { depth_max: 100, values_max: 10_000 };
            let ours = Document::parse(&text, bounds);
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // serde_json refuses numbers beyond f64, which are JSON all the same.
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
