//! Apache Kafka on an ensemble: two brokers keep taking and giving records while the keepers' leader is killed, and
//! while one keeper after another becomes one of Apache's and ours again.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::load::Load;
use crate::apache::{self, KafkaOptions};
use crate::conformance::servers::stop_cleanly;
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::probe;
use crate::process::{Server, run_ok};

/// Three keepers of ours.
pub fn run(dir: &Path) -> Result<String> {
    story(dir, Who::Ours, APACHE)
}

/// Three of Apache's that become Apache's: this proves the suite.
pub fn run_apache(dir: &Path) -> Result<String> {
    story(dir, APACHE, APACHE)
}

fn story(dir: &Path, keepers: Who, others: Who) -> Result<String> {
    let mut ensemble = Ensemble::new(dir, &[keepers; 3], Options::default())?;
    ensemble.start_settled()?;
    let brokers = [Broker::start(dir, 1, &ensemble.hosts())?, Broker::start(dir, 2, &ensemble.hosts())?];
    let mut load = Load::kafka(&brokers.each_ref().map(Broker::address).join(","), dir)?;
    let tails = |ensemble: &Ensemble| {
        let brokers: Vec<String> = brokers.iter().map(Broker::log_tail).collect();
        format!("{}\n{}", ensemble.log_tails(), brokers.join("\n"))
    };
    let mut text = String::new();
    for how in ["killed", "stopped"] {
        let leader = ensemble.wait_settled()?;
        if how == "killed" {
            ensemble.kill(leader)?
        } else {
            ensemble.stop(leader)?
        }
        load.check().with_context(|| format!("while the leader {leader} is {how}\n{}", tails(&ensemble)))?;
        ensemble.start(leader)?;
        ensemble.wait_settled()?;
        let said = load.check().with_context(|| format!("after {leader} came back\n{}", tails(&ensemble)))?;
        text += &format!("  ok     the leading keeper {how} and started again; {said}\n");
    }
    for to in [others, keepers] {
        for id in ensemble.ids() {
            ensemble.stop(id)?;
            ensemble.replace(id, to)?;
            ensemble.start(id)?;
            ensemble.wait_settled()?;
            load.check().with_context(|| format!("after keeper {id} became {to}\n{}", tails(&ensemble)))?;
        }
        text += &format!("  ok     every keeper in turn to {to}\n");
    }
    text += &format!("  ok     {}\n", load.end().with_context(|| tails(&ensemble))?);
    for broker in brokers {
        broker.stop()?;
    }
    let nodes = ensemble.equal_trees()?;
    ensemble.end()?;
    Ok(format!("{text}  ok     {nodes} znodes, the same on every keeper\n"))
}

/// One of Apache's brokers: its folder stays, its configuration changes.
pub struct Broker {
    id: i32,
    port: u16,
    zookeeper: String,
    dir: PathBuf,
    server: Option<Server>,
}

impl Broker {
    /// Starts one on these keepers.
    pub fn start(dir: &Path, id: i32, zookeeper: &str) -> Result<Self> {
        let (port, dir) = (probe::free_port()?, dir.join(format!("broker-{id}")));
        let mut broker = Self { id, port, zookeeper: format!("{zookeeper}/kafka"), dir, server: None };
        broker.start_with("")?;
        Ok(broker)
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        self.server.as_ref().map(Server::log_tail).unwrap_or_default()
    }

    /// Stops it in the orderly way.
    pub fn stop(mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), stop_cleanly)
    }

    /// Stops it and starts it with more lines in its configuration.
    pub fn restart(&mut self, lines: &str) -> Result<()> {
        self.server.take().map_or(Ok(()), stop_cleanly)?;
        self.start_with(lines)
    }

    /// Stops it and starts it as a broker that knows no ZooKeeper.
    pub fn become_kraft(&mut self, lines: &str) -> Result<()> {
        self.server.take().map_or(Ok(()), stop_cleanly)?;
        let config = self.config(lines)?;
        let text = std::fs::read_to_string(&config).with_context(|| format!("read {}", config.display()))?;
        let kept = text.lines().filter(|line| !line.starts_with("zookeeper.") && !line.starts_with("broker.id="));
        let text: String = kept.map(|line| format!("{line}\n")).collect();
        std::fs::write(&config, format!("process.roles=broker\nnode.id={}\n{text}", self.id))
            .with_context(|| format!("write {}", config.display()))?;
        self.start_from(&config)
    }

    /// Creates a topic on both brokers with Apache's tool.
    pub fn create_topic(&self, topic: &str) -> Result<()> {
        let mut tool = apache::java("kafka", 128, "org.apache.kafka.tools.TopicCommand")?;
        tool.args(["--bootstrap-server", &self.address(), "--create", "--topic", topic, "--replication-factor", "2"]);
        run_ok(tool, "", DEADLINE).map(|_| ())
    }

    fn start_with(&mut self, lines: &str) -> Result<()> {
        let config = self.config(lines)?;
        self.start_from(&config)
    }

    fn start_from(&mut self, config: &Path) -> Result<()> {
        let server = apache::spawn_kafka(config, &self.dir.join("server.log"))?;
        let server = self.server.insert(server);
        server.wait_ready(DEADLINE, || probe::kafka_ready(self.port, 1))
    }

    fn config(&self, lines: &str) -> Result<PathBuf> {
        let options = KafkaOptions {
            broker_id: self.id,
            port: self.port,
            advertised_port: self.port,
            zookeeper: self.zookeeper.clone(),
            extra: format!("zookeeper.session.timeout.ms=18000\noffsets.topic.replication.factor=2\n{lines}"),
        };
        apache::server_properties(&self.dir, &options)
    }
}
