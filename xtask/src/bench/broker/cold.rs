//! Whom a consumer disturbs who reads what the page cache no longer has: tail readers measure it.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::latency;
use super::{Bench, number};
use crate::bench::keeper::Both;
use crate::bench::keeper::row::{Row, median};
use crate::bench::say;
use crate::bench::servers::Running;

const TOPIC: &str = "cold";
/// More than a reader takes within a run.
const MIB: &str = "1024";
/// Fetches of a MiB a second: little enough that the generator has time for the tail.
const RATE: &str = "100";

/// The rows; `dir` has the servers' folders.
pub fn measure(bench: &Bench, servers: &[Running; 2], dir: &Path) -> Result<Vec<Row>> {
    let [ours, apache] = servers;
    let ours = of(bench, ours, &dir.join("ours"))?;
    let apache = of(bench, apache, &dir.join("apache"))?;
    let both = |field: fn(&Seen) -> &Vec<f64>| Both { ours: field(&ours).clone(), apache: field(&apache).clone() };
    let most = 2.0 * median(&ours.alone_us);
    Ok(vec![
        Row::plain("tail readers alone, p99", "us", both(|seen| &seen.alone_us)),
        Row::plain("tail readers beside a cold reader, p99", "us", both(|seen| &seen.beside_us))
            .at_most(most, " (twice that alone)"),
        Row::plain("the cold reader, of 105 MB/s that it asks for", "MB/s", both(|seen| &seen.cold_rate)),
    ])
}

#[derive(Default)]
struct Seen {
    alone_us: Vec<f64>,
    beside_us: Vec<f64>,
    cold_rate: Vec<f64>,
}

fn of(bench: &Bench, server: &Running, dir: &Path) -> Result<Seen> {
    let mut seen = Seen::default();
    read(bench, server, 0.1, &["--connections", "1"])?;
    for run in 1..=bench.options.runs {
        say(&format!("{}: cold readers, run {run} of {}", server.name, bench.options.runs));
        let alone = latency::one(bench, server, 8)?;
        seen.alone_us.push(number(&alone, "/latency_us/p99")?);
        evict(&dir.join("log").join(format!("{TOPIC}-0")))?;
        let seconds = 2.0 * bench.options.seconds;
        let (cold, tail) = std::thread::scope(|scope| {
            let cold = scope.spawn(|| read(bench, server, seconds, &["--connections", "1", "--rate", RATE]));
            let tail = latency::one(bench, server, 8);
            (cold.join().expect("a reading thread does not panic"), tail)
        });
        seen.beside_us.push(number(&tail?, "/latency_us/p99")?);
        seen.cold_rate.push(number(&cold?, "/megabytes_per_second")?);
    }
    Ok(seen)
}

/// Reads the cold topic from its start, which is filled when it is not there.
fn read(bench: &Bench, server: &Running, seconds: f64, more: &[&str]) -> Result<Value> {
    let (broker, seconds_text) = (format!("127.0.0.1:{}", server.port), seconds.to_string());
    let mut arguments = vec!["kafka", "--operation", "fetch", "--broker", &broker, "--topic", TOPIC, "--keep"];
    arguments.extend(["--partitions", "1", "--prepared", MIB, "--batch-size", "65536", "--record-size", "1024"]);
    arguments.extend(["--fetch-size", "1048576", "--outstanding", "1", "--warm-up", "2"]);
    arguments.extend(["--duration", &seconds_text]);
    arguments.extend(more);
    bench.generator(&arguments, seconds)
}

/// Takes a partition's files out of the page cache.
fn evict(partition: &Path) -> Result<()> {
    let entries = std::fs::read_dir(partition).with_context(|| format!("look into {}", partition.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
            // What is not on the disk yet cannot leave memory.
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}
