//! The Apache servers and tools: fetched from Maven Central at pinned versions, started beside ours. They are the
//! oracle: a conformance script counts only when it passes against them too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Server};
use crate::{probe, repo};

const START_DEADLINE: Duration = Duration::from_secs(60);
const FETCH_DEADLINE: Duration = Duration::from_secs(600);

/// The sets of jars, each one pinned by `xtask/apache/NAME.pom.xml`.
pub const SETS: [&str; 3] = ["zookeeper", "kafka", "curator"];

/// Fetches every set that is not in the cache yet, or whose pom has changed since.
pub fn fetch() -> Result<()> {
    let missing: Vec<&str> = SETS.into_iter().filter(|set| !is_fetched(set)).collect();
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = missing.iter().map(|set| scope.spawn(|| fetch_set(set))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a fetching thread does not panic")).collect()
    });
    results.into_iter().collect()
}

/// Fetches a set that only long suites need, unless it is there.
pub fn fetch_one(set: &str) -> Result<()> {
    if is_fetched(set) { Ok(()) } else { fetch_set(set) }
}

/// Whether the cache holds the set `name` as its pom asks for it.
pub fn is_fetched(name: &str) -> bool {
    let same = || -> Result<bool> {
        let pom = std::fs::read(pom(name)?)?;
        let stamp = std::fs::read(stamp(name)?)?;
        Ok(pom == stamp)
    };
    same().unwrap_or(false)
}

fn fetch_set(name: &str) -> Result<()> {
    let libs = libs(name)?;
    if libs.exists() {
        std::fs::remove_dir_all(&libs).with_context(|| format!("empty {}", libs.display()))?;
    }
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(pom(name)?).arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", libs.display()));
    process::run_ok(maven, "", FETCH_DEADLINE).with_context(|| format!("fetch the jars of Apache {name}"))?;
    std::fs::copy(pom(name)?, stamp(name)?).context("note which pom was fetched")?;
    Ok(())
}

fn pom(name: &str) -> Result<PathBuf> {
    Ok(repo::root()?.join(format!("xtask/apache/{name}.pom.xml")))
}

fn stamp(name: &str) -> Result<PathBuf> {
    Ok(repo::cache()?.join("apache").join(name).join("fetched.pom.xml"))
}

fn libs(name: &str) -> Result<PathBuf> {
    Ok(repo::cache()?.join("apache").join(name).join("libs"))
}

/// The class path of a set of jars.
pub fn class_path(set: &str) -> Result<PathBuf> {
    Ok(libs(set)?.join("*"))
}

/// A `java` command with the jars of `set`, flags for a quick start, and `main` as its class.
pub fn java(set: &str, heap_mb: u32, main: &str) -> Result<Command> {
    java_with(set, heap_mb, &[], main)
}

/// As [`java`] with folders of classes beside the jars.
pub fn java_with(set: &str, heap_mb: u32, classes: &[PathBuf], main: &str) -> Result<Command> {
    let path = std::env::join_paths(classes.iter().cloned().chain([class_path(set)?])).context("join a class path")?;
    let log4j = repo::root()?.join("xtask/apache/log4j.properties");
    let mut java = Command::new("java");
    java.arg(format!("-Xmx{heap_mb}m"));
    // Tests are over before the optimising compiler pays off, and two cores are few for a concurrent collector.
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]);
    java.arg(format!("-Dlog4j.configuration=file:{}", log4j.display()));
    java.arg("-cp").arg(path).arg(main);
    Ok(java)
}

/// How an Apache ZooKeeper server is started.
pub struct ZooKeeperOptions {
    /// The client port on 127.0.0.1.
    pub port: u16,
    /// Lines added to `zoo.cfg`, such as those of an ensemble. They stand in the place of lines of the same key.
    pub extra: String,
}

/// Starts an Apache ZooKeeper server with its files in `dir` and waits until it serves.
pub fn start_zookeeper(dir: &Path, options: &ZooKeeperOptions) -> Result<Server> {
    let mut server = spawn_zookeeper(dir, options)?;
    server.wait_ready(START_DEADLINE, || probe::zookeeper_ready(options.port))?;
    Ok(server)
}

/// As [`start_zookeeper`] without the wait, for the members of an ensemble, who wait for each other.
pub fn spawn_zookeeper(dir: &Path, options: &ZooKeeperOptions) -> Result<Server> {
    spawn("zookeeper", dir, options)
}

/// As [`spawn_zookeeper`], of another release: its set of jars, which [`fetch_one`] fetches.
pub fn spawn_zookeeper_of(set: &str, dir: &Path, options: &ZooKeeperOptions) -> Result<Server> {
    spawn(set, dir, options)
}

fn spawn(set: &str, dir: &Path, options: &ZooKeeperOptions) -> Result<Server> {
    let java = command(set, dir, options, &[])?;
    Server::spawn("Apache ZooKeeper", java, &dir.join("server.log"))
}

/// How Apache's members run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Jvm {
    /// With little memory and a quick start: up to five share the machine with what else runs.
    #[default]
    Quick,
    /// With the flags of Apache's own launch script, for measuring.
    AsShipped,
}

/// The command that starts a member of an ensemble from a `zoo.cfg` that is there.
pub fn member_command(set: &str, config: &Path, jvm: Jvm) -> Result<Command> {
    const MAIN: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    const HEAP_MB: u32 = 128;
    if jvm == Jvm::AsShipped {
        let mut java = Command::new("java");
        java.args(["-Xmx1000m", "-cp"]).arg(class_path(set)?).arg(MAIN).arg(config);
        return Ok(java);
    }
    let mut java = java(set, HEAP_MB, MAIN)?;
    java.arg(config);
    // What clients and four-letter words do would hide what the members do; how a leader cuts a learner's log is said
    // at the level of debugging.
    let levels = [
        ("NIOServerCnxn", "error"),
        ("NIOServerCnxnFactory", "error"),
        ("command.AbstractFourLetterCommand", "error"),
        ("quorum.LearnerHandler", "debug"),
    ];
    let levels = levels
        .map(|(class, level)| format!("-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper.server.{class}={level}"));
    Ok(insert_properties(java, &levels))
}

/// The command that starts an Apache ZooKeeper server with more arguments for the JVM, such as `-Dname=value`; its
/// configuration is written into `dir`.
pub fn zookeeper_command(dir: &Path, options: &ZooKeeperOptions, arguments: &[String]) -> Result<Command> {
    command("zookeeper", dir, options, arguments)
}

fn command(set: &str, dir: &Path, options: &ZooKeeperOptions, arguments: &[String]) -> Result<Command> {
    let config = zoo_cfg(dir, options)?;
    let mut java = java(set, 256, "org.apache.zookeeper.server.quorum.QuorumPeerMain")?;
    java.arg(config);
    Ok(insert_properties(java, arguments))
}

/// Writes `zoo.cfg` into `dir` and gives its path. Our server reads the same file.
pub fn zoo_cfg(dir: &Path, options: &ZooKeeperOptions) -> Result<PathBuf> {
    std::fs::create_dir_all(dir.join("data")).with_context(|| format!("create {}", dir.display()))?;
    let config = dir.join("zoo.cfg");
    let data = dir.join("data");
    let port = options.port.to_string();
    let defaults = [
        ("tickTime", "500"),
        ("initLimit", "20"),
        ("syncLimit", "10"),
        ("dataDir", data.to_str().context("a folder's name is no UTF-8")?),
        ("clientPortAddress", "127.0.0.1"),
        ("clientPort", &port),
        ("4lw.commands.whitelist", "*"),
        ("admin.enableServer", "false"),
        ("maxSessionTimeout", "60000"),
    ];
    let asked = |key: &str| options.extra.lines().any(|line| line.split('=').next() == Some(key));
    let lines = defaults.iter().filter(|(key, _)| !asked(key)).map(|(key, value)| format!("{key}={value}\n"));
    let text = lines.collect::<String>() + &options.extra;
    std::fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;
    Ok(config)
}

/// System properties go before the class name, so the command is rebuilt with them in front.
fn insert_properties(java: Command, arguments: &[String]) -> Command {
    let mut with = Command::new(java.get_program());
    with.args(arguments);
    // 64 KiB instead of 64 MiB of preallocation keeps a test's folder small enough to be a fixture.
    with.args(["-Dzookeeper.preAllocSize=64", "-Dzookeeper.extendedTypesEnabled=true"]);
    with.args(java.get_args());
    with
}

/// How an Apache Kafka broker is started.
pub struct KafkaOptions {
    /// Its `broker.id`.
    pub broker_id: i32,
    /// The port it listens on, on 127.0.0.1.
    pub port: u16,
    /// The port it tells clients and other brokers; differs from `port` behind a capture proxy.
    pub advertised_port: u16,
    /// `zookeeper.connect`.
    pub zookeeper: String,
    /// Lines added to `server.properties`.
    pub extra: String,
}

/// Starts an Apache Kafka broker with its files in `dir` and waits until it serves.
pub fn start_kafka(dir: &Path, options: &KafkaOptions) -> Result<Server> {
    let config = server_properties(dir, options)?;
    let mut server = spawn_kafka(&config, &dir.join("server.log"))?;
    server.wait_ready(START_DEADLINE, || probe::kafka_ready(options.port, 1))?;
    Ok(server)
}

/// Starts a Kafka server, of whatever role its configuration says, without waiting for it.
pub fn spawn_kafka(config: &Path, log: &Path) -> Result<Server> {
    let mut java = java("kafka", 768, "kafka.Kafka")?;
    java.arg(config);
    Server::spawn("Apache Kafka", java, log)
}

/// Writes `server.properties` into `dir` and gives its path. Our server reads the same file.
pub fn server_properties(dir: &Path, options: &KafkaOptions) -> Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let config = dir.join("server.properties");
    let named = options.extra.lines().any(|line| line.starts_with("log.dirs="));
    let log_dirs = if named { String::new() } else { format!("log.dirs={}\n", dir.join("log").display()) };
    let text = format!(
        "broker.id={}\nlisteners=PLAINTEXT://127.0.0.1:{}\nadvertised.listeners=PLAINTEXT://127.0.0.1:{}\n\
         {log_dirs}zookeeper.connect={}\nzookeeper.session.timeout.ms=4000\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=5\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=3\ngroup.initial.rebalance.delay.ms=0\n{}",
        options.broker_id, options.port, options.advertised_port, options.zookeeper, options.extra
    );
    std::fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;
    Ok(config)
}

/// Runs one server in the foreground until it ends: what `cargo xtask apache start` does.
pub fn start_in_foreground(name: &str, port: Option<u16>, zookeeper: &str, dir: Option<PathBuf>) -> Result<()> {
    fetch()?;
    let dir = match dir {
        Some(dir) => dir,
        None => std::env::temp_dir().join(format!("castlekeep-apache-{name}-{}", std::process::id())),
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let mut server = match name {
        "zookeeper" => {
            let port = port.unwrap_or(2181);
            let server = start_zookeeper(&dir, &ZooKeeperOptions { port, extra: String::new() })?;
            println!("Apache ZooKeeper on 127.0.0.1:{port}, pid {}, files in {}", server.id(), dir.display());
            server
        }
        "kafka" => {
            let port = port.unwrap_or(9092);
            let zookeeper = zookeeper.to_owned();
            let options = KafkaOptions { broker_id: 0, port, advertised_port: port, zookeeper, extra: String::new() };
            let server = start_kafka(&dir, &options)?;
            println!("Apache Kafka on 127.0.0.1:{port}, pid {}, files in {}", server.id(), dir.display());
            server
        }
        other => bail!("no Apache server is called {other}; there are: zookeeper, kafka"),
    };
    while server.is_running() {
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("the server ended; its log ends:\n{}", server.log_tail())
}
