//! Suites of Apache Kafka's own tools: console producer and consumer, topics, groups, the verifiable pair. Each
//! tool is a JVM, so a suite asks one of them as much as it can.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::servers::Ports;
use super::unique;
use crate::process::{Finished, run_ok, wait_for};
use crate::{apache, probe};

const DEADLINE: Duration = Duration::from_secs(60);

/// API keys that a suite uses only where the broker lists them.
const CREATE_PARTITIONS: i16 = 37;
const DELETE_GROUPS: i16 = 42;
const INCREMENTAL_ALTER_CONFIGS: i16 = 44;

/// Console producer and consumer.
pub fn console(ports: Ports) -> Result<String> {
    let topic = unique("console");
    produce(ports, &topic, &["one", "two", "three"])?;
    consume(ports, &topic, &["one", "two", "three"])?;
    Ok("  ok     three lines there and back\n".to_owned())
}

/// Sends lines by the console producer; the topic is created by the first one.
pub fn produce(ports: Ports, topic: &str, lines: &[&str]) -> Result<()> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    tool(ports, "kafka.tools.ConsoleProducer", &["--topic", topic], &input).map(|_| ())
}

/// Reads a topic from its beginning by the console consumer and compares.
pub fn consume(ports: Ports, topic: &str, lines: &[&str]) -> Result<()> {
    let count = lines.len().to_string();
    let arguments = ["--topic", topic, "--from-beginning", "--max-messages", &count, "--timeout-ms", "30000"];
    let finished = tool(ports, "org.apache.kafka.tools.consumer.ConsoleConsumer", &arguments, "")?;
    let read: Vec<&str> = finished.stdout.lines().collect();
    ensure!(read == lines, "the console consumer read {read:?}, not {lines:?}\n{}", finished.text);
    Ok(())
}

/// kafka-topics and kafka-configs: create, describe, list, alter, delete.
pub fn topics(ports: Ports) -> Result<String> {
    let topic = unique("topics");
    let create = ["--create", "--topic", &topic, "--partitions", "2", "--config", "retention.ms=86400000"];
    topic_command(ports, &create)?;
    ensure!(topic_command(ports, &["--list"])?.stdout.lines().any(|line| line == topic), "{topic} is not listed");
    let described = topic_command(ports, &["--describe", "--topic", &topic])?.stdout;
    for part in ["PartitionCount: 2", "ReplicationFactor: 1", "retention.ms=86400000", "Leader: 0", "Isr: 0"] {
        ensure!(described.contains(part), "the description of {topic} lacks {part:?}:\n{described}");
    }
    let mut done = "  ok     create list describe".to_owned();
    if probe::kafka_serves(ports.kafka, CREATE_PARTITIONS) {
        topic_command(ports, &["--alter", "--topic", &topic, "--partitions", "4"])?;
        wait_for("four partitions", DEADLINE, || {
            let described = topic_command(ports, &["--describe", "--topic", &topic]).ok()?;
            described.stdout.contains("PartitionCount: 4").then_some(())
        })?;
        done += " alter";
    }
    if probe::kafka_serves(ports.kafka, INCREMENTAL_ALTER_CONFIGS) {
        let entity = ["--entity-type", "topics", "--entity-name", &topic];
        let alter = [&["--alter", "--add-config", "retention.ms=1000000"], entity.as_slice()].concat();
        tool(ports, "kafka.admin.ConfigCommand", &alter, "")?;
        let show = tool(ports, "kafka.admin.ConfigCommand", &[&["--describe"], entity.as_slice()].concat(), "")?;
        ensure!(show.stdout.contains("retention.ms=1000000"), "the setting was not changed:\n{}", show.stdout);
        done += " configs";
    }
    topic_command(ports, &["--delete", "--topic", &topic])?;
    wait_for("the topic to be gone", DEADLINE, || {
        let listed = topic_command(ports, &["--list"]).ok()?;
        (!listed.stdout.lines().any(|line| line == topic)).then_some(())
    })?;
    Ok(done + " delete\n")
}

/// The verifiable producer and consumer: 5,000 numbered records, every one acknowledged and read by a group.
pub fn verifiable(ports: Ports) -> Result<String> {
    const COUNT: &str = "5000";
    let topic = unique("verifiable");
    let produced = verifiable_tool(ports, "Producer", &["--topic", &topic, "--max-messages", COUNT, "--acks", "-1"])?;
    ensure!(
        produced.contains("\"sent\":5000") && produced.contains("\"acked\":5000"),
        "not every record was acknowledged:\n{}",
        crate::process::tail(&produced, 10)
    );
    let group = format!("{topic}-group");
    let arguments = ["--topic", &topic, "--group-id", &group, "--max-messages", COUNT, "--reset-policy", "earliest"];
    let consumed = verifiable_tool(ports, "Consumer", &arguments)?;
    ensure!(consumed.contains("shutdown_complete"), "the verifiable consumer did not end:\n{consumed}");
    let counts = consumed.lines().filter(|line| line.contains("records_consumed"));
    let count: u64 = counts.filter_map(|line| number_after(line, "\"count\":")).sum();
    ensure!(count == 5000, "the verifiable consumer read {count} of {COUNT} records");
    groups_see(ports, &group, &topic, count)?;
    Ok("  ok     5000 records acknowledged, read by a group, lag 0\n".to_owned())
}

/// kafka-consumer-groups about a group that has read everything.
fn groups_see(ports: Ports, group: &str, topic: &str, count: u64) -> Result<()> {
    let described = group_command(ports, &["--describe", "--group", group])?.stdout;
    let Some(row) = described.lines().find(|line| line.starts_with(group)) else {
        bail!("{group} is not described:\n{described}");
    };
    // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
    let fields: Vec<&str> = row.split_whitespace().collect();
    let count = count.to_string();
    ensure!(fields.get(1..6) == Some(&[topic, "0", &count, &count, "0"]), "not the offsets of {group}: {row}");
    Ok(())
}

/// kafka-consumer-groups: list, describe, reset-offsets, delete.
pub fn groups(ports: Ports) -> Result<String> {
    let topic = unique("groups");
    let group = format!("{topic}-group");
    produce(ports, &topic, &["one", "two"])?;
    let consume = ["--topic", &topic, "--from-beginning", "--max-messages", "2", "--group", &group];
    tool(ports, "org.apache.kafka.tools.consumer.ConsoleConsumer", &consume, "")?;
    ensure!(group_command(ports, &["--list"])?.stdout.lines().any(|line| line == group), "{group} is not listed");
    groups_see(ports, &group, &topic, 2)?;
    let reset = ["--reset-offsets", "--to-earliest", "--execute", "--group", &group, "--topic", &topic];
    group_command(ports, &reset)?;
    let described = group_command(ports, &["--describe", "--group", &group])?.stdout;
    let row = described.lines().find(|line| line.starts_with(&group)).unwrap_or_default();
    ensure!(row.split_whitespace().nth(5) == Some("2"), "offsets were not reset:\n{described}");
    let mut done = "  ok     list describe reset-offsets".to_owned();
    if probe::kafka_serves(ports.kafka, DELETE_GROUPS) {
        group_command(ports, &["--delete", "--group", &group])?;
        done += " delete";
    }
    Ok(done + "\n")
}

/// kafka-topics with the arguments.
pub fn topic_command(ports: Ports, arguments: &[&str]) -> Result<Finished> {
    tool(ports, "org.apache.kafka.tools.TopicCommand", arguments, "")
}

fn group_command(ports: Ports, arguments: &[&str]) -> Result<Finished> {
    tool(ports, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", arguments, "")
}

fn verifiable_tool(ports: Ports, which: &str, arguments: &[&str]) -> Result<String> {
    Ok(tool(ports, &format!("org.apache.kafka.tools.Verifiable{which}"), arguments, "")?.stdout)
}

/// A tool with the broker's address and more arguments.
pub fn tool(ports: Ports, main: &str, arguments: &[&str], input: &str) -> Result<Finished> {
    let mut java = apache::java("kafka", 128, main)?;
    java.args(["--bootstrap-server", &ports.kafka_address()]).args(arguments);
    run_ok(java, input, DEADLINE)
}

fn number_after(line: &str, key: &str) -> Option<u64> {
    let digits = &line[line.find(key)? + key.len()..];
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}
