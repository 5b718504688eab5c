//! One entry of `log.dirs` (upstream: `LogManager`, `CleanShutdownFileHandler`, `PartitionMetadataFile`).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::log::LogConfig;
use broker::{TopicId, TopicPartition};

use super::checkpoint::{self, Offsets, offsets_text, read_or_set_aside};
use super::load::{OpenOptions, Recovered};
use super::log::{Log, RemoveJob};
use super::meta_properties::{FILE as META_PROPERTIES, MetaProperties};
use super::names::{DELETE, FUTURE, FolderKind, delete_folder_name, future_folder_name, parse_folder_name};
use super::{context, damaged};
use crate::disk::{Disk, DiskFile, OpenMode};

const LOCK: &str = ".lock";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
/// In a partition's folder that has just come from another log folder, until the old one is out of use: of two folders of
/// one partition it marks the one that counts.
const MOVED: &str = "castlekeep.moved";
const PARTITION_METADATA: &str = "partition.metadata";
/// `version: 0`, a line feed, `topic_id: ` and 22 characters.
const PARTITION_METADATA_BYTES: usize = 11 + 10 + 22;

/// A log folder, held by this process.
pub struct LogDir<D: Disk> {
    disk: D,
    path: Arc<Path>,
    meta: Option<MetaProperties>,
    clean_broker_epoch: Option<i64>,
    recovery_points: Offsets,
    log_starts: Offsets,
    high_watermarks: Offsets,
    warnings: Vec<String>,
    _lock: D::Lock,
}

/// A partition folder that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPartition {
    /// Which partition.
    pub partition: TopicPartition,
    /// The topic's id from `partition.metadata`; zero when it has none.
    pub topic_id: TopicId,
    /// Whether it came from another log folder and the old one may still be there.
    pub moved: bool,
}

/// What [`LogDir::scan`] finds.
pub struct Scan<D: Disk> {
    /// The partitions.
    pub partitions: Vec<FoundPartition>,
    /// Partitions that were on their way to this folder.
    pub futures: Vec<TopicPartition>,
    /// What is left of deleted partitions and of copies that did not come to their end.
    pub leftovers: Vec<RemoveJob<D>>,
}

/// A checkpoint file's new content; to be run away from the log's thread, since it syncs.
#[derive(Clone, Debug)]
pub struct CheckpointJob<D: Disk> {
    disk: D,
    path: PathBuf,
    text: String,
}

impl<D: Disk> CheckpointJob<D> {
    /// Replaces the file.
    ///
    /// # Errors
    /// As the disk reports them. Never run it again: the log folder has to go offline.
    pub fn run(self) -> io::Result<()> {
        let replaced = self.disk.replace_atomically(&self.path, self.text.as_bytes());
        replaced.map_err(|e| context(e, "writing", &self.path))
    }
}

impl<D: Disk> LogDir<D> {
    /// Takes a log folder, which is made when absent: lock, identity, checkpoints, and whether it was stopped cleanly.
    /// From here on, until [`LogDir::mark_clean`], a stop counts as unclean.
    ///
    /// # Errors
    /// `WouldBlock` when another process holds the folder; `InvalidData` for one that this server cannot serve; else as
    /// the disk reports them.
    pub fn open(disk: &D, path: &Path) -> io::Result<Self> {
        disk.create_dir_all(path).map_err(|e| context(e, "making the log folder", path))?;
        let lock = disk.lock(&path.join(LOCK)).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => io::Error::new(
                io::ErrorKind::WouldBlock,
                format!(
                    "the log folder {} is in use by another process: stop that one, or name another folder in log.dirs",
                    path.display()
                ),
            ),
            _ => context(e, "locking the log folder", path),
        })?;
        let meta = MetaProperties::read(disk, path)?;
        let mut warnings = Vec::new();
        let mut offsets = |name: &str| read_or_set_aside(disk, path, name, &mut warnings);
        let recovery_points = offsets(checkpoint::RECOVERY_POINT)?;
        let log_starts = offsets(checkpoint::LOG_START)?;
        let high_watermarks = offsets(checkpoint::HIGH_WATERMARK)?;
        // Read again by whoever cleans.
        offsets(checkpoint::CLEANER)?;
        let dir = Self {
            recovery_points,
            log_starts,
            high_watermarks,
            warnings,
            clean_broker_epoch: take_clean_mark(disk, path)?,
            disk: disk.clone(),
            path: path.into(),
            meta,
            _lock: lock,
        };
        Ok(dir)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was found damaged and begun anew, for the server's log.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What `meta.properties` says; `None` in a new folder.
    pub fn meta(&self) -> Option<&MetaProperties> {
        self.meta.as_ref()
    }

    /// Whether the last stop was clean.
    pub fn was_clean(&self) -> bool {
        self.clean_broker_epoch.is_some()
    }

    /// The broker epoch at the last clean stop; -1 after an unclean one.
    pub fn clean_broker_epoch(&self) -> i64 {
        self.clean_broker_epoch.unwrap_or(-1)
    }

    /// Ties the folder to a cluster and a broker, or checks that it is tied to these.
    ///
    /// # Errors
    /// `InvalidData` when it belongs elsewhere; else as the disk reports them.
    pub fn claim(&mut self, cluster_id: &str, broker_id: i32) -> io::Result<()> {
        let path = self.path.join(META_PROPERTIES);
        let meta = self.meta.clone().unwrap_or_default();
        if let Some(other) = meta.cluster_id.as_deref().filter(|other| *other != cluster_id) {
            let what = format!(
                "this folder belongs to the cluster {other}, not to {cluster_id}: \
                 check zookeeper.connect, or name another folder in log.dirs"
            );
            return Err(damaged(&path, what));
        }
        if let Some(other) = meta.broker_id.filter(|other| *other != broker_id) {
            let what = format!(
                "this folder belongs to broker {other}, the configuration says broker.id={broker_id}: correct one of them"
            );
            return Err(damaged(&path, what));
        }
        let claimed = MetaProperties { cluster_id: Some(cluster_id.into()), broker_id: Some(broker_id), ..meta };
        if self.meta.as_ref() != Some(&claimed) {
            claimed.write(&self.disk, &self.path)?;
            self.meta = Some(claimed);
        }
        Ok(())
    }

    /// The partitions in this folder, and what is left of others.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn scan(&self) -> io::Result<Scan<D>> {
        let mut scan = Scan { partitions: Vec::new(), futures: Vec::new(), leftovers: Vec::new() };
        for name in self.disk.list(&self.path).map_err(|e| context(e, "listing the log folder", &self.path))? {
            let folder = self.path.join(&name);
            match parse_folder_name(&name) {
                FolderKind::Partition(partition) if self.disk.is_dir(&folder)? => {
                    let topic_id = self.topic_id(&folder)?;
                    let moved = self.disk.exists(&folder.join(MOVED))?;
                    scan.partitions.push(FoundPartition { partition, topic_id, moved });
                }
                FolderKind::Delete => scan.leftovers.push(self.remove(folder)),
                // The copy begins anew.
                FolderKind::Future(partition) => {
                    scan.futures.extend(partition);
                    scan.leftovers.push(self.remove(folder));
                }
                // Strays are left for an operator to look at.
                FolderKind::Partition(_) | FolderKind::Stray | FolderKind::Other => {}
            }
        }
        Ok(scan)
    }

    fn remove(&self, folder: PathBuf) -> RemoveJob<D> {
        RemoveJob { disk: self.disk.clone(), files: Vec::new(), folder: Some(folder) }
    }

    fn topic_id(&self, folder: &Path) -> io::Result<TopicId> {
        let path = folder.join(PARTITION_METADATA);
        let content = match self.disk.read_all(&path, 4096) {
            Ok(content) => content,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(TopicId::ZERO),
            Err(e) => return Err(context(e, "reading", &path)),
        };
        let text = String::from_utf8_lossy(&content);
        let mut lines = text.lines();
        let version = lines.next().and_then(|line| line.strip_prefix("version:")).map(str::trim);
        let id = lines.next().and_then(|line| line.strip_prefix("topic_id:")).and_then(|id| parse_id(id.trim()));
        match (version, id) {
            (Some("0"), Some(id)) => Ok(id),
            // It is not synced before the first flush, so a power cut or a full disk can leave zeros or a part of it; the
            // controller says it again.
            _ if content.iter().all(|byte| *byte == 0) || content.len() < PARTITION_METADATA_BYTES => Ok(TopicId::ZERO),
            _ => Err(damaged(&path, "should be 'version: 0' and 'topic_id: <22 characters>'; remove it to go on")),
        }
    }

    /// The folder of a partition.
    pub fn partition_path(&self, partition: &TopicPartition) -> PathBuf {
        self.path.join(partition.to_string())
    }

    /// Opens the log of a partition that [`LogDir::scan`] found. Returns also its high watermark from the checkpoint,
    /// within the log's bounds.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_log(
        &self,
        partition: &TopicPartition,
        config: Arc<LogConfig>,
        now_ms: i64,
        producer_expiration_ms: i64,
    ) -> io::Result<(Log<D>, Recovered, i64)> {
        let of = |offsets: &Offsets| offsets.get(partition).copied();
        let options = OpenOptions {
            config,
            clean: self.was_clean(),
            recovery_point: of(&self.recovery_points).unwrap_or(0),
            log_start_offset: of(&self.log_starts).unwrap_or(0),
            now_ms,
            producer_expiration_ms,
        };
        let (log, recovered) = Log::open(&self.disk, &self.partition_path(partition), &options)?;
        let (start, end) = (recovered.log_start_offset, recovered.log_end_offset);
        let high_watermark = of(&self.high_watermarks).unwrap_or(start).clamp(start, end);
        Ok((log, recovered, high_watermark))
    }

    /// Makes the folder and the log of a new partition.
    ///
    /// # Errors
    /// As the disk reports them; `AlreadyExists` when the folder is there.
    pub fn create_log(
        &self,
        partition: &TopicPartition,
        topic_id: TopicId,
        config: Arc<LogConfig>,
        now_ms: i64,
    ) -> io::Result<Log<D>> {
        let dir = self.partition_path(partition);
        if self.disk.exists(&dir)? {
            let what = format!("the partition folder {} exists already: it should have been opened", dir.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        self.disk.create_dir_all(&dir).map_err(|e| context(e, "making the partition folder", &dir))?;
        let mut log = Log::create(&self.disk, &dir, config, 0, now_ms)?;
        if !topic_id.is_zero() {
            log.write_partition_metadata(topic_id)?;
        }
        Ok(log)
    }

    /// Removes what [`LogDir::create_log`] has made before it failed. What cannot be removed holds no record.
    pub fn abandon_new(&self, partition: &TopicPartition) {
        let _ = self.disk.remove_dir_all(&self.partition_path(partition));
    }

    /// Takes a partition's folder out of use: it is renamed at once and removed by the job. `unique` makes its new name
    /// differ from those before.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn delete_log(&self, partition: &TopicPartition, log: Log<D>, unique: u128) -> io::Result<RemoveJob<D>> {
        let removal = self.retire(partition, unique)?;
        // Reads that are under way still find its files.
        log.dir.moved_to(removal.folder.as_deref().expect("a folder"));
        Ok(removal)
    }

    /// As [`LogDir::delete_log`] of a partition that nobody has open.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn retire(&self, partition: &TopicPartition, unique: u128) -> io::Result<RemoveJob<D>> {
        let from = self.partition_path(partition);
        let named = |unique| self.path.join(delete_folder_name(partition, unique));
        let (mut unique, mut to) = (unique, named(unique));
        while self.disk.exists(&to)? {
            unique = unique.wrapping_add(1);
            to = named(unique);
        }
        self.disk.rename(&from, &to).map_err(|e| context(e, "renaming the partition folder", &from))?;
        self.sync()?;
        Ok(self.remove(to))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync_dir(&self.path).map_err(|e| context(e, "syncing the folder", &self.path))
    }

    /// Makes the folder and the log that a partition is copied into from another log folder; it begins at
    /// `start_offset`. `unique` makes its name differ from those before.
    ///
    /// # Errors
    /// `InvalidInput` when the topic's name is too long for it; else as the disk reports them.
    pub fn create_future(
        &self,
        partition: &TopicPartition,
        unique: u128,
        topic_id: TopicId,
        config: Arc<LogConfig>,
        start_offset: i64,
        now_ms: i64,
    ) -> io::Result<Log<D>> {
        let Some(name) = future_folder_name(partition, unique) else {
            let what = format!("the name of topic {} is too long for it to be moved", partition.topic);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        };
        let dir = self.path.join(name);
        self.disk.create_dir_all(&dir).map_err(|e| context(e, "making the folder", &dir))?;
        let mut log = Log::create(&self.disk, &dir, config, start_offset, now_ms)?;
        if !topic_id.is_zero() {
            log.write_partition_metadata(topic_id)?;
        }
        Ok(log)
    }

    /// Marks a copy that is whole and synced as the one that counts, once it has its partition's name. Run away from the
    /// log's thread: it syncs.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn mark_moved(&self, future: &Path) -> io::Result<()> {
        let path = future.join(MOVED);
        self.disk.replace_atomically(&path, b"").map_err(|e| context(e, "writing", &path))
    }

    /// Gives a marked copy its partition's name. From here on it counts.
    ///
    /// # Errors
    /// As the disk reports them. The second value says whether the copy may count all the same: nothing may be written
    /// to the old log then.
    pub fn take_over(&self, partition: &TopicPartition, log: &Log<D>) -> Result<(), (io::Error, bool)> {
        let (from, to) = (log.dir(), self.partition_path(partition));
        self.disk.rename(&from, &to).map_err(|e| (context(e, "renaming the folder", &from), false))?;
        log.dir.moved_to(&to);
        self.sync().map_err(|e| (e, true))
    }

    /// The old folder is out of use, so the mark of [`LogDir::mark_moved`] can go.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn unmark_moved(&self, partition: &TopicPartition) -> io::Result<()> {
        let dir = self.partition_path(partition);
        let path = dir.join(MOVED);
        self.disk.remove_file(&path).map_err(|e| context(e, "removing", &path))?;
        self.disk.sync_dir(&dir).map_err(|e| context(e, "syncing the folder", &dir))
    }

    /// What removes a copy that is not wanted any more. Its name says so at once, if the disk allows: the next start goes
    /// on with a move whose copy it finds.
    pub fn drop_future(&self, log: Log<D>) -> RemoveJob<D> {
        let future = log.dir().to_path_buf();
        let name = future.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(FUTURE));
        let renamed = name.map(|name| self.path.join(format!("{name}{DELETE}")));
        match renamed {
            Some(renamed) if self.disk.rename(&future, &renamed).is_ok() => {
                // Behind a power cut the move may begin anew, which harms nobody.
                let _ = self.sync();
                self.remove(renamed)
            }
            _ => self.remove(future),
        }
    }

    /// The recovery points of all partitions of this folder.
    pub fn checkpoint_recovery_points(&self, offsets: &Offsets) -> CheckpointJob<D> {
        self.checkpoint(checkpoint::RECOVERY_POINT, offsets)
    }

    /// The high watermarks of all partitions of this folder: the file is rewritten whole.
    pub fn checkpoint_high_watermarks(&self, offsets: &Offsets) -> CheckpointJob<D> {
        self.checkpoint(checkpoint::HIGH_WATERMARK, offsets)
    }

    /// The log start offsets of those partitions whose log starts behind their first segment's base.
    pub fn checkpoint_log_starts(&self, offsets: &Offsets) -> CheckpointJob<D> {
        self.checkpoint(checkpoint::LOG_START, offsets)
    }

    /// Where compaction goes on, of those partitions that were compacted.
    pub fn checkpoint_cleaned(&self, offsets: &Offsets) -> CheckpointJob<D> {
        self.checkpoint(checkpoint::CLEANER, offsets)
    }

    fn checkpoint(&self, name: &str, offsets: &Offsets) -> CheckpointJob<D> {
        CheckpointJob { disk: self.disk.clone(), path: self.path.join(name), text: offsets_text(offsets) }
    }

    /// Says that all logs are closed and flushed and all checkpoints written; the last thing before the process ends.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn mark_clean(&self, broker_epoch: i64) -> io::Result<()> {
        let path = self.path.join(CLEAN_SHUTDOWN);
        let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        self.disk.replace_atomically(&path, text.as_bytes()).map_err(|e| context(e, "writing", &path))
    }
}

/// Reads and removes the clean-shutdown mark. Its removal is synced before anything is written: a mark that came back
/// after a power cut would hide what the cut tore.
fn take_clean_mark<D: Disk>(disk: &D, dir: &Path) -> io::Result<Option<i64>> {
    let path = dir.join(CLEAN_SHUTDOWN);
    let content = match disk.read_all(&path, 4096) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(context(e, "reading", &path)),
    };
    disk.remove_file(&path).map_err(|e| context(e, "removing", &path))?;
    disk.sync_dir(dir).map_err(|e| context(e, "syncing the folder", dir))?;
    // Brokers before 3.6 left the file empty.
    let text = String::from_utf8_lossy(&content);
    let epoch = text.split("\"brokerEpoch\"").nth(1).and_then(|rest| {
        let digits: String = rest.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
        digits.parse().ok()
    });
    Ok(Some(epoch.unwrap_or(-1)))
}

/// Kafka's text form of an id: 22 characters of URL-safe base64.
fn parse_id(text: &str) -> Option<TopicId> {
    if text.len() != 22 {
        return None;
    }
    let mut value: u128 = 0;
    for (i, c) in text.bytes().enumerate() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        value = if i < 21 { value << 6 | u128::from(six) } else { value << 2 | u128::from(six >> 4) };
    }
    Some(TopicId(value.to_be_bytes()))
}

impl<D: Disk> Log<D> {
    /// Writes `partition.metadata` (`version: 0`, `topic_id: ...`); the next flush syncs it.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn write_partition_metadata(&mut self, topic_id: TopicId) -> io::Result<()> {
        let path = self.dir.join(PARTITION_METADATA);
        let text = format!("version: 0\ntopic_id: {topic_id}");
        let write = || {
            let file = self.disk.open(&path, OpenMode::Create)?;
            file.set_len(0)?;
            file.write_at(text.as_bytes(), 0)?;
            Ok(file)
        };
        let file = write().map_err(|e: io::Error| context(e, "writing", &path))?;
        self.unsynced.push((path, Arc::new(file)));
        self.names_changed = true;
        Ok(())
    }
}
