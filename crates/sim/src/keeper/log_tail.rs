//! Reads the keeper's transaction logs as an outsider: its own few lines for the format, so that a mistake of the
//! storage code is not repeated by the check.

use std::io;
use std::path::Path;

use base::{Instant, Reader};
use bytes::Bytes;
use storage::disk::{Disk, DiskFile, OpenMode};

use crate::disk::SimDisk;

/// A transaction as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedTxn {
    /// Whose request it was.
    pub session: i64,
    /// That request's xid; 0 for the server's own.
    pub cxid: i32,
    /// Its number.
    pub zxid: i64,
    /// Wall clock in milliseconds.
    pub time_ms: i64,
    /// Its kind.
    pub opcode: i32,
    /// Everything: header, body, digest.
    pub payload: Bytes,
}

/// The opcode that stands for another state in the place of the one before. No log has it.
pub const RESTORED: i32 = i32::MIN;

impl LoggedTxn {
    /// The state behind `source` is there again, as that of `zxid`.
    pub fn restored(zxid: i64, source: i64) -> Self {
        let payload = Bytes::copy_from_slice(&source.to_be_bytes());
        Self { session: 0, cxid: 0, zxid, time_ms: 0, opcode: RESTORED, payload }
    }

    /// Of which transaction's state it is, if it is no transaction.
    pub fn restored_source(&self) -> Option<i64> {
        (self.opcode == RESTORED).then(|| Reader::new(self.payload.clone()).i64().expect("written above"))
    }

    /// From an entry's payload, which has 32 bytes at least.
    ///
    /// # Panics
    /// When it is shorter.
    pub fn of(payload: Bytes) -> Self {
        let mut r = Reader::new(payload.slice(..32));
        let mut long = || r.i64().expect("32 bytes are there");
        let session = long();
        let (cxid, high) = {
            let word = long();
            ((word >> 32) as i32, word << 32)
        };
        let (zxid, low) = {
            let word = long();
            (high | (word >> 32) & 0xffff_ffff, word << 32)
        };
        let word = long();
        let (time_ms, opcode) = (low | (word >> 32) & 0xffff_ffff, word as i32);
        Self { session, cxid, zxid, time_ms, opcode, payload }
    }

    /// The body behind the 32 bytes of the header, and what follows it.
    pub fn body(&self) -> Bytes {
        self.payload.slice(32..)
    }

    /// The tree digest behind the body, when it has version 2.
    pub fn digest(&self) -> Option<i64> {
        let at = self.payload.len().checked_sub(12).filter(|at| *at >= 32)?;
        let mut r = Reader::new(self.payload.slice(at..));
        (r.i32().ok()? == 2).then(|| r.i64().ok()).flatten()
    }
}

/// All whole transactions in the logs below `dir`, up to the first place where they stop making sense.
///
/// # Errors
/// As the disk reports them.
pub fn read_logs(disk: &SimDisk, dir: &Path) -> io::Result<Vec<LoggedTxn>> {
    let mut starts: Vec<(u64, String)> = disk
        .list(dir)?
        .into_iter()
        .filter_map(|name| Some((u64::from_str_radix(name.strip_prefix("log.")?, 16).ok()?, name)))
        .collect();
    starts.sort();
    let mut txns = Vec::new();
    for (_, name) in starts {
        let file = disk.open(&dir.join(name), OpenMode::Read)?;
        let mut content = vec![0; file.len()? as usize];
        file.read_at(&mut content, 0)?;
        read_file(content.into(), &mut txns);
    }
    Ok(txns)
}

fn read_file(content: Bytes, txns: &mut Vec<LoggedTxn>) {
    let mut at = 16;
    while let Some(head) = content.get(at..at + 12) {
        let checksum = u64::from_be_bytes(head[..8].try_into().expect("eight bytes"));
        let len = u32::from_be_bytes(head[8..].try_into().expect("four bytes")) as usize;
        let Some(payload) = content.get(at + 12..at + 12 + len).filter(|payload| payload.len() >= 32) else { return };
        if content.get(at + 12 + len) != Some(&b'B') || adler32(payload) != checksum {
            return;
        }
        txns.push(LoggedTxn::of(content.slice(at + 12..at + 12 + len)));
        at += 13 + len;
    }
}

fn adler32(bytes: &[u8]) -> u64 {
    let (mut a, mut b) = (1_u64, 0_u64);
    for chunk in bytes.chunks(5000) {
        for byte in chunk {
            a += u64::from(*byte);
            b += a;
        }
        (a, b) = (a % 65521, b % 65521);
    }
    b << 16 | a
}

/// The history of one data folder over all crashes: what was appended by which life of the server, and what the next
/// life found again.
#[derive(Debug, Default)]
pub struct Lives {
    /// Transactions that are part of the folder's history now.
    pub txns: Vec<LoggedTxn>,
    /// For each finished life, the last zxid that the next life found, and when the life ended.
    pub recovered: Vec<(i64, Instant)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler_of_a_known_text() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}
