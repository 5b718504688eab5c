//! What the loop does with logs: appending, finding what fetches want, opening, closing, and taking folders offline.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::Now;
use base::planted::PlantedBug;
use broker::log::leader_epoch::EpochEntry;
use broker::shard::{
    AppendTag, Effect, FetchAnswer, FetchRead, LogAppend, LogConfig, LogDirSizes, LogSize, RequestToken, SegmentTime,
    ShardEvent, TimestampLookup,
};
use broker::{ErrorCode, TopicId, TopicPartition, error};
use storage::disk::{Disk, DiskFile};
use storage::kafka::checkpoint::{LEADER_EPOCH, epochs_text};
use storage::kafka::{FileRange, FlushJob, Log, ReadPlan};

use super::jobs::{OpenJob, ShardDone};
use super::moving::{CopyError, Moving};
use super::{Opening, ShardLoop, ShardWorld};
use crate::log_dirs::{DirIndex, LogDirs};
use crate::world::Lane;

/// A coordinator loads its log in chunks of this size.
const LOAD_CHUNK_BYTES: u32 = 1 << 20;

/// Whether a write failed for want of room.
pub(super) fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Where a fetch's records lie, by position in the request.
pub(super) struct Ranges<F>(pub(super) Vec<Found<F>>);

/// One partition's records.
pub(super) struct Found<F> {
    pub(super) position: u32,
    pub(super) range: FileRange<F>,
    pub(super) aborted: Vec<(i64, i64)>,
}

impl<F> Default for Ranges<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F: DiskFile> Ranges<F> {
    /// Puts each range to the answer of its partition. Ranges of partitions that failed meanwhile are dropped.
    pub(super) fn attach(self, answers: Vec<FetchAnswer>) -> Vec<(FetchAnswer, Option<FileRange<F>>)> {
        // Both are in request order; the answers have every partition.
        let mut found = self.0.into_iter().peekable();
        let attach = |mut answer: FetchAnswer| {
            let Some(found) = found.next_if(|found| found.position == answer.position) else { return (answer, None) };
            if answer.error_code != error::NONE {
                return (answer, None);
            }
            if let Some(aborted) = &mut answer.aborted_transactions {
                *aborted = found.aborted;
            }
            (answer, Some(found.range))
        };
        answers.into_iter().map(attach).collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|found| u64::from(found.range.len)).sum()
    }
}

/// A read of a fetch that may have to look into files.
pub(super) struct PlannedRead<D: Disk> {
    position: u32,
    plan: ReadPlan<D>,
    aborted: Vec<(i64, i64)>,
}

/// Finds the ranges of all reads, keeping to `bytes_max`: what does not fit behind the first is left for the next
/// fetch. May wait for the disk unless every plan is ready.
pub(super) fn resolve<D: Disk>(reads: Vec<PlannedRead<D>>, bytes_max: u64) -> (Ranges<D::File>, Vec<(u32, io::Error)>) {
    let (mut ranges, mut failed) = (Vec::with_capacity(reads.len()), Vec::new());
    let mut left = bytes_max;
    for PlannedRead { position, plan, aborted } in reads {
        match plan.resolve() {
            Ok(range) if u64::from(range.len) > left && left < bytes_max => {
                ranges.push(Found { position, range: FileRange::empty(), aborted });
            }
            Ok(range) => {
                left = left.saturating_sub(u64::from(range.len));
                ranges.push(Found { position, range, aborted });
            }
            // The log's folder went since the read was planned: it was moved, and the next fetch finds it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                ranges.push(Found { position, range: FileRange::empty(), aborted });
            }
            Err(e) => {
                failed.push((position, e));
                ranges.push(Found { position, range: FileRange::empty(), aborted });
            }
        }
    }
    (Ranges(ranges), failed)
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    pub(super) fn append(&mut self, now: Now, partition: TopicPartition, tag: AppendTag, append: &LogAppend) {
        let last_offset = append.header.last_offset();
        let mut not_mirrored = None;
        let written = match (self.logs.get_mut(&partition), self.shard.partition(&partition)) {
            (Some(open), Some(led)) if !self.upkeep.is_stopping() => {
                let appended = open.log.append(append, now.wall_ms, led.producers());
                if appended.is_ok()
                    && let Some((_, copy)) = open.moving.as_mut().and_then(Moving::mirror)
                {
                    not_mirrored = copy.append(append, now.wall_ms, led.producers()).err();
                }
                appended.map(|appended| (open.dir, appended)).map_err(|e| (open.dir, e))
            }
            // Its folder failed within this turn, or the logs are closing.
            _ => {
                let result = Err("its log is closed".to_string());
                return self.step(now, ShardEvent::Appended { partition, tag, last_offset, result });
            }
        };
        let written = match written {
            Err((_, e)) if self.bug.is(PlantedBug::AcknowledgeFailedAppend) && is_full(&e) => {
                return self.step(now, ShardEvent::Appended { partition, tag, last_offset, result: Ok(()) });
            }
            Err((dir, e)) if self.bug.is(PlantedBug::FullIsFailure) => {
                let result = Err(e.to_string());
                self.step(now, ShardEvent::Appended { partition, tag, last_offset, result });
                return self.fail_dir(now, dir, &e);
            }
            written => written,
        };
        match written {
            Ok((dir, appended)) => {
                if self.dirs.found_room(dir, now.mono) {
                    self.world.note(format!("log folder {} has space again", self.dirs.path(dir).display()));
                }
                if appended.rolled || self.wants_flush(now, &partition) {
                    self.flush(&partition, !appended.rolled);
                }
                let failed = not_mirrored.map(|e| (partition.clone(), CopyError::Copy(e)));
                self.step(now, ShardEvent::Appended { partition, tag, last_offset, result: Ok(()) });
                // The log has it, whatever became of its copy.
                if let Some((partition, e)) = failed {
                    self.move_failed(now, &partition, e);
                }
            }
            Err((dir, e)) => self.append_failed(now, &partition, tag, last_offset, dir, &e),
        }
    }

    /// The log is as before: what was admitted behind the batch has lost its offsets and is refused with it.
    fn append_failed(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        tag: AppendTag,
        last_offset: i64,
        dir: DirIndex,
        e: &io::Error,
    ) {
        let mut refused = vec![(tag, last_offset)];
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Append { partition: of, tag, append } if of == *partition => {
                    refused.push((tag, append.header.last_offset()));
                }
                other => self.effects.push_back(other),
            }
        }
        for (tag, last_offset) in refused {
            let result = Err(e.to_string());
            self.step(now, ShardEvent::Appended { partition: partition.clone(), tag, last_offset, result });
        }
        let usable = self.logs.get(partition).is_some_and(|open| open.log.usable().is_ok());
        if usable && is_full(e) {
            self.note_full(dir, e);
            // The roll before it may have closed a segment.
            self.flush(partition, false);
        } else {
            self.fail_dir(now, dir, e);
        }
    }

    /// There is no room in a folder. Whatever was to be written is tried again: by the producer, or by
    /// [`ShardLoop::upkeep`].
    pub(super) fn note_full(&mut self, dir: DirIndex, e: &io::Error) {
        if self.dirs.found_no_room(dir, self.world.now().mono) {
            let path = self.dirs.path(dir).display();
            self.world.note(format!(
                "log folder {path} is full ({e}): producers are refused until there is space, consumers are served; \
                 make room, or lower the retention of its topics"
            ));
        }
    }

    /// A failure that only concerns what was to be written when there was no room, and else the whole folder.
    pub(super) fn full_or_failed(&mut self, now: Now, dir: DirIndex, e: &io::Error) {
        if is_full(e) {
            self.note_full(dir, e);
        } else {
            self.fail_dir(now, dir, e);
        }
    }

    /// `flush.messages` and `flush.ms`.
    fn wants_flush(&self, now: Now, partition: &TopicPartition) -> bool {
        let open = &self.logs[partition];
        let unflushed = open.log.log_end_offset() - open.log.recovery_point();
        let waited_ms = now.mono.since(open.last_flush).as_millis() as u64;
        unflushed >= open.config.flush_messages
            || u64::try_from(open.config.flush_ms).is_ok_and(|flush_ms| waited_ms >= flush_ms)
    }

    /// Starts syncing a log, all of it or what is closed. One sync at a time and log.
    pub(super) fn flush(&mut self, partition: &TopicPartition, all: bool) {
        if self.upkeep.is_stopping() {
            return;
        }
        let Some(open) = self.logs.get_mut(partition) else { return };
        if open.flushing {
            open.flush_again = true;
            return;
        }
        let job = match if all { open.log.flush() } else { open.log.flush_closed() } {
            Ok(job) => job,
            Err(e) => {
                let dir = open.dir;
                let now = self.world.now();
                return self.fail_dir(now, dir, &e);
            }
        };
        open.flushing = true;
        open.flush_began = self.world.now().mono;
        // All of the copy, since its segments are others.
        let mirrored = open.moving.as_mut().and_then(Moving::mirror).map(|(number, copy)| (number, copy.flush()));
        let partition = partition.clone();
        let lazy = self.bug.is(PlantedBug::FlushWithoutSync);
        let run = move || {
            let mirrored = mirrored.map(|(number, job)| (number, job.and_then(FlushJob::run)));
            let result = if lazy { Ok(job.skip()) } else { job.run() };
            ShardDone::Flushed { partition, result, mirrored }
        };
        self.world.offload(Lane::Sync, Box::new(run));
    }

    pub(super) fn plan_fetch(&mut self, now: Now, token: RequestToken, bytes_max: u64, reads: &[FetchRead]) {
        let mut planned = Vec::with_capacity(reads.len());
        let mut failed = Vec::new();
        let mut ready = true;
        for (index, read) in reads.iter().enumerate() {
            let Some(open) = self.logs.get(&read.partition) else {
                failed.push((read.position, error::KAFKA_STORAGE_ERROR));
                continue;
            };
            let limit = u32::try_from(bytes_max).unwrap_or(u32::MAX).min(read.bytes_max);
            let late = i64::from(self.bug.is(PlantedBug::FetchBeginsLate));
            let offset = (read.offset + late * 10).min(read.end_offset - late).max(read.offset);
            let plan = open.log.plan_read(offset, limit, read.end_offset, index == 0).at_hand();
            ready &= plan.ready().is_some();
            let aborted = if read.read_committed {
                let aborted = open.log.aborted_txns(read.offset, read.end_offset);
                aborted.iter().map(|txn| (txn.producer_id, txn.first_offset)).collect()
            } else {
                Vec::new()
            };
            planned.push(PlannedRead { position: read.position, plan, aborted });
        }
        if ready {
            let (ranges, _) = resolve(planned, bytes_max);
            return self.on_planned(now, token, ranges, failed);
        }
        let run = move || {
            let (ranges, errors) = resolve(planned, bytes_max);
            ShardDone::Planned { token, ranges, failed, errors }
        };
        self.world.offload(Lane::Read, Box::new(run));
    }

    pub(super) fn on_planned(
        &mut self,
        now: Now,
        token: RequestToken,
        ranges: Ranges<D::File>,
        failed: Vec<(u32, ErrorCode)>,
    ) {
        let bytes = ranges.bytes();
        self.planned.insert(token, ranges);
        self.step(now, ShardEvent::FetchPlanned { token, bytes, failed });
    }

    pub(super) fn lookup(&mut self, token: RequestToken, lookups: Vec<TimestampLookup>) {
        let mut plans = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            let log = self.logs.get(&lookup.partition).map(|open| &open.log);
            let start = self.shard.partition(&lookup.partition).map_or(0, |led| led.log_start_offset());
            let plan = log.ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(|log| match lookup.timestamp_ms {
                0.. => Ok(log.plan_timestamp(lookup.timestamp_ms, start)),
                _ => log.plan_largest_timestamp(),
            });
            plans.push((lookup.position, plan));
        }
        let run = move || {
            let resolved = plans.into_iter().map(|(position, plan)| {
                let found = plan.and_then(|plan| plan.resolve());
                let found = found.map(|found| found.map(|found| (found.timestamp, found.offset)));
                (position, found.map_err(|_| error::KAFKA_STORAGE_ERROR))
            });
            ShardDone::LookedUp { token, found: resolved.collect() }
        };
        self.world.offload(Lane::Read, Box::new(run));
    }

    pub(super) fn list_segments(&mut self, token: RequestToken, partitions: &[(u32, TopicPartition)]) {
        let paths = |partition| self.logs.get(partition).map(|open| open.log.segment_paths());
        let logs: Vec<_> = partitions.iter().map(|(position, partition)| (*position, paths(partition))).collect();
        let disk = self.world.disk().clone();
        let run = move || {
            let time = |(base_offset, size_bytes, path): (i64, u64, PathBuf)| {
                let modified_ms = disk.modified_ms(&path)?.unwrap_or(i64::MAX);
                Ok(SegmentTime { base_offset, size_bytes, modified_ms })
            };
            let all = |paths: Option<Vec<_>>| {
                let listed = paths.map(|paths| paths.into_iter().map(time).collect::<io::Result<Vec<_>>>());
                listed.and_then(Result::ok).ok_or(error::KAFKA_STORAGE_ERROR)
            };
            let found = logs.into_iter().map(|(position, paths)| (position, all(paths))).collect();
            ShardDone::SegmentsListed { token, found }
        };
        self.world.offload(Lane::Read, Box::new(run));
    }

    /// Asks the file systems, which may take a while when one of them is far away.
    pub(super) fn describe_log_dirs(&mut self, token: RequestToken) {
        let mut by_dir: BTreeMap<DirIndex, Vec<LogSize>> = BTreeMap::new();
        for (partition, open) in &self.logs {
            let partition = partition.clone();
            if let Some((to, size_bytes, offset_lag)) = open.future() {
                let future = LogSize { partition: partition.clone(), size_bytes, offset_lag, is_future: true };
                by_dir.entry(to).or_default().push(future);
            }
            let size_bytes = open.log.size_bytes();
            // A log that is led lags behind nobody.
            let current = LogSize { partition, size_bytes, offset_lag: 0, is_future: false };
            by_dir.entry(open.dir).or_default().push(current);
        }
        let (dirs, disk) = (self.dirs.clone(), self.world.disk().clone());
        let run = move || {
            let one = |dir: DirIndex| {
                let (path, offline) = (dirs.path(dir), dirs.has_failed(dir));
                let space = if offline { None } else { disk.space(path).ok().flatten() };
                LogDirSizes {
                    path: path.display().to_string(),
                    offline,
                    total_bytes: space.map(|space| space.0),
                    usable_bytes: space.map(|space| space.1),
                    partitions: by_dir.remove(&dir).unwrap_or_default(),
                }
            };
            ShardDone::LogDirsDescribed { token, dirs: (0..dirs.count()).map(one).collect() }
        };
        self.world.offload(Lane::Read, Box::new(run));
    }

    pub(super) fn read_for_load(&mut self, partition: TopicPartition, offset: i64, end_offset: i64) {
        // Not there when its folder failed: the coordinator resigns with its partition.
        let Some(open) = self.logs.get(&partition) else { return };
        let plan = open.log.plan_read(offset, LOAD_CHUNK_BYTES, end_offset, true);
        let run = move || {
            let batches = plan.resolve().and_then(|range| range.read_bytes());
            ShardDone::Loaded { partition, batches }
        };
        self.world.offload(Lane::Read, Box::new(run));
    }

    pub(super) fn open(
        &mut self,
        now: Now,
        partition: TopicPartition,
        topic_id: TopicId,
        is_new: bool,
        leader_epoch: i32,
        config: Arc<LogConfig>,
    ) {
        let dirs = self.dirs.clone();
        let producer_expiration_ms = self.config.producer_id_expiration_ms;
        let wall_ms = now.wall_ms;
        let job = OpenJob { partition, topic_id, is_new, leader_epoch, config, wall_ms, producer_expiration_ms };
        self.upkeep.retries.remove(&job.partition);
        self.start_opening(job, dirs);
    }

    /// One job at a time opens a log: what was deleted while it was being opened is made anew behind that.
    pub(super) fn start_opening(&mut self, job: OpenJob, dirs: Arc<LogDirs<D>>) {
        if let Some(opening) = self.opening.get_mut(&job.partition) {
            opening.next = Some(job);
            return;
        }
        self.opening.insert(job.partition.clone(), Opening::default());
        self.world.offload(Lane::Bulk, Box::new(move || ShardDone::Opened(Box::new(job.run(&dirs)))));
    }

    pub(super) fn save_epochs(&mut self, partition: &TopicPartition) {
        if let Some(led) = self.shard.partition(partition) {
            let entries = led.epochs().entries().to_vec();
            self.write_epochs(partition, entries);
        }
    }

    /// In the lane of the syncs, so that no later sync of the log moves its recovery point past records whose epoch is
    /// not on disk: records behind the recovery point give their epochs back when the log is opened.
    pub(super) fn write_epochs(&mut self, partition: &TopicPartition, entries: Vec<EpochEntry>) {
        let Some(open) = self.logs.get_mut(partition) else { return };
        self.upkeep.retries.remove(partition);
        let (disk, path) = (self.world.disk().clone(), open.log.dir().join(LEADER_EPOCH));
        let id = partition.clone();
        if self.bug.is(PlantedBug::EpochsNotWritten) {
            return;
        }
        open.writing_epochs += 1;
        let run = move || {
            let result = disk.replace_atomically(&path, epochs_text(&entries).as_bytes());
            ShardDone::EpochsWritten { partition: id, result }
        };
        self.world.offload(Lane::Sync, Box::new(run));
        let now = self.world.now();
        self.sync_mirror(now, partition);
    }

    pub(super) fn close(&mut self, now: Now, partition: &TopicPartition, delete: bool) {
        self.upkeep.retries.remove(partition);
        self.cancel_move(partition);
        if let Some(opening) = self.opening.get_mut(partition) {
            opening.doomed |= delete;
            opening.next = None;
        }
        let Some(open) = self.logs.remove(partition) else { return };
        if delete {
            self.delete(now, partition, open.log, (open.dir, open.config.file_delete_delay_ms));
        }
    }

    /// Takes a log's folder out of use.
    pub(super) fn delete(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        log: Log<D>,
        (dir, delay_ms): (DirIndex, i64),
    ) {
        let unique = (u128::from(now.mono.as_nanos()) << 64) | u128::from(now.wall_ms as u64);
        match self.dirs.with(dir, |log_dir| log_dir.delete_log(partition, log, unique)) {
            Ok(removal) => {
                self.dirs.forget(dir, partition);
                self.upkeep.remove_later(now, delay_ms, removal);
            }
            Err(e) => self.fail_dir(now, dir, &e),
        }
    }

    /// A write or a sync failed: nothing in the folder is trusted any more.
    pub(super) fn fail_dir(&mut self, now: Now, dir: DirIndex, e: &io::Error) {
        let first = self.dirs.fail(dir);
        let bound: Vec<TopicPartition> = self
            .logs
            .iter()
            .filter(|(_, open)| open.future().is_some_and(|(to, ..)| to == dir))
            .map(|(id, _)| id.clone())
            .collect();
        for partition in &bound {
            self.cancel_move(partition);
        }
        let partitions: Vec<TopicPartition> =
            self.logs.iter().filter(|(_, open)| open.dir == dir).map(|(partition, _)| partition.clone()).collect();
        if !first && partitions.is_empty() {
            return;
        }
        for partition in &partitions {
            self.cancel_move(partition);
        }
        self.logs.retain(|_, open| open.dir != dir);
        let log_dir = self.dirs.path(dir).display().to_string();
        let reason = e.to_string();
        self.world.note(format!("log folder {log_dir} goes offline with {} partitions: {reason}", partitions.len()));
        if self.dirs.all_failed() {
            self.world.fatal(format!("no log folder is left; the last one, {log_dir}, failed: {reason}"));
        }
        self.step(now, ShardEvent::LogDirFailed { log_dir, reason, partitions });
    }
}
