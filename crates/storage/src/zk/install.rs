//! A leader's snapshot, with the transactions behind it, in the place of everything that a folder holds: as one step.
//!
//! The old log may hold transactions that have their majority from it, so it must stay until the new state is durable;
//! and the two must never be mixed, for the old log may go on where the snapshot ends, in another way. So:
//!
//! 1. snapshot and log are written and synced beside the old ones, under names that no restore looks for;
//! 2. `castlekeep.install` is written: from here on the new state counts;
//! 3. the old files go, the new ones get their names, and the mark goes ([`finish`], which a restart does again).
//!
//! The mark's text: `<zxid of the snapshot> <zxid of the log's first transaction, or "none">`, in hexadecimal.

use std::io;
use std::path::Path;

use bytes::Bytes;

use super::names::{self, Compression, log_name, snapshot_name};
use super::synced::SyncedFile;
use super::txn_log::write_whole;
use crate::disk::Disk;

/// The snapshot before it counts, beside the snapshots.
pub const SNAPSHOT: &str = "castlekeep.install.snapshot";
/// The log before it counts, beside the logs.
const LOG: &str = "castlekeep.install.log";
/// The mark, beside the snapshots.
const MARK: &str = "castlekeep.install";

/// Behind the snapshot, which is written as [`SNAPSHOT`] and ends at `zxid`: writes the log of `tail` (zxid and payload,
/// in order), sets the mark, and finishes. The old log must rest, and let go of its file.
///
/// # Errors
/// As the disk reports them. The folder holds the old state, or the new one, and the next start knows which.
pub fn install<D: Disk>(
    disk: &D,
    (snap_dir, log_dir): (&Path, &Path),
    side: &mut SyncedFile<D>,
    zxid: i64,
    tail: &[(i64, Bytes)],
) -> io::Result<()> {
    let first = match tail.first() {
        None => "none".to_string(),
        Some((first, _)) => {
            write_whole(disk, &log_dir.join(LOG), tail)?;
            disk.sync_dir(log_dir)?;
            format!("{first:x}")
        }
    };
    // Where the folder of the logs is gone from, nothing is expected in it.
    side.forget()?;
    disk.replace_atomically(&snap_dir.join(MARK), format!("{zxid:x} {first}\n").as_bytes())?;
    finish(disk, snap_dir, log_dir).map(|_| ())
}

/// Finishes an installation that was begun; without a mark, removes what was written for one. True if there was one.
///
/// # Errors
/// As the disk reports them; kind `InvalidData` for a mark that makes no sense.
pub fn finish<D: Disk>(disk: &D, snap_dir: &Path, log_dir: &Path) -> io::Result<bool> {
    let (staged_snapshot, staged_log) = (snap_dir.join(SNAPSHOT), log_dir.join(LOG));
    let mark = snap_dir.join(MARK);
    if !disk.exists(&mark)? {
        for staged in [staged_snapshot, staged_log] {
            if disk.exists(&staged)? {
                disk.remove_file(&staged)?;
            }
        }
        return Ok(false);
    }
    let (zxid, first) = parse(&disk.read_all(&mark, 256)?)?;
    let snapshot = snap_dir.join(snapshot_name(zxid, Compression::None));
    if disk.exists(&staged_snapshot)? {
        disk.rename(&staged_snapshot, &snapshot)?;
        disk.sync_dir(snap_dir)?;
    }
    for old in names::snapshots(disk, snap_dir)?.into_iter().filter(|old| old.path != snapshot) {
        disk.remove_file(&old.path)?;
    }
    let log = first.map(|first| log_dir.join(log_name(first)));
    let staged = disk.exists(&staged_log)?;
    for old in names::logs(disk, log_dir)?.into_iter().filter(|old| staged || Some(&old.path) != log.as_ref()) {
        disk.remove_file(&old.path)?;
    }
    if let Some(log) = log.filter(|_| staged) {
        disk.rename(&staged_log, &log)?;
    }
    disk.sync_dir(log_dir)?;
    disk.sync_dir(snap_dir)?;
    disk.remove_file(&mark)?;
    disk.sync_dir(snap_dir)?;
    Ok(true)
}

fn parse(mark: &[u8]) -> io::Result<(i64, Option<i64>)> {
    let hex = |word: &str| i64::from_str_radix(word, 16).ok();
    let parse = |text: &str| {
        let (zxid, first) = text.trim().split_once(' ')?;
        let first = if first == "none" { None } else { Some(hex(first)?) };
        Some((hex(zxid)?, first))
    };
    let nonsense = || io::Error::new(io::ErrorKind::InvalidData, format!("{MARK} does not hold two zxids"));
    std::str::from_utf8(mark).ok().and_then(parse).ok_or_else(nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;
    use crate::zk::snapshot_writer::SnapshotWriter;

    fn payload(zxid: i64) -> Bytes {
        let mut bytes = vec![0; 40];
        bytes[12..20].copy_from_slice(&zxid.to_be_bytes());
        bytes.into()
    }

    fn snapshot(dir: &Path, zxid: i64) -> SnapshotWriter<FileDisk> {
        let mut writer = SnapshotWriter::new(FileDisk, dir, zxid);
        writer.write(b"records").unwrap();
        writer
    }

    fn old(dir: &Path) {
        snapshot(dir, 3).finish(None, None).unwrap();
        for zxid in [4, 900] {
            write_whole(&FileDisk, &dir.join(log_name(zxid)), &[(zxid, payload(zxid))]).unwrap();
        }
    }

    fn names_in(dir: &Path) -> Vec<String> {
        FileDisk.list(dir).unwrap().into_iter().filter(|name| name != "castlekeep.synced").collect()
    }

    #[test]
    fn the_new_state_takes_the_place_of_all_of_the_old_one() {
        for (tail, expected) in
            [(vec![], vec!["snapshot.64"]), (vec![(101, payload(101))], vec!["log.65", "snapshot.64"])]
        {
            let dir = tempfile::tempdir().unwrap();
            old(dir.path());
            snapshot(dir.path(), 100).named(SNAPSHOT).finish(None, None).unwrap();
            let mut side = SyncedFile::open(FileDisk, dir.path()).unwrap();
            install(&FileDisk, (dir.path(), dir.path()), &mut side, 100, &tail).unwrap();
            assert_eq!(names_in(dir.path()), expected);
            assert!(!finish(&FileDisk, dir.path(), dir.path()).unwrap(), "nothing is left to be finished");
        }
    }

    #[test]
    fn a_crash_before_the_mark_leaves_the_old_state_and_one_behind_it_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        old(dir.path());
        snapshot(dir.path(), 100).named(SNAPSHOT).finish(None, None).unwrap();
        write_whole(&FileDisk, &dir.path().join(LOG), &[(101, payload(101))]).unwrap();
        assert!(!finish(&FileDisk, dir.path(), dir.path()).unwrap());
        assert_eq!(names_in(dir.path()), ["log.384", "log.4", "snapshot.3"]);

        // Behind the mark, with any part of the rest done already.
        for done in 0..3 {
            snapshot(dir.path(), 100).named(SNAPSHOT).finish(None, None).unwrap();
            write_whole(&FileDisk, &dir.path().join(LOG), &[(101, payload(101))]).unwrap();
            FileDisk.replace_atomically(&dir.path().join(MARK), b"64 65\n").unwrap();
            if done > 0 {
                FileDisk.rename(&dir.path().join(SNAPSHOT), &dir.path().join("snapshot.64")).unwrap();
            }
            if done > 1 {
                FileDisk.rename(&dir.path().join(LOG), &dir.path().join("log.65")).unwrap();
            }
            assert!(finish(&FileDisk, dir.path(), dir.path()).unwrap());
            assert_eq!(names_in(dir.path()), ["log.65", "snapshot.64"], "{done} steps were done");
            old(dir.path());
        }
    }

    #[test]
    fn a_mark_that_makes_no_sense_is_refused() {
        for mark in ["", "64", "64 x", "none none"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(MARK), mark).unwrap();
            assert!(finish(&FileDisk, dir.path(), dir.path()).is_err(), "{mark:?}");
        }
    }
}
