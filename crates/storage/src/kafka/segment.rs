//! One segment: its files, and what is known of it without opening them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use broker::log::BatchHeader;

use super::context;
use super::index::{MemoryIndex, OffsetEntry, TimeEntry, TimestampOffset, last_in_file, search_file};
use super::names::file_name;
use super::scan::{Scanner, Step};
use crate::disk::{Disk, DiskFile, OpenMode, Patience};

/// Who does not wait for the disk does not walk far either: an index with few entries, or none that can be used, makes
/// a search long.
const STEPS_AT_HAND_MAX: u32 = 16;

/// A partition's folder, shared by the log and by reads that run elsewhere: both find their files while it is renamed.
pub struct Folder(RwLock<Arc<Path>>);

impl Folder {
    /// The folder at this path.
    pub fn new(path: &Path) -> Arc<Self> {
        Arc::new(Self(RwLock::new(path.into())))
    }

    /// Where it is.
    pub fn path(&self) -> Arc<Path> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// It was renamed.
    pub fn moved_to(&self, path: &Path) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = path.into();
    }
}

/// The files of one segment, opened when first needed and shared with reads that run elsewhere.
pub struct SegmentFiles<D: Disk> {
    disk: D,
    dir: Arc<Folder>,
    base_offset: i64,
    log: OnceLock<Arc<D::File>>,
    index: OnceLock<Arc<D::File>>,
    time_index: OnceLock<Arc<D::File>>,
}

impl<D: Disk> SegmentFiles<D> {
    /// The files of the segment at `base_offset`, none of them open.
    pub fn new(disk: D, dir: Arc<Folder>, base_offset: i64) -> Arc<Self> {
        let (log, index, time_index) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Arc::new(Self { disk, dir, base_offset, log, index, time_index })
    }

    /// Makes the three files, empty.
    pub fn create(&self) -> io::Result<()> {
        for file in [self.log()?, self.index()?, self.time_index()?] {
            if !file.is_empty()? {
                file.set_len(0)?;
            }
        }
        Ok(())
    }

    /// Path of the file with this suffix.
    pub fn path(&self, suffix: &str) -> PathBuf {
        self.dir.join(file_name(self.base_offset, suffix))
    }

    /// The `.log`.
    pub fn log(&self) -> io::Result<Arc<D::File>> {
        self.opened(&self.log, "log")
    }

    /// The `.index`.
    pub fn index(&self) -> io::Result<Arc<D::File>> {
        self.opened(&self.index, "index")
    }

    /// The `.timeindex`.
    pub fn time_index(&self) -> io::Result<Arc<D::File>> {
        self.opened(&self.time_index, "timeindex")
    }

    /// The files that are open, with their paths.
    pub fn all(&self) -> io::Result<[(PathBuf, Arc<D::File>); 3]> {
        Ok([
            (self.path("log"), self.log()?),
            (self.path("index"), self.index()?),
            (self.path("timeindex"), self.time_index()?),
        ])
    }

    /// The file; opening it may wait for the disk.
    fn at_hand(&self, cell: &OnceLock<Arc<D::File>>, suffix: &str, patience: Patience) -> io::Result<Arc<D::File>> {
        match (cell.get(), patience) {
            (None, Patience::AtHand) => Err(io::ErrorKind::WouldBlock.into()),
            _ => self.opened(cell, suffix),
        }
    }

    fn opened(&self, cell: &OnceLock<Arc<D::File>>, suffix: &str) -> io::Result<Arc<D::File>> {
        if let Some(file) = cell.get() {
            return Ok(file.clone());
        }
        let path = self.path(suffix);
        let file = self.disk.open(&path, OpenMode::Create).map_err(|e| context(e, "opening", &path))?;
        Ok(cell.get_or_init(|| Arc::new(file)).clone())
    }
}

/// A segment, closed or active.
pub struct Segment<D: Disk> {
    /// Offset that its name says.
    pub base_offset: i64,
    /// Bytes of its `.log` that count.
    pub size: u64,
    /// Its files.
    pub files: Arc<SegmentFiles<D>>,
    /// Greatest timestamp; for a closed segment read from its time index when first asked.
    largest: OnceLock<TimestampOffset>,
}

impl<D: Disk> Segment<D> {
    /// A segment of this size.
    pub fn new(files: Arc<SegmentFiles<D>>, size: u64) -> Self {
        Self { base_offset: files.base_offset, size, files, largest: OnceLock::new() }
    }

    /// Notes the greatest timestamp of a segment that is closed from now on.
    pub fn set_largest(&self, largest: TimestampOffset) {
        let _ = self.largest.set(largest);
    }

    /// The greatest timestamp of a closed segment; -1 when no record has one.
    pub fn largest(&self) -> io::Result<TimestampOffset> {
        if let Some(largest) = self.largest.get() {
            return Ok(*largest);
        }
        let last = last_in_file::<TimeEntry, _>(&*self.files.time_index()?)?;
        let largest = match last {
            Some(entry) => time_entry_at(self.base_offset, entry),
            None => TimestampOffset { timestamp: -1, offset: self.base_offset },
        };
        Ok(*self.largest.get_or_init(|| largest))
    }
}

/// A time index entry with its offset made absolute.
pub fn time_entry_at(base_offset: i64, entry: TimeEntry) -> TimestampOffset {
    TimestampOffset { timestamp: entry.timestamp, offset: base_offset + i64::from(entry.relative) }
}

/// What the active segment knows beside that.
#[derive(Debug)]
pub struct Active {
    base_offset: i64,
    /// Its offset index.
    pub index: MemoryIndex<OffsetEntry>,
    /// Its time index.
    pub times: MemoryIndex<TimeEntry>,
    bytes_since_entry: u64,
    /// Where its last batch ends; its base while it has none.
    pub next_offset: i64,
    /// Greatest timestamp so far.
    pub largest: TimestampOffset,
    /// Greatest timestamp of its first batch: the segment's age is counted from it.
    pub first_timestamp: Option<i64>,
    /// When it was made, for batches without timestamps.
    pub created_ms: i64,
}

impl Active {
    /// Of an empty segment with empty files.
    pub fn new(base_offset: i64, created_ms: i64) -> Self {
        Self {
            base_offset,
            index: MemoryIndex::new(),
            times: MemoryIndex::new(),
            bytes_since_entry: 0,
            next_offset: base_offset,
            largest: TimestampOffset { timestamp: -1, offset: base_offset },
            first_timestamp: None,
            created_ms,
        }
    }

    /// Of a segment with these indexes; what lies behind their last entries is not in it yet.
    pub fn with_indexes(
        base_offset: i64,
        created_ms: i64,
        index: MemoryIndex<OffsetEntry>,
        times: MemoryIndex<TimeEntry>,
    ) -> Self {
        Self { index, times, ..Self::new(base_offset, created_ms) }
    }

    /// Of a segment whose index files hold something that does not count.
    pub fn rebuilding(base_offset: i64, created_ms: i64) -> Self {
        let (index, times) = (MemoryIndex::replacing(), MemoryIndex::replacing());
        Self { index, times, ..Self::new(base_offset, created_ms) }
    }

    /// Takes in a batch at `position`. An entry is made before the batch's bytes are counted, so that the first batch
    /// has none, as upstream.
    pub fn on_batch(&mut self, position: u64, header: &BatchHeader, interval_bytes: u64) {
        if position == 0 {
            self.first_timestamp = Some(header.max_timestamp);
        }
        if header.max_timestamp > self.largest.timestamp {
            self.largest = TimestampOffset { timestamp: header.max_timestamp, offset: header.last_offset() };
        }
        if self.bytes_since_entry > interval_bytes {
            let relative = self.relative(header.last_offset());
            self.index.append(OffsetEntry { relative, position: position as u32 });
            self.note_largest();
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += header.size() as u64;
        self.next_offset = header.next_offset();
    }

    /// Takes in a batch that has its entries already, or none.
    pub fn on_resumed(&mut self, header: &BatchHeader) {
        if header.max_timestamp > self.largest.timestamp {
            self.largest = TimestampOffset { timestamp: header.max_timestamp, offset: header.last_offset() };
        }
        self.bytes_since_entry += header.size() as u64;
        self.next_offset = header.next_offset();
    }

    /// Begins counting bytes towards the next entry.
    pub fn reset_interval(&mut self) {
        self.bytes_since_entry = 0;
    }

    /// Drops what the indexes say at or behind `offset`, which now ends the log at byte `size`.
    pub fn truncate(&mut self, offset: i64, size: u64) {
        let relative = offset.saturating_sub(self.base_offset);
        let entries = self.index.entries();
        let kept = entries.partition_point(|e| u64::from(e.position) < size && i64::from(e.relative) < relative);
        self.index.truncate(kept);
        let kept = self.times.entries().partition_point(|e| i64::from(e.relative) < relative);
        self.times.truncate(kept);
        self.largest = TimestampOffset { timestamp: -1, offset: self.base_offset };
        self.first_timestamp = None;
        self.next_offset = self.base_offset;
    }

    /// Enters the greatest timestamp so far, as is done with each offset entry and when the segment closes.
    pub fn note_largest(&mut self) {
        if self.largest.timestamp >= 0 {
            let relative = self.relative(self.largest.offset);
            self.times.append(TimeEntry { timestamp: self.largest.timestamp, relative });
        }
    }

    /// Base offset of its segment.
    pub fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// Where to start looking for `offset`.
    pub fn lookup(&self, offset: i64) -> u64 {
        lookup_entries(self.index.entries(), self.base_offset, offset)
    }

    fn relative(&self, offset: i64) -> u32 {
        u32::try_from(offset - self.base_offset).expect("the roll rule keeps offsets within 31 bits of the base")
    }
}

fn lookup_entries(entries: &[OffsetEntry], base_offset: i64, offset: i64) -> u64 {
    let count = entries.partition_point(|entry| base_offset + i64::from(entry.relative) <= offset);
    count.checked_sub(1).map_or(0, |at| u64::from(entries[at].position))
}

impl<D: Disk> SegmentFiles<D> {
    /// Where to start looking for `offset` in this closed segment of `size` bytes.
    pub fn lookup(&self, offset: i64, size: u64, patience: Patience) -> io::Result<u64> {
        let base = self.base_offset;
        let index = self.at_hand(&self.index, "index", patience)?;
        let found = search_file(&*index, patience, |e: OffsetEntry| base + i64::from(e.relative) <= offset)?;
        let position = found.map_or(0, |entry| u64::from(entry.position));
        // An index that points outside its log is damaged; the scan from the front needs none.
        Ok(if position < size { position } else { 0 })
    }

    /// The first batch from `position` on that reaches `offset`, with its place.
    pub fn find(
        &self,
        offset: i64,
        position: u64,
        size: u64,
        patience: Patience,
    ) -> io::Result<Option<(u64, BatchHeader)>> {
        let file = self.at_hand(&self.log, "log", patience)?;
        let mut scanner = Scanner::near(&*file, position, size).with_patience(patience);
        let mut first = true;
        let mut steps = 0;
        loop {
            steps += 1;
            if patience == Patience::AtHand && steps > STEPS_AT_HAND_MAX {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            match scanner.next()? {
                Step::Batch { position, header } if header.last_offset() >= offset => {
                    return Ok(Some((position, header)));
                }
                Step::Batch { .. } => first = false,
                Step::End => return Ok(None),
                // A wrong index entry may point into a batch: once more from the front.
                Step::Bad { .. } if first && scanner.position() != 0 => {
                    scanner = Scanner::near(&*file, 0, size).with_patience(patience);
                    first = false;
                }
                Step::Bad { position, reason } => {
                    let what = format!("damaged at byte {position} while looking for offset {offset}: {reason}");
                    return Err(super::damaged(&self.path("log"), what));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::log::tests::header;

    #[test]
    fn entries_are_made_by_apaches_rule() {
        let mut active = Active::new(100, 0);
        let mut position = 0;
        let sized = |base: i64, size: i32, timestamp: i64| {
            let h = header(base, 10, timestamp);
            BatchHeader { batch_length: size - 12, ..h }
        };
        // Sizes so that the interval of 4096 is passed after the second, and again after the fourth batch.
        for (i, timestamp) in [50, 90, 70, 80, 60].into_iter().enumerate() {
            active.on_batch(position, &sized(100 + i as i64 * 10, 3000, timestamp), 4096);
            position += 3000;
        }
        let entries: Vec<(u32, u32)> = active.index.entries().iter().map(|e| (e.relative, e.position)).collect();
        assert_eq!(entries, [(29, 6000), (49, 12000)]);
        let times: Vec<(i64, u32)> = active.times.entries().iter().map(|e| (e.timestamp, e.relative)).collect();
        assert_eq!(times, [(90, 19)], "a timestamp that does not ascend adds nothing");
        assert_eq!(active.first_timestamp, Some(50));
        for (offset, at) in [(100, 0), (128, 0), (129, 6000), (148, 6000), (149, 12000), (999, 12000)] {
            assert_eq!(active.lookup(offset), at, "offset {offset}");
        }
    }
}
