//! What a learner needs to have the history of who serves it: a pure function (upstream: `LearnerHandler.syncFollower`).

use base::planted::PlantedBug;
use zk_wire::Zxid;

use crate::config::Config;
use crate::event::{Effect, Link};
use crate::history::History;
use crate::packet::ToLearner;

/// How a learner gets the leader's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPlan {
    /// The transactions in `(after, until]`, which follow what it has.
    Diff {
        /// The learner's last.
        after: Zxid,
        /// The last one sent.
        until: Zxid,
    },
    /// First its log is cut behind `to`, which both have; then the transactions in `(to, until]`.
    Trunc {
        /// The last one both have.
        to: Zxid,
        /// The last one sent.
        until: Zxid,
    },
    /// The transactions that it lacks go back further than the window: what the log on the disk has of them decides
    /// ([`plan_from_log`]).
    Search,
    /// The whole service.
    Snap,
}

/// What a learner is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncKind {
    /// Transactions.
    Diff,
    /// The whole service.
    Snap,
}

/// Where the transactions come from that a learner lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The latest ones, in memory.
    Window,
    /// The log on the disk.
    Log,
}

impl SyncKind {
    /// How many may be under way for an observer to be added to them.
    pub fn max(self, config: &Config) -> usize {
        match self {
            Self::Diff => config.diff_syncs_max,
            Self::Snap => config.snap_syncs_max,
        }
    }
}

impl SyncPlan {
    /// What a learner is sent.
    pub(crate) fn kind(self) -> SyncKind {
        match self {
            Self::Diff { .. } | Self::Trunc { .. } => SyncKind::Diff,
            Self::Search | Self::Snap => SyncKind::Snap,
        }
    }
}

/// Sends a learner what the plan says, up to `until`. What is proposed later, and NEWLEADER, is the caller's.
pub(crate) fn send(
    history: &History,
    link: Link,
    (plan, source): (SyncPlan, Source),
    until: Zxid,
    config: &Config,
    effects: &mut Vec<Effect>,
) {
    let to = |packet| Effect::ToLearner { link, packet };
    let after = match plan {
        SyncPlan::Diff { after, until } => {
            effects.push(to(ToLearner::Diff(until)));
            after
        }
        SyncPlan::Trunc { to: common, .. } => {
            effects.push(to(ToLearner::Trunc(common)));
            common
        }
        SyncPlan::Search | SyncPlan::Snap => {
            let delivered = history.delivered();
            effects.push(to(ToLearner::Snap(delivered)));
            effects.push(Effect::SendSnapshot { link, zxid: delivered });
            delivered
        }
    };
    if source == Source::Log && plan.kind() == SyncKind::Diff {
        return effects.push(Effect::SendLog { link, after, until });
    }
    let skipped = usize::from(config.bug.is(PlantedBug::ZabDiffWithGap));
    for proposal in history.between(after, until).skip(skipped) {
        effects.push(to(ToLearner::Proposal(proposal.clone())));
        effects.push(to(ToLearner::Commit(proposal.zxid)));
    }
}

/// Plans for a learner whose log ends at `peer`, with the leader's history ending at `until` (what is committed, or all
/// of it while the leader's epoch is not established).
///
/// A learner's log and the leader's are prefixes of each other but for a tail that no quorum had. Zxids of the tail are
/// of no transaction of the leader's, or they are the same transaction: a leader gives out each zxid once. So the last
/// zxid that both have is the last one of the leader's history that is not above the learner's last, if both are of one
/// epoch; across epochs the numbers say nothing about what comes before, and only a snapshot is sure.
pub fn plan(history: &History, peer: Zxid, until: Zxid) -> SyncPlan {
    if peer == until {
        return SyncPlan::Diff { after: peer, until };
    }
    let Some(oldest) = history.oldest() else { return SyncPlan::Snap };
    if peer > until {
        // A counter of 0 is no transaction but the mark of an epoch without any: there is nothing to cut.
        if peer.counter() == 0 {
            return match history.newest_until(until) {
                Some(_) if peer.epoch() > until.epoch() => SyncPlan::Diff { after: until, until },
                _ => SyncPlan::Snap,
            };
        }
        return match peer.epoch() == until.epoch() {
            true => SyncPlan::Trunc { to: until, until },
            false => SyncPlan::Snap,
        };
    }
    if peer < oldest {
        // An empty log is the claim of one who wants a snapshot, too.
        return if peer == Zxid::ZERO { SyncPlan::Snap } else { SyncPlan::Search };
    }
    from_common(history.newest_until(peer), peer, until)
}

/// The same with the log on the disk: `common` is its newest transaction that is not above `peer`, when it has all that
/// follows.
pub fn plan_from_log(common: Option<Zxid>, peer: Zxid, until: Zxid) -> SyncPlan {
    from_common(common, peer, until)
}

fn from_common(common: Option<Zxid>, peer: Zxid, until: Zxid) -> SyncPlan {
    match common {
        Some(common) if common == peer => SyncPlan::Diff { after: peer, until },
        // Nothing of the learner's last epoch but its mark.
        Some(common) if peer.counter() == 0 => SyncPlan::Diff { after: common, until },
        Some(common) if common.epoch() == peer.epoch() => SyncPlan::Trunc { to: common, until },
        _ => SyncPlan::Snap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::Proposal;
    use crate::history::Recovered;
    use bytes::Bytes;
    use zk_wire::Epoch;

    fn z(epoch: i64, counter: i64) -> Zxid {
        Zxid((epoch << 32) + counter)
    }

    fn history(window: &[Zxid]) -> History {
        let window: Vec<Proposal> =
            window.iter().map(|zxid| Proposal { zxid: *zxid, bytes: Bytes::new(), config: None }).collect();
        let last = window.last().map_or(Zxid::ZERO, |newest| newest.zxid);
        let recovered = Recovered { accepted: Epoch(9), current: Epoch(9), last, window };
        History::new(recovered, 500)
    }

    #[test]
    fn plans() {
        use SyncPlan::{Diff, Search, Snap, Trunc};
        let window = [z(3, 7), z(3, 8), z(5, 1), z(5, 2)];
        let until = z(5, 2);
        let table = [
            ("the same", z(5, 2), Diff { after: z(5, 2), until }),
            ("behind by one", z(5, 1), Diff { after: z(5, 1), until }),
            ("behind across an epoch", z(3, 7), Diff { after: z(3, 7), until }),
            ("further behind than the window", z(3, 6), Search),
            ("empty", Zxid::ZERO, Snap),
            ("ahead by what no quorum had", z(5, 9), Trunc { to: z(5, 2), until }),
            ("ahead in an epoch that this history does not know", z(6, 1), Snap),
            ("an epoch without transactions, later", z(6, 0), Diff { after: z(5, 2), until }),
            ("an epoch without transactions", z(5, 0), Diff { after: z(3, 8), until }),
            ("a tail of an epoch that another leader cut short", z(3, 9), Trunc { to: z(3, 8), until }),
            ("a tail of an epoch that this history does not know", z(4, 1), Snap),
        ];
        for (what, peer, expected) in table {
            assert_eq!(plan(&history(&window), peer, until), expected, "{what}");
        }
        assert_eq!(plan(&history(&[]), z(1, 1), z(5, 2)), Snap, "nothing at hand");
    }

    #[test]
    fn what_the_log_has_decides_when_the_window_does_not() {
        let until = z(5, 2);
        let table = [
            ("it has the learner's last", Some(z(3, 4)), z(3, 4), SyncPlan::Diff { after: z(3, 4), until }),
            ("it has less of that epoch", Some(z(3, 3)), z(3, 4), SyncPlan::Trunc { to: z(3, 3), until }),
            ("an epoch without transactions", Some(z(2, 9)), z(3, 0), SyncPlan::Diff { after: z(2, 9), until }),
            ("it knows nothing of that epoch", Some(z(2, 9)), z(3, 4), SyncPlan::Snap),
            ("it has a gap, or too much", None, z(3, 4), SyncPlan::Snap),
        ];
        for (what, common, peer, expected) in table {
            assert_eq!(plan_from_log(common, peer, until), expected, "{what}");
        }
    }

    #[test]
    fn a_history_that_only_its_end_is_known_of_needs_no_window() {
        let recovered = Recovered { accepted: Epoch(1), current: Epoch(1), last: z(1, 4), window: Vec::new() };
        let history = History::new(recovered, 500);
        assert_eq!(plan(&history, z(1, 4), z(1, 4)), SyncPlan::Diff { after: z(1, 4), until: z(1, 4) });
    }
}
