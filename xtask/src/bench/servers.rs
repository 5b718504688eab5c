//! The servers under measurement, each pinned to the first core.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::Server;
use crate::{apache, probe};

const START_DEADLINE: Duration = Duration::from_secs(60);

/// Which protocol is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keeper.
    ZooKeeper,
    /// A broker on its own kind's keeper.
    Kafka,
}

impl Kind {
    /// For headings.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZooKeeper => "zookeeper",
            Self::Kafka => "kafka",
        }
    }
}

/// A server that answers, and what it took to get there.
pub struct Running {
    /// For messages.
    pub name: String,
    /// Where it listens.
    pub port: u16,
    /// From exec to the first answer.
    pub started_in: Duration,
    /// Resident memory right after the start, bytes.
    pub idle_resident_bytes: u64,
    server: Server,
    /// The keeper below a broker; ends after it.
    _keeper: Option<Server>,
}

impl Running {
    /// The measured process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Stops it cleanly.
    pub fn stop(self, deadline: Duration) -> Result<()> {
        self.server.stop(deadline).map(|_| ())
    }

    fn start(name: &str, port: u16, command: Command, dir: &Path, kind: Kind, keeper: Option<Server>) -> Result<Self> {
        let started = Instant::now();
        let mut server = Server::spawn(name, command, &dir.join("server.log"))?;
        match kind {
            Kind::ZooKeeper => server.wait_ready(START_DEADLINE, || probe::zookeeper_ready(port))?,
            Kind::Kafka => server.wait_ready(START_DEADLINE, || probe::kafka_ready(port, 1))?,
        }
        let started_in = started.elapsed();
        let idle_resident_bytes = resident_bytes(server.id())?;
        Ok(Self { name: name.to_owned(), port, started_in, idle_resident_bytes, server, _keeper: keeper })
    }
}

/// Resident memory of a process, bytes.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("look at the server's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
    let kib: u64 = line.split_whitespace().next().context("an empty VmRSS")?.parse().context("read VmRSS")?;
    Ok(kib * 1024)
}

/// Ours, one role per process as Apache's are. `extra` are lines for a keeper's `zoo.cfg`.
pub fn start_ours(kind: Kind, binary: &Path, dir: &Path, extra: &str) -> Result<Running> {
    let port = probe::free_port()?;
    match kind {
        Kind::ZooKeeper => {
            let config = apache::zoo_cfg(dir, &apache::ZooKeeperOptions { port, extra: extra.to_owned() })?;
            let mut command = pinned(binary);
            command.arg("zookeeper").arg(config);
            Running::start("castlekeep zookeeper", port, command, dir, kind, None)
        }
        Kind::Kafka => {
            let keeper_dir = dir.join("keeper");
            let keeper = start_ours(Kind::ZooKeeper, binary, &keeper_dir, "")?;
            let config = apache::server_properties(dir, &kafka_options(port, keeper.port))?;
            let mut command = pinned(binary);
            command.arg("kafka").arg(config);
            Running::start("castlekeep kafka", port, command, dir, kind, Some(keeper.server))
        }
    }
}

/// Apache's, with the flags of its own launch scripts. `extra` are lines for `zoo.cfg`.
pub fn start_apache(kind: Kind, dir: &Path, extra: &str) -> Result<Running> {
    let port = probe::free_port()?;
    match kind {
        Kind::ZooKeeper => {
            let config = apache::zoo_cfg(dir, &apache::ZooKeeperOptions { port, extra: extra.to_owned() })?;
            let mut command = pinned(Path::new("java"));
            command.args(["-Xmx2g"]).arg("-cp").arg(apache::class_path("zookeeper")?);
            command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(config);
            Running::start("Apache ZooKeeper", port, command, dir, kind, None)
        }
        Kind::Kafka => {
            let keeper_dir = dir.join("keeper");
            let keeper = start_apache(Kind::ZooKeeper, &keeper_dir, "")?;
            let config = apache::server_properties(dir, &kafka_options(port, keeper.port))?;
            let mut command = pinned(Path::new("java"));
            command.args(["-Xmx1g", "-Xms1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]);
            command.args(["-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true"]);
            command.arg("-cp").arg(apache::class_path("kafka")?).arg("kafka.Kafka").arg(config);
            Running::start("Apache Kafka", port, command, dir, kind, Some(keeper.server))
        }
    }
}

fn kafka_options(port: u16, keeper_port: u16) -> apache::KafkaOptions {
    apache::KafkaOptions {
        broker_id: 0,
        port,
        advertised_port: port,
        zookeeper: format!("127.0.0.1:{keeper_port}"),
        // A run writes gigabytes, and its topic is deleted behind it: the disk must have them back before the next one.
        extra: "log.segment.delete.delay.ms=1000\n".to_owned(),
    }
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}
