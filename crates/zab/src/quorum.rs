//! Which sets of servers decide (upstream: `QuorumMaj`, `QuorumHierarchical`).

use std::collections::{BTreeMap, BTreeSet};

use base::Str;

/// A server's id.
pub type Sid = i64;

/// How votes are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuorumVerifier {
    /// More than half of the voters.
    Majority {
        /// Servers that vote.
        voters: BTreeSet<Sid>,
    },
    /// In more than half of the groups that have weight, more than half of the group's weight.
    Hierarchical {
        /// Servers that vote: their group and weight.
        voters: BTreeMap<Sid, GroupWeight>,
    },
    /// A quorum of each of two configurations: while the later one is in a log and nobody knows whether it is committed
    /// (upstream: `QuorumPeer.lastSeenQuorumVerifier`).
    Both(Box<Self>, Box<Self>),
}

/// A server's place in a hierarchical quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupWeight {
    /// Its group.
    pub group: i64,
    /// Its weight there; a server without weight never leads.
    pub weight: u64,
}

impl QuorumVerifier {
    /// A majority of these servers.
    pub fn majority(voters: impl IntoIterator<Item = Sid>) -> Self {
        Self::Majority { voters: voters.into_iter().collect() }
    }

    /// A quorum of each.
    pub fn both(current: Self, next: Self) -> Self {
        Self::Both(Box::new(current), Box::new(next))
    }

    /// Whether `in_favour` says yes for a quorum.
    pub fn is_quorum(&self, in_favour: impl Fn(Sid) -> bool) -> bool {
        self.counts(&in_favour)
    }

    fn counts(&self, in_favour: &dyn Fn(Sid) -> bool) -> bool {
        match self {
            Self::Both(current, next) => current.counts(in_favour) && next.counts(in_favour),
            Self::Majority { voters } => voters.iter().filter(|sid| in_favour(**sid)).count() > voters.len() / 2,
            Self::Hierarchical { voters } => {
                let mut groups: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
                for (sid, place) in voters {
                    let (whole, yes) = groups.entry(place.group).or_default();
                    *whole += place.weight;
                    *yes += if in_favour(*sid) { place.weight } else { 0 };
                }
                groups.retain(|_, (whole, _)| *whole > 0);
                groups.values().filter(|(whole, yes)| *yes > whole / 2).count() > groups.len() / 2
            }
        }
    }

    /// A server's weight: 0 when it does not vote.
    pub fn weight(&self, sid: Sid) -> u64 {
        match self {
            Self::Majority { voters } => u64::from(voters.contains(&sid)),
            Self::Hierarchical { voters } => voters.get(&sid).map_or(0, |place| place.weight),
            Self::Both(current, next) => current.weight(sid).max(next.weight(sid)),
        }
    }

    /// Servers that vote, in order.
    pub fn voters(&self) -> Vec<Sid> {
        match self {
            Self::Majority { voters } => voters.iter().copied().collect(),
            Self::Hierarchical { voters } => voters.keys().copied().collect(),
            Self::Both(current, next) => {
                let both: BTreeSet<Sid> = current.voters().into_iter().chain(next.voters()).collect();
                both.into_iter().collect()
            }
        }
    }
}

/// A configuration of the ensemble that travels with a proposal and counts from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumConfig {
    /// The zxid of the reconfig that made it; 0 from the configuration file.
    pub version: i64,
    /// How its votes are counted.
    pub verifier: QuorumVerifier,
    /// Servers that only listen.
    pub observers: BTreeSet<Sid>,
    /// Itself as text, for those who join; its last line is `version=`, in hexadecimal.
    pub text: Str,
}

impl QuorumConfig {
    /// Of voters alone, and without a number.
    pub fn of_voters(verifier: QuorumVerifier) -> Self {
        Self { version: 0, verifier, observers: BTreeSet::new(), text: Str::from("version=0") }
    }

    /// The same under another version.
    #[must_use]
    pub fn numbered(&self, version: i64) -> Self {
        let lines = self.text.rsplit_once("version=").map_or(&*self.text, |(lines, _)| lines);
        Self { version, text: Str::from(format!("{lines}version={version:x}").as_str()), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities() {
        // voters, in favour, is a quorum
        let table: [(&[Sid], &[Sid], bool); 7] = [
            (&[1], &[1], true),
            (&[1], &[], false),
            (&[1, 2], &[1], false),
            (&[1, 2, 3], &[1, 3], true),
            (&[1, 2, 3], &[1, 7, 8, 9], false),
            (&[1, 2, 3, 4], &[1, 2], false),
            (&[1, 2, 3, 4, 5], &[1, 2, 5], true),
        ];
        for (voters, in_favour, expected) in table {
            let verifier = QuorumVerifier::majority(voters.iter().copied());
            assert_eq!(verifier.is_quorum(|sid| in_favour.contains(&sid)), expected, "{voters:?} {in_favour:?}");
        }
    }

    #[test]
    fn between_two_configurations_both_must_agree() {
        let both = QuorumVerifier::both(QuorumVerifier::majority([1, 2, 3]), QuorumVerifier::majority([3, 4, 5]));
        let quorum = |sids: &[Sid]| both.is_quorum(|sid| sids.contains(&sid));
        assert!(quorum(&[1, 3, 4]));
        assert!(!quorum(&[1, 2, 3]), "none of the new ones");
        assert!(!quorum(&[3, 4, 5]), "a minority of the old ones");
        assert_eq!((both.voters(), both.weight(5), both.weight(6)), (vec![1, 2, 3, 4, 5], 1, 0));
    }

    #[test]
    fn weights_within_groups_and_a_majority_of_groups() {
        let place = |group, weight| GroupWeight { group, weight };
        let voters = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(|sid| (sid, place((sid - 1) / 3, 1)));
        let verifier = QuorumVerifier::Hierarchical { voters: BTreeMap::from(voters) };
        let quorum = |sids: &[Sid]| verifier.is_quorum(|sid| sids.contains(&sid));
        assert!(quorum(&[1, 2, 4, 5]), "two of three groups");
        assert!(!quorum(&[1, 2, 4, 7]), "one group and two halves");
        let voters = [(1, place(0, 1)), (2, place(1, 0)), (3, place(1, 0))];
        let weightless = QuorumVerifier::Hierarchical { voters: BTreeMap::from(voters) };
        assert!(weightless.is_quorum(|sid| sid == 1), "groups without weight do not count");
        assert_eq!(weightless.weight(2), 0);
    }
}
