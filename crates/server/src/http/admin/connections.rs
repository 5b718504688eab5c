//! Commands about connections.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use super::outcome::Outcome;
use super::{Admin, Asked};
use crate::zk::admin;
use crate::zk::outbox::Outbox;

/// cons
pub fn connections(admin: &Admin, _: &Asked) -> Outcome {
    let all: Vec<Value> = admin.keeper.shared.conns.lock().iter().map(|outbox| whole(outbox)).collect();
    Outcome::fields(json!({"connections": all, "secure_connections": []}))
}

/// crst
pub fn reset(admin: &Admin, _: &Asked) -> Outcome {
    admin::reset_connections(&admin.keeper.shared);
    Outcome::ok()
}

/// What `stats` shows of a connection.
pub fn brief(outbox: &Outbox) -> Value {
    let shown = outbox.stats().shown();
    json!({
        "remote_socket_address": outbox.peer.to_string(),
        "interest_ops": i32::from(outbox.session.load(Relaxed) != 0),
        "outstanding_requests": outbox.order.unanswered(),
        "packets_received": shown.received,
        "packets_sent": shown.sent,
    })
}

fn whole(outbox: &Outbox) -> Value {
    let mut all = brief(outbox);
    let stats = outbox.stats();
    let (min, avg, max) = stats.latency_ms();
    let more = json!({
        "session_id": outbox.session.load(Relaxed),
        "last_operation": admin::operation(stats.last.op),
        "established": outbox.established_ms,
        "session_timeout": outbox.timeout_ms.load(Relaxed),
        "last_cxid": stats.last.cxid,
        "last_zxid": stats.last.zxid,
        "last_response_time": stats.last.response_ms,
        "last_latency": stats.last.latency_ms,
        "min_latency": min,
        "avg_latency": avg,
        "max_latency": max,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}
