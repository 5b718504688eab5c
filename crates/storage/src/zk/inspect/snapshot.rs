//! The content of one snapshot file, whatever its name and compression, and whether it is whole.

use std::io;
use std::path::{Path, PathBuf};

use keeper::node::Owner;
use zk_wire::digest;
use zk_wire::snapshot::SnapshotRecord;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::zk::names::{self, Compression, SnapshotName};
use crate::zk::snapshot_reader::{self, SnapshotError, Trailers};

/// What a whole snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// From the file's name, if it is a snapshot's.
    pub zxid: Option<i64>,
    /// Sessions.
    pub sessions: u64,
    /// Access control lists.
    pub acls: u64,
    /// Nodes, the root among them.
    pub nodes: u64,
    /// Nodes that a session owns.
    pub ephemerals: u64,
    /// Bytes of all data.
    pub data_bytes: u64,
    /// The digest of the nodes in the file.
    pub digest: i64,
    /// What stands behind the nodes.
    pub trailers: Trailers,
}

/// How the digest of the nodes compares with the one in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestState {
    /// The file has none.
    Absent,
    /// They are equal.
    Same,
    /// They differ, and must: the snapshot was written beside running writes, and only the log behind it can tell.
    Fuzzy,
    /// They differ, and the file says that nothing was written meanwhile.
    Differs,
}

impl Report {
    /// Compares the digests. Nothing ran beside the snapshot when the digest's zxid is the snapshot's.
    pub fn digest_state(&self) -> DigestState {
        let Some((zxid, version, digest)) = self.trailers.digest else { return DigestState::Absent };
        // Before the first transaction upstream writes zeros instead of a digest.
        if version != zk_wire::txn::DIGEST_VERSION || zxid == 0 {
            return DigestState::Absent;
        }
        match self.zxid.or(self.trailers.last_zxid) {
            _ if digest == self.digest => DigestState::Same,
            Some(began) if began == zxid => DigestState::Differs,
            _ => DigestState::Fuzzy,
        }
    }
}

/// Reads a whole snapshot and shows each record to `see`.
///
/// # Errors
/// [`SnapshotError`]: what is wrong with the file, and where.
pub fn walk<D: Disk>(
    disk: &D,
    path: &Path,
    record_bytes_max: usize,
    see: &mut dyn FnMut(&SnapshotRecord) -> Result<(), String>,
) -> Result<Report, SnapshotError> {
    let name = identify(disk, path)?;
    let mut report = Report { zxid: zxid_of(path), ..Report::default() };
    report.trailers = snapshot_reader::read(disk, &name, record_bytes_max, &mut |record| {
        report.count(&record);
        see(&record)
    })?;
    Ok(report)
}

impl Report {
    fn count(&mut self, record: &SnapshotRecord) {
        match record {
            SnapshotRecord::Session(_) => self.sessions += 1,
            SnapshotRecord::Acl(_) => self.acls += 1,
            SnapshotRecord::Node(path, node) => {
                self.nodes += 1;
                self.ephemerals += u64::from(Owner::decode(node.stat.ephemeral_owner).session().is_some());
                self.data_bytes += node.data.as_ref().map_or(0, |data| data.len() as u64);
                if digest::counts(path) {
                    let content = digest::content(path, node.data.as_deref());
                    self.digest = self.digest.wrapping_add(digest::node(content, &node.stat));
                }
            }
            SnapshotRecord::End => {}
        }
    }
}

/// Who owns a node, in words; its `ephemeralOwner` is taken as with extended types.
pub fn owner_words(ephemeral_owner: i64) -> String {
    match Owner::decode(ephemeral_owner) {
        Owner::Persistent => "persistent".into(),
        Owner::Session(session) => format!("ephemeral of {session}"),
        Owner::Container => "container".into(),
        Owner::Ttl(ttl_ms) => format!("ttl {ttl_ms} ms"),
    }
}

fn zxid_of(path: &Path) -> Option<i64> {
    Some(names::parse_snapshot_name(path.file_name()?.to_str()?)?.0)
}

/// A copy may have any name: the first bytes say how it is compressed.
fn identify<D: Disk>(disk: &D, path: &Path) -> io::Result<SnapshotName> {
    let mut head = [0; 8];
    let read = disk.open(path, OpenMode::Read)?.read_at(&mut head, 0)?;
    let compression = match &head[..read] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        head if head == crate::zk::snappy::MAGIC => Compression::Snappy,
        _ => Compression::None,
    };
    Ok(SnapshotName { zxid: zxid_of(path).unwrap_or_default(), compression, path: PathBuf::from(path) })
}
