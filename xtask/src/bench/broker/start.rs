//! Thousands of partitions, kill -9, and the time to an acknowledged produce.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Bench;
use crate::bench::keeper::Both;
use crate::bench::keeper::row::Row;
use crate::bench::say;
use crate::bench::servers::{self, Kind};
use crate::probe;
use crate::process::{Server, run};

const DEADLINE: Duration = Duration::from_secs(300);
const TOPIC: &str = "many";
/// Partitions that hold something.
const WRITTEN: &str = "500";

/// The row.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let dir = bench.dir.join("start");
    let mut seen = Both::default();
    let keeper = servers::start_ours(Kind::ZooKeeper, &bench.binary, &dir.join("our-keeper"), "")?;
    let ours = |port| servers::our_broker(&bench.binary, &dir.join("ours"), port, keeper.port, "");
    seen.ours = again(bench, "castlekeep kafka", &dir.join("ours"), bench.options.runs, &ours)?;
    let keeper = servers::start_apache(Kind::ZooKeeper, &dir.join("apache-keeper"), "")?;
    let apache = |port| servers::apache_broker(&dir.join("apache"), port, keeper.port, "");
    seen.apache = again(bench, "Apache Kafka", &dir.join("apache"), 1, &apache)?;
    let what = format!("from kill -9 to an acknowledged produce, {} partitions", bench.options.partitions);
    Ok(vec![Row::plain(what, "ms", seen).at_most(2000.0, "")])
}

/// Fills a broker and kills it so often; milliseconds of each start.
fn again(
    bench: &Bench,
    name: &str,
    dir: &Path,
    runs: usize,
    command: &dyn Fn(u16) -> Result<Command>,
) -> Result<Vec<f64>> {
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let port = probe::free_port()?;
    let log = dir.join("server.log");
    let mut server = Server::spawn(name, command(port)?, &log)?;
    server.wait_ready(DEADLINE, || probe::kafka_ready(port, 1))?;
    say(&format!("{name}: making {} partitions", bench.options.partitions));
    let (broker, partitions) = (format!("127.0.0.1:{port}"), bench.options.partitions.to_string());
    let mut fill = vec!["kafka", "--broker", &broker, "--topic", TOPIC, "--partitions", &partitions, "--keep"];
    fill.extend(["--connections", WRITTEN, "--count", WRITTEN, "--warm-up", "0", "--duration", "60"]);
    bench.generator(&fill, 300.0)?;
    let mut took = Vec::new();
    for run in 1..=runs {
        say(&format!("{name}: kill -9, run {run} of {runs}"));
        server.kill();
        let started = Instant::now();
        server = Server::spawn(name, command(port)?, &log)?;
        while !produced(port, &broker) {
            ensure!(started.elapsed() < DEADLINE, "no acknowledged produce in {DEADLINE:?}:\n{}", server.log_tail());
            // Apache's ends when its former ZooKeeper session still lives; whoever looks after it starts it again.
            if !server.is_running() {
                server = Server::spawn(name, command(port)?, &log)?;
            }
        }
        took.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}

/// Whether a produce is acknowledged, to a topic that is there.
fn produced(port: u16, broker: &str) -> bool {
    // A client that comes too early would make the topic anew.
    if !probe::kafka_ready(port, 1) {
        return false;
    }
    let mut command = Command::new("kcat");
    command.args(["-P", "-b", broker, "-t", TOPIC, "-p", "0", "-X", "acks=all"]);
    command.args(["-X", "allow.auto.create.topics=false", "-X", "message.timeout.ms=300"]);
    run(command, "x\n", Duration::from_secs(5)).is_ok_and(|finished| finished.success)
}
