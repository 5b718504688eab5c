//! Prometheus' text format: the samples of a metric stand together below its type.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::summary::SummaryView;

/// The percentiles that upstream's histograms show, as the exporter writes them.
const QUANTILES: [(&str, f64); 6] =
    [("0.50", 0.5), ("0.75", 0.75), ("0.95", 0.95), ("0.98", 0.98), ("0.99", 0.99), ("0.999", 0.999)];

/// Metrics by name.
#[derive(Default)]
pub struct Page(BTreeMap<String, Samples>);

/// A metric's kind, and its labels and values.
struct Samples {
    kind: &'static str,
    values: Vec<(String, f64)>,
}

impl Page {
    /// A number that only grows. `labels` are names and values.
    pub fn counter(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.add("counter", name, labels, value as f64);
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.add("gauge", name, labels, value);
    }

    /// A histogram as the exporter shows upstream's: quantiles, and how many values there ever were. `scale` is what one of
    /// its units is in the metric's.
    pub fn histogram(&mut self, name: &str, labels: &[(&str, &str)], (count, recent): &(u64, SummaryView), scale: f64) {
        self.counter(&format!("{name}_count"), labels, *count);
        for (quantile, share) in QUANTILES {
            let value = recent.quantile(share).map_or(0.0, |value| value as f64 * scale);
            self.gauge(name, &[labels, &[("quantile", quantile)]].concat(), value);
        }
    }

    fn add(&mut self, kind: &'static str, name: &str, labels: &[(&str, &str)], value: f64) {
        let samples = self.0.entry(name.to_string()).or_insert_with(|| Samples { kind, values: Vec::new() });
        let pairs: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        samples.values.push((pairs.join(","), value));
    }

    /// Appends everything.
    pub fn write(&self, out: &mut String) {
        for (name, Samples { kind, values }) in &self.0 {
            // Writing to a string does not fail.
            let _ = writeln!(out, "# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = match labels.as_str() {
                    "" => writeln!(out, "{name} {value}"),
                    labels => writeln!(out, "{name}{{{labels}}} {value}"),
                };
            }
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Summary;

    #[test]
    fn samples_of_a_metric_stand_together() {
        let mut page = Page::default();
        page.gauge("b", &[], 1.5);
        page.counter("a_total", &[("topic", "x\"y")], 2);
        page.gauge("b", &[("topic", "t"), ("partition", "0")], 3.0);
        let mut out = String::new();
        page.write(&mut out);
        let expected = "# TYPE a_total counter\na_total{topic=\"x\\\"y\"} 2\n# TYPE b gauge\nb 1.5\n\
                        b{topic=\"t\",partition=\"0\"} 3\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn a_histogram_is_quantiles_and_a_count() {
        let (summary, mut page, mut out) = (Summary::default(), Page::default(), String::new());
        summary.add(2000);
        page.histogram("ms", &[("request", "Fetch")], &(7, summary.view()), 1e-3);
        page.write(&mut out);
        assert!(out.starts_with("# TYPE ms gauge\nms{request=\"Fetch\",quantile=\"0.50\"} 2\n"), "{out}");
        assert!(out.ends_with("# TYPE ms_count counter\nms_count{request=\"Fetch\"} 7\n"), "{out}");
    }
}
