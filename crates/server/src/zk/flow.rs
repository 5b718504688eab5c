//! How transactions flow between a leader and its learners, and how long each step takes (upstream: `ServerMetrics`).
//!
//! Times begin at the one in the transaction's header, which is of the leader's clock, and are in whole milliseconds.

use std::collections::VecDeque;

use parking_lot::Mutex;
use zk_wire::Zxid;

use super::metrics::summary::Summary;
use super::stats::Counter;

/// Transactions whose times are known.
const KNOWN_MAX: usize = 4096;

/// The counters.
#[derive(Debug, Default)]
pub struct FlowStats {
    /// Proposals of this server.
    pub proposal_count: Counter,
    /// Those of them that were committed.
    pub commit_count: Counter,
    /// Proposals of the leader.
    pub learner_proposal_received_count: Counter,
    /// Commits of the leader; an observer gets each together with its transaction.
    pub learner_commit_received_count: Counter,
    /// Sessions that learners asked about.
    pub revalidate_count: Counter,
    /// At the leader: until a quorum has it.
    pub quorum_ack_latency: Summary,
    /// At a follower: until the proposal is there.
    pub proposal_latency: Summary,
    /// At a follower: until it is acknowledged.
    pub proposal_ack_creation_latency: Summary,
    /// At a learner: until the commit is there.
    pub commit_propagation_latency: Summary,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// (transaction, its time), in order.
    times: VecDeque<(Zxid, i64)>,
    committed: Zxid,
}

impl Known {
    fn add(&mut self, zxid: Zxid, bytes: &[u8]) -> Option<i64> {
        let time = time_of(bytes)?;
        if self.times.back().is_some_and(|(last, _)| *last >= zxid) {
            self.times.clear();
        }
        if self.times.len() == KNOWN_MAX {
            self.times.pop_front();
        }
        self.times.push_back((zxid, time));
        Some(time)
    }

    fn time(&self, zxid: Zxid) -> Option<i64> {
        let at = self.times.binary_search_by_key(&zxid, |(known, _)| *known).ok()?;
        self.times.get(at).map(|(_, time)| *time)
    }
}

/// The time in a transaction's header (long clientId, int cxid, long zxid, long time, int type).
fn time_of(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.get(20..28)?.try_into().expect("eight bytes")))
}

/// A clock that is behind the leader's tells nothing.
fn add(summary: &Summary, time: Option<i64>, now_ms: i64) {
    if let Some(took) = time.and_then(|time| u64::try_from(now_ms.checked_sub(time)?).ok()) {
        summary.add(took);
    }
}

impl FlowStats {
    /// This server, which leads, proposes.
    pub fn proposed(&self, zxid: Zxid, bytes: &[u8]) {
        self.proposal_count.increment();
        self.known.lock().add(zxid, bytes);
    }

    /// This server, which leads, tells a learner of a commit. What it did not propose itself is history.
    pub fn committed(&self, zxid: Zxid, now_ms: i64) {
        let mut known = self.known.lock();
        if zxid <= known.committed {
            return;
        }
        if let Some(time) = known.time(zxid) {
            known.committed = zxid;
            self.commit_count.increment();
            add(&self.quorum_ack_latency, Some(time), now_ms);
        }
    }

    /// The leader proposes.
    pub fn proposal_received(&self, zxid: Zxid, bytes: &[u8], now_ms: i64) {
        self.learner_proposal_received_count.increment();
        let time = self.known.lock().add(zxid, bytes);
        add(&self.proposal_latency, time, now_ms);
    }

    /// The leader commits what it proposed.
    pub fn commit_received(&self, zxid: Zxid, now_ms: i64) {
        self.learner_commit_received_count.increment();
        let time = self.known.lock().time(zxid);
        add(&self.commit_propagation_latency, time, now_ms);
    }

    /// The leader commits, and brings the transaction.
    pub fn informed(&self, bytes: &[u8], now_ms: i64) {
        self.learner_commit_received_count.increment();
        add(&self.commit_propagation_latency, time_of(bytes), now_ms);
    }

    /// This server acknowledges a proposal.
    pub fn acknowledged(&self, zxid: Zxid, now_ms: i64) {
        let time = self.known.lock().time(zxid);
        add(&self.proposal_ack_creation_latency, time, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txn(time: i64) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        bytes[20..28].copy_from_slice(&time.to_be_bytes());
        bytes
    }

    fn of(summary: &Summary) -> (u64, u64) {
        let view = summary.view();
        (view.count, view.max)
    }

    #[test]
    fn a_leader_counts_its_own_proposals_and_each_commit_once() {
        let flow = FlowStats::default();
        flow.proposed(Zxid(7), &txn(100));
        // Two followers; and history that one of them lacked.
        [5, 7, 7].into_iter().for_each(|zxid| flow.committed(Zxid(zxid), 130));
        assert_eq!((flow.proposal_count.get(), flow.commit_count.get()), (1, 1));
        assert_eq!(of(&flow.quorum_ack_latency), (1, 30));
    }

    #[test]
    fn a_follower_measures_from_the_leaders_time() {
        let flow = FlowStats::default();
        flow.proposal_received(Zxid(7), &txn(100), 110);
        flow.acknowledged(Zxid(7), 115);
        flow.commit_received(Zxid(7), 120);
        assert_eq!(of(&flow.proposal_latency), (1, 10));
        assert_eq!(of(&flow.proposal_ack_creation_latency), (1, 15));
        assert_eq!(of(&flow.commit_propagation_latency), (1, 20));
        flow.proposal_received(Zxid(8), &txn(200), 190);
        assert_eq!(of(&flow.proposal_latency), (1, 10), "its clock is behind");
        assert_eq!(flow.learner_proposal_received_count.get(), 2);
    }
}
