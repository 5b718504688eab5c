//! Idempotent producers as client libraries keep them: up to five batches under way, and when the connection ends, an
//! answer stays away or a batch is refused, all of them once more, in order, on a new connection. What the old one still
//! carries may arrive at any later time, or never.

use std::collections::VecDeque;

use base::{Instant, Prng};
use bytes::Bytes;

use crate::check::idempotent_producers::Ledger;

/// Batches under way at once (`max.in.flight.requests.per.connection`).
const IN_FLIGHT_MAX: usize = 5;

/// A batch.
#[derive(Clone, Debug)]
pub struct Sent {
    /// As it was sent.
    pub bytes: Bytes,
    /// Records in it.
    pub count: i64,
    /// Sequence of its first record.
    pub sequence: i32,
}

impl Sent {
    /// Sequence of its last record.
    pub fn last_sequence(&self) -> i32 {
        self.sequence + self.count as i32 - 1
    }
}

/// A producer of one partition: the client, and what the check knows of it.
#[derive(Default)]
pub struct Producer {
    next_sequence: i32,
    /// Sent and not heard of, oldest first.
    outstanding: VecDeque<Sent>,
    /// Counts connections.
    connection: u64,
    /// When the last delivery of this connection arrives.
    last_delivery: Instant,
    /// What the log has.
    pub ledger: Ledger,
}

impl Producer {
    /// The sequence of the next batch, when one may be sent.
    pub fn next_sequence(&self) -> Option<i32> {
        (self.outstanding.len() < IN_FLIGHT_MAX).then_some(self.next_sequence)
    }

    /// Its present connection.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Begins a batch.
    pub fn send(&mut self, sent: Sent) {
        self.next_sequence = sent.last_sequence() + 1;
        self.outstanding.push_back(sent);
    }

    /// When what is sent at `now` arrives: behind everything before it on its connection.
    pub fn delivery(&mut self, now: Instant, prng: &mut Prng, about_us: u64) -> Instant {
        let delay = core::time::Duration::from_micros(prng.between(about_us / 4, about_us * 2));
        self.last_delivery = (now + delay).max(self.last_delivery);
        self.last_delivery
    }

    /// Begins a new connection; gives what has to be sent on it.
    pub fn reconnect(&mut self, now: Instant) -> Vec<Sent> {
        self.connection += 1;
        self.last_delivery = now;
        self.outstanding.iter().cloned().collect()
    }

    /// The client has heard that a batch is in the log.
    pub fn heard(&mut self, sequence: i32) {
        self.outstanding.retain(|sent| sent.sequence != sequence);
    }

    /// The broker lost acknowledged batches, as it may before they are flushed: the client begins anew behind what it
    /// has. (A real one takes a new epoch.)
    pub fn begin_anew(&mut self, last_sequence: Option<i32>) {
        self.outstanding.clear();
        self.next_sequence = last_sequence.map_or(0, |last| last + 1);
    }
}
