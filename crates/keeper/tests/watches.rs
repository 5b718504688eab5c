//! One-shot watches: who is told what, when, in which order. Source: the programmer's guide ("ZooKeeper Watches"),
//! upstream's `DataTree`, `WatchManager`.

mod support;

use keeper::{ConnId, Event};
use support::{Harness, acl, create_request};
use zk_wire::{
    CreateMode, CreateRequest, ErrorCode, ExistsRequest, GetChildrenRequest, GetDataRequest, OpCode, SetWatches, Zxid,
};

const CREATED: i32 = 1;
const DELETED: i32 = 2;
const DATA: i32 = 3;
const CHILDREN: i32 = 4;

fn watch_exists(h: &mut Harness, conn: ConnId, path: &str) -> ErrorCode {
    h.call(conn, OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: true }).err
}

fn watch_data(h: &mut Harness, conn: ConnId, path: &str) -> ErrorCode {
    h.call(conn, OpCode::GET_DATA, &GetDataRequest { path: path.into(), watch: true }).err
}

fn watch_children(h: &mut Harness, conn: ConnId, path: &str) -> ErrorCode {
    h.call(conn, OpCode::GET_CHILDREN, &GetChildrenRequest { path: path.into(), watch: true }).err
}

fn events(h: &mut Harness, conn: ConnId) -> Vec<(i32, String, i64)> {
    h.take(conn).iter().map(support::Reply::event).collect()
}

#[test]
fn each_kind_fires_once() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    assert_eq!(watch_exists(&mut h, w, "/a"), ErrorCode::NO_NODE);
    assert_eq!(watch_children(&mut h, w, "/"), ErrorCode::OK);
    h.create(a, "/a", CreateMode::Persistent);
    assert_eq!(events(&mut h, w), [(CREATED, "/a".into(), 3), (CHILDREN, "/".into(), 3)]);
    h.set(a, "/a", b"1", -1);
    assert_eq!(events(&mut h, w), [], "once");

    watch_data(&mut h, w, "/a");
    watch_exists(&mut h, w, "/a");
    watch_children(&mut h, w, "/a");
    h.set(a, "/a", b"2", -1);
    assert_eq!(events(&mut h, w), [(DATA, "/a".into(), 5)], "one for both data watches");
    h.create(a, "/a/b", CreateMode::Persistent);
    assert_eq!(events(&mut h, w), [(CHILDREN, "/a".into(), 6)]);
}

#[test]
fn a_deletion_is_one_event_per_connection() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    h.create(a, "/a", CreateMode::Persistent);
    watch_data(&mut h, w, "/a");
    watch_children(&mut h, w, "/a");
    watch_children(&mut h, w, "/");
    h.delete(a, "/a");
    assert_eq!(events(&mut h, w), [(DELETED, "/a".into(), 4), (CHILDREN, "/".into(), 4)]);
    assert_eq!(h.keeper.summary().watches, 0);
}

#[test]
fn reads_that_fail_leave_no_watch_but_exists_does() {
    let mut h = Harness::new();
    let (w, _) = h.connect();
    assert_eq!(watch_data(&mut h, w, "/a"), ErrorCode::NO_NODE);
    assert_eq!(watch_children(&mut h, w, "/a"), ErrorCode::NO_NODE);
    assert_eq!(h.keeper.summary().watches, 0);
    watch_exists(&mut h, w, "/a");
    assert_eq!(h.keeper.summary().watches, 1);
}

#[test]
fn the_originator_is_told_before_its_reply() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    watch_exists(&mut h, a, "/a");
    let xid = h.send(a, OpCode::CREATE, &create_request("/a", b"", CreateMode::Persistent));
    let read = h.send(a, OpCode::EXISTS, &ExistsRequest { path: "/a".into(), watch: false });
    assert_eq!(h.take(a), []);
    h.sync();
    let frames: Vec<i32> = h.take(a).iter().map(|reply| reply.xid).collect();
    assert_eq!(frames, [-1, xid, read]);
}

#[test]
fn events_come_in_zxid_order_before_reads_that_reflect_them() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    for path in ["/a", "/b", "/c"] {
        watch_exists(&mut h, w, path);
    }
    for path in ["/a", "/b", "/c"] {
        h.send(a, OpCode::CREATE, &create_request(path, b"", CreateMode::Persistent));
    }
    let sync = h.send(w, OpCode::SYNC, &zk_wire::SyncRequest { path: "/".into() });
    h.sync();
    let order: Vec<(i32, i64)> = h.take(w).iter().map(|reply| (reply.xid, reply.zxid)).collect();
    assert_eq!(order, [(-1, 3), (-1, 4), (-1, 5), (sync, 5)]);
}

#[test]
fn who_may_not_read_is_not_told() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    watch_exists(&mut h, w, "/secret");
    watch_children(&mut h, w, "/");
    let list = Some(vec![acl(31, "ip", "10.9.9.9")]);
    let request = CreateRequest { acl: list, ..create_request("/secret", b"", CreateMode::Persistent) };
    h.call(a, OpCode::CREATE, &request);
    assert_eq!(events(&mut h, w), [(CHILDREN, "/".into(), 3)], "the parent may be read");
}

#[test]
fn watches_go_with_their_connection() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, session) = h.connect();
    watch_exists(&mut h, w, "/a");
    h.step(Event::Disconnected { conn: w });
    assert_eq!(h.keeper.summary().watches, 0);
    let again = h.resume(session, 8000);
    h.connect_response(again);
    h.create(a, "/a", CreateMode::Persistent);
    assert_eq!(h.take(again), []);
}

#[test]
fn set_watches_reports_what_was_missed_and_leaves_the_rest() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    for path in ["/same", "/changed", "/parent", "/quiet"] {
        h.create(a, path, CreateMode::Persistent);
    }
    let seen = h.keeper.last_processed();
    h.set(a, "/changed", b"", -1);
    h.create(a, "/parent/c", CreateMode::Persistent);
    h.create(a, "/new", CreateMode::Persistent);
    let list = |paths: &[&str]| Some(paths.iter().map(|path| (*path).into()).collect());
    let request = SetWatches {
        relative_zxid: seen,
        data_watches: list(&["/same", "/changed", "/gone"]),
        exist_watches: list(&["/new", "/never"]),
        child_watches: list(&["/parent", "/quiet", "/gone2"]),
    };
    h.send(w, OpCode::SET_WATCHES, &request);
    let mut replies = h.take(w);
    let reply = replies.pop().expect("a reply behind the events");
    assert_eq!((reply.err, reply.body.len()), (ErrorCode::OK, 0));
    let events: Vec<_> = replies.iter().map(support::Reply::event).collect();
    let expected = [
        (DATA, "/changed".to_string(), -1),
        (DELETED, "/gone".into(), -1),
        (CREATED, "/new".into(), -1),
        (CHILDREN, "/parent".into(), -1),
        (DELETED, "/gone2".into(), -1),
    ];
    assert_eq!(events, expected);
    h.set(a, "/same", b"", -1);
    h.create(a, "/never", CreateMode::Persistent);
    h.create(a, "/quiet/c", CreateMode::Persistent);
    let kinds: Vec<_> = h.take(w).iter().map(|reply| reply.event().0).collect();
    assert_eq!(kinds, [DATA, CREATED, CHILDREN]);
    assert_eq!(h.keeper.last_processed(), Zxid(12));
}

#[test]
fn set_watches_tells_nothing_of_nodes_that_the_client_may_not_read() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    let secret = |path: &str| CreateRequest {
        acl: Some(vec![acl(30, "world", "anyone"), acl(31, "ip", "10.9.9.9")]),
        ..create_request(path, b"", CreateMode::Persistent)
    };
    for path in ["/data", "/parent"] {
        h.call(a, OpCode::CREATE, &secret(path));
    }
    let seen = h.keeper.last_processed();
    h.set(a, "/data", b"1", -1);
    h.create(a, "/parent/c", CreateMode::Persistent);
    h.call(a, OpCode::CREATE, &secret("/new"));
    let list = |paths: &[&str]| Some(paths.iter().map(|path| (*path).into()).collect());
    let request = SetWatches {
        relative_zxid: seen,
        data_watches: list(&["/data", "/gone"]),
        exist_watches: list(&["/new"]),
        child_watches: list(&["/parent"]),
    };
    h.send(w, OpCode::SET_WATCHES, &request);
    let replies = h.take(w);
    assert_eq!(replies.len(), 2, "{replies:?}");
    assert_eq!(replies[0].event(), (DELETED, "/gone".to_string(), -1), "that there is no node is no secret");
    assert_eq!(replies[1].err, ErrorCode::OK);
    assert_eq!(h.keeper.summary().watches, 0, "they have fired");
}

#[test]
fn an_ending_session_fires_like_deletions() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    h.create(a, "/e1", CreateMode::Ephemeral);
    h.create(a, "/e2", CreateMode::Ephemeral);
    watch_exists(&mut h, w, "/e2");
    watch_children(&mut h, w, "/");
    h.send_bytes(a, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    h.sync();
    assert_eq!(events(&mut h, w), [(CHILDREN, "/".into(), 5), (DELETED, "/e2".into(), 5)]);
}

fn add_watch(h: &mut Harness, conn: ConnId, path: &str, mode: i32) -> ErrorCode {
    let reply = h.call(conn, OpCode::ADD_WATCH, &zk_wire::AddWatchRequest { path: path.into(), mode });
    if reply.err == ErrorCode::OK {
        assert_eq!(reply.body::<zk_wire::ErrorResponse>().err, 0, "this answer has a body");
    }
    reply.err
}

#[test]
fn persistent_watches_stay() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    assert_eq!(add_watch(&mut h, w, "/a", 0), ErrorCode::OK, "the node need not be there");
    assert_eq!(add_watch(&mut h, w, "/a", 2), ErrorCode::MARSHALLING_ERROR);
    h.create(a, "/a", CreateMode::Persistent);
    h.set(a, "/a", b"", -1);
    h.create(a, "/a/b", CreateMode::Persistent);
    h.set(a, "/a/b", b"", -1);
    h.delete(a, "/a/b");
    h.delete(a, "/a");
    let kinds: Vec<_> = events(&mut h, w).into_iter().map(|(kind, path, _)| (kind, path)).collect();
    let expected = [CREATED, DATA, CHILDREN, CHILDREN, DELETED].map(|kind| (kind, "/a".to_string()));
    assert_eq!(kinds, expected);
}

#[test]
fn recursive_watches_see_what_is_below_and_no_children_lists() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    add_watch(&mut h, w, "/a", 1);
    h.create(a, "/a", CreateMode::Persistent);
    h.create(a, "/a/b", CreateMode::Persistent);
    h.set(a, "/a/b", b"", -1);
    h.create(a, "/ab", CreateMode::Persistent);
    h.delete(a, "/a/b");
    let kinds: Vec<_> = events(&mut h, w).into_iter().map(|(kind, path, _)| (kind, path)).collect();
    let expected = [(CREATED, "/a"), (CREATED, "/a/b"), (DATA, "/a/b"), (DELETED, "/a/b")];
    assert_eq!(kinds, expected.map(|(kind, path)| (kind, path.to_string())));
}

#[test]
fn watches_can_be_looked_for_and_removed() {
    let mut h = Harness::new();
    let (w, _) = h.connect();
    watch_exists(&mut h, w, "/a");
    add_watch(&mut h, w, "/a", 0);
    let mut ask = |opcode, watcher_type| {
        let request = zk_wire::CheckWatchesRequest { path: "/a".into(), watcher_type };
        h.call(w, opcode, &request).err
    };
    // 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive
    let there = [1, 2, 3, 4, 5, 6].map(|kind| ask(OpCode::CHECK_WATCHES, kind));
    let none = ErrorCode::NO_WATCHER;
    assert_eq!(there, [none, ErrorCode::OK, ErrorCode::OK, ErrorCode::OK, none, ErrorCode::MARSHALLING_ERROR]);
    assert_eq!(ask(OpCode::REMOVE_WATCHES, 1), none);
    assert_eq!(ask(OpCode::REMOVE_WATCHES, 4), ErrorCode::OK);
    assert_eq!(ask(OpCode::CHECK_WATCHES, 4), none);
    assert_eq!(ask(OpCode::REMOVE_WATCHES, 3), ErrorCode::OK);
    assert_eq!(ask(OpCode::CHECK_WATCHES, 3), none);
    assert_eq!(h.keeper.summary().watches, 0);
}

#[test]
fn set_watches2_brings_persistent_ones_back() {
    let mut h = Harness::new();
    let (a, _) = h.connect();
    let (w, _) = h.connect();
    let request = zk_wire::SetWatches2 {
        relative_zxid: h.keeper.last_processed(),
        data_watches: Some(Vec::new()),
        exist_watches: Some(Vec::new()),
        child_watches: Some(Vec::new()),
        persistent_watches: Some(vec!["/a".into()]),
        persistent_recursive_watches: Some(vec!["/r".into()]),
    };
    assert_eq!(h.call(w, OpCode::SET_WATCHES2, &request).err, ErrorCode::OK);
    let null = zk_wire::SetWatches2 { data_watches: None, ..request };
    assert_eq!(h.call(w, OpCode::SET_WATCHES2, &null).err, ErrorCode::MARSHALLING_ERROR, "a list that is null");
    for path in ["/a", "/r", "/r/b"] {
        h.create(a, path, CreateMode::Persistent);
    }
    let paths: Vec<_> = events(&mut h, w).into_iter().map(|(_, path, _)| path).collect();
    assert_eq!(paths, ["/a", "/r", "/r/b"]);
}
