//! Containers and TTL nodes: who may make them, how they are kept, when they go. Source: upstream's `EphemeralType`,
//! `PrepRequestProcessor`, `ContainerManager`, `MultiOperationRecord`.

mod support;

use base::Prng;
use keeper::{Config, ConnId, Recovery};
use support::{Harness, Reply, config, create_request, now, open_acl};
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::txn::{Transaction, TxnBody};
use zk_wire::{
    Create2Response, CreateMode, CreateRequest, CreateTtlRequest, DeleteContainerRequest, ErrorCode, ExistsRequest,
    ExistsResponse, Jute, OpCode, SessionId, SetDataResponse,
};

fn extended() -> Config {
    Config { extended_types_enabled: true, container_check_interval_ms: 1000, ..config() }
}

fn harness(config: Config) -> (Harness, ConnId) {
    let mut h = Harness::with(Recovery::new(config, Prng::new(7)).finish(now(0)));
    let (conn, _) = h.connect();
    (h, conn)
}

fn ttl_request(path: &str, flags: i32, ttl_ms: i64) -> CreateTtlRequest {
    CreateTtlRequest { path: path.into(), data: None, acl: open_acl(), flags, ttl_ms }
}

fn container(h: &mut Harness, conn: ConnId, path: &str) -> Reply {
    h.call(conn, OpCode::CREATE_CONTAINER, &create_request(path, b"", CreateMode::Container))
}

fn ttl(h: &mut Harness, conn: ConnId, path: &str, ttl_ms: i64) -> Reply {
    h.call(conn, OpCode::CREATE_TTL, &ttl_request(path, CreateMode::PersistentWithTtl.flags(), ttl_ms))
}

fn is_there(h: &mut Harness, conn: ConnId, path: &str) -> bool {
    let reply = h.call(conn, OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: false });
    reply.err == ErrorCode::OK
}

fn owner(h: &Harness, path: &str) -> i64 {
    h.keeper.tree().get(path).expect("it was created").numbers().ephemeral_owner
}

#[test]
fn the_owner_says_what_a_node_is_and_clients_do_not_see_it() {
    let (mut h, conn) = harness(extended());
    let Create2Response { path, stat } = container(&mut h, conn, "/c").body();
    assert_eq!((&*path, stat.ephemeral_owner), ("/c", SessionId(0)));
    assert_eq!(owner(&h, "/c"), i64::MIN);
    let Create2Response { path, stat } = ttl(&mut h, conn, "/t", 5000).body();
    assert_eq!((&*path, stat.ephemeral_owner), ("/t", SessionId(0)));
    assert_eq!(owner(&h, "/t"), (0xFF << 56) | 5000);
    let reply = h.call(conn, OpCode::CREATE_TTL, &ttl_request("/t-", 6, (1 << 40) - 1));
    assert_eq!(reply.body::<Create2Response>().path, "/t-0000000002");
    let kinds: Vec<i32> = h.log[1..]
        .iter()
        .map(|(_, payload)| Transaction::from_bytes(payload.clone()).expect("our own bytes").header.opcode)
        .collect();
    assert_eq!(kinds, [19, 21, 21]);
    assert_eq!(h.keeper.digest_mismatches(), 0);
    // A node below them is like any other.
    assert_eq!(h.create(conn, "/c/a", CreateMode::Ephemeral).err, ErrorCode::OK);
    assert_eq!(h.create(conn, "/t/a", CreateMode::Persistent).err, ErrorCode::OK);
}

#[test]
fn the_operation_decides_and_the_flags_are_checked() {
    let (mut h, conn) = harness(extended());
    let plain = |flags| CreateRequest { path: "/p".into(), data: None, acl: open_acl(), flags };
    let table = [
        (OpCode::CREATE, plain(4).to_bytes(), ErrorCode::OK, 0),
        (OpCode::CREATE2, plain(4).to_bytes(), ErrorCode::OK, 0),
        (OpCode::CREATE, plain(5).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE2, plain(6).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_CONTAINER, plain(0).to_bytes(), ErrorCode::OK, i64::MIN),
        (OpCode::CREATE_CONTAINER, plain(1).to_bytes(), ErrorCode::OK, i64::MIN),
        (OpCode::CREATE_CONTAINER, plain(5).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_CONTAINER, plain(9).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("/p", 5, 0).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("/p", 5, -1).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("/p", 5, 1 << 40).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("/p", 0, 7).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("/p", 0, -1).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("p", 5, 7).to_bytes(), ErrorCode::BAD_ARGUMENTS, 0),
        (OpCode::CREATE_TTL, ttl_request("/p", 5, 7).to_bytes(), ErrorCode::OK, (0xFF << 56) | 7),
    ];
    for (op, body, expected, raw_owner) in table {
        let reply = h.call_raw(conn, op, body.clone());
        assert_eq!(reply.err, expected, "{op:?} {body:?}");
        if expected == ErrorCode::OK {
            assert_eq!(owner(&h, "/p"), raw_owner, "{op:?} {body:?}");
            assert_eq!(h.delete(conn, "/p").err, ErrorCode::OK);
        }
    }
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn ttl_nodes_need_the_extended_types() {
    let (mut h, conn) = harness(config());
    assert_eq!(ttl(&mut h, conn, "/t", 5).err, ErrorCode::UNIMPLEMENTED);
    assert_eq!(ttl(&mut h, conn, "t", 0).err, ErrorCode::UNIMPLEMENTED, "before everything else");
    assert_eq!(container(&mut h, conn, "/c").err, ErrorCode::OK, "containers do not");
    let raw =
        h.call(conn, OpCode::CREATE, &CreateRequest { flags: 5, ..create_request("/t", b"", CreateMode::Persistent) });
    assert_eq!(raw.err, ErrorCode::UNIMPLEMENTED);
    assert!(h.closed.is_empty(), "the connection stays");
}

#[test]
fn in_a_multi_the_flags_decide() {
    let (mut h, conn) = harness(extended());
    let plain = |path: &str, flags| CreateRequest { path: path.into(), data: None, acl: open_acl(), flags };
    let ops = vec![
        MultiOp::Create(plain("/a", 4)),
        MultiOp::CreateContainer(plain("/b", 0)),
        MultiOp::CreateTtl(ttl_request("/c", 5, 9)),
        MultiOp::CreateTtl(ttl_request("/d", 0, 9)),
        MultiOp::CreateTtl(ttl_request("/e", 4, -1)),
    ];
    let reply: MultiResponse = h.call(conn, OpCode::MULTI, &MultiRequest { ops }).body();
    let made: Vec<&str> = reply
        .results
        .iter()
        .map(|result| match result {
            MultiResult::Create { path } => path,
            MultiResult::Create2 { path, stat } => {
                assert_eq!(stat.ephemeral_owner, SessionId(0));
                path
            }
            other => panic!("{other:?}"),
        })
        .map(|path| &**path)
        .collect();
    assert_eq!(made, ["/a", "/b", "/c", "/d", "/e"]);
    assert!(matches!(reply.results[3], MultiResult::Create { .. }), "a createTTL of another mode is a create");
    let owners = ["/a", "/b", "/c", "/d", "/e"].map(|path| owner(&h, path));
    assert_eq!(owners, [i64::MIN, i64::MIN, (0xFF << 56) | 9, 0, i64::MIN]);

    let bad = h.call(conn, OpCode::MULTI, &MultiRequest { ops: vec![MultiOp::Create(plain("/x", 5))] });
    assert_eq!(bad.err, ErrorCode::MARSHALLING_ERROR, "a time to live belongs into createTTL");
    let ops = vec![MultiOp::CreateTtl(ttl_request("/x", 9, 9))];
    let reply: MultiResponse = h.call(conn, OpCode::MULTI, &MultiRequest { ops }).body();
    assert_eq!(reply.results, [MultiResult::Error(ErrorCode::BAD_ARGUMENTS)]);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn an_empty_container_goes_once_it_had_a_child() {
    let (mut h, conn) = harness(extended());
    container(&mut h, conn, "/new");
    container(&mut h, conn, "/used");
    container(&mut h, conn, "/full");
    h.create(conn, "/used/a", CreateMode::Persistent);
    h.create(conn, "/full/a", CreateMode::Persistent);
    h.advance_to(5000);
    assert!(is_there(&mut h, conn, "/used"));
    h.delete(conn, "/used/a");
    h.call(conn, OpCode::EXISTS, &ExistsRequest { path: "/used".into(), watch: true });
    h.advance_to(7000);
    let told: Vec<_> = h.take(conn).iter().map(Reply::event).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0, &*told[0].1), (2, "/used"));
    let there = ["/new", "/used", "/full"].map(|path| is_there(&mut h, conn, path));
    assert_eq!(there, [true, false, true]);
    let (_, payload) = h.log.last().expect("the deletion is logged").clone();
    let txn = Transaction::from_bytes(payload).expect("our own bytes");
    assert_eq!((txn.header.opcode, txn.header.client_id, txn.header.cxid), (20, SessionId(0), 0));
    assert!(matches!(txn.body, TxnBody::Delete(_)));
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn a_container_that_is_never_used_goes_when_the_operator_says_so() {
    let (mut h, conn) = harness(Config { container_never_used_ms_max: 3000, ..extended() });
    container(&mut h, conn, "/new");
    h.advance_to(3000);
    assert!(is_there(&mut h, conn, "/new"));
    h.advance_to(5000);
    assert!(!is_there(&mut h, conn, "/new"));
}

#[test]
fn a_ttl_node_goes_when_it_is_childless_and_was_left_alone() {
    let (mut h, conn) = harness(extended());
    ttl(&mut h, conn, "/t", 3000);
    ttl(&mut h, conn, "/kept", 3000);
    h.create(conn, "/kept/child", CreateMode::Persistent);
    h.advance_to(2500);
    assert_eq!(h.set(conn, "/t", b"again", -1).body::<SetDataResponse>().stat.version, 1);
    h.advance_to(5000);
    assert!(is_there(&mut h, conn, "/t"), "its time counts from the last setData");
    h.advance_to(8000);
    let there = ["/t", "/kept"].map(|path| is_there(&mut h, conn, path));
    assert_eq!(there, [false, true]);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

/// A snapshot of a keeper with the node `/old`, whose owner is as release 3.5.3 wrote it.
fn with_a_node_of_3_5_3(config: keeper::Config) -> keeper::Recovery {
    let (mut h, conn) = harness(extended());
    h.create(conn, "/old", CreateMode::Persistent);
    let (zxid, snapshot) = h.snapshot();
    let mut recovery = keeper::Recovery::new(config, base::Prng::new(1));
    recovery.begin_snapshot(zxid);
    for mut record in support::records(&snapshot) {
        if let zk_wire::snapshot::SnapshotRecord::Node(path, node) = &mut record
            && *path == "/old"
        {
            node.stat.ephemeral_owner = i64::MIN | 3000;
        }
        recovery.record(record).expect("records fit");
    }
    // The digest of another tree, as it is the digest of the node as it was.
    let digest = zk_wire::ZxidDigest { zxid, digest_version: 2, digest: 1 };
    recovery.end_snapshot(Some(digest)).expect("a whole snapshot");
    recovery
}

#[test]
fn ttl_nodes_of_3_5_3_become_todays_when_the_operator_says_that_there_are_some() {
    let recovery = with_a_node_of_3_5_3(keeper::Config { emulate_353_ttl_nodes: true, ..extended() });
    assert_eq!(recovery.digest_mismatches(), 0, "there is nothing to compare");
    let mut h = Harness::with(recovery.finish(support::now(0)));
    let (conn, _) = h.connect();
    assert_eq!(owner(&h, "/old"), (0xFF << 56) | 3000);
    assert!(is_there(&mut h, conn, "/old"));
    h.advance_to(8000);
    assert!(!is_there(&mut h, conn, "/old"), "its time is over");
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn without_the_switch_they_are_nodes_of_a_session_that_is_not_there() {
    let recovery = with_a_node_of_3_5_3(extended());
    assert_eq!(recovery.digest_mismatches(), 1);
    let h = Harness::with(recovery.finish(support::now(0)));
    assert_eq!(owner(&h, "/old"), i64::MIN | 3000);
    assert_eq!(h.keeper.tree().ephemerals_count(), 1);
}

#[test]
fn a_write_under_way_saves_its_node() {
    let (mut h, conn) = harness(extended());
    container(&mut h, conn, "/c");
    h.create(conn, "/c/a", CreateMode::Persistent);
    h.delete(conn, "/c/a");
    ttl(&mut h, conn, "/t", 100);
    h.now_ms = 900;
    h.send(conn, OpCode::CREATE, &create_request("/c/b", b"", CreateMode::Persistent));
    h.send(conn, OpCode::SET_DATA, &zk_wire::SetDataRequest { path: "/t".into(), data: None, version: -1 });
    h.now_ms = 950;
    let proposed = h.log.len();
    // Only now is it time; nothing of the two writes is applied yet.
    while let Some(due) = h.keeper.deadline().filter(|due| due.as_millis() <= 1000) {
        h.now_ms = h.now_ms.max(due.as_millis());
        h.step(keeper::Event::Tick);
    }
    assert_eq!(h.log.len(), proposed);
    h.sync();
    h.advance_to(1050);
    assert!(is_there(&mut h, conn, "/c/b") && is_there(&mut h, conn, "/t"));
}

#[test]
fn deletions_keep_to_the_limit_and_steps_stay_short() {
    let (mut h, conn) = harness(Config { containers_per_minute_max: 60, ..extended() });
    for n in 0..1000 {
        h.send(
            conn,
            OpCode::CREATE_TTL,
            &ttl_request(&format!("/t{n:04}"), 5, if n % 100 == 0 { 10 } else { 1 << 30 }),
        );
    }
    h.sync();
    h.advance_to(999);
    let before = h.keeper.tree().nodes_count();
    let mut steps = Vec::new();
    while let Some(due) = h.keeper.deadline().filter(|due| due.as_millis() <= 11_000) {
        h.now_ms = h.now_ms.max(due.as_millis());
        let proposed = h.log.len();
        h.step(keeper::Event::Tick);
        steps.push((h.now_ms, h.log.len() - proposed));
        h.sync();
    }
    assert_eq!(before - h.keeper.tree().nodes_count(), 10, "{steps:?}");
    let times: Vec<u64> = steps.iter().filter(|step| step.1 > 0).map(|step| step.0).collect();
    assert_eq!(times, (1..=10).map(|n| n * 1000).collect::<Vec<_>>(), "one a second");
    assert!(steps.iter().all(|step| step.1 <= 1));
}

#[test]
fn they_survive_a_restart_and_go_later() {
    let (mut h, conn) = harness(extended());
    ttl(&mut h, conn, "/t", 3000);
    container(&mut h, conn, "/c");
    h.create(conn, "/c/a", CreateMode::Persistent);
    h.delete(conn, "/c/a");
    let mut recovery = Recovery::new(extended(), Prng::new(8));
    for (_, payload) in &h.log {
        recovery.replay(payload.clone()).expect("our own bytes");
    }
    let mut h = Harness::with(recovery.finish(now(2000)));
    h.now_ms = 2000;
    assert_eq!(h.keeper.digest_mismatches(), 0);
    let (conn, _) = h.connect();
    h.advance_to(5500);
    let there = ["/t", "/c"].map(|path| is_there(&mut h, conn, path));
    assert_eq!(there, [false, false]);
}

#[test]
fn clients_may_not_delete_containers_as_the_server_does() {
    let (mut h, conn) = harness(extended());
    container(&mut h, conn, "/c");
    let reply = h.call(conn, OpCode::DELETE_CONTAINER, &DeleteContainerRequest { path: "/c".into() });
    assert_eq!(reply.err, ErrorCode::UNIMPLEMENTED);
    assert!(h.closed.contains_key(&conn));
    let (conn, _) = h.connect();
    assert_eq!(
        h.call(conn, OpCode::EXISTS, &ExistsRequest { path: "/c".into(), watch: false })
            .body::<ExistsResponse>()
            .stat
            .num_children,
        0
    );
}
