//! The folders of a simulated disk: which names exist, and which of them a power loss would leave.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

use base::Prng;

/// An inode number.
pub type NodeId = u64;

const ROOT: NodeId = 0;

/// A folder's entries as the running system sees them and as the platter has them.
#[derive(Clone, Debug, Default)]
struct Folder {
    live: BTreeMap<String, NodeId>,
    durable: BTreeMap<String, NodeId>,
}

/// One name in one folder comes to mean `node`, or nothing.
#[derive(Clone, Debug)]
struct Change {
    folder: NodeId,
    name: String,
    node: Option<NodeId>,
}

/// The tree of names. Every operation is a set of changes that a crash keeps or loses as one (a rename is atomic).
#[derive(Clone, Debug)]
pub struct Names {
    folders: BTreeMap<NodeId, Folder>,
    next: NodeId,
    /// Operations that no `sync_dir` has covered yet, oldest first.
    unsynced: Vec<Vec<Change>>,
}

impl Names {
    /// Just the root.
    pub fn new() -> Self {
        Self { folders: BTreeMap::from([(ROOT, Folder::default())]), next: ROOT + 1, unsynced: Vec::new() }
    }

    /// The node at `path`.
    pub fn find(&self, path: &Path) -> Option<NodeId> {
        let mut at = ROOT;
        for name in parts(path) {
            at = *self.folders.get(&at)?.live.get(&name)?;
        }
        Some(at)
    }

    /// Whether `path` is a folder.
    pub fn is_dir(&self, path: &Path) -> bool {
        self.find(path).is_some_and(|node| self.folders.contains_key(&node))
    }

    /// The file at `path`.
    pub fn file(&self, path: &Path) -> io::Result<NodeId> {
        let node = self.find(path).ok_or_else(|| not_found(path))?;
        if self.folders.contains_key(&node) {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, format!("{}: is a folder", path.display())));
        }
        Ok(node)
    }

    /// The names in a folder, sorted.
    pub fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let folder = self.find(dir).and_then(|node| self.folders.get(&node)).ok_or_else(|| not_found(dir))?;
        Ok(folder.live.keys().cloned().collect())
    }

    /// A new file; its folder must exist.
    pub fn create_file(&mut self, path: &Path) -> io::Result<NodeId> {
        let (folder, name) = self.place(path)?;
        let node = self.fresh();
        self.perform(vec![Change { folder, name, node: Some(node) }]);
        Ok(node)
    }

    /// Folders down to `dir`; the new entries are on the platter at once, as the trait promises.
    pub fn create_dir_all(&mut self, dir: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for name in parts(dir) {
            let folder = self.folders.get(&at).ok_or_else(|| not_found(dir))?;
            at = match folder.live.get(&name) {
                Some(node) => *node,
                None => {
                    let node = self.fresh();
                    self.folders.insert(node, Folder::default());
                    self.perform(vec![Change { folder: at, name, node: Some(node) }]);
                    self.sync_node(at);
                    node
                }
            };
        }
        Ok(())
    }

    /// Renames a file or a folder, replacing a file.
    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.find(from).ok_or_else(|| not_found(from))?;
        let (old_folder, old_name) = self.place(from)?;
        let (new_folder, new_name) = self.place(to)?;
        if let Some(target) = self.find(to).filter(|target| *target != node)
            && self.folders.get(&target).is_some_and(|folder| !folder.live.is_empty())
        {
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, format!("{}: not empty", to.display())));
        }
        self.perform(vec![
            Change { folder: old_folder, name: old_name, node: None },
            Change { folder: new_folder, name: new_name, node: Some(node) },
        ]);
        Ok(())
    }

    /// Removes a file's name.
    pub fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        let (folder, name) = self.place(path)?;
        self.perform(vec![Change { folder, name, node: None }]);
        Ok(())
    }

    /// Removes a folder and what is in it, name by name: a crash may leave some of them.
    pub fn remove_dir_all(&mut self, dir: &Path) -> io::Result<()> {
        if !self.is_dir(dir) {
            return Err(not_found(dir));
        }
        for name in self.list(dir)? {
            let child = dir.join(&name);
            if self.is_dir(&child) {
                self.remove_dir_all(&child)?;
            } else {
                self.remove_file(&child)?;
            }
        }
        let (folder, name) = self.place(dir)?;
        self.perform(vec![Change { folder, name, node: None }]);
        Ok(())
    }

    /// Puts the names in `dir` on the platter.
    pub fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let node = self.find(dir).filter(|node| self.folders.contains_key(node)).ok_or_else(|| not_found(dir))?;
        self.sync_node(node);
        Ok(())
    }

    fn sync_node(&mut self, node: NodeId) {
        let (now, mut later): (Vec<_>, Vec<_>) = core::mem::take(&mut self.unsynced)
            .into_iter()
            .partition(|changes| changes.iter().any(|change| change.folder == node));
        for change in now.into_iter().flatten() {
            // What is older for the same name (in the other folder of a rename) must not come back at a crash.
            for operation in &mut later {
                operation.retain(|old| old.folder != change.folder || old.name != change.name);
            }
            self.make_durable(&change);
        }
        later.retain(|operation| !operation.is_empty());
        self.unsynced = later;
    }

    fn make_durable(&mut self, change: &Change) {
        let Some(folder) = self.folders.get_mut(&change.folder) else { return };
        match change.node {
            Some(node) => folder.durable.insert(change.name.clone(), node),
            None => folder.durable.remove(&change.name),
        };
    }

    /// Keeps the first few of the unsynced operations and returns the nodes that still have a name. Journaling file
    /// systems keep the order of operations on names (POSIX alone would not).
    pub fn power_loss(&mut self, prng: &mut Prng, survive_percent: u64) -> BTreeSet<NodeId> {
        let mut operations = core::mem::take(&mut self.unsynced);
        operations.truncate(match survive_percent {
            0 => 0,
            100 => operations.len(),
            _ => prng.below(operations.len() as u64 + 1) as usize,
        });
        for change in operations.into_iter().flatten() {
            self.make_durable(&change);
        }
        let mut reachable = BTreeSet::from([ROOT]);
        let mut todo = vec![ROOT];
        while let Some(at) = todo.pop() {
            let Some(folder) = self.folders.get_mut(&at) else { continue };
            folder.live = folder.durable.clone();
            todo.extend(folder.live.values().filter(|node| reachable.insert(**node)));
        }
        self.folders.retain(|node, _| reachable.contains(node));
        reachable
    }

    fn perform(&mut self, operation: Vec<Change>) {
        for change in &operation {
            let folder = self.folders.get_mut(&change.folder).expect("a resolved folder exists");
            match change.node {
                Some(node) => folder.live.insert(change.name.clone(), node),
                None => folder.live.remove(&change.name),
            };
        }
        self.unsynced.push(operation);
    }

    fn place(&self, path: &Path) -> io::Result<(NodeId, String)> {
        let mut names: Vec<String> = parts(path).collect();
        let name = names.pop().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the root has no name"))?;
        let mut at = ROOT;
        for part in names {
            let folder = self.folders.get(&at).ok_or_else(|| not_found(path))?;
            at = *folder.live.get(&part).ok_or_else(|| not_found(path))?;
        }
        if !self.folders.contains_key(&at) {
            return Err(not_found(path));
        }
        Ok((at, name))
    }

    fn fresh(&mut self) -> NodeId {
        self.next += 1;
        self.next
    }
}

/// Every path counts from the disk's root.
fn parts(path: &Path) -> impl Iterator<Item = String> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    })
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{}: not on the simulated disk", path.display()))
}
