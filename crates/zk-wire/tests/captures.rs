//! Frames of Apache servers and of their clients (`fixtures/zookeeper`): everything decodes, and encodes back to the same
//! bytes.
#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Reader;
use bytes::{Bytes, BytesMut};
use zk_wire::election::Notification;
use zk_wire::multi::{MultiRequest, MultiResponse};
use zk_wire::quorum::PacketType;
use zk_wire::txn::Transaction;
use zk_wire::*;

struct Record {
    conn: u32,
    from_client: bool,
    payload: Bytes,
}

fn fixture(name: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display())).into()
}

/// The framing and records of a capture (format in `fixtures/README.md`).
fn capture(name: &str) -> (String, Vec<Record>) {
    let bytes = fixture(name);
    let line_end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    let line = String::from_utf8(bytes[..line_end].to_vec()).expect("text");
    let framing = line.split(' ').nth(2).expect("a framing").to_string();
    let mut r = Reader::new(bytes.slice(line_end + 1..));
    let mut records = Vec::new();
    while !r.is_empty() {
        let conn = r.u32().expect("a connection");
        let from_client = r.u8().expect("a direction") == b'>';
        let len = r.u32().expect("a length") as usize;
        records.push(Record { conn, from_client, payload: r.slice(len).expect("the payload") });
    }
    (framing, records)
}

/// Decodes, encodes, compares; gives the value.
fn round<T: Jute + std::fmt::Debug>(bytes: &Bytes) -> T {
    let value = T::from_bytes(bytes.clone()).unwrap_or_else(|error| panic!("{error} in {bytes:?}"));
    assert_eq!(value.to_bytes(), bytes, "{value:?}");
    value
}

fn request(opcode: OpCode, body: &Bytes) {
    match opcode {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER => drop(round::<CreateRequest>(body)),
        OpCode::CREATE_TTL => drop(round::<CreateTtlRequest>(body)),
        OpCode::DELETE => drop(round::<DeleteRequest>(body)),
        OpCode::EXISTS => drop(round::<ExistsRequest>(body)),
        OpCode::GET_DATA => drop(round::<GetDataRequest>(body)),
        OpCode::SET_DATA => drop(round::<SetDataRequest>(body)),
        OpCode::GET_ACL => drop(round::<GetAclRequest>(body)),
        OpCode::SET_ACL => drop(round::<SetAclRequest>(body)),
        OpCode::GET_CHILDREN => drop(round::<GetChildrenRequest>(body)),
        OpCode::GET_CHILDREN2 => drop(round::<GetChildren2Request>(body)),
        OpCode::SYNC => drop(round::<SyncRequest>(body)),
        OpCode::MULTI | OpCode::MULTI_READ => drop(round::<MultiRequest>(body)),
        OpCode::RECONFIG => drop(round::<ReconfigRequest>(body)),
        OpCode::CHECK_WATCHES => drop(round::<CheckWatchesRequest>(body)),
        OpCode::REMOVE_WATCHES => drop(round::<RemoveWatchesRequest>(body)),
        OpCode::AUTH => drop(round::<AuthPacket>(body)),
        OpCode::SET_WATCHES => drop(round::<SetWatches>(body)),
        OpCode::SET_WATCHES2 => drop(round::<SetWatches2>(body)),
        OpCode::GET_EPHEMERALS => drop(round::<GetEphemeralsRequest>(body)),
        OpCode::GET_ALL_CHILDREN_NUMBER => drop(round::<GetAllChildrenNumberRequest>(body)),
        OpCode::ADD_WATCH => drop(round::<AddWatchRequest>(body)),
        OpCode::PING | OpCode::CLOSE_SESSION | OpCode::WHO_AM_I => assert!(body.is_empty(), "{opcode:?}"),
        other => panic!("{other:?} in a capture"),
    }
}

fn reply(opcode: OpCode, body: &Bytes) {
    match opcode {
        OpCode::CREATE => drop(round::<CreateResponse>(body)),
        OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => drop(round::<Create2Response>(body)),
        OpCode::EXISTS => drop(round::<ExistsResponse>(body)),
        OpCode::GET_DATA | OpCode::RECONFIG => drop(round::<GetDataResponse>(body)),
        OpCode::SET_DATA => drop(round::<SetDataResponse>(body)),
        OpCode::GET_ACL => drop(round::<GetAclResponse>(body)),
        OpCode::SET_ACL => drop(round::<SetAclResponse>(body)),
        OpCode::GET_CHILDREN => drop(round::<GetChildrenResponse>(body)),
        OpCode::GET_CHILDREN2 => drop(round::<GetChildren2Response>(body)),
        OpCode::SYNC => drop(round::<SyncResponse>(body)),
        OpCode::MULTI | OpCode::MULTI_READ => drop(round::<MultiResponse>(body)),
        OpCode::GET_EPHEMERALS => drop(round::<GetEphemeralsResponse>(body)),
        OpCode::GET_ALL_CHILDREN_NUMBER => drop(round::<GetAllChildrenNumberResponse>(body)),
        OpCode::ADD_WATCH => drop(round::<ErrorResponse>(body)),
        OpCode::WHO_AM_I => drop(round::<WhoAmIResponse>(body)),
        other => assert!(body.is_empty(), "{other:?} has a body: {body:?}"),
    }
}

/// Walks a capture of the client port and counts requests and notifications by operation.
fn walk_client_port(name: &str) -> BTreeMap<OpCode, usize> {
    let (framing, records) = capture(name);
    assert_eq!(framing, "length");
    let mut seen = BTreeMap::new();
    let mut begun: BTreeMap<(u32, bool), bool> = BTreeMap::new();
    let mut asked: BTreeMap<(u32, i32), Vec<OpCode>> = BTreeMap::new();
    for Record { conn, from_client, payload } in records {
        if begun.insert((conn, from_client), true).is_none() {
            match from_client {
                true => drop(round::<ConnectRequest>(&payload)),
                false => drop(round::<ConnectResponse>(&payload)),
            }
            continue;
        }
        let mut r = Reader::new(payload);
        if from_client {
            let header = RequestHeader::decode(&mut r).expect("a header");
            let opcode = OpCode(header.opcode);
            asked.entry((conn, header.xid)).or_default().push(opcode);
            *seen.entry(opcode).or_default() += 1;
            request(opcode, &r.rest());
            continue;
        }
        let header = ReplyHeader::decode(&mut r).expect("a header");
        let body = r.rest();
        if header.xid == frame::NOTIFICATION_XID {
            round::<WatcherEvent>(&body);
            *seen.entry(OpCode::NOTIFICATION).or_default() += 1;
            continue;
        }
        let opcode = asked.get_mut(&(conn, header.xid)).expect("a request with this xid").remove(0);
        if header.err == 0 { reply(opcode, &body) } else { assert!(body.is_empty(), "a body behind an error") }
    }
    seen
}

#[test]
fn kazoo() {
    let seen = walk_client_port("kazoo.cap");
    for opcode in [OpCode::CREATE, OpCode::MULTI, OpCode::AUTH, OpCode::PING, OpCode::NOTIFICATION, OpCode::SYNC] {
        assert!(seen.contains_key(&opcode), "{opcode:?} is not in {seen:?}");
    }
}

#[test]
fn java_shell() {
    let seen = walk_client_port("java-shell.cap");
    for opcode in [OpCode::CREATE_TTL, OpCode::CREATE_CONTAINER, OpCode::ADD_WATCH, OpCode::GET_CHILDREN2] {
        assert!(seen.contains_key(&opcode), "{opcode:?} is not in {seen:?}");
    }
}

#[test]
fn kafka_broker() {
    let seen = walk_client_port("kafka-broker.cap");
    for opcode in [OpCode::CREATE, OpCode::MULTI, OpCode::SET_WATCHES, OpCode::CLOSE_SESSION] {
        assert!(seen.contains_key(&opcode), "{opcode:?} is not in {seen:?}");
    }
}

/// The bytes of each connection and direction of a capture without frames.
fn streams(name: &str) -> Vec<((u32, bool), Bytes)> {
    let (framing, records) = capture(name);
    assert_eq!(framing, "raw");
    let mut streams: BTreeMap<(u32, bool), BytesMut> = BTreeMap::new();
    for record in records {
        streams.entry((record.conn, record.from_client)).or_default().extend_from_slice(&record.payload);
    }
    streams.into_iter().map(|(key, bytes)| (key, bytes.freeze())).collect()
}

#[test]
fn quorum_port() {
    let mut types = BTreeMap::new();
    for name in ["quorum-2.cap", "quorum-3.cap"] {
        for (_, stream) in streams(name) {
            walk_quorum_stream(stream, &mut types);
        }
    }
    for wanted in [PacketType::Proposal, PacketType::Ack, PacketType::Commit, PacketType::Request, PacketType::Ping] {
        assert!(types.contains_key(&(wanted as i32)), "{wanted:?} is not in {types:?}");
    }
}

/// One direction of a connection. The last packet may be cut off where the recording stopped.
fn walk_quorum_stream(stream: Bytes, types: &mut BTreeMap<i32, usize>) {
    let mut r = Reader::new(stream.clone());
    while !r.is_empty() {
        let start = r.position();
        let packet = match QuorumPacket::decode(&mut r) {
            Ok(packet) => packet,
            Err(base::DecodeError::Truncated { .. }) => return,
            Err(error) => panic!("{error} at {start}"),
        };
        assert_eq!(packet.to_bytes(), stream.slice(start..r.position()), "{packet:?}");
        let kind = PacketType::from_number(packet.packet_type).expect("a known type");
        *types.entry(packet.packet_type).or_default() += 1;
        let data = packet.data.unwrap_or_default();
        match kind {
            PacketType::Proposal | PacketType::Inform => {
                let txn = Transaction::from_bytes(data.clone()).expect("a transaction");
                assert_eq!(txn.to_bytes(), data, "{txn:?}");
            }
            PacketType::FollowerInfo | PacketType::ObserverInfo => drop(round::<LearnerInfo>(&data)),
            // What follows is a snapshot, not packets.
            PacketType::Snap => return walk_snapshot(r.rest()),
            _ => {}
        }
    }
}

fn walk_snapshot(bytes: Bytes) {
    let mut decoder = snapshot::SnapshotDecoder::new(1 << 21);
    decoder.feed(bytes);
    let mut nodes = 0;
    loop {
        match decoder.next().expect("a snapshot") {
            Some(snapshot::SnapshotRecord::Node(..)) => nodes += 1,
            Some(snapshot::SnapshotRecord::End) => break,
            Some(_) => {}
            None => return,
        }
    }
    assert!(nodes >= 4, "{nodes} nodes");
    let mut r = Reader::new(decoder.rest());
    assert_eq!(base::Str::decode(&mut r).expect("a signature"), quorum::SNAP_SIGNATURE);
}

#[test]
fn election_port() {
    let mut notifications = 0;
    for name in ["election-1.cap", "election-2.cap"] {
        for ((_, from_client), stream) in streams(name) {
            let mut r = Reader::new(stream);
            if from_client {
                assert_eq!(r.i64(), Ok(-65536), "the protocol's version");
                r.i64().expect("the sender's id");
                let len = r.i32().expect("the address's length");
                r.skip(len as usize).expect("the address");
            }
            while let Ok(len) = r.i32() {
                let Ok(payload) = r.slice(len as usize) else { break };
                round::<Notification>(&payload);
                notifications += 1;
            }
        }
    }
    assert!(notifications > 2, "{notifications}");
}

#[test]
fn a_transaction_log() {
    let mut kinds = BTreeMap::new();
    for name in ["data-3.9.5/version-2/log.1", "data-3.9.5/version-2/log.2b"] {
        let mut r = Reader::new(fixture(name));
        let header = FileHeader::decode(&mut r).expect("a header");
        assert_eq!((&header.magic.to_be_bytes(), header.version, header.dbid), (b"ZKLG", 2, 0));
        while let Ok(crc) = r.i64() {
            let Some(payload) = Option::<Bytes>::decode(&mut r).expect("an entry").filter(|p| !p.is_empty()) else {
                break;
            };
            assert_eq!(crc, i64::from(base::checksum::adler32(&payload)));
            assert_eq!(r.u8(), Ok(b'B'));
            let txn = Transaction::from_bytes(payload.clone()).expect("a transaction");
            assert_eq!(txn.to_bytes(), payload, "{txn:?}");
            assert_eq!(txn.digest.is_some(), txn.header.opcode != OpCode::ERROR.0, "{txn:?}");
            *kinds.entry(OpCode(txn.header.opcode)).or_default() += 1;
        }
    }
    let kinds: BTreeMap<OpCode, usize> = kinds;
    for wanted in [OpCode::CREATE_SESSION, OpCode::CLOSE_SESSION, OpCode::CREATE, OpCode::MULTI, OpCode::ERROR] {
        assert!(kinds.contains_key(&wanted), "{wanted:?} is not in {kinds:?}");
    }
}

#[test]
fn a_snapshot() {
    let bytes = fixture("data-3.9.5/version-2/snapshot.2a");
    let mut r = Reader::new(bytes.clone());
    let header = FileHeader::decode(&mut r).expect("a header");
    assert_eq!((&header.magic.to_be_bytes(), header.version, header.dbid), (b"ZKSN", 2, -1));
    let middle = r.rest();
    let mut decoder = snapshot::SnapshotDecoder::new(1 << 21);
    decoder.feed(middle.clone());
    let (mut sessions, mut acls, mut nodes) = (Vec::new(), Vec::new(), BytesMut::new());
    loop {
        match decoder.next().expect("well formed").expect("complete") {
            snapshot::SnapshotRecord::Session(session) => sessions.push(session),
            snapshot::SnapshotRecord::Acl(acl) => acls.push(acl),
            snapshot::SnapshotRecord::Node(path, node) => {
                snapshot::encode_path(&mut nodes, &path);
                node.encode(&mut nodes);
            }
            snapshot::SnapshotRecord::End => break,
        }
    }
    let mut again = BytesMut::new();
    snapshot::encode_sessions(&mut again, &sessions);
    snapshot::encode_acls(&mut again, &acls);
    again.extend_from_slice(&nodes);
    snapshot::encode_end(&mut again);
    assert_eq!(again, middle[..again.len()]);
    assert_eq!(decoder.consumed(), again.len() as u64);
}
