//! Binds the listeners, accepts.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Str;
use broker::config::BrokerConfig;
use broker::metadata_cache::Endpoint;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::{Shared, StartError, conn, quotas};

/// Connections wait here for `accept` without `socket.listen.backlog.size`, which is 50 upstream; more costs nothing.
const BACKLOG: i32 = 1024;

/// What sockets are told.
#[derive(Clone, Copy, Default)]
pub(super) struct SocketOptions {
    backlog: Option<i32>,
    /// Bytes; without a value the system finds its own, which grow with a connection's use.
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
}

impl SocketOptions {
    /// What the configuration says. A default of upstream's that nobody has written down is not taken.
    pub(super) fn of(broker: &BrokerConfig) -> Self {
        let set = |key: &str| broker.is_set(key).then(|| broker.int(key)).filter(|value| *value > 0);
        let bytes = |key: &str| set(key).and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            backlog: set("socket.listen.backlog.size").and_then(|size| i32::try_from(size).ok()),
            send_buffer: bytes("socket.send.buffer.bytes"),
            receive_buffer: bytes("socket.receive.buffer.bytes"),
        }
    }
}

/// Binds every listener: `localhost` on both loopback addresses, an empty host on every address. A port 0 becomes the
/// one that was chosen, in what clients are told as well.
///
/// # Errors
/// [`StartError::Bind`], naming the address.
pub(super) async fn bind(
    listeners: &mut [Endpoint],
    advertised: &mut [Endpoint],
    options: SocketOptions,
) -> Result<Vec<(TcpListener, Str)>, StartError> {
    let mut bound = Vec::new();
    for endpoint in listeners {
        let address = format!("{}:{}", endpoint.host, endpoint.port);
        let failed = |error| StartError::Bind { address: address.clone(), error };
        let port = u16::try_from(endpoint.port).map_err(|_| failed(io::ErrorKind::InvalidInput.into()))?;
        let sockets = bind_host(&endpoint.host, port, options).await.map_err(failed)?;
        let port = sockets[0].local_addr().map_err(failed)?.port();
        endpoint.port = i32::from(port);
        for told in advertised.iter_mut().filter(|told| told.listener == endpoint.listener) {
            if told.port == 0 {
                told.port = i32::from(port);
            }
            if told.host.is_empty() {
                told.host = Str::from(host_name());
            }
        }
        bound.extend(sockets.into_iter().map(|socket| (socket, endpoint.listener.clone())));
    }
    Ok(bound)
}

async fn bind_host(host: &str, port: u16, options: SocketOptions) -> io::Result<Vec<TcpListener>> {
    let bind_one = |addr, dual| bind_one(addr, dual, options);
    match host {
        "localhost" => {
            let v4 = bind_one(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), false)?;
            let port = v4.local_addr()?.port();
            match bind_one(SocketAddr::from((Ipv6Addr::LOCALHOST, port)), false) {
                Ok(v6) => Ok(vec![v4, v6]),
                Err(e) if lacks_ipv6(&e) => Ok(vec![v4]),
                Err(e) => Err(e),
            }
        }
        "" => match bind_one(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), true) {
            Ok(both) => Ok(vec![both]),
            Err(e) if lacks_ipv6(&e) => Ok(vec![bind_one(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), false)?]),
            Err(e) => Err(e),
        },
        host => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
            let first = found.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
            Ok(vec![bind_one(*first, false)?])
        }
    }
}

fn lacks_ipv6(e: &io::Error) -> bool {
    // EAFNOSUPPORT has no ErrorKind of its own.
    e.kind() == io::ErrorKind::AddrNotAvailable || e.raw_os_error() == Some(97)
}

fn bind_one(addr: SocketAddr, dual: bool, options: SocketOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // The port is free again at once after a crash with clients connected.
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(!dual)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    // Accepted connections have the listener's.
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.listen(options.backlog.unwrap_or(BACKLOG))?;
    TcpListener::from_std(socket.into())
}

/// What this machine calls itself, for a broker that is told no name.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "localhost".to_string(),
        name => name.to_string(),
    }
}

/// Accepts until the server stops.
pub(super) async fn accept(listener: TcpListener, name: Str, shared: Arc<Shared>) {
    let mut stopping = shared.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let entered = tokio::select! {
                    entered = shared.connections.enter(peer.ip(), || shared.image.load().connections.clone()) => entered,
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                };
                let counted = match entered {
                    Ok(counted) => counted,
                    Err(most) => {
                        tracing::info!("closing a connection from {peer}: max.connections.per.ip is {most} for it");
                        continue;
                    }
                };
                let wait = quotas::connection(&shared, peer.ip());
                if !wait.is_zero() {
                    // Closed late, so that who opens them in a loop is slowed down.
                    let mut stopping = shared.stopping.subscribe();
                    tokio::spawn(async move {
                        // An error means that the server is gone.
                        let _ = tokio::time::timeout(wait, stopping.wait_for(|stopping| *stopping)).await;
                        drop((stream, counted));
                    });
                    continue;
                }
                shared.stats.connections.fetch_add(1, Ordering::Relaxed);
                shared.stats.connections_created.fetch_add(1, Ordering::Relaxed);
                let (shared, name) = (shared.clone(), name.clone());
                tokio::spawn(async move {
                    conn::serve(stream, peer, name, &shared).await;
                    drop(counted);
                    shared.stats.connections.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Err(e) => {
                // Out of descriptors, mostly: give connections time to end.
                tracing::warn!("cannot accept a Kafka connection: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
