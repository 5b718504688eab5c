//! The sparse indexes (upstream: `OffsetIndex`, `TimeIndex`). Offset index: entries of relative offset i32 and file
//! position i32, meaning "the batch that ends with this offset starts there". Time index: timestamp i64 and relative
//! offset i32, meaning "every record with a greater timestamp lies behind this offset". Both ascend.
//!
//! The active segment's indexes live in memory and reach their files when the log rolls, flushes or closes: after an
//! unclean stop the segments from the recovery point on are scanned and their indexes made anew in any case. Closed
//! segments are searched in their files.

use std::io;

use crate::disk::{DiskFile, Patience};

/// Bytes of an offset index entry.
pub const OFFSET_ENTRY_BYTES: usize = 8;
/// Bytes of a time index entry.
pub const TIME_ENTRY_BYTES: usize = 12;

/// A timestamp and the offset it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    /// Milliseconds; -1 for none.
    pub timestamp: i64,
    /// The offset.
    pub offset: i64,
}

/// One entry: how it lies in its file, and the key by which entries ascend.
pub trait Entry: Copy + PartialEq + std::fmt::Debug {
    /// Bytes of an entry.
    const BYTES: usize;
    /// Reads one.
    fn decode(bytes: &[u8]) -> Self;
    /// Writes one.
    fn encode(self, out: &mut Vec<u8>);
    /// Whether `next` may follow.
    fn ascends_to(self, next: Self) -> bool;
}

/// An entry of the offset index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry {
    /// Last offset of a batch, relative to the segment's base.
    pub relative: u32,
    /// Where that batch starts.
    pub position: u32,
}

/// An entry of the time index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// Greatest timestamp so far, milliseconds.
    pub timestamp: i64,
    /// Last offset of the batch that has it, relative to the segment's base.
    pub relative: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

impl Entry for OffsetEntry {
    const BYTES: usize = OFFSET_ENTRY_BYTES;
    fn decode(bytes: &[u8]) -> Self {
        Self { relative: u32_at(bytes, 0), position: u32_at(bytes, 4) }
    }
    fn encode(self, out: &mut Vec<u8>) {
        out.extend(self.relative.to_be_bytes());
        out.extend(self.position.to_be_bytes());
    }
    fn ascends_to(self, next: Self) -> bool {
        self.relative < next.relative && self.position < next.position
    }
}

impl Entry for TimeEntry {
    const BYTES: usize = TIME_ENTRY_BYTES;
    fn decode(bytes: &[u8]) -> Self {
        let timestamp = i64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"));
        Self { timestamp, relative: u32_at(bytes, 8) }
    }
    fn encode(self, out: &mut Vec<u8>) {
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.relative.to_be_bytes());
    }
    fn ascends_to(self, next: Self) -> bool {
        self.timestamp < next.timestamp && self.relative <= next.relative
    }
}

/// An index in memory, and how much of it is in its file.
#[derive(Debug)]
pub struct MemoryIndex<E> {
    entries: Vec<E>,
    /// Entries at the front that the file holds.
    written: usize,
    /// Whether the file may be longer than what is written.
    stale_tail: bool,
}

impl<E: Entry> MemoryIndex<E> {
    /// An empty index whose file is empty.
    pub fn new() -> Self {
        Self { entries: Vec::new(), written: 0, stale_tail: false }
    }

    /// An empty index whose file holds something else.
    pub fn replacing() -> Self {
        Self { stale_tail: true, ..Self::new() }
    }

    /// The index in a file. `None` when the content is no index: then it is rebuilt from the log.
    pub fn load<F: DiskFile>(file: &F) -> io::Result<Option<Self>> {
        let len = file.len()?;
        if !len.is_multiple_of(E::BYTES as u64) || len > u64::from(i32::MAX as u32) {
            return Ok(None);
        }
        let mut bytes = vec![0; len as usize];
        if file.read_at(&mut bytes, 0)? != bytes.len() {
            return Ok(None);
        }
        let entries: Vec<E> = bytes.chunks_exact(E::BYTES).map(E::decode).collect();
        let ascending = entries.windows(2).all(|pair| pair[0].ascends_to(pair[1]));
        let written = entries.len();
        Ok(ascending.then_some(Self { entries, written, stale_tail: false }))
    }

    /// All entries.
    pub fn entries(&self) -> &[E] {
        &self.entries
    }

    /// Whether a file of `bytes_max` has no room for `spare` more.
    pub fn is_full(&self, bytes_max: usize, spare: usize) -> bool {
        self.entries.len() + spare > bytes_max / E::BYTES
    }

    /// Adds an entry; one that does not ascend is dropped. True when added.
    pub fn append(&mut self, entry: E) -> bool {
        let fits = self.entries.last().is_none_or(|last| last.ascends_to(entry));
        if fits {
            self.entries.push(entry);
        }
        fits
    }

    /// Keeps the first `count` entries.
    pub fn truncate(&mut self, count: usize) {
        self.entries.truncate(count);
        if self.written > self.entries.len() {
            self.written = self.entries.len();
            self.stale_tail = true;
        }
    }

    /// Brings the file up to date (page cache only). True when it was not.
    pub fn write<F: DiskFile>(&mut self, file: &F) -> io::Result<bool> {
        let behind = self.stale_tail || self.written < self.entries.len();
        if self.stale_tail {
            file.set_len((self.written * E::BYTES) as u64)?;
            self.stale_tail = false;
        }
        if self.written < self.entries.len() {
            let mut bytes = Vec::with_capacity((self.entries.len() - self.written) * E::BYTES);
            self.entries[self.written..].iter().for_each(|entry| entry.encode(&mut bytes));
            file.write_at(&bytes, (self.written * E::BYTES) as u64)?;
            self.written = self.entries.len();
        }
        Ok(behind)
    }
}

/// The last entry for which `below` holds, in a file of ascending entries. Entries behind the first for which it does
/// not hold are never read together with it, so a file that is damaged gives a wrong entry at worst: callers check it.
pub fn search_file<E: Entry, F: DiskFile>(
    file: &F,
    patience: Patience,
    below: impl Fn(E) -> bool,
) -> io::Result<Option<E>> {
    const WINDOW: u64 = 512;
    let (mut low, mut high) = (0, file.len()? / E::BYTES as u64);
    let mut best = None;
    let mut one = vec![0; E::BYTES];
    while high - low > WINDOW {
        let middle = low + (high - low) / 2;
        patience.read_at(file, &mut one, middle * E::BYTES as u64)?;
        let entry = E::decode(&one);
        if below(entry) {
            best = Some(entry);
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut window = vec![0; (high - low) as usize * E::BYTES];
    let read = patience.read_at(file, &mut window, low * E::BYTES as u64)?;
    let entries: Vec<E> = window[..read].chunks_exact(E::BYTES).map(E::decode).collect();
    let count = entries.partition_point(|entry| below(*entry));
    Ok(count.checked_sub(1).map(|at| entries[at]).or(best))
}

/// The last entry of a file.
pub fn last_in_file<E: Entry, F: DiskFile>(file: &F) -> io::Result<Option<E>> {
    let count = file.len()? / E::BYTES as u64;
    let Some(last) = count.checked_sub(1) else { return Ok(None) };
    let mut one = vec![0; E::BYTES];
    let read = file.read_at(&mut one, last * E::BYTES as u64)?;
    Ok((read == E::BYTES).then(|| E::decode(&one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, OpenMode};
    use crate::file_disk::FileDisk;

    fn offset_entry(i: u32) -> OffsetEntry {
        OffsetEntry { relative: i * 10 + 9, position: i * 4096 }
    }

    #[test]
    fn entries_are_apaches_bytes() {
        let mut bytes = Vec::new();
        OffsetEntry { relative: 9, position: 0x1000 }.encode(&mut bytes);
        TimeEntry { timestamp: 0x0102_0304_0506, relative: 7 }.encode(&mut bytes);
        assert_eq!(bytes, [0, 0, 0, 9, 0, 0, 16, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7]);
    }

    #[test]
    fn written_in_parts_loaded_whole_and_searched() {
        let dir = tempfile::tempdir().unwrap();
        let file = FileDisk.open(&dir.path().join("i"), OpenMode::CreateNew).unwrap();
        let mut index = MemoryIndex::new();
        for i in 0..5000 {
            assert!(index.append(offset_entry(i)));
            if i % 700 == 0 {
                index.write(&file).unwrap();
            }
        }
        assert!(!index.append(offset_entry(4999)), "must ascend");
        index.write(&file).unwrap();
        let loaded = MemoryIndex::<OffsetEntry>::load(&file).unwrap().unwrap();
        assert_eq!(loaded.entries(), index.entries());
        for target in [0, 8, 9, 10, 19, 25_000, 49_999, 70_000] {
            let found = search_file(&file, Patience::Wait, |e: OffsetEntry| e.relative <= target).unwrap();
            let expected = index.entries().iter().rfind(|e| e.relative <= target).copied();
            assert_eq!(found, expected, "target {target}");
        }
        assert_eq!(last_in_file(&file).unwrap(), Some(offset_entry(4999)));
        index.truncate(10);
        index.append(OffsetEntry { relative: 1000, position: 1_000_000 });
        index.write(&file).unwrap();
        let loaded = MemoryIndex::<OffsetEntry>::load(&file).unwrap().unwrap();
        assert_eq!(loaded.entries().len(), 11);
        assert_eq!(loaded.entries(), index.entries());
    }

    #[test]
    fn nonsense_is_not_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let file = FileDisk.open(&dir.path().join("i"), OpenMode::CreateNew).unwrap();
        file.write_at(&[0; 9], 0).unwrap();
        assert!(MemoryIndex::<OffsetEntry>::load(&file).unwrap().is_none(), "not a multiple of eight");
        file.write_at(&[0; 16], 0).unwrap();
        assert!(MemoryIndex::<OffsetEntry>::load(&file).unwrap().is_none(), "does not ascend");
        assert!(last_in_file::<TimeEntry, _>(&file).unwrap().is_some());
    }

    #[test]
    fn fullness() {
        let mut index = MemoryIndex::new();
        assert!(!index.is_full(17, 1));
        index.append(offset_entry(0));
        index.append(offset_entry(1));
        assert!(index.is_full(17, 1));
        assert!(!index.is_full(24, 1));
    }
}
