//! What a run must come through at least once in a while; a simulator that never gets there proves nothing about it.

use std::collections::BTreeMap;

/// Something worth having seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A learner got the transactions that it lacked.
    Diff,
    /// A learner got the transactions that it lacked from the leader's disk.
    DiffFromLog,
    /// A learner cut its log.
    Trunc,
    /// A learner got a snapshot.
    Snap,
    /// A learner could not cut its log where the leader said.
    TruncImpossible,
    /// A leader was established.
    Established,
    /// A leader was established whose log had transactions that nobody knew to be committed.
    UncommittedTail,
    /// A leader's reign ended.
    SteppedDown,
    /// A follower has a later history than the leader that was elected.
    LaterHistory,
    /// A proposal was already in a learner's log, or held.
    Redundant,
    /// A proposal reached a learner that was still synchronising.
    ProposedMeanwhile,
    /// A process died while the disk had work.
    CrashMidWrite,
    /// A reconfig was committed.
    Reconfigured,
    /// A reconfig's leader has no vote in it, and named another.
    HandedOver,
    /// A server served under a configuration that a new leader's history, and nothing else, had.
    ReconfigInTail,
    /// A server that looked for a leader heard of a later configuration.
    ConfigHeard,
    /// A leader was led to look anew by a later configuration, or a learner by its part.
    PartChanged,
    /// A leader was lost in the middle of a reconfig, and nobody could finish it: the limit that upstream has too.
    UnfinishedReconfig,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Diff,
        Self::DiffFromLog,
        Self::Trunc,
        Self::Snap,
        Self::TruncImpossible,
        Self::Established,
        Self::UncommittedTail,
        Self::SteppedDown,
        Self::LaterHistory,
        Self::Redundant,
        Self::ProposedMeanwhile,
        Self::CrashMidWrite,
        Self::Reconfigured,
        Self::HandedOver,
        Self::ReconfigInTail,
        Self::ConfigHeard,
        Self::PartChanged,
        Self::UnfinishedReconfig,
    ];
}

/// How often each was seen.
#[derive(Clone, Debug, Default)]
pub struct Marks(BTreeMap<Mark, u64>);

impl Marks {
    /// It was seen once more.
    pub fn hit(&mut self, mark: Mark) {
        *self.0.entry(mark).or_default() += 1;
    }

    /// How often.
    pub fn count(&self, mark: Mark) -> u64 {
        self.0.get(&mark).copied().unwrap_or_default()
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(mark, count)| *self.0.entry(*mark).or_default() += count);
    }
}
