//! multi: all or nothing. Source: ZOOKEEPER-965 and upstream's `PrepRequestProcessor`; sequence numbers ZOOKEEPER-1624.

mod support;

use keeper::ConnId;
use support::{Harness, create_request};
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::txn::{Transaction, TxnBody};
use zk_wire::{
    CheckVersionRequest, CreateMode, CreateRequest, CreateResponse, DeleteRequest, ErrorCode, ExistsRequest,
    ExistsResponse, GetDataRequest, OpCode, SetDataRequest, Stat, Zxid,
};

fn create(path: &str, mode: CreateMode) -> MultiOp {
    MultiOp::Create(create_request(path, b"", mode))
}

fn delete(path: &str) -> MultiOp {
    MultiOp::Delete(DeleteRequest { path: path.into(), version: -1 })
}

fn check(path: &str, version: i32) -> MultiOp {
    MultiOp::Check(CheckVersionRequest { path: path.into(), version })
}

fn set(path: &str, version: i32) -> MultiOp {
    MultiOp::SetData(SetDataRequest { path: path.into(), data: None, version })
}

fn multi(h: &mut Harness, conn: ConnId, ops: Vec<MultiOp>) -> Vec<MultiResult> {
    let reply = h.call(conn, OpCode::MULTI, &MultiRequest { ops });
    assert_eq!(reply.err, ErrorCode::OK, "a multi's own header is always good");
    reply.body::<MultiResponse>().results
}

fn stat(h: &mut Harness, conn: ConnId, path: &str) -> Option<Stat> {
    let reply = h.call(conn, OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: false });
    (reply.err == ErrorCode::OK).then(|| reply.body::<ExistsResponse>().stat)
}

#[test]
fn parts_see_each_other_and_share_a_zxid() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let create2 = MultiOp::Create2(create_request("/p/", b"12", CreateMode::PersistentSequential));
    let ops = vec![
        create("/p", CreateMode::Persistent),
        check("/p", 0),
        create2,
        set("/p", 0),
        create("/x", CreateMode::Ephemeral),
        delete("/x"),
    ];
    let results = multi(&mut h, conn, ops);
    let [first, checked, second, changed, _, deleted] = &results[..] else { panic!("{results:?}") };
    assert_eq!(*first, MultiResult::Create { path: "/p".into() });
    assert_eq!((checked, deleted), (&MultiResult::Check, &MultiResult::Delete));
    let MultiResult::Create2 { path, stat: made } = second else { panic!("{second:?}") };
    assert_eq!((&**path, made.czxid, made.data_length), ("/p/0000000000", Zxid(2), 2));
    let MultiResult::SetData(after) = changed else { panic!("{changed:?}") };
    assert_eq!((after.version, after.mzxid, after.num_children), (1, Zxid(2), 1));
    assert_eq!(stat(&mut h, conn, "/x"), None);
    assert_eq!((h.log.len(), h.keeper.digest_mismatches()), (2, 0));
}

#[test]
fn when_one_fails_none_has_an_effect() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    let before = stat(&mut h, conn, "/p");
    let ops = vec![
        create("/p/", CreateMode::PersistentSequential),
        set("/p", -1),
        check("/p", 7),
        delete("/p"),
        create("/q", CreateMode::Persistent),
    ];
    let expected = [
        ErrorCode::OK,
        ErrorCode::OK,
        ErrorCode::BAD_VERSION,
        ErrorCode::RUNTIME_INCONSISTENCY,
        ErrorCode::RUNTIME_INCONSISTENCY,
    ];
    assert_eq!(multi(&mut h, conn, ops), expected.map(MultiResult::Error));
    assert_eq!(stat(&mut h, conn, "/p"), before);
    assert_eq!(stat(&mut h, conn, "/q"), None);
    let name = h.create(conn, "/p/", CreateMode::PersistentSequential).body::<CreateResponse>().path;
    assert_eq!(name, "/p/0000000000", "the parent's counter was taken back");
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn a_failed_multi_is_logged_with_its_errors() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    multi(&mut h, conn, vec![create("/a", CreateMode::Persistent), delete("/no"), delete("/a")]);
    let txn = Transaction::from_bytes(h.log[1].1.clone()).expect("it decodes");
    assert_eq!(txn.header.opcode, OpCode::MULTI.0);
    let TxnBody::Multi(parts) = txn.body else { panic!("{txn:?}") };
    let kinds: Vec<OpCode> = parts.iter().map(|(opcode, _)| *opcode).collect();
    assert_eq!(kinds, [OpCode::CREATE, OpCode::ERROR, OpCode::ERROR]);
    assert_eq!(parts[1].1, TxnBody::error(ErrorCode::NO_NODE));
    assert_eq!(parts[2].1, TxnBody::error(ErrorCode::RUNTIME_INCONSISTENCY));
}

/// A rollback gives back what writes still under way before it had done, not what the tree has.
#[test]
fn a_rollback_respects_the_writes_under_way() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    h.send(conn, OpCode::CREATE, &create_request("/p/", b"", CreateMode::EphemeralSequential));
    let failing = vec![create("/p/", CreateMode::EphemeralSequential), delete("/p/0000000000"), check("/p", 9)];
    h.send(conn, OpCode::MULTI, &MultiRequest { ops: failing });
    h.send(conn, OpCode::CREATE, &create_request("/p/", b"", CreateMode::EphemeralSequential));
    h.send_bytes(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    h.sync();
    let replies = h.take(conn);
    assert_eq!(replies[0].body::<CreateResponse>().path, "/p/0000000000");
    assert_eq!(replies[2].body::<CreateResponse>().path, "/p/0000000001");
    let txn = Transaction::from_bytes(h.log.last().expect("logged").1.clone()).expect("it decodes");
    let TxnBody::CloseSession(Some(body)) = txn.body else { panic!("{txn:?}") };
    assert_eq!(body.paths_to_delete, Some(vec!["/p/0000000000".into(), "/p/0000000001".into()]));
    assert_eq!((h.keeper.summary().ephemerals, h.keeper.digest_mismatches()), (0, 0));
}

#[test]
fn flags_that_are_no_mode_fail_the_whole_request() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let create = CreateRequest { flags: 7, ..create_request("/a", b"", CreateMode::Persistent) };
    let reply = h.call(conn, OpCode::MULTI, &MultiRequest { ops: vec![delete("/no"), MultiOp::Create(create)] });
    assert_eq!((reply.err, reply.zxid), (ErrorCode::MARSHALLING_ERROR, 2), "a multi has its zxid by then");
}

#[test]
fn empty_and_mixed_ones() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    assert_eq!(multi(&mut h, conn, Vec::new()), []);
    let read = MultiOp::GetData(GetDataRequest { path: "/".into(), watch: false });
    let reply = h.call(conn, OpCode::MULTI, &MultiRequest { ops: vec![read.clone()] });
    assert_eq!(reply.err, ErrorCode::MARSHALLING_ERROR);
    let reply = h.call(conn, OpCode::MULTI, &MultiRequest { ops: vec![read, delete("/")] });
    assert_eq!(reply.err, ErrorCode::MARSHALLING_ERROR);
}
