//! `castlekeep bench`: a load generator for users. It speaks the raw protocols, so it measures any server, ours or
//! not; it charges the server for requests it kept waiting, and it can read the server's CPU time and memory.

mod alarm;
mod disk;
mod echo;
pub mod idle;
pub mod kafka;
mod load;
mod process;
mod report;
pub mod stall;
pub mod watches;
pub mod zookeeper;

use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use self::load::{Protocol, Shape};
use self::report::{Format, Report};

/// What to measure.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Reads, durable writes or creates against a ZooKeeper server
    Zookeeper(zookeeper::Args),
    /// Watches on many znodes over many connections, fired at once, against a ZooKeeper server
    Watches(watches::Args),
    /// How long others wait while a ZooKeeper server does something large
    Stall(stall::Args),
    /// Many ZooKeeper sessions that do nothing
    Idle(idle::Args),
    /// Produce or fetch against a Kafka broker
    Kafka(kafka::Args),
    /// From a Kafka producer to the consumers
    EndToEnd(kafka::end_to_end::Args),
    /// How many small appends a disk makes durable per second
    Disk(disk::Args),
    /// A server that only answers, for comparison
    #[command(hide = true)]
    Echo(echo::Args),
    /// A log that is no broker, for comparison
    #[command(hide = true)]
    PlainLog(kafka::plain::Args),
}

/// Runs `castlekeep bench`.
///
/// # Errors
/// When the server cannot be reached or refuses a request.
pub fn run_command(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Zookeeper(args) => zookeeper::main(args),
        Command::Kafka(args) => kafka::main(args),
        Command::Watches(args) => watches::main(args),
        Command::Stall(args) => stall::main(args),
        Command::Idle(args) => idle::main(args),
        Command::Disk(args) => disk::main(args),
        Command::Echo(args) => echo::main(args),
        Command::EndToEnd(args) => kafka::end_to_end::main(args),
        Command::PlainLog(args) => kafka::plain::main(args),
    }
}

/// Flags of every load.
#[derive(Args, Debug)]
pub struct Common {
    /// Connections
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub connections: usize,
    /// Requests in flight per connection at most
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub outstanding: usize,
    /// Requests per second over all connections; without it, as many as the server answers
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// Requests that are due together, with --rate: 1 spreads them evenly, N sends N at once
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub burst: usize,
    /// End after this many requests over all connections, if that comes before the time is over
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Seconds before measuring begins
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    pub warm_up: f64,
    /// Seconds to measure
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    pub duration: f64,
    /// Threads of the generator
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub threads: usize,
    /// Also report this process's CPU time and memory (the server, on this machine)
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl Common {
    fn shape(&self) -> Shape {
        Shape {
            outstanding: self.outstanding.max(1),
            rate: self.rate.map(|rate| rate / self.connections.max(1) as f64),
            burst: self.burst,
            count: self.count.map(|count| count.div_ceil(self.connections.max(1) as u64)),
            warm_up: Duration::from_secs_f64(self.warm_up.max(0.0)),
            duration: Duration::from_secs_f64(self.duration.max(0.1)),
        }
    }
}

fn runtime(common: &Common) -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(common.threads.max(1))
        .enable_all()
        .build()
        .context("cannot start the generator's threads")
}

/// Runs what needs one thread, to its end or up to a deadline.
fn within<T>(deadline: Duration, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async { tokio::time::timeout(deadline, work).await.context("no end in sight")? })
}

/// Drives all connections to the end and joins what they saw.
async fn run<P: Protocol>(
    workload: String,
    common: &Common,
    payload: bool,
    connections: Vec<(TcpStream, P)>,
) -> anyhow::Result<Report> {
    let shape = common.shape();
    let began = std::time::Instant::now();
    let progress = tokio::spawn(show_progress(shape));
    let gap = load::Gap::default();
    let mut tasks = JoinSet::new();
    for (stream, protocol) in connections {
        tasks.spawn(load::run(stream, protocol, shape, gap.clone()));
    }
    let mut samples = Vec::new();
    let cpu = match common.server_pid {
        None => None,
        Some(pid) => {
            tokio::time::sleep(shape.warm_up).await;
            let before = process::cpu_time(pid)?;
            let ends = tokio::time::Instant::now() + shape.duration;
            // The load may end earlier, by its count.
            while let Ok(Some(sample)) = tokio::time::timeout_at(ends, tasks.join_next()).await {
                samples.push(sample??);
            }
            Some(process::cpu_time(pid)?.saturating_sub(before))
        }
    };
    while let Some(sample) = tasks.join_next().await {
        samples.push(sample??);
    }
    progress.abort();
    let took = shape.duration.min(began.elapsed().saturating_sub(shape.warm_up));
    let mut report = Report::new(workload, shape.outstanding, took, payload, &samples)?;
    report.longest_gap_us = gap.longest().as_micros() as u64;
    if let (Some(cpu), Some(pid)) = (cpu, common.server_pid) {
        report.server_cpu_us_per_request = Some(cpu.as_secs_f64() * 1e6 / (report.requests.max(1) as f64));
        report.server_resident_bytes = Some(process::resident_bytes(pid)?);
    }
    Ok(report)
}

async fn show_progress(shape: Shape) {
    let total = shape.warm_up + shape.duration;
    let bar = ProgressBar::new(total.as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {elapsed} of {msg}") {
        bar.set_style(style);
    }
    bar.set_message(format!("{:.0} s", total.as_secs_f64()));
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..total.as_millis() / 100 {
        ticks.tick().await;
        bar.inc(100);
    }
    bar.finish_and_clear();
}
