//! The loop's long jobs, and what it does when they are done.

use std::io;
use std::sync::Arc;

use base::Now;
use broker::log::validate::Produced;
use broker::shard::{
    CodedError, LogConfig, LogDirSizes, LookedUp, OpenedLog, RequestToken, SegmentsFound, ShardAnswer, ShardEvent,
};
use broker::{ErrorCode, TopicId, TopicPartition, error};
use bytes::Bytes;
use storage::disk::Disk;
use storage::kafka::{Cleaner, Copier, FlushDone, Log, LogDir, Progress};

use super::files::{Ranges, is_full};
use super::moving::CopyError;
use super::upkeep::Retry;
use super::{OpenLog, ShardLoop, ShardReply, ShardWorld};
use crate::log_dirs::{Checkpoints, DirIndex, LogDirs};

/// A finished job of the loop.
pub enum ShardDone<D: Disk> {
    /// A log was opened or made.
    Opened(Box<LogOpened<D>>),
    /// Produced records were looked into.
    Inspected {
        /// Where they go.
        partition: TopicPartition,
        /// Of the machine's effect.
        ticket: u64,
        /// What came of it.
        result: Result<Produced, CodedError>,
    },
    /// A log was synced.
    Flushed {
        /// Which.
        partition: TopicPartition,
        /// How far, or why not.
        result: io::Result<FlushDone>,
        /// The same of the copy that is to take its place, and of which move.
        mirrored: Option<(u64, io::Result<FlushDone>)>,
    },
    /// A log was copied for a while, to another log folder.
    Copied {
        /// Which log.
        partition: TopicPartition,
        /// Of which move.
        number: u64,
        /// The folder.
        to: DirIndex,
        /// To go on with; `None` when it could not be made.
        copier: Option<Box<Copier<D>>>,
        /// Bytes copied.
        result: Result<u64, CopyError>,
    },
    /// A log's copy and everything that belongs to it is on disk.
    MirrorSynced {
        /// Which log's.
        partition: TopicPartition,
        /// Of which move.
        number: u64,
        /// How far, or why not.
        result: io::Result<FlushDone>,
    },
    /// A fetch's records were found in files.
    #[expect(private_interfaces, reason = "made and taken by the loop alone")]
    Planned {
        /// Whose.
        token: RequestToken,
        /// Where they lie.
        ranges: Ranges<D::File>,
        /// Partitions that were gone before the search.
        failed: Vec<(u32, ErrorCode)>,
        /// Partitions that could not be searched.
        errors: Vec<(u32, io::Error)>,
    },
    /// Records were searched by timestamp.
    LookedUp {
        /// Whose.
        token: RequestToken,
        /// By position.
        found: Vec<(u32, LookedUp)>,
    },
    /// Segments were listed.
    SegmentsListed {
        /// Whose.
        token: RequestToken,
        /// By position.
        found: Vec<(u32, SegmentsFound)>,
    },
    /// The log folders were looked at.
    LogDirsDescribed {
        /// Whose.
        token: RequestToken,
        /// All of them.
        dirs: Vec<LogDirSizes>,
    },
    /// A chunk for a coordinator that loads.
    Loaded {
        /// Where.
        partition: TopicPartition,
        /// Whole batches and maybe a piece of one more.
        batches: io::Result<Bytes>,
    },
    /// A log's leader epochs were written.
    EpochsWritten {
        /// Which log's.
        partition: TopicPartition,
        /// Whether they were.
        result: io::Result<()>,
    },
    /// A step of a compaction.
    Cleaned {
        /// Of which log.
        partition: TopicPartition,
        /// To go on with.
        cleaner: Box<Cleaner<D>>,
        /// How far it came.
        result: io::Result<Progress>,
    },
    /// Checkpoints were written.
    Checkpointed {
        /// Which folder's.
        dir: DirIndex,
        /// Whether they were.
        result: io::Result<()>,
    },
    /// Files that nobody needs are gone, or are not: the next start tries again.
    Removed(io::Result<()>),
    /// Everything is synced and closed for a clean stop, or could not be.
    Closed(io::Result<()>),
}

/// How an opening went.
pub struct LogOpened<D: Disk> {
    /// What was asked, to ask it again.
    job: OpenJob,
    /// The folder it is or would be in; `None` when no folder is left.
    dir: Option<DirIndex>,
    result: io::Result<Found<D>>,
}

struct Found<D: Disk> {
    log: Log<D>,
    opened: OpenedLog,
    warnings: Vec<String>,
    epochs_changed: bool,
}

/// Opens or makes a log.
pub(super) struct OpenJob {
    pub(super) partition: TopicPartition,
    pub(super) topic_id: TopicId,
    pub(super) is_new: bool,
    pub(super) leader_epoch: i32,
    pub(super) config: Arc<LogConfig>,
    pub(super) wall_ms: i64,
    pub(super) producer_expiration_ms: i64,
}

impl OpenJob {
    pub(super) fn run<D: Disk>(self, dirs: &LogDirs<D>) -> LogOpened<D> {
        let Some((dir, exists)) = dirs.place(&self.partition, self.is_new) else {
            let result = Err(io::Error::other("its log folder is offline"));
            return LogOpened { job: self, dir: None, result };
        };
        let made = || {
            // What the checkpoints say of an earlier one of this name would cut its records off after a crash.
            dirs.forget_checkpoints(dir, &self.partition);
            dirs.checkpoint(dir, Checkpoints::default())?;
            dirs.with(dir, |log_dir| self.create(log_dir))
        };
        let result = if exists { dirs.with(dir, |log_dir| self.open(log_dir)) } else { made() };
        if !exists && result.as_ref().is_err_and(is_full) {
            // Made from the beginning when there is room.
            dirs.with(dir, |log_dir| log_dir.abandon_new(&self.partition));
            dirs.forget(dir, &self.partition);
        }
        let result = result.map(|mut found| {
            let end = found.opened.log_end_offset;
            found.epochs_changed |= found.opened.epochs.assign(self.leader_epoch, end);
            found
        });
        if result.is_ok() {
            dirs.opened(dir, &self.partition);
        }
        LogOpened { job: self, dir: Some(dir), result }
    }

    fn open<D: Disk>(&self, log_dir: &LogDir<D>) -> io::Result<Found<D>> {
        let (config, expiration_ms) = (self.config.clone(), self.producer_expiration_ms);
        let (log, found, high_watermark) = log_dir.open_log(&self.partition, config, self.wall_ms, expiration_ms)?;
        let opened = OpenedLog {
            log_start_offset: found.log_start_offset,
            log_end_offset: found.log_end_offset,
            high_watermark,
            epochs: found.epochs,
            producers: found.producers,
        };
        Ok(Found { log, opened, warnings: found.warnings, epochs_changed: found.epochs_changed })
    }

    fn create<D: Disk>(&self, log_dir: &LogDir<D>) -> io::Result<Found<D>> {
        let log = log_dir.create_log(&self.partition, self.topic_id, self.config.clone(), self.wall_ms)?;
        let lost = "its log was not there and was made anew: its records are gone".to_string();
        let warnings = if self.is_new { Vec::new() } else { vec![lost] };
        Ok(Found { log, opened: OpenedLog::empty(), warnings, epochs_changed: false })
    }
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    pub(super) fn on_done(&mut self, now: Now, done: ShardDone<D>) {
        match done {
            ShardDone::Opened(opened) => {
                let opening = self.opening.remove(&opened.job.partition).unwrap_or_default();
                if !opening.doomed {
                    // What is to be opened since then is this one.
                    return self.on_opened(now, *opened);
                }
                self.on_opened_too_late(now, *opened);
                if let Some(next) = opening.next {
                    self.start_opening(next, self.dirs.clone());
                }
            }
            ShardDone::Inspected { partition, ticket, result } => {
                self.step(now, ShardEvent::Inspected { partition, ticket, result });
            }
            ShardDone::Flushed { partition, result, mirrored } => self.on_flushed(now, &partition, result, mirrored),
            ShardDone::Copied { partition, number, to, copier, result } => {
                self.on_copied(now, partition, (number, to), copier, result);
            }
            ShardDone::MirrorSynced { partition, number, result } => {
                self.on_mirror_synced(now, &partition, number, result);
            }
            ShardDone::Planned { token, ranges, mut failed, errors } => {
                for (position, e) in errors {
                    self.world.note(format!("a fetch could not find its records: {e}"));
                    failed.push((position, error::KAFKA_STORAGE_ERROR));
                }
                self.on_planned(now, token, ranges, failed);
            }
            ShardDone::LookedUp { token, found } => self.step(now, ShardEvent::LookedUp { token, found }),
            ShardDone::SegmentsListed { token, found } => self.step(now, ShardEvent::SegmentsListed { token, found }),
            ShardDone::LogDirsDescribed { token, dirs } => {
                self.world.reply(token, ShardReply::Answer(ShardAnswer::LogDirs(dirs)));
            }
            ShardDone::Loaded { partition, batches } => {
                if let Err(e) = &batches {
                    self.world.note(format!("loading the groups of {partition}: {e}"));
                }
                let batches = batches.map_err(|e| e.to_string());
                self.step(now, ShardEvent::LoadChunk { partition, batches });
            }
            ShardDone::EpochsWritten { partition, result } => {
                self.on_epochs_written(now, partition, result);
            }
            ShardDone::Cleaned { partition, cleaner, result } => self.on_cleaned(now, partition, cleaner, result),
            ShardDone::Checkpointed { dir, result } => {
                if let Err(e) = result {
                    self.upkeep.forget_written(dir);
                    self.full_or_failed(now, dir, &e);
                }
            }
            ShardDone::Removed(result) => {
                if let Err(e) = result {
                    self.world.note(format!("removing files that are not needed any more: {e}"));
                }
            }
            ShardDone::Closed(result) => self.on_closed(result),
        }
    }

    /// The partition was deleted while its log was being opened.
    fn on_opened_too_late(&mut self, now: Now, opened: LogOpened<D>) {
        let LogOpened { job, dir, result } = opened;
        match (result, dir) {
            (Ok(found), Some(dir)) if !self.dirs.has_failed(dir) => {
                self.delete(now, &job.partition, found.log, (dir, job.config.file_delete_delay_ms));
            }
            (Err(e), _) => self.world.note(format!("opening the log of {}, which is deleted: {e}", job.partition)),
            (Ok(_), _) => {}
        }
    }

    fn on_opened(&mut self, now: Now, opened: LogOpened<D>) {
        let LogOpened { job, dir, result } = opened;
        if let (Err(e), Some(dir)) = (&result, dir)
            && is_full(e)
        {
            self.note_full(dir, e);
            return self.upkeep.retry(now, job.partition.clone(), Retry::Open(job));
        }
        let OpenJob { partition, config, .. } = job;
        let result = match (result, dir) {
            (Ok(found), Some(dir)) if !self.dirs.has_failed(dir) => {
                let Found { log, opened, warnings, epochs_changed } = found;
                for warning in warnings {
                    self.world.note(format!("{partition}: {warning}"));
                }
                let last_flush = now.mono;
                let open = OpenLog {
                    log,
                    dir,
                    config,
                    flushing: false,
                    flush_again: false,
                    flush_began: last_flush,
                    last_flush,
                    cleaning: false,
                    uncleanable: false,
                    cleaned_to: self.dirs.cleaned_to(dir, &partition),
                    writing_epochs: 0,
                    moving: None,
                };
                self.logs.insert(partition.clone(), open);
                if epochs_changed {
                    self.write_epochs(&partition, opened.epochs.entries().to_vec());
                }
                Ok(Box::new(opened))
            }
            (Err(e), _) => {
                self.world.note(format!("opening the log of {partition}: {e}"));
                Err(e.to_string())
            }
            (Ok(_), _) => Err("its log folder is offline".to_string()),
        };
        self.step(now, ShardEvent::Opened { partition: partition.clone(), result });
        // Stopped while it was being opened: nobody will close it.
        if self.shard.partition(&partition).is_none() {
            self.logs.remove(&partition);
        }
        if let Some(to) = self.dirs.take_wanted(&partition).filter(|to| !self.dirs.has_failed(*to)) {
            self.begin_move(now, &partition, to);
        }
    }

    fn on_epochs_written(&mut self, now: Now, partition: TopicPartition, result: io::Result<()>) {
        // A partition that was deleted meanwhile has no folder to write to.
        let Some(open) = self.logs.get_mut(&partition) else { return };
        open.writing_epochs = open.writing_epochs.saturating_sub(1);
        let dir = open.dir;
        match result {
            Ok(()) => self.swap_when_quiet(now, &partition),
            Err(e) => {
                if is_full(&e) {
                    self.upkeep.retry(now, partition, Retry::Epochs);
                }
                self.full_or_failed(now, dir, &e);
            }
        }
    }

    fn on_flushed(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        result: io::Result<FlushDone>,
        mirrored: Option<(u64, io::Result<FlushDone>)>,
    ) {
        if let Some(mirrored) = mirrored {
            self.on_mirror_flushed(now, partition, mirrored);
        }
        let Some(open) = self.logs.get_mut(partition) else { return };
        open.flushing = false;
        match result {
            Ok(done) => {
                // Records behind the recovery point give their epochs back when the log is opened: it stays where it is
                // until the epochs are on disk.
                if !self.upkeep.retries.contains_key(partition) && open.writing_epochs == 0 {
                    open.log.flush_done(done);
                }
                open.last_flush = now.mono;
                self.world.flushed(now.mono.since(open.flush_began));
                let again = core::mem::take(&mut open.flush_again);
                self.swap_when_quiet(now, partition);
                if again {
                    self.flush(partition, true);
                }
            }
            Err(e) => {
                let dir = open.dir;
                self.fail_dir(now, dir, &e);
            }
        }
    }
}
