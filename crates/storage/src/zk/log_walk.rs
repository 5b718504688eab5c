//! Reads the log for a learner that lacks its end (upstream: `ZKDatabase.getProposalsFromTxnLog`,
//! `FileTxnLog.FileTxnIterator`).
//!
//! The log is written meanwhile; whoever asks knows that what is asked for is durable. It need not be whole: upstream keeps
//! the old files when a snapshot takes their place, and files can be purged at any time. So a walk ends at a gap:
//!
//! * within an epoch each transaction's counter is one above the last one's;
//! * in a later epoch it is 1, and no snapshot lies in between: such a snapshot may be of a leader, and hold what the log
//!   lacks at the end of the earlier epoch.
//!
//! Everything goes in pieces, and between two pieces nothing is open.

use std::io;
use std::path::Path;

use bytes::Bytes;

use super::log_reader::{ENTRY_OVERHEAD, Found, HEADER_BYTES, LogReader};
use super::names::{self, LogName};
use crate::disk::{Disk, OpenMode};

/// A place in the log, behind one of its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    log: LogName,
    offset: u64,
    /// The transaction before; 0 at the beginning.
    last: i64,
}

/// Why a piece ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// It is as long as it may be.
    More,
    /// The visitor wanted no more; the last transaction that it was shown comes again.
    Stopped,
    /// Nothing follows yet.
    End,
    /// What follows cannot be read, or is not what must follow.
    Gap,
}

impl LogPosition {
    /// The beginning of the file that may hold `zxid`; `None` when no file goes back so far.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn before<D: Disk>(disk: &D, log_dir: &Path, zxid: i64) -> io::Result<Option<Self>> {
        let log = names::logs(disk, log_dir)?.into_iter().rfind(|log| log.zxid <= zxid);
        Ok(log.map(|log| Self { log, offset: HEADER_BYTES, last: 0 }))
    }

    /// The transaction before this place; 0 at the beginning.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Shows `visit` the transactions that follow (zxid, payload) until it says no, or until `bytes_max` bytes are read,
    /// and moves behind those that it took. At least one is read.
    ///
    /// # Errors
    /// As the disk reports them; also when a file is gone meanwhile.
    pub fn walk<D: Disk>(
        &mut self,
        disk: &D,
        (snap_dir, log_dir): (&Path, &Path),
        bytes_max: u64,
        mut visit: impl FnMut(i64, Bytes) -> bool,
    ) -> io::Result<Walked> {
        let mut read = 0;
        loop {
            if let Some(mut reader) = LogReader::open(disk.open(&self.log.path, OpenMode::Read)?)? {
                reader.skip(self.offset - HEADER_BYTES);
                loop {
                    match reader.next_entry()? {
                        Found::Entry { zxid, .. } if zxid <= self.last => self.offset = reader.position(),
                        Found::Entry { zxid, payload } => {
                            if self.last != 0 && !follows(disk, snap_dir, self.last, zxid)? {
                                return Ok(Walked::Gap);
                            }
                            read += payload.len() as u64 + ENTRY_OVERHEAD;
                            if !visit(zxid, payload) {
                                return Ok(Walked::Stopped);
                            }
                            (self.offset, self.last) = (reader.position(), zxid);
                            if read >= bytes_max {
                                return Ok(Walked::More);
                            }
                        }
                        Found::Corrupt => return Ok(Walked::Gap),
                        // What a crash cut off is no part of the log.
                        Found::End | Found::Partial => break,
                    }
                }
            }
            match names::logs(disk, log_dir)?.into_iter().find(|log| log.zxid > self.log.zxid) {
                Some(next) => (self.log, self.offset) = (next, HEADER_BYTES),
                None => return Ok(Walked::End),
            }
        }
    }
}

fn follows<D: Disk>(disk: &D, snap_dir: &Path, last: i64, next: i64) -> io::Result<bool> {
    if next >> 32 == last >> 32 {
        return Ok(next == last + 1);
    }
    let between = |zxid: i64| zxid > last && zxid < next;
    Ok(next as u32 == 1 && !names::snapshots(disk, snap_dir)?.iter().any(|snapshot| between(snapshot.zxid)))
}

/// Looks for what a learner lacks.
#[derive(Debug)]
pub struct LogSearch {
    peer: i64,
    until: i64,
    /// Bytes of transactions that may be sent.
    bytes_left: u64,
    at: Option<LogPosition>,
    /// Behind the newest transaction that is not above the learner's last.
    common: Option<LogPosition>,
}

/// What a piece of a search found.
#[derive(Debug, PartialEq, Eq)]
pub enum Searched {
    /// Nothing yet.
    More,
    /// The log has all that follows this place, up to what was asked for, and that is few enough bytes.
    Found(LogPosition),
    /// It has not, or it is too much.
    Nothing,
}

impl LogSearch {
    /// For a learner whose last transaction is `peer`, which lacks what follows up to `until`: at most `bytes_max` bytes.
    pub fn new(peer: i64, until: i64, bytes_max: u64) -> Self {
        Self { peer, until, bytes_left: bytes_max, at: None, common: None }
    }

    /// Reads on, for about `bytes_max` bytes.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn step<D: Disk>(&mut self, disk: &D, dirs: (&Path, &Path), bytes_max: u64) -> io::Result<Searched> {
        let mut at = match self.at.take() {
            Some(at) => at,
            None => match LogPosition::before(disk, dirs.1, self.peer)? {
                Some(at) => at,
                None => return Ok(Searched::Nothing),
            },
        };
        if self.common.is_none() {
            match at.walk(disk, dirs, bytes_max, |zxid, _| zxid <= self.peer)? {
                Walked::Stopped if at.last != 0 => self.common = Some(at.clone()),
                Walked::More => {}
                Walked::Stopped | Walked::End | Walked::Gap => return Ok(Searched::Nothing),
            }
            self.at = Some(at);
            return Ok(Searched::More);
        }
        let (until, mut left) = (self.until, Some(self.bytes_left));
        let walked = at.walk(disk, dirs, bytes_max, |zxid, payload| {
            if zxid > until {
                return false;
            }
            left = left.and_then(|left| left.checked_sub(payload.len() as u64 + ENTRY_OVERHEAD));
            left.is_some()
        })?;
        let Some(left) = left else { return Ok(Searched::Nothing) };
        self.bytes_left = left;
        if at.last == until {
            return Ok(self.common.take().map_or(Searched::Nothing, Searched::Found));
        }
        self.at = Some(at);
        Ok(if walked == Walked::More { Searched::More } else { Searched::Nothing })
    }
}

/// The bytes of the folder's newest snapshot, which transactions are weighed against; `None` without one.
///
/// # Errors
/// As the disk reports them.
pub fn newest_snapshot_bytes<D: Disk>(disk: &D, snap_dir: &Path) -> io::Result<Option<u64>> {
    use crate::disk::DiskFile;
    match names::snapshots(disk, snap_dir)?.first() {
        Some(newest) => disk.open(&newest.path, OpenMode::Read)?.len().map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;
    use crate::zk::names::log_name;
    use crate::zk::snapshot_writer::SnapshotWriter;
    use crate::zk::txn_log::write_whole;

    const ENTRY: u64 = 40 + ENTRY_OVERHEAD;

    fn z(epoch: i64, counter: i64) -> i64 {
        (epoch << 32) + counter
    }

    fn payload(zxid: i64) -> Bytes {
        let mut bytes = vec![0; 40];
        bytes[12..20].copy_from_slice(&zxid.to_be_bytes());
        bytes.into()
    }

    /// A folder with one file for each list of transactions.
    fn folder(files: &[&[i64]]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for zxids in files {
            let entries: Vec<_> = zxids.iter().map(|zxid| (*zxid, payload(*zxid))).collect();
            write_whole(&FileDisk, &dir.path().join(log_name(zxids[0])), &entries).unwrap();
        }
        dir
    }

    fn snapshot(dir: &Path, zxid: i64) {
        let mut writer = SnapshotWriter::new(FileDisk, dir, zxid);
        writer.write(b"records").unwrap();
        writer.finish(None, None).unwrap();
    }

    /// The transaction that a search finds, and those behind it, with pieces of one entry.
    fn find(dir: &Path, peer: i64, until: i64, bytes_max: u64) -> Option<(i64, Vec<i64>)> {
        let mut search = LogSearch::new(peer, until, bytes_max);
        let mut at = loop {
            match search.step(&FileDisk, (dir, dir), 1).unwrap() {
                Searched::More => {}
                Searched::Found(at) => break at,
                Searched::Nothing => return None,
            }
        };
        let (common, mut behind) = (at.last(), Vec::new());
        while at.last() < until {
            let wanted = |zxid: i64, _| {
                behind.extend((zxid <= until).then_some(zxid));
                zxid <= until
            };
            let walked = at.walk(&FileDisk, (dir, dir), 2 * ENTRY, wanted).unwrap();
            assert!(walked == Walked::More || at.last() == until, "{walked:?}");
        }
        Some((common, behind))
    }

    #[test]
    fn what_a_learner_lacks_is_found_across_files_and_epochs() {
        let dir = folder(&[&[z(1, 1), z(1, 2), z(1, 3)], &[z(1, 4), z(3, 1)], &[z(3, 2), z(3, 3)]]);
        let all = u64::MAX;
        let found = find(dir.path(), z(1, 3), z(3, 3), all);
        assert_eq!(found, Some((z(1, 3), vec![z(1, 4), z(3, 1), z(3, 2), z(3, 3)])));
        assert_eq!(find(dir.path(), z(1, 9), z(3, 1), all), Some((z(1, 4), vec![z(3, 1)])), "a tail of the learner's");
        assert_eq!(find(dir.path(), z(2, 0), z(3, 1), all), Some((z(1, 4), vec![z(3, 1)])), "an epoch's mark");
        assert_eq!(find(dir.path(), 0, z(3, 3), all), None, "an empty learner");
        assert_eq!(find(dir.path(), z(1, 3), z(3, 4), all), None, "not all of it");
    }

    #[test]
    fn too_much_is_not_found() {
        let dir = folder(&[&[z(1, 1), z(1, 2), z(1, 3)]]);
        assert!(find(dir.path(), z(1, 1), z(1, 3), 2 * ENTRY).is_some());
        assert_eq!(find(dir.path(), z(1, 1), z(1, 3), 2 * ENTRY - 1), None);
    }

    #[test]
    fn a_gap_ends_the_walk() {
        let gap = folder(&[&[z(1, 1), z(1, 2)], &[z(1, 4), z(1, 5)]]);
        assert_eq!(find(gap.path(), z(1, 1), z(1, 5), u64::MAX), None, "within an epoch");
        assert!(find(gap.path(), z(1, 4), z(1, 5), u64::MAX).is_some(), "behind it");
        let later = folder(&[&[z(1, 1), z(1, 2)], &[z(2, 2)]]);
        assert_eq!(find(later.path(), z(1, 1), z(2, 2), u64::MAX), None, "at the beginning of an epoch");
    }

    #[test]
    fn a_snapshot_between_two_epochs_may_hold_what_the_log_lacks() {
        for (zxid, whole) in [(z(1, 2), true), (z(1, 9), false), (z(2, 0), false), (z(2, 1), true)] {
            let dir = folder(&[&[z(1, 1), z(1, 2)], &[z(2, 1), z(2, 2)]]);
            snapshot(dir.path(), zxid);
            assert_eq!(find(dir.path(), z(1, 1), z(2, 2), u64::MAX).is_some(), whole, "snapshot {zxid:x}");
        }
    }

    #[test]
    fn a_torn_tail_is_no_part_of_the_log_and_damage_ends_it() {
        let dir = folder(&[&[1, 2, 3], &[3, 4]]);
        let path = dir.path().join(log_name(1));
        let whole = std::fs::read(&path).unwrap();
        let end = (HEADER_BYTES + 3 * ENTRY) as usize;
        std::fs::write(&path, &whole[..end - 7]).unwrap();
        assert_eq!(find(dir.path(), 1, 4, u64::MAX), Some((1, vec![2, 3, 4])));
        let mut damaged = whole;
        damaged[(HEADER_BYTES + ENTRY) as usize + 20] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        assert_eq!(find(dir.path(), 1, 4, u64::MAX), None);
    }

    #[test]
    fn a_file_that_is_purged_between_two_pieces_is_an_error() {
        let dir = folder(&[&[1, 2, 3]]);
        let mut at = LogPosition::before(&FileDisk, dir.path(), 1).unwrap().unwrap();
        let dirs = (dir.path(), dir.path());
        assert_eq!(at.walk(&FileDisk, dirs, 1, |_, _| true).unwrap(), Walked::More);
        std::fs::remove_file(dir.path().join(log_name(1))).unwrap();
        assert!(at.walk(&FileDisk, dirs, 1, |_, _| true).is_err());
    }

    #[test]
    fn transactions_are_weighed_against_the_newest_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest_snapshot_bytes(&FileDisk, dir.path()).unwrap(), None);
        snapshot(dir.path(), 3);
        let len = std::fs::metadata(dir.path().join("snapshot.3")).unwrap().len();
        assert_eq!(newest_snapshot_bytes(&FileDisk, dir.path()).unwrap(), Some(len));
    }
}
