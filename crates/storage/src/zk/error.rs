//! Why a data folder cannot be used, in sentences that say what was tried, on what, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// The disk reports an error.
    Io {
        /// What was tried.
        tried: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// Another process holds the folder.
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// A later version wrote the folder.
    NewerFormat {
        /// The mark.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// A file whose format is of a later version.
    NewerFile {
        /// The snapshot or log.
        path: PathBuf,
        /// The version in its header.
        found: u32,
    },
    /// The newest snapshot does not load, and an older one with the logs leads to an older state.
    LogsEndEarly {
        /// The snapshot that does not load.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// The transaction that it went to.
        zxid: i64,
        /// The last transaction that the logs lead to.
        last_zxid: i64,
    },
    /// The folder is empty, and the configuration says that this is a mistake.
    Empty {
        /// The folder.
        dir: PathBuf,
    },
    /// Snapshots lie among the logs or the reverse: `dataDir` and `dataLogDir` were changed.
    Misplaced {
        /// The file that is in the wrong folder.
        path: PathBuf,
        /// Where such files belong.
        belongs_in: PathBuf,
    },
    /// A log is damaged where it was already acknowledged.
    LogDamaged {
        /// The log file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong, and how it is known to be more than a torn tail.
        what: String,
        /// The last transaction before the damage.
        last_zxid: i64,
    },
    /// A log that was written and synced is not there.
    LogMissing {
        /// The log file.
        path: PathBuf,
        /// Bytes of it that were synced.
        synced: u64,
    },
    /// Transactions are missing between two that were found.
    LogGap {
        /// The file in which the later one was found.
        path: PathBuf,
        /// The last transaction before the gap.
        before: i64,
        /// The first one after.
        after: i64,
    },
    /// There are snapshots and none can be loaded.
    NoSnapshotLoads {
        /// The folder.
        dir: PathBuf,
        /// Each file and what is wrong with it.
        tried: Vec<String>,
    },
    /// There are logs and no snapshot.
    NoSnapshot {
        /// The folder.
        dir: PathBuf,
    },
    /// The service refuses a transaction of the log.
    Replay {
        /// The log file.
        path: PathBuf,
        /// The transaction.
        zxid: i64,
        /// Why.
        why: String,
    },
}

impl StoreError {
    /// For `map_err` of disk calls.
    pub fn io(tried: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { tried, path, error }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { tried, path, error } => {
                write!(f, "cannot {tried} {}: {error}; {}", path.display(), advice(error))
            }
            Self::Locked { dir } => write!(
                f,
                "the data folder {} is in use by another castlekeep process; stop that process, or choose another folder",
                dir.display()
            ),
            Self::NewerFormat { path, found } => write!(
                f,
                "{} says that the folder has format {found:?}, this version knows {}; start the newer castlekeep that \
                 wrote it, or choose another folder",
                path.display(),
                super::data_dir::FORMAT
            ),
            Self::Misplaced { path, belongs_in } => write!(
                f,
                "{} belongs in {}; dataDir or dataLogDir was changed: set them back, or move the file there",
                path.display(),
                belongs_in.display()
            ),
            Self::LogDamaged { path, offset, what, last_zxid } => write!(
                f,
                "{} is damaged at offset {offset}: {what}; transactions after 0x{last_zxid:x} that were acknowledged \
                 would be lost. restore the folder from a backup or another member; or see what can be kept with \
                 `castlekeep zk log --repair {0}`, which gives the rest up",
                path.display()
            ),
            Self::LogMissing { path, synced } => write!(
                f,
                "{} is missing, and {synced} bytes of acknowledged transactions were in it; put the file back, or, if \
                 the folder is an older copy and shall go on from there, remove castlekeep.synced beside the logs",
                path.display()
            ),
            Self::LogGap { path, before, after } => write!(
                f,
                "{0}: transaction 0x{after:x} follows 0x{before:x}, those between are missing; restore the missing log \
                 file from a backup or another member; or go back to 0x{before:x}, giving up all that came later, \
                 with `castlekeep zk log {0} --cut-from 0x{after:x}`",
                path.display()
            ),
            Self::NewerFile { path, found } => write!(
                f,
                "{} at offset 4 has format version {found}, this castlekeep knows version 2; start the newer server that wrote \
                 it, or restore the folder from a backup",
                path.display()
            ),
            Self::LogsEndEarly { path, why, zxid, last_zxid } => write!(
                f,
                "{} does not load ({why}), and the older snapshots with the logs lead to 0x{last_zxid:x} only, not to \
                 0x{zxid:x}; restore the folder from a backup or another member, or remove this snapshot to go back to \
                 0x{last_zxid:x}, giving up all that came later",
                path.display()
            ),
            Self::Empty { dir } => write!(
                f,
                "{} holds neither snapshot nor log, and db.autocreate=false says that it should; restore the folder, or \
                 make an empty file named initialize beside version-2 to begin with an empty tree",
                dir.display()
            ),
            Self::NoSnapshotLoads { dir, tried } => write!(
                f,
                "no snapshot in {} can be loaded ({}); restore one from a backup or another member",
                dir.display(),
                tried.join("; ")
            ),
            Self::NoSnapshot { dir } => write!(
                f,
                "no snapshot found in {}, but there are log entries; restore the snapshot, or set \
                 snapshot.trust.empty=true if the folder comes from ZooKeeper 3.4",
                dir.display()
            ),
            Self::Replay { path, zxid, why } => {
                write!(
                    f,
                    "{}: transaction 0x{zxid:x} cannot be replayed: {why}; restore the folder from a backup or \
                     another member",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for StoreError {}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "give this user read and write access to it, or choose another folder",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk and start again",
        io::ErrorKind::ReadOnlyFilesystem => "remount the file system writable, or choose another folder",
        io::ErrorKind::NotADirectory => "a part of the path is a file; choose another folder",
        io::ErrorKind::NotFound => "create it, or choose another folder",
        _ => "check the disk and the kernel's log",
    }
}
