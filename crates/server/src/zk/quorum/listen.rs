//! Binds this server's own addresses and accepts on them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use keeper::membership::{HostPort, Membership, ServerAddress};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};
use zab::Sid;

use super::super::StartError;
use super::super::listener::{self, Listen};
use super::{MemberConfig, Members};

/// Between two tries to bind.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What is done with a connection.
pub type Admit = Arc<dyn Fn(TcpStream, IpAddr) + Send + Sync>;

/// Which of a server's two ports.
pub type Kind = fn(&ServerAddress) -> HostPort;

/// A port that takes connections, until it is dropped.
pub struct Listening {
    my_id: Sid,
    members: Members,
    kind: Kind,
    places: Vec<HostPort>,
    everywhere: bool,
    whom: &'static str,
    admit: Admit,
    runtime: Handle,
    task: AbortHandle,
}

impl Listening {
    /// Binds this server's own addresses as [`bind`] does, and takes connections.
    ///
    /// # Errors
    /// As [`bind`]; also when there is no line for this server.
    pub async fn open(
        config: &MemberConfig,
        members: &Members,
        kind: Kind,
        whom: &'static str,
        admit: Admit,
    ) -> Result<Self, StartError> {
        let (my_id, everywhere, members) = (config.my_id, config.listen_on_all_ips, members.clone());
        let places = own_addresses(my_id, &members.load(), kind)?;
        let bound = bind(&places, everywhere, config.bind_retries, whom).await?;
        let (runtime, task) = (Handle::current(), tokio::spawn(serve(bound, admit.clone())).abort_handle());
        Ok(Self { my_id, members, kind, places, everywhere, whom, admit, runtime, task })
    }

    /// This server's own addresses may have changed.
    pub fn reconfigured(&mut self) {
        match own_addresses(self.my_id, &self.members.load(), self.kind) {
            Ok(places) => self.move_to(places),
            // It is on its way out; who is left need not reach it.
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Binds other addresses in the place of these, and tries that for as long as it takes.
    fn move_to(&mut self, places: Vec<HostPort>) {
        if places == self.places {
            return;
        }
        self.task.abort();
        self.places.clone_from(&places);
        let _runtime = self.runtime.enter();
        self.task = keep_listening(places, self.everywhere, self.whom, self.admit.clone());
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds `places` as [`bind`] does, trying for as long as it takes, and takes connections until it is aborted.
pub fn keep_listening(places: Vec<HostPort>, everywhere: bool, whom: &'static str, admit: Admit) -> AbortHandle {
    let listening = async move {
        match bind(&places, everywhere, 0, whom).await {
            Ok(bound) => serve(bound, admit).await,
            Err(error) => tracing::error!("{error}"),
        }
    };
    tokio::spawn(listening).abort_handle()
}

/// This server's own addresses of one kind.
///
/// # Errors
/// There is no line for this server.
fn own_addresses(my_id: Sid, members: &Membership, kind: Kind) -> Result<Vec<HostPort>, StartError> {
    match members.members.get(&my_id) {
        Some(member) => Ok(member.addresses.iter().map(kind).collect()),
        None => Err(StartError::Config(format!(
            "my id {my_id} is not in the list of servers; add a line server.{my_id}=host:port:port, or correct the file \
             myid"
        ))),
    }
}

async fn serve(bound: Vec<TcpListener>, admit: Admit) {
    let mut accepting: JoinSet<()> = bound.into_iter().map(|listener| accept(listener, admit.clone())).collect();
    while accepting.join_next().await.is_some() {}
}

/// Binds all of `places`, trying `retries` times in all (0: for ever), since a name may not resolve yet and an address may
/// not be there yet when the machine has just started. With `everywhere` the port is bound on every address.
///
/// # Errors
/// What stands in the way, the last time.
async fn bind(
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
async fn accept(listener: TcpListener, admit: Admit) {
    loop {
        let (stream, peer) = listener::accept_one(&listener, "another server").await;
        admit(stream, peer.ip().to_canonical());
    }
}
