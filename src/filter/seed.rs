//! Seeds for ids.

use std::hash::{BuildHasher, RandomState};

use crate::host;

/// Seeds for ids: random per VM, another one for each exchange.
pub struct Seed {
    /// Another number in each VM.
    pub random: u64,
}

impl Seed {
    /// Seeds of this VM.
    pub fn new() -> Self {
        // The standard library draws the keys of a new RandomState from the host's random source.
        Self { random: RandomState::new().hash_one(host::now_ns()) }
    }

    /// The seed of this exchange.
    pub fn of(&self, context: u32) -> u128 {
        let own = self.random.wrapping_add(u64::from(context));
        (u128::from(host::now_ns()) << 64) | u128::from(own)
    }
}
