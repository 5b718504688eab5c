//! Binds the client port, accepts, and keeps the limits of connections.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keeper::ConnId;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::conn::Conn;
use super::outbox::{End, Outbox};
use super::{Shared, StartError};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// 127.0.0.1 and, where the machine has it, ::1.
    Loopback {
        /// 0 chooses one.
        port: u16,
    },
    /// Every address of the machine.
    Everywhere {
        /// 0 chooses one.
        port: u16,
    },
    /// These.
    Addresses(Vec<SocketAddr>),
    /// What a name means when the server starts.
    Named {
        /// Looked up as the system does.
        host: String,
        /// 0 chooses one.
        port: u16,
    },
}

/// Connections wait here for `accept`; the operating system may cap it.
const BACKLOG: i32 = 1024;

/// Binds.
///
/// # Errors
/// [`StartError::Bind`], naming the address; [`StartError::Config`] for a name that has none.
pub fn bind(listen: &Listen, backlog: Option<u32>) -> Result<Vec<TcpListener>, StartError> {
    bind_for(listen, backlog, "ZooKeeper clients")
}

/// As [`bind`], for others than clients.
///
/// # Errors
/// [`StartError::Bind`], naming the address.
pub fn bind_for(listen: &Listen, backlog: Option<u32>, whom: &'static str) -> Result<Vec<TcpListener>, StartError> {
    let backlog = backlog.map_or(BACKLOG, |backlog| i32::try_from(backlog).unwrap_or(i32::MAX));
    let bind_one = |addr: SocketAddr, dual: bool| bind_one(addr, dual, backlog);
    let one =
        |addr: SocketAddr, dual: bool| bind_one(addr, dual).map_err(|error| StartError::Bind { whom, addr, error });
    match listen {
        Listen::Addresses(addrs) => addrs.iter().map(|addr| one(*addr, false)).collect(),
        Listen::Named { host, port } => resolved(host, *port)?.into_iter().map(|addr| one(addr, false)).collect(),
        Listen::Loopback { port } => {
            let v4 = one(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)), false)?;
            let port = v4.local_addr().map_or(*port, |addr| addr.port());
            let addr = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
            match bind_one(addr, false) {
                Ok(v6) => Ok(vec![v4, v6]),
                Err(e) if lacks_ipv6(&e) => Ok(vec![v4]),
                Err(error) => Err(StartError::Bind { whom, addr, error }),
            }
        }
        Listen::Everywhere { port } => {
            let addr = SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port));
            match bind_one(addr, true) {
                Ok(both) => Ok(vec![both]),
                Err(e) if lacks_ipv6(&e) => Ok(vec![one(SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port)), false)?]),
                Err(error) => Err(StartError::Bind { whom, addr, error }),
            }
        }
    }
}

fn resolved(host: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let why = match (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>) {
        Ok(addrs) if !addrs.is_empty() => return Ok(addrs),
        Ok(_) => "it has no address".to_string(),
        Err(error) => error.to_string(),
    };
    Err(StartError::Config(format!(
        "cannot listen for ZooKeeper clients on {host}: {why}; name an address of this machine"
    )))
}

fn lacks_ipv6(e: &io::Error) -> bool {
    // EAFNOSUPPORT has no ErrorKind of its own.
    e.kind() == io::ErrorKind::AddrNotAvailable || e.raw_os_error() == Some(97)
}

fn bind_one(addr: SocketAddr, dual: bool, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // The port is free again at once after a crash with clients connected.
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(!dual)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(backlog)?;
    TcpListener::from_std(socket.into())
}

/// The open connections.
#[derive(Default)]
pub struct Conns {
    open: BTreeMap<u64, Arc<Outbox>>,
    per_ip: BTreeMap<IpAddr, usize>,
}

impl Conns {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Each of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Outbox>> {
        self.open.values()
    }

    /// Ends them all.
    pub fn end(&self, end: &End) {
        self.iter().for_each(|outbox| outbox.end(end.clone()));
    }
}

/// Between two tries to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The next connection. What stands in the way of one (descriptors, memory) mostly passes.
pub async fn accept_one(listener: &TcpListener, whom: &str) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!("cannot accept a connection of {whom}: {error}; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Accepts until the server stops.
pub async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut stopping = shared.stopping.subscribe();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept_one(&listener, "a client") => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        admit(stream, peer, &shared);
    }
}

fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let ip = peer.ip().to_canonical();
    let id = shared.next_conn.fetch_add(1, Ordering::Relaxed);
    let (admission, budget) = (shared.admission.clone(), shared.config.budget.clone());
    let (peer, established_ms) = (SocketAddr::new(ip, peer.port()), shared.clock.now().wall_ms);
    let outbox = Arc::new(Outbox::new(peer, established_ms, admission, budget));
    {
        let mut conns = shared.conns.lock();
        let (per_ip_max, max) = (shared.config.max_client_cnxns, shared.config.max_cnxns);
        let of_ip = conns.per_ip.get(&ip).copied().unwrap_or(0);
        let full = (per_ip_max > 0 && of_ip >= per_ip_max) || (max > 0 && conns.len() >= max);
        if full {
            shared.stats.connection_rejected.increment();
            drop(conns);
            tracing::warn!("too many connections from {ip} - max is {per_ip_max} (maxClientCnxns)");
            return;
        }
        conns.per_ip.insert(ip, of_ip + 1);
        conns.open.insert(id, outbox.clone());
    }
    // Small replies leave at once. A failure here means that the connection is gone already.
    let _ = stream.set_nodelay(true);
    if shared.config.keep_alive {
        let _ = socket2::SockRef::from(&stream).set_keepalive(true);
    }
    let shared = shared.clone();
    tokio::spawn(async move {
        Conn::new(ConnId(id), stream, outbox, shared.clone()).run().await;
        let mut conns = shared.conns.lock();
        if let Some(outbox) = conns.open.remove(&id) {
            shared.stats.retire(&outbox.stats());
        }
        if let Some(count) = conns.per_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                conns.per_ip.remove(&ip);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of five connections the system takes while nobody accepts.
    async fn taken(backlog: Option<u32>) -> usize {
        let listen = Listen::Addresses(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]);
        let listeners = bind(&listen, backlog).unwrap();
        let addr = listeners[0].local_addr().unwrap();
        let connects = (0..5).map(|_| tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(addr)));
        let mut open = Vec::new();
        for connect in connects {
            open.extend(connect.await);
        }
        open.iter().filter(|connected| connected.is_ok()).count()
    }

    #[tokio::test]
    async fn as_many_wait_to_be_accepted_as_the_backlog_says() {
        // Linux keeps one more than it is told.
        assert_eq!(taken(Some(1)).await, 2);
        assert_eq!(taken(None).await, 5);
    }
}
