//! Reasoning between tags in the text (S4, S5): `<think>…</think>` and its relatives.
//!
//! Tags count at the very start of an answer only; later in the text they are text. They may be cut
//! anywhere, so what might be the beginning of one waits for the next piece. Text that cannot
//! begin with a tag passes without being decoded.

use super::InlineThink;
use crate::json::{JsonText, search};

/// The tags that open and close reasoning.
static TAGS: [Tag; 4] = [
    Tag { open: "<think>", close: "</think>" },
    Tag { open: "<thought>", close: "</thought>" },
    Tag { open: "<reasoning>", close: "</reasoning>" },
    Tag { open: "[THINK]", close: "[/THINK]" },
];

/// More blanks than this are not held back, in bytes.
const BLANKS_BYTES_MAX: usize = 4096;

/// Length of the longest closing tag.
const CLOSE_BYTES_MAX: usize = "</reasoning>".len();

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    open: &'static str,
    close: &'static str,
}

/// A piece of text, told apart.
#[derive(Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// It belongs to the answer.
    Text(JsonText<'a>),
    /// It stood between tags.
    Thought(JsonText<'a>),
}

/// Tells tagged reasoning from text.
///
/// ```text
/// Start ──────── anything else ───────────────> Through
///   └─ opening tag ─> Inside ─ closing tag ─> After ─ not blank ─> Through
/// Prefix ─────────────┴────────────┘
///   └─ end of the answer, or a call: no tag ──> Through
/// ```
#[derive(Debug)]
pub struct Think {
    state: State,
    /// Decoded text that waits: for the rest of a tag, or for a character that is not blank.
    held: String,
    /// How much of `held` has been searched for a closing tag, in bytes.
    searched: usize,
    /// How much `held` may grow, in bytes.
    held_bytes_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only blanks and perhaps half a tag have come.
    Start,
    /// No opening tag is expected: all of it waits for a closing one.
    Prefix,
    /// Behind the opening tag; `begun` is false while only blanks have come.
    Inside { tag: &'static Tag, begun: bool },
    /// Behind the closing tag, before the text.
    After,
    /// In the text.
    Through,
}

impl Think {
    /// A splitter for one answer that holds back `held_bytes_max` bytes at most.
    pub fn new(mode: InlineThink, held_bytes_max: usize) -> Self {
        let state = match mode {
            InlineThink::Off => State::Through,
            InlineThink::Auto => State::Start,
            InlineThink::Prefix => State::Prefix,
        };
        Self { state, held: String::new(), searched: 0, held_bytes_max }
    }

    /// True between the tags.
    pub fn is_inside(&self) -> bool {
        matches!(self.state, State::Inside { .. })
    }

    /// True once no tag counts any more.
    pub fn is_through(&self) -> bool {
        self.state == State::Through
    }

    /// True while text is held back.
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes the next piece of text.
    pub fn push(&mut self, piece: JsonText<'_>, sink: &mut dyn FnMut(Segment<'_>)) {
        if self.state == State::Start && self.held.is_empty() && !may_open(&piece) {
            self.state = State::Through;
        }
        match self.state {
            State::Through => sink(Segment::Text(piece)),
            State::Inside { begun: true, .. } if self.held.is_empty() && is_plain(&piece) => {
                sink(Segment::Thought(piece));
            }
            _ => {
                self.held.push_str(&piece.decode());
                self.advance(sink);
            }
        }
    }

    /// Something that is no text came between: what waits goes out before it. Blanks that came
    /// before any text do not; they would be a message of their own.
    pub fn interrupt(&mut self, sink: &mut dyn FnMut(Segment<'_>)) {
        if self.state == State::Start && self.held.trim_start().is_empty() {
            self.held.clear();
        }
        self.finish(sink);
    }

    /// The answer has ended: all that waits goes out.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Segment<'_>)) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Start | State::Prefix => {
                if !held.trim().is_empty() {
                    self.state = State::Through;
                }
                give(Segment::Text, &held, sink);
            }
            State::Inside { begun: true, .. } => give(Segment::Thought, held.trim_end(), sink),
            State::Inside { begun: false, .. } => give(Segment::Thought, held.trim(), sink),
            State::After => {}
            State::Through => give(Segment::Text, &held, sink),
        }
    }

    /// Moves what is held as far as it is certain.
    fn advance(&mut self, sink: &mut dyn FnMut(Segment<'_>)) {
        loop {
            let before = self.state;
            match self.state {
                State::Start => self.at_start(sink),
                State::Prefix => self.before_closing(sink),
                State::Inside { tag, begun } => self.inside(tag, begun, sink),
                State::After => self.after(),
                State::Through => {
                    let held = std::mem::take(&mut self.held);
                    return give(Segment::Text, &held, sink);
                }
            }
            if self.state == before {
                return;
            }
        }
    }

    fn at_start(&mut self, sink: &mut dyn FnMut(Segment<'_>)) {
        let text = self.held.trim_start();
        if let Some((tag, rest)) = opened(text) {
            self.held = rest.to_owned();
            self.state = State::Inside { tag, begun: false };
        } else if !TAGS.iter().any(|tag| tag.open.starts_with(text)) {
            self.state = State::Through;
        } else if self.held.len() > BLANKS_BYTES_MAX {
            self.finish(sink);
        }
    }

    fn before_closing(&mut self, sink: &mut dyn FnMut(Segment<'_>)) {
        if self.searched < BLANKS_BYTES_MAX
            && let Some((tag, rest)) = opened(self.held.trim_start())
        {
            self.held = rest.to_owned();
            self.state = State::Inside { tag, begun: false };
            return;
        }
        let from = self.held.floor_char_boundary(self.searched.saturating_sub(CLOSE_BYTES_MAX));
        let (before, new) = self.held.split_at_checked(from).unwrap_or((&self.held, ""));
        let closed =
            TAGS.iter().find_map(|tag| Some((search::find(new, tag.close)?, tag.close.len())));
        if let Some((at, len)) = closed {
            let thought = self.held.get(..before.len() + at).unwrap_or_default().trim();
            give(Segment::Thought, thought, sink);
            self.held.drain(..before.len() + at + len);
            self.state = State::After;
        } else if self.held.len() > self.held_bytes_max {
            // So long a text without a tag can only be the reasoning that the mode announces.
            self.state = State::Inside { tag: &TAGS[0], begun: false };
        }
        self.searched = self.held.len();
    }

    fn inside(&mut self, tag: &'static Tag, begun: bool, sink: &mut dyn FnMut(Segment<'_>)) {
        let held = std::mem::take(&mut self.held);
        let (thought, rest) = match search::split_once(&held, tag.close) {
            Some((thought, rest)) => (thought, Some(rest)),
            None => (held.as_str(), None),
        };
        let certain = match rest {
            Some(_) => thought.trim_end(),
            None if thought.len() > BLANKS_BYTES_MAX => thought,
            None => without_cut(thought, tag.close).trim_end(),
        };
        let waiting = thought.strip_prefix(certain).unwrap_or_default();
        let certain = if begun { certain } else { certain.trim_start() };
        give(Segment::Thought, certain, sink);
        match rest {
            Some(rest) => {
                self.held = rest.to_owned();
                self.state = State::After;
            }
            None => {
                self.held = waiting.to_owned();
                self.state = State::Inside { tag, begun: begun || !certain.is_empty() };
            }
        }
    }

    fn after(&mut self) {
        let text = without_blank_lines(&self.held);
        if !text.is_empty() {
            self.held = text.to_owned();
            self.state = State::Through;
        } else if self.held.len() > BLANKS_BYTES_MAX {
            self.held.clear();
        }
    }
}

fn give<'t>(
    kind: impl Fn(JsonText<'t>) -> Segment<'t>,
    text: &'t str,
    sink: &mut dyn FnMut(Segment<'_>),
) {
    if !text.is_empty() {
        sink(kind(JsonText::encode(text)));
    }
}

/// The tag that opens `text`, and what follows it.
fn opened(text: &str) -> Option<(&'static Tag, &str)> {
    TAGS.iter().find_map(|tag| Some((tag, text.strip_prefix(tag.open)?)))
}

/// False for a first piece that cannot be the beginning of a tag, blanks before it included.
/// Some upstreams escape `<`, so an escape may be anything.
fn may_open(piece: &JsonText<'_>) -> bool {
    matches!(piece.escaped().as_bytes().first(), None | Some(b' ' | b'<' | b'[' | b'\\'))
}

/// True for a piece without any character that matters between tags.
fn is_plain(piece: &JsonText<'_>) -> bool {
    let bytes = piece.escaped().as_bytes();
    memchr::memchr3(b'<', b'[', b'\\', bytes).is_none() && bytes.last() != Some(&b' ')
}

/// `text` without a beginning of `tag` at its end.
fn without_cut<'t>(text: &'t str, tag: &str) -> &'t str {
    (1..tag.len()).rev().find_map(|len| text.strip_suffix(tag.get(..len)?)).unwrap_or(text)
}

/// `text` without blank lines at its start, but with the indentation of its first line; empty when
/// there is no other line yet.
fn without_blank_lines(text: &str) -> &str {
    let trimmed = text.trim_start();
    let blank = text.strip_suffix(trimmed).unwrap_or_default();
    match blank.rfind('\n') {
        Some(at) if !trimmed.is_empty() => text.get(at + 1..).unwrap_or(trimmed),
        _ => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text and thoughts of an answer in pieces of `size` characters.
    fn split(mode: InlineThink, text: &str, size: usize) -> (String, String) {
        let (mut answer, mut thoughts) = (String::new(), String::new());
        let mut sink = |segment: Segment<'_>| match segment {
            Segment::Text(text) => answer.push_str(&text.decode()),
            Segment::Thought(text) => thoughts.push_str(&text.decode()),
        };
        let mut think = Think::new(mode, 1 << 20);
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            let piece: String = piece.iter().collect();
            think.push(JsonText::encode(&piece), &mut sink);
        }
        think.finish(&mut sink);
        (answer, thoughts)
    }

    #[track_caller]
    fn check(mode: InlineThink, text: &str, answer: &str, thoughts: &str) {
        for size in 1..=text.chars().count() {
            let expected = (answer.to_owned(), thoughts.to_owned());
            assert_eq!(split(mode, text, size), expected, "{text:?} in pieces of {size}");
        }
    }

    #[test]
    fn s4_every_tag_opens_at_the_start() {
        for (open, close) in [
            ("<think>", "</think>"),
            ("<thought>", "</thought>"),
            ("<reasoning>", "</reasoning>"),
            ("[THINK]", "[/THINK]"),
        ] {
            let text = format!("\n {open}\nLet me\nsée.\n{close}\n\nDone.");
            check(InlineThink::Auto, &text, "Done.", "Let me\nsée.");
        }
    }

    #[test]
    fn s4_a_tag_later_in_the_text_is_text() {
        for text in ["a <think>b</think> c", "<thinker>", "[THING]", "<", "x</think>y", "\n\nHi"] {
            check(InlineThink::Auto, text, text, "");
        }
        check(InlineThink::Auto, "<think>a</think>b<think>c</think>", "b<think>c</think>", "a");
    }

    #[test]
    fn s4_an_unclosed_tag_makes_all_of_it_reasoning() {
        check(InlineThink::Auto, "<think>half a thou", "", "half a thou");
        check(InlineThink::Auto, "<think>1 < 2 </thin", "", "1 < 2 </thin");
    }

    #[test]
    fn s4_blank_lines_behind_the_tag_go_and_indentation_stays() {
        check(InlineThink::Auto, "<think>a</think>\n \n    code\n", "    code\n", "a");
        check(InlineThink::Auto, "<think>a</think> Done.", "Done.", "a");
        check(InlineThink::Auto, "<think></think>\n", "", "");
    }

    #[test]
    fn s4_off_passes_everything() {
        check(InlineThink::Off, "<think>a</think>b", "<think>a</think>b", "");
    }

    #[test]
    fn s4_escaped_brackets_are_brackets() {
        let mut seen = Vec::new();
        let mut think = Think::new(InlineThink::Auto, 100);
        let mut piece = JsonText::EMPTY;
        piece.push_escaped(r"\u003cthink\u003ea\u003c/think\u003eb");
        think.push(piece, &mut |segment| {
            seen.push(format!("{segment:?}"));
        });
        assert_eq!(seen.len(), 2, "{seen:?}");
    }

    #[test]
    fn s4_thoughts_are_live() {
        let mut seen = 0;
        let mut think = Think::new(InlineThink::Auto, 100);
        think.push(JsonText::encode("<think>a"), &mut |_| seen += 1);
        think.push(JsonText::encode("b"), &mut |_| seen += 1);
        assert_eq!(seen, 2);
    }

    #[test]
    fn s5_only_a_closing_tag() {
        check(
            InlineThink::Prefix,
            "First I\n check.\n</think>\n\nResult: 7",
            "Result: 7",
            "First I\n check.",
        );
        check(InlineThink::Prefix, "<think>a</think>b", "b", "a");
        check(InlineThink::Prefix, "No tag, no thought.", "No tag, no thought.", "");
        check(InlineThink::Prefix, "</think>b", "b", "");
    }

    #[test]
    fn s5_what_is_held_back_has_a_limit() {
        let (mut answer, mut thoughts) = (String::new(), String::new());
        let mut think = Think::new(InlineThink::Prefix, 10);
        for piece in ["12345", "6789", "abcdef", "ghi</think>j"] {
            think.push(JsonText::encode(piece), &mut |segment| match segment {
                Segment::Text(text) => answer.push_str(text.escaped()),
                Segment::Thought(text) => thoughts.push_str(text.escaped()),
            });
            assert!(think.held.len() <= 10);
        }
        assert_eq!((answer.as_str(), thoughts.as_str()), ("j", "123456789abcdefghi"));
    }

    #[test]
    fn a_call_lets_out_what_waits_before_it() {
        let mut seen = Vec::new();
        let mut think = Think::new(InlineThink::Auto, 100);
        think.push(JsonText::encode("<thi"), &mut |_| panic!("too early"));
        think.interrupt(&mut |segment| {
            seen.push(segment == Segment::Text(JsonText::encode("<thi")))
        });
        assert_eq!(seen, [true]);
        let mut think = Think::new(InlineThink::Auto, 100);
        think.push(JsonText::encode("\n\n"), &mut |_| panic!("too early"));
        think.interrupt(&mut |_| panic!("blanks are no message"));
    }
}
