//! Which configuration of the ensemble counts, and which later one may (upstream: `QuorumPeer.quorumVerifier` and
//! `lastSeenQuorumVerifier`; "Dynamic Reconfiguration of Primary/Backup Clusters", Shraer et al. 2012).
//!
//! A reconfig is a transaction. While it is in this server's log and nobody knows here whether it is committed, a decision
//! needs a quorum of the configuration that counts and one of the later: so nobody leads in the old one who does not have
//! it, and nobody in the new one before it is committed.

use base::planted::PlantedBug;
use zk_wire::Zxid;

use crate::config::{Config, ReadConfig};
use crate::history::History;
use crate::packet::LearnerKind;
use crate::quorum::{QuorumConfig, QuorumVerifier, Sid};

/// The configurations.
#[derive(Debug)]
pub struct Configs {
    sid: Sid,
    bug: PlantedBug,
    read: Option<ReadConfig>,
    current: QuorumConfig,
    /// A later one that this server's log may hold, or that its leader has: it counts once this server serves.
    seen: Option<QuorumConfig>,
    /// Who decides now.
    verifier: QuorumVerifier,
    /// The version of the later configuration in `verifier`.
    next: Option<i64>,
    /// The version of the later configuration that [`Configs::news`] gave last.
    told: Option<i64>,
    /// What this server is to a leader.
    kind: LearnerKind,
}

impl Configs {
    /// A server whose files say `current`, and whose log or file has `seen`, committed or not. The log ends with `last`: a
    /// reconfig behind that was never acknowledged here, so it counts for nothing, and is to be forgotten.
    pub fn new(config: &Config, current: QuorumConfig, seen: Option<QuorumConfig>, last: Zxid) -> Self {
        // Upstream: who is not in a configuration that may change follows without a vote. A server that is about to join and
        // starts again in that moment acknowledges its own reconfig.
        let absent = config.read_config.is_some() && !current.observers.contains(&config.sid);
        let kind = match absent || current.verifier.voters().contains(&config.sid) {
            true => LearnerKind::Follower,
            false => LearnerKind::Observer,
        };
        let (sid, bug, read, verifier) = (config.sid, config.bug, config.read_config, current.verifier.clone());
        let seen = seen.filter(|seen| read.is_some() && seen.version > current.version);
        let (seen, lost) = match seen {
            Some(seen) if seen.version > last.0 => (None, Some(seen.version)),
            seen => (seen, None),
        };
        let mut configs = Self { sid, bug, read, current, seen, verifier, next: None, told: lost, kind };
        configs.decide(None);
        configs
    }

    /// The one that counts.
    pub fn current(&self) -> &QuorumConfig {
        &self.current
    }

    /// Who decides: a quorum of the one that counts, and of a later one that may be committed.
    pub fn verifier(&self) -> &QuorumVerifier {
        &self.verifier
    }

    /// Whether configurations of others count.
    pub fn changes(&self) -> bool {
        self.read.is_some()
    }

    /// What this server is to a leader.
    pub fn kind(&self) -> LearnerKind {
        self.kind
    }

    /// A later one that may be committed.
    pub fn next<'a>(&'a self, history: &'a History) -> Option<&'a QuorumConfig> {
        let next = history.pending_config().or(self.seen.as_ref());
        next.filter(|next| next.version > self.current.version)
    }

    /// The log has changed: counts anew who decides.
    pub fn recount(&mut self, history: &History) {
        let next = self.next(history).map(|next| next.version);
        if next != self.next {
            self.decide(history.pending_config().cloned());
        }
    }

    /// Whether another later configuration may be committed than when this was asked last, or none any more.
    pub fn news(&mut self, history: &History) -> Option<Option<QuorumConfig>> {
        self.read?;
        let next = self.next(history);
        let version = next.map(|next| next.version);
        let news = match next {
            Some(next) if version != self.told => Some(Some(next.clone())),
            None if self.told.is_some_and(|told| told > self.current.version) => Some(None),
            _ => None,
        };
        self.told = version;
        news
    }

    fn decide(&mut self, pending: Option<QuorumConfig>) {
        let next = pending.as_ref().or(self.seen.as_ref()).filter(|next| next.version > self.current.version);
        self.next = next.map(|next| next.version);
        let current = self.current.verifier.clone();
        self.verifier = match next {
            None => current,
            Some(_) if self.bug.is(PlantedBug::ZabLedByFormerQuorum) => current,
            Some(next) => QuorumVerifier::both(current, next.verifier.clone()),
        };
    }

    /// The log was cut: a configuration behind its end is not in it.
    pub fn on_truncated(&mut self, zxid: Zxid) {
        self.seen = self.seen.take().filter(|seen| seen.version <= zxid.0);
    }

    /// The leader that this server joins has this one; what this server has seen besides was not committed.
    pub fn on_announced(&mut self, text: &str) {
        let Some(read) = self.read else { return };
        let announced = read(text).filter(|announced| announced.version > self.current.version);
        self.seen = announced;
    }

    /// A server that looks for a leader says the one that counts for it. Whether that counts here too from now on.
    pub fn on_heard(&mut self, text: &str) -> bool {
        if *text == *self.current.text {
            return false;
        }
        match self.read.and_then(|read| read(text)) {
            Some(heard) if heard.version > self.current.version => {
                self.replace(heard);
                true
            }
            _ => false,
        }
    }

    /// The configuration that learners are told of. Before the leader is established: the latest, since its history is
    /// committed when a quorum has it. Afterwards what counts: what is under way comes to them as a proposal. The first one
    /// gets its number from the epoch.
    pub fn to_announce(&self, history: &History, first: Zxid, established: bool) -> QuorumConfig {
        let next = if established { None } else { self.next(history) };
        let latest = next.unwrap_or(&self.current);
        match self.changes() && latest.version == 0 {
            true => latest.numbered(first.0),
            false => latest.clone(),
        }
    }

    /// What this server has seen, if it is committed now that everything up to `delivered` is. A number from a first leader
    /// is no transaction's, and counts with its epoch. Upstream's leaders announce a reconfig that is still under way, too.
    pub fn take_seen(&mut self, delivered: Zxid) -> Option<QuorumConfig> {
        self.seen.take_if(|seen| seen.version <= delivered.0 || Zxid(seen.version).counter() == 0)
    }

    /// Lets another one count, if it is later.
    pub fn activate(&mut self, next: QuorumConfig) -> bool {
        let later = next.version > self.current.version;
        if later {
            self.replace(next);
        }
        later
    }

    fn replace(&mut self, next: QuorumConfig) {
        self.kind = match next.observers.contains(&self.sid) {
            true => LearnerKind::Observer,
            // Upstream: who is not in it follows without a vote.
            false => LearnerKind::Follower,
        };
        self.seen = self.seen.take().filter(|seen| seen.version > next.version);
        self.current = next;
        // What is in the log is counted by `recount`, which the caller's step ends with.
        self.decide(None);
    }
}
