//! A whole data folder as the next start would find it, without changing anything: the newest snapshot that loads, the
//! logs behind it, and the digest of every transaction computed anew.

use std::path::Path;

use base::Prng;
use keeper::Recovery;

use crate::disk::Disk;
use crate::zk::data_dir::DataDir;
use crate::zk::error::StoreError;
use crate::zk::restore::{RestoreOptions, restore};
use crate::zk::store::Target;

/// What a start would find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The snapshot that would be loaded; `None` when there is none.
    pub snapshot_zxid: Option<i64>,
    /// The last transaction.
    pub last_zxid: i64,
    /// Transactions behind the snapshot.
    pub txns: u64,
    /// Nodes.
    pub nodes: usize,
    /// Sessions.
    pub sessions: usize,
    /// The tree's digest.
    pub digest: i64,
    /// Transactions behind which the tree's digest is not the one in the log.
    pub digest_mismatches: u64,
    /// The first of them.
    pub first_mismatch: Option<i64>,
    /// What a start would do or say: snapshots passed over, tails cut off.
    pub notes: Vec<String>,
}

/// Restores the folder into memory and compares the digests.
///
/// # Errors
/// [`StoreError`]: why a start would be refused.
pub fn check<D: Disk>(
    disk: D,
    data_dir: &Path,
    data_log_dir: Option<&Path>,
    options: RestoreOptions,
) -> Result<Report, StoreError> {
    let dir = DataDir::look(disk, data_dir, data_log_dir)?;
    let mut target = Target { recovery: Recovery::new(keeper::Config::default(), Prng::new(0)) };
    let restored = restore(&dir, options, &mut target)?;
    let recovery = target.recovery;
    Ok(Report {
        snapshot_zxid: restored.snapshot_zxid,
        last_zxid: restored.last_zxid,
        txns: restored.txns,
        nodes: recovery.tree().nodes_count(),
        sessions: recovery.sessions_count(),
        digest: recovery.tree().digest(),
        digest_mismatches: recovery.digest_mismatches(),
        first_mismatch: recovery.first_mismatch().map(|zxid| zxid.0),
        notes: restored.notes,
    })
}
