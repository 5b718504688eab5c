//! Virtual time: one queue of events, ordered by time and then by the order in which they were scheduled.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use base::{Instant, Now, Prng};
use core::time::Duration;

use crate::trace::Trace;

/// An event and when it happens.
struct Scheduled<E> {
    at: Instant,
    seq: u64,
    event: E,
}

impl<E> PartialEq for Scheduled<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Scheduled<E> {}

impl<E> PartialOrd for Scheduled<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Scheduled<E> {
    /// Reversed, because the heap gives its greatest first and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.seq).cmp(&(self.at, self.seq))
    }
}

/// Clock, queue, chance and trace of one simulated run.
pub struct Kernel<E> {
    now: Instant,
    /// Added to virtual time to give the wall clock; faults move it.
    wall_offset_ms: i64,
    queue: BinaryHeap<Scheduled<E>>,
    seq: u64,
    /// Chance for whatever the run decides next.
    pub prng: Prng,
    /// What happened.
    pub trace: Trace,
}

/// 2026-01-01 00:00 UTC: where wall clocks start, in milliseconds since 1970.
pub const WALL_START_MS: i64 = 1_767_225_600_000;

impl<E> Kernel<E> {
    /// A run that follows from `seed`.
    pub fn new(seed: u64, trace_lines_max: usize) -> Self {
        Self {
            now: Instant::from_millis(1),
            wall_offset_ms: WALL_START_MS,
            queue: BinaryHeap::new(),
            seq: 0,
            prng: Prng::new(seed),
            trace: Trace::new(trace_lines_max),
        }
    }

    /// Virtual time.
    pub fn mono(&self) -> Instant {
        self.now
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        Now { mono: self.now, wall_ms: self.wall_offset_ms + self.now.as_millis() as i64 }
    }

    /// Moves the wall clock; time itself goes on as before.
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.wall_offset_ms += by_ms;
    }

    /// Has `event` happen after `delay`.
    pub fn after(&mut self, delay: Duration, event: E) {
        self.at(self.now + delay, event);
    }

    /// Has `event` happen at `at`, or now when that is past.
    pub fn at(&mut self, at: Instant, event: E) {
        self.seq += 1;
        self.queue.push(Scheduled { at: at.max(self.now), seq: self.seq, event });
    }

    /// The next event; the clock moves to it.
    pub fn pop(&mut self) -> Option<E> {
        let Scheduled { at, event, .. } = self.queue.pop()?;
        self.now = at;
        Some(event)
    }

    /// Notes an event of this moment.
    pub fn note(&mut self, what: &'static str, numbers: &[u64], bytes: &[u8]) {
        self.trace.event(self.now, what, numbers, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_time_order_and_equal_times_in_the_order_given() {
        let mut kernel = Kernel::new(1, 0);
        for (ms, event) in [(5, 'a'), (3, 'b'), (5, 'c'), (3, 'd'), (0, 'e')] {
            kernel.after(Duration::from_millis(ms), event);
        }
        let order: String = std::iter::from_fn(|| kernel.pop()).collect();
        assert_eq!(order, "ebdac");
        assert_eq!(kernel.mono(), Instant::from_millis(6));
        kernel.at(Instant::ZERO, 'f');
        assert_eq!(kernel.pop(), Some('f'));
        assert_eq!(kernel.mono(), Instant::from_millis(6), "the past is now");
    }

    #[test]
    fn the_wall_clock_jumps_and_time_does_not() {
        let mut kernel: Kernel<()> = Kernel::new(1, 0);
        let before = kernel.now();
        kernel.jump_wall(-3_600_000);
        assert_eq!(kernel.now().wall_ms, before.wall_ms - 3_600_000);
        assert_eq!(kernel.now().mono, before.mono);
    }
}
