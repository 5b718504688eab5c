//! What the loop does from time to time: checkpoints, retention, expiry of producers, delayed removals; and the clean
//! stop, after which nothing is left to do.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::planted::PlantedBug;
use base::{Instant, Now};
use broker::TopicPartition;
use broker::log::retention;
use broker::shard::{ShardEvent, ShardNotice};
use storage::disk::Disk;
use storage::kafka::checkpoint::{LEADER_EPOCH, epochs_text};
use storage::kafka::{FlushJob, RemoveJob};

use super::files::is_full;
use super::jobs::{OpenJob, ShardDone};
use super::{OpenLog, ShardLoop, ShardLoopConfig, ShardWorld};
use crate::log_dirs::{Checkpoints, DirIndex};
use crate::world::Lane;

/// `producer.id.expiration.check.interval.ms`.
const PRODUCER_EXPIRY_CHECK: Duration = Duration::from_secs(600);

/// What could not be written for want of room.
pub(super) enum Retry {
    /// A log that is to be opened or made.
    Open(OpenJob),
    /// An open log's leader epochs.
    Epochs,
}

/// What is due when.
pub(super) struct Upkeep<D: Disk> {
    retention_at: Instant,
    recovery_points_at: Instant,
    high_watermarks_at: Instant,
    producers_at: Instant,
    /// By when they are due; the number keeps equal times apart.
    removals: BTreeMap<(Instant, u64), RemoveJob<D>>,
    removals_made: u64,
    /// What was checkpointed last, by folder.
    written: BTreeMap<DirIndex, Checkpoints>,
    /// What waits for room, and until when.
    pub(super) retries: BTreeMap<TopicPartition, (Instant, Retry)>,
    full_retry: Duration,
    /// For the jobs that write checkpoints: those of the clean stop are the last.
    closing: Arc<AtomicBool>,
    stopping: bool,
    stopped: bool,
}

impl<D: Disk> Upkeep<D> {
    pub(super) fn new(now: Instant, config: &ShardLoopConfig) -> Self {
        Self {
            retention_at: now + Duration::from_millis(config.retention_check_interval_ms.min(30_000)),
            recovery_points_at: now + Duration::from_millis(config.recovery_point_checkpoint_interval_ms),
            high_watermarks_at: now + Duration::from_millis(config.high_watermark_checkpoint_interval_ms),
            producers_at: now + PRODUCER_EXPIRY_CHECK,
            removals: BTreeMap::new(),
            removals_made: 0,
            written: BTreeMap::new(),
            retries: BTreeMap::new(),
            full_retry: Duration::from_millis(config.full_retry_ms),
            closing: Arc::default(),
            stopping: false,
            stopped: false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let removal = self.removals.keys().next().map(|(at, _)| *at);
        let timers = [self.retention_at, self.recovery_points_at, self.high_watermarks_at, self.producers_at];
        let retry = self.retries.values().map(|(at, _)| *at).min();
        timers.into_iter().chain(removal).chain(retry).min()
    }

    /// The logs are closing, or closed.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Tries it again in a while.
    pub(super) fn retry(&mut self, now: Now, partition: TopicPartition, retry: Retry) {
        self.retries.insert(partition, (now.mono + self.full_retry, retry));
    }

    /// The folder's checkpoints are not on disk: the next round writes them whether they change or not.
    pub(super) fn forget_written(&mut self, dir: DirIndex) {
        self.written.remove(&dir);
    }

    pub(super) fn remove_later(&mut self, now: Now, delay_ms: i64, removal: RemoveJob<D>) {
        let at = now.mono + Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0));
        self.removals_made += 1;
        self.removals.insert((at, self.removals_made), removal);
    }
}

/// The logs when the clean stop begins.
struct Closing<D: Disk> {
    flushes: Vec<(TopicPartition, FlushJob<D>)>,
    failed: Vec<(DirIndex, io::Error)>,
    full: Vec<(DirIndex, io::Error)>,
}

/// Moves a timer on when it is due.
fn due(at: &mut Instant, now: Instant, interval: Duration) -> bool {
    let is_due = *at <= now;
    if is_due {
        *at = now + interval.max(Duration::from_millis(1));
    }
    is_due
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    /// Whatever is due.
    pub(super) fn upkeep(&mut self, now: Now) {
        if self.upkeep.deadline().is_none_or(|at| at > now.mono) {
            return;
        }
        let millis = Duration::from_millis;
        let retention = millis(self.config.retention_check_interval_ms);
        let recovery_points = millis(self.config.recovery_point_checkpoint_interval_ms);
        let high_watermarks = millis(self.config.high_watermark_checkpoint_interval_ms);
        if due(&mut self.upkeep.retention_at, now.mono, retention) {
            let partitions: Vec<TopicPartition> = self.logs.keys().cloned().collect();
            for partition in partitions {
                self.retain(now, &partition);
            }
        }
        let recovery_points_due = due(&mut self.upkeep.recovery_points_at, now.mono, recovery_points);
        if due(&mut self.upkeep.high_watermarks_at, now.mono, high_watermarks) || recovery_points_due {
            self.checkpoint(recovery_points_due);
        }
        if due(&mut self.upkeep.producers_at, now.mono, PRODUCER_EXPIRY_CHECK) {
            let expiration_ms = self.config.producer_id_expiration_ms;
            for partition in self.shard.partitions() {
                partition.producers_mut().expire(now.wall_ms, expiration_ms);
            }
        }
        while let Some(entry) = self.upkeep.removals.first_entry().filter(|entry| entry.key().0 <= now.mono) {
            let removal = entry.remove();
            self.world.offload(Lane::Bulk, Box::new(move || ShardDone::Removed(removal.run())));
        }
        self.try_again(now);
    }

    /// What found no room a while ago.
    fn try_again(&mut self, now: Now) {
        let due =
            |(partition, (at, _)): (&TopicPartition, &(Instant, Retry))| (*at <= now.mono).then(|| partition.clone());
        let due: Vec<TopicPartition> = self.upkeep.retries.iter().filter_map(due).collect();
        for partition in due {
            match self.upkeep.retries.remove(&partition) {
                Some((_, Retry::Open(job))) if self.shard.is_opening(&partition) => {
                    self.start_opening(job, self.dirs.clone());
                }
                Some((_, Retry::Epochs)) => self.save_epochs(&partition),
                // Stopped or deleted meanwhile.
                Some((_, Retry::Open(_))) | None => {}
            }
        }
    }

    /// Deletes what retention or a moved log start lets go.
    pub(super) fn retain(&mut self, now: Now, partition: &TopicPartition) {
        let (Some(open), Some(led)) = (self.logs.get_mut(partition), self.shard.partition(partition)) else { return };
        // The sources of a compaction stay until it is done.
        if open.cleaning {
            return;
        }
        let (dir, bug) = (open.dir, self.bug);
        let mut full = None;
        let mut delete = || -> io::Result<Option<(i64, RemoveJob<D>)>> {
            let segments = open.log.summaries()?;
            let (start, high_watermark) = (led.log_start_offset(), led.high_watermark());
            let end = led.log_end_offset();
            let plan = retention::plan(&segments, &open.config, now.wall_ms, start, high_watermark, end);
            if plan.reasons.is_empty() {
                return Ok(None);
            }
            if plan.roll {
                match open.log.roll(end, now.wall_ms, led.producers()) {
                    // Nothing is deleted yet, so the next round begins anew.
                    Err(e) if is_full(&e) => {
                        full = Some(e);
                        return Ok(None);
                    }
                    rolled => rolled?,
                }
            }
            let greedy = usize::from(bug.is(PlantedBug::RetentionDeletesMore));
            let count = (plan.reasons.len() + greedy).min(open.log.segment_count() - 1);
            let start =
                if greedy > 0 { open.log.base_offset_at(count).min(high_watermark) } else { plan.log_start_offset };
            Ok(Some((start, open.log.delete_oldest(count)?)))
        };
        match delete() {
            Ok(None) => {
                if let Some(e) = full {
                    self.note_full(dir, &e);
                }
            }
            Ok(Some((log_start_offset, removal))) => {
                self.upkeep.remove_later(now, self.logs[partition].config.file_delete_delay_ms, removal);
                let partition = partition.clone();
                self.step(now, ShardEvent::LogStartMoved { partition, log_start_offset });
            }
            Err(e) => self.fail_dir(now, dir, &e),
        }
    }

    /// What the checkpoint files should say, by folder.
    fn checkpoints(&self, recovery_points: bool) -> BTreeMap<DirIndex, Checkpoints> {
        let mut by_dir: BTreeMap<DirIndex, Checkpoints> = BTreeMap::new();
        for (partition, open) in &self.logs {
            let Some(led) = self.shard.partition(partition) else { continue };
            let news = by_dir.entry(open.dir).or_default();
            news.high_watermarks.insert(partition.clone(), led.high_watermark());
            if recovery_points {
                let early = self.bug.is(PlantedBug::RecoveryPointBeforeFlush);
                let point = if early { open.log.log_end_offset() } else { open.log.recovery_point() };
                news.recovery_points.insert(partition.clone(), point);
                let forgotten = self.bug.is(PlantedBug::LogStartNotWritten);
                if led.log_start_offset() > open.log.first_base_offset() && !forgotten {
                    news.log_starts.insert(partition.clone(), led.log_start_offset());
                }
            }
        }
        by_dir
    }

    fn checkpoint(&mut self, recovery_points: bool) {
        for (dir, news) in self.checkpoints(recovery_points) {
            if self.upkeep.written.get(&dir) == Some(&news) {
                continue;
            }
            self.upkeep.written.insert(dir, news.clone());
            self.write_checkpoint(dir, news);
        }
    }

    pub(super) fn write_checkpoint(&mut self, dir: DirIndex, news: Checkpoints) {
        let (dirs, closing) = (self.dirs.clone(), self.upkeep.closing.clone());
        let run = move || ShardDone::Checkpointed { dir, result: dirs.checkpoint_unless(dir, news, &closing) };
        self.world.offload(Lane::Bulk, Box::new(run));
    }

    /// Begins the clean stop: from here on nothing is appended.
    pub(super) fn shut_down(&mut self, now: Now) {
        if core::mem::replace(&mut self.upkeep.stopping, true) {
            return;
        }
        self.upkeep.closing.store(true, Ordering::Release);
        // Moves end here.
        let partitions: Vec<TopicPartition> = self.logs.keys().cloned().collect();
        for partition in partitions {
            self.cancel_move(&partition);
        }
        let Closing { flushes, failed, full } = self.close_logs();
        // A log that is just being opened is not closed with the others: what its recovery cut off may come back.
        let waits_to_open = self.upkeep.retries.values().any(|(_, retry)| matches!(retry, Retry::Open(_)));
        let mut clean = failed.is_empty() && full.is_empty() && self.opening.is_empty() && !waits_to_open;
        for (dir, e) in full {
            self.note_full(dir, &e);
        }
        for (dir, e) in failed {
            self.fail_dir(now, dir, &e);
        }
        let mut checkpoints = self.checkpoints(true);
        for (partition, _) in &flushes {
            // A log of a folder that just failed is not ours any more.
            let Some(open) = self.logs.get(partition) else { continue };
            let news = checkpoints.entry(open.dir).or_default();
            news.recovery_points.insert(partition.clone(), open.log.log_end_offset());
        }
        let epochs = self.unwritten_epochs();
        let disk = self.world.disk().clone();
        let blind = self.bug.is(PlantedBug::AlwaysMarkedClean);
        let dirs = self.dirs.clone();
        let run = move || {
            let mut written = Ok(());
            for (dir, partition, path, text) in epochs {
                if let Err(e) = disk.replace_atomically(&path, text.as_bytes()) {
                    (clean, written) = (false, Err(e));
                    // Recovery finds the epochs in what lies above.
                    if let Some(news) = checkpoints.get_mut(&dir) {
                        news.recovery_points.remove(&partition);
                    }
                }
            }
            let close = || {
                for (_, flush) in flushes {
                    flush.run()?;
                }
                for (dir, news) in checkpoints {
                    dirs.checkpoint(dir, news)?;
                }
                io::Result::Ok(())
            };
            let closed = close();
            let marked = dirs.shard_closed(blind || (clean && closed.is_ok()), -1);
            ShardDone::Closed(closed.and(marked).and(written))
        };
        // Behind every sync that is under way.
        self.world.offload(Lane::Sync, Box::new(run));
    }

    /// Writes the indexes of all logs; what is to be synced then, and the folders where that went wrong or found no room.
    fn close_logs(&mut self) -> Closing<D> {
        let mut flushes = Vec::new();
        let (mut failed, mut full) = (Vec::new(), Vec::new());
        for (partition, open) in &mut self.logs {
            let Some(led) = self.shard.partition(partition) else { continue };
            match open.log.close(led.producers()) {
                Ok(flush) => flushes.push((partition.clone(), flush)),
                // Its records are synced all the same; the next start makes its indexes anew.
                Err(e) if is_full(&e) => match open.log.flush() {
                    Ok(flush) => {
                        flushes.push((partition.clone(), flush));
                        full.push((open.dir, e));
                    }
                    Err(e) => failed.push((open.dir, e)),
                },
                Err(e) => failed.push((open.dir, e)),
            }
        }
        Closing { flushes, failed, full }
    }

    /// Folder, partition, path and content of each file of leader epochs that found no room, or may yet find none.
    fn unwritten_epochs(&self) -> Vec<(DirIndex, TopicPartition, PathBuf, String)> {
        let unwritten = |(partition, open): (&TopicPartition, &OpenLog<D>)| {
            if open.writing_epochs == 0 && !self.upkeep.retries.contains_key(partition) {
                return None;
            }
            let led = self.shard.partition(partition)?;
            let path = open.log.dir().join(LEADER_EPOCH);
            Some((open.dir, partition.clone(), path, epochs_text(led.epochs().entries())))
        };
        self.logs.iter().filter_map(unwritten).collect()
    }

    pub(super) fn on_closed(&mut self, result: io::Result<()>) {
        if let Err(e) = result {
            self.world.note(format!("stopping the logs: {e}; the next start recovers them"));
        }
        self.logs.clear();
        self.upkeep.stopped = true;
        self.world.notify(ShardNotice::ShutDown);
    }
}
