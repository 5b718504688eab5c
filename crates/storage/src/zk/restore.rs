//! Brings a service back from a data folder: newest loadable snapshot, then the log behind it.
//!
//! Damage in a log is judged here (see [`super::synced`] for what is known of our own logs):
//!
//! | file | a cut-off entry | a wrong checksum |
//! |---|---|---|
//! | newest, ours, above what was synced | cut off, with a note | cut off, with a note |
//! | newest, ours, below what was synced | refuse | refuse |
//! | newest, not ours (upstream's rule) | the file ends there | refuse |
//! | older | the file ends there; a missing zxid refuses | refuse |
//!
//! Whatever the folder: a zxid missing within an epoch refuses, as does a file of a later format. A snapshot that does
//! not load is passed over when an older one and the logs lead as far; otherwise it refuses.
//!
//! Upstream: `FileTxnSnapLog.restore`, `FileTxnLog.FileTxnIterator`.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zk_wire::snapshot::SnapshotRecord;

use super::data_dir::DataDir;
use super::error::StoreError;
use super::log_reader::{self, Found, HEADER_BYTES, LogReader};
use super::names::{self, LogName, SnapshotName};
use super::snapshot_reader::{self, SnapshotError, Trailers, looks_valid};
use super::synced::{Claim, SyncedFile};
use crate::disk::{Disk, DiskFile, OpenMode};

/// Who is being restored.
pub trait Restore {
    /// Forget everything: a snapshot named after `zxid` follows.
    fn begin(&mut self, zxid: i64);

    /// The next part of the snapshot.
    ///
    /// # Errors
    /// Why the snapshot cannot be used; an older one is tried then.
    fn snapshot_record(&mut self, record: SnapshotRecord) -> Result<(), String>;

    /// The snapshot is whole; what stood behind it.
    ///
    /// # Errors
    /// As [`Restore::snapshot_record`].
    fn snapshot_end(&mut self, trailers: Trailers) -> Result<(), String>;

    /// The next transaction after the snapshot: TxnHeader, transaction, digest.
    ///
    /// # Errors
    /// Why it cannot be applied; the restore stops then.
    fn txn(&mut self, zxid: i64, payload: Bytes) -> Result<(), String>;
}

/// What a restore found.
pub struct Restored<D: Disk> {
    /// The loaded snapshot's zxid; `None` in a new folder, which needs a first snapshot.
    pub snapshot_zxid: Option<i64>,
    /// The last transaction.
    pub last_zxid: i64,
    /// Transactions replayed.
    pub txns: u64,
    /// How long the snapshot took; for metrics only.
    pub snapshot_took: Duration,
    /// How long the logs took; for metrics only.
    pub logs_took: Duration,
    /// What a human should read in the log: snapshots passed over, tails cut off.
    pub notes: Vec<String>,
    /// The folder's `castlekeep.synced`, for the log that is written next.
    pub side: SyncedFile<D>,
}

/// How to restore.
#[derive(Clone, Copy, Debug)]
pub struct RestoreOptions {
    /// A folder without snapshots and logs is begun (`db.autocreate`); otherwise only with the file `initialize` in it.
    pub autocreate: bool,
    /// Logs without any snapshot are taken as whole (`snapshot.trust.empty`).
    pub trust_empty: bool,
    /// The most bytes of a node (see [`zk_wire::frame::max_stored_bytes`]).
    pub record_bytes_max: usize,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        let record_bytes_max =
            zk_wire::frame::max_stored_bytes(zk_wire::frame::JUTE_MAX_BUFFER, zk_wire::frame::JUTE_MAX_BUFFER);
        Self { autocreate: true, trust_empty: false, record_bytes_max }
    }
}

/// Upstream looks at no more.
const SNAPSHOTS_TRIED_MAX: usize = 100;

/// Restores `service` from the folder. What is left in the folder afterwards is durable, and what was handed over is
/// all that a later restore would find. A folder that is only looked at ([`DataDir::look`]) is left as it is, and the
/// notes say what would have been done.
///
/// # Errors
/// [`StoreError`]; the folder is unchanged then, but for torn tails of our own.
pub fn restore<D: Disk>(
    dir: &DataDir<D>,
    options: RestoreOptions,
    service: &mut dyn Restore,
) -> Result<Restored<D>, StoreError> {
    let open = if dir.read_only { SyncedFile::look } else { SyncedFile::open };
    let side =
        open(dir.disk.clone(), &dir.log_dir).map_err(StoreError::io("read castlekeep.synced in", &dir.log_dir))?;
    let mut notes = Vec::new();
    let began = Instant::now();
    let Loaded { snapshot_zxid, passed_over } = load_snapshot(dir, options.record_bytes_max, service, &mut notes)?;
    let snapshot_took = began.elapsed();
    let logs = names::logs(&dir.disk, &dir.log_dir).map_err(StoreError::io("list", &dir.log_dir))?;
    if snapshot_zxid.is_none() && !options.trust_empty && has_entries(dir, &logs)? {
        return Err(StoreError::NoSnapshot { dir: dir.snap_dir.clone() });
    }
    if snapshot_zxid.is_none() && !options.autocreate && !dir.has_initialize()? {
        return Err(StoreError::Empty { dir: dir.snap_dir.clone() });
    }
    let start = snapshot_zxid.unwrap_or(0);
    let mut replay =
        Replay { dir, claim: side.claim().filter(|_| dir.marked), service, notes, last_zxid: start, start, txns: 0 };
    replay.check_claimed_file(&logs)?;
    let first = logs.iter().rposition(|log| log.zxid <= start + 1).unwrap_or(0);
    for (index, log) in logs.iter().enumerate().skip(first) {
        replay.file(log, index + 1 == logs.len())?;
    }
    let Replay { notes, last_zxid, txns, .. } = replay;
    if let Some((path, zxid, why)) = passed_over.filter(|(_, zxid, _)| *zxid > last_zxid) {
        return Err(StoreError::LogsEndEarly { path, why, zxid, last_zxid });
    }
    let logs_took = began.elapsed().saturating_sub(snapshot_took);
    Ok(Restored { snapshot_zxid, last_zxid, txns, snapshot_took, logs_took, notes, side })
}

/// What came of the snapshots.
struct Loaded {
    snapshot_zxid: Option<i64>,
    /// The newest one that does not load: its file, its zxid, and why.
    passed_over: Option<(PathBuf, i64, String)>,
}

fn load_snapshot<D: Disk>(
    dir: &DataDir<D>,
    record_bytes_max: usize,
    service: &mut dyn Restore,
    notes: &mut Vec<String>,
) -> Result<Loaded, StoreError> {
    let snapshots = names::snapshots(&dir.disk, &dir.snap_dir).map_err(StoreError::io("list", &dir.snap_dir))?;
    let mut tried = Vec::new();
    let mut passed_over = None;
    for snapshot in snapshots.iter().take(SNAPSHOTS_TRIED_MAX) {
        match load_one(dir, snapshot, record_bytes_max, service) {
            Ok(()) => {
                notes.extend(tried.iter().map(|what| format!("passed over a snapshot that does not load: {what}")));
                return Ok(Loaded { snapshot_zxid: Some(snapshot.zxid), passed_over });
            }
            Err(SnapshotError::Version(found)) => {
                return Err(StoreError::NewerFile { path: snapshot.path.clone(), found });
            }
            // What a damaged compressed stream gives.
            Err(SnapshotError::Io(error))
                if !matches!(
                    error.kind(),
                    ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof
                ) =>
            {
                return Err(StoreError::Io { tried: "read the snapshot", path: snapshot.path.clone(), error });
            }
            Err(e) => {
                tried.push(format!("{}: {e}", snapshot.path.display()));
                passed_over = passed_over.or_else(|| Some((snapshot.path.clone(), snapshot.zxid, e.to_string())));
            }
        }
    }
    match tried.is_empty() {
        true => Ok(Loaded { snapshot_zxid: None, passed_over }),
        false => Err(StoreError::NoSnapshotLoads { dir: dir.snap_dir.clone(), tried }),
    }
}

fn load_one<D: Disk>(
    dir: &DataDir<D>,
    snapshot: &SnapshotName,
    record_bytes_max: usize,
    service: &mut dyn Restore,
) -> Result<(), SnapshotError> {
    if !looks_valid(&dir.disk, snapshot)? {
        // A later format may end differently.
        let version = snapshot_reader::later_version(&dir.disk, snapshot)?;
        return Err(
            version.map_or(SnapshotError::Invalid("no end mark, or no magic number", 0), SnapshotError::Version)
        );
    }
    service.begin(snapshot.zxid);
    let sink = &mut |record| service.snapshot_record(record);
    let trailers = snapshot_reader::read(&dir.disk, snapshot, record_bytes_max, sink)?;
    service.snapshot_end(trailers).map_err(SnapshotError::Refused)
}

fn has_entries<D: Disk>(dir: &DataDir<D>, logs: &[LogName]) -> Result<bool, StoreError> {
    for log in logs {
        let read = || {
            let Some(mut reader) = LogReader::open(dir.disk.open(&log.path, OpenMode::Read)?)? else {
                return Ok(false);
            };
            Ok(matches!(reader.next_entry()?, Found::Entry { .. }))
        };
        if read().map_err(StoreError::io("read the log", &log.path))? {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Replay<'a, D: Disk> {
    dir: &'a DataDir<D>,
    claim: Option<Claim>,
    service: &'a mut dyn Restore,
    notes: Vec<String>,
    start: i64,
    last_zxid: i64,
    txns: u64,
}

impl<D: Disk> Replay<'_, D> {
    /// The log that the side file speaks of must exist, if anything in it was synced.
    fn check_claimed_file(&self, logs: &[LogName]) -> Result<(), StoreError> {
        let Some(claim) = self.claim else { return Ok(()) };
        let newest = logs.last().map_or(i64::MIN, |log| log.zxid);
        if claim.synced > HEADER_BYTES && newest < claim.log_zxid {
            let path = self.dir.log_dir.join(names::log_name(claim.log_zxid));
            return Err(StoreError::LogMissing { path, synced: claim.synced });
        }
        Ok(())
    }

    fn file(&mut self, log: &LogName, newest: bool) -> Result<(), StoreError> {
        let io = |e| StoreError::io("read the log", &log.path)(e);
        let claim = self.claim.filter(|claim| newest && claim.log_zxid == log.zxid);
        let mode = if self.dir.read_only { OpenMode::Read } else { OpenMode::Write };
        let file = self.dir.disk.open(&log.path, mode).map_err(io)?;
        let Some(mut reader) = LogReader::open(file).map_err(io)? else {
            return self.no_header(log, newest, claim);
        };
        let found = loop {
            match reader.next_entry().map_err(io)? {
                Found::Entry { zxid, payload } => self.entry(log, zxid, payload)?,
                other => break other,
            }
        };
        match claim {
            Some(claim) => self.own_tail(log, &mut reader, &found, claim)?,
            None => self.upstream_tail(log, &reader, &found)?,
        }
        if !newest || self.dir.read_only {
            return Ok(());
        }
        if reader.position() == HEADER_BYTES {
            return self.remove(log, "it holds no transaction");
        }
        // What was replayed is served from now on: neither its bytes nor the file's name may vanish with the page cache
        // (a process killed between the two syncs of a new file leaves a name that is only there).
        reader.file().sync_data().map_err(StoreError::io("sync", &log.path))?;
        self.dir.disk.sync_dir(&self.dir.log_dir).map_err(StoreError::io("sync", &self.dir.log_dir))
    }

    fn entry(&mut self, log: &LogName, zxid: i64, payload: Bytes) -> Result<(), StoreError> {
        if zxid <= self.start {
            return Ok(());
        }
        if zxid <= self.last_zxid {
            self.notes.push(format!(
                "{}: skipped transaction 0x{zxid:x}, which comes after 0x{:x}",
                log.path.display(),
                self.last_zxid
            ));
            return Ok(());
        }
        let same_epoch = zxid >> 32 == self.last_zxid >> 32;
        if same_epoch && zxid != self.last_zxid + 1 {
            return Err(StoreError::LogGap { path: log.path.clone(), before: self.last_zxid, after: zxid });
        }
        self.service.txn(zxid, payload).map_err(|why| StoreError::Replay { path: log.path.clone(), zxid, why })?;
        self.last_zxid = zxid;
        self.txns += 1;
        Ok(())
    }

    /// The tail of the newest log, which we wrote.
    fn own_tail(
        &mut self,
        log: &LogName,
        reader: &mut LogReader<D::File>,
        found: &Found,
        claim: Claim,
    ) -> Result<(), StoreError> {
        let end = reader.position();
        let io = |e| StoreError::io("read the log", &log.path)(e);
        let damaged =
            |what| StoreError::LogDamaged { path: log.path.clone(), offset: end, what, last_zxid: self.last_zxid };
        if end < claim.synced {
            return Err(damaged(format!("{} bytes were synced", claim.synced)));
        }
        // No entry is longer than the bound, so if anything follows further away than one group, the end mark of an
        // entry lies in the next stretch of that length: the rest of the padding need not be read.
        let look_to = end.saturating_add(claim.group_bytes_max.saturating_mul(2));
        let Some(last) = reader.last_nonzero(end, look_to).map_err(io)? else { return Ok(()) };
        if last >= end.saturating_add(claim.group_bytes_max) {
            return Err(damaged(format!("a later write, which followed its sync, is at offset {last}")));
        }
        let what = match found {
            Found::Corrupt => "an entry with a wrong checksum",
            _ => "a torn entry",
        };
        let (path, lost) = (log.path.display(), last + 1 - end);
        self.notes.push(format!(
            "{path}: cut off {what} at offset {end} ({lost} bytes that were never acknowledged; last transaction 0x{:x})",
            self.last_zxid
        ));
        if self.dir.read_only {
            return Ok(());
        }
        reader.file().set_len(end).map_err(StoreError::io("cut off the torn tail of", &log.path))?;
        reader.file().sync_all().map_err(StoreError::io("sync", &log.path))
    }

    /// The tail of a log of upstream's, or of an older one of ours.
    fn upstream_tail(&mut self, log: &LogName, reader: &LogReader<D::File>, found: &Found) -> Result<(), StoreError> {
        match found {
            Found::Corrupt => Err(StoreError::LogDamaged {
                path: log.path.clone(),
                offset: reader.position(),
                what: "an entry with a wrong checksum".into(),
                last_zxid: self.last_zxid,
            }),
            Found::Partial => {
                let (path, at) = (log.path.display(), reader.position());
                self.notes.push(format!("{path}: the last transaction, at offset {at}, is cut off and ignored"));
                Ok(())
            }
            Found::End | Found::Entry { .. } => Ok(()),
        }
    }

    fn no_header(&mut self, log: &LogName, newest: bool, claim: Option<Claim>) -> Result<(), StoreError> {
        let head = || -> std::io::Result<Vec<u8>> {
            let mut head = vec![0; HEADER_BYTES as usize];
            let read = self.dir.disk.open(&log.path, OpenMode::Read)?.read_at(&mut head, 0)?;
            head.truncate(read);
            Ok(head)
        };
        let head = head().map_err(StoreError::io("read the log", &log.path))?;
        let empty = head.is_empty();
        if let Some(found) = log_reader::later_version(&head, log_reader::MAGIC) {
            return Err(StoreError::NewerFile { path: log.path.clone(), found });
        }
        let never_synced = claim.is_some_and(|claim| claim.synced <= HEADER_BYTES);
        if newest && (empty && claim.is_none() || never_synced) {
            return self.remove(log, "its header was never synced");
        }
        Err(StoreError::LogDamaged {
            path: log.path.clone(),
            offset: 0,
            what: "it does not begin with a log's header".into(),
            last_zxid: self.last_zxid,
        })
    }

    fn remove(&mut self, log: &LogName, why: &str) -> Result<(), StoreError> {
        self.notes.push(format!("removed {}: {why}", log.path.display()));
        if self.dir.read_only {
            return Ok(());
        }
        self.dir.disk.remove_file(&log.path).map_err(StoreError::io("remove", &log.path))?;
        self.dir.disk.sync_dir(&self.dir.log_dir).map_err(StoreError::io("sync", &self.dir.log_dir))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::file_disk::FileDisk;
    use crate::zk::inspect::repair;
    use crate::zk::snapshot_writer::SnapshotWriter;
    use crate::zk::txn_log::{TxnLog, TxnLogConfig};

    #[derive(Default)]
    struct Counter {
        zxids: Vec<i64>,
    }

    impl Restore for Counter {
        fn begin(&mut self, _zxid: i64) {
            self.zxids.clear();
        }
        fn snapshot_record(&mut self, _record: SnapshotRecord) -> Result<(), String> {
            Ok(())
        }
        fn snapshot_end(&mut self, _trailers: Trailers) -> Result<(), String> {
            Ok(())
        }
        fn txn(&mut self, zxid: i64, _payload: Bytes) -> Result<(), String> {
            self.zxids.push(zxid);
            Ok(())
        }
    }

    fn payload(zxid: i64) -> Bytes {
        let mut bytes = vec![7; 132];
        bytes[12..20].copy_from_slice(&zxid.to_be_bytes());
        bytes.into()
    }

    const ENTRY: u64 = 132 + 13;

    fn snapshot(dir: &DataDir<FileDisk>, zxid: i64) {
        let mut writer = SnapshotWriter::new(FileDisk, &dir.snap_dir, zxid);
        writer.write(b"\0\0\0\0\0\0\0\0\0\0\0\x01/").unwrap();
        writer.finish(None, None).unwrap();
    }

    /// A folder with a snapshot at 0 and transactions 1..=last, each in a group of its own; marked and claimed as asked.
    fn folder(root: &Path, last: i64, ours: bool, claim: bool) -> DataDir<FileDisk> {
        let mut dir = DataDir::open(FileDisk, root, None).unwrap();
        snapshot(&dir, 0);
        if ours {
            dir.mark().unwrap();
        }
        let side = SyncedFile::open(FileDisk, &dir.log_dir).unwrap();
        let config = TxnLogConfig { pre_alloc_bytes: 1 << 16, group_bytes_max: 300, ..TxnLogConfig::default() };
        let mut log = TxnLog::new(FileDisk, dir.log_dir.clone(), config, side);
        for zxid in 1..=last {
            log.append(zxid, payload(zxid));
            let job = log.begin_group().unwrap();
            log.group_done(job.run()).unwrap();
        }
        if claim && let Some(claim) = log.claim() {
            claim.run().unwrap();
        }
        if !ours {
            std::fs::remove_file(dir.log_dir.join(crate::zk::synced::FILE_NAME)).unwrap();
        }
        dir
    }

    fn restored(dir: &DataDir<FileDisk>) -> Result<(Vec<i64>, Vec<String>), StoreError> {
        let mut counter = Counter::default();
        let restored = restore(dir, RestoreOptions::default(), &mut counter)?;
        Ok((counter.zxids, restored.notes))
    }

    fn damage(dir: &DataDir<FileDisk>, offset: u64, bytes: &[u8]) {
        let file = FileDisk.open(&dir.log_dir.join("log.1"), OpenMode::Write).unwrap();
        DiskFile::write_at(&file, bytes, offset).unwrap();
    }

    #[test]
    fn everything_comes_back_and_a_snapshot_shortens_the_replay() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, true, true);
        assert_eq!(restored(&dir).unwrap().0, (1..=10).collect::<Vec<_>>());
        snapshot(&dir, 6);
        assert_eq!(restored(&dir).unwrap().0, [7, 8, 9, 10]);
        // A newer snapshot that does not load is passed over, with a note.
        std::fs::write(dir.snap_dir.join("snapshot.8"), b"ZKSN half").unwrap();
        let (zxids, notes) = restored(&dir).unwrap();
        assert_eq!(zxids, [7, 8, 9, 10]);
        assert!(notes[0].contains("snapshot.8"), "{notes:?}");
    }

    #[test]
    fn a_damaged_snapshot_is_passed_over_only_when_the_logs_lead_as_far() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, true, true);
        snapshot(&dir, 12);
        let newest = dir.snap_dir.join("snapshot.c");
        let mut bytes = std::fs::read(&newest).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&newest, &bytes).unwrap();
        let error = restored(&dir).unwrap_err().to_string();
        assert!(error.contains("snapshot.c") && error.contains("lead to 0xa only, not to 0xc"), "{error}");
        std::fs::rename(&newest, dir.snap_dir.join("snapshot.a")).unwrap();
        assert_eq!(restored(&dir).unwrap().0.last(), Some(&10));
    }

    #[test]
    fn what_a_refusal_names_as_the_way_on_works() {
        // A wrong byte within a payload that is no transaction, a wrong length, a wrong header.
        let damages = [(16 + 3 * ENTRY + 60, &[1; 8][..], 3), (16 + 3 * ENTRY + 8, &[0; 40], 3), (0, &[9; 4], 0)];
        for (offset, bytes, left) in damages {
            let root = tempfile::tempdir().unwrap();
            let dir = folder(root.path(), 10, true, true);
            damage(&dir, offset, bytes);
            let error = restored(&dir).unwrap_err();
            let path = dir.log_dir.join("log.1");
            assert!(error.to_string().contains(&format!("castlekeep zk log --repair {}", path.display())), "{error}");
            let plan = repair::plan(&FileDisk, &path).unwrap();
            repair::repair(&FileDisk, &path, &plan).unwrap();
            assert_eq!(restored(&dir).unwrap().0.len(), left, "damage at {offset}: {plan:?}");
        }
    }

    #[test]
    fn files_of_a_later_format_refuse() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 3, true, true);
        damage(&dir, 4, &[0, 0, 0, 3]);
        let error = restored(&dir).unwrap_err();
        assert!(matches!(error, StoreError::NewerFile { found: 3, .. }), "{error}");
        damage(&dir, 4, &[0, 0, 0, 2]);
        // Neither an end mark that is known nor one that is not makes a later snapshot a damaged one.
        for end in [&b"\0\0\0\x01/"[..], b"another end"] {
            let bytes = [&b"ZKSN\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff"[..], end].concat();
            std::fs::write(dir.snap_dir.join("snapshot.2"), bytes).unwrap();
            let error = restored(&dir).unwrap_err();
            assert!(matches!(error, StoreError::NewerFile { found: 3, .. }), "{error}");
        }
    }

    #[test]
    fn an_empty_folder_is_begun_only_when_that_is_wanted() {
        let root = tempfile::tempdir().unwrap();
        let dir = DataDir::open(FileDisk, root.path(), None).unwrap();
        let options = RestoreOptions { autocreate: false, ..RestoreOptions::default() };
        let empty = |options| restore(&dir, options, &mut Counter::default()).map(|restored| restored.snapshot_zxid);
        assert_eq!(empty(RestoreOptions::default()).unwrap(), None);
        assert!(matches!(empty(options), Err(StoreError::Empty { .. })));
        std::fs::write(root.path().join("initialize"), "").unwrap();
        assert_eq!(empty(options).unwrap(), None);
        dir.remove_initialize().unwrap();
        assert!(!root.path().join("initialize").exists());
    }

    #[test]
    fn damage_above_what_was_synced_is_cut_off() {
        for what in [&[1u8; 8][..], &[0; 20][..]] {
            let root = tempfile::tempdir().unwrap();
            let dir = folder(root.path(), 10, true, false);
            // Entry 9 torn, entry 10 whole: pages of one group may arrive in any order.
            damage(&dir, 16 + 8 * ENTRY, what);
            let (zxids, notes) = restored(&dir).unwrap();
            assert_eq!(zxids, (1..=8).collect::<Vec<_>>());
            assert!(notes[0].contains("cut off"), "{notes:?}");
            let file = FileDisk.open(&dir.log_dir.join("log.1"), OpenMode::Read).unwrap();
            assert_eq!(DiskFile::len(&file).unwrap(), 16 + 8 * ENTRY);
            assert_eq!(restored(&dir).unwrap().1, [""; 0], "the second restore finds nothing to do");
        }
    }

    #[test]
    fn damage_below_what_was_synced_refuses() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, true, true);
        damage(&dir, 16 + 8 * ENTRY, &[0; 20]);
        let error = restored(&dir).unwrap_err().to_string();
        assert!(error.contains("damaged at offset 1176") && error.contains("log.1"), "{error}");

        // Without the floor: what follows further away than one group proves the sync.
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, true, false);
        damage(&dir, 16 + 3 * ENTRY, &[1; 8]);
        let error = restored(&dir).unwrap_err().to_string();
        assert!(error.contains("a later write"), "{error}");
    }

    #[test]
    fn folders_without_the_mark_follow_upstream() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, false, false);
        damage(&dir, 16 + 9 * ENTRY + 100, &[0; 100]);
        let (zxids, notes) = restored(&dir).unwrap();
        assert_eq!(zxids, (1..=9).collect::<Vec<_>>());
        assert!(notes[0].contains("cut off and ignored"), "{notes:?}");

        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, false, false);
        damage(&dir, 16 + 9 * ENTRY + 100, &[0; 10]);
        assert!(restored(&dir).unwrap_err().to_string().contains("wrong checksum"));
    }

    #[test]
    fn a_missing_file_a_gap_and_logs_alone_refuse() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 10, true, true);
        snapshot(&dir, 5);
        std::fs::rename(dir.log_dir.join("log.1"), dir.log_dir.join("kept")).unwrap();
        assert!(restored(&dir).unwrap_err().to_string().contains("log.1 is missing"));
        std::fs::rename(dir.log_dir.join("kept"), dir.log_dir.join("log.1")).unwrap();

        let side = SyncedFile::open(FileDisk, &dir.log_dir).unwrap();
        let mut log = TxnLog::new(FileDisk, dir.log_dir.clone(), TxnLogConfig::default(), side);
        log.append(13, payload(13));
        let done = log.begin_group().unwrap().run();
        log.group_done(done).unwrap();
        let gap = restored(&dir).unwrap_err();
        assert!(matches!(gap, StoreError::LogGap { before: 10, after: 13, .. }), "{gap}");
        // What the message says works: nothing is lost but what it names, and that stays as a copy.
        let later = dir.log_dir.join("log.d");
        assert!(gap.to_string().contains(&format!("zk log {} --cut-from 0xd", later.display())), "{gap}");
        let kept = std::fs::read(&later).unwrap();
        let plan = repair::plan_cut(&FileDisk, &later, 13).unwrap();
        let copies = repair::repair(&FileDisk, &later, &plan).unwrap();
        assert_eq!(std::fs::read(&copies[0]).unwrap(), kept);
        assert_eq!(restored(&dir).unwrap().0.last(), Some(&10));

        std::fs::remove_file(dir.snap_dir.join("snapshot.0")).unwrap();
        std::fs::remove_file(dir.snap_dir.join("snapshot.5")).unwrap();
        assert!(matches!(restored(&dir).unwrap_err(), StoreError::NoSnapshot { .. }));
    }

    #[test]
    fn a_file_whose_header_was_never_synced_goes_away() {
        let root = tempfile::tempdir().unwrap();
        let dir = folder(root.path(), 3, true, true);
        let mut side = SyncedFile::open(FileDisk, &dir.log_dir).unwrap();
        side.write(Claim { log_zxid: 4, synced: 0, group_bytes_max: 300, last_zxid: 3 }).unwrap();
        std::fs::write(dir.log_dir.join("log.4"), [0; 100]).unwrap();
        let (zxids, notes) = restored(&dir).unwrap();
        assert_eq!(zxids, [1, 2, 3]);
        assert!(notes[0].contains("removed"), "{notes:?}");
        // The name is free again for the next transaction.
        assert!(!dir.log_dir.join("log.4").exists());
    }
}
