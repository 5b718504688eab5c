//! What the targets share: a keeper without anything around it, folders on a simulated disk, a server's port.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use base::{Instant, Now, Prng};
use bytes::Bytes;
use keeper::{Config, Keeper};
use sim::disk::SimDisk;
use storage::disk::{Disk, DiskFile, OpenMode};
use storage::zk::data_dir::DataDir;
use storage::zk::error::StoreError;
use storage::zk::restore::RestoreOptions;
use storage::zk::store::open_keeper;

/// A moment.
pub const NOW: Now = Now { mono: Instant::ZERO, wall_ms: 1_767_225_600_000 };

/// The largest frame that the targets have in mind.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Files of a log folder of Kafka: a partition whose log has two segments, and what is beside it.
pub const LOG_FOLDER: [&str; 18] = [
    "t-0/00000000000000000000.log",
    "t-0/00000000000000000000.index",
    "t-0/00000000000000000000.timeindex",
    "t-0/00000000000000000000.txnindex",
    "t-0/00000000000000000034.log",
    "t-0/00000000000000000034.index",
    "t-0/00000000000000000034.timeindex",
    "t-0/00000000000000000034.snapshot",
    "t-0/00000000000000000034.log.swap",
    "t-0/00000000000000000054.snapshot",
    "t-0/leader-epoch-checkpoint",
    "t-0/partition.metadata",
    "meta.properties",
    ".kafka_cleanshutdown",
    "recovery-point-offset-checkpoint",
    "log-start-offset-checkpoint",
    "replication-offset-checkpoint",
    "cleaner-offset-checkpoint",
];

/// An empty folder `/data`, as Apache lays it out.
pub fn folder() -> SimDisk {
    let disk = SimDisk::new(Prng::new(1));
    disk.create_dir_all(Path::new("/data/version-2")).expect("an honest disk");
    disk
}

/// Puts a file there.
pub fn put(disk: &SimDisk, path: &str, content: &[u8]) {
    let file = disk.open(Path::new(path), OpenMode::CreateNew).expect("an honest disk");
    file.write_at(content, 0).expect("an honest disk");
}

/// Opens the folder as a start does; damage is an error and never a panic.
pub fn open(disk: &SimDisk) -> Result<Keeper, StoreError> {
    let mut dir = DataDir::open(disk.clone(), Path::new("/data"), None)?;
    let _ = dir.myid()?;
    let options = RestoreOptions { autocreate: true, trust_empty: true, record_bytes_max: RECORD_BYTES_MAX };
    open_keeper(&mut dir, options, Config::default(), Prng::new(1), NOW).map(|(keeper, _)| keeper)
}

/// Sends bytes on a connection of their own and reads whatever comes until the end. False when the port is not there.
pub fn exchange(addr: SocketAddr, input: &[u8]) -> bool {
    let Ok(mut stream) = TcpStream::connect(addr) else { return false };
    let patience = Some(Duration::from_secs(5));
    stream.set_read_timeout(patience).expect("a timeout above zero");
    // The other end may hang up at any byte.
    let _ = stream.write_all(input);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    true
}

/// A server with a folder of its own, for as long as the process lives.
pub struct Servers {
    /// The clients' port.
    pub zookeeper: SocketAddr,
    /// The HTTP port.
    pub http: SocketAddr,
    _runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

impl Servers {
    /// Starts them.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads");
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = server::zk::ZkServerConfig::embedded(dir.path(), 0);
        // Snapshots and restores as often as somebody asks.
        config.admin.rate_limiter_interval = Duration::ZERO;
        let (zookeeper, http) = runtime.block_on(async {
            let zookeeper = server::zk::start(config).await.expect("the keeper starts");
            let source = std::sync::Arc::new(zookeeper.admin());
            let addresses = [SocketAddr::from(([127, 0, 0, 1], 0))];
            let http = server::http::start(&addresses, vec![source]).await.expect("the HTTP port starts");
            let found = (zookeeper.local_addrs()[0], http.local_addrs()[0]);
            // Both live as long as the process.
            std::mem::forget((zookeeper, http));
            found
        });
        Self { zookeeper, http, _runtime: runtime, _dir: dir }
    }
}

/// Takes `len` and so many bytes off the front; fewer when there are no more.
pub fn piece(rest: &mut Bytes) -> Option<Bytes> {
    let len = usize::from(*rest.first()?);
    let _ = rest.split_to(1);
    Some(rest.split_to(len.min(rest.len())))
}
