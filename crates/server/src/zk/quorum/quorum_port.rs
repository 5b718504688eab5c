//! The quorum port: the leader takes learners on it, and a learner dials it (upstream: `LearnerCnxAcceptor`,
//! `LearnerHandler`, `Learner.connectToLeader`).

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use keeper::membership::{HostPort, ServerAddress};
use parking_lot::Mutex;
use storage::zk::intake::SnapshotIntake;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;
use zab::packet::{ToLeader, ToLearner};
use zab::{Event, Link, Sid};
use zk_wire::QuorumPacket;

use super::super::StartError;
use super::dial::{connect_any, prepare};
use super::link::{LinkOut, LinkView};
use super::listen::Listening;
use super::observer_port::{Masters, ObserverPort};
use super::packets::Packets;
use super::snapshot_in;
use super::strangers::{Stranger, Strangers};
use super::{MemberConfig, Members};

/// Bytes of one connection's packets that the loop has not taken yet; one packet may be larger.
const UNTAKEN_BYTES_MAX: usize = 16 << 20;
/// Connections of learners; each server needs one.
const LEARNERS_MAX: usize = 1024;
/// How long a learner's connection waits for this server to know that it leads: it may have heard so before. Upstream's
/// learners try for as long.
const EARLY_TIME: Duration = Duration::from_secs(1);

/// What happens on the port.
pub enum FromLink {
    /// For the machine; the permit is given back when the loop takes it.
    Event(Event, Option<OwnedSemaphorePermit>),
    /// The dial with this number ended: a connection, or none.
    Dialled(u64, Option<Link>),
    /// A snapshot arrived.
    Snapshot(Link, Box<SnapshotIntake>),
    /// What was queued of a snapshot has left.
    Drained(Link),
}

/// The connections that are open, for looking at.
pub struct OpenLinks(Weak<Port>);

impl OpenLinks {
    /// What there is to know of a connection, and the other side, while it is open.
    pub fn view(&self, link: Link) -> Option<(SocketAddr, LinkView)> {
        let port = self.0.upgrade()?;
        let out = port.links.lock().get(&link)?.out.clone();
        Some((out.peer, out.view()))
    }

    /// Counts anew what [`OpenLinks::view`] shows of a connection.
    pub fn reset(&self, link: Link) {
        let Some(port) = self.0.upgrade() else { return };
        if let Some(open) = port.links.lock().get(&link) {
            open.out.reset();
        }
    }
}

/// The port. Dropping it closes everything.
pub struct QuorumPort {
    port: Arc<Port>,
    listening: Listening,
    /// Of a follower that serves observers.
    observers: Option<ObserverPort>,
}

struct Port {
    config: MemberConfig,
    members: Members,
    deliver: Box<dyn Fn(FromLink) + Send + Sync>,
    runtime: Handle,
    leads: watch::Sender<bool>,
    links: Mutex<BTreeMap<Link, Open>>,
    /// Set under the lock of `links`: nothing begins any more.
    closed: AtomicBool,
    strangers: Arc<Strangers>,
    next_link: AtomicU64,
    queue_bytes_max: usize,
    dialling: Mutex<Dialling>,
}

/// Where somebody dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// The quorum port, which is a leader's.
    Learners,
    /// The port for observers, which is there while this server follows.
    Observers,
}

struct Open {
    out: Arc<LinkOut>,
    task: Option<AbortHandle>,
}

#[derive(Default)]
struct Dialling {
    masters: Masters,
    number: u64,
    task: Option<AbortHandle>,
}

impl QuorumPort {
    /// Binds this server's addresses. `deliver` must not wait.
    ///
    /// # Errors
    /// [`StartError`] when an address cannot be bound.
    pub async fn open(
        config: MemberConfig,
        members: Members,
        deliver: impl Fn(FromLink) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let port = Arc::new(Port {
            config,
            members,
            deliver: Box::new(deliver),
            runtime: Handle::current(),
            leads: watch::Sender::new(false),
            links: Mutex::default(),
            closed: AtomicBool::new(false),
            strangers: Arc::default(),
            next_link: AtomicU64::new(1),
            queue_bytes_max: crate::memory::connections_bytes_max(),
            dialling: Mutex::default(),
        });
        let admits = port.clone();
        let admit = Arc::new(move |stream, ip| admits.admit(stream, ip, Door::Learners));
        let listening = Listening::open(&port.config, &port.members, ServerAddress::quorum, "learners", admit).await?;
        Ok(Self { port, listening, observers: None })
    }

    /// Whether this server follows, and takes observers if it is to.
    pub fn follows(&mut self, follows: bool) {
        let admits = self.port.clone();
        let admit = Arc::new(move |stream, ip| admits.admit(stream, ip, Door::Observers));
        let _runtime = self.port.runtime.enter();
        self.observers = if follows { ObserverPort::open(&self.port.config, &self.port.members, admit) } else { None };
    }

    /// Whether this server leads, and takes learners.
    pub fn leads(&self, leads: bool) {
        self.port.leads.send_replace(leads);
    }

    /// Connects to who serves the learners of a leader, instead of to whoever was being dialled. The dial's number, for
    /// [`FromLink::Dialled`], and who is dialled.
    pub fn dial(&self, leader: Sid) -> (u64, Sid) {
        let mut dialling = self.port.dialling.lock();
        let (leader, places) = dialling.masters.next(&self.port.config, &self.port.members.load(), leader);
        dialling.task.take().iter().for_each(AbortHandle::abort);
        dialling.number += 1;
        let (port, number) = (self.port.clone(), dialling.number);
        let task = self.port.runtime.spawn(async move { port.dialled(number, leader, places).await });
        dialling.task = Some(task.abort_handle());
        (number, leader)
    }

    /// This server's own addresses may have changed.
    pub fn reconfigured(&mut self) {
        self.listening.reconfigured();
    }

    /// The connections, for looking at.
    pub fn open_links(&self) -> OpenLinks {
        OpenLinks(Arc::downgrade(&self.port))
    }

    /// A connection's queue, while it is open.
    pub fn link(&self, link: Link) -> Option<Arc<LinkOut>> {
        self.port.links.lock().get(&link).map(|open| open.out.clone())
    }
}

impl Drop for QuorumPort {
    fn drop(&mut self) {
        self.port.dialling.lock().task.iter().for_each(AbortHandle::abort);
        let mut links = self.port.links.lock();
        self.port.closed.store(true, Ordering::Relaxed);
        for open in std::mem::take(&mut *links).into_values() {
            open.task.iter().for_each(AbortHandle::abort);
        }
    }
}

impl Port {
    /// Takes a connection that somebody dialled.
    fn admit(self: &Arc<Self>, stream: TcpStream, ip: IpAddr, door: Door) {
        let Some(stranger) = self.strangers.admit(ip) else {
            tracing::warn!("closed a connection of {ip} to the quorum port: too many that have not said who they are");
            return;
        };
        prepare(&stream, self.config.keep_alive);
        let port = self.clone();
        self.runtime.spawn(async move {
            if let Err(why) = port.meet(stream, stranger, door).await {
                tracing::warn!("closed a connection of {ip} to the quorum port: {why}");
            }
        });
    }

    /// Hears who dialled; the machine learns of servers only.
    async fn meet(self: Arc<Self>, stream: TcpStream, stranger: Stranger, door: Door) -> Result<(), String> {
        let mut leads = self.leads.subscribe();
        if door == Door::Learners && tokio::time::timeout(EARLY_TIME, leads.wait_for(|leads| *leads)).await.is_err() {
            return Err("this server does not lead".into());
        }
        let (out, mut packets) = self.open_link(stream).map_err(|error| error.to_string())?;
        let limit = self.config.handshake_time();
        let first = match tokio::time::timeout(limit, packets.next()).await {
            Ok(first) => first?,
            Err(_) => return Err(format!("it did not say who it is within {} ms", limit.as_millis())),
        };
        let packet = ToLeader::decode(first.0).map_err(|error| error.to_string())?;
        let ToLeader::Info { sid, .. } = &packet else {
            return Err("it does not begin with FOLLOWERINFO or OBSERVERINFO".into());
        };
        drop(stranger);
        let (link, peer, reads) = (out.link, out.peer, out.clone());
        out.received(&packet.encode());
        tracing::info!("server {sid} connected from {peer} to learn from this one");
        if self.links.lock().len() >= LEARNERS_MAX {
            return Err(format!("there are {LEARNERS_MAX} connections of learners already"));
        }
        let port = self.clone();
        self.run(out, FromLink::Event(Event::LearnerConnected { link }, None), async move {
            (port.deliver)(FromLink::Event(Event::FromLearner { link, packet }, None));
            port.read_learner(&reads, packets).await
        });
        Ok(())
    }

    async fn dialled(self: Arc<Self>, number: u64, leader: Sid, places: Vec<HostPort>) {
        let connected = connect_any(places, self.config.connect_time(), self.config.keep_alive).await;
        let opened = connected.and_then(|stream| self.open_link(stream).map_err(|error| error.to_string()));
        let mut dialling = self.dialling.lock();
        if dialling.number != number {
            return;
        }
        dialling.task = None;
        match opened {
            Ok((out, packets)) => {
                let (port, reads) = (self.clone(), out.clone());
                let first = FromLink::Dialled(number, Some(out.link));
                self.run(out, first, async move { port.read_leader(&reads, packets).await });
            }
            Err(why) => {
                tracing::warn!("cannot reach the quorum port of server {leader}: {why}");
                (self.deliver)(FromLink::Dialled(number, None));
            }
        }
    }

    fn open_link(&self, stream: TcpStream) -> io::Result<(Arc<LinkOut>, Packets)> {
        let (peer, socket) = (stream.peer_addr()?, Arc::new(stream));
        let link = Link(self.next_link.fetch_add(1, Ordering::Relaxed));
        let packets = Packets::new(socket.clone(), self.config.record_bytes_max, self.config.peer.sync_time());
        Ok((Arc::new(LinkOut::new(link, peer, socket, self.queue_bytes_max)), packets))
    }

    /// Tells the loop of a connection, and reads and writes it until one of both ends.
    fn run(
        self: &Arc<Self>,
        out: Arc<LinkOut>,
        first: FromLink,
        reading: impl Future<Output = String> + Send + 'static,
    ) {
        let link = out.link;
        {
            let mut links = self.links.lock();
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            links.insert(link, Open { out: out.clone(), task: None });
        }
        (self.deliver)(first);
        let (port, stall) = (self.clone(), self.config.peer.sync_time());
        let task = self.runtime.spawn(async move {
            let drained = |link| (port.deliver)(FromLink::Drained(link));
            let why = tokio::select! {
                why = reading => why,
                why = out.write(stall, drained) => why,
            };
            tracing::info!("the connection of the quorum port with {} ended: {why}", out.peer);
            port.links.lock().remove(&link);
            out.shut_down();
            (port.deliver)(FromLink::Event(Event::Closed { link }, None));
        });
        if let Some(open) = self.links.lock().get_mut(&link) {
            open.task = Some(task.abort_handle());
        }
    }

    /// Hands a learner's packets to the loop; why they end.
    async fn read_learner(&self, out: &LinkOut, mut packets: Packets) -> String {
        let (permits, link) = (Permits::default(), out.link);
        loop {
            let (packet, permit) = match permits.next(&mut packets).await {
                Ok(next) => next,
                Err(why) => return why,
            };
            out.received(&packet);
            match ToLeader::decode(packet) {
                Ok(packet) => (self.deliver)(FromLink::Event(Event::FromLearner { link, packet }, Some(permit))),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Hands the leader's packets to the loop; why they end.
    async fn read_leader(&self, out: &LinkOut, mut packets: Packets) -> String {
        let (permits, link) = (Permits::default(), out.link);
        loop {
            let (packet, permit) = match permits.next(&mut packets).await {
                Ok(next) => next,
                Err(why) => return why,
            };
            let packet = match ToLearner::decode(packet) {
                Ok(packet) => packet,
                Err(error) => return error.to_string(),
            };
            let announces = matches!(packet, ToLearner::Snap(_));
            (self.deliver)(FromLink::Event(Event::FromLeader { link, packet }, Some(permit)));
            if announces {
                match snapshot_in::receive(out.intake().await, &mut packets).await {
                    Ok(intake) => (self.deliver)(FromLink::Snapshot(link, intake)),
                    Err(why) => return why,
                }
            }
        }
    }
}

/// What bounds the packets of one connection that the loop has not taken.
struct Permits(Arc<Semaphore>);

impl Default for Permits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNTAKEN_BYTES_MAX)))
    }
}

impl Permits {
    async fn next(&self, packets: &mut Packets) -> Result<(QuorumPacket, OwnedSemaphorePermit), String> {
        let (packet, len) = packets.next().await?;
        let bytes = u32::try_from(len.min(UNTAKEN_BYTES_MAX)).expect("the limit is small");
        let permit = self.0.clone().acquire_many_owned(bytes).await.expect("never closed");
        Ok((packet, permit))
    }
}
