//! Watches: an event comes before any reply that shows the change, once, in the order of the changes, and never without a
//! cause; and the server knows which watches it has.
//!
//! The check follows one client's arrivals in order and keeps what the server must have in its two watch tables. A reply
//! shows a zxid: every change up to it fires the tables as they were, and all those events must have come by then.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included};

use super::{Checked, Property};
use crate::keeper::history::{History, OpId, OpRecord, Seen};
use crate::keeper::model::access::{grants, perm};
use crate::keeper::model::{Change, Trigger};
use crate::keeper::op::{Acl, Left, Op, OpResult, User, WatcherKind, code};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a watch fires for each change it is for, in their order, before any reply that shows the change, and only to those \
           who may read the node",
    source: "ZooKeeper programmer's guide, watches: \"a client will see the watch event before seeing the new data\"; \
             CVE-2024-23944",
};

/// The property.
pub static TABLES: Property = Property {
    says: "removeWatches and checkWatches find the watches that the connection has, and no others",
    source: "ZooKeeper programmer's guide, remove watches; ZOOKEEPER-1416",
};

/// All changes of a run by zxid, in the order of their effect.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<i64, Vec<Piece>>);

/// What is applied in one step.
type Piece = Vec<Trigger>;

impl Changes {
    /// Notes what a transaction changed.
    pub fn push(&mut self, zxid: i64, triggers: Vec<Trigger>) {
        if !triggers.is_empty() {
            self.0.insert(zxid, vec![triggers]);
        }
    }

    /// Notes what a transaction changed that is applied in pieces, which others may see.
    pub fn push_in_pieces(&mut self, zxid: i64, triggers: Vec<Trigger>, piece_max: usize) {
        self.0.insert(zxid, triggers.chunks(piece_max).map(<[Trigger]>::to_vec).collect());
    }

    /// Whether it was applied in pieces.
    pub fn in_pieces(&self, zxid: i64) -> bool {
        self.0.get(&zxid).is_some_and(|pieces| pieces.len() > 1)
    }
}

/// What a setWatches must answer, computed from the model at the reply's zxid: the events before its reply, in order, and
/// the one-shot watches that are left, in the table of children or the other.
#[derive(Clone, Debug, Default)]
pub struct Resumed {
    /// Events.
    pub events: Vec<(Change, String)>,
    /// Paths of getData and exists.
    pub data: Vec<String>,
    /// Paths of getChildren.
    pub child: Vec<String>,
}

/// How a path is watched: once, for ever, for ever with all below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Modes {
    standard: bool,
    persistent: bool,
    recursive: bool,
}

const ONCE: Modes = Modes { standard: true, persistent: false, recursive: false };
const FOR_EVER: Modes = Modes { standard: false, persistent: true, recursive: false };
const BELOW: Modes = Modes { standard: false, persistent: false, recursive: true };

/// One of the server's two tables, as far as it is this connection's.
#[derive(Debug, Default)]
struct Table(BTreeMap<String, Modes>);

impl Table {
    fn add(&mut self, path: &str, mode: Modes) {
        let modes = self.0.entry(path.to_string()).or_default();
        modes.standard |= mode.standard;
        modes.persistent |= mode.persistent;
        modes.recursive |= mode.recursive;
    }

    /// Whether there is any of `mode` at the path, which is gone then.
    fn remove(&mut self, path: &str, mode: Modes) -> bool {
        let Some(modes) = self.0.get_mut(path) else { return false };
        let before = *modes;
        modes.standard &= !mode.standard;
        modes.persistent &= !mode.persistent;
        modes.recursive &= !mode.recursive;
        let found = *modes != before;
        if *modes == Modes::default() {
            self.0.remove(path);
        }
        found
    }

    fn has(&self, path: &str, mode: Modes) -> bool {
        self.0.get(path).is_some_and(|modes| {
            modes.standard && mode.standard || modes.persistent && mode.persistent || modes.recursive && mode.recursive
        })
    }

    /// Whether a change at the path is for somebody here; what is for once is gone then.
    fn fire(&mut self, path: &str) -> bool {
        let here = self.0.contains_key(path);
        self.remove(path, ONCE);
        let above = |at: &str| if at == "/" { None } else { at.rfind('/').map(|slash| at[..slash.max(1)].to_string()) };
        let mut at = above(path);
        while let Some(path) = at {
            if self.has(&path, BELOW) {
                return true;
            }
            at = above(&path);
        }
        here
    }
}

const ANY: Modes = Modes { standard: true, persistent: true, recursive: true };

struct Connection<'a> {
    client: usize,
    changes: &'a Changes,
    users: Vec<&'static User>,
    data: Table,
    child: Table,
    /// The changes up to here have fired.
    at: i64,
    /// Of the change behind that, so many pieces have fired.
    pieces: usize,
    /// A change in pieces in the middle of which a watch was left that tells nothing of how far it was: some of its events
    /// may not come.
    blind: i64,
    /// What must come next.
    due: VecDeque<(i64, Change, String)>,
    /// Events of setWatches that have come before its reply.
    resumed: Vec<(Change, String)>,
}

/// Checks one client.
///
/// # Errors
/// The violation.
pub fn of_client(
    client: usize,
    history: &History,
    changes: &Changes,
    resumed: &BTreeMap<OpId, Vec<Resumed>>,
    shown_pieces: &BTreeMap<OpId, usize>,
) -> Checked {
    let mut connection = Connection::new(client, changes, Vec::new());
    for seen in &history.seen[client] {
        match seen {
            Seen::Connected { users, .. } => connection = Connection::new(client, changes, users.clone()),
            Seen::Disconnected => connection = Connection::new(client, changes, Vec::new()),
            Seen::Event { zxid, change, path, .. } => connection.event(*zxid, *change, path)?,
            Seen::Reply(id) => {
                let shown = shown_pieces.get(id).copied().unwrap_or(0);
                connection.reply(&history.ops[*id], resumed.get(id), shown)?;
            }
        }
    }
    Ok(())
}

impl<'a> Connection<'a> {
    fn new(client: usize, changes: &'a Changes, users: Vec<&'static User>) -> Self {
        Self {
            client,
            changes,
            users,
            data: Table::default(),
            child: Table::default(),
            at: 0,
            pieces: 0,
            blind: 0,
            due: VecDeque::new(),
            resumed: Vec::new(),
        }
    }

    /// Fires the changes up to a zxid.
    fn advance(&mut self, to: i64) {
        let changes = self.changes;
        if self.at < to && !(self.data.0.is_empty() && self.child.0.is_empty()) {
            for (zxid, pieces) in changes.0.range((Excluded(self.at), Included(to))) {
                let fired = if *zxid == self.at + 1 { self.pieces } else { 0 };
                pieces[fired..].iter().flatten().for_each(|trigger| self.fire(*zxid, trigger));
            }
        }
        if self.at < to {
            (self.at, self.pieces) = (to, 0);
        }
    }

    /// Fires the next piece of the change behind those that have fired. False when there is none.
    fn next_piece(&mut self) -> bool {
        let zxid = self.at + 1;
        let Some(pieces) = self.changes.0.get(&zxid) else { return false };
        let Some(piece) = pieces.get(self.pieces) else { return false };
        piece.iter().for_each(|trigger| self.fire(zxid, trigger));
        self.pieces += 1;
        if self.pieces == pieces.len() {
            (self.at, self.pieces) = (zxid, 0);
        }
        true
    }

    fn fire(&mut self, zxid: i64, trigger: &Trigger) {
        let Trigger { change, path, acl, parent_acl } = trigger;
        let told = self.data.fire(path);
        if told {
            self.tell(zxid, *change, path, acl);
        }
        if *change == Change::Deleted && self.child.fire(path) && !told {
            self.tell(zxid, *change, path, acl);
        }
        if *change != Change::DataChanged {
            let parent = path.rfind('/').map_or("/", |slash| &path[..slash.max(1)]);
            if self.child.fire(parent) {
                self.tell(zxid, Change::ChildrenChanged, parent, parent_acl);
            }
        }
    }

    /// Who may not read the node is not told; a watch for once is gone all the same.
    fn tell(&mut self, zxid: i64, change: Change, path: &str, acl: &[Acl]) {
        if grants(acl, &self.users, perm::READ) {
            self.due.push_back((zxid, change, path.to_string()));
        }
    }

    fn nothing_is_due(&mut self, zxid: i64, what: &str) -> Checked {
        while self.due.front().is_some_and(|(due, ..)| *due == self.blind) {
            self.due.pop_front();
        }
        PROPERTY.require(self.due.is_empty(), || {
            format!("client {} sees zxid {zxid:#x} ({what}) and was not told of {:x?}", self.client, self.due)
        })
    }

    fn event(&mut self, zxid: i64, change: Change, path: &str) -> Checked {
        if zxid == -1 {
            self.resumed.push((change, path.to_string()));
            return Ok(());
        }
        if zxid > self.at + 1 || (zxid > self.at && self.pieces == 0) {
            self.advance(zxid - 1);
            self.nothing_is_due(zxid, "another event")?;
        }
        let seen = (zxid, change, path.to_string());
        loop {
            while self.blind == zxid && self.due.front().is_some_and(|due| *due != seen) {
                self.due.pop_front();
            }
            if !self.due.is_empty() || zxid <= self.at || !self.next_piece() {
                break;
            }
        }
        let expected = self.due.pop_front();
        PROPERTY.require(expected.as_ref() == Some(&seen), || {
            format!("client {} is told of {seen:x?}, and {expected:x?} was due", self.client)
        })
    }

    /// `shown` pieces of the change behind the reply's zxid can be seen in it, at least.
    fn reply(&mut self, record: &OpRecord, resumed: Option<&Vec<Resumed>>, shown: usize) -> Checked {
        let reply = record.reply.as_ref().expect("a seen reply is recorded");
        let resumed = resumed.map(|states| {
            let fired = if reply.zxid == self.at { self.pieces } else { 0 };
            let told = |state: &Resumed| state.events == self.resumed;
            let shown = (fired..states.len()).find(|at| told(&states[*at])).unwrap_or(0);
            (shown, &states[shown])
        });
        if reply.zxid > 0 {
            self.advance(reply.zxid);
            let shown = resumed.map_or(shown, |(shown, _)| shown);
            while reply.zxid == self.at && self.pieces < shown && self.next_piece() {}
            self.nothing_is_due(reply.zxid, record.op.opcode().name())?;
        }
        if reply.result == OpResult::Error(code::SESSION_EXPIRED) {
            return Ok(());
        }
        let failed = matches!(reply.result, OpResult::Error(_));
        match &record.op {
            Op::Exists { path, watch: true } if !failed || reply.result == OpResult::Error(code::NO_NODE) => {
                self.data.add(path, ONCE);
            }
            Op::GetData { path, watch: true } if !failed => self.data.add(path, ONCE),
            Op::GetChildren { path, watch: true, .. } if !failed => self.child.add(path, ONCE),
            Op::AddWatch { path, recursive } if !failed => self.watch_for_ever(path, *recursive, reply.zxid),
            Op::RemoveWatches { path, kind } => {
                let found = self.remove(path, *kind);
                self.table_says(found, record)?;
            }
            Op::CheckWatches { path, kind } => self.table_says(self.has(path, *kind), record)?,
            Op::SetWatches(left) if !failed => self.resume(left, resumed.map(|(_, state)| state), record)?,
            _ => {}
        }
        Ok(())
    }

    fn watch_for_ever(&mut self, path: &str, recursive: bool, zxid: i64) {
        if self.changes.in_pieces(zxid + 1) {
            self.blind = zxid + 1;
        }
        if recursive {
            self.data.add(path, BELOW);
        } else {
            self.data.add(path, FOR_EVER);
            self.child.add(path, FOR_EVER);
        }
    }

    fn remove(&mut self, path: &str, kind: WatcherKind) -> bool {
        match kind {
            WatcherKind::Children => self.child.remove(path, ONCE),
            WatcherKind::Data => self.data.remove(path, ONCE),
            WatcherKind::Any => self.data.remove(path, ANY) | self.child.remove(path, ANY),
            WatcherKind::Persistent => self.data.remove(path, FOR_EVER) | self.child.remove(path, FOR_EVER),
            WatcherKind::PersistentRecursive => self.data.remove(path, BELOW),
        }
    }

    fn has(&self, path: &str, kind: WatcherKind) -> bool {
        match kind {
            WatcherKind::Children => self.child.has(path, ONCE),
            WatcherKind::Data => self.data.has(path, ONCE),
            WatcherKind::Any => self.data.has(path, ANY) || self.child.has(path, ANY),
            WatcherKind::Persistent => self.data.has(path, FOR_EVER),
            WatcherKind::PersistentRecursive => self.data.has(path, BELOW),
        }
    }

    fn table_says(&self, found: bool, record: &OpRecord) -> Checked {
        let told = record.reply.as_ref().map(|reply| &reply.result);
        let expected = if found { OpResult::Done } else { OpResult::Error(code::NO_WATCHER) };
        TABLES.require(told == Some(&expected), || {
            let tables = (&self.data, &self.child);
            format!("client {} asks {:?}\n    told: {told:?}\n    has: {tables:?}", self.client, record.op)
        })
    }

    fn resume(&mut self, left: &Left, resumed: Option<&Resumed>, record: &OpRecord) -> Checked {
        let expected = resumed.expect("every answered setWatches was looked at");
        let events = core::mem::take(&mut self.resumed);
        PROPERTY.require(events == expected.events, || {
            let zxid = record.reply.as_ref().map_or(0, |reply| reply.zxid);
            format!(
                "client {} resumes at zxid {zxid:#x} with {left:?}\n    told: {events:?}\n   model: {:?}",
                self.client, expected.events
            )
        })?;
        expected.data.iter().for_each(|path| self.data.add(path, ONCE));
        expected.child.iter().for_each(|path| self.child.add(path, ONCE));
        let zxid = record.reply.as_ref().map_or(0, |reply| reply.zxid);
        left.persistent.iter().for_each(|path| self.watch_for_ever(path, false, zxid));
        left.recursive.iter().for_each(|path| self.watch_for_ever(path, true, zxid));
        Ok(())
    }
}
