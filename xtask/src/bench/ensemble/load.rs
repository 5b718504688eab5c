//! What work costs on three members: writes over all of them, reads on one.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Bench, MAKES, cpu_seconds, of, say, ticks_per_second};
use crate::bench::keeper::Both;
use crate::bench::keeper::row::{Row, median};
use crate::bench::servers::{self, Kind};
use crate::ensemble::{Ensemble, Who};

/// Connections of all generators together; each has so many requests outstanding.
const CONNECTIONS: usize = 64;
const OUTSTANDING: usize = 32;
/// Sessions of the reads.
const READERS: usize = 8;

/// Both loads.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let ticks = ticks_per_second()?;
    let (mut ensembles, mut best) = (Vec::new(), Both::default());
    let (mut per_cpu, mut p999) = (Both::default(), Both::default());
    let disk = bench.generator(&disk_arguments(bench), Duration::from_secs(120));
    let disk_p999 = number(&disk, "/latency_us/p999")?;
    for who in MAKES {
        let mut ensemble = bench.ensemble(who, "load")?;
        ensemble.start_settled()?;
        say(&format!("warming three of {who}"));
        writes(bench, &ensemble, None, if who == Who::Ours { 2.0 } else { bench.options.warm_up }, ticks)?;
        ensembles.push((who, ensemble));
    }
    for run in 1..=bench.options.runs {
        for (who, ensemble) in &ensembles {
            let seen = writes(bench, ensemble, None, bench.options.seconds, ticks)?;
            say(&format!("writes on three of {who}, run {run}: {:.0} 1/s", seen.rate));
            of(&mut best, *who).push(seen.rate);
        }
    }
    let common = 0.8 * median(&best.ours).min(median(&best.apache));
    for run in 1..=bench.options.runs {
        for (who, ensemble) in &ensembles {
            let seen = writes(bench, ensemble, Some(common), bench.options.seconds, ticks)?;
            let count = seen.per_cpu_second;
            say(&format!("writes on three of {who} at {common:.0} 1/s, run {run}: {count:.0} per CPU second"));
            of(&mut per_cpu, *who).push(count);
            of(&mut p999, *who).push(seen.p999_us);
        }
    }
    let above = |all: &[f64]| all.iter().map(|us| (us - disk_p999).max(1.0)).collect();
    let above = Both { ours: above(&p999.ours), apache: above(&p999.apache) };
    let mut rows = vec![
        Row::plain("set 64 x 32 over three members, highest rate", "1/s", best),
        Row::plain("the same at the common rate, per CPU second of all three", "1/s", per_cpu).ratio_at_least(3.0),
        Row::plain("raw fdatasync, p99.9", "us", Both { ours: vec![disk_p999], apache: Vec::new() }),
        Row::plain("set 64 x 32 at the common rate, p99.9 above the disk's", "us", above).ratio_at_most(1.0 / 3.0),
        Row::plain("set 64 x 32 at the common rate, p99.9", "us", p999),
    ];
    rows.extend(reads(bench, &mut ensembles)?);
    Ok(rows)
}

/// What one load of writes came to.
struct Writes {
    /// Requests per second.
    rate: f64,
    /// Requests per second of all members' CPU.
    per_cpu_second: f64,
    /// Of the member whose clients waited longest, microseconds.
    p999_us: f64,
}

/// Durable writes from a generator at each member.
fn writes(bench: &Bench, ensemble: &Ensemble, rate: Option<f64>, seconds: f64, ticks: f64) -> Result<Writes> {
    let ports: Vec<u16> = ensemble.ids().map(|id| ensemble.port(id)).collect();
    let cpu = || ensemble.pids().into_iter().map(|pid| cpu_seconds(pid, ticks)).sum::<Result<f64>>();
    let before = cpu()?;
    let reports: Vec<Result<Value>> = std::thread::scope(|scope| {
        let run = |(index, port): (usize, &u16)| {
            let connections = CONNECTIONS / ports.len() + usize::from(index < CONNECTIONS % ports.len());
            let rate = rate.map(|rate| rate * connections as f64 / CONNECTIONS as f64);
            let arguments = arguments("set", *port, connections, rate, seconds);
            scope.spawn(move || bench.generator(&arguments, Duration::from_secs_f64(seconds + 120.0)))
        };
        let generators: Vec<_> = ports.iter().enumerate().map(run).collect();
        generators.into_iter().map(|generator| generator.join().expect("a generator's thread does not panic")).collect()
    });
    let used = cpu()? - before;
    let requests: f64 = reports.iter().map(|report| number(report, "/requests")).sum::<Result<f64>>()?;
    let longest = |longest: Result<f64>, report| Ok(longest?.max(number(report, "/latency_us/p999")?));
    let p999_us = reports.iter().fold(Ok(0.0), longest)?;
    Ok(Writes { rate: requests / seconds, per_cpu_second: requests / used, p999_us })
}

/// Reads on a member that follows, beside a keeper of ours that stands alone.
fn reads(bench: &Bench, ensembles: &mut [(Who, Ensemble)]) -> Result<Vec<Row>> {
    let alone = servers::start_ours(Kind::ZooKeeper, &bench.binary, &bench.dir.join("alone"), "maxClientCnxns=0\n")?;
    // With as many writes behind it as the members have: a process that has worked reads a little slower.
    let written = 2.0 + 2.0 * bench.options.runs as f64 * bench.options.seconds;
    bench.generator(
        &arguments("set", alone.port, CONNECTIONS, None, written),
        Duration::from_secs_f64(written + 120.0),
    )?;
    let (mut member, mut single) = (Both::default(), Both::default());
    let mut follower_ports = Vec::new();
    for (who, ensemble) in ensembles {
        let leader = ensemble.wait_settled()?;
        let follower = ensemble.ids().find(|id| *id != leader).context("an ensemble of one")?;
        let at = ensemble.running().iter().position(|id| *id == follower).context("the follower does not run")?;
        follower_ports.push((*who, ensemble.port(follower), ensemble.pids()[at]));
    }
    let one = |port: u16, pid: u32, rate: Option<f64>| -> Result<Value> {
        let mut arguments = arguments("get", port, READERS, rate, bench.options.seconds);
        arguments.extend(["--server-pid".to_owned(), pid.to_string()]);
        bench.generator(&arguments, Duration::from_secs_f64(bench.options.seconds + 120.0))
    };
    // All at the rate that the slowest can give.
    let mut least = f64::INFINITY;
    for (_, port, pid) in &follower_ports {
        least = least.min(number(&one(*port, *pid, None), "/requests_per_second")?);
    }
    let rate = Some(0.8 * least);
    let cpu = |report: Result<Value>| number(&report, "/server_cpu_us_per_request");
    for run in 1..=bench.options.runs {
        say(&format!("reads on a follower and alone, run {run}"));
        for (who, port, pid) in &follower_ports {
            of(&mut member, *who).push(cpu(one(*port, *pid, rate))?);
        }
        single.ours.push(cpu(one(alone.port, alone.pid(), rate))?);
    }
    let limit = 1.1 * median(&single.ours);
    Ok(vec![
        Row::plain("get 8 x 32 on a keeper that stands alone, CPU", "us", single),
        Row::plain("get 8 x 32 on a follower, CPU", "us", member).at_most(limit, " (alone and a tenth)"),
    ])
}

/// The disk below the members' folders.
fn disk_arguments(bench: &Bench) -> Vec<String> {
    let (dir, seconds) = (bench.dir.display().to_string(), bench.options.seconds.to_string());
    ["disk".to_owned(), "--dir".to_owned(), dir, "--duration".to_owned(), seconds].to_vec()
}

fn arguments(operation: &str, port: u16, connections: usize, rate: Option<f64>, seconds: f64) -> Vec<String> {
    let fixed = ["zookeeper", "--operation", operation, "--size", "100", "--warm-up", "0"].map(str::to_owned);
    let mut arguments = fixed.to_vec();
    let mut flag = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    flag("--server", format!("127.0.0.1:{port}"));
    flag("--connections", connections.to_string());
    flag("--outstanding", OUTSTANDING.to_string());
    flag("--duration", seconds.to_string());
    if let Some(rate) = rate {
        flag("--rate", rate.to_string());
        flag("--burst", OUTSTANDING.to_string());
    }
    arguments
}

fn number(report: &Result<Value>, pointer: &str) -> Result<f64> {
    let report = report.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    report.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("the report has no {pointer}"))
}
