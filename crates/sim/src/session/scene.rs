//! The stage: one keeper, some brokers, an administrator who makes topics, and faults between them.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::{Instant, Prng};
use client_core::zk::{ConnNo, Event as ZkEvent};
use driver::keeper_loop::KeeperLoopConfig;
use driver::world::Lane;
use zk_wire::OpCode;

use super::host::{Broker, Output};
use crate::check::one_controller::{COMES_BACK, Cluster};
use crate::check::{Checked, Violation, serves_again};
use crate::disk::{Crash, SimDisk};
use crate::keeper::client::{Client, State, Wish};
use crate::keeper::history::History;
use crate::keeper::log_tail::{LoggedTxn, read_logs};
use crate::keeper::model::access::open_acl;
use crate::keeper::op::{CreateKind, Op};
use crate::keeper::process::{Output as KeeperOutput, Process};
use crate::kernel::Kernel;
use crate::net::{Arrival, LinkId, Net, NetTimes, To};
use crate::run::{Coverage, FAULTS_MIN, OPERATIONS_MIN, Outcome, SeedOptions};
use crate::world::JobTimes;

const LOG_DIR: &str = "/data/version-2";
const FAULTS_MAX: u64 = 40;

#[derive(Clone, Copy, Debug)]
enum Fault {
    KeeperPowerLoss,
    KeeperKill,
    BrokerKill,
    Reset,
    Vanish,
    Stall,
    /// A broker cannot reach the keeper, mostly for longer than its session lasts.
    Cut,
}

const FAULTS: [Fault; 7] = [
    Fault::KeeperPowerLoss,
    Fault::KeeperKill,
    Fault::BrokerKill,
    Fault::Reset,
    Fault::Vanish,
    Fault::Stall,
    Fault::Cut,
];

/// What a long run must come through.
pub fn expected() -> Vec<String> {
    let faults = FAULTS.map(|fault| format!("fault {fault:?}"));
    faults.into_iter().chain(["session of a broker expired".to_string()]).collect()
}

enum Event {
    Arrive { link: LinkId, to: To },
    KeeperTurn { life: usize },
    KeeperTimer { life: usize, at: Instant },
    Run { life: usize, lane: Lane },
    Finish { life: usize, lane: Lane },
    KeeperStart { life: usize },
    BrokerStart { broker: usize },
    BrokerTurn { broker: usize, life: u64 },
    Dialled { broker: usize, life: u64, conn: ConnNo },
    AdminTick,
    AdminWork,
    Fault,
}

/// Who a connection belongs to.
#[derive(Clone, Copy)]
enum Owner {
    Broker { broker: usize, life: u64 },
    Admin,
}

struct Slot {
    broker: Option<Broker>,
    life: u64,
    disk: SimDisk,
    timer: Option<Instant>,
    /// Until then nothing of this broker's reaches the keeper.
    cut_until: Instant,
}

/// The stage.
pub struct Scene {
    options: SeedOptions,
    kernel: Kernel<Event>,
    net: Net,
    times: JobTimes,
    disk: SimDisk,
    keeper: Option<Process>,
    life: usize,
    slots: Vec<Slot>,
    links: BTreeMap<LinkId, (Owner, usize)>,
    admin: Client,
    history: History,
    txns: Vec<LoggedTxn>,
    broker_sessions: BTreeSet<i64>,
    session_timeout_ms: u64,
    fault_us: u64,
    drawn: Vec<Fault>,
    operations: u64,
    faults: u64,
    coverage: Coverage,
    faulty: bool,
    topics: u64,
}

impl Scene {
    /// The stage of a seed.
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel: Kernel<Event> = Kernel::new(options.seed, options.trace_lines_max);
        let prng = &mut kernel.prng;
        let pick = |prng: &mut Prng, choices: &[u64]| *prng.pick(choices).expect("not empty");
        let mut drawn: Vec<Fault> = FAULTS.into_iter().filter(|_| prng.chance(1, 2)).collect();
        // Reconnecting and expiring are what this is about: every run has the one, and most have the other.
        drawn.push(Fault::Reset);
        if prng.chance(3, 4) {
            drawn.push(Fault::Cut);
        }
        let net = NetTimes { delay_us: (10, pick(prng, &[100, 2000])), slow_one_in: pick(prng, &[0, 100]) };
        let slots = (0..prng.between(1, 3))
            .map(|_| Slot {
                broker: None,
                life: 0,
                disk: SimDisk::new(prng.fork()),
                timer: None,
                cut_until: Instant::ZERO,
            })
            .collect();
        Self {
            options,
            net: Net::new(net),
            times: JobTimes { half_us: (5, pick(prng, &[50, 2000])), slow_one_in: pick(prng, &[0, 50]) },
            disk: SimDisk::new(prng.fork()),
            keeper: None,
            life: 0,
            slots,
            links: BTreeMap::new(),
            admin: Client::new(0, prng),
            history: History::new(1),
            txns: Vec::new(),
            broker_sessions: BTreeSet::new(),
            session_timeout_ms: pick(prng, &[2000, 6000]),
            fault_us: pick(prng, &[100_000, 500_000, 3_000_000]),
            drawn,
            operations: 0,
            faults: 0,
            coverage: Coverage::default(),
            faulty: true,
            topics: 0,
            kernel,
        }
    }

    /// Faults and load; then calm, in which every broker must come back.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run(&mut self) -> Checked {
        self.kernel.after(Duration::ZERO, Event::KeeperStart { life: 0 });
        for broker in 0..self.slots.len() {
            self.kernel.after(Duration::from_millis(1), Event::BrokerStart { broker });
        }
        self.kernel.after(Duration::from_millis(1), Event::AdminTick);
        self.kernel.after(Duration::from_millis(5), Event::AdminWork);
        self.again(self.fault_us, Event::Fault);
        while self.operations < OPERATIONS_MIN + 50 || self.faults < FAULTS_MIN + 2 {
            self.one_event()?;
            serves_again::in_time(self.kernel.mono(), 600, self.operations)?;
        }
        self.kernel.note("heal", &[], &[]);
        self.faulty = false;
        let end = self.kernel.mono() + Duration::from_secs(60);
        while self.kernel.mono() < end {
            self.one_event()?;
        }
        self.remember_logs();
        let cluster = Cluster::follow(&self.txns, &self.broker_sessions)?;
        self.all_are_back(&cluster)
    }

    fn all_are_back(&self, cluster: &Cluster) -> Checked {
        for (index, slot) in self.slots.iter().enumerate() {
            let path = format!("/brokers/ids/{}", index + 1);
            // With several brokers the controller's word would have to travel between them, which is not simulated yet.
            let ready = self.slots.len() > 1 || slot.broker.as_ref().is_some_and(|broker| broker.ready);
            COMES_BACK.require(cluster.registered.contains_key(&path) && ready, || {
                format!("broker {} (ready: {ready}) among {:x?}", index + 1, cluster.registered)
            })?;
        }
        let active = self.slots.iter().filter(|slot| slot.broker.as_ref().is_some_and(Broker::is_controller)).count();
        COMES_BACK.require(active == 1 && cluster.controller.is_some(), || {
            format!("{active} brokers call themselves controller, /controller belongs to {:x?}", cluster.controller)
        })
    }

    /// The end.
    pub fn outcome(mut self, result: Result<(), Violation>) -> Outcome {
        let broker = |txn: &LoggedTxn| self.broker_sessions.contains(&txn.session);
        let closed = |txn: &LoggedTxn| txn.opcode == OpCode::CLOSE_SESSION.0 && txn.cxid == 0;
        for _ in self.txns.iter().filter(|txn| closed(txn) && broker(txn)) {
            self.coverage.hit("session of a broker expired");
        }
        Outcome::of(self.kernel, result, self.operations, self.faults, self.coverage)
    }

    fn one_event(&mut self) -> Checked {
        let event = self.kernel.pop().expect("the administrator always has a tick scheduled");
        let alive = |scene: &Self, life: usize| life == scene.life && scene.keeper.is_some();
        match event {
            Event::Arrive { link, to } => return self.arrive(link, to),
            Event::KeeperTurn { life } if alive(self, life) => self.keeper_turn(),
            Event::KeeperTimer { life, at } if alive(self, life) => {
                let keeper = self.keeper.as_mut().expect("alive");
                if keeper.timer.is_due(at) {
                    self.keeper_turn();
                }
            }
            Event::Run { life, lane } if alive(self, life) => self.keeper.as_mut().expect("alive").lanes.run(lane),
            Event::Finish { life, lane } if alive(self, life) => {
                self.keeper.as_mut().expect("alive").on_done(lane);
                self.want_keeper_turn();
            }
            Event::KeeperStart { life } if life == self.life && self.keeper.is_none() => self.keeper_start()?,
            Event::BrokerStart { broker } => self.broker_start(broker),
            Event::BrokerTurn { broker, life } if life == self.slots[broker].life => self.broker_turn(broker),
            Event::Dialled { broker, life, conn } if life == self.slots[broker].life => self.dialled(broker, conn),
            Event::AdminTick => self.admin_tick(),
            Event::AdminWork => self.admin_work(),
            Event::Fault => self.fault(),
            _ => {}
        }
        Ok(())
    }

    fn again(&mut self, about_us: u64, event: Event) {
        let pause = Duration::from_micros(self.kernel.prng.between(about_us / 2, about_us * 2));
        self.kernel.after(pause, event);
    }

    fn note(&mut self, make: impl FnOnce() -> String) {
        let now = self.kernel.mono();
        self.kernel.trace.note(now, make);
    }

    // ---- the keeper

    fn keeper_start(&mut self) -> Checked {
        let mut config = KeeperLoopConfig::new(Path::new("/data"));
        config.log.pre_alloc_bytes = 0;
        config.keeper.tick_time_ms = 500;
        config.keeper.session_timeout_ms_min = 1000;
        config.keeper.session_timeout_ms_max = 20_000;
        let prng = self.kernel.prng.fork();
        match Process::start(self.kernel.now(), self.disk.clone(), config, prng) {
            Ok(keeper) => {
                let last = keeper.last_processed();
                self.kernel.note("keeper starts", &[last as u64], &[]);
                self.txns.truncate(self.txns.partition_point(|txn| txn.zxid <= last));
                self.keeper = Some(keeper);
                self.after_keeper_turn();
                Ok(())
            }
            Err(error) => serves_again::starts(Err(error)),
        }
    }

    fn remember_logs(&mut self) {
        let Ok(found) = read_logs(&self.disk.observer(), Path::new(LOG_DIR)) else { return };
        if found.len() >= self.txns.len() {
            self.txns = found;
        }
    }

    fn keeper_turn(&mut self) {
        let now = self.kernel.now();
        let keeper = self.keeper.as_mut().expect("alive");
        let outputs = keeper.turn(now);
        self.deliver(outputs);
        self.after_keeper_turn();
    }

    fn deliver(&mut self, outputs: Vec<KeeperOutput>) {
        for output in outputs {
            match output {
                KeeperOutput::Send(link, frame) => self.send(link, To::Client, Arrival::Frame(frame)),
                KeeperOutput::Close(link, _) => {
                    self.send(link, To::Client, Arrival::Closed);
                    self.keeper.as_mut().expect("alive").on_closed(link);
                }
                KeeperOutput::Member(output) => unreachable!("this keeper stands alone: {output:?}"),
            }
        }
    }

    fn after_keeper_turn(&mut self) {
        let (life, times) = (self.life, self.times);
        let keeper = self.keeper.as_mut().expect("alive");
        let (run, finish) = (|lane| Event::Run { life, lane }, |lane| Event::Finish { life, lane });
        let jobs = keeper.take_jobs();
        keeper.lanes.schedule(&mut self.kernel, jobs, times, run, finish);
        if let Some(at) = keeper.timer.want(keeper.deadline()) {
            self.kernel.at(at, Event::KeeperTimer { life, at });
        }
        self.want_keeper_turn();
    }

    fn want_keeper_turn(&mut self) {
        let life = self.life;
        let keeper = self.keeper.as_mut().expect("alive");
        if keeper.wants_turn() {
            let moment = Duration::from_micros(self.kernel.prng.below(100));
            self.kernel.after(moment, Event::KeeperTurn { life });
        }
    }

    fn keeper_crash(&mut self, crash: Crash) {
        self.remember_logs();
        self.keeper = None;
        self.disk = self.disk.crash(crash);
        let silent = self.kernel.prng.chance(1, 3);
        for link in self.net.open_links() {
            self.net.lose_sent_by(link, To::Client, &mut self.kernel.prng);
            if !silent {
                self.send(link, To::Client, Arrival::Closed);
            }
            self.net.vanish(link, To::Server);
        }
        self.life += 1;
        let (life, down) = (self.life, self.kernel.prng.between(1, 3000));
        self.kernel.after(Duration::from_millis(down), Event::KeeperStart { life });
    }

    // ---- the network

    fn send(&mut self, link: LinkId, to: To, arrival: Arrival) {
        let now = self.kernel.mono();
        if let Some(at) = self.net.send(now, link, to, arrival, &mut self.kernel.prng) {
            self.kernel.at(at, Event::Arrive { link, to });
        }
    }

    fn open(&mut self, owner: Owner) -> LinkId {
        let link = self.net.open();
        self.links.insert(link, (owner, self.life));
        if let Some(keeper) = &mut self.keeper {
            keeper.accept(link);
        }
        link
    }

    fn arrive(&mut self, link: LinkId, to: To) -> Checked {
        let Some(arrival) = self.net.arrive(link, to) else { return Ok(()) };
        let what = if to == To::Server { "to keeper" } else { "to client" };
        match &arrival {
            Arrival::Frame(frame) => self.kernel.note(what, &[link], frame),
            Arrival::Closed => self.kernel.note(what, &[link], b"closed"),
        }
        let (owner, life) = self.links[&link];
        if to == To::Server {
            self.arrive_at_keeper(link, owner, life, arrival);
            return Ok(());
        }
        match owner {
            Owner::Admin => self.arrive_at_admin(link, arrival),
            Owner::Broker { broker, life } => {
                self.arrive_at_broker(broker, life, link, arrival);
                Ok(())
            }
        }
    }

    fn arrive_at_keeper(&mut self, link: LinkId, owner: Owner, life: usize, arrival: Arrival) {
        let now = self.kernel.now();
        let Some(keeper) = self.keeper.as_mut().filter(|keeper| life == self.life && keeper.has_conn(link)) else {
            self.send(link, To::Client, Arrival::Closed);
            return;
        };
        match arrival {
            Arrival::Frame(frame) => {
                self.operations += 1;
                keeper.on_frame(now, link, frame);
                let session = keeper.session_of(link).filter(|_| matches!(owner, Owner::Broker { .. }));
                self.broker_sessions.extend(session);
                let outputs = keeper.take_outputs();
                self.deliver(outputs);
            }
            Arrival::Closed => keeper.on_closed(link),
        }
        self.want_keeper_turn();
    }

    // ---- the brokers

    fn broker_start(&mut self, broker: usize) {
        let now = self.kernel.now();
        let slot = &mut self.slots[broker];
        if slot.broker.is_some() {
            return;
        }
        slot.life += 1;
        slot.timer = None;
        let (disk, timeout) = (slot.disk.clone(), self.session_timeout_ms);
        let id = broker as i32 + 1;
        let started = Broker::start(id, now, disk, timeout, self.options.bug, &mut self.kernel.prng);
        slot.broker = Some(started);
        self.kernel.note("broker starts", &[broker as u64], &[]);
        self.want_broker_turn(broker, Duration::ZERO);
    }

    fn want_broker_turn(&mut self, broker: usize, delay: Duration) {
        let slot = &mut self.slots[broker];
        let life = slot.life;
        let Some(running) = &mut slot.broker else { return };
        if !running.turn_due {
            running.turn_due = true;
            self.kernel.after(delay, Event::BrokerTurn { broker, life });
        }
    }

    fn broker_turn(&mut self, broker: usize) {
        let now = self.kernel.now();
        let slot = &mut self.slots[broker];
        let life = slot.life;
        let Some(running) = &mut slot.broker else { return };
        running.turn_due = false;
        if slot.timer.is_some_and(|timer| timer <= now.mono) {
            slot.timer = None;
        }
        let outputs = running.turn(now);
        let (more, deadline) = (!running.inputs.is_empty(), running.deadline());
        for output in outputs {
            self.broker_output(broker, life, output);
        }
        if more {
            self.want_broker_turn(broker, Duration::from_micros(10));
        }
        if let Some(at) = deadline
            && self.slots[broker].timer.is_none_or(|timer| at < timer)
        {
            self.slots[broker].timer = Some(at);
            self.kernel.at(at, Event::BrokerTurn { broker, life });
        }
    }

    fn broker_output(&mut self, broker: usize, life: u64, output: Output) {
        let find = |scene: &Self, conn: ConnNo| {
            let running = scene.slots[broker].broker.as_ref()?;
            running.links.iter().find(|(_, known)| **known == conn).map(|(link, _)| *link)
        };
        match output {
            Output::Dial(conn) => {
                let wait = Duration::from_micros(self.kernel.prng.between(20, 500));
                self.kernel.after(wait, Event::Dialled { broker, life, conn });
            }
            Output::Send(conn, frame) => {
                if let Some(link) = find(self, conn) {
                    self.send(link, To::Server, Arrival::Frame(frame));
                }
            }
            Output::Close(conn) => {
                if let Some(link) = find(self, conn) {
                    self.send(link, To::Server, Arrival::Closed);
                    self.net.vanish(link, To::Client);
                    if let Some(running) = &mut self.slots[broker].broker {
                        running.links.remove(&link);
                    }
                }
            }
            Output::Say(text) => self.note(|| format!("broker {}: {text}", broker + 1)),
            Output::Milestone(milestone) => {
                self.note(|| format!("broker {}: {milestone:?}", broker + 1));
                match milestone {
                    driver::node_loop::Milestone::Ready => {
                        self.slots[broker].broker.as_mut().expect("it just spoke").ready = true;
                    }
                    driver::node_loop::Milestone::Fatal(_) => self.broker_kill(broker, Crash::Process),
                    _ => {}
                }
            }
        }
    }

    fn dialled(&mut self, broker: usize, conn: ConnNo) {
        let life = self.slots[broker].life;
        let up = self.keeper.is_some() && self.slots[broker].cut_until <= self.kernel.mono();
        let link = up.then(|| self.open(Owner::Broker { broker, life }));
        let Some(running) = &mut self.slots[broker].broker else { return };
        match link {
            Some(link) => {
                running.links.insert(link, conn);
                running.zk(ZkEvent::Connected(conn));
            }
            None => running.zk(ZkEvent::Disconnected(conn)),
        }
        self.want_broker_turn(broker, Duration::ZERO);
    }

    fn arrive_at_broker(&mut self, broker: usize, life: u64, link: LinkId, arrival: Arrival) {
        if self.slots[broker].life != life {
            return;
        }
        let session = self.keeper.as_ref().and_then(|keeper| keeper.session_of(link));
        self.broker_sessions.extend(session);
        let Some(running) = &mut self.slots[broker].broker else { return };
        let Some(conn) = running.links.get(&link).copied() else { return };
        match arrival {
            Arrival::Frame(frame) => running.zk(ZkEvent::Frame(conn, frame)),
            Arrival::Closed => {
                running.links.remove(&link);
                running.zk(ZkEvent::Disconnected(conn));
            }
        }
        self.want_broker_turn(broker, Duration::ZERO);
    }

    fn broker_kill(&mut self, broker: usize, crash: Crash) {
        let slot = &mut self.slots[broker];
        slot.life += 1;
        slot.disk = slot.disk.crash(crash);
        if let Some(gone) = slot.broker.take() {
            for link in gone.links.into_keys() {
                if self.kernel.prng.chance(2, 3) {
                    self.send(link, To::Server, Arrival::Closed);
                }
                self.net.vanish(link, To::Client);
            }
        }
        let down = Duration::from_millis(self.kernel.prng.between(1, 4000));
        self.kernel.after(down, Event::BrokerStart { broker });
    }

    // ---- the administrator

    fn admin_tick(&mut self) {
        let now = self.kernel.mono();
        let wish = self.admin.on_tick(now, &mut self.history);
        self.kernel.after(Duration::from_millis(200), Event::AdminTick);
        self.grant(wish);
        if self.admin.state == State::Down && self.keeper.is_some() {
            let link = self.open(Owner::Admin);
            let frame = self.admin.dial(now, link, self.life);
            self.send(link, To::Server, Arrival::Frame(frame));
        }
    }

    fn admin_work(&mut self) {
        self.again(10_000, Event::AdminWork);
        if !self.faulty || !self.admin.is_ready() || self.admin.in_flight() > 20 {
            return;
        }
        let name = self.kernel.prng.below(self.topics + 1);
        let op = match self.kernel.prng.below(12) {
            0 if self.topics < 8 => {
                self.topics += 1;
                let broker = self.kernel.prng.between(1, self.slots.len() as u64);
                let data = format!(
                    r#"{{"partitions":{{"0":[{broker}]}},"adding_replicas":{{}},"removing_replicas":{{}},"version":3}}"#
                );
                let path = format!("/brokers/topics/t{}", self.topics);
                Op::Create { path, data: Some(data.into_bytes()), acl: open_acl(), flags: 0, kind: CreateKind::Plain }
            }
            1 => Op::GetData { path: "/controller".into(), watch: true },
            2 => Op::Delete { path: "/controller".into(), version: -1 },
            _ => Op::GetData { path: format!("/brokers/topics/t{name}/partitions/0/state"), watch: false },
        };
        let now = self.kernel.mono();
        let frame = self.admin.request(now, op, &mut self.history);
        let link = self.admin.link.expect("ready means connected");
        self.send(link, To::Server, Arrival::Frame(frame));
    }

    fn arrive_at_admin(&mut self, link: LinkId, arrival: Arrival) -> Checked {
        if self.admin.link == Some(link) {
            let now = self.kernel.mono();
            // Its own sessions are checked in the keeper's simulation.
            let wish = self.admin.on_arrival(now, arrival, |_| Some(Instant::ZERO), &mut self.history)?;
            self.grant(wish);
        }
        Ok(())
    }

    fn grant(&mut self, wish: Wish) {
        let Some(link) = self.admin.link else { return };
        for frame in wish.frames {
            self.send(link, To::Server, Arrival::Frame(frame));
        }
        if wish.hang_up {
            self.send(link, To::Server, Arrival::Closed);
            self.net.vanish(link, To::Client);
            self.admin.disconnected(&mut self.history);
        }
    }

    // ---- the faults

    fn fault(&mut self) {
        if !self.faulty || self.faults == FAULTS_MAX {
            return;
        }
        self.again(self.fault_us, Event::Fault);
        let fault = *self.kernel.prng.pick(&self.drawn).expect("not empty");
        let broker = self.kernel.prng.below(self.slots.len() as u64) as usize;
        let link = self.slots[broker].broker.as_ref().and_then(|running| running.links.keys().next_back().copied());
        self.faults += 1;
        self.kernel.note("fault", &[fault as u64, broker as u64], &[]);
        self.note(|| format!("fault {fault:?} broker {}", broker + 1));
        self.coverage.hit(&format!("fault {fault:?}"));
        match (fault, link) {
            (Fault::KeeperPowerLoss, _) if self.keeper.is_some() => {
                self.keeper_crash(Crash::Power { survive_percent: 0 });
            }
            (Fault::KeeperKill, _) if self.keeper.is_some() => self.keeper_crash(Crash::Process),
            (Fault::BrokerKill, _) if self.slots[broker].broker.is_some() => {
                let crash =
                    if self.kernel.prng.chance(1, 2) { Crash::Process } else { Crash::Power { survive_percent: 0 } };
                self.broker_kill(broker, crash);
            }
            (Fault::Reset, Some(link)) => {
                let now = self.kernel.mono();
                for (to, at) in self.net.reset(now, link, &mut self.kernel.prng) {
                    self.kernel.at(at, Event::Arrive { link, to });
                }
            }
            (Fault::Vanish, Some(link)) => {
                let end = if self.kernel.prng.chance(1, 2) { To::Server } else { To::Client };
                self.net.vanish(link, end);
            }
            (Fault::Stall, Some(link)) => {
                let until = self.kernel.mono() + Duration::from_millis(self.session_timeout_ms * 2);
                self.net.stall(link, until);
            }
            (Fault::Cut, _) => self.cut(broker),
            _ => {}
        }
    }

    /// What is under way arrives when it is over; whoever dials meanwhile is refused.
    fn cut(&mut self, broker: usize) {
        let lasts = self.kernel.prng.between(self.session_timeout_ms / 2, self.session_timeout_ms * 3);
        let until = self.kernel.mono() + Duration::from_millis(lasts);
        self.slots[broker].cut_until = until;
        let links: Vec<LinkId> =
            self.slots[broker].broker.iter().flat_map(|running| running.links.keys().copied()).collect();
        for link in links {
            self.net.stall(link, until);
        }
    }
}
