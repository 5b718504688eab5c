//! The throttle of connect requests: a bucket of tokens, and in front of it a chance of being turned away that follows
//! how empty the bucket is.
//!
//! Upstream: `BlueThrottle`. Without the chance, who comes late in each interval is always the one turned away.

use base::{Instant, Prng};

/// `connection_throttle_*`, with upstream's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectThrottle {
    /// `connection_throttle_tokens`: as many as there can be; 0 switches the throttle off.
    pub tokens: u32,
    /// `connection_throttle_fill_time`, in milliseconds.
    pub fill_time_ms: u32,
    /// `connection_throttle_fill_count`: tokens that come back in each fill time.
    pub fill_count: u32,
    /// `connection_throttle_freeze_time`: milliseconds between changes of the chance; `None` (-1) leaves it out.
    pub freeze_time_ms: Option<u32>,
    /// `connection_throttle_drop_increase`: what an empty bucket adds to the chance of being turned away.
    pub drop_increase: f64,
    /// `connection_throttle_drop_decrease`: what a bucket that is nearly full takes from it.
    pub drop_decrease: f64,
    /// `connection_throttle_decrease_ratio`: the missing part up to which a bucket is nearly full.
    pub decrease_ratio: f64,
    /// `connection_throttle_weight_enabled` with `connection_throttle_{global,renew}_session_weight`: tokens that a new
    /// session and a resumed one take. `None`: one each.
    pub weights: Option<Weights>,
}

/// Tokens per kind of connect request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// For a new session.
    pub global: u32,
    /// For a session that is resumed.
    pub renew: u32,
}

impl Default for ConnectThrottle {
    fn default() -> Self {
        Self {
            tokens: 0,
            fill_time_ms: 1,
            fill_count: 1,
            freeze_time_ms: None,
            drop_increase: 0.02,
            drop_decrease: 0.002,
            decrease_ratio: 0.0,
            weights: None,
        }
    }
}

/// The bucket.
#[derive(Debug)]
pub struct TokenBucket {
    config: ConnectThrottle,
    tokens: u64,
    tokens_max: u64,
    fill_count: u64,
    filled: Instant,
    frozen: Instant,
    /// The chance of being turned away, from 0 to 1.
    drop: f64,
    prng: Prng,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(config: ConnectThrottle, now: Instant, prng: Prng) -> Self {
        // What is configured is meant for new sessions.
        let scale = u64::from(config.weights.map_or(1, |weights| weights.global));
        let tokens_max = u64::from(config.tokens) * scale;
        let fill_count = u64::from(config.fill_count) * scale;
        Self { config, tokens: tokens_max, tokens_max, fill_count, filled: now, frozen: now, drop: 0.0, prng }
    }

    /// Whether a connect request may go on, and takes its tokens if so.
    pub fn admit(&mut self, now: Instant, renews: bool) -> bool {
        if self.tokens_max == 0 {
            return true;
        }
        self.fill(now);
        let wanted = match self.config.weights {
            None => 1,
            Some(weights) => u64::from(if renews { weights.renew } else { weights.global }),
        };
        if self.is_unlucky(now) || self.tokens < wanted {
            return false;
        }
        self.tokens -= wanted;
        true
    }

    /// Tokens that are missing (`connection_token_deficit`).
    pub fn deficit(&self) -> u64 {
        self.tokens_max - self.tokens
    }

    /// The chance of being turned away (`connection_drop_probability`).
    pub fn drop_probability(&self) -> f64 {
        self.drop
    }

    fn fill(&mut self, now: Instant) {
        let passed = ms_between(self.filled, now);
        let fill_time = u64::from(self.config.fill_time_ms.max(1));
        if passed > fill_time {
            let back = passed.saturating_mul(self.fill_count) / fill_time;
            self.tokens = self.tokens.saturating_add(back).min(self.tokens_max);
            self.filled = now;
        }
    }

    fn is_unlucky(&mut self, now: Instant) -> bool {
        let Some(freeze_time_ms) = self.config.freeze_time_ms else { return false };
        if ms_between(self.frozen, now) > u64::from(freeze_time_ms) {
            let missing = self.tokens_max - self.tokens;
            let nearly_full = (self.tokens_max as f64 * self.config.decrease_ratio).round() as u64;
            if self.tokens == 0 {
                self.drop = (self.drop + self.config.drop_increase).min(1.0);
            } else if missing <= nearly_full {
                self.drop = (self.drop - self.config.drop_decrease).max(0.0);
            }
            self.frozen = now;
        }
        (self.prng.below(1 << 24) as f64) < self.drop * f64::from(1 << 24)
    }
}

fn ms_between(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn bucket(config: ConnectThrottle) -> TokenBucket {
        TokenBucket::new(config, at(0), Prng::new(7))
    }

    #[test]
    fn without_tokens_everybody_is_admitted() {
        let mut bucket = bucket(ConnectThrottle::default());
        assert!((0..1000).all(|_| bucket.admit(at(0), false)));
    }

    #[test]
    fn as_many_as_there_are_tokens_and_not_one_more() {
        let config = ConnectThrottle { tokens: 3, fill_time_ms: 10, fill_count: 2, ..ConnectThrottle::default() };
        let mut bucket = bucket(config);
        let mut admitted = |ms: u64| (0..10).filter(|_| bucket.admit(at(ms), false)).count();
        assert_eq!(admitted(0), 3);
        assert_eq!(admitted(10), 0, "exactly the fill time is not enough, as upstream");
        assert_eq!(admitted(21), 3, "four came back, three fit");
        assert_eq!(admitted(36), 3);
        assert_eq!(admitted(47), 2);
    }

    #[test]
    fn new_sessions_may_weigh_more_than_resumed_ones() {
        let weights = Some(Weights { global: 3, renew: 2 });
        let mut bucket =
            bucket(ConnectThrottle { tokens: 2, fill_time_ms: 1000, weights, ..ConnectThrottle::default() });
        // Six tokens.
        assert!(bucket.admit(at(0), false));
        assert!(bucket.admit(at(0), true));
        assert!(!bucket.admit(at(0), true), "one is left");
        assert_eq!(bucket.deficit(), 5);
    }

    #[test]
    fn an_empty_bucket_raises_the_chance_and_a_full_one_lowers_it() {
        let config = ConnectThrottle {
            tokens: 1,
            fill_time_ms: 1000,
            freeze_time_ms: Some(1),
            drop_increase: 0.5,
            drop_decrease: 0.25,
            ..ConnectThrottle::default()
        };
        let mut bucket = bucket(config);
        assert!(bucket.admit(at(0), false));
        assert!(!bucket.admit(at(2), false));
        assert!(!bucket.admit(at(4), false));
        assert_eq!(bucket.drop_probability(), 1.0);
        // Full again, but the chance is still certain to turn away; it falls.
        assert!(!bucket.admit(at(2000), false) || bucket.drop_probability() < 1.0);
        assert_eq!(bucket.drop_probability(), 0.75);
    }
}
