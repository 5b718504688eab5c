//! File names of a ZooKeeper data folder.
//!
//! Hex is lower case without padding; files sort by the number, not by the text. Upstream: `persistence/Util.java`.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;

/// The folder inside `dataDir` and `dataLogDir` that holds the files of today's format.
pub const VERSION_DIR: &str = "version-2";

/// What a compressed snapshot's name ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// `snapshot.<zxid>`
    #[default]
    None,
    /// `snapshot.<zxid>.gz`
    Gzip,
    /// `snapshot.<zxid>.snappy`
    Snappy,
}

impl Compression {
    /// What names end with.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Snappy => ".snappy",
        }
    }

    /// Reads a value of `snapshot.compression.method`; `None` for one that upstream does not know.
    pub fn parse(method: &str) -> Option<Self> {
        match method {
            "" => Some(Self::None),
            "gz" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            _ => None,
        }
    }
}

/// A snapshot found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotName {
    /// From the name: every transaction up to it is in the snapshot, later ones may be.
    pub zxid: i64,
    /// From the suffix.
    pub compression: Compression,
    /// Where it lies.
    pub path: PathBuf,
}

/// A transaction log file found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogName {
    /// From the name: the zxid of the file's first transaction.
    pub zxid: i64,
    /// Where it lies.
    pub path: PathBuf,
}

/// `log.<zxid>`
pub fn log_name(zxid: i64) -> String {
    format!("log.{zxid:x}")
}

/// `snapshot.<zxid>` with the suffix of its compression.
pub fn snapshot_name(zxid: i64, compression: Compression) -> String {
    format!("snapshot.{zxid:x}{}", compression.suffix())
}

fn hex(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(text, 16).ok().map(|zxid| zxid as i64)
}

/// The zxid in the name of a transaction log file; `None` for other names.
pub fn parse_log_name(name: &str) -> Option<i64> {
    hex(name.strip_prefix("log.")?)
}

/// Zxid and compression in the name of a snapshot; `None` for other names.
pub fn parse_snapshot_name(name: &str) -> Option<(i64, Compression)> {
    let rest = name.strip_prefix("snapshot.")?;
    let (digits, compression) = match rest.split_once('.') {
        None => (rest, Compression::None),
        Some((digits, "gz")) => (digits, Compression::Gzip),
        Some((digits, "snappy")) => (digits, Compression::Snappy),
        Some(_) => return None,
    };
    Some((hex(digits)?, compression))
}

/// A snapshot file of any name; its zxid is 0 when the name says none, its compression that of its suffix.
pub fn snapshot_at(path: &Path) -> SnapshotName {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (zxid, compression) = parse_snapshot_name(&name).unwrap_or_else(|| {
        let methods = [Compression::Gzip, Compression::Snappy];
        (0, methods.into_iter().find(|method| name.ends_with(method.suffix())).unwrap_or_default())
    });
    SnapshotName { zxid, compression, path: path.to_path_buf() }
}

/// The transaction logs of a folder, oldest first.
///
/// # Errors
/// As the disk reports them.
pub fn logs<D: Disk>(disk: &D, dir: &Path) -> io::Result<Vec<LogName>> {
    let mut found: Vec<LogName> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| Some(LogName { zxid: parse_log_name(name)?, path: dir.join(name) }))
        .collect();
    found.sort_by_key(|log| log.zxid);
    Ok(found)
}

/// The snapshots of a folder, newest first.
///
/// # Errors
/// As the disk reports them.
pub fn snapshots<D: Disk>(disk: &D, dir: &Path) -> io::Result<Vec<SnapshotName>> {
    let mut found: Vec<SnapshotName> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| {
            let (zxid, compression) = parse_snapshot_name(name)?;
            Some(SnapshotName { zxid, compression, path: dir.join(name) })
        })
        .collect();
    found.sort_by_key(|snapshot| core::cmp::Reverse(snapshot.zxid));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_number_and_strangers_are_left_alone() {
        assert_eq!(log_name(0x1_0000_0001), "log.100000001");
        assert_eq!(parse_log_name("log.100000001"), Some(0x1_0000_0001));
        assert_eq!(parse_log_name("log.xyz"), None);
        assert_eq!(parse_log_name("log.1.bak"), None);
        assert_eq!(parse_log_name("castlekeep.log"), None);
        assert_eq!(parse_snapshot_name("snapshot.0"), Some((0, Compression::None)));
        assert_eq!(parse_snapshot_name("snapshot.ff.gz"), Some((255, Compression::Gzip)));
        assert_eq!(parse_snapshot_name("snapshot.ff.snappy"), Some((255, Compression::Snappy)));
        assert_eq!(parse_snapshot_name("snapshot.ff.tmp"), None);
        assert_eq!(parse_snapshot_name("snapshot."), None);
    }
}
