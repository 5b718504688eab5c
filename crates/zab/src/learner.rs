//! A follower or an observer: accepts the leader's epoch, takes over its history, then logs and delivers what comes
//! (ZAB paper, section V; upstream: `Learner.syncWithLeader` of 3.9.5, `Follower`, `Observer`).
//!
//! The order of what becomes durable is what makes it safe: the promise before it is said; the whole history before the
//! epoch that it belongs to (ZOOKEEPER-4643), and both before NEWLEADER is acknowledged (ZOOKEEPER-3911); a proposal
//! before its own acknowledgement (ZOOKEEPER-4646). Nothing reaches the service before UPTODATE: only then it is known
//! that a quorum has the history.

use core::time::Duration;
use std::collections::VecDeque;

use base::planted::PlantedBug;
use base::{Instant, Str};
use bytes::Bytes;
use zk_wire::{Epoch, Zxid};

use crate::broadcast::Proposal;
use crate::config::Config;
use crate::event::{CloseReason, Effect, Link, Standing, StoreOp};
use crate::history::History;
use crate::packet::{LearnerKind, ToLeader, ToLearner};
use crate::quorum::Sid;
use crate::store::{Durable, Store};

/// How far the learner has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Not connected; the next try follows.
    Dialing,
    /// Said who it is; waits for the leader's epoch.
    Introduced,
    /// The promise goes to the disk.
    StoringAccepted,
    /// Promised; waits for DIFF, TRUNC or SNAP.
    Accepted,
    /// The log is being cut.
    Truncating,
    /// The snapshot arrives.
    Receiving,
    /// Collects what follows, until NEWLEADER.
    Synchronizing,
    /// History and epoch go to the disk.
    StoringHistory,
    /// Acknowledged; waits for UPTODATE.
    Synchronized,
    /// Serves.
    Broadcast,
}

/// The role.
#[derive(Debug)]
pub struct Learner {
    config: Config,
    kind: LearnerKind,
    leader: Sid,
    link: Option<Link>,
    stage: Stage,
    epoch: Epoch,
    /// The snapshot that was received and is not installed.
    snapshot: Option<Zxid>,
    /// What the log will end with before the first of `held`.
    base: Zxid,
    /// Proposals that are not logged; the first `committed` of them are committed.
    held: VecDeque<Proposal>,
    committed: usize,
    /// Packets that arrived while the disk was busy with what comes before them.
    waiting: VecDeque<ToLearner>,
    /// Claim an empty log, so that the leader sends a snapshot: cutting the log was impossible.
    wants_snapshot: bool,
    /// Sessions heard of, for the next ping.
    touched: Bytes,
    /// The leader's configuration, when it has just said it.
    announced: Option<Str>,
    /// Who leads under the configuration that was committed last, as the leader said.
    designated: Option<Sid>,
    /// Until then the leader must have answered.
    reach_until: Instant,
    join_until: Instant,
    redial_at: Instant,
    /// The next pause between two tries to reach the leader.
    redial: Duration,
    heard: Instant,
}

/// What the role works with.
pub struct Context<'a> {
    /// The log.
    pub history: &'a mut History,
    /// The version of the configuration that counts here.
    pub config_version: i64,
    /// Operations on the disk.
    pub store: &'a mut Store,
    /// What is to be done.
    pub effects: &'a mut Vec<Effect>,
}

/// Why the role ends.
pub type GiveUp = &'static str;

impl Learner {
    /// Dials the elected leader.
    pub fn new(
        now: Instant,
        config: &Config,
        kind: LearnerKind,
        leader: Sid,
        wants_snapshot: bool,
        effects: &mut Vec<Effect>,
    ) -> Self {
        effects.push(Effect::Dial { leader });
        Self {
            config: config.clone(),
            kind,
            leader,
            link: None,
            stage: Stage::Dialing,
            epoch: Epoch(0),
            snapshot: None,
            base: Zxid::ZERO,
            held: VecDeque::new(),
            committed: 0,
            waiting: VecDeque::new(),
            wants_snapshot,
            touched: Bytes::new(),
            announced: None,
            designated: None,
            reach_until: now + config.init_time(),
            join_until: now + config.init_time(),
            redial_at: Instant::FAR_FUTURE,
            redial: config.redial_min.min(config.redial),
            heard: now,
        }
    }

    /// What this server is to its leader.
    pub fn kind(&self) -> LearnerKind {
        self.kind
    }

    /// The leader.
    pub fn leader(&self) -> Sid {
        self.leader
    }

    /// The connection to it.
    pub fn link(&self) -> Option<Link> {
        self.link
    }

    /// The leader's epoch, once this server serves under it.
    pub fn serving(&self) -> Option<Epoch> {
        (self.stage == Stage::Broadcast).then_some(self.epoch)
    }

    /// The same for a leader that nobody has elected: a reconfig names it, and it may not know.
    #[must_use]
    pub fn of_designated(mut self, now: Instant) -> Self {
        self.reach_until = now + self.config.tick;
        self
    }

    /// The leader's configuration, once.
    pub fn take_announced(&mut self) -> Option<Str> {
        self.announced.take()
    }

    /// Who leads under the configuration that was committed last, as the leader said.
    pub fn designated(&self) -> Option<Sid> {
        self.designated
    }

    /// Replaces what the next answer to a ping says of the sessions heard of.
    pub fn set_touched(&mut self, touched: Bytes) {
        self.touched = touched;
    }

    /// When [`Learner::on_tick`] is wanted.
    pub fn deadline(&self) -> Instant {
        match self.stage {
            Stage::Broadcast => self.heard + self.config.sync_time(),
            Stage::Dialing => self.reach_until.min(self.redial_at),
            // An earlier dial may have been answered while the next one waited for its time.
            Stage::Introduced => self.reach_until,
            _ => self.join_until,
        }
    }

    /// The leader answered the dial.
    pub fn on_connected(&mut self, now: Instant, link: Link, cx: &mut Context<'_>) {
        if self.stage != Stage::Dialing || self.link.is_some() {
            return cx.effects.push(Effect::Close { link, reason: CloseReason::Replaced });
        }
        (self.link, self.stage, self.heard) = (Some(link), Stage::Introduced, now);
        let (accepted, config_version) = (cx.history.accepted(), cx.config_version);
        let info = ToLeader::Info { kind: self.kind, sid: self.config.sid, accepted, config_version };
        self.send(info, cx);
    }

    /// The leader could not be reached, or left before it said anything: it may not know yet that it leads.
    pub fn on_unreachable(&mut self, now: Instant) {
        if self.stage <= Stage::Introduced {
            (self.link, self.stage) = (None, Stage::Dialing);
            self.redial_at = now + self.redial;
            self.redial = (self.redial * 2).min(self.config.redial);
        }
    }

    /// The connection ended.
    ///
    /// # Errors
    /// The role ends, unless it had hardly begun.
    pub fn on_closed(&mut self, now: Instant) -> Result<(), GiveUp> {
        if self.stage > Stage::Introduced {
            return Err("the connection to the leader ended");
        }
        self.on_unreachable(now);
        Ok(())
    }

    /// Time passed.
    ///
    /// # Errors
    /// The role ends: the leader is silent.
    pub fn on_tick(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        if self.stage == Stage::Broadcast {
            return match self.heard + self.config.sync_time() <= now {
                true => Err("the leader is silent"),
                false => Ok(()),
            };
        }
        if self.join_until <= now || (self.stage <= Stage::Introduced && self.reach_until <= now) {
            return Err("joining the leader took too long");
        }
        if self.stage == Stage::Dialing && self.redial_at <= now {
            self.redial_at = Instant::FAR_FUTURE;
            cx.effects.push(Effect::Dial { leader: self.leader });
        }
        Ok(())
    }

    /// A packet of the leader.
    ///
    /// # Errors
    /// The role ends: the leader broke the protocol, or is of an older epoch.
    pub fn on_packet(&mut self, now: Instant, packet: ToLearner, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        self.heard = now;
        if self.is_busy() || !self.waiting.is_empty() {
            self.waiting.push_back(packet);
            return Ok(());
        }
        self.handle(packet, cx)
    }

    /// Whether what comes next must wait for the disk or the snapshot.
    fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::StoringAccepted | Stage::Truncating | Stage::Receiving | Stage::StoringHistory)
    }

    fn drain(&mut self, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        while !self.is_busy()
            && let Some(packet) = self.waiting.pop_front()
        {
            self.handle(packet, cx)?;
        }
        Ok(())
    }

    fn handle(&mut self, packet: ToLearner, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        match packet {
            ToLearner::LeaderInfo(epoch) => self.on_leader_info(epoch, cx),
            ToLearner::Diff(_) => self.on_diff(cx),
            ToLearner::Trunc(zxid) => self.on_trunc(zxid, cx),
            ToLearner::Snap(zxid) => self.on_snap(zxid, cx),
            ToLearner::Proposal(proposal) => self.on_proposal(proposal, cx),
            ToLearner::Commit(zxid) => self.on_commit(zxid, cx),
            ToLearner::CommitAndActivate { zxid, leader } => {
                self.designated = Some(leader);
                self.on_commit(zxid, cx)
            }
            ToLearner::Inform(proposal) => self.on_inform(proposal, cx),
            ToLearner::InformAndActivate { proposal, leader } => {
                self.designated = Some(leader);
                self.on_inform(proposal, cx)
            }
            ToLearner::NewLeader(epoch, config) => {
                self.on_new_leader(epoch, cx)?;
                self.announced = Some(config);
                Ok(())
            }
            ToLearner::UpToDate => self.on_up_to_date(cx),
            ToLearner::Ping(_) => {
                let touched = core::mem::take(&mut self.touched);
                self.send(ToLeader::Ping(touched), cx);
                Ok(())
            }
            ToLearner::Service(packet) => {
                cx.effects.push(Effect::FromLeader(packet));
                Ok(())
            }
        }
    }

    /// The leader's epoch: promise to follow no older one, durably, then say so.
    fn on_leader_info(&mut self, epoch: Epoch, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        if self.stage != Stage::Introduced {
            return Err("LEADERINFO came twice");
        }
        self.epoch = epoch;
        let accepted = cx.history.accepted();
        if epoch < accepted {
            return Err("the leader's epoch is older than one that was accepted");
        }
        if epoch == accepted {
            return self.ack_epoch(None, cx);
        }
        if self.bug(PlantedBug::ZabForgetAcceptedEpoch) {
            let current = cx.history.current();
            return self.ack_epoch(Some(current), cx);
        }
        self.stage = Stage::StoringAccepted;
        cx.store.begin(StoreOp::AcceptedEpoch(epoch), cx.effects);
        Ok(())
    }

    fn ack_epoch(&mut self, current: Option<Epoch>, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        self.stage = Stage::Accepted;
        let (last, current) = match self.wants_snapshot {
            true => (Zxid::ZERO, current.map(|_| Epoch(0))),
            false => (cx.history.last(), current),
        };
        self.send(ToLeader::AckEpoch { last, current }, cx);
        Ok(())
    }

    fn on_diff(&mut self, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        if self.stage != Stage::Accepted {
            return Err("DIFF came out of turn");
        }
        (self.stage, self.base) = (Stage::Synchronizing, cx.history.last());
        Ok(())
    }

    fn on_trunc(&mut self, zxid: Zxid, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        if self.stage != Stage::Accepted {
            return Err("TRUNC came out of turn");
        }
        if self.bug(PlantedBug::ZabDropTrunc) {
            return self.on_diff(cx);
        }
        let zxid = if self.bug(PlantedBug::ZabTruncTooDeep) { Zxid(zxid.0 - 1) } else { zxid };
        (self.stage, self.base) = (Stage::Truncating, zxid);
        cx.store.begin(StoreOp::Truncate(zxid), cx.effects);
        Ok(())
    }

    fn on_snap(&mut self, zxid: Zxid, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        let (Stage::Accepted, Some(link)) = (self.stage, self.link) else { return Err("SNAP came out of turn") };
        (self.stage, self.base) = (Stage::Receiving, zxid);
        cx.effects.push(Effect::Receive { link, zxid });
        Ok(())
    }

    /// The snapshot is here.
    ///
    /// # Errors
    /// As [`Learner::on_packet`].
    pub fn on_snapshot(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        self.heard = now;
        if self.stage == Stage::Receiving {
            (self.stage, self.snapshot) = (Stage::Synchronizing, Some(self.base));
        }
        self.drain(cx)
    }

    /// A transaction to log. Between NEWLEADER and UPTODATE it waits, so that its acknowledgement comes after theirs.
    fn on_proposal(&mut self, proposal: Proposal, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        let last = match self.stage {
            Stage::Broadcast => cx.history.last(),
            Stage::Synchronizing | Stage::Synchronized => self.held.back().map_or(self.base, |held| held.zxid),
            _ => return Err("PROPOSAL came out of turn"),
        };
        // The protocol's model shows that a joining learner may see a proposal twice.
        if proposal.zxid <= last {
            return Ok(());
        }
        let unseen = self.bug(PlantedBug::ZabDiffWithGap) || self.bug(PlantedBug::ZabForgetSynchronizing);
        if !follows(last, proposal.zxid) && !unseen && !self.bug(PlantedBug::ZabTruncTooDeep) {
            return Err("a proposal is missing (ZOOKEEPER-4925)");
        }
        match self.stage {
            Stage::Broadcast => self.log(proposal, cx),
            _ => self.held.push_back(proposal),
        }
        Ok(())
    }

    /// The oldest proposal is committed.
    fn on_commit(&mut self, zxid: Zxid, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        match self.stage {
            Stage::Broadcast => match cx.history.next_undelivered() {
                Some(next) if next.zxid == zxid => {
                    deliver(cx);
                    Ok(())
                }
                _ if zxid <= cx.history.delivered() => Ok(()),
                Some(_) if self.bug(PlantedBug::ZabForgetSynchronizing) => {
                    deliver(cx);
                    Ok(())
                }
                _ => Err("COMMIT of what is not the oldest proposal"),
            },
            Stage::Synchronizing | Stage::Synchronized => match self.held.get(self.committed) {
                Some(next) if next.zxid == zxid => {
                    self.committed += 1;
                    Ok(())
                }
                _ if zxid <= self.base => Ok(()),
                _ => Err("COMMIT of what is not the oldest proposal"),
            },
            _ => Err("COMMIT came out of turn"),
        }
    }

    /// A committed transaction, for an observer.
    fn on_inform(&mut self, proposal: Proposal, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        let zxid = proposal.zxid;
        self.on_proposal(proposal, cx)?;
        self.on_commit(zxid, cx)
    }

    /// The history is complete: make it durable, then the epoch, then say so.
    fn on_new_leader(&mut self, epoch: Epoch, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        if self.stage != Stage::Synchronizing || epoch != self.epoch {
            return Err("NEWLEADER came out of turn");
        }
        self.stage = Stage::StoringHistory;
        let committed: Vec<Proposal> = self.held.drain(..core::mem::take(&mut self.committed)).collect();
        if self.bug(PlantedBug::ZabEpochBeforeHistory) {
            cx.store.begin(StoreOp::CurrentEpoch(epoch), cx.effects);
        }
        match self.snapshot.take() {
            Some(zxid) if self.bug(PlantedBug::ZabInstallWithoutTail) => {
                cx.store.install(cx.history, zxid, Vec::new(), cx.effects);
            }
            Some(zxid) => cx.store.install(cx.history, zxid, committed, cx.effects),
            None => committed.into_iter().for_each(|proposal| cx.store.append(cx.history, proposal, cx.effects)),
        }
        self.base = cx.history.last();
        if self.bug(PlantedBug::ZabServeBeforeUpToDate) {
            self.stage = Stage::Synchronized;
            self.on_up_to_date(cx)?;
        }
        if self.bug(PlantedBug::ZabAckNewLeaderEarly) || self.bug(PlantedBug::ZabForgetCurrentEpoch) {
            self.stage = Stage::Synchronized;
            self.send(ToLeader::Ack(epoch.first_zxid()), cx);
        }
        if !self.bug(PlantedBug::ZabForgetCurrentEpoch) && !self.bug(PlantedBug::ZabEpochBeforeHistory) {
            cx.store.begin(StoreOp::CurrentEpoch(epoch), cx.effects);
        }
        Ok(())
    }

    /// A quorum has the history: all of it is committed. Serve.
    fn on_up_to_date(&mut self, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        if self.stage != Stage::Synchronized {
            return Err("UPTODATE came out of turn");
        }
        self.stage = Stage::Broadcast;
        self.send(ToLeader::Ack(self.epoch.first_zxid()), cx);
        while cx.history.next_undelivered().is_some() {
            deliver(cx);
        }
        let (leader, epoch) = (self.leader, self.epoch);
        cx.effects.push(Effect::Standing(match self.kind {
            LearnerKind::Follower => Standing::Following { leader, epoch },
            LearnerKind::Observer => Standing::Observing { leader, epoch },
        }));
        for proposal in core::mem::take(&mut self.held) {
            self.log(proposal, cx);
        }
        for _ in 0..core::mem::take(&mut self.committed) {
            deliver(cx);
        }
        Ok(())
    }

    fn log(&self, proposal: Proposal, cx: &mut Context<'_>) {
        let zxid = proposal.zxid;
        cx.store.append(cx.history, proposal, cx.effects);
        if self.bug(PlantedBug::ZabFollowerAcksBeforeSync) {
            self.send(ToLeader::Ack(zxid), cx);
        }
    }

    fn bug(&self, bug: PlantedBug) -> bool {
        self.config.bug.is(bug)
    }

    /// Something is durable.
    ///
    /// # Errors
    /// As [`Learner::on_packet`].
    pub fn on_durable(&mut self, durable: Durable, cx: &mut Context<'_>) -> Result<(), GiveUp> {
        match (durable, self.stage) {
            (Durable::Accepted(epoch), Stage::StoringAccepted) if epoch == self.epoch => {
                let current = cx.history.current();
                self.ack_epoch(Some(current), cx)?;
            }
            (Durable::Truncated(_), Stage::Truncating) => self.stage = Stage::Synchronizing,
            (Durable::Current(epoch), Stage::StoringHistory) if epoch == self.epoch => {
                self.stage = Stage::Synchronized;
                self.send(ToLeader::Ack(epoch.first_zxid()), cx);
            }
            (Durable::Logged(zxid), Stage::Broadcast) if self.kind == LearnerKind::Follower => {
                self.send(ToLeader::Ack(zxid), cx);
                if self.bug(PlantedBug::ZabDeliverOnLog) {
                    deliver(cx);
                }
            }
            _ => {}
        }
        self.drain(cx)
    }

    /// Sends to the leader.
    pub fn send(&self, packet: ToLeader, cx: &mut Context<'_>) {
        if let Some(link) = self.link {
            cx.effects.push(Effect::ToLeader { link, packet });
        }
    }
}

/// Whether nothing is missing between two transactions: the counter goes up by one, or begins anew in a later epoch.
fn follows(last: Zxid, next: Zxid) -> bool {
    next == last.next() || (next.epoch() > last.epoch() && next.counter() == 1)
}

fn deliver(cx: &mut Context<'_>) {
    if let Some(proposal) = cx.history.deliver() {
        cx.effects.push(Effect::Deliver(proposal));
    }
}
