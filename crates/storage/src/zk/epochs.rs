//! `acceptedEpoch` and `currentEpoch`: ASCII decimal, replaced atomically.
//!
//! acceptedEpoch is the highest epoch of a leader that this server promised to follow; currentEpoch the epoch whose
//! history it holds. Upstream: `quorum/QuorumPeer.java`.

use std::io;
use std::path::Path;

use super::error::StoreError;
use crate::disk::Disk;

/// The two epochs of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// The highest epoch promised.
    pub accepted: i64,
    /// The epoch whose history is held.
    pub current: i64,
}

const ACCEPTED: &str = "acceptedEpoch";
const CURRENT: &str = "currentEpoch";

/// Reads both; a missing file counts as the epoch of `last_zxid`.
///
/// # Errors
/// [`StoreError::Io`], also when the files contradict each other or the log.
pub fn read<D: Disk>(disk: &D, dir: &Path, last_zxid: i64) -> Result<Epochs, StoreError> {
    let of_log = (last_zxid as u64 >> 32) as i64;
    let mut current = read_one(disk, dir, CURRENT)?.unwrap_or(of_log);
    let accepted = read_one(disk, dir, ACCEPTED)?.unwrap_or(of_log);
    if of_log > current {
        // A crash between the log of a new epoch and the renaming of its file (ZOOKEEPER-1653). Transactions of an epoch
        // are only logged behind the promise to follow its leader, and behind all of that leader's history.
        let promised = of_log <= accepted || read_one(disk, dir, "currentEpoch.tmp")? == Some(of_log);
        if !promised {
            return Err(contradiction(dir, CURRENT, "it is older than the epoch of the last transaction"));
        }
        current = of_log;
    }
    if accepted < current {
        return Err(contradiction(dir, ACCEPTED, "it is older than currentEpoch"));
    }
    Ok(Epochs { accepted, current })
}

/// Writes acceptedEpoch durably.
///
/// # Errors
/// As the disk reports them.
pub fn write_accepted<D: Disk>(disk: &D, dir: &Path, epoch: i64) -> io::Result<()> {
    disk.replace_atomically(&dir.join(ACCEPTED), epoch.to_string().as_bytes())
}

/// Writes currentEpoch durably.
///
/// # Errors
/// As the disk reports them.
pub fn write_current<D: Disk>(disk: &D, dir: &Path, epoch: i64) -> io::Result<()> {
    disk.replace_atomically(&dir.join(CURRENT), epoch.to_string().as_bytes())
}

fn read_one<D: Disk>(disk: &D, dir: &Path, name: &str) -> Result<Option<i64>, StoreError> {
    let path = dir.join(name);
    let bytes = match disk.read_all(&path, 64) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::io("read", &path))?,
    };
    match String::from_utf8_lossy(&bytes).trim().parse() {
        Ok(epoch) => Ok(Some(epoch)),
        Err(_) => Err(contradiction(dir, name, "it holds no number")),
    }
}

fn contradiction(dir: &Path, name: &str, what: &'static str) -> StoreError {
    StoreError::Io {
        tried: "use the epoch in",
        path: dir.join(name),
        error: io::Error::new(io::ErrorKind::InvalidData, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    #[test]
    fn epochs_follow_upstreams_rules() {
        let dir = tempfile::tempdir().unwrap();
        let read = |zxid| read(&FileDisk, dir.path(), zxid);
        assert_eq!(read(5 << 32).unwrap(), Epochs { accepted: 5, current: 5 });
        write_accepted(&FileDisk, dir.path(), 7).unwrap();
        write_current(&FileDisk, dir.path(), 6).unwrap();
        assert_eq!(read(5 << 32).unwrap(), Epochs { accepted: 7, current: 6 });
        assert_eq!(read(7 << 32).unwrap(), Epochs { accepted: 7, current: 7 }, "a crash behind the history of 7");
        assert!(read(8 << 32).is_err(), "the log is of an epoch that was not promised");
        std::fs::write(dir.path().join("currentEpoch.tmp"), "7").unwrap();
        assert_eq!(read(7 << 32).unwrap().current, 7);
        write_accepted(&FileDisk, dir.path(), 5).unwrap();
        assert!(read(5 << 32).is_err(), "accepted below current");
    }
}
