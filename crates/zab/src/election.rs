//! Fast leader election: servers tell each other their votes until a quorum agrees (upstream: `FastLeaderElection`).
//! It finds somebody worth following and promises nothing: safety is the epochs' (see [`crate::leader`]).

use core::time::Duration;
use std::collections::BTreeMap;

use base::Instant;
use base::planted::PlantedBug;
use zk_wire::election::{NOTIFICATION_VERSION, Notification, ServerState};
use zk_wire::{Epoch, Zxid};

use crate::config::Config;
use crate::quorum::{QuorumVerifier, Sid};
use crate::vote::Vote;

/// What an observer and a server without a log write where a candidate's numbers stand.
const NOBODY: i64 = i64::MIN;

/// A vote as another server announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ballot {
    vote: Vote,
    round: i64,
    state: ServerState,
    version: i32,
}

/// The search for a leader, and the answers to those who search while this server does not.
#[derive(Debug)]
pub struct Election {
    sid: Sid,
    notification_min: Duration,
    notification_max: Duration,
    finalize_wait: Duration,
    decides_early: bool,
    bug: PlantedBug,
    /// The logical clock: which election this is.
    round: i64,
    state: ServerState,
    /// What this server would like: itself, with its log.
    own: Vote,
    /// What it votes for.
    vote: Vote,
    /// Votes of this round, by voter.
    received: BTreeMap<Sid, Ballot>,
    /// What servers say that have a leader already.
    settled: BTreeMap<Sid, Ballot>,
    interval: Duration,
    resend_at: Instant,
    /// A quorum agrees: the vote counts then, if nothing better comes.
    final_at: Option<Instant>,
}

/// What a step of the election wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Continue,
    /// This server's vote changed or must be said again, to every voter.
    Broadcast,
    /// The sender should know how things stand here.
    Answer(Sid),
    /// This is the leader to join, or this server itself.
    Elected(Sid),
}

impl Election {
    /// Not looking yet.
    pub fn new(config: &Config) -> Self {
        let nobody = Vote { peer_epoch: Epoch(NOBODY), zxid: Zxid(NOBODY), leader: NOBODY };
        Self {
            sid: config.sid,
            notification_min: config.notification_min,
            notification_max: config.notification_max,
            finalize_wait: config.finalize_wait,
            decides_early: config.decides_early,
            bug: config.bug,
            round: 0,
            state: ServerState::Looking,
            own: nobody,
            vote: nobody,
            received: BTreeMap::new(),
            settled: BTreeMap::new(),
            interval: config.notification_min,
            resend_at: Instant::FAR_FUTURE,
            final_at: None,
        }
    }

    /// A new round, with this log behind the candidate. Its vote must be said to every voter.
    pub fn look(&mut self, now: Instant, verifier: &QuorumVerifier, current: Epoch, last: Zxid) {
        let votes = verifier.voters().contains(&self.sid);
        self.own = match votes {
            true => Vote { peer_epoch: current, zxid: last, leader: self.sid },
            false => Vote { peer_epoch: Epoch(NOBODY), zxid: Zxid(NOBODY), leader: NOBODY },
        };
        self.round += 1;
        self.state = ServerState::Looking;
        self.vote = self.own;
        self.received.clear();
        self.settled.clear();
        self.final_at = None;
        self.interval = self.notification_min;
        self.resend_at = now + self.interval;
    }

    /// When [`Election::tick`] is wanted.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            ServerState::Looking => Some(self.final_at.map_or(self.resend_at, |at| at.min(self.resend_at))),
            _ => None,
        }
    }

    /// What this server says to those who ask.
    pub fn notification(&self) -> Notification {
        Notification {
            state: self.state,
            leader: self.vote.leader,
            zxid: self.vote.zxid,
            election_epoch: self.round,
            peer_epoch: self.vote.peer_epoch,
            version: NOTIFICATION_VERSION,
            config: None,
        }
    }

    /// The round is over: this server leads, follows or observes. `epoch` becomes what it tells others about its
    /// leader once the leader's epoch is settled (ZOOKEEPER-1732).
    pub fn settle(&mut self, state: ServerState, leader: Sid) {
        self.state = state;
        self.vote.leader = leader;
        self.final_at = None;
        self.resend_at = Instant::FAR_FUTURE;
    }

    /// The leader's epoch is settled.
    pub fn set_epoch(&mut self, epoch: Epoch) {
        self.vote.peer_epoch = epoch;
    }

    /// A notification of another server. `verifier` decides who leads; to join somebody who leads already, a quorum of
    /// `current` that follows it is enough, since whoever leads found its own. (With upstream a reconfig that was never
    /// committed, and whose servers are gone, keeps the one server that logged it out for good.)
    pub fn on_notification(
        &mut self,
        now: Instant,
        from: Sid,
        n: &Notification,
        verifier: &QuorumVerifier,
        current: &QuorumVerifier,
    ) -> Outcome {
        let voters = verifier.voters();
        if !voters.contains(&from) {
            // An observer asks where to go.
            return if n.state == ServerState::Looking { Outcome::Answer(from) } else { Outcome::Continue };
        }
        if self.state != ServerState::Looking {
            return if n.state == ServerState::Looking { Outcome::Answer(from) } else { Outcome::Continue };
        }
        let vote = Vote { peer_epoch: n.peer_epoch, zxid: n.zxid, leader: n.leader };
        let ballot = Ballot { vote, round: n.election_epoch, state: n.state, version: n.version };
        match n.state {
            ServerState::Looking => self.on_looking(now, from, ballot, verifier),
            ServerState::Following | ServerState::Leading => self.on_settled(from, ballot, current),
            ServerState::Observing => Outcome::Continue,
        }
    }

    fn on_looking(&mut self, now: Instant, from: Sid, ballot: Ballot, verifier: &QuorumVerifier) -> Outcome {
        // A server that does not know its own history votes for nobody, and nobody may follow one that cannot lead.
        if ballot.vote.zxid == Zxid(-1) || !verifier.voters().contains(&ballot.vote.leader) {
            return Outcome::Continue;
        }
        if ballot.round < self.round {
            return Outcome::Answer(from);
        }
        let mut outcome = Outcome::Continue;
        if ballot.round > self.round {
            self.round = ballot.round;
            self.received.clear();
            self.vote = if self.better(&ballot.vote, &self.own, verifier) { ballot.vote } else { self.own };
            self.final_at = None;
            outcome = Outcome::Broadcast;
        } else if self.better(&ballot.vote, &self.vote, verifier) {
            self.vote = ballot.vote;
            self.final_at = None;
            outcome = Outcome::Broadcast;
        }
        self.received.insert(from, ballot);
        if self.final_at.is_none() && self.agreed(verifier) {
            self.final_at = Some(now + self.finalize_wait);
        }
        if self.decides_early && self.final_at.is_some() && self.unanimous(verifier) {
            self.final_at = Some(now);
        }
        outcome
    }

    fn better(&self, vote: &Vote, than: &Vote, verifier: &QuorumVerifier) -> bool {
        match self.bug.is(PlantedBug::ZabVoteIgnoresHistory) {
            true => vote.leader > than.leader,
            false => vote.beats(than, verifier),
        }
    }

    /// Whether a server votes as this one does. A voter that only listens has nobody's vote but the others'.
    fn votes_the_same(&self, sid: Sid) -> bool {
        let same = |ballot: &Ballot| ballot.vote == self.vote && ballot.round == self.round;
        sid == self.sid || self.received.get(&sid).is_some_and(same)
    }

    /// Whether a quorum votes as this server does.
    fn agreed(&self, verifier: &QuorumVerifier) -> bool {
        verifier.is_quorum(|sid| self.votes_the_same(sid))
    }

    /// Whether every voter votes as this server does.
    fn unanimous(&self, verifier: &QuorumVerifier) -> bool {
        verifier.voters().into_iter().all(|sid| self.votes_the_same(sid))
    }

    /// Somebody has a leader: join it if a quorum has, and it says so itself.
    fn on_settled(&mut self, from: Sid, ballot: Ballot, verifier: &QuorumVerifier) -> Outcome {
        let leader = ballot.vote.leader;
        self.settled.insert(from, ballot);
        // Of running servers zxid and round may differ for good reasons, and releases before 3.4.6 do not say the epoch.
        let same = |other: &Ballot| {
            other.vote.leader == leader
                && ((other.version == 0) != (ballot.version == 0) || other.vote.peer_epoch == ballot.vote.peer_epoch)
        };
        // This server would follow as well, unless its own log is the better one. Upstream counts only what others say,
        // and a server that restarts beside a leader with half a quorum waits until that one gives up.
        let joins = leader == self.sid || !self.own.beats(&ballot.vote, verifier);
        let follows = |sid: Sid| self.settled.get(&sid).is_some_and(same) || (sid == self.sid && joins);
        if !verifier.is_quorum(follows) {
            return Outcome::Continue;
        }
        let leads = match leader == self.sid {
            // They still believe in what this server was before; only in this very round would that be true.
            true => ballot.round == self.round,
            false => self.settled.get(&leader).is_some_and(|ballot| ballot.state == ServerState::Leading),
        };
        if !leads {
            return Outcome::Continue;
        }
        self.round = ballot.round;
        self.vote = ballot.vote;
        Outcome::Elected(leader)
    }

    /// Time passed.
    pub fn tick(&mut self, now: Instant) -> Outcome {
        if self.state != ServerState::Looking {
            return Outcome::Continue;
        }
        if self.final_at.is_some_and(|at| at <= now) {
            return Outcome::Elected(self.vote.leader);
        }
        if self.resend_at <= now {
            self.interval = (self.interval * 2).min(self.notification_max);
            self.resend_at = now + self.interval;
            return Outcome::Broadcast;
        }
        Outcome::Continue
    }

    /// A lone voter needs nobody's word.
    pub fn decide_alone(&mut self, now: Instant, verifier: &QuorumVerifier) {
        if verifier.voters().contains(&self.sid) && self.agreed(verifier) {
            self.final_at = Some(now);
        }
    }
}
