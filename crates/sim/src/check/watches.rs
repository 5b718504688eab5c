//! Watches: an event comes before any reply that shows the change, exactly once, and never without a cause.
//!
//! The check follows one client's arrivals in order and keeps what the server must have in its watch tables. For each
//! watch the finished history tells which zxid fires it first; whatever shows that zxid or a later one must come behind
//! the event.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Property};
use crate::keeper::history::{History, OpId, Seen};
use crate::keeper::model::{Change, Manager};
use crate::keeper::op::{Op, OpResult, code};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a watch fires once, for the first change after it was left, before any reply that shows the change",
    source: "ZooKeeper programmer's guide, watches: \"a client will see the watch event before seeing the new data\"",
};

/// When something happened to a watched place, and whether a reader without the digest identity may hear of it.
#[derive(Clone, Debug)]
pub struct Fired {
    /// The transaction.
    pub zxid: i64,
    /// What the event says.
    pub change: Change,
    /// READ for everybody.
    pub world_readable: bool,
    /// READ for the workload's digest identity.
    pub user_readable: bool,
}

/// All changes of a run, by watch manager and path, in zxid order.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<(Manager, String), Vec<Fired>>);

impl Changes {
    /// Notes a change.
    pub fn push(&mut self, manager: Manager, path: &str, fired: Fired) {
        self.0.entry((manager, path.to_string())).or_default().push(fired);
    }

    fn first_after(&self, manager: Manager, path: &str, zxid: i64) -> Option<&Fired> {
        let all = self.0.get(&(manager, path.to_string()))?;
        all.get(all.partition_point(|fired| fired.zxid <= zxid))
    }
}

/// What a setWatches must answer, computed from the model at the reply's zxid.
#[derive(Clone, Debug, Default)]
pub struct Resumed {
    /// Events that must come before its reply.
    pub events: BTreeSet<(Change, String)>,
    /// Watches that are left.
    pub left: BTreeSet<(Manager, String)>,
}

struct Table<'a> {
    client: usize,
    changes: &'a Changes,
    authenticated: bool,
    /// Watches on the server, with the change that will fire them first.
    watches: BTreeMap<(Manager, String), Option<&'a Fired>>,
    /// Events of setWatches that have arrived before its reply.
    resumed: BTreeSet<(Change, String)>,
}

/// Checks one client.
///
/// # Errors
/// The violation.
pub fn of_client(client: usize, history: &History, changes: &Changes, resumed: &BTreeMap<OpId, Resumed>) -> Checked {
    let authenticated = history.ops.iter().find(|op| op.client == client).is_some_and(|op| op.authenticated);
    let mut table = Table { client, changes, authenticated, watches: BTreeMap::new(), resumed: BTreeSet::new() };
    for seen in &history.seen[client] {
        match seen {
            Seen::Connected { .. } | Seen::Disconnected => {
                table.watches.clear();
                table.resumed.clear();
            }
            Seen::Event { zxid, change, path, .. } => table.event(*zxid, *change, path)?,
            Seen::Reply(id) => table.reply(*id, history, resumed)?,
        }
    }
    Ok(())
}

impl Table<'_> {
    fn readable(&self, fired: &Fired) -> bool {
        fired.world_readable || (self.authenticated && fired.user_readable)
    }

    /// Everything that fired before `zxid` (or at it, with `including`) must have been told by now.
    fn nothing_overdue(&mut self, zxid: i64, including: bool, what: &str) -> Checked {
        let overdue: Vec<_> = self
            .watches
            .iter()
            .filter(|(_, fired)| fired.is_some_and(|fired| fired.zxid < zxid || (including && fired.zxid == zxid)))
            .map(|(key, fired)| (key.clone(), fired.expect("filtered")))
            .collect();
        for (key, fired) in overdue {
            // An event that its receiver may not hear of consumes the watch silently.
            PROPERTY.require(!self.readable(fired), || {
                format!(
                    "client {} sees zxid {zxid:#x} ({what}) before the event of {:?} at {} in zxid {:#x}",
                    self.client, fired.change, key.1, fired.zxid
                )
            })?;
            self.watches.remove(&key);
        }
        Ok(())
    }

    fn event(&mut self, zxid: i64, change: Change, path: &str) -> Checked {
        if zxid == -1 {
            self.resumed.insert((change, path.to_string()));
            return Ok(());
        }
        self.nothing_overdue(zxid, false, "another event")?;
        let managers = match change {
            Change::ChildrenChanged => &[Manager::Child][..],
            Change::Deleted => &[Manager::Data, Manager::Child][..],
            Change::Created | Change::DataChanged => &[Manager::Data][..],
        };
        let mut caused = false;
        for manager in managers {
            let key = (*manager, path.to_string());
            let fires = self
                .watches
                .get(&key)
                .is_some_and(|fired| fired.is_some_and(|fired| fired.zxid == zxid && fired.change == change));
            if fires {
                self.watches.remove(&key);
                caused = true;
            }
        }
        PROPERTY.require(caused, || {
            format!("client {} gets {change:?} of {path} in zxid {zxid:#x} without such a watch", self.client)
        })
    }

    fn reply(&mut self, id: OpId, history: &History, resumed: &BTreeMap<OpId, Resumed>) -> Checked {
        let record = &history.ops[id];
        let reply = record.reply.as_ref().expect("a seen reply is recorded");
        if reply.zxid > 0 {
            self.nothing_overdue(reply.zxid, true, record.op.opcode().name())?;
        }
        let failed = matches!(reply.result, OpResult::Error(_));
        match &record.op {
            Op::Exists { path, watch: true } if !failed || reply.result == OpResult::Error(code::NO_NODE) => {
                self.leave(Manager::Data, path, reply.zxid);
            }
            Op::GetData { path, watch: true } if !failed => self.leave(Manager::Data, path, reply.zxid),
            Op::GetChildren { path, watch: true, .. } if !failed => self.leave(Manager::Child, path, reply.zxid),
            Op::SetWatches { .. } => {
                let expected = &resumed[&id];
                let events = core::mem::take(&mut self.resumed);
                PROPERTY.require(events == expected.events, || {
                    format!(
                        "client {} resumes at zxid {:#x} with {:?}\n    told: {events:?}\n   model: {:?}",
                        self.client, reply.zxid, record.op, expected.events
                    )
                })?;
                for (manager, path) in &expected.left {
                    self.leave(*manager, path, reply.zxid);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self, manager: Manager, path: &str, zxid: i64) {
        let fired = self.changes.first_after(manager, path, zxid);
        self.watches.insert((manager, path.to_string()), fired);
    }
}
