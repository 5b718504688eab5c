//! Offsets by timestamp (upstream: `LogSegment.findOffsetByTimestamp`, ListOffsets).

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::records::{Batch, RecordError};

use super::index::{TimeEntry, TimestampOffset, search_file};
use super::scan::{Scanner, Step};
use super::segment::SegmentFiles;
use crate::disk::{Disk, Patience};

/// A segment to be looked into.
pub(super) struct Candidate<D: Disk> {
    pub files: Arc<SegmentFiles<D>>,
    pub base_offset: i64,
    pub size: u64,
    /// Greatest timestamp, when memory knows it.
    pub largest: Option<i64>,
    /// Where to start, when memory knows; else the index files are asked.
    pub start: Option<u64>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// The first record with at least this timestamp, at or behind this offset.
    AtLeast(i64, i64),
    /// The first record with the greatest timestamp, which lies in the batch that ends with this offset.
    Largest(TimestampOffset),
}

/// A search by timestamp; reads files, so it is made for another thread.
pub struct TimestampPlan<D: Disk> {
    pub(super) wanted: Wanted,
    pub(super) segments: Vec<Candidate<D>>,
}

/// A batch decompresses to no more than this while it is searched.
const DECOMPRESSED_BYTES_MAX: usize = 1 << 30;

fn find_record(batch: &Bytes, matches: impl Fn(i64, i64) -> bool) -> Result<Option<TimestampOffset>, RecordError> {
    for record in Batch::parse(batch)?.records(DECOMPRESSED_BYTES_MAX)? {
        let record = record?;
        if matches(record.timestamp, record.offset) {
            return Ok(Some(TimestampOffset { timestamp: record.timestamp, offset: record.offset }));
        }
    }
    Ok(None)
}

impl<D: Disk> TimestampPlan<D> {
    /// Runs the search.
    ///
    /// # Errors
    /// As the disk reports them; `InvalidData` names file and position of damage.
    pub fn resolve(self) -> io::Result<Option<TimestampOffset>> {
        for segment in &self.segments {
            let found = match self.wanted {
                Wanted::AtLeast(timestamp, from) => {
                    if segment.largest.is_some_and(|largest| largest < timestamp) {
                        continue;
                    }
                    segment.search(timestamp, |ts, offset| ts >= timestamp && offset >= from)?
                }
                Wanted::Largest(largest) => segment.search(largest.timestamp, |ts, _| ts == largest.timestamp)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl<D: Disk> Candidate<D> {
    fn search(&self, timestamp: i64, matches: impl Fn(i64, i64) -> bool) -> io::Result<Option<TimestampOffset>> {
        let start = match self.start {
            Some(start) => start,
            None => self.start_in_files(timestamp)?,
        };
        let file = self.files.log()?;
        let mut scanner = Scanner::near(&*file, start, self.size);
        loop {
            match scanner.next()? {
                Step::Batch { position, header } if header.max_timestamp >= timestamp => {
                    let batch = scanner.batch(position, &header)?;
                    let found = find_record(&batch, &matches).map_err(|e| {
                        super::damaged(&self.files.path("log"), format!("batch at byte {position}: {e}"))
                    })?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Step::Batch { .. } => {}
                Step::End => return Ok(None),
                Step::Bad { position, reason } => {
                    let what = format!("damaged at byte {position} while looking for timestamp {timestamp}: {reason}");
                    return Err(super::damaged(&self.files.path("log"), what));
                }
            }
        }
    }

    /// Every record up to the time index's entry below `timestamp` is older than what is looked for.
    fn start_in_files(&self, timestamp: i64) -> io::Result<u64> {
        let entry = search_file(&*self.files.time_index()?, Patience::Wait, |e: TimeEntry| e.timestamp < timestamp)?;
        let Some(entry) = entry else { return Ok(0) };
        self.files.lookup(self.base_offset + i64::from(entry.relative), self.size, Patience::Wait)
    }
}
