//! Aborted transactions of a segment (upstream: `TransactionIndex`, `AbortedTxn`): version i16 = 0, producer id i64,
//! first offset i64, last offset i64, last stable offset i64; 34 bytes each, by ascending last offset. The file is made
//! with the first entry.

use std::io;
use std::path::Path;

use base::Reader;

use super::{context, damaged};
use crate::disk::{Disk, DiskFile, OpenMode};

/// Bytes of an entry.
const ENTRY_BYTES: usize = 34;
/// Largest file that is read.
const BYTES_MAX: u64 = 1 << 30;

/// One aborted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTxn {
    /// The producer.
    pub producer_id: i64,
    /// First data offset.
    pub first_offset: i64,
    /// Offset of the abort marker.
    pub last_offset: i64,
    /// The log's last stable offset once the marker was written.
    pub last_stable_offset: i64,
}

impl AbortedTxn {
    fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut out = [0; ENTRY_BYTES];
        out[2..10].copy_from_slice(&self.producer_id.to_be_bytes());
        out[10..18].copy_from_slice(&self.first_offset.to_be_bytes());
        out[18..26].copy_from_slice(&self.last_offset.to_be_bytes());
        out[26..34].copy_from_slice(&self.last_stable_offset.to_be_bytes());
        out
    }
}

/// Reads a segment's aborted transactions; an absent file is an empty one.
pub(super) fn read<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<AbortedTxn>> {
    let content = match disk.read_all(path, BYTES_MAX) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(context(e, "reading", path)),
    };
    let bad = |e: &dyn std::fmt::Display| damaged(path, format!("{e}; remove it to have it rebuilt after a kill"));
    if content.len() % ENTRY_BYTES != 0 {
        return Err(bad(&format!("{} bytes are no multiple of {ENTRY_BYTES}", content.len())));
    }
    let mut entries = Vec::with_capacity(content.len() / ENTRY_BYTES);
    let mut reader = Reader::new(content);
    while !reader.is_empty() {
        let mut entry = || -> Result<(i16, AbortedTxn), base::DecodeError> {
            let version = reader.i16()?;
            let (producer_id, first_offset) = (reader.i64()?, reader.i64()?);
            let (last_offset, last_stable_offset) = (reader.i64()?, reader.i64()?);
            Ok((version, AbortedTxn { producer_id, first_offset, last_offset, last_stable_offset }))
        };
        let (version, entry) = entry().map_err(|e| bad(&e))?;
        if version > 0 {
            return Err(bad(&format!("version {version} is newer than this server knows")));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Adds an entry at the end.
pub(super) fn append<D: Disk>(disk: &D, path: &Path, entry: &AbortedTxn) -> io::Result<()> {
    let file = disk.open(path, OpenMode::Create).map_err(|e| context(e, "opening", path))?;
    let whole = file.len()? / ENTRY_BYTES as u64 * ENTRY_BYTES as u64;
    file.write_at(&entry.encode(), whole).map_err(|e| context(e, "writing", path))
}

/// Replaces the content; with no entry the file goes.
pub(super) fn rewrite<D: Disk>(disk: &D, path: &Path, entries: &[AbortedTxn]) -> io::Result<()> {
    if entries.is_empty() {
        return match disk.exists(path)? {
            true => disk.remove_file(path).map_err(|e| context(e, "removing", path)),
            false => Ok(()),
        };
    }
    let file = disk.open(path, OpenMode::Create).map_err(|e| context(e, "opening", path))?;
    let bytes: Vec<u8> = entries.iter().flat_map(AbortedTxn::encode).collect();
    file.set_len(0).and_then(|()| file.write_at(&bytes, 0)).map_err(|e| context(e, "writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    #[test]
    fn entries_come_back_and_nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.txnindex");
        let entry = |i: i64| AbortedTxn {
            producer_id: i,
            first_offset: i * 10,
            last_offset: i * 10 + 5,
            last_stable_offset: 3,
        };
        assert_eq!(read(&FileDisk, &path).unwrap(), []);
        append(&FileDisk, &path, &entry(1)).unwrap();
        append(&FileDisk, &path, &entry(2)).unwrap();
        assert_eq!(read(&FileDisk, &path).unwrap(), [entry(1), entry(2)]);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[..10], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(bytes.len(), 68);
        std::fs::write(&path, &bytes[..40]).unwrap();
        assert_eq!(read(&FileDisk, &path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        rewrite(&FileDisk, &path, &[entry(3)]).unwrap();
        assert_eq!(read(&FileDisk, &path).unwrap(), [entry(3)]);
        rewrite(&FileDisk, &path, &[]).unwrap();
        assert!(!path.exists());
    }
}
