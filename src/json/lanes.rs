//! Sixteen bytes at a time, for hosts whose wasm has `simd128`.

use core::arch::wasm32::{
    u8x16_bitmask, u8x16_eq, u8x16_le, u8x16_splat, u64x2, v128, v128_any_true, v128_or, v128_xor,
};

/// So many bytes are looked at together.
pub(super) const BYTES: usize = 16;

/// These bytes as lanes, the first one in the lowest. It becomes one instruction.
#[inline]
pub(super) fn load(bytes: &[u8; BYTES]) -> v128 {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
    u64x2(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(rest))
}

/// The lanes that hold `byte`.
#[inline]
pub(super) fn equal_to(lanes: v128, byte: u8) -> v128 {
    u8x16_eq(lanes, u8x16_splat(byte))
}

/// The lanes that hold a quote or a control character.
#[inline]
pub(super) fn ends(lanes: v128) -> v128 {
    v128_or(equal_to(lanes, b'"'), u8x16_le(lanes, u8x16_splat(0x1f)))
}

/// The lanes that hold a quote, a backslash or a control character, one bit for each.
#[inline]
pub(super) fn specials(lanes: v128) -> u16 {
    u8x16_bitmask(v128_or(ends(lanes), equal_to(lanes, b'\\')))
}

/// How many bytes stand before the first that is a quote, a backslash or a control character, and whether all
/// of those are ASCII. `last` reads what fills no lanes.
#[inline]
pub(super) fn plain(bytes: &[u8], last: impl FnOnce(&[u8]) -> (usize, bool)) -> (usize, bool) {
    let (mut rest, mut is_ascii) = (bytes, true);
    while let Some((first, behind)) = rest.split_first_chunk() {
        let lanes = load(first);
        let (specials, wide) = (specials(lanes), u8x16_bitmask(lanes));
        if specials != 0 {
            let before = (specials & specials.wrapping_neg()) - 1;
            let len = bytes.len() - rest.len() + specials.trailing_zeros() as usize;
            return (len, is_ascii && wide & before == 0);
        }
        is_ascii &= wide == 0;
        rest = behind;
    }
    let (len, last_is_ascii) = last(rest);
    (bytes.len() - rest.len() + len, is_ascii && last_is_ascii)
}

/// Whether both, which have the same length, are the same bytes; `None` when they are too short.
#[inline]
pub(super) fn equal(bytes: &[u8], others: &[u8]) -> Option<bool> {
    // The last bytes overlap those before.
    let mut differ = v128_xor(load(bytes.last_chunk()?), load(others.last_chunk()?));
    for (part, other) in bytes.as_chunks().0.iter().zip(others.as_chunks().0) {
        differ = v128_or(differ, v128_xor(load(part), load(other)));
    }
    Some(!v128_any_true(differ))
}
