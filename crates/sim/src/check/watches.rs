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
pub struct Changes(BTreeMap<i64, Vec<Trigger>>);

impl Changes {
    /// Notes what a transaction changed.
    pub fn push(&mut self, zxid: i64, triggers: Vec<Trigger>) {
        if !triggers.is_empty() {
            self.0.insert(zxid, triggers);
        }
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
    /// What must come next.
    due: VecDeque<(i64, Change, String)>,
    /// Events of setWatches that have come before its reply.
    resumed: Vec<(Change, String)>,
}

/// Checks one client.
///
/// # Errors
/// The violation.
pub fn of_client(client: usize, history: &History, changes: &Changes, resumed: &BTreeMap<OpId, Resumed>) -> Checked {
    let mut connection = Connection::new(client, changes, Vec::new());
    for seen in &history.seen[client] {
        match seen {
            Seen::Connected { users, .. } => connection = Connection::new(client, changes, users.clone()),
            Seen::Disconnected => connection = Connection::new(client, changes, Vec::new()),
            Seen::Event { zxid, change, path, .. } => connection.event(*zxid, *change, path)?,
            Seen::Reply(id) => connection.reply(&history.ops[*id], resumed.get(id))?,
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
            due: VecDeque::new(),
            resumed: Vec::new(),
        }
    }

    /// Fires the changes up to a zxid.
    fn advance(&mut self, to: i64) {
        let changes = self.changes;
        if self.at < to && !(self.data.0.is_empty() && self.child.0.is_empty()) {
            for (zxid, triggers) in changes.0.range((Excluded(self.at), Included(to))) {
                triggers.iter().for_each(|trigger| self.fire(*zxid, trigger));
            }
        }
        self.at = self.at.max(to);
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

    fn nothing_is_due(&self, zxid: i64, what: &str) -> Checked {
        PROPERTY.require(self.due.is_empty(), || {
            format!("client {} sees zxid {zxid:#x} ({what}) and was not told of {:x?}", self.client, self.due)
        })
    }

    fn event(&mut self, zxid: i64, change: Change, path: &str) -> Checked {
        if zxid == -1 {
            self.resumed.push((change, path.to_string()));
            return Ok(());
        }
        if zxid > self.at {
            self.advance(zxid - 1);
            self.nothing_is_due(zxid, "another event")?;
            self.advance(zxid);
        }
        let expected = self.due.pop_front();
        let seen = (zxid, change, path.to_string());
        PROPERTY.require(expected.as_ref() == Some(&seen), || {
            format!("client {} is told of {seen:x?}, and {expected:x?} was due", self.client)
        })
    }

    fn reply(&mut self, record: &OpRecord, resumed: Option<&Resumed>) -> Checked {
        let reply = record.reply.as_ref().expect("a seen reply is recorded");
        if reply.zxid > 0 {
            self.advance(reply.zxid);
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
            Op::AddWatch { path, recursive } if !failed => self.watch_for_ever(path, *recursive),
            Op::RemoveWatches { path, kind } => {
                let found = self.remove(path, *kind);
                self.table_says(found, record)?;
            }
            Op::CheckWatches { path, kind } => self.table_says(self.has(path, *kind), record)?,
            Op::SetWatches(left) if !failed => self.resume(left, resumed, record)?,
            _ => {}
        }
        Ok(())
    }

    fn watch_for_ever(&mut self, path: &str, recursive: bool) {
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
        left.persistent.iter().for_each(|path| self.watch_for_ever(path, false));
        left.recursive.iter().for_each(|path| self.watch_for_ever(path, true));
        Ok(())
    }
}
