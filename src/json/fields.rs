//! From the members of a JSON object to typed fields, with errors that name the field.
//!
//! [`Fields::take`] takes one field out, [`Field`] reads it as what it should be, and what is left when
//! all have been taken is refused by [`Fields::end`], so a field's name is written once. All of it is
//! read rarely and by people: one small function for each kind of value, however many fields there are.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::decimal::Decimal;
use super::document::{Kind, Value};
use super::{array, object, search, write_number, write_text};

/// The members of an object that have not been taken yet.
#[derive(Clone, Debug, Default)]
pub struct Fields<'d> {
    /// The path of the object, empty at the top.
    at: String,
    members: Vec<(Cow<'d, str>, Value<'d>)>,
    known: Vec<&'static str>,
}

/// One field, present or not.
#[derive(Clone, Debug, Default)]
pub struct Field<'d> {
    path: String,
    value: Option<Value<'d>>,
}

/// A type whose values are words of JSON.
pub trait Word: Copy + 'static {
    /// Every word.
    const WORDS: &'static [&'static str];
    /// What each of them means, in the same order.
    const MEANINGS: &'static [Self];
    /// What the first of them means.
    const FIRST: Self;
}

/// Declares an enum whose variants are words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $crate::json::fields::Word for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            const MEANINGS: &'static [Self] = &[$(Self::$variant),+];
            const FIRST: Self = {
                let [first, ..] = [$(Self::$variant),+];
                first
            };
        }
    };
}
pub(crate) use words;

/// What [`Fields`] and [`Field`] give, or a sentence that begins with the path of the field at fault and
/// says what is wrong with it and what it takes.
pub type Read<T> = Result<T, String>;

impl<'d> Fields<'d> {
    /// No members, of an object with this path.
    pub fn new(at: &str) -> Self {
        Self { at: at.to_owned(), ..Self::default() }
    }

    /// The members of an object.
    pub fn of(at: &str, object: Value<'d>) -> Self {
        let mut fields = Self::new(at);
        fields.lay(object);
        fields
    }

    /// Lays the members of another object over these. Of members with one name the last one counts.
    #[inline(never)]
    pub fn lay(&mut self, object: Value<'d>) {
        object.named_members().for_each(|(name, value)| self.put(name, value));
    }

    /// Lays what is left of other fields over these.
    pub fn lay_fields(&mut self, other: Self) {
        other.members.into_iter().for_each(|(name, value)| self.put(name, value));
    }

    #[inline(never)]
    fn put(&mut self, name: Cow<'d, str>, value: Value<'d>) {
        match self.members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name, value)),
        }
    }

    /// The same members in an object with another path.
    #[must_use]
    pub fn moved(&self, at: &str) -> Self {
        Self { at: at.to_owned(), ..self.clone() }
    }

    /// The path of the object.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether this member is left.
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, _)| known == name)
    }

    /// Takes out a field, which becomes one of those that are known here.
    #[inline(never)]
    pub fn take(&mut self, name: &'static str) -> Field<'d> {
        self.known.push(name);
        self.cut(name)
    }

    /// Takes out a field of which nobody is told who looks for the names of fields.
    #[inline(never)]
    pub fn cut(&mut self, name: &str) -> Field<'d> {
        let at = self.members.iter().position(|(known, _)| known == name);
        Field { path: path(&self.at, name), value: at.map(|at| self.members.remove(at).1) }
    }

    /// The members that are left, for objects whose names are free.
    pub fn each(&self) -> impl Iterator<Item = (&str, Field<'d>)> {
        self.members.iter().map(|(name, value)| {
            (&**name, Field { path: path(&self.at, name), value: Some(*value) })
        })
    }

    /// Fails when a member is left that has not been taken.
    ///
    /// # Errors
    /// See [`Read`].
    #[inline(never)]
    pub fn end(self) -> Read<()> {
        match self.members.first() {
            None => Ok(()),
            Some((name, _)) => {
                let (path, known) = (path(&self.at, name), search::join(&self.known, ", "));
                Err(format!("{path}: unknown field; known are {known}"))
            }
        }
    }
}

/// All of them fail as [`Read`] says when the value is of another kind.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl<'d> Field<'d> {
    /// The path of the field.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the field is there.
    pub fn is_present(&self) -> bool {
        self.value.is_some()
    }

    /// The same field, absent if it is null.
    #[must_use]
    pub fn or_null(self) -> Self {
        Self { value: self.value.filter(|value| !value.is_null()), ..self }
    }

    /// The same field, which must be there.
    #[inline(never)]
    pub fn required(self) -> Read<Self> {
        if self.value.is_none() {
            return Err(format!("{}: is missing; add it", self.path));
        }
        Ok(self)
    }

    /// `true` or `false`.
    #[inline(never)]
    pub fn bool(self) -> Read<Option<bool>> {
        self.of(Kind::Bool, "a boolean").map(|value| value.map(|value| value.raw() == "true"))
    }

    /// A string.
    #[inline(never)]
    pub fn text(self) -> Read<Option<String>> {
        let value = self.of(Kind::String, "a string")?;
        Ok(value.and_then(Value::decoded).map(Cow::into_owned))
    }

    /// A list of strings.
    #[inline(never)]
    pub fn texts(self) -> Read<Option<Vec<String>>> {
        let Some(elements) = self.list()? else { return Ok(None) };
        let mut texts = Vec::with_capacity(elements.len());
        for element in elements {
            texts.extend(element.text()?);
        }
        Ok(Some(texts))
    }

    /// A whole number, however it is written.
    #[inline(never)]
    pub fn whole(self, range: RangeInclusive<i64>) -> Read<Option<i64>> {
        let Some(value) = self.value else { return Ok(None) };
        match whole(value) {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(match (*range.start(), *range.end()) {
                (least, i64::MAX) => self.wrong(&format!("a whole number, {least} or more")),
                (0, most) => self.wrong(&format!("a whole number, at most {most}")),
                (least, most) => self.wrong(&format!("a whole number, {least} to {most}")),
            }),
        }
    }

    /// One of a few words.
    pub fn word<W: Word>(self) -> Read<Option<W>> {
        let place = self.place(W::WORDS)?;
        Ok(place.and_then(|place| W::MEANINGS.get(place).copied()))
    }

    /// A list of some of a few words.
    pub fn words<W: Word>(self) -> Read<Option<Vec<W>>> {
        let Some(elements) = self.list()? else { return Ok(None) };
        let mut words: Vec<W> = Vec::with_capacity(elements.len());
        for element in elements {
            words.extend(element.word::<W>()?);
        }
        Ok(Some(words))
    }

    /// The place of a word among those that the field takes.
    #[inline(never)]
    pub fn place(self, words: &[&str]) -> Read<Option<usize>> {
        let Some(value) = self.value else { return Ok(None) };
        let place = words.iter().position(|word| value.is(word));
        place.map(Some).ok_or_else(|| {
            let takes = search::join(words, ", ");
            match value.decoded() {
                Some(word) => format!("{}: unknown word `{word}`; takes {takes}", self.path),
                None => self.wrong(&takes),
            }
        })
    }

    /// An object; one without members when the field is absent.
    #[inline(never)]
    pub fn fields(self) -> Read<Fields<'d>> {
        let mut fields = Fields::new(&self.path);
        if let Some(object) = self.of(Kind::Object, "an object")? {
            fields.lay(object);
        }
        Ok(fields)
    }

    /// A list of anything.
    #[inline(never)]
    pub fn list(self) -> Read<Option<Vec<Self>>> {
        let path = self.path.clone();
        let element =
            |(index, value)| Self { path: format!("{path}[{index}]"), value: Some(value) };
        let list = self.of(Kind::Array, "a list")?;
        Ok(list.map(|list| list.elements().enumerate().map(element).collect()))
    }

    /// The value as JSON to be carried elsewhere, in which every whole number is an integer and every
    /// member has a name of its own; `null` for a field that is absent.
    #[inline(never)]
    pub fn json(&self) -> String {
        let mut json = Vec::new();
        match self.value {
            Some(value) => carry(value, &mut json),
            None => json.extend_from_slice(b"null"),
        }
        String::from_utf8(json).unwrap_or_default()
    }

    /// What is wrong with a value that should have been something else.
    #[inline(never)]
    pub fn wrong(&self, takes: &str) -> String {
        let value = self.value.map_or("null", Value::raw);
        let found = match self.value.map_or(Kind::Null, Value::kind) {
            Kind::Array => "a list",
            Kind::Bool => return format!("{}: is {value}; takes {takes}", self.path),
            Kind::Null => "null",
            Kind::Number => {
                return format!("{}: is the number `{value}`; takes {takes}", self.path);
            }
            Kind::Object => "an object",
            // It may be a header's value.
            Kind::String => "a string",
        };
        format!("{}: is {found}; takes {takes}", self.path)
    }

    #[inline(never)]
    fn of(self, kind: Kind, takes: &str) -> Read<Option<Value<'d>>> {
        match self.value {
            Some(value) if value.kind() != kind => Err(self.wrong(takes)),
            value => Ok(value),
        }
    }
}

/// The path of a field below `at`, which is empty at the top.
pub fn path(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}

/// A whole number, with a point or an exponent too: Kubernetes controllers write all numbers so after
/// they have kept a configuration as protobuf.
fn whole(value: Value<'_>) -> Option<i64> {
    if value.kind() != Kind::Number {
        return None;
    }
    if let Ok(number) = value.raw().parse() {
        return Some(number);
    }
    // Above 2^53 not every integer is a double, so such a number is none that was meant.
    const EXACT_MAX: u64 = 1 << 53;
    let number = Decimal::parse(value.raw())?.exact()?;
    (number.unsigned_abs() < EXACT_MAX).then_some(number)
}

fn carry(value: Value<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Array => array(out, |array| {
            value.elements().for_each(|element| carry(element, array.element()));
        }),
        Kind::Object => object(out, |object| {
            for (name, value) in Fields::of("", value).members {
                carry(value, object.named_member(&name));
            }
        }),
        Kind::String => write_text(out, &value.text().unwrap_or_default()),
        Kind::Number => match whole(value).map(u64::try_from) {
            Some(Ok(number)) => write_number(out, number),
            _ => out.extend_from_slice(value.raw().as_bytes()),
        },
        Kind::Bool | Kind::Null => out.extend_from_slice(value.raw().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::document::{Bounds, Document};

    const BOUNDS: Bounds = Bounds { depth_max: 8, values_max: 64 };

    #[test]
    fn whole_numbers_become_integers_and_others_stay() {
        let json = r#"{"a": 15.0, "b": [6.7108864e7], "c": 1.5, "d": -2.0, "e": 3, "f": 1e300,
            "g": 18446744073709551615, "h": {"i": 1, "j": " \ud83d", "i": 2}}"#;
        let document = Document::parse(json, BOUNDS).unwrap();
        let field = Field { path: String::new(), value: Some(document.root()) };
        assert_eq!(
            field.json(),
            r#"{"a":15,"b":[67108864],"c":1.5,"d":-2.0,"e":3,"f":1e300,"g":18446744073709551615,"#
                .to_owned()
                + "\"h\":{\"i\":2,\"j\":\" \u{FFFD}\"}}"
        );
    }

    #[test]
    fn messages_say_what_is_there_and_what_is_taken() {
        let json = r#"{"list": [1], "object": {}, "text": "a\"b", "number": -1.5, "bool": true, "null": null}"#;
        let document = Document::parse(json, BOUNDS).unwrap();
        let field = |name| Fields::of("at", document.root()).cut(name);
        for (message, expected) in [
            (field("object").list().unwrap_err(), "at.object: is an object; takes a list"),
            (field("list").fields().unwrap_err(), "at.list: is a list; takes an object"),
            (field("list").texts().unwrap_err(), "at.list[0]: is the number `1`; takes a string"),
            (field("null").bool().unwrap_err(), "at.null: is null; takes a boolean"),
            (field("bool").text().unwrap_err(), "at.bool: is true; takes a string"),
            (
                field("number").whole(0..=i64::MAX).unwrap_err(),
                "at.number: is the number `-1.5`; takes a whole number, 0 or more",
            ),
            (
                field("number").whole(0..=9).unwrap_err(),
                "at.number: is the number `-1.5`; takes a whole number, at most 9",
            ),
            (
                field("text").whole(1..=9).unwrap_err(),
                "at.text: is a string; takes a whole number, 1 to 9",
            ),
            (
                field("text").place(&["a", "b"]).unwrap_err(),
                "at.text: unknown word `a\"b`; takes a, b",
            ),
            (field("none").required().unwrap_err(), "at.none: is missing; add it"),
        ] {
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn what_nobody_takes_is_refused() {
        let document = Document::parse(r#"{"a": 1, "b": 2, "\u0061": 3}"#, BOUNDS).unwrap();
        let mut fields = Fields::of("", document.root());
        assert_eq!(fields.take("a").whole(0..=9), Ok(Some(3)));
        assert_eq!(fields.take("c").whole(0..=9), Ok(None));
        assert_eq!(fields.clone().end(), Err("b: unknown field; known are a, c".to_owned()));
        fields.cut("b");
        assert_eq!(fields.end(), Ok(()));
    }
}
