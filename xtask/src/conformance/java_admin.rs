//! Suites of Apache Kafka's tools for administrators: quotas held against a producer that is in a hurry, records deleted,
//! log folders, elections, offsets, versions, and the performance tools.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::java::{produce, tool, topic_command};
use super::servers::Ports;
use super::unique;
use crate::apache;
use crate::process::{run_ok, wait_for};

const DEADLINE: Duration = Duration::from_secs(90);

/// The broker of both makes.
const BROKER: &str = "0";

/// kafka-configs for users and client ids, and kafka-producer-perf-test against the limit.
pub fn quotas(ports: Ports) -> Result<String> {
    let (topic, client) = (unique("quotas"), unique("client"));
    topic_command(ports, &["--create", "--topic", &topic, "--partitions", "1"])?;
    let entity = ["--entity-type", "clients", "--entity-name", &client];
    // Ten windows of 200,000 bytes are free; a megabyte more takes five seconds.
    configs(ports, &[&["--alter", "--add-config", "producer_byte_rate=200000"], entity.as_slice()].concat())?;
    wait_for("the quota to be described", DEADLINE, || {
        let described = configs(ports, &[&["--describe"], entity.as_slice()].concat()).ok()?;
        described.contains("producer_byte_rate=200000").then_some(())
    })?;
    let slow = performance(ports, &topic, &client, 3000)?;
    ensure!(slow < 1.2, "{slow} MB/s under a quota of 0.2 MB/s");
    configs(ports, &[&["--alter", "--delete-config", "producer_byte_rate"], entity.as_slice()].concat())?;
    let quick = wait_for("the quota to be gone", DEADLINE, || {
        let quick = performance(ports, &topic, &unique("other"), 3000).ok()?;
        (quick > 2.0 * slow).then_some(quick)
    })?;
    let user = ["--entity-type", "users", "--entity-name", "ann"];
    configs(
        ports,
        &[&["--alter", "--add-config", "request_percentage=50,consumer_byte_rate=1000"], user.as_slice()].concat(),
    )?;
    wait_for("the user's quota to be described", DEADLINE, || {
        let described = configs(ports, &[&["--describe"], user.as_slice()].concat()).ok()?;
        (described.contains("request_percentage=50.0") && described.contains("consumer_byte_rate=1000")).then_some(())
    })?;
    configs(
        ports,
        &[&["--alter", "--delete-config", "request_percentage,consumer_byte_rate"], user.as_slice()].concat(),
    )?;
    Ok(format!("  ok     {slow:.2} MB/s under 0.2 MB/s (ten windows are free), {quick:.1} MB/s without\n"))
}

/// delete-records, log-dirs, leader-election, get-offsets, broker-api-versions, levels of loggers, consumer-perf-test.
pub fn admin_tools(ports: Ports) -> Result<String> {
    let topic = unique("tools");
    produce(ports, &topic, &["one", "two", "three"])?;
    let offsets = |time: &str| -> Result<String> {
        let arguments = ["--topic", &topic, "--time", time];
        Ok(tool(ports, "org.apache.kafka.tools.GetOffsetShell", &arguments, "")?.stdout.trim().to_owned())
    };
    ensure!(offsets("-1")? == format!("{topic}:0:3"), "get-offsets says {:?}", offsets("-1"));
    let file = std::env::temp_dir().join(format!("{topic}.json"));
    let wanted = format!(r#"{{"version":1,"partitions":[{{"topic":"{topic}","partition":0,"offset":2}}]}}"#);
    std::fs::write(&file, wanted).with_context(|| format!("write {}", file.display()))?;
    let arguments = ["--offset-json-file", &file.display().to_string()];
    let deleted = tool(ports, "org.apache.kafka.tools.DeleteRecordsCommand", &arguments, "")?.stdout;
    std::fs::remove_file(&file)?;
    ensure!(deleted.contains("low_watermark: 2"), "delete-records says\n{deleted}");
    ensure!(offsets("-2")? == format!("{topic}:0:2"), "the log starts at {:?}", offsets("-2"));
    let described =
        tool(ports, "org.apache.kafka.tools.LogDirsCommand", &["--describe", "--topic-list", &topic], "")?.stdout;
    ensure!(described.contains(&format!("\"partition\":\"{topic}-0\"")), "log-dirs says\n{described}");
    let elected = ["--election-type", "preferred", "--topic", &topic, "--partition", "0"];
    let elected = tool(ports, "org.apache.kafka.tools.LeaderElectionCommand", &elected, "")?.text;
    ensure!(elected.contains("Valid replica already elected"), "leader-election says\n{elected}");
    let versions = tool(ports, "kafka.admin.BrokerApiVersionsCommand", &[], "")?.stdout;
    ensure!(versions.contains("Produce(0): 0 to 11 [usable: 11]"), "broker-api-versions says\n{versions}");
    let loggers = ["--entity-type", "broker-loggers", "--entity-name", BROKER];
    configs(ports, &[&["--alter", "--add-config", "root=WARN"], loggers.as_slice()].concat())?;
    let described = configs(ports, &[&["--describe"], loggers.as_slice()].concat())?;
    ensure!(described.contains("root=WARN sensitive=false synonyms={}"), "kafka-configs says of loggers\n{described}");
    configs(ports, &[&["--alter", "--add-config", "root=INFO"], loggers.as_slice()].concat())?;
    let arguments = ["--topic", &topic, "--messages", "1", "--timeout", "30000"];
    let read = tool(ports, "org.apache.kafka.tools.ConsumerPerformance", &arguments, "")?.stdout;
    ensure!(read.lines().count() == 2, "consumer-perf-test says\n{read}");
    Ok("  ok     get-offsets delete-records log-dirs leader-election broker-api-versions loggers consumer-perf\n"
        .to_owned())
}

fn configs(ports: Ports, arguments: &[&str]) -> Result<String> {
    Ok(tool(ports, "kafka.admin.ConfigCommand", arguments, "")?.stdout)
}

/// Megabytes a second of kafka-producer-perf-test with records of 1,000 bytes.
fn performance(ports: Ports, topic: &str, client: &str, records: u32) -> Result<f64> {
    let mut java = apache::java("kafka", 128, "org.apache.kafka.tools.ProducerPerformance")?;
    java.args(["--topic", topic, "--num-records", &records.to_string(), "--record-size", "1000", "--throughput", "-1"]);
    java.arg("--producer-props").arg(format!("bootstrap.servers={}", ports.kafka_address()));
    java.args([&format!("client.id={client}"), "batch.size=16384", "linger.ms=5"]);
    let said = run_ok(java, "", DEADLINE)?.stdout;
    let last = said.lines().last().unwrap_or_default();
    ensure!(last.starts_with(&format!("{records} records sent")), "kafka-producer-perf-test says\n{said}");
    let rate = last.split_once('(').and_then(|(_, rest)| rest.split_once(" MB/sec")).map(|(rate, _)| rate);
    let rate = rate.context("no MB/sec in the last line")?;
    rate.parse().with_context(|| format!("{rate:?} is no rate"))
}
