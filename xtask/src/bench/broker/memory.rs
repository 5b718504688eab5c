//! Resident memory, idle and after load. Apache's figure is that of both its processes.

use anyhow::{Context, Result};

use super::{Bench, mib};
use crate::bench::keeper::Both;
use crate::bench::keeper::row::Row;
use crate::bench::say;
use crate::bench::servers::{self, Kind, Running};

const IDLE_MIB: f64 = 30.0;
/// What connections may hold together is a quarter of the machine's memory.
const BUDGET_PART: f64 = 4.0;

/// The rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (mut idle, mut loaded, mut started) = (Both::default(), Both::default(), Both::default());
    for run in 1..=bench.options.runs {
        say(&format!("memory and start, run {run} of {}", bench.options.runs));
        let dir = bench.dir.join(format!("memory-{run}"));
        let ours = servers::start_all_in_one(&bench.binary, &dir.join("ours"))?;
        of(bench, &ours, &mut idle.ours, &mut loaded.ours)?;
        started.ours.push(ours.started_in.as_secs_f64() * 1e3);
        drop(ours);
        // Apache's takes its time, and varies less.
        if run == 1 {
            let apache = servers::start_apache(Kind::Kafka, &dir.join("apache"), "")?;
            of(bench, &apache, &mut idle.apache, &mut loaded.apache)?;
            started.apache.push(apache.started_in.as_secs_f64() * 1e3);
        }
        std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    Ok(vec![
        Row::plain("start with an empty folder, both roles (Apache: the broker alone)", "ms", started)
            .at_most(100.0, ""),
        Row::plain("both roles idle, resident", "MiB", idle).at_most(IDLE_MIB, ""),
        Row::plain("both roles after produce and 100 consumers, resident", "MiB", loaded)
            .at_most(memory_mib()? / BUDGET_PART + IDLE_MIB, " (a quarter of the machine's and the idle)"),
    ])
}

fn of(bench: &Bench, server: &Running, idle: &mut Vec<f64>, loaded: &mut Vec<f64>) -> Result<()> {
    idle.push(mib(server.resident_bytes()?));
    let broker = format!("127.0.0.1:{}", server.port);
    let seconds = bench.options.seconds.to_string();
    let produce = ["kafka", "--broker", &broker, "--outstanding", "5", "--warm-up", "0.5", "--duration", &seconds];
    bench.generator(&produce, bench.options.seconds)?;
    let fetch = ["kafka", "--broker", &broker, "--operation", "fetch", "--partitions", "1", "--connections", "100"];
    let more = ["--outstanding", "1", "--fetch-size", "1048576", "--warm-up", "0.5", "--duration", &seconds];
    bench.generator(&[fetch.as_slice(), more.as_slice()].concat(), bench.options.seconds)?;
    loaded.push(mib(server.resident_bytes()?));
    Ok(())
}

fn memory_mib() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("look at the machine's memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).context("no MemTotal in /proc")?;
    let kib: f64 = line.split_whitespace().next().context("an empty MemTotal")?.parse()?;
    Ok(kib / 1024.0)
}
