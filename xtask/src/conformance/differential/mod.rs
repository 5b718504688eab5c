//! The same bytes to Apache's ZooKeeper and to ours, request by request, and every answer compared.
//!
//! A seed decides what several clients ask; it is printed first, and `DIFFERENTIAL_SEED` repeats a run;
//! `DIFFERENTIAL_TRACE=1` prints every request with Apache's answer. The clients take
//! turns, so that the order of everything is determined: each request is answered by both servers before the next one
//! is sent. Requests sent in one go on one connection are ordered by it. Watch events are compared where they come:
//! in front of the connection's next reply.

mod asks;
mod body;
mod going;
pub mod line;
mod quotas;
mod shown;
mod tally;
mod twin;
mod values;
mod words;

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use base::Prng;
use zk_wire::OpCode;

use self::asks::{Ask, Asks};
use self::body::Body;
use self::tally::Tally;
use self::twin::{APACHE, Answered, Hello, Servers, Session, Twin};
use super::servers::{Make, start_keeper_with, stop_cleanly};
use crate::probe;

/// Requests of a run in the gate.
const REQUESTS: u64 = 5_000;
/// Requests of the long run.
const REQUESTS_FULL: u64 = 20_000;
/// The gate's seed: a gate repeats. The long run takes a new one each time.
const SEED: u64 = 1;
/// After so many differences of different kinds there is no point in going on.
const DIFFERENCES_MAX: usize = 12;
/// Clients.
const SLOTS: u64 = 6;

/// The gate's run.
pub fn run(dir: &Path) -> Result<String> {
    Run::of(number("DIFFERENTIAL_SEED")?.unwrap_or(SEED), number("DIFFERENTIAL_REQUESTS")?.unwrap_or(REQUESTS), dir)
}

/// The long run.
pub fn run_full(dir: &Path) -> Result<String> {
    let chance = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    Run::of(
        number("DIFFERENTIAL_SEED")?.unwrap_or(chance),
        number("DIFFERENTIAL_REQUESTS")?.unwrap_or(REQUESTS_FULL),
        dir,
    )
}

fn number(variable: &str) -> Result<Option<u64>> {
    let value = std::env::var(variable).ok();
    value.map(|value| value.parse().with_context(|| format!("{variable}={value} is no number"))).transpose()
}

/// A client.
enum Slot {
    /// Has no session.
    Empty,
    /// Is connected.
    Open(Twin, Session),
    /// Has a session and no connection.
    Away(Session),
}

struct Run {
    prng: Prng,
    servers: Servers,
    asks: Asks,
    slots: Vec<Slot>,
    tally: Tally,
    differences: Vec<String>,
    kinds: BTreeSet<String>,
    trace: bool,
}

impl Run {
    fn of(seed: u64, requests: u64, dir: &Path) -> Result<String> {
        println!("differential: DIFFERENTIAL_SEED={seed} DIFFERENTIAL_REQUESTS={requests}");
        let ports = [probe::free_port()?, probe::free_port()?];
        // No container goes while the test runs: when, is not determined.
        let extra = format!(
            "extendedTypesEnabled=true\nenforceQuota=true\n\
             DigestAuthenticationProvider.superDigest={}\n",
            values::SUPER_DIGEST
        );
        let interval = ["znode.container.checkIntervalMs=3600000"];
        let apache = start_keeper_with(Make::Apache, &dir.join("apache"), ports[0], &extra, &interval)?;
        let ours = start_keeper_with(Make::Ours, &dir.join("ours"), ports[1], &extra, &interval)?;
        let mut prng = Prng::new(seed);
        let asks = Asks::new(prng.fork());
        let servers = Servers { ports, names: Default::default(), unordered: Vec::new(), forgiving: true };
        let slots = (0..SLOTS).map(|_| Slot::Empty).collect();
        let mut run = Self {
            prng,
            servers,
            asks,
            slots,
            tally: Tally::default(),
            differences: Vec::new(),
            kinds: BTreeSet::new(),
            trace: number("DIFFERENTIAL_TRACE")?.is_some_and(|on| on != 0),
        };
        run.words("when both are fresh")?;
        let done = run.all(requests).with_context(|| run.report());
        if !run.differences.is_empty() {
            bail!("seed {seed}: {}", run.report());
        }
        done.with_context(|| format!("ours: {}\napache: {}", ours.log_tail(), apache.log_tail()))?;
        stop_cleanly(ours)?;
        stop_cleanly(apache)?;
        run.tally.check()?;
        going::run(&dir.join("going"))?;
        Ok(run.tally.to_string())
    }

    fn report(&self) -> String {
        if self.differences.is_empty() {
            return "no difference so far".into();
        }
        format!("{} kinds of differences:\n{}", self.differences.len(), self.differences.join("\n"))
    }

    fn all(&mut self, requests: u64) -> Result<()> {
        while self.tally.requests() < requests && self.differences.len() < DIFFERENCES_MAX {
            self.turn()?;
        }
        self.come_back()?;
        self.walk()?;
        self.words("at the end")?;
        for slot in 0..self.slots.len() {
            self.ask(slot, |_, xid| Ask::plain(OpCode::CLOSE_SESSION, Body::new(), "closeSession".into(), xid), 1)?;
        }
        self.walk()?;
        self.words("when all sessions are closed")
    }

    /// One client does something.
    fn turn(&mut self) -> Result<()> {
        let slot = self.prng.below(SLOTS) as usize;
        match self.slots[slot] {
            Slot::Empty => self.begin(slot),
            Slot::Away(_) => match self.prng.below(10) {
                0..=6 => self.resume(slot),
                7 => self.fail_to_resume(slot),
                _ => Ok(()),
            },
            Slot::Open(..) => match self.prng.below(400) {
                0..=27 => {
                    let count = if self.asks.one_by_one() { 1 } else { self.prng.between(2, 8) };
                    self.ask(slot, Asks::next, count)
                }
                28..=30 => self.hang_up(slot),
                31..=33 => self.resume(slot),
                34 => self.send_nonsense(slot),
                35 => self.odd_connect(),
                36 => self.short_session(),
                _ => self.ask(slot, Asks::next, 1),
            },
        }
    }

    /// Requests of one client, sent in one go.
    fn ask(&mut self, slot: usize, mut make: impl FnMut(&mut Asks, i32) -> Ask, count: u64) -> Result<()> {
        let Slot::Open(mut twin, session) = std::mem::replace(&mut self.slots[slot], Slot::Empty) else {
            return Ok(());
        };
        let mut asks: Vec<Ask> = Vec::new();
        while (asks.len() as u64) < count && asks.last().is_none_or(|ask| !ask.must_be_last()) {
            twin.xid += 1;
            let ask = make(&mut self.asks, twin.xid);
            // What comes last in one go must also come alone, or its answer may overtake those in front of it.
            if asks.is_empty() || !ask.must_be_last() {
                asks.push(ask);
            } else {
                break;
            }
        }
        let answers = self.servers.exchange(&mut twin, &asks)?;
        let mut over = false;
        let mut gone = false;
        for (ask, mut answered) in asks.iter().zip(answers) {
            if ask.leaves_watches_anew() && !answered.over {
                self.forgive_secrets(&mut twin, &mut answered)?;
            }
            self.asks.learn(ask, &answered.learned);
            self.tally.count(ask.opcode, &answered.learned, over || answered.over);
            over |= answered.over;
            gone |= ask.opcode == OpCode::CLOSE_SESSION.0 && answered.over;
            self.compare(slot, &ask.about, &answered);
        }
        self.slots[slot] = match (gone, over) {
            (true, _) => Slot::Empty,
            (false, true) => Slot::Away(session),
            (false, false) => Slot::Open(twin, session),
        };
        Ok(())
    }

    /// Takes the events out of Apache's answer to a setWatches that ours leaves out because the client may not read the
    /// node (`docs/divergence.md`): exactly those of nodes for which a getData, right behind it, is answered NOAUTH.
    fn forgive_secrets(&mut self, twin: &mut Twin, answered: &mut Answered) -> Result<()> {
        for path in answered.only_apache_tells() {
            twin.xid += 1;
            let ask = Asks::look(OpCode::GET_DATA, &path, twin.xid);
            let may_read = self.walk_ask(twin, &ask)?.learned.err != zk_wire::ErrorCode::NO_AUTH.0;
            if !may_read {
                answered.forgive(&path);
                self.tally.secret();
            }
        }
        Ok(())
    }

    fn begin(&mut self, slot: usize) -> Result<()> {
        let mut hello = self.hello();
        hello.timeout_ms = *self.prng.pick(&[60_000, 59_999, 60_001, i32::MAX]).expect("not empty");
        let mut twin = self.servers.open()?;
        let (answered, session) = self.servers.connect(&mut twin, &hello, None)?;
        self.tally.connect("new session", &answered);
        self.compare(slot, &format!("{hello:?}"), &answered);
        let session = session.context("no session on one of the servers")?;
        self.slots[slot] = Slot::Open(twin, session);
        Ok(())
    }

    fn hello(&mut self) -> Hello {
        let read_only = *self.prng.pick(&[None, Some(0), Some(0), Some(0), Some(1)]).expect("not empty");
        let protocol = *self.prng.pick(&[0, 0, 0, 1, -1]).expect("not empty");
        Hello { protocol, read_only, ..Hello::plain() }
    }

    /// A client comes back to its session, whether or not its former connection is there.
    fn resume(&mut self, slot: usize) -> Result<()> {
        let former = std::mem::replace(&mut self.slots[slot], Slot::Empty);
        let (former, session) = match former {
            Slot::Empty => return Ok(()),
            Slot::Open(twin, session) => (Some(twin), session),
            Slot::Away(session) => (None, session),
        };
        let hello = self.hello();
        let mut twin = self.servers.open()?;
        let (answered, resumed) = self.servers.connect(&mut twin, &hello, Some(session))?;
        self.tally.connect(if former.is_some() { "session moved" } else { "session resumed" }, &answered);
        self.compare(slot, &format!("resume {hello:?}"), &answered);
        if let Some(mut former) = former {
            let answered = self.servers.end(&mut former)?;
            self.compare(slot, "the connection that a session left", &answered);
        }
        self.slots[slot] = match resumed {
            Some(session) => Slot::Open(twin, session),
            None => Slot::Empty,
        };
        Ok(())
    }

    /// A client comes back to its session with something wrong.
    fn fail_to_resume(&mut self, slot: usize) -> Result<()> {
        let Slot::Away(session) = self.slots[slot] else { return Ok(()) };
        let mut hello = self.hello();
        let wrong = [None, Some(Vec::new()), Some(vec![0; 16]), Some(vec![7; 16]), Some(vec![1; 15])];
        hello.passwd = Some(self.prng.pick(&wrong).expect("not empty").clone());
        let mut twin = self.servers.open()?;
        let (answered, _) = self.servers.connect(&mut twin, &hello, Some(session))?;
        self.tally.connect("wrong password", &answered);
        self.compare(slot, &format!("resume {hello:?}"), &answered);
        Ok(())
    }

    /// A client's connection is gone without a word.
    fn hang_up(&mut self, slot: usize) -> Result<()> {
        if let Slot::Open(_, session) = self.slots[slot] {
            self.slots[slot] = Slot::Away(session);
        }
        Ok(())
    }

    /// A frame that no server reads to its end.
    fn send_nonsense(&mut self, slot: usize) -> Result<()> {
        // Events on their way come first, or one of the servers may close in front of them.
        self.ask(slot, |_, _| Ask::plain(OpCode::PING, Body::new(), "ping".into(), -2), 1)?;
        let Slot::Open(mut twin, session) = std::mem::replace(&mut self.slots[slot], Slot::Empty) else {
            return Ok(());
        };
        let frames = [
            Body::new().int(-1),
            Body::new().int(i32::MIN),
            Body::new().int(i32::MAX),
            Body::new().int(0x0010_0000),
            Body::new().int(0),
            Body::new().buffer(Some(&[0; 3])),
            Body::new().buffer(Some(&[0; 7])),
        ];
        let frame = self.prng.pick(&frames).expect("not empty");
        let answered = self.servers.send_raw(&mut twin, &frame.0)?;
        self.tally.connect("nonsense in a session", &answered);
        self.compare(slot, &format!("a frame {:?}", frame.0), &answered);
        self.slots[slot] = Slot::Away(session);
        Ok(())
    }

    /// A connection that never gets a session.
    fn odd_connect(&mut self) -> Result<()> {
        let mut twin = self.servers.open()?;
        let unknown = Session { ids: [zk_wire::SessionId(0x1234_5678); 2] };
        let kind = self.prng.below(8);
        let (about, answered) = match kind {
            0 => {
                let hello = Hello { seen: i64::MAX, ..self.hello() };
                ("a client from the future", self.servers.connect(&mut twin, &hello, None)?.0)
            }
            1 => {
                let hello = self.hello();
                ("an unknown session", self.servers.connect(&mut twin, &hello, Some(unknown))?.0)
            }
            2 => {
                let hello = Hello { passwd: Some(None), ..self.hello() };
                ("an unknown session without password", self.servers.connect(&mut twin, &hello, Some(unknown))?.0)
            }
            3 => {
                let frame = Body::new().buffer(Some(&[0; 20])).0;
                ("a short connect request", self.servers.connect_raw(&mut twin, &frame)?)
            }
            4 => ("an empty connect request", self.servers.connect_raw(&mut twin, &[0; 4])?),
            5 => {
                let inner = Body::new().int(0).long(0).int(30_000).long(0).int(1_000_000).long(0).long(0);
                let frame = Body::new().buffer(Some(&inner.0)).0;
                ("a password that is longer than its frame", self.servers.connect_raw(&mut twin, &frame)?)
            }
            6 => {
                let inner = Body::new().int(0).long(0).int(30_000).long(0).int(-2).byte(0).long(0);
                let frame = Body::new().buffer(Some(&inner.0)).0;
                ("a password of negative length", self.servers.connect_raw(&mut twin, &frame)?)
            }
            _ => ("a length and no frame", self.servers.connect_raw(&mut twin, &[0x7f, 0xff, 0xff, 0xff])?),
        };
        self.tally.connect(about, &answered);
        self.compare(99, about, &answered);
        Ok(())
    }

    /// A session that lasts for two frames: its timeout may be short.
    fn short_session(&mut self) -> Result<()> {
        let mut hello = self.hello();
        let timeouts = [0, -1, i32::MIN, 1, 999, 1000, 1001, 30_000];
        hello.timeout_ms = *self.prng.pick(&timeouts).expect("not empty");
        hello.passwd = self.prng.pick(&[None, Some(None), Some(Some(vec![9; 3]))]).expect("not empty").clone();
        let mut twin = self.servers.open()?;
        let (answered, session) = self.servers.connect(&mut twin, &hello, None)?;
        self.tally.connect("short session", &answered);
        self.compare(98, &format!("{hello:?}"), &answered);
        if session.is_some() {
            let ask = Ask::plain(OpCode::CLOSE_SESSION, Body::new(), "closeSession".into(), 1);
            for answered in self.servers.exchange(&mut twin, std::slice::from_ref(&ask))? {
                self.tally.count(ask.opcode, &answered.learned, true);
                self.compare(98, &ask.about, &answered);
            }
        }
        Ok(())
    }

    /// Every client that has a session is connected.
    fn come_back(&mut self) -> Result<()> {
        for slot in 0..self.slots.len() {
            if matches!(self.slots[slot], Slot::Away(_)) {
                self.resume(slot)?;
            }
        }
        Ok(())
    }

    /// The whole tree, node by node, as the two users see it.
    fn walk(&mut self) -> Result<()> {
        let mut twin = self.servers.open()?;
        let (answered, session) = self.servers.connect(&mut twin, &Hello::plain(), None)?;
        self.compare(97, "connect to look at the tree", &answered);
        ensure!(session.is_some(), "no session to look at the tree with");
        for (user, _) in values::USERS {
            let body = Body::new().int(0).text("digest").buffer(Some(user.as_bytes()));
            self.walk_ask(&mut twin, &Ask::plain(OpCode::AUTH, body, format!("auth {user}"), -4))?;
        }
        let mut paths = VecDeque::from(["/".to_owned()]);
        while let Some(path) = paths.pop_front() {
            for opcode in [OpCode::GET_DATA, OpCode::GET_ACL, OpCode::GET_CHILDREN2] {
                twin.xid += 1;
                let ask = Asks::look(opcode, &path, twin.xid);
                let answered = self.walk_ask(&mut twin, &ask)?;
                let slash = if path == "/" { "" } else { "/" };
                paths.extend(answered.learned.children.iter().map(|name| format!("{path}{slash}{name}")));
            }
        }
        let ask = Ask::plain(OpCode::CLOSE_SESSION, Body::new(), "closeSession".into(), 0);
        self.walk_ask(&mut twin, &ask).map(|_| ())
    }

    fn walk_ask(&mut self, twin: &mut Twin, ask: &Ask) -> Result<Answered> {
        let mut answers = self.servers.exchange(twin, std::slice::from_ref(ask))?;
        let answered = answers.pop().context("an exchange of one request has one answer")?;
        self.tally.count(ask.opcode, &answered.learned, answered.over);
        self.compare(97, &ask.about, &answered);
        Ok(answered)
    }

    fn words(&mut self, when: &str) -> Result<()> {
        for difference in words::compare(self.servers.ports)? {
            self.differences.push(format!("{when}: {difference}"));
        }
        Ok(())
    }

    fn compare(&mut self, slot: usize, about: &str, answered: &Answered) {
        self.tally.events(answered);
        if self.trace {
            println!("{} client {slot}: {about}\n    {}", self.tally.requests(), answered.shown[APACHE].join("\n    "));
        }
        if answered.same() {
            return;
        }
        // One of each kind is enough: the operation and how the last frames begin.
        let word = about.split([' ', '(']).next().unwrap_or_default();
        let kind: Vec<String> = answered
            .shown
            .iter()
            .map(|shown| {
                shown.last().map_or("", String::as_str).split(' ').skip(4).take(2).collect::<Vec<_>>().join(" ")
            })
            .collect();
        if !self.kinds.insert(format!("{word} {kind:?}")) {
            return;
        }
        let mut text = format!("request {}, client {slot}: {about}", self.tally.requests());
        for (name, shown) in twin::NAMES.iter().zip(&answered.shown) {
            shown.iter().for_each(|line| text += &format!("\n    {name} {line}"));
        }
        self.differences.push(text);
    }
}
