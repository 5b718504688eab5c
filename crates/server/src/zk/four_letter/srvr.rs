//! srvr, stat: the server in ten lines, with its clients or without. srst: their counters begin anew.

use std::fmt::Write as _;

use super::super::metrics::words::decimal;
use super::super::{Shared, admin, place};
use super::cons;

/// srvr
pub fn text(shared: &Shared) -> String {
    format!("Zookeeper version: {}\n{}", admin::VERSION, summary(shared))
}

/// stat
pub fn with_clients(shared: &Shared) -> String {
    let mut out = format!("Zookeeper version: {}\nClients:\n", admin::VERSION);
    for outbox in shared.conns.lock().iter() {
        let _ = writeln!(out, "{})", cons::traffic(outbox));
    }
    out.push('\n');
    out + &summary(shared)
}

fn summary(shared: &Shared) -> String {
    let tree = admin::tree(shared);
    let (stats, open) = {
        let conns = shared.conns.lock();
        (shared.stats.view(&conns), conns.len())
    };
    let mut out = String::new();
    if place::reads_only(shared) {
        out += "READ-ONLY mode; serving only read-only clients\n";
    }
    let (min, avg, max) = (stats.latency_ms_min, decimal(stats.latency_ms_avg), stats.latency_ms_max);
    let _ = writeln!(out, "Latency min/avg/max: {min}/{avg}/{max}");
    let _ = writeln!(out, "Received: {}\nSent: {}", stats.traffic.received, stats.traffic.sent);
    let _ = writeln!(out, "Connections: {open}\nOutstanding: {}", tree.outstanding);
    let mode = place::mode(shared);
    let _ = writeln!(out, "Zxid: {}\nMode: {mode}\nNode count: {}", tree.zxid, tree.nodes);
    if mode == "leader" {
        let (last, min, max) = shared.stats.ensemble.proposal_bytes();
        let _ = writeln!(out, "Proposal sizes last/min/max: {last}/{min}/{max}");
    }
    out
}

/// srst
pub fn reset(shared: &Shared) -> String {
    admin::reset_server(shared);
    "Server stats reset.\n".into()
}
