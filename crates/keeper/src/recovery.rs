//! From a snapshot and a log to a keeper.
//!
//! ```text
//! Recovery::new -> [ begin_snapshot -> record * -> end_snapshot ] -> replay * -> finish
//! ```
//! A snapshot that turns out damaged half way is given up by another `begin_snapshot`.

use core::fmt;

use base::{Now, Prng};
use bytes::Bytes;
use zk_wire::snapshot::SnapshotRecord;
use zk_wire::{Zxid, ZxidDigest};

use crate::config::Config;
use crate::server::Keeper;

/// Builds a [`Keeper`].
#[derive(Debug)]
pub struct Recovery {
    config: Config,
    prng: Prng,
}

/// Why recovery cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryError {
    /// Bytes that make no sense.
    Decode(base::DecodeError),
    /// A node whose parent is not in the snapshot.
    Orphan(String),
    /// A log entry that does not come after what is there.
    OutOfOrder {
        /// The entry.
        zxid: Zxid,
        /// What was last.
        last: Zxid,
    },
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "{error}"),
            Self::Orphan(path) => write!(f, "the snapshot has node {path:?} but not its parent"),
            Self::OutOfOrder { zxid, last } => write!(f, "transaction {zxid} comes behind {last} in the log"),
        }
    }
}

impl core::error::Error for RecoveryError {}

impl From<base::DecodeError> for RecoveryError {
    fn from(error: base::DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl Recovery {
    /// The initial tree (`/`, `/zookeeper`, `/zookeeper/config`, `/zookeeper/quota`) at zxid 0.
    pub fn new(config: Config, prng: Prng) -> Self {
        Self { config, prng }
    }

    /// Forgets everything: a snapshot named after `zxid` follows.
    pub fn begin_snapshot(&mut self, zxid: Zxid) {
        let _ = zxid;
        todo!("lands within the hour")
    }

    /// Takes a record of the snapshot (see [`zk_wire::snapshot::SnapshotDecoder`]).
    ///
    /// # Errors
    /// A record that does not fit the ones before.
    pub fn record(&mut self, record: SnapshotRecord) -> Result<(), RecoveryError> {
        let _ = record;
        todo!("lands within the hour")
    }

    /// The snapshot is complete; `digest` is what its file says of the tree.
    pub fn end_snapshot(&mut self, digest: Option<ZxidDigest>) {
        let _ = digest;
        todo!("lands within the hour")
    }

    /// Applies a log entry's payload. Entries up to [`Recovery::last_zxid`] are skipped, so that a file may be given
    /// whole.
    ///
    /// # Errors
    /// An entry that makes no sense.
    pub fn replay(&mut self, payload: Bytes) -> Result<Zxid, RecoveryError> {
        let _ = payload;
        todo!("lands within the hour")
    }

    /// The last transaction that is in the tree.
    pub fn last_zxid(&self) -> Zxid {
        todo!("lands within the hour")
    }

    /// How often a transaction's digest was not that of the tree: 0, or something is wrong.
    pub fn digest_mismatches(&self) -> u64 {
        todo!("lands within the hour")
    }

    /// The machine, standing alone. Every session gets its whole timeout again. Sessions that own ephemeral nodes and
    /// are not in the session table are closed at the first tick.
    pub fn finish(self, now: Now) -> Keeper {
        let _ = (now, self.config, self.prng);
        todo!("lands within the hour")
    }
}
