#!/usr/bin/env python3
"""Kills a keeper with SIGKILL under kazoo's recipes and looks at what its clients see.

    keeper_restart.py HOST:PORT LOG COMMAND...

COMMAND starts a keeper that listens on HOST:PORT; its output goes to the file LOG. Twice it is killed with SIGKILL and
started again, once stopped with SIGTERM and started again. Each time, while it is away and comes back:

* clients that were connected keep their sessions, their ephemerals, their lock and their places in its queue;
* nobody else enters the lock, and the one who waits enters when it is given back;
* watches that were set before tell of what changes afterwards;
* of the counts that several clients make, each acknowledged one is there and none is there twice;
* an item of a queue that was taken but not consumed is nobody else's;
* a session whose client died meanwhile ends by itself, its time counted from the restart.

Exit code 1: one of these is not so.
"""
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from harness import wait_until
from kazoo.client import KazooState
from kazoo_sessions import HOSTS, Counting, connect, end

LOG, COMMAND = sys.argv[2], sys.argv[3:]
ROUNDS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)
COUNTERS = 3

ABANDON = """
import os, sys
from kazoo.client import KazooClient
client = KazooClient(hosts=sys.argv[1], timeout=2.0)
client.start()
client.create(sys.argv[2], b"", ephemeral=True)
os._exit(0)
"""


class Keeper:
    def __init__(self):
        self.process = None

    def start(self):
        with open(LOG, "ab") as log:
            self.process = subprocess.Popen(COMMAND, stdout=log, stderr=log)

    def stop(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        # A JVM answers SIGTERM with 143.
        assert number == signal.SIGKILL or code in (0, 143), f"the keeper ended with {code} after SIGTERM"


def one_round(keeper, number, clients, counters, state):
    holder, waiter, watcher = clients
    sessions = [client.client_id for client in clients]
    path = f"/round-{number}"
    holder.create(path, b"before")
    changes = []
    watcher.DataWatch(path, lambda data, stat: changes.append(data) if stat else None)
    children = []
    watcher.ChildrenWatch(path, lambda names: children.append(sorted(names)))
    wait_until("the watches", lambda: changes and children)
    orphan = f"{path}-orphan"
    subprocess.run([sys.executable, "-c", ABANDON, HOSTS, orphan], check=True, timeout=30)
    before = [counter.acknowledged for counter in counters]
    wait_until("counts", lambda: all(c.acknowledged > b + 5 for c, b in zip(counters, before)))

    lost = [threading.Event() for _ in clients]
    for client, event in zip(clients, lost):
        client.add_listener(lambda now, event=event: event.set() if now == KazooState.SUSPENDED else None)
    keeper.stop(ROUNDS[number])
    assert all(event.wait(20) for event in lost), "a client does not see that the keeper is away"
    counted = [counter.acknowledged for counter in counters]
    keeper.start()
    started = time.monotonic()
    for client, session in zip(clients, sessions):
        client.retry(client.sync, "/")
        assert client.client_id == session, f"session {session[0]:x} was lost, {state}"
    back = time.monotonic() - started

    for counter, acknowledged in zip(counters, counted):
        data, stat = holder.retry(holder.get, counter.path)
        assert int(data) == stat.version >= acknowledged, f"{acknowledged} were acknowledged, {data} are there"
    assert holder.exists("/holder").ephemeralOwner == sessions[0][0]
    assert state["lock"].contenders() == ["holder", "waiter"] and not state["waiting"].is_acquired
    assert state["queue"].holds_lock() and state["other"].get(0.2) is None, "an item was given out twice"
    waiter.set(path, b"after")
    waiter.create(f"{path}/child", b"")
    wait_until("watches that were set before", lambda: changes[-1] == b"after" and children[-1] == ["child"])
    # After a reconnect kazoo may tell the same children again.
    assert changes == [b"before", b"after"] and all(names == [] for names in children[:-1]), (changes, children)
    wait_until("the session of a client that died", lambda: holder.exists(orphan) is None)
    return back


def main():
    keeper = Keeper()
    keeper.start()
    try:
        clients = [connect() for _ in range(3)]
        holder, waiter, _ = clients
        holder.create("/holder", b"", ephemeral=True)
        lock, waiting = holder.Lock("/lock", "holder"), waiter.Lock("/lock", "waiter")
        lock.acquire()
        entered = threading.Thread(target=waiting.acquire, daemon=True)
        entered.start()
        wait_until("both at the lock", lambda: lock.contenders() == ["holder", "waiter"])
        queue, other = holder.LockingQueue("/queue"), waiter.LockingQueue("/queue")
        queue.put(b"item")
        assert queue.get(20) == b"item"
        counters = [Counting(f"/count-{number}") for number in range(COUNTERS)]
        state = {"lock": lock, "waiting": waiting, "queue": queue, "other": other}
        for number, how in enumerate(ROUNDS):
            back = one_round(keeper, number, clients, counters, state)
            counts = sum(counter.acknowledged for counter in counters)
            print(f"  ok     {how.name}: three sessions went on after {back:.2f} s, {counts} counts so far", flush=True)
        for counter in counters:
            counter.stop()
            data, stat = holder.get(counter.path)
            assert int(data) == stat.version == counter.acknowledged
        lock.release()
        entered.join(20)
        assert waiting.is_acquired, "the lock was given back, and who waited does not have it"
        assert queue.consume() and other.get(0.1) is None
        end(*clients, *(counter.client for counter in counters))
        keeper.stop(signal.SIGTERM)
    finally:
        if keeper.process.poll() is None:
            keeper.process.kill()
            keeper.process.wait()


main()
