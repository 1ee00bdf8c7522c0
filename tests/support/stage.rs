//! Envoys that tests share.

use std::sync::{Mutex, PoisonError};

use crate::envoy::{Envoy, Setup};

/// An Envoy that tests share, one after the other: to start one takes two seconds of processor time.
pub struct Stage {
    setup: fn() -> Setup,
    hold_headers: bool,
    envoy: Mutex<Option<Envoy>>,
}

impl Stage {
    /// Starts it when the first test comes; `hold_headers` as in [`Setup::hold_headers`].
    pub const fn new(setup: fn() -> Setup, hold_headers: bool) -> Self {
        Self { setup, hold_headers, envoy: Mutex::new(None) }
    }

    /// Runs a test on it while no other one does.
    pub fn play(&self, test: impl Fn(&Envoy)) {
        eprintln!("hold_headers: {}", self.hold_headers);
        let mut place = self.envoy.lock().unwrap_or_else(PoisonError::into_inner);
        if place.as_mut().is_none_or(|envoy| !envoy.renew()) {
            *place = Some((self.setup)().hold_headers(self.hold_headers).start());
        }
        let envoy = place.as_mut().expect("an Envoy");
        test(envoy);
        envoy.assert_well();
    }
}
