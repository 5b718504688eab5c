//! Steady loads: reads, durable writes, creates.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::floor::{Disk, Echo};
use super::row::{Row, median};
use super::{Bench, Both, number, say};
use crate::bench::servers::Running;

struct Load {
    name: &'static str,
    operation: &'static str,
    connections: usize,
    outstanding: usize,
    size: usize,
}

const fn load(
    name: &'static str,
    operation: &'static str,
    connections: usize,
    outstanding: usize,
    size: usize,
) -> Load {
    Load { name, operation, connections, outstanding, size }
}

const LOADS: &[Load] = &[
    load("get 1 x 1", "get", 1, 1, 100),
    load("get 64 x 1", "get", 64, 1, 100),
    load("get 8 x 32", "get", 8, 32, 100),
    load("set 1 x 1", "set", 1, 1, 100),
    load("set 64 x 1", "set", 64, 1, 100),
    load("set 8 x 32", "set", 8, 32, 100),
    load("set 1 KB 8 x 32", "set", 8, 32, 1024),
    load("create 8 x 32", "create", 8, 32, 100),
];

/// What was seen of one load: as fast as it goes, and at the common rate.
#[derive(Default)]
struct Seen {
    best: Both,
    best_cpu: Both,
    cpu: Both,
    p999: Both,
    echo_cpu: Vec<f64>,
}

/// The loads with both folders on the disk.
pub fn on_disk(bench: &Bench) -> Result<Vec<Row>> {
    let dir = bench.dir.join("steady");
    let servers = bench.start(&dir, "")?;
    warm(bench, &servers)?;
    let echo = Echo::start(bench)?;
    let disk = Disk::measure(bench, &dir)?;
    let alone = |value| Both { ours: vec![value], apache: Vec::new() };
    let mut rows = vec![
        Row::plain("raw fdatasync of the disk", "1/s", alone(disk.syncs_per_second)),
        Row::plain("raw fdatasync, p99.9", "us", alone(disk.p999_us)),
    ];
    for load in LOADS {
        let seen = compare(bench, load, &servers, Some(&echo))?;
        rows.extend(judge(load, seen, &disk));
    }
    Ok(rows)
}

/// Durable writes where the disk is no limit.
pub fn on_tmpfs(bench: &Bench) -> Result<Vec<Row>> {
    let dir = std::path::Path::new("/dev/shm").join(format!("castlekeep-bench-keeper-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let seen = (|| {
        let servers = bench.start(&dir, "")?;
        warm(bench, &servers)?;
        compare(bench, &load("set 8 x 32", "set", 8, 32, 100), &servers, None)
    })();
    // The folder is the bench's own.
    let _ = std::fs::remove_dir_all(&dir);
    let Seen { best, p999, .. } = seen?;
    Ok(vec![
        Row::plain("set 8 x 32 on tmpfs, highest rate", "1/s", best).ratio_at_least(3.0),
        Row::plain("set 8 x 32 on tmpfs at the common rate, p99.9", "us", p999).ratio_at_most(0.1),
    ])
}

fn warm(bench: &Bench, servers: &[Running; 2]) -> Result<()> {
    let [ours, apache] = servers;
    for (server, seconds) in [(apache, bench.options.warm_up), (ours, bench.options.warm_up.min(3.0))] {
        for operation in ["get", "set", "create"] {
            say(&format!("warming {} with {operation}", server.name));
            one(bench, &load("", operation, 8, 32, 100), server.port, server.pid(), None, seconds / 3.0)?;
        }
    }
    Ok(())
}

fn compare(bench: &Bench, load: &Load, servers: &[Running; 2], echo: Option<&Echo>) -> Result<Seen> {
    let mut seen = Seen::default();
    let [ours, apache] = servers;
    let seconds = bench.options.seconds;
    for run in 1..=bench.options.runs {
        say(&format!("{}: highest rate, run {run} of {}", load.name, bench.options.runs));
        for (server, best, cpu) in [
            (apache, &mut seen.best.apache, &mut seen.best_cpu.apache),
            (ours, &mut seen.best.ours, &mut seen.best_cpu.ours),
        ] {
            let report = one(bench, load, server.port, server.pid(), None, seconds)?;
            best.push(number(&report, "/requests_per_second")?);
            cpu.push(number(&report, "/server_cpu_us_per_request")?);
        }
    }
    let rate = 0.8 * median(&seen.best.ours).min(median(&seen.best.apache));
    for run in 1..=bench.options.runs {
        say(&format!("{}: {rate:.0} requests/s, run {run} of {}", load.name, bench.options.runs));
        for (server, cpu, p999) in
            [(apache, &mut seen.cpu.apache, &mut seen.p999.apache), (ours, &mut seen.cpu.ours, &mut seen.p999.ours)]
        {
            let report = one(bench, load, server.port, server.pid(), Some(rate), seconds)?;
            cpu.push(number(&report, "/server_cpu_us_per_request")?);
            p999.push(number(&report, "/latency_us/p999")?);
        }
        if let Some(echo) = echo.filter(|_| load.operation == "get") {
            let report = one(bench, load, echo.port, echo.pid(), Some(rate), seconds)?;
            seen.echo_cpu.push(number(&report, "/server_cpu_us_per_request")?);
        }
    }
    Ok(seen)
}

fn one(bench: &Bench, load: &Load, port: u16, pid: u32, rate: Option<f64>, seconds: f64) -> Result<Value> {
    let text = |value: usize| value.to_string();
    let (server, pid, rate) = (format!("127.0.0.1:{port}"), pid.to_string(), rate.map(|rate| rate.to_string()));
    let (connections, outstanding, size) = (text(load.connections), text(load.outstanding), text(load.size));
    let seconds_text = seconds.to_string();
    let mut arguments = vec!["zookeeper", "--operation", load.operation, "--server", &server, "--server-pid", &pid];
    arguments.extend(["--connections", &connections, "--outstanding", &outstanding, "--size", &size]);
    arguments.extend(["--warm-up", "0.5", "--duration", &seconds_text]);
    if let Some(rate) = &rate {
        arguments.extend(["--rate", rate, "--burst", &outstanding]);
    }
    bench.generator(&arguments, Duration::from_secs_f64(seconds + 300.0))
}

fn judge(load: &Load, seen: Seen, disk: &Disk) -> Vec<Row> {
    let Seen { best, best_cpu, cpu, p999, echo_cpu } = seen;
    let name = load.name;
    let mut highest = Row::plain(format!("{name}, highest rate"), "1/s", best);
    let mut at_rate = Row::plain(format!("{name}, server CPU at the common rate"), "us", cpu);
    let mut rows = Vec::new();
    match (load.operation, load.outstanding) {
        ("get", 1) => at_rate = at_rate.at_most(median(&echo_cpu) + 2.0, " (the echo's and 2)"),
        ("get", _) => {
            at_rate = at_rate.at_most(1.5, "");
            highest = highest.ratio_at_least(5.0);
        }
        ("set", 1) if load.connections == 1 => {
            highest = highest.at_least(0.75 * disk.syncs_per_second, " (75 % of the disk's)");
        }
        ("set" | "create", 32) => {
            at_rate = at_rate.at_most(4.0, "");
            highest = highest.ratio_at_least(3.0);
        }
        _ => {}
    }
    if (load.operation, load.outstanding, load.size) == ("set", 32, 100) {
        let above = |all: &[f64]| all.iter().map(|us| (us - disk.p999_us).max(1.0)).collect();
        let above = Both { ours: above(&p999.ours), apache: above(&p999.apache) };
        rows.push(
            Row::plain(format!("{name} at the common rate, p99.9 above the disk's"), "us", above)
                .ratio_at_most(1.0 / 3.0),
        );
    }
    rows.insert(0, highest);
    rows.insert(1, Row::plain(format!("{name}, server CPU at its own highest rate"), "us", best_cpu));
    rows.insert(2, at_rate);
    if !echo_cpu.is_empty() {
        let echo = Both { ours: echo_cpu, apache: Vec::new() };
        rows.push(Row::plain(format!("{name}, CPU of the bare echo"), "us", echo));
    }
    rows.push(Row::plain(format!("{name} at the common rate, p99.9"), "us", p999));
    rows
}
