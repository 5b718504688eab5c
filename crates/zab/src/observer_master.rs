//! A follower that serves observers as its leader would (upstream: `ObserverMaster`), so that many of them cost the leader
//! nothing.
//!
//! It decides nothing: the epoch is its leader's, and observers are sent what is committed here. What they ask is the
//! services' affair.

use std::collections::BTreeMap;

use base::Instant;
use zk_wire::{Epoch, Zxid};

use crate::broadcast::Proposal;
use crate::config::Config;
use crate::event::{CloseReason, Effect, Link};
use crate::history::History;
use crate::leader::LearnerView;
use crate::packet::{LearnerKind, ToLeader, ToLearner};
use crate::quorum::{QuorumConfig, Sid};
use crate::sync::{self, Source, SyncKind, SyncPlan, plan, plan_from_log};

/// How far an observer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Dialled.
    Connected,
    /// Said who it is; waits for nothing but its own disk.
    Known,
    /// Accepted the epoch, and has more than is committed here: it was with another server.
    Ahead,
    /// Lacks so much that the log on the disk is looked into.
    Searching,
    /// Was sent the history and NEWLEADER; gets what is committed from here on.
    Synchronizing,
    /// Serves.
    UpToDate,
}

#[derive(Debug)]
struct Observer {
    sid: Sid,
    stage: Stage,
    /// The last transaction in its log when it accepted the epoch.
    last: Zxid,
    sync: Option<SyncKind>,
    connected: Instant,
    heard: Instant,
}

/// The part of a follower that serves observers.
#[derive(Debug)]
pub struct ObserverMaster {
    config: Config,
    epoch: Epoch,
    observers: BTreeMap<Link, Observer>,
    ping_at: Instant,
}

/// What it works with.
pub struct Context<'a> {
    /// The log.
    pub history: &'a History,
    /// The configuration that counts, for NEWLEADER.
    pub config: &'a QuorumConfig,
    /// What is to be done.
    pub effects: &'a mut Vec<Effect>,
}

impl ObserverMaster {
    /// Of a follower that serves in this epoch.
    pub fn new(now: Instant, config: &Config, epoch: Epoch) -> Self {
        Self { config: config.clone(), epoch, observers: BTreeMap::new(), ping_at: now + config.tick / 2 }
    }

    /// When [`ObserverMaster::on_tick`] is wanted; never while there are no observers.
    pub fn deadline(&self) -> Option<Instant> {
        (!self.observers.is_empty()).then_some(self.ping_at)
    }

    /// Somebody dialled.
    pub fn on_connected(&mut self, now: Instant, link: Link) {
        let observer =
            Observer { sid: 0, stage: Stage::Connected, last: Zxid::ZERO, sync: None, connected: now, heard: now };
        self.observers.insert(link, observer);
    }

    /// A connection ended.
    pub fn on_closed(&mut self, link: Link) {
        self.observers.remove(&link);
    }

    /// All connections, for closing.
    pub fn links(&self) -> Vec<Link> {
        self.observers.keys().copied().collect()
    }

    /// The connection of an observer that serves.
    pub fn link_of(&self, sid: Sid) -> Option<Link> {
        let serves = |observer: &Observer| observer.sid == sid && observer.stage == Stage::UpToDate;
        self.observers.iter().find(|(_, observer)| serves(observer)).map(|(link, _)| *link)
    }

    /// Those who have said who they are, in order of their ids.
    pub fn learners(&self) -> Vec<LearnerView> {
        let known = self.observers.iter().filter(|(_, observer)| observer.stage > Stage::Connected);
        let view = |(link, observer): (&Link, &Observer)| LearnerView {
            sid: observer.sid,
            kind: LearnerKind::Observer,
            link: *link,
            synced: observer.stage == Stage::UpToDate,
            serves: observer.stage == Stage::UpToDate,
            joined_at: observer.last,
            heard: observer.heard,
        };
        LearnerView::sorted(known.map(view))
    }

    /// A packet of an observer.
    pub fn on_packet(&mut self, now: Instant, link: Link, packet: ToLeader, cx: &mut Context<'_>) {
        let Some(observer) = self.observers.get_mut(&link) else { return };
        observer.heard = now;
        let (sid, serves) = (observer.sid, observer.stage == Stage::UpToDate);
        match packet {
            ToLeader::Info { kind, sid, accepted, config_version } => {
                let newer = config_version > cx.config.version;
                self.on_info(link, (kind, sid), accepted, newer, cx);
            }
            ToLeader::AckEpoch { last, .. } => self.on_ack_epoch(link, last, cx),
            ToLeader::Ack(zxid) => self.on_ack(link, zxid, cx),
            ToLeader::Ping(sessions) => cx.effects.push(Effect::Touched { sid, sessions }),
            ToLeader::Service(packet) if serves => cx.effects.push(Effect::FromLearner { sid, packet }),
            ToLeader::Service(_) => {}
        }
    }

    fn on_info(
        &mut self,
        link: Link,
        (kind, sid): (LearnerKind, Sid),
        accepted: Epoch,
        newer: bool,
        cx: &mut Context<'_>,
    ) {
        let refused = match self.observers[&link].stage {
            _ if kind == LearnerKind::Follower => Some("a follower, where observers are served"),
            _ if sid == self.config.sid => Some("this server's own id"),
            _ if accepted > self.epoch => Some("it has accepted a later epoch"),
            _ if newer => Some("it has a later configuration"),
            Stage::Connected => None,
            _ => Some("a second introduction"),
        };
        if let Some(why) = refused {
            return self.close(link, CloseReason::Unexpected(why), cx);
        }
        let same = |observer: &Observer| observer.sid == sid && observer.stage > Stage::Connected;
        if let Some(older) = self.observers.iter().find(|(_, observer)| same(observer)).map(|(link, _)| *link) {
            self.close(older, CloseReason::Replaced, cx);
        }
        let observer = self.observers.get_mut(&link).expect("looked up above");
        (observer.sid, observer.stage) = (sid, Stage::Known);
        cx.effects.push(Effect::ToLearner { link, packet: ToLearner::LeaderInfo(self.epoch) });
    }

    fn on_ack_epoch(&mut self, link: Link, last: Zxid, cx: &mut Context<'_>) {
        let observer = self.observers.get_mut(&link).expect("looked up by the caller");
        if observer.stage != Stage::Known {
            return self.close(link, CloseReason::Unexpected("an accepted epoch that nobody proposed"), cx);
        }
        observer.last = last;
        // What it has of this epoch is committed or will be: nothing of it has to be cut.
        if last > cx.history.delivered() && last.epoch() == self.epoch {
            observer.stage = Stage::Ahead;
            return;
        }
        self.synchronize(link, cx);
    }

    fn synchronize(&mut self, link: Link, cx: &mut Context<'_>) {
        let (peer, until) = (self.observers[&link].last, cx.history.delivered());
        let plan = if self.config.force_snapshot_sync { SyncPlan::Snap } else { plan(cx.history, peer, until) };
        if plan == SyncPlan::Search && self.config.log_sync {
            self.observers.get_mut(&link).expect("looked up above").stage = Stage::Searching;
            return cx.effects.push(Effect::FindInLog { link, peer, until });
        }
        self.send_history(link, plan, Source::Window, cx);
    }

    /// What the log on the disk has of what an observer lacks.
    pub fn on_found_in_log(&mut self, link: Link, common: Option<Zxid>, cx: &mut Context<'_>) {
        let searching = self.observers.get(&link).filter(|observer| observer.stage == Stage::Searching);
        let Some(peer) = searching.map(|observer| observer.last) else { return };
        self.send_history(link, plan_from_log(common, peer, cx.history.delivered()), Source::Log, cx);
    }

    fn send_history(&mut self, link: Link, plan: SyncPlan, source: Source, cx: &mut Context<'_>) {
        let kind = plan.kind();
        let same = |observer: &&Observer| observer.stage == Stage::Synchronizing && observer.sync == Some(kind);
        if self.observers.values().filter(same).count() >= kind.max(&self.config) {
            return self.close(link, CloseReason::TooManySyncs, cx);
        }
        let observer = self.observers.get_mut(&link).expect("looked up by the caller");
        (observer.stage, observer.sync) = (Stage::Synchronizing, Some(kind));
        sync::send(cx.history, link, (plan, source), cx.history.delivered(), &self.config, cx.effects);
        let packet = ToLearner::NewLeader(self.epoch, cx.config.text.clone());
        cx.effects.push(Effect::ToLearner { link, packet });
    }

    /// The history is durable at an observer. Upstream's say it once more when they begin to serve.
    fn on_ack(&mut self, link: Link, zxid: Zxid, cx: &mut Context<'_>) {
        let observer = self.observers.get_mut(&link).expect("looked up by the caller");
        match observer.stage {
            Stage::UpToDate => {}
            Stage::Synchronizing if zxid == self.epoch.first_zxid() => {
                observer.stage = Stage::UpToDate;
                cx.effects.push(Effect::ToLearner { link, packet: ToLearner::UpToDate });
            }
            _ => self.close(link, CloseReason::Unexpected("an acknowledged history that nobody sent"), cx),
        }
    }

    /// Transactions are committed here, in order; behind a reconfig among them `leader` leads.
    pub fn on_delivered(&mut self, proposals: &[Proposal], leader: Sid, cx: &mut Context<'_>) {
        for (link, observer) in &self.observers {
            if observer.stage >= Stage::Synchronizing {
                let inform = |proposal: &Proposal| match proposal.config {
                    Some(_) => ToLearner::InformAndActivate { proposal: proposal.clone(), leader },
                    None => ToLearner::Inform(proposal.clone()),
                };
                let packets = proposals.iter().map(inform);
                cx.effects.extend(packets.map(|packet| Effect::ToLearner { link: *link, packet }));
            }
        }
        let delivered = cx.history.delivered();
        let caught_up = |observer: &Observer| observer.stage == Stage::Ahead && observer.last <= delivered;
        let ready: Vec<Link> =
            self.observers.iter().filter(|(_, observer)| caught_up(observer)).map(|(link, _)| *link).collect();
        ready.into_iter().for_each(|link| self.synchronize(link, cx));
    }

    /// Time passed.
    pub fn on_tick(&mut self, now: Instant, cx: &mut Context<'_>) {
        if self.ping_at > now {
            return;
        }
        self.ping_at = now + self.config.tick / 2;
        let last = cx.history.delivered();
        let synchronizing = self.observers.iter().filter(|(_, observer)| observer.stage >= Stage::Synchronizing);
        let ping = |link: &Link| Effect::ToLearner { link: *link, packet: ToLearner::Ping(last) };
        cx.effects.extend(synchronizing.map(|(link, _)| ping(link)));
        let (sync, init) = (self.config.sync_time(), self.config.init_time());
        let silent = |observer: &Observer| match observer.stage {
            Stage::UpToDate => observer.heard + sync <= now,
            // Synchronising may take long; the observer says nothing meanwhile.
            _ => observer.heard.max(observer.connected) + init <= now,
        };
        let gone: Vec<Link> =
            self.observers.iter().filter(|(_, observer)| silent(observer)).map(|(link, _)| *link).collect();
        gone.into_iter().for_each(|link| self.close(link, CloseReason::Silent, cx));
    }

    fn close(&mut self, link: Link, reason: CloseReason, cx: &mut Context<'_>) {
        self.observers.remove(&link);
        cx.effects.push(Effect::Close { link, reason });
    }
}
