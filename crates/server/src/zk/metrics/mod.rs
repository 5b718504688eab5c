//! The server's metrics under upstream's names: one list, shown by `mntr`, by the AdminServer's `monitor` and to
//! Prometheus.
//!
//! Upstream: `ServerMetrics`, `ServerStats`, `ZooKeeperServer.registerMetrics`. The table in `docs/compatibility.md` has
//! a row for each of upstream's names and is held against this list.

pub mod prometheus;
pub mod words;

use std::collections::BTreeMap;
use std::fs;

use keeper::Keeper;
use keeper::admin::QuotaUse;

use super::stats::KeeperCounts;
use super::{Shared, admin, place};
pub use crate::summary;
use crate::summary::SummaryView;

/// A metric's value, and how it is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number that goes up and down.
    Gauge(i64),
    /// A decimal number that goes up and down.
    Decimal(f64),
    /// A number that only grows.
    Counter(u64),
    /// Average, smallest, largest, count and sum.
    Basic(SummaryView),
    /// As `Basic`, with quantiles.
    Advanced(SummaryView),
    /// Gauges, each with its key.
    GaugeSet(BTreeMap<String, i64>),
    /// Counters, each with its key.
    CounterSet(BTreeMap<String, u64>),
}

/// A metric: upstream's name, without `zk_`.
pub type Metric = (&'static str, Value);

/// Counters of upstream for things that do not happen in this server, or not while it stands alone. They are shown, as
/// upstream shows them, and never move.
pub const NEVER: &[&str] = &[
    "add_dead_watcher_stall_time",
    "cnxn_closed_without_zk_server_running",
    "dead_watchers_cleared",
    "dead_watchers_queued",
    "ensemble_auth_fail",
    "ensemble_auth_skip",
    "ensemble_auth_success",
    "insecure_admin_count",
    "quit_leading_due_to_disloyal_voter",
    "request_commit_queued",
    "requests_not_forwarded_to_commit_processor",
    "response_packet_cache_hits",
    "response_packet_cache_misses",
    "response_packet_get_children_cache_hits",
    "response_packet_get_children_cache_misses",
    "skip_learner_request_to_next_processor_count",
    "stale_replies",
    "tls_handshake_exceeded",
    "unrecoverable_error_count",
    "unsuccessful_handshake",
];

/// Summaries of upstream of which the same is true.
pub const NEVER_SUMMARIES: &[&str] = &[
    "commit_commit_proc_req_queued",
    "commit_process_time",
    "concurrent_request_processing_in_commit_processor",
    "learner_request_processor_queue_size",
    "netty_queued_buffer_capacity",
    "pending_session_queue_size",
    "read_commit_proc_issued",
    "read_commit_proc_req_queued",
    "reads_after_write_in_session_queue",
    "reads_issued_from_session_queue",
    "requests_in_session_queue",
    "session_queues_drained",
    "socket_closing_time",
    "time_waiting_empty_pool_in_commit_processor_read_ms",
    "write_batch_time_in_commit_processor",
    "write_commit_proc_issued",
    "write_commit_proc_req_queued",
];

/// Summaries with quantiles of upstream of which the same is true.
pub const NEVER_ADVANCED: &[&str] = &[
    "dead_watchers_cleaner_latency",
    "local_write_committed_time_ms",
    "om_commit_process_time_ms",
    "om_proposal_process_time_ms",
    "read_commitproc_time_ms",
    "server_write_committed_time_ms",
    "write_commitproc_time_ms",
];

/// Every metric, now.
pub fn collect(shared: &Shared) -> Vec<Metric> {
    let mut all = gauges(shared);
    all.extend(quotas(shared));
    all.extend(place::of(shared).iter().flat_map(|place| place.metrics(shared)));
    let never = Value::Counter(0);
    all.extend(NEVER.iter().map(|name| (*name, never.clone())));
    all.extend(NEVER_SUMMARIES.iter().map(|name| (*name, Value::Basic(SummaryView::default()))));
    all.extend(NEVER_ADVANCED.iter().map(|name| (*name, Value::Advanced(SummaryView::default()))));
    all
}

fn gauges(shared: &Shared) -> Vec<Metric> {
    let (tree, stats, open) = {
        let tree = admin::tree(shared);
        let conns = shared.conns.lock();
        (tree, shared.stats.view(&conns), conns.len())
    };
    let counts = shared.stats.since_reset(shared.keeper.with(KeeperCounts::of));
    let (files, files_max) = file_descriptors();
    let gauge = |value: u64| Value::Gauge(i64::try_from(value).unwrap_or(i64::MAX));
    let size = |value: Option<u64>| value.map_or(Value::Gauge(-1), gauge);
    let (last, min, max) = match stats.response_bytes {
        Some((last, min, max)) => (Some(last), Some(min), Some(max)),
        None => (None, None, None),
    };
    let mut all = vec![
        ("avg_latency", Value::Decimal(stats.latency_ms_avg)),
        ("max_latency", gauge(stats.latency_ms_max)),
        ("min_latency", gauge(stats.latency_ms_min)),
        ("packets_received", gauge(stats.traffic.received)),
        ("packets_sent", gauge(stats.traffic.sent)),
        ("num_alive_connections", gauge(open as u64)),
        ("outstanding_requests", gauge(tree.outstanding)),
        ("uptime", gauge(shared.clock.mono().as_millis())),
        ("znode_count", gauge(tree.nodes)),
        ("watch_count", gauge(tree.watches)),
        ("ephemerals_count", gauge(tree.ephemerals)),
        ("approximate_data_size", gauge(tree.approximate_data_size)),
        ("global_sessions", gauge(tree.sessions - tree.local_sessions)),
        ("local_sessions", gauge(tree.local_sessions)),
        ("open_file_descriptor_count", gauge(files)),
        ("max_file_descriptor_count", gauge(files_max)),
        ("connection_drop_probability", Value::Decimal(shared.admission.drop_probability())),
        ("last_client_response_size", size(last)),
        ("max_client_response_size", size(max)),
        ("min_client_response_size", size(min)),
        ("outstanding_tls_handshake", gauge(0)),
        ("auth_failed_count", gauge(0)),
        ("non_mtls_remote_conn_count", gauge(0)),
        ("non_mtls_local_conn_count", gauge(0)),
        ("bytes_received_count", Value::Counter(stats.traffic.received_bytes)),
        ("response_bytes", Value::Counter(stats.traffic.response_bytes)),
        ("watch_bytes", Value::Counter(stats.traffic.watch_bytes)),
        ("stale_sessions_expired", Value::Counter(counts.expired)),
        ("digest_mismatches_count", Value::Counter(counts.digest_mismatches)),
        ("readlatency", Value::Advanced(stats.reads)),
        ("updatelatency", Value::Advanced(stats.updates)),
    ];
    let fired = [
        "node_created_watch_count",
        "node_deleted_watch_count",
        "node_changed_watch_count",
        "node_children_watch_count",
    ];
    all.extend(
        fired
            .into_iter()
            .zip(tree.fired)
            .map(|(name, tally)| (name, Value::Basic(SummaryView::of(tally.events, tally.told, tally.min, tally.max)))),
    );
    all.extend(shared.stats.counters().into_iter().map(|(name, counter)| (name, Value::Counter(counter.get()))));
    all.extend(shared.stats.summaries().into_iter().map(|(name, summary)| (name, Value::Basic(summary.view()))));
    let advanced = shared.stats.advanced().into_iter();
    all.extend(advanced.map(|(name, summary)| (name, Value::Advanced(summary.view()))));
    all
}

/// By the name below the root.
fn quotas(shared: &Shared) -> Vec<Metric> {
    let (uses, counts) = shared.keeper.with(|keeper: &Keeper| (keeper.quota_use(), KeeperCounts::of(keeper)));
    let gauges = |field: fn(&QuotaUse) -> i64| {
        Value::GaugeSet(uses.iter().map(|(name, sum)| (name.to_string(), field(sum))).collect())
    };
    let counts = shared.stats.since_reset(counts);
    let refused = counts.refused_for_quotas.into_iter().map(|(name, count)| (name.to_string(), count));
    vec![
        ("quota_count_limit_per_namespace", gauges(|sum| sum.count_limit)),
        ("quota_bytes_limit_per_namespace", gauges(|sum| sum.bytes_limit)),
        ("quota_count_usage_per_namespace", gauges(|sum| sum.count)),
        ("quota_bytes_usage_per_namespace", gauges(|sum| sum.bytes)),
        ("quota_exceeded_error_per_namespace", Value::CounterSet(refused.collect())),
    ]
}

/// Open files and their limit; zeros where the system does not tell.
fn file_descriptors() -> (u64, u64) {
    let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    (open, line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0))
}
