//! `cargo xtask conformance broker`: the suites of Kafka's clients and tools. They share one keeper and one broker. What
//! ends in `-full` needs clients that take long to fetch or to build, and runs with this group or by its name.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::servers::Ports;
use super::{On, Suite, java, java_admin, kcat, scripts, unique};
use crate::process::run_ok;
use crate::{apache, probe, provision};

/// The name of the group.
pub const GROUP: &str = "broker";

const DEADLINE: Duration = Duration::from_secs(240);

/// The API key of DescribeAcls.
const DESCRIBE_ACLS: i16 = 29;

/// The longest ones first, so that two workers end together.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "rdkafka-full",
        about: "librdkafka by the crate rdkafka: codecs, idempotence, large messages, groups",
        on: On::Both(rdkafka),
    },
    Suite {
        name: "java-clients-full",
        about: "the Java clients of Kafka 2.8 and 4.1, as java-clients",
        on: On::Both(java_clients_of_others),
    },
    Suite {
        name: "kafka-python",
        about: "kafka-python: produce, consume, groups, admin",
        on: On::Both(scripts::kafka_python),
    },
    Suite { name: "verifiable", about: "Apache's verifiable producer and consumer", on: On::Both(java::verifiable) },
    Suite { name: "examples", about: "the programs of examples/", on: On::Both(scripts::examples) },
    Suite { name: "groups", about: "kafka-consumer-groups", on: On::Both(java::groups) },
    Suite { name: "topics", about: "kafka-topics and kafka-configs", on: On::Both(java::topics) },
    Suite {
        name: "java-clients",
        about: "the Java clients of Kafka 3.9: codecs, headers, large records, time, groups, admin",
        on: On::Both(java_clients),
    },
    Suite {
        name: "confluent",
        about: "librdkafka: codecs, idempotence, groups, admin",
        on: On::Both(scripts::confluent),
    },
    Suite {
        name: "message-sets",
        about: "record formats 0 and 1 of clients before Kafka 0.11, byte by byte",
        on: On::Both(scripts::message_sets),
    },
    Suite {
        name: "quotas",
        about: "kafka-configs for clients and users, kafka-producer-perf-test under a quota",
        on: On::Both(java_admin::quotas),
    },
    Suite {
        name: "admin-tools",
        about: "get-offsets, delete-records, log-dirs, leader-election, broker-api-versions, consumer-perf-test",
        on: On::Both(java_admin::admin_tools),
    },
    Suite {
        name: "compatibility-full",
        about: "Apache's client-compatibility-test and end-to-end latency test",
        on: On::Both(compatibility),
    },
    Suite { name: "console", about: "the console producer and consumer", on: On::Both(java::console) },
    Suite { name: "kcat", about: "kcat of Debian, with the protocols of old brokers too", on: On::Both(kcat::run) },
    Suite { name: "franz-go", about: "franz-go", on: On::Both(scripts::franz_go) },
    Suite {
        name: "sarama",
        about: "sarama: codecs, the protocols of brokers since 0.8, time, offsets",
        on: On::Both(sarama),
    },
];

fn sarama(ports: Ports) -> Result<String> {
    let mut sarama = Command::new(provision::go_clients()?);
    sarama.args(["sarama", &ports.kafka_address()]);
    Ok(run_ok(sarama, "", DEADLINE)?.text)
}

fn rdkafka(ports: Ports) -> Result<String> {
    let mut rdkafka = Command::new(provision::rust_kafka_client()?);
    rdkafka.arg(ports.kafka_address());
    Ok(run_ok(rdkafka, "", DEADLINE)?.stdout)
}

fn java_clients(ports: Ports) -> Result<String> {
    java_program("kafka", ports)
}

fn java_clients_of_others(ports: Ports) -> Result<String> {
    let mut text = String::new();
    for set in ["kafka-clients-2.8", "kafka-clients-4.1"] {
        apache::fetch_one(set)?;
        text += &format!("  {set}\n{}", java_program(set, ports)?);
    }
    Ok(text)
}

/// Runs the class of `conformance/java-kafka` with a set of jars.
fn java_program(set: &str, ports: Ports) -> Result<String> {
    let classes = provision::java_kafka_clients()?;
    let mut java = apache::java_with(set, 256, &[classes], "KafkaClients")?;
    java.arg(ports.kafka_address()).env("JDK_JAVA_OPTIONS", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off");
    Ok(run_ok(java, "", DEADLINE)?.stdout)
}

/// kafka-client-compatibility-test as for a broker of 3.9, and kafka-e2e-latency.
fn compatibility(ports: Ports) -> Result<String> {
    let address = ports.kafka_address();
    let topic = unique("compatibility");
    java::topic_command(ports, &["--create", "--topic", &topic, "--partitions", "1"])?;
    // The tool finds out whether what it is told is so.
    let acls = if probe::kafka_serves(ports.kafka, DESCRIBE_ACLS) { "true" } else { "false" };
    let mut java = apache::java("kafka", 128, "org.apache.kafka.tools.ClientCompatibilityTest")?;
    java.args(["--bootstrap-server", &address, "--topic", &topic]);
    for (feature, wanted) in [
        ("offsets-for-times-supported", "true"),
        ("cluster-id-supported", "true"),
        ("expect-record-too-large-exception", "false"),
        ("num-cluster-nodes", "1"),
        ("create-topics-supported", "true"),
        ("describe-acls-supported", acls),
        ("describe-configs-supported", "true"),
        ("idempotent-producer-supported", "true"),
    ] {
        java.arg(format!("--{feature}")).arg(wanted);
    }
    let said = run_ok(java, "", DEADLINE)?.text;
    ensure!(said.contains("SUCCESS") || said.contains("All tests passed"), "client-compatibility-test says\n{said}");
    let mut java = apache::java("kafka", 128, "org.apache.kafka.tools.EndToEndLatency")?;
    java.args([&address, &unique("latency"), "200", "all", "100"]);
    let said = run_ok(java, "", DEADLINE)?.stdout;
    let average = said.lines().find(|line| line.starts_with("Avg latency"));
    ensure!(average.is_some(), "kafka-e2e-latency says\n{said}");
    Ok(format!("  ok     client-compatibility-test\n  ok     e2e-latency: {}\n", average.unwrap_or_default()))
}
