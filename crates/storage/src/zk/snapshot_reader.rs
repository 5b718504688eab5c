//! Reads a snapshot file, whole or compressed, record by record, and checks its seals.
//!
//! | part | bytes |
//! |---|---|
//! | header | int magic "ZKSN", int version 2, long dbid -1 |
//! | sessions | int count; each long id, int timeout in ms |
//! | ACL cache | int count; each long id, vector of (int perms, string scheme, string id) |
//! | nodes | parents first: string path ("" is the root), buffer data, long ACL id, StatPersisted; ends with path "/" |
//! | seal | long Adler-32 of every byte before it, string "/" |
//! | digest, seal | long zxid, int digest version, long digest; absent in older files |
//! | last zxid, seal | long; absent before 3.9; without a digest before it where digests are off |
//!
//! Upstream: `persistence/FileSnap.java`, `util/SerializeUtils.java`, `DataTree.java`.

use std::fmt;
use std::io::{self, Read};

use base::checksum::Adler32;
use bytes::{Buf, Bytes};
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};

use super::log_reader;
use super::names::{Compression, SnapshotName};
use crate::disk::{Disk, DiskFile, OpenMode};

/// "ZKSN"
pub const MAGIC: u32 = 0x5A4B_534E;
/// The format's version, in every header.
pub const VERSION: u32 = 2;
/// What a snapshot's header says as database id.
pub const DBID: i64 = -1;
/// Written behind each checksum, and after the last node as its path.
pub const SLASH: &[u8] = b"\0\0\0\x01/";

const BLOCK_BYTES: usize = 256 * 1024;

/// Digest, last zxid and their seals take 54 bytes; the digest of version 1 was a text.
const TRAILER_BYTES_MAX: usize = 512;

/// What stands behind the first seal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailers {
    /// (zxid, digest version, tree digest); absent in files of releases before 3.6.
    pub digest: Option<(i64, i32, i64)>,
    /// The last zxid processed when the snapshot began; absent in files of releases before 3.9.
    pub last_zxid: Option<i64>,
}

/// Why a snapshot could not be loaded.
#[derive(Debug)]
pub enum SnapshotError {
    /// The disk reports an error.
    Io(io::Error),
    /// The bytes are no whole snapshot; what is wrong, and the uncompressed offset.
    Invalid(&'static str, u64),
    /// A later version of the format.
    Version(u32),
    /// The consumer of the records refuses one.
    Refused(String),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) => write!(f, "{e}"),
            Self::Invalid(what, offset) => write!(f, "{what} at offset {offset}"),
            Self::Version(found) => write!(f, "format version {found}, this version of castlekeep knows {VERSION}"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<io::Error> for SnapshotError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// Whether a file can be a whole snapshot, without reading it: uncompressed files end with a seal, compressed ones
/// begin with their method's magic (`SnapStream.isValidSnapshot`).
///
/// # Errors
/// As the disk reports them.
pub fn looks_valid<D: Disk>(disk: &D, name: &SnapshotName) -> io::Result<bool> {
    let file = disk.open(&name.path, OpenMode::Read)?;
    let len = file.len()?;
    let mut bytes = [0; 8];
    Ok(match name.compression {
        Compression::None => len >= 10 && file.read_at(&mut bytes[..5], len - 5)? == 5 && &bytes[..5] == SLASH,
        Compression::Gzip => file.read_at(&mut bytes[..2], 0)? == 2 && bytes[..2] == [0x1f, 0x8b],
        Compression::Snappy => file.read_at(&mut bytes, 0)? == 8 && &bytes == super::snappy::MAGIC,
    })
}

/// The version in the header of an uncompressed file, when it is a later one.
///
/// # Errors
/// As the disk reports them.
pub fn later_version<D: Disk>(disk: &D, name: &SnapshotName) -> io::Result<Option<u32>> {
    let mut head = [0; 8];
    let read = disk.open(&name.path, OpenMode::Read)?.read_at(&mut head, 0)?;
    Ok(log_reader::later_version(&head[..read], MAGIC))
}

/// Reads the whole file and hands each record to `sink`. The first seal is checked behind the last record, so `sink`
/// must be ready to throw away what it got. A record (a node with its data) has at most `record_bytes_max` bytes.
///
/// # Errors
/// [`SnapshotError`]; the caller tries an older snapshot then.
pub fn read<D: Disk>(
    disk: &D,
    name: &SnapshotName,
    record_bytes_max: usize,
    sink: &mut dyn FnMut(SnapshotRecord) -> Result<(), String>,
) -> Result<Trailers, SnapshotError> {
    let file = FileStream { file: disk.open(&name.path, OpenMode::Read)?, at: 0 };
    match name.compression {
        Compression::None => Parser::new(file).run(record_bytes_max, sink),
        Compression::Gzip => Parser::new(flate2::read::GzDecoder::new(file)).run(record_bytes_max, sink),
        Compression::Snappy => Parser::new(super::snappy::Decoder::new(file)).run(record_bytes_max, sink),
    }
}

/// As [`read`], from a stream of bytes that may be compressed, which its first bytes tell.
///
/// # Errors
/// [`SnapshotError`].
pub fn read_stream(
    mut input: impl Read,
    record_bytes_max: usize,
    sink: &mut dyn FnMut(SnapshotRecord) -> Result<(), String>,
) -> Result<Trailers, SnapshotError> {
    let mut head = Vec::new();
    input.by_ref().take(super::snappy::MAGIC.len() as u64).read_to_end(&mut head)?;
    let is_gzip = head.starts_with(&[0x1f, 0x8b]);
    let is_snappy = head == super::snappy::MAGIC;
    let input = Read::chain(io::Cursor::new(head), input);
    match (is_gzip, is_snappy) {
        (true, _) => Parser::new(flate2::read::GzDecoder::new(input)).run(record_bytes_max, sink),
        (_, true) => Parser::new(super::snappy::Decoder::new(input)).run(record_bytes_max, sink),
        _ => Parser::new(input).run(record_bytes_max, sink),
    }
}

/// Which of the optional parts are there, only the seals tell: with digests off upstream writes the last zxid where the
/// digest would be. `None` when no reading fits.
fn trailers(adler: Adler32, rest: &[u8]) -> Option<Trailers> {
    if rest.is_empty() {
        return Some(Trailers::default());
    }
    let digest = Part { adler: adler.clone(), rest }.digest();
    if let Some((digest, after)) = digest {
        if after.rest.is_empty() {
            return Some(Trailers { digest: Some(digest), last_zxid: None });
        }
        let (last_zxid, end) = after.last_zxid()?;
        return end.rest.is_empty().then_some(Trailers { digest: Some(digest), last_zxid: Some(last_zxid) });
    }
    let (last_zxid, end) = Part { adler, rest }.last_zxid()?;
    end.rest.is_empty().then_some(Trailers { digest: None, last_zxid: Some(last_zxid) })
}

/// The bytes behind a seal, and the checksum of all before them.
struct Part<'a> {
    adler: Adler32,
    rest: &'a [u8],
}

impl<'a> Part<'a> {
    fn digest(self) -> Option<((i64, i32, i64), Self)> {
        let zxid = i64::from_be_bytes(*self.rest.first_chunk()?);
        let version = i32::from_be_bytes(*self.rest.get(8..)?.first_chunk()?);
        if version >= 2 {
            let digest = i64::from_be_bytes(*self.rest.get(12..)?.first_chunk()?);
            return Some(((zxid, version, digest), self.sealed(20)?));
        }
        // Version 1 wrote text, which is of no use here.
        let len = u32::from_be_bytes(*self.rest.get(12..)?.first_chunk()?);
        Some(((zxid, version, 0), self.sealed(usize::try_from(len).ok()?.checked_add(16)?)?))
    }

    fn last_zxid(self) -> Option<(i64, Self)> {
        let zxid = i64::from_be_bytes(*self.rest.first_chunk()?);
        Some((zxid, self.sealed(8)?))
    }

    /// What is behind a part of this length and its seal, if the seal is right.
    fn sealed(mut self, len: usize) -> Option<Self> {
        let (part, rest) = self.rest.split_at_checked(len)?;
        let (seal, rest) = rest.split_at_checked(8 + SLASH.len())?;
        self.adler.update(part);
        let right = seal[..8] == u64::from(self.adler.finish()).to_be_bytes() && &seal[8..] == SLASH;
        self.adler.update(seal);
        right.then_some(Self { adler: self.adler, rest })
    }
}

struct FileStream<F> {
    file: F,
    at: u64,
}

impl<F: DiskFile> Read for FileStream<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

struct Parser<R> {
    input: R,
    /// Read from the input and not parsed yet; not in the checksum yet either.
    block: Bytes,
    adler: Adler32,
    offset: u64,
}

impl<R: Read> Parser<R> {
    fn new(input: R) -> Self {
        Self { input, block: Bytes::new(), adler: Adler32::default(), offset: 0 }
    }

    fn run(
        mut self,
        record_bytes_max: usize,
        sink: &mut dyn FnMut(SnapshotRecord) -> Result<(), String>,
    ) -> Result<Trailers, SnapshotError> {
        let head = self.array::<8>()?;
        if let Some(version) = log_reader::later_version(&head, MAGIC) {
            return Err(SnapshotError::Version(version));
        }
        if head[..4] != MAGIC.to_be_bytes() || head[4..] != VERSION.to_be_bytes() {
            return Err(self.invalid("no snapshot header"));
        }
        self.i64()?;
        self.records(record_bytes_max, sink)?;
        self.seal()?;
        let offset = self.offset;
        trailers(self.adler.clone(), &self.rest()?)
            .ok_or(SnapshotError::Invalid("wrong checksum of the digest", offset))
    }

    fn records(
        &mut self,
        record_bytes_max: usize,
        sink: &mut dyn FnMut(SnapshotRecord) -> Result<(), String>,
    ) -> Result<(), SnapshotError> {
        let mut decoder = SnapshotDecoder::new(record_bytes_max);
        decoder.feed(self.block.clone());
        loop {
            match decoder.next() {
                Ok(Some(SnapshotRecord::End)) => break,
                Ok(Some(record)) => sink(record).map_err(SnapshotError::Refused)?,
                Ok(None) => {
                    // All of the block is in the decoder now.
                    self.take(self.block.len());
                    if self.at_end()? {
                        return Err(self.invalid("the file ends early"));
                    }
                    decoder.feed(self.block.clone());
                }
                Err(_) => {
                    let at = 16 + decoder.consumed();
                    return Err(SnapshotError::Invalid("a record that makes no sense", at));
                }
            }
        }
        // The end was found with the help of the last block, so what is left of it lies in that block.
        let rest = decoder.rest().len();
        self.take(self.block.len() - rest);
        Ok(())
    }

    /// A checksum of everything before it, and "/".
    fn seal(&mut self) -> Result<(), SnapshotError> {
        let expected = i64::from(self.adler.finish());
        if self.i64()? != expected {
            return Err(self.invalid("wrong checksum"));
        }
        if self.array::<5>()? != SLASH {
            return Err(self.invalid("no end mark behind the checksum"));
        }
        Ok(())
    }

    /// What stands behind the seal of the nodes: little.
    fn rest(&mut self) -> Result<Vec<u8>, SnapshotError> {
        let mut rest = Vec::new();
        while !self.at_end()? {
            rest.extend_from_slice(&self.block);
            if rest.len() > TRAILER_BYTES_MAX {
                return Err(self.invalid("too much behind the nodes"));
            }
            self.take(self.block.len());
        }
        Ok(rest)
    }

    fn at_end(&mut self) -> Result<bool, SnapshotError> {
        if self.block.is_empty() {
            let mut block = vec![0; BLOCK_BYTES];
            let read = self.input.read(&mut block)?;
            block.truncate(read);
            self.block = block.into();
        }
        Ok(self.block.is_empty())
    }

    fn take(&mut self, count: usize) {
        self.adler.update(&self.block[..count]);
        self.block.advance(count);
        self.offset += count as u64;
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut out = [0; N];
        let mut filled = 0;
        while filled < N {
            if self.at_end()? {
                return Err(self.invalid("the file ends early"));
            }
            let now = self.block.len().min(N - filled);
            out[filled..filled + now].copy_from_slice(&self.block[..now]);
            self.take(now);
            filled += now;
        }
        Ok(out)
    }

    fn i64(&mut self) -> Result<i64, SnapshotError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn invalid(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Invalid(what, self.offset)
    }
}
