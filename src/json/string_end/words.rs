//! Eight bytes at a time, for every host.
//!
//! The bits of a block are taken one after the other, which spares the branches that nobody can foresee,
//! one per escape.

use super::{End, is_simple, last_bytes};
use crate::json::wide::{HIGH_BITS, everywhere};

/// A string with this many words of eight bytes is read in blocks from there on.
const SHORT_WORDS: usize = 2;

const BLOCK: usize = 64;

/// Goes on at `found` to the end of the string.
#[inline]
pub(super) fn string_end(bytes: &[u8], mut found: End) -> Option<End> {
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
    let (words, _) = block.as_chunks::<8>();
    let Some([a, b, c, d, e, f, g, h]) = words.first_chunk() else { return u64::MAX };
    // Not a loop: it would not be unrolled everywhere, and this is where large documents are read.
    let low =
        special_bits(a) | special_bits(b) << 8 | special_bits(c) << 16 | special_bits(d) << 24;
    let high =
        special_bits(e) | special_bits(f) << 8 | special_bits(g) << 16 | special_bits(h) << 24;
    low | high << 32
}

/// One bit for each byte of a word: whether it is special.
#[inline]
const fn special_bits(word: &[u8; 8]) -> u64 {
    // Shifts each of the high bits to another place of the highest byte.
    const GATHER: u64 = 0x0002_0408_1020_4081;
    specials(u64::from_le_bytes(*word)).wrapping_mul(GATHER) >> 56
}
