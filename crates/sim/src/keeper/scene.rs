//! The scene: disk, process and operator, and what each event does to them, the clients and the network.

mod operator;

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use base::Instant;
use base::planted::PlantedBug;
use driver::keeper_loop::{KeeperLoopConfig, KeeperNote};
use driver::world::Lane;

use self::operator::Operator;
pub(super) use self::operator::state_of;
use super::coverage;
use super::log_tail::{LoggedTxn, read_logs};
use super::model::Model;
use super::process::{Output, Process};
use super::stage::{Happening, Play, Stage};
use super::swarm::{Fault, Swarm};
use super::verify::{shown_by, verify};
use crate::check::{
    Checked, Violation, acknowledged_writes_survive, containers_and_ttls_go, log_is_a_prefix, serves_again,
};
use crate::disk::{Crash, DiskLies, DiskOp, SimDisk};
use crate::kernel::Kernel;
use crate::net::{Arrival, LinkId, To};
use crate::run::{Coverage, FAULTS_MIN, Outcome, SeedOptions};

const DATA_DIR: &str = "/data";
const LOG_DIR: &str = "/data/version-2";

/// No run has more faults, so that a slow one gets its work done in the end.
const FAULTS_MAX: u64 = 60;

/// Something that happens. `life` tells which life of the process it was meant for.
pub enum Event {
    Stage(Happening),
    Turn { life: usize },
    Timer { life: usize, at: Instant },
    Run { life: usize, lane: Lane },
    Finish { life: usize, lane: Lane },
    Start { life: usize },
    Fault,
    Operate,
    DiskHeals,
}

impl From<Happening> for Event {
    fn from(happening: Happening) -> Self {
        Self::Stage(happening)
    }
}

struct LinkInfo {
    client: usize,
    life: usize,
}

/// A server under faults.
pub struct Scene {
    options: SeedOptions,
    stage: Stage<Event>,
    disk: SimDisk,
    process: Option<Process>,
    /// Counts starts of the process; the current life's number.
    life: usize,
    links: BTreeMap<LinkId, LinkInfo>,
    /// The folder's history as the checks have accepted it so far.
    txns: Vec<LoggedTxn>,
    /// What each finished life had shown by its end, and what the next life found.
    recovered: Vec<i64>,
    /// When a frame of a session last reached the server, or the server last started.
    contact: BTreeMap<i64, Instant>,
    started_at: Instant,
    operator: Operator,
    faulty: bool,
    slow_disk: bool,
    faults: u64,
    coverage: Coverage,
}

impl Play for Scene {
    type Event = Event;

    fn stage(&mut self) -> &mut Stage<Event> {
        &mut self.stage
    }

    fn waiting(&self) -> Vec<String> {
        self.stage.waiting().collect()
    }

    fn one_event(&mut self) -> Checked {
        let event = self.stage.kernel.pop().expect("clients always have a tick scheduled");
        match event {
            Event::Stage(Happening::Arrive { link, to }) => self.arrive(link, to)?,
            Event::Stage(Happening::Tick { client }) => self.stage.client_tick(client),
            Event::Stage(Happening::Dial { client }) => self.dial(client),
            Event::Stage(Happening::Work { client }) => self.stage.work(client),
            Event::Turn { life } if self.lives(life) => self.turn(),
            Event::Timer { life, at } if self.lives(life) => self.timer(at),
            Event::Run { life, lane } if self.lives(life) => {
                self.stage.kernel.note("job runs", &[lane as u64], &[]);
                self.process().lanes.run(lane);
            }
            Event::Finish { life, lane } if self.lives(life) => {
                self.stage.kernel.note("job done", &[lane as u64], &[]);
                self.process().on_done(lane);
                self.want_turn();
            }
            Event::Turn { .. } | Event::Timer { .. } | Event::Run { .. } | Event::Finish { .. } => {}
            Event::Start { life } if self.process.is_none() && life == self.life => self.start_process()?,
            Event::Start { .. } => {}
            Event::Fault if self.faulty => self.fault(),
            Event::Operate if self.faulty => self.operate(),
            Event::Fault | Event::Operate => {}
            Event::DiskHeals => {
                self.slow_disk = false;
                self.disk.set_full(false);
            }
        }
        self.hear_answers()
    }
}

impl Scene {
    /// The scene of a seed.
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel = Kernel::new(options.seed, options.trace_lines_max);
        let swarm = Swarm::draw(&mut kernel.prng);
        let disk = SimDisk::new(kernel.prng.fork());
        let skip_sync_dir = options.bug.is(PlantedBug::SkipDirSync);
        disk.set_lies(DiskLies { skip_sync_dir, ..DiskLies::default() });
        kernel.trace.note(Instant::ZERO, || format!("seed {} {swarm:?}", options.seed));
        Self {
            options,
            stage: Stage::new(kernel, swarm),
            disk,
            process: None,
            life: 0,
            links: BTreeMap::new(),
            txns: Vec::new(),
            recovered: Vec::new(),
            contact: BTreeMap::new(),
            started_at: Instant::ZERO,
            operator: Operator::default(),
            faulty: true,
            slow_disk: false,
            faults: 0,
            coverage: Coverage::default(),
        }
    }

    /// Schedules the beginning: the server, the clients, the first fault.
    pub fn start(&mut self) {
        self.stage.kernel.after(Duration::ZERO, Event::Start { life: 0 });
        self.stage.start_clients();
        self.schedule_fault();
        self.schedule_operator();
    }

    /// Runs until enough was asked and enough went wrong.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run_faults(&mut self) -> Checked {
        while self.stage.operations() < self.stage.load.operations || self.faults < FAULTS_MIN + 2 {
            self.one_event()?;
            serves_again::in_time(self.stage.kernel.mono(), 600, self.stage.operations())?;
        }
        Ok(())
    }

    /// Stops the faults and the workload.
    pub fn heal(&mut self) {
        self.stage.heal();
        self.faulty = false;
        self.slow_disk = false;
        self.disk.set_full(false);
        self.disk.heal();
    }

    /// The machine loses power, and nothing unsynced survives.
    pub fn last_power_loss(&mut self) {
        self.crash(Crash::Power { survive_percent: 0 }, Duration::from_millis(10));
    }

    /// Checks the whole history.
    ///
    /// # Errors
    /// The property that did not hold.
    pub fn verify(&mut self) -> Result<Model, Violation> {
        self.remember_logs();
        for (life, recovered) in self.recovered.iter().enumerate() {
            let (shown, what) = shown_by(&self.stage.history, life);
            acknowledged_writes_survive::after_recovery(life, *recovered, shown, what)?;
        }
        verify(&self.stage.history, &self.txns, &self.recovered, self.stage.load.rules, self.stage.load.piece_max)
    }

    /// A client reads every node of the model.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn read_whole_tree(&mut self, model: &Model) -> Checked {
        let paths: Vec<String> = model.nodes().map(|(path, _)| path.clone()).collect();
        self.read_all(&paths)
    }

    /// After the calm, nothing is left of what was due well before.
    ///
    /// # Errors
    /// The violation.
    pub fn none_is_due(&self, model: &Model) -> Checked {
        let before = self.stage.kernel.now().wall_ms - 30_000;
        let time_of = |zxid: i64| {
            let at = self.txns.binary_search_by_key(&zxid, |txn| txn.zxid);
            at.map_or(0, |at| self.txns[at].time_ms)
        };
        containers_and_ttls_go::none_is_left(before, model, time_of)
    }

    /// After the calm, ephemerals belong to sessions that clients hold.
    ///
    /// # Errors
    /// The violation.
    pub fn owners_are_alive(&self, model: &Model) -> Checked {
        self.stage.owners_are_alive(model)
    }

    /// The end.
    pub fn outcome(mut self, result: Result<(), Violation>) -> Outcome {
        coverage::of(&self.stage.history, &self.txns, &mut self.coverage);
        let operations = self.stage.operations();
        Outcome::of(self.stage.kernel, result, operations, self.faults, self.coverage)
    }

    fn lives(&self, life: usize) -> bool {
        life == self.life && self.process.is_some()
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("only called while the process lives")
    }

    // ---- the process

    fn start_process(&mut self) -> Checked {
        let failures = |disk: &SimDisk| disk.stats().errors + disk.stats().refusals;
        let failures_before = failures(&self.disk);
        let prng = self.stage.kernel.prng.fork();
        let started = Process::start(self.stage.kernel.now(), self.disk.clone(), self.config(), prng);
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                self.stage.note(|| format!("start fails: {error}"));
                let injected = failures(&self.disk) > failures_before;
                serves_again::starts(if injected { Ok(()) } else { Err(error) })?;
                self.crash(Crash::Process, Duration::from_millis(50));
                return Ok(());
            }
        };
        self.stage.kernel.note("start", &[self.life as u64, process.last_processed() as u64], &[]);
        let last = process.last_processed();
        self.process = Some(process);
        self.started_at = self.stage.kernel.mono();
        self.check_recovery(last)?;
        self.after_turn();
        Ok(())
    }

    fn config(&self) -> KeeperLoopConfig {
        let mut config = KeeperLoopConfig::new(Path::new(DATA_DIR));
        config.log.pre_alloc_bytes = self.stage.load.pre_alloc_bytes;
        config.log.zeros_ahead_bytes = self.stage.load.pre_alloc_bytes / 16;
        config.log.group_bytes_max = self.stage.load.group_bytes_max;
        config.retain = self.stage.load.retain;
        config.snapshot_chunk_bytes = self.stage.load.snapshot_chunk_bytes;
        config.keeper.tick_time_ms = self.stage.load.tick_time_ms;
        config.keeper.session_timeout_ms_min = 1000;
        config.keeper.session_timeout_ms_max = 20_000;
        config.keeper.snap_count = self.stage.load.snap_count;
        config.keeper.extended_types_enabled = self.stage.load.rules.extended_types;
        config.keeper.enforce_quota = self.stage.load.rules.enforce_quota;
        config.keeper.reconfig_enabled = self.stage.load.rules.reconfig_enabled;
        config.keeper.container_never_used_ms_max = self.stage.load.rules.container_never_used_ms_max as u64;
        config.keeper.container_check_interval_ms = self.stage.load.container_check_interval_ms;
        config.keeper.containers_per_minute_max = self.stage.load.containers_per_minute_max;
        config.keeper.piece_max = self.stage.load.piece_max;
        config.bug = self.options.bug;
        config.keeper.bug = self.options.bug;
        config
    }

    /// What the last lives left is a prefix of what they wrote, and holds what they showed.
    fn check_recovery(&mut self, last: i64) -> Checked {
        let found = read_logs(&self.disk.observer(), Path::new(LOG_DIR)).unwrap_or_default();
        let newest_until = |txns: &[LoggedTxn]| {
            let kept = txns.partition_point(|txn| txn.zxid <= last);
            (kept, txns[..kept].last().map_or(0, |txn| txn.zxid))
        };
        let (mut kept, mut newest) = newest_until(&self.txns);
        if self.found_restored(newest, last) {
            (kept, newest) = newest_until(&self.txns);
        }
        log_is_a_prefix::PROPERTY.require(newest == last, || {
            format!("recovered up to {last:#x}, but the log had been written up to {newest:#x} only")
        })?;
        log_is_a_prefix::of(&self.txns[..kept], &found)?;
        self.txns.truncate(kept);
        while self.recovered.len() < self.life {
            let life = self.recovered.len();
            let (shown, what) = shown_by(&self.stage.history, life);
            acknowledged_writes_survive::after_recovery(life, last, shown, what)?;
            self.recovered.push(last);
        }
        Ok(())
    }

    /// Takes what the logs hold now into the history of the folder.
    fn remember_logs(&mut self) {
        let Ok(found) = read_logs(&self.disk.observer(), Path::new(LOG_DIR)) else { return };
        let found = self.with_restores(found);
        // Purged files may come back after a crash, and not all of them: what counts is the end without gaps.
        let whole = found.windows(2).rposition(|pair| pair[1].zxid != pair[0].zxid + 1).map_or(0, |gap| gap + 1);
        let Some(first) = found.get(whole) else { return };
        if found.last().map(|txn| txn.zxid) < self.txns.last().map(|txn| txn.zxid) {
            // After a crash, before the recovery that decides what is left.
            return;
        }
        let older = self.txns.partition_point(|txn| txn.zxid < first.zxid);
        self.txns.truncate(older);
        self.txns.extend_from_slice(&found[whole..]);
    }

    fn turn(&mut self) {
        let now = self.stage.kernel.now();
        for output in self.process().turn(now) {
            self.deliver(output);
        }
        self.after_turn();
    }

    fn deliver(&mut self, output: Output) {
        match output {
            Output::Send(link, frame) => {
                self.stage.send(link, To::Client, Arrival::Frame(frame));
            }
            Output::Close(link, reason) => {
                self.stage.kernel.note("server closes", &[link], format!("{reason:?}").as_bytes());
                self.stage.send(link, To::Client, Arrival::Closed);
                self.process().on_closed(link);
            }
            Output::Member(output) => unreachable!("this server stands alone: {output:?}"),
        }
    }

    /// Jobs, timers, notes and the end of the process, after whatever the loop did.
    fn after_turn(&mut self) {
        let (now, life) = (self.stage.kernel.mono(), self.life);
        let Some(process) = self.process.as_mut() else { return };
        self.operator.established(process);
        let times = if self.slow_disk { self.stage.load.disk.slowed() } else { self.stage.load.disk };
        let (run, finish) = (|lane| Event::Run { life, lane }, |lane| Event::Finish { life, lane });
        let jobs = process.take_jobs();
        process.lanes.schedule(&mut self.stage.kernel, jobs, times, run, finish);
        // A piece takes its time, in which others are served.
        let piece = Duration::from_micros(self.stage.kernel.prng.below(self.stage.load.piece_us_max));
        let deadline = process.deadline().map(|at| if process.is_unfinished() { now + piece } else { at });
        if let Some(at) = process.timer.want(deadline) {
            self.stage.kernel.at(at, Event::Timer { life, at });
        }
        let mut snapshot = false;
        for note in process.take_notes() {
            snapshot |= matches!(note, KeeperNote::SnapshotWritten(_));
            self.stage.kernel.trace.note(now, || format!("note {note:?}"));
        }
        let fatal = process.take_fatal();
        if snapshot && self.stage.load.retain.is_some() {
            // Purging removes logs behind the third snapshot: read them while they are there.
            self.remember_logs();
        }
        if let Some(fatal) = fatal {
            self.stage.kernel.note("fatal", &[], fatal.what.as_bytes());
            self.crash(Crash::Process, Duration::from_millis(100));
        } else {
            self.want_turn();
        }
    }

    fn want_turn(&mut self) {
        let life = self.life;
        if self.process().wants_turn() {
            // The loop's thread needs a moment, in which more arrives: that is what makes batches.
            let moment = Duration::from_micros(self.stage.kernel.prng.below(100));
            self.stage.kernel.after(moment, Event::Turn { life });
        }
    }

    fn timer(&mut self, at: Instant) {
        if self.process().timer.is_due(at) {
            self.turn();
        }
    }

    fn crash(&mut self, crash: Crash, restart_after: Duration) {
        self.stage.kernel.note("crash", &[matches!(crash, Crash::Power { .. }).into()], &[]);
        self.remember_logs();
        self.forget_answers();
        self.process = None;
        self.disk = self.disk.crash(crash);
        let silent = matches!(crash, Crash::Power { .. }) && self.stage.kernel.prng.chance(1, 2);
        let life = self.life;
        for link in self.stage.net.open_links() {
            if self.links.get(&link).is_some_and(|info| info.life == life) {
                self.stage.lose(link, To::Server, silent);
            }
        }
        self.life += 1;
        let life = self.life;
        self.stage.kernel.after(restart_after, Event::Start { life });
    }

    // ---- the network

    fn arrive(&mut self, link: LinkId, to: To) -> Checked {
        let Some(arrival) = self.stage.take_arrival(link, to) else { return Ok(()) };
        match to {
            To::Server => self.arrive_at_server(link, arrival),
            To::Client => return self.arrive_at_client(link, arrival),
        }
        Ok(())
    }

    fn arrive_at_server(&mut self, link: LinkId, arrival: Arrival) {
        let now = self.stage.kernel.now();
        let life = self.links[&link].life;
        if !self.lives(life) || !self.process().has_conn(link) {
            // Nobody listens: the machine's network answers with a reset.
            self.stage.send(link, To::Client, Arrival::Closed);
            return;
        }
        let process = self.process.as_mut().expect("checked");
        match arrival {
            Arrival::Frame(frame) => {
                if let Some(session) = process.session_of(link) {
                    self.contact.insert(session, now.mono);
                }
                process.on_frame(now, link, frame);
                for output in process.take_outputs() {
                    self.deliver(output);
                }
            }
            Arrival::Closed => process.on_closed(link),
        }
        self.want_turn();
    }

    fn arrive_at_client(&mut self, link: LinkId, arrival: Arrival) -> Checked {
        let number = self.links[&link].client;
        if self.stage.clients[number].link != Some(link) {
            return Ok(());
        }
        let (contact, started_at) = (&self.contact, self.started_at);
        let operator = &self.operator;
        let last_contact = |session: i64| match operator.has_lost(session) {
            true => None,
            false => Some(contact.get(&session).copied().unwrap_or_default().max(started_at)),
        };
        self.stage.client_sees(number, arrival, last_contact)
    }

    fn dial(&mut self, number: usize) {
        if !self.stage.wants_connection(number) {
            return;
        }
        let link = self.stage.net.open();
        self.links.insert(link, LinkInfo { client: number, life: self.life });
        if let Some(process) = &mut self.process {
            process.accept(link);
        }
        self.stage.dial(number, link, self.life);
    }

    // ---- the faults

    fn schedule_fault(&mut self) {
        let (low, high) = self.stage.load.fault_us;
        let pause = Duration::from_micros(self.stage.kernel.prng.between(low, high));
        self.stage.kernel.after(pause, Event::Fault);
    }

    fn fault(&mut self) {
        self.schedule_fault();
        if self.faults == FAULTS_MAX {
            return;
        }
        let Some(fault) = self.stage.kernel.prng.pick(&self.stage.load.faults).copied() else { return };
        if self.process.is_none() {
            return;
        }
        self.faults += 1;
        self.stage.kernel.note("fault", &[fault as u64], &[]);
        self.stage.note(|| format!("fault {fault:?}"));
        self.coverage.hit(&format!("fault {fault:?}"));
        let down = Duration::from_millis(self.stage.kernel.prng.between(1, 500));
        match fault {
            Fault::PowerLoss => self.crash(Crash::Power { survive_percent: self.stage.load.survive_percent }, down),
            Fault::Kill => self.crash(Crash::Process, down),
            Fault::DiskError => self.disk_error(),
            Fault::DiskFull => {
                self.disk.set_full(true);
                self.stage.kernel.after(down, Event::DiskHeals);
            }
            Fault::SlowDisk => {
                self.slow_disk = true;
                self.stage.kernel.after(down, Event::DiskHeals);
            }
            Fault::ClockJump => {
                let hour_ms = 3_600_000;
                let by_ms = self.stage.kernel.prng.below(2 * hour_ms) as i64 - hour_ms as i64;
                self.stage.kernel.jump_wall(by_ms);
            }
            Fault::Reset | Fault::Stall | Fault::Vanish => self.network_fault(fault, down),
        }
    }

    fn disk_error(&mut self) {
        const OPS: [DiskOp; 8] = [
            DiskOp::Read,
            DiskOp::Write,
            DiskOp::SetLen,
            DiskOp::Sync,
            DiskOp::Sync,
            DiskOp::SyncDir,
            DiskOp::Create,
            DiskOp::Rename,
        ];
        self.disk.fail_some(&OPS, &mut self.stage.kernel.prng);
    }

    fn network_fault(&mut self, fault: Fault, down: Duration) {
        let links = self.stage.client_links();
        let now = self.stage.kernel.mono();
        let Some(link) = self.stage.kernel.prng.pick(&links).copied() else { return };
        match fault {
            Fault::Reset => self.stage.reset(link),
            Fault::Stall => self.stage.net.stall(link, now + down * 20),
            _ => {
                let end = if self.stage.kernel.prng.chance(1, 2) { To::Server } else { To::Client };
                self.stage.net.vanish(link, end);
            }
        }
    }
}
