//! kcat: librdkafka's command line, the version that Debian ships (an older librdkafka than confluent-kafka's).

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::servers::Ports;
use super::unique;
use crate::process::{Finished, run_ok};

const DEADLINE: Duration = Duration::from_secs(60);

/// Produce with keys and headers, consume by offset and by group, query offsets, list metadata.
pub fn run(ports: Ports) -> Result<String> {
    let topic = unique("kcat");
    // The first produce creates the topic; librdkafka waits for it.
    kcat(ports, &["-P", "-t", &topic, "-K", ":", "-H", "h=1", "-X", "acks=all"], "a:one\nb:two\nc:three\n")?;
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        kcat(ports, &["-P", "-t", &topic, "-z", codec, "-p", "0"], &format!("{codec}\n"))?;
    }
    let all = kcat(ports, &["-C", "-t", &topic, "-o", "beginning", "-e", "-q", "-f", "%o %k %h %s\n"], "")?.stdout;
    let wanted = "0 a h=1 one\n1 b h=1 two\n2 c h=1 three\n3   gzip\n4   snappy\n5   lz4\n6   zstd\n";
    ensure!(all == wanted, "kcat read\n{all}instead of\n{wanted}");
    let late = kcat(ports, &["-C", "-t", &topic, "-o", "5", "-e", "-q", "-f", "%s\n"], "")?.stdout;
    ensure!(late == "lz4\nzstd\n", "from offset 5 kcat read {late:?}");
    let group = ["-G", &unique("kcat-group"), "-c", "7", "-q", "-X", "auto.offset.reset=earliest", &topic];
    let grouped = kcat(ports, &group, "")?.stdout;
    ensure!(grouped.lines().count() == 7, "as a group member kcat read {grouped:?}");
    let end = kcat(ports, &["-Q", "-t", &format!("{topic}:0:-1")], "")?.stdout;
    ensure!(end.contains("offset 7"), "the end offset is 7, kcat says {end:?}");
    let metadata = kcat(ports, &["-L", "-J", "-t", &topic], "")?.stdout;
    ensure!(metadata.contains("\"controllerid\":0") && metadata.contains(&topic), "metadata: {metadata}");
    Ok("  ok     produce consume codecs group query metadata\n".to_owned())
}

fn kcat(ports: Ports, arguments: &[&str], input: &str) -> Result<Finished> {
    let mut kcat = Command::new("kcat");
    kcat.args(["-b", &ports.kafka_address()]).args(arguments);
    run_ok(kcat, input, DEADLINE)
}
