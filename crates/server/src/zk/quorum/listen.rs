//! Binds this server's own addresses and accepts on them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use keeper::membership::HostPort;
use tokio::net::{TcpListener, TcpStream, lookup_host};

use super::super::StartError;
use super::super::listener::{self, Listen};

/// Between two tries to bind.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Binds all of `places`, trying `retries` times in all (0: for ever), since a name may not resolve yet and an address may
/// not be there yet when the machine has just started. With `everywhere` the port is bound on every address.
///
/// # Errors
/// What stands in the way, the last time.
pub async fn bind(
    places: &[HostPort],
    everywhere: bool,
    retries: u32,
    whom: &'static str,
) -> Result<Vec<TcpListener>, StartError> {
    let mut tried = 0;
    loop {
        let error = match bind_once(places, everywhere, whom).await {
            Ok(listeners) => return Ok(listeners),
            Err(error) => error,
        };
        tried += 1;
        if tried == retries {
            return Err(error);
        }
        tracing::warn!("{error}; trying again");
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

async fn bind_once(places: &[HostPort], everywhere: bool, whom: &'static str) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    for place in places {
        let listen = match everywhere {
            true => Listen::Everywhere { port: place.port },
            false => resolve(place, whom).await?,
        };
        match listener::bind_for(&listen, None, whom) {
            Ok(bound) => listeners.extend(bound),
            // Two names of this machine with one port: the first has it for both.
            Err(StartError::Bind { .. }) if everywhere && !listeners.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

async fn resolve(place: &HostPort, whom: &'static str) -> Result<Listen, StartError> {
    let unresolved = |what: String| {
        StartError::Config(format!("cannot listen for {whom} on {place}: {what}; correct this server's line"))
    };
    let addrs = lookup_host((place.host.as_str(), place.port)).await.map_err(|error| unresolved(error.to_string()))?;
    let addrs: Vec<SocketAddr> = addrs.collect();
    match addrs.first() {
        None => Err(unresolved("the name has no address".into())),
        Some(addr) if addr.ip().is_unspecified() => Ok(Listen::Everywhere { port: place.port }),
        // A name of this machine may stand for both of its loopbacks; upstream binds the first.
        Some(addr) => Ok(Listen::Addresses(vec![*addr])),
    }
}

/// Accepts for ever.
pub async fn accept(listener: TcpListener, admit: impl Fn(TcpStream, IpAddr)) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => admit(stream, peer.ip().to_canonical()),
            Err(error) => {
                tracing::warn!("cannot accept a connection of another server: {error}; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
