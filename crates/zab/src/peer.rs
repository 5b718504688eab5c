//! One member of the ensemble: looks for a leader, then leads, follows or observes (upstream: `QuorumPeer`). It routes.

use base::Instant;
use base::planted::PlantedBug;
use bytes::Bytes;
use zk_wire::election::{Notification, ServerState};
use zk_wire::{QuorumPacket, Zxid};

use crate::broadcast::Proposal;
use crate::config::Config;
use crate::configs::Configs;
use crate::election::{Election, Outcome};
use crate::event::{CloseReason, Effect, Event, Link, Standing, Token};
use crate::history::{History, Recovered};
use crate::leader::{self, HandoverRefused, Leader, LearnerView};
use crate::learner::{self, Learner};
use crate::observer_master::{self, ObserverMaster};
use crate::packet::{LearnerKind, ToLeader, ToLearner};
use crate::quorum::{QuorumConfig, QuorumVerifier, Sid};
use crate::store::{Durable, Store};

/// The machine.
#[derive(Debug)]
pub struct Peer {
    config: Config,
    configs: Configs,
    history: History,
    store: Store,
    election: Election,
    role: Role,
    /// Who is to lead next, by a reconfig that ended the last role: no election is needed to find it.
    designated: Option<Sid>,
    /// Of a follower that serves observers.
    observer_master: Option<ObserverMaster>,
    /// The log could not be cut where a leader said; the next one shall send a snapshot.
    wants_snapshot: bool,
    /// Why the last role ended.
    last_end: Option<&'static str>,
}

#[derive(Debug)]
enum Role {
    /// Between two roles: a vote speaks for what is durable, so what is under way to the disk comes first
    /// (ZOOKEEPER-2845, 4541).
    Draining,
    Looking,
    Leading(Leader),
    Learning(Learner),
}

impl Peer {
    /// A member with what its disk holds: the configuration that counts, a later one if the log has one, committed or not,
    /// and the log. The first [`Event::Tick`] starts it.
    pub fn new(config: Config, current: QuorumConfig, seen: Option<QuorumConfig>, recovered: Recovered) -> Self {
        Self {
            configs: Configs::new(&config, current, seen, recovered.last),
            election: Election::new(&config),
            history: History::new(recovered, config.commit_log_count),
            store: Store::default(),
            role: Role::Draining,
            designated: None,
            observer_master: None,
            wants_snapshot: false,
            last_end: None,
            config,
        }
    }

    /// The configuration that counts.
    pub fn current_config(&self) -> &QuorumConfig {
        self.configs.current()
    }

    /// A later configuration that may be committed.
    pub fn next_config(&self) -> Option<&QuorumConfig> {
        self.configs.next(&self.history)
    }

    /// Whether a quorum of another configuration is here and has this leader's history.
    pub fn has_quorum(&self, verifier: &QuorumVerifier) -> bool {
        matches!(&self.role, Role::Leading(leader) if leader.has_quorum(verifier))
    }

    /// Takes one event; what follows from it is appended to `effects`.
    pub fn step(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        let before = effects.len();
        let result = match event {
            Event::Notification { from, notification } => {
                self.on_notification(now, from, &notification, effects);
                Ok(())
            }
            Event::LearnerConnected { link } => {
                self.on_learner_connected(now, link, effects);
                Ok(())
            }
            Event::FromLearner { link, packet } => self.on_learner_packet(now, link, packet, effects),
            Event::LeaderConnected { link } => {
                self.on_leader_connected(now, link, effects);
                Ok(())
            }
            Event::LeaderUnreachable => {
                if let Role::Learning(learner) = &mut self.role {
                    learner.on_unreachable(now);
                }
                Ok(())
            }
            Event::FromLeader { link, packet } => self.on_leader_packet(now, link, packet, effects),
            Event::SnapshotReceived { link } => self.with_learner(effects, |learner, cx| match learner.link() {
                Some(current) if current == link => learner.on_snapshot(now, cx),
                _ => Ok(()),
            }),
            Event::FoundInLog { link, common } => {
                self.with_observers(effects, |master, cx| master.on_found_in_log(link, common, cx));
                self.with_leader(effects, |leader, cx| {
                    leader.on_found_in_log(link, common, cx);
                    Ok(())
                })
            }
            Event::Closed { link } => self.on_closed(now, link),
            Event::Stored { token } => self.on_stored(token, effects),
            Event::TruncateImpossible => {
                self.wants_snapshot = true;
                self.store.give_up_truncation();
                Err("the log cannot be cut there")
            }
            Event::Tick => self.on_tick(now, effects),
        };
        let result = result.and_then(|()| self.configure(now, before, effects));
        let advance = |leader: &mut Leader, cx: &mut leader::Context<'_>| {
            leader.advance_confirmations(cx);
            leader.advance_handover(now, cx)
        };
        let result = result.and_then(|()| self.with_leader(effects, advance));
        match result {
            Ok(()) => self.serve_observers(now, before, effects),
            Err(reason) => self.end_role(reason, effects),
        }
        self.configs.recount(&self.history);
        effects.extend(self.configs.news(&self.history).map(Effect::NextConfig));
        if matches!(self.role, Role::Draining) && self.store.is_idle() {
            match self.designated.take() {
                Some(leader) => self.on_elected(now, leader, true, effects),
                None => self.look(now, effects),
            }
        }
    }

    /// When the machine next wants [`Event::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        match &self.role {
            Role::Draining => self.store.is_idle().then_some(Instant::ZERO),
            Role::Looking => self.election.deadline(),
            Role::Leading(leader) => Some(leader.deadline()),
            Role::Learning(learner) => {
                let observers = self.observer_master.as_ref().and_then(ObserverMaster::deadline);
                Some(observers.map_or(learner.deadline(), |at| at.min(learner.deadline())))
            }
        }
    }

    /// Where this server stands.
    pub fn standing(&self) -> Standing {
        match &self.role {
            Role::Leading(leader) => leader.established().map_or(Standing::Looking, Standing::Leading),
            Role::Learning(learner) => match learner.serving() {
                Some(epoch) if learner.kind() == LearnerKind::Follower => {
                    Standing::Following { leader: learner.leader(), epoch }
                }
                Some(epoch) => Standing::Observing { leader: learner.leader(), epoch },
                None => Standing::Looking,
            },
            Role::Draining | Role::Looking => Standing::Looking,
        }
    }

    /// Whether this server looks for a leader, with its log at rest.
    pub fn looks(&self) -> bool {
        matches!(self.role, Role::Looking)
    }

    /// Whether this server was elected, and listens to learners: before it is established, too.
    pub fn leads(&self) -> bool {
        matches!(self.role, Role::Leading(_))
    }

    /// Whether this server follows, and listens to observers.
    pub fn serves_observers(&self) -> bool {
        self.observer_master.is_some()
    }

    /// The learners of a leader, and the observers that a follower serves, in order of their ids: those that have said who
    /// they are.
    pub fn learners(&self) -> Vec<LearnerView> {
        match &self.role {
            Role::Leading(leader) => leader.learners(),
            _ => self.observer_master.as_ref().map_or_else(Vec::new, ObserverMaster::learners),
        }
    }

    /// Who votes.
    pub fn verifier(&self) -> &QuorumVerifier {
        self.configs.verifier()
    }

    /// The log and the epochs.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Why the last role ended, for the log.
    pub fn last_end(&self) -> Option<&'static str> {
        self.last_end
    }

    /// The zxid of the next proposal, while this server may propose.
    pub fn next_zxid(&self) -> Option<Zxid> {
        match &self.role {
            Role::Leading(leader) => leader.next_zxid(),
            _ => None,
        }
    }

    /// Transactions proposed here and not committed.
    pub fn outstanding(&self) -> usize {
        match &self.role {
            Role::Leading(leader) => leader.outstanding(),
            _ => 0,
        }
    }

    /// Proposes a transaction under [`Peer::next_zxid`], which must not be `None`.
    pub fn propose(&mut self, proposal: Proposal, effects: &mut Vec<Effect>) {
        let Self { role, history, store, configs, .. } = self;
        let Role::Leading(leader) = role else { panic!("{} proposed by a server that does not lead", proposal.zxid) };
        leader.propose(proposal, &mut leader::Context { history, store, configs, effects });
        self.configs.recount(&self.history);
        effects.extend(self.configs.news(&self.history).map(Effect::NextConfig));
    }

    /// Hands leadership over to a follower, `to` or the one that is furthest, which is given back. `last` makes the bytes of
    /// a transaction that changes nothing, from its number. From here on nothing may be proposed, until
    /// [`Effect::HandoverOver`] says that this server still leads.
    ///
    /// # Errors
    /// Why it does not even begin.
    pub fn hand_over(
        &mut self,
        now: Instant,
        to: Option<Sid>,
        last: impl FnOnce(Zxid) -> Bytes,
        effects: &mut Vec<Effect>,
    ) -> Result<Sid, HandoverRefused> {
        let Self { role, history, store, configs, .. } = self;
        let Role::Leading(leader) = role else { return Err(HandoverRefused::NotLeading) };
        let to = leader.heir(to, configs.verifier())?;
        let zxid = leader.next_zxid().ok_or(HandoverRefused::EpochIsFull)?;
        leader.hand_over(now, to, Proposal { zxid, bytes: last(zxid), config: None });
        let mut cx = leader::Context { history, store, configs, effects };
        // What was sent last is acknowledged only later: the reign does not end here.
        leader.advance_handover(now, &mut cx).map(|()| to).map_err(|_| HandoverRefused::NotLeading)
    }

    /// Asks the followers whether this server still leads; the number of the round that [`Effect::Confirmed`] will say.
    /// `None` when it does not lead.
    pub fn confirm(&mut self, effects: &mut Vec<Effect>) -> Option<u64> {
        let Self { role, history, store, configs, .. } = self;
        let Role::Leading(leader) = role else { return None };
        leader.established()?;
        Some(leader.confirm(&mut leader::Context { history, store, configs, effects }))
    }

    /// Sends to the leader's service (REQUEST, REVALIDATE). False when this server follows nobody.
    pub fn to_leader(&self, packet: QuorumPacket, effects: &mut Vec<Effect>) -> bool {
        let Role::Learning(learner) = &self.role else { return false };
        let (Some(link), Some(_)) = (learner.link(), learner.serving()) else { return false };
        effects.push(Effect::ToLeader { link, packet: ToLeader::Service(packet) });
        true
    }

    /// The connection of a learner that serves. What its service asks over one is not answered over another: a learner
    /// that comes back has forgotten what it asked.
    pub fn link_of(&self, sid: Sid) -> Option<Link> {
        match &self.role {
            Role::Leading(leader) => leader.link_of(sid),
            _ => self.observer_master.as_ref().and_then(|master| master.link_of(sid)),
        }
    }

    /// Sends to a learner's service (SYNC, REVALIDATE) over its connection, if that is still the one.
    pub fn to_learner(&self, sid: Sid, link: Link, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        if self.link_of(sid) == Some(link) {
            effects.push(Effect::ToLearner { link, packet: ToLearner::Service(packet) });
        }
    }

    /// Replaces what the next answer to the leader's ping says of the sessions heard of.
    pub fn set_touched(&mut self, touched: Bytes) {
        if let Role::Learning(learner) = &mut self.role {
            learner.set_touched(touched);
        }
    }

    /// Lets a configuration count that was delivered in this step, or that a leader brought.
    ///
    /// # Errors
    /// It gives this server, or its leader, another part: the role ends.
    fn configure(&mut self, now: Instant, before: usize, effects: &mut Vec<Effect>) -> Result<(), &'static str> {
        if let Role::Learning(learner) = &mut self.role
            && let Some(announced) = learner.take_announced()
        {
            self.configs.on_announced(&announced);
        }
        let delivered = effects[before..].iter().rev().find_map(|effect| match effect {
            Effect::Deliver(proposal) => proposal.config.clone(),
            _ => None,
        });
        let standing = self.standing();
        let committed = self.history.delivered();
        let brought = (standing != Standing::Looking).then(|| self.configs.take_seen(committed)).flatten();
        let numbered = match standing {
            Standing::Leading(epoch) if self.configs.changes() && self.configs.current().version == 0 => {
                Some(self.configs.current().numbered(epoch.first_zxid().0))
            }
            _ => None,
        };
        let latest = delivered.into_iter().chain(brought).chain(numbered).max_by_key(|config| config.version);
        if !latest.is_some_and(|latest| self.configs.activate(latest)) {
            return Ok(());
        }
        effects.push(Effect::Configured(self.configs.current().clone()));
        self.take_part(now)
    }

    /// Another configuration counts: goes on with the role, or ends it.
    ///
    /// # Errors
    /// It ends.
    fn take_part(&mut self, now: Instant) -> Result<(), &'static str> {
        let (kind, verifier) = (self.configs.kind(), &self.configs.current().verifier);
        match &mut self.role {
            Role::Leading(leader) if verifier.weight(self.config.sid) > 0 => leader.set_verifier(verifier),
            Role::Leading(leader) => {
                leader.retire(now + self.config.tick);
                return leader.leave(now);
            }
            Role::Learning(learner) => {
                let (leader, designated) = (learner.leader(), learner.designated());
                let goes_on = designated.map_or(verifier.weight(leader) > 0, |designated| designated == leader);
                if learner.kind() != kind || !goes_on {
                    self.designated = designated;
                    return Err("the new configuration has another leader, or another part for this server");
                }
            }
            Role::Draining | Role::Looking => {}
        }
        Ok(())
    }

    /// A new round of election.
    fn look(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.role = Role::Looking;
        let last = match self.config.bug.is(PlantedBug::ZabVoteForDelivered) {
            true => self.history.delivered(),
            false => self.history.last(),
        };
        self.election.look(now, self.configs.verifier(), self.history.current(), last);
        self.election.decide_alone(now, self.configs.verifier());
        self.broadcast_vote(effects);
    }

    /// The vote as it goes out: with the configuration, without which upstream passes over it.
    fn notification(&self) -> Notification {
        Notification { config: Some(self.configs.current().text.clone()), ..self.election.notification() }
    }

    fn broadcast_vote(&self, effects: &mut Vec<Effect>) {
        let notification = self.notification();
        let others = self.configs.verifier().voters().into_iter().filter(|sid| *sid != self.config.sid);
        effects.extend(others.map(|to| Effect::Notify { to, notification: notification.clone() }));
    }

    fn on_notification(&mut self, now: Instant, from: Sid, notification: &Notification, effects: &mut Vec<Effect>) {
        // A vote speaks for what is durable; there is none to give yet.
        if matches!(self.role, Role::Draining) {
            return;
        }
        // A committed reconfig travels with votes, ahead of its transaction (upstream: `WorkerReceiver`).
        if matches!(self.role, Role::Looking)
            && let Some(text) = &notification.config
            && self.configs.on_heard(text)
        {
            self.configs.recount(&self.history);
            effects.push(Effect::Configured(self.configs.current().clone()));
            self.look(now, effects);
        }
        let (verifier, current) = (self.configs.verifier(), &self.configs.current().verifier);
        let outcome = self.election.on_notification(now, from, notification, verifier, current);
        self.on_outcome(now, outcome, effects);
    }

    fn on_outcome(&mut self, now: Instant, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Continue => {}
            Outcome::Broadcast => self.broadcast_vote(effects),
            Outcome::Answer(to) => effects.push(Effect::Notify { to, notification: self.notification() }),
            Outcome::Elected(leader) => self.on_elected(now, leader, false, effects),
        }
    }

    fn on_elected(&mut self, now: Instant, elected: Sid, designated: bool, effects: &mut Vec<Effect>) {
        let kind = self.configs.kind();
        let state = match kind {
            LearnerKind::Follower => ServerState::Following,
            LearnerKind::Observer => ServerState::Observing,
        };
        if elected != self.config.sid {
            self.election.settle(state, elected);
            let wants_snapshot = core::mem::take(&mut self.wants_snapshot);
            let learner = Learner::new(now, &self.config, kind, elected, wants_snapshot, effects);
            self.role = Role::Learning(if designated { learner.of_designated(now) } else { learner });
            return;
        }
        self.election.settle(ServerState::Leading, elected);
        let Self { history, store, configs, config, .. } = self;
        let mut cx = leader::Context { history, store, configs, effects };
        self.role = Role::Leading(Leader::new(now, config, &mut cx));
    }

    fn on_learner_connected(&mut self, now: Instant, link: Link, effects: &mut Vec<Effect>) {
        match &mut self.role {
            Role::Leading(leader) => leader.on_connected(now, link),
            _ if self.observer_master.is_some() => {
                self.with_observers(effects, |master, _| master.on_connected(now, link));
            }
            _ => effects.push(Effect::Close { link, reason: CloseReason::NotLeading }),
        }
    }

    fn on_learner_packet(
        &mut self,
        now: Instant,
        link: Link,
        packet: ToLeader,
        effects: &mut Vec<Effect>,
    ) -> Result<(), &'static str> {
        if self.observer_master.is_some() {
            self.with_observers(effects, |master, cx| master.on_packet(now, link, packet, cx));
            return Ok(());
        }
        self.with_leader(effects, |leader, cx| leader.on_packet(now, link, packet, cx))
    }

    fn on_leader_connected(&mut self, now: Instant, link: Link, effects: &mut Vec<Effect>) {
        let Self { role, history, store, configs, .. } = self;
        let config_version = configs.current().version;
        match role {
            Role::Learning(learner) => {
                learner.on_connected(now, link, &mut learner::Context { history, config_version, store, effects });
            }
            _ => effects.push(Effect::Close { link, reason: CloseReason::RoleEnded }),
        }
    }

    fn on_leader_packet(
        &mut self,
        now: Instant,
        link: Link,
        packet: ToLearner,
        effects: &mut Vec<Effect>,
    ) -> Result<(), &'static str> {
        self.with_learner(effects, |learner, cx| match learner.link() {
            Some(current) if current == link => learner.on_packet(now, packet, cx),
            _ => Ok(()),
        })
    }

    fn on_closed(&mut self, now: Instant, link: Link) -> Result<(), &'static str> {
        match &mut self.role {
            Role::Leading(leader) => {
                leader.on_closed(link);
                return leader.leave(now);
            }
            Role::Learning(learner) if learner.link() == Some(link) => return learner.on_closed(now),
            _ => self.observer_master.iter_mut().for_each(|master| master.on_closed(link)),
        }
        Ok(())
    }

    fn on_stored(&mut self, token: Token, effects: &mut Vec<Effect>) -> Result<(), &'static str> {
        let mut result = Ok(());
        while let Some(durable) = self.store.next_done(token, &mut self.history) {
            if let Durable::Truncated(zxid) = durable {
                self.configs.on_truncated(zxid);
            }
            // After an error the role is over, and only the history wants to know.
            if result.is_ok() {
                result = self.on_durable(durable, effects);
            }
        }
        self.settle_epoch();
        result
    }

    fn on_durable(&mut self, durable: Durable, effects: &mut Vec<Effect>) -> Result<(), &'static str> {
        self.with_leader(effects, |leader, cx| {
            leader.on_durable(durable, cx);
            Ok(())
        })?;
        self.with_learner(effects, |learner, cx| learner.on_durable(durable, cx))
    }

    fn on_tick(&mut self, now: Instant, effects: &mut Vec<Effect>) -> Result<(), &'static str> {
        match &self.role {
            Role::Draining => Ok(()),
            Role::Looking => {
                let outcome = self.election.tick(now);
                self.on_outcome(now, outcome, effects);
                Ok(())
            }
            Role::Leading(_) => self.with_leader(effects, |leader, cx| leader.on_tick(now, cx)),
            Role::Learning(_) => {
                self.with_observers(effects, |master, cx| master.on_tick(now, cx));
                self.with_learner(effects, |learner, cx| learner.on_tick(now, cx))
            }
        }
    }

    /// What was committed goes to the observers that this server serves; it begins to when it follows.
    fn serve_observers(&mut self, now: Instant, before: usize, effects: &mut Vec<Effect>) {
        let Role::Learning(learner) = &self.role else { return };
        let serves = self.config.observer_master && learner.kind() == LearnerKind::Follower;
        let Some(epoch) = learner.serving().filter(|_| serves) else { return };
        let leads_next = learner.designated().unwrap_or(learner.leader());
        if self.observer_master.is_none() {
            self.observer_master = Some(ObserverMaster::new(now, &self.config, epoch));
            return;
        }
        let delivered = |effect: &Effect| match effect {
            Effect::Deliver(proposal) => Some(proposal.clone()),
            _ => None,
        };
        let delivered: Vec<Proposal> = effects[before..].iter().filter_map(delivered).collect();
        if !delivered.is_empty() {
            self.with_observers(effects, |master, cx| master.on_delivered(&delivered, leads_next, cx));
        }
    }

    /// What this server tells others about its leader follows the epoch that was settled (ZOOKEEPER-1732).
    fn settle_epoch(&mut self) {
        if !matches!(self.role, Role::Draining | Role::Looking) {
            self.election.set_epoch(self.history.current());
        }
    }

    fn end_role(&mut self, reason: &'static str, effects: &mut Vec<Effect>) {
        let links = match &self.role {
            Role::Leading(leader) => {
                self.designated = leader.successor();
                leader.links()
            }
            Role::Learning(learner) => learner.link().into_iter().collect(),
            Role::Draining | Role::Looking => return,
        };
        let observers = self.observer_master.take().map_or_else(Vec::new, |master| master.links());
        let all = links.into_iter().chain(observers);
        effects.extend(all.map(|link| Effect::Close { link, reason: CloseReason::RoleEnded }));
        effects.push(Effect::Standing(Standing::Looking));
        self.last_end = Some(reason);
        self.role = Role::Draining;
    }

    fn with_leader(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Leader, &mut leader::Context<'_>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let Self { role, history, store, configs, .. } = self;
        match role {
            Role::Leading(leader) => act(leader, &mut leader::Context { history, store, configs, effects }),
            _ => Ok(()),
        }
    }

    fn with_observers(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut ObserverMaster, &mut observer_master::Context<'_>),
    ) {
        let Self { observer_master, history, configs, .. } = self;
        if let Some(master) = observer_master {
            act(master, &mut observer_master::Context { history, config: configs.current(), effects });
        }
    }

    fn with_learner(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Learner, &mut learner::Context<'_>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let Self { role, history, store, configs, .. } = self;
        let config_version = configs.current().version;
        match role {
            Role::Learning(learner) => act(learner, &mut learner::Context { history, config_version, store, effects }),
            _ => Ok(()),
        }
    }
}
