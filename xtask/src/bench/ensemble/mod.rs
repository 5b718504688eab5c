//! `cargo xtask bench ensemble`: three of our keepers beside three of Apache's, each figure with its goal.
//!
//! All members and the generators share the machine, the same way for both makes, and the makes take turns. A failover
//! is measured as a client sees it: from SIGKILL of the leader to the first acknowledged write of a session that was
//! there before.

mod failover;
mod load;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::keeper::Both;
use super::keeper::row::Table;
use super::{say, wanted};
use crate::ensemble::{APACHE, Ensemble, Jvm, Options as Setup, Who};
use crate::process;

const MEMBERS: usize = 3;
/// As Apache's sample configuration has them.
const SETTINGS: &str = "tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\n";

/// How long and how often to measure.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Leaders killed of each make
    #[arg(long, default_value_t = 50)]
    failovers: usize,
    /// Cold starts of each make
    #[arg(long, default_value_t = 5)]
    starts: usize,
    /// Seconds of each measured load
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Measured loads of each figure and make
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of load on fresh members before anything is measured: a JVM needs them
    #[arg(long, default_value_t = 15.0)]
    warm_up: f64,
    /// Short runs of everything, to see that it works
    #[arg(long)]
    quick: bool,
    /// Only these parts: start, failover, load [default: all]
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

type Bench = super::Bench<Options>;

/// Measures everything and prints the table.
pub fn run(mut options: Options) -> Result<()> {
    if options.quick {
        (options.failovers, options.starts, options.seconds) = (3, 1, 1.0);
        (options.runs, options.warm_up) = (1, 4.0);
    }
    Bench::print("ensemble", "3.9.5", options, Bench::measure)
}

impl Bench {
    fn measure(&self, table: &mut Table) -> Result<()> {
        let wants = |part: &str| wanted(&self.options.only, part);
        if wants("start") {
            table.add([failover::cold_starts(self)?]);
        }
        if wants("failover") {
            table.add(failover::failovers(self)?);
        }
        if wants("load") {
            table.add(load::measure(self)?);
        }
        Ok(())
    }

    /// Three members of a make on new folders; nobody runs yet.
    fn ensemble(&self, who: Who, name: &str) -> Result<Ensemble> {
        let dir = self.dir.join(name).join(who.to_string());
        Ensemble::new(&dir, &[who; MEMBERS], Setup { lines: SETTINGS, jvm: Jvm::AsShipped, ..Setup::default() })
    }

    /// Runs `castlekeep bench` and gives its report.
    fn generator(&self, arguments: &[String], deadline: Duration) -> Result<Value> {
        let mut command = std::process::Command::new(&self.binary);
        command.arg("bench").args(arguments).args(["--format", "json"]);
        super::report(command, deadline)
    }
}

/// Both makes, Apache's first.
const MAKES: [Who; 2] = [APACHE, Who::Ours];

fn of(both: &mut Both, who: Who) -> &mut Vec<f64> {
    if who == Who::Ours { &mut both.ours } else { &mut both.apache }
}

fn worst(both: &Both) -> Both {
    let most = |all: &[f64]| all.iter().copied().reduce(f64::max).into_iter().collect();
    Both { ours: most(&both.ours), apache: most(&both.apache) }
}

/// Processor time that a process has used so far, seconds.
fn cpu_seconds(pid: u32, ticks_per_second: f64) -> Result<f64> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    // The name in parentheses may hold blanks; user and system time are the 14th and 15th fields.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("read a stat file");
    Ok((field(11)? + field(12)?) / ticks_per_second)
}

fn ticks_per_second() -> Result<f64> {
    let mut getconf = std::process::Command::new("getconf");
    getconf.arg("CLK_TCK");
    let said = process::run_ok(getconf, "", Duration::from_secs(10))?.stdout;
    let ticks: f64 = said.trim().parse().with_context(|| format!("read CLK_TCK from {said:?}"))?;
    ensure!(ticks > 0.0, "CLK_TCK is {ticks}");
    Ok(ticks)
}

/// A folder of a bench that ran is of no use to the next one.
fn forget(dir: &Path) {
    // Only disk space is at stake.
    let _ = std::fs::remove_dir_all(dir);
}
