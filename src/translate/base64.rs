//! Base64 (RFC 4648 §4) with padding, for what travels in `encrypted_content`.
//!
//! A few lines, because what is quick for megabytes has 7 KB of code.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text for these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, n| bits << 8 | group.get(n).map_or(0, |b| u32::from(*b)));
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place)) as usize % 64);
            let digit = digit.filter(|_| place <= group.len()).unwrap_or(&b'=');
            text.push(char::from(*digit));
        }
    }
    text
}

/// The bytes of a text; `None` unless it is what [`encode`] makes of them.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let (groups, []) = text.as_bytes().as_chunks::<4>() else { return None };
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    for (place, group) in groups.iter().enumerate() {
        let padding = match group {
            [.., b'=', b'='] => 2,
            [.., b'='] => 1,
            _ => 0,
        };
        if padding > 0 && place + 1 < groups.len() {
            return None;
        }
        let mut bits: u32 = 0;
        for digit in group.iter().take(4 - padding) {
            bits = bits << 6 | value(*digit)?;
        }
        let [_, decoded @ ..] = (bits << (6 * padding)).to_be_bytes();
        let (kept, beyond) = decoded.split_at_checked(3 - padding)?;
        if beyond.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn does_what_the_library_does(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            text in "[A-Za-d/+=]{0,9}",
            piece in "[A=*]{1,3}",
            at in 0_usize..40,
        ) {
            let encoded = encode(&bytes);
            prop_assert_eq!(&encoded, &STANDARD.encode(&bytes));
            prop_assert_eq!(decode(&encoded), Some(bytes));
            prop_assert_eq!(decode(&text), STANDARD.decode(&text).ok());
            let mut broken = encoded;
            broken.insert_str(at.min(broken.len()), &piece);
            prop_assert_eq!(decode(&broken), STANDARD.decode(&broken).ok());
        }
    }
}
