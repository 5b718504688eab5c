//! Opening a log (upstream: `LogLoader`, `LogSegment.recover`).
//!
//! After a clean stop only the end of the active segment is read. After an unclean one every segment from the recovery
//! point on is read whole and every CRC checked: pages of it may have reached the disk in any order or not at all. The
//! first batch that is not whole and right ends the log; what lies behind it is cut off.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::log::{BatchHeader, LeaderEpochCache, LogConfig, ProducerState};

use super::checkpoint::{LEADER_EPOCH, read_epochs};
use super::index::{MemoryIndex, TimestampOffset};
use super::log::Log;
use super::names::{CLEANED, DELETED, SWAP, file_name, parse_file_name};
use super::scan::{Scanner, Step};
use super::segment::{Active, Folder, Segment, SegmentFiles, time_entry_at};
use super::txn_index;
use super::{context, producers};
use crate::disk::{Disk, DiskFile, OpenMode};

/// What opening a log needs to know.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The topic's configuration.
    pub config: Arc<LogConfig>,
    /// Whether the log folder was stopped cleanly.
    pub clean: bool,
    /// From the checkpoint; 0 when it has none.
    pub recovery_point: i64,
    /// From the checkpoint; 0 when it has none.
    pub log_start_offset: i64,
    /// Wall clock, milliseconds.
    pub now_ms: i64,
    /// `producer.id.expiration.ms`.
    pub producer_expiration_ms: i64,
}

/// What was found in a log.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// First offset.
    pub log_start_offset: i64,
    /// One past the last offset.
    pub log_end_offset: i64,
    /// Leader epochs, cut to the two offsets above.
    pub epochs: LeaderEpochCache,
    /// Whether they differ from their file.
    pub epochs_changed: bool,
    /// Producers.
    pub producers: ProducerState,
    /// Segments that were read whole.
    pub segments_scanned: usize,
    /// What had to be cut off or rebuilt, for the server's log.
    pub warnings: Vec<String>,
}

/// After an unclean stop, the end of the segment before when this one does not begin there: the older one's last pages
/// or length were lost and the younger one's were not. Compaction leaves such gaps, too, so there they say nothing; and
/// what is known to be flushed is never given up.
fn gap_before(base: i64, before: Option<&Resumed>, options: &OpenOptions) -> Option<i64> {
    let end = before?.next_offset;
    let unflushed = !options.clean && base > options.recovery_point;
    (unflushed && !options.config.cleanup_compact && end != base).then_some(end)
}

/// The active segment's memory, made from its files.
pub(super) struct Resumed {
    pub active: Active,
    pub next_offset: i64,
}

impl<D: Disk> Log<D> {
    /// Makes the log of a new partition in `dir`, which must exist and be empty of segments.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn create(disk: &D, dir: &Path, config: Arc<LogConfig>, start_offset: i64, now_ms: i64) -> io::Result<Self> {
        let folder = Folder::new(dir);
        let files = SegmentFiles::new(disk.clone(), folder.clone(), start_offset);
        files.create()?;
        // Where a log starts is the name of its first segment: losing that one and keeping the next would lose what was
        // in between without a trace.
        disk.sync_dir(dir).map_err(|e| context(e, "syncing the folder", dir))?;
        let segments = BTreeMap::from([(start_offset, Segment::new(files, 0))]);
        let active = Active::new(start_offset, now_ms);
        let mut log = Self::from_segments(disk.clone(), folder, config, segments, active, start_offset);
        log.recovery_point = start_offset;
        log.names_changed = true;
        Ok(log)
    }

    /// Opens the log in `dir`, recovering what an unclean stop left.
    ///
    /// # Errors
    /// As the disk reports them; `InvalidData` names the file, the place and what to do.
    pub fn open(disk: &D, dir: &Path, options: &OpenOptions) -> io::Result<(Self, Recovered)> {
        Loader {
            disk: disk.clone(),
            dir: dir.into(),
            folder: Folder::new(dir),
            options,
            warnings: Vec::new(),
            scanned: 0,
        }
        .run()
    }
}

/// The segments opened so far.
struct Opened<D: Disk> {
    segments: BTreeMap<i64, Segment<D>>,
    /// Of the one opened last, when its memory is known.
    last: Option<Resumed>,
    /// Base of the first one that was read whole.
    first_scanned: Option<i64>,
    /// Files that the next flush has to sync, even when nothing is appended. Indexes may have been made anew; a log may
    /// have been cut, in this process or in one before that was killed and did not sync the cut. Nobody looks again at
    /// what lies below the recovery point, so a power cut must not bring back there what was cut off.
    unsynced: Vec<(PathBuf, Arc<D::File>)>,
}

struct Loader<'a, D: Disk> {
    disk: D,
    dir: Arc<Path>,
    folder: Arc<Folder>,
    options: &'a OpenOptions,
    warnings: Vec<String>,
    scanned: usize,
}

/// The file names of a partition folder that matter, after leftovers are gone.
#[derive(Default)]
struct Names {
    logs: Vec<i64>,
    indexes: Vec<i64>,
    time_indexes: Vec<i64>,
    txn_indexes: Vec<i64>,
}

impl<D: Disk> Loader<'_, D> {
    fn run(mut self) -> io::Result<(Log<D>, Recovered)> {
        let names = self.names()?;
        let mut epochs = self.epochs()?;
        let before = epochs.clone();
        let (mut log, first_scanned) = self.segments(&names, &mut epochs)?;
        let o = self.options;
        // A clean stop has synced everything.
        let all_synced = o.clean && first_scanned.is_none();
        log.recovery_point = if all_synced { log.log_end_offset } else { o.recovery_point.min(log.log_end_offset) };
        if log.log_end_offset < o.log_start_offset {
            self.warn(format!("ends at {} below its start {}: begun anew", log.log_end_offset, o.log_start_offset));
            log.truncate_fully_and_start_at(o.log_start_offset, o.now_ms)?;
            epochs.clear();
        }
        let log_start_offset = o.log_start_offset.max(log.first_base_offset());
        epochs.truncate_from_end(log.log_end_offset);
        epochs.truncate_from_start(log_start_offset);
        for base in &names.txn_indexes {
            if log.segments.contains_key(base) {
                self.load_aborted(&mut log, *base, first_scanned)?;
            }
        }
        let at = (log_start_offset, o.now_ms, o.producer_expiration_ms);
        let producers = match first_scanned {
            Some(base) => producers::rebuild(&mut log, at, base, &mut self.warnings)?,
            None => producers::load(&mut log, at, o.clean, &mut self.warnings)?,
        };
        let recovered = Recovered {
            log_start_offset,
            log_end_offset: log.log_end_offset,
            epochs_changed: epochs != before,
            epochs,
            producers,
            segments_scanned: self.scanned,
            warnings: self.warnings,
        };
        Ok((log, recovered))
    }

    fn warn(&mut self, what: String) {
        self.warnings.push(format!("{}: {what}", self.dir.display()));
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list(&self.dir).map_err(|e| context(e, "listing the partition folder", &self.dir))
    }

    /// Removes leftovers of deletions and unfinished cleanings, finishes finished ones, and sorts the rest.
    fn names(&mut self) -> io::Result<Names> {
        let mut swaps = Vec::new();
        let mut listed = self.list()?;
        for name in &listed {
            if name.ends_with(DELETED) || name.ends_with(CLEANED) {
                remove_if_there(&self.disk, &self.dir.join(name))?;
            } else if name.ends_with(SWAP) {
                swaps.push(name.clone());
            }
        }
        listed.retain(|name| !name.ends_with(DELETED) && !name.ends_with(CLEANED));
        if !swaps.is_empty() {
            self.finish_swaps(&swaps, &listed)?;
            listed = self.list()?;
        }
        let mut names = Names::default();
        for (base, suffix) in listed.iter().filter_map(|name| parse_file_name(name)) {
            match suffix {
                "log" => names.logs.push(base),
                "index" => names.indexes.push(base),
                "timeindex" => names.time_indexes.push(base),
                "txnindex" => names.txn_indexes.push(base),
                _ => {}
            }
        }
        let orphans = [(&names.indexes, "index"), (&names.time_indexes, "timeindex"), (&names.txn_indexes, "txnindex")];
        for (bases, suffix) in orphans {
            for base in bases.iter().filter(|base| !names.logs.contains(base)) {
                remove_if_there(&self.disk, &self.dir.join(file_name(*base, suffix)))?;
            }
        }
        Ok(names)
    }

    /// A `.swap` set is a cleaner's whole output: the segments in its range are its sources and go.
    fn finish_swaps(&mut self, swaps: &[String], listed: &[String]) -> io::Result<()> {
        let mut range: Option<(i64, i64)> = None;
        for name in swaps {
            let Some((base, "log.swap")) = parse_file_name(name) else { continue };
            let path = self.dir.join(name);
            let file = self.disk.open(&path, OpenMode::Read).map_err(|e| context(e, "opening", &path))?;
            let mut scanner = Scanner::whole(&file, 0, file.len()?);
            let mut next = base;
            while let Step::Batch { header, .. } = scanner.next()? {
                next = header.next_offset();
            }
            let (low, high) = range.unwrap_or((base, next));
            range = Some((low.min(base), high.max(next)));
        }
        let (low, high) = range.unwrap_or((0, 0));
        for name in listed.iter().filter(|name| !name.ends_with(SWAP)) {
            if parse_file_name(name).is_some_and(|(base, _)| (low..high).contains(&base)) {
                remove_if_there(&self.disk, &self.dir.join(name))?;
            }
        }
        for name in swaps {
            let (from, to) = (self.dir.join(name), self.dir.join(name.trim_end_matches(SWAP)));
            self.disk.rename(&from, &to).map_err(|e| context(e, "renaming", &from))?;
        }
        self.warn(format!("finished a cleaning that was cut off, offsets {low} to {high}"));
        Ok(())
    }

    fn epochs(&mut self) -> io::Result<LeaderEpochCache> {
        match read_epochs(&self.disk, &self.dir.join(LEADER_EPOCH)) {
            Ok(entries) => Ok(LeaderEpochCache::from_entries(entries)),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                self.warn(format!("leader epochs are begun anew: {e}"));
                Ok(LeaderEpochCache::new())
            }
            Err(e) => Err(e),
        }
    }

    /// Opens the segments, scanning those that need it. Returns the base of the first one scanned.
    fn segments(&mut self, names: &Names, epochs: &mut LeaderEpochCache) -> io::Result<(Log<D>, Option<i64>)> {
        let o = self.options;
        let mut bases = names.logs.clone();
        bases.sort_unstable();
        if bases.is_empty() {
            return Ok((Log::create(&self.disk, &self.dir, o.config.clone(), o.log_start_offset, o.now_ms)?, None));
        }
        let recovery_floor = bases.iter().rfind(|base| **base <= o.recovery_point).copied().unwrap_or(bases[0]);
        let mut opened = Opened { segments: BTreeMap::new(), last: None, first_scanned: None, unsynced: Vec::new() };
        for i in 0..bases.len() {
            let indexed = names.indexes.contains(&bases[i]) && names.time_indexes.contains(&bases[i]);
            let trusted = (o.clean || bases[i] < recovery_floor) && indexed;
            if !self.open_segment(&mut opened, &bases, i, trusted, epochs)? {
                break;
            }
        }
        let Opened { mut segments, last, first_scanned, unsynced } = opened;
        // The last one counts as active now; if it was closed, what was noted of it then must not stay.
        if let Some((base, segment)) = segments.pop_last() {
            segments.insert(base, Segment::new(segment.files.clone(), segment.size));
        }
        let Resumed { active, next_offset } = last.expect("the last segment is resumed or scanned");
        let (disk, dir, config) = (self.disk.clone(), self.folder.clone(), o.config.clone());
        let mut log = Log::from_segments(disk, dir, config, segments, active, next_offset);
        log.names_changed = first_scanned.is_some();
        log.unsynced = unsynced;
        Ok((log, first_scanned))
    }

    /// Opens the segment at `bases[i]`; `trusted` when its files need no scan as long as they fit each other. False when
    /// the log ends with it.
    fn open_segment(
        &mut self,
        opened: &mut Opened<D>,
        bases: &[i64],
        i: usize,
        trusted: bool,
        epochs: &mut LeaderEpochCache,
    ) -> io::Result<bool> {
        let (o, base, is_last) = (self.options, bases[i], i + 1 == bases.len());
        let files = SegmentFiles::new(self.disk.clone(), self.folder.clone(), base);
        let size = files.log()?.len().map_err(|e| context(e, "reading", &files.path("log")))?;
        if trusted && !is_last {
            // Closed when its records had been flushed already: its indexes may never have reached the disk.
            let late = !o.clean && bases[i + 1] >= o.recovery_point;
            let largest = if late { whole_time_index(&files, base, size, o.now_ms)? } else { None };
            if !late || largest.is_some() {
                let segment = Segment::new(files.clone(), size);
                if let Some(largest) = largest {
                    segment.set_largest(largest);
                    opened.unsynced.extend(files.all()?);
                }
                opened.last = None;
                opened.segments.insert(base, segment);
                return Ok(true);
            }
        }
        if trusted
            && is_last
            && let Some(resumed) = resume_from_files(&files, base, size, o.now_ms)?
        {
            opened.last = Some(resumed);
            opened.segments.insert(base, Segment::new(files, size));
            return Ok(true);
        }
        if let Some(before) = gap_before(base, opened.last.as_ref(), o) {
            self.warn(format!("offsets {before} to {base} never reached the disk; what follows is given up"));
            self.drop_later(&bases[i..])?;
            return Ok(false);
        }
        opened.first_scanned.get_or_insert(base);
        let (mut resumed, valid) = self.scan(&files, base, size, epochs)?;
        let cut = valid < size;
        if cut {
            // Gone for good before the cut: behind a power failure between the two a compacted log would go on with them,
            // as if compaction had made the gap.
            self.drop_later(&bases[i + 1..])?;
            files.log()?.set_len(valid).map_err(|e| context(e, "cutting", &files.path("log")))?;
        }
        let segment = Segment::new(files.clone(), valid);
        if !is_last && !cut {
            resumed.active.note_largest();
            segment.set_largest(resumed.active.largest);
        }
        resumed.active.index.write(&*files.index()?)?;
        resumed.active.times.write(&*files.time_index()?)?;
        opened.unsynced.extend(files.all()?);
        opened.last = Some(resumed);
        opened.segments.insert(base, segment);
        Ok(!cut)
    }

    fn drop_later(&mut self, bases: &[i64]) -> io::Result<()> {
        for base in bases.iter().rev() {
            for suffix in ["log", "index", "timeindex", "txnindex"] {
                remove_if_there(&self.disk, &self.dir.join(file_name(*base, suffix)))?;
            }
            self.warn(format!("segment {base} removed, as it lies behind the damage"));
        }
        if bases.is_empty() {
            return Ok(());
        }
        self.disk.sync_dir(&self.dir).map_err(|e| context(e, "syncing the folder", &self.dir))
    }

    /// Reads a segment whole. Returns its memory and how many bytes of it count.
    fn scan(
        &mut self,
        files: &SegmentFiles<D>,
        base: i64,
        size: u64,
        epochs: &mut LeaderEpochCache,
    ) -> io::Result<(Resumed, u64)> {
        self.scanned += 1;
        let interval_bytes = self.options.config.index_interval_bytes.max(0) as u64;
        let mut resumed = Resumed { active: Active::rebuilding(base, self.options.now_ms), next_offset: base };
        let (mut last_epoch, mut valid) = (-1, 0);
        let file = files.log()?;
        let mut scanner = Scanner::whole(&*file, 0, size);
        let (position, reason) = loop {
            let step = scanner.next_checked().map_err(|e| context(e, "reading", &files.path("log")))?;
            let (position, header) = match step {
                Step::Batch { position, header } => (position, header),
                Step::End => return Ok((resumed, valid)),
                Step::Bad { position, reason } => break (position, reason),
            };
            if let Some(reason) = out_of_order(&header, base, resumed.next_offset, last_epoch) {
                break (position, reason);
            }
            if epochs.latest_epoch().is_none_or(|latest| header.leader_epoch > latest) {
                epochs.assign(header.leader_epoch, header.base_offset);
            }
            last_epoch = last_epoch.max(header.leader_epoch);
            resumed.active.on_batch(position, &header, interval_bytes);
            resumed.next_offset = header.next_offset();
            valid = scanner.position();
        };
        let below = if resumed.next_offset < self.options.recovery_point && !self.options.clean {
            format!(" although everything below offset {} was synced: check the disk", self.options.recovery_point)
        } else {
            String::new()
        };
        let (lost, name) = (size - position, file_name(base, "log"));
        let end = resumed.next_offset;
        self.warn(format!("{name} damaged at byte {position} ({reason}); {lost} bytes cut off, ends at {end}{below}"));
        Ok((resumed, valid))
    }

    /// Aborted transactions of a segment. One that was scanned gets most of them from the log afterwards.
    fn load_aborted(&mut self, log: &mut Log<D>, base: i64, first_scanned: Option<i64>) -> io::Result<()> {
        let path = self.dir.join(file_name(base, "txnindex"));
        let scanned = first_scanned.is_some_and(|first| base >= first);
        let entries = match txn_index::read(&self.disk, &path) {
            Err(e) if scanned && e.kind() == io::ErrorKind::InvalidData => {
                self.warn(format!("made anew: {e}"));
                remove_if_there(&self.disk, &path)?;
                Vec::new()
            }
            entries => entries?,
        };
        if !entries.is_empty() {
            log.aborted.insert(base, entries);
        }
        Ok(())
    }
}

/// Batches left by an earlier, longer life of the file can be whole; their offsets or epochs give them away.
fn out_of_order(header: &BatchHeader, base: i64, next_offset: i64, last_epoch: i32) -> Option<String> {
    if header.base_offset < next_offset {
        return Some(format!("offset {} where at least {next_offset} was expected", header.base_offset));
    }
    if header.last_offset() - base > i64::from(i32::MAX) {
        return Some(format!("offset {} is too far from the segment's base {base}", header.last_offset()));
    }
    if header.leader_epoch >= 0 && header.leader_epoch < last_epoch {
        return Some(format!("leader epoch {} behind {last_epoch}", header.leader_epoch));
    }
    None
}

pub(super) fn remove_if_there<D: Disk>(disk: &D, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(context(e, "removing", path)),
        _ => Ok(()),
    }
}

/// The greatest timestamp of a closed segment whose time index says it as it was said when the segment closed. `None` when
/// something of its indexes is missing: retention would believe what is left.
fn whole_time_index<D: Disk>(
    files: &SegmentFiles<D>,
    base: i64,
    size: u64,
    now_ms: i64,
) -> io::Result<Option<TimestampOffset>> {
    let Some(resumed) = resume_from_files(files, base, size, now_ms)? else { return Ok(None) };
    let last = resumed.active.times.entries().last().map(|entry| time_entry_at(base, *entry));
    Ok(last.filter(|last| *last == resumed.active.largest && last.timestamp > 0))
}

/// The active segment's memory from its index files and the batches behind their last entries. `None` when the indexes
/// do not fit the log.
pub(super) fn resume_from_files<D: Disk>(
    files: &SegmentFiles<D>,
    base: i64,
    size: u64,
    now_ms: i64,
) -> io::Result<Option<Resumed>> {
    match load_indexes(files, base, now_ms)? {
        Some(active) => resume(files, base, size, active),
        None => Ok(None),
    }
}

/// The indexes in a segment's files; `None` when they are none.
pub(super) fn load_indexes<D: Disk>(files: &SegmentFiles<D>, base: i64, now_ms: i64) -> io::Result<Option<Active>> {
    let (index, times) = (MemoryIndex::load(&*files.index()?)?, MemoryIndex::load(&*files.time_index()?)?);
    let both = index.zip(times);
    Ok(both.map(|(index, times)| Active::with_indexes(base, now_ms, index, times)))
}

/// As [`resume_from_files`], with the indexes in `active` already.
pub(super) fn resume<D: Disk>(
    files: &SegmentFiles<D>,
    base: i64,
    size: u64,
    mut active: Active,
) -> io::Result<Option<Resumed>> {
    let file = files.log()?;
    let mut expected_last = None;
    let mut start = 0;
    if let Some(entry) = active.index.entries().last() {
        expected_last = Some(base + i64::from(entry.relative));
        start = u64::from(entry.position);
    }
    if let Some(entry) = active.times.entries().last() {
        active.largest = time_entry_at(base, *entry);
    }
    if start >= size && start > 0 {
        return Ok(None);
    }
    let mut next_offset = base;
    active.reset_interval();
    let mut scanner = Scanner::near(&*file, start, size);
    loop {
        match scanner.next()? {
            Step::Batch { header, .. } => {
                if expected_last.take().is_some_and(|last| last != header.last_offset())
                    || out_of_order(&header, base, next_offset, -1).is_some()
                {
                    return Ok(None);
                }
                active.on_resumed(&header);
                next_offset = header.next_offset();
            }
            Step::End => break,
            Step::Bad { .. } => return Ok(None),
        }
    }
    if active.largest.timestamp >= 0 && active.largest.offset >= next_offset {
        return Ok(None);
    }
    if let Step::Batch { header, .. } = Scanner::near(&*file, 0, size).next()? {
        active.first_timestamp = Some(header.max_timestamp);
    }
    Ok(Some(Resumed { active, next_offset }))
}
