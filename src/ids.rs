//! Ids for responses, items and calls.
//!
//! An id is a prefix, an underscore and hexadecimal digits. The form matters: Codex replays an item's
//! id only when it reads `<x>_<y>` (measured), and the SDKs refuse empty ids. The digits come from a
//! seed that the shell draws once per exchange, so the core stays a function of its inputs.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hands out the ids of one exchange.
#[derive(Clone, Debug)]
pub struct Ids {
    seed: u128,
    issued: u64,
}

impl Ids {
    /// Ids derived from `seed`; two exchanges need different seeds.
    pub fn new(seed: u128) -> Self {
        Self { seed, issued: 0 }
    }

    /// The next id with this prefix, such as `msg` for `msg_0f…`.
    pub fn next(&mut self, prefix: &str) -> String {
        self.issued += 1;
        let tail = hash(&self.seed.to_le_bytes(), self.issued);
        // The upper half of the seed keeps ids of different exchanges apart even where the lower
        // half, hashed to 64 bits, should ever collide.
        let mut id = String::with_capacity(prefix.len() + 33);
        id.push_str(prefix);
        id.push('_');
        push_hex(&mut id, (self.seed >> 64) as u64);
        push_hex(&mut id, tail);
        id
    }
}

/// A hash that is the same in every build and version (XXH3).
#[inline(never)]
pub fn hash(bytes: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(bytes, seed)
}

/// Appends all sixteen digits of a number.
#[inline(never)]
fn push_hex(id: &mut String, number: u64) {
    let mut digits = [0; 16];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        let value = (number >> (4 * place)) as u8 & 0xf;
        *digit = value + if value < 10 { b'0' } else { b'a' - 10 };
    }
    id.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_deterministic_and_distinct() {
        let issue = |seed| {
            let mut ids = Ids::new(seed);
            [ids.next("resp"), ids.next("msg"), ids.next("msg")]
        };
        assert_eq!(issue(7), issue(7));
        assert_ne!(issue(7), issue(8));
        let [response, first, second] = issue(7);
        assert!(response.starts_with("resp_"));
        assert_ne!(first, second);
    }
}
