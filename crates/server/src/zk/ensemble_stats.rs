//! What a member of an ensemble counts (upstream: `ServerMetrics`). Times are in whole milliseconds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::Mutex;
use zab::{Link, Standing};

use super::flow::FlowStats;
use super::metrics::summary::Summary;
use super::stats::Counter;

/// The counters.
#[derive(Debug)]
pub struct EnsembleStats {
    /// How often this server began to look for a leader.
    pub looking_count: Counter,
    /// Learners that got a snapshot.
    pub snap_count: Counter,
    /// Learners that got what they lacked.
    pub diff_count: Counter,
    /// From the beginning of an election to its result.
    pub election_time: Summary,
    /// From the end of one role to the service of the next.
    pub unavailable_time: Summary,
    /// As `unavailable_time`, when this server leads then.
    pub leader_unavailable_time: Summary,
    /// From the promise to a leader to the service under it.
    pub follower_sync_time: Summary,
    /// Likewise for an observer.
    pub observer_sync_time: Summary,
    /// Learners being sent a snapshot, whenever one more is, or one less.
    pub inflight_snap_count: Summary,
    /// Likewise for transactions.
    pub inflight_diff_count: Summary,
    syncs: Mutex<Syncs>,
    /// Transactions on their way.
    pub flow: FlowStats,
    /// Whom this server dialled last to learn from.
    pub learner_master: AtomicI64,
    role: Mutex<Role>,
    /// Bytes of transactions proposed to learners; -1 before the first.
    last_proposal: AtomicI64,
    min_proposal: AtomicI64,
    max_proposal: AtomicI64,
}

/// Synchronisations under way.
#[derive(Debug, Default)]
struct Syncs {
    /// Of learners; true for a snapshot.
    theirs: BTreeMap<Link, bool>,
    /// Of this server.
    own_began: Option<Instant>,
}

#[derive(Debug)]
struct Role {
    since: Instant,
    elected: bool,
    /// It follows or observes.
    learns: bool,
}

impl Default for EnsembleStats {
    fn default() -> Self {
        Self {
            looking_count: Counter::default(),
            snap_count: Counter::default(),
            diff_count: Counter::default(),
            election_time: Summary::default(),
            unavailable_time: Summary::default(),
            leader_unavailable_time: Summary::default(),
            follower_sync_time: Summary::default(),
            observer_sync_time: Summary::default(),
            inflight_snap_count: Summary::default(),
            inflight_diff_count: Summary::default(),
            syncs: Mutex::default(),
            flow: FlowStats::default(),
            learner_master: AtomicI64::new(-1),
            role: Mutex::new(Role { since: Instant::now(), elected: false, learns: false }),
            last_proposal: AtomicI64::new(-1),
            min_proposal: AtomicI64::new(-1),
            max_proposal: AtomicI64::new(-1),
        }
    }
}

impl EnsembleStats {
    /// The election has a result: this server leads, or dials a leader.
    pub fn elected(&self) {
        let mut role = self.role.lock();
        if !std::mem::replace(&mut role.elected, true) {
            self.election_time.add(ms_since(role.since));
        }
    }

    /// A learner is being sent a snapshot, or transactions.
    pub fn sync_begins(&self, link: Link, snapshot: bool) {
        if snapshot { &self.snap_count } else { &self.diff_count }.increment();
        let mut syncs = self.syncs.lock();
        syncs.theirs.insert(link, snapshot);
        self.count_syncs(&syncs, snapshot);
    }

    /// A learner has what it was sent, or is gone.
    pub fn sync_ends(&self, link: Link) {
        let mut syncs = self.syncs.lock();
        if let Some(snapshot) = syncs.theirs.remove(&link) {
            self.count_syncs(&syncs, snapshot);
        }
    }

    fn count_syncs(&self, syncs: &Syncs, snapshot: bool) {
        let count = syncs.theirs.values().filter(|kind| **kind == snapshot).count();
        if snapshot { &self.inflight_snap_count } else { &self.inflight_diff_count }.add(count as u64);
    }

    /// This server has promised to follow a leader.
    pub fn own_sync_begins(&self) {
        self.syncs.lock().own_began = Some(Instant::now());
    }

    /// This server's place changed.
    pub fn standing(&self, standing: Standing) {
        let mut role = self.role.lock();
        role.learns = matches!(standing, Standing::Following { .. } | Standing::Observing { .. });
        let took = ms_since(role.since);
        match standing {
            Standing::Looking => {
                self.looking_count.increment();
                role.elected = false;
            }
            Standing::Leading(_) => {
                self.unavailable_time.add(took);
                self.leader_unavailable_time.add(took);
            }
            Standing::Following { .. } | Standing::Observing { .. } => {
                self.unavailable_time.add(took);
                let sync = match standing {
                    Standing::Observing { .. } => &self.observer_sync_time,
                    _ => &self.follower_sync_time,
                };
                self.syncs.lock().own_began.take().iter().for_each(|began| sync.add(ms_since(*began)));
            }
        }
        role.since = Instant::now();
    }

    /// Whether this server follows or observes a leader.
    pub fn learns(&self) -> bool {
        self.role.lock().learns
    }

    /// How long this server has had its place.
    pub fn role_ms(&self) -> i64 {
        i64::try_from(ms_since(self.role.lock().since)).unwrap_or(i64::MAX)
    }

    /// A transaction of so many bytes was proposed to a learner.
    pub fn proposed(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.last_proposal.store(bytes, Relaxed);
        let min = self.min_proposal.load(Relaxed);
        if min < 0 || bytes < min {
            self.min_proposal.store(bytes, Relaxed);
        }
        self.max_proposal.fetch_max(bytes, Relaxed);
    }

    /// (last, smallest, largest)
    pub fn proposal_bytes(&self) -> (i64, i64, i64) {
        (self.last_proposal.load(Relaxed), self.min_proposal.load(Relaxed), self.max_proposal.load(Relaxed))
    }
}

fn ms_since(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use zk_wire::Epoch;

    use super::*;

    #[test]
    fn each_way_from_a_role_to_the_next_is_counted_once() {
        let stats = EnsembleStats::default();
        stats.elected();
        stats.elected();
        stats.standing(Standing::Following { leader: 2, epoch: Epoch(1) });
        stats.standing(Standing::Looking);
        stats.elected();
        stats.standing(Standing::Leading(Epoch(2)));
        let counts = [&stats.election_time, &stats.unavailable_time, &stats.leader_unavailable_time];
        assert_eq!(counts.map(|summary| summary.view().count), [2, 2, 1]);
        assert_eq!(stats.looking_count.get(), 1);
    }

    #[test]
    fn synchronisations_are_counted_as_they_begin_and_end() {
        let stats = EnsembleStats::default();
        stats.sync_begins(Link(1), true);
        stats.sync_begins(Link(2), true);
        stats.sync_begins(Link(3), false);
        [1, 2, 2].into_iter().for_each(|link| stats.sync_ends(Link(link)));
        assert_eq!((stats.snap_count.get(), stats.diff_count.get()), (2, 1));
        let snaps = stats.inflight_snap_count.view();
        assert_eq!((snaps.count, snaps.max), (4, 2), "1, 2, 1, 0");
        stats.own_sync_begins();
        stats.standing(Standing::Observing { leader: 2, epoch: Epoch(1) });
        assert_eq!((stats.observer_sync_time.view().count, stats.follower_sync_time.view().count), (1, 0));
    }

    #[test]
    fn sizes_of_proposals() {
        let stats = EnsembleStats::default();
        assert_eq!(stats.proposal_bytes(), (-1, -1, -1));
        [48, 36_203, 50].into_iter().for_each(|bytes| stats.proposed(bytes));
        assert_eq!(stats.proposal_bytes(), (50, 48, 36_203));
    }
}
