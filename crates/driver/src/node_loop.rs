//! The loop around a [`Node`] and the ZooKeeper session that it speaks through. The node's operations go to the session
//! as events, the session's frames go to a socket: never to a keeper in the same process by any other way.
//!
//! The session's id and password are kept in a file beside the log, so that after a crash the next process can close the
//! session of its predecessor, whose ephemerals would otherwise stand in the way until they expire.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::planted::PlantedBug;
use base::secret::Secret;
use base::{Instant, Prng, Str};
use broker::config::BrokerConfig;
use broker::metadata_cache::MetadataImage;
use broker::node::{ControlRequest, Level, Node, NodeEffect, NodeEvent};
use broker::shard::{RequestToken, ShardCommand};
use broker::{ShardId, ShardMap};
use bytes::Bytes;
use client_core::zk::{ConnNo, ConnectString, Credentials, Effect, Event, Host, SessionConfig, State, ZkSession};
use kafka_wire::Response;
use storage::disk::{Disk, DiskFile, OpenMode};

use crate::world::World;

/// The file that holds the session's id and password, in the first log folder.
pub const SESSION_FILE: &str = "castlekeep.zk-session";
/// Far more than the file ever has.
const SESSION_FILE_BYTES_MAX: u64 = 4096;

/// The world of a node's loop.
pub trait NodeWorld: World {
    /// Opens a socket to a ZooKeeper server; the outcome comes back as an input.
    fn dial(&mut self, conn: ConnNo, host: &Host);

    /// Sends a frame, its length in front. A connection that is gone is the world's affair.
    fn send(&mut self, conn: ConnNo, frame: Bytes);

    /// Closes a socket.
    fn close(&mut self, conn: ConnNo);

    /// Hands a command to a shard's loop.
    fn command(&mut self, shard: ShardId, command: ShardCommand);

    /// Shows new metadata to connections.
    fn publish(&mut self, image: Arc<MetadataImage>);

    /// Answers a client's request.
    fn reply(&mut self, token: RequestToken, response: Box<Response>);

    /// Sends a control request to another broker.
    fn to_broker(&mut self, broker: i32, request: ControlRequest);

    /// Something an operator should see.
    fn log(&mut self, level: Level, message: String);

    /// The node's life: see [`Milestone`].
    fn milestone(&mut self, milestone: Milestone);
}

/// The events of a node's life that its starter waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// Who the broker is, for `meta.properties`.
    Identity {
        /// The cluster's id.
        cluster_id: Str,
        /// The broker's id, configured or generated.
        broker_id: i32,
    },
    /// Registered, and there is a live controller.
    Ready,
    /// The broker cannot go on; the process must stop and say this.
    Fatal(String),
    /// The session is closed, as asked.
    Stopped,
}

/// What a turn takes.
#[derive(Debug)]
pub enum NodeInput {
    /// From the socket to ZooKeeper.
    Zk(Event),
    /// From connections and shards.
    Node(NodeEvent),
}

/// How a node's loop is made.
#[derive(Debug)]
pub struct NodeLoopConfig {
    /// The broker's configuration.
    pub broker: BrokerConfig,
    /// How partitions are dealt to shards.
    pub shards: ShardMap,
    /// `cluster.id` of `meta.properties`, if there is one.
    pub cluster_id: Option<Str>,
    /// Where [`SESSION_FILE`] lies: the first log folder, which exists and whose lock this process holds.
    pub session_dir: PathBuf,
}

/// See the module.
pub struct NodeLoop<W: NodeWorld> {
    world: W,
    node: Node,
    session: ZkSession,
    session_file: PathBuf,
    zk_effects: Vec<Effect>,
    node_effects: Vec<NodeEffect>,
    /// What the two machines have for each other within a turn.
    pending: VecDeque<NodeInput>,
    connect_timeout: Duration,
    /// When the first connection to ZooKeeper is given up (`zookeeper.connection.timeout.ms`).
    connect_until: Option<Instant>,
    zookeeper: String,
    bug: PlantedBug,
    /// The planted bug swallowed an expiry.
    deaf: bool,
}

impl<W: NodeWorld> NodeLoop<W> {
    /// A loop that has not dialled yet.
    ///
    /// # Errors
    /// What is wrong with `zookeeper.connect`.
    pub fn new(config: NodeLoopConfig, world: W, prng: &mut Prng) -> Result<Self, String> {
        let zookeeper = config.broker.text("zookeeper.connect");
        let connect = ConnectString::parse(&zookeeper).map_err(|why| format!("zookeeper.connect: {why}"))?;
        let session_file = config.session_dir.join(SESSION_FILE);
        let takeover = read_session(world.disk(), &session_file);
        let session_timeout_ms = config.broker.int("zookeeper.session.timeout.ms");
        let connect_timeout_ms = config.broker.int_opt("zookeeper.connection.timeout.ms").unwrap_or(session_timeout_ms);
        let in_flight_max = config.broker.int("zookeeper.max.in.flight.requests");
        let session = SessionConfig {
            connect,
            session_timeout_ms: u32::try_from(session_timeout_ms).unwrap_or(18_000),
            in_flight_max: usize::try_from(in_flight_max).unwrap_or(10),
            auth: Vec::new(),
            takeover,
        };
        Ok(Self {
            node: Node::new(config.broker, config.shards, config.cluster_id, Prng::new(prng.next_u64())),
            session: ZkSession::new(session, Prng::new(prng.next_u64())),
            world,
            session_file,
            zk_effects: Vec::new(),
            node_effects: Vec::new(),
            pending: VecDeque::new(),
            connect_timeout: Duration::from_millis(u64::try_from(connect_timeout_ms).unwrap_or(0)),
            connect_until: None,
            zookeeper,
            bug: PlantedBug::None,
            deaf: false,
        })
    }

    /// A bug on purpose: the simulator's proof that it would notice.
    pub fn plant(&mut self, bug: PlantedBug) {
        self.bug = bug;
    }

    /// Begins.
    pub fn start(&mut self) {
        self.connect_until = Some(self.world.now().mono + self.connect_timeout);
        self.pending.push_back(NodeInput::Zk(Event::Start));
        self.settle();
    }

    /// One turn: everything that has come, and what follows from it.
    pub fn turn(&mut self, inputs: &mut Vec<NodeInput>) {
        self.pending.extend(inputs.drain(..));
        let now = self.world.now();
        if self.session.deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.pending.push_back(NodeInput::Zk(Event::Tick));
        }
        if self.node.deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.pending.push_back(NodeInput::Node(NodeEvent::Tick));
        }
        self.settle();
        if self.connect_until.take_if(|until| *until <= now.mono).is_some() {
            let why = format!(
                "no zookeeper server of {} answered within {} ms: start one, or correct zookeeper.connect",
                self.zookeeper,
                self.connect_timeout.as_millis()
            );
            self.world.milestone(Milestone::Fatal(why));
        }
    }

    /// When the loop wants its next turn at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        [self.session.deadline(), self.node.deadline(), self.connect_until].into_iter().flatten().min()
    }

    /// The machine, for the simulator's checks.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The world.
    pub fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    fn settle(&mut self) {
        while let Some(input) = self.pending.pop_front() {
            let now = self.world.now();
            match input {
                NodeInput::Zk(event) => {
                    self.session.step(now, event, &mut self.zk_effects);
                    self.perform_zk();
                }
                NodeInput::Node(event) => {
                    self.node.step(now, event, &mut self.node_effects);
                    self.perform_node();
                }
            }
        }
    }

    fn perform_zk(&mut self) {
        for effect in std::mem::take(&mut self.zk_effects) {
            let event = match effect {
                Effect::Dial(conn, host) => {
                    self.world.dial(conn, &host);
                    continue;
                }
                Effect::Send(conn, frame) => {
                    self.world.send(conn, frame);
                    continue;
                }
                Effect::CloseSocket(conn) => {
                    self.world.close(conn);
                    continue;
                }
                Effect::Completed { token, resent, result } => NodeEvent::ZkCompleted { token, resent, result },
                Effect::Watch { kind, path } => NodeEvent::ZkWatch { kind, path },
                Effect::State(State::Expired) if self.bug.is(PlantedBug::ControllerAfterExpiry) => {
                    self.deaf = true;
                    continue;
                }
                // The new session is taken for the old one, with its registration and its office.
                Effect::State(State::Connected { .. }) if self.deaf => continue,
                Effect::State(state) => {
                    self.note_session(&state);
                    NodeEvent::ZkState(state)
                }
            };
            self.pending.push_back(NodeInput::Node(event));
        }
    }

    fn perform_node(&mut self) {
        for effect in std::mem::take(&mut self.node_effects) {
            match effect {
                NodeEffect::Zk { token, op, on_loss } => {
                    self.pending.push_back(NodeInput::Zk(Event::Submit { token, op, on_loss }));
                }
                NodeEffect::ZkClose => self.pending.push_back(NodeInput::Zk(Event::Close)),
                NodeEffect::Shard(shard, command) => self.world.command(shard, command),
                NodeEffect::Publish(image) => self.world.publish(image),
                NodeEffect::Reply(token, response) => self.world.reply(token, response),
                NodeEffect::ToBroker(broker, request) => self.world.to_broker(broker, request),
                NodeEffect::Log(level, message) => self.world.log(level, message),
                NodeEffect::Identity { cluster_id, broker_id } => {
                    self.world.milestone(Milestone::Identity { cluster_id, broker_id });
                }
                NodeEffect::Ready => self.world.milestone(Milestone::Ready),
                NodeEffect::Fatal(why) => self.world.milestone(Milestone::Fatal(why)),
                NodeEffect::Stopped => self.world.milestone(Milestone::Stopped),
            }
        }
    }

    /// Keeps the file in step with the session, before any ephemeral of a new session can exist.
    fn note_session(&mut self, state: &State) {
        if let State::Connected { session_id, new, .. } = state {
            self.connect_until = None;
            let what = if *new { "new session" } else { "session goes on" };
            self.world.log(Level::Info, format!("connected to zookeeper, {what}: {session_id:#x}"));
        }
        let result = match state {
            State::Connected { session_id, password, new: true, .. } => {
                write_session(self.world.disk(), &self.session_file, *session_id, &password.0)
            }
            State::Closed => remove_if_there(self.world.disk(), &self.session_file),
            _ => Ok(()),
        };
        if let Err(error) = result {
            let path = self.session_file.display().to_string();
            self.world
                .log(Level::Warn, format!("could not keep {path}: {error}; a restart after a crash will be slow"));
        }
    }
}

fn remove_if_there<D: Disk>(disk: &D, path: &std::path::Path) -> std::io::Result<()> {
    if disk.exists(path)? { disk.remove_file(path) } else { Ok(()) }
}

/// Not synced: after a power cut the file may be missing, and then the old session expires by itself.
fn write_session<D: Disk>(disk: &D, path: &std::path::Path, session_id: i64, password: &Secret) -> std::io::Result<()> {
    let temporary = path.with_extension("zk-session.tmp");
    remove_if_there(disk, &temporary)?;
    let file = disk.open(&temporary, OpenMode::CreateNewPrivate)?;
    let hex: String = password.expose().iter().map(|byte| format!("{byte:02x}")).collect();
    let content = format!("version=1\nsession.id={session_id:#x}\npassword={hex}\n");
    file.write_at(content.as_bytes(), 0)?;
    drop(file);
    disk.rename(&temporary, path)
}

/// `None` for a file that is not there or makes no sense: then the old session, if any, expires by itself.
fn read_session<D: Disk>(disk: &D, path: &std::path::Path) -> Option<Credentials> {
    if !disk.exists(path).ok()? {
        return None;
    }
    let content = disk.read_all(path, SESSION_FILE_BYTES_MAX).ok()?;
    let text = std::str::from_utf8(&content).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    if value("version")? != "1" {
        return None;
    }
    let session_id = u64::from_str_radix(value("session.id")?.strip_prefix("0x")?, 16).ok()? as i64;
    let hex = value("password")?;
    if hex.len() % 2 != 0 || !hex.is_ascii() {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
    let password: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    (session_id != 0).then(|| Credentials { session_id, password: Secret::new(password) })
}

#[cfg(test)]
mod tests {
    use storage::file_disk::FileDisk;

    use super::*;

    #[test]
    fn the_session_file_is_private_and_read_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(SESSION_FILE);
        let disk = FileDisk;
        assert!(read_session(&disk, &path).is_none());
        for id in [0x1000_0000_0000_0001, -2] {
            write_session(&disk, &path, id, &Secret::new(vec![0, 1, 0xff])).expect("written");
            let read = read_session(&disk, &path).expect("read back");
            assert_eq!(read.session_id, id);
            assert!(read.password.matches(&[0, 1, 0xff]));
        }
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "version=1\nsession.id=12\npassword=é").expect("written");
        assert!(read_session(&disk, &path).is_none());
        remove_if_there(&disk, &path).expect("removed");
        remove_if_there(&disk, &path).expect("nothing to remove");
    }
}
