//! Two snapshots beside each other (upstream: `SnapshotComparer`).

use std::collections::BTreeMap;
use std::path::Path;

use base::Str;
use zk_wire::snapshot::SnapshotRecord;
use zk_wire::{Acl, StatPersisted, digest};

use super::snapshot::{self, Report};
use crate::disk::Disk;
use crate::zk::snapshot_reader::SnapshotError;

/// What one snapshot says of a node. Of its data only length and checksum are kept, so that two large snapshots fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its numbers.
    pub stat: StatPersisted,
    /// Bytes of its data; `None` is null.
    pub data_bytes: Option<u64>,
    /// CRC-32 of path and data.
    pub content: u32,
    /// Its list, and not the number that the file has for it: each file counts for itself.
    pub acl: Option<Vec<Acl>>,
}

/// A node that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The node.
    pub path: String,
    /// In the first file.
    pub left: Option<Side>,
    /// In the second file.
    pub right: Option<Side>,
}

impl Difference {
    /// The names of the fields that differ; empty when the node is only in one of them.
    pub fn fields(&self) -> Vec<&'static str> {
        let (Some(left), Some(right)) = (&self.left, &self.right) else { return Vec::new() };
        let (a, b) = (&left.stat, &right.stat);
        let table = [
            ("data", left.content != right.content || left.data_bytes != right.data_bytes),
            ("acl", left.acl != right.acl),
            ("czxid", a.czxid != b.czxid),
            ("mzxid", a.mzxid != b.mzxid),
            ("pzxid", a.pzxid != b.pzxid),
            ("ctime", a.ctime != b.ctime),
            ("mtime", a.mtime != b.mtime),
            ("version", a.version != b.version),
            ("cversion", a.cversion != b.cversion),
            ("aversion", a.aversion != b.aversion),
            ("ephemeralOwner", a.ephemeral_owner != b.ephemeral_owner),
        ];
        table.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The first file as a whole.
    pub left: Report,
    /// The second file as a whole.
    pub right: Report,
    /// Session ids only in the first file, and only in the second.
    pub sessions: (Vec<i64>, Vec<i64>),
    /// Nodes that differ, by path.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.sessions.0.is_empty() && self.sessions.1.is_empty()
    }
}

/// Compares two files.
///
/// # Errors
/// [`SnapshotError`] of the file that cannot be read, which is the first (false) or the second (true).
pub fn compare<D: Disk>(
    disk: &D,
    left: &Path,
    right: &Path,
    record_bytes_max: usize,
) -> Result<Comparison, (bool, SnapshotError)> {
    let a = load(disk, left, record_bytes_max).map_err(|error| (false, error))?;
    let mut b = load(disk, right, record_bytes_max).map_err(|error| (true, error))?;
    let only = |these: &[i64], those: &[i64]| {
        these.iter().filter(|session| !those.contains(session)).copied().collect::<Vec<i64>>()
    };
    let sessions = (only(&a.sessions, &b.sessions), only(&b.sessions, &a.sessions));
    let mut differences = Vec::new();
    for (path, left) in a.nodes {
        let right = b.nodes.remove(&path);
        if right.as_ref() != Some(&left) {
            differences.push(Difference { path: path.to_string(), left: Some(left), right });
        }
    }
    let added = b.nodes.into_iter();
    differences.extend(added.map(|(path, right)| Difference {
        path: path.to_string(),
        left: None,
        right: Some(right),
    }));
    differences.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Comparison { left: a.report, right: b.report, sessions, differences })
}

struct Loaded {
    report: Report,
    sessions: Vec<i64>,
    nodes: BTreeMap<Str, Side>,
}

fn load<D: Disk>(disk: &D, path: &Path, record_bytes_max: usize) -> Result<Loaded, SnapshotError> {
    let (mut sessions, mut lists, mut nodes) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let report = snapshot::walk(disk, path, record_bytes_max, &mut |record| {
        match record {
            SnapshotRecord::Session(session) => sessions.push(session.id.0),
            SnapshotRecord::Acl(list) => {
                lists.insert(list.id, list.acl.clone());
            }
            SnapshotRecord::Node(path, node) => {
                let side = Side {
                    stat: node.stat.clone(),
                    data_bytes: node.data.as_ref().map(|data| data.len() as u64),
                    content: digest::content(path, node.data.as_deref()),
                    acl: lists.get(&node.acl).cloned().flatten(),
                };
                nodes.insert(path.detached(), side);
            }
            SnapshotRecord::End => {}
        }
        Ok(())
    })?;
    Ok(Loaded { report, sessions, nodes })
}
