//! The result of a run, as a table for people or as JSON for programs.

use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::Sample;

/// How to print the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// What a run measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was sent, in words.
    pub workload: String,
    /// Connections used.
    pub connections: usize,
    /// Requests in flight per connection at most.
    pub outstanding: usize,
    /// Measured time, seconds.
    pub seconds: f64,
    /// Requests answered.
    pub requests: u64,
    /// Requests per second.
    pub requests_per_second: f64,
    /// Payload, MB (10^6 bytes) per second; absent where a request has no payload worth counting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub megabytes_per_second: Option<f64>,
    /// Microseconds from due to answered.
    pub latency_us: Latency,
    /// The longest time in which no connection got an answer, microseconds.
    pub longest_gap_us: u64,
    /// The server's CPU time per request, microseconds (with `--server-pid`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_request: Option<f64>,
    /// The server's resident memory at the end, bytes (with `--server-pid`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_resident_bytes: Option<u64>,
}

/// Percentiles, microseconds.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub mean: f64,
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl Report {
    /// Joins what the connections saw.
    pub fn new(
        workload: String,
        outstanding: usize,
        duration: Duration,
        payload: bool,
        samples: &[Sample],
    ) -> anyhow::Result<Self> {
        let mut latency: Histogram<u64> = Histogram::new_with_bounds(1, super::load::LATENCY_US_MAX, 3)?;
        for sample in samples {
            latency.add(&sample.latency_us)?;
        }
        let requests: u64 = samples.iter().map(|sample| sample.requests).sum();
        let units: u64 = samples.iter().map(|sample| sample.units).sum();
        let seconds = duration.as_secs_f64();
        Ok(Self {
            workload,
            connections: samples.len(),
            outstanding,
            seconds,
            requests,
            requests_per_second: requests as f64 / seconds,
            megabytes_per_second: payload.then(|| units as f64 / seconds / 1e6),
            latency_us: Latency {
                mean: latency.mean(),
                p50: latency.value_at_quantile(0.5),
                p99: latency.value_at_quantile(0.99),
                p999: latency.value_at_quantile(0.999),
                max: latency.max(),
            },
            longest_gap_us: 0,
            server_cpu_us_per_request: None,
            server_resident_bytes: None,
        })
    }

    /// The report in the wanted form.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn render(&self, format: Format) -> anyhow::Result<String> {
        if format == Format::Json {
            return Ok(serde_json::to_string_pretty(self)?);
        }
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY);
        let mut row = |name: &str, value: String| {
            table.add_row([name.to_string(), value]);
        };
        row("workload", self.workload.clone());
        row("connections x outstanding", format!("{} x {}", self.connections, self.outstanding));
        row("requests", format!("{} in {:.1} s", self.requests, self.seconds));
        row("throughput", format!("{:.0} requests/s", self.requests_per_second));
        if let Some(megabytes) = self.megabytes_per_second {
            row("", format!("{megabytes:.1} MB/s"));
        }
        let latency = &self.latency_us;
        row("latency p50", format!("{} us", latency.p50));
        row("latency p99", format!("{} us", latency.p99));
        row("latency p99.9", format!("{} us", latency.p999));
        row("latency max", format!("{} us", latency.max));
        row("longest silence", format!("{} us", self.longest_gap_us));
        if let Some(cpu) = self.server_cpu_us_per_request {
            row("server CPU", format!("{cpu:.2} us/request"));
        }
        if let Some(bytes) = self.server_resident_bytes {
            row("server memory", format!("{:.1} MiB resident", bytes as f64 / (1 << 20) as f64));
        }
        Ok(table.to_string())
    }
}
