//! Rates over sliding windows, and how long a client that is over its limit has to rest until it is not
//! (`SampledStat.java`, `Rate.java`, `QuotaUtils.java`).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::{Instant, Str};

use super::table::Scope;
use super::{Kind, Quotas};

/// So many clients are remembered; of more, those that have been quiet longest are forgotten.
const METERS_MAX: usize = 10_000;

/// The rates of all clients that have a limit.
#[derive(Debug)]
pub struct Meters {
    /// `quota.window.num`.
    windows: usize,
    /// `quota.window.size.seconds`.
    window: Duration,
    meters: BTreeMap<(Kind, Scope), Meter>,
}

/// One rate.
#[derive(Debug, Default)]
struct Meter {
    /// When each window began, and what was counted in it; oldest first.
    samples: VecDeque<(Instant, f64)>,
}

/// A client, as quotas know it.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its user.
    pub user: &'a Str,
    /// Its client id.
    pub client: &'a Str,
}

impl Meters {
    /// Nothing counted yet. `windows` is at least 1.
    pub fn new(windows: usize, window: Duration) -> Self {
        Self { windows: windows.max(1), window: window.max(Duration::from_millis(1)), meters: BTreeMap::new() }
    }

    /// Counts for a client and says how long it has to rest; not at all without a limit.
    pub fn record(&mut self, now: Instant, quotas: &Quotas, kind: Kind, client: Client<'_>, value: f64) -> Duration {
        let Some((scope, limit)) = quotas.limit(kind, client.user, client.client) else { return Duration::ZERO };
        let (windows, window) = (self.windows, self.window);
        self.make_room(now);
        let meter = self.meters.entry((kind, scope)).or_default();
        meter.record(now, windows, window, value);
        let rest = meter.rest(now, windows, window, limit);
        // Time is spent by the server too: its own slowness does not lock a client out for long.
        if kind == Kind::Request { rest.min(window) } else { rest }
    }

    /// Counts a connection of an address and says how long it has to wait before it is closed, since it is one too many;
    /// not at all when it may stay. One that may not stay does not count.
    pub fn connection(&mut self, now: Instant, quotas: &Quotas, address: &Str) -> Duration {
        let Some(limit) = quotas.of_address(address) else { return Duration::ZERO };
        let (windows, window) = (self.windows, self.window);
        self.make_room(now);
        let scope = Scope { user: Str::default(), client: address.clone() };
        let meter = self.meters.entry((Kind::Connection, scope)).or_default();
        meter.record(now, windows, window, 1.0);
        let rest = meter.rest(now, windows, window, limit).min(window);
        if let Some((_, counted)) = meter.samples.back_mut().filter(|_| !rest.is_zero()) {
            *counted -= 1.0;
        }
        rest
    }

    /// Takes back what was counted, since it was not given after all.
    pub fn take_back(&mut self, quotas: &Quotas, kind: Kind, client: Client<'_>, value: f64) {
        let Some((scope, _)) = quotas.limit(kind, client.user, client.client) else { return };
        if let Some((_, counted)) = self.meters.get_mut(&(kind, scope)).and_then(|meter| meter.samples.back_mut()) {
            *counted -= value;
        }
    }

    /// The most that a client may have within all windows; `None` without a limit.
    pub fn most(&self, quotas: &Quotas, kind: Kind, client: Client<'_>) -> Option<f64> {
        let (_, limit) = quotas.limit(kind, client.user, client.client)?;
        Some(limit * (self.windows.saturating_sub(1)).max(1) as f64 * self.window.as_secs_f64())
    }

    fn make_room(&mut self, now: Instant) {
        if self.meters.len() < METERS_MAX {
            return;
        }
        let age = self.window * self.windows as u32;
        self.meters.retain(|_, meter| meter.samples.back().is_some_and(|(at, _)| now.since(*at) < age));
        if self.meters.len() >= METERS_MAX {
            let quiet = self.meters.iter().min_by_key(|(_, meter)| meter.samples.back().map(|(at, _)| *at));
            if let Some(key) = quiet.map(|(key, _)| key.clone()) {
                self.meters.remove(&key);
            }
        }
    }
}

impl Meter {
    fn record(&mut self, now: Instant, windows: usize, window: Duration, value: f64) {
        match self.samples.back_mut() {
            Some((began, counted)) if now.since(*began) < window => *counted += value,
            _ => self.samples.push_back((now, value)),
        }
        self.forget_old(now, windows, window);
    }

    fn forget_old(&mut self, now: Instant, windows: usize, window: Duration) {
        let age = window * windows as u32;
        while self.samples.front().is_some_and(|(began, _)| now.since(*began) >= age) {
            self.samples.pop_front();
        }
    }

    /// Until the average over the windows is at the limit again.
    fn rest(&self, now: Instant, windows: usize, window: Duration, limit: f64) -> Duration {
        let Some((oldest, _)) = self.samples.front() else { return Duration::ZERO };
        let counted: f64 = self.samples.iter().map(|(_, counted)| counted).sum();
        // A client that has only begun is measured as if it had been quiet before.
        let elapsed = now.since(*oldest);
        let full = (elapsed.as_nanos() / window.as_nanos()) as u32;
        let missing = (windows as u32 - 1).saturating_sub(full);
        let span = (elapsed + window * missing).max(window).as_secs_f64();
        let rate = counted / span;
        if rate <= limit {
            return Duration::ZERO;
        }
        // A limit of nothing stops a client for all windows.
        let rest = if limit > 0.0 { (rate - limit) / limit * span } else { span };
        Duration::from_secs_f64(rest.min(1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Properties;
    use crate::quota::Entity;

    fn limited(key: &str, limit: &str) -> Quotas {
        let mut quotas = Quotas::default();
        let properties = Properties::from([(key.to_string(), limit.to_string())]);
        quotas.learn(Entity::from_path("clients/<default>").expect("an entity"), &properties);
        quotas
    }

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn meters() -> Meters {
        Meters::new(11, Duration::from_secs(1))
    }

    #[test]
    fn a_client_rests_for_what_it_had_too_much() {
        let quotas = limited("producer_byte_rate", "1000");
        let (user, app, other) = (Str::from("ANONYMOUS"), Str::from("app"), Str::from("other"));
        let app = Client { user: &user, client: &app };
        let mut meters = meters();
        // Ten windows' worth is free for who was quiet before; every 1000 bytes more are a second.
        assert_eq!(meters.record(at(0), &quotas, Kind::Produce, app, 10_000.0), Duration::ZERO);
        assert_eq!(meters.record(at(0), &quotas, Kind::Produce, app, 2000.0).as_millis(), 2000);
        assert!(!meters.record(at(2001), &quotas, Kind::Produce, app, 0.0).is_zero(), "the ten windows are not over");
        assert!(meters.record(at(12_001), &quotas, Kind::Produce, app, 0.0).is_zero());
        let other = Client { user: &user, client: &other };
        assert_eq!(meters.record(at(2000), &quotas, Kind::Produce, other, 10_000.0), Duration::ZERO, "each by itself");
        assert_eq!(meters.record(at(2000), &quotas, Kind::Fetch, app, 1e9), Duration::ZERO, "no limit");
    }

    #[test]
    fn a_client_that_obeys_gets_its_rate() {
        let quotas = limited("consumer_byte_rate", "1000");
        let (user, client) = (Str::from("u"), Str::from("c"));
        let client = Client { user: &user, client: &client };
        let mut meters = meters();
        let (mut now, mut given) = (0, 0.0);
        while now < 60_000 {
            given += 700.0;
            now += 1 + meters.record(at(now), &quotas, Kind::Fetch, client, 700.0).as_millis() as u64;
        }
        let rate = given / 60.0;
        assert!((1000.0..1250.0).contains(&rate), "{rate} with the free start");
    }

    #[test]
    fn what_was_not_given_does_not_count() {
        let quotas = limited("consumer_byte_rate", "100");
        let (user, client) = (Str::from("u"), Str::from("c"));
        let client = Client { user: &user, client: &client };
        let mut meters = meters();
        assert_eq!(meters.most(&quotas, Kind::Fetch, client), Some(1000.0));
        assert_eq!(meters.record(at(0), &quotas, Kind::Fetch, client, 1100.0).as_millis(), 1000);
        meters.take_back(&quotas, Kind::Fetch, client, 1100.0);
        assert_eq!(meters.record(at(0), &quotas, Kind::Fetch, client, 1000.0), Duration::ZERO);
        assert_eq!(meters.most(&quotas, Kind::Produce, client), None);
    }

    #[test]
    fn time_of_requests_costs_a_window_at_most() {
        let quotas = limited("request_percentage", "1");
        let (user, client) = (Str::from("u"), Str::from("c"));
        let client = Client { user: &user, client: &client };
        assert_eq!(meters().record(at(0), &quotas, Kind::Request, client, 5000.0), Duration::from_secs(1));
    }

    #[test]
    fn an_address_opens_so_many_connections_a_second() {
        let (one, other) = (Str::from("10.0.0.1"), Str::from("10.0.0.2"));
        let mut quotas = Quotas::default();
        let rate = |rate: &str| Properties::from([("connection_creation_rate".to_string(), rate.to_string())]);
        let entity = |path: &str| Entity::from_path(path).expect("an entity");
        quotas.learn(entity("ips/10.0.0.1"), &rate("2"));
        let mut meters = Meters::new(2, Duration::from_secs(1));
        assert!(meters.connection(at(0), &quotas, &one).is_zero());
        assert!(meters.connection(at(0), &quotas, &one).is_zero());
        for _ in 0..3 {
            assert_eq!(meters.connection(at(0), &quotas, &one).as_millis(), 500, "refused ones do not add up");
        }
        assert!(meters.connection(at(0), &quotas, &other).is_zero(), "no limit");
        quotas.learn(entity("ips/<default>"), &rate("1"));
        assert!(meters.connection(at(0), &quotas, &other).is_zero());
        assert!(!meters.connection(at(0), &quotas, &other).is_zero(), "the default");
        assert!(meters.connection(at(2000), &quotas, &one).is_zero(), "the windows are over");
    }

    #[test]
    fn many_client_ids_cost_bounded_memory() {
        let quotas = limited("producer_byte_rate", "100");
        let user = Str::from("u");
        let mut meters = meters();
        for n in 0..METERS_MAX as u64 + 100 {
            let client = Str::from(n.to_string());
            meters.record(at(n / 100), &quotas, Kind::Produce, Client { user: &user, client: &client }, 1.0);
        }
        assert!(meters.meters.len() <= METERS_MAX);
    }
}
