//! The comparison as a table in Markdown, ready for `docs/performance.md`.

use std::fmt::Write as _;

use serde_json::Value;

use super::servers::Running;

/// What was measured of one workload.
pub struct Comparison {
    /// The workload.
    pub name: &'static str,
    /// Offered to both, requests per second.
    pub rate: f64,
    /// Ours as fast as it goes.
    pub best_ours: Value,
    /// Apache's as fast as it goes.
    pub best_apache: Value,
    /// Ours at the common rate.
    pub runs_ours: Vec<Value>,
    /// Apache's at the common rate.
    pub runs_apache: Vec<Value>,
}

/// Start-up time and idle memory of both.
pub fn start_line(kind: &str, ours: &Running, apache: &Running) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    format!(
        "{kind}: ready after {} ms (Apache {} ms), idle {:.1} MiB resident (Apache {:.1} MiB)",
        ours.started_in.as_millis(),
        apache.started_in.as_millis(),
        mib(ours.idle_resident_bytes),
        mib(apache.idle_resident_bytes)
    )
}

/// All comparisons; `ours / Apache's` in the last column.
pub fn render(comparisons: &[Comparison]) -> String {
    let mut out = String::new();
    for comparison in comparisons {
        let _ = writeln!(out, "\n### {}\n", comparison.name);
        let _ = writeln!(out, "| figure | castlekeep | Apache | ratio |\n| --- | ---: | ---: | ---: |");
        let best = |report: &Value| field(report, "/requests_per_second");
        row(&mut out, "highest rate, requests/s", &[best(&comparison.best_ours)], &[best(&comparison.best_apache)]);
        let _ = writeln!(out, "| offered rate, requests/s | {0:.0} | {0:.0} | |", comparison.rate);
        for (name, pointer) in [
            ("server CPU, us/request", "/server_cpu_us_per_request"),
            ("p50, us", "/latency_us/p50"),
            ("p99, us", "/latency_us/p99"),
            ("p99.9, us", "/latency_us/p999"),
            ("resident under load, MiB", "/server_resident_bytes"),
        ] {
            let scale = if pointer.ends_with("bytes") { f64::from(1 << 20) } else { 1.0 };
            let all = |runs: &[Value]| -> Vec<f64> { runs.iter().map(|run| field(run, pointer) / scale).collect() };
            row(&mut out, name, &all(&comparison.runs_ours), &all(&comparison.runs_apache));
        }
    }
    out
}

fn row(out: &mut String, name: &str, ours: &[f64], apache: &[f64]) {
    let ratio = median(ours) / median(apache);
    let _ = writeln!(out, "| {name} | {} | {} | {ratio:.2} |", spread(ours), spread(apache));
}

fn field(report: &Value, pointer: &str) -> f64 {
    report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median, and the extremes when there are several values.
fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let show = |value: f64| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if values.len() > 1 {
        format!("{} ({} to {})", show(median(values)), show(least), show(most))
    } else {
        show(median(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_median_and_the_extremes() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), "2.00 (1.00 to 3.00)");
        assert_eq!(spread(&[250.4]), "250");
        let mut out = String::new();
        row(&mut out, "p50", &[1.0], &[4.0]);
        assert_eq!(out, "| p50 | 1.00 | 4.00 | 0.25 |\n");
    }
}
