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
    keeper: Option<Server>,
}

impl Running {
    /// The measured process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Resident memory of the server and of the keeper below it, bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let keeper = self.keeper.as_ref().map_or(Ok(0), |keeper| resident_bytes(keeper.id()))?;
        Ok(resident_bytes(self.pid())? + keeper)
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
        Ok(Self { name: name.to_owned(), port, started_in, idle_resident_bytes, server, keeper })
    }
}

/// Resident memory of a process, bytes.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("look at the server's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
    let kib: u64 = line.split_whitespace().next().context("an empty VmRSS")?.parse().context("read VmRSS")?;
    Ok(kib * 1024)
}

/// Ours, one role per process as Apache's are. `extra` are lines for a keeper's `zoo.cfg` or a broker's
/// `server.properties`.
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
            let keeper = start_ours(Kind::ZooKeeper, binary, &dir.join("keeper"), "")?;
            let command = our_broker(binary, dir, port, keeper.port, extra)?;
            Running::start("castlekeep kafka", port, command, dir, kind, Some(keeper.server))
        }
    }
}

/// Both of our roles in one process, as a user starts them; measured as a broker.
pub fn start_all_in_one(binary: &Path, dir: &Path) -> Result<Running> {
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let port = probe::free_port()?;
    let mut command = pinned(binary);
    command.args(["start", "--listen", "127.0.0.1", "--data-dir"]).arg(dir.join("data"));
    command.args(["--kafka-port", &port.to_string(), "--zookeeper-port", "0", "--http-port", "0"]);
    Running::start("castlekeep start", port, command, dir, Kind::Kafka, None)
}

/// Apache's, with the flags of its own launch scripts. `extra` as for [`start_ours`].
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
            let keeper = start_apache(Kind::ZooKeeper, &dir.join("keeper"), "")?;
            let command = apache_broker(dir, port, keeper.port, extra)?;
            Running::start("Apache Kafka", port, command, dir, kind, Some(keeper.server))
        }
    }
}

/// The command of our broker alone, its configuration written.
pub fn our_broker(binary: &Path, dir: &Path, port: u16, keeper_port: u16, extra: &str) -> Result<Command> {
    let config = apache::server_properties(dir, &kafka_options(port, keeper_port, extra))?;
    let mut command = pinned(binary);
    command.arg("kafka").arg(config);
    Ok(command)
}

/// The same of Apache's.
pub fn apache_broker(dir: &Path, port: u16, keeper_port: u16, extra: &str) -> Result<Command> {
    let config = apache::server_properties(dir, &kafka_options(port, keeper_port, extra))?;
    let mut command = pinned(Path::new("java"));
    command.args(["-Xmx1g", "-Xms1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]);
    command.args(["-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true"]);
    command.arg("-cp").arg(apache::class_path("kafka")?).arg("kafka.Kafka").arg(config);
    Ok(command)
}

fn kafka_options(port: u16, keeper_port: u16, extra: &str) -> apache::KafkaOptions {
    apache::KafkaOptions {
        broker_id: 0,
        port,
        advertised_port: port,
        zookeeper: format!("127.0.0.1:{keeper_port}"),
        // A run writes gigabytes, and its topic is deleted behind it: the disk must have them back before the next one.
        extra: format!("log.segment.delete.delay.ms=1000\n{extra}"),
    }
}

/// A command on the servers' core, with as many open files as it may have: a partition has several.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0", "sh", "-c", "ulimit -n 200000 2>/dev/null; exec \"$@\"", "sh"]).arg(program);
    command
}
