//! Why a data folder cannot be used, in sentences that say what was tried, on what, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk reports an error.
    #[error("cannot {tried} {}: {error}; {}", .path.display(), advice(.error))]
    Io {
        /// What was tried.
        tried: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// Another process holds the folder.
    #[error(
        "the data folder {} is in use by another castlekeep process; stop that process, or choose another folder",
        .dir.display()
    )]
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// A later version wrote the folder.
    #[error(
        "{} says that the folder has format {found:?}, this version knows {}; start the newer castlekeep that wrote it, \
         or choose another folder",
        .path.display(), super::data_dir::FORMAT
    )]
    NewerFormat {
        /// The mark.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// A file whose format is of a later version.
    #[error(
        "{} at offset 4 has format version {found}, this castlekeep knows version 2; start the newer server that wrote \
         it, or restore the folder from a backup",
        .path.display()
    )]
    NewerFile {
        /// The snapshot or log.
        path: PathBuf,
        /// The version in its header.
        found: u32,
    },
    /// The newest snapshot does not load, and an older one with the logs leads to an older state.
    #[error(
        "{} does not load ({why}), and the older snapshots with the logs lead to 0x{last_zxid:x} only, not to \
         0x{zxid:x}; restore the folder from a backup or another member, or remove this snapshot to go back to \
         0x{last_zxid:x}, giving up all that came later",
        .path.display()
    )]
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
    #[error(
        "{} holds neither snapshot nor log, and db.autocreate=false says that it should; restore the folder, or make an \
         empty file named initialize beside version-2 to begin with an empty tree",
        .dir.display()
    )]
    Empty {
        /// The folder.
        dir: PathBuf,
    },
    /// Snapshots lie among the logs or the reverse: `dataDir` and `dataLogDir` were changed.
    #[error(
        "{} belongs in {}; dataDir or dataLogDir was changed: set them back, or move the file there",
        .path.display(), .belongs_in.display()
    )]
    Misplaced {
        /// The file that is in the wrong folder.
        path: PathBuf,
        /// Where such files belong.
        belongs_in: PathBuf,
    },
    /// A log is damaged where it was already acknowledged.
    #[error(
        "{0} is damaged at offset {offset}: {what}; transactions after 0x{last_zxid:x} that were acknowledged would be \
         lost. restore the folder from a backup or another member; or see what can be kept with \
         `castlekeep zk log --repair {0}`, which gives the rest up",
        .path.display()
    )]
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
    /// The folder of the logs is empty, and the one of the snapshots has been in use with logs elsewhere.
    #[error(
        "{} holds no transaction logs and no mark of castlekeep, but {} says that its logs are kept apart: mount the \
         disk that they are on, or set dataLogDir back; or, if they are lost for good, remove that file to go on from the \
         newest snapshot, giving up all that came later",
        .log_dir.display(), .mark.display()
    )]
    LogsElsewhere {
        /// Where `dataLogDir` leads now.
        log_dir: PathBuf,
        /// The mark beside the snapshots.
        mark: PathBuf,
    },
    /// A log that was written and synced is not there.
    #[error(
        "{} is missing, and {synced} bytes of acknowledged transactions were in it; put the file back, or, if the folder \
         is an older copy and shall go on from there, remove castlekeep.synced beside the logs",
        .path.display()
    )]
    LogMissing {
        /// The log file.
        path: PathBuf,
        /// Bytes of it that were synced.
        synced: u64,
    },
    /// Transactions are missing between two that were found.
    #[error(
        "{0}: transaction 0x{after:x} follows 0x{before:x}, those between are missing; restore the missing log file from \
         a backup or another member; or go back to 0x{before:x}, giving up all that came later, with \
         `castlekeep zk log {0} --cut-from 0x{after:x}`",
        .path.display()
    )]
    LogGap {
        /// The file in which the later one was found.
        path: PathBuf,
        /// The last transaction before the gap.
        before: i64,
        /// The first one after.
        after: i64,
    },
    /// There are snapshots and none can be loaded.
    #[error(
        "no snapshot in {} can be loaded ({}); restore one from a backup or another member",
        .dir.display(), .tried.join("; ")
    )]
    NoSnapshotLoads {
        /// The folder.
        dir: PathBuf,
        /// Each file and what is wrong with it.
        tried: Vec<String>,
    },
    /// There are logs and no snapshot.
    #[error(
        "no snapshot found in {}, but there are log entries; restore the snapshot, or set snapshot.trust.empty=true if \
         the folder comes from ZooKeeper 3.4",
        .dir.display()
    )]
    NoSnapshot {
        /// The folder.
        dir: PathBuf,
    },
    /// The service refuses a transaction of the log.
    #[error(
        "{}: transaction 0x{zxid:x} cannot be replayed: {why}; restore the folder from a backup or another member",
        .path.display()
    )]
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
