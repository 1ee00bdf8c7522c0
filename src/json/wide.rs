//! What the hot paths ask of bytes: eight at a time, or sixteen where wasm has `simd128`, which not every
//! host does.
//!
//! A byte loop costs several times more, in wasm even a comparison of slices does.

#[cfg(target_feature = "simd128")]
use super::lanes;

/// A byte in every place of a word.
pub(super) const fn everywhere(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of every byte.
pub(super) const HIGH_BITS: u64 = everywhere(0x80);

/// The high bit of the lowest byte that is a quote, a backslash or a control character, and of no
/// byte below it.
#[inline]
const fn specials(word: u64) -> u64 {
    // A byte below 0x80 from which a larger one is taken gets its high bit set.
    let quote = (word ^ everywhere(b'"')).wrapping_sub(everywhere(1));
    let backslash = (word ^ everywhere(b'\\')).wrapping_sub(everywhere(1));
    let control = word.wrapping_sub(everywhere(0x20));
    (quote | backslash | control) & !word & HIGH_BITS
}

/// How many bytes stand before the first that is a quote, a backslash or a control character; all
/// bytes when there is none.
#[inline]
pub fn plain_len(bytes: &[u8]) -> usize {
    plain(bytes).0
}

/// The same, and whether all of those bytes are ASCII.
#[inline]
pub fn plain(bytes: &[u8]) -> (usize, bool) {
    #[cfg(target_feature = "simd128")]
    {
        lanes::plain(bytes, plain_words)
    }
    #[cfg(not(target_feature = "simd128"))]
    {
        plain_words(bytes)
    }
}

#[inline]
fn plain_words(bytes: &[u8]) -> (usize, bool) {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut seen = 0;
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = specials(word);
        if found != 0 {
            let before = (found & found.wrapping_neg()) - 1;
            let len = 8 * n + found.trailing_zeros() as usize / 8;
            return (len, (seen | word & before) & HIGH_BITS == 0);
        }
        seen |= word;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let len = rest.iter().position(is_special).unwrap_or(rest.len());
    let is_ascii = rest.iter().take(len).all(u8::is_ascii);
    (8 * words.len() + len, is_ascii && seen & HIGH_BITS == 0)
}

/// Whether there is neither a quote nor a backslash nor a control character among these bytes.
#[inline]
pub fn is_plain(bytes: &[u8]) -> bool {
    if bytes.as_chunks::<8>().0.iter().any(|word| specials(u64::from_le_bytes(*word)) != 0) {
        return false;
    }
    // What is left are the last bytes, together with some of those before.
    let last = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(last), ..) => u64::from_le_bytes(*last),
        (None, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => bytes.iter().fold(everywhere(b' '), |word, byte| word << 8 | u64::from(*byte)),
    };
    specials(last) == 0
}

/// The first and the last of at most sixteen bytes: eight of each, or four, or all there are.
#[inline]
fn ends(bytes: &[u8]) -> Option<(u64, u64)> {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) if bytes.len() <= 16 => {
            Some((u64::from_le_bytes(*first), u64::from_le_bytes(*last)))
        }
        (None, None) => Some(match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
            }
            _ => (bytes.iter().rfold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
        }),
        _ => None,
    }
}

/// Appends bytes, of which there are few more often than not: a copy of a fixed size is two instructions, any other
/// one a call out of wasm.
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    let Some((first, last)) = ends(bytes) else { return out.extend_from_slice(bytes) };
    let (len, end) = (bytes.len(), out.len() + bytes.len());
    // What stands behind the bytes is cut off, so it may be anything.
    let (low, high) = match len as u32 {
        len @ 8.. => (first, last.wrapping_shr(128 - 8 * len)),
        len @ 4.. => (first | last << (8 * (len - 4)), 0),
        _ => (first, 0),
    };
    out.extend_from_slice(&(u128::from(high) << 64 | u128::from(low)).to_le_bytes());
    out.truncate(end);
}

/// A whole body as text.
///
/// # Errors
/// How many bytes stand before the first that is no text.
pub fn text(bytes: &[u8]) -> Result<&str, usize> {
    #[cfg(target_feature = "simd128")]
    use simdutf8::compat::from_utf8;
    #[cfg(not(target_feature = "simd128"))]
    use std::str::from_utf8;

    from_utf8(bytes).map_err(|error| error.valid_up_to())
}

/// How many bytes stand before the first control character; all bytes when there is none.
#[inline]
pub fn printed_len(bytes: &[u8]) -> usize {
    len_before(bytes, |word| word.wrapping_sub(everywhere(0x20)) & !word & HIGH_BITS)
}

/// How many digits `bytes` begin with.
#[inline]
pub fn digits_len(bytes: &[u8]) -> usize {
    len_before(bytes, |word| {
        // Of a digit zero to nine are left, to which as much is added as leaves the high bit alone.
        let value = word ^ everywhere(b'0');
        (value.wrapping_add(everywhere(0x80 - 10)) | value) & HIGH_BITS
    })
}

/// How many bytes stand before the first of some kind. In what `find` returns, the lowest bit stands for the
/// first of them in a word.
#[inline]
fn len_before(bytes: &[u8], find: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        let found = find(u64::from_le_bytes(*word));
        if found != 0 {
            return 8 * n + found.trailing_zeros() as usize / 8;
        }
    }
    let is_found = |byte: &u8| find(u64::from(*byte)) & 0x80 != 0;
    8 * words.len() + rest.iter().position(is_found).unwrap_or(rest.len())
}

/// Whether `bytes` begin with `prefix`.
#[inline]
fn starts_with(bytes: &[u8], prefix: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..prefix.len()) else { return false };
    #[cfg(target_feature = "simd128")]
    if let Some(equal) = lanes::equal(bytes, prefix) {
        return equal;
    }
    let mut differ = 0;
    for (word, prefix_word) in bytes.as_chunks::<8>().0.iter().zip(prefix.as_chunks::<8>().0) {
        differ |= u64::from_le_bytes(*word) ^ u64::from_le_bytes(*prefix_word);
    }
    // What is left are the last bytes of a word that overlaps the one before.
    match (bytes.last_chunk::<8>(), prefix.last_chunk::<8>()) {
        (Some(last), Some(prefix_last)) => differ == 0 && last == prefix_last,
        _ => bytes.iter().zip(prefix).all(|(byte, prefix_byte)| byte == prefix_byte),
    }
}

/// What stands behind `prefix`, which mostly has more than 32 bytes, in bytes that begin with it.
///
/// So many at a time: a loop over words spends more on their places than on what stands there.
#[inline]
pub fn strip_long_prefix<'b>(bytes: &'b [u8], prefix: &[u8]) -> Option<&'b [u8]> {
    let (bytes, behind) = bytes.split_at_checked(prefix.len())?;
    let (Some(last), Some(prefix_last)) = (bytes.last_chunk(), prefix.last_chunk()) else {
        return (bytes == prefix).then_some(behind);
    };
    #[cfg(target_feature = "simd128")]
    if let Some(equal) = lanes::equal(bytes, prefix) {
        return equal.then_some(behind);
    }
    // What is left are the last bytes of a block that overlaps the one before.
    let mut differ = difference(last, prefix_last);
    for (block, prefix_block) in bytes.as_chunks().0.iter().zip(prefix.as_chunks().0) {
        differ |= difference(block, prefix_block);
    }
    (differ == 0).then_some(behind)
}

/// Zero for blocks of the same bytes.
#[inline]
fn difference(block: &[u8; 32], other: &[u8; 32]) -> u128 {
    let half = |bytes: Option<&[u8; 16]>| bytes.copied().map_or(0, u128::from_le_bytes);
    (half(block.first_chunk()) ^ half(other.first_chunk()))
        | (half(block.last_chunk()) ^ half(other.last_chunk()))
}

/// Whether both are the same bytes.
#[inline(never)]
pub fn equal(bytes: &[u8], others: &[u8]) -> bool {
    bytes.len() == others.len()
        && match (ends(bytes), ends(others)) {
            (Some(ends), Some(other_ends)) => ends == other_ends,
            _ => starts_with(bytes, others),
        }
}

/// Where `text`, which is short, occurs first.
pub fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(first, bytes.get(from..)?)?;
        if starts_with(bytes.get(at..)?, text) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_where_it_first_occurs() {
        let bytes = b"\"a\"\"ab\":1,\"ab\":2";
        assert_eq!(find(bytes, b"\"ab\""), Some(3));
        assert_eq!(find(bytes, b"\"a\""), Some(0));
        assert_eq!(find(bytes, b":2"), Some(bytes.len() - 2));
        for absent in [&b"\"b\""[..], b"2,", b"\"ab\":2 ", b""] {
            assert_eq!(find(bytes, absent), None);
        }
        assert_eq!(find(b"", b"a"), None);
    }

    #[test]
    fn plain_bytes_end_at_the_first_special_one() {
        for special in (0..0x20).chain([b'"', b'\\']) {
            for len in 0..40 {
                for around in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                    let mut bytes = vec![around; 44];
                    bytes[len] = special;
                    let found = (len, around.is_ascii() || len == 0);
                    assert_eq!(plain(&bytes), found, "{special} behind {len} of {around}");
                    assert_eq!(plain(&bytes[..len]), found);
                    bytes[len + 1..].fill(special ^ 0x81);
                    assert_eq!(plain(&bytes), found, "{special} before others");
                }
            }
        }
    }

    #[test]
    fn bytes_are_plain_without_any_special_one() {
        for len in 0..40 {
            let bytes: Vec<u8> =
                (0..len).map(|n| [b' ', b'!', b'#', b'[', b']', 0x7f, 0xff][n % 7]).collect();
            assert!(is_plain(&bytes), "{len}");
            for (place, special) in
                (0..len).flat_map(|at| [0, 9, 0x1f, b'"', b'\\'].map(|byte| (at, byte)))
            {
                let mut bytes = bytes.clone();
                bytes[place] = special;
                assert!(!is_plain(&bytes), "{special} at {place} of {len}");
            }
        }
    }

    #[test]
    fn any_number_of_bytes_is_appended() {
        let bytes: Vec<u8> = (1..=40).collect();
        for before in 0..20 {
            for len in 0..=40 {
                let mut out = vec![0xff; before];
                append(&mut out, &bytes[..len]);
                assert_eq!(out, [&vec![0xff; before], &bytes[..len]].concat());
            }
        }
    }

    #[test]
    fn one_character_is_seen_in_every_place() {
        for len in 0..40 {
            for place in 0..len {
                let mut bytes = vec![b'x'; len];
                bytes[place] = 0x80;
                assert_eq!(plain(&bytes), (len, false));
            }
        }
    }

    #[test]
    fn text_ends_where_it_does_for_everybody() {
        let pieces: [&[u8]; 12] = [
            b"",
            b"a",
            "é".as_bytes(),
            "€".as_bytes(),
            "🦀".as_bytes(),
            b"\x80",
            b"\xc3",
            b"\xc0\x80",
            b"\xe2\x82",
            b"\xed\xa0\x80",
            b"\xf0\x9f\xa6",
            b"\xf4\x90\x80\x80",
        ];
        for around in ["x", "é"] {
            for len in 0..140 {
                for piece in pieces {
                    for behind in
                        ["", "y", "€ and more, for at least as many bytes as one block has. "]
                    {
                        let before = around.repeat(len);
                        let bytes = [before.as_bytes(), piece, behind.as_bytes()].concat();
                        let expected = std::str::from_utf8(&bytes).map_err(|e| e.valid_up_to());
                        assert_eq!(text(&bytes), expected, "{piece:?} behind {len} {around}");
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_of_a_kind_end_at_the_first_other() {
        for other in 0..=0xff_u8 {
            for len in 0..20 {
                for around in *b"059" {
                    let mut bytes = vec![around; 24];
                    bytes[len] = other;
                    bytes[len + 1..].fill(other.wrapping_add(1));
                    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    assert_eq!(digits_len(&bytes), digits, "{other} behind {len} of {around}");
                    assert_eq!(digits_len(&bytes[..len]), len);
                    let printed = bytes.iter().take_while(|byte| **byte >= 0x20).count();
                    assert_eq!(printed_len(&bytes), printed, "{other} behind {len}");
                }
            }
        }
    }

    #[test]
    fn prefixes_are_compared_to_the_last_byte() {
        let bytes: Vec<u8> = (0..70).collect();
        for len in 0..=70 {
            assert!(starts_with(&bytes, &bytes[..len]));
            assert_eq!(equal(&bytes, &bytes[..len]), len == bytes.len());
            for other in 0..len {
                let mut prefix = bytes[..len].to_vec();
                prefix[other] ^= 0x40;
                assert!(!starts_with(&bytes, &prefix), "{len} bytes, {other} differs");
                assert_eq!(
                    strip_long_prefix(&bytes, &prefix),
                    None,
                    "{len} bytes, {other} differs"
                );
            }
            assert_eq!(strip_long_prefix(&bytes, &bytes[..len]), Some(&bytes[len..]));
            assert_eq!(strip_long_prefix(&bytes[..len], &[&bytes[..len], b"x"].concat()), None);
            assert!(!starts_with(&bytes[..len], &[&bytes[..len], b"x"].concat()));
        }
    }
}
