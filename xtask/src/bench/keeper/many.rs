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

/// The longest that two clients, one reading and one writing, wait while the server does something large.
pub fn stalls(bench: &Bench) -> Result<Vec<Row>> {
    let rounds = (bench.options.runs + 1).to_string();
    let connections = (open_files_max()?.saturating_sub(200)).min(if bench.options.quick { 2000 } else { 100_000 });
    let connections = connections.to_string();
    let kinds: [(String, Vec<&str>); 3] = [
        ("the end of a session with 100,000 znodes".into(), vec!["close"]),
        ("100,000 watches of 100 connections, one multi".into(), vec!["watches"]),
        (
            format!("{connections} watches of as many connections, one setData"),
            vec!["watches", "--connections", &connections, "--znodes", "1"],
        ),
    ];
    let mut rows = Vec::new();
    for (index, (what, kind)) in kinds.iter().enumerate() {
        let [ours, apache] = bench.start(&bench.dir.join(format!("stall-{index}")), "")?;
        let figures = ["longest_read_ms", "longest_write_ms", "took_ms"];
        let mut seen = [Both::default(), Both::default(), Both::default()];
        for (server, is_ours) in [(&apache, false), (&ours, true)] {
            say(&format!("{}: {what}", server.name));
            let address = format!("127.0.0.1:{}", server.port);
            let mut arguments = vec!["stall"];
            arguments.extend(kind);
            arguments.extend(["--server", &address, "--rounds", &rounds]);
            let report = bench.generator(&arguments, Duration::from_secs(600))?;
            for (figure, seen) in figures.iter().zip(&mut seen) {
                let all = report.get(figure).and_then(Value::as_array).context("no times in the report")?;
                // The first one warms up.
                let into = if is_ours { &mut seen.ours } else { &mut seen.apache };
                into.extend(all.iter().skip(1).filter_map(Value::as_f64));
            }
        }
        for (figure, seen) in ["longest read beside", "longest write beside", "answered"].iter().zip(seen) {
            rows.push(Row::plain(format!("{what}: {figure}"), "ms", seen));
        }
    }
    Ok(rows)
}

/// How many files a process may have open.
fn open_files_max() -> Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("read this process's limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).context("no limit of open files")?;
    let soft = line.split_whitespace().nth(3).unwrap_or_default();
    soft.parse().with_context(|| format!("{soft:?} is no number of files"))
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
