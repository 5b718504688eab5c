//! The log of one partition (upstream: `LocalLog`, `LogSegment`): append, roll, flush, close. Reading is in `plan`,
//! truncating and deleting in `cut`, opening in `load`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::log::batch::BatchHeader;
use broker::log::leader_epoch::EpochEntry;
use broker::log::retention::SegmentSummary;
use broker::log::{LogConfig, ProducerState};
use broker::shard::LogAppend;

use super::checkpoint::{LEADER_EPOCH, epochs_text};
use super::index::{OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES};
use super::names::file_name;
use super::segment::{Active, Folder, Segment, SegmentFiles};
use super::tail::Tail;
use super::txn_index::{self, AbortedTxn};
use super::{context, producer_snapshot};
use crate::disk::{Disk, DiskFile, OpenMode};

/// Bytes of the newest batches that each log keeps in memory.
const TAIL_BYTES_MAX: usize = 256 << 10;

/// One partition's log. Owned by one thread; its end is where the next batch goes.
pub struct Log<D: Disk> {
    pub(super) disk: D,
    pub(super) dir: Arc<Folder>,
    pub(super) config: Arc<LogConfig>,
    /// By base offset; the last one is active.
    pub(super) segments: BTreeMap<i64, Segment<D>>,
    pub(super) active: Active,
    /// Aborted transactions by segment.
    pub(super) aborted: BTreeMap<i64, Vec<AbortedTxn>>,
    pub(super) log_end_offset: i64,
    pub(super) recovery_point: i64,
    /// Offsets of the producer snapshots.
    pub(super) snapshots: BTreeSet<i64>,
    pub(super) tail: Tail,
    /// Whether the folder has names that were never synced.
    pub(super) names_changed: bool,
    /// Files beside the segments that the next flush has to sync.
    pub(super) unsynced: Vec<(PathBuf, Arc<D::File>)>,
    /// Counts truncations: a flush that began before one says nothing about what came after.
    pub(super) generation: u64,
    /// Why nothing may be written any more.
    pub(super) failed: Option<String>,
}

/// How an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Whether a new segment was begun; then a [`Log::flush_closed`] is due.
    pub rolled: bool,
    /// One past the last offset.
    pub log_end_offset: i64,
}

/// The syncs of a flush; to be run away from the log's thread.
pub struct FlushJob<D: Disk> {
    files: Vec<(PathBuf, Arc<D::File>)>,
    dir: Option<(D, Arc<Path>)>,
    offset: i64,
    generation: u64,
}

/// A flush that succeeded, for [`Log::flush_done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushDone {
    /// Everything below is on disk.
    pub offset: i64,
    generation: u64,
}

impl<D: Disk> FlushJob<D> {
    /// Syncs the files and, when names changed, the folder.
    ///
    /// # Errors
    /// As the disk reports them, with the file's name. Never run it again: the log folder has to go offline.
    pub fn run(self) -> io::Result<FlushDone> {
        for (path, file) in &self.files {
            file.sync_data().map_err(|e| context(e, "syncing", path))?;
        }
        if let Some((disk, dir)) = &self.dir {
            disk.sync_dir(dir).map_err(|e| context(e, "syncing the folder", dir))?;
        }
        Ok(FlushDone { offset: self.offset, generation: self.generation })
    }

    /// Says that it is done and does nothing: a lie for the simulator's proof that it notices.
    pub fn skip(self) -> FlushDone {
        FlushDone { offset: self.offset, generation: self.generation }
    }

    /// Whether there is anything to sync.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.dir.is_none()
    }
}

/// Files or a folder that nobody needs any more; to be removed after `file.delete.delay.ms`.
#[derive(Clone, Debug)]
pub struct RemoveJob<D: Disk> {
    pub(super) disk: D,
    pub(super) files: Vec<PathBuf>,
    pub(super) folder: Option<PathBuf>,
}

impl<D: Disk> RemoveJob<D> {
    /// Removes them. What is gone already is no error.
    ///
    /// # Errors
    /// As the disk reports them; the rest is found and removed at the next start.
    pub fn run(self) -> io::Result<()> {
        let gone = |result: io::Result<()>, path: &Path| match result {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(context(e, "removing", path)),
            _ => Ok(()),
        };
        for path in &self.files {
            gone(self.disk.remove_file(path), path)?;
        }
        match &self.folder {
            Some(path) => gone(self.disk.remove_dir_all(path), path),
            None => Ok(()),
        }
    }
}

impl<D: Disk> Log<D> {
    /// A log over `segments`, of which the last is active; the caller sets what it has recovered.
    pub(super) fn from_segments(
        disk: D,
        dir: Arc<Folder>,
        config: Arc<LogConfig>,
        segments: BTreeMap<i64, Segment<D>>,
        active: Active,
        log_end_offset: i64,
    ) -> Self {
        Self {
            disk,
            dir,
            config,
            segments,
            active,
            aborted: BTreeMap::new(),
            log_end_offset,
            recovery_point: 0,
            snapshots: BTreeSet::new(),
            tail: Tail::new(TAIL_BYTES_MAX),
            names_changed: false,
            unsynced: Vec::new(),
            generation: 0,
            failed: None,
        }
    }

    /// One past the last offset.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    /// Everything below is known to be on disk.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    /// The partition's folder.
    pub fn dir(&self) -> Arc<Path> {
        self.dir.path()
    }

    /// Base offset of the oldest segment.
    pub fn first_base_offset(&self) -> i64 {
        *self.segments.keys().next().expect("a log has an active segment")
    }

    /// Base offset of the segment at this place, the oldest being 0.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn base_offset_at(&self, place: usize) -> i64 {
        *self.segments.keys().nth(place).expect("the caller has counted the segments")
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.size).sum()
    }

    /// Base offset, bytes and path of each `.log`, oldest first.
    pub fn segment_paths(&self) -> Vec<(i64, u64, PathBuf)> {
        let one = |segment: &Segment<D>| (segment.base_offset, segment.size, segment.files.path("log"));
        self.segments.values().map(one).collect()
    }

    /// How many segments there are.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Takes a changed configuration; it counts from the next append on.
    pub fn set_config(&mut self, config: Arc<LogConfig>) {
        self.config = config;
    }

    /// Gives up the memory of the newest batches, for a partition that has been quiet.
    pub fn cool(&mut self) {
        self.tail.cool();
    }

    /// Memory held by the newest batches.
    pub fn cached_bytes(&self) -> usize {
        self.tail.bytes()
    }

    pub(super) fn active_segment(&self) -> &Segment<D> {
        self.segments.values().next_back().expect("a log has an active segment")
    }

    fn active_segment_mut(&mut self) -> &mut Segment<D> {
        self.segments.values_mut().next_back().expect("a log has an active segment")
    }

    /// Whether the log can be written.
    ///
    /// # Errors
    /// Why not, once an earlier failure has closed it.
    pub fn usable(&self) -> io::Result<()> {
        match &self.failed {
            None => Ok(()),
            Some(why) => {
                Err(io::Error::other(format!("{}: closed after an earlier failure: {why}", self.dir().display())))
            }
        }
    }

    /// Writes one batch (into the page cache: durable after a flush). Its offsets are assigned and at or behind the end.
    /// When a segment is full a new one is begun first; `producers`, which counts at least up to the log's end, is
    /// saved beside it.
    ///
    /// # Errors
    /// As the disk reports them. The log is as before then, except that it may have begun a new segment. After one of kind
    /// `StorageFull` it can be written again when there is space; after any other, or when what was written could not
    /// be taken back ([`Log::usable`]), the log folder has to go offline.
    pub fn append(&mut self, append: &LogAppend, now_ms: i64, producers: &ProducerState) -> io::Result<Appended> {
        self.usable()?;
        let appended = self.try_append(append, now_ms, producers);
        // A roll saves the producers with this batch, which the log does not have.
        let end = self.log_end_offset;
        if let Err(e) = &appended
            && let Err(left) = self.remove_snapshots(|at| at > end)
        {
            self.failed = Some(format!("{e}, and then {left}"));
        }
        appended
    }

    fn try_append(&mut self, append: &LogAppend, now_ms: i64, producers: &ProducerState) -> io::Result<Appended> {
        let header = &append.header;
        let bytes: usize = append.pieces.iter().map(bytes::Bytes::len).sum();
        assert_eq!(bytes, header.size(), "a batch is as long as its header says: {header:?}");
        assert!(
            header.base_offset >= self.log_end_offset,
            "offsets ascend: {header:?} on a log that ends at {}",
            self.log_end_offset
        );
        let rolled = self.should_roll(header, now_ms);
        if rolled {
            // Where the last batch ended, so that segments meet: one that does not begin where the one before ends
            // says after a power cut that something is missing between them.
            let too_far = self.too_far(self.active.next_offset, header);
            let base_offset = if too_far { header.base_offset } else { self.active.next_offset };
            self.roll(base_offset, now_ms, producers)?;
        }
        let interval_bytes = self.config.index_interval_bytes.max(0) as u64;
        let (segment, position) = (self.active_segment().base_offset, self.active_segment().size);
        let file = self.active_segment().files.log()?;
        if let Err(e) = file.write_vectored_at(&append.pieces, position) {
            // Bytes behind the end would be taken for a torn batch, or hide the end of a shorter one.
            if file.set_len(position).is_err() {
                self.failed = Some(e.to_string());
            }
            let path = self.active_segment().files.path("log");
            // Nor may a power cut bring them back: a sync may have come between the two.
            self.unsynced.push((path.clone(), file));
            return Err(context(e, "appending to", &path));
        }
        self.active_segment_mut().size += header.size() as u64;
        self.active.on_batch(position, header, interval_bytes);
        self.log_end_offset = header.next_offset();
        self.tail.push(segment, position, header, &append.pieces);
        Ok(Appended { rolled, log_end_offset: self.log_end_offset })
    }

    /// Upstream's `LogSegment.shouldRoll`.
    fn should_roll(&self, header: &BatchHeader, now_ms: i64) -> bool {
        let segment = self.active_segment();
        let segment_bytes = self.config.segment_bytes.max(0) as u64;
        let index_bytes = self.config.segment_index_bytes.max(0) as usize;
        let too_large = segment.size + header.size() as u64 > segment_bytes;
        // The active segment is never compacted, so it must not grow older than a record may wait for that.
        let by_lag = self.config.cleanup_compact && self.config.max_compaction_lag_ms > 0;
        let lag_ms = if by_lag { self.config.max_compaction_lag_ms } else { i64::MAX };
        let segment_ms = self.config.segment_ms.min(lag_ms);
        let (batch_ms, max_ms) = (header.max_timestamp, segment_ms.saturating_sub(self.jitter_ms()));
        let waited_ms = match self.active.first_timestamp {
            Some(first) if first >= 0 => batch_ms.saturating_sub(first),
            _ => now_ms.saturating_sub(self.active.created_ms),
        };
        let indexes_full = self.active.index.is_full(index_bytes / OFFSET_ENTRY_BYTES * OFFSET_ENTRY_BYTES, 1)
            || self.active.times.is_full(index_bytes / TIME_ENTRY_BYTES * TIME_ENTRY_BYTES, 2);
        let full = too_large || waited_ms > max_ms || indexes_full;
        (segment.size > 0 && full) || self.too_far(segment.base_offset, header)
    }

    /// Whether the batch's offsets cannot be told relative to this base.
    fn too_far(&self, base_offset: i64, header: &BatchHeader) -> bool {
        header.last_offset() - base_offset > i64::from(i32::MAX)
    }

    /// Spreads rolls of many partitions; the same for a partition at every start.
    fn jitter_ms(&self) -> i64 {
        let limit = self.config.segment_jitter_ms.min(self.config.segment_ms);
        if limit <= 0 {
            return 0;
        }
        let dir = self.dir();
        i64::from(base::checksum::crc32(dir.as_os_str().as_encoded_bytes())) % limit
    }

    /// Closes the active segment and begins one at `base_offset`, which is at or behind the end of its last batch. `producers` is
    /// saved as a snapshot unless one is there.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn roll(&mut self, base_offset: i64, now_ms: i64, producers: &ProducerState) -> io::Result<()> {
        self.usable()?;
        assert!(base_offset >= self.active.next_offset, "a segment begins at or behind the end of the one before");
        let old = self.active_segment();
        if old.base_offset == base_offset {
            return Ok(());
        }
        // Synced by the next flush even when every record is flushed already: retention believes the time index of a
        // closed segment, and one that a power cut left as zeros says 1970.
        self.write_indexes()?;
        self.write_snapshot(producers)?;
        let files = SegmentFiles::new(self.disk.clone(), self.dir.clone(), base_offset);
        files.create()?;
        self.active_segment().set_largest(self.active.largest);
        self.segments.insert(base_offset, Segment::new(files, 0));
        self.active = Active::new(base_offset, now_ms);
        self.names_changed = true;
        Ok(())
    }

    /// Ends the log at `offset` though its last batch ends before: what lay between was compacted away.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn skip_to(&mut self, offset: i64, now_ms: i64, producers: &ProducerState) -> io::Result<()> {
        if offset > self.log_end_offset {
            self.roll(offset, now_ms, producers)?;
            self.log_end_offset = offset;
        }
        Ok(())
    }

    /// Brings the active segment's index files up to date; the next flush syncs those that were not.
    fn write_indexes(&mut self) -> io::Result<()> {
        self.active.note_largest();
        let files = self.active_segment().files.clone();
        let (index, times) = (files.index()?, files.time_index()?);
        let path = files.path("index");
        if self.active.index.write(&*index).map_err(|e| context(e, "writing", &path))? {
            self.unsynced.push((path, index));
        }
        let path = files.path("timeindex");
        if self.active.times.write(&*times).map_err(|e| context(e, "writing", &path))? {
            self.unsynced.push((path, times));
        }
        Ok(())
    }

    /// Saves the producers, named by the offset up to which they count: behind the log's end when the caller has taken
    /// in a batch that is only now being appended. A log that holds nothing needs no snapshot.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn write_snapshot(&mut self, producers: &ProducerState) -> io::Result<()> {
        let offset = producers.end_offset().max(self.log_end_offset);
        let nothing = self.snapshots.is_empty() && offset == self.first_base_offset();
        if nothing || self.snapshots.contains(&offset) {
            return Ok(());
        }
        let path = self.dir.join(file_name(offset, "snapshot"));
        let content = producer_snapshot::encode(&producers.snapshot());
        let write = || -> io::Result<D::File> {
            let file = self.disk.open(&path, OpenMode::Create)?;
            file.set_len(0)?;
            file.write_at(&content, 0)?;
            Ok(file)
        };
        // Counted before it is whole, so that what a failed write leaves of it is removed with the batch.
        self.snapshots.insert(offset);
        self.names_changed = true;
        match write() {
            Ok(file) => {
                self.unsynced.push((path, Arc::new(file)));
                Ok(())
            }
            Err(e) => {
                let left = super::load::remove_if_there(&self.disk, &path);
                if left.is_ok() {
                    self.snapshots.remove(&offset);
                }
                Err(context(e, "writing", &path))
            }
        }
    }

    /// The syncs that make everything durable, the active segment included.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn flush(&mut self) -> io::Result<FlushJob<D>> {
        self.flush_below(self.log_end_offset)
    }

    /// The syncs that make the closed segments durable; due after a roll.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn flush_closed(&mut self) -> io::Result<FlushJob<D>> {
        self.flush_below(self.active_segment().base_offset.min(self.log_end_offset))
    }

    fn flush_below(&mut self, offset: i64) -> io::Result<FlushJob<D>> {
        self.usable()?;
        let mut files = std::mem::take(&mut self.unsynced);
        let active = self.active_segment().base_offset;
        if offset > self.recovery_point {
            let floor = self.segments.range(..=self.recovery_point).next_back().map_or(i64::MIN, |(base, _)| *base);
            for segment in self.segments.range(floor..offset).map(|(_, segment)| segment) {
                if segment.base_offset == active {
                    // Its indexes are made anew after an unclean stop, so they need no sync.
                    files.push((segment.files.path("log"), segment.files.log()?));
                } else {
                    files.extend(segment.files.all()?);
                }
                if self.aborted.contains_key(&segment.base_offset) {
                    let path = segment.files.path("txnindex");
                    let file = self.disk.open(&path, OpenMode::Write).map_err(|e| context(e, "opening", &path))?;
                    files.push((path, Arc::new(file)));
                }
            }
        }
        let dir = std::mem::take(&mut self.names_changed).then(|| (self.disk.clone(), self.dir()));
        Ok(FlushJob { files, dir, offset, generation: self.generation })
    }

    /// Takes the result of a flush; moves the recovery point.
    pub fn flush_done(&mut self, done: FlushDone) {
        if done.generation == self.generation {
            self.recovery_point = self.recovery_point.max(done.offset);
        }
    }

    /// Prepares a clean stop: indexes written out, producers saved at the end. Once the returned job has run, the log
    /// opens without a scan. Nothing may be appended afterwards.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn close(&mut self, producers: &ProducerState) -> io::Result<FlushJob<D>> {
        self.usable()?;
        self.write_indexes()?;
        self.write_snapshot(producers)?;
        let job = self.flush_below(self.log_end_offset)?;
        self.failed = Some("it was shut down".into());
        Ok(job)
    }

    /// Replaces `leader-epoch-checkpoint`, durably; due before serving with a new epoch and after truncating.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn write_leader_epochs(&self, entries: &[EpochEntry]) -> io::Result<()> {
        let path = self.dir.join(LEADER_EPOCH);
        let text = epochs_text(entries);
        self.disk.replace_atomically(&path, text.as_bytes()).map_err(|e| context(e, "writing", &path))
    }

    /// Enters an aborted transaction whose marker was just appended.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn append_aborted(&mut self, txn: AbortedTxn) -> io::Result<()> {
        self.usable()?;
        let segment = self.active_segment();
        let (base, path) = (segment.base_offset, segment.files.path("txnindex"));
        txn_index::append(&self.disk, &path, &txn)?;
        let entries = self.aborted.entry(base).or_default();
        self.names_changed |= entries.is_empty();
        entries.push(txn);
        Ok(())
    }

    /// The aborted transactions that a reader of `fetch_offset..upper_bound` has to skip.
    pub fn aborted_txns(&self, fetch_offset: i64, upper_bound: i64) -> Vec<AbortedTxn> {
        let floor = self.segments.range(..=fetch_offset).next_back().map_or(i64::MIN, |(base, _)| *base);
        let mut found = Vec::new();
        for txn in self.aborted.range(floor..).flat_map(|(_, entries)| entries) {
            if txn.last_offset >= fetch_offset && txn.first_offset < upper_bound {
                found.push(*txn);
            }
            if txn.last_stable_offset >= upper_bound {
                break;
            }
        }
        found
    }

    /// What retention needs to know, oldest segment first.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn summaries(&self) -> io::Result<Vec<SegmentSummary>> {
        let active = self.active_segment().base_offset;
        let mut summaries = Vec::with_capacity(self.segments.len());
        for segment in self.segments.values() {
            let known = if segment.base_offset == active { self.active.largest } else { segment.largest()? };
            let largest_timestamp = match known.timestamp {
                0.. => known.timestamp,
                // No record has a timestamp: the file's own counts. A disk without such times never expires.
                _ => self.disk.modified_ms(&segment.files.path("log"))?.unwrap_or(i64::MAX),
            };
            let (base_offset, size_bytes) = (segment.base_offset, segment.size);
            summaries.push(SegmentSummary { base_offset, size_bytes, largest_timestamp });
        }
        Ok(summaries)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header of `count` records at `base_offset`, without records.
    pub(in super::super) fn header(base_offset: i64, count: i32, timestamp: i64) -> BatchHeader {
        BatchHeader {
            base_offset,
            batch_length: 49,
            leader_epoch: 0,
            crc: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: timestamp,
            max_timestamp: timestamp,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count: count,
        }
    }
}
