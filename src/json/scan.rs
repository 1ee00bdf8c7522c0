//! The one pass over a JSON text that finds its values.

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
}

/// Finds the values of a text.
///
/// # Errors
/// Where and why the text is no JSON within the bounds.
pub(super) fn scan(text: &str, bounds: Bounds) -> Result<Scanned, Fault> {
    // Events have a value in ten bytes, texts in large documents are longer.
    let nodes = Vec::with_capacity((text.len() / 8).min(48).max(text.len() / 64));
    let open = Vec::with_capacity(8);
    let mut scanner = Scanner { text, at: 0, nodes, open, surrogates: false, bounds };
    match scanner.document() {
        Ok(()) => Ok(Scanned { nodes: scanner.nodes, surrogates: scanner.surrogates }),
        Err(reason) => Err(scanner.fault(reason)),
    }
}

/// A number without an exponent that is no longer than this is no larger than a double holds.
const DIGITS_MAX: usize = 300;

/// Reads a text into nodes.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    nodes: Vec<Node>,
    /// The arrays and objects around `at`, by node and opening byte.
    open: Vec<(u32, u8)>,
    surrogates: bool,
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
    #[inline]
    fn open(&mut self, byte: u8) -> Result<bool, Reason> {
        if self.open.len() >= self.bounds.depth_max {
            return Err(Reason::Depth);
        }
        let kind = if byte == b'{' { Kind::Object } else { Kind::Array };
        let index = self.container(kind)?;
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
    #[inline]
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

    #[inline]
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

    #[inline]
    fn string(&mut self) -> Result<(), Reason> {
        self.room()?;
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let Some(End { at, escapes, surrogates }) = string_end(bytes, start + 1) else {
            let (at, reason) = string_fault(bytes, start + 1);
            self.at = at;
            return Err(reason);
        };
        self.at = at + 1;
        self.surrogates |= surrogates;
        self.leaf(start, Kind::String, escapes);
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), Reason> {
        self.room()?;
        let start = self.at;
        self.skip_one(b"-");
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        let mut may_be_huge = false;
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
            may_be_huge = true;
        }
        self.bounded(start, may_be_huge)?;
        self.leaf(start, Kind::Number, false);
        Ok(())
    }

    /// Most readers, those of clients and upstreams among them, hold numbers in a double: what is beyond
    /// makes them refuse all of the document in which it is carried.
    #[inline]
    fn bounded(&self, start: usize, has_exponent: bool) -> Result<(), Reason> {
        let number = self.text.get(start..self.at).unwrap_or_default();
        let is_huge = (has_exponent || number.len() > DIGITS_MAX)
            && !Decimal::parse(number).is_some_and(Decimal::fits_double);
        if is_huge { Err(Reason::Expected("a number that a double holds")) } else { Ok(()) }
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Reason> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(Reason::Expected("a digit")) } else { Ok(()) }
    }

    #[inline]
    fn literal(&mut self) -> Result<(), Reason> {
        let rest = self.rest();
        let (kind, length) = match rest {
            [b't', b'r', b'u', b'e', ..] => (Kind::Bool, 4),
            [b'f', b'a', b'l', b's', b'e', ..] => (Kind::Bool, 5),
            [b'n', b'u', b'l', b'l', ..] => (Kind::Null, 4),
            _ => return Err(Reason::Expected("a value")),
        };
        self.room()?;
        let start = self.at;
        self.at += length;
        self.leaf(start, kind, false);
        Ok(())
    }

    /// Refuses one value more than are allowed.
    fn room(&self) -> Result<(), Reason> {
        if self.nodes.len() < self.bounds.values_max { Ok(()) } else { Err(Reason::Values) }
    }

    /// Adds a value with nothing in it, which ends here.
    #[inline]
    fn leaf(&mut self, start: usize, kind: Kind, escapes: bool) {
        let (start, end, next) = (start as u32, self.at as u32, self.nodes.len() as u32 + 1);
        self.nodes.push(Node { start, end, next, kind, escapes });
    }

    /// Adds a container that begins here.
    #[inline]
    fn container(&mut self, kind: Kind) -> Result<u32, Reason> {
        self.room()?;
        let (start, index) = (self.at as u32, self.nodes.len() as u32);
        self.nodes.push(Node { start, end: start, next: index, kind, escapes: false });
        Ok(index)
    }

    /// Ends a container here.
    #[inline]
    fn finish(&mut self, index: u32) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.end = self.at as u32;
            node.next = next;
        }
    }

    #[inline]
    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
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
