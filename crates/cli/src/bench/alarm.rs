//! Waiting for a moment that is nearer than the runtime's timers are fine (a millisecond).
//!
//! A generator that yields until the moment has come uses up its share of the core, and is not let run for whole slices of
//! the scheduler just when requests are due: it would charge the server for that. A `timerfd` lets it sleep.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// An alarm clock. Each task has its own.
pub struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    /// One that is not set. Needs a runtime.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let timer =
            rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "what is in its place is unsafe; an OwnedFd keeps its descriptor, which is all it asks"
        )]
        Ok(Self(AsyncFd::with_interest(timer, Interest::READABLE)?))
    }

    /// Waits until `due`. May be given up and called again.
    ///
    /// # Errors
    /// As the system reports them.
    pub async fn until(&self, due: Instant) -> io::Result<()> {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // The other tasks go on, as they do when there is something to wait for.
            tokio::task::yield_now().await;
            return Ok(());
        }
        let once = Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(left) };
        // Setting it forgets a moment that came while nobody waited.
        rustix::time::timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        loop {
            let mut ready = self.0.readable().await?;
            let mut times = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut times)?)) {
                Ok(read) => return read.map(|_| ()),
                // It was ready for a moment that has been forgotten.
                Err(_would_block) => {}
            }
        }
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: i64::from(time.subsec_nanos()) }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn it_wakes_when_it_is_due_and_not_before() {
        let alarm = Alarm::new().unwrap();
        for wait in [Duration::from_micros(300), Duration::ZERO, Duration::from_millis(3)] {
            let due = Instant::now() + wait;
            alarm.until(due).await.unwrap();
            assert!(Instant::now() >= due, "{wait:?}");
        }
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_does_not_end_the_next_one() {
        let alarm = Alarm::new().unwrap();
        let began = Instant::now();
        let mut first = Box::pin(alarm.until(began + Duration::from_millis(1)));
        let waits = std::future::poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending()));
        assert!(waits.await, "it has only begun to wait");
        drop(first);
        while Instant::now() < began + Duration::from_millis(2) {
            tokio::task::yield_now().await;
        }
        let due = Instant::now() + Duration::from_millis(5);
        alarm.until(due).await.unwrap();
        assert!(Instant::now() >= due);
    }
}
