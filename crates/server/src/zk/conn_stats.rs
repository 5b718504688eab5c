//! What one connection has done (upstream: the statistics of `ServerCnxn`).
//!
//! The numbers lie beside the connection's queue, under its lock, which every request takes anyway: counting costs no
//! atomics, and no cache line is shared by all connections.

use base::Instant;
use keeper::op::{Route, route};
use zk_wire::OpCode;

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// When.
    pub received: Instant,
    /// Which operation; [`OpCode::CREATE_SESSION`] for the connect request.
    pub op: OpCode,
    /// Bytes of its frame, with the length in front.
    pub bytes: u64,
}

impl Asked {
    /// Bytes of its frame, without the length.
    pub fn frame_bytes(&self) -> usize {
        usize::try_from(self.bytes.saturating_sub(4)).unwrap_or(usize::MAX)
    }

    /// Whether the answer counts as an update, as opposed to a read.
    pub fn is_update(&self) -> bool {
        self.op == OpCode::CREATE_SESSION || route(self.op) == Some(Route::Write)
    }
}

/// What went through connections since the server began. Sums of it over all connections are the server's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames and four-letter words from clients.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Frames to clients, watch events included.
    pub sent: u64,
    /// Bytes of replies.
    pub response_bytes: u64,
    /// Bytes of watch events.
    pub watch_bytes: u64,
    /// Answered requests that make no transaction, pings included.
    pub reads: u64,
    /// Whole milliseconds that those took.
    pub reads_ms: u64,
    /// Answered requests that make a transaction.
    pub updates: u64,
    /// Whole milliseconds that those took.
    pub updates_ms: u64,
}

impl Traffic {
    /// Both together.
    pub fn plus(mut self, other: &Self) -> Self {
        for (mine, others) in self.fields().into_iter().zip(other.values()) {
            *mine += others;
        }
        self
    }

    /// What came after `earlier`.
    pub fn since(mut self, earlier: &Self) -> Self {
        for (mine, others) in self.fields().into_iter().zip(earlier.values()) {
            *mine = mine.saturating_sub(others);
        }
        self
    }

    fn fields(&mut self) -> [&mut u64; 9] {
        [
            &mut self.received,
            &mut self.received_bytes,
            &mut self.sent,
            &mut self.response_bytes,
            &mut self.watch_bytes,
            &mut self.reads,
            &mut self.reads_ms,
            &mut self.updates,
            &mut self.updates_ms,
        ]
    }

    fn values(&self) -> [u64; 9] {
        let mut copy = *self;
        copy.fields().map(|field| *field)
    }
}

/// The last answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Which operation; `None` before the first, and behind `crst`.
    pub op: Option<OpCode>,
    /// The newest xid that a client may choose itself; -1 before the first.
    pub cxid: i32,
    /// Of its answer; -1 before the first.
    pub zxid: i64,
    /// When it was answered: milliseconds of the monotonic clock.
    pub response_ms: u64,
    /// How long it took.
    pub latency_ms: u64,
    /// Bytes of its answer, without the length in front.
    pub response_bytes: u64,
}

const NOTHING_YET: Last = Last { op: None, cxid: -1, zxid: -1, response_ms: 0, latency_ms: 0, response_bytes: 0 };

/// One connection's numbers.
#[derive(Clone, Copy, Debug)]
pub struct ConnStats {
    /// Since the connection began; `crst` does not change it.
    pub traffic: Traffic,
    /// What `crst` takes off.
    base: Traffic,
    /// The last answer.
    pub last: Last,
    /// Of answered requests since `crst`; `u64::MAX` before the first.
    latency_ms_min: u64,
    latency_ms_max: u64,
}

impl Default for ConnStats {
    fn default() -> Self {
        let (traffic, base) = (Traffic::default(), Traffic::default());
        Self { traffic, base, last: NOTHING_YET, latency_ms_min: u64::MAX, latency_ms_max: 0 }
    }
}

impl ConnStats {
    /// A request came.
    pub fn received(&mut self, bytes: u64) {
        self.traffic.received += 1;
        self.traffic.received_bytes += bytes;
    }

    /// A watch event goes out: `bytes` without the length in front.
    pub fn notified(&mut self, bytes: usize) {
        self.traffic.sent += 1;
        self.traffic.watch_bytes += 4 + bytes as u64;
    }

    /// An answer goes out. Gives how long it took in whole milliseconds; `None` when the latency does not count.
    pub fn answered(&mut self, asked: &Asked, frame: &[u8], now: Instant) -> Option<u64> {
        self.traffic.sent += 1;
        self.traffic.response_bytes += 4 + frame.len() as u64;
        // Upstream's answer to an auth packet is no request's.
        if asked.op == OpCode::AUTH {
            return None;
        }
        let ms = u64::try_from(now.since(asked.received).as_millis()).unwrap_or(u64::MAX);
        if asked.is_update() {
            self.traffic.updates += 1;
            self.traffic.updates_ms += ms;
        } else {
            self.traffic.reads += 1;
            self.traffic.reads_ms += ms;
        }
        self.latency_ms_min = self.latency_ms_min.min(ms);
        self.latency_ms_max = self.latency_ms_max.max(ms);
        self.last.op = Some(asked.op);
        self.last.response_ms = now.as_millis();
        self.last.latency_ms = ms;
        self.last.response_bytes = frame.len() as u64;
        // A connect response has no header.
        if asked.op == OpCode::CREATE_SESSION {
            (self.last.cxid, self.last.zxid) = (0, 0);
        } else if let Some((xid, rest)) = frame.split_first_chunk::<4>()
            && let Some(zxid) = rest.first_chunk::<8>()
        {
            let xid = i32::from_be_bytes(*xid);
            // Negative ones are not the client's choice: pings, auth, setWatches.
            if xid >= 0 {
                self.last.cxid = xid;
            }
            self.last.zxid = i64::from_be_bytes(*zxid);
        }
        Some(ms)
    }

    /// `crst`
    pub fn reset(&mut self) {
        self.base = self.traffic;
        self.last = NOTHING_YET;
        (self.latency_ms_min, self.latency_ms_max) = (u64::MAX, 0);
    }

    /// What went through since `crst`.
    pub fn shown(&self) -> Traffic {
        self.traffic.since(&self.base)
    }

    /// (smallest, average, largest) latency in whole milliseconds since `crst`; zeros before the first answer.
    pub fn latency_ms(&self) -> (u64, u64, u64) {
        let shown = self.shown();
        let (count, sum) = (shown.reads + shown.updates, shown.reads_ms + shown.updates_ms);
        match count {
            0 => (0, 0, 0),
            _ => (self.latency_ms_min, sum / count, self.latency_ms_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn reply(xid: i32, zxid: i64) -> Vec<u8> {
        [&xid.to_be_bytes()[..], &zxid.to_be_bytes(), &[0; 4]].concat()
    }

    #[test]
    fn answers_are_remembered_and_crst_forgets_them() {
        let mut stats = ConnStats::default();
        stats.received(44);
        let connect = Asked { received: at(0), op: OpCode::CREATE_SESSION, bytes: 44 };
        assert_eq!(stats.answered(&connect, &[0; 37], at(3)), Some(3));
        let get = Asked { received: at(5), op: OpCode::GET_DATA, bytes: 20 };
        stats.received(get.bytes);
        assert_eq!(stats.answered(&get, &reply(7, 0x20), at(6)), Some(1));
        let ping = Asked { received: at(8), op: OpCode::PING, bytes: 12 };
        stats.received(ping.bytes);
        stats.answered(&ping, &reply(-2, 0x21), at(8));
        stats.notified(30);
        let last = stats.last;
        assert_eq!((last.op, last.cxid, last.zxid, last.response_ms), (Some(OpCode::PING), 7, 0x21, 8));
        assert_eq!(stats.latency_ms(), (0, 1, 3));
        let traffic = stats.shown();
        assert_eq!((traffic.received, traffic.sent, traffic.reads, traffic.updates), (3, 4, 2, 1));
        assert_eq!((traffic.received_bytes, traffic.response_bytes, traffic.watch_bytes), (76, 41 + 20 + 20, 34));
        stats.reset();
        assert_eq!((stats.last, stats.latency_ms(), stats.shown()), (NOTHING_YET, (0, 0, 0), Traffic::default()));
        assert_eq!(stats.traffic, traffic, "the server's numbers stay");
    }

    #[test]
    fn an_auth_packet_has_no_latency() {
        let mut stats = ConnStats::default();
        let auth = Asked { received: at(0), op: OpCode::AUTH, bytes: 40 };
        assert_eq!(stats.answered(&auth, &reply(-4, 0), at(9)), None);
        assert_eq!((stats.last.op, stats.traffic.sent), (None, 1));
    }
}
