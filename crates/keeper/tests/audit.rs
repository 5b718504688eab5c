//! The audit log's records, as Apache ZooKeeper 3.9.5 writes its lines for the same requests.

mod support;

use base::Prng;
use keeper::{Config, Effect, Recovery};
use support::{Harness, acl, config, create_request, now};
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::{AuthPacket, CreateMode, DeleteRequest, OpCode, SetAclRequest, SetDataRequest};

/// The lines so far, without the session in front.
fn lines(h: &mut Harness) -> Vec<String> {
    let effects = std::mem::take(&mut h.effects);
    let line = |effect: Effect| match effect {
        Effect::Audit(record) => Some(record.line("root").split_once('\t').unwrap().1.replace('\t', " ")),
        _ => None,
    };
    effects.into_iter().filter_map(line).collect()
}

fn harness(audit: bool) -> Harness {
    Harness::with(Recovery::new(Config { audit, ..config() }, Prng::new(7)).finish(now(0)))
}

const BOB: &str = "user=bob,127.0.0.1 ip=127.0.0.1";

#[test]
fn every_change_has_its_line() {
    let mut h = harness(true);
    let (conn, _) = h.connect();
    let auth = AuthPacket { auth_type: 0, scheme: "digest".into(), auth: bytes::Bytes::from_static(b"bob:pw").into() };
    h.call(conn, OpCode::AUTH, &auth);
    for (path, mode) in [
        ("/a", CreateMode::Persistent),
        ("/a/s-", CreateMode::PersistentSequential),
        ("/a/es-", CreateMode::EphemeralSequential),
        ("/a", CreateMode::Persistent),
    ] {
        h.call(conn, OpCode::CREATE, &create_request(path, b"", mode));
    }
    let set = |path: &str| SetDataRequest { path: path.into(), data: None, version: -1 };
    h.call(conn, OpCode::SET_DATA, &set("/a"));
    h.call(conn, OpCode::SET_DATA, &set("/none"));
    let list = Some(vec![acl(31, "world", "anyone")]);
    h.call(conn, OpCode::SET_ACL, &SetAclRequest { path: "/a".into(), acl: list, version: -1 });
    let delete = |path: &str| DeleteRequest { path: path.into(), version: -1 };
    h.call(conn, OpCode::DELETE, &delete("/a/s-0000000000"));
    h.call(conn, OpCode::DELETE, &delete("/none"));
    let expected = [
        "operation=create znode=/a znode_type=persistent result=success",
        "operation=create znode=/a/s-0000000000 znode_type=persistent_sequential result=success",
        "operation=create znode=/a/es-0000000001 znode_type=ephemeral_sequential result=success",
        "operation=create znode=/a znode_type=persistent result=failure",
        "operation=setData znode=/a result=success",
        "operation=setData znode=/none result=failure",
        "operation=setAcl znode=/a acl=world:anyone:cdrwa result=success",
        "operation=delete znode=/a/s-0000000000 result=success",
        "operation=delete znode=/none result=failure",
    ];
    assert_eq!(lines(&mut h), expected.map(|line| format!("{BOB} {line}")));
}

#[test]
fn parts_of_a_multi_and_what_goes_with_its_session() {
    let mut h = harness(true);
    let (conn, _) = h.connect();
    let create = |path: &str, mode| MultiOp::Create(create_request(path, b"", mode));
    let delete = |path: &str| MultiOp::Delete(DeleteRequest { path: path.into(), version: -1 });
    let set = MultiOp::SetData(SetDataRequest { path: "/t".into(), data: None, version: -1 });
    let good = vec![create("/t", CreateMode::Persistent), set, delete("/t"), create("/e", CreateMode::Ephemeral)];
    h.call(conn, OpCode::MULTI, &MultiRequest { ops: good });
    let bad = vec![create("/t", CreateMode::Persistent), delete("/none")];
    h.call(conn, OpCode::MULTI, &MultiRequest { ops: bad });
    let user = "user=127.0.0.1 ip=127.0.0.1";
    let expected = [
        format!("{user} operation=create znode=/t znode_type=persistent result=success"),
        format!("{user} operation=setData znode=/t result=success"),
        format!("{user} operation=delete znode=/t result=success"),
        format!("{user} operation=create znode=/e znode_type=ephemeral result=success"),
        format!("{user} operation=multiOperation result=failure"),
    ];
    assert_eq!(lines(&mut h), expected);
    h.call_raw(conn, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    let gone = "user=root operation=ephemeralZNodeDeletionOnSessionCloseOrExpire znode=/e result=success";
    assert_eq!(lines(&mut h), [gone]);
}

#[test]
fn without_the_switch_there_are_no_records() {
    let mut h = harness(false);
    let (conn, _) = h.connect();
    h.call(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Ephemeral));
    assert_eq!(lines(&mut h), [""; 0]);
}
