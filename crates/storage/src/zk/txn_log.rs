//! Writes the transaction log: groups of entries, one sync per group, sparse preallocation, rolling.
//!
//! The loop collects entries with [`TxnLog::append`] while the last sync runs. [`TxnLog::begin_group`] hands out a
//! [`GroupJob`], which owns the open file and does all the input and output away from the loop; its result comes back
//! through [`TxnLog::group_done`]. At most one group is under way, so a group is written only after the one before is
//! durable.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::checksum::adler32;
use bytes::{BufMut, Bytes, BytesMut};

use super::log_reader::{END_MARK, HEADER_BYTES, header};
use super::names::log_name;
use super::synced::{Claim, SyncedFile};
use crate::disk::{Disk, DiskFile, OpenMode};

/// How the log is written.
#[derive(Clone, Copy, Debug)]
pub struct TxnLogConfig {
    /// A file grows by this many bytes at once, sparse (`preAllocSize`); 0 switches it off.
    pub pre_alloc_bytes: u64,
    /// Behind a group much smaller than this, so many zeros are written with it, at most [`ZEROS_MAX`]: the groups that
    /// follow overwrite blocks that the file has already. To sync a block that is new costs the file system a write of its
    /// own, which takes as long as the group's. 0 switches it off.
    pub zeros_ahead_bytes: u64,
    /// A group takes entries until it has this many bytes; it always takes one.
    pub group_bytes_max: u64,
    /// A file is left for a new one when it has this many bytes (`txnLogSizeLimitInKb`); 0 means never.
    pub roll_bytes: u64,
    /// Whether a group is synced before it counts as written (`forceSync`). Only tests and `forceSync=no` say no.
    pub force_sync: bool,
}

impl Default for TxnLogConfig {
    fn default() -> Self {
        Self {
            pre_alloc_bytes: 64 << 20,
            zeros_ahead_bytes: ZEROS_MAX as u64,
            group_bytes_max: 1 << 20,
            roll_bytes: 0,
            force_sync: true,
        }
    }
}

/// The most of [`TxnLogConfig::zeros_ahead_bytes`].
pub const ZEROS_MAX: usize = 256 * 1024;

static ZEROS: [u8; ZEROS_MAX] = [0; ZEROS_MAX];

/// The transaction log being written.
pub struct TxnLog<D: Disk> {
    /// Here while no group is under way.
    writer: Option<Writer<D>>,
    pending: Vec<PendingEntry>,
    pending_bytes: u64,
    roll: bool,
    config: TxnLogConfig,
    side: Arc<Mutex<SyncedFile<D>>>,
    synced: Option<Claim>,
    claimed: Option<Claim>,
}

struct PendingEntry {
    zxid: i64,
    payload: Bytes,
}

struct Writer<D: Disk> {
    disk: D,
    dir: PathBuf,
    open: Option<OpenLog<D::File>>,
    /// Groups are put together here, one after the other in the same memory.
    joined: BytesMut,
}

struct OpenLog<F> {
    file: F,
    zxid: i64,
    position: u64,
    allocated: u64,
    /// Up to here there are zeros that were written, or entries.
    zeroed: u64,
    group_bytes_max: u64,
}

/// One group of entries on its way to the disk.
pub struct GroupJob<D: Disk> {
    writer: Writer<D>,
    entries: Vec<PendingEntry>,
    bytes: u64,
    roll: bool,
    config: TxnLogConfig,
    side: Arc<Mutex<SyncedFile<D>>>,
}

/// A group that reached the disk, or failed to.
pub struct GroupDone<D: Disk> {
    writer: Writer<D>,
    /// The last transaction of the group.
    pub last_zxid: i64,
    /// Entries in the group.
    pub entries: usize,
    /// Bytes in the group.
    pub bytes: u64,
    /// Whether all of it is durable. An error here is final: the process stops.
    pub result: io::Result<()>,
}

/// The log while nothing is written to it and its files are changed: by [`super::truncate`], by [`super::install`].
pub struct RestingLog<D: Disk> {
    writer: Writer<D>,
    side: Arc<Mutex<SyncedFile<D>>>,
}

/// Ends the log at a clean stop.
pub struct CloseJob<D: Disk> {
    open: Option<OpenLog<D::File>>,
    claim: Option<ClaimJob<D>>,
}

/// Raises the floor in `castlekeep.synced` behind the log's syncs.
pub struct ClaimJob<D: Disk> {
    side: Arc<Mutex<SyncedFile<D>>>,
    claim: Claim,
}

impl<D: Disk> TxnLog<D> {
    /// A log in `dir` that begins a new file with its first entry, as upstream does after each start. `side` is the
    /// folder's `castlekeep.synced`.
    pub fn new(disk: D, dir: PathBuf, config: TxnLogConfig, side: SyncedFile<D>) -> Self {
        Self {
            writer: Some(Writer { disk, dir, open: None, joined: BytesMut::new() }),
            pending: Vec::new(),
            pending_bytes: 0,
            roll: false,
            config,
            side: Arc::new(Mutex::new(side)),
            synced: None,
            claimed: None,
        }
    }

    /// Adds an entry to the next group. `payload` is TxnHeader, transaction and digest.
    pub fn append(&mut self, zxid: i64, payload: Bytes) {
        if let Some(last) = self.pending.last() {
            assert!(last.zxid < zxid, "transactions enter the log in the order of their zxids");
        }
        self.pending_bytes += entry_bytes(&payload);
        self.pending.push(PendingEntry { zxid, payload });
    }

    /// The next entry's group begins a new file.
    pub fn roll(&mut self) {
        self.roll = true;
    }

    /// Bytes that wait for a group.
    pub fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }

    /// Entries that wait for a group.
    pub fn pending_entries(&self) -> usize {
        self.pending.len()
    }

    /// Whether a group is under way.
    pub fn in_flight(&self) -> bool {
        self.writer.is_none()
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && !self.in_flight()
    }

    /// The next group, when entries wait and no group is under way.
    pub fn begin_group(&mut self) -> Option<GroupJob<D>> {
        if self.pending.is_empty() {
            return None;
        }
        let writer = self.writer.take()?;
        let mut bytes = 0;
        let mut count = 0;
        for entry in &self.pending {
            let entry_bytes = entry_bytes(&entry.payload);
            if count > 0 && bytes + entry_bytes > self.config.group_bytes_max {
                break;
            }
            bytes += entry_bytes;
            count += 1;
        }
        let rest = self.pending.split_off(count);
        let entries = std::mem::replace(&mut self.pending, rest);
        self.pending_bytes -= bytes;
        let roll = std::mem::take(&mut self.roll);
        Some(GroupJob { writer, entries, bytes, roll, config: self.config, side: self.side.clone() })
    }

    /// Takes the writer back. The caller tells the machine, or stops when the group failed.
    pub fn group_done(&mut self, done: GroupDone<D>) -> io::Result<()> {
        done.result?;
        if let Some(open) = &done.writer.open {
            if self.config.roll_bytes > 0 && open.position >= self.config.roll_bytes {
                self.roll = true;
            }
            self.synced = self.config.force_sync.then_some(Claim {
                log_zxid: open.zxid,
                synced: open.position,
                group_bytes_max: open.group_bytes_max,
                last_zxid: done.last_zxid,
            });
        }
        self.writer = Some(done.writer);
        Ok(())
    }

    /// Whether the floor lags behind what is synced.
    pub fn claim_lags(&self) -> bool {
        self.synced.is_some() && self.synced != self.claimed
    }

    /// A job that raises the floor to what is synced now; `None` when it is there already.
    pub fn claim(&mut self) -> Option<ClaimJob<D>> {
        if !self.claim_lags() {
            return None;
        }
        self.claimed = self.synced;
        Some(ClaimJob { side: self.side.clone(), claim: self.synced? })
    }
}

impl<D: Disk> TxnLog<D> {
    /// The end of this log: everything was synced and nothing is appended any more.
    ///
    /// # Panics
    /// When entries wait or a group is under way.
    pub fn close(&mut self) -> CloseJob<D> {
        assert!(self.is_idle(), "a log is closed behind its last sync");
        let claim = self.claim();
        CloseJob { open: self.writer.take().and_then(|writer| writer.open), claim }
    }
}

impl<D: Disk> TxnLog<D> {
    /// Takes the log away from its writer. Nothing is appended before [`TxnLog::resume`].
    ///
    /// # Panics
    /// When entries wait or a group is under way.
    pub fn rest(&mut self) -> RestingLog<D> {
        assert!(self.is_idle(), "a log rests behind its last sync");
        (self.synced, self.claimed) = (None, None);
        RestingLog { writer: self.writer.take().expect("no group is under way"), side: self.side.clone() }
    }

    /// Writes again, with the next entry into a new file.
    pub fn resume(&mut self, log: RestingLog<D>) {
        self.writer = Some(log.writer);
    }
}

impl<D: Disk> RestingLog<D> {
    /// Lets go of the open file, without its padding.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn let_go(&mut self) -> io::Result<()> {
        if let Some(open) = self.writer.open.take() {
            open.file.set_len(open.position)?;
            open.file.sync_all()?;
        }
        Ok(())
    }

    /// What is known of the newest file.
    pub fn side(&self) -> MutexGuard<'_, SyncedFile<D>> {
        self.side.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Disk> CloseJob<D> {
    /// Cuts the padding and raises the floor, so that the next start has nothing to look for.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn run(self) -> io::Result<()> {
        if let Some(open) = self.open {
            open.file.set_len(open.position)?;
            open.file.sync_all()?;
        }
        self.claim.map_or(Ok(()), ClaimJob::run)
    }
}

impl<D: Disk> GroupJob<D> {
    /// Writes and syncs the group.
    pub fn run(mut self) -> GroupDone<D> {
        let result = self.write();
        let last_zxid = self.entries.last().map_or(0, |entry| entry.zxid);
        GroupDone { writer: self.writer, last_zxid, entries: self.entries.len(), bytes: self.bytes, result }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.roll
            && let Some(old) = self.writer.open.take()
        {
            // Its entries are durable. Cutting the padding shows a later reader that nothing is missing at the end.
            old.file.set_len(old.position)?;
            old.file.sync_all()?;
        }
        let first_zxid = self.entries.first().expect("a group has an entry").zxid;
        let bound = match self.config.force_sync {
            true => self.bytes.max(self.config.group_bytes_max) + HEADER_BYTES,
            // Nothing is ever known to be on the disk, so no damage proves a loss that was not agreed to.
            false => u64::MAX,
        };
        let created = self.writer.open.is_none();
        if created {
            self.claim(first_zxid, 0, bound, 0)?;
            let path = self.writer.dir.join(log_name(first_zxid));
            let file = self.writer.disk.open(&path, OpenMode::CreateNew)?;
            self.writer.open =
                Some(OpenLog { file, zxid: first_zxid, position: 0, allocated: 0, zeroed: 0, group_bytes_max: bound });
        }
        let mut open = self.writer.open.take().expect("opened above");
        if bound > open.group_bytes_max {
            self.claim(open.zxid, open.position, bound, first_zxid - 1)?;
            open.group_bytes_max = bound;
        }
        let mut pieces = self.pieces(created);
        let end = open.position + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let allocated = allocate_to(end, open.allocated, self.config.pre_alloc_bytes);
        if allocated > open.allocated {
            open.file.set_len(allocated)?;
            open.allocated = allocated;
        }
        pieces.extend(self.zeros(&mut open, end));
        open.file.write_vectored_at(&pieces, open.position)?;
        open.position = end;
        if self.config.force_sync {
            open.file.sync_data()?;
        }
        if created {
            self.writer.disk.sync_dir(&self.writer.dir)?;
        }
        self.writer.open = Some(open);
        Ok(())
    }

    /// Small payloads are joined, so that a group of many small entries is one write; large ones are not copied.
    fn pieces(&mut self, with_header: bool) -> Vec<Bytes> {
        const COPY_BYTES_MAX: usize = 16 * 1024;
        let mut pieces = Vec::new();
        let joined = &mut self.writer.joined;
        // The pieces of the last group are gone: this is their memory again.
        joined.reserve((self.bytes as usize).min(self.config.group_bytes_max as usize) + HEADER_BYTES as usize);
        if with_header {
            joined.put_slice(&header());
        }
        for entry in &self.entries {
            joined.put_u64(u64::from(adler32(&entry.payload)));
            joined.put_i32(i32::try_from(entry.payload.len()).expect("a transaction is smaller than 2 GiB"));
            if entry.payload.len() <= COPY_BYTES_MAX {
                joined.put_slice(&entry.payload);
            } else {
                pieces.push(joined.split().freeze());
                pieces.push(entry.payload.clone());
            }
            joined.put_u8(END_MARK);
        }
        pieces.push(joined.split().freeze());
        pieces
    }

    /// The zeros to write behind a group that ends at `end`: within what is allocated, and when those of an earlier group
    /// are used up.
    fn zeros(&self, open: &mut OpenLog<D::File>, end: u64) -> Option<Bytes> {
        let ahead = self.config.zeros_ahead_bytes.min(ZEROS_MAX as u64);
        if end <= open.zeroed || self.bytes > ahead / 8 {
            return None;
        }
        let upto = (end + ahead).min(open.allocated);
        let zeros = ZEROS.get(..usize::try_from(upto.checked_sub(end)?).ok()?)?;
        open.zeroed = upto;
        Some(Bytes::from_static(zeros))
    }

    fn claim(&self, log_zxid: i64, synced: u64, group_bytes_max: u64, last_zxid: i64) -> io::Result<()> {
        let mut side = self.side.lock().unwrap_or_else(PoisonError::into_inner);
        side.write_always(Claim { log_zxid, synced, group_bytes_max, last_zxid })
    }
}

impl<D: Disk> ClaimJob<D> {
    /// Writes and syncs the record.
    ///
    /// # Errors
    /// As the disk reports them; final, as an error of the log's own sync.
    pub fn run(self) -> io::Result<()> {
        self.side.lock().unwrap_or_else(PoisonError::into_inner).write(self.claim)
    }
}

/// Writes a whole log file, replacing what has its name, and syncs it; not its name.
///
/// # Errors
/// As the disk reports them.
pub(super) fn write_whole<D: Disk>(disk: &D, path: &Path, entries: &[(i64, Bytes)]) -> io::Result<()> {
    if disk.exists(path)? {
        disk.remove_file(path)?;
    }
    let file = disk.open(path, OpenMode::CreateNew)?;
    let mut bytes = BytesMut::from(&header()[..]);
    let mut at = 0;
    for (_, payload) in entries {
        bytes.put_u64(u64::from(adler32(payload)));
        bytes.put_i32(i32::try_from(payload.len()).expect("a transaction is smaller than 2 GiB"));
        bytes.put_slice(payload);
        bytes.put_u8(END_MARK);
        if bytes.len() >= WRITE_BYTES {
            file.write_at(&bytes, at)?;
            at += bytes.len() as u64;
            bytes.clear();
        }
    }
    file.write_at(&bytes, at)?;
    file.sync_all()
}

/// Bytes that a file which is written at once is written in.
const WRITE_BYTES: usize = 1 << 20;

fn entry_bytes(payload: &Bytes) -> u64 {
    payload.len() as u64 + super::log_reader::ENTRY_OVERHEAD
}

/// The length to give a file before it is written up to `end`: at least 4 KiB of padding stay behind, so that a
/// reader finds a zero length and no torn number.
fn allocate_to(end: u64, allocated: u64, step: u64) -> u64 {
    if step == 0 || end + 4096 < allocated {
        return allocated;
    }
    (end + 4096).div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;
    use crate::zk::log_reader::{Found, LogReader};
    use crate::zk::names::logs;

    pub(crate) fn payload(zxid: i64, extra: usize) -> Bytes {
        let mut bytes = vec![0; 32 + extra];
        bytes[12..20].copy_from_slice(&zxid.to_be_bytes());
        for (i, byte) in bytes[32..].iter_mut().enumerate() {
            *byte = i as u8;
        }
        bytes.into()
    }

    fn log(dir: &std::path::Path, config: TxnLogConfig) -> TxnLog<FileDisk> {
        TxnLog::new(FileDisk, dir.to_path_buf(), config, SyncedFile::open(FileDisk, dir).unwrap())
    }

    fn flush(log: &mut TxnLog<FileDisk>) -> usize {
        let mut groups = 0;
        while let Some(job) = log.begin_group() {
            assert!(log.begin_group().is_none(), "one group at a time");
            log.group_done(job.run()).unwrap();
            groups += 1;
        }
        groups
    }

    fn zxids(dir: &std::path::Path) -> Vec<i64> {
        let mut found = Vec::new();
        for name in logs(&FileDisk, dir).unwrap() {
            let mut reader =
                LogReader::open(FileDisk.open(&name.path, OpenMode::Read).unwrap()).unwrap().expect("a header");
            loop {
                match reader.next_entry().unwrap() {
                    Found::Entry { zxid, .. } => found.push(zxid),
                    Found::End => break,
                    other => panic!("{other:?} in {name:?}"),
                }
            }
        }
        found
    }

    #[test]
    fn entries_come_back_over_groups_rolls_and_sizes() {
        let dir = tempfile::tempdir().unwrap();
        let config = TxnLogConfig { pre_alloc_bytes: 1 << 16, group_bytes_max: 5000, ..TxnLogConfig::default() };
        let mut log = log(dir.path(), config);
        for zxid in 1..=20 {
            log.append(zxid, payload(zxid, 1000));
        }
        assert_eq!(flush(&mut log), 5);
        log.roll();
        log.append(21, payload(21, 200_000));
        log.append(22, payload(22, 0));
        assert_eq!(flush(&mut log), 2);
        assert_eq!(zxids(dir.path()), (1..=22).collect::<Vec<_>>());
        let names = logs(&FileDisk, dir.path()).unwrap();
        assert_eq!(names.iter().map(|n| n.zxid).collect::<Vec<_>>(), [1, 21]);
        // The file that was left has no padding, the open one has.
        let len = |i: usize| FileDisk.open(&names[i].path, OpenMode::Read).unwrap().len().unwrap();
        assert_eq!(len(0), 16 + 20 * (1032 + 13));
        assert_eq!(len(1) % (1 << 16), 0);
    }

    #[test]
    fn small_groups_overwrite_blocks_that_the_file_has_already() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path(), TxnLogConfig::default());
        let path = dir.path().join("log.1");
        let bytes_on_disk = || FileDisk.open(&path, OpenMode::Read).unwrap().metadata().unwrap().blocks() * 512;
        let mut group = |zxid, extra| {
            log.append(zxid, payload(zxid, extra));
            assert_eq!(flush(&mut log), 1);
            bytes_on_disk()
        };
        let first = group(1, 100);
        assert!(first >= ZEROS_MAX as u64, "{first}");
        for zxid in 2..=100 {
            assert_eq!(group(zxid, 2000), first, "group {zxid}");
        }
        // Others wait for what is written ahead, and a large group has others behind it that do not want it.
        let large = group(101, 100_000);
        assert!(large < first + 200_000, "{large}");
        assert_eq!(zxids(dir.path()), (1..=101).collect::<Vec<_>>());
    }

    #[test]
    fn the_floor_follows_the_syncs() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path(), TxnLogConfig::default());
        assert!(log.claim().is_none());
        log.append(5, payload(5, 10));
        flush(&mut log);
        let side = |dir: &std::path::Path| SyncedFile::open(FileDisk, dir).unwrap().claim().unwrap();
        assert_eq!(side(dir.path()).synced, 0, "made with the file");
        log.claim().unwrap().run().unwrap();
        let claim = side(dir.path());
        assert_eq!((claim.log_zxid, claim.synced, claim.last_zxid), (5, 16 + 42 + 13, 5));
        assert!(!log.claim_lags());
        assert!(log.claim().is_none());
    }

    #[test]
    fn a_group_larger_than_the_bound_raises_the_bound_first() {
        let dir = tempfile::tempdir().unwrap();
        let config = TxnLogConfig { group_bytes_max: 100, ..TxnLogConfig::default() };
        let mut log = log(dir.path(), config);
        log.append(1, payload(1, 10));
        flush(&mut log);
        log.append(2, payload(2, 5000));
        flush(&mut log);
        let claim = SyncedFile::open(FileDisk, dir.path()).unwrap().claim().unwrap();
        assert!(claim.group_bytes_max >= 5000);
        assert_eq!(claim.synced, 16 + 55);
    }

    #[test]
    fn without_syncs_no_damage_is_more_than_a_torn_tail() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path(), TxnLogConfig { force_sync: false, ..TxnLogConfig::default() });
        log.append(1, payload(1, 10));
        flush(&mut log);
        assert!(log.claim().is_none());
        let claim = SyncedFile::open(FileDisk, dir.path()).unwrap().claim().unwrap();
        assert_eq!((claim.synced, claim.group_bytes_max), (0, u64::MAX));
    }

    #[test]
    fn the_bytes_are_upstreams() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path(), TxnLogConfig { pre_alloc_bytes: 0, ..TxnLogConfig::default() });
        log.append(0x1f, payload(0x1f, 2));
        flush(&mut log);
        let bytes = FileDisk.read_all(&dir.path().join("log.1f"), 1000).unwrap();
        let mut expected = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
        let body = payload(0x1f, 2);
        expected.extend_from_slice(&u64::from(adler32(&body)).to_be_bytes());
        expected.extend_from_slice(&34u32.to_be_bytes());
        expected.extend_from_slice(&body);
        expected.push(b'B');
        assert_eq!(&bytes[..], &expected[..]);
    }
}
