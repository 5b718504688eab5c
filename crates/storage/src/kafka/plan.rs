//! Where a read or a search has to look: what memory knows is answered at once, the rest becomes a plan.

use std::io;

use super::log::Log;
use super::read::{End, FileRange, Lookup, Plan, ReadPlan};
use super::tail::TailBatch;
use super::timestamp::{Candidate, TimestampPlan, Wanted};
use crate::disk::Disk;

impl<D: Disk> Log<D> {
    /// Plans to read batches from the one that holds `offset` on: those that end below `upper_bound`, up to `bytes_max`
    /// bytes, of one segment. With `whole_first` the first batch comes whole even if it is larger, else nothing comes
    /// then. The last batch of a range may be cut off at `bytes_max`.
    pub fn plan_read(&self, offset: i64, bytes_max: u32, upper_bound: i64, whole_first: bool) -> ReadPlan<D> {
        let upper_bound = upper_bound.min(self.log_end_offset);
        if offset >= upper_bound {
            return ReadPlan(Plan::Ready(FileRange::empty()));
        }
        if let Some(batches) = self.tail.from(offset) {
            return ReadPlan(Plan::Ready(self.tail_range(batches, bytes_max, upper_bound, whole_first)));
        }
        let floor = self.segments.range(..=offset).next_back().map_or(i64::MIN, |(base, _)| *base);
        let active = self.active_segment().base_offset;
        let mut segments = Vec::new();
        for (base, segment) in self.segments.range(floor..) {
            if *base >= upper_bound {
                break;
            }
            let next = self.segments.range(base + 1..).next().map_or(self.log_end_offset, |(next, _)| *next);
            let end = if upper_bound >= next { End::Position(segment.size) } else { self.end_of(*base, upper_bound) };
            let known = |at: i64| (*base == active).then(|| self.active.lookup(at));
            let (start, end_start) = (known(offset), known(upper_bound));
            segments.push(Lookup { files: segment.files.clone(), size: segment.size, end, start, end_start });
        }
        ReadPlan(Plan::Lookup { offset, bytes_max, whole_first, segments })
    }

    /// Plans and reads in one go; may block on the disk.
    ///
    /// # Errors
    /// As the disk reports them; `InvalidData` names file and position of damage.
    pub fn read(
        &self,
        offset: i64,
        bytes_max: u32,
        upper_bound: i64,
        whole_first: bool,
    ) -> io::Result<FileRange<D::File>> {
        self.plan_read(offset, bytes_max, upper_bound, whole_first).resolve()
    }

    fn end_of(&self, segment: i64, upper_bound: i64) -> End {
        let first = self.tail.from(upper_bound).and_then(|mut batches| batches.next());
        match first.filter(|batch| batch.segment == segment) {
            Some(batch) => End::Position(batch.position),
            None => End::Offset(upper_bound),
        }
    }

    fn tail_range<'a>(
        &self,
        batches: impl Iterator<Item = &'a TailBatch>,
        bytes_max: u32,
        upper_bound: i64,
        whole_first: bool,
    ) -> FileRange<D::File> {
        let mut range = FileRange::empty();
        let (mut segment, mut in_memory) = (None, true);
        for batch in batches {
            let larger = u64::from(range.len) + u64::from(batch.size) > u64::from(bytes_max);
            let forced = range.len == 0 && whole_first;
            let elsewhere = segment.is_some_and(|segment| segment != batch.segment);
            if batch.last_offset >= upper_bound || elsewhere || (larger && !forced) {
                break;
            }
            if range.len == 0 {
                range.position = batch.position;
                segment = Some(batch.segment);
            }
            range.len += batch.size;
            in_memory &= !batch.pieces.is_empty();
            if in_memory {
                range.memory.extend(batch.pieces.iter().cloned());
            }
        }
        if !in_memory {
            range.memory.clear();
        }
        // The active segment's file is open, and so is one that was active when the tail's batches went in.
        range.file = segment.and_then(|base| self.segments[&base].files.log().ok());
        if range.file.is_none() { FileRange::empty() } else { range }
    }

    /// Plans to find the first record at or behind `log_start_offset` with a timestamp of at least `timestamp`.
    pub fn plan_timestamp(&self, timestamp: i64, log_start_offset: i64) -> TimestampPlan<D> {
        let floor = self.segments.range(..=log_start_offset).next_back().map_or(i64::MIN, |(base, _)| *base);
        let segments = self.segments.range(floor..).map(|(base, _)| self.candidate(*base, timestamp)).collect();
        TimestampPlan { wanted: Wanted::AtLeast(timestamp, log_start_offset), segments }
    }

    /// Plans to find the first record with the greatest timestamp of the log.
    ///
    /// # Errors
    /// As the disk reports them: closed segments may have to be asked.
    pub fn plan_largest_timestamp(&self) -> io::Result<TimestampPlan<D>> {
        let mut best = (self.active_segment().base_offset, self.active.largest);
        for (base, segment) in self.segments.iter().rev().skip(1) {
            let largest = segment.largest()?;
            if largest.timestamp >= best.1.timestamp {
                best = (*base, largest);
            }
        }
        let segments = if best.1.timestamp < 0 { Vec::new() } else { vec![self.candidate(best.0, best.1.timestamp)] };
        Ok(TimestampPlan { wanted: Wanted::Largest(best.1), segments })
    }

    fn candidate(&self, base_offset: i64, timestamp: i64) -> Candidate<D> {
        let segment = &self.segments[&base_offset];
        let active = base_offset == self.active_segment().base_offset;
        let start = active.then(|| {
            let entries = self.active.times.entries();
            let older = entries.partition_point(|entry| entry.timestamp < timestamp);
            older.checked_sub(1).map_or(0, |at| self.active.lookup(base_offset + i64::from(entries[at].relative)))
        });
        let largest = active.then_some(self.active.largest.timestamp);
        Candidate { files: segment.files.clone(), base_offset, size: segment.size, largest, start }
    }
}
