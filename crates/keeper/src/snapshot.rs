//! Fuzzy snapshots: written in chunks, beside running writes.

use zk_wire::Zxid;

/// Where a snapshot stands between two chunks.
#[derive(Clone, Debug)]
pub struct SnapshotCursor {
    pub(crate) zxid: Zxid,
}

impl SnapshotCursor {
    /// Everything up to this transaction is in the snapshot.
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }
}
