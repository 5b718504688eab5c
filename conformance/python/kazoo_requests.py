"""What kazoo 2.11 has no method for, asked through its connection with requests written here, and what it asks for
only to be told an error: python kazoo_requests.py HOST:PORT [PART OF A NAME]

The server must allow TTL nodes, enforce quotas and look for empty containers every second or so.
"""
import struct
import sys
from collections import namedtuple

from harness import RUN, raises, run, wait_until
from kazoo.exceptions import (
    BadArgumentsError,
    KazooException,
    NoWatcherError,
    NodeExistsError,
    QuotaExceededError,
    ReconfigDisabledError,
)
from kazoo.protocol.serialization import int_struct, long_struct, read_string, stat_struct, write_buffer, write_string
from kazoo.protocol.states import ZnodeStat
from kazoo_sessions import connect, end

ROOT = f"/requests-{RUN}"
PERSISTENT, RECURSIVE = 0, 1
WATCH_ANY, WATCH_PERSISTENT, WATCH_RECURSIVE = 3, 4, 5
CREATED, DELETED, CHANGED, CHILD = 1, 2, 3, 4
OPEN_ACL = int_struct.pack(1) + int_struct.pack(31) + write_string("world") + write_string("anyone")


class Request(namedtuple("Request", "type body read")):
    """A request as kazoo's connection wants one: `read` makes a value of the answer's bytes."""

    def serialize(self):
        return self.body

    def deserialize(self, data, offset):
        return self.read(data[offset:])


def ask(client, kind, body=b"", read=lambda data: None):
    result = client.handler.async_result()
    client._call(Request(kind, body, read), result)
    return result.get(timeout=20)


def path_and_stat(data):
    path, offset = read_string(data, 0)
    return path, ZnodeStat._make(stat_struct.unpack_from(data, offset))


def create_container(path):
    return ask(zk, 19, write_string(path) + write_buffer(b"") + OPEN_ACL + int_struct.pack(4), path_and_stat)


def create_ttl(path, ttl_ms, flags=5):
    body = write_string(path) + write_buffer(b"") + OPEN_ACL + int_struct.pack(flags) + long_struct.pack(ttl_ms)
    return ask(zk, 21, body, path_and_stat)


def typed_path(path, number):
    return write_string(path) + int_struct.pack(number)


zk = connect()
zk.create(ROOT, b"")


def test_a_container_goes_when_its_last_child_went():
    path, stat = create_container(f"{ROOT}/container")
    # What marks a container stands where an ephemeral's owner does, and clients are not shown it.
    assert path == f"{ROOT}/container" and stat.ephemeralOwner == 0 and stat.version == 0, stat
    raises(NodeExistsError, create_container, path)
    zk.create(f"{path}/a", b"")
    zk.create(f"{path}/b", b"")
    zk.delete(f"{path}/a")
    gone = []
    zk.exists(path, watch=gone.append)
    assert zk.get_children(path) == ["b"] and not gone
    zk.delete(f"{path}/b")
    wait_until("the empty container to go", lambda: gone)
    assert gone[0].type == "DELETED" and zk.exists(path) is None


def test_a_node_with_a_ttl_goes_when_nobody_touched_it():
    path, stat = create_ttl(f"{ROOT}/ttl", 700)
    assert path == f"{ROOT}/ttl" and stat.ephemeralOwner == 0, stat
    numbered, _ = create_ttl(f"{ROOT}/ttl-", 3_600_000, flags=6)
    assert numbered.startswith(f"{ROOT}/ttl-") and numbered[-10:].isdigit()
    raises(BadArgumentsError, create_ttl, f"{ROOT}/never", 0)
    zk.create(f"{path}/child", b"")
    gone = []
    zk.exists(path, watch=gone.append)
    # A node with children stays; without them its age counts from its last change.
    zk.delete(f"{path}/child")
    wait_until("the node to go", lambda: gone)
    assert zk.exists(path) is None and zk.exists(numbered) is not None
    zk.delete(numbered)


def test_persistent_watches_are_told_every_time():
    client, events = connect(), []
    hear(client, events)
    path = f"{ROOT}/persistent"
    zk.create(path, b"")
    ask(client, 106, typed_path(path, PERSISTENT))
    ask(client, 106, typed_path(f"{path}/tree", RECURSIVE))
    for value in (b"1", b"2"):
        zk.set(path, value)
    zk.create(f"{path}/tree", b"")
    zk.create(f"{path}/tree/leaf", b"")
    zk.set(f"{path}/tree/leaf", b"x")
    zk.delete(f"{path}/tree/leaf")
    tree = f"{path}/tree"
    wanted = [(CHANGED, path), (CHANGED, path), (CREATED, tree), (CHILD, path)]
    wanted += [(kind, f"{tree}/leaf") for kind in (CREATED, CHANGED, DELETED)]
    wait_until("all events", lambda: len(events) >= len(wanted))
    assert sorted(events[2:4]) == sorted(wanted[2:4]) and events[:2] + events[4:] == wanted[:2] + wanted[4:], events

    for number in (WATCH_PERSISTENT, WATCH_ANY):
        ask(client, 17, typed_path(path, number))
    raises(NoWatcherError, ask, client, 17, typed_path(path, WATCH_RECURSIVE))
    ask(client, 18, typed_path(path, WATCH_PERSISTENT))
    raises(NoWatcherError, ask, client, 18, typed_path(path, WATCH_ANY))
    ask(client, 18, typed_path(tree, WATCH_RECURSIVE))
    zk.set(path, b"unseen")
    assert client.get(path)[0] == b"unseen" and len(events) == len(wanted), events
    end(client)


def test_set_watches_2_tells_what_was_missed():
    client, events = connect(), []
    paths = {name: zk.create(f"{ROOT}/missed-{name}", b"") for name in ("data", "child", "gone", "tree")}
    seen = client.last_zxid = zk.exists(paths["tree"]).czxid
    zk.set(paths["data"], b"new")
    zk.create(f"{paths['child']}/new", b"")
    zk.delete(paths["gone"])
    hear(client, events)
    lists = [[paths["data"], paths["gone"]], [f"{ROOT}/missed-later"], [paths["child"]], [], [paths["tree"]]]
    body = long_struct.pack(seen)
    for paths_of_a_kind in lists:
        body += int_struct.pack(len(paths_of_a_kind)) + b"".join(map(write_string, paths_of_a_kind))
    ask(client, 105, body)
    # The answer comes behind what was missed.
    missed = [(CHANGED, paths["data"]), (DELETED, paths["gone"]), (CHILD, paths["child"])]
    assert sorted(events) == sorted(missed), events
    zk.create(f"{ROOT}/missed-later", b"")
    zk.create(f"{paths['tree']}/leaf", b"")
    wanted = [(CREATED, f"{ROOT}/missed-later"), (CREATED, f"{paths['tree']}/leaf")]
    wait_until("the watches that were set", lambda: events[3:] == wanted)
    end(client)


def test_who_am_i_and_counts():
    client = connect(auth_data=[("digest", "user:secret")])

    def identities(data):
        count, offset, found = int_struct.unpack_from(data)[0], 4, []
        for _ in range(count):
            scheme, offset = read_string(data, offset)
            user, offset = read_string(data, offset)
            found.append((scheme, user))
        return found

    assert set(ask(client, 107, read=identities)) == {("ip", "127.0.0.1"), ("digest", "user")}
    path = zk.create(f"{ROOT}/counted", b"")
    for name in ("a", "a/b", "a/b/c", "d"):
        client.create(f"{path}/{name}", b"", ephemeral=name == "d")

    def number(data):
        return int_struct.unpack_from(data)[0]

    def names(data):
        count, offset, found = int_struct.unpack_from(data)[0], 4, []
        for _ in range(count):
            name, offset = read_string(data, offset)
            found.append(name)
        return found

    assert ask(client, 104, write_string(path), number) == 4
    assert ask(client, 103, write_string(path), names) == [f"{path}/d"]
    assert ask(client, 103, write_string(f"{path}/a"), names) == [] == ask(zk, 103, write_string(path), names)
    end(client)


def test_many_reads_in_one_request():
    path = zk.create(f"{ROOT}/reads", b"data")
    zk.create(f"{path}/child", b"")

    def part(kind, read_path):
        return struct.pack("!iBi", kind, 0, -1) + write_string(read_path) + b"\x00"

    def kinds(data):
        found, offset = [], 0
        while True:
            kind, done, error = struct.unpack_from("!iBi", data, offset)
            offset += 9
            if done:
                assert offset == len(data)
                return found
            found.append((kind, error))
            if kind == 4:
                offset += 4 + int_struct.unpack_from(data, offset)[0] + stat_struct.size
            elif kind == 8:
                count, offset = int_struct.unpack_from(data, offset)[0], offset + 4
                for _ in range(count):
                    offset = read_string(data, offset)[1]
            else:
                offset += 4

    body = part(4, path) + part(8, path) + part(4, f"{path}/absent") + struct.pack("!iBi", -1, 1, -1)
    assert ask(zk, 22, body, kinds) == [(4, 0), (8, 0), (-1, -101)]


def test_hard_quotas_are_enforced_and_counted():
    path = zk.create(f"{ROOT}/quota", b"")
    limits = f"/zookeeper/quota{path}/zookeeper_limits"
    stats = f"/zookeeper/quota{path}/zookeeper_stats"
    zk.create(limits, b"count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3", makepath=True)
    zk.create(stats, b"count=0,bytes=0")
    zk.create(f"{path}/a", b"12345")
    zk.create(f"{path}/b", b"")
    raises(QuotaExceededError, zk.create, f"{path}/c", b"")
    raises(QuotaExceededError, zk.set, f"{path}/a", b"12345678901")
    assert zk.get(stats)[0].startswith(b"count=3,bytes=5"), zk.get(stats)
    zk.set(f"{path}/a", b"1234567890")
    zk.delete(f"{path}/b")
    assert zk.get(stats)[0].startswith(b"count=2,bytes=10"), zk.get(stats)
    zk.set(limits, b"count=1,bytes=1")
    # Soft limits are only written to the server's log.
    zk.create(f"{path}/b", b"1234567890")
    zk.delete(limits)
    zk.delete(stats)


def test_reconfig_is_off_until_it_is_switched_on():
    raises(ReconfigDisabledError, zk.reconfig, joining=None, leaving="3", new_members=None)
    assert zk.exists("/zookeeper/config") is not None


def test_an_unknown_request_ends_the_connection_not_the_session():
    client = connect()
    session = client.client_id
    try:
        ask(client, 99)
        raise AssertionError("an answer to a request that does not exist")
    except KazooException:
        pass
    assert client.retry(client.exists, ROOT) and client.client_id == session
    end(client)


def hear(client, events):
    """Takes the events as they come off the wire; kazoo forgets a watch after its first event."""

    def read(buffer, offset):
        kind, _ = struct.unpack_from("!ii", buffer, offset)
        events.append((kind, read_string(buffer, offset + 8)[0]))

    client._connection._read_watch_event = read


run(globals(), *sys.argv[2:3])
