//! Cutting the log behind a transaction: a leader's TRUNC (upstream: `FileTxnSnapLog.truncateLog`).

use std::io;
use std::path::Path;

use super::log_reader::{Found, HEADER_BYTES, LogReader};
use super::names::{self, LogName};
use super::snapshot_reader::looks_valid;
use super::txn_log::RestingLog;
use crate::disk::{Disk, DiskFile, OpenMode};

/// Cuts everything behind `zxid`, durably: later transactions, and the snapshots that may hold them. False, and nothing has
/// changed, when a restore could not lead to `zxid` then: no snapshot is old enough, or the log does not have it.
///
/// A crash in between leaves a prefix of what was there, for later snapshots go before the log does, and later logs
/// before earlier ones; nothing that goes was ever committed.
///
/// # Errors
/// As the disk reports them.
pub fn truncate<D: Disk>(
    disk: &D,
    (snap_dir, log_dir): (&Path, &Path),
    log: &mut RestingLog<D>,
    zxid: i64,
) -> io::Result<bool> {
    log.let_go()?;
    let snapshots = names::snapshots(disk, snap_dir)?;
    let mut base = None;
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.zxid <= zxid) {
        if looks_valid(disk, snapshot)? {
            base = Some(snapshot.zxid);
            break;
        }
    }
    let Some(base) = base else { return Ok(false) };
    let logs = names::logs(disk, log_dir)?;
    let cut = find(disk, &logs, zxid)?;
    if !cut.holds && base != zxid {
        return Ok(false);
    }
    for later in snapshots.iter().filter(|snapshot| snapshot.zxid > zxid) {
        disk.remove_file(&later.path)?;
        disk.sync_dir(snap_dir)?;
    }
    // What it says is of a file that changes; all that stays is durable.
    log.side().forget()?;
    for later in logs.iter().skip(cut.files).rev() {
        disk.remove_file(&later.path)?;
        disk.sync_dir(log_dir)?;
    }
    if let Some((last, end)) = cut.last {
        let file = disk.open(&logs[last].path, OpenMode::Write)?;
        file.set_len(end)?;
        file.sync_all()?;
    }
    Ok(true)
}

/// Where to cut.
struct Cut {
    /// Files that stay.
    files: usize,
    /// The last of them, and its new length.
    last: Option<(usize, u64)>,
    /// Whether the transaction is in the log.
    holds: bool,
}

fn find<D: Disk>(disk: &D, logs: &[LogName], zxid: i64) -> io::Result<Cut> {
    let mut files = logs.partition_point(|log| log.zxid <= zxid);
    while let Some(at) = files.checked_sub(1) {
        let Some(mut reader) = LogReader::open(disk.open(&logs[at].path, OpenMode::Read)?)? else {
            files = at;
            continue;
        };
        let (mut end, mut last) = (HEADER_BYTES, None);
        while let Found::Entry { zxid: found, .. } = reader.next_entry()? {
            if found > zxid {
                break;
            }
            (end, last) = (reader.position(), Some(found));
        }
        match last {
            Some(last) => return Ok(Cut { files, last: Some((at, end)), holds: last == zxid }),
            // Not even its first entry stays.
            None => files = at,
        }
    }
    Ok(Cut { files: 0, last: None, holds: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;
    use crate::zk::snapshot_writer::SnapshotWriter;
    use crate::zk::synced::SyncedFile;
    use crate::zk::txn_log::{TxnLog, TxnLogConfig};

    fn payload(zxid: i64) -> bytes::Bytes {
        let mut bytes = vec![0; 40];
        bytes[12..20].copy_from_slice(&zxid.to_be_bytes());
        bytes.into()
    }

    fn snapshot(dir: &Path, zxid: i64) {
        let mut writer = SnapshotWriter::new(FileDisk, dir, zxid);
        writer.write(b"records").unwrap();
        writer.finish(None, None).unwrap();
    }

    /// Snapshots 0 and 5, logs 1..=3, 4..=6, 7..=8; cut, then 100 is appended.
    fn cut_at(zxid: i64) -> (bool, Vec<i64>, Vec<i64>) {
        let dir = tempfile::tempdir().unwrap();
        let side = SyncedFile::open(FileDisk, dir.path()).unwrap();
        let mut log = TxnLog::new(FileDisk, dir.path().to_path_buf(), TxnLogConfig::default(), side);
        let flush = |log: &mut TxnLog<FileDisk>| {
            while let Some(job) = log.begin_group() {
                log.group_done(job.run()).unwrap();
            }
        };
        snapshot(dir.path(), 0);
        for first in [1, 4, 7] {
            (first..(first + 3).min(9)).for_each(|zxid| log.append(zxid, payload(zxid)));
            flush(&mut log);
            log.roll();
        }
        snapshot(dir.path(), 5);
        let mut resting = log.rest();
        let cut = truncate(&FileDisk, (dir.path(), dir.path()), &mut resting, zxid).unwrap();
        log.resume(resting);
        log.append(100, payload(100));
        flush(&mut log);
        let mut left = Vec::new();
        for name in names::logs(&FileDisk, dir.path()).unwrap() {
            let mut reader = LogReader::open(FileDisk.open(&name.path, OpenMode::Read).unwrap()).unwrap().unwrap();
            while let Found::Entry { zxid, .. } = reader.next_entry().unwrap() {
                left.push(zxid);
            }
        }
        let snapshots = names::snapshots(&FileDisk, dir.path()).unwrap().iter().map(|name| name.zxid).collect();
        (cut, left, snapshots)
    }

    #[test]
    fn what_is_behind_the_cut_goes() {
        assert_eq!(cut_at(8), (true, vec![1, 2, 3, 4, 5, 6, 7, 8, 100], vec![5, 0]));
        assert_eq!(cut_at(6), (true, vec![1, 2, 3, 4, 5, 6, 100], vec![5, 0]));
        assert_eq!(cut_at(5), (true, vec![1, 2, 3, 4, 5, 100], vec![5, 0]));
        assert_eq!(cut_at(4), (true, vec![1, 2, 3, 4, 100], vec![0]), "the later snapshot goes, too");
        assert_eq!(cut_at(3), (true, vec![1, 2, 3, 100], vec![0]));
        assert_eq!(cut_at(0), (true, vec![100], vec![0]), "all of it, down to a snapshot");
    }

    #[test]
    fn what_no_restore_would_lead_to_is_not_cut() {
        let all = vec![1, 2, 3, 4, 5, 6, 7, 8, 100];
        assert_eq!(cut_at(9), (false, all.clone(), vec![5, 0]), "the log does not have it");
        assert_eq!(cut_at(-1), (false, all, vec![5, 0]), "no snapshot is that old");
    }
}
