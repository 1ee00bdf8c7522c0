//! When a waiting client is to hear that the response is still in progress.

use crate::config::KeepAlive;

/// Keep-alives that nothing from the upstream has answered stop when they have come to so many bytes: a
/// client that reads nothing piles them up in the host, like the connection's buffer in `envoy/envoy.yaml`.
/// One takes a kibibyte, or sixty with Codex's instructions and tools.
const UNANSWERED_BYTES_MAX: usize = 1 << 20;

/// A timer is not waited for behind more than this: what is written into a paused response goes into the
/// host's buffer, and the host ends a stream that fills it. Codex's instructions and tools, which the first
/// two events repeat, must fit; so must what a read of 64 KiB becomes, beside it in a mebibyte.
const PAUSED_OUTPUT_BYTES_MAX: usize = 512 << 10;

/// The silence towards one client.
#[derive(Debug)]
pub struct Silence {
    cause: KeepAlive,
    max_ms: u64,
    /// Since when the client has heard nothing, as far as anybody has looked at the clock.
    since_ms: Option<u64>,
    unanswered_bytes: usize,
}

impl Silence {
    /// Silence ends after `max_ms`, by what `cause` says.
    pub fn new(cause: KeepAlive, max_ms: u64) -> Self {
        Self { cause, max_ms, since_ms: None, unanswered_bytes: 0 }
    }

    /// The client hears something.
    pub fn end(&mut self) {
        self.since_ms = None;
    }

    /// From now on the client hears nothing, unless it has been so before.
    pub fn begin(&mut self, now_ms: u64) {
        self.since_ms.get_or_insert(now_ms);
    }

    /// The client hears nothing now. Says whether it has been so for too long; then silence begins anew.
    pub fn is_too_long(&mut self, now_ms: u64) -> bool {
        let since = *self.since_ms.get_or_insert(now_ms);
        let is_too_long = now_ms.saturating_sub(since) >= self.max_ms;
        if is_too_long {
            self.since_ms = Some(now_ms);
        }
        is_too_long
    }

    /// The upstream has been heard of, and this much goes to the client now or when the answer ends. Says
    /// whether the response may be paused so that a timer can add to it.
    pub fn may_be_timed(&mut self, foreseen_bytes: usize) -> bool {
        self.unanswered_bytes = 0;
        self.cause == KeepAlive::Timer && foreseen_bytes <= PAUSED_OUTPUT_BYTES_MAX
    }

    /// Whether a timer may still write.
    pub fn may_go_on(&self) -> bool {
        self.unanswered_bytes <= UNANSWERED_BYTES_MAX
    }

    /// A timer has written this much.
    pub fn is_filled_with(&mut self, bytes: usize) {
        self.unanswered_bytes += bytes;
    }
}
