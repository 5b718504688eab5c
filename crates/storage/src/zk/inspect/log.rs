//! The transactions of one log file, in order, and what is wrong with it.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use base::DecodeError;
use zk_wire::txn::Transaction;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::zk::log_reader::{ENTRY_OVERHEAD, Found, HEADER_BYTES, LogReader};

/// An entry with a right checksum.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it begins in the file.
    pub offset: u64,
    /// Its transaction's zxid.
    pub zxid: i64,
    /// The transaction; an error when the payload makes no sense although its checksum is right.
    pub transaction: Result<Transaction, DecodeError>,
}

/// Where a file stops making sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset in bytes.
    pub offset: u64,
    /// What is there.
    pub what: String,
}

/// What a walk over a whole file saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries with a right checksum.
    pub entries: u64,
    /// The first and the last of their zxids.
    pub zxids: Option<(i64, i64)>,
    /// Where the last of them ends.
    pub end: u64,
    /// The file's length; what is behind `end` is padding, or damage.
    pub file_bytes: u64,
    /// What is wrong. Everything behind the first damage is unread.
    pub damage: Vec<Damage>,
}

/// Walks over a log; `see` may end the walk early, and then nothing is said of what is behind.
///
/// # Errors
/// As the disk reports them. What the bytes say is in the report.
pub fn walk<D: Disk>(
    disk: &D,
    path: &Path,
    see: &mut dyn FnMut(&Entry) -> io::Result<ControlFlow<()>>,
) -> io::Result<Report> {
    let file = disk.open(path, OpenMode::Read)?;
    let file_bytes = file.len()?;
    let mut report = Report { file_bytes, end: HEADER_BYTES.min(file_bytes), ..Report::default() };
    let Some(mut reader) = LogReader::open(file)? else {
        let what = match file_bytes {
            0 => "the file is empty",
            _ => "it does not begin with a log's header",
        };
        report.damage.push(Damage { offset: 0, what: what.into() });
        return Ok(report);
    };
    loop {
        let found = reader.next_entry()?;
        let Found::Entry { zxid, payload } = found else {
            tail(&mut reader, &found, &mut report)?;
            return Ok(report);
        };
        let bytes = payload.len() as u64 + ENTRY_OVERHEAD;
        let offset = reader.position() - bytes;
        report.order(offset, zxid);
        report.entries += 1;
        report.end = reader.position();
        let entry = Entry { offset, zxid, transaction: Transaction::from_bytes(payload) };
        if let Err(error) = &entry.transaction {
            report.damage.push(Damage { offset, what: format!("transaction 0x{zxid:x} makes no sense: {error}") });
        }
        if see(&entry)?.is_break() {
            return Ok(report);
        }
    }
}

impl Report {
    fn order(&mut self, offset: u64, zxid: i64) {
        let Some((first, last)) = self.zxids else {
            self.zxids = Some((zxid, zxid));
            return;
        };
        self.zxids = Some((first, zxid));
        let what = if zxid <= last {
            format!("transaction 0x{zxid:x} stands behind 0x{last:x}")
        } else if zxid >> 32 == last >> 32 && zxid != last + 1 {
            format!("the transactions between 0x{last:x} and 0x{zxid:x} are missing")
        } else {
            return;
        };
        self.damage.push(Damage { offset, what });
    }
}

/// What is behind the last whole entry: padding of zeros is as it should be.
fn tail<F: DiskFile>(reader: &mut LogReader<F>, found: &Found, report: &mut Report) -> io::Result<()> {
    let end = reader.position();
    let what = match found {
        Found::Corrupt => "an entry with a wrong checksum".to_owned(),
        Found::Partial => "an entry that is cut off or has no end mark".to_owned(),
        Found::End | Found::Entry { .. } => match reader.last_nonzero(end, report.file_bytes)? {
            None => return Ok(()),
            Some(last) => format!("the padding begins, but there are bytes up to offset {last}"),
        },
    };
    report.damage.push(Damage { offset: end, what });
    Ok(())
}
