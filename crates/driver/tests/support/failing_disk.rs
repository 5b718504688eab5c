//! A disk that fails and fills on demand.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use storage::disk::{Disk, DiskFile, OpenMode};
use storage::file_disk::{FileDisk, FileLock};

/// Real files whose syncs fail on demand, on a disk that is full on demand.
#[derive(Clone, Default)]
pub struct FailingDisk {
    pub fails: Arc<AtomicBool>,
    pub full: Arc<AtomicBool>,
}

#[derive(Debug)]
pub struct FailingFile {
    file: File,
    fails: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
}

fn need_room(full: &AtomicBool) -> io::Result<()> {
    if full.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

fn check(fails: &AtomicBool) -> io::Result<()> {
    if fails.load(Ordering::Relaxed) { Err(io::Error::other("the platter is gone")) } else { Ok(()) }
}

impl Disk for FailingDisk {
    type File = FailingFile;
    type Lock = FileLock;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<FailingFile> {
        if mode != OpenMode::Read && !FileDisk.exists(path)? {
            need_room(&self.full)?;
        }
        Ok(FailingFile { file: FileDisk.open(path, mode)?, fails: self.fails.clone(), full: self.full.clone() })
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FileDisk.list(dir)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        FileDisk.exists(path)
    }
    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        FileDisk.is_dir(path)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        need_room(&self.full)?;
        FileDisk.create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        FileDisk.remove_file(path)
    }
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        FileDisk.remove_dir_all(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        check(&self.fails)?;
        FileDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        FileDisk.lock(path)
    }
}

impl DiskFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        DiskFile::read_at(&self.file, buffer, offset)
    }
    fn write_at(&self, content: &[u8], offset: u64) -> io::Result<()> {
        if offset + content.len() as u64 > DiskFile::len(&self.file)? {
            // The first half fits.
            let fits = if self.full.load(Ordering::Relaxed) { content.len() / 2 } else { content.len() };
            DiskFile::write_at(&self.file, &content[..fits], offset)?;
            return need_room(&self.full);
        }
        DiskFile::write_at(&self.file, content, offset)
    }
    fn len(&self) -> io::Result<u64> {
        DiskFile::len(&self.file)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        DiskFile::set_len(&self.file, len)
    }
    fn sync_data(&self) -> io::Result<()> {
        check(&self.fails)?;
        DiskFile::sync_data(&self.file)
    }
    fn sync_all(&self) -> io::Result<()> {
        check(&self.fails)?;
        DiskFile::sync_all(&self.file)
    }
}
