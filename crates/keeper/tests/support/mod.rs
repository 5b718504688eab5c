//! A keeper with a log that is durable when the test says so, and clients that remember what they were sent.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use base::{Instant, Now, Prng, Reader};
use bytes::{Bytes, BytesMut};
use keeper::{CloseReason, Config, ConnId, Effect, Event, Keeper, Recovery};
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::{
    Acl, ConnectRequest, ConnectResponse, CreateMode, CreateRequest, DeleteRequest, ErrorCode, Id, Jute, OpCode,
    ReplyHeader, RequestHeader, SessionId, SetDataRequest, WatcherEvent, Zxid,
};

pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const WALL_MS: i64 = 1_700_000_000_000;

pub struct Harness {
    pub keeper: Keeper,
    pub now_ms: u64,
    pub log: Vec<(Zxid, Bytes)>,
    pub sent: BTreeMap<ConnId, Vec<Bytes>>,
    pub closed: BTreeMap<ConnId, CloseReason>,
    pub effects: Vec<Effect>,
    synced: usize,
    next_conn: u64,
    next_xid: i32,
}

/// A reply, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub xid: i32,
    pub zxid: i64,
    pub err: ErrorCode,
    pub body: Bytes,
}

impl Reply {
    pub fn parse(frame: &Bytes) -> Self {
        let mut r = Reader::new(frame.clone());
        let ReplyHeader { xid, zxid, err } = Jute::decode(&mut r).expect("a reply has a header");
        Self { xid, zxid: zxid.0, err: ErrorCode(err), body: r.rest() }
    }

    pub fn body<T: Jute>(&self) -> T {
        assert_eq!(self.err, ErrorCode::OK);
        T::from_bytes(self.body.clone()).expect("the body is what was asked for")
    }

    /// Event type, path and zxid of a notification.
    pub fn event(&self) -> (i32, String, i64) {
        assert_eq!(self.xid, -1, "{self:?} is no notification");
        let event: WatcherEvent = self.body();
        (event.event_type, event.path.to_string(), self.zxid)
    }
}

pub fn config() -> Config {
    Config { tick_time_ms: 2000, session_timeout_ms_min: 4000, session_timeout_ms_max: 40_000, ..Config::default() }
}

pub fn now(ms: u64) -> Now {
    Now { mono: Instant::from_millis(ms), wall_ms: WALL_MS + ms as i64 }
}

pub fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
    Acl { perms, id: Id { scheme: scheme.into(), id: id.into() } }
}

pub fn open_acl() -> Option<Vec<Acl>> {
    Some(vec![acl(31, "world", "anyone")])
}

pub fn create_request(path: &str, data: &[u8], mode: CreateMode) -> CreateRequest {
    let data = Some(Bytes::copy_from_slice(data));
    CreateRequest { path: path.into(), data, acl: open_acl(), flags: mode.flags() }
}

impl Harness {
    pub fn new() -> Self {
        Self::with(Recovery::new(config(), Prng::new(7)).finish(now(0)))
    }

    pub fn with(keeper: Keeper) -> Self {
        Self {
            keeper,
            now_ms: 0,
            log: Vec::new(),
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            effects: Vec::new(),
            synced: 0,
            next_conn: 0,
            next_xid: 0,
        }
    }

    pub fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.keeper.step(now(self.now_ms), event, &mut effects);
        for effect in &effects {
            match effect {
                Effect::Append { zxid, payload } => self.log.push((*zxid, payload.clone())),
                Effect::Send { conn, frame } => {
                    assert!(!self.closed.contains_key(conn), "sent to {conn:?} after its close");
                    self.sent.entry(*conn).or_default().push(frame.clone());
                }
                Effect::Close { conn, reason } => {
                    self.closed.insert(*conn, *reason);
                }
                Effect::Established { .. }
                | Effect::RollLog
                | Effect::TakeSnapshot
                | Effect::QuotaExceeded(_)
                | Effect::Audit(_) => {}
                Effect::Ensemble(_)
                | Effect::Standing(_)
                | Effect::Leads(_)
                | Effect::Configured(_)
                | Effect::NextConfig(_) => unreachable!("it stands alone"),
                Effect::HandedOver { .. } => {}
            }
        }
        self.effects.extend(effects);
    }

    /// Everything appended so far is durable.
    pub fn sync(&mut self) {
        if self.synced < self.log.len() {
            self.synced = self.log.len();
            let zxid = self.log[self.synced - 1].0;
            self.step(Event::Synced { zxid });
        }
    }

    /// Time passes; due ticks happen, and what they append is durable at once.
    pub fn advance_to(&mut self, ms: u64) {
        while let Some(due) = self.keeper.deadline().filter(|due| due.as_millis() <= ms) {
            self.now_ms = self.now_ms.max(due.as_millis());
            self.step(Event::Tick);
            self.sync();
        }
        self.now_ms = ms;
    }

    pub fn connect_with(&mut self, request: ConnectRequest) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.step(Event::Connect { conn, peer: PEER, request });
        conn
    }

    pub fn connect_response(&mut self, conn: ConnId) -> ConnectResponse {
        let frame = self.sent.get_mut(&conn).map(|sent| sent.remove(0)).expect("an answer to connect");
        ConnectResponse::from_bytes(frame).expect("a connect response")
    }

    /// A new session with the longest timeout.
    pub fn connect(&mut self) -> (ConnId, SessionId) {
        let conn = self.connect_with(ConnectRequest { timeout_ms: 40_000, ..ConnectRequest::default() });
        self.sync();
        let response = self.connect_response(conn);
        (conn, response.session)
    }

    pub fn resume(&mut self, session: SessionId, timeout_ms: i32) -> ConnId {
        let passwd = Bytes::copy_from_slice(&session.password()).into();
        self.connect_with(ConnectRequest { session, passwd, timeout_ms, ..ConnectRequest::default() })
    }

    /// Sends a request and does not wait.
    pub fn send(&mut self, conn: ConnId, opcode: OpCode, body: &impl Jute) -> i32 {
        self.send_bytes(conn, opcode, body.to_bytes())
    }

    pub fn send_bytes(&mut self, conn: ConnId, opcode: OpCode, body: Bytes) -> i32 {
        self.next_xid += 1;
        let header = RequestHeader { xid: self.next_xid, opcode: opcode.0 };
        self.step(Event::Request { conn, header, body });
        self.next_xid
    }

    /// What was sent to a connection since the last look.
    pub fn take(&mut self, conn: ConnId) -> Vec<Reply> {
        self.sent.remove(&conn).unwrap_or_default().iter().map(Reply::parse).collect()
    }

    /// Sends a request, makes it durable, and gives its reply, which must be the only thing sent.
    pub fn call(&mut self, conn: ConnId, opcode: OpCode, body: &impl Jute) -> Reply {
        self.call_raw(conn, opcode, body.to_bytes())
    }

    /// As [`Harness::call`], with a body of any bytes.
    pub fn call_raw(&mut self, conn: ConnId, opcode: OpCode, body: Bytes) -> Reply {
        self.take(conn);
        let xid = self.send_bytes(conn, opcode, body);
        self.sync();
        let mut replies = self.take(conn);
        assert_eq!(replies.len(), 1, "{replies:?}");
        let reply = replies.remove(0);
        assert_eq!(reply.xid, xid);
        reply
    }

    pub fn create(&mut self, conn: ConnId, path: &str, mode: CreateMode) -> Reply {
        self.call(conn, OpCode::CREATE, &create_request(path, b"", mode))
    }

    pub fn delete(&mut self, conn: ConnId, path: &str) -> Reply {
        self.call(conn, OpCode::DELETE, &DeleteRequest { path: path.into(), version: -1 })
    }

    pub fn set(&mut self, conn: ConnId, path: &str, data: &[u8], version: i32) -> Reply {
        let data = Some(Bytes::copy_from_slice(data));
        self.call(conn, OpCode::SET_DATA, &SetDataRequest { path: path.into(), data, version })
    }

    /// The bytes of a snapshot taken at once.
    pub fn snapshot(&self) -> (Zxid, Bytes) {
        let mut out = BytesMut::new();
        let mut cursor = self.keeper.snapshot_begin(&mut out);
        while self.keeper.snapshot_chunk(&mut cursor, 100, &mut out) {}
        (cursor.zxid(), out.freeze())
    }
}

/// The records of a snapshot.
pub fn records(bytes: &Bytes) -> Vec<SnapshotRecord> {
    let mut decoder = SnapshotDecoder::new(1 << 22);
    decoder.feed(bytes.clone());
    let mut records = Vec::new();
    while records.last() != Some(&SnapshotRecord::End) {
        records.push(decoder.next().expect("well formed").expect("complete"));
    }
    records
}

/// A snapshot and a log, put together.
pub fn recover(zxid: Zxid, snapshot: &Bytes, log: &[(Zxid, Bytes)]) -> Recovery {
    let mut recovery = Recovery::new(config(), Prng::new(9));
    recovery.begin_snapshot(zxid);
    for record in records(snapshot) {
        recovery.record(record).expect("records fit");
    }
    recovery.end_snapshot(None).expect("a whole snapshot");
    for (_, payload) in log {
        recovery.replay(payload.clone()).expect("the log replays");
    }
    recovery
}

/// What a keeper's nodes and sessions are, with each node's list instead of its number.
pub fn content(keeper: &Keeper) -> Vec<String> {
    let mut out = BytesMut::new();
    let mut cursor = keeper.snapshot_begin(&mut out);
    while keeper.snapshot_chunk(&mut cursor, 1 << 20, &mut out) {}
    let mut acls: BTreeMap<i64, Option<Vec<Acl>>> = BTreeMap::from([(-1, open_acl())]);
    let mut lines = Vec::new();
    for record in records(&out.freeze()) {
        match record {
            SnapshotRecord::Acl(entry) => {
                acls.insert(entry.id, entry.acl);
            }
            SnapshotRecord::Node(path, node) => {
                let list = acls.get(&node.acl);
                lines.push(format!("{path} {:?} {list:?} {:?}", node.data, node.stat));
            }
            SnapshotRecord::Session(session) => lines.push(format!("{session:?}")),
            SnapshotRecord::End => {}
        }
    }
    lines
}
