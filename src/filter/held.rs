//! Held request headers that the host never lets go.
//!
//! A host without `allow_on_headers_stop_iteration` takes a hold for good: no body follows, and the
//! request would hang until one side gives up. The host does not say whether it has that permission, so
//! headers are watched until the first body shows that it has; from then on nothing is watched and no
//! timer runs in this VM. One that never serves a request (the main thread has one) ticks on.

use std::cell::Cell;

use super::{Filter, Root};
use crate::config::Config;
use crate::host::{self, HeadersFlow, timer};

/// How often held headers are looked at.
const TICK_MS: u32 = 1000;

/// How long the first body may take. Clients send theirs at once; only the first ones of a VM are
/// watched.
const HELD_MS_MAX: u64 = 5_000;

/// Whether this VM has seen that the host lets held headers go.
#[derive(Debug)]
pub struct Release {
    is_proven: Cell<bool>,
}

impl Release {
    /// Begins to watch if the configuration holds headers at all.
    pub fn watched(config: &Config) -> Self {
        let scopes = config.scopes.iter().map(|scope| scope.config.hold_headers);
        let holds = config.hold_headers || scopes.into_iter().any(|holds| holds);
        let is_watched = holds && timer::set_tick_period_ms(TICK_MS).is_ok();
        Self { is_proven: Cell::new(!is_watched) }
    }
}

impl Root {
    /// Ends the timer when nothing needs it any more.
    pub fn rest(&self) {
        if self.release.is_proven.get() && self.timer.is_none() {
            // A host that refuses goes on ticking, which does no harm.
            let _ = timer::set_tick_period_ms(0);
        }
    }
}

impl Filter {
    /// Holds the request's headers.
    pub(super) fn hold(&mut self) -> HeadersFlow {
        if !self.release.is_proven.get() {
            self.held_at_ms = Some(host::now_ms());
        }
        HeadersFlow::Hold
    }

    /// More than headers has come.
    pub(super) fn released(&mut self) {
        if self.held_at_ms.take().is_some() {
            self.release.is_proven.set(true);
        }
    }

    /// Whether the host may never let the headers go.
    pub(super) fn is_held(&self) -> bool {
        self.held_at_ms.is_some() && !self.release.is_proven.get()
    }

    /// Answers in the place of a request whose headers are held for too long.
    pub(super) fn give_up(&mut self, root: u32) {
        let held_ms = self.held_at_ms.map(|at| host::now_ms().saturating_sub(at));
        if held_ms.is_none_or(|ms| ms < HELD_MS_MAX) {
            return;
        }
        self.held_at_ms = None;
        let reply = self.exchange.never_released();
        log::error!(
            "the host holds headers and never lets them go: set allow_on_headers_stop_iteration: true \
             in the filter's entry, or \"hold_headers\": false in its configuration"
        );
        timer::on_behalf_of(self.context, root, || self.reply(&reply));
    }
}
