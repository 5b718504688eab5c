//! Counters behind `srvr`, `stat` and `mntr` (upstream: `ServerStats`, `ServerMetrics`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What the server counts itself. Latency is in whole milliseconds, as upstream's.
#[derive(Debug, Default)]
pub struct ServerStats {
    packets_received: AtomicU64,
    packets_sent: AtomicU64,
    requests: AtomicU64,
    latency_ms_sum: AtomicU64,
    latency_ms_max: AtomicU64,
    /// One more than the smallest latency; 0 before the first.
    latency_ms_min_plus_one: AtomicU64,
    connections_rejected: AtomicU64,
    snapshots: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StatsSnapshot {
    /// Frames from clients.
    pub packets_received: u64,
    /// Frames to clients.
    pub packets_sent: u64,
    /// Answered requests.
    pub requests: u64,
    /// Of answered requests.
    pub latency_ms_min: u64,
    /// Of answered requests.
    pub latency_ms_avg: f64,
    /// Of answered requests.
    pub latency_ms_max: u64,
    /// Over a limit of connections.
    pub connections_rejected: u64,
    /// Snapshots written.
    pub snapshots: u64,
}

impl ServerStats {
    /// A frame came.
    pub fn received(&self) {
        self.packets_received.fetch_add(1, Relaxed);
    }

    /// A frame is in a queue.
    pub fn sent(&self) {
        self.packets_sent.fetch_add(1, Relaxed);
    }

    /// A request was answered.
    pub fn answered(&self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Relaxed);
        if ms > 0 {
            self.latency_ms_sum.fetch_add(ms, Relaxed);
            self.latency_ms_max.fetch_max(ms, Relaxed);
        }
        let min = self.latency_ms_min_plus_one.load(Relaxed);
        if min == 0 || ms + 1 < min {
            self.latency_ms_min_plus_one.store(ms + 1, Relaxed);
        }
    }

    /// A connection was over a limit.
    pub fn rejected(&self) {
        self.connections_rejected.fetch_add(1, Relaxed);
    }

    /// A snapshot was written.
    pub fn snapshot(&self) {
        self.snapshots.fetch_add(1, Relaxed);
    }

    /// `srst`
    pub fn reset(&self) {
        let counters = [
            &self.packets_received,
            &self.packets_sent,
            &self.requests,
            &self.latency_ms_sum,
            &self.latency_ms_max,
            &self.latency_ms_min_plus_one,
        ];
        counters.into_iter().for_each(|counter| counter.store(0, Relaxed));
    }

    /// The counters now.
    pub fn snapshot_of(&self) -> StatsSnapshot {
        let requests = self.requests.load(Relaxed);
        let sum = self.latency_ms_sum.load(Relaxed);
        StatsSnapshot {
            packets_received: self.packets_received.load(Relaxed),
            packets_sent: self.packets_sent.load(Relaxed),
            requests,
            latency_ms_min: self.latency_ms_min_plus_one.load(Relaxed).saturating_sub(1),
            latency_ms_avg: if requests == 0 { 0.0 } else { sum as f64 / requests as f64 },
            latency_ms_max: self.latency_ms_max.load(Relaxed),
            connections_rejected: self.connections_rejected.load(Relaxed),
            snapshots: self.snapshots.load(Relaxed),
        }
    }
}
