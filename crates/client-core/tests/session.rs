//! The session machine, event by event: what goes in, and literally what comes out.

use base::secret::Secret;
use base::{Instant, Now, Prng, Str};
use bytes::Bytes;
use client_core::zk::{
    ConnNo, ConnectString, Credentials, Effect, Event, Host, OnLoss, Op, Reply, SessionConfig, SharedSecret, State,
    WatchKind, ZkError, ZkSession,
};
use zk_wire::{
    ConnectRequest, ConnectResponse, CreateRequest, CreateResponse, ErrorResponse, GetDataRequest, GetDataResponse,
    Jute, MultiHeader, ReplyHeader, RequestHeader, SecretBuffer, SessionId, SetDataResponse, SetWatches, Stat,
    WatcherEvent, Zxid,
};

const PASSWORD: &[u8; 16] = b"0123456789abcdef";

struct Client {
    session: ZkSession,
    now: Now,
}

impl Client {
    fn new(connect: &str, takeover: Option<Credentials>, in_flight_max: usize) -> Self {
        let config = SessionConfig {
            connect: ConnectString::parse(connect).expect("valid"),
            session_timeout_ms: 9000,
            in_flight_max,
            auth: Vec::new(),
            takeover,
        };
        let now = Now { mono: Instant::from_millis(1000), wall_ms: 0 };
        Self { session: ZkSession::new(config, Prng::new(1)), now }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.session.step(self.now, event, &mut effects);
        effects
    }

    /// Goes to the next deadline and ticks; milliseconds that this took.
    fn tick(&mut self) -> (u64, Vec<Effect>) {
        let deadline = self.session.deadline().expect("the machine wants a tick");
        let waited = deadline.since(self.now.mono).as_millis() as u64;
        self.now.mono = deadline.max(self.now.mono);
        (waited, self.step(Event::Tick))
    }

    /// From nothing to a live session on the given connection.
    fn live(&mut self, conn: u64) {
        assert_eq!(self.step(Event::Start), [dial(conn)]);
        self.greet(conn, 7);
    }

    fn greet(&mut self, conn: u64, session: i64) -> Vec<Effect> {
        let effects = self.step(Event::Connected(ConnNo(conn)));
        assert!(matches!(&effects[..], [Effect::Send(..)]), "{effects:?}");
        self.step(Event::Frame(ConnNo(conn), connected(session, 9000)))
    }
}

fn dial(conn: u64) -> Effect {
    Effect::Dial(ConnNo(conn), Host { host: "zk".to_string(), port: 2181 })
}

fn connected(session: i64, timeout_ms: i32) -> Bytes {
    let passwd = SecretBuffer(Some(Bytes::from_static(PASSWORD)));
    ConnectResponse { protocol_version: 0, timeout_ms, session: SessionId(session), passwd, read_only: Some(false) }
        .to_bytes()
}

fn refused() -> Bytes {
    connected(0, 0)
}

fn state(session_id: i64, new: bool) -> Effect {
    let password = SharedSecret(Secret::new(*PASSWORD));
    Effect::State(State::Connected { session_id, password, session_timeout_ms: 9000, new })
}

fn reply(xid: i32, zxid: i64, err: i32, body: &[u8]) -> Bytes {
    let mut frame = ReplyHeader { xid, zxid: Zxid(zxid), err }.to_bytes().to_vec();
    frame.extend_from_slice(body);
    frame.into()
}

fn request(xid: i32, opcode: i32, body: &impl Jute) -> Bytes {
    zk_wire::frame::join(&RequestHeader { xid, opcode }, body)
}

fn submit(token: u64, op: Op, on_loss: OnLoss) -> Event {
    Event::Submit { token, op, on_loss }
}

fn get(path: &str, watch: bool) -> Op {
    Op::GetData { path: path.to_string(), watch }
}

fn get_frame(xid: i32, path: &str, watch: bool) -> Bytes {
    request(xid, 4, &GetDataRequest { path: Str::from(path), watch })
}

fn done(token: u64, resent: bool, result: Result<Reply, ZkError>) -> Effect {
    Effect::Completed { token, resent, result }
}

fn data(bytes: &'static [u8]) -> (Bytes, Reply) {
    let data = Some(Bytes::from_static(bytes));
    let body = GetDataResponse { data: data.clone(), stat: Stat::default() }.to_bytes();
    (body, Reply::Data { data, stat: Stat::default() })
}

#[test]
fn a_session_is_opened_and_told() {
    let mut client = Client::new("zk", None, 10);
    assert_eq!(client.step(Event::Start), [dial(1)]);
    let hello = ConnectRequest {
        timeout_ms: 9000,
        passwd: SecretBuffer(Some(Bytes::from_static(&[0; 16]))),
        read_only: Some(false),
        ..ConnectRequest::default()
    };
    assert_eq!(client.step(Event::Connected(ConnNo(1))), [Effect::Send(ConnNo(1), hello.to_bytes())]);
    assert_eq!(client.step(Event::Frame(ConnNo(1), connected(7, 9000))), [state(7, true)]);
    assert_eq!(client.session.session_id(), Some(7));
}

#[test]
fn operations_wait_for_the_session_and_for_their_turn() {
    let mut client = Client::new("zk", None, 2);
    for (token, path) in [(1, "/a"), (2, "/b"), (3, "/c")] {
        assert_eq!(client.step(submit(token, get(path, false), OnLoss::Fail)), []);
    }
    client.step(Event::Start);
    let effects = client.greet(1, 7);
    let sent = |xid, path| Effect::Send(ConnNo(1), get_frame(xid, path, false));
    assert_eq!(effects, [state(7, true), sent(1, "/a"), sent(2, "/b")], "two may be on the way");
    let (body, value) = data(b"x");
    let effects = client.step(Event::Frame(ConnNo(1), reply(1, 5, 0, &body)));
    assert_eq!(effects, [done(1, false, Ok(value)), sent(3, "/c")]);
    let effects = client.step(Event::Frame(ConnNo(1), reply(2, 5, ZkError::NO_NODE, b"")));
    assert_eq!(effects, [done(2, false, Err(ZkError::Code(ZkError::NO_NODE)))]);
}

#[test]
fn a_lost_connection_fails_or_resends_what_was_under_way() {
    let mut client = Client::new("zk", None, 2);
    client.live(1);
    client.step(submit(1, Op::create("/a", None), OnLoss::Resend));
    client.step(submit(2, get("/b", false), OnLoss::Fail));
    client.step(submit(3, get("/c", false), OnLoss::Fail));
    let effects = client.step(Event::Disconnected(ConnNo(1)));
    assert_eq!(effects, [done(2, false, Err(ZkError::ConnectionLoss)), Effect::State(State::Suspended)]);
    let (waited, effects) = client.tick();
    assert!((1..=20).contains(&waited), "{waited}");
    assert_eq!(effects, [dial(3)]);

    // the session is resumed with its password and what it has seen
    let effects = client.step(Event::Connected(ConnNo(3)));
    let [Effect::Send(_, hello)] = &effects[..] else { panic!("{effects:?}") };
    let hello = ConnectRequest::from_bytes(hello.clone()).expect("a connect request");
    assert_eq!((hello.session, hello.passwd.0.as_deref()), (SessionId(7), Some(&PASSWORD[..])));
    let effects = client.step(Event::Frame(ConnNo(3), connected(7, 9000)));
    let acl = Some(client_core::zk::open_acl());
    let create = request(3, 1, &CreateRequest { path: Str::from("/a"), data: None, acl, flags: 0 });
    let sent = |frame| Effect::Send(ConnNo(3), frame);
    assert_eq!(effects, [state(7, false), sent(create), sent(get_frame(4, "/c", false))], "in the old order");
    let effects = client.step(Event::Frame(ConnNo(3), reply(3, 5, ZkError::NODE_EXISTS, b"")));
    assert_eq!(effects, [done(1, true, Err(ZkError::Code(ZkError::NODE_EXISTS)))], "it may be our own doing");
}

#[test]
fn news_of_an_old_connection_is_ignored() {
    let mut client = Client::new("zk", None, 2);
    client.live(1);
    client.step(submit(1, get("/a", false), OnLoss::Resend));
    client.step(Event::Disconnected(ConnNo(1)));
    let (body, _) = data(b"x");
    assert_eq!(client.step(Event::Frame(ConnNo(1), reply(1, 5, 0, &body))), []);
    assert_eq!(client.step(Event::Disconnected(ConnNo(1))), []);
    assert_eq!(client.step(Event::Connected(ConnNo(1))), []);
}

#[test]
fn an_expired_session_fails_everything_and_is_replaced() {
    let mut client = Client::new("zk", None, 1);
    client.live(1);
    client.step(submit(1, get("/a", true), OnLoss::Resend));
    client.step(submit(2, get("/b", false), OnLoss::Resend));
    let (body, value) = data(b"x");
    client.step(Event::Frame(ConnNo(1), reply(1, 5, 0, &body)));
    client.step(Event::Disconnected(ConnNo(1)));
    client.tick();
    client.step(Event::Connected(ConnNo(3)));
    let effects = client.step(Event::Frame(ConnNo(3), refused()));
    assert_eq!(
        effects,
        [
            Effect::CloseSocket(ConnNo(3)),
            done(2, true, Err(ZkError::SessionExpired)),
            Effect::State(State::Expired),
            dial(4),
        ]
    );
    // a new session has no watches to set again
    assert_eq!(client.greet(4, 8), [state(8, true)]);
    client.step(submit(3, get("/a", false), OnLoss::Fail));
    let effects = client.step(Event::Frame(ConnNo(4), reply(3, 5, 0, &body)));
    assert_eq!(effects, [done(3, false, Ok(value))]);
}

#[test]
fn watches_are_one_shot_and_set_again_on_a_new_connection() {
    let mut client = Client::new("zk", None, 10);
    client.live(1);
    let (body, _) = data(b"x");
    client.step(submit(1, get("/a", true), OnLoss::Fail));
    client.step(submit(2, Op::Exists { path: "/none".to_string(), watch: true }, OnLoss::Fail));
    client.step(submit(3, get("/gone", true), OnLoss::Fail));
    client.step(submit(4, get("/b", true), OnLoss::Fail));
    client.step(Event::Frame(ConnNo(1), reply(1, 5, 0, &body)));
    client.step(Event::Frame(ConnNo(1), reply(2, 5, ZkError::NO_NODE, b"")));
    client.step(Event::Frame(ConnNo(1), reply(3, 5, ZkError::NO_NODE, b"")));
    client.step(Event::Frame(ConnNo(1), reply(4, 5, 0, &body)));
    let fired = WatcherEvent { event_type: 3, state: 3, path: Str::from("/a") };
    let effects = client.step(Event::Frame(ConnNo(1), reply(-1, 9, 0, &fired.to_bytes())));
    assert_eq!(effects, [Effect::Watch { kind: WatchKind::DataChanged, path: "/a".to_string() }]);

    client.step(Event::Disconnected(ConnNo(1)));
    client.tick();
    let effects = client.greet(3, 7);
    let again = SetWatches {
        relative_zxid: Zxid(9),
        data_watches: Some(vec![Str::from("/b")]),
        exist_watches: Some(vec![Str::from("/none")]),
        child_watches: Some(Vec::new()),
    };
    assert_eq!(effects, [state(7, false), Effect::Send(ConnNo(3), request(-8, 101, &again))]);
}

#[test]
fn a_silent_server_is_pinged_and_then_left() {
    let mut client = Client::new("zk", None, 10);
    client.live(1);
    let (waited, effects) = client.tick();
    assert_eq!(waited, 3000);
    let ping = RequestHeader { xid: -2, opcode: 11 }.to_bytes();
    assert_eq!(effects, [Effect::Send(ConnNo(1), ping.clone())]);
    client.step(Event::Frame(ConnNo(1), reply(-2, 5, 0, b"")));
    assert_eq!(client.tick(), (3000, vec![Effect::Send(ConnNo(1), ping)]));
    // two thirds of the timeout without a word
    let (waited, effects) = client.tick();
    assert_eq!(waited, 3000);
    assert_eq!(effects, [Effect::CloseSocket(ConnNo(1)), Effect::State(State::Suspended)]);
}

#[test]
fn a_dial_without_an_answer_is_given_up() {
    let mut client = Client::new("zk:1,zk:2", None, 10);
    let effects = client.step(Event::Start);
    assert!(matches!(&effects[..], [Effect::Dial(ConnNo(1), _)]), "{effects:?}");
    let (waited, effects) = client.tick();
    assert_eq!(waited, 4500, "the session timeout shared among the servers");
    assert!(matches!(&effects[..], [Effect::CloseSocket(_), Effect::Dial(ConnNo(3), _)]), "{effects:?}");
}

#[test]
fn a_reply_out_of_turn_ends_the_connection() {
    let mut client = Client::new("zk", None, 10);
    client.live(1);
    client.step(submit(1, get("/a", false), OnLoss::Resend));
    for frame in [reply(9, 5, 0, b""), Bytes::from_static(b"\0\0")] {
        let conn = ConnNo(if frame.len() > 2 { 1 } else { 3 });
        let effects = client.step(Event::Frame(conn, frame));
        assert_eq!(effects, [Effect::CloseSocket(conn), Effect::State(State::Suspended)]);
        client.tick();
        client.greet(conn.0 + 2, 7);
    }
}

#[test]
fn the_session_of_an_earlier_life_is_closed_first() {
    let takeover = Credentials { session_id: 5, password: Secret::new(*b"fedcba9876543210") };
    let mut client = Client::new("zk", Some(takeover), 10);
    client.step(submit(1, get("/a", false), OnLoss::Fail));
    client.step(Event::Start);
    let effects = client.greet(1, 5);
    let close = RequestHeader { xid: 1, opcode: -11 }.to_bytes();
    assert_eq!(effects, [Effect::Send(ConnNo(1), close)], "nothing of this life is sent in the old session");
    let effects = client.step(Event::Frame(ConnNo(1), reply(1, 9, 0, b"")));
    assert_eq!(effects, [Effect::CloseSocket(ConnNo(1)), dial(2)]);
    let effects = client.greet(2, 6);
    assert_eq!(effects, [state(6, true), Effect::Send(ConnNo(2), get_frame(2, "/a", false))]);
}

#[test]
fn an_earlier_life_that_is_over_costs_one_round_trip() {
    let takeover = Credentials { session_id: 5, password: Secret::new(*PASSWORD) };
    let mut client = Client::new("zk", Some(takeover), 10);
    client.step(Event::Start);
    client.step(Event::Connected(ConnNo(1)));
    let effects = client.step(Event::Frame(ConnNo(1), refused()));
    assert_eq!(effects, [Effect::CloseSocket(ConnNo(1)), dial(2)], "and nobody is told of an expiry");
    assert_eq!(client.greet(2, 6), [state(6, true)]);
}

#[test]
fn a_takeover_that_loses_its_connection_is_tried_again() {
    let takeover = Credentials { session_id: 5, password: Secret::new(*PASSWORD) };
    let mut client = Client::new("zk", Some(takeover), 10);
    client.step(Event::Start);
    client.greet(1, 5);
    assert_eq!(client.step(Event::Disconnected(ConnNo(1))), [], "the user has seen no session yet");
    client.tick();
    let effects = client.greet(3, 5);
    assert!(matches!(&effects[..], [Effect::Send(..)]), "{effects:?}");
}

#[test]
fn the_chroot_is_made_once_and_hidden() {
    let mut client = Client::new("zk/a/b", None, 10);
    client.step(submit(1, get("/", true), OnLoss::Fail));
    client.step(Event::Start);
    let effects = client.greet(1, 7);
    let create = |xid, path: &str| {
        let acl = Some(client_core::zk::open_acl());
        Effect::Send(ConnNo(1), request(xid, 1, &CreateRequest { path: Str::from(path), data: None, acl, flags: 0 }))
    };
    let read = Effect::Send(ConnNo(1), get_frame(3, "/a/b", true));
    assert_eq!(effects, [state(7, true), create(1, "/a"), create(2, "/a/b"), read]);
    let made = CreateResponse { path: Str::from("/a") }.to_bytes();
    client.step(Event::Frame(ConnNo(1), reply(1, 1, 0, &made)));
    client.step(Event::Frame(ConnNo(1), reply(2, 2, ZkError::NODE_EXISTS, b"")));
    let (body, value) = data(b"x");
    assert_eq!(client.step(Event::Frame(ConnNo(1), reply(3, 3, 0, &body))), [done(1, false, Ok(value))]);
    let fired = WatcherEvent { event_type: 3, state: 3, path: Str::from("/a/b") };
    let effects = client.step(Event::Frame(ConnNo(1), reply(-1, 9, 0, &fired.to_bytes())));
    assert_eq!(effects, [Effect::Watch { kind: WatchKind::DataChanged, path: "/".to_string() }]);
    client.step(Event::Disconnected(ConnNo(1)));
    client.tick();
    assert_eq!(client.greet(3, 7), [state(7, false)], "not made again");
}

#[test]
fn a_multi_says_which_part_failed() {
    let mut client = Client::new("zk", None, 10);
    client.live(1);
    let parts = || {
        vec![
            Op::Check { path: "/e".to_string(), version: 3 },
            Op::SetData { path: "/a".to_string(), data: None, version: 0 },
        ]
    };
    client.step(submit(1, Op::Multi(parts()), OnLoss::Fail));
    let mut body = Vec::new();
    for err in [0, ZkError::BAD_VERSION] {
        body.extend_from_slice(&MultiHeader { opcode: -1, done: false, err }.to_bytes());
        body.extend_from_slice(&ErrorResponse { err }.to_bytes());
    }
    body.extend_from_slice(&MultiHeader { opcode: -1, done: true, err: -1 }.to_bytes());
    let effects = client.step(Event::Frame(ConnNo(1), reply(1, 5, 0, &body)));
    let error = ZkError::Multi { index: 1, code: ZkError::BAD_VERSION };
    assert_eq!(effects, [done(1, false, Err(error))]);

    client.step(submit(2, Op::Multi(parts()), OnLoss::Fail));
    let mut body = Vec::new();
    body.extend_from_slice(&MultiHeader { opcode: 13, done: false, err: 0 }.to_bytes());
    body.extend_from_slice(&MultiHeader { opcode: 5, done: false, err: 0 }.to_bytes());
    body.extend_from_slice(&SetDataResponse { stat: Stat::default() }.to_bytes());
    body.extend_from_slice(&MultiHeader { opcode: -1, done: true, err: -1 }.to_bytes());
    let effects = client.step(Event::Frame(ConnNo(1), reply(2, 6, 0, &body)));
    assert_eq!(effects, [done(2, false, Ok(Reply::Multi(vec![Reply::Done, Reply::Stat(Stat::default())])))]);
}

#[test]
fn closing_comes_after_what_was_submitted_before() {
    let mut client = Client::new("zk", None, 1);
    client.live(1);
    client.step(submit(1, Op::Exists { path: "/a".to_string(), watch: false }, OnLoss::Fail));
    assert_eq!(client.step(Event::Close), []);
    let effects = client.step(Event::Frame(ConnNo(1), reply(1, 5, ZkError::NO_NODE, b"")));
    let close = Effect::Send(ConnNo(1), RequestHeader { xid: 2, opcode: -11 }.to_bytes());
    assert_eq!(effects, [done(1, false, Err(ZkError::Code(ZkError::NO_NODE))), close]);
    let effects = client.step(Event::Frame(ConnNo(1), reply(2, 6, 0, b"")));
    assert_eq!(effects, [Effect::CloseSocket(ConnNo(1)), Effect::State(State::Closed)]);
    let effects = client.step(submit(2, get("/a", false), OnLoss::Fail));
    assert_eq!(effects, [done(2, false, Err(ZkError::Closed))]);
    assert_eq!(client.session.deadline(), None);
}

#[test]
fn a_refused_identity_ends_it() {
    let config = SessionConfig {
        connect: ConnectString::parse("zk").expect("valid"),
        session_timeout_ms: 9000,
        in_flight_max: 10,
        auth: vec![("digest".to_string(), Secret::new(*b"u:p"))],
        takeover: None,
    };
    let now = Now { mono: Instant::from_millis(1000), wall_ms: 0 };
    let mut client = Client { session: ZkSession::new(config, Prng::new(1)), now };
    client.step(Event::Start);
    let effects = client.greet(1, 7);
    assert!(matches!(&effects[..], [Effect::State(_), Effect::Send(..)]), "{effects:?}");
    client.step(submit(1, get("/a", false), OnLoss::Resend));
    let effects = client.step(Event::Frame(ConnNo(1), reply(-4, 0, -115, b"")));
    assert_eq!(
        effects,
        [Effect::CloseSocket(ConnNo(1)), done(1, false, Err(ZkError::AuthFailed)), Effect::State(State::AuthFailed),]
    );
}
