//! A partition that Apache's tools move between two `log.dirs` of one broker, while it is written: kafka-reassign-partitions
//! throttles the move, lifts the throttle and asks whether it is done, kafka-log-dirs shows the copy on its way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::java::{consume, produce, tool, topic_command};
use super::servers::{Make, Ports, start_broker_with, start_keeper, stop_cleanly};
use super::unique;
use crate::probe;
use crate::process::wait_for;

const DEADLINE: Duration = Duration::from_secs(120);
/// Bytes per second: what is copied first is paid for only after minutes.
const SLOW: &str = "1000";
const QUICK: &str = "1000000000";

/// Of both makes: the same must hold.
pub fn run(dir: &Path) -> Result<String> {
    let ours = one(Make::Ours, &dir.join("ours"))?;
    Ok(ours + &one(Make::Apache, &dir.join("apache"))?)
}

/// Where the partition is: the folder, and whether what is there is a copy on its way.
type Place = (String, bool);

fn one(make: Make, dir: &Path) -> Result<String> {
    let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
    let folders = ["one", "two"].map(|name| dir.join(name).display().to_string());
    let keeper = start_keeper(make, &dir.join("keeper"), ports.zookeeper)?;
    let lines = format!("log.dirs={}\n", folders.join(","));
    let broker = start_broker_with(make, &dir.join("broker"), ports, &lines)?;
    let topic = unique("moves");
    topic_command(ports, &["--create", "--topic", &topic, "--partitions", "1"])?;
    // More than one fetch of Apache's mover, which looks at its throttle before each.
    let long = "x".repeat(1000);
    let records: Vec<String> = (0..3000).map(|n| format!("record {n} {long}")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let (first, second) = records.split_at(2000);
    produce(ports, &topic, first)?;
    let [(from, false)] = &places(ports, &topic)?[..] else { anyhow::bail!("the partition is not in one folder") };
    let to = folders.iter().find(|folder| *folder != from).context("two folders")?;

    let plan = Plan::write(dir, &topic, to)?;
    plan.execute(ports, &["--replica-alter-log-dirs-throttle", SLOW])?;
    let on_its_way = [(from.clone(), false), (to.clone(), true)];
    wait_for("the copy to be shown", DEADLINE, || {
        (sorted(places(ports, &topic).ok()?) == sorted(on_its_way.to_vec())).then_some(())
    })?;
    ensure!(plan.verify(ports)?.contains("still in progress"), "verify says\n{}", plan.verify(ports)?);
    produce(ports, &topic, second)?;
    plan.execute(ports, &["--additional", "--replica-alter-log-dirs-throttle", QUICK])?;
    wait_for("the partition to come", DEADLINE, || {
        plan.verify(ports).ok()?.contains("completed successfully").then_some(())
    })?;
    let places = places(ports, &topic)?;
    ensure!(places == [(to.clone(), false)], "kafka-log-dirs says {places:?}, not {to}");
    consume(ports, &topic, &records)?;
    ensure!(Path::new(to).join(format!("{topic}-0")).is_dir(), "no folder of {topic}-0 in {to}");
    ensure!(!Path::new(from).join(format!("{topic}-0")).exists(), "{topic}-0 is still in {from}");
    stop_cleanly(broker)?;
    stop_cleanly(keeper)?;
    Ok(format!("  ok     {make} broker: moved while it was written, shown on its way, 3000 records read\n"))
}

/// The file that kafka-reassign-partitions is given.
struct Plan(PathBuf);

impl Plan {
    fn write(dir: &Path, topic: &str, to: &str) -> Result<Self> {
        let path = dir.join("plan.json");
        let partition = serde_json::json!({ "topic": topic, "partition": 0, "replicas": [0], "log_dirs": [to] });
        let plan = serde_json::json!({ "version": 1, "partitions": [partition] });
        std::fs::write(&path, plan.to_string()).with_context(|| format!("write {}", path.display()))?;
        Ok(Self(path))
    }

    fn execute(&self, ports: Ports, more: &[&str]) -> Result<String> {
        self.reassign(ports, &[&["--execute"], more].concat())
    }

    /// Takes the throttle away, too, when the move is done.
    fn verify(&self, ports: Ports) -> Result<String> {
        self.reassign(ports, &["--verify"])
    }

    fn reassign(&self, ports: Ports, arguments: &[&str]) -> Result<String> {
        let file = self.0.display().to_string();
        let arguments = [arguments, &["--reassignment-json-file", &file]].concat();
        Ok(tool(ports, "org.apache.kafka.tools.reassign.ReassignPartitionsCommand", &arguments, "")?.text)
    }
}

/// What kafka-log-dirs says of the topic's one partition.
fn places(ports: Ports, topic: &str) -> Result<Vec<Place>> {
    let arguments = ["--describe", "--topic-list", topic];
    let said = tool(ports, "org.apache.kafka.tools.LogDirsCommand", &arguments, "")?.stdout;
    let json = said.lines().find(|line| line.starts_with('{')).context("a line of JSON")?;
    let json: serde_json::Value = serde_json::from_str(json).context("what kafka-log-dirs prints")?;
    let mut places = Vec::new();
    for dir in json["brokers"][0]["logDirs"].as_array().context("log folders")? {
        for partition in dir["partitions"].as_array().context("partitions")? {
            let is_future = partition["isFuture"].as_bool().context("isFuture")?;
            places.push((dir["logDir"].as_str().context("logDir")?.to_owned(), is_future));
        }
    }
    Ok(places)
}

fn sorted(mut places: Vec<Place>) -> Vec<Place> {
    places.sort();
    places
}
