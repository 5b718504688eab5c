//! One life of a keeper's process: the real loop, machine and storage, with connections as the server has them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use base::{Instant, Now, Prng, Reader, Str};
use bytes::Bytes;
use driver::conn_order::{ConnOrder, Served};
use driver::keeper_loop::{
    KeeperDone, KeeperFatal, KeeperInput, KeeperLoop, KeeperLoopConfig, KeeperNote, KeeperWorld,
};
use driver::world::{Job, Lane, World};
use keeper::{CloseReason, ConnId, Event, Keeper, Recovery};
use storage::zk::error::StoreError;
use storage::zk::intake::SnapshotIntake;
use zab::{Link, Sid, Standing, ToLeader, ToLearner};
use zk_wire::election::Notification;
use zk_wire::{ConnectRequest, Jute, RequestHeader, SessionId, Zxid};

use super::scene::state_of;
use crate::disk::SimDisk;
use crate::net::LinkId;
use crate::world::{Lanes, SimWorld, Timer};

type Done = KeeperDone<SimDisk>;

/// What the process did in a turn, in order.
#[derive(Debug)]
pub enum Output {
    /// A frame for a client.
    Send(LinkId, Bytes),
    /// The end of a connection.
    Close(LinkId, CloseReason),
    /// Something between members of an ensemble.
    Member(MemberOutput),
}

/// What a member of an ensemble wants of the world.
#[derive(Debug)]
pub enum MemberOutput {
    /// A vote.
    Notify(Sid, Notification),
    /// A connection to the leader.
    Dial(Sid),
    /// A packet for a learner.
    ToLearner(LinkId, ToLearner),
    /// A packet for the leader.
    ToLeader(LinkId, ToLeader),
    /// A stream to a learner begins.
    BeginStream(LinkId),
    /// A piece of the stream, and whether it is the last one.
    Stream(LinkId, Bytes, bool),
    /// A snapshot is expected.
    Receive(LinkId, Box<SnapshotIntake>),
    /// The end of a link.
    CloseLink(LinkId),
    /// Its place changed.
    Standing(Standing),
    /// Whether it listens to learners.
    Leads(bool),
    /// This configuration counts.
    Configured(Str),
    /// A later one may be committed, or none.
    NextConfig(Option<Str>),
}

/// What the operator is answered.
#[derive(Debug)]
pub enum Answer {
    /// The snapshot asked for under this number.
    Snapshot(u64, Result<PathBuf, String>),
    /// The state asked for is in place, as that of this zxid.
    Restore(Result<i64, String>),
    /// Who takes leadership over.
    HandOver(Result<Sid, String>),
}

/// The loop's world.
pub struct ProcessWorld {
    world: SimWorld<Done>,
    outputs: Vec<Output>,
    established: Vec<(LinkId, i64)>,
    notes: Vec<KeeperNote>,
    answers: Vec<Answer>,
    fatal: Option<KeeperFatal>,
}

impl World for ProcessWorld {
    type Disk = SimDisk;
    type Done = Done;

    fn now(&self) -> Now {
        self.world.now()
    }

    fn disk(&self) -> &SimDisk {
        self.world.disk()
    }

    fn offload(&mut self, lane: Lane, job: Job<Done>) {
        self.world.offload(lane, job);
    }
}

impl KeeperWorld<SimDisk> for ProcessWorld {
    fn send(&mut self, conn: ConnId, frame: Bytes) {
        self.outputs.push(Output::Send(conn.0, frame));
    }

    fn established(&mut self, conn: ConnId, session: SessionId, _timeout_ms: i32) {
        self.established.push((conn.0, session.0));
    }

    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.outputs.push(Output::Close(conn.0, reason));
    }

    fn note(&mut self, note: KeeperNote) {
        self.notes.push(note);
    }

    fn snapshot_taken(&mut self, asked: u64, result: Result<PathBuf, String>) {
        self.answers.push(Answer::Snapshot(asked, result));
    }

    fn restored(&mut self, _asked: u64, result: Result<Zxid, String>) {
        self.answers.push(Answer::Restore(result.map(|Zxid(zxid)| zxid)));
    }

    fn handed_over(&mut self, _asked: u64, result: Result<Sid, String>) {
        self.answers.push(Answer::HandOver(result));
    }

    fn fatal(&mut self, error: KeeperFatal) {
        self.fatal = Some(error);
    }

    fn notify(&mut self, to: Sid, notification: Notification) {
        self.member(MemberOutput::Notify(to, notification));
    }

    fn dial(&mut self, leader: Sid) {
        self.member(MemberOutput::Dial(leader));
    }

    fn to_learner(&mut self, link: Link, packet: &ToLearner) {
        self.member(MemberOutput::ToLearner(link.0, packet.clone()));
    }

    fn to_leader(&mut self, link: Link, packet: &ToLeader) {
        self.member(MemberOutput::ToLeader(link.0, packet.clone()));
    }

    fn begin_stream(&mut self, link: Link) {
        self.member(MemberOutput::BeginStream(link.0));
    }

    fn send_stream(&mut self, link: Link, chunk: Bytes, last: bool) {
        self.member(MemberOutput::Stream(link.0, chunk, last));
    }

    fn receive_snapshot(&mut self, link: Link, intake: Box<SnapshotIntake>) {
        self.member(MemberOutput::Receive(link.0, intake));
    }

    fn close_link(&mut self, link: Link, _reason: zab::event::CloseReason) {
        self.member(MemberOutput::CloseLink(link.0));
    }

    fn standing(&mut self, standing: Standing) {
        self.member(MemberOutput::Standing(standing));
    }

    fn leads(&mut self, leads: bool) {
        self.member(MemberOutput::Leads(leads));
    }

    fn configured(&mut self, text: &Str) {
        self.member(MemberOutput::Configured(text.clone()));
    }

    fn next_config(&mut self, text: Option<&Str>) {
        self.member(MemberOutput::NextConfig(text.cloned()));
    }
}

impl ProcessWorld {
    fn member(&mut self, output: MemberOutput) {
        self.outputs.push(Output::Member(output));
    }
}

#[derive(Default)]
struct ServerConn {
    order: ConnOrder,
    connected: bool,
    session: Option<i64>,
}

/// A running keeper.
pub struct Process {
    keeper: KeeperLoop<SimDisk>,
    world: ProcessWorld,
    /// Its jobs.
    pub lanes: Lanes<Done>,
    inputs: Vec<KeeperInput<SimDisk>>,
    conns: BTreeMap<LinkId, ServerConn>,
    established: Vec<i64>,
    turn_due: bool,
    /// Its timer.
    pub timer: Timer,
}

impl Process {
    /// Starts on what is on the disk.
    ///
    /// # Errors
    /// As the loop's own start.
    pub fn start(now: Now, disk: SimDisk, config: KeeperLoopConfig, prng: Prng) -> Result<Self, StoreError> {
        let mut world = ProcessWorld {
            world: SimWorld::new(now, disk),
            outputs: Vec::new(),
            established: Vec::new(),
            notes: Vec::new(),
            answers: Vec::new(),
            fatal: None,
        };
        let keeper = KeeperLoop::open(&mut world, config, prng)?;
        Ok(Self {
            keeper,
            world,
            lanes: Lanes::default(),
            inputs: Vec::new(),
            conns: BTreeMap::new(),
            established: Vec::new(),
            turn_due: false,
            timer: Timer::default(),
        })
    }

    /// The last transaction that was applied.
    pub fn last_processed(&self) -> i64 {
        self.keeper.keeper().with(|keeper| keeper.last_processed().0)
    }

    /// Looks at the machine.
    pub fn with<R>(&self, look: impl FnOnce(&Keeper) -> R) -> R {
        self.keeper.keeper().with(look)
    }

    /// Something between members happened.
    pub fn tell(&mut self, event: zab::Event) {
        self.inputs.push(KeeperInput::Event(Event::Ensemble(event)));
    }

    /// A leader's snapshot is whole.
    pub fn snapshot_received(&mut self, link: LinkId, snapshot: Box<SnapshotIntake>) {
        self.inputs.push(KeeperInput::SnapshotReceived { link: Link(link), snapshot });
    }

    /// A piece of a stream has left.
    pub fn drained(&mut self, link: LinkId) {
        self.inputs.push(KeeperInput::Drained(Link(link)));
    }

    /// When the loop wants a turn without inputs.
    pub fn deadline(&self) -> Option<Instant> {
        self.keeper.deadline()
    }

    /// Whether something is done in pieces and not over.
    pub fn is_unfinished(&self) -> bool {
        self.keeper.keeper().with(Keeper::is_unfinished)
    }

    /// Whether nothing is under way: what everybody sees is all there is.
    pub fn is_quiet(&self) -> bool {
        self.keeper.keeper().with(|keeper| keeper.outstanding() == 0 && !keeper.is_unfinished())
    }

    /// Whether a turn has to be scheduled, because inputs wait for one. Then it counts as scheduled.
    pub fn wants_turn(&mut self) -> bool {
        let wants = !self.turn_due && self.has_inputs();
        self.turn_due |= wants;
        wants
    }

    /// Whether inputs wait for a turn that would take them.
    fn has_inputs(&self) -> bool {
        let taken = |input: &KeeperInput<SimDisk>| matches!(input, KeeperInput::Done(_));
        if self.keeper.wants_events() { !self.inputs.is_empty() } else { self.inputs.iter().any(taken) }
    }

    /// The operator wants a snapshot.
    pub fn take_snapshot(&mut self, asked: u64) {
        self.inputs.push(KeeperInput::TakeSnapshot(asked));
    }

    /// The operator wants another state in the place of this one.
    pub fn restore(&mut self, asked: u64, recovery: Box<Recovery>) {
        self.inputs.push(KeeperInput::Restore(asked, recovery));
    }

    /// The operator wants another leader.
    pub fn hand_over(&mut self, to: Option<Sid>) {
        self.inputs.push(KeeperInput::HandOver(0, to));
    }

    /// The state that everybody sees now, and its zxid.
    pub fn state(&self) -> (i64, Bytes) {
        self.keeper.keeper().with(state_of)
    }

    /// What the operator was answered since the last call.
    pub fn take_answers(&mut self) -> Vec<Answer> {
        core::mem::take(&mut self.world.answers)
    }

    /// Sessions that were established since the last call.
    pub fn take_established(&mut self) -> Vec<i64> {
        core::mem::take(&mut self.established)
    }

    /// The session established on a connection.
    pub fn session_of(&self, link: LinkId) -> Option<i64> {
        self.conns.get(&link).and_then(|conn| conn.session)
    }

    /// Whether the connection is open on this side.
    pub fn has_conn(&self, link: LinkId) -> bool {
        self.conns.contains_key(&link)
    }

    /// A connection was accepted.
    pub fn accept(&mut self, link: LinkId) {
        self.conns.insert(link, ServerConn::default());
    }

    /// A frame arrived: the connection serves it itself when it may, as the server's connections do, or hands it to
    /// the loop.
    pub fn on_frame(&mut self, now: Now, link: LinkId, frame: Bytes) {
        let Some(conn) = self.conns.get_mut(&link) else { return };
        if !conn.connected {
            conn.connected = true;
            let request = ConnectRequest::from_bytes(frame).expect("simulated clients send well-formed frames");
            conn.order.forward();
            let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
            self.inputs.push(KeeperInput::Event(Event::Connect { conn: ConnId(link), peer, request }));
            return;
        }
        let mut r = Reader::new(frame.clone());
        let header = RequestHeader::decode(&mut r).expect("simulated clients send well-formed frames");
        let body = frame.slice(frame.len() - r.remaining()..);
        let outputs = &mut self.world.outputs;
        let mut queue = |frame| outputs.push(Output::Send(link, frame));
        match self.keeper.keeper().serve(now, &conn.order, ConnId(link), &header, &body, &mut queue) {
            Served::Done => {}
            Served::Forward => {
                conn.order.forward();
                self.inputs.push(KeeperInput::Event(Event::Request { conn: ConnId(link), header, body }));
            }
            Served::Gone => {
                self.world.outputs.push(Output::Close(link, CloseReason::NoSession));
            }
        }
    }

    /// The client's end is gone.
    pub fn on_closed(&mut self, link: LinkId) {
        if self.conns.remove(&link).is_some() {
            self.inputs.push(KeeperInput::Event(Event::Disconnected { conn: ConnId(link) }));
        }
    }

    /// A job's result is there.
    pub fn on_done(&mut self, lane: Lane) {
        self.inputs.push(KeeperInput::Done(self.lanes.finish(lane)));
    }

    /// One turn of the loop, and what it said.
    pub fn turn(&mut self, now: Now) -> Vec<Output> {
        self.turn_due = false;
        self.world.world.set_now(now);
        let mut inputs = core::mem::take(&mut self.inputs);
        if !self.keeper.wants_events() {
            // As the server's loop: events wait until the disk has caught up.
            let (done, events) = inputs.into_iter().partition(|input| matches!(input, KeeperInput::Done(_)));
            inputs = done;
            self.inputs = events;
        }
        self.keeper.turn(&mut self.world, &mut inputs);
        for (link, session) in core::mem::take(&mut self.world.established) {
            self.established.push(session);
            if let Some(conn) = self.conns.get_mut(&link) {
                conn.session = Some(session);
            }
        }
        let outputs = self.take_outputs();
        for output in &outputs {
            if let Output::Send(link, frame) = output {
                self.answered(*link, frame);
            }
        }
        outputs
    }

    /// What is to be sent and closed behind [`Process::on_frame`].
    pub fn take_outputs(&mut self) -> Vec<Output> {
        core::mem::take(&mut self.world.outputs)
    }

    /// The loop answered: see [`ConnOrder::queued`]. Not for frames of a connection's own reads.
    fn answered(&self, link: LinkId, frame: &[u8]) {
        if let Some(conn) = self.conns.get(&link) {
            conn.order.queued(frame);
        }
    }

    /// Jobs that the last turn started.
    pub fn take_jobs(&mut self) -> Vec<(Lane, Job<Done>)> {
        self.world.world.take_jobs()
    }

    /// What the operator was told since the last call.
    pub fn take_notes(&mut self) -> Vec<KeeperNote> {
        core::mem::take(&mut self.world.notes)
    }

    /// Why the process must stop, if it must.
    pub fn take_fatal(&mut self) -> Option<KeeperFatal> {
        self.world.fatal.take()
    }
}
