//! Making a log shorter: from the end (a follower whose history parted from the leader's), from the start (retention),
//! or whole.

use std::io;
use std::path::PathBuf;

use broker::log::ProducerState;

use super::context;
use super::index::TimestampOffset;
use super::load::{self, Resumed};
use super::log::{Log, RemoveJob};
use super::names::{DELETED, file_name};
use super::producers;
use super::segment::{Active, Segment, SegmentFiles};
use super::txn_index;
use crate::disk::{Disk, DiskFile, Patience};

impl<D: Disk> Log<D> {
    /// Cuts the log so that it ends at `offset`: the batch that holds it goes whole. Returns the producers as of then.
    /// The leader epochs are the caller's to cut and to write. An offset at or behind the end changes nothing.
    ///
    /// # Errors
    /// As the disk reports them; the log folder has to go offline then.
    pub fn truncate_to(
        &mut self,
        offset: i64,
        log_start_offset: i64,
        now_ms: i64,
        producer_expiration_ms: i64,
    ) -> io::Result<Option<ProducerState>> {
        self.usable()?;
        if offset >= self.log_end_offset {
            return Ok(None);
        }
        if offset < self.first_base_offset() {
            self.truncate_fully_and_start_at(offset, now_ms)?;
            return Ok(Some(ProducerState::new(offset)));
        }
        self.generation += 1;
        self.tail.clear();
        // Newest first, so that a crash in between leaves no gap.
        while self.active_segment().base_offset > offset {
            let base = self.active_segment().base_offset;
            self.remove_segment_files(base)?;
            self.segments.remove(&base);
            self.aborted.remove(&base);
        }
        self.cut_active(offset, now_ms)?;
        self.log_end_offset = offset;
        self.recovery_point = self.recovery_point.min(offset);
        self.names_changed = true;
        self.remove_snapshots(|at| at > offset)?;
        let at = (log_start_offset, now_ms, producer_expiration_ms);
        producers::load(self, at, false, &mut Vec::new()).map(Some)
    }

    fn cut_active(&mut self, offset: i64, now_ms: i64) -> io::Result<()> {
        let (base, size) = (self.active_segment().base_offset, self.active_segment().size);
        let files = self.active_segment().files.clone();
        let old = std::mem::replace(&mut self.active, Active::rebuilding(base, now_ms));
        let active = if old.base_offset() == base { Some(old) } else { load::load_indexes(&files, base, now_ms)? };
        let start = active.as_ref().map_or(0, |active| active.lookup(offset));
        let end = files.find(offset, start, size, Patience::Wait)?.map_or(size, |(position, _)| position);
        let (path, file) = (files.path("log"), files.log()?);
        file.set_len(end).map_err(|e| context(e, "cutting", &path))?;
        // Synced by the next flush even when the next batch goes to a segment of its own.
        self.unsynced.push((path, file));
        self.segments.insert(base, Segment::new(files.clone(), end));
        if let Some(entries) = self.aborted.get_mut(&base) {
            entries.retain(|txn| txn.last_offset < offset);
            txn_index::rewrite(&self.disk, &files.path("txnindex"), entries)?;
            if entries.is_empty() {
                self.aborted.remove(&base);
            }
        }
        let resumed = match active {
            Some(mut active) => {
                active.truncate(offset, end);
                load::resume(&files, base, end, active)?
            }
            None => None,
        };
        let Resumed { active, .. } = match resumed {
            Some(resumed) => resumed,
            // The indexes did not fit: made anew from the log.
            None => {
                let rebuilding = Active::rebuilding(base, now_ms);
                load::resume(&files, base, end, rebuilding)?
                    .ok_or_else(|| super::damaged(&files.path("log"), "is damaged below where it is to be cut"))?
            }
        };
        self.active = active;
        // Entries that point behind the log's end would mislead whoever reads the files.
        self.active.index.write(&*files.index()?)?;
        self.active.times.write(&*files.time_index()?)?;
        Ok(())
    }

    /// Throws everything away and goes on at `offset`, as a follower does whose leader begins behind its end.
    ///
    /// # Errors
    /// As the disk reports them; the log folder has to go offline then.
    pub fn truncate_fully_and_start_at(&mut self, offset: i64, now_ms: i64) -> io::Result<()> {
        self.usable()?;
        self.generation += 1;
        self.tail.clear();
        let bases: Vec<i64> = self.segments.keys().rev().copied().collect();
        for base in bases {
            self.remove_segment_files(base)?;
        }
        self.segments.clear();
        self.aborted.clear();
        self.remove_snapshots(|_| true)?;
        let files = SegmentFiles::new(self.disk.clone(), self.dir.clone(), offset);
        files.create()?;
        self.segments.insert(offset, Segment::new(files, 0));
        self.active = Active::new(offset, now_ms);
        self.log_end_offset = offset;
        self.recovery_point = self.recovery_point.min(offset);
        self.names_changed = true;
        Ok(())
    }

    /// Takes the oldest `count` segments out of the log; never the active one (roll first). Their files are renamed at
    /// once and removed by the job.
    ///
    /// # Errors
    /// As the disk reports them; the log folder has to go offline then.
    pub fn delete_oldest(&mut self, count: usize) -> io::Result<RemoveJob<D>> {
        self.usable()?;
        assert!(count < self.segments.len(), "the active segment stays");
        let mut files = Vec::new();
        for _ in 0..count {
            let base = self.first_base_offset();
            for suffix in ["log", "index", "timeindex", "txnindex"] {
                files.extend(self.rename_deleted(&file_name(base, suffix))?);
            }
            self.segments.remove(&base);
            self.aborted.remove(&base);
        }
        // Snapshots below the log serve nothing, except the newest of all.
        let newest = self.snapshots.last().copied();
        let first = self.first_base_offset();
        let gone: Vec<i64> = self.snapshots.range(..first).copied().filter(|at| Some(*at) != newest).collect();
        for offset in gone {
            files.extend(self.rename_deleted(&file_name(offset, "snapshot"))?);
            self.snapshots.remove(&offset);
        }
        // What the tail remembers of a deleted segment is not looked up any more: offsets below the log start are
        // refused before a read is planned.
        if count > 0 {
            self.tail.clear();
            self.names_changed = true;
        }
        Ok(RemoveJob { disk: self.disk.clone(), files, folder: None })
    }

    fn rename_deleted(&self, name: &str) -> io::Result<Option<PathBuf>> {
        let (from, to) = (self.dir.join(name), self.dir.join(format!("{name}{DELETED}")));
        match self.disk.rename(&from, &to) {
            Ok(()) => Ok(Some(to)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            // No room for a longer name: then it goes at once. Reads that are under way have it open.
            Err(e) if e.kind() == io::ErrorKind::StorageFull => load::remove_if_there(&self.disk, &from).map(|()| None),
            Err(e) => Err(context(e, "renaming", &from)),
        }
    }

    fn remove_segment_files(&self, base: i64) -> io::Result<()> {
        for suffix in ["log", "index", "timeindex", "txnindex"] {
            load::remove_if_there(&self.disk, &self.dir.join(file_name(base, suffix)))?;
        }
        Ok(())
    }

    pub(super) fn remove_snapshots(&mut self, gone: impl Fn(i64) -> bool) -> io::Result<()> {
        let gone: Vec<i64> = self.snapshots.iter().copied().filter(|offset| gone(*offset)).collect();
        for offset in gone {
            load::remove_if_there(&self.disk, &self.dir.join(file_name(offset, "snapshot")))?;
            self.snapshots.remove(&offset);
        }
        Ok(())
    }

    /// The greatest timestamp of the log without looking into batches; -1 when no record has one.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn largest_timestamp(&self) -> io::Result<TimestampOffset> {
        let mut best = self.active.largest;
        for segment in self.segments.values().rev().skip(1) {
            let largest = segment.largest()?;
            if largest.timestamp > best.timestamp {
                best = largest;
            }
        }
        Ok(best)
    }
}
