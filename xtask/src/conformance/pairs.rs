//! The four pairs: our broker or Apache's, on our keeper or Apache's. The seam between them is ZooKeeper's protocol and
//! Kafka's own znodes, so every pair must show a user the same.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::servers::{Make, Ports, start_broker, start_keeper, stop_cleanly};
use super::{java, kcat, unique};
use crate::probe;
use crate::process::wait_for;

const DEADLINE: Duration = Duration::from_secs(60);

/// (keeper, broker)
const PAIRS: [(Make, Make); 4] =
    [(Make::Ours, Make::Ours), (Make::Apache, Make::Ours), (Make::Ours, Make::Apache), (Make::Apache, Make::Apache)];

/// Runs all four, two at a time.
pub fn run(dir: &Path) -> Result<String> {
    let mut text = String::new();
    for half in PAIRS.chunks(2) {
        let results: Vec<Result<String>> = std::thread::scope(|scope| {
            let start = |&(keeper, broker): &(Make, Make)| scope.spawn(move || one(keeper, broker, dir));
            let threads: Vec<_> = half.iter().map(start).collect();
            threads.into_iter().map(|thread| thread.join().expect("a pair's thread does not panic")).collect()
        });
        for result in results {
            text += &result?;
        }
    }
    Ok(text)
}

fn one(keeper: Make, broker: Make, dir: &Path) -> Result<String> {
    let started = Instant::now();
    let name = format!("{broker} broker on {keeper} keeper");
    let folder = dir.join(format!("{broker:?}-on-{keeper:?}").to_lowercase());
    story(keeper, broker, &folder).with_context(|| name.clone())?;
    Ok(format!("  ok     {name} ({:.1} s)\n", started.elapsed().as_secs_f64()))
}

/// What every pair goes through: produce and consume, topic administration, a keeper that is restarted.
fn story(keeper_make: Make, broker_make: Make, dir: &Path) -> Result<()> {
    let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
    let keeper_dir = dir.join("keeper");
    let keeper = start_keeper(keeper_make, &keeper_dir, ports.zookeeper)?;
    let mut broker = start_broker(broker_make, &dir.join("broker"), ports)?;
    let tell = |broker: &crate::process::Server| format!("the broker's log ends:\n{}", broker.log_tail());
    java::console(ports).with_context(|| tell(&broker))?;
    java::topics(ports).with_context(|| tell(&broker))?;
    let before = unique("before-restart");
    java::produce(ports, &before, &["kept", "by", "the", "broker"])?;

    stop_cleanly(keeper).context("stop the keeper")?;
    let keeper = start_keeper(keeper_make, &keeper_dir, ports.zookeeper).context("start the keeper again")?;
    // The broker finds the keeper again by itself. Creating a topic needs the whole way through the znodes.
    let after = unique("after-restart");
    let create = ["--create", "--topic", after.as_str(), "--partitions", "1", "--replication-factor", "1"];
    wait_for("a topic to be created after the keeper's restart", DEADLINE, || {
        java::topic_command(ports, &create).ok().map(|_| ())
    })
    .with_context(|| tell(&broker))?;
    ensure!(broker.is_running(), "the broker ended while its keeper was away: {}", tell(&broker));
    kcat::run(ports).with_context(|| tell(&broker))?;
    java::consume(ports, &before, &["kept", "by", "the", "broker"])?;
    stop_cleanly(broker).context("stop the broker")?;
    stop_cleanly(keeper).context("stop the keeper")
}
