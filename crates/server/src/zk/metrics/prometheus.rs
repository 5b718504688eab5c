//! Metrics in Prometheus' text format, as upstream's `PrometheusMetricsProvider` of 3.9 names them: counters without
//! `_total`, summaries with quantiles, `_count` and `_sum`.

use std::fmt::Write as _;

use super::summary::SummaryView;
use super::{Metric, Value};

/// Appends the metrics.
pub fn write(metrics: &[Metric], out: &mut String) {
    for (name, value) in metrics {
        let kind = match value {
            Value::Gauge(_) | Value::Decimal(_) => "gauge",
            Value::Counter(_) => "counter",
            Value::Basic(_) | Value::Advanced(_) => "summary",
        };
        let _ = writeln!(out, "# HELP {name} {name}\n# TYPE {name} {kind}");
        match value {
            Value::Gauge(value) => line(out, name, value),
            Value::Decimal(value) => line(out, name, value),
            Value::Counter(value) => line(out, name, value),
            Value::Basic(view) => summary(out, name, view, &[0.5]),
            Value::Advanced(view) => summary(out, name, view, &[0.5, 0.95, 0.99]),
        }
    }
}

fn line(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name} {value}");
}

fn summary(out: &mut String, name: &str, view: &SummaryView, quantiles: &[f64]) {
    for share in quantiles {
        let key = format!("{name}{{quantile=\"{share}\"}}");
        // Without values there is no quantile, and 0 would be a claim.
        match view.quantile(*share) {
            None => line(out, &key, "NaN"),
            Some(value) => line(out, &key, value),
        }
    }
    line(out, &format!("{name}_count"), view.count);
    line(out, &format!("{name}_sum"), view.sum);
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
        ];
        write(&metrics, &mut out);
        let values: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "znode_count 5",
            "avg_latency 0.25",
            "response_bytes 7",
            "readlatency{quantile=\"0.5\"} 2",
            "readlatency{quantile=\"0.95\"} 9",
            "readlatency{quantile=\"0.99\"} 9",
            "readlatency_count 3",
            "readlatency_sum 12",
            "fsynctime{quantile=\"0.5\"} NaN",
            "fsynctime_count 0",
            "fsynctime_sum 0",
        ];
        assert_eq!(values, expected);
        assert!(out.contains("# TYPE response_bytes counter\n") && out.contains("# TYPE fsynctime summary\n"));
    }
}
