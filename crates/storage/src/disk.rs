//! What the formats ask of a disk. Two implementations: [`crate::file_disk::FileDisk`], and the simulator's, which
//! loses unsynced and torn writes at a crash and forgets directory entries that were never synced.
//!
//! All calls are synchronous. The calls that may take long (`sync_*`, cold reads) are made from jobs that the driver
//! hands to its world, never from the loop's own thread.

use std::io;
use std::path::Path;

use bytes::Bytes;

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Must exist; only reads follow.
    Read,
    /// Must exist; reads and writes follow.
    Write,
    /// Made when absent; reads and writes follow.
    Create,
    /// Must not exist yet; reads and writes follow.
    CreateNew,
    /// As [`OpenMode::CreateNew`], readable by the owner alone (mode 0600): for secrets.
    CreateNewPrivate,
}

/// A file system below one root. Paths are relative to it or absolute, as the implementation's owner passes them.
///
/// Durability is POSIX's: file content after `sync_data`, a new, renamed or removed name after `sync_dir` of its
/// parent. An `Err` of a sync means that nothing is known about the bytes; it is never retried.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Held while this process owns a folder.
    type Lock: Send + Sync + 'static;

    /// Opens a file.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File>;

    /// The names in a folder, sorted. An absent folder is an error of kind `NotFound`.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Whether something of this name exists.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Whether the path is a folder.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn is_dir(&self, path: &Path) -> io::Result<bool>;

    /// Makes a folder and its parents, and syncs each parent that gained an entry.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Renames, replacing what has the new name.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and everything in it.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// When the file was last modified, in milliseconds since 1970; `None` on a disk without such times.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn modified_ms(&self, _path: &Path) -> io::Result<Option<i64>> {
        Ok(None)
    }

    /// Bytes of the file system that holds `dir`, and how many of them are free; `None` on a disk that does not tell.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn space(&self, _dir: &Path) -> io::Result<Option<(u64, u64)>> {
        Ok(None)
    }

    /// Makes the names in `dir` durable.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock of the file at `path`, which is made when absent.
    ///
    /// # Errors
    /// Kind `WouldBlock` when another process holds it.
    fn lock(&self, path: &Path) -> io::Result<Self::Lock>;

    /// Reads a whole file, refusing one longer than `bytes_max`.
    ///
    /// # Errors
    /// As the operating system reports them; kind `InvalidData` for a file that is too long.
    fn read_all(&self, path: &Path, bytes_max: u64) -> io::Result<Bytes> {
        let file = self.open(path, OpenMode::Read)?;
        let len = file.len()?;
        if len > bytes_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} has {len} bytes, more than the {bytes_max} that such a file can have", path.display()),
            ));
        }
        let mut content = vec![0; len as usize];
        let read = file.read_at(&mut content, 0)?;
        content.truncate(read);
        Ok(content.into())
    }

    /// Replaces a file so that a crash leaves the old or the new content whole: temporary file, sync, rename, sync of
    /// the folder.
    ///
    /// # Errors
    /// As the operating system reports them; the old content is untouched then.
    fn replace_atomically(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = Path::new(&temporary);
        if self.exists(temporary)? {
            self.remove_file(temporary)?;
        }
        let file = self.open(temporary, OpenMode::CreateNew)?;
        file.write_at(content, 0)?;
        file.sync_all()?;
        drop(file);
        self.rename(temporary, path)?;
        self.sync_dir(path.parent().unwrap_or(Path::new(".")))
    }
}

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It may.
    Wait,
    /// It fails with `WouldBlock` instead.
    AtHand,
}

impl Patience {
    /// Reads with it.
    ///
    /// # Errors
    /// As [`DiskFile::read_at`] and [`DiskFile::read_at_hand`].
    pub fn read_at(self, file: &impl DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Wait => file.read_at(buffer, offset),
            Self::AtHand => file.read_at_hand(buffer, offset),
        }
    }
}

/// An open file with positioned reads and writes.
pub trait DiskFile: Send + Sync + 'static {
    /// Reads until `buffer` is full or the file ends; returns the bytes read.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// As [`DiskFile::read_at`], but never waits for the disk.
    ///
    /// # Errors
    /// `WouldBlock` when not all of it is in memory, or when a kind of file cannot tell; else as the operating system
    /// reports them.
    fn read_at_hand(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let _ = (buffer, offset);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Writes all of `content`.
    ///
    /// # Errors
    /// As the operating system reports them; any prefix may have been written then.
    fn write_at(&self, content: &[u8], offset: u64) -> io::Result<()>;

    /// Writes the pieces one after the other, without joining them in memory first.
    ///
    /// # Errors
    /// As [`DiskFile::write_at`].
    fn write_vectored_at(&self, pieces: &[Bytes], offset: u64) -> io::Result<()> {
        let mut at = offset;
        for piece in pieces {
            self.write_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// The file's length in bytes.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty.
    ///
    /// # Errors
    /// As [`DiskFile::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts or extends (with zeros) to `len`.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// As the operating system reports them. Never retry: the kernel may have dropped the pages.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes content and all metadata durable (`fsync`).
    ///
    /// # Errors
    /// As [`DiskFile::sync_data`].
    fn sync_all(&self) -> io::Result<()>;
}
