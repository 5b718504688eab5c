//! Which one-shot watches the session holds, so that a new connection can set them again (`ZKWatchManager.java`).

use std::collections::BTreeSet;

/// What a watch event says (`Watcher.Event.EventType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchKind {
    /// The znode was created.
    Created,
    /// The znode was deleted.
    Deleted,
    /// The znode's data changed.
    DataChanged,
    /// Children were created or deleted.
    ChildrenChanged,
}

impl WatchKind {
    /// From the number on the wire.
    pub fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Created),
            2 => Some(Self::Deleted),
            3 => Some(Self::DataChanged),
            4 => Some(Self::ChildrenChanged),
            _ => None,
        }
    }
}

/// The three tables; paths are the server's, chroot included.
#[derive(Debug, Default)]
pub(super) struct Watches {
    data: BTreeSet<String>,
    exist: BTreeSet<String>,
    child: BTreeSet<String>,
}

/// One SetWatches request's worth of paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WatchBatch {
    pub(super) data: Vec<String>,
    pub(super) exist: Vec<String>,
    pub(super) child: Vec<String>,
}

/// Java's limit for the paths of one SetWatches request (`ClientCnxn.SET_WATCHES_MAX_LENGTH`).
const SET_WATCHES_BYTES_MAX: usize = 128 * 1024;

impl Watches {
    pub(super) fn add_data(&mut self, path: String) {
        self.data.insert(path);
    }

    pub(super) fn add_exist(&mut self, path: String) {
        self.exist.insert(path);
    }

    pub(super) fn add_child(&mut self, path: String) {
        self.child.insert(path);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// An event arrived: the watches that it used up are gone.
    pub(super) fn fired(&mut self, kind: WatchKind, path: &str) {
        match kind {
            WatchKind::Created | WatchKind::DataChanged => {
                self.data.remove(path);
                self.exist.remove(path);
            }
            WatchKind::ChildrenChanged => {
                self.child.remove(path);
            }
            WatchKind::Deleted => {
                self.data.remove(path);
                self.exist.remove(path);
                self.child.remove(path);
            }
        }
    }

    /// Everything, in requests of bounded size.
    pub(super) fn batches(&self) -> Vec<WatchBatch> {
        let mut batches = Vec::new();
        let mut batch = WatchBatch::default();
        let mut bytes = 0;
        let all = (self.data.iter().map(|path| (0, path)))
            .chain(self.exist.iter().map(|path| (1, path)))
            .chain(self.child.iter().map(|path| (2, path)));
        for (table, path) in all {
            if bytes > 0 && bytes + path.len() > SET_WATCHES_BYTES_MAX {
                batches.push(core::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += path.len();
            let list = match table {
                0 => &mut batch.data,
                1 => &mut batch.exist,
                _ => &mut batch.child,
            };
            list.push(path.clone());
        }
        if batch != WatchBatch::default() {
            batches.push(batch);
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_uses_up_all_three() {
        let mut watches = Watches::default();
        watches.add_data("/a".to_string());
        watches.add_child("/a".to_string());
        watches.add_exist("/b".to_string());
        watches.fired(WatchKind::ChildrenChanged, "/b");
        watches.fired(WatchKind::Deleted, "/a");
        let batches = watches.batches();
        assert_eq!(batches, [WatchBatch { exist: vec!["/b".to_string()], ..WatchBatch::default() }]);
    }

    #[test]
    fn batches_stay_below_the_limit() {
        let mut watches = Watches::default();
        for i in 0..300 {
            watches.add_data(format!("/{i:01000}"));
        }
        let batches = watches.batches();
        assert_eq!(batches.len(), 3);
        assert_eq!(batches.iter().map(|batch| batch.data.len()).sum::<usize>(), 300);
    }
}
