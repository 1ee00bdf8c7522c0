//! Whether the arguments of a call are whole, asked again and again while they grow.

use crate::dialect::value::Nesting;

/// Where in an object the arguments so far end.
#[derive(Debug)]
pub struct Scan {
    nesting: Nesting,
    end: End,
    /// How much of the escaped arguments has been read, in bytes.
    pub read: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Before,
    Within,
    Behind,
    /// There is something else than one object.
    Elsewhere,
}

impl Default for Scan {
    fn default() -> Self {
        Self { nesting: Nesting::NEW, end: End::Before, read: 0 }
    }
}

impl Scan {
    /// True when all that was read is one object.
    pub fn is_whole(&self) -> bool {
        self.end == End::Behind
    }

    /// Reads on in the decoded arguments.
    pub fn push(&mut self, text: &str) {
        let mut rest = text;
        if self.end == End::Before {
            rest = rest.trim_start();
            match rest.chars().next() {
                Some('{') => self.end = End::Within,
                Some(_) => self.end = End::Elsewhere,
                None => {}
            }
        }
        if self.end == End::Within
            && let Some(behind) = self.nesting.read(rest)
        {
            self.end = End::Behind;
            rest = behind;
        }
        if self.end == End::Behind && !rest.trim_start().is_empty() {
            self.end = End::Elsewhere;
        }
    }
}
