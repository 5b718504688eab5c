//! A server's place in its ensemble, as words, commands and metrics show it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keeper::Keeper;
use keeper::membership::{Member, MemberRole, Membership};
use zab::{LearnerKind, LearnerView, Sid, Standing};

use super::metrics::{Metric, Value};
use super::{MemberConfig, Shared};

/// A member's place now.
pub struct Place<'a> {
    /// How it is configured.
    pub config: &'a MemberConfig,
    membership: Arc<Membership>,
    /// Its role.
    pub standing: Standing,
    /// Of a leader: those who learn from it.
    pub learners: Vec<LearnerView>,
    /// Writes and syncs that wait for their answer from the leader, or on a leader for a quorum.
    pub outstanding: usize,
    /// Transactions that syncs wait for, on a leader.
    pub pending_syncs: usize,
}

/// What a client that can do without writes is told (`isro`).
pub fn access(shared: &Shared) -> &'static str {
    match reads_only(shared) {
        true => "ro",
        false if shared.serving() => "rw",
        false => "null",
    }
}

/// Whether this server finds no leader and serves reads.
pub fn reads_only(shared: &Shared) -> bool {
    shared.keeper.with(Keeper::reads_only)
}

/// What monitoring tools know a server's role as.
pub fn mode(shared: &Shared) -> &'static str {
    if reads_only(shared) {
        return "read-only";
    }
    match of(shared).map(|place| place.standing) {
        None => "standalone",
        Some(Standing::Leading(_)) => "leader",
        Some(Standing::Following { .. }) => "follower",
        Some(Standing::Observing { .. }) => "observer",
        Some(Standing::Looking) => "looking",
    }
}

/// This server's place; `None` for one that stands alone.
pub fn of(shared: &Shared) -> Option<Place<'_>> {
    let config = shared.config.member.as_ref()?;
    let membership = shared.members.as_ref()?.load_full();
    let look = |keeper: &Keeper| {
        let member = keeper.ensemble()?;
        let peer = member.peer();
        Some((member.standing(), peer.learners(), peer.outstanding(), keeper.pending_syncs()))
    };
    let (standing, learners, outstanding, pending_syncs) = shared.keeper.with(look)?;
    Some(Place { config, membership, standing, learners, outstanding, pending_syncs })
}

impl Place<'_> {
    /// The ensemble.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// This server's own line.
    pub fn own(&self) -> Option<&Member> {
        self.membership().members.get(&self.config.my_id)
    }

    /// Who leads, as far as this server knows.
    pub fn leader(&self) -> Option<Sid> {
        match self.standing {
            Standing::Looking => None,
            Standing::Leading(_) => Some(self.config.my_id),
            Standing::Following { leader, .. } | Standing::Observing { leader, .. } => Some(leader),
        }
    }

    /// Whether this server votes.
    pub fn votes(&self) -> bool {
        self.membership().votes(self.config.my_id)
    }

    /// Whom an observer learns from: the leader, or a follower (upstream: `observer_master_id`).
    pub fn observer_master(&self, shared: &Shared) -> Option<Sid> {
        let master = || shared.stats.ensemble.learner_master.load(Relaxed);
        matches!(self.standing, Standing::Observing { .. }).then(master)
    }

    /// Its state and how far it is in the protocol (upstream: `getDetailedPeerState`). A server that has not reached the
    /// broadcast answers no words.
    pub fn peer_state(&self) -> &'static str {
        match self.standing {
            Standing::Looking => "looking",
            Standing::Leading(_) => "leading - broadcast",
            Standing::Following { .. } => "following - broadcast",
            Standing::Observing { .. } => "observing - broadcast",
        }
    }

    /// The learners of a kind that have the leader's history.
    pub fn synced(&self, kind: LearnerKind) -> impl Iterator<Item = &LearnerView> {
        self.learners.iter().filter(move |learner| learner.kind == kind && learner.synced)
    }

    /// `conf`'s lines of a member; the configuration stands behind them.
    pub fn configuration(&self) -> Vec<(&'static str, String)> {
        let own = self.own();
        let ports = |port: fn(&keeper::membership::ServerAddress) -> u16| {
            let ports: Vec<String> =
                own.into_iter().flat_map(|own| &own.addresses).map(|address| port(address).to_string()).collect();
            ports.join("|")
        };
        let observes = own.is_some_and(|own| own.role == MemberRole::Observer);
        vec![
            ("initLimit", self.config.peer.init_limit.to_string()),
            ("syncLimit", self.config.peer.sync_limit.to_string()),
            ("electionAlg", "3".into()),
            ("electionPort", ports(|address| address.election_port)),
            ("quorumPort", ports(|address| address.quorum_port)),
            ("peerType", u8::from(observes).to_string()),
        ]
    }

    /// The metrics that only a member has, and some of them only a leader (upstream: `LeaderZooKeeperServer`,
    /// `QuorumZooKeeperServer`).
    pub fn metrics(&self, shared: &Shared) -> Vec<Metric> {
        let count = |count: usize| Value::Gauge(i64::try_from(count).unwrap_or(i64::MAX));
        let mut all = vec![("quorum_size", count(self.membership().voters().count()))];
        let observers = || count(self.synced(LearnerKind::Observer).count());
        if let Standing::Following { .. } = self.standing {
            all.push(("synced_observers", observers()));
        }
        if let Standing::Leading(_) = self.standing {
            let followers = |votes: bool| {
                self.synced(LearnerKind::Follower).filter(|f| self.membership().votes(f.sid) == votes).count()
            };
            let (last, min, max) = shared.stats.ensemble.proposal_bytes();
            all.extend([
                ("learners", count(self.learners.len())),
                ("synced_followers", count(followers(true))),
                ("synced_non_voting_followers", count(followers(false))),
                ("synced_observers", observers()),
                ("pending_syncs", count(self.pending_syncs)),
                ("leader_uptime", Value::Gauge(shared.stats.ensemble.role_ms())),
                ("last_proposal_size", Value::Gauge(last)),
                ("min_proposal_size", Value::Gauge(min)),
                ("max_proposal_size", Value::Gauge(max)),
            ]);
        }
        all
    }
}
