//! Counts of values, as upstream's `AvgMinMaxCounter` and `AvgMinMaxPercentileCounter` show them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Values below this have a bucket each.
const EXACT: u64 = 16;
/// Buckets per power of two above that: a quantile is at most an eighth too large.
const PER_POWER: usize = 8;
const BUCKETS: usize = EXACT as usize + (64 - EXACT.ilog2() as usize) * PER_POWER;

/// Values that were added: how many, their sum, the smallest, the largest, and where they lie. Adding is a handful of
/// relaxed atomic operations; nobody ever waits.
#[derive(Debug)]
pub struct Summary {
    count: AtomicU64,
    sum: AtomicU64,
    /// `u64::MAX` before the first value.
    min: AtomicU64,
    max: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Summary {
    /// Adds a value.
    pub fn add(&self, value: u64) {
        self.count.fetch_add(1, Relaxed);
        if value > 0 {
            self.sum.fetch_add(value, Relaxed);
        }
        // Most values are neither smaller nor larger than all before: then nothing is written.
        if value < self.min.load(Relaxed) {
            self.min.fetch_min(value, Relaxed);
        }
        if value > self.max.load(Relaxed) {
            self.max.fetch_max(value, Relaxed);
        }
        self.buckets[bucket(value)].fetch_add(1, Relaxed);
    }

    /// Back to nothing.
    pub fn reset(&self) {
        self.count.store(0, Relaxed);
        self.sum.store(0, Relaxed);
        self.min.store(u64::MAX, Relaxed);
        self.max.store(0, Relaxed);
        self.buckets.iter().for_each(|bucket| bucket.store(0, Relaxed));
    }

    /// What it shows. Values added meanwhile may be in some numbers and not yet in others.
    pub fn view(&self) -> SummaryView {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let min = self.min.load(Relaxed);
        SummaryView {
            count: self.count.load(Relaxed),
            sum: self.sum.load(Relaxed),
            min: if min == u64::MAX { 0 } else { min },
            max: self.max.load(Relaxed),
            buckets,
        }
    }
}

/// A summary at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryView {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The smallest; 0 when there are none.
    pub min: u64,
    /// The largest.
    pub max: u64,
    /// How many in each bucket; empty when only the numbers above are known.
    buckets: Vec<u64>,
}

impl SummaryView {
    /// Of values that were counted elsewhere.
    pub fn of(count: u64, sum: u64, min: u64, max: u64) -> Self {
        Self { count, sum, min, max, buckets: Vec::new() }
    }

    /// The same with `zeros` more values of 0, which were counted elsewhere.
    pub fn with_zeros(mut self, zeros: u64) -> Self {
        if zeros > 0 {
            self.count += zeros;
            self.min = 0;
            if let Some(first) = self.buckets.first_mut() {
                *first += zeros;
            }
        }
        self
    }

    /// What was added since `earlier`, a view of the same summary. The smallest value is not known, and the largest is that
    /// of all time.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |index: usize| earlier.buckets.get(index).copied().unwrap_or(0);
        let buckets = self.buckets.iter().enumerate().map(|(index, count)| count.saturating_sub(before(index)));
        Self {
            count: self.count.saturating_sub(earlier.count),
            sum: self.sum.saturating_sub(earlier.sum),
            min: 0,
            max: self.max,
            buckets: buckets.collect(),
        }
    }

    /// The average; 0 when there are no values.
    pub fn average(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The value that `share` (0 to 1) of all values do not exceed; the bucket's upper end, never above the largest
    /// value. `None` when there are no values, or only their numbers are known.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let total: u64 = self.buckets.iter().sum();
        let wanted = (share * total as f64).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= wanted {
                return Some(upper_end(index).min(self.max));
            }
        }
        None
    }
}

fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let power = value.ilog2() as usize;
    let within = (value >> (power - PER_POWER.ilog2() as usize)) as usize - PER_POWER;
    EXACT as usize + (power - EXACT.ilog2() as usize) * PER_POWER + within
}

/// The largest value of a bucket.
fn upper_end(index: usize) -> u64 {
    if index < EXACT as usize {
        return index as u64;
    }
    let (power, within) = ((index - EXACT as usize) / PER_POWER, (index - EXACT as usize) % PER_POWER);
    let shift = power + EXACT.ilog2() as usize - PER_POWER.ilog2() as usize;
    let next = ((PER_POWER + within + 1) as u128) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        let mut last = 0;
        for value in (0..5000).chain([1 << 20, (1 << 20) + 1, 1 << 40, u64::MAX - 1, u64::MAX]) {
            let index = bucket(value);
            assert!(index < BUCKETS && index >= last, "{value}");
            last = index;
            assert!(value <= upper_end(index), "{value}");
            assert!(index == 0 || value > upper_end(index - 1), "{value}");
            assert!(upper_end(index) - value <= value / 8, "{value} is shown as {}", upper_end(index));
        }
    }

    #[test]
    fn numbers_and_quantiles() {
        let summary = Summary::default();
        assert_eq!((summary.view().min, summary.view().quantile(0.99), summary.view().average()), (0, None, 0.0));
        (1..=100).for_each(|value| summary.add(value));
        let view = summary.view();
        assert_eq!((view.count, view.sum, view.min, view.max, view.average()), (100, 5050, 1, 100, 50.5));
        assert_eq!([0.01, 0.1, 1.0].map(|share| view.quantile(share)), [Some(1), Some(10), Some(100)]);
        assert!(view.quantile(0.5).is_some_and(|median| (50..=55).contains(&median)));
        summary.add(5000);
        let since = summary.view().since(&view);
        assert_eq!((since.count, since.sum, since.quantile(0.5)), (1, 5000, Some(5000)));
        let more = view.with_zeros(300);
        assert_eq!((more.count, more.min, more.quantile(0.5), more.quantile(1.0)), (400, 0, Some(0), Some(100)));
        summary.reset();
        assert_eq!(summary.view().count, 0);
    }
}
