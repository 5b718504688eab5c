//! Sessions: connect, resume, end. Source: the programmer's guide ("ZooKeeper Sessions"), upstream's
//! `ZooKeeperServer.processConnectRequest`, `SessionTrackerImpl`.

mod support;

use bytes::Bytes;
use keeper::{CloseReason, ConnId, Effect, Event};
use support::{Harness, create_request};
use zk_wire::{
    ConnectRequest, ConnectResponse, CreateMode, ErrorCode, ExistsRequest, GetChildrenRequest, GetChildrenResponse,
    OpCode, SessionId, Zxid,
};

fn children(h: &mut Harness, conn: ConnId) -> Vec<String> {
    let request = GetChildrenRequest { path: "/".into(), watch: false };
    let names = h.call(conn, OpCode::GET_CHILDREN, &request).body::<GetChildrenResponse>().children;
    names.expect("not null").iter().map(ToString::to_string).filter(|name| name != "zookeeper").collect()
}

#[test]
fn a_new_session_is_a_transaction() {
    let mut h = Harness::new();
    let conn =
        h.connect_with(ConnectRequest { timeout_ms: 10_000, read_only: Some(false), ..ConnectRequest::default() });
    assert!(!h.sent.contains_key(&conn), "not before it is durable");
    h.sync();
    let response = h.connect_response(conn);
    let session = response.session;
    assert_eq!(response, ConnectResponse::accepted(session, 10_000, Some(false)));
    assert!(h.effects.contains(&Effect::Established { conn, session, timeout_ms: 10_000 }));
    assert_eq!((h.log.len(), h.log[0].0), (1, Zxid(1)));
}

#[test]
fn timeouts_are_negotiated() {
    for (asked, given) in [(0, 4000), (-5, 4000), (4000, 4000), (7000, 7000), (i32::MAX, 40_000)] {
        let mut h = Harness::new();
        let conn = h.connect_with(ConnectRequest { timeout_ms: asked, ..ConnectRequest::default() });
        h.sync();
        assert_eq!(h.connect_response(conn).timeout_ms, given, "asked for {asked}");
    }
}

#[test]
fn a_client_that_has_seen_more_is_sent_away() {
    let mut h = Harness::new();
    let conn = h.connect_with(ConnectRequest { last_zxid_seen: Zxid(1), ..ConnectRequest::default() });
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::ClientAhead));
    assert!(!h.sent.contains_key(&conn) && h.log.is_empty());
}

#[test]
fn a_session_moves_to_the_connection_that_resumes_it() {
    let mut h = Harness::new();
    let (first, session) = h.connect();
    let second = h.resume(session, 8000);
    assert_eq!(h.closed.get(&first), Some(&CloseReason::SessionMoved));
    assert_eq!(h.connect_response(second), ConnectResponse::accepted(session, 8000, None));
    assert_eq!(h.log.len(), 1, "no transaction");
    h.create(second, "/e", CreateMode::Ephemeral);
    h.step(Event::Disconnected { conn: first });
    h.step(Event::Disconnected { conn: second });
    let third = h.resume(session, 8000);
    h.connect_response(third);
    assert_eq!(children(&mut h, third), ["e"]);
}

#[test]
fn a_resumed_session_sees_what_became_of_its_writes() {
    let mut h = Harness::new();
    let (first, session) = h.connect();
    h.send(first, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    h.step(Event::Disconnected { conn: first });
    let second = h.resume(session, 8000);
    assert!(!h.sent.contains_key(&second), "the answer waits for the write under way");
    h.sync();
    h.connect_response(second);
    assert_eq!(children(&mut h, second), ["a"]);
}

#[test]
fn a_wrong_password_or_an_unknown_session_is_expired() {
    let mut h = Harness::new();
    let (first, session) = h.connect();
    let wrong = ConnectRequest { session, passwd: Bytes::from_static(&[0; 16]).into(), ..ConnectRequest::default() };
    let conn = h.connect_with(ConnectRequest { read_only: Some(true), ..wrong });
    assert_eq!(h.connect_response(conn), ConnectResponse::expired(Some(false)));
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::SessionExpired));
    assert!(!h.closed.contains_key(&first), "nobody is thrown out by a guess");
    let conn = h.resume(SessionId(99), 8000);
    assert_eq!(h.connect_response(conn), ConnectResponse::expired(None));
}

#[test]
fn closing_takes_the_ephemerals_along() {
    let mut h = Harness::new();
    let (a, session) = h.connect();
    let (b, _) = h.connect();
    h.create(a, "/keep", CreateMode::Persistent);
    h.create(a, "/e1", CreateMode::Ephemeral);
    h.create(b, "/other", CreateMode::Ephemeral);
    // Still under way when the close is checked: they must be on its list.
    h.send(a, OpCode::CREATE, &create_request("/e2", b"", CreateMode::Ephemeral));
    h.send(a, OpCode::DELETE, &zk_wire::DeleteRequest { path: "/e1".into(), version: -1 });
    let close = h.send_bytes(a, OpCode::CLOSE_SESSION, Bytes::new());
    let late = h.send(a, OpCode::CREATE, &create_request("/late", b"", CreateMode::Persistent));
    h.sync();
    let replies = h.take(a);
    let last = replies.last().expect("a reply to close");
    assert_eq!((last.xid, last.err, last.body.len()), (close, ErrorCode::OK, 0));
    assert!(replies.iter().all(|reply| reply.xid != late), "nothing behind the close is answered");
    assert_eq!(h.closed.get(&a), Some(&CloseReason::ClosedByClient));
    assert_eq!(children(&mut h, b), ["keep", "other"]);
    let txn = zk_wire::txn::Transaction::from_bytes(h.log[7].1.clone()).expect("it decodes");
    let zk_wire::txn::TxnBody::CloseSession(Some(body)) = txn.body else { panic!("{txn:?}") };
    assert_eq!(body.paths_to_delete, Some(vec!["/e2".into()]));
    assert_eq!(h.keeper.digest_mismatches(), 0);
    let conn = h.resume(session, 8000);
    assert_eq!(h.connect_response(conn), ConnectResponse::expired(None));
}

#[test]
fn a_silent_session_expires_and_a_pinging_one_does_not() {
    let mut h = Harness::new();
    let silent = h.connect_with(ConnectRequest { timeout_ms: 4000, ..ConnectRequest::default() });
    let alive = h.connect_with(ConnectRequest { timeout_ms: 4000, ..ConnectRequest::default() });
    h.sync();
    h.take(silent);
    h.take(alive);
    h.create(silent, "/e", CreateMode::Ephemeral);
    for second in 1..=5 {
        h.advance_to(second * 1000);
        h.step(Event::Request {
            conn: alive,
            header: zk_wire::RequestHeader { xid: -2, opcode: OpCode::PING.0 },
            body: Bytes::new(),
        });
    }
    assert_eq!(children(&mut h, alive), ["e"]);
    h.advance_to(6000);
    assert_eq!(h.closed.get(&silent), Some(&CloseReason::SessionExpired));
    assert_eq!(children(&mut h, alive), [] as [&str; 0]);
    h.advance_to(60_000);
    assert!(h.closed.contains_key(&alive));
    assert_eq!(h.keeper.deadline(), None);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn a_ping_is_answered_in_its_place() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let header = zk_wire::RequestHeader { xid: -2, opcode: OpCode::PING.0 };
    h.step(Event::Request { conn, header, body: Bytes::new() });
    let replies = h.take(conn);
    assert_eq!((replies[0].xid, replies[0].zxid, replies[0].body.len()), (-2, 1, 0));
}

#[test]
fn while_a_session_ends_its_requests_fail() {
    let mut h = Harness::new();
    let conn = h.connect_with(ConnectRequest { timeout_ms: 4000, ..ConnectRequest::default() });
    h.sync();
    h.take(conn);
    h.now_ms = 6000;
    h.step(Event::Tick);
    h.send(conn, OpCode::EXISTS, &ExistsRequest { path: "/".into(), watch: false });
    assert_eq!(h.take(conn)[0].err, ErrorCode::SESSION_EXPIRED);
    h.send(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let txn = zk_wire::txn::Transaction::from_bytes(h.log.last().expect("logged").1.clone()).expect("it decodes");
    assert_eq!(txn.body, zk_wire::txn::TxnBody::error(ErrorCode::SESSION_EXPIRED));
    h.sync();
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::SessionExpired));
}

#[test]
fn what_a_client_asked_in_front_of_its_close_is_answered_and_what_it_asks_behind_is_refused() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let ask = ExistsRequest { path: "/a".into(), watch: false };
    h.send(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let before = h.send(conn, OpCode::EXISTS, &ask);
    let first = h.log.last().expect("logged").0;
    h.send_bytes(conn, OpCode::CLOSE_SESSION, Bytes::new());
    h.send(conn, OpCode::EXISTS, &ask);
    h.step(Event::Synced { zxid: first });
    let replies = h.take(conn);
    assert_eq!((replies.len(), replies[1].xid, replies[1].err), (2, before, ErrorCode::OK));
    h.sync();
    assert_eq!(h.take(conn).len(), 1, "the close's reply is the last thing it gets");
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::ClosedByClient));
}

#[test]
fn a_request_before_the_session_ends_the_connection() {
    let mut h = Harness::new();
    let conn = h.connect_with(ConnectRequest { timeout_ms: 4000, ..ConnectRequest::default() });
    h.send(conn, OpCode::EXISTS, &ExistsRequest { path: "/".into(), watch: false });
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::NoSession));
    h.sync();
    assert!(!h.sent.contains_key(&conn));
}

/// The cost of a close grows with the session's nodes, not with their square: a hundred thousand in well under a second
/// (upstream: ZOOKEEPER-3145's discussion of `removeAll`).
#[test]
fn many_ephemerals_go_in_one_transaction() {
    const MANY: usize = 100_000;
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (b, _) = h.connect();
    for i in 0..MANY {
        h.send(a, OpCode::CREATE, &create_request(&format!("/e{i}"), b"", CreateMode::Ephemeral));
    }
    h.sync();
    h.send_bytes(a, OpCode::CLOSE_SESSION, Bytes::new());
    assert_eq!(h.log.len(), MANY + 3);
    h.sync();
    while h.keeper.is_unfinished() {
        h.step(keeper::Event::GoOn);
    }
    assert_eq!(children(&mut h, b), [] as [&str; 0]);
    assert_eq!(h.keeper.summary().ephemerals, 0);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

/// Two closeSessions on one connection, the second sent before the first is applied: the second has nothing to delete. Found
/// by fuzzing requests.
#[test]
fn a_second_close_behind_the_first_changes_nothing() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/e", CreateMode::Ephemeral);
    for _ in 0..2 {
        h.send_bytes(conn, OpCode::CLOSE_SESSION, Bytes::new());
    }
    h.sync();
    assert_eq!(h.keeper.digest_mismatches(), 0);
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::ClosedByClient));
    let (other, _) = h.connect();
    assert_eq!(children(&mut h, other), Vec::<String>::new());
}
