//! Compaction: which log is next, one step of it at a time on [`Lane::Bulk`], and taking the result (upstream:
//! `LogCleaner`). A shard compacts one log at once; `log.cleaner.threads` bounds the shards of a process that do.
//!
//! Steps share their lane with openings: a log that is closed, deleted and made anew under the same name meanwhile is
//! never touched by a step that was meant for the old one.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use base::planted::PlantedBug;
use base::{Instant, Now};
use broker::TopicPartition;
use broker::log::clean_plan::{self, Cleanable, LogState};
use broker::log::producer_state::ProducerEntry;
use storage::disk::Disk;
use storage::kafka::checkpoint::Offsets;
use storage::kafka::{CleanOrder, Cleaner, Progress};

use super::jobs::ShardDone;
use super::{OpenLog, ShardLoop, ShardWorld};
use crate::log_dirs::{Checkpoints, DirIndex};
use crate::world::Lane;

/// How logs are compacted, under upstream's names.
#[derive(Clone, Debug)]
pub struct CleanerConfig {
    /// `log.cleaner.enable`.
    pub enable: bool,
    /// `log.cleaner.backoff.ms`.
    pub backoff_ms: u64,
    /// `log.cleaner.threads`.
    pub threads: usize,
    /// `log.cleaner.dedupe.buffer.size`, for all threads.
    pub dedupe_buffer_size: u64,
    /// `log.cleaner.io.buffer.load.factor`.
    pub io_buffer_load_factor: f64,
    /// `log.cleaner.io.max.bytes.per.second`.
    pub io_max_bytes_per_second: f64,
    /// A step reads about this much: a fraction of a second.
    pub step_bytes: u64,
}

impl Default for CleanerConfig {
    fn default() -> Self {
        Self {
            enable: true,
            backoff_ms: 15_000,
            threads: 1,
            dedupe_buffer_size: 128 << 20,
            io_buffer_load_factor: 0.9,
            io_max_bytes_per_second: f64::MAX,
            step_bytes: 8 << 20,
        }
    }
}

/// Where the shard's compaction is.
pub(super) struct Cleaning<D: Disk> {
    /// When to look for a dirty log; none while one is compacted.
    look_at: Option<Instant>,
    /// A step that the throttle holds back.
    held: Option<(Instant, TopicPartition, Box<Cleaner<D>>)>,
}

impl<D: Disk> Cleaning<D> {
    pub(super) fn new(now: Instant, config: &CleanerConfig) -> Self {
        let look_at = config.enable.then(|| now + Duration::from_millis(config.backoff_ms));
        Self { look_at, held: None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|(at, ..)| *at).or(self.look_at)
    }
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    /// Goes on with a step that was held back, or looks for a log to compact, when one of them is due.
    pub(super) fn clean(&mut self, now: Now) {
        if let Some((_, partition, cleaner)) = self.cleaning.held.take_if(|(at, ..)| *at <= now.mono) {
            return self.clean_step(partition, cleaner);
        }
        if self.cleaning.look_at.is_none_or(|at| at > now.mono) {
            return;
        }
        self.cleaning.look_at = Some(now.mono + Duration::from_millis(self.config.cleaner.backoff_ms.max(1)));
        let Some((partition, cleanable)) = self.dirtiest(now) else { return };
        if !self.dirs.begin_cleaning(self.config.cleaner.threads.max(1)) {
            return;
        }
        self.cleaning.look_at = None;
        match self.begin_cleaning(now, &partition, &cleanable) {
            Ok(cleaner) => self.first_step(partition, Box::new(cleaner)),
            Err(e) => {
                let dir = self.logs[&partition].dir;
                self.end_cleaning(now);
                self.fail_dir(now, dir, &e);
            }
        }
    }

    /// The log with the greatest share of dirty bytes among those that are due.
    fn dirtiest(&mut self, now: Now) -> Option<(TopicPartition, Cleanable)> {
        let mut best: Option<(TopicPartition, Cleanable)> = None;
        let mut failed: Option<(DirIndex, io::Error)> = None;
        for (partition, open) in &self.logs {
            let wanted = open.config.cleanup_compact && !open.uncleanable && open.moving.is_none();
            let wanted = wanted && open.log.segment_count() > 1;
            let Some(led) = self.shard.partition(partition).filter(|_| wanted) else { continue };
            let state = LogState {
                checkpoint: open.cleaned_to,
                log_start_offset: led.log_start_offset(),
                last_stable_offset: led.last_stable_offset(),
                flushed_offset: if self.bug.is(PlantedBug::CleanUnflushed) {
                    open.log.log_end_offset()
                } else {
                    open.log.recovery_point()
                },
            };
            match due(open, &state, now.wall_ms) {
                Ok(Some(cleanable)) if best.as_ref().is_none_or(|(_, known)| cleanable.ratio() > known.ratio()) => {
                    best = Some((partition.clone(), cleanable));
                }
                Ok(_) => {}
                Err(e) => failed = Some((open.dir, e)),
            }
        }
        if let Some((dir, e)) = failed {
            self.fail_dir(now, dir, &e);
            return None;
        }
        best
    }

    fn begin_cleaning(&mut self, now: Now, id: &TopicPartition, cleanable: &Cleanable) -> io::Result<Cleaner<D>> {
        let (open, led) = (self.logs.get_mut(id).expect("chosen"), self.shard.partition(id).expect("chosen"));
        let last = |(producer_id, entry): (i64, &ProducerEntry)| {
            let last_offset = entry.batches.back().map(|batch| batch.last_offset);
            (producer_id, (last_offset, entry.producer_epoch))
        };
        let cleaner = open.log.begin_cleaning(CleanOrder {
            first_dirty_offset: cleanable.first_dirty_offset,
            first_uncleanable_offset: cleanable.first_uncleanable_offset,
            map_bytes_max: self.config.cleaner.dedupe_buffer_size / self.config.cleaner.threads.max(1) as u64,
            load_factor: self.config.cleaner.io_buffer_load_factor,
            now_ms: now.wall_ms,
            producers: led.producers().producers().map(last).collect::<BTreeMap<_, _>>(),
        })?;
        let cleaner = if self.bug.is(PlantedBug::CompactTooMuch) { cleaner.forgetting() } else { cleaner };
        open.cleaning = true;
        Ok(cleaner)
    }

    /// What is compacted has gaps. An opening after a crash must not take them for lost pages, whatever the topic's policy
    /// is by then: it looks for those only above the recovery point, which is on disk before anything else happens.
    fn first_step(&mut self, partition: TopicPartition, mut cleaner: Box<Cleaner<D>>) {
        let open = &self.logs[&partition];
        let (dirs, dir, recovery_point) = (self.dirs.clone(), open.dir, open.log.recovery_point());
        let recovery_points = Offsets::from([(partition.clone(), recovery_point)]);
        let step_bytes = self.config.cleaner.step_bytes;
        let run = move || {
            let written = dirs.checkpoint(dir, Checkpoints { recovery_points, ..Default::default() });
            let result = written.and_then(|()| cleaner.step(step_bytes));
            ShardDone::Cleaned { partition, cleaner, result }
        };
        self.world.offload(Lane::Bulk, Box::new(run));
    }

    fn clean_step(&mut self, partition: TopicPartition, mut cleaner: Box<Cleaner<D>>) {
        let step_bytes = self.config.cleaner.step_bytes;
        let run = move || {
            let result = cleaner.step(step_bytes);
            ShardDone::Cleaned { partition, cleaner, result }
        };
        self.world.offload(Lane::Bulk, Box::new(run));
    }

    pub(super) fn on_cleaned(
        &mut self,
        now: Now,
        id: TopicPartition,
        cleaner: Box<Cleaner<D>>,
        result: io::Result<Progress>,
    ) {
        let Some(open) = self.logs.get_mut(&id).filter(|open| open.cleaning) else {
            // Closed or deleted meanwhile; what a step left unfinished the next opening clears away.
            return self.end_cleaning(now);
        };
        let (dir, delay_ms) = (open.dir, open.config.file_delete_delay_ms);
        let mut wait = Duration::ZERO;
        let cleaned = match result {
            Ok(Progress { done: false, bytes }) => return self.hold(now, id, cleaner, bytes),
            Ok(Progress { done: true, .. }) => cleaner.finish(),
            Err(e) if cleaner.is_harmless(&e) => {
                open.uncleanable = e.kind() == io::ErrorKind::InvalidData;
                wait = Duration::from_millis(self.config.cleaner.backoff_ms);
                self.world.note(format!("compacting {id}: {e}; it is served on as it is"));
                cleaner.abandon()
            }
            Err(e) => {
                self.end_cleaning(now);
                return self.fail_dir(now, dir, &e);
            }
        };
        let end_offset = cleaned.end_offset;
        let removal = open.log.apply_cleaned(cleaned);
        (open.cleaning, open.cleaned_to) = (false, Some(end_offset));
        self.upkeep.remove_later(now, delay_ms, removal);
        let news = Checkpoints { cleaned: Offsets::from([(id.clone(), end_offset)]), ..Default::default() };
        self.write_checkpoint(dir, news);
        self.begin_copying(now, &id);
        self.end_cleaning(Now { mono: now.mono + wait, ..now });
    }

    /// The next step, as soon as `log.cleaner.io.max.bytes.per.second` allows.
    fn hold(&mut self, now: Now, partition: TopicPartition, cleaner: Box<Cleaner<D>>, bytes: u64) {
        let rate = self.config.cleaner.io_max_bytes_per_second.max(1.0);
        let wait = Duration::try_from_secs_f64(bytes as f64 / rate).unwrap_or(Duration::MAX);
        if wait < Duration::from_millis(1) {
            self.clean_step(partition, cleaner);
        } else {
            let at = now.mono + wait.min(Duration::from_secs(3600));
            self.cleaning.held = Some((at, partition, cleaner));
        }
    }

    /// Another log may be dirty as well.
    fn end_cleaning(&mut self, now: Now) {
        self.dirs.end_cleaning();
        self.cleaning.look_at = Some(now.mono);
    }
}

fn due<D: Disk>(open: &OpenLog<D>, state: &LogState, now_ms: i64) -> io::Result<Option<Cleanable>> {
    let cleanable = clean_plan::cleanable(&open.log.summaries()?, state, &open.config, now_ms);
    let oldest = match open.config.max_compaction_lag_ms {
        i64::MAX => None,
        _ => open.log.oldest_timestamp_from(cleanable.first_dirty_offset)?,
    };
    Ok(cleanable.is_due(&open.config, now_ms, oldest).then_some(cleanable))
}
