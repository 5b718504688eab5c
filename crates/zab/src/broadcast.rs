//! The leader's half of broadcast: propose, collect acknowledgements, commit in zxid order (ZAB paper, section V, phase
//! 3; upstream: `Leader.propose`, `processAck`, `tryToCommit`). A server that stands alone is a quorum of one.

use core::mem;
use std::collections::{BTreeMap, VecDeque};

use base::planted::PlantedBug;
use bytes::Bytes;
use zk_wire::Zxid;

use crate::quorum::{QuorumConfig, QuorumVerifier, Sid};

/// A transaction on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub zxid: Zxid,
    /// What it is; of no concern here.
    pub bytes: Bytes,
    /// The configuration that it establishes, when it is a reconfig: its own commit needs a quorum of both.
    pub config: Option<QuorumConfig>,
}

/// A server's word that its own log is durable up to a transaction. Nobody but the loop that saw the sync end makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    zxid: Zxid,
}

impl Synced {
    /// Everything up to `zxid` is durable here.
    pub const fn up_to(zxid: Zxid) -> Self {
        Self { zxid }
    }
}

/// "Everything that you proposed up to `zxid` is durable at `sid`." Logs are written in order, so the last one speaks
/// for those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    sid: Sid,
    zxid: Zxid,
}

impl Ack {
    /// This server's own acknowledgement: the only way to one is a [`Synced`].
    pub const fn own(sid: Sid, synced: Synced) -> Self {
        Self { sid, zxid: synced.zxid }
    }

    /// A follower's acknowledgement, as its packet says.
    pub(crate) const fn of_follower(sid: Sid, zxid: Zxid) -> Self {
        Self { sid, zxid }
    }
}

/// Proposals that wait for a quorum.
#[derive(Debug)]
pub struct Broadcast {
    verifier: QuorumVerifier,
    /// What is not above this zxid was proposed before the last reconfig was committed, and needs the quorum of before too:
    /// whoever acknowledged what came later knows that the reconfig counts, so the new configuration is enough to find it.
    former: Option<(Zxid, QuorumVerifier)>,
    outstanding: VecDeque<Proposal>,
    acked: BTreeMap<Sid, Zxid>,
    last_proposed: Zxid,
    last_committed: Zxid,
    bug: PlantedBug,
}

impl Broadcast {
    /// A leader whose history ends, committed, at `last`.
    pub fn new(verifier: QuorumVerifier, last: Zxid) -> Self {
        Self {
            verifier,
            former: None,
            outstanding: VecDeque::new(),
            acked: BTreeMap::new(),
            last_proposed: last,
            last_committed: last,
            bug: PlantedBug::None,
        }
    }

    /// The same with a bug on purpose; only the simulator asks for one.
    #[must_use]
    pub fn with_bug(self, bug: PlantedBug) -> Self {
        Self { bug, ..self }
    }

    /// Adds a proposal. Its zxid must be above all before it.
    pub fn propose(&mut self, proposal: Proposal) {
        assert!(proposal.zxid > self.last_proposed, "{} proposed behind {}", proposal.zxid, self.last_proposed);
        self.last_proposed = proposal.zxid;
        self.outstanding.push_back(proposal);
    }

    /// Notes an acknowledgement. [`Broadcast::next_committed`] tells what it decided.
    pub fn on_ack(&mut self, ack: Ack) {
        assert!(ack.zxid <= self.last_proposed, "{} acknowledged, {} proposed", ack.zxid, self.last_proposed);
        let acked = self.acked.entry(ack.sid).or_default();
        *acked = ack.zxid.max(*acked);
    }

    /// What a follower acknowledged and is not committed does not count any more: its link ended, and when it comes back
    /// its log may be cut behind what is committed before the same proposals are sent to it again.
    pub fn forget(&mut self, sid: Sid) {
        self.acked.remove(&sid);
    }

    /// The transactions that are proposed and not committed, in order.
    pub fn outstanding_proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.outstanding.iter()
    }

    /// The next transaction that a quorum has, in zxid order, each once.
    pub fn next_committed(&mut self) -> Option<Proposal> {
        let first = self.outstanding.front()?;
        let has = |sid: Sid| self.acked.get(&sid).is_some_and(|acked| *acked >= first.zxid);
        let former = self.former.as_ref().is_none_or(|(last, former)| first.zxid > *last || former.is_quorum(has));
        let next = first.config.as_ref().is_none_or(|config| config.verifier.is_quorum(has));
        let next = next || self.bug.is(PlantedBug::ZabReconfigByFormerQuorum);
        let decided = former && self.verifier.is_quorum(has) && next;
        let nearly = |sid: Sid| has(sid) || self.verifier.voters().first() == Some(&sid);
        let planted = self.bug.is(PlantedBug::ZabCommitWithMinority) && self.verifier.is_quorum(nearly);
        if !decided && !planted {
            return None;
        }
        let proposal = self.outstanding.pop_front()?;
        self.last_committed = proposal.zxid;
        if let Some(config) = &proposal.config {
            let former = mem::replace(&mut self.verifier, config.verifier.clone());
            self.former = Some((self.last_proposed, former));
        }
        Some(proposal)
    }

    /// The history before the first proposal is committed, and this configuration counts.
    pub fn set_verifier(&mut self, verifier: QuorumVerifier) {
        self.verifier = verifier;
    }

    /// Of these servers the one that has acknowledged most.
    pub fn most_advanced(&self, among: &QuorumVerifier) -> Option<Sid> {
        let acked = |sid: &Sid| (self.acked.get(sid).copied().unwrap_or_default(), *sid);
        among.voters().into_iter().filter(|sid| among.weight(*sid) > 0).max_by_key(acked)
    }

    /// The last transaction proposed.
    pub fn last_proposed(&self) -> Zxid {
        self.last_proposed
    }

    /// The last transaction committed.
    pub fn last_committed(&self) -> Zxid {
        self.last_committed
    }

    /// Transactions proposed and not committed.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn proposal(zxid: i64) -> Proposal {
        Proposal { zxid: Zxid(zxid), bytes: Bytes::new(), config: None }
    }

    fn ack(sid: Sid, zxid: i64) -> Ack {
        Ack { sid, zxid: Zxid(zxid) }
    }

    fn committed(broadcast: &mut Broadcast) -> Vec<i64> {
        std::iter::from_fn(|| broadcast.next_committed()).map(|p| p.zxid.0).collect()
    }

    #[test]
    fn alone_a_sync_commits_everything_before_it() {
        let mut b = Broadcast::new(QuorumVerifier::majority([7]), Zxid(10));
        (11..15).for_each(|zxid| b.propose(proposal(zxid)));
        assert_eq!(committed(&mut b), [] as [i64; 0]);
        b.on_ack(Ack::own(7, Synced::up_to(Zxid(13))));
        assert_eq!(committed(&mut b), [11, 12, 13]);
        assert_eq!((b.outstanding(), b.last_committed()), (1, Zxid(13)));
    }

    #[test]
    fn of_three_the_second_decides_and_late_ones_change_nothing() {
        let mut b = Broadcast::new(QuorumVerifier::majority([1, 2, 3]), Zxid(0));
        (1..4).for_each(|zxid| b.propose(proposal(zxid)));
        b.on_ack(ack(2, 3));
        assert_eq!(committed(&mut b), [] as [i64; 0]);
        b.on_ack(ack(1, 2));
        assert_eq!(committed(&mut b), [1, 2]);
        b.on_ack(ack(3, 1));
        b.on_ack(ack(9, 3));
        assert_eq!(committed(&mut b), [] as [i64; 0], "9 does not vote, 3 is behind");
        b.on_ack(ack(3, 3));
        assert_eq!(committed(&mut b), [3]);
    }

    #[test]
    fn a_reconfig_needs_both_quorums_and_counts_behind_itself() {
        let mut b = Broadcast::new(QuorumVerifier::majority([1]), Zxid(0));
        let verifier = QuorumVerifier::majority([1, 2, 3]);
        b.propose(Proposal {
            config: Some(QuorumConfig { version: 1, verifier, observers: BTreeSet::new(), text: "".into() }),
            ..proposal(1)
        });
        b.propose(proposal(2));
        b.on_ack(ack(1, 2));
        assert_eq!(committed(&mut b), [] as [i64; 0]);
        b.on_ack(ack(3, 1));
        assert_eq!(committed(&mut b), [1]);
        b.on_ack(ack(2, 2));
        assert_eq!(committed(&mut b), [2]);
    }

    #[test]
    fn what_was_proposed_before_a_reconfig_is_committed_needs_the_former_quorum_too() {
        let mut b = Broadcast::new(QuorumVerifier::majority([1, 2, 3]), Zxid(0));
        let verifier = QuorumVerifier::majority([4, 5]);
        b.propose(Proposal {
            config: Some(QuorumConfig { version: 1, verifier, observers: BTreeSet::new(), text: "".into() }),
            ..proposal(1)
        });
        b.propose(proposal(2));
        [(1, 1), (2, 1), (4, 2), (5, 2)].into_iter().for_each(|(sid, zxid)| b.on_ack(ack(sid, zxid)));
        assert_eq!(committed(&mut b), [1], "4 and 5 may not know that they count");
        b.propose(proposal(3));
        [(4, 3), (5, 3)].into_iter().for_each(|(sid, zxid)| b.on_ack(ack(sid, zxid)));
        [1, 2].into_iter().for_each(|sid| b.on_ack(ack(sid, 2)));
        assert_eq!(committed(&mut b), [2, 3]);
    }

    #[test]
    #[should_panic(expected = "0x1 proposed behind 0x1")]
    fn a_zxid_is_used_once() {
        let mut b = Broadcast::new(QuorumVerifier::majority([1]), Zxid(0));
        b.propose(proposal(1));
        b.propose(proposal(1));
    }
}
