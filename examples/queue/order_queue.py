"""A queue: two services decoupled by a topic and a consumer group. One is killed and restarted; nothing is lost.

    python order_queue.py [HOST:PORT]       (or the environment variable KAFKA; else localhost:9092)

    orders.py --topic--> billing.py (group "billing")

While billing is dead the orders go on. When it is back it starts at the group's committed offset.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

COUNT = 200

kafka = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KAFKA", "localhost:9092")
run = uuid.uuid4().hex[:8]
topic, group = f"example-orders-{run}", f"billing-{run}"
ledger = Path(tempfile.mkdtemp(prefix="castlekeep-queue-")) / "bills"
ledger.touch()
here = Path(__file__).parent


def start(script: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, here / script, kafka, topic, *arguments])


def wait_until(what: str, condition, seconds: float = 45) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def billed() -> list:
    return ledger.read_text().splitlines()


orders = start("orders.py", str(COUNT))
billing = start("billing.py", group, str(ledger))
try:
    wait_until("the first bills", lambda: len(billed()) >= COUNT // 4)
    billing.send_signal(signal.SIGKILL)
    billing.wait()
    before = len(billed())
    assert orders.wait(timeout=60) == 0, "the order service failed"
    assert len(set(billed())) < COUNT, "billing was to be killed in the middle of its work"
    billing = start("billing.py", group, str(ledger))
    wait_until("every order to be billed", lambda: len(set(billed())) == COUNT)
finally:
    for process in (orders, billing):
        process.kill()
        process.wait()
wanted = [f"order {number}" for number in range(COUNT)]
# The order of first bills is the order of the orders: one partition, read from the committed offset on.
assert list(dict.fromkeys(billed())) == wanted
print(f"{COUNT} orders, billing killed after {before}: all billed, {len(billed()) - COUNT} of them twice")
