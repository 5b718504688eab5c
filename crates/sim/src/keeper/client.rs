//! A simulated ZooKeeper client: pipelines requests, pings, notices a dead connection, reconnects with its session,
//! leaves its watches again, and starts anew when the session has expired. Simple on purpose, and not our client
//! library: that one has a simulation of its own.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use base::{Instant, Prng, Reader};
use bytes::Bytes;
use zk_wire::{ConnectRequest, ConnectResponse, Jute, ReplyHeader, SessionId, WatcherEvent, Zxid};

use super::history::{History, OpId, OpRecord, Reply, Seen};
use super::model::Change;
use super::op::{Op, OpResult, USERS, code};
use crate::check::{Checked, replies_in_order, session_lifetime, zxids_ascend};
use crate::net::{Arrival, LinkId};

/// Where the client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits to dial again.
    Down,
    /// Sent its connect request.
    Connecting,
    /// Has a session.
    Up,
}

struct Session {
    id: i64,
    password: [u8; 16],
    timeout_ms: u64,
}

/// One client.
pub struct Client {
    number: usize,
    /// Where it stands.
    pub state: State,
    /// Its connection, unless down.
    pub link: Option<LinkId>,
    session: Option<Session>,
    wanted_timeout_ms: i32,
    authenticates: bool,
    counter: i32,
    outstanding: VecDeque<OpId>,
    last_zxid: i64,
    data_watches: BTreeSet<String>,
    exist_watches: BTreeSet<String>,
    child_watches: BTreeSet<String>,
    last_heard: Instant,
    last_sent: Instant,
    life: usize,
    /// Sent closeSession and sends nothing more on this session.
    closing: bool,
    /// Requests of the workload that it sent.
    pub operations: u64,
}

/// What the client wants done after it was told something.
#[derive(Debug, Default)]
pub struct Wish {
    /// Frames to send on its connection.
    pub frames: Vec<Bytes>,
    /// Whether to drop the connection.
    pub hang_up: bool,
}

impl Client {
    /// A client that has not dialled yet.
    pub fn new(number: usize, prng: &mut Prng) -> Self {
        Self {
            number,
            state: State::Down,
            link: None,
            session: None,
            wanted_timeout_ms: *prng.pick(&[2000, 4000, 6000, 12_000]).expect("not empty"),
            authenticates: prng.chance(1, 2),
            counter: 0,
            outstanding: VecDeque::new(),
            last_zxid: 0,
            data_watches: BTreeSet::new(),
            exist_watches: BTreeSet::new(),
            child_watches: BTreeSet::new(),
            last_heard: Instant::ZERO,
            last_sent: Instant::ZERO,
            life: 0,
            closing: false,
            operations: 0,
        }
    }

    /// Its session's id.
    pub fn session_id(&self) -> Option<i64> {
        self.session.as_ref().map(|session| session.id)
    }

    /// Requests without a reply yet.
    pub fn in_flight(&self) -> usize {
        self.outstanding.len()
    }

    /// How often it looks at its own state.
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.timeout_ms() / 6)
    }

    fn timeout_ms(&self) -> u64 {
        self.session.as_ref().map_or(self.wanted_timeout_ms as u64, |session| session.timeout_ms)
    }

    /// Dials over a new connection to the server's `life`; returns the connect request.
    pub fn dial(&mut self, now: Instant, link: LinkId, life: usize) -> Bytes {
        assert!(self.state == State::Down, "a client has one connection");
        self.state = State::Connecting;
        self.link = Some(link);
        self.life = life;
        self.last_heard = now;
        self.last_sent = now;
        let (id, password) = self.session.as_ref().map_or((0, [0; 16]), |session| (session.id, session.password));
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid(self.last_zxid),
            timeout_ms: self.wanted_timeout_ms,
            session: SessionId(id),
            passwd: Bytes::copy_from_slice(&password).into(),
            read_only: Some(false),
        };
        request.to_bytes()
    }

    /// Its connection is gone.
    pub fn disconnected(&mut self, history: &mut History) {
        if self.state == State::Up {
            history.seen[self.number].push(Seen::Disconnected);
        }
        self.state = State::Down;
        self.link = None;
        self.outstanding.clear();
        if self.closing {
            // Whether the close was done is unknown; the session is not used again.
            self.forget_session();
        }
    }

    fn forget_session(&mut self) {
        self.session = None;
        self.closing = false;
        self.last_zxid = 0;
        self.data_watches.clear();
        self.exist_watches.clear();
        self.child_watches.clear();
    }

    /// Looks at the clock: pings when it has been silent, gives up a connection that has been.
    pub fn on_tick(&mut self, now: Instant, history: &mut History) -> Wish {
        let timeout = Duration::from_millis(self.timeout_ms());
        let mut wish = Wish::default();
        if self.state == State::Down {
            return wish;
        }
        if now.since(self.last_heard) >= timeout * 2 / 3 {
            wish.hang_up = true;
        } else if self.state == State::Up && !self.closing && now.since(self.last_sent) >= timeout / 3 {
            wish.frames.push(self.request(now, Op::Ping, history));
        }
        wish
    }

    /// Sends a request; only while up and not closing.
    pub fn request(&mut self, now: Instant, op: Op, history: &mut History) -> Bytes {
        assert!(self.state == State::Up && !self.closing, "requests need a session");
        let counted = !matches!(op, Op::Ping | Op::Auth { .. } | Op::SetWatches { .. });
        if counted {
            self.counter += 1;
            self.operations += 1;
        }
        self.closing = op == Op::CloseSession;
        self.last_sent = now;
        let frame = op.frame(self.counter);
        let id = history.sent(OpRecord {
            client: self.number,
            session: self.session_id().expect("up means that there is a session"),
            xid: op.wire_xid(self.counter),
            op,
            authenticated: self.authenticates,
            floor: history.acknowledged,
            life: self.life,
            reply: None,
        });
        self.outstanding.push_back(id);
        frame
    }

    /// Whether the workload may send.
    pub fn is_ready(&self) -> bool {
        self.state == State::Up && !self.closing
    }

    /// Something arrived on its connection.
    ///
    /// # Errors
    /// A property that the arrival breaks by itself.
    pub fn on_arrival(
        &mut self,
        now: Instant,
        arrival: Arrival,
        last_contact: impl FnOnce(i64) -> Instant,
        history: &mut History,
    ) -> Result<Wish, crate::check::Violation> {
        let Arrival::Frame(frame) = arrival else {
            self.disconnected(history);
            return Ok(Wish::default());
        };
        self.last_heard = now;
        if self.state == State::Connecting {
            return self.on_connect_response(now, frame, last_contact, history);
        }
        self.on_frame(frame, history)?;
        Ok(Wish { frames: Vec::new(), hang_up: self.closing && self.outstanding.is_empty() })
    }

    fn on_connect_response(
        &mut self,
        now: Instant,
        frame: Bytes,
        last_contact: impl FnOnce(i64) -> Instant,
        history: &mut History,
    ) -> Result<Wish, crate::check::Violation> {
        let response = ConnectResponse::from_bytes(frame)
            .map_err(|error| replies_in_order::PROPERTY.broken(format!("a connect response that is none: {error}")))?;
        let SessionId(id) = response.session;
        if id == 0 {
            if let Some(session) = &self.session {
                session_lifetime::not_before_timeout(session.id, session.timeout_ms, last_contact(session.id), now)?;
            }
            self.forget_session();
            return Ok(Wish { frames: Vec::new(), hang_up: true });
        }
        if let Some(session) = &self.session {
            session_lifetime::same_session(session.id, id)?;
        } else {
            session_lifetime::new_session(id, history)?;
            history.sessions.push((id, now, response.timeout_ms as u64));
        }
        let mut password = [0; 16];
        password.copy_from_slice(response.passwd.0.as_deref().unwrap_or(&[0; 16]));
        self.session = Some(Session { id, password, timeout_ms: response.timeout_ms as u64 });
        self.state = State::Up;
        history.seen[self.number].push(Seen::Connected { session: id });
        let mut wish = Wish::default();
        if self.authenticates {
            wish.frames.push(self.request(now, Op::Auth { user: &USERS[0] }, history));
        }
        let list = |paths: &BTreeSet<String>| paths.iter().cloned().collect::<Vec<_>>();
        let (data, exist, child) = (list(&self.data_watches), list(&self.exist_watches), list(&self.child_watches));
        if data.len() + exist.len() + child.len() > 0 {
            let op = Op::SetWatches { relative_zxid: self.last_zxid, data, exist, child };
            wish.frames.push(self.request(now, op, history));
        }
        Ok(wish)
    }

    fn on_frame(&mut self, frame: Bytes, history: &mut History) -> Checked {
        let garbage = |what: &str| replies_in_order::PROPERTY.broken(format!("client {}: {what}", self.number));
        let mut r = Reader::new(frame.clone());
        let header = ReplyHeader::decode(&mut r).map_err(|error| garbage(&format!("no reply header: {error}")))?;
        let body = frame.slice(frame.len() - r.remaining()..);
        let Zxid(zxid) = header.zxid;
        if zxid > 0 {
            zxids_ascend::per_session(self.number, self.last_zxid, zxid)?;
            self.last_zxid = zxid;
        }
        if header.xid == zk_wire::frame::NOTIFICATION_XID {
            let event = WatcherEvent::from_bytes(body).map_err(|error| garbage(&format!("no watch event: {error}")))?;
            let change = Change::from_code(event.event_type).ok_or_else(|| garbage("an event of no known type"))?;
            self.on_event(zxid, change, event.path.to_string(), history);
            return Ok(());
        }
        let expected = self.outstanding.front().map(|id| history.ops[*id].xid);
        replies_in_order::PROPERTY.require(expected == Some(header.xid), || {
            format!("client {} waits for xid {expected:?} and gets {}", self.number, header.xid)
        })?;
        let id = self.outstanding.pop_front().expect("the front was there");
        let result = history.ops[id]
            .op
            .read_reply(header.err, body)
            .map_err(|error| garbage(&format!("a reply to {:?} that is none: {error}", history.ops[id].op)))?;
        self.leave_watch(&history.ops[id].op, &result);
        history.replied(id, Reply { zxid, result });
        Ok(())
    }

    fn leave_watch(&mut self, op: &Op, result: &OpResult) {
        let failed = matches!(result, OpResult::Error(_));
        match op {
            Op::Exists { path, watch: true } if !failed => self.data_watches.insert(path.clone()),
            Op::Exists { path, watch: true } if *result == OpResult::Error(code::NO_NODE) => {
                self.exist_watches.insert(path.clone())
            }
            Op::GetData { path, watch: true } if !failed => self.data_watches.insert(path.clone()),
            Op::GetChildren { path, watch: true, .. } if !failed => self.child_watches.insert(path.clone()),
            _ => false,
        };
    }

    fn on_event(&mut self, zxid: i64, change: Change, path: String, history: &mut History) {
        if change == Change::ChildrenChanged {
            self.child_watches.remove(&path);
        } else {
            self.data_watches.remove(&path);
            self.exist_watches.remove(&path);
        }
        if change == Change::Deleted {
            self.child_watches.remove(&path);
        }
        history.seen[self.number].push(Seen::Event { zxid, change, path, life: self.life });
    }
}
