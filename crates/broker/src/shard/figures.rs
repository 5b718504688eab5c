//! What an operator is shown of a shard's machine: requests that wait, groups, producers.

use std::collections::BTreeMap;

use super::Shard;
use crate::coordinator::group::state::State;

/// Numbers of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Produce requests that wait for followers.
    pub produces_waiting: usize,
    /// Fetch requests that wait for bytes.
    pub fetches_waiting: usize,
    /// Groups, by state.
    pub groups: BTreeMap<State, usize>,
    /// Committed offsets.
    pub offsets: usize,
    /// Producers that partitions remember.
    pub producers: usize,
}

impl Figures {
    /// Adds those of another shard.
    pub fn add(&mut self, other: &Self) {
        self.produces_waiting += other.produces_waiting;
        self.fetches_waiting += other.fetches_waiting;
        self.offsets += other.offsets;
        self.producers += other.producers;
        for (state, count) in &other.groups {
            *self.groups.entry(*state).or_default() += count;
        }
    }
}

impl Shard {
    /// The numbers of this moment. Looks at every partition and group.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures {
            produces_waiting: self.produces.waiting(),
            fetches_waiting: self.fetches.waiting(),
            producers: self.partitions.online_now().map(|partition| partition.producers().producers().count()).sum(),
            ..Figures::default()
        };
        for coordinator in self.coordinators.all() {
            figures.offsets += coordinator.offsets().count();
            for state in coordinator.states() {
                *figures.groups.entry(state).or_default() += 1;
            }
        }
        figures
    }
}
