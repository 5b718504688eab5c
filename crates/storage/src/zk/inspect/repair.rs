//! Makes a damaged log readable again, at the price of what is damaged (upstream: `TxnLogToolkit -r`).
//!
//! An entry with a wrong checksum whose bytes still make a transaction is kept, with a new checksum. From the first entry
//! that makes no sense the rest is given up: nobody can tell where the next one would begin.

use std::io;
use std::path::{Path, PathBuf};

use base::checksum::adler32;
use zk_wire::txn::Transaction;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::zk::log_reader::{END_MARK, ENTRY_OVERHEAD, Found, LogReader, MAGIC, later_version, payload_zxid};
use crate::zk::{names, synced};

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Entries whose checksum is written anew: their offsets and zxids.
    pub sealed: Vec<(u64, i64)>,
    /// The file is cut here, if there is anything but zeros behind.
    pub cut: Option<u64>,
    /// The last transaction that is left; `None` when there is none.
    pub last_zxid: Option<i64>,
    /// Log files behind this one: their transactions do not follow any more once this one is cut, so they are set aside.
    pub later: Vec<PathBuf>,
}

impl Plan {
    /// Whether the file is as it should be.
    pub fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.cut.is_none()
    }
}

/// What is kept of every file before it is touched: its name behind this. The name is no log's, so no server reads it.
pub const BACKUP_PREFIX: &str = "castlekeep.damaged.";

/// Looks at a log and says what a repair would do.
///
/// # Errors
/// As the disk reports them; kind `InvalidData` when the file is of a later format.
pub fn plan<D: Disk>(disk: &D, path: &Path) -> io::Result<Plan> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut head = [0; 8];
    let read = file.read_at(&mut head, 0)?;
    if let Some(version) = later_version(&head[..read], MAGIC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("its format has the later version {version}")));
    }
    let Some(mut reader) = LogReader::open(file)? else {
        return Ok(Plan { cut: Some(0), later: later_logs(disk, path)?, ..Plan::default() });
    };
    let mut plan = Plan::default();
    loop {
        match reader.next_entry()? {
            Found::Entry { zxid, .. } => plan.last_zxid = Some(zxid),
            Found::Corrupt => match sealable(&reader)? {
                Some((zxid, bytes)) if plan.last_zxid.is_none_or(|last| last < zxid) => {
                    plan.sealed.push((reader.position(), zxid));
                    plan.last_zxid = Some(zxid);
                    reader.skip(bytes);
                }
                _ => break plan.cut = Some(reader.position()),
            },
            Found::Partial => break plan.cut = Some(reader.position()),
            Found::End => {
                let (end, len) = (reader.position(), reader.file_len());
                break plan.cut = reader.last_nonzero(end, len)?.map(|_| end);
            }
        }
    }
    if plan.cut.is_some() {
        plan.later = later_logs(disk, path)?;
    }
    Ok(plan)
}

/// Says what giving up transaction `from` and all later ones would do, in a log and the logs behind it: the way on when
/// transactions before it are missing.
///
/// # Errors
/// As [`plan`]; kind `NotFound` when the log holds no such transaction.
pub fn plan_cut<D: Disk>(disk: &D, path: &Path, from: i64) -> io::Result<Plan> {
    let Some(mut reader) = LogReader::open(disk.open(path, OpenMode::Read)?)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not begin with a log's header"));
    };
    let mut plan = Plan::default();
    loop {
        let at = reader.position();
        match reader.next_entry()? {
            Found::Entry { zxid, .. } if zxid < from => plan.last_zxid = Some(zxid),
            Found::Entry { .. } => {
                plan.cut = Some(at);
                plan.later = later_logs(disk, path)?;
                return Ok(plan);
            }
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("it has no transaction from 0x{from:x} on"),
                ));
            }
        }
    }
}

/// Does what `plan` says: copies first, then the files, durably. Returns the copies.
///
/// # Errors
/// As the disk reports them; the copies are whole then, or nothing was changed.
pub fn repair<D: Disk>(disk: &D, path: &Path, plan: &Plan) -> io::Result<Vec<PathBuf>> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut copies = vec![copy_aside(disk, path)?];
    let file = disk.open(path, OpenMode::Write)?;
    for (offset, _) in &plan.sealed {
        let payload = payload_at(&file, *offset)?;
        file.write_at(&u64::from(adler32(&payload)).to_be_bytes(), *offset)?;
    }
    if let Some(cut) = plan.cut {
        file.set_len(cut)?;
    }
    file.sync_all()?;
    for later in plan.later.iter().rev() {
        let copy = aside(later);
        disk.rename(later, &copy)?;
        copies.push(copy);
    }
    // What was known to be synced is not what is there any more. Without the mark upstream's rules hold for the folder.
    let mark = dir.join(synced::FILE_NAME);
    if plan.cut.is_some() && disk.exists(&mark)? {
        disk.remove_file(&mark)?;
    }
    disk.sync_dir(dir)?;
    Ok(copies)
}

/// The entry at the reader's position, when its bytes make a transaction: its zxid and its length in the file.
fn sealable<F: DiskFile>(reader: &LogReader<F>) -> io::Result<Option<(i64, u64)>> {
    let Ok(payload) = payload_at(reader.file(), reader.position()) else { return Ok(None) };
    let zxid = payload_zxid(&payload);
    let bytes = payload.len() as u64 + ENTRY_OVERHEAD;
    let sound = Transaction::from_bytes(payload.into()).is_ok();
    Ok(zxid.filter(|_| sound).map(|zxid| (zxid, bytes)))
}

/// The payload of the entry at `offset`, whose end mark must be there. The file's length bounds what is allocated.
fn payload_at<F: DiskFile>(file: &F, offset: u64) -> io::Result<Vec<u8>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "no whole entry");
    let mut head = [0; 12];
    if file.read_at(&mut head, offset)? != head.len() {
        return Err(damaged());
    }
    let len = i32::from_be_bytes(head[8..].try_into().expect("four bytes"));
    let len = u64::try_from(len).map_err(|_| damaged())?;
    if offset + ENTRY_OVERHEAD + len > file.len()? {
        return Err(damaged());
    }
    let mut payload = vec![0; len as usize + 1];
    if file.read_at(&mut payload, offset + 12)? != payload.len() || payload.pop() != Some(END_MARK) {
        return Err(damaged());
    }
    Ok(payload)
}

fn later_logs<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<PathBuf>> {
    let own = path.file_name().and_then(|name| name.to_str()).and_then(names::parse_log_name);
    let Some(own) = own else { return Ok(Vec::new()) };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(names::logs(disk, dir)?.into_iter().filter(|log| log.zxid > own).map(|log| log.path).collect())
}

fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{BACKUP_PREFIX}{name}"))
}

fn copy_aside<D: Disk>(disk: &D, path: &Path) -> io::Result<PathBuf> {
    let copy = aside(path);
    let (from, to) = (disk.open(path, OpenMode::Read)?, disk.open(&copy, OpenMode::CreateNew)?);
    let mut block = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let read = from.read_at(&mut block, at)?;
        if read == 0 {
            break;
        }
        to.write_at(&block[..read], at)?;
        at += read as u64;
    }
    to.sync_all()?;
    Ok(copy)
}
