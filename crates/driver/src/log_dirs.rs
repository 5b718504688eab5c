//! The log folders of one broker, shared by its shards: which folder has which partition, and the checkpoint files,
//! which are per folder and hold the partitions of all shards.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use base::Instant;
use broker::TopicPartition;
use storage::disk::Disk;
use storage::kafka::checkpoint::{CLEANER, HIGH_WATERMARK, LOG_START, Offsets, RECOVERY_POINT, read_offsets};
use storage::kafka::{LogDir, RemoveJob, Scan};

/// How long after the last refusal a folder has room again.
const CALM: Duration = Duration::from_secs(1);

/// Partitions that are not there and have a folder to come to, at most.
const WANTED_MAX: usize = 10_000;

/// Which folder, by its place in `log.dirs`.
pub type DirIndex = usize;

/// See the module.
pub struct LogDirs<D: Disk> {
    dirs: Vec<Dir<D>>,
    shards: usize,
    /// Shards that have not closed their logs yet.
    open_shards: AtomicUsize,
    /// Shards that clean a log.
    cleaning: AtomicUsize,
    /// Where partitions are to be that are not there: made there when they are new, moved there otherwise.
    wanted: Mutex<BTreeMap<TopicPartition, DirIndex>>,
}

struct Dir<D: Disk> {
    path: PathBuf,
    /// Or why the start could not open it: it is offline from the beginning.
    log_dir: Result<RwLock<LogDir<D>>, String>,
    state: Mutex<DirState>,
    /// When a write last found no room, in nanoseconds; 0 when there is room.
    refused_at: AtomicU64,
}

#[derive(Default)]
struct DirState {
    /// Partitions whose folder is here.
    partitions: BTreeMap<TopicPartition, Opened>,
    checkpoints: Checkpoints,
    /// What the files say.
    written: Checkpoints,
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// Found at the start; not opened yet.
    No,
    Yes,
}

/// The checkpoints of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// `recovery-point-offset-checkpoint`.
    pub recovery_points: Offsets,
    /// `replication-offset-checkpoint`.
    pub high_watermarks: Offsets,
    /// `log-start-offset-checkpoint`.
    pub log_starts: Offsets,
    /// `cleaner-offset-checkpoint`.
    pub cleaned: Offsets,
}

impl<D: Disk> LogDirs<D> {
    /// Takes the folders, for this many shards. The jobs remove what deleted topics left behind. A folder that cannot be
    /// opened is offline, as long as another one can ([`LogDirs::unopened`]).
    ///
    /// # Errors
    /// The first folder that cannot be taken, in words for an operator: because another process holds it or because of
    /// what is in it, or because none can be opened.
    pub fn open(disk: &D, paths: &[PathBuf], shards: usize) -> io::Result<(Self, Vec<RemoveJob<D>>)> {
        let (mut dirs, mut leftovers) = (Vec::<Dir<D>>::new(), Vec::new());
        let mut homes: BTreeMap<TopicPartition, Home> = BTreeMap::new();
        let mut wanted = BTreeMap::new();
        let mut first_error = None;
        for (index, path) in paths.iter().enumerate() {
            let (log_dir, found, checkpoints) = match take(disk, path) {
                Ok(taken) => taken,
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::InvalidData) => return Err(e),
                Err(e) => {
                    dirs.push(Dir::unopened(path, &e));
                    first_error.get_or_insert(e);
                    continue;
                }
            };
            leftovers.extend(found.leftovers);
            let mut state = DirState { written: checkpoints.clone(), checkpoints, ..DirState::default() };
            for found in found.partitions {
                let home = Home { dir: index, moved: found.moved };
                match homes.get(&found.partition).copied() {
                    None => {}
                    // The process ended when the partition had come here and its old folder was still there.
                    Some(old) if found.moved && !old.moved => {
                        leftovers.push(dirs[old.dir].log_dir().retire(&found.partition, unique(index))?);
                        dirs[old.dir].state().partitions.remove(&found.partition);
                    }
                    Some(other) if other.moved && !found.moved => {
                        leftovers.push(log_dir.retire(&found.partition, unique(index))?);
                        continue;
                    }
                    Some(other) => {
                        let (partition, other) = (&found.partition, dirs[other.dir].path.display());
                        let path = path.display();
                        let what =
                            format!("partition {partition} is in both {other} and {path}: remove one of the folders");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                    }
                }
                homes.insert(found.partition.clone(), home);
                state.partitions.insert(found.partition, Opened::No);
            }
            wanted.extend(found.futures.into_iter().map(|partition| (partition, index)));
            let (log_dir, state, refused_at) = (Ok(RwLock::new(log_dir)), Mutex::new(state), AtomicU64::new(0));
            dirs.push(Dir { path: path.clone(), log_dir, state, refused_at });
        }
        if let Some(e) = first_error.filter(|_| dirs.iter().all(|dir| dir.log_dir.is_err())) {
            return Err(e);
        }
        for (partition, home) in homes.iter().filter(|(_, home)| home.moved) {
            dirs[home.dir].log_dir().unmark_moved(partition)?;
        }
        // What was on its way when the process ended is moved anew; of a partition that is gone nothing is left to move.
        wanted.retain(|partition, to| homes.get(partition).is_some_and(|home| home.dir != *to));
        let (open_shards, cleaning) = (AtomicUsize::new(shards), AtomicUsize::new(0));
        Ok((Self { dirs, shards, open_shards, cleaning, wanted: Mutex::new(wanted) }, leftovers))
    }

    /// The cluster and broker ids of the first folder's `meta.properties`, if it has any.
    pub fn identity(&self) -> (Option<String>, Option<i32>) {
        let opened = self.dirs.iter().filter(|dir| dir.log_dir.is_ok());
        let metas = opened.map(|dir| dir.log_dir().meta().cloned());
        let meta = metas.flatten().next();
        meta.map_or((None, None), |meta| (meta.cluster_id, meta.broker_id))
    }

    /// The folders that the start could not open, each with the reason.
    pub fn unopened(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.dirs.iter().filter_map(|dir| Some((dir.path.as_path(), dir.log_dir.as_ref().err()?.as_str())))
    }

    /// Ties every folder to a cluster and a broker; see [`LogDir::claim`].
    ///
    /// # Errors
    /// As [`LogDir::claim`].
    pub fn claim(&self, cluster_id: &str, broker_id: i32) -> io::Result<()> {
        for log_dir in self.dirs.iter().filter_map(|dir| dir.log_dir.as_ref().ok()) {
            let mut log_dir = log_dir.write().unwrap_or_else(PoisonError::into_inner);
            log_dir.claim(cluster_id, broker_id)?;
        }
        Ok(())
    }

    /// How many shards have logs in them.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// How many folders there are.
    pub fn count(&self) -> usize {
        self.dirs.len()
    }

    /// The folder's path as configured.
    pub fn path(&self, dir: DirIndex) -> &Path {
        &self.dirs[dir].path
    }

    /// The folder.
    ///
    /// # Panics
    /// When the start could not open it: then no partition is in it, and none comes to it.
    pub fn with<R>(&self, dir: DirIndex, f: impl FnOnce(&LogDir<D>) -> R) -> R {
        f(&self.dirs[dir].log_dir())
    }

    /// The folder at this path as configured.
    pub fn find(&self, path: &str) -> Option<DirIndex> {
        self.dirs.iter().position(|dir| dir.path == Path::new(path))
    }

    /// The partition is to be in this folder: asked for before it is there, or while it is elsewhere. Wishes beyond the
    /// first few thousand are forgotten: whoever asks may name whatever comes to his mind.
    pub fn want(&self, partition: &TopicPartition, dir: DirIndex) {
        let mut wanted = self.wanted();
        if wanted.len() < WANTED_MAX || wanted.contains_key(partition) {
            wanted.insert(partition.clone(), dir);
        }
    }

    /// Where a partition is to be instead of where it is. Forgets it.
    pub fn take_wanted(&self, partition: &TopicPartition) -> Option<DirIndex> {
        self.wanted().remove(partition)
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, DirIndex>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a partition is, or where it is best put: the folder that was asked for, or the one with the fewest. The
    /// second value is whether it is there already. `None` when no folder is left, and for one that is not new and may be
    /// in a folder that could not be opened (`LogManager.getOrCreateLog`).
    pub fn place(&self, partition: &TopicPartition, is_new: bool) -> Option<(DirIndex, bool)> {
        let mut best: Option<(usize, DirIndex)> = None;
        let wanted = self.wanted().get(partition).copied();
        for (index, dir) in self.dirs.iter().enumerate() {
            let state = dir.state();
            if state.partitions.contains_key(partition) {
                return (!state.failed).then_some((index, true));
            }
            let count = if wanted == Some(index) { 0 } else { state.partitions.len() + 1 };
            if !state.failed && best.is_none_or(|(least, _)| count < least) {
                best = Some((count, index));
            }
        }
        let (_, index) = best?;
        if !is_new && self.unopened().next().is_some() {
            return None;
        }
        self.dirs[index].state().partitions.insert(partition.clone(), Opened::No);
        Some((index, false))
    }

    /// The partition's log is open.
    pub fn opened(&self, dir: DirIndex, partition: &TopicPartition) {
        self.dirs[dir].state().partitions.insert(partition.clone(), Opened::Yes);
    }

    /// How many of the logs that the start found are open, and how many there are. Those of topics that are gone stay as
    /// they are.
    pub fn opened_of_all(&self) -> (usize, usize) {
        let count = |dir: &Dir<D>| {
            let state = dir.state();
            (state.partitions.values().filter(|opened| **opened == Opened::Yes).count(), state.partitions.len())
        };
        self.dirs.iter().map(count).fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    /// Where the last compaction of the partition's log ended.
    pub fn cleaned_to(&self, dir: DirIndex, partition: &TopicPartition) -> Option<i64> {
        self.dirs[dir].state().checkpoints.cleaned.get(partition).copied()
    }

    /// Takes one of `threads_max` places for cleaning a log; [`LogDirs::end_cleaning`] gives it back.
    pub fn begin_cleaning(&self, threads_max: usize) -> bool {
        let take = |running| (running < threads_max).then_some(running + 1);
        self.cleaning.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    /// See [`LogDirs::begin_cleaning`].
    pub fn end_cleaning(&self) {
        self.cleaning.fetch_sub(1, Ordering::AcqRel);
    }

    /// The partition has come to another folder; what its checkpoints say there was entered before.
    pub fn moved(&self, partition: &TopicPartition, from: DirIndex, to: DirIndex) {
        self.dirs[to].state().partitions.insert(partition.clone(), Opened::Yes);
        self.forget(from, partition);
    }

    /// The partition's folder is gone.
    pub fn forget(&self, dir: DirIndex, partition: &TopicPartition) {
        self.dirs[dir].state().partitions.remove(partition);
        self.forget_checkpoints(dir, partition);
    }

    /// What the folder's checkpoints say of the partition is not said any more: it is not there.
    pub fn forget_checkpoints(&self, dir: DirIndex, partition: &TopicPartition) {
        let mut state = self.dirs[dir].state();
        let Checkpoints { recovery_points, high_watermarks, log_starts, cleaned } = &mut state.checkpoints;
        for offsets in [recovery_points, high_watermarks, log_starts, cleaned] {
            offsets.remove(partition);
        }
    }

    /// Takes a folder offline. True the first time.
    pub fn fail(&self, dir: DirIndex) -> bool {
        !core::mem::replace(&mut self.dirs[dir].state().failed, true)
    }

    /// A write found no room in the folder's file system. True when that is news.
    pub fn found_no_room(&self, dir: DirIndex, now: Instant) -> bool {
        self.dirs[dir].refused_at.swap(now.as_nanos().max(1), Ordering::Relaxed) == 0
    }

    /// A write found room. True when that is news: for a while none was refused. (While a disk is nearly full, small
    /// writes find room between large ones.)
    pub fn found_room(&self, dir: DirIndex, now: Instant) -> bool {
        let refused_at = self.dirs[dir].refused_at.load(Ordering::Relaxed);
        let calm = refused_at != 0 && now.as_nanos().saturating_sub(refused_at) >= CALM.as_nanos() as u64;
        calm && self.dirs[dir].refused_at.swap(0, Ordering::Relaxed) != 0
    }

    /// Whether a folder is offline.
    pub fn has_failed(&self, dir: DirIndex) -> bool {
        self.dirs[dir].state().failed
    }

    /// Whether every folder is offline.
    pub fn all_failed(&self) -> bool {
        (0..self.dirs.len()).all(|dir| self.has_failed(dir))
    }

    /// Enters a shard's offsets into the folder's checkpoints and writes the files that changed. Called from jobs: it
    /// syncs, and the folder's shards take turns.
    ///
    /// # Errors
    /// As the disk reports them: the folder has to go offline, unless there is only no room. Then the next call writes
    /// what this one could not.
    pub fn checkpoint(&self, dir: DirIndex, news: Checkpoints) -> io::Result<()> {
        self.checkpoint_unless(dir, news, &AtomicBool::new(false))
    }

    /// As [`LogDirs::checkpoint`], unless something newer has been said since: a shard that closes its logs says the last.
    ///
    /// # Errors
    /// As above.
    pub fn checkpoint_unless(&self, dir: DirIndex, news: Checkpoints, overtaken: &AtomicBool) -> io::Result<()> {
        let log_dir = self.dirs[dir].log_dir();
        let mut state = self.dirs[dir].state();
        if overtaken.load(Ordering::Acquire) {
            return Ok(());
        }
        let DirState { checkpoints: merged, written, .. } = &mut *state;
        merged.recovery_points.extend(news.recovery_points);
        merged.high_watermarks.extend(news.high_watermarks);
        merged.log_starts.extend(news.log_starts);
        merged.cleaned.extend(news.cleaned);
        if merged.recovery_points != written.recovery_points {
            log_dir.checkpoint_recovery_points(&merged.recovery_points).run()?;
            written.recovery_points.clone_from(&merged.recovery_points);
        }
        if merged.log_starts != written.log_starts {
            log_dir.checkpoint_log_starts(&merged.log_starts).run()?;
            written.log_starts.clone_from(&merged.log_starts);
        }
        if merged.cleaned != written.cleaned {
            log_dir.checkpoint_cleaned(&merged.cleaned).run()?;
            written.cleaned.clone_from(&merged.cleaned);
        }
        if merged.high_watermarks != written.high_watermarks {
            log_dir.checkpoint_high_watermarks(&merged.high_watermarks).run()?;
            written.high_watermarks.clone_from(&merged.high_watermarks);
        }
        Ok(())
    }

    /// A shard has closed its logs. The last one marks the folders as cleanly stopped, except a folder that failed or
    /// that holds, since an unclean stop, logs which nobody opened and nobody recovered.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn shard_closed(&self, clean: bool, broker_epoch: i64) -> io::Result<()> {
        if !clean {
            for dir in &self.dirs {
                dir.state().failed = true;
            }
        }
        if self.open_shards.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        for dir in self.dirs.iter().filter(|dir| dir.log_dir.is_ok()) {
            let log_dir = dir.log_dir();
            let state = dir.state();
            let unopened = state.partitions.values().any(|opened| *opened == Opened::No);
            if !state.failed && (log_dir.was_clean() || !unopened) {
                log_dir.mark_clean(broker_epoch)?;
            }
        }
        Ok(())
    }
}

/// Opens a folder and looks into it.
fn take<D: Disk>(disk: &D, path: &Path) -> io::Result<(LogDir<D>, Scan<D>, Checkpoints)> {
    let log_dir = LogDir::open(disk, path)?;
    let found = log_dir.scan()?;
    Ok((log_dir, found, Checkpoints::read(disk, path)?))
}

/// Where a partition was found.
#[derive(Clone, Copy)]
struct Home {
    dir: DirIndex,
    moved: bool,
}

/// For names of folders that are put out of use while the log folders are opened: none of their clocks is known yet.
fn unique(dir: DirIndex) -> u128 {
    (1 << 127) | dir as u128
}

impl<D: Disk> Dir<D> {
    /// A folder that could not be opened.
    fn unopened(path: &Path, e: &io::Error) -> Self {
        let state = Mutex::new(DirState { failed: true, ..DirState::default() });
        Self { path: path.to_path_buf(), log_dir: Err(e.to_string()), state, refused_at: AtomicU64::new(0) }
    }

    fn log_dir(&self) -> std::sync::RwLockReadGuard<'_, LogDir<D>> {
        let log_dir = self.log_dir.as_ref().expect("nothing is asked of a folder that could not be opened");
        log_dir.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, DirState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoints {
    fn read<D: Disk>(disk: &D, path: &Path) -> io::Result<Self> {
        Ok(Self {
            recovery_points: read_offsets(disk, &path.join(RECOVERY_POINT))?,
            high_watermarks: read_offsets(disk, &path.join(HIGH_WATERMARK))?,
            log_starts: read_offsets(disk, &path.join(LOG_START))?,
            cleaned: read_offsets(disk, &path.join(CLEANER))?,
        })
    }
}
