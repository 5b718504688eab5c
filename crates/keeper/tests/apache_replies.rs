//! What Apache ZooKeeper 3.9.5 answered to kazoo and to Apache Kafka (`fixtures/zookeeper/*.cap`), asked
//! of ours again: the same frames in the same order on every connection, events included, but for clocks, session ids
//! and what upstream keeps in hash tables (children, a session's nodes).
#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Reader;
use bytes::Bytes;
use keeper::op::route;
use keeper::{ConnId, Event};
use support::{Harness, PEER};
use zk_wire::multi::{MultiResponse, MultiResult};
use zk_wire::*;

struct Record {
    conn: u32,
    from_client: bool,
    payload: Bytes,
}

fn capture(name: &str) -> Vec<Record> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper").join(name);
    let bytes = Bytes::from(std::fs::read(&path).unwrap_or_else(|e| panic!("reading {}: {e}", path.display())));
    let line_end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    let mut r = Reader::new(bytes.slice(line_end + 1..));
    let mut records = Vec::new();
    while !r.is_empty() {
        let (conn, direction) = (r.u32().expect("a connection"), r.u8().expect("a direction"));
        let len = r.u32().expect("a length") as usize;
        records.push(Record { conn, from_client: direction == b'>', payload: r.slice(len).expect("the payload") });
    }
    records
}

/// Both servers' sessions by the order in which they began.
#[derive(Default)]
struct Sessions {
    theirs: Vec<SessionId>,
    ours: Vec<SessionId>,
}

impl Sessions {
    fn ours_for(&self, theirs: SessionId) -> SessionId {
        let index = self.theirs.iter().position(|session| *session == theirs);
        index.map_or(theirs, |index| self.ours[index])
    }
}

/// A reply in a form that does not depend on clocks, session ids and the order of children.
fn shown(opcode: OpCode, body: Bytes, sessions: &[SessionId]) -> String {
    let stat = |mut stat: Stat| {
        let owner = sessions.iter().position(|session| *session == stat.ephemeral_owner);
        stat.ephemeral_owner = SessionId(owner.map_or(stat.ephemeral_owner.0, |index| index as i64 + 1));
        (stat.ctime, stat.mtime) = (0, 0);
        stat
    };
    let names = |mut names: Option<Vec<base::Str>>| {
        names.iter_mut().for_each(|names| names.sort());
        names
    };
    let result = |result: MultiResult| match result {
        MultiResult::Create2 { path, stat: s } => MultiResult::Create2 { path, stat: stat(s) },
        MultiResult::SetData(s) => MultiResult::SetData(stat(s)),
        MultiResult::GetData { data, stat: s } => MultiResult::GetData { data, stat: stat(s) },
        MultiResult::GetChildren(children) => MultiResult::GetChildren(names(children)),
        other => other,
    };
    fn parse<T: Jute>(body: Bytes) -> T {
        T::from_bytes(body).expect("the answer to this request")
    }
    match opcode {
        OpCode::CREATE2 => {
            let r: Create2Response = parse(body);
            format!("{:?} {:?}", r.path, stat(r.stat))
        }
        OpCode::EXISTS | OpCode::SET_DATA | OpCode::SET_ACL => format!("{:?}", stat(parse(body))),
        OpCode::GET_DATA => {
            let r: GetDataResponse = parse(body);
            format!("{:?} {:?}", r.data, stat(r.stat))
        }
        OpCode::GET_ACL => {
            let r: GetAclResponse = parse(body);
            format!("{:?} {:?}", r.acl, stat(r.stat))
        }
        OpCode::GET_CHILDREN => format!("{:?}", names(parse::<GetChildrenResponse>(body).children)),
        OpCode::GET_CHILDREN2 => {
            let r: GetChildren2Response = parse(body);
            format!("{:?} {:?}", names(r.children), stat(r.stat))
        }
        OpCode::GET_EPHEMERALS => format!("{:?}", names(parse::<GetEphemeralsResponse>(body).ephemerals)),
        OpCode::MULTI | OpCode::MULTI_READ => {
            let results = parse::<MultiResponse>(body).results.into_iter().map(result);
            format!("{:?}", results.collect::<Vec<_>>())
        }
        OpCode::WHO_AM_I => {
            let mut infos = parse::<WhoAmIResponse>(body).client_info.expect("not null");
            infos.sort_by(|a, b| a.auth_scheme.cmp(&b.auth_scheme));
            format!("{infos:?}")
        }
        _ => format!("{body:?}"),
    }
}

struct Replay {
    h: Harness,
    sessions: Sessions,
    /// Requests without answer: operations by connection and xid.
    asked: BTreeMap<(u32, i32), Vec<OpCode>>,
    connected: BTreeMap<u32, bool>,
    /// Events by connection and zxid, theirs and ours: when one transaction deletes several nodes (the end of a session),
    /// upstream takes them in the order of its hash table.
    events: BTreeMap<(u32, i64), [Vec<Bytes>; 2]>,
    /// Our nodes would differ from here on: an operation that is not served was asked for.
    parted: bool,
    compared: usize,
}

impl Replay {
    fn request(&mut self, conn: u32, payload: Bytes) {
        let id = ConnId(u64::from(conn) + 1);
        if let std::collections::btree_map::Entry::Vacant(entry) = self.connected.entry(conn) {
            entry.insert(false);
            let mut request = ConnectRequest::from_bytes(payload).expect("a connect request");
            if request.session != SessionId::NONE {
                let ours = self.sessions.ours_for(request.session);
                if request.passwd.0.as_deref() == Some(&request.session.password()[..]) {
                    request.passwd = Bytes::copy_from_slice(&ours.password()).into();
                }
                request.session = ours;
            }
            self.h.step(Event::Connect { conn: id, peer: PEER, request });
        } else {
            let mut r = Reader::new(payload);
            let header = RequestHeader::decode(&mut r).expect("a header");
            let opcode = OpCode(header.opcode);
            if route(opcode).is_none() {
                self.parted = true;
                return;
            }
            self.asked.entry((conn, header.xid)).or_default().push(opcode);
            self.h.step(Event::Request { conn: id, header, body: r.rest() });
        }
        self.h.sync();
    }

    fn reply(&mut self, conn: u32, theirs: Bytes) {
        let id = ConnId(u64::from(conn) + 1);
        let ours = self.h.sent.get_mut(&id).filter(|sent| !sent.is_empty()).map(|sent| sent.remove(0));
        let ours = ours.unwrap_or_else(|| panic!("connection {conn}: ours says nothing more, theirs {theirs:?}"));
        if self.connected.insert(conn, true) == Some(false) {
            let (theirs, ours) =
                (ConnectResponse::from_bytes(theirs).unwrap(), ConnectResponse::from_bytes(ours).unwrap());
            assert_eq!((theirs.timeout_ms, theirs.read_only), (ours.timeout_ms, ours.read_only), "connection {conn}");
            if !self.sessions.theirs.contains(&theirs.session) {
                self.sessions.theirs.push(theirs.session);
                self.sessions.ours.push(ours.session);
            }
            return;
        }
        let (theirs, ours) = (support::Reply::parse(&theirs), support::Reply::parse(&ours));
        let opcode = match theirs.xid {
            -1 => OpCode::NOTIFICATION,
            xid => self.asked.get_mut(&(conn, xid)).expect("a request with this xid").remove(0),
        };
        let context = format!("connection {conn}, {opcode:?}: theirs {theirs:?}");
        assert_eq!((ours.xid, ours.zxid, ours.err), (theirs.xid, theirs.zxid, theirs.err), "{context}");
        if opcode == OpCode::NOTIFICATION {
            let events = self.events.entry((conn, theirs.zxid)).or_default();
            events[0].push(theirs.body);
            events[1].push(ours.body);
        } else if theirs.err == ErrorCode::OK {
            let theirs = shown(opcode, theirs.body, &self.sessions.theirs);
            assert_eq!(shown(opcode, ours.body, &self.sessions.ours), theirs, "{context}");
        }
        self.compared += 1;
    }
}

/// Replays a capture of a server that began with an empty folder, and counts the frames compared.
fn replay(name: &str, h: Harness) -> usize {
    let mut replay = Replay {
        h,
        sessions: Sessions::default(),
        asked: BTreeMap::new(),
        connected: BTreeMap::new(),
        events: BTreeMap::new(),
        parted: false,
        compared: 0,
    };
    for Record { conn, from_client, payload } in capture(name) {
        match from_client {
            true => replay.request(conn, payload),
            false => replay.reply(conn, payload),
        }
        if replay.parted {
            break;
        }
    }
    for (place, [mut theirs, mut ours]) in replay.events {
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "connection and zxid {place:?}");
    }
    replay.compared
}

#[test]
fn kazoo() {
    let compared = replay("kazoo.cap", Harness::new());
    assert!(compared > 40, "{compared}");
}

#[test]
fn kafka_broker() {
    let compared = replay("kafka-broker.cap", Harness::new());
    assert!(compared > 100, "{compared}");
}
