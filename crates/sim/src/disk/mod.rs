//! A disk that keeps exactly what POSIX promises, and at a crash not one byte more.
//!
//! * Content and length are volatile until `sync_data`; a power loss keeps a random subset of the unsynced 512-byte
//!   sectors (so writes are torn, and the pages of one commit reach the platter in any order).
//! * Names (create, rename, remove) are volatile until `sync_dir` of their folder.
//! * A failed sync leaves the platter in an unknown state *and* the cache clean: a retry would succeed and lie.
//! * A killed process loses its locks and open files, but the cache stays, still unsynced.

mod content;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use base::Prng;
use storage::disk::{Disk, DiskFile, OpenMode};

pub use content::{Content, PAGE_BYTES, SECTOR_BYTES};
use names::{Names, NodeId};

/// What kind of call a planned fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskOp {
    /// `read_at`.
    Read,
    /// `write_at`, `write_vectored_at`.
    Write,
    /// `set_len`.
    SetLen,
    /// `sync_data`, `sync_all`.
    Sync,
    /// `sync_dir`.
    SyncDir,
    /// `open` of a file that does not exist, `create_dir_all`.
    Create,
    /// `rename`.
    Rename,
    /// `remove_file`, `remove_dir_all`.
    Remove,
}

/// Which promises of the disk are broken on purpose, to show that the checks notice (see [`base::planted`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskLies {
    /// `sync_dir` reports success and does nothing.
    pub skip_sync_dir: bool,
    /// `sync_data` reports success and does nothing.
    pub skip_sync_data: bool,
}

/// What a crash does to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies (kill -9): the cache stays.
    Process,
    /// The machine dies: of what was not synced, this percentage of sectors and names survives.
    Power {
        /// 0 to 100.
        survive_percent: u64,
    },
}

/// Counters of what happened, for reports and for tests that something happened at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Calls of `write_at`.
    pub writes: u64,
    /// Calls of `sync_data` that worked.
    pub syncs: u64,
    /// Calls that a planned fault made fail.
    pub errors: u64,
    /// Calls that found no room.
    pub refusals: u64,
}

struct State {
    names: Names,
    files: BTreeMap<NodeId, Content>,
    /// Handles of earlier incarnations are dead.
    incarnation: u64,
    locks: BTreeMap<NodeId, u64>,
    prng: Prng,
    /// Calls of a kind left until one fails with EIO.
    fail_in: BTreeMap<DiskOp, u64>,
    /// Bytes that files may still grow by; `None` for all they want.
    space: Option<u64>,
    lies: DiskLies,
    stats: DiskStats,
}

/// One disk, as one incarnation of one process sees it. Clones share it.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    incarnation: u64,
    observer: bool,
}

/// An open file of a [`SimDisk`].
pub struct SimFile {
    disk: SimDisk,
    node: NodeId,
    writable: bool,
}

/// A lock on a [`SimDisk`]; released when dropped or when the process dies.
pub struct SimLock {
    disk: SimDisk,
    node: NodeId,
}

impl SimDisk {
    /// An empty disk.
    pub fn new(prng: Prng) -> Self {
        let state = State {
            names: Names::new(),
            files: BTreeMap::new(),
            incarnation: 0,
            locks: BTreeMap::new(),
            prng,
            fail_in: BTreeMap::new(),
            space: None,
            lies: DiskLies::default(),
            stats: DiskStats::default(),
        };
        Self { state: Arc::new(Mutex::new(state)), incarnation: 0, observer: false }
    }

    /// Ends the process that uses the disk, or the machine under it, and gives the disk that the next process sees.
    /// Every older handle answers errors from now on.
    pub fn crash(&self, crash: Crash) -> Self {
        let mut guard = self.locked();
        let state = &mut *guard;
        state.incarnation += 1;
        state.locks.clear();
        state.fail_in.clear();
        match crash {
            Crash::Process => state.files.values_mut().for_each(Content::evict_lost),
            Crash::Power { survive_percent } => {
                let reachable = state.names.power_loss(&mut state.prng, survive_percent);
                state.files.retain(|node, _| reachable.contains(node));
                for content in state.files.values_mut() {
                    content.power_loss(&mut state.prng, survive_percent);
                }
            }
        }
        let incarnation = state.incarnation;
        drop(guard);
        Self { state: Arc::clone(&self.state), incarnation, observer: false }
    }

    /// Makes the `nth` call of this kind from now on (0 is the next) fail once with an IO error.
    pub fn fail_after(&self, op: DiskOp, nth: u64) {
        self.locked().fail_in.insert(op, nth);
    }

    /// Makes one of the next calls of one of these kinds fail.
    pub fn fail_some(&self, ops: &[DiskOp], prng: &mut Prng) {
        let (op, nth) = (*prng.pick(ops).expect("not empty"), prng.below(4));
        self.fail_after(op, nth);
    }

    /// Fills or frees the disk: while full, whatever needs new space fails.
    pub fn set_full(&self, full: bool) {
        self.set_space(full.then_some(0));
    }

    /// Leaves so much room that files may grow by this many bytes. The write that needs more stops where the room ends
    /// and fails, and so does every new name once there is none. What is removed gives nothing back.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.locked().space = bytes;
    }

    /// Breaks promises on purpose.
    pub fn set_lies(&self, lies: DiskLies) {
        self.locked().lies = lies;
    }

    /// Forgets planned faults.
    pub fn heal(&self) {
        self.locked().fail_in.clear();
    }

    /// A handle for the checks: it sees what the running process sees, and planned faults pass it by.
    pub fn observer(&self) -> Self {
        Self { observer: true, ..self.clone() }
    }

    /// Whether something found, or would find, no room.
    pub fn is_full(&self) -> bool {
        self.locked().space.is_some()
    }

    /// What happened so far.
    pub fn stats(&self) -> DiskStats {
        self.locked().stats
    }

    /// Flips one bit of a file, on the platter too.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> io::Result<()> {
        let mut state = self.locked();
        let node = state.names.file(path)?;
        state.files.get_mut(&node).expect("a file node has content").flip_bit(offset, bit);
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the disk is locked")
    }

    /// Opens a call: dead processes and planned faults end here.
    fn enter(&self, op: DiskOp) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.alive()?;
        if self.observer {
            return Ok(state);
        }
        if let Some(left) = state.fail_in.get_mut(&op) {
            if *left == 0 {
                state.fail_in.remove(&op);
                state.stats.errors += 1;
                return Err(io::Error::other(format!("simulated io error in {op:?}")));
            }
            *left -= 1;
        }
        Ok(state)
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.locked();
        if state.incarnation != self.incarnation && !self.observer {
            return Err(io::Error::other("the simulated process that held this handle is dead"));
        }
        Ok(state)
    }
}

impl State {
    /// Takes room for so many bytes; a new name needs some, but takes none.
    fn need_space(&mut self, bytes: u64) -> io::Result<()> {
        let Some(space) = &mut self.space else { return Ok(()) };
        if *space == 0 || *space < bytes {
            self.stats.refusals += 1;
            return Err(io::Error::new(io::ErrorKind::StorageFull, "simulated full disk"));
        }
        *space -= bytes;
        Ok(())
    }

    fn content(&mut self, node: NodeId) -> &mut Content {
        self.files.get_mut(&node).expect("a file node has content until a crash")
    }
}

impl Disk for SimDisk {
    type File = SimFile;
    type Lock = SimLock;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let existing = match self.alive()?.names.file(path) {
            Ok(node) => Some(node),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let node = match (mode, existing) {
            (OpenMode::Read | OpenMode::Write | OpenMode::Create, Some(node)) => node,
            (OpenMode::Read | OpenMode::Write, None) => {
                let message = format!("{}: no such simulated file", path.display());
                return Err(io::Error::new(io::ErrorKind::NotFound, message));
            }
            (OpenMode::CreateNew | OpenMode::CreateNewPrivate, Some(_)) => {
                let message = format!("{}: exists on the simulated disk", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            (OpenMode::Create | OpenMode::CreateNew | OpenMode::CreateNewPrivate, None) => {
                let mut state = self.enter(DiskOp::Create)?;
                state.need_space(0)?;
                let node = state.names.create_file(path)?;
                state.files.insert(node, Content::default());
                node
            }
        };
        Ok(SimFile { disk: self.clone(), node, writable: mode != OpenMode::Read })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.alive()?.names.list(dir)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.alive()?.names.find(path).is_some())
    }

    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        Ok(self.alive()?.names.is_dir(path))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.enter(DiskOp::Create)?;
        if state.names.is_dir(dir) {
            return Ok(());
        }
        state.need_space(0)?;
        state.names.create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.enter(DiskOp::Rename)?.names.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.enter(DiskOp::Remove)?.names.remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.enter(DiskOp::Remove)?.names.remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.enter(DiskOp::SyncDir)?;
        if state.lies.skip_sync_dir {
            return Ok(());
        }
        state.names.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<SimLock> {
        drop(self.open(path, OpenMode::Create)?);
        let mut state = self.alive()?;
        let node = state.names.file(path)?;
        if state.locks.contains_key(&node) {
            let message = format!("{}: locked by another simulated process", path.display());
            return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
        }
        state.locks.insert(node, self.incarnation);
        Ok(SimLock { disk: self.clone(), node })
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.locked();
        // After a crash the lock may belong to the next process.
        if state.locks.get(&self.node) == Some(&self.disk.incarnation) {
            state.locks.remove(&self.node);
        }
    }
}

impl SimFile {
    fn enter_write(&self, op: DiskOp) -> io::Result<MutexGuard<'_, State>> {
        if !self.writable {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "simulated file opened for reading"));
        }
        self.disk.enter(op)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.disk.enter(DiskOp::Read)?.content(self.node).read(buffer, offset))
    }

    /// Half of the blocks are always in memory, the others never.
    fn read_at_hand(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        const BLOCK_BYTES: u64 = 512;
        if (offset / BLOCK_BYTES).is_multiple_of(2) {
            self.read_at(buffer, offset)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn write_at(&self, content: &[u8], offset: u64) -> io::Result<()> {
        if content.is_empty() {
            return Ok(());
        }
        let mut guard = match self.enter_write(DiskOp::Write) {
            Ok(guard) => guard,
            Err(error) => {
                // Any prefix may have been written.
                if self.writable
                    && let Ok(mut guard) = self.disk.alive()
                {
                    let state = &mut *guard;
                    let prefix = state.prng.below(content.len() as u64) as usize;
                    state.content(self.node).write(&content[..prefix], offset);
                }
                return Err(error);
            }
        };
        let state = &mut *guard;
        let (end, len) = (offset + content.len() as u64, state.content(self.node).len());
        let space = state.space;
        if end > len
            && let Err(full) = state.need_space(end - len)
        {
            let fits = (len + space.unwrap_or(0)).saturating_sub(offset).min(content.len() as u64) as usize;
            if fits > 0 {
                state.content(self.node).write(&content[..fits], offset);
            }
            state.space = Some(0);
            return Err(full);
        }
        state.stats.writes += 1;
        let write_back = state.prng.chance(1, 16);
        let file = state.files.get_mut(&self.node).expect("a file node has content until a crash");
        file.write(content, offset);
        if write_back {
            file.write_back(&mut state.prng);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.alive()?.content(self.node).len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.enter_write(DiskOp::SetLen)?;
        let longer = len.saturating_sub(state.content(self.node).len());
        if longer > 0 {
            state.need_space(longer)?;
        }
        state.content(self.node).set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.disk.enter(DiskOp::Sync) {
            Ok(mut state) => {
                state.stats.syncs += 1;
                if !state.lies.skip_sync_data {
                    state.content(self.node).sync();
                }
                Ok(())
            }
            Err(error) => {
                if let Ok(mut guard) = self.disk.alive() {
                    let state = &mut *guard;
                    let file = state.files.get_mut(&self.node).expect("a file node has content until a crash");
                    file.sync_failed(&mut state.prng);
                }
                Err(error)
            }
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }
}
