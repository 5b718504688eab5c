//! Metrics in Prometheus' text format, as upstream's `PrometheusMetricsProvider` of 3.9 names them: counters without
//! `_total`, summaries with quantiles, `_count` and `_sum`.

use std::fmt::Write as _;

use super::summary::SummaryView;
use super::{Metric, Value};

/// Appends the metrics.
pub fn write(metrics: &[Metric], out: &mut String) {
    for (name, value) in metrics {
        let kind = match value {
            Value::Gauge(_) | Value::Decimal(_) | Value::GaugeSet(_) => "gauge",
            Value::Counter(_) | Value::CounterSet(_) => "counter",
            Value::Basic(_) | Value::Advanced(_) => "summary",
        };
        let _ = writeln!(out, "# HELP {name} {name}\n# TYPE {name} {kind}");
        for Sample { name, value } in samples(name, value) {
            let _ = writeln!(out, "{name} {value}");
        }
    }
}

/// One number of a metric.
pub struct Sample {
    /// With its label, as in `readlatency{quantile="0.5"}`.
    pub name: String,
    /// Not a number for a quantile of nothing: 0 would be a claim.
    pub value: f64,
}

/// A metric's numbers.
pub fn samples(name: &str, value: &Value) -> Vec<Sample> {
    let plain = |value: f64| vec![Sample { name: name.to_string(), value }];
    let keyed = |key: &str, value: f64| Sample { name: format!("{name}{{key=\"{}\"}}", escaped(key)), value };
    match value {
        Value::Gauge(value) => plain(*value as f64),
        Value::Decimal(value) => plain(*value),
        Value::Counter(value) => plain(*value as f64),
        Value::Basic(view) => summary(name, view, &[0.5]),
        Value::Advanced(view) => summary(name, view, &[0.5, 0.9, 0.99]),
        Value::GaugeSet(values) => values.iter().map(|(key, value)| keyed(key, *value as f64)).collect(),
        Value::CounterSet(values) => values.iter().map(|(key, value)| keyed(key, *value as f64)).collect(),
    }
}

fn summary(name: &str, view: &SummaryView, quantiles: &[f64]) -> Vec<Sample> {
    let quantile = |share: &f64| Sample {
        name: format!("{name}{{quantile=\"{share}\"}}"),
        value: view.quantile(*share).map_or(f64::NAN, |value| value as f64),
    };
    let sums = [("count", view.count), ("sum", view.sum)];
    let sums = sums.map(|(end, value)| Sample { name: format!("{name}_{end}"), value: value as f64 });
    quantiles.iter().map(quantile).chain(sums).collect()
}

/// A label's value between its quotes.
fn escaped(key: &str) -> String {
    key.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::summary::Summary;
    use super::*;

    #[test]
    fn the_format() {
        let values = Summary::default();
        [1, 2, 9].into_iter().for_each(|value| values.add(value));
        let mut out = String::new();
        let metrics = [
            ("znode_count", Value::Gauge(5)),
            ("avg_latency", Value::Decimal(0.25)),
            ("response_bytes", Value::Counter(7)),
            ("readlatency", Value::Advanced(values.view())),
            ("fsynctime", Value::Basic(SummaryView::default())),
            ("quota", Value::GaugeSet([("a\"\\\n".to_string(), -1)].into())),
            ("refused", Value::CounterSet([("a".to_string(), 2), ("b".to_string(), 3)].into())),
        ];
        write(&metrics, &mut out);
        let values: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "znode_count 5",
            "avg_latency 0.25",
            "response_bytes 7",
            "readlatency{quantile=\"0.5\"} 2",
            "readlatency{quantile=\"0.9\"} 9",
            "readlatency{quantile=\"0.99\"} 9",
            "readlatency_count 3",
            "readlatency_sum 12",
            "fsynctime{quantile=\"0.5\"} NaN",
            "fsynctime_count 0",
            "fsynctime_sum 0",
            r#"quota{key="a\"\\\n"} -1"#,
            "refused{key=\"a\"} 2",
            "refused{key=\"b\"} 3",
        ];
        assert_eq!(values, expected);
        assert!(out.contains("# TYPE response_bytes counter\n") && out.contains("# TYPE fsynctime summary\n"));
    }
}
