//! Compaction of one log (upstream: `Cleaner`): of records with the same key the last one stays.
//!
//! A [`Cleaner`] works in steps, away from the log's thread, on segments that are closed and synced; meanwhile the log
//! goes on with the old files, which it has open. First it reads the dirty part and notes where each key stands last,
//! then it copies what stays, neighbours together, and puts each copy in the place of its sources:
//!
//! 1. `.cleaned` files are written and synced, with their names;
//! 2. they are renamed to `.swap`, the log first: from here on a crash is finished by the next opening;
//! 3. the sources are renamed to `.deleted`, the copy gets its name.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::log::clean_plan::{self, Source};
use broker::log::offset_map::OffsetMap;
use broker::log::{BatchHeader, LogConfig};
use kafka_wire::records::control::EndTxnMarker;
use kafka_wire::records::filter::{self, Kept};
use kafka_wire::records::{Batch, RecordError};

use super::index::TimestampOffset;
use super::log::{Log, RemoveJob};
use super::names::{CLEANED, DELETED, SWAP, file_name};
use super::scan::{Scanner, Step};
use super::segment::{Active, Segment, SegmentFiles};
use super::txn_index::{self, AbortedTxn};
use super::{context, damaged};
use crate::disk::{Disk, DiskFile, OpenMode};

/// A batch may decompress to this much.
const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;
/// Output is written in pieces of this size.
const WRITE_BYTES: usize = 1 << 20;
/// The files of a segment; the log comes first in every renaming, since recovery goes by it.
const SUFFIXES: [&str; 4] = ["log", "index", "timeindex", "txnindex"];

/// What to clean.
#[derive(Clone, Debug)]
pub struct CleanOrder {
    /// See [`clean_plan::Cleanable`].
    pub first_dirty_offset: i64,
    /// See [`clean_plan::Cleanable`].
    pub first_uncleanable_offset: i64,
    /// Memory for keys (`log.cleaner.dedupe.buffer.size`, its share).
    pub map_bytes_max: u64,
    /// `log.cleaner.io.buffer.load.factor`.
    pub load_factor: f64,
    /// Wall clock, milliseconds.
    pub now_ms: i64,
    /// The batches that producers wrote last, which keep their headers: (offset of the last record, if any; epoch).
    pub producers: BTreeMap<i64, (Option<i64>, i16)>,
}

/// A cleaning under way.
pub struct Cleaner<D: Disk> {
    disk: D,
    dir: Arc<Path>,
    config: Arc<LogConfig>,
    order: CleanOrder,
    sources: Vec<Input<D>>,
    map: OffsetMap,
    /// Last offset that the map knows of.
    latest: i64,
    /// Where the last data batch of each producer ends in the dirty part.
    last_in_dirty: BTreeMap<i64, i64>,
    txns: Txns,
    phase: Phase<D>,
    replaced: Vec<Replaced>,
    removed: Vec<PathBuf>,
    /// Names are half changed.
    swapping: bool,
    /// See [`Cleaner::forgetting`].
    forgets: bool,
}

/// A segment to be cleaned.
struct Input<D: Disk> {
    base_offset: i64,
    end_offset: i64,
    size: u64,
    files: Arc<SegmentFiles<D>>,
}

enum Phase<D: Disk> {
    /// The keys are read, from this place on.
    Map {
        source: usize,
        position: u64,
    },
    /// The groups are copied.
    Copy {
        groups: Vec<Range<usize>>,
        group: usize,
        source: usize,
        position: u64,
        output: Option<Box<Output<D>>>,
    },
    Done,
}

/// A copy that is being written.
struct Output<D: Disk> {
    base_offset: i64,
    file: D::File,
    path: PathBuf,
    pending: Vec<u8>,
    written: u64,
    /// Makes its indexes.
    active: Active,
    aborted: Vec<AbortedTxn>,
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were read and written.
    pub bytes: u64,
    /// Whether nothing is left to do.
    pub done: bool,
}

/// Segments that one copy replaced.
#[derive(Clone, Debug)]
struct Replaced {
    sources: Vec<i64>,
    size: u64,
    largest: TimestampOffset,
    aborted: Vec<AbortedTxn>,
}

/// A cleaning that is done, for [`Log::apply_cleaned`].
pub struct Cleaned {
    /// Where the next cleaning begins: for `cleaner-offset-checkpoint`.
    pub end_offset: i64,
    /// Bytes of the segments before.
    pub bytes_before: u64,
    /// Bytes of what replaced them.
    pub bytes_after: u64,
    replaced: Vec<Replaced>,
    removed: Vec<PathBuf>,
}

/// What the pass has seen of transactions.
struct Txns {
    aborted: Vec<AbortedTxn>,
    /// Aborted ones, by producer and first offset, of which batches are still there.
    seen_aborted: BTreeSet<(i64, i64)>,
    /// Producers with batches of a transaction whose commit has not been read.
    seen: BTreeSet<i64>,
}

impl Txns {
    /// Whether a batch belongs to an aborted transaction.
    fn is_aborted(&self, header: &BatchHeader) -> Option<&AbortedTxn> {
        let holds = |txn: &&AbortedTxn| {
            txn.producer_id == header.producer_id && (txn.first_offset..=txn.last_offset).contains(&header.base_offset)
        };
        header.is_transactional().then(|| self.aborted.iter().find(holds))?
    }

    /// A data batch was read. True when it goes with its transaction.
    fn on_batch(&mut self, header: &BatchHeader) -> bool {
        if !header.is_transactional() {
            return false;
        }
        if let Some(txn) = self.is_aborted(header).copied() {
            self.seen_aborted.insert((txn.producer_id, txn.first_offset));
            return true;
        }
        self.seen.insert(header.producer_id);
        false
    }

    /// A marker was read. True when nothing of its transaction is left; else the aborted transaction is still to be
    /// entered in the index.
    fn on_marker(&mut self, header: &BatchHeader, marker: EndTxnMarker) -> (bool, Option<AbortedTxn>) {
        if marker.committed {
            return (!self.seen.remove(&header.producer_id), None);
        }
        let holds = |txn: &&AbortedTxn| txn.producer_id == header.producer_id && txn.last_offset == header.base_offset;
        match self.aborted.iter().find(holds) {
            Some(txn) if self.seen_aborted.contains(&(txn.producer_id, txn.first_offset)) => (false, Some(*txn)),
            _ => (true, None),
        }
    }
}

impl<D: Disk> Log<D> {
    /// Begins a cleaning of the segments that closed below `first_uncleanable_offset`. No segment may be deleted until it
    /// is applied or given up.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn begin_cleaning(&self, order: CleanOrder) -> io::Result<Cleaner<D>> {
        self.usable()?;
        let active = self.active_segment().base_offset;
        let mut sources = Vec::new();
        for (base, segment) in self.segments.range(..order.first_uncleanable_offset.min(active)) {
            // Opened now: the log reads on in the old files when their names are gone.
            segment.files.all()?;
            let end_offset = self.segments.range(base + 1..).next().map_or(active, |(next, _)| *next);
            let (size, files) = (segment.size, segment.files.clone());
            sources.push(Input { base_offset: *base, end_offset, size, files });
        }
        let aborted = self.aborted.values().flatten().copied().collect();
        let map = OffsetMap::new(order.map_bytes_max, order.load_factor);
        let first = sources.iter().position(|source| source.end_offset > order.first_dirty_offset);
        Ok(Cleaner {
            disk: self.disk.clone(),
            dir: self.dir(),
            config: self.config.clone(),
            phase: Phase::Map { source: first.unwrap_or(sources.len()), position: 0 },
            sources,
            map,
            latest: -1,
            last_in_dirty: BTreeMap::new(),
            txns: Txns { aborted, seen_aborted: BTreeSet::new(), seen: BTreeSet::new() },
            replaced: Vec::new(),
            removed: Vec::new(),
            swapping: false,
            forgets: false,
            order,
        })
    }

    /// Takes the copies in the place of their sources. The job removes the sources.
    pub fn apply_cleaned(&mut self, cleaned: Cleaned) -> RemoveJob<D> {
        let mut first_kept = i64::MIN;
        for replaced in cleaned.replaced {
            let base = replaced.sources[0];
            for source in &replaced.sources {
                self.segments.remove(source);
                self.aborted.remove(source);
            }
            let files = SegmentFiles::new(self.disk.clone(), self.dir.clone(), base);
            let segment = Segment::new(files, replaced.size);
            segment.set_largest(replaced.largest);
            self.segments.insert(base, segment);
            if !replaced.aborted.is_empty() {
                self.aborted.insert(base, replaced.aborted);
            }
            first_kept = self.segments.range(base + 1..).next().map_or(i64::MAX, |(next, _)| *next);
        }
        self.tail.forget_segments_below(first_kept);
        RemoveJob { disk: self.disk.clone(), files: cleaned.removed, folder: None }
    }

    /// Timestamp of the first batch of the closed segments from `offset` on that has one; milliseconds.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn oldest_timestamp_from(&self, offset: i64) -> io::Result<Option<i64>> {
        let active = self.active_segment().base_offset;
        let mut oldest: Option<i64> = None;
        for segment in self.segments.range(..active).map(|(_, segment)| segment) {
            let end = self.segments.range(segment.base_offset + 1..).next().map_or(active, |(next, _)| *next);
            if end <= offset || segment.size == 0 {
                continue;
            }
            let file = segment.files.log()?;
            if let Step::Batch { header, .. } = Scanner::near(&*file, 0, segment.size).next()?
                && header.max_timestamp > 0
            {
                oldest = Some(oldest.map_or(header.max_timestamp, |known| known.min(header.max_timestamp)));
            }
        }
        Ok(oldest)
    }
}

impl<D: Disk> Cleaner<D> {
    /// A bug on purpose: the last record of each batch counts as superseded.
    pub fn forgetting(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// Works until about `bytes_max` bytes were read.
    ///
    /// # Errors
    /// As the disk reports them; `InvalidData` for a log that cannot be cleaned, naming file and place: it is as it was,
    /// and so is what earlier steps have replaced, which the next opening finds in order.
    pub fn step(&mut self, bytes_max: u64) -> io::Result<Progress> {
        let mut bytes = 0;
        while bytes < bytes_max {
            match std::mem::replace(&mut self.phase, Phase::Done) {
                Phase::Map { source, position } => {
                    let (phase, read) = self.read_keys(source, position, bytes_max - bytes)?;
                    (self.phase, bytes) = (phase, bytes + read);
                }
                Phase::Copy { groups, group, source, position, output } => {
                    if group == groups.len() {
                        break;
                    }
                    let (phase, moved) = self.copy(groups, group, source, position, output, bytes_max - bytes)?;
                    (self.phase, bytes) = (phase, bytes + moved);
                }
                Phase::Done => break,
            }
        }
        Ok(Progress { bytes, done: matches!(self.phase, Phase::Done) })
    }

    /// Whether the log is served on after this error of a step, with [`Cleaner::abandon`]: it cannot be compacted, or
    /// there is no room to. Every other error is the log folder's.
    pub fn is_harmless(&self, e: &io::Error) -> bool {
        !self.swapping && matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::StorageFull)
    }

    /// What was done. Call it when a step said so.
    pub fn finish(self) -> Cleaned {
        let bytes_of = |base: &i64| self.sources.iter().find(|s| s.base_offset == *base).map_or(0, |s| s.size);
        let sources = self.replaced.iter().flat_map(|replaced| &replaced.sources);
        Cleaned {
            end_offset: self.end_offset(),
            bytes_before: sources.map(bytes_of).sum(),
            bytes_after: self.replaced.iter().map(|replaced| replaced.size).sum(),
            replaced: self.replaced,
            removed: self.removed,
        }
    }

    /// Removes what an interrupted step left unfinished, such as after a full disk. Of groups that were replaced already
    /// the log takes notice with [`Log::apply_cleaned`].
    pub fn abandon(mut self) -> Cleaned {
        let bases = self.sources.iter().map(|source| source.base_offset);
        let unfinished = |base: &i64| self.disk.exists(&self.cleaned_path(*base, "log")).unwrap_or(false);
        if let Some(base) = bases.into_iter().find(unfinished) {
            for suffix in SUFFIXES {
                // What cannot be removed is removed by the next opening.
                let _ = self.disk.remove_file(&self.cleaned_path(base, suffix));
            }
        }
        // Nothing is clean that was not before.
        self.latest = self.order.first_dirty_offset - 1;
        self.finish()
    }

    fn cleaned_path(&self, base: i64, suffix: &str) -> PathBuf {
        self.dir.join(format!("{}{CLEANED}", file_name(base, suffix)))
    }

    fn end_offset(&self) -> i64 {
        self.latest + 1
    }

    fn corrupt(&self, source: usize, position: u64, why: impl std::fmt::Display) -> io::Error {
        let path = self.sources[source].files.path("log");
        damaged(&path, format!("cannot be compacted: at byte {position}: {why}"))
    }

    /// Enters keys into the map. Ends with the dirty part, or when the map is full: the rest is the next cleaning's.
    fn read_keys(&mut self, source: usize, position: u64, bytes_max: u64) -> io::Result<(Phase<D>, u64)> {
        let end = self.order.first_uncleanable_offset;
        let Some(input) = self.sources.get(source) else {
            self.latest = end - 1;
            return Ok((self.begin_copying()?, 0));
        };
        let file = input.files.log()?;
        let mut scanner = Scanner::whole(&*file, position, input.size);
        let mut bytes = 0;
        while bytes < bytes_max {
            let (position, header) = match scanner.next_checked()? {
                Step::Batch { header, .. } if header.base_offset >= end => {
                    self.latest = end - 1;
                    return Ok((self.begin_copying()?, bytes));
                }
                Step::Batch { position, header } => (position, header),
                Step::End => return Ok((Phase::Map { source: source + 1, position: 0 }, bytes)),
                Step::Bad { position, reason } => return Err(self.corrupt(source, position, reason)),
            };
            bytes += header.size() as u64;
            let dirty = header.last_offset() >= self.order.first_dirty_offset;
            if dirty && !header.is_control() && self.txns.is_aborted(&header).is_none() {
                let batch = scanner.batch(position, &header)?;
                match self.enter(&batch) {
                    Ok(true) => {}
                    Ok(false) if self.latest < self.order.first_dirty_offset => {
                        let why = "one batch has more keys than log.cleaner.dedupe.buffer.size holds";
                        return Err(self.corrupt(source, position, why));
                    }
                    Ok(false) => return Ok((self.begin_copying()?, bytes)),
                    Err(e) => return Err(self.corrupt(source, position, e)),
                }
            }
            if dirty {
                self.latest = header.last_offset();
                if header.has_producer_id() && !header.is_control() {
                    self.last_in_dirty.insert(header.producer_id, header.last_offset());
                }
            }
        }
        Ok((Phase::Map { source, position: scanner.position() }, bytes))
    }

    /// False when the map is full.
    fn enter(&mut self, batch: &bytes::Bytes) -> Result<bool, RecordError> {
        for record in Batch::parse(batch)?.records(DECOMPRESSED_BYTES_MAX)? {
            let record = record?;
            let Some(key) = &record.key else { continue };
            if record.offset >= self.order.first_dirty_offset && !self.map.put(key, record.offset) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn begin_copying(&mut self) -> io::Result<Phase<D>> {
        let end = self.end_offset();
        self.sources.retain(|source| source.base_offset < end);
        let mut summaries = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let index_bytes = source.files.index()?.len()?.max(source.files.time_index()?.len()?);
            let (base_offset, end_offset) = (source.base_offset, source.end_offset);
            summaries.push(Source { base_offset, end_offset, size_bytes: source.size, index_bytes });
        }
        let groups = clean_plan::group(&summaries, &self.config);
        Ok(Phase::Copy { groups, group: 0, source: 0, position: 0, output: None })
    }

    fn copy(
        &mut self,
        groups: Vec<Range<usize>>,
        group: usize,
        source: usize,
        position: u64,
        output: Option<Box<Output<D>>>,
        bytes_max: u64,
    ) -> io::Result<(Phase<D>, u64)> {
        let mut output = match output {
            Some(output) => output,
            None => Box::new(self.begin_output(self.sources[source].base_offset)?),
        };
        let (files, size) = (self.sources[source].files.clone(), self.sources[source].size);
        let file = files.log()?;
        let mut scanner = Scanner::whole(&*file, position, size);
        let mut bytes = 0;
        while bytes < bytes_max {
            let (position, header) = match scanner.next_checked()? {
                Step::Batch { position, header } => (position, header),
                Step::Bad { position, reason } => return Err(self.corrupt(source, position, reason)),
                Step::End if source + 1 < groups[group].end => {
                    let (source, position, output) = (source + 1, 0, Some(output));
                    return Ok((Phase::Copy { groups, group, source, position, output }, bytes));
                }
                Step::End => {
                    bytes += output.written + output.pending.len() as u64;
                    self.replace(groups[group].clone(), *output)?;
                    let (group, source) = (group + 1, groups[group].end);
                    return Ok((Phase::Copy { groups, group, source, position: 0, output: None }, bytes));
                }
            };
            bytes += header.size() as u64;
            let whole = scanner.batch(position, &header)?;
            let kept = self.keep(&whole, &header, &mut output).map_err(|e| self.corrupt(source, position, e))?;
            if let Some(kept) = kept {
                let header = BatchHeader::parse(&kept).map_err(|e| self.corrupt(source, position, e))?;
                output.push(&kept, &header, self.config.index_interval_bytes.max(0) as u64)?;
            }
        }
        let (position, output) = (scanner.position(), Some(output));
        Ok((Phase::Copy { groups, group, source, position, output }, bytes))
    }

    /// What stays of a batch (`Cleaner.cleanInto`).
    fn keep(
        &mut self,
        bytes: &bytes::Bytes,
        header: &BatchHeader,
        output: &mut Output<D>,
    ) -> Result<Option<bytes::Bytes>, RecordError> {
        let batch = Batch::parse(bytes)?;
        let now_ms = self.order.now_ms;
        let horizon_passed = header.has_delete_horizon() && header.base_timestamp <= now_ms;
        let mut ends_txn = false;
        let gone = if !header.is_control() {
            self.txns.on_batch(header)
        } else if header.record_count > 0
            && let Some(marker) = EndTxnMarker::from_batch(&batch)?
        {
            let (alone, aborted) = self.txns.on_marker(header, marker);
            output.aborted.extend(aborted);
            ends_txn = alone;
            alone && horizon_passed
        } else {
            false
        };
        let retain = |record: &kafka_wire::records::Record| {
            if gone || header.is_control() || record.offset > self.latest {
                return !gone;
            }
            let Some(key) = &record.key else { return false };
            let is_last = self.map.get(key).is_none_or(|last| record.offset >= last);
            let forgotten = self.forgets && record.offset == header.last_offset();
            is_last && !forgotten && (record.value.is_some() || !horizon_passed)
        };
        let horizon_ms = now_ms.saturating_add(self.config.delete_retention_ms);
        Ok(match filter::filter(&batch, DECOMPRESSED_BYTES_MAX, horizon_ms, ends_txn, retain)? {
            Kept::Whole => Some(bytes.clone()),
            Kept::Rebuilt(rebuilt) => Some(rebuilt),
            Kept::Nothing => self.is_last_of_producer(header).then(|| filter::emptied(&batch.header)),
        })
    }

    /// Whether the state of a producer that may go on hangs on this batch.
    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        let known = self.order.producers.get(&header.producer_id).filter(|_| header.has_producer_id());
        let Some((last_offset, epoch)) = known else { return false };
        match (self.last_in_dirty.get(&header.producer_id), last_offset) {
            (Some(last), _) => header.last_offset() == *last,
            (None, Some(last)) if *last < self.end_offset() => header.last_offset() == *last,
            // What it wrote since is not compacted, and may be lost in a crash; which of its older batches is the last
            // one is not known.
            (None, Some(_)) => true,
            (None, None) => header.is_control() && header.producer_epoch == *epoch,
        }
    }

    fn begin_output(&self, base_offset: i64) -> io::Result<Output<D>> {
        let path = self.cleaned_path(base_offset, "log");
        let open = || -> io::Result<D::File> {
            let file = self.disk.open(&path, OpenMode::Create)?;
            file.set_len(0)?;
            Ok(file)
        };
        let file = open().map_err(|e| context(e, "making", &path))?;
        let active = Active::new(base_offset, self.order.now_ms);
        Ok(Output { base_offset, file, path, pending: Vec::new(), written: 0, active, aborted: Vec::new() })
    }

    /// Puts a finished copy in the place of its sources; see the module.
    fn replace(&mut self, group: Range<usize>, mut output: Output<D>) -> io::Result<()> {
        output.flush()?;
        output.active.note_largest();
        output.file.sync_data().map_err(|e| context(e, "syncing", &output.path))?;
        let base = output.base_offset;
        let open = |suffix: &str| -> io::Result<D::File> {
            let path = self.cleaned_path(base, suffix);
            let file = self.disk.open(&path, OpenMode::Create).map_err(|e| context(e, "making", &path))?;
            file.set_len(0)?;
            Ok(file)
        };
        let (index, times) = (open("index")?, open("timeindex")?);
        output.active.index.write(&index)?;
        output.active.times.write(&times)?;
        index.sync_data()?;
        times.sync_data()?;
        let path = self.cleaned_path(base, "txnindex");
        txn_index::rewrite(&self.disk, &path, &output.aborted)?;
        if !output.aborted.is_empty() {
            let file = self.disk.open(&path, OpenMode::Write).map_err(|e| context(e, "opening", &path))?;
            file.sync_data().map_err(|e| context(e, "syncing", &path))?;
        }
        self.sync_dir()?;
        self.swapping = true;
        for suffix in SUFFIXES {
            self.rename(
                &format!("{}{CLEANED}", file_name(base, suffix)),
                &format!("{}{SWAP}", file_name(base, suffix)),
            )?;
        }
        self.sync_dir()?;
        let sources: Vec<i64> = self.sources[group].iter().map(|source| source.base_offset).collect();
        for source in &sources {
            for suffix in SUFFIXES {
                let name = file_name(*source, suffix);
                let deleted = format!("{name}{DELETED}");
                if self.rename(&name, &deleted)? {
                    self.removed.push(self.dir.join(deleted));
                }
            }
        }
        for suffix in SUFFIXES {
            self.rename(&format!("{}{SWAP}", file_name(base, suffix)), &file_name(base, suffix))?;
        }
        self.sync_dir()?;
        self.swapping = false;
        let (size, largest) = (output.written, output.active.largest);
        self.replaced.push(Replaced { sources, size, largest, aborted: output.aborted });
        Ok(())
    }

    /// False when there is no such file, which the index of aborted transactions may be.
    fn rename(&self, from: &str, to: &str) -> io::Result<bool> {
        let (from, to) = (self.dir.join(from), self.dir.join(to));
        match self.disk.rename(&from, &to) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.disk.exists(&self.dir)? => Ok(false),
            Err(e) => Err(context(e, "renaming", &from)),
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir(&self.dir).map_err(|e| context(e, "syncing the folder", &self.dir))
    }
}

impl<D: Disk> Output<D> {
    fn push(&mut self, bytes: &[u8], header: &BatchHeader, interval_bytes: u64) -> io::Result<()> {
        self.active.on_batch(self.written + self.pending.len() as u64, header, interval_bytes);
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.pending, self.written).map_err(|e| context(e, "writing", &self.path))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}
