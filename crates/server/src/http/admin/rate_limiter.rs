//! At most one run of a command in an interval (upstream: `RateLimiter`).

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Remembers the last run.
pub struct RateLimiter {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl RateLimiter {
    /// One run per `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { interval, last: Mutex::new(None) }
    }

    /// Whether a run may begin now; if so, it has begun.
    pub fn allow(&self, now: Instant) -> bool {
        let mut last = self.last.lock();
        let allowed = last.is_none_or(|last| now.duration_since(last) >= self.interval);
        if allowed {
            *last = Some(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_in_an_interval() {
        let limiter = RateLimiter::new(Duration::from_secs(10));
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let allowed = [0, 1, 9, 10, 11, 20].map(|secs| limiter.allow(after(secs)));
        assert_eq!(allowed, [true, false, false, true, false, true]);
        let free = RateLimiter::new(Duration::ZERO);
        assert!(free.allow(start) && free.allow(start));
    }
}
