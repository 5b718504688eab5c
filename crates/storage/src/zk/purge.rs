//! Removes snapshots and logs that no restore needs (`PurgeTxnLog`, autopurge).

use std::io;
use std::path::{Path, PathBuf};

use super::names;
use super::snapshot_reader::looks_valid;
use crate::disk::Disk;

/// What upstream keeps at least.
pub const RETAIN_MIN: usize = 3;

/// Keeps the `retain` newest snapshots that look whole, and every log from the last one that starts at or before the
/// oldest of them. Returns what was removed. Nothing is removed while there are fewer snapshots than that.
///
/// # Errors
/// As the disk reports them.
pub fn purge<D: Disk>(disk: &D, snap_dir: &Path, log_dir: &Path, retain: usize) -> io::Result<Vec<PathBuf>> {
    let retain = retain.max(RETAIN_MIN);
    let mut kept = 0;
    let mut oldest_kept = None;
    let mut remove = Vec::new();
    for snapshot in names::snapshots(disk, snap_dir)? {
        if kept == retain {
            remove.push(snapshot.path);
        } else if looks_valid(disk, &snapshot)? {
            kept += 1;
            oldest_kept = Some(snapshot.zxid);
        }
    }
    let Some(oldest_kept) = oldest_kept.filter(|_| kept == retain) else { return Ok(Vec::new()) };
    let logs = names::logs(disk, log_dir)?;
    let needed_from = logs.iter().rposition(|log| log.zxid <= oldest_kept).unwrap_or(0);
    remove.extend(logs.into_iter().take(needed_from).map(|log| log.path));
    for path in &remove {
        disk.remove_file(path)?;
    }
    Ok(remove)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    #[test]
    fn the_newest_valid_snapshots_and_the_logs_they_need_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, whole: bool| {
            let content: &[u8] = if whole { b"0123456789\0\0\0\x01/" } else { b"torn" };
            std::fs::write(dir.path().join(name), content).unwrap();
        };
        for name in ["snapshot.0", "snapshot.a", "snapshot.14", "snapshot.1e", "snapshot.28"] {
            file(name, true);
        }
        file("snapshot.32", false);
        for name in ["log.1", "log.c", "log.12", "log.20", "log.2a"] {
            file(name, true);
        }
        purge(&FileDisk, dir.path(), dir.path(), 1).unwrap();
        let expected = ["log.12", "log.20", "log.2a", "snapshot.14", "snapshot.1e", "snapshot.28", "snapshot.32"];
        assert_eq!(FileDisk.list(dir.path()).unwrap(), expected);
        assert!(purge(&FileDisk, dir.path(), dir.path(), 4).unwrap().is_empty());
    }
}
