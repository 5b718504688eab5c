//! Reads one transaction log file: header, then entries until the padding.
//!
//! | part | bytes |
//! |---|---|
//! | header | int magic "ZKLG", int version 2, long dbid |
//! | entry | long Adler-32 of the payload, int length, payload, byte 'B' |
//! | padding | zeros |
//!
//! Upstream: `persistence/FileTxnLog.java`.

use std::io;

use base::checksum::adler32;
use bytes::Bytes;

use crate::disk::DiskFile;

/// "ZKLG"
pub const MAGIC: u32 = 0x5A4B_4C47;
/// The format's version, in every header.
pub const VERSION: u32 = 2;
/// Bytes of the header.
pub const HEADER_BYTES: u64 = 16;
/// Bytes that an entry adds to its payload: checksum, length, end mark.
pub const ENTRY_OVERHEAD: u64 = 13;
/// The last byte of an entry.
pub const END_MARK: u8 = b'B';

const BLOCK_BYTES: usize = 256 * 1024;

/// The header of a transaction log.
pub fn header() -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[..4].copy_from_slice(&MAGIC.to_be_bytes());
    bytes[4..8].copy_from_slice(&VERSION.to_be_bytes());
    bytes
}

/// The version in the first bytes of a file with this magic number, when it is later than [`VERSION`]. Upstream counts
/// versions up, so a large number is damage and no version.
pub fn later_version(head: &[u8], magic: u32) -> Option<u32> {
    let rest = head.strip_prefix(&magic.to_be_bytes())?;
    Some(u32::from_be_bytes(*rest.first_chunk()?)).filter(|version| (VERSION + 1..256).contains(version))
}

/// The zxid in an entry's payload, which begins with a `TxnHeader` (long clientId, int cxid, long zxid, long time,
/// int type); `None` when the payload is too short for one.
pub fn payload_zxid(payload: &[u8]) -> Option<i64> {
    let field = payload.get(12..20)?;
    if payload.len() < 32 {
        return None;
    }
    Some(i64::from_be_bytes(field.try_into().expect("eight bytes")))
}

/// What lies at the reader's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole entry with the right checksum. The position moved behind it.
    Entry {
        /// The transaction's zxid.
        zxid: i64,
        /// TxnHeader, transaction, digest.
        payload: Bytes,
    },
    /// The file ends here, or the padding begins. The position stays, as in the cases below.
    End,
    /// An entry that is cut off or lacks its end mark.
    Partial,
    /// An entry whose checksum does not match, or whose payload holds no header.
    Corrupt,
}

/// Walks over the entries of one file.
pub struct LogReader<F> {
    file: F,
    len: u64,
    position: u64,
    block: Bytes,
    block_at: u64,
}

impl<F: DiskFile> LogReader<F> {
    /// Starts behind the header. `None` when the file does not begin with one (it is empty, torn, or no log).
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn open(file: F) -> io::Result<Option<Self>> {
        let len = file.len()?;
        let mut reader = Self { file, len, position: HEADER_BYTES, block: Bytes::new(), block_at: 0 };
        let head = reader.bytes_at(0, HEADER_BYTES)?;
        let good = head.is_some_and(|head| head[..8] == header()[..8]);
        Ok(good.then_some(reader))
    }

    /// Where the next entry begins, or the damage that stopped the walk.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes on behind `bytes` that were judged by other means: for repairs.
    pub fn skip(&mut self, bytes: u64) {
        self.position += bytes;
    }

    /// The file's length.
    pub fn file_len(&self) -> u64 {
        self.len
    }

    /// The file itself.
    pub fn file(&self) -> &F {
        &self.file
    }

    /// The next entry.
    ///
    /// # Errors
    /// As the disk reports them; what the bytes say is never an error here.
    pub fn next_entry(&mut self) -> io::Result<Found> {
        if self.position >= self.len {
            return Ok(Found::End);
        }
        let Some(head) = self.bytes_at(self.position, 12)? else {
            // Fewer than twelve bytes: padding that was cut, or the beginning of an entry.
            let left = self.len - self.position;
            let rest = self.bytes_at(self.position, left)?.unwrap_or_default();
            return Ok(if rest.iter().all(|byte| *byte == 0) { Found::End } else { Found::Partial });
        };
        let checksum = u64::from_be_bytes(head[..8].try_into().expect("eight bytes"));
        let payload_len = i32::from_be_bytes(head[8..12].try_into().expect("four bytes"));
        if payload_len == 0 {
            return Ok(if checksum == 0 { Found::End } else { Found::Partial });
        }
        let Ok(payload_len) = u64::try_from(payload_len) else { return Ok(Found::Partial) };
        let Some(entry) = self.bytes_at(self.position + 12, payload_len + 1)? else { return Ok(Found::Partial) };
        let payload = entry.slice(..payload_len as usize);
        if entry[payload_len as usize] != END_MARK {
            return Ok(Found::Partial);
        }
        if u64::from(adler32(&payload)) != checksum {
            return Ok(Found::Corrupt);
        }
        let Some(zxid) = payload_zxid(&payload) else { return Ok(Found::Corrupt) };
        self.position += payload_len + ENTRY_OVERHEAD;
        Ok(Found::Entry { zxid, payload })
    }

    /// The offset of the last byte in `from..to` that is not zero; `None` when all are zero.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn last_nonzero(&mut self, from: u64, to: u64) -> io::Result<Option<u64>> {
        let mut last = None;
        let mut at = from;
        let to = to.min(self.len);
        let mut buffer = vec![0; BLOCK_BYTES];
        while at < to {
            let now = (to - at).min(BLOCK_BYTES as u64) as usize;
            let read = self.file.read_at(&mut buffer[..now], at)?;
            if read == 0 {
                break;
            }
            if let Some(index) = buffer[..read].iter().rposition(|byte| *byte != 0) {
                last = Some(at + index as u64);
            }
            at += read as u64;
        }
        Ok(last)
    }

    /// `count` bytes at `offset`; `None` when the file ends before. The file's length bounds what is allocated.
    fn bytes_at(&mut self, offset: u64, count: u64) -> io::Result<Option<Bytes>> {
        if offset.checked_add(count).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let inside = |reader: &Self| {
            let start = offset.checked_sub(reader.block_at)? as usize;
            let end = start.checked_add(count as usize)?;
            (end <= reader.block.len()).then(|| reader.block.slice(start..end))
        };
        if let Some(bytes) = inside(self) {
            return Ok(Some(bytes));
        }
        let size = (count as usize).max(BLOCK_BYTES).min((self.len - offset) as usize);
        let mut block = vec![0; size];
        let read = self.file.read_at(&mut block, offset)?;
        block.truncate(read);
        self.block = block.into();
        self.block_at = offset;
        Ok(inside(self))
    }
}
