//! The loop around a [`Keeper`]: one turn takes a batch of inputs, and everything the batch wrote to the log goes to
//! the disk as one group with one sync.
//!
//! * Inputs step through the machine under the exclusive lock, a bounded number at a time; what they send is in the
//!   connections' queues before the lock is given back (see [`crate::conn_order`]).
//! * While a group is being synced on [`Lane::Sync`], the next one collects. When it is durable the machine gets
//!   `Synced`, and only then do the replies of its writes exist.
//! * Snapshots are written in chunks on [`Lane::Bulk`]; between two chunks writes go on.
//! * A member of an ensemble does what its peer wants: the store's operations in order (`store`), links, votes, snapshots
//!   for learners (`ensemble`).
//! * An error of the log's write or sync is final: the world is told, and the loop does nothing any more.

mod ensemble;
mod log_sync;
mod restore;
mod snapshots;
mod store;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::planted::PlantedBug;
use base::{Instant, Prng, Str};
use bytes::Bytes;
use keeper::audit::AuditRecord;
use keeper::quota::QuotaExceeded;
use keeper::{CloseReason, ConnId, Effect, Event, Keeper, Recovery};
use storage::disk::Disk;
use storage::zk::data_dir::DataDir;
use storage::zk::error::StoreError;
use storage::zk::intake::SnapshotIntake;
use storage::zk::names::Compression;
use storage::zk::purge::purge;
use storage::zk::restore::RestoreOptions;
use storage::zk::snapshot_writer::SnapshotWriteError;
use storage::zk::store::open_member;
use storage::zk::txn_log::{GroupDone, TxnLog, TxnLogConfig};
use zab::event::CloseReason as LinkClose;
use zab::{Link, Sid, Standing, ToLeader, ToLearner};
use zk_wire::election::Notification;
use zk_wire::{OpCode, SessionId, Zxid};

pub use self::ensemble::EnsembleConfig;
pub use self::log_sync::LogSyncDone;
pub use self::restore::Restored;
pub use self::snapshots::Snapshot;
pub use self::store::StoreDone;

use self::ensemble::{MemberState, sends_snapshot};
use self::restore::Restoring;
use self::snapshots::{Snapshots, Wanted};
use crate::conn_order::{SharedKeeper, is_notification};
use crate::world::{Lane, World};

/// The world of a keeper's loop.
pub trait KeeperWorld<D: Disk>: World<Disk = D, Done = KeeperDone<D>> {
    /// Puts a frame (without its length) into a connection's queue. Must not wait. A connection that is gone, or whose
    /// queue is over its limit, is the world's affair.
    fn send(&mut self, conn: ConnId, frame: Bytes);

    /// A session is established on the connection.
    fn established(&mut self, conn: ConnId, session: SessionId, timeout_ms: i32);

    /// Closes a connection once its queue has left.
    fn close(&mut self, conn: ConnId, reason: CloseReason);

    /// Something an operator should see.
    fn note(&mut self, note: KeeperNote);

    /// Something that a metric counts.
    fn measured(&mut self, _measure: KeeperMeasure) {}

    /// A line for the audit log.
    fn audit(&mut self, _record: AuditRecord) {}

    /// The snapshot that [`KeeperInput::TakeSnapshot`] asked for under this number is written, or not.
    fn snapshot_taken(&mut self, _asked: u64, _result: Result<PathBuf, String>) {}

    /// The state that [`KeeperInput::Restore`] brought under this number is in place, as that of the transaction given,
    /// and durable; or nothing has changed.
    fn restored(&mut self, _asked: u64, _result: Result<Zxid, String>) {}

    /// What came of [`KeeperInput::HandOver`] under this number: who takes over, or one line for people.
    fn handed_over(&mut self, _asked: u64, _result: Result<Sid, String>) {}

    /// The log cannot be trusted any more: the process must stop. No reply leaves after this.
    fn fatal(&mut self, error: KeeperFatal);

    /// Sends a vote to another member. Only the latest to each matters, and it is sent again on each new connection.
    fn notify(&mut self, _to: Sid, _notification: Notification) {
        alone()
    }

    /// Connects to the quorum port of the leader; answered with one `LeaderConnected` or `LeaderUnreachable`.
    fn dial(&mut self, _leader: Sid) {
        alone()
    }

    /// Queues a packet for a learner. Must not wait. A link that is gone is the world's affair; one whose queue is over
    /// its limit ends.
    fn to_learner(&mut self, _link: Link, _packet: &ToLearner) {
        alone()
    }

    /// Queues a packet for the leader, likewise.
    fn to_leader(&mut self, _link: Link, _packet: &ToLeader) {
        alone()
    }

    /// A stream begins on a link: packets that are queued from now on leave behind its last bytes.
    fn begin_stream(&mut self, _link: Link) {
        alone()
    }

    /// Queues bytes of the stream. When any but the last have left, [`KeeperInput::Drained`] asks for the next.
    fn send_stream(&mut self, _link: Link, _chunk: Bytes, _last: bool) {
        alone()
    }

    /// What comes next on this link is a snapshot: its bytes go into `intake`, away from the loop's thread, until that
    /// gives back what is behind it; then [`KeeperInput::SnapshotReceived`]. An error ends the link.
    fn receive_snapshot(&mut self, _link: Link, _intake: Box<SnapshotIntake>) {
        alone()
    }

    /// Closes a link once what is queued has left, or at once when it does not drain.
    fn close_link(&mut self, _link: Link, _reason: LinkClose) {
        alone()
    }

    /// This member's place changed.
    fn standing(&mut self, _standing: Standing) {
        alone()
    }

    /// This configuration of the ensemble counts from now on: the servers' lines and the version's, as text.
    fn configured(&mut self, _text: &Str) {}

    /// This later configuration may be committed, or none may any more: it is durable when this returns, or the world has
    /// said why it is not.
    fn next_config(&mut self, _text: Option<&Str>) {}

    /// Whether learners that dial are listened to, from the election on. False at the start.
    fn leads(&mut self, _leads: bool) {
        alone()
    }
}

fn alone() -> ! {
    unreachable!("a keeper that stands alone has no ensemble")
}

/// Something an operator should see.
#[derive(Debug)]
pub enum KeeperNote {
    /// From the restore: tails cut off, snapshots passed over.
    Restore(String),
    /// A snapshot was written.
    SnapshotWritten(PathBuf),
    /// A snapshot could not be written; the server goes on.
    SnapshotFailed(io::Error),
    /// Files were removed that no restore needs.
    Purged(Vec<PathBuf>),
    /// Purging failed; the server goes on.
    PurgeFailed(io::Error),
    /// A write went beyond a quota.
    QuotaExceeded(QuotaExceeded),
    /// A group took longer than `fsync.warningthresholdms`.
    SlowSync(Duration),
    /// The log could not be read for a learner, which gets a snapshot now or later.
    LogSyncFailed(io::Error),
}

/// Something that a metric counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperMeasure {
    /// A group of the log is written and synced.
    Group {
        /// Since the job was given away.
        took: Duration,
        /// How many are in it.
        transactions: usize,
    },
    /// The folder is restored.
    Startup {
        /// In which its snapshot was read.
        snapshot: Duration,
        /// In which its logs were read.
        logs: Duration,
        /// Transactions that were in the logs only.
        transactions: u64,
    },
    /// This server, which leads, proposes a transaction.
    Proposed {
        /// Its number.
        zxid: Zxid,
        /// TxnHeader, transaction and digest.
        payload: Bytes,
    },
    /// A snapshot is written.
    Snapshot(Duration),
    /// Another state is in the place of the old one.
    Restore(Duration),
}

/// Why the loop stopped.
#[derive(Debug)]
pub struct KeeperFatal {
    /// What was being done.
    pub what: &'static str,
    /// What the disk says.
    pub error: io::Error,
}

/// A finished job of the loop.
pub enum KeeperDone<D: Disk> {
    /// A group of the log.
    Group(GroupDone<D>),
    /// The floor in `castlekeep.synced`.
    Claim(io::Result<()>),
    /// A chunk of the snapshot is written; more follow.
    Snapshot(Box<Snapshot<D>>),
    /// The snapshot is written, with what was purged behind it; or it failed.
    SnapshotEnd(Result<(PathBuf, io::Result<Vec<PathBuf>>), SnapshotWriteError>),
    /// Files that no restore needs are removed, by the clock.
    Purged(io::Result<Vec<PathBuf>>),
    /// A restored state is written as a snapshot, or could not be.
    Restored(Box<Restored>),
    /// An operation of a member's store.
    Store(StoreDone<D>),
    /// A piece of the log is read for a learner.
    LogSync(LogSyncDone),
    /// An old state is gone from memory.
    Dropped,
    /// The log is closed.
    Closed(io::Result<()>),
}

/// What a turn takes.
pub enum KeeperInput<D: Disk> {
    /// For the machine.
    Event(Event),
    /// A finished job.
    Done(KeeperDone<D>),
    /// The operator wants a snapshot that holds everything up to now; answered with this number.
    TakeSnapshot(u64),
    /// The operator wants another state in the place of this one; answered with this number.
    Restore(u64, Box<Recovery>),
    /// The operator wants that member to lead, or whoever is furthest; answered with this number.
    HandOver(u64, Option<Sid>),
    /// The snapshot that [`KeeperWorld::receive_snapshot`] asked for is whole.
    SnapshotReceived {
        /// The leader's connection.
        link: Link,
        /// The snapshot.
        snapshot: Box<SnapshotIntake>,
    },
    /// The bytes that [`KeeperWorld::send_stream`] gave have left, and more are wanted.
    Drained(Link),
}

/// How the loop stores.
#[derive(Clone, Debug)]
pub struct KeeperLoopConfig {
    /// `dataDir`.
    pub data_dir: PathBuf,
    /// `dataLogDir`.
    pub data_log_dir: Option<PathBuf>,
    /// The log.
    pub log: TxnLogConfig,
    /// The machine.
    pub keeper: keeper::Config,
    /// The ensemble that this server is a member of.
    pub ensemble: Option<EnsembleConfig>,
    /// `snapshot.trust.empty`.
    pub trust_empty: bool,
    /// `db.autocreate`: an empty folder is begun without being asked to.
    pub autocreate: bool,
    /// `snapshot.compression.method`.
    pub compression: Compression,
    /// `serializeLastProcessedZxid.enabled`: snapshots end with 3.9's trailer.
    pub snapshot_last_zxid: bool,
    /// `jute.maxbuffer`.
    pub jute_max_buffer: usize,
    /// `jute.maxbuffer.extrasize`: what stored data may exceed it by.
    pub jute_max_buffer_extra: usize,
    /// Snapshots to keep (`autopurge.snapRetainCount`); `None` purges never.
    pub retain: Option<usize>,
    /// When to purge (`autopurge.purgeInterval`): at the start and this often; `None` purges behind each new snapshot.
    pub purge_interval: Option<Duration>,
    /// How long a group may wait for more entries (`flushDelay`).
    pub flush_delay: Duration,
    /// With so many entries a group waits no longer (`maxBatchSize`).
    pub batch_entries_max: usize,
    /// `fsync.warningthresholdms`.
    pub sync_warning: Duration,
    /// Bytes of nodes that a snapshot reads while writes wait; bytes of the log that a learner is sent at once.
    pub snapshot_chunk_bytes: usize,
    /// How much of the log a learner may be sent instead of a snapshot: this part of the newest one's bytes
    /// (`snapshotSizeFactor`).
    pub snapshot_size_factor: f64,
    /// A bug on purpose; only the simulator sets it.
    pub bug: PlantedBug,
}

impl KeeperLoopConfig {
    /// Upstream's defaults for a folder.
    pub fn new(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_path_buf(),
            data_log_dir: None,
            log: TxnLogConfig::default(),
            keeper: keeper::Config::default(),
            ensemble: None,
            trust_empty: false,
            autocreate: true,
            compression: Compression::None,
            snapshot_last_zxid: true,
            jute_max_buffer: zk_wire::frame::JUTE_MAX_BUFFER,
            jute_max_buffer_extra: zk_wire::frame::JUTE_MAX_BUFFER,
            retain: None,
            purge_interval: None,
            flush_delay: Duration::ZERO,
            batch_entries_max: 1000,
            sync_warning: Duration::from_secs(1),
            snapshot_chunk_bytes: SNAPSHOT_CHUNK_BYTES,
            snapshot_size_factor: 0.33,
            bug: PlantedBug::None,
        }
    }

    fn restore_options(&self) -> RestoreOptions {
        RestoreOptions {
            autocreate: self.autocreate,
            trust_empty: self.trust_empty,
            record_bytes_max: self.record_bytes_max(),
        }
    }

    /// The most bytes of a node.
    fn record_bytes_max(&self) -> usize {
        zk_wire::frame::max_stored_bytes(self.jute_max_buffer, self.jute_max_buffer_extra)
    }
}

/// The loop.
pub struct KeeperLoop<D: Disk> {
    keeper: SharedKeeper,
    log: TxnLog<D>,
    dir: Arc<DataDir<D>>,
    config: KeeperLoopConfig,
    /// Of a member of an ensemble.
    member: Option<MemberState>,
    /// Empty between two turns.
    events: Vec<Event>,
    /// Empty between two steps.
    effects: Vec<Effect>,
    group_began: Instant,
    snapshots: Snapshots,
    restoring: Restoring,
    claim_running: bool,
    claim_next: Instant,
    /// When the next purge is due, if they go by the clock; none while one runs.
    purge_next: Option<Instant>,
    /// Since when entries wait for a group.
    waiting_since: Option<Instant>,
    state: State,
    /// The last transaction given to the log, durable or not.
    appended: Zxid,
    /// The last one of the latest group that became durable.
    durable: Zxid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// No events any more; what is in the log's queue still becomes durable and is answered.
    Draining,
    Closing,
    Stopped,
}

/// Inputs per turn of the exclusive lock: readers wait no longer than these take.
const INPUTS_PER_LOCK: usize = 128;
/// Bytes of a snapshot serialised under one turn of the shared lock, and written by one job.
const SNAPSHOT_CHUNK_BYTES: usize = 256 * 1024;
/// How far the floor may lag behind the syncs.
const CLAIM_INTERVAL: Duration = Duration::from_millis(250);
/// With more waiting for the disk than this the loop takes no further events.
const PENDING_BYTES_MAX: u64 = 32 << 20;

impl<D: Disk> KeeperLoop<D> {
    /// Locks and restores the folder. Nothing else may use it until the loop is dropped.
    ///
    /// # Errors
    /// [`StoreError`], for a human.
    pub fn open<W: KeeperWorld<D>>(
        world: &mut W,
        config: KeeperLoopConfig,
        mut prng: Prng,
    ) -> Result<Self, StoreError> {
        let now = world.now();
        let mut dir = DataDir::open(world.disk().clone(), &config.data_dir, config.data_log_dir.as_deref())?;
        let options = config.restore_options();
        let window = config.ensemble.as_ref().map_or(0, |ensemble| ensemble.zab.commit_log_count);
        let member = config.ensemble.as_ref().map(|_| MemberState::new(prng.fork()));
        let (mut keeper, restored) = open_member(&mut dir, options, config.keeper.clone(), window, prng, now)?;
        if let Some(ensemble) = &config.ensemble {
            keeper = keeper.join(ensemble.seat(&dir, restored.last_zxid)?);
        }
        // The restore may have taken longer than a session's timeout, and nobody could be heard meanwhile.
        keeper.restart_timeouts(world.now());
        let (snapshot, logs) = (restored.snapshot_took, restored.logs_took);
        world.measured(KeeperMeasure::Startup { snapshot, logs, transactions: restored.txns });
        for note in restored.notes {
            world.note(KeeperNote::Restore(note));
        }
        let log = TxnLog::new(dir.disk.clone(), dir.log_dir.clone(), config.log, restored.side);
        let purge_next = config.retain.and(config.purge_interval).map(|_| now.mono);
        Ok(Self {
            keeper: SharedKeeper::new(keeper),
            log,
            dir: Arc::new(dir),
            config,
            member,
            events: Vec::new(),
            effects: Vec::new(),
            group_began: now.mono,
            snapshots: Snapshots::default(),
            restoring: Restoring::No,
            claim_running: false,
            claim_next: now.mono,
            purge_next,
            waiting_since: None,
            state: State::Running,
            appended: Zxid::ZERO,
            durable: Zxid::ZERO,
        })
    }

    /// The keeper, for the connections' own reads.
    pub fn keeper(&self) -> &SharedKeeper {
        &self.keeper
    }

    /// The folder.
    pub fn dir(&self) -> &DataDir<D> {
        &self.dir
    }

    /// Whether the state may not change: another one is about to take its place.
    fn is_frozen(&self) -> bool {
        self.restoring.is_frozen() || self.wants_other_state()
    }

    /// When [`KeeperLoop::turn`] is wanted at the latest, inputs or not.
    pub fn deadline(&self) -> Option<Instant> {
        if self.state == State::Stopped {
            return None;
        }
        let claims = self.log.claim_lags() && !self.claim_running && !self.wants_other_state();
        let claim = claims.then_some(self.claim_next);
        let tick = match self.state {
            // The state that is about to go does not change any more.
            _ if self.restoring.is_frozen() => None,
            State::Running | State::Draining if self.keeper.with(Keeper::is_unfinished) => Some(Instant::ZERO),
            State::Running => self.keeper.with(|keeper| keeper.deadline()),
            _ => None,
        };
        let purge = self.purge_next.filter(|_| self.state == State::Running);
        claim.into_iter().chain(tick).chain(purge).chain(self.group_due()).min()
    }

    /// Whether events should be handed over; otherwise only finished jobs, until the disk has caught up.
    pub fn wants_events(&self) -> bool {
        self.log.pending_bytes() < PENDING_BYTES_MAX && matches!(self.restoring, Restoring::No)
    }

    /// Whether the loop is over: closed after [`KeeperLoop::shut_down`], or failed.
    pub fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// Takes no more events; what was appended becomes durable and is answered, then the log is closed.
    pub fn shut_down<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        if self.state == State::Running {
            self.state = State::Draining;
            self.advance(world);
        }
    }

    /// One turn: all of `inputs`, the tick if it is due, then the log's next group.
    pub fn turn<W: KeeperWorld<D>>(&mut self, world: &mut W, inputs: &mut Vec<KeeperInput<D>>) {
        let mut events = std::mem::take(&mut self.events);
        for input in inputs.drain(..) {
            match input {
                KeeperInput::Event(event) => {
                    self.forget_link_that_ends(&event);
                    events.push(event);
                }
                KeeperInput::SnapshotReceived { link, snapshot } => self.stage_snapshot(link, *snapshot, &mut events),
                KeeperInput::Drained(link) => self.send_more(world, link),
                KeeperInput::Done(done) => self.done(world, done, &mut events),
                KeeperInput::TakeSnapshot(asked) => self.want_snapshot(world, Wanted::ByOperator(asked)),
                KeeperInput::Restore(asked, recovery) => self.want_restore(world, asked, recovery),
                KeeperInput::HandOver(asked, to) => events.push(Event::HandOver { asked, to }),
            }
        }
        if self.state == State::Running && !self.restoring.is_frozen() {
            let mono = world.now().mono;
            if self.keeper.with(|keeper| keeper.deadline()).is_some_and(|deadline| deadline <= mono) {
                let listing = self.keeper.with(|keeper| keeper.large_end_due().map(|session| keeper.list(session)));
                events.extend(listing.map(Event::Listed));
                events.push(Event::Tick);
            }
        }
        // One piece a turn: reads come in between, and what else arrives.
        if self.keeper.with(Keeper::is_unfinished) {
            events.push(Event::GoOn);
        }
        let mut rest = events.drain(..);
        while let Some(first) = rest.as_slice().first()
            && self.state != State::Stopped
        {
            // Reads go on while a long list is made. It comes right in front of what it is for.
            let listing = self.large_end_in(first).map(|session| self.keeper.with(|keeper| keeper.list(session)));
            let behind = rest.as_slice()[1..].iter().take(INPUTS_PER_LOCK - 1);
            let count = 1 + behind.take_while(|event| self.large_end_in(event).is_none()).count();
            self.step(world, listing.map(Event::Listed).into_iter().chain(rest.by_ref().take(count)));
        }
        drop(rest);
        self.events = events;
        self.advance(world);
    }

    /// The session that a request ends, if its nodes are very many.
    fn large_end_in(&self, event: &Event) -> Option<SessionId> {
        match event {
            Event::Request { conn, header, .. } if header.opcode == OpCode::CLOSE_SESSION.0 => {
                self.keeper.with(|keeper| keeper.large_end_asked(*conn))
            }
            _ => None,
        }
    }

    fn step<W: KeeperWorld<D>>(&mut self, world: &mut W, events: impl IntoIterator<Item = Event>) {
        let (now, bug) = (world.now(), self.config.bug);
        let (mut later, mut snapshots_to_send) = (Vec::new(), Vec::new());
        let mut effects = std::mem::take(&mut self.effects);
        self.keeper.with_mut(|keeper| {
            for event in events {
                let internal = matches!(
                    event,
                    Event::Synced { .. }
                        | Event::SnapshotDone
                        | Event::GoOn
                        | Event::Ensemble(zab::Event::Stored { .. } | zab::Event::TruncateImpossible)
                );
                if self.state == State::Running || internal {
                    let before = effects.len();
                    keeper.step(now, event, &mut effects);
                    if self.member.is_some() && effects[before..].iter().any(sends_snapshot) {
                        // It begins before anything else is applied.
                        break;
                    }
                }
            }
            let leads = keeper.ensemble().is_some() && keeper.orders();
            if bug.is(PlantedBug::ReplyOutOfOrder) {
                reorder(&mut effects);
            }
            for effect in effects.drain(..) {
                match effect {
                    Effect::Send { frame, .. } if dropped(bug, &frame) => {}
                    Effect::Send { conn, frame } => world.send(conn, frame),
                    Effect::Established { conn, session, timeout_ms } => world.established(conn, session, timeout_ms),
                    Effect::Close { conn, reason } => world.close(conn, reason),
                    Effect::Append { zxid, payload } => {
                        self.appended = zxid;
                        self.waiting_since.get_or_insert(now.mono);
                        self.log.append(zxid.0, payload);
                    }
                    Effect::RollLog => self.log.roll(),
                    Effect::TakeSnapshot => later.push(effect),
                    Effect::Ensemble(effect) => {
                        if let zab::Effect::Store { op: zab::StoreOp::Append(proposal), .. } = &effect
                            && leads
                        {
                            let payload = proposal.bytes.clone();
                            world.measured(KeeperMeasure::Proposed { zxid: proposal.zxid, payload });
                        }
                        let member = self.member.as_mut().expect("only a member's machine has a peer");
                        member.perform(&self.config, world, effect, &mut snapshots_to_send);
                    }
                    Effect::Standing(standing) => world.standing(standing),
                    Effect::Leads(leads) => world.leads(leads),
                    Effect::Configured(text) => world.configured(&text),
                    Effect::NextConfig(text) => world.next_config(text.as_ref()),
                    Effect::HandedOver { asked, result } => world.handed_over(asked, result),
                    Effect::Audit(record) => world.audit(record),
                    Effect::QuotaExceeded(over) => world.note(KeeperNote::QuotaExceeded(over)),
                }
            }
        });
        self.effects = effects;
        for _ in later {
            self.want_snapshot(world, Wanted::ByMachine);
        }
        for (link, zxid) in snapshots_to_send {
            self.begin_to_send(world, link, zxid);
        }
    }

    /// Starts what can start now: a group, the floor behind it, the close.
    fn advance<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        if matches!(self.state, State::Stopped | State::Closing) {
            return;
        }
        self.advance_restore(world);
        self.advance_store(world);
        self.advance_log_syncs(world);
        let mono = world.now().mono;
        if self.group_due().is_none_or(|due| due <= mono)
            && let Some(group) = self.log.begin_group()
        {
            self.group_began = mono;
            self.waiting_since = (self.log.pending_entries() > 0).then_some(mono);
            if self.config.bug.is(PlantedBug::AckBeforeSync) {
                self.step(world, [Event::Synced { zxid: self.appended }]);
            }
            world.offload(Lane::Sync, Box::new(move || KeeperDone::Group(group.run())));
        }
        if self.state == State::Draining
            && self.log.is_idle()
            && self.member.as_ref().is_none_or(|member| member.store.is_idle())
            && !self.claim_running
            && !self.keeper.with(Keeper::is_unfinished)
        {
            self.state = State::Closing;
            let close = self.log.close();
            world.offload(Lane::Sync, Box::new(move || KeeperDone::Closed(close.run())));
            return;
        }
        if !self.claim_running
            && !self.wants_other_state()
            && mono >= self.claim_next
            && let Some(claim) = self.log.claim()
        {
            self.claim_running = true;
            self.claim_next = mono + CLAIM_INTERVAL;
            world.offload(Lane::Bulk, Box::new(move || KeeperDone::Claim(claim.run())));
        }
        if self.state == State::Running && self.purge_next.is_some_and(|next| next <= mono) {
            self.purge_by_the_clock(world);
        }
    }

    /// Until when the next group waits for more entries; `None` when nothing waits, or nothing should.
    fn group_due(&self) -> Option<Instant> {
        let enough = self.log.pending_entries() >= self.config.batch_entries_max;
        if self.config.flush_delay.is_zero() || enough || self.state != State::Running || self.log.in_flight() {
            return None;
        }
        self.waiting_since.map(|since| since + self.config.flush_delay)
    }

    fn purge_by_the_clock<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        if let (Some(_), Some(retain)) = (self.purge_next.take(), self.config.retain) {
            let dirs = (self.dir.disk.clone(), self.dir.snap_dir.clone(), self.dir.log_dir.clone());
            let job = move || KeeperDone::Purged(purge(&dirs.0, &dirs.1, &dirs.2, retain));
            world.offload(Lane::Bulk, Box::new(job));
        }
    }

    fn purged<W: KeeperWorld<D>>(world: &mut W, purged: io::Result<Vec<PathBuf>>) {
        match purged {
            Ok(paths) if paths.is_empty() => {}
            Ok(paths) => world.note(KeeperNote::Purged(paths)),
            Err(error) => world.note(KeeperNote::PurgeFailed(error)),
        }
    }

    fn done<W: KeeperWorld<D>>(&mut self, world: &mut W, done: KeeperDone<D>, events: &mut Vec<Event>) {
        if self.state == State::Stopped {
            return;
        }
        match done {
            KeeperDone::Group(group) => {
                let zxid = Zxid(group.last_zxid);
                let took = world.now().mono.since(self.group_began);
                world.measured(KeeperMeasure::Group { took, transactions: group.entries });
                if took > self.config.sync_warning {
                    world.note(KeeperNote::SlowSync(took));
                }
                match self.log.group_done(group) {
                    Ok(()) => {
                        self.durable = zxid;
                        events.extend(self.became_durable(self.claimed(zxid)));
                    }
                    Err(error) => self.fail(world, "write the transaction log", error),
                }
            }
            KeeperDone::Claim(result) => {
                self.claim_running = false;
                if let Err(error) = result {
                    self.fail(world, "write castlekeep.synced beside the transaction log", error);
                }
            }
            KeeperDone::Snapshot(snapshot) if self.wants_other_state() => {
                self.give_up_snapshot(world, *snapshot, events);
            }
            KeeperDone::Snapshot(snapshot) if self.state == State::Running => self.snapshot_chunk(world, *snapshot),
            // A half snapshot is given up at a stop; the next start removes its file.
            KeeperDone::Snapshot(_) => {}
            KeeperDone::SnapshotEnd(result) => self.snapshot_end(world, result, events),
            KeeperDone::Restored(restored) => self.restored(world, *restored),
            KeeperDone::Store(done) => self.store_done(world, done, events),
            KeeperDone::LogSync(done) => self.log_sync_done(world, done, events),
            KeeperDone::Dropped => {}
            KeeperDone::Purged(purged) => {
                let now = world.now().mono;
                self.purge_next = self.config.purge_interval.map(|interval| now + interval);
                Self::purged(world, purged);
            }
            KeeperDone::Closed(Ok(())) => self.state = State::Stopped,
            KeeperDone::Closed(Err(error)) => self.fail(world, "close the transaction log", error),
        }
    }

    /// What the machine is told when the log is durable up to `zxid`.
    fn became_durable(&mut self, zxid: Zxid) -> Option<Event> {
        match &mut self.member {
            None => Some(Event::Synced { zxid }),
            Some(member) => member.store.durable(zxid).map(|token| Event::Ensemble(zab::Event::Stored { token })),
        }
    }

    /// What the machine is told to be durable behind a group that ends with `zxid`: that, unless a bug is planted.
    fn claimed(&self, zxid: Zxid) -> Zxid {
        if self.config.bug.is(PlantedBug::SyncedTooEarly) { self.appended } else { zxid }
    }

    fn fail<W: KeeperWorld<D>>(&mut self, world: &mut W, what: &'static str, error: io::Error) {
        self.state = State::Stopped;
        world.fatal(KeeperFatal { what, error });
    }
}

/// Planted: some watch events are lost.
fn dropped(bug: PlantedBug, frame: &Bytes) -> bool {
    bug.is(PlantedBug::DropWatch) && is_notification(frame) && frame.len().is_multiple_of(3)
}

/// Planted: two neighbours that answer the same connection change places.
fn reorder(effects: &mut [Effect]) {
    for at in 1..effects.len() {
        let (Effect::Send { conn: a, .. }, Effect::Send { conn: b, .. }) = (&effects[at - 1], &effects[at]) else {
            continue;
        };
        if a == b {
            effects.swap(at - 1, at);
        }
    }
}
