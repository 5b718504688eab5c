//! Moving a log to another log folder while it is written and read (AlterReplicaLogDirs, KIP-113).
//!
//! 1. Waiting: until a compaction of the log that is under way has ended, and none begins. A copy that had its beginning
//!    from before one and its end from behind it would have values whose tombstones are gone.
//! 2. Copying: jobs on [`Lane::Bulk`] append the log's batches to a log in a folder `<partition>.<hex>-future`.
//! 3. Mirrored: the copy has everything; from here on each append goes to both logs and each sync covers both.
//! 4. When the copy is synced as far as the log itself, it gets the partition's name and the old folder is put out of
//!    use, within one turn. A mark in the copy (`castlekeep.moved`) says between the two that it is the one that counts.
//!
//! A crash before the last step leaves the log where it is; the next start moves it anew from the beginning. Whatever
//! fails on the way ends the move and not the service: the log stays where it is.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use base::planted::PlantedBug;
use base::{Instant, Now};
use broker::config::BrokerConfig;
use broker::shard::{LogMove, RequestToken, ShardAnswer};
use broker::{ErrorCode, TopicPartition, error};
use storage::disk::Disk;
use storage::kafka::checkpoint::{LEADER_EPOCH, Offsets, epochs_text};
use storage::kafka::{Copier, FlushDone, Log, ReadPlan};

use super::files::is_full;
use super::jobs::ShardDone;
use super::{OpenLog, ShardLoop, ShardReply, ShardWorld};
use crate::log_dirs::{Checkpoints, DirIndex};
use crate::world::Lane;

/// What the loop's own thread copies in one go at most: what memory has of the log's end.
const INLINE_BYTES: u32 = 256 << 10;
/// So often it does that in a row before the rest is a job again.
const INLINE_ROUNDS: u32 = 8;

/// A log on its way to another folder.
pub(super) struct Moving<D: Disk> {
    /// Which move: what belongs to an earlier one is thrown away when it comes.
    number: u64,
    to: DirIndex,
    stage: Stage<D>,
}

enum Stage<D: Disk> {
    /// The log is being compacted; the copy will begin here.
    Waiting { base_offset: i64 },
    /// A job copies; the copy was so far when it began.
    Copying { end_offset: i64, size_bytes: u64 },
    /// The throttle holds the next job back.
    Held(Box<Copier<D>>),
    /// The copy has everything, and gets everything that the log gets.
    Mirrored {
        log: Box<Log<D>>,
        /// Jobs that sync it, with its epochs and its mark.
        syncing: u32,
    },
}

/// The moves of a shard.
#[derive(Default)]
pub(super) struct Moves {
    begun: u64,
    /// Those that are held back, by when they go on.
    held: BTreeMap<(Instant, u64), TopicPartition>,
}

impl Moves {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.keys().next().map(|(at, _)| *at)
    }

    /// What is held back goes on at once: the throttle is another one.
    fn release(&mut self, now: Now) {
        let held = core::mem::take(&mut self.held);
        self.held = held.into_iter().map(|((_, number), partition)| ((now.mono, number), partition)).collect();
    }
}

/// Why a step of a move failed.
pub enum CopyError {
    /// The log could not be read.
    Log(io::Error),
    /// The copy could not be written.
    Copy(io::Error),
}

impl<D: Disk> Moving<D> {
    /// The copy's size and end, for whoever asks how far it is.
    fn progress(&self) -> (u64, i64) {
        match &self.stage {
            Stage::Waiting { base_offset } => (0, *base_offset),
            Stage::Copying { end_offset, size_bytes } => (*size_bytes, *end_offset),
            Stage::Held(copier) => (copier.log().size_bytes(), copier.log().log_end_offset()),
            Stage::Mirrored { log, .. } => (log.size_bytes(), log.log_end_offset()),
        }
    }

    /// The copy that has to get what the log gets, and whose it is.
    pub(super) fn mirror(&mut self) -> Option<(u64, &mut Log<D>)> {
        match &mut self.stage {
            Stage::Mirrored { log, .. } => Some((self.number, log)),
            _ => None,
        }
    }
}

impl<D: Disk> OpenLog<D> {
    /// The folder that the log is on its way to, the bytes that are there, and how many offsets are missing.
    pub(super) fn future(&self) -> Option<(DirIndex, u64, i64)> {
        let moving = self.moving.as_ref()?;
        let (size_bytes, end_offset) = moving.progress();
        Some((moving.to, size_bytes, self.log.log_end_offset() - end_offset))
    }

    fn is_mirrored(&self, number: u64) -> bool {
        self.moving
            .as_ref()
            .is_some_and(|moving| moving.number == number && matches!(moving.stage, Stage::Mirrored { .. }))
    }
}

/// Copies what a plan finds; the log's last batches may have been compacted away, so that nothing is left below
/// `end_offset`. Gives the bytes copied.
fn copy<D: Disk>(copier: &mut Copier<D>, plan: ReadPlan<D>, end_offset: i64, now_ms: i64) -> Result<u64, CopyError> {
    let bytes = plan.resolve().and_then(|range| range.read_bytes()).map_err(CopyError::Log)?;
    let copied = if bytes.is_empty() { copier.end_at(end_offset, now_ms) } else { copier.append(&bytes, now_ms) };
    copied.map(|()| bytes.len() as u64).map_err(CopyError::Copy)
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    /// AlterReplicaLogDirs: begins the moves and answers for each whether it could be begun.
    pub(super) fn move_logs(&mut self, now: Now, token: RequestToken, moves: Vec<LogMove>) {
        let mut answers = Vec::with_capacity(moves.len());
        for LogMove { position, partition, log_dir, hosted } in moves {
            let code = self.move_log(now, &partition, &log_dir, hosted).err().unwrap_or(error::NONE);
            answers.push((position, code));
        }
        self.world.reply(token, ShardReply::Answer(ShardAnswer::MoveLogs(answers)));
    }

    fn move_log(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        log_dir: &str,
        hosted: Result<(), ErrorCode>,
    ) -> Result<(), ErrorCode> {
        if storage::kafka::names::future_folder_name(partition, 0).is_none() {
            return Err(error::INVALID_TOPIC_EXCEPTION);
        }
        let to = self.dirs.find(log_dir).ok_or(error::LOG_DIR_NOT_FOUND)?;
        if self.dirs.has_failed(to) {
            return Err(error::KAFKA_STORAGE_ERROR);
        }
        if hosted == Err(error::REPLICA_NOT_AVAILABLE) {
            // Made there once it is made, or moved there once it is open.
            self.dirs.want(partition, to);
        }
        hosted?;
        self.begin_move(now, partition, to);
        Ok(())
    }

    /// Begins to move a log, in the place of a move that is under way to another folder. To the folder where it is means
    /// to stay there.
    pub(super) fn begin_move(&mut self, now: Now, partition: &TopicPartition, to: DirIndex) {
        let Some(open) = self.logs.get(partition) else { return };
        if open.moving.as_ref().is_some_and(|moving| moving.to == to) || self.upkeep.is_stopping() {
            return;
        }
        let from = open.dir;
        self.cancel_move(partition);
        if from == to {
            return;
        }
        self.moves.begun += 1;
        let number = self.moves.begun;
        let open = self.logs.get_mut(partition).expect("looked up above");
        let stage = Stage::Waiting { base_offset: open.log.first_base_offset() };
        open.moving = Some(Moving { number, to, stage });
        self.world.note(format!("moving {partition} to log folder {}", self.dirs.path(to).display()));
        self.begin_copying(now, partition);
    }

    /// Begins to copy a log that waits for it, unless it is being compacted; whoever ends a compaction calls this again.
    pub(super) fn begin_copying(&mut self, now: Now, partition: &TopicPartition) {
        let (Some(open), Some(led)) = (self.logs.get_mut(partition), self.shard.partition(partition)) else { return };
        let Some(Moving { number, to, stage: stage @ Stage::Waiting { .. } }) = &mut open.moving else { return };
        if open.cleaning {
            return;
        }
        let (number, to, base) = (*number, *to, open.log.first_base_offset());
        *stage = Stage::Copying { end_offset: base, size_bytes: 0 };
        let (start, end, topic_id) = (led.log_start_offset(), open.log.log_end_offset(), led.topic_id());
        let plan = open.log.plan_read(start, self.config.copy_step_bytes, end, true);
        let (config, dirs, partition) = (open.config.clone(), self.dirs.clone(), partition.clone());
        let unique = (u128::from(now.mono.as_nanos()) << 64) | u128::from(now.wall_ms as u64);
        let now_ms = now.wall_ms;
        let run = move || {
            let made = dirs.with(to, |dir| dir.create_future(&partition, unique, topic_id, config, base, now_ms));
            match made {
                Ok(log) => {
                    let mut copier = Box::new(Copier::new(log));
                    let result = copy(&mut copier, plan, end, now_ms);
                    ShardDone::Copied { partition, number, to, copier: Some(copier), result }
                }
                Err(e) => ShardDone::Copied { partition, number, to, copier: None, result: Err(CopyError::Copy(e)) },
            }
        };
        self.world.offload(Lane::Bulk, Box::new(run));
    }

    /// Ends a move before its end: the log stays where it is.
    pub(super) fn cancel_move(&mut self, partition: &TopicPartition) {
        let Some(moving) = self.logs.get_mut(partition).and_then(|open| open.moving.take()) else { return };
        self.discard(partition, moving);
    }

    /// Removes the copy of a move that has ended. One that a job has is removed when it comes back.
    pub(super) fn discard(&mut self, partition: &TopicPartition, moving: Moving<D>) {
        let to = moving.to;
        self.dirs.forget_checkpoints(to, partition);
        match moving.stage {
            Stage::Waiting { .. } | Stage::Copying { .. } => {}
            Stage::Held(copier) => self.remove_copy(to, copier.into_log()),
            Stage::Mirrored { log, .. } => self.remove_copy(to, *log),
        }
    }

    fn remove_copy(&mut self, to: DirIndex, log: Log<D>) {
        // After a stop the next start finds it and moves the log anew; a folder that failed is left alone.
        if self.upkeep.is_stopping() || self.dirs.has_failed(to) {
            return;
        }
        let removal = self.dirs.with(to, |dir| dir.drop_future(log));
        self.world.offload(Lane::Bulk, Box::new(move || ShardDone::Removed(removal.run())));
    }

    /// A step of a move is done, or failed.
    pub(super) fn on_copied(
        &mut self,
        now: Now,
        partition: TopicPartition,
        (number, to): (u64, DirIndex),
        copier: Option<Box<Copier<D>>>,
        result: Result<u64, CopyError>,
    ) {
        let moving = self.logs.get_mut(&partition).and_then(|open| open.moving.as_mut());
        let Some(moving) = moving.filter(|moving| moving.number == number) else {
            // The move has ended meanwhile.
            return copier.map_or((), |copier| self.remove_copy(to, copier.into_log()));
        };
        let Some(copier) = copier else {
            let Err(e) = result else { return };
            return self.move_failed(now, &partition, e);
        };
        moving.stage = Stage::Held(copier);
        match result {
            Ok(bytes) => {
                let rate = self.config.alter_log_dirs_bytes_per_second.max(1.0);
                let wait = Duration::try_from_secs_f64(bytes as f64 / rate).unwrap_or(Duration::MAX);
                if wait < Duration::from_millis(1) {
                    return self.go_on_moving(now, &partition);
                }
                let at = now.mono + wait.min(Duration::from_secs(3600));
                self.moves.held.insert((at, number), partition);
            }
            Err(e) => self.move_failed(now, &partition, e),
        }
    }

    /// Takes over what of the broker's configuration may change while it runs.
    pub(super) fn configure(&mut self, now: Now, broker: &BrokerConfig) {
        let before = self.config.alter_log_dirs_bytes_per_second;
        self.config.change(broker, self.dirs.shards());
        if self.config.alter_log_dirs_bytes_per_second != before {
            self.moves.release(now);
        }
    }

    /// Goes on with moves that were held back, when they are due.
    pub(super) fn go_on_with_moves(&mut self, now: Now) {
        while let Some(entry) = self.moves.held.first_entry().filter(|entry| entry.key().0 <= now.mono) {
            let ((_, number), partition) = entry.remove_entry();
            let moving = self.logs.get(&partition).and_then(|open| open.moving.as_ref());
            if moving.is_some_and(|moving| moving.number == number) {
                self.go_on_moving(now, &partition);
            }
        }
    }

    /// The next step of a move whose copy is here. Called between effects: no append is under way.
    fn go_on_moving(&mut self, now: Now, partition: &TopicPartition) {
        let Some(open) = self.logs.get_mut(partition) else { return };
        let Some(Moving { number, to, stage }) = &mut open.moving else { return };
        let (number, to) = (*number, *to);
        let Stage::Held(copier) = stage else { return };
        let end = open.log.log_end_offset();
        copier.log_mut().set_config(open.config.clone());
        for _ in 0..INLINE_ROUNDS {
            if copier.log().log_end_offset() == end {
                return self.begin_mirroring(now, partition);
            }
            let plan = open.log.plan_read(copier.log().log_end_offset(), INLINE_BYTES, end, true);
            if plan.ready().is_none_or(|range| range.is_empty()) {
                break;
            }
            if let Err(e) = copy(copier, plan, end, now.wall_ms) {
                return self.move_failed(now, partition, e);
            }
        }
        let copied =
            Stage::Copying { end_offset: copier.log().log_end_offset(), size_bytes: copier.log().size_bytes() };
        let plan = open.log.plan_read(copier.log().log_end_offset(), self.config.copy_step_bytes, end, true);
        let Stage::Held(mut copier) = core::mem::replace(stage, copied) else { return };
        let (partition, now_ms) = (partition.clone(), now.wall_ms);
        let run = move || {
            let result = copy(&mut copier, plan, end, now_ms);
            ShardDone::Copied { partition, number, to, copier: Some(copier), result }
        };
        self.world.offload(Lane::Bulk, Box::new(run));
    }

    /// The copy has everything.
    fn begin_mirroring(&mut self, now: Now, partition: &TopicPartition) {
        let (Some(open), Some(led)) = (self.logs.get_mut(partition), self.shard.partition(partition)) else { return };
        let Some(moving) = &mut open.moving else { return };
        let copied = Stage::Copying { end_offset: 0, size_bytes: 0 };
        let Stage::Held(copier) = core::mem::replace(&mut moving.stage, copied) else { return };
        let mut log = Box::new(copier.into_log());
        // It knows the producers of what it holds; those whose records are gone only the log itself knows.
        let saved = log.write_snapshot(led.producers());
        moving.stage = Stage::Mirrored { log, syncing: 0 };
        match saved {
            Ok(()) => self.sync_mirror(now, partition),
            Err(e) => self.move_failed(now, partition, CopyError::Copy(e)),
        }
    }

    /// Syncs the copy and what belongs to it, if there is one.
    pub(super) fn sync_mirror(&mut self, now: Now, partition: &TopicPartition) {
        let (Some(open), Some(led)) = (self.logs.get_mut(partition), self.shard.partition(partition)) else { return };
        let Some(Moving { number, to, stage: Stage::Mirrored { log, syncing } }) = &mut open.moving else { return };
        let flush = match log.flush() {
            Ok(flush) => flush,
            Err(e) => return self.move_failed(now, partition, CopyError::Copy(e)),
        };
        *syncing += 1;
        let (number, to, dir) = (*number, *to, log.dir());
        let epochs = epochs_text(led.epochs().entries());
        let of = |offset| Offsets::from([(partition.clone(), offset)]);
        let news = Checkpoints {
            recovery_points: of(log.log_end_offset()),
            high_watermarks: of(led.high_watermark()),
            log_starts: of(led.log_start_offset()),
            cleaned: open.cleaned_to.map(of).unwrap_or_default(),
        };
        let (dirs, disk, lazy) =
            (self.dirs.clone(), self.world.disk().clone(), self.bug.is(PlantedBug::MovedWithoutSync));
        let partition = partition.clone();
        let run = move || {
            let sync = || -> io::Result<FlushDone> {
                let done = if lazy { flush.skip() } else { flush.run()? };
                disk.replace_atomically(&dir.join(LEADER_EPOCH), epochs.as_bytes())?;
                dirs.with(to, |log_dir| log_dir.mark_moved(&dir))?;
                dirs.checkpoint(to, news)?;
                Ok(done)
            };
            ShardDone::MirrorSynced { partition, number, result: sync() }
        };
        self.world.offload(Lane::Sync, Box::new(run));
    }

    pub(super) fn on_mirror_synced(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        number: u64,
        result: io::Result<FlushDone>,
    ) {
        let Some(open) = self.logs.get_mut(partition).filter(|open| open.is_mirrored(number)) else { return };
        let Some(Moving { stage: Stage::Mirrored { log, syncing }, .. }) = &mut open.moving else { return };
        match result {
            Ok(done) => {
                log.flush_done(done);
                *syncing -= 1;
                self.swap_when_quiet(now, partition);
            }
            Err(e) => self.move_failed(now, partition, CopyError::Copy(e)),
        }
    }

    /// A sync of the log covered the copy as well.
    pub(super) fn on_mirror_flushed(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        (number, result): (u64, io::Result<FlushDone>),
    ) {
        let Some(open) = self.logs.get_mut(partition).filter(|open| open.is_mirrored(number)) else { return };
        let Some((_, log)) = open.moving.as_mut().and_then(Moving::mirror) else { return };
        match result {
            Ok(done) => log.flush_done(done),
            Err(e) => self.move_failed(now, partition, CopyError::Copy(e)),
        }
    }

    /// Puts the copy in the log's place, unless a job still works in the log's folder; whoever ends such a job calls
    /// this again.
    pub(super) fn swap_when_quiet(&mut self, now: Now, partition: &TopicPartition) {
        let retrying = self.upkeep.retries.contains_key(partition);
        let Some(open) = self.logs.get_mut(partition) else { return };
        let Some(Moving { stage: Stage::Mirrored { log, syncing: 0 }, .. }) = &open.moving else { return };
        assert!(!open.cleaning, "{partition}: no log is compacted while it is on its way");
        if open.flushing || open.writing_epochs > 0 || retrying || self.upkeep.is_stopping() {
            return;
        }
        assert_eq!(log.log_end_offset(), open.log.log_end_offset(), "{partition}: both get every append");
        if log.recovery_point() < open.log.recovery_point() {
            return self.sync_mirror(now, partition);
        }
        self.swap(now, partition);
    }

    fn swap(&mut self, now: Now, partition: &TopicPartition) {
        let Some(open) = self.logs.get_mut(partition) else { return };
        let Some(Moving { to, stage: Stage::Mirrored { log, .. }, .. }) = open.moving.take() else { return };
        let taken = self.dirs.with(to, |dir| dir.take_over(partition, &log));
        if let Err((e, false)) = &taken {
            self.dirs.forget_checkpoints(to, partition);
            self.remove_copy(to, *log);
            return self.fail_dir(now, to, e);
        }
        let from = core::mem::replace(&mut open.dir, to);
        let old = core::mem::replace(&mut open.log, *log);
        open.log.set_config(open.config.clone());
        let delay_ms = open.config.file_delete_delay_ms;
        self.dirs.moved(partition, from, to);
        if let Err((e, _)) = taken {
            // Which of the two a crash would leave is not known: nothing is written to either.
            return self.fail_dir(now, to, &e);
        }
        let unique = (u128::from(now.mono.as_nanos()) << 64) | u128::from(now.wall_ms as u64);
        match self.dirs.with(from, |dir| dir.delete_log(partition, old, unique)) {
            Ok(removal) => {
                self.upkeep.remove_later(now, delay_ms, removal);
                if let Err(e) = self.dirs.with(to, |dir| dir.unmark_moved(partition)) {
                    return self.fail_dir(now, to, &e);
                }
            }
            Err(e) => return self.fail_dir(now, from, &e),
        }
        self.world.note(format!("{partition} is in log folder {} now", self.dirs.path(to).display()));
    }

    /// The copy cannot be made: the log stays where it is.
    pub(super) fn move_failed(&mut self, now: Now, partition: &TopicPartition, e: CopyError) {
        let Some(moving) = self.logs.get_mut(partition).and_then(|open| open.moving.take()) else { return };
        let to = moving.to;
        self.discard(partition, moving);
        let path = self.dirs.path(to).display();
        let (CopyError::Log(why) | CopyError::Copy(why)) = &e;
        self.world.note(format!("{partition} is not moved to log folder {path}: {why}; it stays where it is"));
        match e {
            CopyError::Copy(e) if is_full(&e) => self.note_full(to, &e),
            CopyError::Copy(e) if e.kind() != io::ErrorKind::InvalidData => self.fail_dir(now, to, &e),
            CopyError::Copy(_) | CopyError::Log(_) => {}
        }
    }
}
