//! The limits over all connections of a keeper: what is in process, how much of it is large, who may connect.
//!
//! Upstream: `ZooKeeperServer.shouldThrottle` (`globalOutstandingLimit`), `RequestThrottler`, the large-request check
//! of the connections, `BlueThrottle`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Instant, Prng};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::token_bucket::{ConnectThrottle, TokenBucket};

/// Limits of requests and connect requests, with upstream's keys and defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// `globalOutstandingLimit`: with more requests in process than this, a connection that has some of them is not
    /// read.
    pub outstanding_max: usize,
    /// `largeRequestThreshold`, in bytes: larger requests are large. `None` (-1): none are.
    pub large_request_bytes: Option<usize>,
    /// `largeRequestMaxBytes`: large requests in process, together; the connection of one more is closed.
    pub large_requests_bytes_max: usize,
    /// `request_throttle_max_requests`: with as many requests in process, the next ones wait. `None` (0): no limit.
    pub requests_max: Option<usize>,
    /// `request_throttle_stall_time`: who waits for a turn asks again after this, even if nobody woke them.
    pub stall: Duration,
    /// `request_throttle_drop_stale` with `request_stale_latency_check`: a request that has waited for longer than its
    /// session's timeout ends its connection.
    pub drops_stale: bool,
    /// `throttled_op_wait_time`: a request that has waited for longer is answered -127 and not done. `None` (0): never.
    pub throttled_after: Option<Duration>,
    /// `connection_throttle_*`.
    pub connect: ConnectThrottle,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            outstanding_max: 1000,
            large_request_bytes: None,
            large_requests_bytes_max: 100 << 20,
            requests_max: None,
            stall: Duration::from_millis(100),
            drops_stale: false,
            throttled_after: None,
            connect: ConnectThrottle::default(),
        }
    }
}

/// What all connections of a keeper share of the limits.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    /// Requests that connections gave to the loop and that are not answered.
    in_process: AtomicUsize,
    /// Bytes of the large ones among them.
    large_bytes: AtomicUsize,
    connects: Mutex<TokenBucket>,
    turn: Notify,
}

impl Admission {
    /// Nothing is in process.
    pub fn new(limits: Limits, now: Instant, prng: Prng) -> Self {
        let connects = Mutex::new(TokenBucket::new(limits.connect.clone(), now, prng));
        Self {
            limits,
            in_process: AtomicUsize::new(0),
            large_bytes: AtomicUsize::new(0),
            connects,
            turn: Notify::new(),
        }
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether a connect request may go on, and how many tokens the bucket lacks then.
    pub fn admits_connect(&self, now: Instant, renews: bool) -> (bool, u64) {
        if self.limits.connect.tokens == 0 {
            return (true, 0);
        }
        let mut connects = self.connects.lock();
        (connects.admit(now, renews), connects.deficit())
    }

    /// The chance of a connect request to be turned away.
    pub fn drop_probability(&self) -> f64 {
        self.connects.lock().drop_probability()
    }

    /// Whether connections that have requests in process shall not be read.
    pub fn is_crowded(&self) -> bool {
        self.in_process.load(Ordering::Relaxed) > self.limits.outstanding_max
    }

    /// Whether a frame of this length may be read, as far as large requests go.
    pub fn may_read(&self, frame_bytes: usize) -> bool {
        !self.is_large(frame_bytes)
            || self.large_bytes.load(Ordering::Relaxed).saturating_add(frame_bytes)
                <= self.limits.large_requests_bytes_max
    }

    /// Whether the next request may go to the loop now; if not, [`Admission::turn_comes`] tells when to ask again.
    pub fn has_turn(&self) -> bool {
        self.limits.requests_max.is_none_or(|max| self.in_process.load(Ordering::Relaxed) < max)
    }

    /// Waits until a request has left, or for a while: whose turn it is must be asked again.
    pub async fn turn_comes(&self) {
        // Whoever was woken and went away without a request is made good for by the time.
        let _ = tokio::time::timeout(self.limits.stall, self.turn.notified()).await;
    }

    /// A request goes to the loop. False when it is a large one too many: then it must not.
    pub fn enter(&self, frame_bytes: usize) -> bool {
        if self.is_large(frame_bytes) {
            let before = self.large_bytes.fetch_add(frame_bytes, Ordering::Relaxed);
            if before.saturating_add(frame_bytes) > self.limits.large_requests_bytes_max {
                self.large_bytes.fetch_sub(frame_bytes, Ordering::Relaxed);
                return false;
            }
        }
        self.in_process.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A request that entered was answered, or will never be.
    pub fn leave(&self, frame_bytes: usize) {
        if self.is_large(frame_bytes) {
            self.large_bytes.fetch_sub(frame_bytes, Ordering::Relaxed);
        }
        self.in_process.fetch_sub(1, Ordering::Relaxed);
        if self.limits.requests_max.is_some() {
            self.turn.notify_one();
        }
    }

    fn is_large(&self, frame_bytes: usize) -> bool {
        self.limits.large_request_bytes.is_some_and(|threshold| frame_bytes > threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limits: Limits) -> Admission {
        Admission::new(limits, Instant::ZERO, Prng::new(1))
    }

    #[test]
    fn at_the_limit_of_outstanding_requests_and_one_past_it() {
        let admission = admission(Limits { outstanding_max: 2, ..Limits::default() });
        assert!(admission.enter(1) && admission.enter(1));
        assert!(!admission.is_crowded());
        assert!(admission.enter(1));
        assert!(admission.is_crowded());
        admission.leave(1);
        assert!(!admission.is_crowded());
    }

    #[test]
    fn large_requests_fill_their_bytes_exactly() {
        let limits = Limits { large_request_bytes: Some(10), large_requests_bytes_max: 30, ..Limits::default() };
        let admission = admission(limits);
        assert!(admission.enter(10), "not large");
        assert!(admission.enter(11) && admission.may_read(19));
        assert!(!admission.may_read(20) && admission.may_read(10));
        assert!(admission.enter(19));
        assert!(!admission.enter(11) && admission.enter(10));
        admission.leave(19);
        assert!(admission.enter(11));
    }

    #[test]
    fn a_turn_comes_when_one_has_left() {
        let admission = admission(Limits { requests_max: Some(1), ..Limits::default() });
        assert!(admission.has_turn() && admission.enter(1));
        assert!(!admission.has_turn());
        admission.leave(1);
        assert!(admission.has_turn());
    }
}
