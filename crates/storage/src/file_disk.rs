//! The real disk. The only file of this crate that names `std::fs`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::io::{ReadWriteFlags, preadv2, retry_on_intr};

use crate::disk::{Disk, DiskFile, OpenMode};

/// The operating system's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileDisk;

/// A folder's lock; given back when dropped or when the process ends.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "held for its lock")] File);

impl Disk for FileDisk {
    type File = File;
    type Lock = FileLock;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => &mut options,
            OpenMode::Write => options.write(true),
            OpenMode::Create => options.write(true).create(true).truncate(false),
            OpenMode::CreateNew => options.write(true).create_new(true),
            OpenMode::CreateNewPrivate => options.write(true).create_new(true).mode(0o600),
        };
        options.open(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            // A name that is not UTF-8 is none of ours and none of Apache's.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(metadata.is_dir()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn modified_ms(&self, path: &Path) -> io::Result<Option<i64>> {
        let since = std::fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(since.as_millis()).ok())
    }

    fn space(&self, dir: &Path) -> io::Result<Option<(u64, u64)>> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(Some((stat.f_blocks.saturating_mul(stat.f_frsize), stat.f_bavail.saturating_mul(stat.f_frsize))))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut missing: Vec<PathBuf> = Vec::new();
        let mut at = dir;
        while !at.as_os_str().is_empty() && !at.try_exists()? {
            missing.push(at.to_path_buf());
            match at.parent() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        for path in missing.iter().rev() {
            match std::fs::create_dir(path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => self.sync_dir(path.parent().unwrap_or(Path::new(".")))?,
            }
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        let file = self.open(path, OpenMode::Create)?;
        match file.try_lock() {
            Ok(()) => Ok(FileLock(file)),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is locked by another process", path.display()),
            )),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }

    fn read_at_hand(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = retry_on_intr(|| preadv2(self, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT))?;
        // What ends early ends with the file, or in front of a page that is not there.
        match read == buffer.len() || offset + read as u64 >= self.metadata()?.len() {
            true => Ok(read),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn write_at(&self, content: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(content, offset)
    }

    fn write_vectored_at(&self, pieces: &[Bytes], offset: u64) -> io::Result<()> {
        let mut slices: Vec<io::IoSlice<'_>> = pieces.iter().map(|piece| io::IoSlice::new(piece)).collect();
        let mut left: &mut [io::IoSlice<'_>] = &mut slices;
        let mut at = offset;
        while !left.is_empty() {
            // The kernel takes at most IOV_MAX (1024) pieces at once.
            let now = left.len().min(1024);
            let written = rustix::io::pwritev(self, &left[..now], at)?;
            if written == 0 && left[..now].iter().any(|piece| !piece.is_empty()) {
                return Err(io::ErrorKind::WriteZero.into());
            }
            at += written as u64;
            io::IoSlice::advance_slices(&mut left, written);
            while left.first().is_some_and(|piece| piece.is_empty()) {
                left = &mut left[1..];
            }
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_written_is_at_hand_and_the_end_of_a_file_is_no_reason_to_wait() {
        let file = tempfile::tempfile().unwrap();
        DiskFile::write_at(&file, b"0123456789", 0).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(file.read_at_hand(&mut buffer, 3).unwrap(), 4);
        assert_eq!(&buffer, b"3456");
        assert_eq!(file.read_at_hand(&mut buffer, 8).unwrap(), 2);
        assert_eq!(file.read_at_hand(&mut buffer, 10).unwrap(), 0);
    }

    #[test]
    fn pieces_are_written_in_order_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file");
        FileDisk.create_dir_all(path.parent().unwrap()).unwrap();
        let file = FileDisk.open(&path, OpenMode::CreateNew).unwrap();
        let pieces: Vec<Bytes> = (0..3000u32).map(|i| Bytes::from(vec![i as u8; (i % 3) as usize])).collect();
        DiskFile::write_vectored_at(&file, &pieces, 5).unwrap();
        let expected: Vec<u8> = pieces.concat();
        let read = FileDisk.read_all(&path, 1 << 20).unwrap();
        assert_eq!(&read[5..], &expected[..]);
        assert_eq!(&read[..5], &[0; 5]);
    }

    #[test]
    fn a_folder_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let held = FileDisk.lock(&path).unwrap();
        assert_eq!(FileDisk.lock(&path).map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        FileDisk.lock(&path).unwrap();
    }

    #[test]
    fn a_replaced_file_has_the_new_content_and_no_leftover() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("currentEpoch");
        FileDisk.replace_atomically(&path, b"1").unwrap();
        FileDisk.replace_atomically(&path, b"2").unwrap();
        assert_eq!(&FileDisk.read_all(&path, 10).unwrap()[..], b"2");
        assert_eq!(FileDisk.list(dir.path()).unwrap(), ["currentEpoch"]);
    }
}
