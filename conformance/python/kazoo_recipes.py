"""Every recipe of kazoo against a ZooKeeper server: python kazoo_recipes.py HOST:PORT [PART OF A NAME]"""
import datetime
import sys
import threading

from harness import RUN, raises, run, wait_until
from kazoo.exceptions import CancelledError, LockTimeout
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo_sessions import connect, cut, end

ROOT = f"/recipes-{RUN}"
WAIT = 20


class Task(threading.Thread):
    """A thread whose result, or error, is handed to who waits for it."""

    def __init__(self, body, *args, **kwargs):
        super().__init__(daemon=True)
        self.call, self.result, self.error = (body, args, kwargs), None, None
        self.start()

    def run(self):
        body, args, kwargs = self.call
        try:
            self.result = body(*args, **kwargs)
        except BaseException as error:
            self.error = error

    def get(self):
        self.join(WAIT)
        assert not self.is_alive(), f"a thread did not end within {WAIT} s"
        if self.error:
            raise self.error
        return self.result


one, two, three = connect(), connect(), connect()
one.create(ROOT, b"")


def test_lock_excludes_times_out_and_is_cancelled():
    path = f"{ROOT}/lock"
    first, second, third = (client.Lock(path, name) for client, name in ((one, "1"), (two, "2"), (three, "3")))
    assert first.acquire() and first.is_acquired
    assert second.acquire(blocking=False) is False
    raises(LockTimeout, second.acquire, timeout=0.2)
    waiting = Task(second.acquire)
    wait_until("the second in the queue", lambda: first.contenders() == ["1", "2"])
    hopeless = Task(third.acquire)
    wait_until("the third in the queue", lambda: first.contenders() == ["1", "2", "3"])
    third.cancel()
    raises(CancelledError, hopeless.get)
    wait_until("the cancelled one to be gone", lambda: first.contenders() == ["1", "2"])
    assert first.release() and waiting.get() is True
    second.release()
    assert one.get_children(path) == []


def test_lock_of_a_client_that_ends_goes_to_the_next():
    path = f"{ROOT}/lock-lost"
    holder = connect()
    holder.Lock(path, "holder").acquire()
    waiting = Task(one.Lock(path, "next").acquire)
    wait_until("the next in the queue", lambda: len(two.Lock(path).contenders()) == 2)
    cut(holder)
    wait_until("the holder to come back", lambda: holder.connected)
    assert len(two.Lock(path).contenders()) == 2, "a lost connection is not a lost lock"
    end(holder)
    assert waiting.get() is True


def test_read_and_write_locks():
    path = f"{ROOT}/rw"
    reading, also = one.ReadLock(path, "r1"), two.ReadLock(path, "r2")
    assert reading.acquire() and also.acquire(), "two readers are inside together"
    writing = three.WriteLock(path, "w")
    assert writing.acquire(blocking=False) is False
    waiting = Task(writing.acquire)
    wait_until("the writer in the queue", lambda: len(one.get_children(path)) == 3)
    reading.release()
    assert not writing.is_acquired
    also.release()
    assert waiting.get() is True
    late = Task(reading.acquire)
    wait_until("the reader in the queue", lambda: len(one.get_children(path)) == 2)
    assert not reading.is_acquired
    writing.release()
    assert late.get() is True
    reading.release()


def test_semaphore_lets_in_as_many_as_it_has_leases():
    path = f"{ROOT}/semaphore"
    first, second, third = (
        client.Semaphore(path, name, max_leases=2) for client, name in ((one, "1"), (two, "2"), (three, "3"))
    )
    assert first.acquire() and second.acquire()
    assert third.acquire(blocking=False) is False
    raises(LockTimeout, third.acquire, timeout=0.2)
    assert sorted(third.lease_holders()) == ["1", "2"]
    waiting = Task(third.acquire)
    second.release()
    assert waiting.get() is True and sorted(first.lease_holders()) == ["1", "3"]
    raises(ValueError, two.Semaphore(path, "4", max_leases=5).acquire)
    first.release()
    third.release()


def test_election_leads_one_after_the_other():
    path = f"{ROOT}/election"
    leading, go_on = threading.Event(), threading.Event()

    def lead():
        leading.set()
        assert go_on.wait(WAIT)

    first, second = one.Election(path, "first"), two.Election(path, "second")
    leader = Task(first.run, lead)
    assert leading.wait(WAIT)
    order = []
    follower = Task(second.run, lambda: order.append("second"))
    wait_until("both contenders", lambda: three.Election(path).contenders() == ["first", "second"])
    assert order == []
    third = three.Election(path, "third")
    cancelled = Task(third.run, lambda: order.append("third"))
    wait_until("the third contender", lambda: len(first.contenders()) == 3)
    third.cancel()
    cancelled.get()
    go_on.set()
    leader.get()
    follower.get()
    assert order == ["second"]


def test_barrier_and_double_barrier():
    barrier = one.Barrier(f"{ROOT}/barrier")
    barrier.create()
    assert two.Barrier(f"{ROOT}/barrier").wait(0.1) is False
    waiting = Task(two.Barrier(f"{ROOT}/barrier").wait, WAIT)
    assert barrier.remove() is True and waiting.get() is True
    assert barrier.remove() is False and barrier.wait(1) is True

    both = [client.DoubleBarrier(f"{ROOT}/double", 2) for client in (one, two)]
    entering = Task(both[0].enter)
    wait_until("the first to stand at the door", lambda: three.exists(f"{ROOT}/double") and three.get_children(f"{ROOT}/double"))
    assert not both[0].participating
    both[1].enter()
    entering.get()
    assert both[0].participating and both[1].participating
    leaving = Task(both[0].leave)
    both[1].leave()
    leaving.get()
    assert not both[0].participating and not both[1].participating
    assert three.get_children(f"{ROOT}/double") == []


def test_counters_of_several_clients():
    path = f"{ROOT}/counter"

    def count(client):
        counter = client.Counter(path)
        for _ in range(20):
            counter += 1

    for task in [Task(count, client) for client in (one, two, three)]:
        task.get()
    counter = one.Counter(path)
    counter -= 10
    assert counter.value == 50 and (counter.pre_value, counter.post_value) == (60, 50)
    assert one.get(path)[1].version == 61
    real = two.Counter(f"{ROOT}/real", default=1.5)
    real += 2.25
    assert three.Counter(f"{ROOT}/real", default=0.0).value == 3.75
    shared = one.Counter(f"{ROOT}/curator", default=7, support_curator=True)
    shared += 1
    assert one.get(f"{ROOT}/curator")[0] == b"\x00\x00\x00\x08"


def test_queue_by_priority():
    queue = one.Queue(f"{ROOT}/queue")
    for value, priority in ((b"late", 200), (b"a", 100), (b"b", 100), (b"early", 1)):
        queue.put(value, priority)
    assert len(queue) == 4
    taken = [two.Queue(f"{ROOT}/queue").get(), queue.get(), queue.get(), queue.get(), queue.get()]
    assert taken == [b"early", b"a", b"b", b"late", None], taken


def test_locking_queue_gives_back_what_was_not_consumed():
    mine, other = one.LockingQueue(f"{ROOT}/locking"), two.LockingQueue(f"{ROOT}/locking")
    waiting = Task(other.get, WAIT)
    mine.put(b"first")
    assert waiting.get() == b"first" and other.holds_lock()
    mine.put_all([b"second", b"third"])
    assert len(mine) == 3
    assert mine.get(WAIT) == b"second", "an entry that another one holds was given out"
    assert other.release() and not other.holds_lock()
    assert mine.consume() and mine.get(WAIT) == b"first" and mine.consume()
    assert other.get(WAIT) == b"third" and other.consume()
    assert other.get(0.1) is None and len(mine) == 0


def test_parties():
    for name, kind in (("party", "Party"), ("shallow", "ShallowParty")):
        path = f"{ROOT}/{name}"
        guest = connect()
        parties = [getattr(client, kind)(path, ident) for client, ident in ((one, "a"), (two, "b"), (guest, "c"))]
        for party in parties:
            party.join()
        assert sorted(parties[0]) == ["a", "b", "c"] and len(parties[1]) == 3
        parties[0].leave()
        assert sorted(parties[1]) == ["b", "c"]
        end(guest)
        wait_until("the guest to be gone", lambda: list(parties[1]) == ["b"])


def test_set_partitioner_shares_and_shares_again():
    path, whole = f"{ROOT}/partitions", {"1", "2", "3", "4"}

    def partition(client, name):
        partitioner = client.SetPartitioner(path, whole, identifier=name, time_boundary=0.3, max_reaction_time=0.1)
        partitioner.wait_for_acquire(WAIT)
        assert partitioner.acquired, partitioner.state
        return partitioner

    shares = [task.get() for task in [Task(partition, one, "a"), Task(partition, two, "b")]]
    assert sorted(len(set(share)) for share in shares) == [2, 2] and set(shares[0]) | set(shares[1]) == whole
    shares[1].finish()
    wait_until("the news of the leaver", lambda: shares[0].release)
    shares[0].release_set()
    shares[0].wait_for_acquire(WAIT)
    assert shares[0].acquired and set(shares[0]) == whole
    shares[0].finish()


def test_leases():
    now = datetime.datetime(2026, 1, 1)
    hour = datetime.timedelta(hours=1)

    def lease(client, who, at):
        return bool(client.NonBlockingLease(f"{ROOT}/lease", hour, identifier=who, utcnow=lambda: at))

    assert lease(one, "a", now) and not lease(two, "b", now)
    assert lease(three, "a", now + hour / 2), "who has the lease may renew it"
    assert not lease(two, "b", now + hour) and lease(two, "b", now + 2 * hour)

    def one_of_two(client, who):
        return bool(client.MultiNonBlockingLease(2, f"{ROOT}/leases", hour, identifier=who, utcnow=lambda: now))

    assert one_of_two(one, "a") and one_of_two(two, "b") and not one_of_two(three, "c") and one_of_two(three, "a")


def test_data_watch_follows_through_a_reconnect():
    path, seen = f"{ROOT}/data-watch", []
    client = connect()

    @client.DataWatch(path)
    def watch(data, stat):
        seen.append((data, stat.version if stat else None))

    def step(what, last):
        wait_until(what, lambda: seen[-1] == last)

    assert seen == [(None, None)]
    one.create(path, b"0")
    step("the creation", (b"0", 0))
    one.set(path, b"1")
    step("the change", (b"1", 1))
    cut(client)
    one.set(path, b"2")
    step("the change during the loss", (b"2", 2))
    one.set(path, b"3")
    step("the change after the loss", (b"3", 3))
    one.delete(path)
    step("the deletion", (None, None))
    assert seen == [(None, None), (b"0", 0), (b"1", 1), (b"2", 2), (b"3", 3), (None, None)], seen
    end(client)


def test_children_watch_stops_when_told():
    path, seen = f"{ROOT}/children-watch", []
    one.create(path, b"")

    @two.ChildrenWatch(path)
    def watch(children):
        seen.append(sorted(children))
        return len(children) < 2

    one.create(f"{path}/a", b"")
    wait_until("the first child", lambda: seen[-1] == ["a"])
    one.create(f"{path}/b", b"")
    wait_until("the second child", lambda: seen[-1] == ["a", "b"])
    one.create(f"{path}/c", b"")
    three.sync(path)
    # A watch that is still there would be told of this one before its own answer.
    assert len(two.get_children(path)) == 3 and seen == [[], ["a"], ["a", "b"]], seen


def test_tree_cache_is_a_copy():
    path, events = f"{ROOT}/tree", []
    one.create(path, b"root")
    one.create(f"{path}/a", b"1")
    client = connect()
    cache = TreeCache(client, path)
    cache.listen(lambda event: events.append((event.event_type, event.event_data and event.event_data.path)))
    cache.start()
    wait_until("the first copy", lambda: (TreeEvent.INITIALIZED, None) in events)
    assert cache.get_data(f"{path}/a").data == b"1" and cache.get_children(path) == {"a"}
    one.create(f"{path}/a/deep", b"2")
    one.set(path, b"changed")
    wait_until("a new node", lambda: (TreeEvent.NODE_ADDED, f"{path}/a/deep") in events)
    wait_until("a change", lambda: cache.get_data(path).data == b"changed")
    cut(client)
    one.create(f"{path}/late", b"3")
    wait_until("what happened during the loss", lambda: cache.get_data(f"{path}/late"))
    one.delete(f"{path}/a", recursive=True)
    wait_until("a deletion", lambda: (TreeEvent.NODE_REMOVED, f"{path}/a/deep") in events)
    wait_until("the end of it", lambda: cache.get_children(path) == {"late"})
    cache.close()
    end(client)


run(globals(), *sys.argv[2:3])
