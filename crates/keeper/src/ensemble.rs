//! A member of an ensemble: its [`zab::Peer`], and how the service goes with the peer's place.
//!
//! | place | clients | writes | sessions end |
//! |---|---|---|---|
//! | no leader | every connection ends, none is taken | none | no |
//! | leads | are served | are checked here, proposed, committed by a quorum | here |
//! | follows, observes | are served | are asked of the leader ([`crate::forward`]) | at the leader |
//!
//! What the peer delivers is committed, and is applied in every place. What it does not deliver has no effect here, so
//! nothing is ever undone, except that the state is loaded anew behind a truncation ([`Keeper::adopt`]).

use core::mem;
use std::collections::{BTreeMap, VecDeque};

use base::planted::PlantedBug;
use base::{Now, Str};
use bytes::Bytes;
use zab::event::CloseReason as LinkClose;
use zab::packet::ToLearner;
use zab::{Broadcast, Link, Peer, Proposal, QuorumConfig, QuorumVerifier, ReadConfig, Sid, Standing, StoreOp};
use zk_wire::txn::{DIGEST_VERSION, Transaction, TxnBody};
use zk_wire::{Epoch, OpCode, QuorumPacket, SessionId, Zxid};

use crate::commit::Pending;
use crate::connection::{Connection, Forwarded, Waiting};
use crate::event::{CloseReason, ConnId, Effect};
use crate::fanout::Fanouts;
use crate::handover::Handover;
use crate::learners::Awaited;
use crate::membership::Membership;
use crate::path;
use crate::read_index::ReadIndex;
use crate::read_only::ReadOnly;
use crate::reconfig::quorum_config;
use crate::server::Keeper;

/// Who puts writes in order.
#[derive(Debug)]
pub(crate) enum Order {
    /// This server, alone.
    Alone(Broadcast),
    /// The leader of an ensemble.
    Member(Box<Member>),
}

impl Order {
    /// The zxid of the next transaction, if this server may make it.
    pub fn next_zxid(&self) -> Option<Zxid> {
        match self {
            Self::Alone(broadcast) => Some(broadcast.last_proposed().next()),
            Self::Member(member) => member.peer.next_zxid().filter(|_| member.leads_service()),
        }
    }
}

/// What makes a keeper a member.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The protocol's settings, with this server's id.
    pub config: zab::Config,
    /// Who votes.
    pub verifier: QuorumVerifier,
    /// The ensemble's configuration as text, which is what `/zookeeper/config` holds.
    pub config_text: Str,
    /// A later one that may be committed, beside what the log has: a server that got its leader's snapshot may not have it
    /// there (upstream: `zoo.cfg.dynamic.next`).
    pub next_text: Option<Str>,
    /// `acceptedEpoch`.
    pub accepted: Epoch,
    /// `currentEpoch`.
    pub current: Epoch,
}

/// For whom a learner asked its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A client of this server.
    Here(ConnId),
    /// An observer that this follower serves.
    Observer(Caller),
    /// Reads of clients of this server ([`crate::read_index`]).
    Reads,
}

/// A learner whose service asked something, and its connection: the answer goes over that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Which.
    pub sid: Sid,
    /// Over which connection.
    pub link: Link,
}

/// A member's part in its ensemble.
#[derive(Debug)]
pub struct Member {
    pub(crate) peer: Peer,
    standing: Standing,
    pub(crate) read_only: ReadOnly,
    /// What the rim was told last.
    leads: bool,
    config_text: Str,
    /// Delivered and not applied: behind a transaction that takes longer.
    committed: VecDeque<Proposal>,
    /// Transactions of the leader that were understood when they came, until they are delivered; in their order.
    arrived: VecDeque<Transaction>,
    /// The last transaction that was delivered.
    delivered: Zxid,
    /// The configuration that the next proposal carries.
    pub(crate) proposing: Option<QuorumConfig>,
    /// Writes and syncs of clients here that are at the leader.
    pub(crate) forwarded: usize,
    /// Who waits for a session that the leader was asked to make.
    pub(crate) connecting: BTreeMap<SessionId, ConnId>,
    /// Whose syncs the leader was asked for, in order.
    pub(crate) syncs: VecDeque<Asker>,
    /// Sessions that the leader was asked about, in order: who waits, and the timeout.
    pub(crate) asked: VecDeque<(SessionId, Asker, i32)>,
    /// Sessions whose connection ended since the leader was last told of those that were heard of, and those that
    /// observers of this follower have heard of.
    pub(crate) heard_and_gone: BTreeMap<SessionId, i32>,
    /// When the leader was last told, in milliseconds of the monotonic clock.
    pub(crate) told_ms: u64,
    /// Learners that wait for a transaction to be committed.
    pub(crate) learner_waits: BTreeMap<Zxid, Vec<(Caller, Awaited)>>,
    /// Who waits for the leader's word.
    pub(crate) reads: ReadIndex,
    /// Leadership on its way to somebody else.
    pub(crate) handover: Option<Handover>,
}

impl Member {
    /// Its place.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The protocol's machine, for looking at.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    fn leads_service(&self) -> bool {
        matches!(self.standing, Standing::Leading(_))
    }

    /// A connection is gone: what it waits for goes its way without it.
    pub(crate) fn forget(&mut self, connection: &Connection) {
        let at_leader = |waiting: &&Waiting| matches!(waiting, Waiting::Forwarded(_) | Waiting::ForwardedSync { .. });
        self.forwarded -= connection.waiting.iter().filter(at_leader).count();
        if let Some(session) = connection.session
            && connection.heard.since(self.told_ms)
        {
            self.heard_and_gone.insert(session, connection.timeout_ms);
        }
    }

    /// Nothing that was asked of a leader is answered any more.
    fn lose_leader(&mut self) {
        self.arrived.clear();
        self.connecting.clear();
        self.syncs.clear();
        self.asked.clear();
        self.heard_and_gone.clear();
        self.learner_waits.clear();
        self.reads = ReadIndex::default();
        self.forwarded = 0;
    }

    /// The transaction in a delivered proposal: as it was read when it came, or from its bytes when this server logged
    /// it in an earlier life or an earlier reign.
    fn transaction(&mut self, proposal: &Proposal) -> Transaction {
        while let Some(front) = self.arrived.front().filter(|front| front.header.zxid <= proposal.zxid) {
            let zxid = front.header.zxid;
            let transaction = self.arrived.pop_front().expect("looked at above");
            if zxid == proposal.zxid {
                return transaction;
            }
        }
        Transaction::from_bytes(proposal.bytes.clone()).expect("what was logged was understood before")
    }
}

impl Keeper {
    /// The same keeper as a member of an ensemble. It serves nobody before it has a leader; the first tick, which is due
    /// at once, begins to look for one.
    #[must_use]
    pub fn join(mut self, seat: Seat) -> Self {
        let Seat { config, verifier, config_text, next_text, accepted, current } = seat;
        let window = mem::take(&mut self.window);
        let recovered = zab::Recovered { accepted, current, last: self.last_processed, window };
        let read_only = ReadOnly::new(self.config.read_only_enabled, config.tick);
        let membership = Membership::parse(&config_text).unwrap_or_default();
        let current_config = QuorumConfig {
            version: membership.version,
            verifier,
            observers: membership.members.keys().filter(|sid| !membership.votes(**sid)).copied().collect(),
            text: config_text.clone(),
        };
        // A reconfig in the log, committed or not.
        let logged = self.tree.get(path::CONFIG).and_then(|node| node.data.clone());
        let logged = logged.and_then(|text| quorum_config(core::str::from_utf8(&text).ok()?));
        let kept = next_text.and_then(|text| quorum_config(&text));
        let seen = logged.into_iter().chain(kept).max_by_key(|config| config.version);
        let seen = seen.filter(|_| self.config.reconfig_enabled);
        self.tree.set_config(&config_text, !self.config.reconfig_enabled);
        self.ending.clear();
        let read_config = self.config.reconfig_enabled.then_some(quorum_config as ReadConfig);
        let config = zab::Config { read_config, ..config };
        self.order = Order::Member(Box::new(Member {
            peer: Peer::new(config, current_config, seen, recovered),
            standing: Standing::Looking,
            read_only,
            leads: false,
            config_text,
            committed: VecDeque::new(),
            arrived: VecDeque::new(),
            delivered: self.last_processed,
            proposing: None,
            forwarded: 0,
            connecting: BTreeMap::new(),
            syncs: VecDeque::new(),
            asked: VecDeque::new(),
            heard_and_gone: BTreeMap::new(),
            told_ms: 0,
            learner_waits: BTreeMap::new(),
            reads: ReadIndex::default(),
            handover: None,
        }));
        self
    }

    /// This server's part in its ensemble; `None` for one that stands alone.
    pub fn ensemble(&self) -> Option<&Member> {
        match &self.order {
            Order::Alone(_) => None,
            Order::Member(member) => Some(member),
        }
    }

    /// Whether clients are served.
    pub fn serves(&self) -> bool {
        self.ensemble().is_none_or(|member| member.standing != Standing::Looking)
    }

    /// Whether clients are taken: with `leaderServes=no` not by a leader.
    pub fn takes_clients(&self) -> bool {
        self.serves() && (self.config.leader_serves || self.ensemble().is_none_or(|member| !member.leads_service()))
    }

    /// Whether this server puts writes in order, and ends sessions.
    pub fn orders(&self) -> bool {
        self.ensemble().is_none_or(Member::leads_service)
    }

    /// Takes the state of another keeper in the place of this one, at the store's word: the log was cut behind its last
    /// transaction, or a leader's snapshot is installed (`fuzzy`: parts of later transactions are in it). Nobody is served
    /// meanwhile, so nobody watches. The other keeper has the old tree then, which takes long to be dropped.
    ///
    /// # Panics
    /// When clients are connected.
    pub fn adopt(&mut self, now: Now, other: &mut Self, fuzzy: bool) {
        assert!(self.conns.is_empty(), "a state is replaced under the eyes of clients");
        mem::swap(&mut self.tree, &mut other.tree);
        self.digest_log = mem::take(&mut other.digest_log);
        self.last_processed = other.last_processed;
        self.comparable = !fuzzy;
        self.unfinished = None;
        self.held_back = false;
        self.fanouts = Fanouts::default();
        self.sessions.clear();
        let forgotten = self.config.bug.is(PlantedBug::AdoptForgetsSessions) && fuzzy;
        for session in other.sessions.entries().into_iter().filter(|_| !forgotten) {
            self.sessions.created(now, session.id, session.timeout_ms);
        }
        self.outstanding.reset(self.tree.digest());
        if let Order::Member(member) = &mut self.order {
            member.committed.clear();
            member.delivered = self.last_processed;
            self.tree.set_config(&member.config_text, !self.config.reconfig_enabled);
        }
    }

    /// The last transaction that is applied, or will be before anything that is ordered from now on.
    pub(crate) fn last_ordered(&self) -> Zxid {
        match &self.order {
            Order::Alone(broadcast) => broadcast.last_proposed(),
            Order::Member(member) => {
                let proposed = self.pending.back().map_or(Zxid::ZERO, |pending| pending.header.zxid);
                proposed.max(member.delivered)
            }
        }
    }

    /// Something that concerns this server's place.
    pub(crate) fn on_ensemble(&mut self, now: Now, mut event: zab::Event, effects: &mut Vec<Effect>) {
        if let zab::Event::FromLeader { link, packet } = &mut event {
            if matches!(packet, ToLearner::Ping(_)) {
                self.tell_who_was_heard(now);
            }
            let transaction = match packet {
                ToLearner::Proposal(proposal)
                | ToLearner::Inform(proposal)
                | ToLearner::InformAndActivate { proposal, .. } => Some(proposal),
                _ => None,
            };
            if transaction.is_some_and(|transaction| !self.understand(transaction)) {
                return self.cut_link(now, *link, effects);
            }
        }
        self.step_peer(now, event, effects);
    }

    pub(crate) fn tick_ensemble(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let deadline = self.ensemble().and_then(|member| member.peer.deadline());
        if deadline.is_some_and(|deadline| deadline <= now.mono) {
            self.step_peer(now, zab::Event::Tick, effects);
        }
    }

    fn step_peer(&mut self, now: Now, event: zab::Event, effects: &mut Vec<Effect>) {
        let Order::Member(member) = &mut self.order else { return };
        let mut wanted = Vec::new();
        member.peer.step(now.mono, event, &mut wanted);
        let mode_ends = member.read_only.search(now.mono, member.peer.looks());
        let leads = member.peer.leads();
        if mem::replace(&mut member.leads, leads) != leads {
            effects.push(Effect::Leads(leads));
        }
        if mode_ends {
            // Before the state may be replaced.
            self.end_read_only(effects);
        }
        let served = self.serves();
        for effect in wanted {
            self.perform(now, effect, effects);
        }
        match served {
            true => self.commit_ready(now, effects),
            // A leader's snapshot holds parts of transactions that came behind it: nobody is to see the tree before they
            // are whole.
            false => self.apply_all(now, effects),
        }
    }

    /// Proposes a transaction under the zxid that [`Order::next_zxid`] gave.
    pub(crate) fn propose_to_ensemble(&mut self, proposal: Proposal, effects: &mut Vec<Effect>) {
        let Order::Member(member) = &mut self.order else { return };
        let mut wanted = Vec::new();
        member.peer.propose(proposal, &mut wanted);
        for effect in wanted {
            self.hand_out(effect, effects);
        }
    }

    pub(crate) fn perform(&mut self, now: Now, effect: zab::Effect, effects: &mut Vec<Effect>) {
        match effect {
            zab::Effect::Deliver(proposal) => self.on_delivered(proposal, effects),
            zab::Effect::Standing(standing) => self.on_standing(now, standing, effects),
            zab::Effect::Configured(config) => self.on_configured(&config.text, effects),
            zab::Effect::Touched { sessions, .. } => self.on_touched(now, sessions),
            zab::Effect::FromLearner { sid, packet } => self.on_learner_asks(now, sid, packet, effects),
            zab::Effect::FromLeader(packet) => self.on_leader_answers(now, packet, effects),
            zab::Effect::HandoverOver(result) => self.on_handover_over(now, result, effects),
            zab::Effect::Confirmed(round) => self.on_confirmed(now, round, effects),
            zab::Effect::SendSnapshot { .. } => {
                // The snapshot is to hold all that was delivered.
                self.apply_all(now, effects);
                self.hand_out(effect, effects);
            }
            effect => self.hand_out(effect, effects),
        }
    }

    /// What the world does.
    fn hand_out(&mut self, effect: zab::Effect, effects: &mut Vec<Effect>) {
        if let zab::Effect::NextConfig(next) = effect {
            return effects.push(Effect::NextConfig(next.map(|next| next.text)));
        }
        let logged = match &effect {
            zab::Effect::Store { op: StoreOp::Append(proposal), .. } => Some(proposal.bytes.len()),
            _ => None,
        };
        effects.push(Effect::Ensemble(effect));
        if let Some(bytes) = logged {
            self.roll.on_append(&self.config, bytes, effects);
        }
    }

    fn on_delivered(&mut self, proposal: Proposal, effects: &mut Vec<Effect>) {
        let Order::Member(member) = &mut self.order else { return };
        let zxid = proposal.zxid;
        member.delivered = zxid;
        member.committed.push_back(proposal);
        // The COMMITs to the learners are on their way; so may be the answers that wait for them.
        let later = member.learner_waits.split_off(&zxid.next());
        let now_due = mem::replace(&mut member.learner_waits, later);
        for (caller, awaited) in now_due.into_values().flatten() {
            self.answer_learner(caller, awaited, effects);
        }
    }

    /// The next transaction to apply: with what is known of it when it was proposed here.
    pub(crate) fn next_delivered(&mut self) -> Option<Pending> {
        let Order::Member(member) = &mut self.order else { return None };
        let proposal = member.committed.pop_front()?;
        if let Some(front) = self.pending.front() {
            assert!(front.header.zxid >= proposal.zxid, "a proposal of this reign was passed over");
            if front.header.zxid == proposal.zxid {
                return self.pending.pop_front();
            }
        }
        let Transaction { header, body, digest } = member.transaction(&proposal);
        let digest = digest.filter(|digest| digest.version == DIGEST_VERSION).map(|digest| digest.tree_digest);
        let mut pending =
            Pending { op: OpCode(header.opcode), header, body, digest, prepared: false, conn: None, audit: None };
        if let Some((conn, Forwarded { op, audit, .. })) = self.waiting_here(&pending) {
            (pending.conn, pending.op, pending.audit) = (Some(conn), op, audit);
        }
        Some(pending)
    }

    /// The connection that waits for a transaction which the leader made. From now on it waits for this zxid.
    fn waiting_here(&mut self, pending: &Pending) -> Option<(ConnId, Forwarded)> {
        let Order::Member(member) = &mut self.order else { return None };
        let session = pending.header.client_id;
        let conn = match member.connecting.remove(&session) {
            Some(conn) => conn,
            None => self.sessions.conn(session)?,
        };
        let connection = self.conns.get_mut(&conn)?;
        let first = connection.waiting.iter_mut().find(|waiting| matches!(waiting, Waiting::Forwarded(_)))?;
        let any = self.config.bug.is(PlantedBug::CxidNotCompared) && pending.header.cxid > 0;
        // The upgrade of a session is asked for by nobody, and stands in front of the write that needs it.
        let begins = |op: i32| op == OpCode::CREATE_SESSION.0;
        let same = |forwarded: &Forwarded| {
            any || (forwarded.cxid == pending.header.cxid && begins(forwarded.op.0) == begins(pending.header.opcode))
        };
        if !matches!(first, Waiting::Forwarded(forwarded) if same(forwarded)) {
            return None;
        }
        member.forwarded -= 1;
        match mem::replace(first, Waiting::Write(pending.header.zxid)) {
            Waiting::Forwarded(forwarded) => Some((conn, forwarded)),
            _ => unreachable!("found above"),
        }
    }

    /// Applies everything that was delivered, however long it takes.
    fn apply_all(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.commit_ready(now, effects);
        while self.is_unfinished() {
            self.go_on(now, effects);
        }
    }

    fn on_standing(&mut self, now: Now, standing: Standing, effects: &mut Vec<Effect>) {
        self.apply_all(now, effects);
        let Order::Member(member) = &mut self.order else { return };
        if member.standing == standing {
            return;
        }
        member.standing = standing;
        match standing {
            Standing::Looking => self.lose_leader(now, effects),
            Standing::Leading(epoch) => {
                self.enter_epoch(epoch);
                if !self.config.bug.is(PlantedBug::OutstandingKept) {
                    self.outstanding.reset(self.tree.digest());
                }
                if !self.config.bug.is(PlantedBug::TimeoutsNotRestarted) {
                    self.sessions.begin_to_lead(now);
                }
                self.containers.restart(now);
                let known = |owner: &SessionId| self.sessions.check(*owner).is_ok();
                self.ending = self.tree.ephemeral_owners().filter(|owner| !known(owner)).collect();
            }
            Standing::Following { epoch, .. } | Standing::Observing { epoch, .. } => {
                self.enter_epoch(epoch);
                if let Order::Member(member) = &mut self.order {
                    member.told_ms = now.mono.as_millis();
                }
            }
        }
        effects.push(Effect::Standing(standing));
    }

    /// Replies say that they are of this epoch even before its first transaction, as upstream's do.
    fn enter_epoch(&mut self, epoch: Epoch) {
        self.last_processed = self.last_processed.max(epoch.first_zxid());
    }

    /// Every connection ends: its client finds a member that has a leader.
    fn lose_leader(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.on_handover_over(now, Err("this server's own reign ended first; somebody is elected"), effects);
        for conn in self.connections() {
            self.close(conn, CloseReason::NotServing, effects);
        }
        self.pending.clear();
        self.barriers.clear();
        self.ending.clear();
        if !self.config.bug.is(PlantedBug::OutstandingKept) {
            self.outstanding.reset(self.tree.digest());
        }
        self.sessions.lose_leader();
        if let Order::Member(member) = &mut self.order {
            member.lose_leader();
        }
    }

    fn on_configured(&mut self, text: &Str, effects: &mut Vec<Effect>) {
        if let Order::Member(member) = &mut self.order {
            member.config_text = text.clone();
        }
        self.tree.set_config(text, false);
        effects.push(Effect::Configured(text.clone()));
    }

    /// Reads a transaction of the leader before anything else is done with it; a reconfig's configuration goes with it
    /// from here on. False for bytes that make no sense.
    fn understand(&mut self, proposal: &mut Proposal) -> bool {
        let Order::Member(member) = &mut self.order else { return false };
        match Transaction::from_bytes(proposal.bytes.clone()) {
            Ok(transaction) if transaction.header.zxid == proposal.zxid => {
                if self.config.reconfig_enabled
                    && let (OpCode::RECONFIG, TxnBody::SetData(txn)) =
                        (OpCode(transaction.header.opcode), &transaction.body)
                {
                    let text = txn.data.as_deref().and_then(|text| core::str::from_utf8(text).ok());
                    let Some(config) = text.and_then(quorum_config) else { return false };
                    proposal.config = Some(QuorumConfig { version: proposal.zxid.0, ..config });
                }
                let newer = member.arrived.back().is_none_or(|last| last.header.zxid < proposal.zxid);
                if newer {
                    member.arrived.push_back(transaction);
                }
                true
            }
            _ => false,
        }
    }

    fn cut_link(&mut self, now: Now, link: Link, effects: &mut Vec<Effect>) {
        let reason = LinkClose::Unexpected("a transaction that makes no sense");
        effects.push(Effect::Ensemble(zab::Effect::Close { link, reason }));
        self.step_peer(now, zab::Event::Closed { link }, effects);
    }

    /// Sends to the service of the leader that this server follows.
    pub(crate) fn to_leader(&self, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let Order::Member(member) = &self.order else { return };
        let mut wanted = Vec::new();
        member.peer.to_leader(packet, &mut wanted);
        effects.extend(wanted.into_iter().map(Effect::Ensemble));
    }

    /// Sends to the service of a learner, which asked.
    pub(crate) fn to_learner(&self, caller: Caller, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let Order::Member(member) = &self.order else { return };
        let mut wanted = Vec::new();
        member.peer.to_learner(caller.sid, caller.link, packet, &mut wanted);
        effects.extend(wanted.into_iter().map(Effect::Ensemble));
    }

    /// The last transaction that was delivered, applied or not.
    pub(crate) fn last_delivered(&self) -> Zxid {
        self.ensemble().map_or(self.last_processed, |member| member.delivered)
    }

    pub(crate) fn member_mut(&mut self) -> Option<&mut Member> {
        match &mut self.order {
            Order::Alone(_) => None,
            Order::Member(member) => Some(member),
        }
    }

    /// Bytes of a packet of services, with neither a zxid nor who the client is.
    pub(crate) fn service_packet(kind: zk_wire::quorum::PacketType, data: Option<Bytes>) -> QuorumPacket {
        QuorumPacket { packet_type: kind as i32, zxid: Zxid(-1), data, authinfo: None }
    }
}
