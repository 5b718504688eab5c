"""Sessions of kazoo for its suites: the server is the first argument of the script."""
import sys
import threading

from kazoo.client import KazooClient, KazooState

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
