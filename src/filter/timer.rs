//! Keep-alives in total silence: bytes for the client without a callback of its stream.
//!
//! A host takes bytes between callbacks only while the response is paused behind its body. So every piece
//! pauses it, and a queue of this VM's own, which wakes the root context, lets the piece go at once. What
//! this costs and risks is in `docs/configuration.md` (measured with Envoy 1.36 and 1.40).

use super::Filter;
use crate::config::{Config, KeepAlive};
use crate::host::{BodyFlow, timer};

/// How often silence is looked for.
const TICK_MS: u32 = 1000;

/// The timer of a root context.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    queue: u32,
}

impl Timer {
    /// Starts the timer if the configuration asks for one. `unique` tells the queues of VMs apart.
    pub fn start(config: &Config, unique: u64) -> Option<Self> {
        if !config.wants_timer() {
            return None;
        }
        let queue = timer::register_queue(&format!("responses_filter.{unique:016x}"));
        match queue.and_then(|queue| timer::set_tick_period_ms(TICK_MS).map(|()| queue)) {
            Ok(queue) => Some(Self { queue }),
            Err(refused) => {
                log::error!("the host has no timer for keep_alive: timer ({refused:?})");
                None
            }
        }
    }
}

impl Config {
    /// Whether any part of the traffic wants keep-alives by timer.
    fn wants_timer(&self) -> bool {
        self.keep_alive == KeepAlive::Timer
            || self.scopes.iter().any(|scope| scope.config.keep_alive == KeepAlive::Timer)
    }
}

impl Filter {
    /// Whether [`Self::tick`] might have something to do.
    pub fn is_timed(&self) -> bool {
        self.is_flushing || self.is_held()
    }

    /// Pauses behind `written` bytes, which leave with the next [`Self::flush`].
    ///
    /// Once a piece has left so, the next one has to leave so as well, be it the last: the host keeps what is
    /// written in a buffer, and looks at it only when it goes on behind a pause. (Envoy 1.36 does so always,
    /// 1.40 when the piece was empty; measured.)
    pub(super) fn pause_for_flush(&mut self, written: usize) -> BodyFlow {
        let Some(Timer { queue }) = self.timer else { return BodyFlow::Continue };
        if written > 0 && timer::enqueue(queue, self.context).is_err() {
            return BodyFlow::Continue;
        }
        self.unflushed = written;
        self.is_flushing = true;
        BodyFlow::HoldBuffered
    }

    /// The queue has woken the root context: lets go what waits.
    pub fn flush(&mut self, root: u32) {
        if std::mem::take(&mut self.unflushed) == 0 {
            return;
        }
        timer::on_behalf_of(self.context, root, || {
            if let Err(refused) = timer::continue_response() {
                log::debug!("a piece of an answer has left already ({refused:?})");
            }
        });
    }

    /// Time has passed: writes a keep-alive if one is due, and gives up what hangs.
    pub fn tick(&mut self, root: u32) {
        if self.is_held() {
            return self.give_up(root);
        }
        if !self.is_flushing || !self.exchange.tick() {
            return;
        }
        self.unflushed = 0;
        let output = self.exchange.output();
        timer::on_behalf_of(self.context, root, || {
            let added = timer::append_to_response(output);
            if let Err(refused) = added.and_then(|()| timer::continue_response()) {
                log::debug!("the host does not take a keep-alive ({refused:?})");
            }
        });
        self.exchange.output_sent();
    }
}
