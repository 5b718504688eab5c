//! A request that waits in front of the loop until fewer are in process (`request_throttle_max_requests`).
//!
//! Upstream: `RequestThrottler`, one queue for all connections. Here each connection holds its next request, and with
//! it everything behind it; whose turn comes first is as little a promise there as here.

use std::time::Duration;

use base::Instant;
use bytes::Bytes;
use zk_wire::{OpCode, RequestHeader};

use super::admission::Limits;
use super::conn_stats::Asked;

/// The request that a connection holds.
pub struct Held {
    /// Its header.
    pub header: RequestHeader,
    /// Its body.
    pub body: Bytes,
    /// When it came, and how long it is.
    pub asked: Asked,
}

/// What becomes of a held request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It waits on.
    Wait,
    /// It goes to the loop.
    Go,
    /// It waited too long to be done: answered -127, behind what the loop still has of its connection.
    Throttled,
    /// It waited for longer than its session's timeout: its connection ends.
    Stale,
}

impl Held {
    /// Decides, `has_turn` being whether there is room in process.
    pub fn judge(&self, now: Instant, limits: &Limits, session_timeout: Duration, has_turn: bool) -> Verdict {
        let waited = now.since(self.asked.received);
        let untouchable = [OpCode::PING, OpCode::CLOSE_SESSION, OpCode::CREATE_SESSION];
        if limits.drops_stale && waited > session_timeout {
            Verdict::Stale
        } else if !has_turn {
            Verdict::Wait
        } else if limits.throttled_after.is_some_and(|longest| waited > longest)
            && !untouchable.contains(&self.asked.op)
        {
            Verdict::Throttled
        } else {
            Verdict::Go
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_waits_is_throttled_or_stale() {
        let limits = |throttled: Option<u64>, drops_stale: bool| Limits {
            throttled_after: throttled.map(Duration::from_millis),
            drops_stale,
            ..Limits::default()
        };
        for (opcode, waited_ms, limits, has_turn, expected) in [
            (OpCode::CREATE, 0, limits(None, false), false, Verdict::Wait),
            (OpCode::CREATE, 9_000, limits(None, false), true, Verdict::Go),
            (OpCode::CREATE, 100, limits(Some(100), false), true, Verdict::Go),
            (OpCode::CREATE, 101, limits(Some(100), false), true, Verdict::Throttled),
            (OpCode::CREATE, 101, limits(Some(100), false), false, Verdict::Wait),
            (OpCode::PING, 101, limits(Some(100), false), true, Verdict::Go),
            (OpCode::CLOSE_SESSION, 101, limits(Some(100), false), true, Verdict::Go),
            (OpCode::CREATE, 4000, limits(None, true), false, Verdict::Wait),
            (OpCode::CREATE, 4001, limits(None, true), false, Verdict::Stale),
            (OpCode::CREATE, 4001, limits(Some(100), true), true, Verdict::Stale),
        ] {
            let header = RequestHeader { xid: 1, opcode: opcode.0 };
            let asked = Asked { received: Instant::ZERO, op: opcode, bytes: 12 };
            let held = Held { header, body: Bytes::new(), asked };
            let now = Instant::from_millis(waited_ms);
            let verdict = held.judge(now, &limits, Duration::from_secs(4), has_turn);
            assert_eq!(verdict, expected, "{opcode:?} after {waited_ms} ms");
        }
    }
}
