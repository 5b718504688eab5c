//! The four pairs: our broker or Apache's, on our keeper or Apache's. The seam between them is ZooKeeper's protocol and
//! Kafka's own znodes, so every pair must show a user the same.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::servers::{Make, Ports, start_broker, start_keeper, stop_cleanly};
use super::{java, kcat, unique};
use crate::probe;
use crate::process::wait_for;

const DEADLINE: Duration = Duration::from_secs(60);

/// A broker on a keeper.
pub struct Pair {
    /// `cargo xtask conformance NAME` runs it alone.
    pub name: &'static str,
    keeper: Make,
    broker: Make,
}

/// All four. Started two at a time: one pair's servers wait while the other's tools start.
pub const PAIRS: [Pair; 4] = [
    Pair { name: "apache-on-ours", keeper: Make::Ours, broker: Make::Apache },
    Pair { name: "ours-on-ours", keeper: Make::Ours, broker: Make::Ours },
    Pair { name: "ours-on-apache", keeper: Make::Apache, broker: Make::Ours },
    Pair { name: "apache-on-apache", keeper: Make::Apache, broker: Make::Apache },
];

impl Pair {
    /// Runs the pair's story with its files below `dir`.
    pub fn run(&self, dir: &Path) -> Result<String> {
        story(self.keeper, self.broker, &dir.join(self.name))?;
        let done = "console, topics, the keeper lost and back under the broker, kcat";
        Ok(format!("  ok     {} broker on {} keeper: {done}\n", self.broker, self.keeper))
    }
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

    // Ours is killed as by a crash: the broker's session and every acknowledged znode must come back from the log.
    match keeper_make {
        Make::Ours => keeper.kill(),
        Make::Apache => stop_cleanly(keeper).context("stop the keeper")?,
    }
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
