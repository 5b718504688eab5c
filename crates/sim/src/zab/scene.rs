//! The ensemble's world: links, disks, clocks, faults, and the checks at every effect.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use base::Instant;
use base::planted::PlantedBug;
use bytes::{BufMut, Bytes, BytesMut};
use zab::packet::{ToLeader, ToLearner};
use zab::{Effect, Event, Link, Proposal, QuorumConfig, Sid, Standing, StoreOp};
use zk_wire::election::Notification;
use zk_wire::{Jute as _, QuorumPacket, Zxid};

use super::marks::{Mark, Marks};
use super::node::{Node, proposal, txn};
use super::reconfig;
use super::swarm::{Fault, Swarm};
use crate::check::one_history::{self, PROPOSED, Txn};
use crate::check::one_leader_per_epoch::Leaders;
use crate::check::{Checked, Property, configurations_are_committed, epochs_ascend, serves_again};
use crate::kernel::Kernel;
use crate::net::{Arrival, LinkId, Net, NetTimes, To};
use crate::run::{Coverage, OPERATIONS_MIN, Outcome, SeedOptions};

/// What happens next.
#[derive(Clone, Debug)]
enum Ev {
    Tick(Sid, u64),
    Vote { from: Sid, to: Sid, notification: Notification },
    Dialed { from: Sid, life: u64, to: Sid },
    Arrive(LinkId, To),
    DiskDone(Sid, u64),
    Searched(Sid, u64, Link, Zxid),
    Propose,
    Reconfigure,
    Fault,
    Restart(Sid),
    Resume(Sid, u64),
    Heal,
    Calm,
    Inspect,
}

static PROTOCOL: Property =
    Property { says: "servers send each other packets that can be read", source: "ZooKeeper's quorum protocol" };

/// How long after the storm everybody must agree.
const HEALING: Duration = Duration::from_secs(60);
/// What a frame on a simulated link is.
const PACKET: u8 = 0;
const SNAPSHOT: u8 = 1;

pub struct Scene {
    swarm: Swarm,
    /// What the first servers' files say.
    first: QuorumConfig,
    /// Configurations that were committed, in order; the first one among them.
    configs: BTreeMap<i64, QuorumConfig>,
    kernel: Kernel<Ev>,
    net: Net,
    nodes: BTreeMap<Sid, Node>,
    /// (server that dialled, server that was dialled)
    links: BTreeMap<LinkId, (Sid, Sid)>,
    blocked: BTreeSet<(Sid, Sid)>,
    leaders: Leaders,
    history: one_history::History,
    proposed: BTreeMap<i64, u64>,
    operations: u64,
    faults: u64,
    stormy: bool,
    calm_since: Instant,
    done: bool,
    marks: Marks,
    bug: PlantedBug,
}

impl Scene {
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel = Kernel::new(options.seed, options.trace_lines_max);
        // Every other seed, so that snapshots are as frequent in the rest.
        let log_sync = options.seed.is_multiple_of(2);
        let swarm = Swarm { log_sync, ..Swarm::draw(options.seed, &mut kernel.prng) };
        kernel.trace.note(Instant::ZERO, || format!("{swarm:?}"));
        let nodes = swarm.sids().into_iter().map(|sid| (sid, Node::new(sid))).collect();
        let first =
            reconfig::config(0, &swarm.voters.iter().copied().collect(), &swarm.observers.iter().copied().collect());
        Self {
            configs: BTreeMap::from([(0, first.clone())]),
            first,
            net: Net::new(swarm.net),
            nodes,
            links: BTreeMap::new(),
            blocked: BTreeSet::new(),
            leaders: Leaders::default(),
            history: one_history::History::default(),
            proposed: BTreeMap::new(),
            operations: 0,
            faults: 0,
            stormy: true,
            calm_since: Instant::ZERO,
            done: false,
            marks: Marks::default(),
            bug: options.bug,
            kernel,
            swarm,
        }
    }

    pub fn run(&mut self) -> Checked {
        for sid in self.swarm.sids() {
            self.kernel.after(Duration::from_millis(sid as u64), Ev::Restart(sid));
        }
        self.kernel.after(self.swarm.propose_every, Ev::Propose);
        self.kernel.after(self.swarm.fault_every, Ev::Fault);
        if self.swarm.reconfigures {
            self.kernel.after(self.swarm.fault_every, Ev::Reconfigure);
        }
        self.kernel.after(self.swarm.storm, Ev::Calm);
        while !self.done
            && let Some(event) = self.kernel.pop()
        {
            self.handle(event)?;
        }
        Ok(())
    }

    pub fn outcome(self, result: Checked) -> (Outcome, Marks) {
        let mut outcome = Outcome::of(self.kernel, result, self.operations, self.faults, Coverage::default());
        outcome.ended_early = self.marks.count(Mark::UnfinishedReconfig) > 0;
        (outcome, self.marks)
    }

    fn handle(&mut self, event: Ev) -> Checked {
        match event {
            Ev::Tick(sid, life) => {
                let Some(node) = self.nodes.get_mut(&sid).filter(|node| node.life == life) else { return Ok(()) };
                node.tick_at = None;
                let due = node.peer.as_ref().and_then(zab::Peer::deadline);
                match due {
                    Some(at) if at <= self.kernel.mono() => self.step(sid, Event::Tick),
                    _ => {
                        self.schedule_tick(sid);
                        Ok(())
                    }
                }
            }
            Ev::Vote { to, .. } | Ev::Dialed { from: to, .. } if self.nodes[&to].paused => {
                self.kernel.after(Duration::from_millis(5), event);
                Ok(())
            }
            Ev::Vote { from, to, notification } => self.step(to, Event::Notification { from, notification }),
            Ev::Dialed { from, life, to } => self.on_dialed(from, life, to),
            Ev::Arrive(link, to) => self.on_arrive(link, to),
            Ev::DiskDone(sid, life) => self.on_disk_done(sid, life),
            Ev::Searched(sid, life, link, peer) => self.on_searched(sid, life, link, peer),
            Ev::Propose => self.on_propose(),
            Ev::Reconfigure => self.on_reconfigure(),
            Ev::Fault => self.on_fault(),
            Ev::Restart(sid) => self.restart(sid),
            Ev::Resume(sid, life) => {
                if let Some(node) = self.nodes.get_mut(&sid).filter(|node| node.life == life) {
                    node.paused = false;
                }
                self.schedule_tick(sid);
                Ok(())
            }
            Ev::Heal => {
                self.blocked.clear();
                Ok(())
            }
            Ev::Calm => self.on_calm(),
            Ev::Inspect => self.on_inspect(),
        }
    }

    /// Gives a running server an event and performs what it wants.
    fn step(&mut self, sid: Sid, event: Event) -> Checked {
        let now = self.kernel.mono();
        let Some(node) = self.nodes.get_mut(&sid) else { return Ok(()) };
        let Some(peer) = &mut node.peer else { return Ok(()) };
        self.kernel.trace.note(now, || format!("{sid} <- {event:?}"));
        let (mut effects, proposal) = (Vec::new(), proposal_in(&event));
        let (held, end) = (peer.history().last(), peer.last_end());
        peer.step(now, event, &mut effects);
        match proposal {
            Some(zxid) if zxid <= held => self.marks.hit(Mark::Redundant),
            Some(_) if peer.standing() == Standing::Looking => self.marks.hit(Mark::ProposedMeanwhile),
            _ => {}
        }
        if peer.last_end() != end {
            self.marks.hit(match peer.last_end() {
                Some("a follower has a later history") => Mark::LaterHistory,
                Some("the new configuration has another leader, or another part for this server") => Mark::PartChanged,
                _ => Mark::SteppedDown,
            });
        }
        self.perform(sid, effects)
    }

    fn perform(&mut self, sid: Sid, effects: Vec<Effect>) -> Checked {
        for effect in effects {
            self.kernel.trace.note(self.kernel.mono(), || format!("{sid} -> {effect:?}"));
            match effect {
                Effect::Notify { to, notification } => self.vote(sid, to, notification),
                Effect::Dial { leader } => self.dial(sid, leader),
                Effect::ToLearner { link, packet } => {
                    self.mark_sync(sid, &packet);
                    self.send(sid, link, PACKET, &packet.encode().to_bytes());
                }
                Effect::ToLeader { link, packet } => self.send(sid, link, PACKET, &packet.encode().to_bytes()),
                Effect::SendSnapshot { link, .. } => {
                    let bytes = snapshot_bytes(&self.nodes[&sid].service);
                    self.send(sid, link, SNAPSHOT, &bytes);
                }
                Effect::FindInLog { link, peer, .. } => {
                    let (delay, life) = (self.delay(), self.nodes[&sid].life);
                    self.kernel.after(delay, Ev::Searched(sid, life, link, peer));
                }
                Effect::SendLog { link, after, until } => {
                    self.marks.hit(Mark::DiffFromLog);
                    for txn in self.nodes[&sid].logged().into_iter().filter(|txn| txn.0 > after.0 && txn.0 <= until.0) {
                        for packet in [ToLearner::Proposal(proposal(txn)), ToLearner::Commit(Zxid(txn.0))] {
                            self.send(sid, link, PACKET, &packet.encode().to_bytes());
                        }
                    }
                }
                Effect::Receive { link, .. } => self.node(sid).receiving = Some(link),
                Effect::Close { link, .. } => self.close(sid, LinkId::from(link.0)),
                Effect::Store { token, op } => self.store(sid, token, op),
                Effect::Deliver(proposal) => self.deliver(sid, txn(&proposal))?,
                Effect::Standing(standing) => self.on_standing(sid, standing)?,
                Effect::Configured(config) => self.on_configured(sid, config)?,
                Effect::NextConfig(next) => self.node(sid).disk.next = next.map(|next| next.text),
                Effect::Touched { .. }
                | Effect::FromLearner { .. }
                | Effect::FromLeader(_)
                | Effect::HandoverOver(_)
                | Effect::Confirmed(_) => {}
            }
        }
        self.schedule_tick(sid);
        Ok(())
    }

    fn mark_sync(&mut self, sid: Sid, packet: &ToLearner) {
        match packet {
            ToLearner::Diff(_) => self.marks.hit(Mark::Diff),
            ToLearner::Trunc(_) => self.marks.hit(Mark::Trunc),
            ToLearner::Snap(_) => self.marks.hit(Mark::Snap),
            ToLearner::CommitAndActivate { leader, .. } if *leader != sid => self.marks.hit(Mark::HandedOver),
            _ => {}
        }
    }

    fn node(&mut self, sid: Sid) -> &mut Node {
        self.nodes.get_mut(&sid).expect("a server of this ensemble")
    }

    fn schedule_tick(&mut self, sid: Sid) {
        let now = self.kernel.mono();
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        if node.paused {
            return;
        }
        let Some(at) = node.peer.as_ref().and_then(zab::Peer::deadline) else { return };
        let at = at.max(now);
        if node.tick_at.is_none_or(|scheduled| at < scheduled) {
            node.tick_at = Some(at);
            self.kernel.at(at, Ev::Tick(sid, node.life));
        }
    }

    fn is_blocked(&self, a: Sid, b: Sid) -> bool {
        self.blocked.contains(&(a.min(b), a.max(b)))
    }

    fn delay(&mut self) -> Duration {
        let (low, high) = self.swarm.net.delay_us;
        Duration::from_micros(self.kernel.prng.between(low, high))
    }

    fn vote(&mut self, from: Sid, to: Sid, notification: Notification) {
        let lost = self.stormy && self.kernel.prng.chance(1, 50);
        if self.is_blocked(from, to) || lost {
            return;
        }
        let delay = self.delay();
        self.kernel.after(delay, Ev::Vote { from, to, notification });
    }

    fn dial(&mut self, from: Sid, to: Sid) {
        let (delay, life) = (self.delay(), self.nodes[&from].life);
        self.kernel.after(delay, Ev::Dialed { from, life, to });
    }

    fn on_dialed(&mut self, from: Sid, life: u64, to: Sid) -> Checked {
        if self.nodes[&from].life != life {
            return Ok(());
        }
        if self.is_blocked(from, to) || self.nodes.get(&to).is_none_or(|node| node.peer.is_none()) {
            return self.step(from, Event::LeaderUnreachable);
        }
        let id = self.net.open();
        self.links.insert(id, (from, to));
        self.step(to, Event::LearnerConnected { link: Link(id) })?;
        self.step(from, Event::LeaderConnected { link: Link(id) })
    }

    /// Sends a frame, if the link is still this server's.
    fn send(&mut self, from: Sid, link: Link, kind: u8, bytes: &[u8]) {
        let Some((client, _)) = self.links.get(&link.0) else { return };
        let to = if *client == from { To::Server } else { To::Client };
        let mut frame = BytesMut::with_capacity(1 + bytes.len());
        frame.put_u8(kind);
        frame.put_slice(bytes);
        self.send_arrival(link.0, to, Arrival::Frame(frame.freeze()));
    }

    fn send_arrival(&mut self, link: LinkId, to: To, arrival: Arrival) {
        let now = self.kernel.mono();
        if let Some(at) = self.net.send(now, link, to, arrival, &mut self.kernel.prng) {
            self.kernel.at(at, Ev::Arrive(link, to));
        }
    }

    fn close(&mut self, sid: Sid, link: LinkId) {
        let Some((client, _)) = self.links.get(&link).copied() else { return };
        let (own, other) = if client == sid { (To::Client, To::Server) } else { (To::Server, To::Client) };
        self.send_arrival(link, other, Arrival::Closed);
        self.net.vanish(link, own);
    }

    fn on_arrive(&mut self, link: LinkId, to: To) -> Checked {
        let Some((client, server)) = self.links.get(&link).copied() else { return Ok(()) };
        let sid = if to == To::Client { client } else { server };
        if self.nodes[&sid].paused {
            self.kernel.after(Duration::from_millis(5), Ev::Arrive(link, to));
            return Ok(());
        }
        let Some(arrival) = self.net.arrive(link, to) else { return Ok(()) };
        let Arrival::Frame(frame) = arrival else { return self.step(sid, Event::Closed { link: Link(link) }) };
        self.kernel.note("frame", &[link, sid as u64], &frame[..frame.len().min(40)]);
        if frame[0] == SNAPSHOT {
            return self.on_snapshot(sid, Link(link), &frame[1..]);
        }
        let unreadable = |_| PROTOCOL.broken(format!("server {sid} was sent {}", frame.escape_ascii()));
        let packet = QuorumPacket::from_bytes(frame.slice(1..)).map_err(unreadable)?;
        let link = Link(link);
        match to {
            To::Server => {
                let packet = ToLeader::decode(packet).map_err(unreadable)?;
                self.step(sid, Event::FromLearner { link, packet })
            }
            To::Client => {
                let packet = with_config(ToLearner::decode(packet).map_err(unreadable)?);
                self.step(sid, Event::FromLeader { link, packet })
            }
        }
    }

    fn on_snapshot(&mut self, sid: Sid, link: Link, bytes: &[u8]) -> Checked {
        let node = self.node(sid);
        if node.receiving != Some(link) {
            return Ok(());
        }
        node.receiving = None;
        node.staged = Some(snapshot_of(bytes));
        self.step(sid, Event::SnapshotReceived { link })
    }

    fn store(&mut self, sid: Sid, token: zab::Token, op: StoreOp) {
        let (low, high) = self.swarm.disk_us;
        let took = Duration::from_micros(self.kernel.prng.between(low, high));
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        node.queue.push_back((token, op));
        if node.queue.len() == 1 {
            self.kernel.after(took, Ev::DiskDone(sid, node.life));
        }
    }

    /// The disk has done some of what it was asked, as a group commit does.
    fn on_disk_done(&mut self, sid: Sid, life: u64) -> Checked {
        if self.nodes[&sid].life != life || self.nodes[&sid].queue.is_empty() {
            return Ok(());
        }
        if self.nodes[&sid].paused {
            self.kernel.after(Duration::from_millis(5), Ev::DiskDone(sid, life));
            return Ok(());
        }
        let group = self.kernel.prng.between(1, self.nodes[&sid].queue.len() as u64);
        let mut last = None;
        for _ in 0..group {
            let node = self.node(sid);
            let Some((token, op)) = node.queue.pop_front() else { break };
            let before = (node.disk.accepted, node.disk.current);
            if !node.perform(op) {
                self.marks.hit(Mark::TruncImpossible);
                self.step(sid, Event::TruncateImpossible)?;
                break;
            }
            let after = (node.disk.accepted, node.disk.current);
            epochs_ascend::on_disk(sid, before, after)?;
            last = Some(token);
        }
        if !self.nodes[&sid].queue.is_empty() {
            let (low, high) = self.swarm.disk_us;
            let took = Duration::from_micros(self.kernel.prng.between(low, high));
            self.kernel.after(took, Ev::DiskDone(sid, life));
        }
        match last {
            Some(token) => self.step(sid, Event::Stored { token }),
            None => Ok(()),
        }
    }

    /// The log was searched for what a learner lacks; sometimes it is too much.
    fn on_searched(&mut self, sid: Sid, life: u64, link: Link, peer: Zxid) -> Checked {
        if self.nodes[&sid].life != life {
            return Ok(());
        }
        let common = self.nodes[&sid].logged().into_iter().rfind(|txn| txn.0 <= peer.0).map(|txn| Zxid(txn.0));
        let common = common.filter(|_| self.kernel.prng.chance(3, 4));
        self.step(sid, Event::FoundInLog { link, common })
    }

    fn deliver(&mut self, sid: Sid, txn: Txn) -> Checked {
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        self.kernel.trace.event(self.kernel.mono(), "deliver", &[sid as u64, txn.0 as u64, txn.1], &[]);
        let node = {
            node.service.push(txn);
            &*node
        };
        let at = node.service.len() - 1;
        PROPOSED.require(self.proposed.get(&txn.0) == Some(&txn.1), || {
            format!("server {sid} delivers {:#x} ({}), which nobody proposed", txn.0, txn.1)
        })?;
        if node.serving && self.history.delivers(sid, at, txn)? {
            self.check_quorum(txn)?;
        }
        Ok(())
    }

    /// A committed transaction is at a quorum of the configuration that its zxid falls under; a reconfig at one of both.
    fn check_quorum(&mut self, txn: Txn) -> Checked {
        let holders: Vec<Sid> = self.nodes.values().filter(|node| node.disk.holds(txn)).map(|node| node.sid).collect();
        let (_, before) = self.configs.range(..txn.0).next_back().expect("the first one's version is 0");
        let quorum = |config: &QuorumConfig| config.verifier.is_quorum(|sid| holders.contains(&sid));
        one_history::at_a_quorum(txn, &holders, quorum(before))?;
        if let Some(config) = reconfig::in_txn(txn) {
            one_history::at_a_quorum(txn, &holders, quorum(&config))?;
            self.configs.insert(txn.0, config);
            self.marks.hit(Mark::Reconfigured);
        }
        Ok(())
    }

    /// A server goes by another configuration, which its file gets a little later.
    fn on_configured(&mut self, sid: Sid, config: QuorumConfig) -> Checked {
        configurations_are_committed::check(sid, &config, &self.configs)?;
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        // The files are written there and then; what was kept as the next one goes with that.
        node.disk.next =
            node.disk.next.take().filter(|next| reconfig::read(next).is_some_and(|next| next.version > config.version));
        node.disk.config = Some(config.text);
        if node.peer.as_ref().is_some_and(zab::Peer::looks) {
            self.marks.hit(Mark::ConfigHeard);
        }
        Ok(())
    }

    fn on_standing(&mut self, sid: Sid, standing: Standing) -> Checked {
        let serving = standing != Standing::Looking;
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        node.serving = serving;
        if !serving {
            return Ok(());
        }
        if let Standing::Leading(epoch) = standing {
            self.marks.hit(Mark::Established);
            self.leaders.established(epoch.0, sid)?;
        }
        let new = self.history.serves(sid, &node.service)?;
        if new > 0 {
            self.marks.hit(Mark::UncommittedTail);
        }
        let all = self.history.all();
        let fresh: Vec<Txn> = all[all.len() - new..].to_vec();
        if fresh.iter().any(|txn| reconfig::in_txn(*txn).is_some()) {
            self.marks.hit(Mark::ReconfigInTail);
        }
        fresh.into_iter().try_for_each(|txn| self.check_quorum(txn))
    }

    /// Whoever leads proposes.
    fn on_propose(&mut self) -> Checked {
        let wait = self.swarm.propose_every.as_micros() as u64;
        let wait = Duration::from_micros(self.kernel.prng.between(1, 2 * wait));
        self.kernel.after(wait, Ev::Propose);
        for sid in self.swarm.sids() {
            let node = self.node(sid);
            let Some(peer) = node.peer.as_mut().filter(|_| !node.paused) else { continue };
            let Some(zxid) = peer.next_zxid().filter(|_| peer.outstanding() < 200) else { continue };
            let content = self.operations;
            self.operations += 1;
            let mut effects = Vec::new();
            let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
            node.peer.as_mut().expect("it runs").propose(proposal((zxid.0, content)), &mut effects);
            self.proposed.insert(zxid.0, content);
            self.perform(sid, effects)?;
        }
        Ok(())
    }

    /// Whoever leads is asked for another configuration, and proposes it if it could be committed.
    fn on_reconfigure(&mut self) -> Checked {
        if !self.stormy {
            return Ok(());
        }
        let mean = self.swarm.fault_every.as_micros() as u64;
        let next = Duration::from_micros(self.kernel.prng.between(1, 2 * mean));
        self.kernel.after(next, Ev::Reconfigure);
        let servers = self.swarm.sids();
        for sid in servers.clone() {
            let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
            let Some(peer) = node.peer.as_mut().filter(|_| !node.paused) else { continue };
            let Some(zxid) = peer.next_zxid().filter(|_| peer.next_config().is_none()) else { continue };
            let config = reconfig::change(peer.current_config(), &servers, zxid.0, &mut self.kernel.prng);
            if !peer.has_quorum(&config.verifier) {
                continue;
            }
            let content = reconfig::content(self.operations, &config);
            self.operations += 1;
            self.proposed.insert(zxid.0, content);
            let mut effects = Vec::new();
            peer.propose(proposal((zxid.0, content)), &mut effects);
            self.kernel.trace.note(self.kernel.mono(), || format!("{sid} reconfigures: {}", config.text));
            self.perform(sid, effects)?;
        }
        Ok(())
    }

    fn on_fault(&mut self) -> Checked {
        if !self.stormy {
            return Ok(());
        }
        let mean = self.swarm.fault_every.as_millis() as u64;
        let next = Duration::from_millis(self.kernel.prng.between(1, 2 * mean));
        self.kernel.after(next, Ev::Fault);
        let total: u64 = self.swarm.weights.iter().sum();
        let mut at = self.kernel.prng.below(total);
        let fault = Fault::ALL.into_iter().zip(self.swarm.weights).find(|(_, weight)| {
            let hit = at < *weight;
            at = at.saturating_sub(*weight);
            hit
        });
        let Some((fault, _)) = fault else { return Ok(()) };
        self.faults += 1;
        self.kernel.note("fault", &[fault as u64], &[]);
        self.kernel.trace.note(self.kernel.mono(), || format!("fault: {fault:?}"));
        let sids = self.swarm.sids();
        let victim = *self.kernel.prng.pick(&sids).expect("there are servers");
        match fault {
            Fault::Crash => self.crash(victim),
            Fault::CrashAll => sids.into_iter().for_each(|sid| self.crash(sid)),
            Fault::Partition => self.partition(),
            Fault::Reset => self.reset(),
            Fault::Pause => {
                let rest = Duration::from_millis(self.kernel.prng.between(1, 3000));
                let node = self.node(victim);
                node.paused = true;
                let life = node.life;
                self.kernel.after(rest, Ev::Resume(victim, life));
            }
            Fault::Snapshot => self.node(victim).snapshot(),
        }
        Ok(())
    }

    fn crash(&mut self, sid: Sid) {
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        if node.peer.is_none() {
            return;
        }
        if !node.queue.is_empty() {
            self.marks.hit(Mark::CrashMidWrite);
        }
        node.crash(&mut self.kernel.prng);
        node.life += 1;
        let links: Vec<(LinkId, To)> = self.links_of(sid);
        for (link, end) in links {
            let other = if end == To::Client { To::Server } else { To::Client };
            self.net.lose_sent_by(link, other, &mut self.kernel.prng);
            // A killed process's kernel tells the others; a dead machine tells nobody.
            if self.kernel.prng.chance(2, 3) {
                self.send_arrival(link, other, Arrival::Closed);
            }
            self.net.vanish(link, end);
        }
        let down = Duration::from_millis(self.kernel.prng.between(1, 2500));
        self.kernel.after(down, Ev::Restart(sid));
    }

    fn links_of(&self, sid: Sid) -> Vec<(LinkId, To)> {
        let end = |(link, (client, server)): (&LinkId, &(Sid, Sid))| match (*client == sid, *server == sid) {
            (true, _) => Some((*link, To::Client)),
            (_, true) => Some((*link, To::Server)),
            _ => None,
        };
        self.links.iter().filter_map(end).collect()
    }

    fn restart(&mut self, sid: Sid) -> Checked {
        let config = zab::Config { bug: self.bug, ..self.swarm.config(sid) };
        let first = match self.swarm.joiners.contains(&sid) {
            // It knows the ensemble as it was, and itself.
            true => {
                let voters = self.swarm.voters.iter().copied().chain([sid]).collect();
                reconfig::config(0, &voters, &self.first.observers)
            }
            false => self.first.clone(),
        };
        let node = self.nodes.get_mut(&sid).expect("a server of this ensemble");
        if node.peer.is_none() {
            // Every other life is one of a server that goes by the file alone.
            let by_file = node.life % 2 == 1;
            node.start(config, first, by_file);
            // As upstream does at a start: of a log whose end nobody may have agreed to.
            if self.kernel.prng.chance(1, 3) {
                node.snapshot();
            }
            return self.step(sid, Event::Tick);
        }
        Ok(())
    }

    /// Cuts the servers in two, or one pair apart, for a while.
    fn partition(&mut self) {
        let sids = self.swarm.sids();
        let until = self.kernel.mono() + Duration::from_millis(self.kernel.prng.between(50, 4000));
        let side: BTreeSet<Sid> = sids.iter().copied().filter(|_| self.kernel.prng.chance(1, 2)).collect();
        for a in &sids {
            for b in &sids {
                if a < b && side.contains(a) != side.contains(b) {
                    self.blocked.insert((*a, *b));
                }
            }
        }
        for (link, (a, b)) in self.links.clone() {
            if self.is_blocked(a, b) {
                self.net.stall(link, until);
            }
        }
        self.kernel.at(until, Ev::Heal);
    }

    fn reset(&mut self) {
        let links = self.net.open_links();
        let Some(link) = self.kernel.prng.pick(&links).copied() else { return };
        let now = self.kernel.mono();
        for (to, at) in self.net.reset(now, link, &mut self.kernel.prng) {
            self.kernel.at(at, Ev::Arrive(link, to));
        }
    }

    /// The faults are over.
    fn on_calm(&mut self) -> Checked {
        self.stormy = false;
        self.calm_since = self.kernel.mono();
        self.blocked.clear();
        self.net.set_times(NetTimes { slow_one_in: 0, ..self.swarm.net });
        for node in self.nodes.values_mut() {
            node.paused = false;
        }
        for sid in self.swarm.sids() {
            self.restart(sid)?;
            self.schedule_tick(sid);
        }
        self.kernel.after(Duration::from_secs(1), Ev::Inspect);
        Ok(())
    }

    /// Everybody serves, has the same, and new proposals are committed; or it is too late.
    fn on_inspect(&mut self) -> Checked {
        let all = self.history.all().len();
        let behind = self.nodes.values().find(|node| !node.serving || node.service.len() + 50 < all);
        let fresh = self.history.all().last().is_some_and(|last| last.1 + 300 > self.operations);
        if behind.is_none() && fresh && self.operations >= OPERATIONS_MIN {
            self.done = true;
            return Ok(());
        }
        let waited = self.kernel.mono().since(self.calm_since) >= HEALING;
        // What is not promised: see `docs/divergence.md`, a leader that is lost in the middle of a reconfig.
        let unfinished =
            self.nodes.values().any(|node| node.peer.as_ref().is_some_and(|peer| peer.next_config().is_some()));
        if waited && unfinished {
            self.marks.hit(Mark::UnfinishedReconfig);
            self.done = true;
            return Ok(());
        }
        serves_again::PROPERTY.require(!waited, || {
            let who = behind.map(|node| {
                (node.sid, node.serving, node.service.len(), node.peer.as_ref().and_then(zab::Peer::last_end))
            });
            format!("after {HEALING:?} of calm (server, serves, delivered, last end) is {who:?}, of {all}")
        })?;
        self.kernel.after(Duration::from_secs(1), Ev::Inspect);
        Ok(())
    }
}

fn proposal_in(event: &Event) -> Option<zk_wire::Zxid> {
    match event {
        Event::FromLeader { packet: ToLearner::Proposal(proposal), .. } => Some(proposal.zxid),
        _ => None,
    }
}

/// The configuration in a reconfig, as a keeper reads it out of the transaction.
fn with_config(packet: ToLearner) -> ToLearner {
    let read = |sent: Proposal| proposal(txn(&sent));
    match packet {
        ToLearner::Proposal(sent) => ToLearner::Proposal(read(sent)),
        ToLearner::Inform(sent) => ToLearner::Inform(read(sent)),
        ToLearner::InformAndActivate { proposal: sent, leader } => {
            ToLearner::InformAndActivate { proposal: read(sent), leader }
        }
        packet => packet,
    }
}

fn snapshot_bytes(service: &[Txn]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(service.len() * 16);
    for (zxid, content) in service {
        bytes.put_i64(*zxid);
        bytes.put_u64(*content);
    }
    bytes.freeze()
}

fn snapshot_of(bytes: &[u8]) -> Vec<Txn> {
    let word = |bytes: &[u8]| bytes.first_chunk::<8>().map_or(0, |word| u64::from_be_bytes(*word));
    bytes.chunks_exact(16).map(|pair| (word(pair) as i64, word(&pair[8..]))).collect()
}
