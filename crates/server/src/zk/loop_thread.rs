//! The thread of a keeper's loop, and its world: real disk, real lanes, real connections.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::map::HashKey;
use base::{Now, Prng, Str};
use bytes::Bytes;
use driver::conn_order::SharedKeeper;
use driver::keeper_loop::{
    KeeperDone, KeeperFatal, KeeperInput, KeeperLoop, KeeperLoopConfig, KeeperMeasure, KeeperNote, KeeperWorld,
};
use driver::world::{Job, Lane, World};
use keeper::audit::AuditRecord;
use keeper::{CloseReason, ConnId, Event, Recovery};
use storage::file_disk::FileDisk;
use storage::zk::error::StoreError;
use storage::zk::intake::SnapshotIntake;
use tokio::sync::oneshot;
use zab::packet::{ToLeader, ToLearner};
use zab::{Link, Sid, Standing};
use zk_wire::election::Notification;
use zk_wire::quorum::PacketType;
use zk_wire::{SessionId, Zxid};

use super::audit;
use super::outbox::{End, Outbox};
use super::quorum::rim::Rim;
use super::quorum::{FromLink, Voted};
use super::stats::ServerStats;
use crate::clock::Clock;
use crate::world_real::{Inbox, Lanes};

/// What reaches the loop's thread.
pub enum ToLoop {
    /// A connection that sent its connect request; the event follows.
    Open(ConnId, Arc<Outbox>),
    /// For the machine.
    Event(Event),
    /// A vote of another server.
    Voted(Voted),
    /// From the quorum port.
    FromLink(FromLink),
    /// A finished job.
    Done(KeeperDone<FileDisk>),
    /// The operator wants a snapshot.
    TakeSnapshot(oneshot::Sender<Result<PathBuf, String>>),
    /// The operator wants another state in the place of this one.
    Restore(Box<Recovery>, oneshot::Sender<Result<Zxid, String>>),
    /// The operator wants another member to lead.
    HandOver(Option<Sid>, oneshot::Sender<Result<Sid, String>>),
    /// Stop cleanly.
    ShutDown,
    /// Stop as a crash would: nothing more is written.
    Abort,
}

/// How the loop ended.
#[derive(Debug)]
pub enum LoopEnd {
    /// As asked.
    Stopped,
    /// The log cannot be trusted any more.
    Failed(String),
}

/// What the starter gets when the folder is restored.
pub struct Started {
    /// For the connections' reads.
    pub keeper: SharedKeeper,
    /// Ends with the loop.
    pub ended: oneshot::Receiver<LoopEnd>,
    /// The folder of snapshots, as `conf` and `dirs` show it.
    pub snap_dir: PathBuf,
    /// The folder of logs.
    pub log_dir: PathBuf,
}

/// Opens the folder and runs the loop, on a thread of its own.
pub fn spawn(
    config: KeeperLoopConfig,
    mut prng: Prng,
    clock: Clock,
    inbox: Arc<Inbox<ToLoop>>,
    stats: Arc<ServerStats>,
    rim: Option<Rim>,
) -> oneshot::Receiver<Result<Started, StoreError>> {
    let (opened, result) = oneshot::channel();
    let run = move || {
        let deliver = inbox.clone();
        let lanes = Lanes::new("keeper", move |done| deliver.push(ToLoop::Done(done)));
        let mut world = RealWorld {
            clock,
            disk: FileDisk,
            lanes,
            sync: VecDeque::new(),
            conns: HashMap::with_hasher(HashKey::from_prng(&mut prng)),
            dirty: Vec::new(),
            stats,
            asked: Operators::default(),
            rim,
            failed: None,
        };
        let keeper_loop = match KeeperLoop::open(&mut world, config, prng) {
            Ok(keeper_loop) => keeper_loop,
            Err(e) => {
                let _ = opened.send(Err(e));
                return;
            }
        };
        let (end, ended) = oneshot::channel();
        let started = Started {
            keeper: keeper_loop.keeper().clone(),
            ended,
            snap_dir: keeper_loop.dir().snap_dir.clone(),
            log_dir: keeper_loop.dir().log_dir.clone(),
        };
        // A starter that is gone has no use for the server.
        if opened.send(Ok(started)).is_ok() {
            let audited = keeper_loop.keeper().with(|keeper| keeper.config().audit);
            if audited {
                audit::server("serverStart", "success");
            }
            let result = run_loop(keeper_loop, world, &inbox);
            if audited {
                audit::server("serverStop", "invoked");
            }
            let _ = end.send(result);
        }
    };
    std::thread::Builder::new().name("keeper-loop".into()).spawn(run).expect("the system starts a thread");
    result
}

/// More inputs than this wait for the next turn, so that replies are not held back by a long one.
const INPUTS_PER_TURN: usize = 1024;

/// Answers for up to so many connections are written by the loop itself, which is quicker than waking their tasks; more
/// would keep the next group of the log waiting.
const DIRECT_MAX: usize = 4;

fn run_loop(mut keeper_loop: KeeperLoop<FileDisk>, mut world: RealWorld, inbox: &Inbox<ToLoop>) -> LoopEnd {
    let mut arrived = Vec::new();
    let mut inputs = Vec::new();
    // Events that wait until the disk has caught up.
    let mut held: Vec<ToLoop> = Vec::new();
    while !keeper_loop.is_stopped() {
        if !inputs.is_empty() || (!held.is_empty() && keeper_loop.wants_events()) {
            inbox.take_now(&mut arrived);
        } else {
            let deadline = keeper_loop.deadline().map(|deadline| world.clock.to_std(deadline));
            inbox.take(&mut arrived, deadline);
        }
        let mut shut_down = false;
        let wants_events = keeper_loop.wants_events();
        let waiting = std::mem::take(&mut held);
        for item in waiting.into_iter().chain(arrived.drain(..)) {
            match item {
                ToLoop::Done(done) => inputs.push(KeeperInput::Done(done)),
                ToLoop::ShutDown => shut_down = true,
                ToLoop::TakeSnapshot(answer) => {
                    inputs.push(KeeperInput::TakeSnapshot(world.asked.begin(Answer::Snapshot(answer))));
                }
                ToLoop::Restore(recovery, answer) => {
                    inputs.push(KeeperInput::Restore(world.asked.begin(Answer::Restore(answer)), recovery));
                }
                ToLoop::HandOver(to, answer) => {
                    inputs.push(KeeperInput::HandOver(world.asked.begin(Answer::HandOver(answer)), to));
                }
                ToLoop::Abort => return LoopEnd::Stopped,
                item if !wants_events || inputs.len() >= INPUTS_PER_TURN => held.push(item),
                ToLoop::Open(conn, outbox) => {
                    world.conns.insert(conn, outbox);
                }
                ToLoop::Voted(Voted { from, notification, permit }) => {
                    drop(permit);
                    inputs.push(ensemble(zab::Event::Notification { from, notification }));
                }
                ToLoop::FromLink(from) => inputs.extend(world.on_link(from)),
                ToLoop::Event(event) => {
                    if let Event::Disconnected { conn } = &event {
                        world.conns.remove(conn);
                    }
                    inputs.push(KeeperInput::Event(event));
                }
            }
        }
        turn(&mut keeper_loop, &mut world, &mut inputs);
        if shut_down {
            keeper_loop.shut_down(&mut world);
        }
        world.deliver();
        // Nothing is ready to leave and what arrives now joins the next group: this thread has nothing better to do than
        // to sync, and saves two wake-ups of a thread for each group.
        while let Some(job) = world.sync.pop_front() {
            inputs.push(KeeperInput::Done(job()));
        }
    }
    let RealWorld { lanes, failed, .. } = world;
    // The lanes' jobs end before the folder's lock is given back.
    drop(lanes);
    drop(keeper_loop);
    match failed {
        None => LoopEnd::Stopped,
        Some(message) => LoopEnd::Failed(message),
    }
}

/// One turn of the loop, with its time.
fn turn(keeper_loop: &mut KeeperLoop<FileDisk>, world: &mut RealWorld, inputs: &mut Vec<KeeperInput<FileDisk>>) {
    let requests = inputs.iter().filter(|input| is_request(input)).count();
    let began = std::time::Instant::now();
    keeper_loop.turn(world, inputs);
    if requests > 0 {
        world.stats.prep_processor_request_queued.add(requests as u64);
        world.stats.prep_processor_queue_size.add(requests as u64);
        world.stats.prep_process_time.add(ms(began.elapsed()));
    }
}

fn ms(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn ensemble(event: zab::Event) -> KeeperInput<FileDisk> {
    KeeperInput::Event(Event::Ensemble(event))
}

fn is_request(input: &KeeperInput<FileDisk>) -> bool {
    matches!(input, KeeperInput::Event(Event::Connect { .. } | Event::Request { .. }))
}

struct RealWorld {
    clock: Clock,
    disk: FileDisk,
    lanes: Lanes<KeeperDone<FileDisk>>,
    /// Jobs of the lane of syncs, which the loop's own thread does at the end of a turn.
    sync: VecDeque<Job<KeeperDone<FileDisk>>>,
    conns: HashMap<ConnId, Arc<Outbox>, HashKey>,
    /// Connections with something to send at the end of the turn: their queues leave in one write each.
    dirty: Vec<Arc<Outbox>>,
    stats: Arc<ServerStats>,
    asked: Operators,
    /// The other servers, for a member of an ensemble.
    rim: Option<Rim>,
    failed: Option<String>,
}

/// Who waits for the end of something that takes long.
#[derive(Default)]
struct Operators {
    waiting: HashMap<u64, Answer>,
    next: u64,
}

enum Answer {
    Snapshot(oneshot::Sender<Result<PathBuf, String>>),
    Restore(oneshot::Sender<Result<Zxid, String>>),
    HandOver(oneshot::Sender<Result<Sid, String>>),
}

impl Operators {
    fn begin(&mut self, answer: Answer) -> u64 {
        self.next += 1;
        self.waiting.insert(self.next, answer);
        self.next
    }

    fn end(&mut self, asked: u64) -> Option<Answer> {
        self.waiting.remove(&asked)
    }
}

impl RealWorld {
    fn deliver(&mut self) {
        let directly = self.dirty.len() <= DIRECT_MAX;
        for outbox in self.dirty.drain(..) {
            outbox.deliver(directly);
        }
        if let Some(rim) = &mut self.rim {
            rim.flush();
        }
    }

    /// What the loop is told of something on the quorum port.
    fn on_link(&self, from: FromLink) -> Option<KeeperInput<FileDisk>> {
        Some(match from {
            FromLink::Event(event, _permit) => {
                self.count(&event);
                ensemble(event)
            }
            FromLink::Snapshot(link, snapshot) => KeeperInput::SnapshotReceived { link, snapshot },
            FromLink::Drained(link) => KeeperInput::Drained(link),
            FromLink::Dialled(number, link) => {
                self.rim.as_ref()?.dialled(number, link).then_some(())?;
                ensemble(link.map_or(zab::Event::LeaderUnreachable, |link| zab::Event::LeaderConnected { link }))
            }
        })
    }

    /// What arrives while this server has a leader, or is one.
    fn count(&self, event: &zab::Event) {
        let (stats, now_ms) = (&self.stats.ensemble, self.clock.now().wall_ms);
        match event {
            zab::Event::Closed { link } => stats.sync_ends(*link),
            zab::Event::FromLearner { packet: ToLeader::Service(packet), .. }
                if packet.packet_type == PacketType::Revalidate as i32 =>
            {
                stats.flow.revalidate_count.increment();
            }
            zab::Event::FromLeader { packet, .. } if stats.learns() => match packet {
                ToLearner::Proposal(proposal) => {
                    stats.flow.proposal_received(proposal.zxid, &proposal.bytes, now_ms);
                }
                ToLearner::Commit(zxid) => stats.flow.commit_received(*zxid, now_ms),
                ToLearner::Inform(proposal) => stats.flow.informed(&proposal.bytes, now_ms),
                _ => {}
            },
            _ => {}
        }
    }

    /// Only a member's machine asks for other servers.
    fn rim(&mut self) -> &mut Rim {
        self.rim.as_mut().expect("a member has ports")
    }
}

impl World for RealWorld {
    type Disk = FileDisk;
    type Done = KeeperDone<FileDisk>;

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn disk(&self) -> &FileDisk {
        &self.disk
    }

    fn offload(&mut self, lane: Lane, job: Job<Self::Done>) {
        match lane {
            Lane::Sync => self.sync.push_back(job),
            lane => self.lanes.offload(lane, job),
        }
    }
}

impl KeeperWorld<FileDisk> for RealWorld {
    fn send(&mut self, conn: ConnId, frame: Bytes) {
        if let Some(outbox) = self.conns.get(&conn)
            && outbox.push_from_loop(&frame, self.clock.mono(), &self.stats)
        {
            self.dirty.push(outbox.clone());
        }
    }

    fn established(&mut self, conn: ConnId, session: SessionId, timeout_ms: i32) {
        if let Some(outbox) = self.conns.get(&conn) {
            outbox.session.store(session.0, Ordering::Relaxed);
            outbox.timeout_ms.store(timeout_ms, Ordering::Relaxed);
            tracing::debug!("session {session} established with {}, timeout {timeout_ms} ms", outbox.peer);
        }
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        if let Some(outbox) = self.conns.remove(&conn) {
            outbox.end(End::Flush(describe(reason)));
        }
    }

    fn note(&mut self, note: KeeperNote) {
        match note {
            KeeperNote::Restore(note) => tracing::warn!("{note}"),
            KeeperNote::SnapshotWritten(path) => {
                tracing::info!("wrote the snapshot {}", path.display());
            }
            KeeperNote::SnapshotFailed(error) => {
                self.stats.snapshot_error_count.increment();
                tracing::error!(
                    "cannot write a snapshot: {error}; the transaction log keeps growing until one succeeds"
                );
            }
            KeeperNote::Purged(paths) => tracing::info!("removed {} old snapshots and logs", paths.len()),
            KeeperNote::PurgeFailed(error) => tracing::warn!("cannot remove old snapshots and logs: {error}"),
            KeeperNote::QuotaExceeded(over) => tracing::warn!("{over}"),
            KeeperNote::LogSyncFailed(error) => tracing::warn!(
                "cannot read the transaction log for a learner: {error}; it gets a snapshot when it tries again"
            ),
            KeeperNote::SlowSync(took) => {
                self.stats.fsync_threshold_exceed_count.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    "syncing the transaction log took {} ms, which every write waits for; give it a faster disk",
                    took.as_millis()
                );
            }
        }
    }

    fn measured(&mut self, measure: KeeperMeasure) {
        match measure {
            KeeperMeasure::Group { took, transactions } => {
                self.stats.fsynctime.add(ms(took));
                self.stats.sync_processor_queue_flush_time_ms.add(ms(took));
                self.stats.sync_processor_batch_size.add(transactions as u64);
                self.stats.sync_processor_request_queued.add(transactions as u64);
            }
            KeeperMeasure::Startup { snapshot, logs, transactions } => {
                self.stats.startup_snap_load_time.add(ms(snapshot));
                self.stats.startup_txns_load_time.add(ms(logs));
                self.stats.startup_txns_loaded.add(transactions);
            }
            KeeperMeasure::Proposed { zxid, payload } => self.stats.ensemble.flow.proposed(zxid, &payload),
            KeeperMeasure::Snapshot(took) => self.stats.snapshottime.add(ms(took)),
            KeeperMeasure::Restore(took) => self.stats.restore_time.add(ms(took)),
        }
    }

    fn audit(&mut self, record: AuditRecord) {
        audit::write(&record);
    }

    fn snapshot_taken(&mut self, asked: u64, result: Result<PathBuf, String>) {
        if let Some(Answer::Snapshot(answer)) = self.asked.end(asked) {
            // Whoever asked may have gone.
            let _ = answer.send(result);
        }
    }

    fn restored(&mut self, asked: u64, result: Result<Zxid, String>) {
        if let Ok(zxid) = &result {
            tracing::info!("restored another state, which is that of {zxid} from now on; every connection ends");
        }
        if let Some(Answer::Restore(answer)) = self.asked.end(asked) {
            let _ = answer.send(result);
        }
    }

    fn handed_over(&mut self, asked: u64, result: Result<Sid, String>) {
        match &result {
            Ok(to) => tracing::info!("this server steps down, so that server {to} is elected"),
            Err(why) => tracing::warn!("leadership is not handed over: {why}"),
        }
        if let Some(Answer::HandOver(answer)) = self.asked.end(asked) {
            let _ = answer.send(result);
        }
    }

    fn notify(&mut self, to: Sid, notification: Notification) {
        self.rim().notify(to, &notification);
    }

    fn dial(&mut self, leader: Sid) {
        self.stats.ensemble.elected();
        let master = self.rim().dial(leader);
        self.stats.ensemble.learner_master.store(master, Ordering::Relaxed);
    }

    fn configured(&mut self, text: &Str) {
        self.rim().configured(text);
    }

    fn next_config(&mut self, text: Option<&Str>) {
        self.rim().next_config(text.map(|text| &**text));
    }

    fn leads(&mut self, leads: bool) {
        if leads {
            self.stats.ensemble.elected();
        }
        self.rim().leads(leads);
    }

    fn to_learner(&mut self, link: Link, packet: &ToLearner) {
        let (stats, now_ms) = (&self.stats.ensemble, self.clock.now().wall_ms);
        match packet {
            ToLearner::Snap(_) => stats.sync_begins(link, true),
            ToLearner::Diff(_) | ToLearner::Trunc(_) => stats.sync_begins(link, false),
            ToLearner::UpToDate => stats.sync_ends(link),
            ToLearner::Proposal(proposal) => stats.proposed(proposal.bytes.len()),
            ToLearner::Commit(zxid) => stats.flow.committed(*zxid, now_ms),
            ToLearner::Inform(proposal) => stats.flow.committed(proposal.zxid, now_ms),
            _ => {}
        }
        self.rim().to_learner(link, packet);
    }

    fn to_leader(&mut self, link: Link, packet: &ToLeader) {
        match packet {
            ToLeader::AckEpoch { .. } => self.stats.ensemble.own_sync_begins(),
            ToLeader::Ack(zxid) => self.stats.ensemble.flow.acknowledged(*zxid, self.clock.now().wall_ms),
            _ => {}
        }
        self.rim().to_leader(link, packet);
    }

    fn begin_stream(&mut self, link: Link) {
        self.rim().begin_stream(link);
    }

    fn send_stream(&mut self, link: Link, chunk: Bytes, last: bool) {
        self.rim().send_stream(link, chunk, last);
    }

    fn receive_snapshot(&mut self, link: Link, intake: Box<SnapshotIntake>) {
        self.rim().receive_snapshot(link, intake);
    }

    fn close_link(&mut self, link: Link, reason: zab::event::CloseReason) {
        self.rim().close(link, reason);
    }

    fn standing(&mut self, standing: Standing) {
        self.stats.ensemble.standing(standing);
        self.rim().follows(matches!(standing, Standing::Following { .. }));
        match standing {
            Standing::Looking => tracing::info!("this server looks for a leader; clients are not served meanwhile"),
            Standing::Leading(epoch) => tracing::info!("this server leads in epoch {}", epoch.0),
            Standing::Following { leader, epoch } => {
                tracing::info!("this server follows server {leader} in epoch {}", epoch.0);
            }
            Standing::Observing { leader, epoch } => {
                tracing::info!("this server observes server {leader} in epoch {}", epoch.0);
            }
        }
    }

    fn fatal(&mut self, fatal: KeeperFatal) {
        let advice = match fatal.error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "make room on the disk and start again; nothing acknowledged is lost"
            }
            _ => "nothing on this disk can be trusted until it is checked",
        };
        let message = format!("cannot {}: {}; the keeper stops, {advice}", fatal.what, fatal.error);
        tracing::error!("{message}");
        self.failed = Some(message);
    }
}

fn describe(reason: CloseReason) -> Option<&'static str> {
    Some(match reason {
        CloseReason::ClosedByClient => return None,
        CloseReason::SessionExpired => "the session has expired",
        CloseReason::SessionMoved => "the session was resumed on another connection",
        CloseReason::ClientAhead => "the client has seen a later zxid than this server has",
        CloseReason::AuthFailed => "authentication failed",
        CloseReason::Unimplemented => "an operation that is not served",
        CloseReason::NoSession => "a request without a session",
        CloseReason::Restored => "another state was restored",
        CloseReason::NotServing => "this member of the ensemble has no leader",
    })
}
