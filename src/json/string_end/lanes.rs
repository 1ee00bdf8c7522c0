//! Sixteen bytes at a time, for hosts whose wasm has `simd128`.
//!
//! Nothing is taken one after the other but what is rare: which bytes are escaped follows from the
//! bits of all backslashes of a block.

use core::arch::wasm32::{
    i8x16, u8x16_bitmask, u8x16_splat, u8x16_sub, u8x16_swizzle, v128, v128_or,
};

use super::{End, last_bytes};
use crate::json::lanes::{BYTES, ends, equal_to, load, specials};

const BLOCK: usize = 64;

/// The end of a short string without escapes.
#[inline]
pub(super) fn short_string(bytes: &[u8], at: usize) -> Option<usize> {
    let first = bytes.get(at..)?.first_chunk()?;
    let end = at + specials(load(first)).trailing_zeros() as usize;
    // Behind the last one of plain bytes there may stand anything.
    (end < at + BYTES && bytes.get(end) == Some(&b'"')).then_some(end)
}

/// Goes on at `found` to the end of the string: reads blocks, and what is left of the document when there is none
/// any more.
#[inline(never)]
pub(super) fn string_end(bytes: &[u8], mut found: End) -> Option<End> {
    let mut open = 0;
    while let Some(block) = bytes.get(found.at..).and_then(<[u8]>::first_chunk) {
        let escaped = escaped(bits(block, |lanes| equal_to(lanes, b'\\')), &mut open);
        let ends = bits(block, ends) & !escaped;
        let escaped = escaped & ends.wrapping_sub(1) & !ends;
        let mut unusual = 0;
        if escaped != 0 {
            found.escapes = true;
            unusual = escaped & !bits(block, usual_letters);
        }
        while unusual != 0 {
            // Behind its backslash, which may stand in the block before.
            let letter = found.at + unusual.trailing_zeros() as usize;
            let mut escape = End { at: letter - 1, ..found };
            escape.escape(bytes)?;
            found.surrogates = escape.surrogates;
            unusual &= unusual - 1;
        }
        if ends != 0 {
            found.at += ends.trailing_zeros() as usize;
            return (bytes.get(found.at) == Some(&b'"')).then_some(found);
        }
        found.at += BLOCK;
    }
    // An escape that the last block has the backslash of is read as a whole.
    found.at -= open as usize;
    last_bytes(bytes, found)
}

/// One bit for each of the lanes of a block that `find` finds.
#[inline]
fn bits(block: &[u8; BLOCK], find: impl Fn(v128) -> v128) -> u64 {
    let (parts, _) = block.as_chunks::<BYTES>();
    let bits = |n: usize| {
        let found = parts.get(n).map_or(0, |part| u8x16_bitmask(find(load(part))));
        u64::from(found) << (n * BYTES)
    };
    bits(0) | bits(1) | bits(2) | bits(3)
}

/// The bytes behind those of the backslashes that begin an escape.
///
/// `open` is 1 when the block before ended with such a backslash, and becomes 1 when this one does.
#[inline]
fn escaped(backslashes: u64, open: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    let begin = backslashes & !*open;
    // Of a run of backslashes every other one begins an escape, from the first one on. A difference carries
    // to the end of each run whether that one stands at an even or at an odd place.
    let alternate = ((begin << 1 | ODD).wrapping_sub(begin)) ^ ODD;
    let escaped = alternate ^ (backslashes | *open);
    *open = (alternate & backslashes) >> (BLOCK - 1);
    escaped
}

/// The lanes that hold a letter of the escapes that most texts have: quotes, backslashes, f, n, r, t.
#[inline]
fn usual_letters(lanes: v128) -> v128 {
    // By their distance from f; what is farther than these is none.
    const LETTERS: v128 = i8x16(-1, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, -1, 0, -1, 0);
    let letters = u8x16_swizzle(LETTERS, u8x16_sub(lanes, u8x16_splat(b'f')));
    v128_or(letters, v128_or(equal_to(lanes, b'"'), equal_to(lanes, b'\\')))
}
