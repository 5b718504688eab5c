//! The layout of a data folder, its lock and its format mark.
//!
//! * `dataDir/myid`, `dataDir/version-2/snapshot.<zxid>`, `acceptedEpoch`, `currentEpoch`
//! * `dataLogDir/version-2/log.<zxid>` (`dataLogDir` defaults to `dataDir`)
//! * ours, which upstream ignores: `castlekeep.lock` in both folders, `castlekeep.format` beside the snapshots,
//!   `castlekeep.synced` beside the logs; `castlekeep.logs-apart` beside snapshots whose logs are in a folder of their
//!   own, with the format mark there too

use std::io;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::names::{self, VERSION_DIR};
use super::snapshot_writer;
use crate::disk::Disk;

/// The format this version writes and the newest it reads.
pub const FORMAT: &str = "1";
const FORMAT_FILE: &str = "castlekeep.format";
/// Beside the snapshots: the logs are in another folder, which has the format mark too.
const APART_FILE: &str = "castlekeep.logs-apart";
const INITIALIZE_FILE: &str = "initialize";
const LOCK_FILE: &str = "castlekeep.lock";

/// An open, locked data folder.
pub struct DataDir<D: Disk> {
    /// The disk it lies on.
    pub disk: D,
    /// `dataDir`.
    pub data_dir: PathBuf,
    /// The folder of snapshots and epoch files.
    pub snap_dir: PathBuf,
    /// The folder of transaction logs.
    pub log_dir: PathBuf,
    /// Nothing in it may change: see [`DataDir::look`].
    pub read_only: bool,
    /// Whether the mark was there: the folder's last writer may have been us, and `castlekeep.synced` counts.
    pub marked: bool,
    _locks: Vec<D::Lock>,
}

impl<D: Disk> DataDir<D> {
    /// Makes what is missing, takes the locks, and checks mark and layout. Changes nothing that was there, except for
    /// removing our own unfinished snapshots.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(disk: D, data_dir: &Path, data_log_dir: Option<&Path>) -> Result<Self, StoreError> {
        let log_root = data_log_dir.unwrap_or(data_dir);
        let snap_dir = data_dir.join(VERSION_DIR);
        let log_dir = log_root.join(VERSION_DIR);
        let mut locks = Vec::new();
        for (root, dir) in [(data_dir, &snap_dir), (log_root, &log_dir)] {
            disk.create_dir_all(dir).map_err(StoreError::io("make the data folder", dir))?;
            if locks.is_empty() || root != data_dir {
                locks.push(lock(&disk, root)?);
            }
        }
        let marked = read_mark(&disk, &snap_dir.join(FORMAT_FILE))?;
        if snap_dir != log_dir {
            misplaced(&disk, &snap_dir, &log_dir)?;
        }
        elsewhere(&disk, &snap_dir, &log_dir)?;
        snapshot_writer::remove_leftovers(&disk, &snap_dir)
            .map_err(StoreError::io("remove unfinished snapshots in", &snap_dir))?;
        Ok(Self { disk, data_dir: data_dir.to_path_buf(), snap_dir, log_dir, marked, read_only: false, _locks: locks })
    }

    /// A folder that is only looked at: nothing is made, locked or removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn look(disk: D, data_dir: &Path, data_log_dir: Option<&Path>) -> Result<Self, StoreError> {
        let (snap_dir, log_dir) = (data_dir.join(VERSION_DIR), data_log_dir.unwrap_or(data_dir).join(VERSION_DIR));
        let marked = read_mark(&disk, &snap_dir.join(FORMAT_FILE))?;
        if snap_dir != log_dir {
            misplaced(&disk, &snap_dir, &log_dir)?;
        }
        elsewhere(&disk, &snap_dir, &log_dir)?;
        let data_dir = data_dir.to_path_buf();
        Ok(Self { disk, data_dir, snap_dir, log_dir, marked, read_only: true, _locks: Vec::new() })
    }

    /// Marks the folder as ours. Called after the restore succeeded and before anything of ours is written.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn mark(&mut self) -> Result<(), StoreError> {
        if self.snap_dir != self.log_dir {
            // First where the logs are: without it, the other one refuses the folder.
            self.write_mark(self.log_dir.join(FORMAT_FILE), FORMAT)?;
            self.write_mark(self.snap_dir.join(APART_FILE), &self.log_dir.display().to_string())?;
        } else {
            self.remove_if_there(&self.snap_dir.join(APART_FILE))?;
        }
        self.write_mark(self.snap_dir.join(FORMAT_FILE), FORMAT)?;
        self.marked = true;
        Ok(())
    }

    fn write_mark(&self, path: PathBuf, text: &str) -> Result<(), StoreError> {
        if self.disk.exists(&path).map_err(StoreError::io("look for", &path))? {
            return Ok(());
        }
        self.disk
            .replace_atomically(&path, format!("{text}\n").as_bytes())
            .map_err(StoreError::io("write the format mark", &path))
    }

    /// Whether an operator says that this folder may begin empty: the file `initialize` beside `version-2`.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn has_initialize(&self) -> Result<bool, StoreError> {
        let path = self.data_dir.join(INITIALIZE_FILE);
        self.disk.exists(&path).map_err(StoreError::io("look for", &path))
    }

    /// Removes the file `initialize`, which holds for one start.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_initialize(&self) -> Result<(), StoreError> {
        self.remove_if_there(&self.data_dir.join(INITIALIZE_FILE))
    }

    fn remove_if_there(&self, path: &Path) -> Result<(), StoreError> {
        if self.disk.exists(path).map_err(StoreError::io("look for", path))? {
            let dir = path.parent().unwrap_or(&self.data_dir);
            self.disk.remove_file(path).map_err(StoreError::io("remove", path))?;
            self.disk.sync_dir(dir).map_err(StoreError::io("sync", dir))?;
        }
        Ok(())
    }

    /// The server id in `myid`: the number in the first line.
    ///
    /// # Errors
    /// [`StoreError::Io`], also for a file that holds no number.
    pub fn myid(&self) -> Result<Option<i64>, StoreError> {
        let path = self.data_dir.join("myid");
        let bytes = match self.disk.read_all(&path, 4096) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(StoreError::io("read", &path))?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next().unwrap_or("").trim();
        line.parse().map(Some).map_err(|_| StoreError::Io {
            tried: "read a server id from",
            path,
            error: io::Error::new(io::ErrorKind::InvalidData, "the first line is not a number"),
        })
    }

    /// The bytes of all files in a folder of this data folder, for `dirs` and `conf`.
    pub fn size_bytes(&self, dir: &Path) -> u64 {
        let names = self.disk.list(dir).unwrap_or_default();
        names
            .iter()
            .filter_map(|name| self.disk.open(&dir.join(name), crate::disk::OpenMode::Read).ok())
            .fold(0, |sum, file| sum + crate::disk::DiskFile::len(&file).unwrap_or(0))
    }
}

fn lock<D: Disk>(disk: &D, root: &Path) -> Result<D::Lock, StoreError> {
    let path = root.join(LOCK_FILE);
    disk.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => StoreError::Locked { dir: root.to_path_buf() },
        _ => StoreError::Io { tried: "lock", path, error },
    })
}

fn read_mark<D: Disk>(disk: &D, path: &Path) -> Result<bool, StoreError> {
    let bytes = match disk.read_all(path, 4096) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(StoreError::io("read the format mark", path))?,
    };
    match String::from_utf8_lossy(&bytes).trim() {
        FORMAT => Ok(true),
        found => Err(StoreError::NewerFormat { path: path.to_path_buf(), found: found.to_string() }),
    }
}

fn misplaced<D: Disk>(disk: &D, snap_dir: &Path, log_dir: &Path) -> Result<(), StoreError> {
    let list = |dir: &Path| disk.list(dir).map_err(StoreError::io("list", dir));
    let wrong = |name: Option<&String>, dir: &Path, other: &Path| match name {
        None => Ok(()),
        Some(name) => Err(StoreError::Misplaced { path: dir.join(name), belongs_in: other.to_path_buf() }),
    };
    let in_snap = list(snap_dir)?;
    wrong(in_snap.iter().find(|name| names::parse_log_name(name).is_some()), snap_dir, log_dir)?;
    let in_log = list(log_dir)?;
    wrong(in_log.iter().find(|name| names::parse_snapshot_name(name).is_some()), log_dir, snap_dir)
}

/// A disk for logs that is not mounted is an empty folder, and a start would go on from the newest snapshot.
fn elsewhere<D: Disk>(disk: &D, snap_dir: &Path, log_dir: &Path) -> Result<(), StoreError> {
    let mark = snap_dir.join(APART_FILE);
    if !disk.exists(&mark).map_err(StoreError::io("look for", &mark))? {
        return Ok(());
    }
    let names = disk.list(log_dir).map_err(StoreError::io("list", log_dir))?;
    // The mark beside snapshots says nothing of logs.
    let marks = snap_dir != log_dir;
    let known = |name: &String| (marks && name == FORMAT_FILE) || names::parse_log_name(name).is_some();
    match names.iter().any(known) {
        true => Ok(()),
        false => Err(StoreError::LogsElsewhere { log_dir: log_dir.to_path_buf(), mark }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    #[test]
    fn a_folder_is_made_locked_and_marked_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut open = DataDir::open(FileDisk, dir.path(), None).unwrap();
        assert!(!open.marked);
        assert_eq!(open.myid().unwrap(), None);
        open.mark().unwrap();
        let second = DataDir::open(FileDisk, dir.path(), None).map(|_| ()).unwrap_err();
        assert!(matches!(second, StoreError::Locked { .. }), "{second}");
        drop(open);
        std::fs::write(dir.path().join("myid"), "3\n").unwrap();
        let open = DataDir::open(FileDisk, dir.path(), None).unwrap();
        assert!(open.marked);
        assert_eq!(open.myid().unwrap(), Some(3));
    }

    #[test]
    fn a_disk_of_logs_that_is_not_mounted_is_noticed() {
        let (dir, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = |logs: Option<&Path>| DataDir::open(FileDisk, dir.path(), logs).map(|mut open| open.mark().unwrap());
        open(Some(logs.path())).unwrap();
        open(Some(logs.path())).unwrap();
        let empty = tempfile::tempdir().unwrap();
        let error = open(Some(empty.path())).unwrap_err();
        assert!(error.to_string().contains("mount the disk"), "{error}");
        let error = DataDir::look(FileDisk, dir.path(), Some(empty.path())).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::LogsElsewhere { .. }), "{error}");
        // The logs were moved along by hand, as one moves Apache's.
        std::fs::write(empty.path().join(VERSION_DIR).join("log.1"), "").unwrap();
        open(Some(empty.path())).unwrap();
        let error = open(None).unwrap_err();
        assert!(error.to_string().contains("set dataLogDir back"), "{error}");
        // What the advice says.
        let third = tempfile::tempdir().unwrap();
        std::fs::remove_file(dir.path().join(VERSION_DIR).join(APART_FILE)).unwrap();
        open(Some(third.path())).unwrap();
    }

    #[test]
    fn a_newer_format_and_misplaced_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let version = dir.path().join(VERSION_DIR);
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join(FORMAT_FILE), "2\n").unwrap();
        let error = DataDir::open(FileDisk, dir.path(), None).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("format \"2\", this version knows 1"), "{error}");

        std::fs::write(version.join(FORMAT_FILE), "1\n").unwrap();
        std::fs::write(version.join("log.1"), "").unwrap();
        let logs = tempfile::tempdir().unwrap();
        let error = DataDir::open(FileDisk, dir.path(), Some(logs.path())).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Misplaced { .. }), "{error}");
    }
}
