//! The clock of the real world. The only place of the server that reads one for a machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base::{Instant, Now};

/// Monotonic time since its making, and the wall clock. Copies share their origin.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock at zero.
    #[expect(clippy::new_without_default, reason = "a default would suggest that two clocks agree")]
    pub fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now { mono: self.mono(), wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
    }

    /// Monotonic time alone, which costs half as much.
    pub fn mono(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// The moment of the operating system's clock that `instant` means.
    pub fn to_std(&self, instant: Instant) -> std::time::Instant {
        self.origin + Duration::from_nanos(instant.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_translates_back() {
        let clock = Clock::new();
        let first = clock.mono();
        let later = clock.now();
        assert!(later.mono >= first);
        assert!(later.wall_ms > 1_600_000_000_000);
        assert!(clock.to_std(later.mono) <= std::time::Instant::now());
    }
}
