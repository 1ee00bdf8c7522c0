//! Texts that can be copied, because somebody else keeps them.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use super::JsonText;

/// What [`JsonText`] is, borrowed for good: two words that are copied and never dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonStr<'a>(&'a str);

impl<'a> JsonStr<'a> {
    /// The text without any character.
    pub const EMPTY: JsonStr<'static> = JsonStr("");

    /// One line break.
    pub const LINE_BREAK: JsonStr<'static> = JsonStr("\\n");

    /// Two of them.
    pub const BLANK_LINE: JsonStr<'static> = JsonStr("\\n\\n");

    /// A text that is escaped already, as it stands between its quotes.
    pub const fn of_escaped(escaped: &'static str) -> JsonStr<'static> {
        JsonStr(escaped)
    }

    /// The escaped form, as it stands between the quotes.
    pub const fn escaped(self) -> &'a str {
        self.0
    }

    /// True when there is no character.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The same text for those who may get one of their own.
    pub const fn text(self) -> JsonText<'a> {
        JsonText(Cow::Borrowed(self.0))
    }
}

/// A place for texts that are made while others are borrowed.
#[derive(Debug, Default)]
pub struct Shelf {
    text: String,
    next: OnceCell<Box<Shelf>>,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // One after the other: a chain may be longer than the stack is deep.
        let mut next = self.next.take();
        while let Some(mut shelf) = next {
            next = shelf.next.take();
        }
    }
}

/// Borrows texts for as long as a [`Shelf`] stands, and puts those there that have no owner yet.
#[derive(Debug)]
pub struct Kept<'a> {
    last: Cell<&'a Shelf>,
}

impl<'a> Kept<'a> {
    /// Keeps texts on this shelf.
    pub const fn on(shelf: &'a Shelf) -> Self {
        Self { last: Cell::new(shelf) }
    }

    /// Keeps a text.
    #[inline]
    pub fn text(&self, text: JsonText<'a>) -> JsonStr<'a> {
        match text.0 {
            Cow::Borrowed(text) => JsonStr(text),
            Cow::Owned(text) => JsonStr(self.put(text)),
        }
    }

    /// Keeps a text, if there is one.
    pub fn optional(&self, text: Option<&JsonText<'a>>) -> Option<JsonStr<'a>> {
        text.map(|text| self.text(text.clone()))
    }

    /// Encodes decoded text.
    pub fn encoded(&self, decoded: &str) -> JsonStr<'a> {
        JsonStr(self.put(JsonText::encode(decoded).0.into_owned()))
    }

    /// The text as its reader will see it.
    #[inline]
    pub fn decoded(&self, text: JsonText<'a>) -> &'a str {
        self.string(text.into_decoded())
    }

    /// Keeps decoded text.
    #[inline]
    pub fn string(&self, text: Cow<'a, str>) -> &'a str {
        match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.put(text),
        }
    }

    #[inline(never)]
    fn put(&self, text: String) -> &'a str {
        let next = || Box::new(Shelf { text, next: OnceCell::new() });
        let shelf: &'a Shelf = self.last.get().next.get_or_init(next);
        self.last.set(shelf);
        &shelf.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_texts_stay() {
        let shelf = Shelf::default();
        let kept = Kept::on(&shelf);
        let texts: Vec<JsonStr<'_>> =
            (0..200_000).map(|n| kept.encoded(&format!("\"{n}\""))).collect();
        assert_eq!(kept.decoded(texts[0].text()), "\"0\"");
        assert_eq!(kept.decoded(texts[199_999].text()), "\"199999\"");
        assert!(std::ptr::eq(kept.text(texts[7].text()).escaped(), texts[7].escaped()));
    }
}
