//! Metrics as keys with one number each: `mntr`, `monitor` (upstream: `DefaultMetricsProvider`).

use super::prometheus::{Sample, samples};
use super::summary::SummaryView;
use super::{Metric, Value};

/// A number as upstream prints it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without a point.
    Whole(i64),
    /// With at most four places.
    Decimal(f64),
    /// As a Java machine writes a number of its type `double`.
    Double(f64),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Decimal(number) => f.write_str(&decimal(*number)),
            Self::Double(number) => f.write_str(&double(*number)),
        }
    }
}

/// As upstream prints averages: at most four places, at least one.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_string() }
}

/// As Java's `Double.toString`: at least one place, and powers of ten from 10,000,000 on and below a thousandth.
fn double(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() || (1e-3..1e7).contains(&size) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    let (digits, power) = text.split_once('E').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{power}")
}

/// Every metric's keys and numbers: Prometheus' samples where its provider is configured, as upstream.
pub fn all(metrics: &[Metric], prometheus: bool) -> Vec<(String, Number)> {
    match prometheus {
        false => metrics.iter().flat_map(flat).collect(),
        true => {
            let samples = metrics.iter().flat_map(|(name, value)| samples(name, value));
            samples.map(|Sample { name, value }| (name, Number::Double(value))).collect()
        }
    }
}

/// A metric's keys and numbers, as upstream's default provider has them.
pub fn flat((name, value): &Metric) -> Vec<(String, Number)> {
    let whole = |value: u64| Number::Whole(i64::try_from(value).unwrap_or(i64::MAX));
    match value {
        Value::Gauge(value) => vec![((*name).to_string(), Number::Whole(*value))],
        Value::Decimal(value) => vec![((*name).to_string(), Number::Decimal(*value))],
        Value::Counter(value) => vec![((*name).to_string(), whole(*value))],
        Value::Basic(view) => basic(name, view),
        Value::Advanced(view) => {
            let quantiles = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];
            let quantiles =
                quantiles.map(|(key, share)| (format!("{key}_{name}"), whole(view.quantile(share).unwrap_or(0))));
            basic(name, view).into_iter().chain(quantiles).collect()
        }
        Value::GaugeSet(values) => {
            values.iter().map(|(key, value)| (format!("{key}_{name}"), Number::Whole(*value))).collect()
        }
        Value::CounterSet(values) => {
            values.iter().map(|(key, value)| (format!("{key}_{name}"), whole(*value))).collect()
        }
    }
}

fn basic(name: &str, view: &SummaryView) -> Vec<(String, Number)> {
    let whole = |value: u64| Number::Whole(i64::try_from(value).unwrap_or(i64::MAX));
    vec![
        (format!("avg_{name}"), Number::Decimal(rounded(view.average()))),
        (format!("min_{name}"), whole(view.min)),
        (format!("max_{name}"), whole(view.max)),
        (format!("cnt_{name}"), whole(view.count)),
        (format!("sum_{name}"), whole(view.sum)),
    ]
}

/// To four places.
pub fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_print_as_upstreams() {
        assert_eq!(decimal(0.0), "0.0");
        assert_eq!(decimal(0.58333), "0.5833");
        assert_eq!(decimal(12.5), "12.5");
    }

    #[test]
    fn a_summary_has_five_keys_and_an_advanced_one_nine() {
        let view = SummaryView::of(3, 7, 1, 5);
        let lines =
            |value| flat(&("x", value)).iter().map(|(key, number)| format!("{key} {number}")).collect::<Vec<_>>();
        assert_eq!(lines(Value::Basic(view)), ["avg_x 2.3333", "min_x 1", "max_x 5", "cnt_x 3", "sum_x 7"]);
        assert_eq!(lines(Value::Advanced(SummaryView::default())).len(), 9);
        assert_eq!(lines(Value::Gauge(-1)), ["x -1"]);
        assert_eq!(lines(Value::CounterSet([("a".to_string(), 3)].into())), ["a_x 3"]);
    }

    #[test]
    fn with_the_prometheus_provider_there_are_its_samples() {
        let metrics = [("x", Value::Basic(SummaryView::of(0, 0, 0, 0))), ("y", Value::Gauge(12_345_678))];
        let lines: Vec<String> = all(&metrics, true).iter().map(|(key, number)| format!("{key} {number}")).collect();
        assert_eq!(lines, ["x{quantile=\"0.5\"} NaN", "x_count 0.0", "x_sum 0.0", "y 1.2345678E7"]);
        let doubles =
            [0.0, -1.0, 0.001, 0.0001, 9_999_999.0, 1e7, 123e18].map(|value| Number::Double(value).to_string());
        assert_eq!(doubles, ["0.0", "-1.0", "0.001", "1.0E-4", "9999999.0", "1.0E7", "1.23E20"]);
    }
}
