//! Steady loads: batches produced, batches fetched.

use anyhow::Result;
use serde_json::Value;

use super::plain::PlainLog;
use super::{Bench, number};
use crate::bench::keeper::Both;
use crate::bench::keeper::row::{Row, median};
use crate::bench::say;
use crate::bench::servers::Running;

/// A load, and what is wanted under it.
struct Load {
    name: &'static str,
    flags: &'static [&'static str],
    /// Megabytes per second of CPU: so many times Apache's, and this part of the plain loop's.
    wanted: Option<(f64, f64)>,
}

const fn load(name: &'static str, flags: &'static [&'static str], wanted: Option<(f64, f64)>) -> Load {
    Load { name, flags, wanted }
}

const PRODUCE: &[Load] = &[
    load(
        "produce 1 KB records, 16 KB batches, 6 x 5",
        &["--batch-size", "16384", "--record-size", "1024", "--connections", "6", "--outstanding", "5"],
        Some((5.0, 0.6)),
    ),
    load(
        "produce 1 KB records, 128 KB batches, 6 x 5",
        &["--batch-size", "131072", "--record-size", "1024", "--connections", "6", "--outstanding", "5"],
        Some((3.0, 0.6)),
    ),
    load(
        "produce 100 B records, 16 KB batches, 6 x 5",
        &["--batch-size", "16384", "--record-size", "100", "--connections", "6", "--outstanding", "5"],
        None,
    ),
];

macro_rules! fetch_by {
    ($name:literal, $connections:literal) => {
        load(
            $name,
            &[
                "--operation",
                "fetch",
                "--batch-size",
                "65536",
                "--record-size",
                "1024",
                "--fetch-size",
                "1048576",
                "--partitions",
                "1",
                "--connections",
                $connections,
                "--outstanding",
                "1",
                "--prepared",
                "256",
            ],
            Some((3.0, 0.85)),
        )
    };
}

const FETCH: &[Load] = &[
    fetch_by!("fetch 1 MiB, 1 consumer", "1"),
    fetch_by!("fetch 1 MiB, 10 consumers of one partition", "10"),
    fetch_by!("fetch 1 MiB, 100 consumers of one partition", "100"),
];

/// Whom a load is put on.
#[derive(Clone, Copy)]
struct Target<'a> {
    name: &'a str,
    port: u16,
    pid: u32,
}

impl<'a> Target<'a> {
    fn server(running: &'a Running) -> Self {
        Self { name: &running.name, port: running.port, pid: running.pid() }
    }

    fn plain(name: &'a str, plain: &PlainLog) -> Self {
        Self { name, port: plain.port, pid: plain.pid() }
    }
}

/// What was seen of one target under one load, run by run.
#[derive(Default, Clone)]
struct Seen {
    /// MB/s as fast as it goes.
    best: Vec<f64>,
    /// MB per second of CPU, as fast as it goes and at the common rate.
    best_efficiency: Vec<f64>,
    efficiency: Vec<f64>,
    /// Microseconds of CPU for a request at the common rate.
    cpu_us: Vec<f64>,
    p99_us: Vec<f64>,
}

/// Loads on fresh servers, not measured.
pub fn warm(bench: &Bench, servers: &[Running; 2]) -> Result<()> {
    let [ours, apache] = servers;
    for (server, seconds) in [(apache, bench.options.warm_up), (ours, bench.options.warm_up.min(3.0))] {
        for load in [&PRODUCE[0], &PRODUCE[1], &FETCH[1]] {
            say(&format!("warming {} with {}", server.name, load.name));
            one(bench, load, Target::server(server), None, seconds / 3.0)?;
        }
    }
    Ok(())
}

/// Batches produced, beside the plain loop that appends.
pub fn produce(bench: &Bench, [ours, apache]: &[Running; 2]) -> Result<Vec<Row>> {
    let plain = PlainLog::start(bench, "sendfile")?;
    let targets = [Target::server(ours), Target::server(apache), Target::plain("the plain loop", &plain)];
    let mut rows = Vec::new();
    for load in PRODUCE {
        let [ours, apache, plain] = compare(bench, load, targets)?;
        let records = load.name.contains("100 B").then_some(16384 / 100);
        rows.extend(judge(load, ours, apache, &[("a plain loop that appends", plain)], records));
    }
    Ok(rows)
}

/// Batches fetched, beside the plain loops that send.
pub fn fetch(bench: &Bench, [ours, apache]: &[Running; 2]) -> Result<Vec<Row>> {
    let (sending, reading) = (PlainLog::start(bench, "sendfile")?, PlainLog::start(bench, "read")?);
    let targets = [
        Target::server(ours),
        Target::server(apache),
        Target::plain("a sendfile loop", &sending),
        Target::plain("a loop that reads and sends", &reading),
    ];
    let mut rows = Vec::new();
    for load in FETCH {
        let [ours, apache, sending, reading] = compare(bench, load, targets)?;
        let plain = [("a sendfile loop", sending), ("a loop that reads and sends", reading)];
        rows.extend(judge(load, ours, apache, &plain, None));
    }
    Ok(rows)
}

fn compare<const N: usize>(bench: &Bench, load: &Load, targets: [Target<'_>; N]) -> Result<[Seen; N]> {
    let mut seen = [const { None }; N].map(|none: Option<Seen>| none.unwrap_or_default());
    let seconds = bench.options.seconds;
    for run in 1..=bench.options.runs {
        say(&format!("{}: highest rate, run {run} of {}", load.name, bench.options.runs));
        for (target, seen) in targets.iter().zip(&mut seen) {
            let report = one(bench, load, *target, None, seconds)?;
            seen.best.push(number(&report, "/megabytes_per_second")?);
            seen.best_efficiency.push(efficiency(&report)?);
        }
    }
    let slowest = seen.iter().map(|seen| median(&seen.best)).fold(f64::INFINITY, f64::min);
    for run in 1..=bench.options.runs {
        say(&format!("{}: {:.0} MB/s, run {run} of {}", load.name, 0.8 * slowest, bench.options.runs));
        for (target, seen) in targets.iter().zip(&mut seen) {
            let report = one(bench, load, *target, Some(0.8 * slowest), seconds)?;
            seen.efficiency.push(efficiency(&report)?);
            seen.cpu_us.push(number(&report, "/server_cpu_us_per_request")?);
            seen.p99_us.push(number(&report, "/latency_us/p99")?);
        }
    }
    Ok(seen)
}

/// Megabytes for a second of the server's CPU.
fn efficiency(report: &Value) -> Result<f64> {
    let cpu = number(report, "/server_cpu_us_per_request")? / 1e6 * number(report, "/requests_per_second")?;
    Ok(number(report, "/megabytes_per_second")? / cpu)
}

/// One run at so many MB/s, or as fast as it goes.
fn one(bench: &Bench, load: &Load, target: Target<'_>, rate: Option<f64>, seconds: f64) -> Result<Value> {
    let (broker, pid) = (format!("127.0.0.1:{}", target.port), target.pid.to_string());
    let seconds_text = seconds.to_string();
    let mut arguments = vec!["kafka", "--broker", &broker, "--server-pid", &pid];
    arguments.extend(load.flags);
    arguments.extend(["--warm-up", "0.5", "--duration", &seconds_text]);
    let rate = rate.map(|rate| (rate * 1e6 / request_bytes(load)).to_string());
    if let Some(rate) = &rate {
        arguments.extend(["--rate", rate]);
    }
    let report = bench.generator(&arguments, seconds)?;
    anyhow::ensure!(number(&report, "/requests")? > 0.0, "{} answered no request", target.name);
    Ok(report)
}

/// About as many bytes has a request of a load.
fn request_bytes(load: &Load) -> f64 {
    let flag = |name: &str| {
        let at = load.flags.iter().position(|flag| *flag == name)?;
        load.flags.get(at + 1)?.parse().ok()
    };
    flag("--fetch-size").or_else(|| flag("--batch-size")).unwrap_or(16384.0)
}

fn judge(load: &Load, ours: Seen, apache: Seen, plain: &[(&str, Seen)], records: Option<u32>) -> Vec<Row> {
    let name = load.name;
    let both = |field: fn(&Seen) -> &Vec<f64>| Both { ours: field(&ours).clone(), apache: field(&apache).clone() };
    let mut at_rate =
        Row::plain(format!("{name}, MB for a second of CPU at the common rate"), "MB", both(|seen| &seen.efficiency));
    if let Some((times, part)) = load.wanted {
        let best = plain.iter().map(|(_, seen)| median(&seen.efficiency)).fold(0.0, f64::max);
        let why = format!(" ({:.0} % of the best plain loop's)", 100.0 * part);
        at_rate = at_rate.ratio_at_least(times).at_least(part * best, &why);
    }
    let mut rows = vec![
        Row::plain(format!("{name}, highest rate"), "MB/s", both(|seen| &seen.best)),
        Row::plain(
            format!("{name}, MB for a second of CPU at its own highest rate"),
            "MB",
            both(|seen| &seen.best_efficiency),
        ),
        at_rate,
    ];
    if let Some(records) = records {
        // Microseconds of a request over its records are seconds of a million of them.
        let each = |seen: &Seen| seen.cpu_us.iter().map(|us| us / f64::from(records)).collect();
        let both = Both { ours: each(&ours), apache: each(&apache) };
        rows.push(Row::plain(format!("{name}, CPU of a million records at the common rate"), "s", both));
    }
    for (what, seen) in plain {
        let alone = |values: &[f64]| Both { ours: values.to_vec(), apache: Vec::new() };
        rows.push(Row::plain(format!("{name}, {what}: highest rate"), "MB/s", alone(&seen.best)));
        let what = format!("{name}, {what}: MB for a second of CPU at the common rate");
        rows.push(Row::plain(what, "MB", alone(&seen.efficiency)));
    }
    rows.push(Row::plain(format!("{name}, p99 at the common rate"), "us", both(|seen| &seen.p99_us)));
    rows
}
