//! One Kafka data folder under Apache's broker and under ours, in turn: what one wrote, the other one opens and goes on.
//! Of ZooKeeper's folders see [`super::data_dir`].

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::servers::{Make, Ports, start_broker, start_keeper, stop_cleanly};
use crate::probe;
use crate::process::{Server, run_ok, wait_for};

const DEADLINE: Duration = Duration::from_secs(60);

/// Whose server has the folder, round by round. Ours is killed in its first round and comes back in its second; after
/// a kill Apache's broker would wait for the lost session's end.
const TURNS: [Make; 4] = [Make::Apache, Make::Ours, Make::Ours, Make::Apache];
const KILLED: usize = 1;

/// Kafka's `log.dirs`: segments, indexes, checkpoints, committed offsets.
pub fn broker(dir: &Path) -> Result<String> {
    let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
    let keeper = start_keeper(Make::Apache, &dir.join("keeper"), ports.zookeeper)?;
    let mut written: Vec<String> = Vec::new();
    let mut text = String::new();
    for (round, make) in TURNS.into_iter().enumerate() {
        let broker = start_broker(make, &dir.join("broker"), ports)
            .with_context(|| format!("round {round}: {make} broker on the folder of the last round"))?;
        broker_round(ports, round, &mut written)
            .with_context(|| format!("round {round}, {make} broker: {}", broker.log_tail()))?;
        text += &format!("  ok     round {round}: {} records, the group has read them\n", written.len());
        end(broker, round)?;
    }
    stop_cleanly(keeper)?;
    Ok(text)
}

/// Reads everything that was ever written, adds records in every codec, and lets the group read what is new to it.
fn broker_round(ports: Ports, round: usize, written: &mut Vec<String>) -> Result<()> {
    let all = |what: &str, written: &[String]| -> Result<()> {
        let read = kcat(ports, &["-C", "-t", "folder", "-p", "0", "-o", "beginning", "-e", "-q"], "")?;
        ensure!(read.lines().eq(written.iter().map(String::as_str)), "{what}: not the records written, but\n{read}");
        Ok(())
    };
    if round > 0 {
        // A broker takes connections a moment before its controller has told it what it leads.
        wait_for("the topic to have its leader", DEADLINE, || kcat(ports, &["-Q", "-t", "folder:0:-1"], "").ok())?;
        all("before this round's records", written)?;
    }
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let lines: Vec<String> = (0..50).map(|number| format!("round {round} {codec} {number}")).collect();
        let produce = ["-P", "-t", "folder", "-p", "0", "-z", codec, "-X", "acks=all", "-X", "enable.idempotence=true"];
        kcat(ports, &produce, &lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
        written.extend(lines);
    }
    all("after this round's records", written)?;
    // Offsets committed under the other server hold: the group gets this round's 250 records and nothing else.
    let group = ["-G", "folder-group", "-c", "250", "-q", "-X", "auto.offset.reset=earliest", "folder"];
    let read = kcat(ports, &group, "")?;
    ensure!(
        read.lines().eq(written[written.len() - 250..].iter().map(String::as_str)),
        "the group did not go on at its committed offset:\n{read}"
    );
    Ok(())
}

fn end(server: Server, round: usize) -> Result<()> {
    if round == KILLED {
        server.kill();
        return Ok(());
    }
    stop_cleanly(server)
}

fn kcat(ports: Ports, arguments: &[&str], input: &str) -> Result<String> {
    let mut kcat = Command::new("kcat");
    kcat.args(["-b", &ports.kafka_address()]).args(arguments);
    Ok(run_ok(kcat, input, DEADLINE)?.stdout)
}
