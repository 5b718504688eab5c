//! Ours alone: how fast it is there, and how fast it is there again after kill -9.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::servers::{Ports, spawn_embedded};
use crate::probe;
use crate::process::{run, run_ok, wait_for};

const DEADLINE: Duration = Duration::from_secs(30);
const ROUNDS: usize = 5;

/// From exec to a ZooKeeper connect response and a Metadata reply with a live controller.
const READY_MAX: Duration = Duration::from_millis(200);

/// From exec after kill -9 to an acknowledged produce, the client's own start included.
const PRODUCE_MAX: Duration = Duration::from_secs(1);

/// Kills everything five times; each time a produce is acknowledged soon, and nothing acknowledged is missing.
///
/// Other programs may have the cores for a moment, so the best round is held against the limits.
pub fn run_rounds(dir: &Path) -> Result<String> {
    let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
    let started = Instant::now();
    let mut first_start = spawn_embedded(&dir.join("first"), ports)?;
    first_start
        .wait_ready(DEADLINE, || probe::zookeeper_ready(ports.zookeeper) && probe::kafka_ready(ports.kafka, 1))?;
    let mut ready = vec![started.elapsed()];
    first_start.kill();

    let mut acknowledged = Vec::new();
    let mut produced = Vec::new();
    for round in 0..ROUNDS {
        let started = Instant::now();
        let mut server = spawn_embedded(&dir.join("again"), ports)?;
        server
            .wait_ready(DEADLINE, || probe::zookeeper_ready(ports.zookeeper) && probe::kafka_ready(ports.kafka, 1))?;
        ready.push(started.elapsed());
        let line = format!("round {round}");
        wait_for("an acknowledged produce", DEADLINE, || {
            kcat(ports, &["-P", "-t", "restart", "-p", "0", "-X", "acks=all"], &format!("{line}\n")).ok()
        })
        .with_context(|| server.log_tail())?;
        produced.push(started.elapsed());
        acknowledged.push(line);
        let read = run_ok(command(ports, &["-C", "-t", "restart", "-o", "beginning", "-e", "-q"]), "", DEADLINE)?;
        let lines: Vec<&str> = read.stdout.lines().collect();
        ensure!(lines == acknowledged, "after {round} kills {lines:?} is there, not {acknowledged:?}");
        server.kill();
    }
    // The first round creates the topic; the others come back to it.
    let best_ready = ready.iter().min().expect("at least one start");
    let best_produced = produced[1..].iter().min().expect("more than one round");
    ensure!(*best_ready <= READY_MAX, "ready after {best_ready:?} at best, {READY_MAX:?} is promised: {ready:?}");
    ensure!(*best_produced <= PRODUCE_MAX, "a produce after {best_produced:?} at best: {produced:?}");
    Ok(format!("  ok     ready after {ready:.0?}\n  ok     produce after kill -9 and {produced:.0?}\n"))
}

fn kcat(ports: Ports, arguments: &[&str], input: &str) -> Result<()> {
    let finished = run(command(ports, arguments), input, DEADLINE)?;
    ensure!(finished.success, "{}", finished.text);
    Ok(())
}

fn command(ports: Ports, arguments: &[&str]) -> Command {
    let mut kcat = Command::new("kcat");
    kcat.args(["-b", &ports.kafka_address()]).args(arguments);
    kcat
}
