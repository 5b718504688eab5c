//! Writes a snapshot file in chunks, beside running writes. Format: see [`super::snapshot_reader`].
//!
//! The file grows under a name of ours, `castlekeep.snapshot.<zxid>`, is synced, and gets its real name last: a crash
//! leaves no half file that a reader could take for a snapshot.
//!
//! It is synced on its way, a little at a time. A file system that keeps data in order before its journal (ext4) makes the
//! next sync of the transaction log wait for whatever of the snapshot is in memory only, and acknowledged writes with it.

use std::io;
use std::path::{Path, PathBuf};

use base::checksum::Adler32;
use bytes::{BufMut, BytesMut};

use super::compression::Encoder;
use super::names::{Compression, snapshot_name};
use super::snapshot_reader::{DBID, MAGIC, SLASH, VERSION};
use crate::disk::{Disk, DiskFile, OpenMode};

/// What the temporary names begin with.
pub const TEMPORARY_PREFIX: &str = "castlekeep.snapshot.";

/// Bytes of the file that may be in memory only.
const UNSYNCED_BYTES_MAX: u64 = 2 << 20;

/// Why a snapshot was not written.
#[derive(Debug)]
pub enum SnapshotWriteError {
    /// A write failed (a full disk); the half file is gone, the server goes on.
    Write(io::Error),
    /// A sync failed; nothing about this disk may be trusted any more.
    Sync(io::Error),
}

/// A snapshot being written.
pub struct SnapshotWriter<D: Disk> {
    disk: D,
    dir: PathBuf,
    zxid: i64,
    /// Not `snapshot.<zxid>`.
    name: Option<&'static str>,
    file: Option<D::File>,
    compression: Compression,
    encoder: Encoder,
    adler: Adler32,
    /// Bytes of the snapshot.
    position: u64,
    /// Bytes of the file.
    file_position: u64,
    /// Those of them that were synced.
    synced: u64,
}

impl<D: Disk> SnapshotWriter<D> {
    /// A snapshot named after `zxid`: the last transaction applied before its content was first looked at. No input
    /// or output happens before the first [`SnapshotWriter::write`].
    pub fn new(disk: D, dir: &Path, zxid: i64) -> Self {
        Self {
            disk,
            dir: dir.to_path_buf(),
            zxid,
            name: None,
            file: None,
            compression: Compression::None,
            encoder: Encoder::None,
            adler: Adler32::default(),
            position: 0,
            file_position: 0,
            synced: 0,
        }
    }

    /// The same, compressed (`snapshot.compression.method`). Before the first write.
    #[must_use]
    pub fn compressed(self, compression: Compression) -> Self {
        Self { compression, encoder: Encoder::new(compression), ..self }
    }

    /// The same under a name that no restore looks for. Before the first write.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// The snapshot's zxid.
    pub fn zxid(&self) -> i64 {
        self.zxid
    }

    /// Bytes written so far, before compression.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn temporary(&self) -> PathBuf {
        self.dir.join(format!("{TEMPORARY_PREFIX}{:x}", self.zxid))
    }

    /// Adds the next bytes of sessions, ACL cache and nodes.
    ///
    /// # Errors
    /// [`SnapshotWriteError::Write`]: the half file is removed. [`SnapshotWriteError::Sync`].
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), SnapshotWriteError> {
        self.try_write(chunk).map_err(|e| self.give_up(e))?;
        if self.file_position - self.synced >= UNSYNCED_BYTES_MAX
            && let Some(file) = &self.file
        {
            file.sync_data().map_err(SnapshotWriteError::Sync)?;
            self.synced = self.file_position;
        }
        Ok(())
    }

    fn try_write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let temporary = self.temporary();
            if self.disk.exists(&temporary)? {
                self.disk.remove_file(&temporary)?;
            }
            self.file = Some(self.disk.open(&temporary, OpenMode::CreateNew)?);
            let mut head = BytesMut::with_capacity(16);
            head.put_u32(MAGIC);
            head.put_u32(VERSION);
            head.put_i64(DBID);
            self.put(&head)?;
        }
        self.put(chunk)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file.as_ref().expect("made by the first write");
        let at = &mut self.file_position;
        self.encoder.write(bytes, &mut |out| append(file, at, out))?;
        self.adler.update(bytes);
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        let mut seal = BytesMut::with_capacity(8 + SLASH.len());
        seal.put_i64(i64::from(self.adler.finish()));
        seal.put_slice(SLASH);
        self.put(&seal)
    }

    fn trailers(&mut self, digest: Option<(i64, i64)>, last_zxid: Option<i64>) -> io::Result<()> {
        self.seal()?;
        if let Some((zxid, digest)) = digest {
            let mut part = BytesMut::with_capacity(20);
            part.put_i64(zxid);
            part.put_i32(2);
            part.put_i64(digest);
            self.put(&part)?;
            self.seal()?;
            if let Some(last_zxid) = last_zxid {
                self.put(&last_zxid.to_be_bytes())?;
                self.seal()?;
            }
        }
        let file = self.file.as_ref().expect("made by the first write");
        let at = &mut self.file_position;
        std::mem::replace(&mut self.encoder, Encoder::None).finish(&mut |out| append(file, at, out))
    }

    /// Seals the file, adds the trailers, syncs and names it. `digest` is (zxid, tree digest); `last_zxid` is 3.9's
    /// trailer, which only follows a digest.
    ///
    /// # Errors
    /// [`SnapshotWriteError`].
    pub fn finish(mut self, digest: Option<(i64, i64)>, last_zxid: Option<i64>) -> Result<PathBuf, SnapshotWriteError> {
        if let Err(e) = self.trailers(digest, last_zxid) {
            return Err(self.give_up(e));
        }
        let file = self.file.take().expect("a snapshot has at least its counts");
        file.sync_all().map_err(SnapshotWriteError::Sync)?;
        drop(file);
        let name = self.name.map_or_else(|| snapshot_name(self.zxid, self.compression), str::to_string);
        let path = self.dir.join(name);
        self.disk.rename(&self.temporary(), &path).map_err(SnapshotWriteError::Write)?;
        self.disk.sync_dir(&self.dir).map_err(SnapshotWriteError::Sync)?;
        Ok(path)
    }

    /// Nobody wants it any more: the half file goes.
    pub fn abandon(mut self) {
        self.give_up(io::Error::from(io::ErrorKind::Interrupted));
    }

    fn give_up(&mut self, e: io::Error) -> SnapshotWriteError {
        self.file = None;
        // The disk is likely full: what the half file holds is wanted back. If this fails too, the next start removes
        // the file.
        let _ = self.disk.remove_file(&self.temporary());
        SnapshotWriteError::Write(e)
    }
}

fn append<F: DiskFile>(file: &F, at: &mut u64, bytes: &[u8]) -> io::Result<()> {
    file.write_at(bytes, *at)?;
    *at += bytes.len() as u64;
    Ok(())
}

/// Removes what a crash left of unfinished snapshots.
///
/// # Errors
/// As the disk reports them.
pub fn remove_leftovers<D: Disk>(disk: &D, dir: &Path) -> io::Result<()> {
    for name in disk.list(dir)? {
        if name.starts_with(TEMPORARY_PREFIX) {
            disk.remove_file(&dir.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zk_wire::snapshot::{self, SnapshotRecord};
    use zk_wire::{Jute, SnapshotNode, SnapshotSession};

    use super::*;
    use crate::file_disk::FileDisk;
    use crate::zk::names::{SnapshotName, snapshots};
    use crate::zk::snapshot_reader::{self, SnapshotError, Trailers, looks_valid};

    fn body(nodes: usize) -> Bytes {
        let mut bytes = BytesMut::new();
        snapshot::encode_sessions(&mut bytes, &[SnapshotSession { timeout_ms: 30_000, ..SnapshotSession::default() }]);
        snapshot::encode_acls(&mut bytes, &[]);
        for i in 0..nodes {
            snapshot::encode_path(&mut bytes, if i == 0 { "/" } else { "/n" });
            SnapshotNode { data: Some(Bytes::from(vec![i as u8; i % 90])), ..SnapshotNode::default() }
                .encode(&mut bytes);
        }
        snapshot::encode_end(&mut bytes);
        bytes.freeze()
    }

    fn write(dir: &Path, zxid: i64) -> SnapshotName {
        let mut writer = SnapshotWriter::new(FileDisk, dir, zxid);
        for chunk in body(5000).chunks(1000) {
            writer.write(chunk).unwrap();
        }
        writer.finish(Some((zxid, -5)), Some(zxid)).unwrap();
        snapshots(&FileDisk, dir).unwrap()[0].clone()
    }

    fn records(name: &SnapshotName) -> Result<(Vec<SnapshotRecord>, Trailers), SnapshotError> {
        let mut all = Vec::new();
        let trailers = snapshot_reader::read(&FileDisk, name, 1 << 20, &mut |record| {
            all.push(record);
            Ok(())
        })?;
        Ok((all, trailers))
    }

    #[test]
    fn what_was_written_is_read_and_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let name = write(dir.path(), 0x20);
        assert!(looks_valid(&FileDisk, &name).unwrap());
        let (all, trailers) = records(&name).unwrap();
        assert_eq!(all.len(), 1 + 5000);
        assert!(matches!(&all[0], SnapshotRecord::Session(session) if session.timeout_ms == 30_000));
        assert_eq!(trailers, Trailers { digest: Some((0x20, 2, -5)), last_zxid: Some(0x20) });
        assert_eq!(FileDisk.list(dir.path()).unwrap(), ["snapshot.20"]);
    }

    #[test]
    fn a_flipped_bit_or_a_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let name = write(dir.path(), 0x20);
        let whole = FileDisk.read_all(&name.path, 1 << 30).unwrap();
        for at in [20, 60, 5000, whole.len() - 20] {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1;
            FileDisk.replace_atomically(&name.path, &bytes).unwrap();
            assert!(records(&name).is_err(), "bit flipped at {at}");
        }
        for len in [0, 9, 100, whole.len() - 1] {
            FileDisk.replace_atomically(&name.path, &whole[..len]).unwrap();
            assert!(!looks_valid(&FileDisk, &name).unwrap(), "cut to {len}");
            assert!(records(&name).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn little_of_it_is_in_memory_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = SnapshotWriter::new(FileDisk, dir.path(), 0x20);
        let chunk = vec![7; 256 << 10];
        for chunks in 1..=40 {
            writer.write(&chunk).unwrap();
            assert_eq!(writer.file_position, 16 + chunks * chunk.len() as u64);
            assert!(writer.file_position - writer.synced < UNSYNCED_BYTES_MAX, "after {chunks} chunks");
        }
        assert!(writer.synced >= 8 << 20, "{} bytes are synced", writer.synced);
    }

    /// What [`write`] writes, compressed.
    fn write_compressed(dir: &Path, zxid: i64, compression: Compression) -> SnapshotName {
        let mut writer = SnapshotWriter::new(FileDisk, dir, zxid).compressed(compression);
        for chunk in body(5000).chunks(1000) {
            writer.write(chunk).unwrap();
        }
        let path = writer.finish(Some((0x20, -5)), Some(0x20)).unwrap();
        crate::zk::names::snapshot_at(&path)
    }

    #[test]
    fn compressed_files_hold_the_same_and_are_smaller() {
        let dir = tempfile::tempdir().unwrap();
        let plain = write(dir.path(), 0x20);
        let expected = records(&plain).unwrap();
        let len = |name: &SnapshotName| FileDisk.open(&name.path, OpenMode::Read).unwrap().len().unwrap();
        for (zxid, method, end) in [(0x21, Compression::Gzip, "21.gz"), (0x22, Compression::Snappy, "22.snappy")] {
            let name = write_compressed(dir.path(), zxid, method);
            assert!(name.path.ends_with(format!("snapshot.{end}")), "{name:?}");
            assert_eq!((name.zxid, name.compression), (zxid, method));
            assert!(looks_valid(&FileDisk, &name).unwrap());
            assert_eq!(records(&name).unwrap(), expected, "{name:?}");
            assert!(len(&name) < len(&plain) / 2, "{} bytes", len(&name));
        }
    }

    #[test]
    fn damage_in_a_compressed_file_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        for method in [Compression::Gzip, Compression::Snappy] {
            let name = write_compressed(dir.path(), 0x20, method);
            let whole = FileDisk.read_all(&name.path, 1 << 30).unwrap();
            let expected = records(&name).unwrap();
            let mut noticed = 0;
            for at in (0..whole.len()).step_by(whole.len() / 40) {
                let mut bytes = whole.to_vec();
                bytes[at] ^= 0x10;
                FileDisk.replace_atomically(&name.path, &bytes).unwrap();
                // A flipped bit may say the same: a time in the header, a repetition of a repetition.
                match records(&name) {
                    Ok(found) => assert_eq!(found, expected, "{method:?}: a bit flipped at {at}"),
                    Err(_) => noticed += 1,
                }
            }
            assert!(noticed > 30, "{method:?}: {noticed} noticed");
            for len in [0, 1, 17, whole.len() / 2, whole.len() - 9] {
                FileDisk.replace_atomically(&name.path, &whole[..len]).unwrap();
                assert!(records(&name).is_err(), "{method:?}: cut to {len}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_nodes_depends_on_who_wrote_it() {
        let dir = tempfile::tempdir().unwrap();
        let whole = |trailers: &[u8]| {
            let mut bytes = BytesMut::new();
            bytes.put_u32(MAGIC);
            bytes.put_u32(VERSION);
            bytes.put_i64(DBID);
            bytes.extend_from_slice(&body(3));
            let seal = |bytes: &mut BytesMut| {
                bytes.put_i64(i64::from(base::checksum::adler32(bytes)));
                bytes.extend_from_slice(SLASH);
            };
            seal(&mut bytes);
            if !trailers.is_empty() {
                bytes.extend_from_slice(trailers);
                seal(&mut bytes);
            }
            let path = dir.path().join("snapshot.9");
            FileDisk.replace_atomically(&path, &bytes).unwrap();
            records(&crate::zk::names::snapshot_at(&path)).map(|(_, trailers)| trailers)
        };
        assert_eq!(whole(b"").unwrap(), Trailers::default());
        let digest = Trailers { digest: Some((9, 2, 7)), last_zxid: None };
        assert_eq!(whole(b"\0\0\0\0\0\0\0\x09\0\0\0\x02\0\0\0\0\0\0\0\x07").unwrap(), digest);
        // Upstream with digests off.
        let last = Trailers { digest: None, last_zxid: Some(9) };
        assert_eq!(whole(b"\0\0\0\0\0\0\0\x09").unwrap(), last);
        // Version 1 of the digest was text.
        let text = Trailers { digest: Some((9, 1, 0)), last_zxid: None };
        assert_eq!(whole(b"\0\0\0\0\0\0\0\x09\0\0\0\x01\0\0\0\x04cafe").unwrap(), text);
        assert!(whole(b"\0\0\0\0\0\0\x09").is_err());
    }
}
