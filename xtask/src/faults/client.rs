//! A client that writes down what it asks and what it is told. It has one session for the whole run, one request at a
//! time, and moves between the members: whenever its connection is lost, and now and then without a reason.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base::{Prng, Reader};
use bytes::Bytes;
use zk_wire::{
    ConnectRequest, ConnectResponse, CreateResponse, ErrorCode, GetDataRequest, GetDataResponse, Jute, OpCode,
    ReplyHeader, RequestHeader, SessionId, SetDataRequest, SetDataResponse, SyncRequest, Zxid,
};

use super::history::{Answer, Asked, NEVER, Operation};
use crate::conformance::differential::line::{Came, Line};
use crate::conformance::zk_client::{EPHEMERAL, SEQUENCE, create_request, open_acl};

/// Longer than any fault lasts: while a quorum lives no session may end.
const SESSION_TIMEOUT_MS: i32 = 40_000;
/// How long an answer may take before the client tries another server, as real clients do.
const ANSWER: Duration = Duration::from_secs(3);
/// Pacing, nothing is waited for: between two requests, so that checking takes less time than the run.
const PACE: Duration = Duration::from_millis(5);
/// Pacing too: between two tries to connect, when all members may be down.
const AGAIN: Duration = Duration::from_millis(50);
/// New registers are taken this often: a checker's work grows with the square of a register's operations.
const GENERATION: Duration = Duration::from_secs(10);
/// Registers in use at a time.
pub const REGISTERS: usize = 8;
/// Of how many operations one is the last before the client moves on.
const MOVES: u64 = 150;
/// Parent of the sequential nodes.
pub const QUEUE: &str = "/queue";
/// Parent of the clients' ephemeral nodes.
pub const ALIVE: &str = "/alive";

/// What a client does before a read that must show everything that was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barrier {
    /// Nothing: the servers are configured so that every read does.
    Nothing,
    /// A sync.
    Sync,
    /// A write of its own. Apache's leader answers a sync of its own clients without regard to transactions that it has
    /// committed and not applied yet, so that a follower's client may know more (`CommitProcessor`, `matchSyncs`).
    Write,
}

/// What all clients of a run share.
pub struct Shared {
    /// Before reads.
    pub barrier: Barrier,
    /// Client ports of all members.
    pub ports: Vec<u16>,
    /// When the run began.
    pub started: Instant,
    /// Number of registers that there are.
    pub registers: usize,
    /// Contents given out so far.
    pub values: AtomicU64,
    /// Ends the run.
    pub enough: AtomicBool,
    /// Acknowledged operations of each client.
    pub done: Vec<AtomicU64>,
    /// What happened, as it comes.
    pub operations: Mutex<Vec<Operation>>,
}

impl Shared {
    /// Ns since the run began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).expect("a run is shorter than 500 years")
    }

    /// How many registers a run of this length needs.
    pub fn registers_for(length: Duration) -> usize {
        (length.as_secs() / GENERATION.as_secs() + 1) as usize * REGISTERS
    }

    fn register(&self, chance: &mut Prng) -> usize {
        let generation = (self.started.elapsed().as_secs() / GENERATION.as_secs()) as usize;
        let last = self.registers / REGISTERS - 1;
        generation.min(last) * REGISTERS + chance.below(REGISTERS as u64) as usize
    }
}

/// The path of a register.
pub fn register(key: usize) -> String {
    format!("/register-{key}")
}

/// One client.
pub struct Client<'a> {
    shared: &'a Shared,
    index: usize,
    chance: Prng,
    line: Option<Line>,
    member: usize,
    session: SessionId,
    seen: i64,
    xid: i32,
    /// The latest version that it knows of each register.
    versions: Vec<i32>,
}

impl<'a> Client<'a> {
    /// Number `index`; its session begins when it runs.
    pub fn new(shared: &'a Shared, index: usize, seed: u64) -> Self {
        let mut chance = Prng::new(seed ^ ((index as u64 + 1) << 32));
        let member = chance.below(shared.ports.len() as u64) as usize;
        let versions = vec![0; shared.registers];
        Self { shared, index, chance, line: None, member, session: SessionId::NONE, seen: 0, xid: 0, versions }
    }

    /// The path of its ephemeral node.
    pub fn ephemeral(index: usize) -> String {
        format!("{ALIVE}/{index}")
    }

    /// Works until there is enough; gives its session, which stays open.
    pub fn run(mut self) -> Result<SessionId> {
        self.declare_itself()?;
        while !self.shared.enough.load(Ordering::Relaxed) {
            if self.chance.chance(1, MOVES) {
                self.leave();
            }
            if !self.connected()? {
                std::thread::sleep(AGAIN);
                continue;
            }
            let asked = self.choose();
            let invoked = self.shared.now();
            let answer = self.ask(asked).with_context(|| format!("client {}: {asked:?}", self.index))?;
            let returned = if answer == Answer::Unknown { NEVER } else { self.shared.now() };
            if returned != NEVER {
                self.seen = self.seen.max(answer.zxid().unwrap_or(0));
                self.shared.done[self.index].fetch_add(1, Ordering::Relaxed);
            }
            let operation = Operation { client: self.index, invoked, returned, asked, answer };
            self.shared.operations.lock().expect("no client panics").push(operation);
            std::thread::sleep(PACE);
        }
        Ok(self.session)
    }

    /// Its session, and a node that must live as long.
    fn declare_itself(&mut self) -> Result<()> {
        let path = Self::ephemeral(self.index);
        while !self.shared.enough.load(Ordering::Relaxed) {
            if self.connected()? {
                let request = create_request(&path, b"", EPHEMERAL, open_acl());
                match self.request(OpCode::CREATE, &request)? {
                    Some((ErrorCode::OK | ErrorCode::NODE_EXISTS, ..)) => return Ok(()),
                    Some((error, ..)) => bail!("create of {path} answered {error:?}"),
                    None => {}
                }
            }
            std::thread::sleep(AGAIN);
        }
        bail!("client {} never came to a session", self.index)
    }

    fn choose(&mut self) -> Asked {
        let key = self.shared.register(&mut self.chance);
        let value = || self.shared.values.fetch_add(1, Ordering::Relaxed) + 1;
        match self.chance.below(10) {
            0..3 => Asked::Set { key, value: value(), expected: None },
            3..5 => Asked::Set { key, value: value(), expected: Some(self.versions[key]) },
            5..7 => Asked::Get { key, synced: true },
            7..9 => Asked::Get { key, synced: false },
            _ => Asked::Append { value: value() },
        }
    }

    /// Whether it has a connection, after trying for one when it has none.
    fn connected(&mut self) -> Result<bool> {
        if self.line.is_some() {
            return Ok(true);
        }
        self.member = (self.member + 1) % self.shared.ports.len();
        let Ok(mut line) = Line::open(self.shared.ports[self.member]) else { return Ok(false) };
        let password = if self.session == SessionId::NONE { [0; 16] } else { self.session.password() };
        let request = ConnectRequest {
            last_zxid_seen: Zxid(self.seen),
            timeout_ms: SESSION_TIMEOUT_MS,
            session: self.session,
            passwd: Bytes::copy_from_slice(&password).into(),
            read_only: Some(false),
            ..ConnectRequest::default()
        };
        line.send(&framed(&request.to_bytes()));
        let Ok(Came::Frame(frame)) = line.next_within(ANSWER) else { return Ok(false) };
        let response = ConnectResponse::from_bytes(frame.into()).context("read a connect response")?;
        ensure!(
            response.session != SessionId::NONE,
            "client {} lost its session {}, says member {}",
            self.index,
            self.session,
            self.member + 1
        );
        ensure!(
            self.session == SessionId::NONE || self.session == response.session,
            "client {} asked for session {} and was given {}",
            self.index,
            self.session,
            response.session
        );
        (self.session, self.line) = (response.session, Some(line));
        Ok(true)
    }

    /// Drops the connection without a word; the session stays.
    fn leave(&mut self) {
        self.line = None;
    }

    fn ask(&mut self, asked: Asked) -> Result<Answer> {
        match asked {
            Asked::Set { key, value, expected } => {
                let data = Some(Bytes::copy_from_slice(&value.to_be_bytes()));
                let request =
                    SetDataRequest { path: register(key).as_str().into(), data, version: expected.unwrap_or(-1) };
                let Some((error, zxid, mut reader)) = self.request(OpCode::SET_DATA, &request)? else {
                    return Ok(Answer::Unknown);
                };
                match error {
                    ErrorCode::OK => {
                        let stat = SetDataResponse::decode(&mut reader).context("read an answer to setData")?.stat;
                        self.versions[key] = stat.version;
                        Ok(Answer::Set { zxid, mzxid: stat.mzxid.0, version: stat.version })
                    }
                    ErrorCode::BAD_VERSION if expected.is_some() => Ok(Answer::BadVersion { zxid }),
                    error => self.lost(error),
                }
            }
            Asked::Get { key, synced } => {
                let path = register(key);
                if synced {
                    match self.wait_for_others()? {
                        Some((ErrorCode::OK, ..)) => {}
                        Some((error, ..)) => return self.lost(error),
                        None => return Ok(Answer::Unknown),
                    }
                }
                let request = GetDataRequest { path: path.as_str().into(), watch: false };
                let Some((error, zxid, mut reader)) = self.request(OpCode::GET_DATA, &request)? else {
                    return Ok(Answer::Unknown);
                };
                if error != ErrorCode::OK {
                    return self.lost(error);
                }
                let got = GetDataResponse::decode(&mut reader).context("read an answer to getData")?;
                let (stat, data) = (got.stat, got.data.unwrap_or_default());
                self.versions[key] = self.versions[key].max(stat.version);
                Ok(Answer::Got { zxid, mzxid: stat.mzxid.0, version: stat.version, value: content(&data)? })
            }
            Asked::Append { value } => {
                let path = format!("{QUEUE}/n-");
                let request = create_request(&path, &value.to_be_bytes(), SEQUENCE, open_acl());
                let Some((error, zxid, mut reader)) = self.request(OpCode::CREATE, &request)? else {
                    return Ok(Answer::Unknown);
                };
                if error != ErrorCode::OK {
                    return self.lost(error);
                }
                let path = CreateResponse::decode(&mut reader).context("read an answer to create")?.path;
                Ok(Answer::Appended { zxid, number: number(&path)? })
            }
        }
    }

    /// The server shows afterwards what anybody was told before.
    fn wait_for_others(&mut self) -> Result<Option<(ErrorCode, i64, Reader)>> {
        match self.shared.barrier {
            Barrier::Nothing => Ok(Some((ErrorCode::OK, self.seen, Reader::new(Bytes::new())))),
            Barrier::Sync => self.request(OpCode::SYNC, &SyncRequest { path: "/".into() }),
            Barrier::Write => {
                let path = Self::ephemeral(self.index);
                self.request(OpCode::SET_DATA, &SetDataRequest { path: path.as_str().into(), data: None, version: -1 })
            }
        }
    }

    /// The server refuses without having done anything, and another one will do.
    fn lost(&mut self, error: ErrorCode) -> Result<Answer> {
        match error {
            ErrorCode::SESSION_MOVED | ErrorCode::CONNECTION_LOSS => {
                self.leave();
                Ok(Answer::Unknown)
            }
            ErrorCode::SESSION_EXPIRED => {
                bail!("client {} lost its session {} on member {}", self.index, self.session, self.member + 1)
            }
            error => bail!("member {} answered {error:?}", self.member + 1),
        }
    }

    /// Sends a request and waits for its answer: the error, the reply's zxid, the body. None when the connection is
    /// lost meanwhile, or the answer takes too long.
    fn request(&mut self, opcode: OpCode, body: &impl Jute) -> Result<Option<(ErrorCode, i64, Reader)>> {
        let Some(line) = &mut self.line else { return Ok(None) };
        self.xid += 1;
        let mut bytes = RequestHeader { xid: self.xid, opcode: opcode.0 }.to_bytes().to_vec();
        bytes.extend_from_slice(&body.to_bytes());
        line.send(&framed(&bytes));
        let Ok(Came::Frame(frame)) = line.next_within(ANSWER) else {
            self.leave();
            return Ok(None);
        };
        let mut reader = Reader::new(frame.into());
        let header = ReplyHeader::decode(&mut reader).context("read a reply's header")?;
        ensure!(header.xid == self.xid, "request {} was answered with {}", self.xid, header.xid);
        Ok(Some((ErrorCode(header.err), header.zxid.0, reader)))
    }
}

/// A register's content.
pub fn content(data: &[u8]) -> Result<u64> {
    let bytes: [u8; 8] = data.try_into().with_context(|| format!("{data:?} is no content that a client wrote"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// The number behind the name of a sequential node.
pub fn number(path: &str) -> Result<i64> {
    let digits = path.rsplit('-').next().unwrap_or_default();
    digits.parse().with_context(|| format!("{path} has no number"))
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}
