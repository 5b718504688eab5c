//! The servers of a conformance run: a keeper and a broker, each ours or Apache's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::apache::{self, KafkaOptions, ZooKeeperOptions};
use crate::process::Server;
use crate::{probe, repo};

const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// Whose server it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Make {
    /// `castlekeep`, the release build.
    Ours,
    /// Apache's, from Maven Central.
    Apache,
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Make::Ours => "our",
            Make::Apache => "Apache's",
        })
    }
}

/// Addresses that a suite talks to.
#[derive(Clone, Copy)]
pub struct Ports {
    /// The ZooKeeper port on 127.0.0.1.
    pub zookeeper: u16,
    /// The Kafka port on 127.0.0.1.
    pub kafka: u16,
}

impl Ports {
    /// `host:port` of the keeper.
    pub fn zookeeper_address(&self) -> String {
        format!("127.0.0.1:{}", self.zookeeper)
    }

    /// `host:port` of the broker.
    pub fn kafka_address(&self) -> String {
        format!("127.0.0.1:{}", self.kafka)
    }
}

/// Both roles running: ours as the embedded process a user starts, Apache's as two JVMs.
pub struct Both {
    /// Where they listen.
    pub ports: Ports,
    servers: Vec<Server>,
}

impl Both {
    /// Starts both roles with their files below `dir`.
    pub fn start(make: Make, dir: &Path) -> Result<Both> {
        let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
        let servers = match make {
            Make::Ours => vec![start_embedded(dir, ports)?],
            Make::Apache => {
                let keeper = start_keeper(Make::Apache, &dir.join("zookeeper"), ports.zookeeper)?;
                vec![start_broker(Make::Apache, &dir.join("kafka"), ports)?, keeper]
            }
        };
        Ok(Both { ports, servers })
    }

    /// What the servers last wrote, for the report of a failure.
    pub fn log_tails(&self) -> String {
        self.servers.iter().map(Server::log_tail).collect::<Vec<_>>().join("\n")
    }

    /// Stops them in the order a broker needs, and looks that each ends well.
    pub fn stop(self) -> Result<()> {
        for server in self.servers {
            stop_cleanly(server)?;
        }
        Ok(())
    }
}

/// SIGTERM, then exit code 0; a JVM answers SIGTERM with 143.
pub fn stop_cleanly(server: Server) -> Result<()> {
    let tail = server.log_tail();
    let status = server.stop(STOP_DEADLINE)?;
    if !status.success() && status.code() != Some(143) {
        bail!("a server ended with {status} after SIGTERM; its log ended:\n{tail}");
    }
    Ok(())
}

/// The release build of `castlekeep`, which `cargo xtask test` makes first.
pub fn castlekeep() -> Result<PathBuf> {
    let binary = repo::release_folder()?.join("castlekeep");
    if !binary.exists() {
        bail!("no release build of castlekeep; run `cargo build --release`");
    }
    Ok(binary)
}

fn start_embedded(dir: &Path, ports: Ports) -> Result<Server> {
    let mut server = spawn_embedded(dir, ports)?;
    server
        .wait_ready(START_DEADLINE, || probe::zookeeper_ready(ports.zookeeper) && probe::kafka_ready(ports.kafka, 1))?;
    Ok(server)
}

/// Starts `castlekeep start` without waiting for it.
pub fn spawn_embedded(dir: &Path, ports: Ports) -> Result<Server> {
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let mut command = Command::new(castlekeep()?);
    command.args(["start", "--listen", "127.0.0.1", "--data-dir"]).arg(dir.join("data"));
    command.args(["--zookeeper-port", &ports.zookeeper.to_string(), "--kafka-port", &ports.kafka.to_string()]);
    command.args(["--http-port", &probe::free_port()?.to_string()]);
    let mut server = Server::spawn("castlekeep start", command, &dir.join("server.log"))?;
    server
        .wait_ready(START_DEADLINE, || probe::zookeeper_ready(ports.zookeeper) && probe::kafka_ready(ports.kafka, 1))?;
    Ok(server)
}

/// Starts a keeper alone, from a `zoo.cfg`, with its files in `dir`.
pub fn start_keeper(make: Make, dir: &Path, port: u16) -> Result<Server> {
    start_keeper_with(make, dir, port, "", &[])
}

/// As [`start_keeper`] with more lines for `zoo.cfg` and Java system properties (`name=value`).
pub fn start_keeper_with(make: Make, dir: &Path, port: u16, lines: &str, properties: &[&str]) -> Result<Server> {
    let command = keeper_command(make, dir, port, lines, properties)?;
    let mut server = Server::spawn(&format!("{make} keeper"), command, &dir.join("server.log"))?;
    server.wait_ready(START_DEADLINE, || probe::zookeeper_ready(port))?;
    Ok(server)
}

/// The command that [`start_keeper_with`] starts. Ours takes Java's properties from the variable that Apache's launch
/// script reads.
pub fn keeper_command(make: Make, dir: &Path, port: u16, lines: &str, properties: &[&str]) -> Result<Command> {
    let options = ZooKeeperOptions { port, extra: lines.to_owned() };
    let properties: Vec<String> = properties.iter().map(|property| format!("-D{property}")).collect();
    if make == Make::Apache {
        return apache::zookeeper_command(dir, &options, &properties);
    }
    let mut command = Command::new(castlekeep()?);
    command.arg("zookeeper").arg(apache::zoo_cfg(dir, &options)?);
    command.env("SERVER_JVMFLAGS", properties.join(" "));
    Ok(command)
}

/// Starts a broker alone, from a `server.properties`, with its files in `dir`.
pub fn start_broker(make: Make, dir: &Path, ports: Ports) -> Result<Server> {
    start_broker_with(make, dir, ports, "")
}

/// As [`start_broker`] with more lines for `server.properties`.
pub fn start_broker_with(make: Make, dir: &Path, ports: Ports, lines: &str) -> Result<Server> {
    let options = KafkaOptions {
        broker_id: 0,
        port: ports.kafka,
        advertised_port: ports.kafka,
        zookeeper: ports.zookeeper_address(),
        extra: lines.to_owned(),
    };
    if make == Make::Apache {
        return apache::start_kafka(dir, &options);
    }
    let mut command = Command::new(castlekeep()?);
    command.arg("kafka").arg(apache::server_properties(dir, &options)?);
    let mut server = Server::spawn("castlekeep kafka", command, &dir.join("server.log"))?;
    server.wait_ready(START_DEADLINE, || probe::kafka_ready(ports.kafka, 1))?;
    Ok(server)
}
