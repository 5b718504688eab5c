//! Both servers at once: the same bytes to each, the answers side by side.

use std::time::Duration;

use anyhow::Result;
use zk_wire::{ConnectResponse, ErrorCode, OpCode, SessionId};

use super::asks::Ask;
use super::body::{self, Body};
use super::line::{Came, Line};
use super::shown::{Learned, Names, hex};

/// Which server is which in every pair of arrays here.
pub const APACHE: usize = 0;
const OURS: usize = 1;
/// Their names in reports.
pub const NAMES: [&str; 2] = ["apache", "ours  "];

/// How long a server that is expected to close a connection may take.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// Where the servers listen and what their numbers are called.
pub struct Servers {
    /// Client ports on 127.0.0.1.
    pub ports: [u16; 2],
    /// By server.
    pub names: [Names; 2],
    /// Transactions that delete nodes in no order, by Apache's count: their events are compared as a set.
    pub unordered: Vec<i64>,
    /// Whether a difference in zxids is told of once only.
    pub forgiving: bool,
}

/// What a client knows of its session, per server.
#[derive(Clone, Copy)]
pub struct Session {
    /// Their ids.
    pub ids: [SessionId; 2],
}

/// A connection to each server.
pub struct Twin {
    lines: [Line; 2],
    /// The last xid used.
    pub xid: i32,
}

/// What both servers answered.
pub struct Answered {
    /// Frames as text, with what became of the connection.
    pub shown: [Vec<String>; 2],
    /// Apache's, for the generator.
    pub learned: Learned,
    /// Whether the connection is over on either side.
    pub over: bool,
}

impl Answered {
    /// Whether the servers agree.
    pub fn same(&self) -> bool {
        self.shown[APACHE] == self.shown[OURS]
    }

    /// Paths of the events that are missing in our answer. Events come in the same order, so that one walk finds them.
    pub fn only_apache_tells(&self) -> Vec<String> {
        let mut ours = self.shown[OURS].iter().peekable();
        let missing = self.shown[APACHE].iter().filter(|line| ours.next_if_eq(line).is_none());
        missing.filter_map(|line| path_of_event(line)).collect()
    }

    /// Takes one event of this path that is missing in our answer out of Apache's.
    pub fn forgive(&mut self, path: &str) {
        let mut ours = self.shown[OURS].iter().peekable();
        let at = self.shown[APACHE]
            .iter()
            .position(|line| ours.next_if_eq(&line).is_none() && path_of_event(line).as_deref() == Some(path));
        if let Some(at) = at {
            self.shown[APACHE].remove(at);
        }
    }
}

/// The path in the text of an event that [`Names::event`] made, if it came from setWatches.
fn path_of_event(line: &str) -> Option<String> {
    let (_, path) = line.strip_prefix("event zxid -1 ")?.split_once(" state 3 ")?;
    // As Rust quotes it, which is as JSON does but for characters by their number.
    let (mut json, mut rest) = (String::new(), path);
    while let Some((before, behind)) = rest.split_once("\\u{") {
        let (hex, after) = behind.split_once('}')?;
        json += before;
        json.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
        rest = after;
    }
    serde_json::from_str(&(json + rest)).ok()
}

/// The fields of a connect request that vary.
#[derive(Clone, Debug)]
pub struct Hello {
    /// 0 from every client.
    pub protocol: i32,
    /// Highest zxid seen.
    pub seen: i64,
    /// Wished for.
    pub timeout_ms: i32,
    /// `None` leaves the byte out.
    pub read_only: Option<u8>,
    /// Instead of the session's own.
    pub passwd: Option<Option<Vec<u8>>>,
}

impl Hello {
    /// What an ordinary client sends.
    pub fn plain() -> Self {
        Self { protocol: 0, seen: 0, timeout_ms: 60_000, read_only: Some(0), passwd: None }
    }

    fn bytes(&self, session: SessionId) -> Vec<u8> {
        let own = if session == SessionId::NONE { vec![0; 16] } else { session.password().to_vec() };
        let passwd = self.passwd.clone().unwrap_or(Some(own));
        let body = Body::new().int(self.protocol).long(self.seen).int(self.timeout_ms).long(session.0);
        let body = body.buffer(passwd.as_deref());
        let body = self.read_only.into_iter().fold(body, Body::byte);
        Body::new().buffer(Some(&body.0)).0
    }
}

impl Servers {
    /// Opens a connection to each.
    pub fn open(&self) -> Result<Twin> {
        Ok(Twin { lines: [Line::open(self.ports[0])?, Line::open(self.ports[1])?], xid: 0 })
    }

    /// Says hello for a session (`None`: a new one) and gives what came, with the session if there is one.
    pub fn connect(
        &mut self,
        twin: &mut Twin,
        hello: &Hello,
        session: Option<Session>,
    ) -> Result<(Answered, Option<Session>)> {
        let ids = session.map_or([SessionId::NONE; 2], |session| session.ids);
        for (line, id) in twin.lines.iter_mut().zip(ids) {
            line.send(&hello.bytes(id));
        }
        self.connected(twin)
    }

    /// Sends bytes in place of a connect request.
    pub fn connect_raw(&mut self, twin: &mut Twin, bytes: &[u8]) -> Result<Answered> {
        twin.lines.iter_mut().for_each(|line| line.send(bytes));
        self.connected(twin).map(|(answered, _)| answered)
    }

    fn connected(&mut self, twin: &mut Twin) -> Result<(Answered, Option<Session>)> {
        let mut shown = [Vec::new(), Vec::new()];
        let mut responses: [Option<ConnectResponse>; 2] = [None, None];
        for side in [APACHE, OURS] {
            match twin.lines[side].next()? {
                Came::Frame(frame) => {
                    let (text, response) = self.names[side].connected(&frame);
                    shown[side].push(text);
                    responses[side] = response.filter(|response| response.session != SessionId::NONE);
                    if responses[side].is_none() {
                        shown[side].extend(self.read_to_the_end(twin, side)?);
                    }
                }
                other => shown[side].push(format!("{other:?}")),
            }
        }
        let session = match responses {
            [Some(apache), Some(ours)] => Some(Session { ids: [apache.session, ours.session] }),
            _ => None,
        };
        let over = session.is_none();
        Ok((Answered { shown, learned: Learned::default(), over }, session))
    }

    /// Sends requests in one go and gives the answers, one by one.
    pub fn exchange(&mut self, twin: &mut Twin, asks: &[Ask]) -> Result<Vec<Answered>> {
        let bytes: Vec<u8> = asks.iter().flat_map(|ask| body::frame(ask.xid, ask.opcode, &ask.body)).collect();
        twin.lines.iter_mut().for_each(|line| line.send(&bytes));
        asks.iter().map(|ask| self.answer(twin, ask)).collect()
    }

    /// Sends bytes that are no request; the servers are expected to close the connection.
    pub fn send_raw(&mut self, twin: &mut Twin, bytes: &[u8]) -> Result<Answered> {
        twin.lines.iter_mut().for_each(|line| line.send(bytes));
        self.end(twin)
    }

    /// What comes until the servers close the connection, which they are expected to do.
    pub fn end(&mut self, twin: &mut Twin) -> Result<Answered> {
        let shown = [self.read_to_the_end(twin, APACHE)?, self.read_to_the_end(twin, OURS)?];
        Ok(Answered { shown, learned: Learned::default(), over: true })
    }

    fn answer(&mut self, twin: &mut Twin, ask: &Ask) -> Result<Answered> {
        let mut shown = [Vec::new(), Vec::new()];
        let mut learned = [Learned::default(), Learned::default()];
        let mut over = false;
        for side in [APACHE, OURS] {
            let (events, last) = self.until_reply(twin, side, ask.opcode == OpCode::CLOSE_SESSION.0)?;
            shown[side] = events;
            let Came::Frame(frame) = last else {
                shown[side].push(format!("{last:?}"));
                over = true;
                continue;
            };
            let (text, known) = self.names[side].reply(ask.opcode, &frame);
            shown[side].push(text);
            let ended = ask.opcode == OpCode::CLOSE_SESSION.0
                || [ErrorCode::UNIMPLEMENTED, ErrorCode::AUTH_FAILED].iter().any(|code| code.0 == known.err);
            if ended {
                shown[side].extend(self.read_to_the_end(twin, side)?);
                over = true;
            }
            learned[side] = known;
        }
        let [apache, ours] = learned;
        if ask.opcode == OpCode::CLOSE_SESSION.0 {
            self.unordered.push(apache.zxid);
        }
        if self.forgiving && shown[APACHE] != shown[OURS] {
            self.names[OURS].correct(ours.zxid, apache.zxid);
        }
        Ok(Answered { shown, learned: apache, over })
    }

    /// Events as text, and what came behind them.
    fn until_reply(&mut self, twin: &mut Twin, side: usize, closing: bool) -> Result<(Vec<String>, Came)> {
        let mut events: Vec<(i64, String)> = Vec::new();
        loop {
            match twin.lines[side].next()? {
                Came::Frame(frame) if frame.starts_with(&(-1_i32).to_be_bytes()) => {
                    events.push(self.names[side].event(&frame));
                }
                last => {
                    // The session's own nodes go in no order.
                    if let (true, Some((zxid, _))) = (closing, events.last()) {
                        self.unordered.push(*zxid);
                    }
                    return Ok((self.settled(events), last));
                }
            }
        }
    }

    /// Events of transactions without an order in them are sorted.
    fn settled(&self, mut events: Vec<(i64, String)>) -> Vec<String> {
        for run in events.chunk_by_mut(|a, b| a.0 == b.0) {
            if self.unordered.contains(&run[0].0) {
                run.sort();
            }
        }
        events.into_iter().map(|(_, text)| text).collect()
    }

    fn read_to_the_end(&mut self, twin: &mut Twin, side: usize) -> Result<Vec<String>> {
        let mut shown = Vec::new();
        let mut events = Vec::new();
        loop {
            match twin.lines[side].next_within(CLOSE_DEADLINE)? {
                Came::Frame(frame) if frame.starts_with(&(-1_i32).to_be_bytes()) => {
                    events.push(self.names[side].event(&frame));
                }
                Came::Frame(frame) => shown.push(format!("frame {}", hex(&frame))),
                Came::Closed => shown.push("closed".into()),
                Came::Silence => shown.push("stays open".into()),
            }
            if shown.last().is_some_and(|last| !last.starts_with("frame")) {
                let mut all = self.settled(events);
                all.append(&mut shown);
                return Ok(all);
            }
        }
    }
}
