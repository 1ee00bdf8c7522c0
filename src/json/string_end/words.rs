//! Eight bytes at a time, for every host.
//!
//! The bits of a block are taken one after the other, which spares the branches that nobody can foresee,
//! one per escape.

use super::{End, is_simple, last_bytes};
use crate::json::wide::{HIGH_BITS, everywhere};

/// A string that ends in this many words of eight bytes is short.
const SHORT_WORDS: usize = 3;

const BLOCK: usize = 64;

/// The end of a short string without escapes.
#[inline]
pub(super) fn short_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut rest = bytes.get(at..)?;
    for _ in 0..SHORT_WORDS {
        let (word, behind) = rest.split_first_chunk()?;
        let specials = usual(u64::from_le_bytes(*word)) ^ HIGH_BITS;
        if specials != 0 {
            at += specials.trailing_zeros() as usize / 8;
            return (bytes.get(at) == Some(&b'"')).then_some(at);
        }
        at += 8;
        rest = behind;
    }
    None
}

/// Goes on at `found` to the end of the string: reads blocks, and what is left of the document when there is none
/// any more.
#[inline(never)]
pub(super) fn string_end(bytes: &[u8], mut found: End) -> Option<End> {
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

/// The high bits of those bytes that are neither a quote nor a backslash nor a control character.
#[inline]
const fn usual(word: u64) -> u64 {
    // Sums of bytes below 0x80 do not reach into the next place: no byte is taken for another.
    let low_bits = word & !HIGH_BITS;
    // The other value of bit 1 puts the quote right behind the control characters.
    let not_quote_nor_control = (low_bits ^ everywhere(0x02)) + everywhere(0x80 - 0x21);
    let not_backslash = (low_bits ^ everywhere(b'\\')) + everywhere(0x80 - 0x01);
    ((not_quote_nor_control & not_backslash) | word) & HIGH_BITS
}

/// One bit for each of the first 64 bytes: whether it is special.
#[inline]
fn block_specials(block: &[u8; BLOCK + 1]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let Some([a, b, c, d, e, f, g, h]) = words.first_chunk() else { return u64::MAX };
    // Not a loop: it would not be unrolled everywhere, and this is where large documents are read.
    let usual = usual_bits(h) << 8 | usual_bits(g);
    let usual = usual << 8 | usual_bits(f);
    let usual = usual << 8 | usual_bits(e);
    let usual = usual << 8 | usual_bits(d);
    let usual = usual << 8 | usual_bits(c);
    let usual = usual << 8 | usual_bits(b);
    let usual = usual << 8 | usual_bits(a);
    !usual
}

/// One bit for each byte of a word: whether it is not special.
#[inline]
const fn usual_bits(word: &[u8; 8]) -> u64 {
    // Shifts each of the high bits to another place of the highest byte.
    const GATHER: u64 = 0x0002_0408_1020_4081;
    usual(u64::from_le_bytes(*word)).wrapping_mul(GATHER) >> 56
}
