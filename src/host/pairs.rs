//! Headers in the form in which they pass between the host and this module.

use std::borrow::Cow;

/// Header maps as the ABI serialises them.
#[derive(Debug, Default)]
pub struct Pairs(Vec<u8>);

impl Pairs {
    /// What the host has handed over: the count, the lengths of each name and value, then each name and
    /// value with a zero byte behind it. Numbers are 32 bits, little endian.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The names and the values, with invalid UTF-8 replaced; as many as are whole.
    pub fn headers(&self) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
        let (numbers, _) = self.0.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|number| u32::from_le_bytes(*number) as usize);
        let count = numbers.next().unwrap_or(0).min(self.0.len() / 8);
        let bytes = self.0.get(4 + 8 * count..).unwrap_or_default();
        // Headers are hardly ever anything but text, and all of them are checked in one go.
        let text = std::str::from_utf8(bytes).ok();
        let mut at = 0;
        let mut next = |length: usize| {
            let range = at..length.checked_add(at)?;
            at = range.end + 1;
            match text {
                Some(text) => text.get(range).map(Cow::Borrowed),
                None => bytes.get(range).map(String::from_utf8_lossy),
            }
        };
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            let (Some(name), Some(value)) = (numbers.next(), numbers.next()) else { break };
            let (Some(name), Some(value)) = (next(name), next(value)) else { break };
            headers.push((name, value));
        }
        headers
    }
}

/// The reverse of [`Pairs::headers`]; lengths beyond 32 bits cannot occur in wasm32's memory.
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
