//! The broker's sockets and threads: what is around [`driver::shard_loop::ShardLoop`] and
//! [`driver::node_loop::NodeLoop`] in the real world.
//!
//! ```text
//! listener -> conn (a task each): frame, decode, CRC -> dispatch: split by shard, join the answers -> encode, write
//!                |                                          ^
//!                |  partitions, groups                      |  answers, in a channel of the connection's own
//!                +--> inbox -> shard threads ---------------+
//!                +--> inbox -> node thread -----------------+
//! ```

mod config;
mod conn;
mod connections;
mod dispatch;
mod documentation;
mod down_convert;
mod frame;
mod handle;
mod listener;
mod loggers;
mod metrics;
mod mutations;
pub mod node_thread;
mod quotas;
mod records;
mod shard_thread;
pub mod zk_link;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use base::limits::Budget;
use base::{Prng, Str};
use broker::assembly::fetch_session::SessionCache;
use broker::config::BrokerConfig;
use broker::connections::ConnectionLimits;
use broker::metadata_cache::MetadataImage;
use broker::quota::{Buckets, Meters};
use broker::shard::{RequestToken, ShardCommand};
use broker::{ShardId, ShardMap};
use driver::log_dirs::LogDirs;
use driver::node_loop::{Milestone, NodeLoopConfig};
use parking_lot::Mutex;
use storage::file_disk::FileDisk;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

pub use self::config::KafkaServerConfig;
pub use self::handle::{KafkaAdmin, KafkaServerHandle};

use self::connections::Connections;
use self::dispatch::Answer;
use self::listener::SocketOptions;
use self::metrics::{ShardStats, Stats};
use self::node_thread::{NodeHandle, NodePorts};
use self::shard_thread::{ShardPorts, ToShard};
use crate::clock::Clock;
use crate::world_real::Inbox;

/// Why a broker did not start: what was tried, on what, and what to do.
#[derive(Debug)]
pub enum StartError {
    /// An address could not be bound.
    Bind {
        /// Host and port as configured.
        address: String,
        /// What the operating system says.
        error: io::Error,
    },
    /// A log folder cannot be used.
    LogDirs(io::Error),
    /// The configuration cannot be served.
    Config(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, error } => {
                let advice = match error.kind() {
                    io::ErrorKind::AddrInUse => "another process listens there: stop it, or choose another port",
                    io::ErrorKind::AddrNotAvailable => "this machine has no such address: choose one that it has",
                    io::ErrorKind::PermissionDenied => "ports below 1024 need more rights: choose another port",
                    _ => "choose another address or port in listeners",
                };
                write!(f, "cannot listen for Kafka clients on {address}: {error}; {advice}")
            }
            Self::LogDirs(error) => write!(f, "cannot use log.dirs: {error}"),
            Self::Config(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StartError {}

/// How often an operator hears of a start that takes long.
const PROGRESS: std::time::Duration = std::time::Duration::from_secs(3);

/// What the parts of one broker share.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) shard_map: ShardMap,
    pub(crate) shards: Vec<Arc<Inbox<ToShard>>>,
    pub(crate) node: NodeHandle,
    pub(crate) image: Arc<ArcSwap<MetadataImage>>,
    pub(crate) sessions: Mutex<SessionCache>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) next_token: AtomicU64,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) stats: Stats,
    pub(crate) shard_stats: Arc<ShardStats>,
    pub(crate) dirs: Arc<LogDirs<FileDisk>>,
    /// This broker's id, once it is known.
    own_id: Arc<AtomicI32>,
    /// `socket.request.max.bytes`.
    pub(crate) frame_bytes_max: usize,
    /// Memory for all connections of the process.
    pub(crate) budget: Arc<Budget>,
    /// Who is connected.
    pub(crate) connections: Arc<Connections>,
    /// What clients with a quota have used.
    pub(crate) meters: Mutex<Meters>,
    /// How many partitions they have made and deleted.
    pub(crate) buckets: Mutex<Buckets>,
    /// `fetch.max.bytes`.
    pub(crate) fetch_bytes_max: u64,
    /// `connections.max.idle.ms`.
    pub(crate) idle: std::time::Duration,
}

/// Connections that wait for an answer of the node, by token.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<std::collections::BTreeMap<RequestToken, mpsc::UnboundedSender<Answer>>>);

impl Waiting {
    pub(crate) fn insert(&self, token: RequestToken, to: mpsc::UnboundedSender<Answer>) {
        self.0.lock().insert(token, to);
    }

    pub(crate) fn remove(&self, token: RequestToken) -> Option<mpsc::UnboundedSender<Answer>> {
        self.0.lock().remove(&token)
    }
}

impl Shared {
    pub(crate) fn token(&self) -> RequestToken {
        RequestToken(self.next_token.fetch_add(1, Ordering::Relaxed))
    }

    /// This broker's id; -1 as long as it is not known.
    pub(crate) fn broker_id(&self) -> i32 {
        self.own_id.load(Ordering::Relaxed)
    }

    pub(crate) fn shard(&self, shard: ShardId) -> &Inbox<ToShard> {
        &self.shards[usize::from(shard.0)]
    }
}

/// Starts a broker inside the caller's tokio runtime. When this returns it listens; it serves once
/// [`KafkaServerHandle::ready`] says so.
///
/// # Errors
/// [`StartError`], for a human; nothing is left running and nothing is damaged.
pub async fn start(config: KafkaServerConfig) -> Result<KafkaServerHandle, StartError> {
    let clock = Clock::new();
    let mut prng = seed(&clock);
    let shard_map = ShardMap::new(config.shards);
    let paths = config.log_dirs();
    let dirs = open_dirs(paths.clone(), shard_map).await?;
    let (cluster_id, stored_id) = dirs.identity();
    let mut broker = config.broker(stored_id).map_err(|problems| StartError::Config(problems.join("; ")))?;
    let image = first_image(&broker)?;
    let options = SocketOptions::of(&broker);
    let listeners = listener::bind(&mut broker.listeners, &mut broker.advertised_listeners, options).await?;

    let waiting = Arc::new(Waiting::default());
    let inboxes: Vec<Arc<Inbox<ToShard>>> = (0..shard_map.count()).map(|_| Arc::default()).collect();
    let (milestones, heard) = mpsc::unbounded_channel();
    let (node, node_thread) = start_node(NodeStart {
        broker: &broker,
        shard_map,
        cluster_id,
        session_dir: paths[0].clone(),
        inboxes: inboxes.clone(),
        waiting: waiting.clone(),
        image: image.clone(),
        milestones: milestones.clone(),
        clock,
        prng: &mut prng,
    })?;
    let shard_stats = Arc::new(ShardStats::default());
    let ports = ShardPorts { node: node.clone(), milestones, stats: shard_stats.clone() };
    let mut threads = vec![node_thread];
    for (shard, inbox) in inboxes.iter().enumerate() {
        let setup = shard_thread::Setup {
            shard: ShardId(shard as u16),
            broker: &broker,
            dirs: dirs.clone(),
            inbox: inbox.clone(),
            ports: ports.clone(),
            clock,
            prng: prng.fork(),
        };
        threads.push(shard_thread::spawn(setup).map_err(StartError::Config)?);
    }
    let slots = usize::try_from(broker.int("max.incremental.fetch.session.cache.slots")).unwrap_or(1000);
    let millis = |key: &str| std::time::Duration::from_millis(u64::try_from(broker.int(key)).unwrap_or(u64::MAX / 4));
    let shared = Arc::new(Shared {
        budget: config.budget,
        frame_bytes_max: usize::try_from(broker.int("socket.request.max.bytes")).unwrap_or(100 << 20),
        fetch_bytes_max: u64::try_from(broker.int("fetch.max.bytes")).unwrap_or(55 << 20),
        idle: millis("connections.max.idle.ms"),
        clock,
        shard_map,
        shards: inboxes,
        node,
        image,
        sessions: Mutex::new(SessionCache::new(slots, prng.fork())),
        connections: Arc::default(),
        meters: Mutex::new(quotas::meters(&broker)),
        buckets: Mutex::new(quotas::buckets(&broker)),
        waiting,
        next_token: AtomicU64::new(1),
        stopping: watch::Sender::new(false),
        stats: Stats::default(),
        shard_stats,
        dirs,
        own_id: Arc::new(AtomicI32::new(-1)),
    });
    tokio::spawn(tell_progress(shared.clone()));
    let addrs = accept(listeners, &shared);
    Ok(KafkaServerHandle::new(shared, addrs, heard, threads))
}

/// What connections see before the node has heard of a cluster.
fn first_image(broker: &BrokerConfig) -> Result<Arc<ArcSwap<MetadataImage>>, StartError> {
    let limits = ConnectionLimits::from_config(broker).map_err(StartError::Config)?;
    let image = MetadataImage { connections: Arc::new(limits), ..MetadataImage::default() };
    Ok(Arc::new(ArcSwap::from_pointee(image)))
}

/// Accepts on every listener until the server stops; their addresses.
fn accept(listeners: Vec<(TcpListener, Str)>, shared: &Arc<Shared>) -> Vec<SocketAddr> {
    let addrs = listeners.iter().filter_map(|(listener, _)| listener.local_addr().ok()).collect();
    for (listener, name) in listeners {
        tokio::spawn(listener::accept(listener, name, shared.clone()));
    }
    addrs
}

/// Takes the log folders; what deleted topics left behind in them is removed beside everything else.
async fn open_dirs(paths: Vec<PathBuf>, shard_map: ShardMap) -> Result<Arc<LogDirs<FileDisk>>, StartError> {
    let shards = usize::from(shard_map.count());
    let opened = tokio::task::spawn_blocking(move || LogDirs::open(&FileDisk, &paths, shards)).await;
    let (dirs, leftovers) = opened.expect("opening log folders does not panic").map_err(StartError::LogDirs)?;
    for (path, reason) in dirs.unopened() {
        let path = path.display();
        tracing::error!(
            "log folder {path} is offline: {reason}; what is in it answers KAFKA_STORAGE_ERROR until it is mended and the \
             broker started again"
        );
    }
    for dir in (0..dirs.count()).filter(|dir| !dirs.has_failed(*dir)) {
        dirs.with(dir, |dir| dir.warnings().iter().for_each(|warning| tracing::warn!("{warning}")));
    }
    tokio::task::spawn_blocking(move || {
        for leftover in leftovers {
            if let Err(e) = leftover.run() {
                tracing::warn!("removing a deleted partition's folder: {e}");
            }
        }
    });
    Ok(Arc::new(dirs))
}

/// Says now and then how far the opening of logs is, which may have to read them.
async fn tell_progress(shared: Arc<Shared>) {
    let mut stopping = shared.stopping.subscribe();
    let mut said = None;
    while tokio::time::timeout(PROGRESS, stopping.wait_for(|stopping| *stopping)).await.is_err() {
        let (open, all) = shared.dirs.opened_of_all();
        if open == all {
            return;
        }
        if said.replace(open) != Some(open) {
            tracing::info!("{open} of {all} logs are open; after an unclean stop what was not flushed is read");
        }
    }
}

struct NodeStart<'a> {
    broker: &'a BrokerConfig,
    shard_map: ShardMap,
    cluster_id: Option<String>,
    session_dir: PathBuf,
    inboxes: Vec<Arc<Inbox<ToShard>>>,
    waiting: Arc<Waiting>,
    image: Arc<ArcSwap<MetadataImage>>,
    milestones: mpsc::UnboundedSender<handle::Heard>,
    clock: Clock,
    prng: &'a mut Prng,
}

fn start_node(start: NodeStart<'_>) -> Result<(NodeHandle, JoinHandle<()>), StartError> {
    let NodeStart { inboxes, waiting, milestones, .. } = start;
    let ready = AtomicBool::new(false);
    let ports = NodePorts {
        command: Box::new(move |shard: ShardId, command: ShardCommand| {
            inboxes[usize::from(shard.0)].push(ToShard::Command(command));
        }),
        reply: Box::new(move |token, response| {
            // Nobody waits any more when the connection is gone.
            if let Some(to) = waiting.remove(token) {
                let _ = to.send(Answer::Node(token, response));
            }
        }),
        image: start.image,
        milestone: Box::new(move |milestone| {
            if milestone == Milestone::Ready && ready.swap(true, Ordering::Relaxed) {
                return;
            }
            // The handle is gone when the process is ending.
            let _ = milestones.send(handle::Heard::Node(milestone));
        }),
    };
    let config = NodeLoopConfig {
        broker: start.broker.clone(),
        shards: start.shard_map,
        cluster_id: start.cluster_id.map(Str::from),
        session_dir: start.session_dir,
    };
    let runtime = tokio::runtime::Handle::current();
    node_thread::start(config, ports, runtime, start.clock, start.prng).map_err(StartError::Config)
}

/// Chance for session ids and member ids; not for secrets.
fn seed(clock: &Clock) -> Prng {
    let now = clock.now();
    Prng::new((now.wall_ms as u64) << 20 ^ now.mono.as_nanos() ^ u64::from(std::process::id()) << 40)
}
