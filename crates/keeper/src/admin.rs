//! The numbers behind four-letter words, `/commands` and `/metrics`. Nothing here walks the tree.

use std::collections::BTreeMap;

use base::{Instant, Str};
use zk_wire::{SessionId, Zxid};

use crate::event::ConnId;
use crate::fired::FiredTally;
use crate::path;
use crate::quota::{self, StatsTrack};
use crate::server::Keeper;

/// The keeper in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The last transaction applied.
    pub zxid: Zxid,
    /// Writes proposed and not committed.
    pub outstanding: u64,
    /// Nodes, `/zookeeper` and what is below it included. The root counts twice, as upstream's has two names.
    pub nodes: u64,
    /// Nodes that sessions own.
    pub ephemerals: u64,
    /// Bytes of all paths and data.
    pub approximate_data_size: u64,
    /// Sessions, connected or not.
    pub sessions: u64,
    /// Of them those that only this member of an ensemble knows.
    pub local_sessions: u64,
    /// Connections, established or not.
    pub connections: u64,
    /// Watches of both kinds.
    pub watches: u64,
    /// Paths with a data watch (`wchs`).
    pub watched_paths: u64,
    /// Connections with a data watch (`wchs`).
    pub watching_connections: u64,
    /// Data watches (`wchs`).
    pub data_watches: u64,
    /// Sessions that ended because nothing was heard of them.
    pub expired: u64,
    /// Transactions whose digest was not that of the tree.
    pub digest_mismatches: u64,
    /// Watches told, by kind of event: created, deleted, data changed, children changed.
    pub fired: [FiredTally; 4],
}

/// What quotas say of everything below one name at the root, and what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaUse {
    /// Nodes at most, by all its limits together.
    pub count_limit: i64,
    /// Bytes of data at most, likewise.
    pub bytes_limit: i64,
    /// Nodes that the limits cover.
    pub count: i64,
    /// Bytes of data that they cover.
    pub bytes: i64,
}

/// A session as `dump` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// Which.
    pub id: SessionId,
    /// Negotiated when it began.
    pub timeout_ms: i32,
    /// When it ends if nothing more is heard of it: the end of a tick.
    pub expires: Instant,
    /// Paths of the nodes it owns.
    pub ephemerals: Vec<String>,
}

/// A watched path as `wchp` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedPath {
    /// Which.
    pub path: Str,
    /// Who watches it.
    pub sessions: Vec<SessionId>,
}

impl Keeper {
    /// The keeper in numbers.
    pub fn summary(&self) -> Summary {
        Summary {
            zxid: self.last_processed,
            outstanding: self.pending.len() as u64,
            nodes: self.tree.nodes_count() as u64 + 1,
            ephemerals: self.tree.ephemerals_count() as u64,
            approximate_data_size: self.tree.approximate_data_size(),
            sessions: self.sessions.len() as u64,
            local_sessions: self.sessions.local_len() as u64,
            connections: self.conns.len() as u64,
            watches: self.watches.len() as u64,
            watched_paths: self.watches.data.paths_count() as u64,
            watching_connections: self.watches.data.conns_count() as u64,
            data_watches: self.watches.data.len() as u64,
            expired: self.expired,
            digest_mismatches: self.digest_mismatches,
            fired: self.watches.fired.tallies(),
        }
    }

    /// [`Summary::fired`] begins anew.
    pub fn reset_fired(&self) {
        self.watches.fired.reset();
    }

    /// Limits and what they cover, by the name below the root, as upstream's metrics sum them up: a hard limit hides the
    /// soft one, and -1 is none. As long as there are quotas.
    pub fn quota_use(&self) -> BTreeMap<Str, QuotaUse> {
        let mut all: BTreeMap<Str, QuotaUse> = BTreeMap::new();
        let track = |path: String| self.tree.get(&path)?.data.as_deref().and_then(StatsTrack::parse);
        for limited in self.tree.quotas().iter() {
            let sum = all.entry(path::top(limited).into()).or_default();
            if let Some(limits) = track(quota::limits_path(limited)) {
                let hard_or = |hard: i64, soft: i64| if hard > -1 { hard } else { soft };
                sum.count_limit = sum.count_limit.saturating_add(hard_or(limits.count_hard_limit(), limits.count()));
                sum.bytes_limit = sum.bytes_limit.saturating_add(hard_or(limits.byte_hard_limit(), limits.bytes()));
            }
            if let Some(stats) = track(quota::stats_path(limited)) {
                sum.count = sum.count.saturating_add(stats.count());
                sum.bytes = sum.bytes.saturating_add(stats.bytes());
            }
        }
        all
    }

    /// Writes that were refused for a quota, by the name below the root.
    pub fn refused_for_quotas(&self) -> &BTreeMap<Str, u64> {
        self.outstanding.refused_for_quotas()
    }

    /// All sessions and what they own, by id. As long as there are sessions and their nodes: for an operator's eyes.
    pub fn session_summaries(&self) -> Vec<SessionSummary> {
        let paths = |id| self.tree.ephemerals(id).map(ToString::to_string).collect();
        let summary = |(id, timeout_ms, expires)| SessionSummary { id, timeout_ms, expires, ephemerals: paths(id) };
        self.sessions.expiries().into_iter().map(summary).collect()
    }

    /// The paths with a data watch (`wchc`, `wchp`), in order. As long as there are watches: for an operator's eyes.
    pub fn watched_paths(&self) -> Vec<WatchedPath> {
        let session =
            |conn: &ConnId| self.conns.get(conn).and_then(|connection| connection.session).unwrap_or_default();
        let watched =
            |(path, conns): (Str, Vec<_>)| WatchedPath { path, sessions: conns.iter().map(session).collect() };
        self.watches.data.entries().into_iter().map(watched).collect()
    }

    /// The tree's digest behind every 128th transaction (`hash`): the newest 1024, oldest first.
    pub fn digest_log(&self) -> Vec<(Zxid, i64)> {
        self.digest_log.entries()
    }
}
