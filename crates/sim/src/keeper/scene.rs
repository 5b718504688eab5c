//! The stage: queue, network, disk, process and clients, and what each event does to them.

mod operator;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::planted::PlantedBug;
use base::{Instant, Prng};
use driver::keeper_loop::{KeeperLoopConfig, KeeperNote};
use driver::world::Lane;

use self::operator::Operator;
pub(super) use self::operator::state_of;
use super::client::{Client, State, Wish};
use super::coverage;
use super::history::History;
use super::log_tail::{LoggedTxn, read_logs};
use super::model::Model;
use super::op::Op;
use super::process::{Output, Process};
use super::swarm::{Fault, Swarm};
use super::verify::{shown_by, verify};
use crate::check::{
    Checked, Violation, acknowledged_writes_survive, containers_and_ttls_go, ephemerals_follow_sessions,
    log_is_a_prefix, serves_again,
};
use crate::disk::{Crash, DiskLies, DiskOp, SimDisk};
use crate::kernel::Kernel;
use crate::net::{Arrival, LinkId, Net, To};
use crate::run::{Coverage, FAULTS_MIN, Outcome, SeedOptions};

const DATA_DIR: &str = "/data";
const LOG_DIR: &str = "/data/version-2";

/// No run has more faults, so that a slow one gets its work done in the end.
const FAULTS_MAX: u64 = 60;

/// Something that happens. `life` tells which life of the process it was meant for.
enum Event {
    Arrive { link: LinkId, to: To },
    Turn { life: usize },
    Timer { life: usize, at: Instant },
    Run { life: usize, lane: Lane },
    Finish { life: usize, lane: Lane },
    Start { life: usize },
    Tick { client: usize },
    Dial { client: usize },
    Work { client: usize },
    Fault,
    Operate,
    DiskHeals,
}

struct LinkInfo {
    client: usize,
    life: usize,
}

/// The stage.
pub struct Scene {
    options: SeedOptions,
    kernel: Kernel<Event>,
    swarm: Swarm,
    net: Net,
    disk: SimDisk,
    process: Option<Process>,
    /// Counts starts of the process; the current life's number.
    life: usize,
    clients: Vec<Client>,
    links: BTreeMap<LinkId, LinkInfo>,
    history: History,
    /// The folder's history as the checks have accepted it so far.
    txns: Vec<LoggedTxn>,
    /// What each finished life had shown by its end, and what the next life found.
    recovered: Vec<i64>,
    /// When a frame of a session last reached the server, or the server last started.
    contact: BTreeMap<i64, Instant>,
    started_at: Instant,
    operator: Operator,
    faulty: bool,
    working: bool,
    slow_disk: bool,
    faults: u64,
    coverage: Coverage,
    /// Per client: whether its next dial and its next burst are scheduled.
    dial_due: Vec<bool>,
    work_due: Vec<bool>,
}

impl Scene {
    /// The stage of a seed.
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel = Kernel::new(options.seed, options.trace_lines_max);
        let swarm = Swarm::draw(&mut kernel.prng);
        let disk = SimDisk::new(kernel.prng.fork());
        let skip_sync_dir = options.bug.is(PlantedBug::SkipDirSync);
        disk.set_lies(DiskLies { skip_sync_dir, ..DiskLies::default() });
        let clients = (0..swarm.clients).map(|number| Client::new(number, &mut kernel.prng)).collect();
        kernel.trace.note(Instant::ZERO, || format!("seed {} {swarm:?}", options.seed));
        Self {
            options,
            net: Net::new(swarm.net),
            disk,
            process: None,
            life: 0,
            clients,
            links: BTreeMap::new(),
            history: History::new(swarm.clients),
            txns: Vec::new(),
            recovered: Vec::new(),
            contact: BTreeMap::new(),
            started_at: Instant::ZERO,
            operator: Operator::default(),
            faulty: true,
            working: true,
            slow_disk: false,
            faults: 0,
            coverage: Coverage::default(),
            dial_due: vec![false; swarm.clients],
            work_due: vec![false; swarm.clients],
            kernel,
            swarm,
        }
    }

    /// Schedules the beginning: the server, the clients, the first fault.
    pub fn start(&mut self) {
        self.kernel.after(Duration::ZERO, Event::Start { life: 0 });
        for client in 0..self.clients.len() {
            self.want_dial(client, Duration::from_micros(client as u64));
            self.kernel.after(Duration::from_millis(500), Event::Tick { client });
        }
        self.schedule_fault();
        self.schedule_operator();
    }

    /// Runs until enough was asked and enough went wrong.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run_faults(&mut self) -> Checked {
        while self.operations() < self.swarm.operations || self.faults < FAULTS_MIN + 2 {
            self.one_event()?;
            serves_again::in_time(self.kernel.mono(), 600, self.operations())?;
        }
        Ok(())
    }

    /// Stops the faults and the workload.
    pub fn heal(&mut self) {
        self.kernel.note("heal", &[], &[]);
        self.faulty = false;
        self.working = false;
        self.slow_disk = false;
        self.disk.set_full(false);
        self.disk.heal();
        let mut net = self.swarm.net;
        net.slow_one_in = 0;
        self.net.set_times(net);
    }

    /// Runs for `calm` of virtual time; then everybody must be served.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run_until_calm(&mut self, calm: Duration) -> Checked {
        let end = self.kernel.mono() + calm;
        while self.kernel.mono() < end {
            self.one_event()?;
        }
        // A ping may be under way at any moment.
        let patience = end + Duration::from_secs(5);
        while !self.waiting().is_empty() && self.kernel.mono() < patience {
            self.one_event()?;
        }
        serves_again::all_served(&self.waiting())
    }

    fn waiting(&self) -> Vec<String> {
        self.clients
            .iter()
            .enumerate()
            .filter(|(_, client)| client.state != State::Up || client.in_flight() > 0)
            .map(|(number, client)| format!("client {number} is {:?} with {}", client.state, client.in_flight()))
            .collect()
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
            let (shown, what) = shown_by(&self.history, life);
            acknowledged_writes_survive::after_recovery(life, *recovered, shown, what)?;
        }
        verify(&self.history, &self.txns, &self.recovered, self.swarm.rules, self.swarm.piece_max)
    }

    /// A client reads every node of the model.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn read_whole_tree(&mut self, model: &Model) -> Checked {
        let paths: Vec<String> = model.nodes().map(|(path, _)| path.clone()).collect();
        for chunk in paths.chunks(50) {
            for path in chunk {
                let path = path.clone();
                let watch = false;
                self.request(0, Op::GetData { path: path.clone(), watch });
                self.request(0, Op::GetChildren { path: path.clone(), watch, with_stat: true });
                self.request(0, Op::GetAcl { path });
            }
            while self.clients[0].in_flight() > 0 && self.clients[0].state == State::Up {
                self.one_event()?;
            }
        }
        Ok(())
    }

    /// After the calm, nothing is left of what was due well before.
    ///
    /// # Errors
    /// The violation.
    pub fn none_is_due(&self, model: &Model) -> Checked {
        let before = self.kernel.now().wall_ms - 30_000;
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
        let alive: BTreeSet<i64> = self.clients.iter().filter_map(Client::session_id).collect();
        let owners: Vec<(String, i64)> = model.owned_nodes().map(|(path, owner)| (path.clone(), owner)).collect();
        ephemerals_follow_sessions::owners_are_alive(&owners, &alive)
    }

    /// The end.
    pub fn outcome(mut self, result: Result<(), Violation>) -> Outcome {
        coverage::of(&self.history, &self.txns, &mut self.coverage);
        Outcome {
            coverage: self.coverage,
            operations: self.clients.iter().map(|client| client.operations).sum(),
            faults: self.faults,
            events: self.kernel.trace.events(),
            virtual_ms: self.kernel.mono().as_millis(),
            hash: self.kernel.trace.hash(),
            result,
            lines: self.kernel.trace.into_lines(),
        }
    }

    /// A line for a human.
    pub fn note(&mut self, make: impl FnOnce() -> String) {
        let now = self.kernel.mono();
        self.kernel.trace.note(now, make);
    }

    fn operations(&self) -> u64 {
        self.clients.iter().map(|client| client.operations).sum()
    }

    fn one_event(&mut self) -> Checked {
        let event = self.kernel.pop().expect("clients always have a tick scheduled");
        match event {
            Event::Arrive { link, to } => self.arrive(link, to)?,
            Event::Turn { life } if self.lives(life) => self.turn(),
            Event::Timer { life, at } if self.lives(life) => self.timer(at),
            Event::Run { life, lane } if self.lives(life) => {
                self.kernel.note("job runs", &[lane as u64], &[]);
                self.process().lanes.run(lane);
            }
            Event::Finish { life, lane } if self.lives(life) => {
                self.kernel.note("job done", &[lane as u64], &[]);
                self.process().on_done(lane);
                self.want_turn();
            }
            Event::Turn { .. } | Event::Timer { .. } | Event::Run { .. } | Event::Finish { .. } => {}
            Event::Start { life } if self.process.is_none() && life == self.life => self.start_process()?,
            Event::Start { .. } => {}
            Event::Tick { client } => self.client_tick(client),
            Event::Dial { client } => self.dial(client),
            Event::Work { client } => self.work(client),
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
        let prng = self.kernel.prng.fork();
        let started = Process::start(self.kernel.now(), self.disk.clone(), self.config(), prng);
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                self.note(|| format!("start fails: {error}"));
                let injected = failures(&self.disk) > failures_before;
                serves_again::starts(if injected { Ok(()) } else { Err(error) })?;
                self.crash(Crash::Process, Duration::from_millis(50));
                return Ok(());
            }
        };
        self.kernel.note("start", &[self.life as u64, process.last_processed() as u64], &[]);
        let last = process.last_processed();
        self.process = Some(process);
        self.started_at = self.kernel.mono();
        self.check_recovery(last)?;
        self.after_turn();
        Ok(())
    }

    fn config(&self) -> KeeperLoopConfig {
        let mut config = KeeperLoopConfig::new(Path::new(DATA_DIR));
        config.log.pre_alloc_bytes = self.swarm.pre_alloc_bytes;
        config.log.group_bytes_max = self.swarm.group_bytes_max;
        config.retain = self.swarm.retain;
        config.snapshot_chunk_bytes = self.swarm.snapshot_chunk_bytes;
        config.keeper.tick_time_ms = self.swarm.tick_time_ms;
        config.keeper.session_timeout_ms_min = 1000;
        config.keeper.session_timeout_ms_max = 20_000;
        config.keeper.snap_count = self.swarm.snap_count;
        config.keeper.extended_types_enabled = self.swarm.rules.extended_types;
        config.keeper.enforce_quota = self.swarm.rules.enforce_quota;
        config.keeper.reconfig_enabled = self.swarm.rules.reconfig_enabled;
        config.keeper.container_never_used_ms_max = self.swarm.rules.container_never_used_ms_max as u64;
        config.keeper.container_check_interval_ms = self.swarm.container_check_interval_ms;
        config.keeper.containers_per_minute_max = self.swarm.containers_per_minute_max;
        config.keeper.piece_max = self.swarm.piece_max;
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
            let (shown, what) = shown_by(&self.history, life);
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
        let now = self.kernel.now();
        let process = self.process();
        process.turn_due = false;
        process.turn(now);
        for output in self.take_loop_outputs() {
            self.deliver(output);
        }
        self.after_turn();
    }

    fn take_loop_outputs(&mut self) -> Vec<Output> {
        let process = self.process();
        let outputs = process.take_outputs();
        for output in &outputs {
            if let Output::Send(link, frame) = output {
                process.answered(*link, frame);
            }
        }
        outputs
    }

    fn deliver(&mut self, output: Output) {
        let now = self.kernel.mono();
        match output {
            Output::Send(link, frame) => {
                self.send(now, link, To::Client, Arrival::Frame(frame));
            }
            Output::Close(link, reason) => {
                self.kernel.note("server closes", &[link], format!("{reason:?}").as_bytes());
                self.send(now, link, To::Client, Arrival::Closed);
                self.process().on_closed(link);
            }
            Output::Member(output) => unreachable!("this server stands alone: {output:?}"),
        }
    }

    /// Jobs, timers, notes and the end of the process, after whatever the loop did.
    fn after_turn(&mut self) {
        let (now, life) = (self.kernel.mono(), self.life);
        let Some(process) = self.process.as_mut() else { return };
        self.operator.established(process);
        let mut times = self.swarm.disk;
        if self.slow_disk {
            times.half_us = (times.half_us.0 * 100, times.half_us.1 * 100);
        }
        for (lane, job) in process.take_jobs() {
            let schedule = process.lanes.submit(now, lane, job, times, &mut self.kernel.prng);
            self.kernel.at(schedule.run_at, Event::Run { life, lane });
            self.kernel.at(schedule.finish_at, Event::Finish { life, lane });
        }
        // A piece takes its time, in which others are served.
        let piece = Duration::from_micros(self.kernel.prng.below(self.swarm.piece_us_max));
        let deadline = process.deadline().map(|at| if process.is_unfinished() { now + piece } else { at });
        if let Some(at) = deadline
            && process.timer_at.is_none_or(|timer| at < timer)
        {
            process.timer_at = Some(at);
            self.kernel.at(at, Event::Timer { life, at });
        }
        let mut snapshot = false;
        for note in process.take_notes() {
            snapshot |= matches!(note, KeeperNote::SnapshotWritten(_));
            self.kernel.trace.note(now, || format!("note {note:?}"));
        }
        let (fatal, more) = (process.take_fatal(), process.has_inputs());
        if snapshot && self.swarm.retain.is_some() {
            // Purging removes logs behind the third snapshot: read them while they are there.
            self.remember_logs();
        }
        if let Some(fatal) = fatal {
            self.kernel.note("fatal", &[], fatal.what.as_bytes());
            self.crash(Crash::Process, Duration::from_millis(100));
        } else if more {
            self.want_turn();
        }
    }

    fn want_turn(&mut self) {
        let life = self.life;
        let process = self.process();
        if !process.turn_due && process.has_inputs() {
            process.turn_due = true;
            // The loop's thread needs a moment, in which more arrives: that is what makes batches.
            let moment = Duration::from_micros(self.kernel.prng.below(100));
            self.kernel.after(moment, Event::Turn { life });
        }
    }

    fn timer(&mut self, at: Instant) {
        let process = self.process();
        if process.timer_at == Some(at) {
            process.timer_at = None;
            self.turn();
        }
    }

    fn crash(&mut self, crash: Crash, restart_after: Duration) {
        self.kernel.note("crash", &[matches!(crash, Crash::Power { .. }).into()], &[]);
        self.remember_logs();
        self.forget_answers();
        self.process = None;
        self.disk = self.disk.crash(crash);
        let now = self.kernel.mono();
        let silent = matches!(crash, Crash::Power { .. }) && self.kernel.prng.chance(1, 2);
        let life = self.life;
        for link in self.net.open_links() {
            if self.links.get(&link).is_none_or(|info| info.life != life) {
                continue;
            }
            self.net.lose_sent_by(link, To::Client, &mut self.kernel.prng);
            if !silent {
                self.send(now, link, To::Client, Arrival::Closed);
            }
            self.net.vanish(link, To::Server);
        }
        self.life += 1;
        let life = self.life;
        self.kernel.after(restart_after, Event::Start { life });
    }

    // ---- the network

    fn send(&mut self, now: Instant, link: LinkId, to: To, arrival: Arrival) {
        if let Some(at) = self.net.send(now, link, to, arrival, &mut self.kernel.prng) {
            self.kernel.at(at, Event::Arrive { link, to });
        }
    }

    fn arrive(&mut self, link: LinkId, to: To) -> Checked {
        let Some(arrival) = self.net.arrive(link, to) else { return Ok(()) };
        let what = if to == To::Server { "to server" } else { "to client" };
        match &arrival {
            Arrival::Frame(frame) => self.kernel.note(what, &[link], frame),
            Arrival::Closed => self.kernel.note(what, &[link], b"closed"),
        }
        match to {
            To::Server => self.arrive_at_server(link, arrival),
            To::Client => return self.arrive_at_client(link, arrival),
        }
        Ok(())
    }

    fn arrive_at_server(&mut self, link: LinkId, arrival: Arrival) {
        let now = self.kernel.now();
        let life = self.links[&link].life;
        if !self.lives(life) || !self.process().has_conn(link) {
            // Nobody listens: the machine's network answers with a reset.
            self.send(now.mono, link, To::Client, Arrival::Closed);
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
        if self.clients[number].link != Some(link) {
            return Ok(());
        }
        let now = self.kernel.mono();
        let (contact, started_at) = (&self.contact, self.started_at);
        let operator = &self.operator;
        let last_contact = |session: i64| match operator.has_lost(session) {
            true => None,
            false => Some(contact.get(&session).copied().unwrap_or_default().max(started_at)),
        };
        let client = &mut self.clients[number];
        let wish = client.on_arrival(now, arrival, last_contact, &mut self.history)?;
        self.grant(number, wish);
        Ok(())
    }

    // ---- the clients

    fn grant(&mut self, number: usize, wish: Wish) {
        let now = self.kernel.mono();
        if let Some(link) = self.clients[number].link {
            for frame in wish.frames {
                self.send(now, link, To::Server, Arrival::Frame(frame));
            }
            if wish.hang_up {
                self.send(now, link, To::Server, Arrival::Closed);
                self.net.vanish(link, To::Client);
                self.clients[number].disconnected(&mut self.history);
            }
        }
        match self.clients[number].state {
            State::Down => {
                let pause = Duration::from_millis(self.kernel.prng.between(1, 100));
                self.want_dial(number, pause);
            }
            State::Connecting | State::Up => {}
        }
    }

    fn want_dial(&mut self, client: usize, pause: Duration) {
        if !core::mem::replace(&mut self.dial_due[client], true) {
            self.kernel.after(pause, Event::Dial { client });
        }
    }

    fn want_work(&mut self, client: usize, pause: Duration) {
        if !core::mem::replace(&mut self.work_due[client], true) {
            self.kernel.after(pause, Event::Work { client });
        }
    }

    fn client_tick(&mut self, number: usize) {
        let now = self.kernel.mono();
        let wish = self.clients[number].on_tick(now, &mut self.history);
        let tick = self.clients[number].tick();
        self.kernel.after(tick, Event::Tick { client: number });
        self.grant(number, wish);
    }

    fn dial(&mut self, number: usize) {
        self.dial_due[number] = false;
        if self.clients[number].state != State::Down {
            return;
        }
        let link = self.net.open();
        self.links.insert(link, LinkInfo { client: number, life: self.life });
        if let Some(process) = &mut self.process {
            process.accept(link);
        }
        let now = self.kernel.mono();
        let frame = self.clients[number].dial(now, link, self.life);
        self.send(now, link, To::Server, Arrival::Frame(frame));
        self.want_work(number, Duration::from_millis(1));
    }

    fn work(&mut self, number: usize) {
        self.work_due[number] = false;
        let client = &self.clients[number];
        if !self.working || client.state == State::Down {
            return;
        }
        let (low, high) = self.swarm.pause_us;
        let pause = Duration::from_micros(self.kernel.prng.between(low, high));
        let busy = client.in_flight() > 64;
        self.want_work(number, pause);
        if busy {
            return;
        }
        let burst = self.kernel.prng.between(1, self.swarm.burst_max);
        for _ in 0..burst {
            if !self.clients[number].is_ready() {
                return;
            }
            let close = self.swarm.close_one_in > 0 && self.kernel.prng.chance(1, self.swarm.close_one_in);
            let op = if close { Op::CloseSession } else { self.swarm.mix.op(&mut self.kernel.prng) };
            self.request(number, op);
        }
    }

    fn request(&mut self, number: usize, op: Op) {
        let now = self.kernel.mono();
        if !self.clients[number].is_ready() {
            return;
        }
        self.note(|| format!("client {number} asks {op:?}"));
        let link = self.clients[number].link.expect("ready means connected");
        let frame = self.clients[number].request(now, op, &mut self.history);
        self.send(now, link, To::Server, Arrival::Frame(frame));
    }

    // ---- the faults

    fn schedule_fault(&mut self) {
        let (low, high) = self.swarm.fault_us;
        let pause = Duration::from_micros(self.kernel.prng.between(low, high));
        self.kernel.after(pause, Event::Fault);
    }

    fn fault(&mut self) {
        self.schedule_fault();
        if self.faults == FAULTS_MAX {
            return;
        }
        let Some(fault) = self.kernel.prng.pick(&self.swarm.faults).copied() else { return };
        if self.process.is_none() {
            return;
        }
        self.faults += 1;
        self.kernel.note("fault", &[fault as u64], &[]);
        self.note(|| format!("fault {fault:?}"));
        self.coverage.hit(&format!("fault {fault:?}"));
        let down = Duration::from_millis(self.kernel.prng.between(1, 500));
        match fault {
            Fault::PowerLoss => self.crash(Crash::Power { survive_percent: self.swarm.survive_percent }, down),
            Fault::Kill => self.crash(Crash::Process, down),
            Fault::DiskError => self.disk_error(),
            Fault::DiskFull => {
                self.disk.set_full(true);
                self.kernel.after(down, Event::DiskHeals);
            }
            Fault::SlowDisk => {
                self.slow_disk = true;
                self.kernel.after(down, Event::DiskHeals);
            }
            Fault::ClockJump => {
                let hour_ms = 3_600_000;
                let by_ms = self.kernel.prng.below(2 * hour_ms) as i64 - hour_ms as i64;
                self.kernel.jump_wall(by_ms);
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
        let prng: &mut Prng = &mut self.kernel.prng;
        let (op, nth) = (*prng.pick(&OPS).expect("not empty"), prng.below(4));
        self.disk.fail_after(op, nth);
    }

    fn network_fault(&mut self, fault: Fault, down: Duration) {
        let links: Vec<LinkId> = self.clients.iter().filter_map(|client| client.link).collect();
        let now = self.kernel.mono();
        let Some(link) = self.kernel.prng.pick(&links).copied() else { return };
        match fault {
            Fault::Reset => {
                for (to, at) in self.net.reset(now, link, &mut self.kernel.prng) {
                    self.kernel.at(at, Event::Arrive { link, to });
                }
            }
            Fault::Stall => self.net.stall(link, now + down * 20),
            _ => {
                let end = if self.kernel.prng.chance(1, 2) { To::Server } else { To::Client };
                self.net.vanish(link, end);
            }
        }
    }
}
