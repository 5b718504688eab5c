#!/usr/bin/env python3
"""Clients of kazoo that work on an ensemble while its members are killed, stopped and replaced.

    ensemble_load.py HOST:PORT,HOST:PORT...

Says `ok` when everybody works, then takes a word a line and answers each with `ok`, or with what is wrong:

check   every counter has gone on, every session is the one that it was, with its ephemeral node and its place at the
        lock; watches that were set before tell of what changes now; every acknowledged count and node is there
end     the same, then the clients end their sessions
"""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from harness import take_words, wait_until
from kazoo_sessions import Counting, connect, end

COUNTERS = 4
SECONDS = 60
RETRY = {"max_tries": -1, "max_delay": 0.5}
# A session lasts longer than any member takes to come back.
SETTINGS = {"timeout": 30.0, "connection_retry": RETRY, "command_retry": RETRY}


class Load:
    def __init__(self):
        self.clients = [connect(**SETTINGS) for _ in range(3)]
        self.sessions = [client.client_id for client in self.clients]
        holder, waiter, watcher = self.clients
        for number, client in enumerate(self.clients):
            client.create(f"/kazoo/alive-{number}", b"", ephemeral=True, makepath=True)
        self.lock, self.waiting = holder.Lock("/kazoo/lock", "holder"), waiter.Lock("/kazoo/lock", "waiter")
        self.lock.acquire()
        self.entered = threading.Thread(target=self.waiting.acquire, daemon=True)
        self.entered.start()
        wait_until("both at the lock", lambda: self.lock.contenders() == ["holder", "waiter"])
        holder.create("/kazoo/watched", b"0")
        self.changes, self.children = [], []
        watcher.DataWatch("/kazoo/watched", lambda data, stat: self.changes.append(data) if stat else None)
        watcher.ChildrenWatch("/kazoo/watched", lambda names: self.children.append(len(names)))
        wait_until("the watches", lambda: self.changes and self.children)
        self.counters = [Counting(f"/kazoo/count-{number}", **SETTINGS) for number in range(COUNTERS)]
        self.before = [0] * COUNTERS
        self.rounds = 0

    def check(self):
        holder, waiter, watcher = self.clients
        enough = lambda: all(counter.acknowledged > before for counter, before in zip(self.counters, self.before))
        wait_until("counts", lambda: enough() or any(counter.error for counter in self.counters), SECONDS)
        for counter in self.counters:
            assert counter.error is None, f"{counter.path}: {counter.error!r}"
        for number, (client, session) in enumerate(zip(self.clients, self.sessions)):
            client.retry(client.sync, "/")
            assert client.client_id == session, f"session {session[0]:x} was lost"
            stat = client.retry(client.exists, f"/kazoo/alive-{number}")
            assert stat and stat.ephemeralOwner == session[0], f"the ephemeral node of session {session[0]:x} is {stat}"
        contenders = holder.retry(self.lock.contenders)
        assert contenders == ["holder", "waiter"] and not self.waiting.is_acquired, f"at the lock are {contenders}"
        self.rounds += 1
        waiter.retry(waiter.set, "/kazoo/watched", str(self.rounds).encode())
        waiter.retry(waiter.ensure_path, f"/kazoo/watched/{self.rounds}")
        told = lambda: self.changes[-1] == str(self.rounds).encode() and self.children[-1] == self.rounds
        wait_until(f"watches that were set before: {self.changes}, {self.children}", told, SECONDS)
        for counter in self.counters:
            acknowledged = counter.acknowledged
            holder.retry(holder.sync, counter.path)
            data, stat = holder.retry(holder.get, counter.path)
            assert int(data) == stat.version >= acknowledged, f"{acknowledged} were acknowledged, {data} are there"
        self.before = [counter.acknowledged + 5 for counter in self.counters]
        return f"{sum(counter.acknowledged for counter in self.counters)} counts, sessions, lock and watches as they were"

    def end(self):
        said = self.check()
        for counter in self.counters:
            counter.stop()
            data, stat = counter.client.retry(counter.client.get, counter.path)
            assert int(data) == stat.version == counter.acknowledged
        self.lock.release()
        self.entered.join(SECONDS)
        assert self.waiting.is_acquired, "the lock was given back, and who waited does not have it"
        end(*self.clients, *(counter.client for counter in self.counters))
        return said


take_words(Load)
