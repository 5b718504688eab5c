//! Who is connected, and who has to wait or to go (`max.connections`, `max.connections.per.ip`; upstream:
//! `ConnectionQuotas`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::connections::ConnectionLimits;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// How soon a limit that was raised is noticed by who waits for it.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The connections of all listeners.
#[derive(Default)]
pub(crate) struct Connections {
    counts: Mutex<Counts>,
    ended: Notify,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    /// What the overrides of these limits say, their names looked up.
    resolved: Option<(Arc<ConnectionLimits>, HashMap<IpAddr, usize>)>,
}

/// A connection that counts, until this goes.
pub(crate) struct Counted {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Connections {
    /// Counts a connection, as soon as there is room for it.
    ///
    /// # Errors
    /// Its address has all that it may have: so many.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limits: impl Fn() -> Arc<ConnectionLimits>,
    ) -> Result<Counted, usize> {
        // One socket for both kinds of addresses shows the old ones in the form of the new ones.
        let address = address.to_canonical();
        loop {
            let ended = self.ended.notified();
            let limits = limits();
            self.resolve(&limits).await;
            {
                let mut counts = self.counts.lock();
                let named = counts.resolved.as_ref().and_then(|(_, named)| named.get(&address)).copied();
                let most = named.unwrap_or(limits.per_address);
                if counts.by_address.get(&address).copied().unwrap_or(0) >= most {
                    return Err(most);
                }
                if counts.total < limits.total {
                    counts.total += 1;
                    *counts.by_address.entry(address).or_default() += 1;
                    return Ok(Counted { connections: self.clone(), address });
                }
            }
            // Whether somebody went or nobody did, it is looked at again.
            let _ = tokio::time::timeout(LOOK_AGAIN, ended).await;
        }
    }

    /// Looks the overrides' names up when they are news.
    async fn resolve(&self, limits: &Arc<ConnectionLimits>) {
        let known = |counts: &Counts| counts.resolved.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, limits));
        if known(&self.counts.lock()) {
            return;
        }
        let mut named = HashMap::new();
        for (host, most) in &limits.overrides {
            match tokio::net::lookup_host((host.as_str(), 0)).await {
                Ok(found) => named.extend(found.map(|found| (found.ip().to_canonical(), *most))),
                Err(e) => tracing::warn!("max.connections.per.ip.overrides: cannot look up {host}: {e}"),
            }
        }
        self.counts.lock().resolved = Some((limits.clone(), named));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.connections.counts.lock();
        counts.total -= 1;
        if let Some(count) = counts.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&self.address);
            }
        }
        drop(counts);
        // All of them: more than one may have found room.
        self.connections.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(total: usize, per_address: usize, overrides: &[(&str, usize)]) -> Arc<ConnectionLimits> {
        let overrides = overrides.iter().map(|(host, most)| ((*host).to_owned(), *most)).collect();
        Arc::new(ConnectionLimits { total, per_address, overrides })
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_a_named_one_its_own() {
        let connections = Arc::<Connections>::default();
        let limits = limits(10, 1, &[("10.0.0.2", 2), ("10.0.0.3", 0)]);
        let enter = |last| connections.enter(address(last), || limits.clone());
        let first = enter(1).await.expect("room");
        assert_eq!(enter(1).await.err(), Some(1));
        let mapped = address(1).to_string().parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped();
        assert_eq!(connections.enter(mapped.into(), || limits.clone()).await.err(), Some(1), "the same address");
        let _named = (enter(2).await.expect("room"), enter(2).await.expect("room for the second"));
        assert_eq!((enter(2).await.err(), enter(3).await.err()), (Some(2), Some(0)));
        drop(first);
        assert!(enter(1).await.is_ok());
    }

    #[tokio::test]
    async fn who_finds_no_room_waits_for_it() {
        let connections = Arc::<Connections>::default();
        let one = limits(1, 10, &[]);
        let first = connections.enter(address(1), || one.clone()).await.expect("room");
        let second = connections.enter(address(2), || one.clone());
        tokio::pin!(second);
        assert!(futures_now(second.as_mut()).await.is_none(), "it waits");
        drop(first);
        let second = second.await.expect("room by now");
        // A limit that is raised is room, too.
        let raised = limits(2, 10, &[]);
        let asked = std::sync::atomic::AtomicBool::new(false);
        let third = connections.enter(address(3), || {
            if asked.swap(true, std::sync::atomic::Ordering::Relaxed) { raised.clone() } else { one.clone() }
        });
        assert!(third.await.is_ok());
        drop(second);
    }

    /// What a future gives at its first look.
    async fn futures_now<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
