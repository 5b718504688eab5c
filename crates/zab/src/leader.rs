//! The leader: a new epoch that a quorum promises to follow, its history at a quorum, then broadcast (ZAB paper, section
//! V; upstream: `Leader`, `LearnerHandler`).
//!
//! 1. *Discovery.* A quorum says the highest epochs it accepted; the next higher one is proposed, and a quorum accepts
//!    it. Nobody of that quorum follows an older leader from then on, and none of them may have a later history.
//! 2. *Synchronisation.* Each learner gets this history, then NEWLEADER. When a quorum has it durable, all of it is
//!    committed, and this is the only leader of the epoch.
//! 3. *Broadcast.* Proposals in order, commits in order.
//!
//! One function per packet; each begins with the reasons to ignore it.

mod confirm;
mod handover;

use std::collections::{BTreeMap, BTreeSet};

use base::Instant;
use base::planted::PlantedBug;
use zk_wire::{Epoch, Zxid};

use crate::broadcast::{Ack, Broadcast, Proposal, Synced};
use crate::config::Config;
use crate::configs::Configs;
use crate::event::{CloseReason, Effect, Link, Standing, StoreOp};
use crate::history::History;
use crate::packet::{LearnerKind, ToLeader, ToLearner};
use crate::quorum::{QuorumVerifier, Sid};
use crate::store::{Durable, Store};
use crate::sync::{self, Source, SyncKind, SyncPlan, plan, plan_from_log};

pub use self::handover::HandoverRefused;

use self::confirm::{Confirmations, Pings};
use self::handover::Handover;

/// How far the leader's reign has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Waits for a quorum's accepted epochs.
    Discovery,
    /// The own promise goes to the disk.
    StoringAccepted,
    /// Waits for a quorum to accept the epoch.
    EpochProposed,
    /// The own current epoch goes to the disk.
    StoringCurrent,
    /// Waits for a quorum to have the history.
    Synchronization,
    /// Serves.
    Broadcast,
}

/// How far a learner has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Dialled.
    Connected,
    /// Said who it is; waits for the epoch, or for the leader to have one.
    Known,
    /// Accepted the epoch; waits for the leader's history to be settled.
    Accepted,
    /// Lacks so much that the log on the disk is looked into.
    Searching,
    /// Was sent the history and NEWLEADER; gets every proposal from here on.
    Synchronizing,
    /// Has the history durable.
    Synchronized,
    /// Serves.
    UpToDate,
}

/// A learner, as its leader sees it (upstream: `LearnerHandler`).
#[derive(Debug)]
struct Handler {
    sid: Sid,
    kind: LearnerKind,
    stage: Stage,
    /// The last transaction in its log when it accepted the epoch.
    last: Zxid,
    /// Where the history that it was sent ends.
    sent: Zxid,
    /// Up to where its log is durable, as it says.
    acked: Zxid,
    pings: Pings,
    /// How it is, or was, synchronised.
    sync: Option<SyncKind>,
    connected: Instant,
    heard: Instant,
}

/// A learner, for looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnerView {
    /// Which.
    pub sid: Sid,
    /// Whether it votes.
    pub kind: LearnerKind,
    /// Its connection.
    pub link: Link,
    /// Whether it has the leader's history durable.
    pub synced: bool,
    /// Whether it serves.
    pub serves: bool,
    /// The last transaction in its log when it joined.
    pub joined_at: Zxid,
    /// When something last came from it.
    pub heard: Instant,
}

impl LearnerView {
    /// In order of their ids.
    pub(crate) fn sorted(views: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut views: Vec<Self> = views.collect();
        views.sort_by_key(|view| view.sid);
        views
    }
}

/// The role.
#[derive(Debug)]
pub struct Leader {
    config: Config,
    phase: Phase,
    epoch: Epoch,
    /// Accepted epochs that voters said.
    accepted: BTreeMap<Sid, Epoch>,
    epoch_acks: BTreeSet<Sid>,
    new_leader_acks: BTreeSet<Sid>,
    handlers: BTreeMap<Link, Handler>,
    broadcast: Option<Broadcast>,
    phase_until: Instant,
    ping_at: Instant,
    quorum_check_at: Instant,
    /// A reconfig is committed under which another server leads: it is this one, and this server commits nothing more.
    successor: Option<Sid>,
    /// When the reign ends for that; the learners go first, so that they have the commit before.
    retires_at: Option<Instant>,
    handover: Option<Box<Handover>>,
    confirmations: Confirmations,
}

/// What the role works with.
pub struct Context<'a> {
    /// The log.
    pub history: &'a mut History,
    /// Operations on the disk.
    pub store: &'a mut Store,
    /// Who decides.
    pub configs: &'a Configs,
    /// What is to be done.
    pub effects: &'a mut Vec<Effect>,
}

/// Why a reign ends.
pub type StepDown = &'static str;

impl Leader {
    /// Elected, and waiting for a quorum. A server alone goes on at once.
    pub fn new(now: Instant, config: &Config, cx: &mut Context<'_>) -> Self {
        let mut leader = Self {
            config: config.clone(),
            phase: Phase::Discovery,
            epoch: Epoch(0),
            accepted: BTreeMap::from([(config.sid, cx.history.accepted())]),
            epoch_acks: BTreeSet::new(),
            new_leader_acks: BTreeSet::new(),
            handlers: BTreeMap::new(),
            broadcast: None,
            phase_until: now + config.init_time(),
            ping_at: now + config.tick / 2,
            quorum_check_at: now + config.tick,
            successor: None,
            retires_at: None,
            handover: None,
            confirmations: Confirmations::default(),
        };
        leader.propose_epoch(cx);
        leader
    }

    /// The epoch of an established leader.
    pub fn established(&self) -> Option<Epoch> {
        (self.phase == Phase::Broadcast).then_some(self.epoch)
    }

    /// The zxid of the next proposal, while this leader may propose. An epoch has 2^32 - 1 of them.
    pub fn next_zxid(&self) -> Option<Zxid> {
        let last = self.broadcast.as_ref()?.last_proposed();
        if self.is_retired() {
            return None;
        }
        (last.counter() < u32::MAX && self.handover.is_none()).then(|| last.next())
    }

    /// Transactions proposed and not committed.
    pub fn outstanding(&self) -> usize {
        self.broadcast.as_ref().map_or(0, Broadcast::outstanding)
    }

    /// When [`Leader::on_tick`] is wanted.
    pub fn deadline(&self) -> Instant {
        let phase = if self.phase == Phase::Broadcast { self.quorum_check_at } else { self.phase_until };
        let handover = self.handover.as_ref().map_or(Instant::FAR_FUTURE, |handover| handover.deadline());
        phase.min(self.ping_at).min(self.retires_at.unwrap_or(Instant::FAR_FUTURE)).min(handover)
    }

    /// Another configuration counts, and this server goes on.
    pub fn set_verifier(&mut self, verifier: &QuorumVerifier) {
        if let Some(broadcast) = &mut self.broadcast {
            broadcast.set_verifier(verifier.clone());
        }
    }

    /// Another configuration counts, in which this server does not vote: the reign ends when the learners are gone, at
    /// the latest then.
    pub fn retire(&mut self, at: Instant) {
        self.retires_at.get_or_insert(at);
    }

    /// Who was named to lead instead.
    pub fn successor(&self) -> Option<Sid> {
        self.successor
    }

    fn is_retired(&self) -> bool {
        self.successor.is_some() || self.retires_at.is_some()
    }

    /// The reign ended by a reconfig, and the learners know.
    ///
    /// # Errors
    /// Just this.
    pub fn leave(&self, now: Instant) -> Result<(), StepDown> {
        match self.retires_at {
            Some(at) if at <= now || self.handlers.is_empty() => Err("the new configuration has another leader"),
            _ => Ok(()),
        }
    }

    /// A learner dialled.
    pub fn on_connected(&mut self, now: Instant, link: Link) {
        let handler = Handler {
            sid: 0,
            kind: LearnerKind::Observer,
            stage: Stage::Connected,
            last: Zxid::ZERO,
            sent: Zxid::ZERO,
            acked: Zxid::ZERO,
            pings: Pings::default(),
            sync: None,
            connected: now,
            heard: now,
        };
        self.handlers.insert(link, handler);
    }

    /// A learner's connection ended.
    pub fn on_closed(&mut self, link: Link) {
        if let Some(handler) = self.handlers.remove(&link)
            && let Some(broadcast) = &mut self.broadcast
            && !self.config.bug.is(PlantedBug::ZabKeepAcks)
        {
            broadcast.forget(handler.sid);
        }
    }

    /// Those who have said who they are, in order of their ids.
    pub fn learners(&self) -> Vec<LearnerView> {
        let known = self.handlers.iter().filter(|(_, handler)| handler.stage > Stage::Connected);
        let view = |(link, handler): (&Link, &Handler)| LearnerView {
            sid: handler.sid,
            kind: handler.kind,
            link: *link,
            synced: handler.stage >= Stage::Synchronized,
            serves: handler.stage == Stage::UpToDate,
            joined_at: handler.last,
            heard: handler.heard,
        };
        LearnerView::sorted(known.map(view))
    }

    /// Whether a quorum of this configuration is here and has the history: then a reconfig to it can be committed.
    pub fn has_quorum(&self, verifier: &QuorumVerifier) -> bool {
        let here: BTreeSet<Sid> = self.followers_at(Stage::Synchronized).chain([self.config.sid]).collect();
        verifier.is_quorum(|sid| here.contains(&sid))
    }

    /// All connections, for closing.
    pub fn links(&self) -> Vec<Link> {
        self.handlers.keys().copied().collect()
    }

    /// The connection of a learner that serves.
    pub fn link_of(&self, sid: Sid) -> Option<Link> {
        let serves = |handler: &Handler| handler.sid == sid && handler.stage == Stage::UpToDate;
        self.handlers.iter().find(|(_, handler)| serves(handler)).map(|(link, _)| *link)
    }

    /// A packet of a learner.
    ///
    /// # Errors
    /// The reign ends.
    pub fn on_packet(
        &mut self,
        now: Instant,
        link: Link,
        packet: ToLeader,
        cx: &mut Context<'_>,
    ) -> Result<(), StepDown> {
        let Some(handler) = self.handlers.get_mut(&link) else { return Ok(()) };
        handler.heard = now;
        match packet {
            ToLeader::Info { kind, sid, accepted, config_version } => {
                return self.on_info(link, (kind, sid), accepted, config_version, cx);
            }
            ToLeader::AckEpoch { last, current } => return self.on_ack_epoch(link, last, current, cx),
            ToLeader::Ack(zxid) if zxid.counter() == 0 => self.on_ack_new_leader(link, zxid, cx),
            ToLeader::Ack(zxid) => self.on_ack(link, zxid, cx),
            ToLeader::Ping(sessions) => {
                handler.pings.answered();
                cx.effects.push(Effect::Touched { sid: handler.sid, sessions });
            }
            ToLeader::Service(packet) if handler.stage == Stage::UpToDate => {
                cx.effects.push(Effect::FromLearner { sid: handler.sid, packet });
            }
            ToLeader::Service(_) => {}
        }
        Ok(())
    }

    /// A learner says who it is.
    fn on_info(
        &mut self,
        link: Link,
        (kind, sid): (LearnerKind, Sid),
        accepted: Epoch,
        config_version: i64,
        cx: &mut Context<'_>,
    ) -> Result<(), StepDown> {
        if self.handlers[&link].stage != Stage::Connected {
            self.close(link, CloseReason::Unexpected("a second introduction"), cx);
            return Ok(());
        }
        if sid == self.config.sid {
            self.close(link, CloseReason::Unexpected("this server's own id"), cx);
            return Ok(());
        }
        // A voter that promised itself to a later epoch, whose leader found no quorum, can never join this one (with
        // upstream it stays outside until somebody restarts the leader). A new election takes it back in.
        let votes = kind == LearnerKind::Follower && cx.configs.verifier().weight(sid) > 0;
        if votes && self.phase > Phase::Discovery && accepted > self.epoch {
            return Err("a voter has accepted a later epoch");
        }
        // A reconfig was committed that this server does not have: it leads nobody who knows. Looking anew it hears of it.
        if config_version > cx.configs.current().version {
            if votes && self.phase < Phase::Broadcast && cx.configs.changes() {
                return Err("a voter has a later configuration");
            }
            self.close(link, CloseReason::Unexpected("a later configuration than this leader's"), cx);
            return Ok(());
        }
        let older = self
            .handlers
            .iter()
            .find(|(other, handler)| **other != link && handler.sid == sid && handler.stage > Stage::Connected);
        if let Some(older) = older.map(|(link, _)| *link) {
            self.close(older, CloseReason::Replaced, cx);
        }
        let handler = self.handlers.get_mut(&link).expect("looked up above");
        (handler.sid, handler.kind, handler.stage) = (sid, kind, Stage::Known);
        if kind == LearnerKind::Follower {
            self.accepted.insert(sid, accepted);
        }
        match self.phase {
            Phase::Discovery => self.propose_epoch(cx),
            Phase::StoringAccepted => {}
            _ => self.send_epoch(link, cx),
        }
        Ok(())
    }

    /// With a quorum's accepted epochs the new one is one more than any of them.
    fn propose_epoch(&mut self, cx: &mut Context<'_>) {
        if !cx.configs.verifier().is_quorum(|sid| self.accepted.contains_key(&sid)) {
            return;
        }
        let highest = self.accepted.values().copied().max().unwrap_or_default().max(cx.history.accepted());
        let next = if self.config.bug.is(PlantedBug::ZabReuseEpoch) { highest.0.max(1) } else { highest.0 + 1 };
        self.epoch = Epoch(next);
        self.phase = Phase::StoringAccepted;
        cx.store.begin(StoreOp::AcceptedEpoch(self.epoch), cx.effects);
    }

    fn send_epoch(&self, link: Link, cx: &mut Context<'_>) {
        cx.effects.push(Effect::ToLearner { link, packet: ToLearner::LeaderInfo(self.epoch) });
    }

    /// A learner accepts the epoch, and says what it has.
    fn on_ack_epoch(
        &mut self,
        link: Link,
        last: Zxid,
        current: Option<Epoch>,
        cx: &mut Context<'_>,
    ) -> Result<(), StepDown> {
        let handler = self.handlers.get_mut(&link).expect("looked up by the caller");
        if handler.stage != Stage::Known || self.phase < Phase::EpochProposed {
            self.close(link, CloseReason::Unexpected("an accepted epoch that nobody proposed"), cx);
            return Ok(());
        }
        (handler.stage, handler.last) = (Stage::Accepted, last);
        let (sid, kind) = (handler.sid, handler.kind);
        if self.phase == Phase::EpochProposed
            && kind == LearnerKind::Follower
            && let Some(current) = current
        {
            let planted = self.config.bug.is(PlantedBug::ZabIgnoreLaterHistory);
            if (current, last) > (cx.history.current(), cx.history.last()) && !planted {
                return Err("a follower has a later history");
            }
            self.epoch_acks.insert(sid);
            self.settle_epoch(cx);
        }
        if self.phase >= Phase::Synchronization {
            self.synchronize(link, cx);
        }
        Ok(())
    }

    /// With a quorum's promises this server's history is that of the new epoch.
    fn settle_epoch(&mut self, cx: &mut Context<'_>) {
        if self.phase == Phase::EpochProposed && cx.configs.verifier().is_quorum(|sid| self.epoch_acks.contains(&sid)) {
            self.phase = Phase::StoringCurrent;
            cx.store.begin(StoreOp::CurrentEpoch(self.epoch), cx.effects);
        }
    }

    /// Sends a learner what it lacks, then NEWLEADER; from here on it gets every proposal and commit.
    fn synchronize(&mut self, link: Link, cx: &mut Context<'_>) {
        let until = self.sync_until(cx);
        let handler = self.handlers.get_mut(&link).expect("looked up by the caller");
        let peer = handler.last;
        let plan = if self.config.force_snapshot_sync { SyncPlan::Snap } else { plan(cx.history, peer, until) };
        match plan {
            SyncPlan::Search if self.config.log_sync => {
                handler.stage = Stage::Searching;
                cx.effects.push(Effect::FindInLog { link, peer, until });
            }
            SyncPlan::Search => self.send_history(link, SyncPlan::Snap, Source::Window, cx),
            plan => self.send_history(link, plan, Source::Window, cx),
        }
    }

    /// What the log on the disk has of what a learner lacks.
    pub fn on_found_in_log(&mut self, link: Link, common: Option<Zxid>, cx: &mut Context<'_>) {
        let Some(handler) = self.handlers.get(&link).filter(|handler| handler.stage == Stage::Searching) else {
            return;
        };
        // What came meanwhile is in the log, too, behind what was found.
        let plan = plan_from_log(common, handler.last, self.sync_until(cx));
        self.send_history(link, plan, Source::Log, cx);
    }

    /// Before this leader is established all of its history is what a quorum will have; afterwards what is committed.
    fn sync_until(&self, cx: &Context<'_>) -> Zxid {
        match &self.broadcast {
            Some(_) => cx.history.delivered(),
            None if self.config.bug.is(PlantedBug::ZabSyncOnlyDelivered) => cx.history.delivered(),
            None => cx.history.last(),
        }
    }

    fn send_history(&mut self, link: Link, plan: SyncPlan, source: Source, cx: &mut Context<'_>) {
        let (sync, kind) = (plan.kind(), self.handlers[&link].kind);
        if kind == LearnerKind::Observer && self.syncing(sync) >= sync.max(&self.config) {
            return self.close(link, CloseReason::TooManySyncs, cx);
        }
        let until = self.sync_until(cx);
        let handler = self.handlers.get_mut(&link).expect("looked up above");
        (handler.stage, handler.sync, handler.sent) = (Stage::Synchronizing, Some(sync), until);
        sync::send(cx.history, link, (plan, source), until, &self.config, cx.effects);
        let to = |packet| Effect::ToLearner { link, packet };
        if let Some(broadcast) = &self.broadcast
            && kind == LearnerKind::Follower
        {
            let outstanding = broadcast.outstanding_proposals().cloned();
            cx.effects.extend(outstanding.map(|proposal| to(ToLearner::Proposal(proposal))));
        }
        let established = self.broadcast.is_some();
        let announced = cx.configs.to_announce(cx.history, self.epoch.first_zxid(), established);
        cx.effects.push(to(ToLearner::NewLeader(self.epoch, announced.text)));
    }

    /// Learners that are being sent something of a kind, and have not acknowledged it. Those that vote are never kept
    /// waiting for others.
    fn syncing(&self, sync: SyncKind) -> usize {
        let same = |handler: &&Handler| handler.stage == Stage::Synchronizing && handler.sync == Some(sync);
        self.handlers.values().filter(same).count()
    }

    /// A learner has the history durable.
    fn on_ack_new_leader(&mut self, link: Link, zxid: Zxid, cx: &mut Context<'_>) {
        let handler = self.handlers.get_mut(&link).expect("looked up by the caller");
        // Upstream's learners say it once more when they begin to serve.
        if handler.stage > Stage::Synchronizing {
            handler.pings.begin();
            return;
        }
        if handler.stage < Stage::Synchronizing || zxid != self.epoch.first_zxid() {
            return self.close(link, CloseReason::Unexpected("an acknowledged history that nobody sent"), cx);
        }
        (handler.stage, handler.acked) = (Stage::Synchronized, handler.sent.max(zxid));
        if handler.kind == LearnerKind::Follower {
            let sid = handler.sid;
            self.new_leader_acks.insert(sid);
        }
        match self.phase {
            Phase::Broadcast => self.up_to_date(link, cx),
            _ => self.establish(cx),
        }
    }

    /// With the history at a quorum it is committed, and this server leads.
    fn establish(&mut self, cx: &mut Context<'_>) {
        let planted = self.config.bug.is(PlantedBug::ZabServeWithoutNewLeaderAcks);
        let acknowledged = cx.configs.verifier().is_quorum(|sid| self.new_leader_acks.contains(&sid));
        if self.phase != Phase::Synchronization || !(acknowledged || planted) {
            return;
        }
        self.phase = Phase::Broadcast;
        let broadcast =
            Broadcast::new(cx.configs.verifier().clone(), self.epoch.first_zxid()).with_bug(self.config.bug);
        self.broadcast = Some(broadcast);
        while let Some(proposal) = cx.history.deliver() {
            cx.effects.push(Effect::Deliver(proposal));
        }
        cx.effects.push(Effect::Standing(Standing::Leading(self.epoch)));
        let ready: Vec<Link> = self.links_at(Stage::Synchronized).collect();
        ready.into_iter().for_each(|link| self.up_to_date(link, cx));
    }

    fn up_to_date(&mut self, link: Link, cx: &mut Context<'_>) {
        let handler = self.handlers.get_mut(&link).expect("a learner that is there");
        handler.stage = Stage::UpToDate;
        handler.pings.restart();
        cx.effects.push(Effect::ToLearner { link, packet: ToLearner::UpToDate });
    }

    /// A follower has a proposal durable.
    fn on_ack(&mut self, link: Link, zxid: Zxid, cx: &mut Context<'_>) {
        let handler = self.handlers.get_mut(&link).expect("looked up by the caller");
        // Before its history is durable an acknowledgement says nothing (ZOOKEEPER-4685); observers have no say.
        if handler.stage < Stage::Synchronized || handler.kind != LearnerKind::Follower {
            return;
        }
        let sid = handler.sid;
        let Some(broadcast) = &mut self.broadcast else { return };
        if self.handover.as_ref().is_some_and(|handover| handover.is_acknowledged_by(sid, zxid)) {
            handler.acked = zxid;
            return;
        }
        if zxid > broadcast.last_proposed() {
            return self.close(link, CloseReason::Unexpected("an acknowledgement of what was not proposed"), cx);
        }
        handler.acked = zxid.max(handler.acked);
        broadcast.on_ack(Ack::of_follower(sid, zxid));
        self.commit(cx);
    }

    /// Something of this server's own is durable.
    pub fn on_durable(&mut self, durable: Durable, cx: &mut Context<'_>) {
        match durable {
            Durable::Accepted(epoch) if epoch == self.epoch => {
                self.phase = Phase::EpochProposed;
                let known: Vec<Link> = self.links_at(Stage::Known).collect();
                known.into_iter().for_each(|link| self.send_epoch(link, cx));
                self.epoch_acks.insert(self.config.sid);
                self.settle_epoch(cx);
            }
            Durable::Current(epoch) if epoch == self.epoch => {
                self.phase = Phase::Synchronization;
                let accepted: Vec<Link> = self.links_at(Stage::Accepted).collect();
                accepted.into_iter().for_each(|link| self.synchronize(link, cx));
                self.new_leader_acks.insert(self.config.sid);
                self.establish(cx);
            }
            Durable::Logged(zxid) => {
                if let Some(broadcast) = &mut self.broadcast {
                    broadcast.on_ack(Ack::own(self.config.sid, Synced::up_to(zxid)));
                    self.commit(cx);
                }
            }
            _ => {}
        }
    }

    /// Proposes a transaction of the service. Its zxid is [`Leader::next_zxid`].
    pub fn propose(&mut self, proposal: Proposal, cx: &mut Context<'_>) {
        let broadcast = self.broadcast.as_mut().expect("only an established leader proposes");
        broadcast.propose(proposal.clone());
        if self.config.bug.is(PlantedBug::ZabLeaderAcksBeforeSync) {
            broadcast.on_ack(Ack::own(self.config.sid, Synced::up_to(proposal.zxid)));
        }
        cx.store.append(cx.history, proposal.clone(), cx.effects);
        let from = match self.config.bug.is(PlantedBug::ZabForgetSynchronizing) {
            true => Stage::Synchronized,
            false => Stage::Synchronizing,
        };
        for (link, handler) in &self.handlers {
            if handler.stage >= from && handler.kind == LearnerKind::Follower {
                let packet = ToLearner::Proposal(proposal.clone());
                cx.effects.push(Effect::ToLearner { link: *link, packet });
            }
        }
    }

    /// Commits what a quorum has, in order.
    fn commit(&mut self, cx: &mut Context<'_>) {
        let Some(broadcast) = &mut self.broadcast else { return };
        while self.successor.is_none()
            && let Some(proposal) = broadcast.next_committed()
        {
            let delivered = cx.history.deliver().expect("what is committed is logged");
            assert_eq!(delivered.zxid, proposal.zxid, "the log and the proposals have one order");
            let designated = proposal.config.as_ref().map(|config| match config.verifier.weight(self.config.sid) {
                0 => broadcast.most_advanced(&config.verifier).unwrap_or(self.config.sid),
                _ => self.config.sid,
            });
            self.successor = designated.filter(|leader| *leader != self.config.sid);
            for (link, handler) in &self.handlers {
                if handler.stage >= Stage::Synchronizing {
                    let packet = match (handler.kind, designated) {
                        (LearnerKind::Follower, None) => ToLearner::Commit(proposal.zxid),
                        (LearnerKind::Observer, None) => ToLearner::Inform(proposal.clone()),
                        (LearnerKind::Follower, Some(leader)) => {
                            ToLearner::CommitAndActivate { zxid: proposal.zxid, leader }
                        }
                        (LearnerKind::Observer, Some(leader)) => {
                            ToLearner::InformAndActivate { proposal: proposal.clone(), leader }
                        }
                    };
                    cx.effects.push(Effect::ToLearner { link: *link, packet });
                }
            }
            cx.effects.push(Effect::Deliver(delivered));
        }
    }

    /// Time passed.
    ///
    /// # Errors
    /// The reign ends: no quorum was found in time, or it is gone.
    pub fn on_tick(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), StepDown> {
        if self.phase != Phase::Broadcast && self.phase_until <= now {
            return Err("no quorum of followers came in time");
        }
        if self.ping_at <= now {
            self.ping_at = now + self.config.tick / 2;
            let last = self.broadcast.as_ref().map_or(Zxid::ZERO, Broadcast::last_proposed);
            for (link, handler) in self.handlers.iter_mut().filter(|(_, handler)| handler.stage >= Stage::Synchronizing)
            {
                handler.pings.sent();
                cx.effects.push(Effect::ToLearner { link: *link, packet: ToLearner::Ping(last) });
            }
        }
        self.drop_silent(now, cx);
        self.leave(now)?;
        if self.phase == Phase::Broadcast && self.quorum_check_at <= now {
            self.quorum_check_at = now + self.config.tick;
            if self.broadcast.as_ref().is_some_and(|broadcast| broadcast.last_proposed().counter() == u32::MAX) {
                return Err("the epoch has no more transaction ids");
            }
            if !self.has_quorum(cx.configs.verifier()) {
                return Err("the quorum of followers is gone");
            }
        }
        Ok(())
    }

    fn drop_silent(&mut self, now: Instant, cx: &mut Context<'_>) {
        let (sync, init) = (self.config.sync_time(), self.config.init_time());
        let silent = |handler: &Handler| match handler.stage {
            Stage::UpToDate => handler.heard + sync <= now,
            // Synchronising may take long; the learner says nothing meanwhile.
            _ => handler.heard.max(handler.connected) + init <= now,
        };
        let gone = self.handlers.iter().filter(|(_, handler)| silent(handler)).map(|(link, _)| *link);
        for link in gone.collect::<Vec<_>>() {
            self.close(link, CloseReason::Silent, cx);
        }
    }

    fn close(&mut self, link: Link, reason: CloseReason, cx: &mut Context<'_>) {
        self.on_closed(link);
        cx.effects.push(Effect::Close { link, reason });
    }

    fn links_at(&self, stage: Stage) -> impl Iterator<Item = Link> {
        self.handlers.iter().filter(move |(_, handler)| handler.stage == stage).map(|(link, _)| *link)
    }

    fn followers_at(&self, stage: Stage) -> impl Iterator<Item = Sid> {
        let follows = move |handler: &&Handler| handler.stage >= stage && handler.kind == LearnerKind::Follower;
        self.handlers.values().filter(follows).map(|handler| handler.sid)
    }
}
