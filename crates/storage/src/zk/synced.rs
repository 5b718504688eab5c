//! `castlekeep.synced`, beside the transaction logs: how far the newest log is known to be on the disk.
//!
//! A group of entries is written with one sync, and its pages may reach the disk in any order. So damage in the last,
//! never acknowledged group is ordinary after a power cut, and damage before it is the loss of acknowledged writes.
//! Two facts tell them apart without a second sync per group:
//!
//! * a group is written only after the one before is synced, and holds at most `group_bytes_max` bytes. Damage that
//!   is followed, further than that, by anything but zeros lies in a synced group;
//! * `synced` is a floor, raised a few times a second behind the syncs of the log.
//!
//! The record is written and synced *before* a log file is made, and before a group larger than its bound is written;
//! so a log without a record is not ours, and Apache's rule holds for it.
//!
//! Two slots of 64 bytes, 512 apart, written in turn and each synced before the other is touched: a torn write
//! leaves the older one. Slot: 8 bytes "CKSYNC01", then big-endian u64 each: sequence, log zxid, synced offset,
//! group bytes max, zxid of the last synced entry; then u32 CRC-32C of all before.

use std::io;
use std::path::{Path, PathBuf};

use base::checksum::crc32c;

use crate::disk::{Disk, DiskFile, OpenMode};

/// The file's name, in the folder of the logs.
pub const FILE_NAME: &str = "castlekeep.synced";

const MAGIC: &[u8; 8] = b"CKSYNC01";
const SLOT_BYTES: usize = 52;
const SLOT_DISTANCE: u64 = 512;

/// What is known of the newest log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The zxid in the log file's name.
    pub log_zxid: i64,
    /// Every byte before this offset was synced.
    pub synced: u64,
    /// No group in this file has more bytes.
    pub group_bytes_max: u64,
    /// The zxid of the last entry before `synced`; 0 when there is none.
    pub last_zxid: i64,
}

/// The open side file.
pub struct SyncedFile<D: Disk> {
    disk: D,
    path: PathBuf,
    file: Option<D::File>,
    sequence: u64,
    claim: Option<Claim>,
}

impl<D: Disk> SyncedFile<D> {
    /// Reads what is there. Nothing is made before the first [`SyncedFile::write`].
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn open(disk: D, dir: &Path) -> io::Result<Self> {
        Self::open_as(disk, dir, OpenMode::Write)
    }

    /// As [`SyncedFile::open`], from a file that may only be read.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn look(disk: D, dir: &Path) -> io::Result<Self> {
        Self::open_as(disk, dir, OpenMode::Read)
    }

    fn open_as(disk: D, dir: &Path, mode: OpenMode) -> io::Result<Self> {
        let path = dir.join(FILE_NAME);
        let mut this = Self { disk, path, file: None, sequence: 0, claim: None };
        match this.disk.open(&this.path, mode) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(this),
            Err(e) => return Err(e),
            Ok(file) => this.file = Some(file),
        }
        let file = this.file.as_ref().expect("just opened");
        for slot in 0..2 {
            let mut bytes = [0; SLOT_BYTES];
            let read = file.read_at(&mut bytes, slot * SLOT_DISTANCE)?;
            if let Some((sequence, claim)) = decode(&bytes[..read])
                && sequence >= this.sequence
            {
                this.sequence = sequence;
                this.claim = Some(claim);
            }
        }
        Ok(this)
    }

    /// The newest record.
    pub fn claim(&self) -> Option<Claim> {
        self.claim
    }

    /// Writes a record and makes it durable. Records of an older log, or with a smaller offset in the same log, are
    /// dropped, and a bound of groups that was raised for this log stays: two jobs may arrive out of order.
    ///
    /// # Errors
    /// As the disk reports them; after an error of the sync nothing may be trusted.
    pub fn write(&mut self, mut claim: Claim) -> io::Result<()> {
        if let Some(old) = self.claim {
            if old.log_zxid > claim.log_zxid || (old.log_zxid == claim.log_zxid && old.synced > claim.synced) {
                return Ok(());
            }
            if old.log_zxid == claim.log_zxid {
                claim.group_bytes_max = claim.group_bytes_max.max(old.group_bytes_max);
            }
        }
        self.write_always(claim)
    }

    /// As [`SyncedFile::write`], whatever the record before says: recovery has judged it.
    ///
    /// # Errors
    /// As [`SyncedFile::write`].
    pub fn write_always(&mut self, claim: Claim) -> io::Result<()> {
        if self.file.is_none() {
            let file = self.disk.open(&self.path, OpenMode::Create)?;
            self.disk.sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            self.file = Some(file);
        }
        let file = self.file.as_ref().expect("opened above");
        let sequence = self.sequence + 1;
        file.write_at(&encode(sequence, claim), (sequence % 2) * SLOT_DISTANCE)?;
        file.sync_data()?;
        self.sequence = sequence;
        self.claim = Some(claim);
        Ok(())
    }
}

impl<D: Disk> SyncedFile<D> {
    /// Says nothing of any log any more: Apache's rules hold, until the next file of the log is begun. For changes of the
    /// logs that are durable by themselves.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn forget(&mut self) -> io::Result<()> {
        if self.file.take().is_some() {
            self.disk.remove_file(&self.path)?;
            self.disk.sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        }
        (self.claim, self.sequence) = (None, 0);
        Ok(())
    }
}

fn encode(sequence: u64, claim: Claim) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    let fields = [sequence, claim.log_zxid as u64, claim.synced, claim.group_bytes_max, claim.last_zxid as u64];
    for (field, place) in fields.iter().zip(bytes[8..48].chunks_exact_mut(8)) {
        place.copy_from_slice(&field.to_be_bytes());
    }
    let checksum = crc32c(&bytes[..48]);
    bytes[48..].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(u64, Claim)> {
    let bytes: &[u8; SLOT_BYTES] = bytes.try_into().ok()?;
    if &bytes[..8] != MAGIC || crc32c(&bytes[..48]).to_be_bytes() != bytes[48..] {
        return None;
    }
    let field = |i: usize| u64::from_be_bytes(bytes[8 + 8 * i..16 + 8 * i].try_into().expect("eight bytes"));
    let claim =
        Claim { log_zxid: field(1) as i64, synced: field(2), group_bytes_max: field(3), last_zxid: field(4) as i64 };
    Some((field(0), claim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    fn claim(log_zxid: i64, synced: u64) -> Claim {
        Claim { log_zxid, synced, group_bytes_max: 1 << 20, last_zxid: 7 }
    }

    #[test]
    fn the_newest_whole_record_counts_and_nothing_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut side = SyncedFile::open(FileDisk, dir.path()).unwrap();
        assert_eq!(side.claim(), None);
        side.write(claim(1, 100)).unwrap();
        side.write(claim(1, 200)).unwrap();
        side.write(claim(1, 150)).unwrap();
        side.write(claim(0, 999)).unwrap();
        assert_eq!(side.claim(), Some(claim(1, 200)));
        assert_eq!(SyncedFile::open(FileDisk, dir.path()).unwrap().claim(), Some(claim(1, 200)));

        // A torn second slot leaves the first.
        let file = FileDisk.open(&dir.path().join(FILE_NAME), OpenMode::Write).unwrap();
        file.write_at(&[0xff; 4], 20).unwrap();
        let newest_gone = SyncedFile::open(FileDisk, dir.path()).unwrap().claim();
        assert_eq!(newest_gone, Some(claim(1, 100)));
    }
}
