//! From snapshot and log to the same keeper, wherever the snapshot stood. Source: upstream's `FileTxnSnapLog.restore`,
//! ZOOKEEPER-3145, -3306, -4846.

mod support;

use base::Prng;
use bytes::{Bytes, BytesMut};
use keeper::{ConnId, Recovery};
use support::{Harness, acl, config, content, create_request, now, recover};
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::{
    ConnectRequest, CreateMode, CreateRequest, DeleteRequest, ErrorCode, OpCode, SetAclRequest, SetDataRequest, Zxid,
};

/// One random client action: names are few, so that nodes come and go.
fn act(h: &mut Harness, prng: &mut Prng, clients: &mut Vec<ConnId>) {
    let conn = clients[prng.below(clients.len() as u64) as usize];
    let path = path(prng);
    match prng.below(20) {
        0..8 => {
            let mode = CreateMode::from_flags(prng.below(4) as i32).expect("below 4");
            let list =
                (prng.below(3) > 0).then(|| vec![acl(31, "world", "anyone"), acl(prng.below(31) as i32, "ip", "::1")]);
            let request = create_request(&path, &[prng.below(9) as u8], mode);
            let acl = list.or(request.acl.clone());
            h.send(conn, OpCode::CREATE, &CreateRequest { acl, ..request });
        }
        8..13 => {
            h.send(conn, OpCode::DELETE, &DeleteRequest { path: path.as_str().into(), version: -1 });
        }
        13..15 => {
            let data = Some(Bytes::from(vec![7; prng.below(50) as usize]));
            h.send(conn, OpCode::SET_DATA, &SetDataRequest { path: path.as_str().into(), data, version: -1 });
        }
        15 => {
            let acl = Some(vec![acl(31, "world", "anyone"), acl(prng.below(31) as i32, "ip", "::2")]);
            h.send(conn, OpCode::SET_ACL, &SetAclRequest { path: path.as_str().into(), acl, version: -1 });
        }
        16 | 17 => {
            let other = self::path(prng);
            let ops = vec![
                MultiOp::Create(create_request(&path, b"", CreateMode::Ephemeral)),
                MultiOp::Delete(DeleteRequest { path: other.as_str().into(), version: -1 }),
            ];
            h.send(conn, OpCode::MULTI, &MultiRequest { ops });
        }
        18 => {
            h.send_bytes(conn, OpCode::CLOSE_SESSION, Bytes::new());
            clients.retain(|other| *other != conn);
            let (conn, _) = h.connect();
            clients.push(conn);
        }
        _ => h.sync(),
    }
}

fn path(prng: &mut Prng) -> String {
    let names = ["a", "b", "c"];
    let depth = 1 + prng.below(3);
    (0..depth).map(|_| format!("/{}", names[prng.below(3) as usize])).collect()
}

#[test]
fn a_log_replayed_over_any_fuzzy_snapshot_gives_the_same_keeper() {
    for seed in 0..60 {
        let mut prng = Prng::new(seed);
        let mut h = Harness::new();
        let mut clients: Vec<ConnId> = (0..3).map(|_| h.connect().0).collect();
        for _ in 0..prng.below(100) {
            act(&mut h, &mut prng, &mut clients);
        }
        // The snapshot is written a few nodes at a time while clients go on.
        let mut bytes = BytesMut::new();
        let mut cursor = h.keeper.snapshot_begin(&mut bytes);
        while h.keeper.snapshot_chunk(&mut cursor, prng.below(300) as usize + 1, &mut bytes) {
            for _ in 0..prng.below(8) {
                act(&mut h, &mut prng, &mut clients);
            }
        }
        let digest = h.keeper.snapshot_digest();
        for _ in 0..100 {
            act(&mut h, &mut prng, &mut clients);
        }
        h.sync();
        assert_eq!(h.keeper.digest_mismatches(), 0, "seed {seed}: prep foresaw another tree");

        let mut recovery = Recovery::new(config(), Prng::new(9));
        recovery.begin_snapshot(cursor.zxid());
        for record in support::records(&bytes.freeze()) {
            recovery.record(record).expect("records fit");
        }
        recovery.end_snapshot(digest).expect("a whole snapshot");
        for (_, payload) in &h.log {
            recovery.replay(payload.clone()).expect("the log replays");
        }
        assert_eq!(recovery.last_zxid(), h.keeper.last_processed());
        assert_eq!(recovery.digest_mismatches(), 0, "seed {seed}");
        let recovered = recovery.finish(now(0));
        assert_eq!(content(&recovered), content(&h.keeper), "seed {seed}");
        assert_eq!(recovered.summary().ephemerals, h.keeper.summary().ephemerals, "seed {seed}");
        assert_eq!(recovered.summary().nodes, h.keeper.summary().nodes, "seed {seed}");
        assert_eq!(recovered.summary().approximate_data_size, h.keeper.summary().approximate_data_size);
    }
}

#[test]
fn from_the_log_alone() {
    let mut h = Harness::new();
    let (conn, session) = h.connect();
    h.create(conn, "/a", CreateMode::Persistent);
    h.create(conn, "/e", CreateMode::Ephemeral);
    h.delete(conn, "/no");
    let mut recovery = Recovery::new(config(), Prng::new(1));
    for (_, payload) in &h.log {
        recovery.replay(payload.clone()).expect("the log replays");
    }
    assert_eq!((recovery.last_zxid(), recovery.digest_mismatches()), (Zxid(4), 0));
    let keeper = recovery.finish(now(0));
    assert_eq!(content(&keeper), content(&h.keeper));

    // Its client comes back, and goes on where the log ends.
    let mut h = Harness::with(keeper);
    let conn = h.resume(session, 8000);
    assert_eq!(h.connect_response(conn).session, session);
    assert_eq!(h.delete(conn, "/e").zxid, 5);
}

#[test]
fn a_session_that_nobody_resumes_ends_after_its_timeout() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/e", CreateMode::Ephemeral);
    let (zxid, bytes) = h.snapshot();
    let mut h = Harness::with(recover(zxid, &bytes, &[]).finish(now(0)));
    h.advance_to(39_000);
    assert_eq!(h.keeper.summary().ephemerals, 1);
    h.advance_to(50_000);
    assert_eq!((h.keeper.summary().ephemerals, h.keeper.summary().sessions), (0, 0));
}

#[test]
fn owners_that_are_no_sessions_are_closed_at_once() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/e", CreateMode::Ephemeral);
    let mut recovery = Recovery::new(config(), Prng::new(1));
    recovery.replay(h.log[1].1.clone()).expect("the creation without its session");
    let mut h = Harness::with(recovery.finish(now(0)));
    assert_eq!(h.keeper.summary().ephemerals, 1);
    h.advance_to(0);
    assert_eq!((h.keeper.summary().ephemerals, h.log.len()), (0, 1));
    assert_eq!(h.keeper.deadline(), None);
}

#[test]
fn a_damaged_snapshot_is_an_error_and_the_next_one_starts_afresh() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/a", CreateMode::Persistent);
    h.create(conn, "/a/b", CreateMode::Persistent);
    let (zxid, bytes) = h.snapshot();
    let mut recovery = Recovery::new(config(), Prng::new(1));
    recovery.begin_snapshot(zxid);
    let orphan = support::records(&bytes)
        .into_iter()
        .filter(|record| !matches!(record, zk_wire::snapshot::SnapshotRecord::Node(path, _) if path == "/a"))
        .find_map(|record| recovery.record(record).err());
    assert_eq!(orphan.map(|error| error.to_string()), Some("the snapshot has node \"/a/b\" but not its parent".into()));
    recovery.begin_snapshot(zxid);
    for record in support::records(&bytes) {
        recovery.record(record).expect("records fit");
    }
    recovery.end_snapshot(None).expect("a whole snapshot");
    assert_eq!(content(&recovery.finish(now(0))), content(&h.keeper));
}

/// A log of an old release: a creation without the parent's counter, a close without a list.
#[test]
fn old_transactions_replay() {
    use zk_wire::txn::{Transaction, TxnBody};
    use zk_wire::{CreateSessionTxn, CreateTxnV0, SessionId, TxnHeader};
    let session = SessionId(5);
    let txn = |zxid, opcode: OpCode, body| {
        let header = TxnHeader { client_id: session, cxid: 1, zxid: Zxid(zxid), time_ms: 9, opcode: opcode.0 };
        Transaction { header, body, digest: None }.to_bytes()
    };
    let create = |path: &str, ephemeral| {
        TxnBody::CreateV0(CreateTxnV0 { path: path.into(), acl: support::open_acl(), ephemeral, data: None })
    };
    let mut recovery = Recovery::new(config(), Prng::new(1));
    let body = TxnBody::CreateSession(CreateSessionTxn { timeout_ms: 5000 });
    recovery.replay(txn(1, OpCode::CREATE_SESSION, body)).expect("replays");
    recovery.replay(txn(2, OpCode::CREATE, create("/a", false))).expect("replays");
    recovery.replay(txn(3, OpCode::CREATE, create("/a/e", true))).expect("replays");
    recovery.replay(txn(4, OpCode::CLOSE_SESSION, TxnBody::CloseSession(None))).expect("replays");
    assert!(recovery.replay(Bytes::from_static(b"nonsense")).is_err());
    let keeper = recovery.finish(now(0));
    let node = keeper.tree().get("/a").expect("created");
    assert_eq!((node.numbers().cversion, node.pzxid(), node.children_count()), (1, Zxid(4), 0));
    assert_eq!(keeper.summary().sessions, 0);
}

#[test]
fn a_connect_while_nothing_is_durable_yet_survives_a_restart_only_if_logged() {
    let mut h = Harness::new();
    h.connect_with(ConnectRequest::default());
    let mut recovery = Recovery::new(config(), Prng::new(1));
    assert_eq!(recovery.last_zxid(), Zxid(0));
    recovery.replay(h.log[0].1.clone()).expect("replays");
    assert_eq!(recovery.finish(now(0)).summary().sessions, 1);
    assert_eq!(ErrorCode::OK.0, 0);
}

#[test]
fn a_long_recovery_costs_no_session() {
    let mut h = Harness::new();
    h.connect();
    let (zxid, bytes) = h.snapshot();
    let mut keeper = recover(zxid, &bytes, &[]).finish(now(0));
    keeper.restart_timeouts(now(100_000));
    let mut h = Harness::with(keeper);
    h.advance_to(100_000);
    assert_eq!(h.keeper.summary().sessions, 1);
    h.advance_to(150_000);
    assert_eq!(h.keeper.summary().sessions, 0);
}
