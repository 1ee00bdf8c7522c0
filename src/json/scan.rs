//! The one pass over a JSON text that finds its values.

use std::ops::Range;

use super::JsonText;
use super::decimal::Decimal;
use super::document::{Bounds, Fault, Kind, Node, Reason};
use super::string_end::{End, string_end, string_fault};

/// What there is in a text.
pub(super) struct Scanned {
    /// Its values and member names.
    pub(super) nodes: Vec<Node>,
    /// Whether there may be escapes of half a surrogate pair.
    pub(super) surrogates: bool,
    /// Whether anything but spaces stands between them.
    pub(super) breaks: bool,
}

/// Finds the values of a text.
///
/// # Errors
/// Where and why the text is no JSON within the bounds.
pub(super) fn scan(text: &str, bounds: Bounds) -> Result<Scanned, Fault> {
    // Events have a value in ten bytes, texts in large documents are longer.
    let nodes = Vec::with_capacity((text.len() / 8).min(48).max(text.len() / 64));
    let open = Vec::with_capacity(8);
    let mut scanner =
        Scanner { text, nodes, open, surrogates: false, breaks: false, bounds, fault_at: 0 };
    match scanner.document() {
        Ok(()) => {
            let Scanner { nodes, surrogates, breaks, .. } = scanner;
            Ok(Scanned { nodes, surrogates, breaks })
        }
        Err(reason) => Err(scanner.fault(reason)),
    }
}

/// A number without an exponent that is no longer than this is no larger than a double holds.
const DIGITS_MAX: usize = 300;

/// Reads a text into nodes.
///
/// Its methods begin `at` a byte and tell behind which one they end. A place that the scanner kept would be
/// written and read again for each token, and a token is shorter than that takes.
struct Scanner<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    /// The arrays and objects around what is read, by node and opening byte.
    open: Vec<(u32, u8)>,
    surrogates: bool,
    breaks: bool,
    bounds: Bounds,
    /// Where the text is found to be no JSON.
    fault_at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Reason> {
        if u32::try_from(self.text.len()).is_err() {
            return Err(Reason::Values);
        }
        let mut at = 0;
        loop {
            at = self.behind_blanks(at);
            at = match self.byte(at) {
                Some(b'"') => self.string(at)?,
                Some(byte @ (b'{' | b'[')) => {
                    let (behind, opened) = self.open(at, byte)?;
                    // A container that is not closed at once wants its first value.
                    if opened {
                        at = behind;
                        continue;
                    }
                    behind
                }
                Some(b'-' | b'0'..=b'9') => self.number(at)?,
                _ => self.literal(at)?,
            };
            match self.close(at)? {
                Some(behind) => at = behind,
                None => return Ok(()),
            }
        }
    }

    /// Opens a container; false when it was empty and is closed again.
    #[inline]
    fn open(&mut self, at: usize, byte: u8) -> Result<(usize, bool), Reason> {
        if self.open.len() >= self.bounds.depth_max {
            return self.wrong(at, Reason::Depth);
        }
        let kind = if byte == b'{' { Kind::Object } else { Kind::Array };
        let index = self.container(at, kind)?;
        let at = self.behind_blanks(at + 1);
        let closing = byte + 2;
        if self.byte(at) == Some(closing) {
            self.finish(index, at + 1);
            return Ok((at + 1, false));
        }
        self.open.push((index, byte));
        Ok((if byte == b'{' { self.name(at)? } else { at }, true))
    }

    /// Goes on behind a value: over a comma, or out of the containers that end there. `None` at the
    /// end of the text.
    #[inline]
    fn close(&mut self, mut at: usize) -> Result<Option<usize>, Reason> {
        while let Some(&(index, opening)) = self.open.last() {
            at = self.behind_blanks(at);
            match self.byte(at) {
                Some(b',') if opening == b'{' => {
                    let name = self.behind_blanks(at + 1);
                    return self.name(name).map(Some);
                }
                Some(b',') => return Ok(Some(at + 1)),
                // In ASCII, `]` and `}` stand two behind `[` and `{`.
                Some(byte) if byte == opening + 2 => {
                    at += 1;
                    self.open.pop();
                    self.finish(index, at);
                }
                _ if opening == b'{' => return self.expected(at, "`,` or `}`"),
                _ => return self.expected(at, "`,` or `]`"),
            }
        }
        at = self.behind_blanks(at);
        match self.byte(at) {
            None => Ok(None),
            Some(_) => self.expected(at, "the end"),
        }
    }

    #[inline]
    fn name(&mut self, at: usize) -> Result<usize, Reason> {
        if self.byte(at) != Some(b'"') {
            return self.expected(at, "a member name in quotes");
        }
        let at = self.string(at)?;
        let at = self.behind_blanks(at);
        if self.byte(at) != Some(b':') {
            return self.expected(at, "`:`");
        }
        Ok(at + 1)
    }

    #[inline]
    fn string(&mut self, start: usize) -> Result<usize, Reason> {
        self.room(start)?;
        let bytes = self.text.as_bytes();
        let Some(End { at, escapes, surrogates }) = string_end(bytes, start + 1) else {
            let (at, reason) = string_fault(bytes, start + 1);
            return self.wrong(at, reason);
        };
        self.surrogates |= surrogates;
        self.leaf(start..at + 1, Kind::String, escapes);
        Ok(at + 1)
    }

    #[inline]
    fn number(&mut self, start: usize) -> Result<usize, Reason> {
        self.room(start)?;
        let mut at = start + usize::from(self.byte(start) == Some(b'-'));
        at = if self.byte(at) == Some(b'0') { at + 1 } else { self.digits(at)? };
        if self.byte(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        let mut may_be_huge = false;
        if let Some(b'e' | b'E') = self.byte(at) {
            at += 1;
            at += usize::from(matches!(self.byte(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
            may_be_huge = true;
        }
        self.bounded(start..at, may_be_huge)?;
        self.leaf(start..at, Kind::Number, false);
        Ok(at)
    }

    /// Most readers, those of clients and upstreams among them, hold numbers in a double: what is beyond
    /// makes them refuse all of the document in which it is carried.
    #[inline]
    fn bounded(&mut self, place: Range<usize>, has_exponent: bool) -> Result<(), Reason> {
        let end = place.end;
        let number = self.text.get(place).unwrap_or_default();
        let is_huge = (has_exponent || number.len() > DIGITS_MAX)
            && !Decimal::parse(number).is_some_and(Decimal::fits_double);
        if is_huge { self.expected(end, "a number that a double holds") } else { Ok(()) }
    }

    #[inline]
    fn digits(&mut self, at: usize) -> Result<usize, Reason> {
        let length = self.rest(at).iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 { self.expected(at, "a digit") } else { Ok(at + length) }
    }

    #[inline]
    fn literal(&mut self, start: usize) -> Result<usize, Reason> {
        let (kind, length) = match self.rest(start) {
            [b't', b'r', b'u', b'e', ..] => (Kind::Bool, 4),
            [b'f', b'a', b'l', b's', b'e', ..] => (Kind::Bool, 5),
            [b'n', b'u', b'l', b'l', ..] => (Kind::Null, 4),
            _ => return self.expected(start, "a value"),
        };
        self.room(start)?;
        self.leaf(start..start + length, kind, false);
        Ok(start + length)
    }

    /// Refuses one value more than are allowed.
    #[inline]
    fn room(&mut self, at: usize) -> Result<(), Reason> {
        if self.nodes.len() < self.bounds.values_max {
            Ok(())
        } else {
            self.wrong(at, Reason::Values)
        }
    }

    /// Adds a value with nothing in it.
    #[inline]
    fn leaf(&mut self, place: Range<usize>, kind: Kind, escapes: bool) {
        let (start, end, next) =
            (place.start as u32, place.end as u32, self.nodes.len() as u32 + 1);
        self.nodes.push(Node { start, end, next, kind, escapes });
    }

    /// Adds a container that begins here.
    #[inline]
    fn container(&mut self, at: usize, kind: Kind) -> Result<u32, Reason> {
        self.room(at)?;
        let (start, index) = (at as u32, self.nodes.len() as u32);
        self.nodes.push(Node { start, end: start, next: index, kind, escapes: false });
        Ok(index)
    }

    /// Ends a container.
    #[inline]
    fn finish(&mut self, index: u32, end: usize) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.end = end as u32;
            node.next = next;
        }
    }

    #[inline]
    fn rest(&self, at: usize) -> &[u8] {
        self.text.as_bytes().get(at..).unwrap_or_default()
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    #[inline]
    fn behind_blanks(&mut self, at: usize) -> usize {
        if self.byte(at).is_some_and(|byte| byte <= b' ') { self.blanks(at) } else { at }
    }

    #[inline(never)]
    fn blanks(&mut self, mut at: usize) -> usize {
        while let Some(blank @ (b' ' | b'\n' | b'\r' | b'\t')) = self.byte(at) {
            self.breaks |= blank != b' ';
            at += 1;
        }
        at
    }

    #[cold]
    fn expected<T>(&mut self, at: usize, what: &'static str) -> Result<T, Reason> {
        self.wrong(at, Reason::Expected(what))
    }

    #[cold]
    fn wrong<T>(&mut self, at: usize, reason: Reason) -> Result<T, Reason> {
        self.fault_at = at;
        Err(reason)
    }

    fn fault(&self, reason: Reason) -> Fault {
        Fault { offset: self.fault_at, member: self.outermost_member(), reason }
    }

    /// The last whole member name directly in the outermost object.
    fn outermost_member(&self) -> Option<String> {
        self.open.first().filter(|(_, opening)| *opening == b'{')?;
        let mut name = None;
        let mut index = 1;
        // Names and values alternate. Of an array or object that has not ended, `next` is its own
        // index; any other value that has not ended is not there yet.
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
