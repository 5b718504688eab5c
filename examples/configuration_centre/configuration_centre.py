"""A configuration centre: change a znode, and two running application nodes follow.

    python configuration_centre.py [ZOOKEEPER KAFKA]   (or the environment variables; else localhost:2181 localhost:9092)

    znode /example-config/SETTING --watch--> bridge.py --topic--> node.py, node.py

The znode is the truth (one value, versioned, guarded by ACLs if you like); the topic is the loudspeaker (any number of
nodes, and those who come later read what was said).
"""
import os
import queue
import subprocess
import sys
import threading
import uuid
from pathlib import Path

from kazoo.client import KazooClient

zookeeper = sys.argv[1] if len(sys.argv) > 2 else os.environ.get("ZOOKEEPER", "localhost:2181")
kafka = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("KAFKA", "localhost:9092")
run = uuid.uuid4().hex[:8]  # each run has its own znode and topic
znode, topic = f"/example-config/pool-size-{run}", f"example-config-{run}"
here = Path(__file__).parent


def start(script: str, *arguments: str):
    """Starts one part as a process of its own; gives it with the queue of its output lines."""
    process = subprocess.Popen([sys.executable, here / script, *arguments], stdout=subprocess.PIPE, text=True)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in process.stdout], daemon=True).start()
    return process, lines


zk = KazooClient(hosts=zookeeper)
zk.start()
zk.create(znode, b"10", makepath=True)
bridge, bridge_lines = start("bridge.py", zookeeper, kafka, znode, topic)
nodes = [start("node.py", kafka, topic) for _ in range(2)]
try:
    assert bridge_lines.get(timeout=20) == "bridge is running"
    for value in ("10", "20", "50"):
        if value != "10":
            zk.set(znode, value.encode())
        seen = [lines.get(timeout=20) for _, lines in nodes]
        print(f"pool size is {value}; the nodes say {seen}")
        assert seen == [value, value]
finally:
    for process, _ in [(bridge, None), *nodes]:
        process.kill()
        process.wait()
zk.delete(znode)
zk.stop()
zk.close()
