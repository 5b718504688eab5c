//! Quotas: what the nodes below `/zookeeper/quota` do. Source: upstream's `StatsTrack`, `DataTree`,
//! `ZooKeeperServer.checkQuota` and its shell's `setquota`, `listquota`, `delquota`.

mod support;

use base::Prng;
use keeper::{Config, ConnId, Effect, Recovery};
use support::{Harness, config, create_request, now, recover};
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::{CreateMode, ErrorCode, GetDataRequest, GetDataResponse, OpCode, Stat};

fn harness(enforce_quota: bool) -> (Harness, ConnId) {
    let config = Config { enforce_quota, ..config() };
    let mut h = Harness::with(Recovery::new(config, Prng::new(7)).finish(now(0)));
    let (conn, _) = h.connect();
    (h, conn)
}

fn create(h: &mut Harness, conn: ConnId, path: &str, data: &str) -> ErrorCode {
    h.call(conn, OpCode::CREATE, &create_request(path, data.as_bytes(), CreateMode::Persistent)).err
}

/// As the shell sets one.
fn set_quota(h: &mut Harness, conn: ConnId, path: &str, limits: &str) {
    let mut at = "/zookeeper/quota".to_string();
    for name in path.split('/').skip(1) {
        at = format!("{at}/{name}");
        create(h, conn, &at, "");
    }
    assert_eq!(create(h, conn, &format!("{at}/zookeeper_limits"), limits), ErrorCode::OK);
    assert_eq!(create(h, conn, &format!("{at}/zookeeper_stats"), "count=-1,bytes=-1"), ErrorCode::OK);
}

fn get(h: &mut Harness, conn: ConnId, path: &str) -> (String, Stat) {
    let reply = h.call(conn, OpCode::GET_DATA, &GetDataRequest { path: path.into(), watch: false });
    let GetDataResponse { data, stat } = reply.body();
    (String::from_utf8(data.unwrap_or_default().to_vec()).expect("text"), stat)
}

fn stats(h: &mut Harness, conn: ConnId, path: &str) -> String {
    get(h, conn, &format!("/zookeeper/quota{path}/zookeeper_stats")).0
}

#[test]
fn the_server_keeps_the_numbers_without_a_version() {
    let (mut h, conn) = harness(false);
    create(&mut h, conn, "/a", "12");
    create(&mut h, conn, "/a/b", "3456");
    set_quota(&mut h, conn, "/a", "count=10,bytes=100");
    let (text, made) = get(&mut h, conn, "/zookeeper/quota/a/zookeeper_stats");
    assert_eq!((&*text, made.data_length), ("count=2,bytes=6", 15), "whatever the client wrote");
    create(&mut h, conn, "/a/b/c", "789");
    assert_eq!(stats(&mut h, conn, "/a"), "count=3,bytes=9");
    h.set(conn, "/a/b", b"1", -1);
    assert_eq!(stats(&mut h, conn, "/a"), "count=3,bytes=6");
    h.delete(conn, "/a/b/c");
    create(&mut h, conn, "/ab", "outside");
    let (text, after) = get(&mut h, conn, "/zookeeper/quota/a/zookeeper_stats");
    assert_eq!(text, "count=2,bytes=3");
    assert_eq!((after.version, after.mzxid, after.mtime), (made.version, made.mzxid, made.mtime));
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn ephemerals_of_a_closed_session_leave_the_numbers() {
    let (mut h, conn) = harness(false);
    create(&mut h, conn, "/a", "");
    set_quota(&mut h, conn, "/a", "count=10,bytes=-1");
    let (other, _) = h.connect();
    h.create(other, "/a/e", CreateMode::Ephemeral);
    assert_eq!(stats(&mut h, conn, "/a"), "count=2,bytes=0");
    h.call_raw(other, OpCode::CLOSE_SESSION, bytes::Bytes::new());
    assert_eq!(stats(&mut h, conn, "/a"), "count=1,bytes=0");
}

#[test]
fn the_deepest_quota_is_counted_alone() {
    let (mut h, conn) = harness(false);
    create(&mut h, conn, "/a", "");
    create(&mut h, conn, "/a/b", "");
    set_quota(&mut h, conn, "/a", "count=10,bytes=-1");
    set_quota(&mut h, conn, "/a/b", "count=10,bytes=-1");
    create(&mut h, conn, "/a/b/c", "x");
    let both = ["/a", "/a/b"].map(|path| stats(&mut h, conn, path));
    assert_eq!(both, ["count=2,bytes=0", "count=2,bytes=1"]);
    h.delete(conn, "/zookeeper/quota/a/b/zookeeper_limits");
    create(&mut h, conn, "/a/b/d", "x");
    let both = ["/a", "/a/b"].map(|path| stats(&mut h, conn, path));
    assert_eq!(both, ["count=3,bytes=1", "count=2,bytes=1"], "without limits it counts no more");
}

#[test]
fn hard_limits_are_enforced_when_the_operator_wants_it() {
    for enforced in [true, false] {
        let (mut h, conn) = harness(enforced);
        create(&mut h, conn, "/a", "");
        set_quota(&mut h, conn, "/a", "count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=3");
        let refused = if enforced { ErrorCode::QUOTA_EXCEEDED } else { ErrorCode::OK };
        assert_eq!(create(&mut h, conn, "/a/1", "1234"), ErrorCode::OK);
        assert_eq!(create(&mut h, conn, "/a/2", "12"), refused, "bytes");
        assert_eq!(h.set(conn, "/a/1", b"123456", 7).err, if enforced { refused } else { ErrorCode::BAD_VERSION });
        assert_eq!(h.set(conn, "/a/1", b"1", 0).err, ErrorCode::OK, "less is always allowed");
        if enforced {
            assert_eq!(create(&mut h, conn, "/a/3", ""), ErrorCode::OK);
            assert_eq!(create(&mut h, conn, "/a/4", ""), refused, "nodes");
            assert_eq!(create(&mut h, conn, "/a/3", ""), ErrorCode::NODE_EXISTS, "the quota comes last");
            let ops = vec![MultiOp::Create(create_request("/a/5", b"", CreateMode::Persistent))];
            let reply: MultiResponse = h.call(conn, OpCode::MULTI, &MultiRequest { ops }).body();
            assert_eq!(reply.results, [MultiResult::Error(refused)]);
        }
        assert_eq!(h.keeper.digest_mismatches(), 0);
    }
}

#[test]
fn the_operator_hears_of_it_once_a_second() {
    let (mut h, conn) = harness(false);
    create(&mut h, conn, "/a", "");
    set_quota(&mut h, conn, "/a", "count=1,bytes=-1");
    for (ms, path) in [(0, "/a/1"), (999, "/a/2"), (1000, "/a/3")] {
        h.now_ms = ms;
        assert_eq!(create(&mut h, conn, path, ""), ErrorCode::OK, "a soft limit refuses nothing");
    }
    let notes: Vec<String> = h
        .effects
        .iter()
        .filter_map(|effect| if let Effect::QuotaExceeded(over) = effect { Some(over.to_string()) } else { None })
        .collect();
    assert_eq!(
        notes,
        [
            "/a goes beyond its quota: count is 2, the soft limit 1",
            "/a goes beyond its quota: count is 4, the soft limit 1"
        ]
    );
}

#[test]
fn numbers_are_counted_anew_after_a_restart() {
    let (mut h, conn) = harness(false);
    create(&mut h, conn, "/a", "1");
    set_quota(&mut h, conn, "/a", "count=10,bytes=-1");
    let (zxid, snapshot) = h.snapshot();
    create(&mut h, conn, "/a/b", "23");
    h.set(conn, "/zookeeper/quota/a/zookeeper_stats", b"nonsense", -1);
    let mut h = Harness::with(recover(zxid, &snapshot, &h.log).finish(now(0)));
    let (conn, _) = h.connect();
    assert_eq!(stats(&mut h, conn, "/a"), "count=2,bytes=3");
    create(&mut h, conn, "/a/c", "");
    assert_eq!(stats(&mut h, conn, "/a"), "count=3,bytes=3");
    assert_eq!(h.keeper.digest_mismatches(), 0);
}

#[test]
fn what_clients_write_there_stops_nobody() {
    let (mut h, conn) = harness(true);
    create(&mut h, conn, "/a", "1");
    set_quota(&mut h, conn, "/a", "what is this?");
    assert_eq!(create(&mut h, conn, "/a/b", "2"), ErrorCode::OK, "no limits in it");
    for text in ["nonsense", "count=,bytes", "count=1e9"] {
        h.set(conn, "/zookeeper/quota/a/zookeeper_stats", text.as_bytes(), -1);
        assert_eq!(h.set(conn, "/a/b", b"23", -1).err, ErrorCode::OK);
        assert_eq!(stats(&mut h, conn, "/a"), "count=2,bytes=3", "after {text:?}");
    }
    assert_eq!(create(&mut h, conn, "/zookeeper/quota/zookeeper_limits", "count=0,bytes=0"), ErrorCode::OK);
    assert_eq!(create(&mut h, conn, "/b", ""), ErrorCode::OK, "the root has no quota");
    assert_eq!(h.keeper.digest_mismatches(), 0);
}
