//! A large tree: what a znode takes, how long a start takes, and whom snapshots hold up.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::row::{Row, median};
use super::{Bench, Both, number, say};
use crate::bench::servers::{Running, resident_bytes};

const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// Nobody snapshots within a run.
const WITHOUT_SNAPSHOTS: &str = "snapCount=1000000000\n";
/// Several snapshots within a run.
const WITH_SNAPSHOTS: &str = "snapCount=30000\n";

#[derive(Default)]
struct Seen {
    each: Vec<f64>,
    start_ms: Vec<f64>,
    gap_without_ms: Vec<f64>,
    gap_with_ms: Vec<f64>,
}

/// Fills both servers, one after the other, and measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let dir = bench.dir.join("large");
    let ours = of(bench, &dir.join("ours"), &|dir, extra| bench.start_ours(dir, extra))?;
    let apache = of(bench, &dir.join("apache"), &|dir, extra| bench.start_apache(dir, extra))?;
    let (without, with) = (median(&ours.gap_without_ms), median(&ours.gap_with_ms));
    let both = |of: fn(&Seen) -> &Vec<f64>| Both { ours: of(&ours).clone(), apache: of(&apache).clone() };
    let fast = median(&ours.start_ms) <= 1200.0;
    let start = Row::plain("start to first reply, large tree", "ms", both(|seen| &seen.start_ms));
    Ok(vec![
        Row::plain(format!("{} znodes of 100 B, resident each", bench.options.znodes), "B", both(|seen| &seen.each))
            .at_most(280.0, ""),
        // One of the two is enough.
        if fast { start.at_most(1200.0, "") } else { start.ratio_at_most(0.25) },
        Row::plain("longest silence under steady writes, snapshots off", "ms", both(|seen| &seen.gap_without_ms)),
        Row::plain("longest silence under steady writes, snapshots on", "ms", both(|seen| &seen.gap_with_ms))
            .at_most(2.0 * without.max(1.0), &format!(" (twice that without; it is {:.1} times)", with / without)),
    ])
}

fn of(bench: &Bench, dir: &Path, start: &dyn Fn(&Path, &str) -> Result<Running>) -> Result<Seen> {
    let mut seen = Seen::default();
    let server = start(dir, "")?;
    say(&format!("{}: making {} znodes", server.name, bench.options.znodes));
    let before = resident_bytes(server.pid())?;
    let (address, count) = (format!("127.0.0.1:{}", server.port), bench.options.znodes.to_string());
    let fill = ["zookeeper", "--server", &address, "--operation", "create", "--count", &count, "--keep"];
    let fill: Vec<&str> = fill.into_iter().chain(["--warm-up", "0", "--duration", "600"]).collect();
    bench.generator(&fill, Duration::from_secs(900))?;
    let grown = resident_bytes(server.pid())?.saturating_sub(before);
    seen.each.push(grown as f64 / bench.options.znodes as f64);
    server.stop(STOP_DEADLINE)?;
    for run in 1..=bench.options.runs {
        for (extra, gaps) in [(WITHOUT_SNAPSHOTS, &mut seen.gap_without_ms), (WITH_SNAPSHOTS, &mut seen.gap_with_ms)] {
            let server = start(dir, extra)?;
            say(&format!("{}: steady writes, {}, run {run}", server.name, extra.trim_end()));
            seen.start_ms.push(server.started_in.as_secs_f64() * 1e3);
            let address = format!("127.0.0.1:{}", server.port);
            let seconds = (2.0 * bench.options.seconds).to_string();
            let steady = ["zookeeper", "--server", &address, "--operation", "set", "--rate", "20000"];
            let steady: Vec<&str> = steady.into_iter().chain(["--warm-up", "3", "--duration", &seconds]).collect();
            let report = bench.generator(&steady, Duration::from_secs(300))?;
            gaps.push(number(&report, "/longest_gap_us")? / 1e3);
            server.stop(STOP_DEADLINE)?;
        }
    }
    Ok(seen)
}
