//! The end of a JSON string, and what is wrong with what stands before it.
//!
//! Most bytes of a large document stand in its long strings, so this decides what reading one costs.
//! Names and other short strings are read eight bytes at a time. Long ones are read in blocks of 64:
//! every byte that needs a look becomes one bit of a word, and the bits are taken one after the
//! other, which spares the branches that nobody can foresee, one per escape.

use super::document::Reason;

/// Where a string ends, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The closing quote.
    pub(super) at: usize,
    /// Whether there are escapes.
    pub(super) escapes: bool,
    /// Whether there are escapes that may be half of a surrogate pair.
    pub(super) surrogates: bool,
}

/// A string with this many words of eight bytes is read in blocks from there on.
const SHORT_WORDS: usize = 2;

const BLOCK: usize = 64;

/// The end of the string whose text begins at `at`; `None` for what [`string_fault`] knows about.
#[inline]
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<End> {
    let mut found = End { at, escapes: false, surrogates: false };
    for _ in 0..SHORT_WORDS {
        let Some(word) = bytes.get(found.at..).and_then(<[u8]>::first_chunk) else { break };
        let specials = specials(u64::from_le_bytes(*word));
        found.at += specials.trailing_zeros() as usize / 8;
        if specials != 0 {
            if bytes.get(found.at) == Some(&b'"') {
                return Some(found);
            }
            found.escape(bytes)?;
        }
    }
    blocks(bytes, found)
}

/// Reads blocks, and what is left of the document when there is none any more.
#[inline]
fn blocks(bytes: &[u8], mut found: End) -> Option<End> {
    let (mut at, mut escapes) = (found.at, found.escapes);
    // One byte more, for what stands behind a backslash in the last place.
    'blocks: while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ BLOCK + 1 }>)
    {
        let mut specials = block_specials(block);
        while specials != 0 {
            let place = specials.trailing_zeros() as usize % BLOCK;
            let Some(&[special, escaped]) = block.get(place..).and_then(<[u8]>::first_chunk) else {
                break;
            };
            if special == b'\\' && is_simple(escaped) {
                escapes = true;
                specials &= (u64::MAX << 2) << place;
                // A jump and no sum: the processor may begin with the next block before it knows.
                if place + 1 == BLOCK {
                    at += BLOCK + 1;
                    continue 'blocks;
                }
                continue;
            }
            match special {
                b'"' => return Some(End { at: at + place, escapes, ..found }),
                _ => {
                    found.at = at + place;
                    found.escape(bytes)?;
                    escapes = true;
                    let behind = found.at - at;
                    if behind >= BLOCK {
                        at += behind;
                        continue 'blocks;
                    }
                    specials &= u64::MAX << behind;
                }
            }
        }
        at += BLOCK;
    }
    last_bytes(bytes, End { at, escapes, ..found })
}

/// Reads byte by byte.
#[inline]
fn last_bytes(bytes: &[u8], mut found: End) -> Option<End> {
    loop {
        match bytes.get(found.at)? {
            b'"' => return Some(found),
            b'\\' | 0..0x20 => found.escape(bytes)?,
            _ => found.at += 1,
        }
    }
}

impl End {
    /// Goes over an escape, or not over a control character.
    #[inline]
    fn escape(&mut self, bytes: &[u8]) -> Option<()> {
        match bytes.get(self.at..)? {
            [b'\\', escaped, ..] if is_simple(*escaped) => self.at += 2,
            [b'\\', b'u', a, b, c, d, ..]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
            {
                self.surrogates |= matches!(a, b'd' | b'D');
                self.at += 6;
            }
            _ => return None,
        }
        self.escapes = true;
        Some(())
    }
}

/// What is wrong with a string of which there is no end, and where.
#[cold]
pub(super) fn string_fault(bytes: &[u8], at: usize) -> (usize, Reason) {
    let mut found = End { at, escapes: false, surrogates: false };
    loop {
        let expected = match bytes.get(found.at) {
            None => "`\"`",
            Some(b'\\') if found.escape(bytes).is_some() => continue,
            Some(b'\\') => "an escape of JSON",
            Some(0..0x20) => "an escape instead of a control character",
            Some(_) => {
                found.at += 1;
                continue;
            }
        };
        return (found.at, Reason::Expected(expected));
    }
}

/// The letters of escapes that are two characters long.
static SIMPLE: [bool; 256] = {
    let mut simple = [false; 256];
    let mut letters: &[u8] = b"\"\\/bfnrt";
    while let [letter, rest @ ..] = letters {
        #[allow(clippy::indexing_slicing, reason = "evaluated while compiling")]
        {
            simple[*letter as usize] = true;
        }
        letters = rest;
    }
    simple
};

#[inline]
fn is_simple(escaped: u8) -> bool {
    SIMPLE.get(usize::from(escaped)).copied().unwrap_or_default()
}

/// A byte in every place of a word.
const fn everywhere(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

const HIGH_BITS: u64 = everywhere(0x80);

/// The high bits of those bytes that are a quote, a backslash or a control character.
#[inline]
const fn specials(word: u64) -> u64 {
    // Sums of bytes below 0x80 do not reach into the next place: no byte is taken for another.
    let low_bits = word & !HIGH_BITS;
    // The other value of bit 1 puts the quote right behind the control characters.
    let not_quote_nor_control = (low_bits ^ everywhere(0x02)) + everywhere(0x80 - 0x21);
    let not_backslash = (low_bits ^ everywhere(b'\\')) + everywhere(0x80 - 0x01);
    !((not_quote_nor_control & not_backslash) | word) & HIGH_BITS
}

/// One bit for each of the first 64 bytes: whether it is special.
#[inline]
fn block_specials(block: &[u8; BLOCK + 1]) -> u64 {
    // Shifts each of the high bits of a word to another place of its highest byte.
    const GATHER: u64 = 0x0002_0408_1020_4081;
    let (words, _) = block.as_chunks::<8>();
    let mut all = 0;
    let mut n = 0;
    while n < BLOCK / 8 {
        let word = u64::from_le_bytes(words.get(n).copied().unwrap_or_default());
        all |= (specials(word).wrapping_mul(GATHER) >> 56) << (8 * n);
        n += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, byte by byte.
    fn slowly(bytes: &[u8]) -> Option<End> {
        last_bytes(bytes, End { at: 0, escapes: false, surrogates: false })
    }

    fn quickly(bytes: &[u8]) -> Option<End> {
        string_end(bytes, 0)
    }

    #[test]
    fn every_byte_is_told_apart_in_every_place() {
        for byte in 0..=0xff {
            for len in 0..150 {
                let mut bytes = vec![b'x'; 150];
                bytes.push(b'"');
                bytes[len] = byte;
                assert_eq!(quickly(&bytes), slowly(&bytes), "{byte} behind {len}");
                bytes[len + 1..].fill(byte ^ 0x80);
                assert_eq!(quickly(&bytes), slowly(&bytes), "{byte} behind {len} before others");
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_read_what_bytes_do(
            pieces in prop::collection::vec(
                prop_oneof![
                    8 => "[ -!#-\\[\\]-~]{0,40}",
                    6 => r#"\\["\\/bfnrt]"#,
                    2 => r#"(\\\\){1,40}"#,
                    2 => r"\\u[0-9a-fA-F]{4}",
                    1 => "é{1,30}",
                ],
                0..40,
            ),
            end in prop_oneof![
                8 => Just("\" \\"), 1 => Just(""), 1 => Just("\\"), 1 => Just("\\x\""), 1 => Just("\n\""),
                1 => Just("\\u12g4\""), 1 => Just("\\u12"),
            ],
            behind in "[\u{1}-\u{7f}]{0,80}",
        ) {
            let text = [pieces.concat().as_str(), end, behind.as_str()].concat();
            for cut in 0..text.len().min(9) {
                let bytes = &text.as_bytes()[cut..];
                prop_assert_eq!(quickly(bytes), slowly(bytes));
            }
        }
    }
}
