//! From the producer to the consumers at 5,000 records a second, with few and with many partitions and connections.

use anyhow::Result;
use serde_json::Value;

use super::{Bench, number};
use crate::bench::keeper::Both;
use crate::bench::keeper::row::{Row, median};
use crate::bench::say;
use crate::bench::servers::Running;

const P99_US: f64 = 1000.0;
const P999_US: f64 = 3000.0;
/// What many partitions and connections may add.
const CHANGE: f64 = 1.5;

/// Percentiles of both servers, microseconds.
#[derive(Default)]
pub struct Tails {
    /// 99 of 100.
    pub p99: Both,
    /// 999 of 1,000.
    pub p999: Both,
}

/// The rows.
pub fn measure(bench: &Bench, servers: &[Running; 2]) -> Result<Vec<Row>> {
    let few = of(bench, servers, 8)?;
    let many = of(bench, servers, 1000)?;
    let name = "5,000 records of 100 B a second, acks=all, producer to consumer";
    let (p99_most, p999_most) = (CHANGE * median(&few.p99.ours), CHANGE * median(&few.p999.ours));
    let why = " (half more than with few)";
    Ok(vec![
        Row::plain(format!("{name}, p99"), "us", few.p99).at_most(P99_US, ""),
        Row::plain(format!("{name}, p99.9"), "us", few.p999).at_most(P999_US, ""),
        Row::plain(format!("{name}, 1,000 partitions and as many consumers, p99"), "us", many.p99)
            .at_most(p99_most, why),
        Row::plain(format!("{name}, 1,000 partitions and as many consumers, p99.9"), "us", many.p999)
            .at_most(p999_most, why),
    ])
}

fn of(bench: &Bench, servers: &[Running; 2], partitions: usize) -> Result<Tails> {
    let mut tails = Tails::default();
    for run in 1..=bench.options.runs {
        say(&format!("producer to consumer, {partitions} partitions, run {run} of {}", bench.options.runs));
        let [ours, apache] = servers;
        for (server, p99, p999) in
            [(apache, &mut tails.p99.apache, &mut tails.p999.apache), (ours, &mut tails.p99.ours, &mut tails.p999.ours)]
        {
            let report = one(bench, server, partitions)?;
            p99.push(number(&report, "/latency_us/p99")?);
            p999.push(number(&report, "/latency_us/p999")?);
        }
    }
    Ok(tails)
}

/// One run against one server.
pub fn one(bench: &Bench, server: &Running, partitions: usize) -> Result<Value> {
    let (broker, partitions) = (format!("127.0.0.1:{}", server.port), partitions.to_string());
    let seconds = 2.0 * bench.options.seconds;
    let seconds_text = seconds.to_string();
    let arguments = ["end-to-end", "--broker", &broker, "--partitions", &partitions, "--duration", &seconds_text];
    bench.generator(&arguments, seconds)
}
