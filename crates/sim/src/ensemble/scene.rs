//! The scene: the members' processes and disks, and what each event does to them, the clients and the networks.

mod clients;
mod faults;
mod operator;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use base::planted::PlantedBug;
use base::{Instant, Str};
use driver::keeper_loop::KeeperNote;
use driver::world::Lane;
use zab::{Link, Sid, Standing};

use self::operator::Operator;
use super::ledger::Ledger;
use super::links::{self, MemberLink, Read, Votes};
use super::swarm::{Fault, Files, Swarm};
use crate::check::{Checked, Violation, digest_matches, reads_are_linearizable, serves_again, session_lifetime};
use crate::disk::{Crash, DiskLies, SimDisk};
use crate::keeper::log_tail::LoggedTxn;
use crate::keeper::model::Model;
use crate::keeper::process::{Answer, MemberOutput, Output, Process};
use crate::keeper::stage::{Happening, Play, Stage};
use crate::keeper::verify::verify;
use crate::kernel::Kernel;
use crate::net::{Arrival, LinkId, To};
use crate::run::{Coverage, FAULTS_MIN, Outcome, SeedOptions};

/// A transaction is everywhere within this time when nothing goes wrong.
const AGREE: Duration = Duration::from_secs(5);
/// No run has more faults.
const FAULTS_MAX: u64 = 60;

/// Something that happens. `life` tells which life of the member's process it was meant for.
pub enum Event {
    Stage(Happening),
    Vote {
        from: Sid,
        to: Sid,
    },
    /// A dial has reached the other side, and comes back.
    Accept {
        link: LinkId,
    },
    Connected {
        link: LinkId,
    },
    Unreachable {
        sid: Sid,
        life: u64,
    },
    Drained {
        sid: Sid,
        life: u64,
        link: LinkId,
    },
    Turn {
        sid: Sid,
        life: u64,
    },
    Timer {
        sid: Sid,
        life: u64,
        at: Instant,
    },
    Run {
        sid: Sid,
        life: u64,
        lane: Lane,
    },
    Finish {
        sid: Sid,
        life: u64,
        lane: Lane,
    },
    Start {
        sid: Sid,
        life: u64,
    },
    Fault,
    Reconfigure,
    DiskHeals {
        sid: Sid,
    },
}

impl From<Happening> for Event {
    fn from(happening: Happening) -> Self {
        Self::Stage(happening)
    }
}

struct Member {
    disk: SimDisk,
    process: Option<Process>,
    life: u64,
    standing: Standing,
    paused_until: Instant,
    slow_disk: bool,
    files: Files,
}

struct ClientLink {
    client: usize,
    sid: Sid,
    life: u64,
}

/// When something was last heard of a session for certain, and when perhaps.
#[derive(Clone, Copy, Default)]
struct Contact {
    certain: Instant,
    perhaps: Instant,
}

/// An ensemble under faults.
pub struct Scene {
    options: SeedOptions,
    stage: Stage<Event>,
    swarm: Swarm,
    members: BTreeMap<Sid, Member>,
    member_links: BTreeMap<LinkId, MemberLink>,
    votes: Votes,
    client_links: BTreeMap<LinkId, ClientLink>,
    ledger: Ledger,
    contacts: BTreeMap<i64, Contact>,
    /// Sessions that clients were told to be over, and the latest transaction that any member had applied then.
    ends: Vec<(i64, i64)>,
    /// Until when what went wrong last may keep the leader from hearing of sessions.
    trouble_until: Instant,
    faulty: bool,
    faults: u64,
    coverage: Coverage,
    /// Who takes leadership over now.
    heir: Option<Sid>,
    operator: Option<Operator>,
    operator_links: BTreeSet<LinkId>,
    /// Reconfigs that the operator was told to be done.
    reconfigs: Vec<i64>,
    /// Configurations that counted, by version, and on which member first.
    configured: BTreeMap<(i64, Str), Sid>,
}

/// A leader lost in the middle of a reconfig may leave the others without one: `docs/divergence.md`.
const UNFINISHED: &str = "a reconfig stays unfinished";

/// Moments that long runs must come through.
pub fn expected() -> Vec<String> {
    let mut expected: Vec<String> = Fault::ALL.iter().map(|fault| format!("fault {fault:?}")).collect();
    let moments = ["leads", "follows", "observes", "diff", "diff from the log", "trunc", "snap", "observes a follower"];
    let more = [
        "snapshot taken",
        "session moved",
        "handed over",
        "leads by handover",
        "linearizable read",
        "local session",
        "local session upgraded",
    ];
    let reconfigs = ["acknowledged", "refused"].map(|what| format!("reconfig {what}"));
    let roles = ["reconfigured", "votes from now on", "votes no more", "another leads by a reconfig"];
    expected.extend(more.into_iter().chain(roles).map(String::from));
    expected.extend(reconfigs);
    expected.push("starts amid a reconfig".into());
    expected.extend(moments.map(String::from));
    expected
}

impl Play for Scene {
    type Event = Event;

    fn stage(&mut self) -> &mut Stage<Event> {
        &mut self.stage
    }

    fn waiting(&self) -> Vec<String> {
        let members = self.members.iter().filter(|(_, member)| member.standing == Standing::Looking);
        let why = |member: &Member| {
            let end = |process: &Process| process.with(|keeper| keeper.ensemble().and_then(|m| m.peer().last_end()));
            member.process.as_ref().map(end)
        };
        let members = members.map(|(sid, member)| format!("member {sid} has no leader ({:?})", why(member)));
        self.stage.waiting().chain(members).collect()
    }

    fn one_event(&mut self) -> Checked {
        let event = self.stage.kernel.pop().expect("clients always have a tick scheduled");
        match event {
            Event::Stage(Happening::Arrive { link, to }) => return self.arrive(link, to),
            Event::Stage(Happening::Tick { client }) => self.stage.client_tick(client),
            Event::Stage(Happening::Dial { client }) => self.dial(client),
            Event::Stage(Happening::Work { client }) => self.stage.work(client),
            Event::Vote { from, to } => self.vote_arrives(from, to),
            Event::Accept { link } => self.accept(link),
            Event::Connected { link } => self.connected(link),
            Event::Unreachable { sid, life } => self.tell(sid, life, zab::Event::LeaderUnreachable),
            Event::Drained { sid, life, link } => {
                if let Some(process) = self.process_in(sid, life) {
                    process.drained(link);
                    self.want_turn(sid);
                }
            }
            Event::Turn { sid, life } => return self.turn(sid, life),
            Event::Timer { sid, life, at } => return self.timer(sid, life, at),
            Event::Run { sid, life, lane } => {
                self.stage.kernel.note("job runs", &[sid.unsigned_abs(), lane as u64], &[]);
                if let Some(process) = self.process_in(sid, life) {
                    process.lanes.run(lane);
                }
            }
            Event::Finish { sid, life, lane } => {
                if let Some(process) = self.process_in(sid, life) {
                    process.on_done(lane);
                    self.want_turn(sid);
                }
            }
            Event::Start { sid, life } => return self.start_process(sid, life),
            Event::Fault if self.faulty => self.fault(),
            Event::Reconfigure if self.faulty => self.reconfigure(),
            Event::Fault | Event::Reconfigure => {}
            Event::DiskHeals { sid } => self.member(sid).slow_disk = false,
        }
        Ok(())
    }
}

impl Scene {
    /// The scene of a seed.
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel = Kernel::new(options.seed, options.trace_lines_max);
        let swarm = Swarm::draw(&mut kernel.prng, options.seed);
        let members = swarm.sids().into_iter().map(|sid| {
            let disk = SimDisk::new(kernel.prng.fork());
            let skip_sync_dir = options.bug.is(PlantedBug::SkipDirSync);
            disk.set_lies(DiskLies { skip_sync_dir, ..DiskLies::default() });
            let member = Member {
                disk,
                process: None,
                life: 0,
                standing: Standing::Looking,
                paused_until: Instant::ZERO,
                slow_disk: false,
                files: swarm.files(sid),
            };
            (sid, member)
        });
        let members = members.collect();
        kernel.trace.note(Instant::ZERO, || format!("seed {} {swarm:?}", options.seed));
        Self {
            options,
            stage: Stage::new(kernel, swarm.load.clone()),
            members,
            member_links: BTreeMap::new(),
            votes: Votes::default(),
            client_links: BTreeMap::new(),
            ledger: Ledger::default(),
            contacts: BTreeMap::new(),
            ends: Vec::new(),
            trouble_until: Instant::ZERO,
            faulty: true,
            faults: 0,
            coverage: Coverage::default(),
            heir: None,
            operator: None,
            operator_links: BTreeSet::new(),
            reconfigs: Vec::new(),
            configured: BTreeMap::new(),
            swarm,
        }
    }

    /// Schedules the beginning: the members, the clients, the first fault.
    pub fn start(&mut self) {
        for sid in self.swarm.sids() {
            self.stage.kernel.after(Duration::from_millis(sid.unsigned_abs()), Event::Start { sid, life: 0 });
        }
        self.stage.start_clients();
        self.schedule_fault();
        if self.swarm.reconfigures {
            self.schedule_reconfig();
        }
    }

    /// Runs until enough was asked and enough went wrong.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run_faults(&mut self) -> Checked {
        while self.stage.operations() < self.stage.load.operations || self.faults < FAULTS_MIN + 2 {
            self.one_event()?;
            serves_again::in_time(self.stage.kernel.mono(), 1200, self.stage.operations())?;
        }
        Ok(())
    }

    /// Stops the faults and the workload.
    pub fn heal(&mut self) {
        self.stage.heal();
        self.faulty = false;
        self.votes.heal();
        for member in self.members.values_mut() {
            (member.slow_disk, member.paused_until) = (false, Instant::ZERO);
            member.disk.heal();
        }
    }

    /// All machines lose power, and nothing unsynced survives.
    pub fn last_power_loss(&mut self) {
        for sid in self.swarm.sids() {
            self.crash(sid, Crash::Power { survive_percent: 0 }, Duration::from_millis(10));
        }
    }

    /// After the calm, all members have the same; a session or a node may just be ending by itself.
    ///
    /// # Errors
    /// Some have something else, for long; or another property that did not hold.
    pub fn run_until_members_agree(&mut self) -> Checked {
        let until = self.stage.kernel.mono() + AGREE;
        while self.members_agree().is_err() && self.stage.kernel.mono() < until {
            self.one_event()?;
        }
        self.members_agree()
    }

    fn members_agree(&self) -> Checked {
        let state = |member: &Member| {
            let process = member.process.as_ref().expect("everybody is up after the calm");
            process.with(|keeper| (keeper.last_processed(), keeper.tree().digest()))
        };
        let states: Vec<_> = self.members.iter().map(|(sid, member)| (*sid, state(member))).collect();
        let agree = states.iter().all(|(_, state)| *state == states[0].1);
        digest_matches::PROPERTY.require(agree, || format!("members have other states: {states:?}"))
    }

    /// Checks the whole history.
    ///
    /// # Errors
    /// The property that did not hold.
    pub fn verify(&mut self) -> Result<Model, Violation> {
        let last =
            self.members.values().filter_map(|member| member.process.as_ref()).map(Process::last_processed).max();
        let txns = self.ledger.history(zk_wire::Zxid(last.unwrap_or(0)))?;
        self.count_local_sessions(&txns);
        let closes = txns.iter().filter(|txn| txn.opcode == zk_wire::OpCode::CLOSE_SESSION.0);
        let mut closed = BTreeMap::new();
        for txn in closes {
            closed.entry(txn.session).or_insert(txn.zxid);
        }
        for (session, applied) in &self.ends {
            session_lifetime::end_is_committed(*session, *applied, closed.get(session).copied())?;
        }
        self.check_reconfigs(&txns)?;
        if self.swarm.linearizable_reads {
            for record in &self.stage.history.ops {
                if reads_are_linearizable::shows_what_was_shown(record)? {
                    self.coverage.hit("linearizable read");
                }
            }
        }
        verify(&self.stage.history, &txns, &[], self.stage.load.rules, self.stage.load.piece_max)
    }

    fn count_local_sessions(&mut self, txns: &[LoggedTxn]) {
        if !self.swarm.load.rules.local_sessions {
            return;
        }
        let begins = txns.iter().filter(|txn| txn.opcode == zk_wire::OpCode::CREATE_SESSION.0);
        let global: BTreeSet<i64> = begins.map(|txn| txn.session).collect();
        for (session, ..) in &self.stage.history.sessions {
            let upgraded = global.contains(session);
            self.coverage.hit(if upgraded { "local session upgraded" } else { "local session" });
        }
    }

    /// A client reads every node of the model.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn read_whole_tree(&mut self, model: &Model) -> Checked {
        // What /zookeeper/config holds is no transaction.
        let told = |path: &&String| path.as_str() != "/zookeeper/config";
        let paths: Vec<String> = model.nodes().map(|(path, _)| path).filter(told).cloned().collect();
        self.read_all(&paths)
    }

    /// After the calm, ephemerals belong to sessions that clients hold.
    ///
    /// # Errors
    /// The violation.
    pub fn owners_are_alive(&self, model: &Model) -> Checked {
        self.stage.owners_are_alive(model)
    }

    /// The end.
    pub fn outcome(self, result: Result<(), Violation>) -> Outcome {
        let (operations, ended_early) = (self.stage.operations(), self.coverage.has(UNFINISHED));
        let outcome = Outcome::of(self.stage.kernel, result, operations, self.faults, self.coverage);
        Outcome { ended_early, ..outcome }
    }

    fn member(&mut self, sid: Sid) -> &mut Member {
        self.members.get_mut(&sid).expect("a member of this ensemble")
    }

    fn process_in(&mut self, sid: Sid, life: u64) -> Option<&mut Process> {
        let member = self.member(sid);
        (member.life == life).then_some(())?;
        member.process.as_mut()
    }

    // ---- the members

    fn start_process(&mut self, sid: Sid, life: u64) -> Checked {
        let (now, prng) = (self.stage.kernel.now(), self.stage.kernel.prng.fork());
        let config = self.swarm.config(sid, self.options.bug, &self.members[&sid].files);
        let member = self.members.get_mut(&sid).expect("a member of this ensemble");
        if member.process.is_some() || member.life != life {
            return Ok(());
        }
        let errors_before = member.disk.stats().errors;
        match Process::start(now, member.disk.clone(), config, prng) {
            Ok(process) => {
                let last = process.last_processed();
                member.process = Some(process);
                if member.files.next.is_some() {
                    self.coverage.hit("starts amid a reconfig");
                }
                self.stage.kernel.note("start", &[sid.unsigned_abs(), last as u64], &[]);
                self.ledger.forget(sid);
                // Who is connected says its vote again.
                for from in self.votes.senders_to(sid) {
                    self.vote_leaves(from, sid);
                }
                self.after_turn(sid)
            }
            Err(error) => {
                let injected = member.disk.stats().errors > errors_before;
                self.stage.note(|| format!("member {sid} fails to start: {error}"));
                serves_again::starts(if injected { Ok(()) } else { Err(error) })?;
                self.crash(sid, Crash::Process, Duration::from_millis(50));
                Ok(())
            }
        }
    }

    fn turn(&mut self, sid: Sid, life: u64) -> Checked {
        let (now, paused_until) = (self.stage.kernel.now(), self.member(sid).paused_until);
        if paused_until > now.mono {
            self.stage.kernel.at(paused_until, Event::Turn { sid, life });
            return Ok(());
        }
        let Some(process) = self.process_in(sid, life) else { return Ok(()) };
        for output in process.turn(now) {
            self.deliver(sid, output)?;
        }
        self.after_turn(sid)
    }

    fn timer(&mut self, sid: Sid, life: u64, at: Instant) -> Checked {
        let due = self.process_in(sid, life).is_some_and(|process| process.timer.is_due(at));
        if due { self.turn(sid, life) } else { Ok(()) }
    }

    fn deliver(&mut self, sid: Sid, output: Output) -> Checked {
        match output {
            Output::Send(link, frame) if self.is_operators(link) => self.operator_sees(link, frame),
            Output::Close(link, _) if self.is_operators(link) => self.operator_is_left(link),
            Output::Send(link, frame) => self.stage.send(link, To::Client, Arrival::Frame(frame)),
            Output::Close(link, reason) => {
                self.stage.kernel.note("member closes", &[link], format!("{reason:?}").as_bytes());
                if reason == keeper::CloseReason::SessionMoved {
                    self.coverage.hit("session moved");
                }
                self.stage.send(link, To::Client, Arrival::Closed);
                if let Some(process) = &mut self.member(sid).process {
                    process.on_closed(link);
                }
            }
            Output::Member(output) => return self.perform(sid, output),
        }
        Ok(())
    }

    fn perform(&mut self, sid: Sid, output: MemberOutput) -> Checked {
        match output {
            MemberOutput::Notify(to, vote) => {
                self.votes.put(sid, to, vote);
                self.vote_leaves(sid, to);
            }
            MemberOutput::Dial(leader) => self.dial_leader(sid, leader),
            MemberOutput::ToLearner(link, packet) => {
                let what = match packet {
                    zab::ToLearner::Diff(_) => Some("diff"),
                    zab::ToLearner::Trunc(_) => Some("trunc"),
                    zab::ToLearner::Snap(_) => Some("snap"),
                    _ => None,
                };
                what.into_iter().for_each(|what| self.coverage.hit(what));
                if matches!(packet, zab::ToLearner::CommitAndActivate { leader, .. } if leader != sid) {
                    self.coverage.hit("another leads by a reconfig");
                }
                let frame = self.member_links.get_mut(&link).and_then(|open| open.send(&packet));
                frame.into_iter().for_each(|frame| self.stage.send(link, To::Client, Arrival::Frame(frame)));
            }
            MemberOutput::ToLeader(link, packet) => {
                let frame = zk_wire::Jute::to_bytes(&packet.encode());
                self.stage.send(link, To::Server, Arrival::Frame(frame));
            }
            MemberOutput::BeginStream(link) => {
                if let Some(open) = self.member_links.get_mut(&link)
                    && !open.begin_stream()
                {
                    self.coverage.hit("diff from the log");
                }
            }
            MemberOutput::Stream(link, chunk, last) => self.send_chunk(sid, link, chunk, last),
            MemberOutput::Receive(link, intake) => {
                let Some(open) = self.member_links.get_mut(&link) else { return Ok(()) };
                for read in open.receive(intake) {
                    self.learner_reads(sid, link, read);
                }
            }
            MemberOutput::CloseLink(link) => self.close_link(sid, link),
            MemberOutput::Standing(standing) => return self.on_standing(sid, standing),
            MemberOutput::Leads(_) => {}
            MemberOutput::Configured(text) => self.on_configured(sid, &text),
            MemberOutput::NextConfig(text) => self.on_next_config(sid, text),
        }
        Ok(())
    }

    fn send_chunk(&mut self, sid: Sid, link: LinkId, chunk: bytes::Bytes, last: bool) {
        let Some(open) = self.member_links.get_mut(&link) else { return };
        for frame in open.send_chunk(chunk, last) {
            self.stage.send(link, To::Client, Arrival::Frame(frame));
        }
        if !last {
            let (life, moment) =
                (self.member(sid).life, Duration::from_micros(self.stage.kernel.prng.between(10, 2000)));
            self.stage.kernel.after(moment, Event::Drained { sid, life, link });
        }
    }

    fn on_standing(&mut self, sid: Sid, standing: Standing) -> Checked {
        self.stage.kernel.trace.note(self.stage.kernel.mono(), || format!("member {sid} is {standing:?}"));
        let member = self.members.get_mut(&sid).expect("a member of this ensemble");
        member.standing = standing;
        match standing {
            Standing::Looking => {}
            Standing::Following { .. } => self.coverage.hit("follows"),
            Standing::Observing { leader, .. } => {
                self.coverage.hit("observes");
                let newest = self.member_links.values().rev().find(|link| link.learner == (sid, member.life));
                if newest.is_some_and(|link| link.leader.0 != leader) {
                    self.coverage.hit("observes a follower");
                }
            }
            Standing::Leading(epoch) => {
                self.coverage.hit("leads");
                if self.heir.take() == Some(sid) {
                    self.coverage.hit("leads by handover");
                }
                let process = member.process.as_ref().expect("it speaks");
                let last = process.with(|keeper| keeper.ensemble().map(|m| m.peer().history().delivered()));
                self.ledger.established(sid, epoch, last.expect("it is a member"))?;
            }
        }
        Ok(())
    }

    /// Jobs, timers, notes, what was logged and applied, and the end of the process, after whatever the loop did.
    fn after_turn(&mut self, sid: Sid) -> Checked {
        let now = self.stage.kernel.mono();
        let member = self.members.get_mut(&sid).expect("a member of this ensemble");
        let (life, standing) = (member.life, member.standing);
        let Some(process) = member.process.as_mut() else { return Ok(()) };
        let times = if member.slow_disk { self.stage.load.disk.slowed() } else { self.stage.load.disk };
        let (run, finish) = (|lane| Event::Run { sid, life, lane }, |lane| Event::Finish { sid, life, lane });
        let jobs = process.take_jobs();
        process.lanes.schedule(&mut self.stage.kernel, jobs, times, run, finish);
        if let Some(at) = process.timer.want(process.deadline()) {
            self.stage.kernel.at(at, Event::Timer { sid, life, at });
        }
        for answer in process.take_answers() {
            if let Answer::HandOver(Ok(to)) = answer {
                self.coverage.hit("handed over");
                self.heir = Some(to);
            }
            self.stage.kernel.trace.note(now, || format!("member {sid} answers {answer:?}"));
        }
        for note in process.take_notes() {
            if matches!(note, KeeperNote::SnapshotWritten(_)) {
                self.coverage.hit("snapshot taken");
            }
            self.stage.kernel.trace.note(now, || format!("member {sid} notes {note:?}"));
        }
        let looked = self.ledger.looked(sid);
        let ledger = &mut self.ledger;
        process.with(|keeper| {
            let Some(member) = keeper.ensemble() else { return Ok(()) };
            let history = member.peer().history();
            ledger.logged(sid, history.between(looked, history.last()))?;
            digest_matches::seen_by_member(sid, keeper.last_processed().0, keeper.digest_mismatches())?;
            match standing == Standing::Looking || keeper.is_unfinished() {
                true => Ok(()),
                false => ledger.applied(sid, keeper.last_processed(), keeper.tree().digest()),
            }
        })?;
        if let Some(fatal) = process.take_fatal() {
            self.stage.kernel.note("fatal", &[sid.unsigned_abs()], fatal.what.as_bytes());
            self.crash(sid, Crash::Process, Duration::from_millis(100));
        } else {
            self.want_turn(sid);
        }
        Ok(())
    }

    fn want_turn(&mut self, sid: Sid) {
        let member = self.members.get_mut(&sid).expect("a member of this ensemble");
        let life = member.life;
        let Some(process) = member.process.as_mut() else { return };
        if process.wants_turn() {
            let moment = Duration::from_micros(self.stage.kernel.prng.below(100));
            self.stage.kernel.after(moment, Event::Turn { sid, life });
        }
    }

    fn tell(&mut self, sid: Sid, life: u64, event: zab::Event) {
        if let Some(process) = self.process_in(sid, life) {
            process.tell(event);
            self.want_turn(sid);
        }
    }

    // ---- between members

    fn hop(&mut self) -> Duration {
        let (low, high) = self.stage.load.net.delay_us;
        Duration::from_micros(self.stage.kernel.prng.between(low, high))
    }

    fn vote_leaves(&mut self, from: Sid, to: Sid) {
        let hop = self.hop();
        self.stage.kernel.after(hop, Event::Vote { from, to });
    }

    fn vote_arrives(&mut self, from: Sid, to: Sid) {
        let now = self.stage.kernel.mono();
        if let Some(until) = self.votes.blocked(now, from, to) {
            return self.stage.kernel.at(until, Event::Vote { from, to });
        }
        if let Some(notification) = self.votes.latest(from, to) {
            let life = self.member(to).life;
            self.tell(to, life, zab::Event::Notification { from, notification });
        }
    }

    fn dial_leader(&mut self, sid: Sid, leader: Sid) {
        let leader = self.master_of(sid).unwrap_or(leader);
        let (now, life) = (self.stage.kernel.mono(), self.member(sid).life);
        let there = self.member(leader);
        let takes = |peer: &zab::Peer| peer.leads() || peer.serves_observers();
        let listening = |process: &Process| process.with(|keeper| keeper.ensemble().is_some_and(|m| takes(m.peer())));
        let (there_life, listens) = (there.life, there.process.as_ref().is_some_and(listening));
        let hop = self.hop();
        if !listens || self.votes.blocked(now, sid, leader).is_some() {
            return self.stage.kernel.after(hop * 2, Event::Unreachable { sid, life });
        }
        let link = self.stage.net.open();
        self.member_links.insert(link, MemberLink::new((sid, life), (leader, there_life)));
        self.stage.kernel.after(hop, Event::Accept { link });
        self.stage.kernel.after(hop * 2, Event::Connected { link });
    }

    /// With observer masters an observer dials any server that votes.
    fn master_of(&mut self, sid: Sid) -> Option<Sid> {
        let (voters, votes) = self.swarm.voters_of(sid, &self.members[&sid].files);
        if !self.swarm.observer_masters || votes {
            return None;
        }
        self.stage.kernel.prng.pick(&voters).copied()
    }

    fn accept(&mut self, link: LinkId) {
        let (leader, life) = self.member_links[&link].leader;
        self.tell(leader, life, zab::Event::LearnerConnected { link: Link(link) });
    }

    fn connected(&mut self, link: LinkId) {
        let (learner, life) = self.member_links[&link].learner;
        self.tell(learner, life, zab::Event::LeaderConnected { link: Link(link) });
    }

    /// A member ends a link: the other end learns of it, and its own machine hears that it is over.
    fn close_link(&mut self, sid: Sid, link: LinkId) {
        let Some(open) = self.member_links.get(&link) else { return };
        let ((own, other), life) = match open.learner.0 == sid {
            true => ((To::Client, To::Server), open.learner.1),
            false => ((To::Server, To::Client), open.leader.1),
        };
        self.stage.send(link, other, Arrival::Closed);
        self.stage.net.vanish(link, own);
        self.tell(sid, life, zab::Event::Closed { link: Link(link) });
    }

    fn member_arrival(&mut self, link: LinkId, to: To, arrival: Arrival) {
        let open = self.member_links.get_mut(&link).expect("looked up by the caller");
        let ((sid, life), other) = match to {
            To::Server => (open.leader, To::Client),
            To::Client => (open.learner, To::Server),
        };
        let there = &self.members[&sid];
        if there.life != life || there.process.is_none() {
            return self.stage.send(link, other, Arrival::Closed);
        }
        match (arrival, to) {
            (Arrival::Closed, _) => self.tell(sid, life, zab::Event::Closed { link: Link(link) }),
            (Arrival::Frame(frame), To::Server) => {
                let packet = links::to_leader(frame);
                self.tell(sid, life, zab::Event::FromLearner { link: Link(link), packet });
            }
            (Arrival::Frame(frame), To::Client) => {
                for read in open.read(frame) {
                    self.learner_reads(sid, link, read);
                }
            }
        }
    }

    fn learner_reads(&mut self, sid: Sid, link: LinkId, read: Read) {
        let life = self.member_links[&link].learner.1;
        match read {
            Read::Packet(packet) => self.tell(sid, life, zab::Event::FromLeader { link: Link(link), packet }),
            Read::Snapshot(snapshot) => {
                if let Some(process) = self.process_in(sid, life) {
                    process.snapshot_received(link, snapshot);
                    self.want_turn(sid);
                }
            }
        }
    }

    // ---- the network

    /// Until when the receiver of what arrives stands still.
    fn receiver_paused(&self, link: LinkId, to: To) -> Option<Instant> {
        let sid = match (self.member_links.get(&link), to) {
            (Some(open), To::Server) => open.leader.0,
            (Some(open), To::Client) => open.learner.0,
            (None, To::Server) => self.client_links.get(&link)?.sid,
            (None, To::Client) => return None,
        };
        Some(self.members[&sid].paused_until).filter(|until| *until > self.stage.kernel.mono())
    }

    fn arrive(&mut self, link: LinkId, to: To) -> Checked {
        if let Some(until) = self.receiver_paused(link, to) {
            self.stage.kernel.at(until, Happening::Arrive { link, to }.into());
            return Ok(());
        }
        let Some(arrival) = self.stage.take_arrival(link, to) else { return Ok(()) };
        if self.member_links.contains_key(&link) {
            self.member_arrival(link, to, arrival);
            return Ok(());
        }
        match to {
            To::Server => self.client_to_server(link, arrival),
            To::Client => self.server_to_client(link, arrival),
        }
    }
}
