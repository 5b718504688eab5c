//! The data behind four-letter words, `/commands` and `/metrics`.

use std::fs;

use keeper::Keeper;
use keeper::admin::Summary;

use super::Shared;

/// What clients and tools parse: the upstream release whose behaviour is followed, in 3.9's form.
pub const VERSION: &str = concat!("3.9.5-castlekeep-", env!("CARGO_PKG_VERSION"), ", built on 2026-11-24 00:00 UTC");

/// The tree's numbers now.
pub fn tree(shared: &Shared) -> Summary {
    shared.keeper.with(Keeper::summary)
}

/// As upstream prints averages: at most four places, at least one.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_string() }
}

/// `mntr`'s keys without `zk_`, and their values.
pub fn metrics(shared: &Shared) -> Vec<(&'static str, String)> {
    let (stats, tree) = (shared.stats.snapshot_of(), tree(shared));
    let (files, files_max) = file_descriptors();
    let whole = |value: u64| value.to_string();
    vec![
        ("avg_latency", decimal(stats.latency_ms_avg)),
        ("max_latency", whole(stats.latency_ms_max)),
        ("min_latency", whole(stats.latency_ms_min)),
        ("packets_received", whole(stats.packets_received)),
        ("packets_sent", whole(stats.packets_sent)),
        ("num_alive_connections", whole(shared.conns.lock().len() as u64)),
        ("outstanding_requests", whole(tree.outstanding)),
        ("znode_count", whole(tree.nodes)),
        ("watch_count", whole(tree.watches)),
        ("ephemerals_count", whole(tree.ephemerals)),
        ("approximate_data_size", whole(tree.approximate_data_size)),
        ("global_sessions", whole(tree.sessions)),
        ("local_sessions", whole(0)),
        ("open_file_descriptor_count", whole(files)),
        ("max_file_descriptor_count", whole(files_max)),
        ("connection_rejected", whole(stats.connections_rejected)),
        ("digest_mismatches_count", whole(tree.digest_mismatches)),
        ("snapshots_written", whole(stats.snapshots)),
        ("uptime", whole(shared.clock.mono().as_millis())),
        ("quorum_size", whole(1)),
    ]
}

/// `conf`'s lines.
pub fn configuration(shared: &Shared) -> Vec<(&'static str, String)> {
    let (data, log) = folder_sizes(shared);
    let keeper = &shared.config.store.keeper;
    let absolute =
        |path: &std::path::Path| std::path::absolute(path).unwrap_or(path.to_path_buf()).display().to_string();
    vec![
        ("clientPort", shared.client_port.to_string()),
        ("secureClientPort", "-1".into()),
        ("dataDir", absolute(&shared.snap_dir)),
        ("dataDirSize", data.to_string()),
        ("dataLogDir", absolute(&shared.log_dir)),
        ("dataLogSize", log.to_string()),
        ("tickTime", keeper.tick_time_ms.to_string()),
        ("maxClientCnxns", shared.config.max_client_cnxns.to_string()),
        ("minSessionTimeout", keeper.session_timeout_ms_min.to_string()),
        ("maxSessionTimeout", keeper.session_timeout_ms_max.to_string()),
        ("clientPortListenBacklog", "-1".into()),
        ("serverId", keeper.server_id.to_string()),
    ]
}

/// Bytes in the folders of snapshots and of logs.
pub fn folder_sizes(shared: &Shared) -> (u64, u64) {
    let size = |dir: &std::path::Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
    };
    (size(&shared.snap_dir), size(&shared.log_dir))
}

/// `envi`'s lines: those of upstream that mean something without a Java machine.
pub fn environment() -> Vec<(&'static str, String)> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    vec![
        ("zookeeper.version", VERSION.into()),
        ("host.name", read("/proc/sys/kernel/hostname")),
        ("os.name", std::env::consts::OS.into()),
        ("os.arch", std::env::consts::ARCH.into()),
        ("os.version", read("/proc/sys/kernel/osrelease")),
        ("user.name", variable("USER")),
        ("user.home", variable("HOME")),
        ("user.dir", std::env::current_dir().map(|dir| dir.display().to_string()).unwrap_or_default()),
    ]
}

/// Open files and their limit; zeros where the system does not tell.
fn file_descriptors() -> (u64, u64) {
    let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    (open, line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_print_as_upstreams() {
        assert_eq!(decimal(0.0), "0.0");
        assert_eq!(decimal(0.58333), "0.5833");
        assert_eq!(decimal(12.5), "12.5");
    }
}
