//! What a connection's requests cost its client, and how long it has to rest for that. The answer goes out at once and says
//! so, and the connection is not read until then (KIP-219).

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base::Str;
use broker::config::BrokerConfig;
use broker::metadata_cache::MetadataImage;
use broker::quota::meter::Client;
use broker::quota::{Buckets, Kind, Meters};

use super::Shared;
use crate::clock::Clock;

/// The user of a connection that is not authenticated.
const ANONYMOUS: &str = "ANONYMOUS";

/// The rates, as `quota.window.*` says.
pub(super) fn meters(broker: &BrokerConfig) -> Meters {
    let windows = usize::try_from(broker.int("quota.window.num")).unwrap_or(11);
    let seconds = u64::try_from(broker.int("quota.window.size.seconds")).unwrap_or(1);
    Meters::new(windows, Duration::from_secs(seconds))
}

/// The buckets, as `controller.quota.window.*` says.
pub(super) fn buckets(broker: &BrokerConfig) -> Buckets {
    let windows = usize::try_from(broker.int("controller.quota.window.num")).unwrap_or(11);
    let seconds = u64::try_from(broker.int("controller.quota.window.size.seconds")).unwrap_or(1);
    Buckets::new(windows, Duration::from_secs(seconds))
}

/// Takes partitions that a client wants to make or delete; see [`Buckets::take`].
pub(super) fn take(
    shared: &Shared,
    image: &MetadataImage,
    client_id: &Str,
    partitions: f64,
    strict: bool,
) -> Result<(), Duration> {
    let user = Str::from(ANONYMOUS);
    let client = Client { user: &user, client: client_id };
    shared.buckets.lock().take(shared.clock.mono(), &image.quotas, client, partitions, strict)
}

/// Counts a connection of this address; how long it has to wait before it is closed, if it is one too many.
pub(super) fn connection(shared: &Shared, address: IpAddr) -> Duration {
    let image = shared.image.load();
    if image.quotas.is_empty() {
        return Duration::ZERO;
    }
    let address = Str::from(address.to_canonical().to_string());
    shared.meters.lock().connection(shared.clock.mono(), &image.quotas, &address)
}

/// Counts for a client id; how long its connection has to rest.
pub(super) fn record(shared: &Shared, image: &MetadataImage, kind: Kind, client_id: &Str, value: f64) -> Duration {
    if image.quotas.is_empty() {
        return Duration::ZERO;
    }
    let user = Str::from(ANONYMOUS);
    let client = Client { user: &user, client: client_id };
    shared.meters.lock().record(shared.clock.mono(), &image.quotas, kind, client, value)
}

/// Takes back what was counted.
pub(super) fn take_back(shared: &Shared, image: &MetadataImage, kind: Kind, client_id: &Str, value: f64) {
    let user = Str::from(ANONYMOUS);
    shared.meters.lock().take_back(&image.quotas, kind, Client { user: &user, client: client_id }, value);
}

/// The most that a client may be given at once.
pub(super) fn most(shared: &Shared, image: &MetadataImage, kind: Kind, client_id: &Str) -> Option<u64> {
    if image.quotas.is_empty() {
        return None;
    }
    let user = Str::from(ANONYMOUS);
    let client = Client { user: &user, client: client_id };
    shared.meters.lock().most(&image.quotas, kind, client).map(|most| most.max(0.0) as u64)
}

/// A future that knows how long its polls took: the time of the thread that a request has used, without its waits.
pub(super) struct Timed<'a, F> {
    future: Pin<&'a mut F>,
    clock: Clock,
    busy: Duration,
}

impl<'a, F: Future> Timed<'a, F> {
    pub(super) fn new(clock: Clock, future: Pin<&'a mut F>) -> Self {
        Self { future, clock, busy: Duration::ZERO }
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let began = self.clock.mono();
        let polled = self.future.as_mut().poll(cx);
        let busy = self.clock.mono().since(began);
        self.busy += busy;
        polled.map(|output| (output, self.busy))
    }
}
