"""kazoo against a ZooKeeper server: python kazoo_suite.py HOST:PORT [PART OF A NAME]"""
import subprocess
import sys
import threading

from harness import RUN, raises, run, wait_until
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    InvalidACLError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.states import EventType
from kazoo.security import OPEN_ACL_UNSAFE, make_acl, make_digest_acl
from kazoo_sessions import HOSTS, connect, cut, end

ROOT = f"/kazoo-{RUN}"


zk = connect()
zk.create(ROOT, b"")


def test_create_with_all_flag_pairs():
    path = zk.create(f"{ROOT}/flags", b"data")
    assert path == f"{ROOT}/flags"
    other = connect()
    ephemeral = other.create(f"{path}/e", b"", ephemeral=True)
    first = other.create(f"{path}/s-", b"", sequence=True)
    second = other.create(f"{path}/s-", b"", sequence=True, ephemeral=True)
    # The number is the parent's cversion, which the ephemeral sibling has raised to 1.
    assert first == f"{path}/s-0000000001" and second == f"{path}/s-0000000002", (first, second)
    assert zk.exists(ephemeral).ephemeralOwner == other.client_id[0]
    assert zk.exists(first).ephemeralOwner == 0
    raises(NoChildrenForEphemeralsError, zk.create, f"{ephemeral}/child", b"")
    end(other)
    wait_until("ephemerals to go with their session", lambda: zk.get_children(path) == ["s-0000000001"])


def test_create2_gives_the_stat():
    path, stat = zk.create(f"{ROOT}/create2", b"12345", include_data=True)
    assert path == f"{ROOT}/create2" and stat.dataLength == 5 and stat.version == 0
    assert stat.czxid == stat.mzxid == zk.exists(path).czxid


def test_errors_of_create_and_delete():
    path = zk.create(f"{ROOT}/errors", b"")
    raises(NodeExistsError, zk.create, path, b"")
    raises(NoNodeError, zk.create, f"{path}/no/parent", b"")
    zk.create(f"{path}/child", b"")
    raises(NotEmptyError, zk.delete, path)
    raises(NoNodeError, zk.delete, f"{path}/absent")
    raises(BadVersionError, zk.delete, f"{path}/child", version=5)
    zk.delete(f"{path}/child", version=0)
    zk.delete(path)
    assert zk.exists(path) is None


def test_stat_fields_follow_the_rules():
    path = zk.create(f"{ROOT}/stat", b"one")
    created = zk.exists(path)
    changed = zk.set(path, b"three")
    assert changed.version == 1 and changed.dataLength == 5
    assert changed.czxid == created.czxid and changed.mzxid > created.mzxid and changed.mtime >= created.ctime
    zk.create(f"{path}/a", b"")
    zk.create(f"{path}/b", b"")
    zk.delete(f"{path}/a")
    stat = zk.exists(path)
    assert (stat.cversion, stat.numChildren, stat.version) == (3, 1, 1) and stat.pzxid > stat.mzxid
    # The ctime is wall-clock time in milliseconds.
    assert abs(stat.created - __import__("time").time()) < 600


def test_set_data_checks_the_version():
    path = zk.create(f"{ROOT}/versions", b"0")
    for version in range(5):
        assert zk.set(path, b"x", version=version).version == version + 1
    raises(BadVersionError, zk.set, path, b"x", version=0)
    raises(NoNodeError, zk.set, f"{path}/absent", b"x")
    assert zk.get(path)[0] == b"x"


def test_children_and_their_stat():
    path = zk.create(f"{ROOT}/children", b"")
    names = {f"c{number}" for number in range(50)}
    for name in names:
        zk.create(f"{path}/{name}", b"")
    assert set(zk.get_children(path)) == names
    children, stat = zk.get_children(path, include_data=True)
    assert set(children) == names and stat.numChildren == 50
    raises(NoNodeError, zk.get_children, f"{path}/absent")


def test_data_of_many_sizes_and_unicode_paths():
    for size in (0, 1, 1000, 200_000, 1_000_000):
        path = zk.create(f"{ROOT}/size-{size}", b"x" * size)
        assert zk.get(path)[0] == b"x" * size
    path = zk.create(f"{ROOT}/\u00fcml\u00e4ut-\u4e2d\u6587", b"")
    assert "\u00fcml\u00e4ut-\u4e2d\u6587" in zk.get_children(ROOT)
    zk.delete(path)


def test_watches_fire_once_with_the_right_type():
    path = zk.create(f"{ROOT}/watch", b"")
    events = []
    zk.get(path, watch=events.append)
    zk.set(path, b"1")
    zk.set(path, b"2")
    wait_until("a data watch", lambda: events)
    assert zk.exists(f"{path}/later", watch=events.append) is None
    zk.get_children(path, watch=events.append)
    zk.create(f"{path}/later", b"")
    wait_until("the watches of exists and of children", lambda: len(events) == 3)
    zk.exists(f"{path}/later", watch=events.append)
    zk.delete(f"{path}/later")
    wait_until("a deletion's watch", lambda: len(events) == 4)
    seen = sorted((event.type, event.path) for event in events)
    assert seen == sorted(
        [
            (EventType.CHANGED, path),
            (EventType.CREATED, f"{path}/later"),
            (EventType.CHILD, path),
            (EventType.DELETED, f"{path}/later"),
        ]
    ), seen


def test_transactions_are_all_or_nothing():
    path = zk.create(f"{ROOT}/multi", b"")
    good = zk.transaction()
    good.check(path, version=0)
    good.create(f"{path}/a", b"1")
    good.create(f"{path}/n-", b"", sequence=True)
    good.set_data(f"{path}/a", b"2", version=0)
    good.delete(f"{path}/a", version=1)
    good.create(f"{path}/a", b"3")
    results = good.commit()
    assert results[0] is True and results[1] == f"{path}/a" and results[3].version == 1 and results[4] is True
    assert zk.get(f"{path}/a")[0] == b"3"
    zxids = {zk.exists(f"{path}/{name}").czxid for name in zk.get_children(path)}
    assert len(zxids) == 1, "one transaction has one zxid"
    bad = zk.transaction()
    bad.create(f"{path}/b", b"")
    bad.set_data(path, b"changed")
    bad.check(path, version=77)
    bad.delete(f"{path}/a")
    kinds = [type(result) for result in bad.commit()]
    assert kinds == [RolledBackError, RolledBackError, BadVersionError, RuntimeInconsistency], kinds
    assert zk.exists(f"{path}/b") is None and zk.get(path)[0] == b""


def test_acls_of_world_and_digest():
    owner = connect(auth_data=[("digest", "owner:secret")])
    path = f"{ROOT}/acl"
    acl = [make_digest_acl("owner", "secret", all=True), make_acl("world", "anyone", read=True)]
    owner.create(path, b"guarded", acl=acl)
    assert set(owner.get_acls(path)[0]) == set(acl)
    assert zk.get(path)[0] == b"guarded"
    raises(NoAuthError, zk.set, path, b"no")
    raises(NoAuthError, zk.create, f"{path}/child", b"")
    raises(NoAuthError, zk.set_acls, path, OPEN_ACL_UNSAFE)
    owner.create(f"{path}/child", b"")
    # Deleting a child asks the parent's ACL.
    raises(NoAuthError, zk.delete, f"{path}/child")
    stat = owner.set_acls(path, OPEN_ACL_UNSAFE, version=0)
    assert stat.aversion == 1
    zk.delete(f"{path}/child")
    raises(InvalidACLError, zk.create, f"{ROOT}/bad-acl", b"", acl=[make_acl("nosuchscheme", "x", all=True)])
    wrong = connect(auth_data=[("digest", "owner:wrong")])
    owner.set_acls(path, acl, version=1)
    raises(NoAuthError, wrong.set, path, b"no")
    wrong.add_auth("digest", "owner:secret")
    assert wrong.set(path, b"yes").version == 1
    end(wrong)
    end(owner)


def test_acls_of_addresses():
    mine, other = make_acl("ip", "127.0.0.0/8", all=True), make_acl("ip", "192.0.2.1", all=True)
    assert zk.create(f"{ROOT}/near", b"", acl=[mine]) and zk.get_acls(f"{ROOT}/near")[0] == [mine]
    assert zk.set(f"{ROOT}/near", b"x").version == 1
    zk.create(f"{ROOT}/far", b"", acl=[other])
    raises(NoAuthError, zk.get, f"{ROOT}/far")
    raises(InvalidACLError, zk.create, f"{ROOT}/no-ip", b"", acl=[make_acl("ip", "no address", all=True)])
    # Who may delete is the parent's to say.
    zk.delete(f"{ROOT}/far")


def test_sequence_numbers_follow_the_parent():
    path = zk.create(f"{ROOT}/sequence", b"")
    names = [zk.create(f"{path}/{prefix}", b"", sequence=True) for prefix in ("", "a-", "b-")]
    assert names == [f"{path}/{name}" for name in ("0000000000", "a-0000000001", "b-0000000002")], names
    zk.delete(f"{path}/a-0000000001")
    # A deletion raises the parent's cversion, not the count of children that were ever made.
    assert zk.create(f"{path}/c-", b"", sequence=True) == f"{path}/c-0000000003"
    assert zk.exists(path).cversion == 5


def test_sync_and_pipelined_writes_keep_their_order():
    path = zk.create(f"{ROOT}/pipeline", b"")
    assert zk.sync(path) == path
    writes = [zk.set_async(path, str(number).encode()) for number in range(500)]
    reads = [zk.get_async(path) for _ in range(5)]
    versions = [write.get(timeout=20).version for write in writes]
    assert versions == list(range(1, 501))
    assert all(read.get(timeout=20)[0] == b"499" for read in reads), "a read overtook the session's own writes"
    zxids = [zk.create_async(f"{path}/c-", b"", sequence=True, include_data=True) for _ in range(100)]
    zxids = [result.get(timeout=20)[1].czxid for result in zxids]
    assert zxids == sorted(set(zxids))


def test_a_lost_connection_keeps_session_and_ephemerals():
    client = connect()
    states = []
    client.add_listener(states.append)
    session = client.client_id
    path = client.create(f"{ROOT}/kept", b"", ephemeral=True)
    cut(client)
    wait_until("the loss and the reconnect", lambda: states[:2] == [KazooState.SUSPENDED, KazooState.CONNECTED])
    assert client.client_id == session and client.exists(path).ephemeralOwner == session[0]
    assert KazooState.LOST not in states
    end(client)
    wait_until("the ephemeral to go", lambda: zk.exists(path) is None)


ABANDON = """
import os, sys
from kazoo.client import KazooClient
client = KazooClient(hosts=sys.argv[1], timeout=2.0)
client.start()
client.create(sys.argv[2], b"", ephemeral=True)
os._exit(0)
"""


def test_an_abandoned_session_expires():
    path = f"{ROOT}/expires"
    gone = threading.Event()
    assert zk.exists(path, watch=lambda event: zk.exists(path, watch=lambda event: gone.set())) is None
    # A process that ends without closing its session: the connection is gone, the session is not.
    subprocess.run([sys.executable, "-c", ABANDON, HOSTS, path], check=True, timeout=20)
    assert zk.exists(path) is not None and not gone.is_set()
    assert gone.wait(20), "the session of a client that died did not expire"
    assert zk.exists(path) is None


def test_a_wrong_password_gets_no_session():
    owner = connect()
    session = owner.client_id[0]
    thief = KazooClient(hosts=HOSTS, client_id=(session, b"\x00" * 16))
    thief.start()
    # kazoo takes a new session when the server says that the offered one is not to be had.
    wait_until("a session", lambda: thief.connected and thief.client_id)
    assert thief.client_id[0] != session
    # The attempt may cost the owner a connection (Apache's server ends it), but never the session.
    assert owner.retry(owner.exists, ROOT) and owner.client_id[0] == session
    end(thief)
    end(owner)


def test_idle_sessions_live_by_pings():
    client = connect(timeout=2.0)
    path = client.create(f"{ROOT}/idle", b"", ephemeral=True)
    states = []
    client.add_listener(states.append)
    threading.Event().wait(3.5)
    assert states == [] and client.exists(path) is not None
    end(client)


def test_delete_recursively():
    zk.ensure_path(f"{ROOT}/deep/er/and/deeper")
    zk.delete(f"{ROOT}/deep", recursive=True)
    assert zk.exists(f"{ROOT}/deep") is None


run(globals(), *sys.argv[2:3])
