//! The order of votes (upstream: `FastLeaderElection.totalOrderPredicate`).

use zk_wire::{Epoch, Zxid};

use crate::quorum::{QuorumVerifier, Sid};

/// A candidate and what speaks for it. The order of the fields is the order of votes: the later history wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vote {
    /// The candidate's current epoch.
    pub peer_epoch: Epoch,
    /// The last transaction in the candidate's log, committed or not.
    pub zxid: Zxid,
    /// The candidate.
    pub leader: Sid,
}

impl Vote {
    /// Whether a server that votes for `current` changes to this one.
    pub fn beats(&self, current: &Self, verifier: &QuorumVerifier) -> bool {
        verifier.weight(self.leader) > 0 && self > current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(peer_epoch: i64, zxid: i64, leader: Sid) -> Vote {
        Vote { peer_epoch: Epoch(peer_epoch), zxid: Zxid(zxid), leader }
    }

    #[test]
    fn epoch_then_history_then_id() {
        let verifier = QuorumVerifier::majority([1, 2, 3]);
        let ascending = [vote(1, 9, 1), vote(1, 9, 2), vote(1, 10, 1), vote(2, 3, 1), vote(2, 3, 3)];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(b.beats(a, &verifier), j > i, "{b:?} against {a:?}");
            }
        }
        assert!(!vote(9, 9, 4).beats(&ascending[0], &verifier), "4 does not vote, so it does not lead");
    }
}
