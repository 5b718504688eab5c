//! Committed offsets, by group. Written by `replay` only.

use std::collections::BTreeMap;

use base::{Now, Str};

use super::state::{Group, State};
use super::{GroupCoordinator, GroupReply, records};
use crate::coordinator::runtime::Outcome;

/// One committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset that the group will read.
    pub offset: i64,
    /// Leader epoch of the last record read; -1 when unknown.
    pub leader_epoch: i32,
    /// The committer's own note.
    pub metadata: Str,
    /// When it was committed, wall clock ms.
    pub commit_timestamp_ms: i64,
    /// When it expires whatever the group does (old clients' `retention_time`); -1 means by the group's rule.
    pub expire_timestamp_ms: i64,
}

/// The committed offsets of one group, by topic and partition.
pub type GroupOffsets = BTreeMap<(Str, i32), Committed>;

/// All committed offsets of one partition of `__consumer_offsets`.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    by_group: BTreeMap<Str, GroupOffsets>,
}

impl Offsets {
    /// The offsets of one group, `None` when it has none.
    pub fn of_group(&self, group: &str) -> Option<&GroupOffsets> {
        self.by_group.get(group)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_group.values().map(BTreeMap::len).sum()
    }

    /// Applies a commit.
    pub(super) fn put(&mut self, group: Str, topic: Str, partition: i32, committed: Committed) {
        self.by_group.entry(group).or_default().insert((topic, partition), committed);
    }

    /// Applies a tombstone.
    pub(super) fn remove(&mut self, group: &str, topic: &str, partition: i32) {
        let Some(offsets) = self.by_group.get_mut(group) else { return };
        offsets.remove(&(Str::from(topic), partition));
        if offsets.is_empty() {
            self.by_group.remove(group);
        }
    }
}

/// At most so many tombstones in one turn, so that it stays short.
const RECORDS_MAX: usize = 1000;

/// Writes tombstones for offsets of topics that are gone, and for groups without members that have none left (upstream:
/// `GroupCoordinator.handleDeletedPartitions`). What does not fit is left to the next tick.
pub(super) fn forget(coordinator: &mut GroupCoordinator, outcome: &mut Outcome<GroupReply>) {
    drop_unused(coordinator, |_| true);
    let before = outcome.records.len();
    for group in coordinator.groups.values() {
        let mut kept = 0;
        for (topic, partition) in coordinator.offsets.of_group(&group.id).into_iter().flat_map(|offsets| offsets.keys())
        {
            if coordinator.gone.contains(topic) {
                outcome.records.push(records::offset_tombstone(&group.id, topic, *partition));
            } else {
                kept += 1;
            }
            if outcome.records.len() >= RECORDS_MAX {
                return;
            }
        }
        if kept == 0 && group.state == State::Empty {
            outcome.records.push(records::group_tombstone(&group.id));
        }
        if outcome.records.len() >= RECORDS_MAX {
            return;
        }
    }
    // Only a look that finds nothing is the last: the log may not take the tombstones.
    if outcome.records.len() == before {
        coordinator.gone.clear();
    }
}

/// Forgets names of which nothing was ever written: of members that did not come back, of commits that were refused.
fn drop_unused(coordinator: &mut GroupCoordinator, also: impl Fn(&Group) -> bool) {
    let offsets = &coordinator.offsets;
    coordinator.groups.retain(|id, group| {
        let unused = group.state == State::Empty && group.generation == 0 && offsets.of_group(id).is_none();
        !(unused && also(group))
    });
}

/// Writes tombstones for offsets nobody needs any more: those of groups without members, once the retention has
/// passed since the group became empty (or since the commit, for offsets committed without a group); and for groups
/// that are then left with nothing. Bounded, so that one turn stays short; the next check goes on.
pub(super) fn expire(coordinator: &mut GroupCoordinator, now: Now, outcome: &mut Outcome<GroupReply>) {
    drop_unused(coordinator, |group| group.pending.is_empty());
    let retention_ms = coordinator.config.offsets_retention_ms;
    for group in coordinator.groups.values().filter(|group| group.state == State::Empty && group.pending.is_empty()) {
        let mut kept = 0;
        for ((topic, partition), committed) in coordinator.offsets.of_group(&group.id).into_iter().flatten() {
            let since =
                if group.protocol_type.is_some() { group.state_timestamp_ms } else { committed.commit_timestamp_ms };
            let expires_ms = match committed.expire_timestamp_ms {
                -1 => since.max(committed.commit_timestamp_ms).saturating_add(retention_ms),
                explicit => explicit,
            };
            if expires_ms <= now.wall_ms {
                outcome.records.push(records::offset_tombstone(&group.id, topic, *partition));
            } else {
                kept += 1;
            }
            if outcome.records.len() >= RECORDS_MAX {
                return;
            }
        }
        if kept == 0 {
            outcome.records.push(records::group_tombstone(&group.id));
        }
        if outcome.records.len() >= RECORDS_MAX {
            return;
        }
    }
}
