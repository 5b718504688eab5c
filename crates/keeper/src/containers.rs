//! Empty containers and TTL nodes whose time is over are deleted (upstream: `ContainerManager`).
//!
//! Every interval all of them are looked at once, in order and in pieces, so that no step is long; the deletions are
//! proposed one by one, not faster than the limit allows. Each is checked again against the writes under way.

use base::planted::PlantedBug;
use base::{Instant, Now, Str};
use zk_wire::{OpCode, SessionId, StatPersisted};

use crate::config::Config;
use crate::event::Effect;
use crate::node::Owner;
use crate::op;
use crate::prep::{Against, Prep};
use crate::server::Keeper;

/// Nodes looked at in one step.
const NODES_PER_STEP: usize = 256;

/// Where the search stands.
#[derive(Debug)]
pub(crate) struct Containers {
    next: Instant,
    /// The last node looked at, while a round is under way.
    after: Option<Str>,
    interval_ms: u64,
}

impl Containers {
    /// The first round begins after one interval.
    pub(crate) fn new(config: &Config, now: Now) -> Self {
        let interval_ms = config.container_check_interval_ms;
        Self { next: now.mono + core::time::Duration::from_millis(interval_ms), after: None, interval_ms }
    }

    /// As new: this server begins to lead.
    pub(crate) fn restart(&mut self, now: Now) {
        self.next = now.mono + core::time::Duration::from_millis(self.interval_ms);
        self.after = None;
    }
}

/// Whether a node with these numbers may go.
pub(crate) fn is_due(config: &Config, wall_ms: i64, stat: &StatPersisted, children: i64) -> bool {
    let since_ms = if config.bug.is(PlantedBug::TtlByCtime) { stat.ctime } else { stat.mtime };
    let age_ms = wall_ms.saturating_sub(since_ms);
    let unused_ms_max = i64::try_from(config.container_never_used_ms_max).unwrap_or(i64::MAX);
    let children = if config.bug.is(PlantedBug::ContainerWithChildren) { 0 } else { children };
    children == 0
        && match Owner::decode(stat.ephemeral_owner) {
            // One that was just made must get the chance of a first child.
            Owner::Container => stat.cversion > 0 || unused_ms_max != 0 && age_ms > unused_ms_max,
            Owner::Ttl(ttl_ms) => config.extended_types_enabled && ttl_ms != 0 && age_ms > ttl_ms,
            Owner::Persistent | Owner::Session(_) => false,
        }
}

impl Keeper {
    /// When the next piece of a round is due.
    pub(crate) fn containers_deadline(&self) -> Option<Instant> {
        let some = self.containers.interval_ms > 0 && self.tree.containers_and_ttls(None).next().is_some();
        some.then_some(self.containers.next)
    }

    /// A piece of a round.
    pub(crate) fn check_containers(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.containers_deadline().is_none_or(|due| due > now.mono) {
            return;
        }
        let after = self.containers.after.take();
        let mut last = None;
        let mut due = None;
        for path in self.tree.containers_and_ttls(after.as_deref()).take(NODES_PER_STEP) {
            last = Some(path.clone());
            let node = self.tree.get(path).expect("the tree counts its own nodes");
            if is_due(&self.config, now.wall_ms, &node.numbers(), node.children_count() as i64) {
                due = Some(path.clone());
                break;
            }
        }
        let proposed = due.is_some_and(|path| self.delete_container(now, &path, effects));
        let wait_ms = match (&last, proposed) {
            (None, _) => self.containers.interval_ms,
            (_, true) => 60_000 / u64::from(self.config.containers_per_minute_max.max(1)),
            (_, false) => 0,
        };
        self.containers.after = last;
        self.containers.next = now.mono + core::time::Duration::from_millis(wait_ms);
    }

    fn delete_container(&mut self, now: Now, path: &Str, effects: &mut Vec<Effect>) -> bool {
        let Some(header) = self.txn_header(now, SessionId::NONE, 0, OpCode::DELETE_CONTAINER) else { return false };
        let against = Against {
            tree: &self.tree,
            outstanding: &mut self.outstanding,
            sessions: &self.sessions,
            config: &self.config,
        };
        let mut prep = Prep::new(against, SessionId::NONE, &[], header.zxid, header.time_ms);
        let Some(txn) = op::delete_container::prep(&mut prep, path) else { return false };
        prep.keep();
        self.propose(header, txn, OpCode::DELETE_CONTAINER, None, effects);
        true
    }
}
