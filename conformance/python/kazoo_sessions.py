"""Sessions of kazoo for its suites: the server is the first argument of the script."""
import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, ConnectionClosedError, ConnectionLoss, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError

HOSTS = sys.argv[1]


def connect(timeout=10.0, **settings):
    client = KazooClient(hosts=HOSTS, timeout=timeout, **settings)
    client.start()
    return client


def end(*clients):
    for client in clients:
        client.stop()
        client.close()


def cut(client):
    """Ends the client's connection, not its session, and waits until the client knows; it connects again by itself."""
    lost = threading.Event()

    def listen(state):
        if state == KazooState.SUSPENDED:
            lost.set()

    client.add_listener(listen)
    client._connection._socket.shutdown(2)
    assert lost.wait(20), "the loss of the connection was not noticed"
    client.remove_listener(listen)


class Counting(threading.Thread):
    """Counts a znode up, one at a time, through losses; knows what was acknowledged and what may have been done."""

    def __init__(self, path, **settings):
        super().__init__(daemon=True)
        self.path, self.client, self.error = path, connect(**settings), None
        self.acknowledged = self.attempted = 0
        self.enough = threading.Event()
        self.client.create(path, b"0")
        self.start()

    def run(self):
        try:
            while not self.enough.is_set():
                self.attempted = self.acknowledged + 1
                try:
                    self.client.set(self.path, str(self.attempted).encode(), version=self.acknowledged)
                except BadVersionError:
                    # The answer was lost, not the write: only this client writes here.
                    assert self.client.retry(self.client.get, self.path)[1].version == self.attempted
                except (ConnectionLoss, ConnectionClosedError, SessionExpiredError, KazooTimeoutError) as error:
                    assert not isinstance(error, SessionExpiredError), "the session was lost"
                    time.sleep(0.01)
                    continue
                self.acknowledged = self.attempted
        except BaseException as error:
            self.error = error

    def stop(self):
        self.enough.set()
        self.join(30)
        assert not self.is_alive() and self.error is None, self.error
