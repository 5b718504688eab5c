//! `cargo xtask bench`: ours and Apache's side by side in one run, as ratios.
//!
//! Both servers get the same offered rate, 80 % of what the slower one reached, so that CPU and latency are compared at
//! equal work. Server and generator are pinned to different cores. Runs alternate between the two servers; median and
//! spread of the runs are printed.

mod broker;
mod ensemble;
mod keeper;
mod servers;
mod table;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::keeper::row::Table;
use self::servers::{Kind, Running};
use self::table::Comparison;
use crate::{process, provision, repo};

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

/// A part in depth.
#[derive(clap::Subcommand, Clone, Debug)]
enum Part {
    /// Everything that is wanted of the broker, each figure with its goal
    Broker(broker::Options),
    /// Three keepers: failover, restarts, writes and reads
    Ensemble(ensemble::Options),
    /// Everything that is wanted of the keeper, each figure with its goal
    Keeper(keeper::Options),
}

/// Measures what was asked for and prints it.
pub fn run_arguments(arguments: Arguments) -> Result<()> {
    match arguments.part {
        Some(Part::Broker(options)) => broker::run(options),
        Some(Part::Ensemble(options)) => ensemble::run(options),
        Some(Part::Keeper(options)) => keeper::run(options),
        None => run(&arguments.options),
    }
}

/// How long and how often to measure.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Seconds of each measured run
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Measured runs of each workload and server
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of load on a fresh server before anything is measured: a JVM needs them
    #[arg(long, default_value_t = 15.0)]
    warm_up: f64,
    /// Only workloads whose name contains this
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
}

/// One load, as flags of `castlekeep bench`.
struct Workload {
    name: &'static str,
    kind: Kind,
    flags: &'static [&'static str],
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "zookeeper get, 8 x 32",
        kind: Kind::ZooKeeper,
        flags: &["zookeeper", "--operation", "get", "--connections", "8", "--outstanding", "32"],
    },
    Workload {
        name: "zookeeper set, 8 x 32",
        kind: Kind::ZooKeeper,
        flags: &["zookeeper", "--operation", "set", "--connections", "8", "--outstanding", "32"],
    },
    Workload {
        name: "kafka produce 16 KiB, acks=all, 8 x 5",
        kind: Kind::Kafka,
        flags: &[
            "kafka",
            "--operation",
            "produce",
            "--batch-size",
            "16384",
            "--connections",
            "8",
            "--outstanding",
            "5",
        ],
    },
    Workload {
        name: "kafka fetch 64 KiB, 8 x 1",
        kind: Kind::Kafka,
        flags: &["kafka", "--operation", "fetch", "--batch-size", "65536", "--connections", "8", "--outstanding", "1"],
    },
];

/// Starts the servers, measures every workload and prints the table.
fn run(options: &Options) -> Result<()> {
    provision::programs()?;
    crate::apache::fetch()?;
    let binary = repo::binary()?;
    let wanted = |workload: &&Workload| options.only.as_ref().is_none_or(|word| workload.name.contains(word.as_str()));
    for kind in [Kind::ZooKeeper, Kind::Kafka] {
        let workloads: Vec<&Workload> = WORKLOADS.iter().filter(|w| w.kind == kind).filter(wanted).collect();
        if workloads.is_empty() {
            continue;
        }
        let dir = new_folder("roles")?;
        let ours = servers::start_ours(kind, &binary, &dir.join("ours"), "")?;
        let apache = servers::start_apache(kind, &dir.join("apache"), "")?;
        println!("{}", table::start_line(kind.name(), &ours, &apache));
        for workload in workloads {
            // At once: the runs are long, and a later one may fail.
            println!("{}", table::render(&[compare(workload, options, &binary, &ours, &apache)?]));
        }
        drop((ours, apache));
        // The folder is a bench's own; what is left of it is only disk space.
        let _ = std::fs::remove_dir_all(&dir);
    }
    Ok(())
}

fn new_folder(part: &str) -> Result<PathBuf> {
    let dir = std::env::temp_dir().join(format!("castlekeep-bench-{part}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}

/// What a bench in depth works with, and its parts share.
struct Bench<O> {
    options: O,
    binary: PathBuf,
    dir: PathBuf,
}

impl<O> Bench<O> {
    /// Measures in a folder of its own and prints the table. `beside` is Apache's release.
    fn print(
        part: &str,
        beside: &str,
        options: O,
        measure: impl FnOnce(&Self, &mut Table) -> Result<()>,
    ) -> Result<()> {
        provision::programs()?;
        crate::apache::fetch()?;
        warn_of_pacing();
        let bench = Self { options, binary: repo::binary()?, dir: new_folder(part)? };
        let measured = measure(&bench, &mut Table::begin(beside));
        // The folder is a bench's own; what is left of it is only disk space.
        let _ = std::fs::remove_dir_all(&bench.dir);
        measured
    }
}

/// BBR spreads what is sent over time, with a timer, where the queue of the network device does not; over loopback too.
/// That costs the sender more than the sending.
fn warn_of_pacing() {
    let path = "/proc/sys/net/ipv4/tcp_congestion_control";
    if std::fs::read_to_string(path).is_ok_and(|algorithm| algorithm.trim() == "bbr") {
        say(
            "TCP's congestion control is bbr here, which paces loopback: figures of large responses are those of its timer;",
        );
        say("`sysctl -w net.ipv4.tcp_congestion_control=cubic` gives what other machines have");
    }
}

/// Whether a part is among those that were asked for; without any, all are.
fn wanted(only: &[String], part: &str) -> bool {
    only.is_empty() || only.iter().any(|only| only == part)
}

/// A heading on the terminal: the runs are long.
fn say(what: &str) {
    eprintln!("{what}");
}

/// Runs the generator to its end and gives its report.
fn report(command: Command, deadline: Duration) -> Result<Value> {
    let finished = process::run_ok(command, "", deadline)?;
    serde_json::from_str(&finished.stdout).context("read the generator's report")
}

fn compare(
    workload: &Workload,
    options: &Options,
    binary: &std::path::Path,
    ours: &Running,
    apache: &Running,
) -> Result<Comparison> {
    let most = Duration::from_secs_f64(options.seconds.min(8.0));
    let warm = Duration::from_secs_f64(options.warm_up);
    println!("{}: warming up, finding the highest rate", workload.name);
    let short_warm = Duration::from_secs(2);
    let best_apache = load(workload, binary, apache, None, warm, most)?;
    let best_ours = load(workload, binary, ours, None, short_warm, most)?;
    let rate = 0.8 * number(&best_apache, "requests_per_second")?.min(number(&best_ours, "requests_per_second")?);
    let (mut runs_ours, mut runs_apache) = (Vec::new(), Vec::new());
    for run in 0..options.runs {
        println!("{}: run {} of {} at {rate:.0} requests/s", workload.name, run + 1, options.runs);
        let measured = Duration::from_secs_f64(options.seconds);
        runs_apache.push(load(workload, binary, apache, Some(rate), short_warm, measured)?);
        runs_ours.push(load(workload, binary, ours, Some(rate), short_warm, measured)?);
    }
    Ok(Comparison { name: workload.name, rate, best_ours, best_apache, runs_ours, runs_apache })
}

/// One run of the generator, on the core that the server does not have.
fn load(
    workload: &Workload,
    binary: &std::path::Path,
    server: &Running,
    rate: Option<f64>,
    warm_up: Duration,
    duration: Duration,
) -> Result<Value> {
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(binary).arg("bench").args(workload.flags);
    let target = match workload.kind {
        Kind::ZooKeeper => "--server",
        Kind::Kafka => "--broker",
    };
    command.args([target, &format!("127.0.0.1:{}", server.port)]);
    command.args(["--server-pid", &server.pid().to_string(), "--format", "json"]);
    command.args(["--warm-up", &warm_up.as_secs_f64().to_string()]);
    command.args(["--duration", &duration.as_secs_f64().to_string()]);
    if let Some(rate) = rate {
        command.args(["--rate", &rate.to_string()]);
    }
    let report = report(command, warm_up + duration + Duration::from_secs(120))?;
    ensure!(number(&report, "requests")? > 0.0, "{} answered no request", server.name);
    Ok(report)
}

fn number(report: &Value, field: &str) -> Result<f64> {
    report.get(field).and_then(Value::as_f64).with_context(|| format!("the generator's report has no {field}"))
}
