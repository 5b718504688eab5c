//! No step is long: a session's end with many nodes is applied in pieces, many ends are proposed in pieces, an event for
//! many is encoded once. What is promised of order holds meanwhile.

mod support;

use base::Prng;
use keeper::{CloseReason, ConnId, Effect, Event};
use support::{Harness, Reply, content, create_request, now, recover};
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::txn::{Transaction, TxnBody};
use zk_wire::{
    AddWatchRequest, CreateMode, ErrorCode, ExistsRequest, GetDataRequest, OpCode, SessionId, SetAclRequest,
    SetDataRequest,
};

/// Nodes that one step may delete.
const PIECE: usize = 1000;

fn ephemerals(h: &mut Harness, conn: ConnId, parent: &str, count: usize) {
    for n in 0..count {
        h.send(conn, OpCode::CREATE, &create_request(&format!("{parent}/e{n:06}"), b"x", CreateMode::Ephemeral));
    }
    h.sync();
    assert!(h.take(conn).iter().all(|reply| reply.err == ErrorCode::OK));
}

fn exists(h: &mut Harness, conn: ConnId, path: &str) -> Reply {
    h.call(conn, OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: false })
}

/// The rest of what is applied in pieces.
fn finish(h: &mut Harness) -> usize {
    let mut steps = 0;
    while h.keeper.is_unfinished() {
        let before = h.keeper.tree().nodes_count();
        h.step(Event::GoOn);
        let after = h.keeper.tree().nodes_count();
        assert!(before.saturating_sub(after) <= PIECE, "{before} to {after} in one step");
        steps += 1;
    }
    steps
}

#[test]
fn a_large_session_ends_in_pieces_and_in_order() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let (other, _) = h.connect();
    h.create(other, "/p", CreateMode::Persistent);
    ephemerals(&mut h, conn, "/p", 3500);
    h.call(other, OpCode::ADD_WATCH, &AddWatchRequest { path: "/p".into(), mode: 1 });
    let before = h.keeper.last_processed().0;
    let nodes = h.keeper.tree().nodes_count();
    let close = h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    // Behind the close, on their way together with it: the names are free, and the parent has no children.
    let again = h.send(other, OpCode::CREATE, &create_request("/p/e000000", b"", CreateMode::Persistent));
    let read = h.send(other, OpCode::EXISTS, &ExistsRequest { path: "/p/e003499".into(), watch: false });
    h.sync();
    assert!(h.keeper.is_unfinished());
    assert_eq!(nodes - h.keeper.tree().nodes_count(), PIECE);

    let (third, _) = connect_beside(&mut h);
    assert!(third.is_none(), "a new session is a later transaction");
    let deleted = h.take(other);
    assert_eq!(deleted.len(), PIECE, "events of the first piece and no reply");
    assert!(deleted.iter().all(|event| event.event().2 == before + 1));
    assert_eq!(h.take(conn), [], "the reply comes when all of it is done");

    assert_eq!(finish(&mut h), 3);
    assert_eq!(h.keeper.last_processed().0, before + 3);
    let sent = h.take(other);
    assert_eq!(sent.len(), 2500 + 1 + 2, "events, the creation's event, two replies");
    assert_eq!(sent[2500].event(), (1, "/p/e000000".to_string(), before + 2));
    assert_eq!((sent[2501].xid, sent[2501].err, sent[2501].zxid), (again, ErrorCode::OK, before + 2));
    assert_eq!((sent[2502].xid, sent[2502].err), (read, ErrorCode::NO_NODE));
    let reply = h.take(conn).remove(0);
    assert_eq!((reply.xid, reply.err, reply.zxid), (close, ErrorCode::OK, before + 1));
    assert_eq!(h.keeper.digest_mismatches(), 0);
    assert_eq!(h.keeper.tree().get("/p").expect("it is there").children_count(), 1);
}

/// Asks for a new session without waiting for it.
fn connect_beside(h: &mut Harness) -> (Option<Reply>, ConnId) {
    let conn = h.connect_with(zk_wire::ConnectRequest { timeout_ms: 40_000, ..zk_wire::ConnectRequest::default() });
    h.sync();
    (h.take(conn).pop(), conn)
}

#[test]
fn reads_between_the_pieces_show_the_zxid_before() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let (other, _) = h.connect();
    h.create(other, "/p", CreateMode::Persistent);
    ephemerals(&mut h, conn, "/p", 2500);
    let before = h.keeper.last_processed().0;
    h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    h.sync();
    let (zxid, snapshot) = h.snapshot();
    let first = exists(&mut h, other, "/p/e000000");
    let last = exists(&mut h, other, "/p/e002499");
    assert_eq!((first.err, first.zxid), (ErrorCode::NO_NODE, before));
    assert_eq!((last.err, last.zxid), (ErrorCode::OK, before));
    assert_eq!(h.keeper.snapshot_digest().expect("digests are on").zxid.0, before);
    finish(&mut h);
    // A snapshot between the pieces and the log make the same tree, also when the log ends there.
    let recovered = recover(zxid, &snapshot, &h.log).finish(now(0));
    assert_eq!(content(&recovered), content(&h.keeper));
    assert_eq!(recovered.digest_mismatches(), 0);
}

#[test]
fn the_audit_log_has_every_node_of_a_large_session() {
    let config = keeper::Config { audit: true, ..support::config() };
    let mut h = Harness::with(keeper::Recovery::new(config, Prng::new(7)).finish(now(0)));
    let (conn, _) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    ephemerals(&mut h, conn, "/p", 2500);
    h.effects.clear();
    h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    h.sync();
    finish(&mut h);
    let nodes = h.effects.iter().filter_map(|effect| match effect {
        Effect::Audit(record) => record.znode.clone(),
        _ => None,
    });
    let expected: Vec<String> = (0..2500).map(|n| format!("/p/e{n:06}")).collect();
    assert_eq!(nodes.collect::<Vec<_>>(), expected);
}

#[test]
fn many_sessions_end_in_pieces() {
    let mut h = Harness::new();
    for _ in 0..1000 {
        h.connect();
    }
    let began = h.log.len();
    h.now_ms = 60_000;
    let mut steps = Vec::new();
    while h.keeper.deadline().is_some_and(|due| due.as_millis() <= h.now_ms) {
        let before = h.log.len();
        h.step(Event::Tick);
        steps.push(h.log.len() - before);
        h.sync();
    }
    assert_eq!(h.log.len() - began, 1000);
    assert!(steps.iter().all(|proposed| *proposed <= 128), "{steps:?}");
}

#[test]
fn sessions_with_many_nodes_end_a_few_at_a_time() {
    let mut h = Harness::new();
    let conns: Vec<ConnId> = (0..4).map(|_| h.connect().0).collect();
    for (n, conn) in conns.iter().enumerate() {
        h.create(*conn, &format!("/p{n}"), CreateMode::Persistent);
        ephemerals(&mut h, *conn, &format!("/p{n}"), 600);
    }
    let began = h.log.len();
    h.now_ms = 60_000;
    h.step(Event::Tick);
    assert_eq!(h.log.len() - began, 2, "the nodes of two are as much as a step takes");
    assert!(h.keeper.deadline().is_some_and(|due| due.as_millis() <= h.now_ms), "the others are due at once");
}

#[test]
fn an_event_for_many_is_one_frame() {
    let mut h = Harness::new();
    let (writer, _) = h.connect();
    h.create(writer, "/a", CreateMode::Persistent);
    let watchers: Vec<ConnId> = (0..500).map(|_| h.connect().0).collect();
    for conn in &watchers {
        h.call(*conn, OpCode::GET_DATA, &GetDataRequest { path: "/a".into(), watch: true });
    }
    h.effects.clear();
    h.set(writer, "/a", b"new", -1);
    let frames: Vec<*const u8> = h
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { conn, frame } if *conn != writer => Some(frame.as_ptr()),
            _ => None,
        })
        .collect();
    assert_eq!(frames.len(), 500);
    assert!(frames.iter().all(|frame| *frame == frames[0]), "all share the bytes");
}

/// A keeper whose pieces are small.
fn small_pieces(piece_max: usize) -> Harness {
    let config = keeper::Config { piece_max, ..support::config() };
    Harness::with(keeper::Recovery::new(config, Prng::new(7)).finish(now(0)))
}

fn watchers(h: &mut Harness, count: usize, path: &str) -> Vec<ConnId> {
    let conns: Vec<ConnId> = (0..count).map(|_| h.connect().0).collect();
    for conn in &conns {
        h.call(*conn, OpCode::GET_DATA, &GetDataRequest { path: path.into(), watch: true });
    }
    conns
}

#[test]
fn an_event_for_very_many_goes_out_in_pieces() {
    let mut h = small_pieces(100);
    let (writer, _) = h.connect();
    h.create(writer, "/a", CreateMode::Persistent);
    let conns = watchers(&mut h, 350, "/a");
    let reply = h.set(writer, "/a", b"new", -1);
    assert_eq!(reply.err, ErrorCode::OK, "who writes does not wait for it");
    let mut told = Vec::new();
    while h.keeper.is_unfinished() {
        h.step(Event::GoOn);
        let now_told = conns.iter().filter(|conn| h.sent.contains_key(conn)).count();
        told.push(now_told - told.iter().sum::<usize>());
    }
    assert_eq!(told, [100, 100, 100, 50]);
    for conn in &conns {
        let events: Vec<_> = h.take(*conn).iter().map(Reply::event).collect();
        assert_eq!(events, [(3, "/a".to_string(), reply.zxid)]);
    }
    assert_eq!(h.keeper.summary().watches, 0);
}

#[test]
fn an_event_on_its_way_comes_before_what_shows_the_change() {
    let mut h = small_pieces(10);
    let (writer, _) = h.connect();
    h.create(writer, "/a", CreateMode::Persistent);
    let conns = watchers(&mut h, 50, "/a");
    let ask = GetDataRequest { path: "/a".into(), watch: true };
    let header = zk_wire::RequestHeader { xid: 7, opcode: OpCode::GET_DATA.0 };
    let read_beside = |h: &Harness, conn| h.keeper.read(now(0), conn, &header, zk_wire::Jute::to_bytes(&ask));

    let first = h.set(writer, "/a", b"1", -1);
    let [reads, writes, syncs, last] = [conns[30], conns[31], conns[32], conns[49]];
    assert_eq!(read_beside(&h, reads), keeper::ReadOutcome::Step, "it cannot be served without its event");
    // The watch is left anew in front of the next change.
    h.send(reads, OpCode::GET_DATA, &ask);
    h.send(syncs, OpCode::SYNC, &zk_wire::SyncRequest { path: "/".into() });
    let second = h.set(writer, "/a", b"2", -1);
    assert!(matches!(read_beside(&h, writer), keeper::ReadOutcome::Reply(_)), "nothing is on its way to this one");
    h.send(writes, OpCode::SET_DATA, &SetDataRequest { path: "/a".into(), data: None, version: -1 });
    h.sync();
    h.step(Event::Disconnected { conn: last });
    while h.keeper.is_unfinished() {
        h.step(Event::GoOn);
    }

    let seen = |h: &mut Harness, conn| -> Vec<(bool, i64)> {
        h.take(conn).iter().map(|reply| (reply.xid == -1, reply.zxid)).collect()
    };
    let (event, reply) = (true, false);
    assert_eq!(seen(&mut h, reads), [(event, first.zxid), (reply, first.zxid), (event, second.zxid)]);
    assert_eq!(seen(&mut h, syncs), [(event, first.zxid), (reply, first.zxid)]);
    assert_eq!(seen(&mut h, writes), [(event, first.zxid), (reply, second.zxid + 1)]);
    assert_eq!(seen(&mut h, last), []);
    for conn in conns.iter().filter(|conn| ![reads, writes, syncs, last].contains(conn)) {
        assert_eq!(seen(&mut h, *conn), [(event, first.zxid)]);
    }
    assert_eq!(h.keeper.summary().watches, 0);
}

#[test]
fn a_deletion_for_very_many_is_told_once_to_each() {
    let mut h = small_pieces(10);
    let (writer, _) = h.connect();
    h.create(writer, "/p", CreateMode::Persistent);
    h.create(writer, "/p/a", CreateMode::Persistent);
    let conns = watchers(&mut h, 40, "/p/a");
    for conn in &conns {
        let children = |path: &str| zk_wire::GetChildrenRequest { path: path.into(), watch: true };
        h.call(*conn, OpCode::GET_CHILDREN, &children("/p/a"));
        h.call(*conn, OpCode::GET_CHILDREN, &children("/p"));
    }
    h.call(conns[39], OpCode::ADD_WATCH, &AddWatchRequest { path: "/p/a".into(), mode: 0 });
    let zxid = h.delete(writer, "/p/a").zxid;
    // One is served in between, the last one is told of all that follows.
    h.send(conns[20], OpCode::EXISTS, &ExistsRequest { path: "/p/a".into(), watch: true });
    let again = h.create(writer, "/p/a", CreateMode::Persistent).zxid;
    while h.keeper.is_unfinished() {
        h.step(Event::GoOn);
    }
    let (deleted, children) = ((2, "/p/a".to_string(), zxid), (4, "/p".to_string(), zxid));
    let created = (1, "/p/a".to_string(), again);
    for (n, conn) in conns.iter().enumerate() {
        let replies = h.take(*conn);
        let events: Vec<_> = replies.iter().filter(|reply| reply.xid == -1).map(Reply::event).collect();
        let mut expected = vec![deleted.clone(), children.clone()];
        if n == 20 || n == 39 {
            expected.push(created.clone());
        }
        assert_eq!(events, expected, "connection {n}");
    }
    assert_eq!(h.keeper.summary().watches, 2, "the persistent one, in both tables");
}

#[test]
fn many_events_for_a_few_each_are_told_a_few_at_a_time() {
    let mut h = small_pieces(10);
    let (writer, _) = h.connect();
    let (watcher, _) = h.connect();
    for n in 0..40 {
        let path = format!("/n{n}");
        h.create(writer, &path, CreateMode::Persistent);
        h.call(watcher, OpCode::GET_DATA, &GetDataRequest { path: path.as_str().into(), watch: true });
    }
    // As one transaction, and as forty that become durable together.
    let set = |n: usize| SetDataRequest { path: format!("/n{n}").into(), data: None, version: -1 };
    let ops = (0..20).map(|n| zk_wire::multi::MultiOp::SetData(set(n))).collect();
    h.send(writer, OpCode::MULTI, &zk_wire::multi::MultiRequest { ops });
    for n in 20..40 {
        h.send(writer, OpCode::SET_DATA, &set(n));
    }
    h.sync();
    let mut told = vec![h.sent[&watcher].len()];
    while h.keeper.is_unfinished() {
        h.step(Event::GoOn);
        told.push(h.sent[&watcher].len());
    }
    assert!(told.windows(2).all(|pair| pair[1] - pair[0] <= 20), "{told:?}");
    assert!(told[0] <= 10 && told.len() > 2, "{told:?}");
    let paths: Vec<String> = h.take(watcher).iter().map(|reply| reply.event().1).collect();
    assert_eq!(paths, (0..40).map(|n| format!("/n{n}")).collect::<Vec<_>>());
    assert_eq!(h.take(writer).len(), 21);
}

#[test]
fn a_session_without_a_list_ends_in_pieces_too() {
    let config = keeper::Config { close_session_txn_enabled: false, ..support::config() };
    let mut h = Harness::with(keeper::Recovery::new(config, Prng::new(7)).finish(now(0)));
    let (conn, _) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    ephemerals(&mut h, conn, "/p", 2500);
    h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    h.sync();
    assert_eq!(finish(&mut h), 2);
    assert_eq!(h.keeper.tree().get("/p").expect("it is there").children_count(), 0);
    assert_eq!(h.keeper.digest_mismatches(), 0);
    assert_summed(&h);
}

/// The tree's sums are those of its nodes.
fn assert_summed(h: &Harness) {
    let (zxid, snapshot) = h.snapshot();
    let counted = recover(zxid, &snapshot, &[]).finish(now(0));
    let sums = |keeper: &keeper::Keeper| {
        let tree = keeper.tree();
        (tree.digest(), tree.nodes_count(), tree.approximate_data_size(), tree.ephemerals_count())
    };
    assert_eq!(sums(&h.keeper), sums(&counted));
}

#[test]
fn the_sums_are_right_behind_a_session_with_many_parents_and_a_quota() {
    let mut h = small_pieces(7);
    let (conn, _) = h.connect();
    let (other, _) = h.connect();
    for path in ["/q", "/zookeeper/quota/q", "/plain"] {
        h.create(other, path, CreateMode::Persistent);
    }
    h.call(
        other,
        OpCode::CREATE,
        &create_request("/zookeeper/quota/q/zookeeper_limits", b"count=9,bytes=-1", CreateMode::Persistent),
    );
    h.create(other, "/zookeeper/quota/q/zookeeper_stats", CreateMode::Persistent);
    for n in 0..20 {
        let parent = format!("{}/p{n}", if n % 3 == 0 { "/plain" } else { "/q" });
        h.create(other, &parent, CreateMode::Persistent);
        ephemerals(&mut h, conn, &parent, 5);
    }
    h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    h.sync();
    assert!(finish(&mut h) > 10);
    assert_eq!(h.keeper.digest_mismatches(), 0);
    assert_summed(&h);
    let stats = h.keeper.tree().get("/zookeeper/quota/q/zookeeper_stats").expect("it is there");
    assert_eq!(stats.data.as_deref(), Some(&b"count=14,bytes=0"[..]), "13 parents and the node itself");
}

const STATS: &str = "/zookeeper/quota/q/zookeeper_stats";

fn stats(h: &Harness) -> String {
    let node = h.keeper.tree().get(STATS).expect("it is there");
    String::from_utf8(node.data.as_deref().expect("it has a text").to_vec()).expect("it is text")
}

#[test]
fn what_a_new_quota_covers_is_counted_in_pieces_and_reads_go_on() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let (other, _) = h.connect();
    let (reader, _) = h.connect();
    h.create(conn, "/q", CreateMode::Persistent);
    h.create(conn, "/zookeeper/quota/q", CreateMode::Persistent);
    for n in 0..3500 {
        h.send(conn, OpCode::CREATE, &create_request(&format!("/q/n{n}"), b"four", CreateMode::Persistent));
    }
    h.sync();
    assert_eq!(h.take(conn).len(), 3500);
    let before = h.keeper.last_processed();
    // What the transaction itself changes in front of the count is part of it.
    let create = |path: &str, data: &[u8]| MultiOp::Create(create_request(path, data, CreateMode::Persistent));
    let ops = vec![
        create("/q/first", b"12345678"),
        MultiOp::Delete(zk_wire::DeleteRequest { path: "/q/n0".into(), version: -1 }),
        create("/zookeeper/quota/q/zookeeper_limits", b"count=9,bytes=-1"),
        create(STATS, b"whatever"),
        create("/q/second", b""),
    ];
    let quota = h.send(conn, OpCode::MULTI, &MultiRequest { ops });
    let behind = h.send(other, OpCode::CREATE, &create_request("/q/third", b"12", CreateMode::Persistent));
    h.sync();
    let (third, _) = connect_beside(&mut h);
    assert!(third.is_none(), "a new session is a later transaction");
    let mut pieces = 1;
    while h.keeper.is_unfinished() {
        assert_eq!((h.take(conn), h.keeper.last_processed()), (vec![], before), "nothing is answered in between");
        assert!(h.keeper.tree().get("/q/first").is_none(), "and nothing is changed");
        let read = exists(&mut h, reader, "/q/n1");
        assert_eq!((read.err, read.zxid), (ErrorCode::OK, before.0));
        h.step(Event::GoOn);
        pieces += 1;
    }
    assert_eq!(pieces, 4, "3501 nodes, 1000 a piece");
    assert_eq!(h.take(conn).remove(0).xid, quota);
    assert_eq!(h.take(other).remove(0).xid, behind);
    assert_eq!(stats(&h), "count=3503,bytes=14006", "3499 of four bytes, /q, and three more of 8, 0 and 2");
    assert_eq!(h.keeper.digest_mismatches(), 0);

    // A text that is none is counted anew at once, in pieces as well.
    let set = SetDataRequest { path: STATS.into(), data: Some("none".into()), version: -1 };
    h.send(conn, OpCode::SET_DATA, &set);
    h.sync();
    assert_eq!(finish(&mut h), 3);
    assert_eq!(stats(&h), "count=3503,bytes=14006");
}

#[test]
fn pieces_of_any_size_count_the_same() {
    for piece_max in 1..=12 {
        let mut h = small_pieces(piece_max);
        let (conn, _) = h.connect();
        for path in
            ["/zookeeper/quota/q", "/zookeeper/quota/q/r", "/zookeeper/quota/gone", "/p", "/q", "/q/r", "/q/r/s"]
        {
            h.create(conn, path, CreateMode::Persistent);
        }
        for path in ["/q/a", "/q/r/a", "/q/r/s/a", "/q0", "/r"] {
            h.call(conn, OpCode::CREATE, &create_request(path, b"x", CreateMode::Persistent));
        }
        let limited = ["/q", "/q/r", "/gone"];
        let stats = limited.map(|path| format!("/zookeeper/quota{path}/zookeeper_stats"));
        let ops = stats.iter().map(|path| MultiOp::Create(create_request(path, b"", CreateMode::Persistent)));
        h.send(conn, OpCode::MULTI, &MultiRequest { ops: ops.collect() });
        h.sync();
        finish(&mut h);
        let text = |path: &String| h.keeper.tree().get(path).and_then(|node| node.data.clone()).expect("a text");
        let texts = stats.each_ref().map(|path| String::from_utf8(text(path).to_vec()).expect("text"));
        assert_eq!(texts, ["count=6,bytes=3", "count=4,bytes=2", "count=0,bytes=0"], "pieces of {piece_max}");
    }
}

#[test]
fn ends_of_sessions_amid_other_writes_foresee_the_digest() {
    let mut prng = Prng::new(11);
    let mut h = Harness::new();
    let mut conns: Vec<ConnId> = (0..3).map(|_| h.connect().0).collect();
    for parent in ["/p", "/q"] {
        h.create(conns[0], parent, CreateMode::Persistent);
    }
    let mut closed = 0;
    for round in 0..4000 {
        let at = prng.below(3) as usize;
        let conn = conns[at];
        let path = format!("{}/n{}", *prng.pick(&["/p", "/q", ""]).expect("not empty"), prng.below(8));
        match prng.below(24) {
            0..=9 => {
                let mode =
                    *prng.pick(&[CreateMode::Ephemeral, CreateMode::Ephemeral, CreateMode::Persistent]).expect("3");
                h.send(conn, OpCode::CREATE, &create_request(&path, b"1", mode));
            }
            10..=13 => {
                h.send(conn, OpCode::DELETE, &zk_wire::DeleteRequest { path: path.as_str().into(), version: -1 });
            }
            14..=16 => {
                let data = Some(bytes::Bytes::from(format!("{round}")));
                h.send(conn, OpCode::SET_DATA, &SetDataRequest { path: path.as_str().into(), data, version: -1 });
            }
            17 => {
                let acl = support::open_acl();
                h.send(conn, OpCode::SET_ACL, &SetAclRequest { path: path.as_str().into(), acl, version: -1 });
            }
            18 | 19 => {
                h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
                if prng.chance(1, 2) {
                    h.sync();
                }
                let next = h.connect_with(zk_wire::ConnectRequest { timeout_ms: 40_000, ..Default::default() });
                h.sync();
                conns[at] = next;
                closed += 1;
            }
            _ => h.sync(),
        }
        assert_eq!(h.keeper.digest_mismatches(), 0, "round {round}");
    }
    h.sync();
    assert!(closed > 100);
    let mut recovery = keeper::Recovery::new(support::config(), Prng::new(3));
    for (_, payload) in &h.log {
        recovery.replay(payload.clone()).expect("our own bytes");
    }
    let recovered = recovery.finish(now(0));
    assert_eq!(recovered.digest_mismatches(), 0);
    assert_eq!(content(&recovered), content(&h.keeper));
}

/// A session that has expired, whose end waits for its turn: it is large, and nobody has listed its nodes.
fn end_that_waits(h: &mut Harness) -> (ConnId, SessionId) {
    let (conn, session) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    ephemerals(h, conn, "/p", PIECE + 500);
    let before = h.log.len();
    h.now_ms = 60_000;
    h.step(Event::Tick);
    assert_eq!((h.log.len(), h.keeper.large_end_due()), (before, Some(session)), "the end is not proposed yet");
    (conn, session)
}

/// The last transactions in the log.
fn last_logged(h: &Harness, count: usize) -> Vec<TxnBody> {
    let payloads = h.log[h.log.len() - count..].iter().map(|(_, payload)| payload.clone());
    payloads.map(|payload| Transaction::from_bytes(payload).expect("it was logged").body).collect()
}

#[test]
fn who_resumes_a_session_whose_end_waits_is_answered_behind_the_end() {
    let mut h = Harness::new();
    let (former, session) = end_that_waits(&mut h);
    let before = h.log.len();
    let again = h.resume(session, 40_000);
    assert_eq!(h.log.len(), before + 1);
    assert!(matches!(last_logged(&h, 1)[..], [TxnBody::CloseSession(_)]));
    assert!(!h.sent.contains_key(&again), "the end is not durable");
    h.sync();
    assert!(h.keeper.is_unfinished() && !h.sent.contains_key(&again), "it is not whole");
    finish(&mut h);
    assert_eq!(h.connect_response(again).session, SessionId::NONE);
    for conn in [former, again] {
        assert_eq!(h.closed.get(&conn), Some(&CloseReason::SessionExpired));
    }
    assert_eq!(h.keeper.large_end_due(), None, "it is proposed once");
    assert_eq!(h.keeper.tree().get("/p").expect("it is there").children_count(), 0);
}

#[test]
fn a_write_of_a_session_whose_end_waits_is_refused_behind_the_end() {
    let mut h = Harness::new();
    let (conn, _) = end_that_waits(&mut h);
    let before = h.log.len();
    h.send(conn, OpCode::CREATE, &create_request("/late", b"", CreateMode::Persistent));
    assert_eq!(h.log.len(), before + 2);
    let logged = last_logged(&h, 2);
    let [TxnBody::CloseSession(_), TxnBody::Error(refused)] = &logged[..] else { panic!("{logged:?}") };
    assert_eq!(ErrorCode(refused.err), ErrorCode::SESSION_EXPIRED);
    assert!(!h.closed.contains_key(&conn), "the end is not durable");
    h.sync();
    finish(&mut h);
    assert_eq!(h.take(conn), [], "the connection goes with its session");
    assert_eq!(h.closed.get(&conn), Some(&CloseReason::SessionExpired));
    assert!(h.keeper.tree().get("/late").is_none());
    assert_eq!((h.keeper.large_end_due(), h.keeper.digest_mismatches()), (None, 0));
}
