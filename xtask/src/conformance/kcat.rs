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
    let large = "x".repeat(900_000);
    kcat(ports, &["-P", "-t", &topic, "-p", "0"], &format!("{large}\n"))?;
    let back = kcat(ports, &["-C", "-t", &topic, "-p", "0", "-o", "-1", "-e", "-q", "-f", "%o %S\n"], "")?.stdout;
    ensure!(back == "7 900000\n", "instead of a record of 900,000 bytes kcat read {back:?}");
    for version in OLD_BROKERS {
        as_for(ports, version)?;
    }
    Ok("  ok     produce consume codecs group query metadata large, the protocols of 0.8 to 0.10\n".to_owned())
}

/// Brokers that know no ApiVersions, or only the older half of what there is.
const OLD_BROKERS: [&str; 4] = ["0.8.2.2", "0.9.0.1", "0.10.0.1", "0.10.2.2"];

/// There and back with the versions that a broker of `version` would know; a time of each record since 0.10.
fn as_for(ports: Ports, version: &str) -> Result<()> {
    let topic = unique("kcat-old");
    let fallback = format!("broker.version.fallback={version}");
    let as_of_old = ["-X", "api.version.request=false", "-X", &fallback];
    // The topic is made by a client of today: those of old make none before they know its leader.
    kcat(ports, &["-P", "-t", &topic, "-p", "0"], "first\n")?;
    for codec in ["none", "gzip", "snappy"] {
        let produce = ["-P", "-t", &topic, "-p", "0", "-K", ":", "-z", codec, "-X", "acks=all"];
        kcat(ports, &[produce.as_slice(), &as_of_old].concat(), &format!("k:{codec}\n"))?;
    }
    let consume = ["-C", "-t", &topic, "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%o %k %s\n"];
    let read = kcat(ports, &[consume.as_slice(), &as_of_old].concat(), "")?.stdout;
    let wanted = "0  first\n1 k none\n2 k gzip\n3 k snappy\n";
    ensure!(read == wanted, "with the protocols of {version} kcat read\n{read}instead of\n{wanted}");
    Ok(())
}

fn kcat(ports: Ports, arguments: &[&str], input: &str) -> Result<Finished> {
    let mut kcat = Command::new("kcat");
    kcat.args(["-b", &ports.kafka_address()]).args(arguments);
    run_ok(kcat, input, DEADLINE)
}
