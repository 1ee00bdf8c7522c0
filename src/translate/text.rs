//! Parts of messages, and texts that are joined without being copied.
//!
//! A text is one [`Part::Text`] and as many [`Part::More`] behind it. No piece but the first is empty, and
//! the first one only when there are no others: so the last piece says whether there is any text yet, and
//! how it ends.

use crate::chat::request::Part;
use crate::json::kept::JsonStr;

/// Parts of messages in a row.
#[derive(Debug, Default)]
pub(super) struct Pieces<'d>(Vec<Part<'d>>);

/// Some of the parts in [`Pieces`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    from: u32,
    to: u32,
}

impl<'d> Pieces<'d> {
    pub(super) fn parts(&self) -> &[Part<'d>] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many parts there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The parts behind the first `from`.
    pub(super) fn since(&self, from: usize) -> Span {
        // A request of less than 4 GiB has fewer parts.
        Span { from: from as u32, to: self.0.len() as u32 }
    }

    /// The parts of a span.
    pub(super) fn of(&self, span: Span) -> &[Part<'d>] {
        self.0.get(span.from as usize..span.to as usize).unwrap_or_default()
    }

    /// Adds a part, or a piece of one, as it is.
    #[inline]
    pub(super) fn push(&mut self, part: Part<'d>) {
        self.0.push(part);
    }

    /// Begins a text.
    #[inline]
    pub(super) fn text(&mut self, text: JsonStr<'d>) {
        self.0.push(Part::Text(text));
    }

    /// Appends to the last text.
    pub(super) fn append(&mut self, text: JsonStr<'d>) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Part::Text(last)) if last.is_empty() => *last = text,
            _ => self.0.push(Part::More(text)),
        }
    }

    /// Appends a part of the same message. Parts are blocks of their own, so two words at their seam must
    /// not become one: a line break goes between them unless there is white space already.
    pub(super) fn append_part(&mut self, part: JsonStr<'d>) {
        let last = self.last_text();
        if !last.is_empty() && !part.is_empty() && !ends_blank(last) && !begins_blank(part) {
            self.push(Part::More(JsonStr::LINE_BREAK));
        }
        self.append(part);
    }

    /// Appends a message of the same role, behind a blank line.
    pub(super) fn append_paragraph(&mut self, paragraph: JsonStr<'d>) {
        if !self.last_text().is_empty() && !paragraph.is_empty() {
            self.push(Part::More(JsonStr::BLANK_LINE));
        }
        self.append(paragraph);
    }

    /// The last piece of the last text; empty where there is none.
    fn last_text(&self) -> JsonStr<'d> {
        match self.0.last() {
            Some(Part::Text(text) | Part::More(text)) => *text,
            _ => JsonStr::EMPTY,
        }
    }

    /// Whether the last part is a text.
    pub(super) fn ends_with_text(&self) -> bool {
        matches!(self.0.last(), Some(Part::Text(_) | Part::More(_)))
    }
}

/// Appends the texts among these parts: the first one that is not empty by `join`, the others by `next`.
pub(super) fn fold<'d>(
    parts: &[Part<'d>],
    join: fn(&mut Pieces<'d>, JsonStr<'d>),
    next: fn(&mut Pieces<'d>, JsonStr<'d>),
    out: &mut Pieces<'d>,
) {
    let mut join = join;
    for part in parts {
        match part {
            Part::Text(text) if !text.is_empty() => {
                join(out, *text);
                join = next;
            }
            Part::More(text) => out.append(*text),
            _ => {}
        }
    }
}

/// Whether there is nothing in these parts but texts without any character.
pub(super) fn is_blank(parts: &[Part<'_>]) -> bool {
    parts.iter().all(|part| matches!(part, Part::Text(text) if text.is_empty()))
}

/// Whether these parts are one text.
pub(super) fn is_one_text(parts: &[Part<'_>]) -> bool {
    match parts.split_first() {
        Some((Part::Text(_), more)) => more.iter().all(|part| matches!(part, Part::More(_))),
        _ => false,
    }
}

fn begins_blank(text: JsonStr<'_>) -> bool {
    let text = text.escaped();
    text.starts_with(' ') || ["\\n", "\\r", "\\t"].iter().any(|escape| text.starts_with(escape))
}

fn ends_blank(text: JsonStr<'_>) -> bool {
    let text = text.escaped();
    if text.ends_with(' ') {
        return true;
    }
    // `\n` is a line break, `\\n` a backslash and a letter.
    let Some(before) = ["n", "r", "t"].iter().find_map(|letter| text.strip_suffix(letter)) else {
        return false;
    };
    before.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::kept::{Kept, Shelf};

    fn whole(pieces: &Pieces<'_>) -> String {
        assert!(is_one_text(pieces.parts()));
        let text = pieces.parts().iter().map(|part| match part {
            Part::Text(text) | Part::More(text) => text.escaped(),
            other => panic!("{other:?}"),
        });
        text.collect()
    }

    fn joined(first: &str, second: &str) -> String {
        let shelf = Shelf::default();
        let kept = Kept::on(&shelf);
        let mut pieces = Pieces::default();
        pieces.text(kept.encoded(first));
        pieces.append_part(kept.encoded(second));
        whole(&pieces)
    }

    #[test]
    fn parts_keep_their_words_apart() {
        for (first, second, whole) in [
            ("one ", "two", "one two"),
            ("one", " two", "one two"),
            ("one", "two", "one\\ntwo"),
            ("one\n", "two", "one\\ntwo"),
            ("one", "\ttwo", "one\\ttwo"),
            ("one\\n", "two", "one\\\\n\\ntwo"),
            ("", "two", "two"),
            ("one", "", "one"),
            ("plain", "«x»", "plain\\n«x»"),
        ] {
            assert_eq!(joined(first, second), whole);
        }
    }

    #[test]
    fn paragraphs_stand_behind_a_blank_line() {
        let mut pieces = Pieces::default();
        pieces.text(JsonStr::EMPTY);
        for paragraph in ["a", "", "b"] {
            pieces.append_paragraph(JsonStr::of_escaped(paragraph));
        }
        assert_eq!(whole(&pieces), "a\\n\\nb");
    }
}
