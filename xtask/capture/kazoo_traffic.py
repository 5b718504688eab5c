"""ZooKeeper traffic for the captures: every opcode that kazoo speaks, with and without success."""
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.security import make_acl, make_digest_acl

hosts = sys.argv[1]
client = KazooClient(hosts=hosts, timeout=6.0)
client.start()
events = []


def refused(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except KazooException:
        return
    raise AssertionError(f"{call.__name__}{args} was not refused")


client.create("/capture", b"root")
client.create("/capture/ephemeral", b"e", ephemeral=True)
client.create("/capture/sequence-", b"s", sequence=True)
client.create("/capture/both-", b"es", ephemeral=True, sequence=True)
client.create("/capture/with-stat", b"two", include_data=True)
client.create("/capture/unicode-\u00e9\u4e2d", "v\u00e9".encode())
client.create("/capture/empty", b"")
refused(client.create, "/capture", b"again")
refused(client.create, "/absent/child", b"")
refused(client.create, "/capture/ephemeral/child", b"")
client.get("/capture", watch=events.append)
client.exists("/capture/later", watch=events.append)
client.get_children("/capture", watch=events.append)
client.get_children("/capture", include_data=True)
client.set("/capture", b"changed")
client.set("/capture", b"changed again", version=1)
refused(client.set, "/capture", b"no", version=77)
refused(client.get, "/absent")
client.create("/capture/later", b"x" * 2000)
client.exists("/capture/absent")
client.sync("/capture")
refused(client.delete, "/capture")
client.delete("/capture/later", version=0)
client.get_acls("/capture")
client.add_auth("digest", "user:secret")
client.create("/capture/guarded", b"", acl=[make_digest_acl("user", "secret", all=True)])
client.set_acls("/capture/guarded", [make_acl("world", "anyone", read=True), make_digest_acl("user", "secret", all=True)])
client.get_acls("/capture/guarded")
other = KazooClient(hosts=hosts, timeout=6.0)
other.start()
refused(other.set, "/capture/guarded", b"not mine")
refused(other.create, "/bad-acl", b"", acl=[make_acl("nothing", "known", read=True)])
other.stop()
other.close()
good = client.transaction()
good.check("/capture", version=2)
good.create("/capture/multi", b"m")
good.set_data("/capture/multi", b"mm")
good.delete("/capture/multi")
good.commit()
bad = client.transaction()
bad.create("/capture/rolled-back", b"")
bad.check("/capture", version=99)
bad.delete("/capture/empty")
bad.commit()
# Watches of all three kinds, then a lost connection: the client reconnects with its password and sends setWatches.
client.get("/capture/empty", watch=events.append)
client.exists("/capture/absent", watch=events.append)
client.get_children("/capture/empty", watch=events.append)
client._connection._socket.shutdown(2)
deadline = time.monotonic() + 10
while True:
    try:
        client.set("/capture/empty", b"seen by a watch that was set again")
        break
    except KazooException:
        assert time.monotonic() < deadline, "no reconnect"
# Long enough without a request for a ping to be sent.
time.sleep(3)
assert len(events) >= 4, events
client.stop()
client.close()
