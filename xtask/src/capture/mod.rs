//! `cargo xtask capture`: real traffic between other people's clients and the Apache servers, and folders those servers
//! wrote, into `fixtures/`. Run by hand when an upstream version changes; the files are committed.

mod folders;
mod proxy;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::proxy::{Framing, Proxy};
use crate::apache::{self, KafkaOptions, ZooKeeperOptions};
use crate::process::{run_ok, wait_for};
use crate::{probe, provision, repo};

const SCRIPT: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(30);

/// Records everything into `fixtures/`; servers keep their files below `work`.
pub fn run(work: &Path) -> Result<()> {
    provision::all()?;
    if work.exists() {
        std::fs::remove_dir_all(work).with_context(|| format!("empty {}", work.display()))?;
    }
    std::fs::create_dir_all(work).with_context(|| format!("create {}", work.display()))?;
    let fixtures = repo::root()?.join("fixtures");
    for folder in ["zookeeper", "kafka"] {
        std::fs::create_dir_all(fixtures.join(folder)).context("create the fixtures' folders")?;
    }
    zookeeper_clients(work, &fixtures.join("zookeeper"))?;
    kafka_clients(work, &fixtures)?;
    kafka_pair(work, &fixtures.join("kafka"))?;
    zookeeper_ensemble(work, &fixtures.join("zookeeper"))
}

/// kazoo and the Java shell against one server; then the folder that the server wrote.
fn zookeeper_clients(work: &Path, fixtures: &Path) -> Result<()> {
    let dir = work.join("zookeeper");
    let port = probe::free_port()?;
    let server = apache::start_zookeeper(&dir, &ZooKeeperOptions { port, extra: String::new() })?;
    let proxy = Proxy::start(port, Framing::Length)?;
    python("kazoo_traffic.py", proxy.port)?;
    proxy.save(&fixtures.join("kazoo.cap"), "kazoo 2.11.0, Apache ZooKeeper 3.9.5")?;
    java_shell(proxy.port, JAVA_SHELL)?;
    proxy.save(&fixtures.join("java-shell.cap"), "the Java shell of 3.9.5, Apache ZooKeeper 3.9.5")?;
    server.stop(STOP)?;
    // A second start writes a second log and a snapshot.
    let server = apache::start_zookeeper(&dir, &ZooKeeperOptions { port, extra: String::new() })?;
    java_shell(port, "create /second-run x\nset /second-run yy\n")?;
    server.stop(STOP)?;
    folders::copy(&dir.join("data/version-2"), &fixtures.join("data-3.9.5/version-2"))
}

/// Every opcode that kazoo lacks: containers, TTL, persistent watches, quotas, counts.
const JAVA_SHELL: &str = "create /shell a\ncreate -s /shell/seq- b\ncreate -e /shell/eph c\ncreate -c /shell/container\n\
    create -t 600000 /shell/ttl d\ncreate -s -t 600000 /shell/ttl-seq- e\nls -R /shell\nls -s -w /shell\nget -s -w /shell\n\
    stat -w /shell/absent\nset -s /shell aa\nset -v 7 /shell no\nconfig\nwhoami\nversion\nsync /shell\n\
    getEphemerals /shell\ngetAllChildrenNumber /\nsetquota -n 10 -B 1000 /shell\nlistquota /shell\ndelquota /shell\n\
    addWatch -m PERSISTENT_RECURSIVE /shell\naddWatch -m PERSISTENT /shell/container\ncreate /shell/watched x\n\
    delete /shell/watched\nremovewatches /shell\naddauth digest user:secret\ngetAcl -s /shell\n\
    setAcl -R /shell/container auth:user:secret:cdrwa\ngetAcl /shell/container\nreconfig -remove 3\ndeleteall /shell\n";

/// The three producers and consumers against one broker behind a proxy, the broker's own talk with ZooKeeper behind
/// another; then the folder that the broker wrote.
fn kafka_clients(work: &Path, fixtures: &Path) -> Result<()> {
    let keeper_port = probe::free_port()?;
    let options = ZooKeeperOptions { port: keeper_port, extra: String::new() };
    let keeper = apache::start_zookeeper(&work.join("kafka-zookeeper"), &options)?;
    let to_keeper = Proxy::start(keeper_port, Framing::Length)?;
    let dir = work.join("kafka");
    let port = probe::free_port()?;
    let proxy = Proxy::start(port, Framing::Length)?;
    let zookeeper = format!("127.0.0.1:{}", to_keeper.port);
    let extra = "log.segment.bytes=2000\nlog.index.interval.bytes=200\n".to_owned();
    let options = KafkaOptions { broker_id: 0, port, advertised_port: proxy.port, zookeeper, extra };
    let broker = apache::start_kafka(&dir, &options)?;
    python("kafka_python_traffic.py", proxy.port)?;
    // The controller's connections came first, so they are in here as well: what brokers say to each other.
    proxy.save(&fixtures.join("kafka/kafka-python.cap"), "kafka-python 3.0.12, Apache Kafka 3.9.2")?;
    python("confluent_traffic.py", proxy.port)?;
    proxy.save(&fixtures.join("kafka/confluent.cap"), "confluent-kafka 2.16.1, Apache Kafka 3.9.2")?;
    java_console(proxy.port, "java")?;
    proxy.save(&fixtures.join("kafka/java-tools.cap"), "Java tools of 3.9.2, Apache Kafka 3.9.2")?;
    // The broker comes back to its ZooKeeper session and sets its watches again.
    to_keeper.break_connections();
    java_console(proxy.port, "java-again")?;
    broker.stop(STOP)?;
    to_keeper.save(&fixtures.join("zookeeper/kafka-broker.cap"), "Apache Kafka 3.9.2, Apache ZooKeeper 3.9.5")?;
    keeper.stop(STOP)?;
    folders::copy(&dir.join("log"), &fixtures.join("kafka/log-3.9.2"))
}

fn java_console(port: u16, topic: &str) -> Result<()> {
    let server = format!("127.0.0.1:{port}");
    let tools = "org.apache.kafka.tools";
    let tool = |main: &str, args: &[&str], input: &str| {
        let mut java = apache::java("kafka", 128, main)?;
        java.args(["--bootstrap-server", &server]).args(args);
        run_ok(java, input, SCRIPT).map(|_| ())
    };
    let topics = format!("{tools}.TopicCommand");
    tool(&topics, &["--create", "--topic", topic, "--partitions", "2", "--config", "retention.ms=60000"], "")?;
    tool("kafka.tools.ConsoleProducer", &["--topic", topic, "--compression-codec", "lz4"], "one\ntwo\nthree\n")?;
    let consume = ["--topic", topic, "--from-beginning", "--max-messages", "3", "--group", "java-group"];
    tool(&format!("{tools}.consumer.ConsoleConsumer"), &consume, "")?;
    let group = format!("{tools}.consumer.group.ConsumerGroupCommand");
    tool(&group, &["--describe", "--group", "java-group"], "")?;
    tool(&group, &["--reset-offsets", "--to-earliest", "--execute", "--group", "java-group", "--topic", topic], "")?;
    tool(&topics, &["--describe", "--topic", topic], "")?;
    let config = ["--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", "retention.ms=1000"];
    tool("kafka.admin.ConfigCommand", &config, "")?;
    tool(&topics, &["--alter", "--topic", topic, "--partitions", "3"], "")?;
    tool(&topics, &["--delete", "--topic", topic], "")
}

/// Two brokers: replica fetches, LeaderAndIsr, UpdateMetadata, AlterPartition, a controlled shutdown.
fn kafka_pair(work: &Path, fixtures: &Path) -> Result<()> {
    let keeper_port = probe::free_port()?;
    let options = ZooKeeperOptions { port: keeper_port, extra: String::new() };
    let keeper = apache::start_zookeeper(&work.join("pair-zookeeper"), &options)?;
    let mut brokers = Vec::new();
    let mut proxies = Vec::new();
    for broker_id in 0..2 {
        let port = probe::free_port()?;
        let proxy = Proxy::start(port, Framing::Length)?;
        let zookeeper = format!("127.0.0.1:{keeper_port}");
        let extra = "replica.lag.time.max.ms=2000\nreplica.fetch.wait.max.ms=100\n".to_owned();
        let options = KafkaOptions { broker_id, port, advertised_port: proxy.port, zookeeper, extra };
        brokers.push(apache::start_kafka(&work.join(format!("pair-kafka-{broker_id}")), &options)?);
        proxies.push(proxy);
    }
    let server = format!("127.0.0.1:{}", proxies[0].port);
    let mut create = apache::java("kafka", 128, "org.apache.kafka.tools.TopicCommand")?;
    create.args(["--bootstrap-server", &server, "--create", "--topic", "two-copies", "--partitions", "2"]);
    create.args(["--replication-factor", "2"]);
    run_ok(create, "", SCRIPT)?;
    let mut produce = Command::new("kcat");
    produce.args(["-b", &server, "-P", "-t", "two-copies", "-X", "acks=all"]);
    run_ok(produce, "a\nb\nc\n", SCRIPT)?;
    brokers.pop().context("the second broker")?.stop(STOP)?;
    brokers.pop().context("the first broker")?.stop(STOP)?;
    for (number, proxy) in proxies.iter().enumerate() {
        let what = format!("two Apache Kafka 3.9.2 brokers, everything sent to broker {number}");
        proxy.save(&fixtures.join(format!("broker-pair-{number}.cap")), &what)?;
    }
    keeper.stop(STOP)?;
    Ok(())
}

/// Three servers that see each other through proxies: elections, DIFF and SNAP, proposals, a leader lost.
fn zookeeper_ensemble(work: &Path, fixtures: &Path) -> Result<()> {
    let mut members = Vec::new();
    for id in 1..=3_u16 {
        let (quorum, election) = (probe::free_port()?, probe::free_port()?);
        members.push(Member {
            id,
            client: probe::free_port()?,
            own: (quorum, election),
            quorum_proxy: Proxy::start(quorum, Framing::Raw)?,
            election_proxy: Proxy::start(election, Framing::Raw)?,
        });
    }
    let start = |member: &Member| {
        let dir = work.join(format!("ensemble-{}", member.id));
        std::fs::create_dir_all(dir.join("data")).context("create a member's folder")?;
        std::fs::write(dir.join("data/myid"), member.id.to_string()).context("write myid")?;
        apache::spawn_zookeeper(&dir, &ZooKeeperOptions { port: member.client, extra: member.lines(&members) })
    };
    let serving = |member: &Member| {
        let deadline = Duration::from_secs(30);
        let what = format!("server {} of the ensemble", member.id);
        wait_for(&what, deadline, || probe::zookeeper_ready(member.client).then_some(()))
    };
    // Two first, so that the third one joins late and is sent what it lacks.
    let mut servers = vec![start(&members[0])?, start(&members[1])?];
    serving(&members[0])?;
    java_shell(members[0].client, "create /before x\ncreate /before/child y\ncreate -e /before/eph z\n")?;
    servers.push(start(&members[2])?);
    serving(&members[2])?;
    java_shell(members[2].client, "create /after x\nset /after yy\nget /after\ndelete /after\nsync /before\n")?;
    // The leader of the first two has the higher id; its loss makes a second election.
    servers.remove(1).kill();
    serving(&members[0])?;
    java_shell(members[0].client, "create /new-leader x\n")?;
    for member in &members {
        let what = format!("what the learners and server {} of three said, Apache ZooKeeper 3.9.5", member.id);
        member.quorum_proxy.save(&fixtures.join(format!("quorum-{}.cap", member.id)), &what)?;
        let what = format!("connections to the election port of server {} of three", member.id);
        member.election_proxy.save(&fixtures.join(format!("election-{}.cap", member.id)), &what)?;
    }
    Ok(())
}

/// One member of the captured ensemble.
struct Member {
    id: u16,
    client: u16,
    own: (u16, u16),
    quorum_proxy: Proxy,
    election_proxy: Proxy,
}

impl Member {
    /// The `server.N` lines as this member sees them: itself at its own ports, the others behind their proxies.
    fn lines(&self, members: &[Member]) -> String {
        let line = |other: &Member| {
            let (quorum, election) =
                if other.id == self.id { other.own } else { (other.quorum_proxy.port, other.election_proxy.port) };
            format!("server.{}=127.0.0.1:{quorum}:{election}\n", other.id)
        };
        members.iter().map(line).collect()
    }
}

fn python(script: &str, port: u16) -> Result<()> {
    let mut python = Command::new(provision::python()?);
    python.arg(repo::root()?.join("xtask/capture").join(script)).arg(format!("127.0.0.1:{port}"));
    run_ok(python, "", SCRIPT).map(|_| ())
}

/// Feeds the Java shell. It goes on after refused commands, which are wanted here, so only its connecting is checked.
fn java_shell(port: u16, commands: &str) -> Result<()> {
    let mut java = apache::java("zookeeper", 128, "org.apache.zookeeper.ZooKeeperMain")?;
    java.args(["-server", &format!("127.0.0.1:{port}")]);
    let finished = crate::process::run(java, &format!("{commands}quit\n"), SCRIPT)?;
    ensure!(finished.text.contains("SyncConnected"), "the Java shell did not connect:\n{}", finished.text);
    Ok(())
}

/// Where the servers of a capture keep their files unless told otherwise.
pub fn default_work_folder() -> PathBuf {
    std::env::temp_dir().join("castlekeep-capture")
}
