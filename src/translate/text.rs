//! Joining texts without decoding them.

use crate::json::JsonText;

/// Appends a part of the same message. Parts are blocks of their own, so two words at their seam must
/// not become one: a line break goes between them unless there is white space already.
pub(super) fn append_part<'d>(text: &mut JsonText<'d>, part: &JsonText<'d>) {
    if !text.is_empty() && !part.is_empty() && !ends_blank(text) && !begins_blank(part) {
        text.push(&JsonText::LINE_BREAK);
    }
    text.append(part);
}

/// Appends a message of the same role, behind a blank line.
pub(super) fn append_paragraph<'d>(text: &mut JsonText<'d>, paragraph: &JsonText<'d>) {
    if !text.is_empty() && !paragraph.is_empty() {
        text.push(&JsonText::LINE_BREAK);
        text.push(&JsonText::LINE_BREAK);
    }
    text.append(paragraph);
}

fn begins_blank(text: &JsonText<'_>) -> bool {
    let text = text.escaped();
    text.starts_with(' ') || ["\\n", "\\r", "\\t"].iter().any(|escape| text.starts_with(escape))
}

fn ends_blank(text: &JsonText<'_>) -> bool {
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

    fn joined(first: &str, second: &str) -> String {
        let mut text = JsonText::encode(first).into_owned();
        append_part(&mut text, &JsonText::encode(second));
        text.decode().into_owned()
    }

    #[test]
    fn parts_keep_their_words_apart() {
        for (first, second, whole) in [
            ("one ", "two", "one two"),
            ("one", " two", "one two"),
            ("one", "two", "one\ntwo"),
            ("one\n", "two", "one\ntwo"),
            ("one", "\ttwo", "one\ttwo"),
            ("one\\n", "two", "one\\n\ntwo"),
            ("", "two", "two"),
            ("one", "", "one"),
            ("plain", "\"x\"", "plain\n\"x\""),
        ] {
            assert_eq!(joined(first, second), whole);
        }
    }

    #[test]
    fn paragraphs_stand_behind_a_blank_line() {
        let mut text = JsonText::EMPTY;
        for paragraph in ["a", "", "b"] {
            append_paragraph(&mut text, &JsonText::encode(paragraph));
        }
        assert_eq!(text.decode(), "a\n\nb");
    }
}
