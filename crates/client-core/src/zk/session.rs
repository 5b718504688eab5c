//! The session machine: it dials, connects, keeps the session alive, sends operations in order and says what became
//! of each (`ClientCnxn.java`, `ZooKeeperClient.scala`).
//!
//! One rule governs a lost connection: whether an operation that was under way took effect is unknown. So its
//! submitter chooses: fail with [`ZkError::ConnectionLoss`], or send again after the reconnect and be told so
//! ([`Effect::Completed`]'s `resent`), in which case "the node exists" may be one's own doing.

use std::collections::VecDeque;
use std::time::Duration;

use base::secret::Secret;
use base::{Instant, Now, Prng};
use bytes::Bytes;

use super::codec::{self, ReplyFrame};
use super::hosts::{ConnectString, Host, HostRing};
use super::op::{Op, Reply, ZkError};
use super::watches::{WatchKind, Watches};

/// Which dial a socket event belongs to; events of an older one are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnNo(pub u64);

/// What proves that a session is ours.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The session's id.
    pub session_id: i64,
    /// Its password.
    pub password: Secret,
}

/// How a session is made.
#[derive(Debug)]
pub struct SessionConfig {
    /// Servers and chroot.
    pub connect: ConnectString,
    /// The session timeout asked for; the server may change it.
    pub session_timeout_ms: u32,
    /// Operations on the way at once; the rest waits here.
    pub in_flight_max: usize,
    /// Identities to add on every connection: scheme and proof.
    pub auth: Vec<(String, Secret)>,
    /// A session of an earlier life of this process. It is resumed and closed before the new one is opened, so that
    /// its ephemerals are gone at once and not when it expires.
    pub takeover: Option<Credentials>,
}

/// What to do with an operation whose connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLoss {
    /// Complete it with [`ZkError::ConnectionLoss`].
    Fail,
    /// Send it again, in its old place in the order.
    Resend,
}

/// What happens to the machine.
#[derive(Debug)]
pub enum Event {
    /// Begin dialling. The machine does nothing before.
    Start,
    /// A dial succeeded.
    Connected(ConnNo),
    /// A dial failed or a socket closed.
    Disconnected(ConnNo),
    /// A frame arrived, without its length.
    Frame(ConnNo, Bytes),
    /// An operation to perform. `token` comes back with its result.
    Submit {
        /// The submitter's name for it.
        token: u64,
        /// The operation.
        op: Op,
        /// What to do when the connection is lost meanwhile.
        on_loss: OnLoss,
    },
    /// Close the session after what was submitted before.
    Close,
    /// Time has passed.
    Tick,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Open a socket.
    Dial(ConnNo, Host),
    /// Send a frame, its length in front.
    Send(ConnNo, Bytes),
    /// Close a socket; no event is needed for it.
    CloseSocket(ConnNo),
    /// An operation ended.
    Completed {
        /// The token of its submission.
        token: u64,
        /// Whether it was sent more than once.
        resent: bool,
        /// Its end.
        result: Result<Reply, ZkError>,
    },
    /// A watch fired. The path is relative to the chroot.
    Watch {
        /// What happened.
        kind: WatchKind,
        /// To which znode.
        path: String,
    },
    /// The session's state changed.
    State(State),
}

/// The session's state, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The session lives on a connection.
    Connected {
        /// Its id.
        session_id: i64,
        /// Its password, for [`SessionConfig::takeover`] after a crash.
        password: SharedSecret,
        /// The timeout that the server granted.
        session_timeout_ms: u32,
        /// Whether the session is new: no ephemeral and no watch exists yet.
        new: bool,
    },
    /// The connection is lost; the session may live on.
    Suspended,
    /// The session is over; its ephemerals and watches are gone. A new one is being opened.
    Expired,
    /// The server refused an identity; nothing more will happen.
    AuthFailed,
    /// The session was closed on request.
    Closed,
}

/// A password inside a comparable value.
#[derive(Clone, Debug)]
pub struct SharedSecret(pub Secret);

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }
}

impl Eq for SharedSecret {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before `Start`.
    Idle,
    /// Nothing more will happen.
    Ended,
    /// Between two dials.
    Waiting { until: Instant },
    /// A dial or a handshake is under way.
    Connecting { until: Instant },
    /// The session lives on this connection.
    Live,
}

#[derive(Debug)]
struct Submitted {
    origin: Origin,
    op: Op,
    on_loss: OnLoss,
    resent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    User(u64),
    /// A component of the chroot.
    Chroot,
    /// The user's `Close`.
    Close,
    /// The end of an earlier life's session.
    Takeover,
}

/// The machine.
#[derive(Debug)]
pub struct ZkSession {
    chroot: String,
    chroot_made: bool,
    session_timeout_ms: u32,
    in_flight_max: usize,
    auth: Vec<(String, Secret)>,
    takeover: Option<Credentials>,
    session: Option<Credentials>,
    hosts: HostRing,
    prng: Prng,
    phase: Phase,
    conn: ConnNo,
    negotiated_ms: u64,
    last_heard: Instant,
    last_sent: Instant,
    last_zxid: i64,
    next_xid: i32,
    queue: VecDeque<Submitted>,
    in_flight: VecDeque<(i32, Submitted)>,
    watches: Watches,
}

impl ZkSession {
    /// A machine that waits for [`Event::Start`].
    pub fn new(config: SessionConfig, mut prng: Prng) -> Self {
        let chroot_made = config.connect.chroot.is_empty();
        Self {
            chroot: config.connect.chroot,
            chroot_made,
            session_timeout_ms: config.session_timeout_ms,
            in_flight_max: config.in_flight_max.max(1),
            auth: config.auth,
            takeover: config.takeover,
            session: None,
            hosts: HostRing::new(config.connect.hosts, &mut prng),
            prng,
            phase: Phase::Idle,
            conn: ConnNo(0),
            negotiated_ms: u64::from(config.session_timeout_ms),
            last_heard: Instant::ZERO,
            last_sent: Instant::ZERO,
            last_zxid: 0,
            next_xid: 1,
            queue: VecDeque::new(),
            in_flight: VecDeque::new(),
            watches: Watches::default(),
        }
    }

    /// One step.
    pub fn step(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Start => self.dial(now.mono, effects),
            Event::Connected(conn) if conn == self.conn => self.on_connected(now.mono, effects),
            Event::Disconnected(conn) if conn == self.conn => self.on_lost(now.mono, effects),
            Event::Frame(conn, frame) if conn == self.conn => self.on_frame(now.mono, frame, effects),
            Event::Connected(_) | Event::Disconnected(_) | Event::Frame(..) => {}
            Event::Submit { token, op, on_loss } => self.on_submit(now.mono, token, op, on_loss, effects),
            Event::Close => self.on_close(now.mono, effects),
            Event::Tick => self.on_tick(now.mono, effects),
        }
    }

    /// When the machine next wants a [`Event::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle | Phase::Ended => None,
            Phase::Waiting { until } | Phase::Connecting { until } => Some(until),
            Phase::Live => Some(self.ping_at().min(self.dead_at())),
        }
    }

    /// The live session's id.
    pub fn session_id(&self) -> Option<i64> {
        self.session.as_ref().map(|session| session.session_id)
    }

    fn ping_at(&self) -> Instant {
        self.last_sent + Duration::from_millis(self.negotiated_ms / 3)
    }

    fn dead_at(&self) -> Instant {
        self.last_heard + Duration::from_millis(self.negotiated_ms * 2 / 3)
    }

    fn on_submit(&mut self, now: Instant, token: u64, op: Op, on_loss: OnLoss, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Ended {
            effects.push(Effect::Completed { token, resent: false, result: Err(ZkError::Closed) });
            return;
        }
        self.queue.push_back(Submitted { origin: Origin::User(token), op, on_loss, resent: false });
        self.flush(now, effects);
    }

    fn on_close(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Ended {
            return;
        }
        if self.phase != Phase::Live {
            self.end(State::Closed, ZkError::Closed, effects);
            return;
        }
        let close = Submitted { origin: Origin::Close, op: Op::CloseSession, on_loss: OnLoss::Fail, resent: false };
        self.queue.push_back(close);
        self.flush(now, effects);
    }

    fn on_tick(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Waiting { until } if now >= until => self.dial(now, effects),
            Phase::Connecting { until } if now >= until => self.drop_connection(now, effects),
            Phase::Live if now >= self.dead_at() => self.drop_connection(now, effects),
            Phase::Live if now >= self.ping_at() => self.send(now, codec::ping(), effects),
            _ => {}
        }
    }

    fn dial(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.conn = ConnNo(self.conn.0 + 1);
        let patience_ms = u64::from(self.session_timeout_ms) / self.hosts.len() as u64;
        self.phase = Phase::Connecting { until: now + Duration::from_millis(patience_ms.max(100)) };
        effects.push(Effect::Dial(self.conn, self.hosts.advance()));
    }

    fn on_connected(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let credentials = self.takeover.as_ref().or(self.session.as_ref());
        let frame = codec::connect_request(self.last_zxid, self.session_timeout_ms, credentials);
        self.send(now, frame, effects);
    }

    fn drop_connection(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::CloseSocket(self.conn));
        self.on_lost(now, effects);
    }

    /// The connection is gone: what was under way fails or goes back to its place at the head of the queue.
    fn on_lost(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let was_live = self.phase == Phase::Live;
        if matches!(self.phase, Phase::Idle | Phase::Ended) {
            return;
        }
        self.conn = ConnNo(self.conn.0 + 1);
        let mut again = VecDeque::new();
        let mut closing = false;
        for (_, submitted) in core::mem::take(&mut self.in_flight) {
            match (submitted.origin, submitted.on_loss) {
                (Origin::User(token), OnLoss::Fail) => {
                    let result = Err(ZkError::ConnectionLoss);
                    effects.push(Effect::Completed { token, resent: submitted.resent, result });
                }
                (Origin::User(_), OnLoss::Resend) => again.push_back(Submitted { resent: true, ..submitted }),
                (Origin::Close, _) => closing = true,
                // both are made anew by the next connection
                (Origin::Chroot | Origin::Takeover, _) => {}
            }
        }
        again.append(&mut self.queue);
        again.retain(|submitted| submitted.origin != Origin::Chroot);
        self.queue = again;
        if closing {
            self.end(State::Closed, ZkError::Closed, effects);
            return;
        }
        if was_live && self.takeover.is_none() {
            effects.push(Effect::State(State::Suspended));
        }
        match self.hosts.failed(&mut self.prng) {
            0 => self.dial(now, effects),
            wait_ms => self.phase = Phase::Waiting { until: now + Duration::from_millis(wait_ms) },
        }
    }

    fn on_frame(&mut self, now: Instant, frame: Bytes, effects: &mut Vec<Effect>) {
        self.last_heard = now;
        match self.phase {
            Phase::Connecting { .. } => self.on_connect_response(now, frame, effects),
            Phase::Live => self.on_reply(now, frame, effects),
            Phase::Idle | Phase::Ended | Phase::Waiting { .. } => {}
        }
    }

    fn on_connect_response(&mut self, now: Instant, frame: Bytes, effects: &mut Vec<Effect>) {
        let Ok(response) = codec::connect_response(frame) else {
            self.drop_connection(now, effects);
            return;
        };
        self.hosts.succeeded();
        let Some(credentials) = response.credentials else {
            self.on_session_refused(now, effects);
            return;
        };
        self.phase = Phase::Live;
        self.negotiated_ms = u64::from(response.timeout_ms.max(1));
        if self.takeover.is_some() {
            let op = Op::CloseSession;
            let close = Submitted { origin: Origin::Takeover, op, on_loss: OnLoss::Fail, resent: false };
            self.transmit(now, close, effects);
            return;
        }
        let new = self.session.is_none();
        effects.push(Effect::State(State::Connected {
            session_id: credentials.session_id,
            password: SharedSecret(credentials.password.clone()),
            session_timeout_ms: response.timeout_ms,
            new,
        }));
        self.session = Some(credentials);
        for frame in self.auth.iter().map(|(scheme, proof)| codec::auth(scheme, proof)).collect::<Vec<_>>() {
            self.send(now, frame, effects);
        }
        for batch in self.watches.batches() {
            self.send(now, codec::set_watches(self.last_zxid, batch), effects);
        }
        self.queue_chroot();
        self.flush(now, effects);
    }

    /// The server does not know the session (any more).
    fn on_session_refused(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::CloseSocket(self.conn));
        if self.takeover.take().is_none() {
            self.session = None;
            self.watches.clear();
            self.fail_all(ZkError::SessionExpired, effects);
            effects.push(Effect::State(State::Expired));
        }
        self.last_zxid = 0;
        self.dial(now, effects);
    }

    /// The chroot's components go in front of everything else, once per process.
    fn queue_chroot(&mut self) {
        if self.chroot_made {
            return;
        }
        let ends = self.chroot.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(i, _)| i);
        let paths: Vec<String> = ends.chain([self.chroot.len()]).map(|end| self.chroot[..end].to_string()).collect();
        for path in paths.into_iter().rev() {
            let op = Op::create(path, None);
            self.queue.push_front(Submitted { origin: Origin::Chroot, op, on_loss: OnLoss::Resend, resent: false });
        }
    }

    fn flush(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Live || self.takeover.is_some() {
            return;
        }
        while self.in_flight.len() < self.in_flight_max
            && let Some(submitted) = self.queue.pop_front()
        {
            self.transmit(now, submitted, effects);
        }
    }

    fn transmit(&mut self, now: Instant, submitted: Submitted, effects: &mut Vec<Effect>) {
        let xid = self.next_xid;
        self.next_xid = if xid == i32::MAX { 1 } else { xid + 1 };
        let chroot = if submitted.origin == Origin::Chroot { "" } else { self.chroot.as_str() };
        let frame = codec::request(xid, &submitted.op, chroot);
        self.in_flight.push_back((xid, submitted));
        self.send(now, frame, effects);
    }

    fn send(&mut self, now: Instant, frame: Bytes, effects: &mut Vec<Effect>) {
        self.last_sent = now;
        effects.push(Effect::Send(self.conn, frame));
    }

    fn on_reply(&mut self, now: Instant, frame: Bytes, effects: &mut Vec<Effect>) {
        let Ok((header, reply)) = codec::reply(frame) else {
            self.drop_connection(now, effects);
            return;
        };
        if header.zxid > self.last_zxid {
            self.last_zxid = header.zxid;
        }
        match reply {
            ReplyFrame::Ping | ReplyFrame::SetWatches => {}
            ReplyFrame::Auth if header.error == 0 => {}
            ReplyFrame::Auth => self.end(State::AuthFailed, ZkError::AuthFailed, effects),
            ReplyFrame::Watch { kind, path } => {
                self.watches.fired(kind, &path);
                let path = codec::without_chroot(&path, &self.chroot);
                effects.push(Effect::Watch { kind, path });
            }
            ReplyFrame::Operation(body) => match self.in_flight.pop_front() {
                Some((xid, submitted)) if xid == header.xid => {
                    self.on_operation_reply(submitted, header.error, body, effects);
                    self.flush(now, effects);
                }
                // replies come in request order: anything else means that the stream is not what it seems
                Some(front) => {
                    self.in_flight.push_front(front);
                    self.drop_connection(now, effects);
                }
                None => self.drop_connection(now, effects),
            },
        }
        if self.takeover.is_some() && self.phase == Phase::Live && self.in_flight.is_empty() {
            self.on_taken_over(now, effects);
        }
    }

    /// The earlier life's session is closed and its ephemerals are gone.
    fn on_taken_over(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.takeover = None;
        effects.push(Effect::CloseSocket(self.conn));
        self.dial(now, effects);
    }

    fn on_operation_reply(&mut self, submitted: Submitted, error: i32, body: Bytes, effects: &mut Vec<Effect>) {
        let token = match submitted.origin {
            Origin::User(token) => token,
            Origin::Close => {
                effects.push(Effect::CloseSocket(self.conn));
                self.end(State::Closed, ZkError::Closed, effects);
                return;
            }
            Origin::Chroot => {
                let last = !self.queue.iter().any(|waiting| waiting.origin == Origin::Chroot);
                self.chroot_made |= last && !self.in_flight.iter().any(|(_, sent)| sent.origin == Origin::Chroot);
                return;
            }
            Origin::Takeover => return,
        };
        self.note_watch(&submitted.op, error);
        let result = match error {
            0 => codec::reply_body(&submitted.op, body, &self.chroot),
            code => Err(ZkError::Code(code)),
        };
        effects.push(Effect::Completed { token, resent: submitted.resent, result });
    }

    /// A watch is left when the node exists, and by `exists` when it does not.
    fn note_watch(&mut self, op: &Op, error: i32) {
        let absolute = |path: &str| codec::with_chroot(path, &self.chroot);
        match op {
            Op::Exists { path, watch: true } if error == 0 => self.watches.add_data(absolute(path)),
            Op::Exists { path, watch: true } if error == ZkError::NO_NODE => self.watches.add_exist(absolute(path)),
            Op::GetData { path, watch: true } if error == 0 => self.watches.add_data(absolute(path)),
            Op::GetChildren { path, watch: true } if error == 0 => self.watches.add_child(absolute(path)),
            _ => {}
        }
    }

    fn fail_all(&mut self, error: ZkError, effects: &mut Vec<Effect>) {
        let sent = core::mem::take(&mut self.in_flight).into_iter().map(|(_, submitted)| submitted);
        for submitted in sent.chain(core::mem::take(&mut self.queue)) {
            if let Origin::User(token) = submitted.origin {
                let result = Err(error.clone());
                effects.push(Effect::Completed { token, resent: submitted.resent, result });
            }
        }
    }

    /// Nothing more will happen.
    fn end(&mut self, state: State, error: ZkError, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Connecting { .. }) || state == State::AuthFailed {
            effects.push(Effect::CloseSocket(self.conn));
        }
        self.phase = Phase::Ended;
        self.session = None;
        self.fail_all(error, effects);
        effects.push(Effect::State(state));
    }
}
