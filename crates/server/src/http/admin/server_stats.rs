//! Commands about the server's own counters.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use super::outcome::Outcome;
use super::{Admin, Asked, connections};
use crate::zk::admin::{self, VERSION};
use crate::zk::metrics::words::rounded;

/// srvr
pub fn server_stats(admin: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(counters(admin))
}

/// stat: the same, with the connections.
pub fn stats(admin: &Admin, _: &Asked) -> Outcome {
    let mut outcome = Outcome::fields(counters(admin));
    let all: Vec<Value> = admin.keeper.shared.conns.lock().iter().map(|outbox| connections::brief(outbox)).collect();
    outcome.fields.insert("connections".into(), json!(all));
    outcome.fields.insert("secure_connections".into(), json!([]));
    outcome
}

/// srst
pub fn reset(admin: &Admin, _: &Asked) -> Outcome {
    admin::reset_server(&admin.keeper.shared);
    Outcome::ok()
}

fn counters(admin: &Admin) -> Value {
    let keeper = &admin.keeper;
    let (stats, tree, (data, log)) = (keeper.stats(), keeper.tree(), keeper.folder_sizes());
    let size = |value: Option<u64>| value.map_or(json!(-1), |value| json!(value));
    let response = json!({
        "last_buffer_size": size(stats.response_bytes.map(|(last, _, _)| last)),
        "min_buffer_size": size(stats.response_bytes.map(|(_, min, _)| min)),
        "max_buffer_size": size(stats.response_bytes.map(|(_, _, max)| max)),
    });
    json!({
        "version": VERSION,
        "read_only": keeper.reads_only(),
        "server_stats": {
            "packets_sent": stats.traffic.sent,
            "packets_received": stats.traffic.received,
            "fsync_threshold_exceed_count": keeper.shared.stats.fsync_threshold_exceed_count.load(Relaxed),
            "client_response_stats": response,
            "data_dir_size": data,
            "log_dir_size": log,
            "provider_null": false,
            "last_processed_zxid": tree.zxid.0,
            "outstanding_requests": tree.outstanding,
            "server_state": keeper.mode(),
            "avg_latency": rounded(stats.latency_ms_avg),
            "max_latency": stats.latency_ms_max,
            "min_latency": stats.latency_ms_min,
            "num_alive_client_connections": keeper.connections(),
            "uptime": keeper.uptime_ms(),
            "auth_failed_count": 0,
            "non_mtlsremote_conn_count": 0,
            "non_mtlslocal_conn_count": 0,
        },
        "client_response": response,
        "node_count": tree.nodes,
    })
}
