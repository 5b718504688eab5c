//! How many watches each kind of event told (upstream: `node_created_watch_count` and its kin).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::watch::EventType;

/// Of one kind of event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FiredTally {
    /// Events that somebody was told of.
    pub events: u64,
    /// Connections told, over all of them.
    pub told: u64,
    /// Fewest told of one event; 0 before the first.
    pub min: u64,
    /// Most told of one event.
    pub max: u64,
}

/// Of every kind. Only whoever has the keeper for itself adds; anybody may look.
#[derive(Debug, Default)]
pub struct Fired([[AtomicU64; 4]; 4]);

impl Fired {
    /// An event told `told` connections.
    pub fn add(&self, event: EventType, told: usize) {
        let told = told as u64;
        let [events, sum, min, max] = &self.0[event as usize - 1];
        let before = events.fetch_add(1, Relaxed);
        sum.fetch_add(told, Relaxed);
        if before == 0 || told < min.load(Relaxed) {
            min.store(told, Relaxed);
        }
        max.fetch_max(told, Relaxed);
    }

    /// Nothing was told yet.
    pub fn reset(&self) {
        self.0.iter().flatten().for_each(|field| field.store(0, Relaxed));
    }

    /// Created, deleted, data changed, children changed.
    pub fn tallies(&self) -> [FiredTally; 4] {
        std::array::from_fn(|kind| {
            let [events, told, min, max] = std::array::from_fn(|field| self.0[kind][field].load(Relaxed));
            FiredTally { events, told, min, max }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own() {
        let fired = Fired::default();
        fired.add(EventType::NodeDeleted, 3);
        fired.add(EventType::NodeDeleted, 1);
        fired.add(EventType::NodeChildrenChanged, 7);
        let none = FiredTally::default();
        let deleted = FiredTally { events: 2, told: 4, min: 1, max: 3 };
        assert_eq!(fired.tallies(), [none, deleted, none, FiredTally { events: 1, told: 7, min: 7, max: 7 }]);
        fired.reset();
        assert_eq!(fired.tallies(), [none; 4]);
    }
}
