//! The one pass over a JSON text that finds its values.

use std::ops::Range;

use super::JsonText;
use super::decimal::Decimal;
use super::document::{Bounds, Fault, Kind, Node, Reason};
use super::string_end::{End, short_string, string_end, string_fault};

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
    let mut scanner = Scanner {
        text,
        // Events have a value in ten bytes, texts in large documents are longer.
        nodes: Vec::with_capacity((text.len() / 8).min(48).max(text.len() / 64)),
        around: 0,
        depth: 0,
        is_object: false,
        surrogates: false,
        breaks: false,
        bounds,
        fault_at: 0,
    };
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
    /// The innermost of the arrays and objects around what is read. As long as one is open, its `next` is the
    /// one around it.
    around: u32,
    /// How many are open.
    depth: usize,
    /// Whether the innermost one is an object.
    is_object: bool,
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
        let (mut at, mut wants_name) = (0, false);
        loop {
            let byte;
            (at, byte) = self.token(at);
            match byte {
                Some(b'"') => {
                    at = self.string(at)?;
                    if wants_name {
                        at = self.colon(at)?;
                        wants_name = false;
                        continue;
                    }
                }
                _ if wants_name => return self.expected(at, "a member name in quotes"),
                Some(opening @ (b'{' | b'[')) => {
                    let first;
                    (at, first) = self.open(at, opening)?;
                    // One that is not closed at once wants its first value.
                    if first != Some(self.closing()) {
                        wants_name = self.is_object;
                        continue;
                    }
                }
                _ => at = self.scalar(at)?,
            }
            match self.close(at)? {
                Some(behind) => (at, wants_name) = (behind, self.is_object),
                None => return Ok(()),
            }
        }
    }

    /// Opens a container; finds what it begins with.
    #[inline]
    fn open(&mut self, at: usize, opening: u8) -> Result<(usize, Option<u8>), Reason> {
        if self.depth >= self.bounds.depth_max {
            return self.wrong(at, Reason::Depth);
        }
        self.room(at)?;
        self.is_object = opening == b'{';
        let kind = if self.is_object { Kind::Object } else { Kind::Array };
        let (start, next) = (at as u32, self.around);
        self.around = self.nodes.len() as u32;
        self.depth += 1;
        self.nodes.push(Node { start, end: start, next, kind, escapes: false });
        Ok(self.token(at + 1))
    }

    /// Goes on behind a value: over a comma, or out of the containers that end there. `None` at the
    /// end of the text.
    #[inline]
    fn close(&mut self, mut at: usize) -> Result<Option<usize>, Reason> {
        while self.depth > 0 {
            let byte;
            (at, byte) = self.token(at);
            match byte {
                Some(b',') => return Ok(Some(at + 1)),
                Some(byte) if byte == self.closing() => {
                    at += 1;
                    self.finish(at);
                }
                _ if self.is_object => return self.expected(at, "`,` or `}`"),
                _ => return self.expected(at, "`,` or `]`"),
            }
        }
        match self.token(at) {
            (_, None) => Ok(None),
            (at, Some(_)) => self.expected(at, "the end"),
        }
    }

    /// What ends the innermost container.
    #[inline]
    const fn closing(&self) -> u8 {
        if self.is_object { b'}' } else { b']' }
    }

    /// Ends the innermost container.
    #[inline]
    fn finish(&mut self, end: usize) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(self.around as usize) {
            node.end = end as u32;
            self.around = std::mem::replace(&mut node.next, next);
        }
        self.depth -= 1;
        let around = self.nodes.get(self.around as usize);
        self.is_object = around.is_some_and(|around| around.kind == Kind::Object);
    }

    /// Goes over what stands between the name of a member and its value.
    #[inline]
    fn colon(&mut self, at: usize) -> Result<usize, Reason> {
        match self.token(at) {
            (at, Some(b':')) => Ok(at + 1),
            (at, _) => self.expected(at, "`:`"),
        }
    }

    #[inline]
    fn string(&mut self, start: usize) -> Result<usize, Reason> {
        self.room(start)?;
        let bytes = self.text.as_bytes();
        let (at, escapes) = match short_string(bytes, start + 1) {
            Some(at) => (at, false),
            None => match string_end(bytes, start + 1) {
                Some(End { at, escapes, surrogates }) => {
                    self.surrogates |= surrogates;
                    (at, escapes)
                }
                None => {
                    let (at, reason) = string_fault(bytes, start + 1);
                    return self.wrong(at, reason);
                }
            },
        };
        self.leaf(start..at + 1, Kind::String, escapes);
        Ok(at + 1)
    }

    /// A number, true, false or null.
    #[inline(never)]
    fn scalar(&mut self, at: usize) -> Result<usize, Reason> {
        match self.byte(at) {
            Some(b'-' | b'0'..=b'9') => self.number(at),
            _ => self.literal(at),
        }
    }

    #[inline]
    fn number(&mut self, start: usize) -> Result<usize, Reason> {
        self.room(start)?;
        let mut at = start + usize::from(self.byte(start) == Some(b'-'));
        at = if self.byte(at) == Some(b'0') { at + 1 } else { self.digits(at)? };
        if self.byte(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        let mut may_be_huge = at - start > DIGITS_MAX;
        if let Some(b'e' | b'E') = self.byte(at) {
            at += 1;
            at += usize::from(matches!(self.byte(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
            may_be_huge = true;
        }
        if may_be_huge {
            self.bounded(start..at)?;
        }
        self.leaf(start..at, Kind::Number, false);
        Ok(at)
    }

    /// Most readers, those of clients and upstreams among them, hold numbers in a double: what is beyond
    /// makes them refuse all of the document in which it is carried.
    #[cold]
    fn bounded(&mut self, place: Range<usize>) -> Result<(), Reason> {
        let end = place.end;
        if self.text.get(place).and_then(Decimal::parse).is_some_and(Decimal::fits_double) {
            return Ok(());
        }
        self.expected(end, "a number that a double holds")
    }

    #[inline]
    fn digits(&mut self, start: usize) -> Result<usize, Reason> {
        let mut at = start;
        while let Some(b'0'..=b'9') = self.byte(at) {
            at += 1;
        }
        if at == start { self.expected(at, "a digit") } else { Ok(at) }
    }

    #[inline]
    fn literal(&mut self, start: usize) -> Result<usize, Reason> {
        const TRUE: u32 = u32::from_le_bytes(*b"true");
        const FALS: u32 = u32::from_le_bytes(*b"fals");
        const NULL: u32 = u32::from_le_bytes(*b"null");
        let word = self.text.as_bytes().get(start..).and_then(<[u8]>::first_chunk);
        let (kind, length) = match word.map(|word| u32::from_le_bytes(*word)) {
            Some(TRUE) => (Kind::Bool, 4),
            Some(FALS) if self.byte(start + 4) == Some(b'e') => (Kind::Bool, 5),
            Some(NULL) => (Kind::Null, 4),
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

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Where the next token begins, and with which byte.
    #[inline]
    fn token(&mut self, at: usize) -> (usize, Option<u8>) {
        let byte = self.byte(at);
        // Most tokens stand side by side.
        if byte.is_none_or(|byte| byte > b' ') {
            return (at, byte);
        }
        let at = self.blanks(at);
        (at, self.byte(at))
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
        self.nodes.first().filter(|node| self.depth > 0 && node.kind == Kind::Object)?;
        let mut name = None;
        let mut index = 1;
        // Names and values alternate. Of an array or object that has not ended, `next` is the one around it;
        // any other value that has not ended is not there yet.
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
