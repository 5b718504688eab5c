//! Many at once: watches that fire together, sessions that do nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::row::Row;
use super::{Bench, Both, number, say};

/// 100,000 watches of 100 connections on 1,000 znodes below one, all fired by one client. (A server keeps one watch for
/// a connection and a znode, so there cannot be as many on a single one.)
pub fn watches(bench: &Bench) -> Result<Vec<Row>> {
    let [ours, apache] = bench.start(&bench.dir.join("watches"), "")?;
    let mut seen = Both::default();
    let rounds = (bench.options.runs + 2).to_string();
    for (server, into) in [(&apache, &mut seen.apache), (&ours, &mut seen.ours)] {
        say(&format!("{}: watches", server.name));
        let address = format!("127.0.0.1:{}", server.port);
        let report =
            bench.generator(&["watches", "--server", &address, "--rounds", &rounds], Duration::from_secs(300))?;
        let all = report.pointer("/last_event_ms").and_then(Value::as_array).context("no times in the report")?;
        // The first two warm up.
        into.extend(all.iter().skip(2).filter_map(Value::as_f64));
    }
    Ok(vec![Row::plain("100,000 watches over 100 connections, to the last event", "ms", seen).ratio_at_most(0.25)])
}

/// Sessions that do nothing.
pub fn idle(bench: &Bench) -> Result<Vec<Row>> {
    let [ours, apache] = bench.start(&bench.dir.join("idle"), "")?;
    let mut seen = Both::default();
    let connections = if bench.options.quick { "2000" } else { "10000" };
    for (server, into) in [(&apache, &mut seen.apache), (&ours, &mut seen.ours)] {
        say(&format!("{}: {connections} idle sessions", server.name));
        let (address, pid) = (format!("127.0.0.1:{}", server.port), server.pid().to_string());
        let arguments = ["idle", "--server", &address, "--server-pid", &pid, "--connections", connections];
        let report = bench.generator(&arguments, Duration::from_secs(300))?;
        into.push(number(&report, "/bytes_per_connection")?);
    }
    Ok(vec![Row::plain(format!("{connections} idle sessions, resident each"), "B", seen).at_most(8192.0, "")])
}
