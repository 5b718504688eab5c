//! Finding and reading a range of batches. A plan is made beside the log; where it has to look into files it can be
//! resolved on another thread.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::segment::SegmentFiles;
use crate::disk::{Disk, DiskFile, Patience};

/// Bytes of one segment's file, ready to be sent: by `sendfile`, by a read, or from memory. Holds the file open, so it
/// stays readable when the segment is deleted meanwhile.
pub struct FileRange<F> {
    /// The `.log`; `None` in an empty range.
    pub file: Option<Arc<F>>,
    /// Where it starts.
    pub position: u64,
    /// Its length in bytes; 0 when there is nothing to read.
    pub len: u32,
    /// The same bytes, when the log still had all of them in memory; else empty.
    pub memory: Vec<Bytes>,
}

impl<F> Clone for FileRange<F> {
    fn clone(&self) -> Self {
        let (file, memory) = (self.file.clone(), self.memory.clone());
        Self { file, position: self.position, len: self.len, memory }
    }
}

impl<F> std::fmt::Debug for FileRange<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = if self.memory.is_empty() { "file" } else { "memory" };
        write!(f, "FileRange({at} {}..+{})", self.position, self.len)
    }
}

impl<F: DiskFile> FileRange<F> {
    /// Nothing to read.
    pub fn empty() -> Self {
        Self { file: None, position: 0, len: 0, memory: Vec::new() }
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes, from memory or by one read of the file. May block on the disk.
    ///
    /// # Errors
    /// As the disk reports them; `UnexpectedEof` when the log was truncated meanwhile.
    pub fn read_bytes(&self) -> io::Result<Bytes> {
        if let [one] = &self.memory[..] {
            return Ok(one.clone());
        }
        let mut bytes = BytesMut::with_capacity(self.len as usize);
        if !self.memory.is_empty() {
            self.memory.iter().for_each(|piece| bytes.extend_from_slice(piece));
            return Ok(bytes.freeze());
        }
        let Some(file) = &self.file else { return Ok(Bytes::new()) };
        bytes.resize(self.len as usize, 0);
        if file.read_at(&mut bytes, self.position)? != bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.freeze())
    }
}

/// The end of what may be read of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// Everything below this file position.
    Position(u64),
    /// The batches below this offset.
    Offset(i64),
}

/// A segment to be looked into.
pub(super) struct Lookup<D: Disk> {
    pub files: Arc<SegmentFiles<D>>,
    pub size: u64,
    pub end: End,
    /// Where to start, when memory knows; else the index file is asked.
    pub start: Option<u64>,
    /// Where to start looking for [`End::Offset`], likewise.
    pub end_start: Option<u64>,
}

/// How a range is found.
pub(super) enum Plan<D: Disk> {
    Ready(FileRange<D::File>),
    /// Segments to look into, the first that has something wins: one may be empty behind the offset after compaction.
    Lookup {
        offset: i64,
        bytes_max: u32,
        whole_first: bool,
        segments: Vec<Lookup<D>>,
    },
}

/// A read that may have to look into files before it is a [`FileRange`].
pub struct ReadPlan<D: Disk>(pub(super) Plan<D>);

impl<D: Disk> ReadPlan<D> {
    /// The range, when memory alone knows it.
    pub fn ready(&self) -> Option<&FileRange<D::File>> {
        match &self.0 {
            Plan::Ready(range) => Some(range),
            Plan::Lookup { .. } => None,
        }
    }

    /// The same, with the range found if that needs nothing that is not in memory. What fails is left to
    /// [`ReadPlan::resolve`].
    #[must_use]
    pub fn at_hand(self) -> Self {
        self.found(Patience::AtHand).map_or(self, |range| Self(Plan::Ready(range)))
    }

    /// Finds the range; may block on the disk.
    ///
    /// # Errors
    /// As the disk reports them; `InvalidData` names file and position of damage.
    pub fn resolve(self) -> io::Result<FileRange<D::File>> {
        self.found(Patience::Wait)
    }

    fn found(&self, patience: Patience) -> io::Result<FileRange<D::File>> {
        let (offset, bytes_max, whole_first, segments) = match &self.0 {
            Plan::Ready(range) => return Ok(range.clone()),
            Plan::Lookup { offset, bytes_max, whole_first, segments } => (*offset, *bytes_max, *whole_first, segments),
        };
        for segment in segments {
            let start = match segment.start {
                Some(start) => start,
                None => segment.files.lookup(offset, segment.size, patience)?,
            };
            let Some((position, header)) = segment.files.find(offset, start, segment.size, patience)? else { continue };
            let end = segment.end_position(start, patience)?;
            let available = end.saturating_sub(position);
            let first = header.size() as u64;
            if available < first || (!whole_first && u64::from(bytes_max) < first) {
                return Ok(FileRange::empty());
            }
            let len = available.min(u64::from(bytes_max).max(first)).min(u64::from(i32::MAX as u32)) as u32;
            return Ok(FileRange { file: Some(segment.files.log()?), position, len, memory: Vec::new() });
        }
        Ok(FileRange::empty())
    }
}

impl<D: Disk> Lookup<D> {
    fn end_position(&self, start: u64, patience: Patience) -> io::Result<u64> {
        let bound = match self.end {
            End::Position(position) => return Ok(position),
            End::Offset(bound) => bound,
        };
        let from = match self.end_start {
            Some(from) => from,
            None => self.files.lookup(bound, self.size, patience)?,
        };
        let found = self.files.find(bound, from.max(start), self.size, patience)?;
        Ok(found.map_or(self.size, |(position, _)| position))
    }
}
