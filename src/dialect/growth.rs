//! Growing snapshots (S7): upstreams that repeat all they said so far in every piece.

use super::Snapshots;
use crate::json::JsonText;

/// Turns growing snapshots into pieces, and lets pieces pass.
///
/// Left to itself it takes a stream for snapshots when the second piece repeats the first and goes
/// on, and the third repeats the second and goes on. Only a second piece that looks so waits.
#[derive(Debug)]
pub struct Growth {
    mode: Mode,
    /// All that has come, as long as it may be needed.
    so_far: JsonText<'static>,
    /// A second piece that may be a snapshot.
    held: Option<JsonText<'static>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Undecided,
    Pieces,
    Snapshots,
}

impl Growth {
    /// For one kind of text of one answer.
    pub fn new(snapshots: Snapshots) -> Self {
        let mode = match snapshots {
            Snapshots::Auto => Mode::Undecided,
            Snapshots::On => Mode::Snapshots,
            Snapshots::Off => Mode::Pieces,
        };
        Self { mode, so_far: JsonText::EMPTY, held: None }
    }

    /// True once every text is known to repeat the ones before it.
    pub fn is_snapshots(&self) -> bool {
        self.mode == Mode::Snapshots
    }

    /// True once every text is known to be a piece.
    pub fn is_pieces(&self) -> bool {
        self.mode == Mode::Pieces
    }

    /// True while a text is held back.
    pub fn is_waiting(&self) -> bool {
        self.held.is_some()
    }

    /// Takes the next text, which is not empty.
    pub fn push(&mut self, text: JsonText<'_>, sink: &mut dyn FnMut(JsonText<'_>)) {
        match self.mode {
            Mode::Pieces => sink(text),
            Mode::Snapshots => self.push_snapshot(text, sink),
            Mode::Undecided => self.decide(text, sink),
        }
    }

    /// The texts have ended, or something else comes between.
    pub fn finish(&mut self, sink: &mut dyn FnMut(JsonText<'_>)) {
        if let Some(held) = self.held.take() {
            self.mode = Mode::Pieces;
            sink(held);
        }
    }

    fn push_snapshot(&mut self, text: JsonText<'_>, sink: &mut dyn FnMut(JsonText<'_>)) {
        match text.strip_prefix(&self.so_far) {
            Some(news) if news.is_empty() => return,
            Some(news) => sink(news),
            // An older snapshot, late.
            None if self.so_far.strip_prefix(&text).is_some() => return,
            None => sink(text.borrowed()),
        }
        self.so_far = text.into_owned();
    }

    fn decide(&mut self, text: JsonText<'_>, sink: &mut dyn FnMut(JsonText<'_>)) {
        let before = self.held.as_ref().unwrap_or(&self.so_far);
        let grows = text.len() > before.len() && text.strip_prefix(before).is_some();
        if self.so_far.is_empty() {
            self.so_far = text.borrowed().into_owned();
            sink(text);
        } else if grows && self.held.is_some() {
            self.held = None;
            self.mode = Mode::Snapshots;
            self.push_snapshot(text, sink);
        } else if grows {
            self.held = Some(text.into_owned());
        } else {
            self.finish(sink);
            self.mode = Mode::Pieces;
            self.so_far = JsonText::EMPTY;
            sink(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(snapshots: Snapshots, texts: &[&str]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut sink = |text: JsonText<'_>| seen.push(text.decode().into_owned());
        let mut growth = Growth::new(snapshots);
        for text in texts {
            growth.push(JsonText::encode(text), &mut sink);
        }
        growth.finish(&mut sink);
        seen
    }

    #[test]
    fn s7_snapshots_are_noticed_when_two_in_a_row_repeat_all_before() {
        let texts = ["Let", "Let me", "Let me \"see\"", "Let me \"see\"", "Let me \"see\"."];
        assert_eq!(read(Snapshots::Auto, &texts).concat(), "Let me \"see\".");
        assert_eq!(read(Snapshots::On, &texts), ["Let", " me", " \"see\"", "."]);
    }

    #[test]
    fn s7_pieces_that_happen_to_repeat_stay_pieces() {
        for texts in [
            &["ha", "haha", "ho"][..],
            &["ha", "haha"],
            &["a", "a", "aa", "aaa"],
            &["1", "12", "12", "123"],
            &["x", "y", "xy", "xyz"],
        ] {
            assert_eq!(read(Snapshots::Auto, texts), texts, "{texts:?}");
        }
        assert_eq!(read(Snapshots::Off, &["a", "ab", "abc"]), ["a", "ab", "abc"]);
    }

    #[test]
    fn s7_snapshots_may_begin_anew() {
        assert_eq!(read(Snapshots::On, &["a", "ab", "a", "c", "cd"]), ["a", "b", "c", "d"]);
    }

    #[test]
    fn s7_ordinary_pieces_do_not_wait() {
        let mut seen = 0;
        let mut growth = Growth::new(Snapshots::Auto);
        for piece in ["Let", " me", " see"] {
            growth.push(JsonText::encode(piece), &mut |_| seen += 1);
        }
        assert_eq!(seen, 3);
    }
}
