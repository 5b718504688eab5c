"""A lock: several workers, one of them inside at a time.

    python lock.py [HOST:PORT]        (or the environment variable ZOOKEEPER; else localhost:2181)

Each worker is a process with a ZooKeeper session of its own. kazoo's Lock makes an ephemeral sequential znode; the
lowest number is inside, the others wait for the one before them. If a worker dies its session ends, its znode goes, and
the next one enters: the last worker here is killed inside on purpose.

The proof: inside the lock every worker writes a file that must not exist, waits, and removes it. Two workers inside at
once would collide.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kazoo.client import KazooClient

WORKERS = 4
ROUNDS = 5


def enter(inside: Path, name: str) -> None:
    """Claims the file; fails if somebody else is inside."""
    descriptor = os.open(inside, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(descriptor, name.encode())
    os.close(descriptor)


def worker(hosts: str, folder: Path, name: str) -> None:
    zk = KazooClient(hosts=hosts, timeout=2.0)
    zk.start()
    lock = zk.Lock("/example-lock", name)
    for _ in range(ROUNDS):
        with lock:
            enter(folder / "inside", name)
            with open(folder / "journal", "a") as journal:
                journal.write(name + "\n")
            time.sleep(0.01)
            (folder / "inside").unlink()
    zk.stop()
    zk.close()


def dying_worker(hosts: str, folder: Path) -> None:
    """Takes the lock, says so, and never gives it back."""
    zk = KazooClient(hosts=hosts, timeout=2.0)
    zk.start()
    zk.Lock("/example-lock", "dying").acquire()
    (folder / "taken").touch()
    time.sleep(60)


def main(hosts: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="castlekeep-lock-"))

    def start(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, __file__, hosts, str(folder), *arguments])

    # One worker takes the lock and is killed with SIGKILL. Its znode stays until its session ends.
    dying = start("dying")
    deadline = time.monotonic() + 20
    while not (folder / "taken").exists():
        assert time.monotonic() < deadline and dying.poll() is None, "the first worker got no lock"
        time.sleep(0.01)
    dying.send_signal(signal.SIGKILL)
    dying.wait()

    workers = [start(f"worker-{number}") for number in range(WORKERS)]
    codes = [process.wait(timeout=60) for process in workers]
    journal = (folder / "journal").read_text().split()
    print(f"{WORKERS} workers were inside {len(journal)} times, never two at once")
    assert codes == [0] * WORKERS, f"two workers were inside at once, or one failed: exit codes {codes}"
    assert sorted(journal) == sorted(f"worker-{n}" for n in range(WORKERS) for _ in range(ROUNDS))


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ZOOKEEPER", "localhost:2181")
    if len(sys.argv) <= 2:
        main(address)
    elif sys.argv[3] == "dying":
        dying_worker(address, Path(sys.argv[2]))
    else:
        worker(address, Path(sys.argv[2]), sys.argv[3])
