//! `cargo xtask bench keeper`: our keeper beside Apache's ZooKeeper in one run, each figure with its goal.
//!
//! Server on core 0, generator on core 1, runs alternating between the servers. CPU and latency are compared at the
//! same offered rate, 80 % of what the slower server reached, in bursts of as many requests as may be outstanding.
//! What no server can be better than is measured in the same run: an echo of the same frames, and the disk.

mod floor;
mod large;
mod many;
pub mod row;
mod steady;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use self::row::Table;
use super::servers::{self, Kind, Running};
use super::{say, wanted};

/// How long and how often to measure.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Seconds of each measured run
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Measured runs of each figure and server
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of load on a fresh server before anything is measured: a JVM needs them
    #[arg(long, default_value_t = 15.0)]
    warm_up: f64,
    /// Znodes of the large tree
    #[arg(long, default_value_t = 1_000_000)]
    znodes: u64,
    /// Short runs of everything, to see that it works
    #[arg(long)]
    quick: bool,
    /// Only these parts: steady, tmpfs, large, watches, stall, idle [default: all]
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

/// The generator is one address with more connections than an address may have by default.
const MANY_CLIENTS: &str = "maxClientCnxns=0\n";

type Bench = super::Bench<Options>;

/// One of the two servers, or both measurements of a figure.
#[derive(Clone, Debug, Default)]
pub struct Both {
    /// Ours, run by run.
    pub ours: Vec<f64>,
    /// Apache's.
    pub apache: Vec<f64>,
}

/// Measures everything and prints the table.
pub fn run(mut options: Options) -> Result<()> {
    if options.quick {
        (options.seconds, options.runs, options.warm_up) = (1.0, 1, 4.0);
        options.znodes = options.znodes.min(100_000);
    }
    Bench::print("keeper", "3.9.5", options, Bench::measure)
}

impl Bench {
    fn measure(&self, table: &mut Table) -> Result<()> {
        if self.wants("steady") {
            table.add(steady::on_disk(self)?);
        }
        if self.wants("tmpfs") {
            table.add(steady::on_tmpfs(self)?);
        }
        if self.wants("large") {
            table.add(large::measure(self)?);
        }
        if self.wants("watches") {
            table.add(many::watches(self)?);
        }
        if self.wants("stall") {
            table.add(many::stalls(self)?);
        }
        if self.wants("idle") {
            table.add(many::idle(self)?);
        }
        Ok(())
    }

    fn wants(&self, part: &str) -> bool {
        wanted(&self.options.only, part)
    }

    /// Both servers on fresh folders below `dir`.
    fn start(&self, dir: &Path, extra: &str) -> Result<[Running; 2]> {
        Ok([self.start_ours(&dir.join("ours"), extra)?, self.start_apache(&dir.join("apache"), extra)?])
    }

    fn start_ours(&self, dir: &Path, extra: &str) -> Result<Running> {
        servers::start_ours(Kind::ZooKeeper, &self.binary, dir, &format!("{MANY_CLIENTS}{extra}"))
    }

    fn start_apache(&self, dir: &Path, extra: &str) -> Result<Running> {
        servers::start_apache(Kind::ZooKeeper, dir, &format!("{MANY_CLIENTS}{extra}"))
    }

    /// Runs a verb of `castlekeep bench` on the generator's core and gives its report.
    fn generator(&self, arguments: &[&str], deadline: Duration) -> Result<Value> {
        let mut command = Command::new("taskset");
        command.args(["-c", "1"]).arg(&self.binary).arg("bench").args(arguments).args(["--format", "json"]);
        super::report(command, deadline)
    }
}

fn number(report: &Value, pointer: &str) -> Result<f64> {
    report.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("the report has no {pointer}"))
}
