//! `cargo xtask bench broker`: our broker beside Apache's in one run, each figure with its goal.
//!
//! Server on core 0, generator on core 1, runs alternating between the servers. CPU and latency are compared at the
//! same offered rate, 80 % of what the slower server reached. What no broker can be better than is measured in the same
//! run: plain loops over sockets and files (`castlekeep bench plain-log`).

mod cold;
mod latency;
mod memory;
mod plain;
mod start;
mod steady;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::keeper::row::Table;
use super::servers::{self, Kind, Running};
use super::wanted;

/// How long and how often to measure.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Seconds of each measured run
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Measured runs of each figure and server
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of load on a fresh server before anything is measured: a JVM needs them
    #[arg(long, default_value_t = 15.0)]
    warm_up: f64,
    /// Partitions of the broker that is killed and started again
    #[arg(long, default_value_t = 10_000)]
    partitions: usize,
    /// Short runs of everything, to see that it works
    #[arg(long)]
    quick: bool,
    /// Only these parts: produce, fetch, latency, cold, memory, start [default: all]
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

type Bench = super::Bench<Options>;

/// Measures everything and prints the table.
pub fn run(mut options: Options) -> Result<()> {
    if options.quick {
        (options.seconds, options.runs, options.warm_up) = (1.0, 1, 4.0);
        options.partitions = options.partitions.min(1000);
    }
    Bench::print("broker", "3.9.2", options, Bench::measure)
}

impl Bench {
    fn measure(&self, table: &mut Table) -> Result<()> {
        if ["produce", "fetch", "latency", "cold"].iter().any(|part| self.wants(part)) {
            let dir = self.dir.join("steady");
            let servers = self.start(&dir)?;
            steady::warm(self, &servers)?;
            if self.wants("produce") {
                table.add(steady::produce(self, &servers)?);
            }
            if self.wants("fetch") {
                table.add(steady::fetch(self, &servers)?);
            }
            if self.wants("latency") {
                table.add(latency::measure(self, &servers)?);
            }
            if self.wants("cold") {
                table.add(cold::measure(self, &servers, &dir)?);
            }
            drop(servers);
            // The next parts need the room.
            std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        if self.wants("memory") {
            table.add(memory::measure(self)?);
        }
        if self.wants("start") {
            table.add(start::measure(self)?);
        }
        Ok(())
    }

    fn wants(&self, part: &str) -> bool {
        wanted(&self.options.only, part)
    }

    /// Both servers, ours first, on fresh folders below `dir`.
    fn start(&self, dir: &Path) -> Result<[Running; 2]> {
        let ours = servers::start_ours(Kind::Kafka, &self.binary, &dir.join("ours"), "")?;
        Ok([ours, servers::start_apache(Kind::Kafka, &dir.join("apache"), "")?])
    }

    /// Runs a verb of `castlekeep bench` on the generator's core and gives its report.
    fn generator(&self, arguments: &[&str], seconds: f64) -> Result<Value> {
        let mut command = Command::new("taskset");
        command.args(["-c", "1"]).arg(&self.binary).arg("bench").args(arguments).args(["--format", "json"]);
        super::report(command, Duration::from_secs_f64(seconds + 300.0))
    }
}

fn number(report: &Value, pointer: &str) -> Result<f64> {
    report.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("the report has no {pointer}"))
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
