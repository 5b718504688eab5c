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
use super::op::{Left, Op, OpResult, USERS, User, WatcherKind, code};
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
    /// Who it proves to be on this connection.
    users: Vec<&'static User>,
    /// Drawn anew for every connection.
    prng: Prng,
    counter: i32,
    outstanding: VecDeque<OpId>,
    last_zxid: i64,
    /// Whether an event brought it, and no reply.
    event_last: bool,
    last_reply_zxid: i64,
    data_watches: BTreeSet<String>,
    exist_watches: BTreeSet<String>,
    child_watches: BTreeSet<String>,
    persistent_watches: BTreeSet<String>,
    recursive_watches: BTreeSet<String>,
    last_heard: Instant,
    last_sent: Instant,
    life: usize,
    /// Sent closeSession and sends nothing more on this session.
    closing: bool,
    /// Dialled with a password that is not its session's.
    guesses: bool,
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
            users: Vec::new(),
            prng: prng.fork(),
            counter: 0,
            outstanding: VecDeque::new(),
            last_zxid: 0,
            event_last: false,
            last_reply_zxid: 0,
            data_watches: BTreeSet::new(),
            exist_watches: BTreeSet::new(),
            child_watches: BTreeSet::new(),
            persistent_watches: BTreeSet::new(),
            recursive_watches: BTreeSet::new(),
            last_heard: Instant::ZERO,
            last_sent: Instant::ZERO,
            life: 0,
            closing: false,
            guesses: false,
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
        let (id, mut password) = self.session.as_ref().map_or((0, [0; 16]), |session| (session.id, session.password));
        self.guesses = id != 0 && self.prng.chance(1, 20);
        if self.guesses {
            password[self.prng.below(16) as usize] ^= 1;
        }
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
        self.event_last = false;
        self.last_reply_zxid = 0;
        self.data_watches.clear();
        self.exist_watches.clear();
        self.child_watches.clear();
        self.persistent_watches.clear();
        self.recursive_watches.clear();
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
        let counted = !matches!(op, Op::Ping | Op::Auth { .. } | Op::AuthOfNobody | Op::SetWatches(_));
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
            users: self.users.clone(),
            floor: history.acknowledged,
            shown: history.shown,
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

    /// Something arrived on its connection. `last_contact` is `None` for a session that has gone for another reason than
    /// time.
    ///
    /// # Errors
    /// A property that the arrival breaks by itself.
    pub fn on_arrival(
        &mut self,
        now: Instant,
        arrival: Arrival,
        last_contact: impl FnOnce(i64) -> Option<Instant>,
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
        last_contact: impl FnOnce(i64) -> Option<Instant>,
        history: &mut History,
    ) -> Result<Wish, crate::check::Violation> {
        let response = ConnectResponse::from_bytes(frame)
            .map_err(|error| replies_in_order::PROPERTY.broken(format!("a connect response that is none: {error}")))?;
        let SessionId(id) = response.session;
        if core::mem::take(&mut self.guesses) {
            session_lifetime::not_for_guesses(id)?;
            return Ok(Wish { frames: Vec::new(), hang_up: true });
        }
        if id == 0 {
            if let Some(session) = &self.session
                && let Some(last_contact) = last_contact(session.id)
            {
                session_lifetime::not_before_timeout(session.id, session.timeout_ms, last_contact, now)?;
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
        self.users = USERS.iter().filter(|_| self.prng.chance(1, 3)).collect();
        history.seen[self.number].push(Seen::Connected { session: id, users: self.users.clone() });
        let mut wish = Wish::default();
        for user in self.users.clone() {
            wish.frames.push(self.request(now, Op::Auth { user }, history));
        }
        let left = self.left();
        if !left.is_empty() {
            wish.frames.push(self.request(now, Op::SetWatches(left), history));
        }
        Ok(wish)
    }

    fn left(&self) -> Left {
        let list = |paths: &BTreeSet<String>| paths.iter().cloned().collect::<Vec<_>>();
        Left {
            relative_zxid: self.last_zxid,
            data: list(&self.data_watches),
            exist: list(&self.exist_watches),
            child: list(&self.child_watches),
            persistent: list(&self.persistent_watches),
            recursive: list(&self.recursive_watches),
        }
    }

    fn on_frame(&mut self, frame: Bytes, history: &mut History) -> Checked {
        let number = self.number;
        let garbage = |what: &str| replies_in_order::PROPERTY.broken(format!("client {number}: {what}"));
        let mut r = Reader::new(frame.clone());
        let header = ReplyHeader::decode(&mut r).map_err(|error| garbage(&format!("no reply header: {error}")))?;
        let body = frame.slice(frame.len() - r.remaining()..);
        let Zxid(zxid) = header.zxid;
        let is_event = header.xid == zk_wire::frame::NOTIFICATION_XID;
        if zxid > 0 {
            self.zxid_ascends(is_event, zxid, history)?;
        }
        if is_event {
            let event = WatcherEvent::from_bytes(body).map_err(|error| garbage(&format!("no watch event: {error}")))?;
            let change = Change::from_code(event.event_type).ok_or_else(|| garbage("an event of no known type"))?;
            self.on_event(zxid, change, event.path.to_string(), history);
            return Ok(());
        }
        let id = self.answered(header.xid, history)?;
        let result = history.ops[id]
            .op
            .read_reply(header.err, body)
            .map_err(|error| garbage(&format!("a reply to {:?} that is none: {error}", history.ops[id].op)))?;
        self.leave_watch(&history.ops[id].op, &result);
        history.replied(id, Reply { zxid, result });
        Ok(())
    }

    /// Events come with the zxid of their change, replies with that of the tree that they show: in the middle of a session's
    /// end that is the one before, though its first events are out.
    fn zxid_ascends(&mut self, is_event: bool, zxid: i64, history: &mut History) -> Checked {
        if !is_event && self.event_last && zxid + 1 == self.last_zxid {
            zxids_ascend::per_session(self.number, self.last_reply_zxid, zxid)?;
            history.behind_events.push((self.number, self.last_zxid));
        } else {
            zxids_ascend::per_session(self.number, self.last_zxid, zxid)?;
            self.last_zxid = zxid;
            self.event_last = is_event;
        }
        if !is_event {
            self.last_reply_zxid = zxid;
        }
        Ok(())
    }

    /// Which request a reply is for: the oldest, or one that is answered ahead of those.
    fn answered(&mut self, xid: i32, history: &History) -> Result<OpId, crate::check::Violation> {
        let asked = |id: &OpId| &history.ops[*id];
        let ahead = self.outstanding.iter().position(|id| asked(id).xid == xid && asked(id).op.is_answered_at_once());
        let at = ahead.or_else(|| self.outstanding.front().filter(|id| asked(id).xid == xid).map(|_| 0));
        at.and_then(|at| self.outstanding.remove(at)).ok_or_else(|| {
            let expected = self.outstanding.front().map(|id| asked(id).xid);
            replies_in_order::PROPERTY
                .broken(format!("client {} waits for xid {expected:?} and gets {xid}", self.number))
        })
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
            Op::AddWatch { path, recursive: false } if !failed => self.persistent_watches.insert(path.clone()),
            Op::AddWatch { path, recursive: true } if !failed => self.recursive_watches.insert(path.clone()),
            Op::RemoveWatches { path, kind } if !failed => self.end_watch(path, *kind),
            _ => false,
        };
    }

    fn end_watch(&mut self, path: &str, kind: WatcherKind) -> bool {
        let any = kind == WatcherKind::Any;
        let mut ended = false;
        let sets = [
            (&mut self.data_watches, WatcherKind::Data),
            (&mut self.exist_watches, WatcherKind::Data),
            (&mut self.child_watches, WatcherKind::Children),
            (&mut self.persistent_watches, WatcherKind::Persistent),
            (&mut self.recursive_watches, WatcherKind::PersistentRecursive),
        ];
        for (set, of) in sets {
            ended |= (any || kind == of) && set.remove(path);
        }
        ended
    }

    fn on_event(&mut self, zxid: i64, change: Change, path: String, history: &mut History) {
        history.shown = history.shown.max(zxid);
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
