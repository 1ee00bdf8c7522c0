//! Header maps as the ABI serialises them.

/// Pairs as the ABI serialises them: the count, the lengths of each name and value, then each name
/// and value with a zero byte behind it. Numbers are 32 bits, little endian.
pub fn parse(bytes: &[u8]) -> Vec<(String, String)> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let count = number(0).unwrap_or(0).min(bytes.len() / 8);
    let mut at = 4 + 8 * count;
    let mut next = |length: usize| {
        let text = bytes.get(at..at.checked_add(length)?)?;
        at += length + 1;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    (0..count)
        .map_while(|pair| {
            let name = next(number(4 + 8 * pair)?)?;
            Some((name, next(number(8 + 8 * pair)?)?))
        })
        .collect()
}

/// The reverse of [`parse`]; lengths beyond 32 bits cannot occur in wasm32's memory.
pub fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}
