//! The election port: one connection to each other server, over which each side says its latest vote (upstream:
//! `QuorumCnxManager`).
//!
//! Both sides may dial. Of two servers the one with the larger id keeps the connection that it dialled; one that the
//! smaller id dialled only tells the larger where to dial back, and is closed. Only the latest vote for a server matters,
//! so there is no queue: what was said last is said again on each new connection, and a newer one takes its place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use base::{DecodeError, Reader, Str};
use bytes::{BufMut as _, Bytes, BytesMut};
use keeper::membership::{HostPort, ServerAddress};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;
use zab::Sid;
use zk_wire::Jute as _;
use zk_wire::election::{ANONYMOUS_OBSERVER, InitialMessage, MESSAGE_BYTES_MAX, Notification};

use super::super::StartError;
use super::dial::{connect_any, prepare};
use super::listen::Listening;
use super::strangers::{Stranger, Strangers};
use super::{MemberConfig, Members};

/// Votes of one connection that the loop has not taken yet.
const VOTES_MAX: usize = 100;
/// Servers that are not in the configuration (observers without a line, joiners) and are talked to.
const OUTSIDERS_MAX: usize = 64;

/// A vote that arrived.
pub struct Voted {
    /// Who sent it.
    pub from: Sid,
    /// The vote.
    pub notification: Notification,
    /// Given back when the loop takes the vote.
    pub permit: OwnedSemaphorePermit,
}

/// The port. Dropping it closes everything.
pub struct ElectionPort {
    port: Arc<Port>,
    listening: Listening,
}

struct Port {
    config: MemberConfig,
    members: Members,
    /// Where this server is, as its line said last: one that was taken out goes on without a vote, and is dialled there.
    own: Mutex<Vec<Str>>,
    deliver: Box<dyn Fn(Voted) + Send + Sync>,
    runtime: Handle,
    servers: Mutex<BTreeMap<Sid, Server>>,
    /// Set under the lock of `servers`: nothing begins any more.
    closed: AtomicBool,
    strangers: Arc<Strangers>,
    next_connection: AtomicU64,
    /// Ids for observers that have none: negative ones, so that every server dials them back.
    next_anonymous: AtomicI64,
}

/// Another server, as this one sees it.
struct Server {
    /// The message it is to have, with its length in front.
    latest: watch::Sender<Option<Bytes>>,
    connection: Option<Connection>,
    dialling: Option<AbortHandle>,
    /// Where it said that its own election port is.
    said: Vec<HostPort>,
}

struct Connection {
    number: u64,
    task: AbortHandle,
}

impl Default for Server {
    fn default() -> Self {
        Self { latest: watch::Sender::new(None), connection: None, dialling: None, said: Vec::new() }
    }
}

impl ElectionPort {
    /// Binds this server's addresses and takes connections. `deliver` must not wait.
    ///
    /// # Errors
    /// [`StartError`] when an address cannot be bound.
    pub async fn open(
        config: MemberConfig,
        members: Members,
        deliver: impl Fn(Voted) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let port = Arc::new(Port {
            config,
            members,
            own: Mutex::default(),
            deliver: Box::new(deliver),
            runtime: Handle::current(),
            servers: Mutex::default(),
            closed: AtomicBool::new(false),
            strangers: Arc::default(),
            next_connection: AtomicU64::new(1),
            next_anonymous: AtomicI64::new(-1),
        });
        port.locate();
        let admits = port.clone();
        let admit = Arc::new(move |stream, ip| admits.admit(stream, ip));
        let listening =
            Listening::open(&port.config, &port.members, ServerAddress::election, "votes of other servers", admit)
                .await?;
        Ok(Self { port, listening })
    }

    /// Says a vote to another server; dials it if there is no connection.
    pub fn notify(&self, to: Sid, notification: &Notification) {
        let payload = notification.to_bytes();
        let mut frame = BytesMut::with_capacity(4 + payload.len());
        frame.put_i32(i32::try_from(payload.len()).expect("a vote with its configuration is small"));
        frame.put_slice(&payload);
        let mut servers = self.port.servers.lock();
        let Some(server) = self.port.entry(&mut servers, to) else { return };
        server.latest.send_replace(Some(frame.freeze()));
        self.port.dial(server, to);
    }

    /// This server's own addresses may have changed.
    pub fn reconfigured(&mut self) {
        self.port.locate();
        self.listening.reconfigured();
    }
}

impl Drop for ElectionPort {
    fn drop(&mut self) {
        let mut servers = self.port.servers.lock();
        self.port.closed.store(true, Ordering::Relaxed);
        for server in std::mem::take(&mut *servers).into_values() {
            server.connection.iter().for_each(|connection| connection.task.abort());
            server.dialling.iter().for_each(AbortHandle::abort);
        }
    }
}

impl Port {
    /// What is known of a server; `None` when it is one outsider too many.
    fn entry<'a>(&self, servers: &'a mut BTreeMap<Sid, Server>, sid: Sid) -> Option<&'a mut Server> {
        if !servers.contains_key(&sid) {
            let members = self.members.load();
            if !members.members.contains_key(&sid) {
                // Those whose connection is gone make room.
                servers.retain(|sid, server| {
                    members.members.contains_key(sid) || server.connection.is_some() || server.dialling.is_some()
                });
                let outsiders = servers.keys().filter(|sid| !members.members.contains_key(sid)).count();
                if outsiders >= OUTSIDERS_MAX {
                    return None;
                }
            }
        }
        Some(servers.entry(sid).or_default())
    }

    /// Dials a server that has no connection. What the configuration says goes before what the server says itself: that
    /// may be an address which means something only there.
    fn dial(self: &Arc<Self>, server: &mut Server, sid: Sid) {
        if server.connection.is_some() || server.dialling.is_some() || self.closed.load(Ordering::Relaxed) {
            return;
        }
        let places: Vec<HostPort> = match self.members.load().members.get(&sid) {
            Some(member) => member.addresses.iter().map(ServerAddress::election).collect(),
            None => server.said.clone(),
        };
        if places.is_empty() {
            return;
        }
        let port = self.clone();
        server.dialling = Some(self.runtime.spawn(async move { port.dialled(sid, places).await }).abort_handle());
    }

    async fn dialled(self: Arc<Self>, sid: Sid, places: Vec<HostPort>) {
        let limit = self.config.cnx_timeout;
        let introduced = async {
            let mut stream = connect_any(places, limit, self.config.keep_alive).await?;
            let hello = self.initial_message();
            match tokio::time::timeout(limit, stream.write_all(&hello)).await {
                Ok(Ok(())) => Ok(stream),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("it does not read".into()),
            }
        };
        let introduced = introduced.await;
        let mut servers = self.servers.lock();
        let Some(server) = servers.get_mut(&sid) else { return };
        server.dialling = None;
        match introduced {
            // It has the larger id: it knows now that this server is here, and dials back.
            Ok(stream) if sid > self.config.my_id => drop(stream),
            Ok(stream) => self.connect(server, sid, stream),
            Err(why) => tracing::warn!("cannot reach the election port of server {sid}: {why}"),
        }
    }

    /// Takes this server's addresses from its line, while it has one.
    fn locate(&self) {
        if let Some(member) = self.members.load().members.get(&self.config.my_id) {
            let said = |address: &ServerAddress| Str::from(address.election().to_string());
            *self.own.lock() = member.addresses.iter().map(said).collect();
        }
    }

    fn initial_message(&self) -> Bytes {
        let addresses = self.own.lock().clone();
        let mut out = BytesMut::new();
        InitialMessage { sid: self.config.my_id, addresses }.encode(self.config.multi_address, &mut out);
        out.freeze()
    }

    /// Takes a connection that somebody dialled.
    fn admit(self: &Arc<Self>, stream: TcpStream, ip: IpAddr) {
        let Some(stranger) = self.strangers.admit(ip) else {
            tracing::warn!(
                "closed a connection of {ip} to the election port: too many that have not said who they are"
            );
            return;
        };
        prepare(&stream, self.config.keep_alive);
        let port = self.clone();
        self.runtime.spawn(async move {
            if let Err(why) = port.meet(stream, ip, stranger).await {
                tracing::warn!("closed a connection of {ip} to the election port: {why}");
            }
        });
    }

    /// Hears who dialled and acts by the rule of the larger id.
    async fn meet(self: Arc<Self>, mut stream: TcpStream, ip: IpAddr, stranger: Stranger) -> Result<(), String> {
        let limit = self.config.handshake_time();
        let hello = match tokio::time::timeout(limit, read_initial_message(&mut stream)).await {
            Ok(hello) => hello?,
            Err(_) => return Err(format!("it did not say who it is within {} ms", limit.as_millis())),
        };
        drop(stranger);
        let my_id = self.config.my_id;
        let sid = match hello.sid {
            ANONYMOUS_OBSERVER => self.next_anonymous.fetch_sub(1, Ordering::Relaxed),
            sid if sid == my_id => return Err(format!("it says that it is server {my_id}, which is this one")),
            sid => sid,
        };
        let mut servers = self.servers.lock();
        let Some(server) = self.entry(&mut servers, sid) else {
            return Err(format!("server {sid} is not in the configuration, and too many others are not either"));
        };
        let said = hello.addresses.iter().filter_map(|address| HostPort::parse(address));
        server.said = said.collect();
        if sid > my_id {
            server.dialling.take().iter().for_each(AbortHandle::abort);
            self.connect(server, sid, stream);
            return Ok(());
        }
        // It would not dial if it had the connection that this side may think is there.
        if let Some(connection) = server.connection.take() {
            connection.task.abort();
        }
        drop(stream);
        if server.said.is_empty() && !self.members.load().members.contains_key(&sid) {
            return Err(format!("server {sid} from {ip} is not in the configuration and does not say where it is"));
        }
        self.dial(server, sid);
        Ok(())
    }

    /// Makes `stream` the one connection with a server.
    fn connect(self: &Arc<Self>, server: &mut Server, sid: Sid, stream: TcpStream) {
        if let Some(old) = server.connection.take() {
            old.task.abort();
        }
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        tracing::debug!("connected with the election port of server {sid}");
        let number = self.next_connection.fetch_add(1, Ordering::Relaxed);
        let (port, latest) = (self.clone(), server.latest.subscribe());
        let task = self.runtime.spawn(async move {
            let (reader, writer) = stream.into_split();
            let why = tokio::select! {
                why = port.read_votes(sid, reader) => why,
                why = write_votes(writer, latest) => why,
            };
            let mut servers = port.servers.lock();
            if let Some(server) = servers.get_mut(&sid)
                && server.connection.as_ref().is_some_and(|connection| connection.number == number)
            {
                tracing::info!("the connection with the election port of server {sid} ended: {why}");
                server.connection = None;
            }
        });
        server.connection = Some(Connection { number, task: task.abort_handle() });
    }

    /// Hands the server's votes to the loop until the connection ends; why it did.
    async fn read_votes(&self, sid: Sid, mut reader: OwnedReadHalf) -> String {
        let permits = Arc::new(Semaphore::new(VOTES_MAX));
        loop {
            let payload = match read_message(&mut reader).await {
                Ok(payload) => payload,
                Err(why) => return why,
            };
            let notification = match Notification::from_bytes(payload) {
                Ok(notification) => notification,
                // As upstream: the connection is fine, the message is of no use.
                Err(error) => {
                    tracing::warn!("ignored a vote of server {sid}: {error}");
                    continue;
                }
            };
            let permit = permits.clone().acquire_owned().await.expect("never closed");
            (self.deliver)(Voted { from: sid, notification, permit });
        }
    }
}

/// Writes the latest message, and each that takes its place.
async fn write_votes(mut writer: OwnedWriteHalf, mut latest: watch::Receiver<Option<Bytes>>) -> String {
    loop {
        let message = latest.borrow_and_update().clone();
        if let Some(message) = message
            && let Err(error) = writer.write_all(&message).await
        {
            return error.to_string();
        }
        if latest.changed().await.is_err() {
            return "this server stops".into();
        }
    }
}

/// Reads part by part and never beyond the message: what follows are votes.
async fn read_initial_message(stream: &mut TcpStream) -> Result<InitialMessage, String> {
    let mut bytes = BytesMut::new();
    loop {
        match InitialMessage::decode(&mut Reader::new(bytes.clone().freeze())) {
            Ok(hello) => return Ok(hello),
            Err(DecodeError::Truncated { wanted, left }) => {
                let have = bytes.len();
                bytes.resize(have + wanted - left, 0);
                stream.read_exact(&mut bytes[have..]).await.map_err(|error| error.to_string())?;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// How long the rest of a message may take once its length is there.
const MESSAGE_TIME: Duration = Duration::from_secs(30);

async fn read_message(reader: &mut OwnedReadHalf) -> Result<Bytes, String> {
    let len = match reader.read_i32().await {
        Ok(len @ 1..=MESSAGE_BYTES_MAX) => len as usize,
        Ok(len) => return Err(format!("a message of {len} bytes is no vote")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err("it closed".into()),
        Err(error) => return Err(error.to_string()),
    };
    let mut payload = Vec::with_capacity(len.min(1024));
    match tokio::time::timeout(MESSAGE_TIME, reader.take(len as u64).read_to_end(&mut payload)).await {
        Ok(Ok(read)) if read == len => Ok(payload.into()),
        Ok(Ok(_)) => Err("it ended in the middle of a message".into()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it stopped in the middle of a message".into()),
    }
}
