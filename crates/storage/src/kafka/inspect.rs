//! Looks into single files of a partition's folder, Apache's or ours, without the folder around them and without
//! changing anything: for the offline tools (upstream: `DumpLogSegments`).

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use broker::log::producer_state::SnapshotEntry;
use kafka_wire::records::Batch;

use super::index::{Entry, OffsetEntry, TimeEntry};
use super::scan::{Scanner, Step};
use super::txn_index::AbortedTxn;
use super::{producer_snapshot, txn_index};
use crate::disk::{Disk, DiskFile, OpenMode};

/// Where the batches of a segment end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Bytes of whole batches.
    pub valid_bytes: u64,
    /// The file's length.
    pub file_bytes: u64,
    /// Why the walk ended there, unless it is the file's end.
    pub damage: Option<String>,
}

/// Shows each batch of a `.log` file with its position. Checksums are for the caller to look at.
///
/// # Errors
/// As the disk reports them.
pub fn batches<D: Disk>(
    disk: &D,
    path: &Path,
    see: &mut dyn FnMut(u64, &Batch) -> io::Result<ControlFlow<()>>,
) -> io::Result<End> {
    let file = disk.open(path, OpenMode::Read)?;
    let file_bytes = file.len()?;
    let mut scanner = Scanner::whole(&file, 0, file_bytes);
    let mut end = End { file_bytes, ..End::default() };
    loop {
        let (position, header) = match scanner.next()? {
            Step::Batch { position, header } => (position, header),
            Step::End => return Ok(end),
            Step::Bad { reason, .. } => {
                end.damage = Some(reason);
                return Ok(end);
            }
        };
        let batch = match Batch::parse(&scanner.batch(position, &header)?) {
            Ok(batch) => batch,
            Err(error) => {
                end.damage = Some(error.to_string());
                return Ok(end);
            }
        };
        end.valid_bytes = scanner.position();
        if see(position, &batch)?.is_break() {
            return Ok(end);
        }
    }
}

/// The batch at `position`; `None` when there is no whole one.
///
/// # Errors
/// As the disk reports them.
pub fn batch_at<D: Disk>(disk: &D, path: &Path, position: u64) -> io::Result<Option<Batch>> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut scanner = Scanner::near(&file, position, file.len()?);
    match scanner.next()? {
        Step::Batch { position, header } => Ok(Batch::parse(&scanner.batch(position, &header)?).ok()),
        Step::End | Step::Bad { .. } => Ok(None),
    }
}

/// The entries of an offset index as (offset, position), without the zeros at the end of a preallocated one.
///
/// # Errors
/// As the disk reports them; kind `InvalidData` when the length is none that an index has.
pub fn offset_index<D: Disk>(disk: &D, path: &Path, base_offset: i64) -> io::Result<Vec<(i64, u32)>> {
    let entries = entries::<D, OffsetEntry>(disk, path)?;
    let whole = entries.iter().skip(1).position(|entry| entry.relative == 0).map_or(entries.len(), |at| at + 1);
    Ok(entries[..whole].iter().map(|entry| (base_offset + i64::from(entry.relative), entry.position)).collect())
}

/// The entries of a time index as (timestamp in milliseconds, offset), likewise.
///
/// # Errors
/// As [`offset_index`].
pub fn time_index<D: Disk>(disk: &D, path: &Path, base_offset: i64) -> io::Result<Vec<(i64, i64)>> {
    let entries = entries::<D, TimeEntry>(disk, path)?;
    let whole = entries.iter().skip(1).position(|entry| entry.timestamp == 0).map_or(entries.len(), |at| at + 1);
    Ok(entries[..whole].iter().map(|entry| (entry.timestamp, base_offset + i64::from(entry.relative))).collect())
}

/// Indexes are bounded by `segment.index.bytes`, whose largest value this is.
const INDEX_BYTES_MAX: u64 = i32::MAX as u64;

fn entries<D: Disk, E: Entry>(disk: &D, path: &Path) -> io::Result<Vec<E>> {
    let content = disk.read_all(path, INDEX_BYTES_MAX)?;
    if content.len() % E::BYTES != 0 {
        let what = format!("{} bytes are no multiple of {}, an entry's length", content.len(), E::BYTES);
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(content.chunks_exact(E::BYTES).map(E::decode).collect())
}

/// The producers of a `.snapshot` file.
///
/// # Errors
/// As the disk reports them; kind `InvalidData` when the content is no snapshot.
pub fn producers<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<SnapshotEntry>> {
    let content = disk.read_all(path, producer_snapshot::BYTES_MAX)?;
    producer_snapshot::decode(content)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("no producer snapshot: {error}")))
}

/// The transactions of a `.txnindex` file.
///
/// # Errors
/// As the disk reports them; kind `InvalidData` when the content is no transaction index.
pub fn aborted_transactions<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<AbortedTxn>> {
    if !disk.exists(path)? {
        return Err(io::ErrorKind::NotFound.into());
    }
    txn_index::read(disk, path)
}
