"""One round on a keeper's data folder that several servers use in turn.

    python folder_suite.py HOST:PORT NOTES ROUND

Checks that the tree is what the earlier rounds noted, byte for byte and stat for stat, then changes it and notes the
result. NOTES is a JSON file that one round leaves for the next.
"""
import json
import os
import sys

from kazoo.client import KazooClient
from kazoo.security import make_acl, make_digest_acl

hosts, notes, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
zk = KazooClient(hosts=hosts, timeout=10.0, auth_data=[("digest", "owner:secret")])
zk.start()


def tree(path):
    """Every znode below the path: data, the whole stat, ACLs, children."""
    data, stat = zk.get(path)
    acls, _ = zk.get_acls(path)
    children = sorted(zk.get_children(path))
    found = {path: [data.decode(), list(stat), sorted(map(str, acls)), children]}
    for child in children:
        found.update(tree(f"{path}/{child}"))
    return found


if number > 0:
    with open(notes) as file:
        expected = json.load(file)
    # The watcher of the last round is gone with its session, and its ephemeral with it.
    found = json.loads(json.dumps(tree("/folder")))
    differences = {path: (expected.get(path), found.get(path)) for path in expected.keys() | found.keys()}
    differences = {path: pair for path, pair in differences.items() if pair[0] != pair[1]}
    assert not differences, f"round {number} found another tree than round {number - 1} left: {differences}"
else:
    acl = [make_digest_acl("owner", "secret", all=True), make_acl("world", "anyone", read=True)]
    zk.create("/folder", b"root", acl=acl)

base = f"/folder/round-{number}"
zk.create(base, os.urandom(8).hex().encode())
for step in range(200):
    zk.create(f"{base}/s-", str(step).encode(), sequence=True)
# Sequence numbers go on where another server stopped: 0, 1, 2 ... as the rounds go.
mine = zk.create("/folder/across-", b"", sequence=True)
for step in range(5):
    zk.set(base, f"version {step}".encode())
zk.delete(f"{base}/s-0000000007")
change = zk.transaction()
change.create(f"{base}/multi", b"m")
change.set_data(base, b"from a transaction")
change.delete(f"{base}/s-0000000008")
change.commit()
# An ephemeral that goes with its session, so that the log holds closeSession as well.
other = KazooClient(hosts=hosts, timeout=10.0)
other.start()
other.create("/ephemeral", b"", ephemeral=True)
other.stop()
other.close()
assert zk.exists("/ephemeral") is None
with open(notes, "w") as file:
    json.dump(tree("/folder"), file)
print(f"  ok     round {number}: {len(json.load(open(notes)))} znodes, the newest sequence is {mine}")
zk.stop()
zk.close()
