//! Each operation: what it gives, which check comes first, which error wins. Source: the ZooKeeper programmer's guide and
//! upstream's `PrepRequestProcessor`, `FinalRequestProcessor`.

mod support;

use base::Str;
use bytes::Bytes;
use support::{Harness, WALL_MS, acl, create_request, open_acl};
use zk_wire::{
    AuthPacket, Create2Response, CreateMode, CreateRequest, CreateResponse, DeleteRequest, ErrorCode, ExistsRequest,
    ExistsResponse, GetAclRequest, GetAclResponse, GetChildren2Request, GetChildren2Response, GetChildrenRequest,
    GetChildrenResponse, GetDataRequest, GetDataResponse, Jute, OpCode, SessionId, SetAclRequest, SetAclResponse,
    SetDataResponse, SyncRequest, SyncResponse, Zxid,
};

fn get(h: &mut Harness, conn: keeper::ConnId, path: &str) -> GetDataResponse {
    h.call(conn, OpCode::GET_DATA, &GetDataRequest { path: path.into(), watch: false }).body()
}

fn exists(h: &mut Harness, conn: keeper::ConnId, path: &str) -> zk_wire::Stat {
    h.call(conn, OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: false }).body::<ExistsResponse>().stat
}

fn children(h: &mut Harness, conn: keeper::ConnId, path: &str) -> Vec<Str> {
    let request = GetChildrenRequest { path: path.into(), watch: false };
    h.call(conn, OpCode::GET_CHILDREN, &request).body::<GetChildrenResponse>().children.expect("not null")
}

#[test]
fn the_first_tree_is_upstreams() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    assert_eq!(children(&mut h, conn, "/"), ["zookeeper"]);
    assert_eq!(children(&mut h, conn, "/zookeeper"), ["config", "quota"]);
    let stat = exists(&mut h, conn, "/zookeeper");
    assert_eq!((stat.czxid, stat.ctime, stat.cversion, stat.num_children), (Zxid(0), 0, -2, 2));
    assert_eq!(exists(&mut h, conn, "/").cversion, -1);
}

#[test]
fn create_get_set_delete() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.now_ms = 50;
    let reply = h.call(conn, OpCode::CREATE, &create_request("/a", b"one", CreateMode::Persistent));
    assert_eq!((reply.zxid, reply.body::<CreateResponse>().path), (2, "/a".into()));
    let GetDataResponse { data, stat } = get(&mut h, conn, "/a");
    assert_eq!(data, Some(Bytes::from_static(b"one")));
    assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (Zxid(2), Zxid(2), Zxid(2)));
    assert_eq!((stat.ctime, stat.mtime, stat.version, stat.data_length), (WALL_MS + 50, WALL_MS + 50, 0, 3));

    h.now_ms = 60;
    let stat = h.set(conn, "/a", b"more", 0).body::<SetDataResponse>().stat;
    assert_eq!((stat.mzxid, stat.mtime, stat.version, stat.data_length), (Zxid(3), WALL_MS + 60, 1, 4));
    assert_eq!((stat.czxid, stat.ctime), (Zxid(2), WALL_MS + 50));

    let reply = h.delete(conn, "/a");
    assert_eq!((reply.err, reply.body.len()), (ErrorCode::OK, 0));
    let root = exists(&mut h, conn, "/");
    assert_eq!((root.pzxid, root.cversion, root.num_children), (Zxid(4), 1, 1));
    let reply = h.call(conn, OpCode::GET_DATA, &GetDataRequest { path: "/a".into(), watch: false });
    assert_eq!((reply.err, reply.zxid, reply.body.len()), (ErrorCode::NO_NODE, 4, 0));
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn null_data_stays_null() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let request = CreateRequest { path: "/n".into(), data: None, acl: open_acl(), flags: 0 };
    h.call(conn, OpCode::CREATE, &request);
    assert_eq!(get(&mut h, conn, "/n").data, None);
    h.create(conn, "/e", CreateMode::Persistent);
    assert_eq!(get(&mut h, conn, "/e").data, Some(Bytes::new()));
}

#[test]
fn create2_gives_the_stat() {
    let mut h = Harness::new();
    let (conn, session) = h.connect();
    let reply = h.call(conn, OpCode::CREATE2, &create_request("/e-", b"12", CreateMode::EphemeralSequential));
    let Create2Response { path, stat } = reply.body();
    assert_eq!(path, "/e-0000000000");
    assert_eq!((stat.czxid, stat.ephemeral_owner, stat.data_length), (Zxid(2), session, 2));
}

#[test]
fn sequential_names_count_creations_of_all_kinds() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    let mut name = |path: &str, mode| h.create(conn, path, mode).body::<CreateResponse>().path.to_string();
    assert_eq!(name("/p/x", CreateMode::PersistentSequential), "/p/x0000000000");
    assert_eq!(name("/p/plain", CreateMode::Persistent), "/p/plain");
    assert_eq!(name("/p/", CreateMode::EphemeralSequential), "/p/0000000002");
    h.delete(conn, "/p/0000000002");
    assert_eq!(
        h.create(conn, "/p/x", CreateMode::PersistentSequential).body::<CreateResponse>().path,
        "/p/x0000000003",
        "deletions give no number back"
    );
    // In flight: the second must see the first.
    h.take(conn);
    h.send(conn, OpCode::CREATE, &create_request("/p/y", b"", CreateMode::PersistentSequential));
    h.send(conn, OpCode::CREATE, &create_request("/p/y", b"", CreateMode::PersistentSequential));
    h.sync();
    let paths: Vec<Str> = h.take(conn).iter().map(|reply| reply.body::<CreateResponse>().path).collect();
    assert_eq!(paths, ["/p/y0000000004", "/p/y0000000005"]);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn errors_of_create_in_their_order() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/e", CreateMode::Ephemeral);
    let closed = CreateRequest {
        path: "/closed".into(),
        acl: Some(vec![acl(1, "world", "anyone")]),
        ..create_request("", b"", CreateMode::Persistent)
    };
    assert_eq!(h.call(conn, OpCode::CREATE, &closed).err, ErrorCode::OK);
    let no_acl = Some(Vec::new());
    let table = [
        ("/a", 9, open_acl(), ErrorCode::BAD_ARGUMENTS, "flags"),
        ("/a", 5, open_acl(), ErrorCode::UNIMPLEMENTED, "TTL nodes are off"),
        ("a", 0, no_acl.clone(), ErrorCode::BAD_ARGUMENTS, "no slash comes before the list"),
        ("/no/a", 0, no_acl, ErrorCode::INVALID_ACL, "the list comes before the parent"),
        ("/a", 0, None, ErrorCode::INVALID_ACL, "a null list is empty"),
        ("/no/a", 0, open_acl(), ErrorCode::NO_NODE, "the parent"),
        ("/closed/..", 0, open_acl(), ErrorCode::NO_AUTH, "the permission comes before the path"),
        ("/..", 0, open_acl(), ErrorCode::BAD_ARGUMENTS, "the path"),
        ("/e/", 0, open_acl(), ErrorCode::BAD_ARGUMENTS, "a trailing slash"),
        ("/e", 0, open_acl(), ErrorCode::NODE_EXISTS, "it is there"),
        ("/", 0, open_acl(), ErrorCode::NODE_EXISTS, "the root"),
        ("/e/a", 0, open_acl(), ErrorCode::NO_CHILDREN_FOR_EPHEMERALS, "below an ephemeral"),
    ];
    for (path, flags, acl, expected, why) in table {
        let request = CreateRequest { path: path.into(), data: None, acl, flags };
        assert_eq!(h.call(conn, OpCode::CREATE, &request).err, expected, "{why}");
    }
    assert_eq!(children(&mut h, conn, "/"), ["closed", "e", "zookeeper"]);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn errors_of_delete_in_their_order() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/p", CreateMode::Persistent);
    h.create(conn, "/p/c", CreateMode::Persistent);
    let table = [
        ("p", -1, ErrorCode::BAD_ARGUMENTS, "no slash"),
        ("/", -1, ErrorCode::BAD_ARGUMENTS, "the root"),
        ("/zookeeper/quota", -1, ErrorCode::BAD_ARGUMENTS, "a special node"),
        ("/no/c", -1, ErrorCode::NO_NODE, "no parent"),
        ("/no", 7, ErrorCode::NO_NODE, "no node"),
        ("/p", 7, ErrorCode::BAD_VERSION, "the version comes before the children"),
        ("/p", 0, ErrorCode::NOT_EMPTY, "children"),
        ("/p/c", 0, ErrorCode::OK, "the version"),
    ];
    for (path, version, expected, why) in table {
        let reply = h.call(conn, OpCode::DELETE, &DeleteRequest { path: path.into(), version });
        assert_eq!(reply.err, expected, "{why}");
    }
}

#[test]
fn set_data_and_set_acl_check_their_own_versions() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/a", CreateMode::Persistent);
    assert_eq!(h.set(conn, "/no", b"", -1).err, ErrorCode::NO_NODE);
    assert_eq!(h.set(conn, "/a/", b"", -1).err, ErrorCode::BAD_ARGUMENTS);
    assert_eq!(h.set(conn, "/a", b"", 1).err, ErrorCode::BAD_VERSION);
    assert_eq!(h.set(conn, "/a", b"", 0).err, ErrorCode::OK);
    let set_acl = |version| SetAclRequest { path: "/a".into(), acl: Some(vec![acl(31, "ip", "127.0.0.1")]), version };
    assert_eq!(h.call(conn, OpCode::SET_ACL, &set_acl(1)).err, ErrorCode::BAD_VERSION, "not the data's version");
    let stat = h.call(conn, OpCode::SET_ACL, &set_acl(0)).body::<SetAclResponse>().stat;
    assert_eq!((stat.aversion, stat.version, stat.mzxid), (1, 1, Zxid(6)), "{stat:?}");
    let none = SetAclRequest { path: "/a".into(), acl: None, version: -1 };
    assert_eq!(h.call(conn, OpCode::SET_ACL, &none).err, ErrorCode::INVALID_ACL);
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn a_failed_write_uses_a_zxid_and_is_logged_as_an_error() {
    let mut h = Harness::new();
    let (conn, session) = h.connect();
    let reply = h.delete(conn, "/no");
    assert_eq!((reply.err, reply.zxid), (ErrorCode::NO_NODE, 2));
    let (zxid, payload) = h.log.last().cloned().expect("it is logged");
    let txn = zk_wire::txn::Transaction::from_bytes(payload).expect("it decodes");
    assert_eq!((zxid, txn.header.opcode, txn.header.client_id), (Zxid(2), -1, session));
    assert_eq!(txn.body, zk_wire::txn::TxnBody::error(ErrorCode::NO_NODE));
}

#[test]
fn a_write_that_is_not_understood_takes_no_zxid_and_its_turn() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let created = h.send(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let garbled = h.send_bytes(conn, OpCode::CREATE, Bytes::from_static(&[1, 2, 3]));
    assert_eq!(h.take(conn), [], "the answer waits for the one in front");
    h.sync();
    let replies = h.take(conn);
    assert_eq!((replies[0].xid, replies[0].zxid), (created, 2));
    assert_eq!((replies[1].xid, replies[1].err, replies[1].zxid), (garbled, ErrorCode::MARSHALLING_ERROR, 2));
    assert_eq!(h.log.len(), 2, "the session and the creation");
}

#[test]
fn what_is_turned_away_waits_for_its_turn() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let created = h.send(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let garbled = h.send_bytes(conn, OpCode::SYNC, Bytes::from_static(&[1]));
    let unknown = h.send_bytes(conn, OpCode(999), Bytes::new());
    assert_eq!(h.take(conn), []);
    h.sync();
    let replies: Vec<_> = h.take(conn).iter().map(|reply| (reply.xid, reply.err)).collect();
    let expected =
        [(created, ErrorCode::OK), (garbled, ErrorCode::MARSHALLING_ERROR), (unknown, ErrorCode::UNIMPLEMENTED)];
    assert_eq!(replies, expected);
    assert_eq!(h.closed.get(&conn), Some(&keeper::CloseReason::Unimplemented));
}

#[test]
fn the_empty_path_reads_the_root() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    assert_eq!(children(&mut h, conn, ""), ["zookeeper"]);
    assert_eq!(exists(&mut h, conn, ""), exists(&mut h, conn, "/"));
    assert_eq!(h.set(conn, "", b"x", -1).err, ErrorCode::BAD_ARGUMENTS);
    assert_eq!(h.delete(conn, "").err, ErrorCode::BAD_ARGUMENTS);
}

#[test]
fn what_is_no_utf_8_is_no_path_rather_than_no_request() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.send_bytes(conn, OpCode::GET_DATA, Bytes::from_static(&[0, 0, 0, 2, b'/', 0xff, 0]));
    assert_eq!(h.take(conn)[0].err, ErrorCode::NO_NODE);
    h.send_bytes(conn, OpCode::DELETE, Bytes::from_static(&[0, 0, 0, 2, b'/', 0xff, 0, 0, 0, 0]));
    h.sync();
    assert_eq!(h.take(conn)[0].err, ErrorCode::NO_NODE);
}

#[test]
fn an_auth_packet_that_is_not_understood_ends_the_connection_without_an_answer() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.send_bytes(conn, OpCode::AUTH, Bytes::from_static(&[0, 0]));
    assert_eq!(h.take(conn), []);
    assert_eq!(h.closed.get(&conn), Some(&keeper::CloseReason::AuthFailed));
}

#[test]
fn the_trees_size_counts_characters_of_paths() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let before = h.keeper.summary().approximate_data_size;
    h.call(conn, OpCode::CREATE, &create_request("/\u{e9}", b"12", CreateMode::Persistent));
    assert_eq!(h.keeper.summary().approximate_data_size, before + 4);
    h.delete(conn, "/\u{e9}");
    assert_eq!(h.keeper.summary().approximate_data_size, before);
}

#[test]
fn reads_of_what_is_not_there() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    for path in ["/no", "x", "//", "/zookeeper/", "/no/no"] {
        let exists = h.call(conn, OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: false });
        let children = h.call(conn, OpCode::GET_CHILDREN2, &GetChildren2Request { path: path.into(), watch: false });
        let list = h.call(conn, OpCode::GET_ACL, &GetAclRequest { path: path.into() });
        assert_eq!([exists.err, children.err, list.err], [ErrorCode::NO_NODE; 3], "{path:?}");
    }
    let nul = h.call(conn, OpCode::EXISTS, &ExistsRequest { path: "/\0".into(), watch: false });
    assert_eq!(nul.err, ErrorCode::BAD_ARGUMENTS);
    h.send_bytes(conn, OpCode::GET_DATA, Bytes::new());
    assert_eq!(h.take(conn)[0].err, ErrorCode::MARSHALLING_ERROR);
    assert!(h.log.len() == 1, "reads are not logged");
}

#[test]
fn children_come_with_the_parents_stat() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    for path in ["/p", "/p/b", "/p/a", "/p/c"] {
        h.create(conn, path, CreateMode::Persistent);
    }
    h.delete(conn, "/p/c");
    let reply = h.call(conn, OpCode::GET_CHILDREN2, &GetChildren2Request { path: "/p".into(), watch: false });
    let GetChildren2Response { children, stat } = reply.body();
    assert_eq!(children, Some(vec!["a".into(), "b".into()]));
    assert_eq!((stat.num_children, stat.cversion, stat.version, stat.pzxid), (2, 4, 0, Zxid(6)));
}

#[test]
fn lists_are_enforced_and_super_passes() {
    let config =
        keeper::Config { super_digest: Some("super:xQJmxLMiHGwaqBvst5y6rkB6HQs=".to_string()), ..support::config() };
    let recovery = keeper::Recovery::new(config, base::Prng::new(7));
    let mut h = Harness::with(recovery.finish(support::now(0)));
    let (ben, _) = h.connect();
    let (bob, _) = h.connect();
    let auth = |scheme: &str, auth: &'static str| AuthPacket {
        auth_type: 0,
        scheme: scheme.into(),
        auth: Bytes::from_static(auth.as_bytes()).into(),
    };
    let reply = h.call(ben, OpCode::AUTH, &auth("digest", "user:pass"));
    assert_eq!((reply.err, reply.zxid, reply.body.len()), (ErrorCode::OK, 0, 0));
    let request =
        CreateRequest { acl: Some(vec![acl(31, "auth", "")]), ..create_request("/b", b"x", CreateMode::Persistent) };
    assert_eq!(h.call(bob, OpCode::CREATE, &request).err, ErrorCode::INVALID_ACL, "bob is nobody");
    assert_eq!(h.call(ben, OpCode::CREATE, &request).err, ErrorCode::OK);
    let list = h.call(ben, OpCode::GET_ACL, &GetAclRequest { path: "/b".into() }).body::<GetAclResponse>().acl;
    assert_eq!(list, Some(vec![acl(31, "digest", "user:smGaoVKd/cQkjm7b88GyorAUz20=")]));

    let read = GetDataRequest { path: "/b".into(), watch: false };
    assert_eq!(h.call(bob, OpCode::GET_DATA, &read).err, ErrorCode::NO_AUTH);
    assert_eq!(h.set(bob, "/b", b"", -1).err, ErrorCode::NO_AUTH);
    assert_eq!(h.create(bob, "/b/c", CreateMode::Persistent).err, ErrorCode::NO_AUTH);
    assert_eq!(h.call(bob, OpCode::GET_ACL, &GetAclRequest { path: "/b".into() }).err, ErrorCode::NO_AUTH);
    assert_eq!(h.delete(bob, "/b").err, ErrorCode::OK, "deleting is the parent's permission");

    let mixed = vec![acl(1, "world", "anyone"), acl(31, "digest", "user:smGaoVKd/cQkjm7b88GyorAUz20=")];
    let request = CreateRequest { acl: Some(mixed), ..request };
    assert_eq!(h.call(bob, OpCode::CREATE, &request).err, ErrorCode::OK);
    let list = h.call(bob, OpCode::GET_ACL, &GetAclRequest { path: "/b".into() }).body::<GetAclResponse>().acl;
    assert_eq!(list, Some(vec![acl(1, "world", "anyone"), acl(31, "digest", "user:x")]), "no hash without ADMIN");
    assert_eq!(h.set(bob, "/b", b"", -1).err, ErrorCode::NO_AUTH);
    assert_eq!(h.call(bob, OpCode::AUTH, &auth("digest", "super:admin")).err, ErrorCode::OK);
    assert_eq!(h.set(bob, "/b", b"", -1).err, ErrorCode::OK);

    h.take(bob);
    h.send(bob, OpCode::AUTH, &auth("kerberos", "x"));
    assert_eq!(h.take(bob)[0].err, ErrorCode::AUTH_FAILED);
    assert_eq!(h.closed.get(&bob), Some(&keeper::CloseReason::AuthFailed));
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn sync_waits_for_everybodys_writes() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (b, _) = h.connect();
    let request = SyncRequest { path: "/x".into() };
    assert_eq!(h.call(b, OpCode::SYNC, &request).body::<SyncResponse>().path, "/x", "nothing to wait for");
    h.send(a, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let sync = h.send(b, OpCode::SYNC, &request);
    let read = h.send(b, OpCode::EXISTS, &ExistsRequest { path: "/a".into(), watch: false });
    assert_eq!(h.take(b), []);
    h.sync();
    let replies = h.take(b);
    assert_eq!(replies.iter().map(|reply| reply.xid).collect::<Vec<_>>(), [sync, read]);
    assert_eq!(replies[1].err, ErrorCode::OK);
}

#[test]
fn what_is_not_served_is_answered_and_the_connection_ends() {
    for opcode in [-10, -1, 0, 10, 13, 20, 999] {
        let mut h = Harness::new();
        let (conn, _) = h.connect();
        h.send_bytes(conn, OpCode(opcode), Bytes::new());
        let reply = h.take(conn).remove(0);
        assert_eq!((reply.err, reply.zxid), (ErrorCode::UNIMPLEMENTED, -1), "{opcode}: there is no zxid yet");
        assert_eq!(h.closed.get(&conn), Some(&keeper::CloseReason::Unimplemented));
        assert_eq!(h.log.len(), 1, "{opcode} is not logged");
    }
}

#[test]
fn nothing_leaves_before_it_is_durable() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let (other, _) = h.connect();
    let create = h.send(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let read = h.send(conn, OpCode::EXISTS, &ExistsRequest { path: "/a".into(), watch: false });
    assert!(h.keeper.parked(conn) && !h.keeper.parked(other));
    assert_eq!(h.take(conn), []);
    let exists = h.call(other, OpCode::EXISTS, &ExistsRequest { path: "/a".into(), watch: false });
    assert_eq!(exists.err, ErrorCode::NO_NODE, "others do not see it either");
    let ping = h.send_bytes(conn, OpCode::PING, Bytes::new());
    h.sync();
    let replies = h.take(conn);
    assert_eq!(replies.iter().map(|reply| reply.xid).collect::<Vec<_>>(), [create, read, ping]);
    assert_eq!(replies[1].err, ErrorCode::OK, "a session reads its own writes");
    assert!(!h.keeper.parked(conn));
}

#[test]
fn reads_beside_each_other_are_the_same_as_through_the_machine() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let header = zk_wire::RequestHeader { xid: 5, opcode: OpCode::GET_DATA.0 };
    let body = GetDataRequest { path: "/zookeeper".into(), watch: false }.to_bytes();
    let keeper::ReadOutcome::Reply(frame) = h.keeper.read(support::now(1), conn, &header, body.clone()) else {
        panic!("a read is served");
    };
    h.step(keeper::Event::Request { conn, header: header.clone(), body: body.clone() });
    assert_eq!(h.sent[&conn], [frame]);
    h.send(conn, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    assert_eq!(h.keeper.read(support::now(1), conn, &header, body.clone()), keeper::ReadOutcome::Step, "a write waits");
    let write = zk_wire::RequestHeader { xid: 6, opcode: OpCode::CREATE.0 };
    h.sync();
    assert_eq!(h.keeper.read(support::now(1), conn, &write, body.clone()), keeper::ReadOutcome::Step);
    assert_eq!(h.keeper.read(support::now(1), keeper::ConnId(99), &header, body), keeper::ReadOutcome::Gone);
    assert_eq!(SessionId::NONE, SessionId(0));
}

#[test]
fn a_session_is_told_what_it_owns_and_who_it_is() {
    use zk_wire::{ClientInfo, GetEphemeralsRequest, GetEphemeralsResponse, WhoAmIResponse};
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.create(conn, "/a", CreateMode::Persistent);
    for path in ["/e", "/a/e1", "/a/e2"] {
        h.create(conn, path, CreateMode::Ephemeral);
    }
    let mut owned = |prefix: &str| {
        let reply = h.call(conn, OpCode::GET_EPHEMERALS, &GetEphemeralsRequest { prefix_path: prefix.into() });
        reply.body::<GetEphemeralsResponse>().ephemerals.expect("not null")
    };
    assert_eq!(owned("/"), ["/a/e1", "/a/e2", "/e"]);
    assert_eq!(owned("/a"), ["/a/e1", "/a/e2"]);
    assert_eq!(owned("/x"), [] as [&str; 0]);
    let auth = AuthPacket { auth_type: 0, scheme: "digest".into(), auth: Bytes::from_static(b"ben:secret").into() };
    h.call(conn, OpCode::AUTH, &auth);
    h.send_bytes(conn, OpCode::WHO_AM_I, Bytes::new());
    let me = h.take(conn)[0].body::<WhoAmIResponse>().client_info.expect("not null");
    let info = |auth_scheme: &str, user: &str| ClientInfo { auth_scheme: auth_scheme.into(), user: user.into() };
    assert_eq!(me, [info("ip", "127.0.0.1"), info("digest", "ben")]);
}

#[test]
fn descendants_are_counted() {
    use zk_wire::{GetAllChildrenNumberRequest, GetAllChildrenNumberResponse};
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    for path in ["/a", "/a/b", "/a/b/c", "/ab"] {
        h.create(conn, path, CreateMode::Persistent);
    }
    for (path, expected) in [("/a", 2), ("/a/b/c", 0), ("/", 7), ("/zookeeper", 2)] {
        let request = GetAllChildrenNumberRequest { path: path.into() };
        let reply = h.call(conn, OpCode::GET_ALL_CHILDREN_NUMBER, &request);
        assert_eq!(reply.body::<GetAllChildrenNumberResponse>().total_number, expected, "{path}");
    }
}

#[test]
fn several_reads_as_one() {
    use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    h.call(conn, OpCode::CREATE, &create_request("/a", b"one", CreateMode::Persistent));
    let stat = exists(&mut h, conn, "/a");
    let data = |path: &str| MultiOp::GetData(GetDataRequest { path: path.into(), watch: true });
    let names = MultiOp::GetChildren(GetChildrenRequest { path: "/".into(), watch: true });
    let request = MultiRequest { ops: vec![data("/a"), data("/no"), names] };
    let expected = [
        MultiResult::GetData { data: Some(Bytes::from_static(b"one")), stat },
        MultiResult::Error(ErrorCode::NO_NODE),
        MultiResult::GetChildren(Some(vec!["a".into(), "zookeeper".into()])),
    ];
    assert_eq!(h.call(conn, OpCode::MULTI_READ, &request).body::<MultiResponse>().results, expected);
    assert_eq!(h.keeper.summary().watches, 0, "their watch flags mean nothing");
    let write = MultiOp::Delete(DeleteRequest { path: "/a".into(), version: -1 });
    let reply = h.call(conn, OpCode::MULTI_READ, &MultiRequest { ops: vec![write] });
    assert_eq!(reply.err, ErrorCode::MARSHALLING_ERROR);
}

#[test]
fn reconfig_is_refused_and_the_connection_stays() {
    for (enabled, expected) in [(false, ErrorCode::RECONFIG_DISABLED), (true, ErrorCode::UNIMPLEMENTED)] {
        let config = keeper::Config { reconfig_enabled: enabled, ..support::config() };
        let mut h = Harness::with(keeper::Recovery::new(config, base::Prng::new(7)).finish(support::now(0)));
        let (conn, _) = h.connect();
        let request = zk_wire::ReconfigRequest { cur_config_id: -1, ..zk_wire::ReconfigRequest::default() };
        let reply = h.call(conn, OpCode::RECONFIG, &request);
        assert_eq!((reply.err, reply.zxid), (expected, 2), "it takes a zxid");
        assert_eq!(h.create(conn, "/a", CreateMode::Persistent).zxid, 3);
    }
}

#[test]
fn sasl_is_answered_with_no_token_and_gives_no_identity() {
    let mut h = Harness::new();
    let (conn, _) = h.connect();
    let request = zk_wire::GetSaslRequest { token: Bytes::new().into() };
    let reply = h.call(conn, OpCode::SASL, &request);
    assert_eq!((reply.zxid, reply.body::<zk_wire::SetSaslResponse>().token.0), (0, None));
    let who = h.call_raw(conn, OpCode::WHO_AM_I, Bytes::new()).body::<zk_wire::WhoAmIResponse>();
    assert_eq!(who.client_info.map(|infos| infos.len()), Some(1));
    h.send_bytes(conn, OpCode::SASL, Bytes::from_static(&[0xff; 4]));
    assert_eq!(h.closed.get(&conn), Some(&keeper::CloseReason::AuthFailed), "a null token makes no sense");
}

#[test]
fn a_session_closes_without_a_list_when_the_operator_wants_that() {
    let config = keeper::Config { close_session_txn_enabled: false, ..support::config() };
    let mut h = Harness::with(keeper::Recovery::new(config, base::Prng::new(7)).finish(support::now(0)));
    let (conn, _) = h.connect();
    h.create(conn, "/e", CreateMode::Ephemeral);
    h.call_raw(conn, OpCode::CLOSE_SESSION, Bytes::new());
    let (_, payload) = h.log.last().expect("it is logged").clone();
    let txn = zk_wire::txn::Transaction::from_bytes(payload).expect("our own bytes");
    assert_eq!(txn.header.opcode, -11);
    assert!(h.keeper.tree().get("/e").is_none());
    assert_eq!(h.keeper.digest_mismatches(), 0);
}
