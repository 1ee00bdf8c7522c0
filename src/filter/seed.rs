//! Seeds for ids.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// Seeds for ids: random per VM, another one for each exchange.
pub struct Seed {
    /// Another number in each VM.
    pub random: u64,
    /// As random.
    first: u64,
    /// How many seeds have been given out.
    given: Cell<u64>,
}

impl Seed {
    /// Seeds of this VM.
    pub fn new() -> Self {
        // The standard library draws the keys of a RandomState from the host's random source.
        let keys = RandomState::new();
        Self { random: keys.hash_one("seed"), first: keys.hash_one("first"), given: Cell::new(0) }
    }

    /// The seed of another exchange.
    pub fn next(&self) -> u128 {
        let given = self.given.get();
        self.given.set(given.wrapping_add(1));
        (u128::from(self.first.wrapping_add(given)) << 64) | u128::from(self.random)
    }
}
