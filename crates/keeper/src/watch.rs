//! Who waits for which change (upstream: `WatchManager`, `WatcherMode`).
//!
//! Two tables, as upstream: *data* (getData, exists) and *child* (getChildren). Each is divided by path, so that reads
//! running beside each other can leave watches; firing happens under the keeper's exclusive access.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::map::{HashKey, KeyedMap};
use base::planted::PlantedBug;
use base::{Prng, Str};

use crate::event::ConnId;
use crate::fired::Fired;
use crate::tree::ChangeKind;

/// A watch event's type on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum EventType {
    /// The node was created.
    NodeCreated = 1,
    /// The node was deleted.
    NodeDeleted = 2,
    /// The node's data was replaced.
    NodeDataChanged = 3,
    /// A child of the node was created or deleted.
    NodeChildrenChanged = 4,
}

/// How long a watch stays, and how far it reaches: a set of bits per connection and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes(u8);

impl Modes {
    /// Fires once.
    pub const STANDARD: Self = Self(1);
    /// Stays.
    pub const PERSISTENT: Self = Self(2);
    /// Stays, and sees changes of all nodes below.
    pub const PERSISTENT_RECURSIVE: Self = Self(4);

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Both tables.
#[derive(Debug)]
pub struct Watches {
    /// Of getData and exists.
    pub data: Table,
    /// Of getChildren.
    pub child: Table,
    /// What was told of so far.
    pub fired: Fired,
}

impl Watches {
    /// Nobody waits.
    pub fn new(prng: &mut Prng) -> Self {
        Self { data: Table::new(prng), child: Table::new(prng), fired: Fired::default() }
    }

    /// With a bug on purpose.
    pub fn planted(mut self, bug: PlantedBug) -> Self {
        self.data.shallow = bug.is(PlantedBug::RecursiveWatchShallow);
        self
    }

    /// The connections to tell of a change, each event once per connection, in the order upstream sends them. Whoever is
    /// called with them owes each one [`Table::forget`] if its watch [has ended](Hit::ended), before the connection may
    /// leave a watch again.
    pub fn fire(&self, kind: ChangeKind, path: &str, parent: Option<&str>, mut tell: impl FnMut(Told<'_>)) {
        let mut tell = |event, in_table, path, of_parent, hits: Vec<Hit>| {
            let told = hits.iter().filter(|hit| hit.tell).count();
            if told > 0 {
                self.fired.add(event, told);
            }
            if !hits.is_empty() {
                tell(Told { event, in_table, path, of_parent, hits });
            }
        };
        let own = match kind {
            ChangeKind::Created => EventType::NodeCreated,
            ChangeKind::Deleted => EventType::NodeDeleted,
            ChangeKind::DataChanged => EventType::NodeDataChanged,
        };
        let hits = self.data.trigger(path);
        if kind == ChangeKind::Deleted {
            let mut left = self.child.trigger(path);
            for hit in &mut left {
                hit.tell = hits.binary_search_by_key(&hit.conn, |told| told.conn).is_err();
            }
            tell(own, In::Data, path, false, hits);
            tell(own, In::Child, path, false, left);
        } else {
            tell(own, In::Data, path, false, hits);
        }
        if let Some(parent) = parent
            && kind != ChangeKind::DataChanged
        {
            tell(EventType::NodeChildrenChanged, In::Child, parent, true, self.child.trigger(parent));
        }
    }

    /// One of the two.
    pub fn table(&self, which: In) -> &Table {
        match which {
            In::Data => &self.data,
            In::Child => &self.child,
        }
    }

    /// Forgets a connection.
    pub fn remove_conn(&self, conn: ConnId) {
        self.data.remove_conn(conn);
        self.child.remove_conn(conn);
    }

    /// How many watches there are.
    pub fn len(&self) -> usize {
        self.data.len() + self.child.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An event and who gets it.
pub struct Told<'a> {
    /// What happened.
    pub event: EventType,
    /// To which node.
    pub path: &'a str,
    /// Whether the event is about the parent of the node that changed.
    pub of_parent: bool,
    /// Where the watches are.
    pub in_table: In,
    /// In order of the connections.
    pub hits: Vec<Hit>,
}

/// Which of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// [`Watches::data`]
    Data,
    /// [`Watches::child`]
    Child,
}

/// A connection whose watch has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which.
    pub conn: ConnId,
    /// Whether it gets the event; otherwise another of its watches has told it.
    pub tell: bool,
    /// Whether it watches the path no more: [`Table::forget`] is due.
    pub ended: bool,
}

const SHARDS: usize = 16;

/// Connections by path, and paths by connection.
#[derive(Debug)]
pub struct Table {
    hasher: HashKey,
    by_path: Vec<Mutex<KeyedMap<Str, Watchers>>>,
    by_conn: Vec<Mutex<KeyedMap<ConnId, BTreeSet<Str>>>>,
    watches: AtomicUsize,
    /// While 0, ancestors need no look.
    recursive: AtomicUsize,
    /// A planted bug: recursive watches reach down one level.
    shallow: bool,
}

/// Most paths are watched by one connection.
#[derive(Debug)]
enum Watchers {
    One(ConnId, Modes),
    Many(BTreeMap<ConnId, Modes>),
}

impl Table {
    fn new(prng: &mut Prng) -> Self {
        Self {
            hasher: HashKey::from_prng(prng),
            by_path: (0..SHARDS).map(|_| Mutex::new(KeyedMap::new(prng))).collect(),
            by_conn: (0..SHARDS).map(|_| Mutex::new(KeyedMap::new(prng))).collect(),
            watches: AtomicUsize::new(0),
            recursive: AtomicUsize::new(0),
            shallow: false,
        }
    }

    /// Leaves a watch. A connection has at most one of a mode on a path.
    pub fn add(&self, path: &str, conn: ConnId, mode: Modes) {
        let mut shard = self.paths(path);
        // A copy: the path shares the frame that it came in.
        let added = match shard.get_mut(path) {
            None => {
                shard.insert(path.into(), Watchers::One(conn, mode));
                Added { conn: true, mode: true }
            }
            Some(watchers) => watchers.add(conn, mode),
        };
        drop(shard);
        if added.mode && mode == Modes::PERSISTENT_RECURSIVE {
            self.recursive.fetch_add(1, Ordering::Relaxed);
        }
        if added.conn {
            self.watches.fetch_add(1, Ordering::Relaxed);
            lock(&self.by_conn[conn.0 as usize % SHARDS]).get_or_insert_with(conn, BTreeSet::new).insert(path.into());
        }
    }

    /// Whether a connection watches a path, in a mode or (`None`) in any.
    pub fn contains(&self, path: &str, conn: ConnId, mode: Option<Modes>) -> bool {
        let modes = self.paths(path).get(path).and_then(|watchers| watchers.modes(conn));
        modes.is_some_and(|modes| mode.is_none_or(|mode| modes.has(mode)))
    }

    /// Ends a connection's watch of a mode or (`None`) of all modes. False when there was none.
    pub fn remove(&self, path: &str, conn: ConnId, mode: Option<Modes>) -> bool {
        let ended = {
            let mut shard = self.paths(path);
            let Some(watchers) = shard.get_mut(path) else { return false };
            let Some(before) = watchers.modes(conn).filter(|modes| mode.is_none_or(|mode| modes.has(mode))) else {
                return false;
            };
            let left = Modes(before.0 & !mode.map_or(before.0, |mode| mode.0));
            if before.has(Modes::PERSISTENT_RECURSIVE) && !left.has(Modes::PERSISTENT_RECURSIVE) {
                self.recursive.fetch_sub(1, Ordering::Relaxed);
            }
            watchers.set(conn, left);
            if watchers.is_empty() {
                shard.remove(path);
            }
            left.0 == 0
        };
        if ended {
            self.forget(path, conn);
        }
        true
    }

    /// Who is to be told of an event at a path, in order. Standard watches on it end.
    fn trigger(&self, path: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        if self.is_empty() {
            return hits;
        }
        {
            let mut shard = self.paths(path);
            if let Some(watchers) = shard.get_mut(path) {
                watchers.fire(&mut hits);
                if watchers.is_empty() {
                    shard.remove(path);
                }
            }
        }
        if self.recursive.load(Ordering::Relaxed) > 0 {
            self.trigger_above(path, &mut hits);
        }
        hits
    }

    /// Recursive watches on the nodes above.
    fn trigger_above(&self, path: &str, hits: &mut Vec<Hit>) {
        let mut at = path;
        while at.len() > 1
            && let Some((above, _)) = crate::path::split(at)
        {
            if let Some(watchers) = self.paths(above).get(above) {
                watchers.recursive(hits);
            }
            at = if self.shallow { "/" } else { above };
        }
        // Behind the sort, of a connection's hits the one on the path itself is the first.
        hits.sort_by_key(|hit| (hit.conn, !hit.ended));
        hits.dedup_by_key(|hit| hit.conn);
    }

    /// How many connections wait, counted per path.
    pub fn len(&self) -> usize {
        self.watches.load(Ordering::Relaxed)
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many paths are watched.
    pub fn paths_count(&self) -> usize {
        self.by_path.iter().map(|shard| lock(shard).len()).sum()
    }

    /// How many connections wait.
    pub fn conns_count(&self) -> usize {
        self.by_conn.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Every path that is watched, in order, with who watches it: as long as there are watches, for an operator's eyes.
    pub fn entries(&self) -> Vec<(Str, Vec<ConnId>)> {
        let mut by_path: BTreeMap<Str, Vec<ConnId>> = BTreeMap::new();
        for shard in &self.by_conn {
            for (conn, paths) in lock(shard).sorted() {
                paths.iter().for_each(|path| by_path.entry(path.clone()).or_default().push(*conn));
            }
        }
        by_path.into_iter().collect()
    }

    fn remove_conn(&self, conn: ConnId) {
        let paths = lock(&self.by_conn[conn.0 as usize % SHARDS]).remove(&conn).unwrap_or_default();
        self.watches.fetch_sub(paths.len(), Ordering::Relaxed);
        for path in paths {
            let mut shard = self.paths(&path);
            let Some(watchers) = shard.get_mut(&*path) else { continue };
            if watchers.remove(conn).is_some_and(|modes| modes.has(Modes::PERSISTENT_RECURSIVE)) {
                self.recursive.fetch_sub(1, Ordering::Relaxed);
            }
            if watchers.is_empty() {
                shard.remove(&*path);
            }
        }
    }

    /// A connection watches a path no more.
    pub fn forget(&self, path: &str, conn: ConnId) {
        let mut shard = lock(&self.by_conn[conn.0 as usize % SHARDS]);
        let Some(paths) = shard.get_mut(&conn) else { return };
        if paths.remove(path) {
            self.watches.fetch_sub(1, Ordering::Relaxed);
        }
        if paths.is_empty() {
            shard.remove(&conn);
        }
    }

    fn paths(&self, path: &str) -> MutexGuard<'_, KeyedMap<Str, Watchers>> {
        lock(&self.by_path[self.hasher.hash_one(path) as usize % SHARDS])
    }
}

struct Added {
    conn: bool,
    mode: bool,
}

impl Watchers {
    fn add(&mut self, conn: ConnId, mode: Modes) -> Added {
        let many = match self {
            Self::One(one, modes) if *one == conn => {
                let added = Added { conn: false, mode: !modes.has(mode) };
                modes.0 |= mode.0;
                return added;
            }
            Self::One(one, modes) => {
                *self = Self::Many(BTreeMap::from([(*one, *modes)]));
                let Self::Many(many) = self else { unreachable!("assigned above") };
                many
            }
            Self::Many(many) => many,
        };
        let before = many.get(&conn).copied().unwrap_or(Modes(0));
        many.insert(conn, Modes(before.0 | mode.0));
        Added { conn: before.0 == 0, mode: !before.has(mode) }
    }

    /// Everybody is to be told; standard watches end, and those with no other mode are gone.
    fn fire(&mut self, hits: &mut Vec<Hit>) {
        let mut fire = |conn: ConnId, modes: &mut Modes| {
            modes.0 &= !Modes::STANDARD.0;
            hits.push(Hit { conn, tell: true, ended: modes.0 == 0 });
        };
        match self {
            Self::One(conn, modes) => fire(*conn, modes),
            Self::Many(many) => {
                many.iter_mut().for_each(|(conn, modes)| fire(*conn, modes));
                if hits.iter().all(|hit| hit.ended) {
                    many.clear();
                } else {
                    many.retain(|_, modes| modes.0 != 0);
                }
            }
        }
    }

    fn recursive(&self, hits: &mut Vec<Hit>) {
        let mut tell = |conn: &ConnId, modes: &Modes| {
            if modes.has(Modes::PERSISTENT_RECURSIVE) {
                hits.push(Hit { conn: *conn, tell: true, ended: false });
            }
        };
        match self {
            Self::One(conn, modes) => tell(conn, modes),
            Self::Many(many) => many.iter().for_each(|(conn, modes)| tell(conn, modes)),
        }
    }

    fn modes(&self, conn: ConnId) -> Option<Modes> {
        match self {
            Self::One(one, modes) => (*one == conn).then_some(*modes),
            Self::Many(many) => many.get(&conn).copied(),
        }
    }

    /// Of a connection that has modes already.
    fn set(&mut self, conn: ConnId, left: Modes) {
        match self {
            Self::One(_, modes) => *modes = left,
            Self::Many(many) if left.0 == 0 => drop(many.remove(&conn)),
            Self::Many(many) => drop(many.insert(conn, left)),
        }
    }

    fn remove(&mut self, conn: ConnId) -> Option<Modes> {
        match self {
            Self::One(one, modes) if *one == conn => Some(core::mem::replace(modes, Modes(0))),
            Self::One(..) => None,
            Self::Many(many) => many.remove(&conn),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::One(_, modes) => modes.0 == 0,
            Self::Many(many) => many.is_empty(),
        }
    }
}

/// A thread that panicked while it held the lock left a whole table: every change is one insert or remove.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnId = ConnId(1);
    const B: ConnId = ConnId(17);

    fn fired(watches: &Watches, kind: ChangeKind, path: &str, parent: &str) -> Vec<(EventType, String, Vec<ConnId>)> {
        let mut all = Vec::new();
        watches.fire(kind, path, Some(parent), |told| {
            let conns: Vec<ConnId> = told.hits.iter().filter(|hit| hit.tell).map(|hit| hit.conn).collect();
            if !conns.is_empty() {
                all.push((told.event, told.path.to_string(), conns));
            }
            let ended = told.hits.iter().filter(|hit| hit.ended);
            ended.for_each(|hit| watches.table(told.in_table).forget(told.path, hit.conn));
        });
        all
    }

    /// Who is told when something happens to a path, as far as one table goes.
    fn triggered(table: &Table, path: &str) -> Vec<ConnId> {
        let hits = table.trigger(path);
        hits.iter().filter(|hit| hit.ended).for_each(|hit| table.forget(path, hit.conn));
        hits.iter().map(|hit| hit.conn).collect()
    }

    #[test]
    fn a_deletion_is_told_once_to_each() {
        let watches = Watches::new(&mut Prng::new(1));
        watches.data.add("/a", A, Modes::STANDARD);
        watches.data.add("/a", A, Modes::STANDARD);
        watches.child.add("/a", A, Modes::STANDARD);
        watches.child.add("/a", B, Modes::STANDARD);
        watches.child.add("/", B, Modes::STANDARD);
        assert_eq!(watches.len(), 4);
        let expected = [
            (EventType::NodeDeleted, "/a".to_string(), vec![A]),
            (EventType::NodeDeleted, "/a".to_string(), vec![B]),
            (EventType::NodeChildrenChanged, "/".to_string(), vec![B]),
        ];
        assert_eq!(fired(&watches, ChangeKind::Deleted, "/a", "/"), expected);
        assert!(watches.is_empty());
        assert_eq!(fired(&watches, ChangeKind::Created, "/a", "/"), []);
    }

    #[test]
    fn data_changes_do_not_concern_children_watches() {
        let watches = Watches::new(&mut Prng::new(1));
        watches.child.add("/a", A, Modes::STANDARD);
        watches.child.add("/", A, Modes::STANDARD);
        assert_eq!(fired(&watches, ChangeKind::DataChanged, "/a", "/"), []);
        assert_eq!(watches.len(), 2);
    }

    #[test]
    fn persistent_watches_stay_and_recursive_ones_reach_down() {
        let watches = Watches::new(&mut Prng::new(1));
        watches.data.add("/a", A, Modes::PERSISTENT_RECURSIVE);
        watches.data.add("/a/b", A, Modes::STANDARD);
        watches.data.add("/a/b", B, Modes::PERSISTENT);
        for _ in 0..2 {
            let told = (EventType::NodeDataChanged, "/a/b".to_string(), vec![A, B]);
            assert_eq!(fired(&watches, ChangeKind::DataChanged, "/a/b", "/a"), [told]);
        }
        watches.remove_conn(A);
        assert_eq!(watches.len(), 1);
        assert_eq!(triggered(&watches.data, "/a/b/c"), []);
        assert_eq!(triggered(&watches.data, "/a/b"), [B]);
    }

    #[test]
    fn modes_end_one_by_one() {
        let watches = Watches::new(&mut Prng::new(1));
        let table = &watches.data;
        for conn in [A, B] {
            table.add("/a", conn, Modes::STANDARD);
            table.add("/a", conn, Modes::PERSISTENT_RECURSIVE);
        }
        assert!(!table.contains("/a", A, Some(Modes::PERSISTENT)) && !table.remove("/a", A, Some(Modes::PERSISTENT)));
        assert!(table.remove("/a", A, Some(Modes::PERSISTENT_RECURSIVE)));
        assert!(table.contains("/a", A, Some(Modes::STANDARD)) && table.contains("/a", B, None));
        assert_eq!(triggered(table, "/a/b"), [B]);
        assert!(table.remove("/a", B, None) && !table.remove("/a", B, None));
        assert_eq!(triggered(table, "/a/b"), []);
        assert_eq!((table.len(), triggered(table, "/a")), (1, vec![A]));
        assert!(watches.is_empty() && !table.remove("/a", A, None));
    }

    #[test]
    fn a_connection_that_is_gone_is_not_told() {
        let watches = Watches::new(&mut Prng::new(1));
        for path in ["/a", "/b", "/c"] {
            watches.data.add(path, A, Modes::STANDARD);
            watches.data.add(path, B, Modes::STANDARD);
        }
        watches.remove_conn(A);
        assert_eq!(watches.len(), 3);
        assert_eq!(triggered(&watches.data, "/a"), [B]);
        watches.remove_conn(B);
        assert!(watches.is_empty());
    }
}
