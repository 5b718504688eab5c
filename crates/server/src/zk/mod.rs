//! The client port of the keeper: what is around [`driver::keeper_loop::KeeperLoop`] in the real world.
//!
//! ```text
//! listener -> conn (a task each) -- reads, pings --> Keeper::read, under the shared lock
//!                 |  writes                           |
//!                 +--> inbox -> keeper-loop thread ---+--> outbox of the connection -> conn -> socket
//! ```

pub mod admin;
mod admission;
pub mod audit;
mod conn;
pub(crate) mod conn_stats;
mod ensemble_stats;
mod flow;
pub mod four_letter;
mod java_date;
mod listener;
mod loop_thread;
pub mod metrics;
pub(crate) mod outbox;
pub(crate) mod place;
pub mod quorum;
pub(crate) mod stats;
mod token_bucket;
mod turn;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use arc_swap::ArcSwap;
use base::Prng;
use base::limits::Budget;
use driver::conn_order::SharedKeeper;
use driver::keeper_loop::KeeperLoopConfig;
use keeper::Recovery;
use parking_lot::Mutex;
use storage::file_disk::FileDisk;
use storage::zk::error::StoreError;
use tokio::sync::{oneshot, watch};
use zk_wire::Zxid;

pub use self::admission::Limits;
pub use self::listener::Listen;
pub use self::quorum::MemberConfig;
pub use self::stats::StatsView;
pub use self::token_bucket::{ConnectThrottle, Weights};

use self::admission::Admission;
use self::four_letter::{Whitelist, trace_mask};
use self::listener::Conns;
use self::loop_thread::{LoopEnd, ToLoop};
use self::outbox::End;
use self::quorum::rim::Rim;
use self::quorum::{Members, OpenLinks};
use self::stats::ServerStats;
use crate::clock::Clock;
use crate::http::admin::AdminOptions;
use crate::world_real::Inbox;

/// A keeper's configuration.
#[derive(Clone, Debug)]
pub struct ZkServerConfig {
    /// Where to listen.
    pub listen: Listen,
    /// Folder, log and machine.
    pub store: KeeperLoopConfig,
    /// Connections from one address (`maxClientCnxns`); 0 is no limit.
    pub max_client_cnxns: usize,
    /// Connections in all (`maxCnxns`); 0 is no limit.
    pub max_cnxns: usize,
    /// Connections that may wait to be accepted (`clientPortListenBacklog`); `None` is this server's default.
    pub listen_backlog: Option<u32>,
    /// Whether the operating system probes idle connections (`clientTcpKeepAlive`).
    pub keep_alive: bool,
    /// Limits of requests and connect requests.
    pub limits: Limits,
    /// Memory for all connections of the process; a broker may share it.
    pub budget: Arc<Budget>,
    /// Which four-letter words are answered.
    pub words: Whitelist,
    /// A connection that has not sent its connect request by then is closed
    /// (`zookeeper.nio.sessionlessCnxnTimeout`).
    pub connect_deadline: Duration,
    /// `zookeeper.datadir.autocreate`: whether folders that are not there are made.
    pub creates_folders: bool,
    /// Commands over HTTP.
    pub admin: AdminOptions,
    /// `metricsProvider.className` is upstream's Prometheus provider: `mntr` and `monitor` show its samples.
    pub prometheus: bool,
    /// Its place in an ensemble; `None` stands alone.
    pub member: Option<MemberConfig>,
}

impl ZkServerConfig {
    /// Upstream's defaults for a folder, on loopback. Port 0 chooses one.
    pub fn embedded(data_dir: &Path, port: u16) -> Self {
        let mut store = KeeperLoopConfig::new(data_dir);
        // Nobody configured a purge, and nobody wants a full disk.
        store.retain = Some(storage::zk::purge::RETAIN_MIN);
        Self {
            listen: Listen::Loopback { port },
            store,
            // Every client has the same address here, so a limit per address would be one on all.
            max_client_cnxns: 0,
            max_cnxns: 0,
            listen_backlog: None,
            keep_alive: false,
            limits: Limits::default(),
            budget: Arc::new(Budget::new(crate::memory::connections_bytes_max())),
            words: Whitelist::embedded(),
            connect_deadline: Duration::from_secs(10),
            admin: AdminOptions::default(),
            prometheus: false,
            creates_folders: true,
            member: None,
        }
    }

    /// # Errors
    /// A folder that is not there and must not be made.
    fn check_folders(&self) -> Result<(), StartError> {
        let log_dir = self.store.data_log_dir.as_ref().unwrap_or(&self.store.data_dir);
        let missing = [&self.store.data_dir, log_dir].into_iter().find(|dir| !dir.join("version-2").is_dir());
        match missing {
            Some(dir) if !self.creates_folders => Err(StartError::Config(format!(
                "the folder {}/version-2 is not there, and datadir.autocreate is false; mount its disk, or make it \
                 to begin with an empty tree",
                dir.display()
            ))),
            _ => Ok(()),
        }
    }
}

/// Why a keeper did not start: what was tried, on what, and what to do.
#[derive(Debug)]
pub enum StartError {
    /// An address could not be bound.
    Bind {
        /// For whom.
        whom: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the operating system says.
        error: io::Error,
    },
    /// The data folder cannot be used.
    Store(StoreError),
    /// The configuration cannot be served.
    Config(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { whom, addr, error } => {
                let advice = match error.kind() {
                    io::ErrorKind::AddrInUse => "another process listens there: stop it, or choose another port",
                    io::ErrorKind::AddrNotAvailable => "this machine has no such address: choose one that it has",
                    io::ErrorKind::PermissionDenied => "ports below 1024 need more rights: choose another port",
                    _ => "choose another address or port",
                };
                write!(f, "cannot listen for {whom} on {addr}: {error}; {advice}")
            }
            Self::Store(error) => write!(f, "{error}"),
            Self::Config(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StartError {}

/// What the parts of one server share.
pub struct Shared {
    pub(crate) config: ZkServerConfig,
    pub(crate) keeper: SharedKeeper,
    pub(crate) inbox: Arc<Inbox<ToLoop>>,
    pub(crate) clock: Clock,
    pub(crate) stats: Arc<ServerStats>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) conns: Mutex<Conns>,
    pub(crate) next_conn: AtomicU64,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) client_port: u16,
    pub(crate) client_addrs: Vec<SocketAddr>,
    /// The ensemble now, for a member of one.
    pub(crate) members: Option<Members>,
    /// Its connections with others.
    pub(crate) links: Option<OpenLinks>,
    pub(crate) snap_dir: PathBuf,
    pub(crate) log_dir: PathBuf,
    pub(crate) trace_mask: AtomicI64,
}

impl Shared {
    /// Whether clients are answered.
    pub(crate) fn serving(&self) -> bool {
        !*self.stopping.borrow() && self.keeper.with(|keeper| keeper.takes_clients() || keeper.reads_only())
    }
}

/// A running keeper. Dropping it stops the keeper as a crash would: nothing more is written.
pub struct ZkServerHandle {
    shared: Arc<Shared>,
    addrs: Vec<SocketAddr>,
    ended: watch::Receiver<Option<Result<(), String>>>,
}

/// Starts a keeper inside the caller's tokio runtime. It serves when this returns.
///
/// # Errors
/// [`StartError`], for a human; nothing is left running and nothing is damaged.
pub async fn start(config: ZkServerConfig) -> Result<ZkServerHandle, StartError> {
    config.check_folders()?;
    let listeners = listener::bind(&config.listen, config.listen_backlog)?;
    let addrs: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let began = std::time::Instant::now();
    let (clock, inbox, stats) = (Clock::new(), Arc::new(Inbox::default()), Arc::new(ServerStats::default()));
    let mut store = config.store.clone();
    let members = config.member.as_ref().map(|member| Members::new(ArcSwap::from_pointee(member.membership.clone())));
    let rim = match (&config.member, &members) {
        (Some(member), Some(members)) => {
            store.ensemble = Some(member.for_loop());
            Some(Rim::open(member, members.clone(), &inbox).await?)
        }
        _ => None,
    };
    let links = rim.as_ref().map(Rim::open_links);
    let opened = loop_thread::spawn(store, seed(&clock), clock, inbox.clone(), stats.clone(), rim);
    let started = opened.await.expect("the loop's thread answers").map_err(StartError::Store)?;
    stats.dbinittime.add(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let admission = Arc::new(Admission::new(config.limits.clone(), clock.mono(), seed(&clock)));
    let shared = Arc::new(Shared {
        config,
        admission,
        keeper: started.keeper,
        inbox,
        clock,
        stats,
        conns: Mutex::default(),
        next_conn: AtomicU64::new(1),
        stopping: watch::Sender::new(false),
        client_port: addrs.first().map_or(0, SocketAddr::port),
        client_addrs: addrs.clone(),
        members,
        links,
        snap_dir: started.snap_dir,
        log_dir: started.log_dir,
        trace_mask: AtomicI64::new(trace_mask::DEFAULT),
    });
    let (end, ended) = watch::channel(None);
    let at_end = shared.clone();
    let loop_ended = started.ended;
    tokio::spawn(async move {
        let result = match loop_ended.await {
            Ok(LoopEnd::Stopped) => Ok(()),
            Ok(LoopEnd::Failed(why)) => Err(why),
            Err(_) => Err("the keeper's loop ended by a panic".into()),
        };
        // The listener closes, and connections end behind their last replies.
        at_end.stopping.send_replace(true);
        at_end.conns.lock().end(&End::Flush(None));
        end.send_replace(Some(result));
    });
    for listener in listeners {
        tokio::spawn(listener::accept(listener, shared.clone()));
    }
    Ok(ZkServerHandle { shared, addrs, ended })
}

/// Chance for session ids and snapshot intervals; not for secrets.
fn seed(clock: &Clock) -> Prng {
    let now = clock.now();
    Prng::new((now.wall_ms as u64) << 20 ^ now.mono.as_nanos() ^ u64::from(std::process::id()) << 40)
}

impl ZkServerHandle {
    /// Where clients reach it.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// For the HTTP side: metrics, commands.
    pub fn admin(&self) -> ZkAdmin {
        ZkAdmin { shared: self.shared.clone() }
    }

    /// Waits until the keeper has stopped by itself: the reason, when its disk failed.
    ///
    /// # Errors
    /// Why it stopped; the process should end with an error.
    pub async fn ended(&mut self) -> Result<(), String> {
        match self.ended.wait_for(Option::is_some).await {
            Ok(result) => result.clone().expect("waited for it"),
            Err(_) => Err("the runtime is shutting down".into()),
        }
    }

    /// Stops cleanly: what was received and logged is synced and answered, the log is closed, connections end.
    ///
    /// # Errors
    /// As [`ZkServerHandle::ended`].
    pub async fn shutdown(mut self) -> Result<(), String> {
        self.shared.stopping.send_replace(true);
        self.shared.inbox.push(ToLoop::ShutDown);
        let result = self.ended().await;
        let gone = async {
            while !self.shared.conns.lock().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // A client that does not read gets no more time than this.
        let _ = tokio::time::timeout(Duration::from_secs(1), gone).await;
        result
    }

    /// Stops as a crash would, and waits until the folder is free again.
    ///
    /// # Errors
    /// As [`ZkServerHandle::ended`].
    pub async fn abort(mut self) -> Result<(), String> {
        self.shared.inbox.push(ToLoop::Abort);
        self.ended().await
    }
}

impl Drop for ZkServerHandle {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
        self.shared.inbox.push(ToLoop::Abort);
    }
}

/// What the HTTP side asks.
#[derive(Clone)]
pub struct ZkAdmin {
    pub(crate) shared: Arc<Shared>,
}

impl ZkAdmin {
    /// Whether clients are answered.
    ///
    /// # Errors
    /// One line for people: why not.
    pub fn serving(&self) -> Result<(), String> {
        match self.shared.serving() {
            true => Ok(()),
            false if *self.shared.stopping.borrow() => Err("the keeper is stopping".into()),
            false => Err("the keeper has no leader to follow".into()),
        }
    }

    /// What the operator decided about commands.
    pub fn options(&self) -> &AdminOptions {
        &self.shared.config.admin
    }

    /// Looks at the keeper; writes wait meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&keeper::Keeper) -> R) -> R {
        self.shared.keeper.with(look)
    }

    /// Writes a snapshot that holds everything up to now; gives its file.
    ///
    /// # Errors
    /// One line for people: why there is none.
    pub async fn take_snapshot(&self) -> Result<PathBuf, String> {
        let (answer, taken) = oneshot::channel();
        self.shared.inbox.push(ToLoop::TakeSnapshot(answer));
        taken.await.unwrap_or_else(|_| Err("the keeper stopped".into()))
    }

    /// An empty state with this keeper's configuration, to fill with a snapshot.
    pub fn recovery(&self) -> Recovery {
        Recovery::new(self.shared.config.store.keeper.clone(), seed(&self.shared.clock))
    }

    /// Puts another state into the place of this one. When this returns it is durable; every connection ends.
    ///
    /// # Errors
    /// One line for people: why nothing has changed.
    pub async fn restore(&self, recovery: Recovery) -> Result<Zxid, String> {
        let (answer, restored) = oneshot::channel();
        self.shared.inbox.push(ToLoop::Restore(Box::new(recovery), answer));
        restored.await.unwrap_or_else(|_| Err("the keeper stopped".into()))
    }

    /// Hands leadership over, to `to` or to the follower that is furthest; which. When this returns, this server has
    /// stepped down for that one, and the ensemble elects it.
    ///
    /// # Errors
    /// One line for people: why not.
    pub async fn hand_over(&self, to: Option<zab::Sid>) -> Result<zab::Sid, String> {
        let (answer, handed_over) = oneshot::channel();
        self.shared.inbox.push(ToLoop::HandOver(to, answer));
        handed_over.await.unwrap_or_else(|_| Err("the keeper stopped".into()))
    }

    /// The newest snapshot's zxid, and when it was written; `None` when the folder cannot be read.
    pub fn newest_snapshot(&self) -> Option<(i64, std::time::SystemTime)> {
        let all = storage::zk::names::snapshots(&FileDisk, &self.shared.snap_dir).ok()?;
        let newest = all.first()?;
        Some((newest.zxid, std::fs::metadata(&newest.path).ok()?.modified().ok()?))
    }

    /// Every metric.
    pub fn metrics(&self) -> Vec<metrics::Metric> {
        metrics::collect(&self.shared)
    }

    /// The lines of `conf`.
    pub fn configuration(&self) -> Vec<(&'static str, String)> {
        admin::configuration(&self.shared)
    }

    /// The lines of `envi`.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        admin::environment()
    }

    /// Where clients reach it.
    pub fn client_address(&self) -> String {
        self.shared.client_addrs.first().map_or_else(String::new, SocketAddr::to_string)
    }

    /// Its place in an ensemble; `None` when it stands alone.
    pub fn place(&self) -> Option<place::Place<'_>> {
        place::of(&self.shared)
    }

    /// Whether it finds no leader and serves reads.
    pub fn reads_only(&self) -> bool {
        place::reads_only(&self.shared)
    }

    /// What monitoring tools know its role as.
    pub fn mode(&self) -> &'static str {
        place::mode(&self.shared)
    }

    /// The tree's numbers.
    pub fn tree(&self) -> keeper::admin::Summary {
        admin::tree(&self.shared)
    }

    /// The server's counters.
    pub fn stats(&self) -> StatsView {
        self.shared.stats.view(&self.shared.conns.lock())
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.shared.conns.lock().len()
    }

    /// Milliseconds since the start.
    pub fn uptime_ms(&self) -> u64 {
        self.shared.clock.mono().as_millis()
    }

    /// (snapshots, logs) in bytes.
    pub fn folder_sizes(&self) -> (u64, u64) {
        admin::folder_sizes(&self.shared)
    }

    /// The answer of a four-letter word, whatever the whitelist says; `None` for what is no word.
    pub fn word(&self, word: &str) -> Option<String> {
        four_letter::text(word, &self.shared)
    }
}
