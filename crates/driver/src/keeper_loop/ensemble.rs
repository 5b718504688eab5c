//! A member's loop: what its peer wants of the world, and snapshots on their way to learners and from a leader.
//!
//! A snapshot for a learner is serialised a chunk at a time under the shared lock, the first one at once, the next one when
//! the last has left for the network: so a slow learner costs neither memory nor time of the others. Writes go on in
//! between.

use std::collections::BTreeMap;

use base::planted::PlantedBug;
use base::{Prng, Str};
use bytes::BytesMut;
use keeper::{Effect, Event, Keeper, Recovery, Seat, SnapshotCursor};
use storage::disk::Disk;
use storage::zk::data_dir::DataDir;
use storage::zk::epochs;
use storage::zk::error::StoreError;
use storage::zk::intake::{self, SnapshotIntake};
use zab::{Link, QuorumVerifier};
use zk_wire::{Epoch, Zxid};

use super::log_sync::LogSyncs;
use super::store::StoreQueue;
use super::{KeeperLoop, KeeperLoopConfig, KeeperWorld};

/// How many times larger the first piece of a learner's snapshot is than the others.
const FIRST_CHUNKS: usize = 4;

/// What makes a keeper a member of an ensemble.
#[derive(Clone, Debug)]
pub struct EnsembleConfig {
    /// The protocol's settings, with this server's id.
    pub zab: zab::Config,
    /// Who votes. A server that is not among them observes.
    pub verifier: QuorumVerifier,
    /// The configuration as text: the servers' lines and the version's, as `/zookeeper/config` has them.
    pub config_text: Str,
    /// A later one that was kept because it may be committed.
    pub next_text: Option<Str>,
}

impl EnsembleConfig {
    /// The member that a folder makes, whose last transaction is `last_zxid`.
    pub(super) fn seat<D: Disk>(&self, dir: &DataDir<D>, last_zxid: i64) -> Result<Seat, StoreError> {
        let mut epochs = epochs::read(&dir.disk, &dir.snap_dir, last_zxid)?;
        if self.zab.bug.is(PlantedBug::AcceptedEpochNotRead) {
            epochs.accepted = epochs.current;
        }
        Ok(Seat {
            config: self.zab.clone(),
            verifier: self.verifier.clone(),
            config_text: self.config_text.clone(),
            next_text: self.next_text.clone(),
            accepted: Epoch(epochs.accepted),
            current: Epoch(epochs.current),
        })
    }
}

/// What a member's loop keeps.
pub(super) struct MemberState {
    pub store: StoreQueue,
    /// A leader's snapshot that has arrived and is not installed.
    pub staged: Option<Recovery>,
    /// Snapshots on their way to learners.
    sending: BTreeMap<Link, SnapshotCursor>,
    /// Learners that get something of the log.
    pub log_syncs: LogSyncs,
    pub prng: Prng,
}

impl MemberState {
    pub fn new(prng: Prng) -> Self {
        Self {
            store: StoreQueue::default(),
            staged: None,
            sending: BTreeMap::new(),
            log_syncs: LogSyncs::default(),
            prng,
        }
    }

    /// Performs what the peer wants. Called under the exclusive lock. Snapshots to be sent are collected: they want the
    /// shared one.
    pub fn perform<D: Disk, W: KeeperWorld<D>>(
        &mut self,
        config: &KeeperLoopConfig,
        world: &mut W,
        effect: zab::Effect,
        snapshots: &mut Vec<(Link, Zxid)>,
    ) {
        match effect {
            zab::Effect::Notify { to, notification } => world.notify(to, notification),
            zab::Effect::Dial { leader } => world.dial(leader),
            zab::Effect::ToLearner { link, packet } => world.to_learner(link, &packet),
            zab::Effect::ToLeader { link, packet } => world.to_leader(link, &packet),
            zab::Effect::SendSnapshot { link, zxid } => {
                world.begin_stream(link);
                self.log_syncs.forget(link);
                snapshots.push((link, zxid));
            }
            zab::Effect::FindInLog { link, peer, until } => self.log_syncs.search(link, peer, until),
            zab::Effect::SendLog { link, after, until } => {
                world.begin_stream(link);
                self.log_syncs.send(link, after, until);
            }
            zab::Effect::Receive { link, zxid } => {
                let recovery = Recovery::new(config.keeper.clone(), self.prng.fork());
                let intake = SnapshotIntake::new(zxid, recovery, config.record_bytes_max());
                world.receive_snapshot(link, Box::new(intake));
            }
            zab::Effect::Close { link, reason } => {
                self.sending.remove(&link);
                self.log_syncs.forget(link);
                world.close_link(link, reason);
            }
            zab::Effect::Store { token, op } => self.store.push(token, op),
            zab::Effect::Deliver(_)
            | zab::Effect::Standing(_)
            | zab::Effect::Configured(_)
            | zab::Effect::NextConfig(_)
            | zab::Effect::Touched { .. }
            | zab::Effect::FromLearner { .. }
            | zab::Effect::FromLeader(_)
            | zab::Effect::HandoverOver(_)
            | zab::Effect::Confirmed(_) => unreachable!("the machine keeps it to itself"),
        }
    }
}

/// Whether a learner is to get this server's state as it is now.
pub(super) fn sends_snapshot(effect: &Effect) -> bool {
    matches!(effect, Effect::Ensemble(zab::Effect::SendSnapshot { .. }))
}

impl<D: Disk> KeeperLoop<D> {
    /// The first piece, in the same turn: a state that is no larger is sent as it is at that transaction, and holds nothing
    /// of those behind it. A learner of Apache's counts wrong digests until it has those as well.
    pub(super) fn begin_to_send<W: KeeperWorld<D>>(&mut self, world: &mut W, link: Link, zxid: Zxid) {
        let first_bytes = self.config.snapshot_chunk_bytes * FIRST_CHUNKS;
        let mut bytes = BytesMut::new();
        let begin = |keeper: &Keeper| {
            let mut cursor = keeper.snapshot_begin_at(zxid, &mut bytes);
            let more = keeper.snapshot_chunk(&mut cursor, first_bytes, &mut bytes);
            (cursor, more)
        };
        let (cursor, more) = self.keeper.with(begin);
        match &mut self.member {
            Some(member) if more => drop(member.sending.insert(link, cursor)),
            _ => bytes.extend_from_slice(&intake::signature()),
        }
        world.send_stream(link, bytes.freeze(), !more);
    }

    /// The next piece for a learner that has taken the last one.
    pub(super) fn send_more<W: KeeperWorld<D>>(&mut self, world: &mut W, link: Link) {
        match self.member.as_ref().is_some_and(|member| member.log_syncs.sends(link)) {
            true => self.send_more_log(world, link),
            false => self.send_chunk(world, link),
        }
    }

    fn send_chunk<W: KeeperWorld<D>>(&mut self, world: &mut W, link: Link) {
        let chunk_bytes = self.config.snapshot_chunk_bytes;
        let Some(member) = &mut self.member else { return };
        let Some(cursor) = member.sending.get_mut(&link) else { return };
        let mut bytes = BytesMut::with_capacity(chunk_bytes + 4096);
        let more = self.keeper.with(|keeper| keeper.snapshot_chunk(cursor, chunk_bytes, &mut bytes));
        if !more {
            bytes.extend_from_slice(&intake::signature());
            member.sending.remove(&link);
        }
        world.send_stream(link, bytes.freeze(), !more);
    }

    /// A leader's snapshot is whole: it waits for the peer's word.
    pub(super) fn stage_snapshot(&mut self, link: Link, snapshot: SnapshotIntake, events: &mut Vec<Event>) {
        let Some(member) = &mut self.member else { return };
        if let Some(recovery) = snapshot.into_recovery() {
            member.staged = Some(recovery);
            events.push(Event::Ensemble(zab::Event::SnapshotReceived { link }));
        }
    }

    pub(super) fn forget_link_that_ends(&mut self, event: &Event) {
        if let (Event::Ensemble(zab::Event::Closed { link }), Some(member)) = (event, &mut self.member) {
            member.sending.remove(link);
            member.log_syncs.forget(*link);
        }
    }
}
