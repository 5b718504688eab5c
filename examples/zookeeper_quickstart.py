"""ZooKeeper in five calls: connect, create a znode, read it, delete it, disconnect.

    python zookeeper_quickstart.py [HOST:PORT]

The address may also come from the environment variable ZOOKEEPER; without either it is localhost:2181.
"""
import os
import sys

from kazoo.client import KazooClient

hosts = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ZOOKEEPER", "localhost:2181")

zk = KazooClient(hosts=hosts)
zk.start()

# A znode is a small file with a version: what is read is what was written, and the version starts at 0.
zk.create("/test_node", b"test_data")
data, stat = zk.get("/test_node")
print(f"/test_node holds {data.decode()!r}, version {stat.version}")
assert data == b"test_data" and stat.version == 0

# Deleting "version 0" succeeds only because nobody changed the znode in between.
zk.delete("/test_node", 0)
assert zk.exists("/test_node") is None

zk.stop()
zk.close()
