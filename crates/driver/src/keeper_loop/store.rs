//! The store of a member: what its peer wants durable, one operation after the other.
//!
//! Transactions go to the log in groups, as alone. Everything else waits until the log has nothing under way, and what
//! comes behind it waits until it is durable. A state that is replaced (TRUNC, SNAP) is swapped in before the peer hears
//! that it is durable: nobody is served meanwhile.

use std::collections::VecDeque;
use std::io;

use base::planted::PlantedBug;
use keeper::{Event, Keeper, Recovery};
use storage::disk::Disk;
use storage::zk::error::StoreError;
use storage::zk::snapshot_writer::{SnapshotWriteError, SnapshotWriter};
use storage::zk::store::reload;
use storage::zk::txn_log::RestingLog;
use storage::zk::{epochs, install, truncate};
use zab::{Proposal, StoreOp, Token};
use zk_wire::{Epoch, Zxid};

use super::restore::write;
use super::{KeeperDone, KeeperLoop, KeeperWorld};
use crate::world::Lane;

/// Operations that are not durable.
#[derive(Debug, Default)]
pub(super) struct StoreQueue {
    /// Not begun.
    waiting: VecDeque<(Token, StoreOp)>,
    /// Transactions that the log has.
    logged: VecDeque<(Zxid, Token)>,
    /// The operation under way that is no transaction.
    running: Option<Token>,
}

impl StoreQueue {
    pub fn push(&mut self, token: Token, op: StoreOp) {
        self.waiting.push_back((token, op));
    }

    /// The log is durable up to there.
    pub fn durable(&mut self, zxid: Zxid) -> Option<Token> {
        let count = self.logged.partition_point(|(logged, _)| *logged <= zxid);
        self.logged.drain(..count).next_back().map(|(_, token)| token)
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.logged.is_empty() && self.running.is_none()
    }

    /// Whether the next operation puts another state in the place of this one.
    fn replaces_state(&self) -> bool {
        matches!(self.waiting.front(), Some((_, StoreOp::Truncate(_) | StoreOp::Install { .. })))
    }
}

/// An operation that is over.
pub enum StoreDone<D: Disk> {
    /// An epoch's file is written.
    Epoch(Token, io::Result<()>),
    /// The log was cut, or could not be.
    Truncated(Token, RestingLog<D>, Result<Truncation, StoreError>),
    /// A leader's snapshot is in place.
    Installed(Token, RestingLog<D>, Box<Keeper>, io::Result<()>),
}

/// What became of a truncation.
pub enum Truncation {
    /// The log cannot be cut there.
    Impossible,
    /// It is cut, and the service did not have what is gone.
    Log,
    /// It is cut, and this is the state that it leads to.
    State(Box<Keeper>),
}

impl<D: Disk> KeeperLoop<D> {
    /// Whether the next thing to be done, or being done, puts another state in the place of this one.
    pub(super) fn wants_other_state(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.store.replaces_state() || member.store.running.is_some())
    }

    /// Begins what can begin now.
    pub(super) fn advance_store<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        while let Some(member) = &mut self.member
            && member.store.running.is_none()
            && let Some((_, op)) = member.store.waiting.front()
        {
            let is_append = matches!(op, StoreOp::Append(_));
            let busy = !self.log.is_idle()
                || member.store.replaces_state() && (self.claim_running || self.snapshots.is_running());
            if busy && !is_append {
                return;
            }
            let (token, op) = member.store.waiting.pop_front().expect("looked at above");
            match op {
                StoreOp::Append(proposal) => self.append(world, token, proposal),
                StoreOp::AcceptedEpoch(epoch) => self.write_epoch(world, token, epoch, epochs::write_accepted),
                StoreOp::CurrentEpoch(epoch) => self.write_epoch(world, token, epoch, epochs::write_current),
                StoreOp::Truncate(zxid) => self.truncate(world, token, zxid),
                StoreOp::Install { zxid, tail } => self.install(world, token, zxid, tail),
            }
        }
    }

    fn append<W: KeeperWorld<D>>(&mut self, world: &W, token: Token, proposal: Proposal) {
        let zxid = proposal.zxid;
        self.appended = zxid;
        self.waiting_since.get_or_insert(world.now().mono);
        self.log.append(zxid.0, proposal.bytes);
        if let Some(member) = &mut self.member {
            member.store.logged.push_back((zxid, token));
        }
    }

    fn write_epoch<W: KeeperWorld<D>>(
        &mut self,
        world: &mut W,
        token: Token,
        epoch: Epoch,
        write: fn(&D, &std::path::Path, i64) -> io::Result<()>,
    ) {
        self.begin(token);
        let (disk, snap_dir) = (self.dir.disk.clone(), self.dir.snap_dir.clone());
        let job = move || KeeperDone::Store(StoreDone::Epoch(token, write(&disk, &snap_dir, epoch.0)));
        world.offload(Lane::Sync, Box::new(job));
    }

    fn truncate<W: KeeperWorld<D>>(&mut self, world: &mut W, token: Token, zxid: Zxid) {
        self.begin(token);
        self.durable = self.durable.min(zxid);
        let forgotten = self.config.bug.is(PlantedBug::TruncateKeepsState);
        let has_more = self.keeper.with(|keeper| keeper.last_processed() > zxid) && !forgotten;
        let recovery = has_more.then(|| self.new_recovery());
        let (dir, options, now) = (self.dir.clone(), self.config.restore_options(), world.now());
        let mut log = self.log.rest();
        let job = move || {
            let folders = (dir.snap_dir.as_path(), dir.log_dir.as_path());
            let cut = truncate::truncate(&dir.disk, folders, &mut log, zxid.0);
            let result = cut.map_err(StoreError::io("cut the transaction log in", &dir.log_dir)).and_then(|possible| {
                match (possible, recovery) {
                    (false, _) => Ok(Truncation::Impossible),
                    (true, None) => Ok(Truncation::Log),
                    (true, Some(recovery)) => {
                        let recovery = reload(&dir, options, recovery)?;
                        Ok(Truncation::State(Box::new(recovery.finish(now))))
                    }
                }
            });
            KeeperDone::Store(StoreDone::Truncated(token, log, result))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    fn install<W: KeeperWorld<D>>(&mut self, world: &mut W, token: Token, zxid: Zxid, tail: Vec<Proposal>) {
        self.begin(token);
        let recovery = self.member.as_mut().and_then(|member| member.staged.take());
        let recovery = recovery.expect("the peer installs a snapshot that has arrived");
        let (dir, now) = (self.dir.clone(), world.now());
        let mut log = self.log.rest();
        let keeps_old = self.config.bug.is(PlantedBug::InstallKeepsOldLog);
        self.appended = tail.last().map_or(zxid, |last| last.zxid);
        let job = move || {
            let keeper = Box::new(recovery.finish(now));
            let tail: Vec<_> = tail.into_iter().map(|proposal| (proposal.zxid.0, proposal.bytes)).collect();
            let writer = SnapshotWriter::new(dir.disk.clone(), &dir.snap_dir, zxid.0).named(install::SNAPSHOT);
            let writer = if keeps_old { SnapshotWriter::new(dir.disk.clone(), &dir.snap_dir, zxid.0) } else { writer };
            let folders = (dir.snap_dir.as_path(), dir.log_dir.as_path());
            let result = write(&keeper, writer, None)
                .map_err(|error| match error {
                    SnapshotWriteError::Write(error) | SnapshotWriteError::Sync(error) => error,
                })
                .and_then(|()| log.let_go())
                .and_then(|()| match keeps_old {
                    true => log.side().forget(),
                    false => install::install(&dir.disk, folders, &mut log.side(), zxid.0, &tail),
                });
            KeeperDone::Store(StoreDone::Installed(token, log, keeper, result))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    fn begin(&mut self, token: Token) {
        if let Some(member) = &mut self.member {
            member.store.running = Some(token);
        }
    }

    fn new_recovery(&mut self) -> Recovery {
        let prng = self.member.as_mut().expect("only a member replaces its state").prng.fork();
        Recovery::new(self.config.keeper.clone(), prng)
    }

    pub(super) fn store_done<W: KeeperWorld<D>>(&mut self, world: &mut W, done: StoreDone<D>, events: &mut Vec<Event>) {
        if let Some(member) = &mut self.member {
            member.store.running = None;
        }
        let stored = |token| Event::Ensemble(zab::Event::Stored { token });
        match done {
            StoreDone::Epoch(token, Ok(())) => events.push(stored(token)),
            StoreDone::Epoch(_, Err(error)) => self.fail(world, "write an epoch's file", error),
            StoreDone::Truncated(token, log, Ok(truncation)) => {
                self.log.resume(log);
                match truncation {
                    Truncation::Impossible if self.config.bug.is(PlantedBug::TruncateNotDone) => {
                        events.push(stored(token))
                    }
                    Truncation::Impossible => events.push(Event::Ensemble(zab::Event::TruncateImpossible)),
                    Truncation::Log => events.push(stored(token)),
                    Truncation::State(state) => {
                        self.adopt(world, state, false);
                        events.push(stored(token));
                    }
                }
            }
            StoreDone::Truncated(_, _, Err(error)) => {
                self.fail(
                    world,
                    "cut the transaction log behind what the leader has",
                    io::Error::other(error.to_string()),
                );
            }
            StoreDone::Installed(token, log, state, Ok(())) => {
                self.log.resume(log);
                if !self.config.bug.is(PlantedBug::InstallKeepsState) {
                    self.adopt(world, state, true);
                }
                events.push(stored(token));
            }
            StoreDone::Installed(_, _, _, Err(error)) => self.fail(world, "install the leader's snapshot", error),
        }
        self.advance_snapshots(world);
    }

    fn adopt<W: KeeperWorld<D>>(&mut self, world: &mut W, mut state: Box<Keeper>, fuzzy: bool) {
        let now = world.now();
        self.keeper.with_mut(|keeper| keeper.adopt(now, &mut state, fuzzy));
        // A large tree takes its time to go.
        let job = move || {
            drop(state);
            KeeperDone::Dropped
        };
        world.offload(Lane::Bulk, Box::new(job));
    }
}
