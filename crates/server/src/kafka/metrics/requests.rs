//! Requests by API: how many, how large, and where their time went (`RequestMetrics.scala`). Counting is a handful of
//! relaxed atomic operations; nobody waits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use base::Instant;
use kafka_wire::{ApiKey, RequestHeader};
use parking_lot::Mutex;

use crate::summary::{Summary, SummaryView};

/// Above every API key and every version.
const KEYS: usize = 128;
const VERSIONS: usize = 32;
/// Quantiles are of at least the last so many, and of twice as many at most.
const WINDOW: Duration = Duration::from_secs(150);

/// Everything about requests.
pub struct Requests {
    by_key: Vec<OnceLock<Box<Api>>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { by_key: (0..KEYS).map(|_| OnceLock::new()).collect() }
    }
}

/// Where the time of one request went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// From the whole request to the whole response.
    pub total: Duration,
    /// The connection's own work on it.
    pub local: Duration,
    /// Waiting for shards, for the node, for bytes to fetch.
    pub remote: Duration,
    /// Writing the response.
    pub send: Duration,
    /// How long the client was told to rest.
    pub throttle: Duration,
}

/// One API's numbers.
#[derive(Default)]
pub struct Api {
    versions: [AtomicU64; VERSIONS],
    /// Microseconds.
    pub total: Recent,
    /// Microseconds.
    pub local: Recent,
    /// Microseconds.
    pub remote: Recent,
    /// Microseconds.
    pub send: Recent,
    /// Milliseconds, of requests whose client had to rest.
    pub throttle: Recent,
    /// Bytes.
    pub request_bytes: Recent,
}

impl Requests {
    /// A request was answered, or needed no answer.
    pub fn record(&self, header: &RequestHeader, request_bytes: usize, times: Times) {
        let Some(api) = usize::try_from(header.api_key).ok().and_then(|key| self.by_key.get(key)) else { return };
        let api = api.get_or_init(Box::default);
        if let Some(version) = usize::try_from(header.api_version).ok().and_then(|version| api.versions.get(version)) {
            version.fetch_add(1, Relaxed);
        }
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        api.total.add(us(times.total));
        api.local.add(us(times.local));
        api.remote.add(us(times.remote));
        api.send.add(us(times.send));
        if !times.throttle.is_zero() {
            api.throttle.add(us(times.throttle) / 1000);
        }
        api.request_bytes.add(request_bytes as u64);
    }

    /// The APIs that were asked for, by the name that metrics have.
    pub fn seen(&self) -> impl Iterator<Item = (ApiKey, &Api)> {
        let seen = self.by_key.iter().enumerate().filter_map(|(key, api)| Some((key, &**api.get()?)));
        seen.filter_map(|(key, api)| Some((ApiKey::from_i16(i16::try_from(key).ok()?)?, api)))
    }
}

impl Api {
    /// How often each version was used, of those that were.
    pub fn versions(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.versions.iter().map(|count| count.load(Relaxed)).enumerate();
        counts.filter(|(_, count)| *count > 0)
    }
}

/// A summary whose quantiles are of the last minutes, as upstream's histograms forget; its count is of all time.
#[derive(Default)]
pub struct Recent {
    all: Summary,
    /// When the newer of the two views was made, and both: the older one is what has been forgotten.
    views: Mutex<(Instant, SummaryView, SummaryView)>,
}

impl Recent {
    /// Adds a value.
    pub fn add(&self, value: u64) {
        self.all.add(value);
    }

    /// How many values there ever were, and those of the last minutes.
    pub fn view(&self, now: Instant) -> (u64, SummaryView) {
        let view = self.all.view();
        let mut views = self.views.lock();
        if now.since(views.0) >= WINDOW {
            let (_, newer, _) = std::mem::take(&mut *views);
            *views = (now, view.clone(), newer);
        }
        (view.count, view.since(&views.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_forget_and_counts_do_not() {
        let recent = Recent::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        recent.add(1000);
        assert_eq!(recent.view(at(200)).1.quantile(0.5), Some(1000));
        recent.add(10);
        let (count, view) = recent.view(at(400));
        assert_eq!((count, view.quantile(0.5)), (2, Some(10)), "the first is more than two windows old");
        let (count, view) = recent.view(at(600));
        assert_eq!((count, view.count, view.quantile(0.5)), (2, 0, None));
    }

    #[test]
    fn a_request_is_counted_by_api_and_version() {
        let requests = Requests::default();
        let header = |api_key, api_version| RequestHeader { api_key, api_version, correlation_id: 1, client_id: None };
        requests.record(&header(1, 12), 100, Times::default());
        requests.record(&header(1, 12), 100, Times::default());
        requests.record(&header(1, 4), 100, Times::default());
        requests.record(&header(-1, 4), 100, Times::default());
        requests.record(&header(i16::MAX, 99), 100, Times::default());
        let seen: Vec<_> = requests.seen().map(|(key, api)| (key, api.versions().collect::<Vec<_>>())).collect();
        assert_eq!(seen, [(ApiKey::Fetch, vec![(4, 1), (12, 2)])]);
    }
}
