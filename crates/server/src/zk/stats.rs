//! The server's counters (upstream: `ServerStats`, `ServerMetrics`). What goes through connections is counted there
//! ([`super::conn_stats`]) and summed when somebody asks; here is the rest.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use base::Str;
use keeper::Keeper;
use parking_lot::Mutex;

use super::conn_stats::{ConnStats, Traffic};
use super::ensemble_stats::EnsembleStats;
use super::listener::Conns;
use super::metrics::summary::{Summary, SummaryView};

/// A number that only grows, until `srst`.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// The smallest and the largest of many values. A value between them costs two loads.
#[derive(Debug)]
struct Range {
    /// `u64::MAX` before the first value.
    min: AtomicU64,
    max: AtomicU64,
}

impl Default for Range {
    fn default() -> Self {
        Self { min: AtomicU64::new(u64::MAX), max: AtomicU64::new(0) }
    }
}

impl Range {
    fn add(&self, value: u64) {
        if value < self.min.load(Relaxed) {
            self.min.fetch_min(value, Relaxed);
        }
        if value > self.max.load(Relaxed) {
            self.max.fetch_max(value, Relaxed);
        }
    }

    fn get(&self) -> Option<(u64, u64)> {
        let min = self.min.load(Relaxed);
        (min != u64::MAX).then(|| (min, self.max.load(Relaxed)))
    }

    fn reset(&self) {
        self.min.store(u64::MAX, Relaxed);
        self.max.store(0, Relaxed);
    }
}

/// What the server counts itself. Names are upstream's metrics; latencies are in whole milliseconds.
#[derive(Debug, Default)]
pub struct ServerStats {
    traffic: Mutex<Sums>,
    latency_ms: Range,
    response_bytes: Range,
    /// What the keeper had counted at the last `srst`.
    keeper: Mutex<KeeperCounts>,
    /// Monotonic milliseconds of the last `srst`; 0 is never.
    reset_ms: AtomicU64,
    /// Latencies of reads from 1 ms up; the zeros are counted by the connections.
    slow_reads: Summary,
    /// Likewise of updates.
    slow_updates: Summary,
    /// Connect requests.
    pub connection_request_count: Counter,
    /// Those of them that want to go on with a session.
    pub connection_revalidate_count: Counter,
    /// Over a limit of connections.
    pub connection_rejected: Counter,
    /// Large requests over `largeRequestMaxBytes`.
    pub large_requests_rejected: Counter,
    /// Times that a request waited for its turn in the request throttle.
    pub request_throttle_wait_count: Counter,
    /// Requests that waited there for so long that they were not done.
    pub throttled_ops: Counter,
    /// Requests that waited there for longer than their session's timeout.
    pub stale_requests_dropped: Counter,
    /// Those of them that were found out, which are all.
    pub stale_requests: Counter,
    /// Ended by the client without the end of its session.
    pub connection_drop_count: Counter,
    /// Sent no connect request in time.
    pub sessionless_connections_expired: Counter,
    /// Groups of the log whose sync took longer than the threshold; not reset.
    pub fsync_threshold_exceed_count: AtomicU64,
    /// Failures of snapshots.
    pub snapshot_error_count: Counter,
    /// `snapshot` over HTTP, too soon after the last one.
    pub snapshot_rate_limited_count: Counter,
    /// Failures of `restore` over HTTP.
    pub restore_error_count: Counter,
    /// `restore` over HTTP, too soon after the last one.
    pub restore_rate_limited_count: Counter,
    /// Requests that the loop was given.
    pub prep_processor_request_queued: Counter,
    /// Transactions given to the log.
    pub sync_processor_request_queued: Counter,
    /// Milliseconds of a group's write and sync.
    pub fsynctime: Summary,
    /// Transactions in a group.
    pub sync_processor_batch_size: Summary,
    /// Milliseconds of a snapshot.
    pub snapshottime: Summary,
    /// Milliseconds of a restore over HTTP.
    pub restore_time: Summary,
    /// Milliseconds from the start to the restored folder.
    pub dbinittime: Summary,
    /// Milliseconds that the start read a snapshot.
    pub startup_snap_load_time: Summary,
    /// Milliseconds that the start read logs.
    pub startup_txns_load_time: Summary,
    /// Transactions in them that were not in the snapshot.
    pub startup_txns_loaded: Summary,
    /// Tokens that the bucket of connect requests lacked when one came.
    pub connection_token_deficit: Summary,
    /// Requests that the loop found waiting when it looked.
    pub prep_processor_queue_size: Summary,
    /// Milliseconds in which the loop did them.
    pub prep_process_time: Summary,
    /// Milliseconds of a group's write and sync, again: upstream measures both, a little apart.
    pub sync_processor_queue_flush_time_ms: Summary,
    /// Milliseconds that a request waited in the request throttle.
    pub request_throttle_queue_time_ms: Summary,
    /// Of a member of an ensemble.
    pub ensemble: EnsembleStats,
}

/// What the keeper itself counts, from its start on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeeperCounts {
    /// `stale_sessions_expired`
    pub expired: u64,
    /// `digest_mismatches_count`
    pub digest_mismatches: u64,
    /// `quota_exceeded_error_per_namespace`
    pub refused_for_quotas: BTreeMap<Str, u64>,
}

impl KeeperCounts {
    /// Of a keeper, now.
    pub fn of(keeper: &Keeper) -> Self {
        let summary = keeper.summary();
        let refused_for_quotas = keeper.refused_for_quotas().clone();
        Self { expired: summary.expired, digest_mismatches: summary.digest_mismatches, refused_for_quotas }
    }

    /// What came after `base`; all of it when another keeper, whose counts began anew, is in the place of the old one.
    fn since(mut self, base: &Self) -> Self {
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        self.expired = since(self.expired, base.expired);
        self.digest_mismatches = since(self.digest_mismatches, base.digest_mismatches);
        for (name, count) in &mut self.refused_for_quotas {
            *count = since(*count, base.refused_for_quotas.get(name).copied().unwrap_or(0));
        }
        self
    }
}

/// Of connections that are gone, and what `srst` takes off.
#[derive(Debug, Default)]
struct Sums {
    retired: Traffic,
    base: Traffic,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatsView {
    /// Since `srst`.
    pub traffic: Traffic,
    /// Of answered requests.
    pub latency_ms_min: u64,
    /// Of answered requests.
    pub latency_ms_avg: f64,
    /// Of answered requests.
    pub latency_ms_max: u64,
    /// (last, smallest, largest) answer in bytes, without its length; `None` before the first.
    pub response_bytes: Option<(u64, u64, u64)>,
    /// `readlatency`
    pub reads: SummaryView,
    /// `updatelatency`
    pub updates: SummaryView,
}

impl ServerStats {
    /// A request was answered, and its connection has counted it; `ms` is what [`ConnStats::answered`] gave.
    pub fn answered(&self, ms: u64, is_update: bool, frame_bytes: usize) {
        self.latency_ms.add(ms);
        self.response_bytes.add(frame_bytes as u64);
        if ms > 0 {
            if is_update { &self.slow_updates } else { &self.slow_reads }.add(ms);
        }
    }

    /// A connection is gone; call it while the table of connections is locked, as [`ServerStats::view`] is.
    pub fn retire(&self, stats: &ConnStats) {
        let mut sums = self.traffic.lock();
        sums.retired = sums.retired.plus(&stats.traffic);
    }

    /// `srst`
    pub fn reset(&self, conns: &Conns, keeper: KeeperCounts, now_ms: u64) {
        *self.keeper.lock() = keeper;
        let mut sums = self.traffic.lock();
        sums.base = all(&sums.retired, conns);
        drop(sums);
        self.reset_ms.store(now_ms, Relaxed);
        self.latency_ms.reset();
        self.response_bytes.reset();
        self.counters().into_iter().for_each(|(_, counter)| counter.reset());
        self.summaries().into_iter().chain(self.advanced()).for_each(|(_, summary)| summary.reset());
        self.slow_reads.reset();
        self.slow_updates.reset();
    }

    /// What the keeper counted since `srst`.
    pub fn since_reset(&self, keeper: KeeperCounts) -> KeeperCounts {
        keeper.since(&self.keeper.lock())
    }

    /// The counters now.
    pub fn view(&self, conns: &Conns) -> StatsView {
        let traffic = {
            let sums = self.traffic.lock();
            all(&sums.retired, conns).since(&sums.base)
        };
        let (answered, ms) = (traffic.reads + traffic.updates, traffic.reads_ms + traffic.updates_ms);
        let (min, max) = self.latency_ms.get().unwrap_or_default();
        let reset_ms = self.reset_ms.load(Relaxed);
        let last = conns.iter().map(|outbox| outbox.stats().last).max_by_key(|last| last.response_ms);
        let last = last.filter(|last| last.op.is_some() && last.response_ms >= reset_ms);
        let with_zeros = |slow: &Summary, count: u64| {
            let view = slow.view();
            let zeros = count.saturating_sub(view.count);
            view.with_zeros(zeros)
        };
        StatsView {
            latency_ms_min: min,
            latency_ms_avg: if answered == 0 { 0.0 } else { ms as f64 / answered as f64 },
            latency_ms_max: max,
            response_bytes: self
                .response_bytes
                .get()
                .map(|(min, max)| (last.map_or(max, |last| last.response_bytes), min, max)),
            reads: with_zeros(&self.slow_reads, traffic.reads),
            updates: with_zeros(&self.slow_updates, traffic.updates),
            traffic,
        }
    }

    /// The counters by upstream's names.
    pub fn counters(&self) -> Vec<(&'static str, &Counter)> {
        vec![
            ("connection_request_count", &self.connection_request_count),
            ("connection_revalidate_count", &self.connection_revalidate_count),
            ("connection_rejected", &self.connection_rejected),
            ("large_requests_rejected", &self.large_requests_rejected),
            ("request_throttle_wait_count", &self.request_throttle_wait_count),
            ("throttled_ops", &self.throttled_ops),
            ("stale_requests", &self.stale_requests),
            ("stale_requests_dropped", &self.stale_requests_dropped),
            ("connection_drop_count", &self.connection_drop_count),
            ("sessionless_connections_expired", &self.sessionless_connections_expired),
            ("snapshot_error_count", &self.snapshot_error_count),
            ("snapshot_rate_limited_count", &self.snapshot_rate_limited_count),
            ("restore_error_count", &self.restore_error_count),
            ("restore_rate_limited_count", &self.restore_rate_limited_count),
            ("prep_processor_request_queued", &self.prep_processor_request_queued),
            ("sync_processor_request_queued", &self.sync_processor_request_queued),
            ("looking_count", &self.ensemble.looking_count),
            ("snap_count", &self.ensemble.snap_count),
            ("diff_count", &self.ensemble.diff_count),
            ("proposal_count", &self.ensemble.flow.proposal_count),
            ("commit_count", &self.ensemble.flow.commit_count),
            ("learner_proposal_received_count", &self.ensemble.flow.learner_proposal_received_count),
            ("learner_commit_received_count", &self.ensemble.flow.learner_commit_received_count),
            ("revalidate_count", &self.ensemble.flow.revalidate_count),
        ]
    }

    /// The summaries by upstream's names, but for those of latency.
    pub fn summaries(&self) -> Vec<(&'static str, &Summary)> {
        vec![
            ("fsynctime", &self.fsynctime),
            ("sync_processor_batch_size", &self.sync_processor_batch_size),
            ("snapshottime", &self.snapshottime),
            ("restore_time", &self.restore_time),
            ("dbinittime", &self.dbinittime),
            ("election_time", &self.ensemble.election_time),
            ("unavailable_time", &self.ensemble.unavailable_time),
            ("leader_unavailable_time", &self.ensemble.leader_unavailable_time),
            ("follower_sync_time", &self.ensemble.follower_sync_time),
            ("observer_sync_time", &self.ensemble.observer_sync_time),
            ("inflight_snap_count", &self.ensemble.inflight_snap_count),
            ("inflight_diff_count", &self.ensemble.inflight_diff_count),
            ("startup_snap_load_time", &self.startup_snap_load_time),
            ("startup_txns_load_time", &self.startup_txns_load_time),
            ("startup_txns_loaded", &self.startup_txns_loaded),
            ("connection_token_deficit", &self.connection_token_deficit),
            ("prep_processor_queue_size", &self.prep_processor_queue_size),
            ("prep_process_time", &self.prep_process_time),
        ]
    }

    /// The summaries that are shown with quantiles, but for those of latency.
    pub fn advanced(&self) -> Vec<(&'static str, &Summary)> {
        vec![
            ("sync_processor_queue_flush_time_ms", &self.sync_processor_queue_flush_time_ms),
            ("request_throttle_queue_time_ms", &self.request_throttle_queue_time_ms),
            ("quorum_ack_latency", &self.ensemble.flow.quorum_ack_latency),
            ("proposal_latency", &self.ensemble.flow.proposal_latency),
            ("proposal_ack_creation_latency", &self.ensemble.flow.proposal_ack_creation_latency),
            ("commit_propagation_latency", &self.ensemble.flow.commit_propagation_latency),
        ]
    }
}

fn all(retired: &Traffic, conns: &Conns) -> Traffic {
    conns.iter().fold(*retired, |sum, outbox| sum.plus(&outbox.stats().traffic))
}
