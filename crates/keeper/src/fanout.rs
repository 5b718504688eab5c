//! An event for very many connections goes out in pieces, so that nobody waits until the last one has it.
//!
//! The change is applied and shown at once; what is promised is that each connection gets the event before any reply
//! that shows the change. So a connection that has events to come is served by [`crate::Keeper::step`] alone, and
//! whatever it is sent, the events come first ([`Fanouts::catch_up`]).

use std::collections::{BTreeSet, VecDeque};

use base::Str;
use base::map::KeyedMap;
use bytes::Bytes;
use zk_wire::perms;

use crate::acl::{self, AclList};
use crate::connection::Connection;
use crate::event::{ConnId, Effect};
use crate::watch::{Hit, In, Watches};

/// With more connections than this to tell, the oldest are told at once: what waits takes memory, 16 bytes each.
const HITS_MAX: usize = 1 << 20;
/// With more events than this on their way no further transaction is applied: whoever is served is looked for in each.
const OPEN_MAX: usize = 16;

/// Who is told, and how.
#[derive(Debug)]
pub(crate) struct Fanout {
    /// The event, for all of them.
    pub frame: Bytes,
    /// The node's list at the moment of the change; `None` lets everybody read.
    pub acl: Option<AclList>,
    /// Where the watches were.
    pub in_table: In,
    /// The path that was watched.
    pub path: Str,
    /// In order of the connections.
    pub hits: Vec<Hit>,
}

/// Needed to tell somebody.
#[derive(Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub watches: &'a Watches,
    pub conns: &'a KeyedMap<ConnId, Connection>,
}

impl Fanout {
    /// Ends the connection's watch and gives it the event, if it may have it: who may not read the node is not told of
    /// it (CVE-2024-23944).
    fn tell(&self, hit: Hit, with: Telling<'_>, effects: &mut Vec<Effect>) {
        if hit.ended {
            with.watches.table(self.in_table).forget(&self.path, hit.conn);
        }
        let Some(connection) = with.conns.get(&hit.conn).filter(|_| hit.tell) else { return };
        if self.acl.as_ref().is_none_or(|list| acl::allows(list, perms::READ, &connection.ids)) {
            effects.push(Effect::Send { conn: hit.conn, frame: self.frame.clone() });
        }
    }
}

/// Events that are on their way to many.
#[derive(Debug, Default)]
pub(crate) struct Fanouts {
    /// In order of the changes.
    open: VecDeque<Open>,
    /// In all of them.
    hits: usize,
    /// Told at once in this step.
    at_once: usize,
}

#[derive(Debug)]
struct Open {
    fanout: Fanout,
    /// So many hits are dealt with.
    done: usize,
    /// Of those behind them, the connections that could not wait.
    early: BTreeSet<ConnId>,
}

impl Open {
    /// The connection's hit, if it is still to be dealt with.
    fn hit_of(&self, conn: ConnId) -> Option<Hit> {
        let left = &self.fanout.hits[self.done..];
        let at = left.binary_search_by_key(&conn, |hit| hit.conn).ok()?;
        (!self.early.contains(&conn)).then(|| left[at])
    }

    /// Deals with so many hits at most; gives how many there were.
    fn go_on(&mut self, hits_max: usize, with: Telling<'_>, effects: &mut Vec<Effect>) -> usize {
        let left = &self.fanout.hits[self.done..];
        let piece = &left[..left.len().min(hits_max)];
        for hit in piece {
            if !self.early.remove(&hit.conn) {
                self.fanout.tell(*hit, with, effects);
            }
        }
        self.done += piece.len();
        piece.len()
    }

    fn is_over(&self) -> bool {
        self.done == self.fanout.hits.len()
    }
}

impl Fanouts {
    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// A step begins.
    pub fn begin_step(&mut self) {
        self.at_once = 0;
    }

    /// Whether this step may apply a further transaction, which may have events, too.
    pub fn has_room(&self, at_once_max: usize) -> bool {
        self.at_once < at_once_max && self.open.len() <= OPEN_MAX
    }

    /// Whether events are on their way to a connection.
    pub fn concern(&self, conn: ConnId) -> bool {
        self.open.iter().any(|open| open.hit_of(conn).is_some())
    }

    /// An event goes out: at once, or in pieces when it would be for more than `at_once_max` connections in this step.
    pub fn add(&mut self, fanout: Fanout, at_once_max: usize, with: Telling<'_>, effects: &mut Vec<Effect>) {
        if self.at_once + fanout.hits.len() <= at_once_max {
            self.at_once += fanout.hits.len();
            for hit in &fanout.hits {
                self.catch_up(hit.conn, with, effects);
                fanout.tell(*hit, with, effects);
            }
            return;
        }
        self.hits += fanout.hits.len();
        self.open.push_back(Open { fanout, done: 0, early: BTreeSet::new() });
        while self.hits > HITS_MAX {
            self.go_on(usize::MAX, with, effects);
        }
    }

    /// A connection gets what is on its way to it, before something else.
    pub fn catch_up(&mut self, conn: ConnId, with: Telling<'_>, effects: &mut Vec<Effect>) {
        for open in &mut self.open {
            if let Some(hit) = open.hit_of(conn) {
                open.fanout.tell(hit, with, effects);
                open.early.insert(conn);
            }
        }
    }

    /// The next piece.
    pub fn go_on(&mut self, hits_max: usize, with: Telling<'_>, effects: &mut Vec<Effect>) {
        let Some(first) = self.open.front_mut() else { return };
        self.hits -= first.go_on(hits_max, with, effects);
        if first.is_over() {
            self.open.pop_front();
        }
    }
}
