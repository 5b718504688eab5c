#!/usr/bin/env python3
"""Fills the disk under a broker while producers and consumers work, makes room again, and looks what became of it.

    disk_full.py [--binary target/release/castlekeep] [--rounds 2] [--keep]

`log.dirs` lies on a small tmpfs; the keeper's folder does not. Idempotent producers write numbered records with acks=all,
consumers follow. Each round a file takes nearly all the room; when producers have been refused for a second, the file goes.

* meanwhile everything that was acknowledged is read, by consumers that are there and by one that comes new;
* the broker goes on: same process, no log folder offline;
* after that every record of every producer is there once, in order, at the offset that was acknowledged, and so it is
  after kill -9 with the disk full, and a start with room.

Needs root for the mount (without it the script says so and exits with 0) and confluent-kafka (conformance/requirements.txt).
Exit code 1: something is missing, doubled, misplaced, or stopped.
"""
import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "full"
PARTITIONS = 3
DISK_BYTES = 48 << 20
LEFT_BYTES = 256 << 10
SECONDS_MAX = 60
VALUE = b"x" * 2000


# What is undone at the end, last things first, also when a thread finds something wrong.
undo = []


def clean_up():
    while undo:
        undo.pop()()


def fail(message):
    print("FAILED:", message, flush=True)
    clean_up()
    os._exit(1)


def end(process):
    if process.poll() is None:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, holds, seconds=SECONDS_MAX):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            fail(f"waited {seconds} s for {what}")
        time.sleep(0.02)


class Servers:
    """A keeper, and a broker whose logs are on the small disk."""

    def __init__(self, binary, folder, disk):
        self.binary, self.folder, self.disk = binary, folder, disk
        self.keeper_port, self.port = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        zoo_cfg = os.path.join(folder, "zoo.cfg")
        with open(zoo_cfg, "w") as out:
            out.write(f"dataDir={folder}/zookeeper\nclientPort={self.keeper_port}\nadmin.enableServer=false\n")
        self.properties = os.path.join(folder, "server.properties")
        with open(self.properties, "w") as out:
            out.write(f"broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:{self.port}\n")
            out.write(f"zookeeper.connect=127.0.0.1:{self.keeper_port}\nlog.dirs={disk}/logs\n")
            out.write("offsets.topic.replication.factor=1\noffsets.topic.num.partitions=2\n")
            out.write("group.initial.rebalance.delay.ms=0\nlog.segment.bytes=1000000\nlog.index.size.max.bytes=4096\n")
            out.write("log.flush.offset.checkpoint.interval.ms=200\nreplica.high.watermark.checkpoint.interval.ms=200\n")
        self.keeper = self.process("zookeeper", zoo_cfg, "keeper.log")
        self.broker = None

    def process(self, role, config, log):
        with open(os.path.join(self.folder, log), "ab") as out:
            process = subprocess.Popen([self.binary, role, config], stdout=out, stderr=out)
        undo.append(lambda: end(process))
        return process

    def start(self):
        starts = self.log().count("is ready") if self.broker else 0
        self.broker = self.process("kafka", self.properties, "broker.log")

        def is_ready():
            if self.broker.poll() is not None:
                fail(f"the broker ended with {self.broker.returncode}; see {self.folder}/broker.log")
            return self.log().count("is ready") > starts

        wait_until("the broker", is_ready)

    def log(self):
        with open(os.path.join(self.folder, "broker.log"), errors="replace") as log:
            return log.read()

    def free_bytes(self):
        stat = os.statvfs(self.disk)
        return stat.f_bavail * stat.f_frsize

    def fill(self):
        with open(os.path.join(self.disk, "ballast"), "wb", buffering=0) as ballast:
            left = self.free_bytes() - LEFT_BYTES
            try:
                while left > 0:
                    left -= ballast.write(b"\0" * min(left, 1 << 20))
            except OSError:
                # The producers were quicker.
                pass

    def empty(self):
        os.remove(os.path.join(self.disk, "ballast"))


class Writer(threading.Thread):
    """One producer of one partition; what was acknowledged, by offset."""

    def __init__(self, address, partition, stop):
        super().__init__(daemon=True)
        self.partition, self.stop = partition, stop
        self.producer = Producer(
            {
                "bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 2, "broker.address.family": "v4",
                "delivery.timeout.ms": 300000, "retry.backoff.ms": 50, "reconnect.backoff.max.ms": 500,
                "queue.buffering.max.messages": 500,
            }
        )
        self.sent, self.acknowledged, self.errors = 0, {}, []

    def delivered(self, error, message):
        if error is not None:
            self.errors.append(error)
        elif self.acknowledged.setdefault(message.offset(), message.value()) != message.value():
            fail(f"offset {message.offset()} of partition {self.partition} was acknowledged twice")

    def run(self):
        while not self.stop.is_set():
            try:
                value = b"%d %s" % (self.sent, VALUE)
                self.producer.produce(TOPIC, value, partition=self.partition, on_delivery=self.delivered)
                self.sent += 1
                # About 200 a second, so that the disk is filled by the ballast and not by records.
                self.producer.poll(0.005)
            except BufferError:
                self.producer.poll(0.05)
        # Those that are under way are tried for as long as the producer promises.
        self.producer.flush(120)


class Follower(threading.Thread):
    """A consumer of everything, from the start on."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.seen = [{} for _ in range(PARTITIONS)]
        self.stopped = threading.Event()
        self.consumer = Consumer(
            {
                "bootstrap.servers": address, "group.id": "not-used", "enable.auto.commit": False,
                "broker.address.family": "v4", "reconnect.backoff.max.ms": 500,
            }
        )
        self.consumer.assign([TopicPartition(TOPIC, n, OFFSET_BEGINNING) for n in range(PARTITIONS)])

    def run(self):
        while not self.stopped.is_set():
            for message in self.consumer.consume(500, 0.1):
                if message.error() is None:
                    self.seen[message.partition()][message.offset()] = message.value()
        self.consumer.close()

    def has(self, writers):
        return all(writer.acknowledged.keys() <= self.seen[writer.partition].keys() for writer in writers)


def check(follower, writers):
    for writer in writers:
        seen = follower.seen[writer.partition]
        for offset, value in writer.acknowledged.items():
            if seen.get(offset) != value:
                fail(f"offset {offset} of partition {writer.partition} is not what was acknowledged")
        if sorted(seen) != list(range(len(seen))):
            fail(f"the offsets of partition {writer.partition} are not dense")
        numbers = [int(seen[offset].split()[0]) for offset in range(len(seen))]
        if numbers != list(range(len(numbers))):
            fail(f"the records of partition {writer.partition} are not in order or not once each")


def read_all(servers, writers):
    """A new consumer reads everything that was acknowledged."""
    follower = Follower(servers.address)
    follower.start()
    wait_until("a new consumer", lambda: follower.has(writers))
    check(follower, writers)
    follower.stopped.set()
    follower.join()


def alive(servers):
    if servers.broker.poll() is not None:
        fail(f"the broker ended with {servers.broker.returncode}")
    if "goes offline" in servers.log():
        fail("a log folder went offline")


def acknowledged(writers):
    return sum(len(writer.acknowledged) for writer in writers)


def fill(servers, writers):
    """Fills the disk and waits until producers are refused; how many records were acknowledged before."""
    servers.fill()
    wait_until("the disk to be full", lambda: "is full" in servers.log())
    known, since = acknowledged(writers), time.monotonic()

    def is_refused():
        nonlocal known, since
        if acknowledged(writers) != known:
            known, since = acknowledged(writers), time.monotonic()
        return time.monotonic() - since >= 1

    wait_until("a second in which nothing more is acknowledged", is_refused)
    return known


def one_round(servers, writers, follower):
    before = acknowledged(writers)
    wait_until("producers", lambda: acknowledged(writers) > before + 300)
    known = fill(servers, writers)
    alive(servers)
    wait_until("the consumer that was there", lambda: follower.has(writers))
    read_all(servers, writers)
    alive(servers)
    begin = time.monotonic()
    servers.empty()
    wait_until("producers to go on", lambda: acknowledged(writers) > known + 300)
    print(f"  {known - before} acknowledged before the disk was full; {time.monotonic() - begin:.2f} s after there was "
          f"room again 300 more were", flush=True)
    alive(servers)


def run(options, folder, disk):
    servers = Servers(options.binary, folder, disk)
    try:
        servers.start()
        admin = AdminClient({"bootstrap.servers": servers.address, "broker.address.family": "v4"})
        config = {"retention.bytes": "-1", "segment.bytes": "1000000"}
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1, config=config)])[TOPIC].result(20)
        stop = threading.Event()
        writers = [Writer(servers.address, n, stop) for n in range(PARTITIONS)]
        follower = Follower(servers.address)
        for thread in (*writers, follower):
            thread.start()
        for _ in range(options.rounds):
            one_round(servers, writers, follower)
        fill(servers, writers)
        os.kill(servers.broker.pid, signal.SIGKILL)
        servers.broker.wait()
        servers.empty()
        servers.start()
        stop.set()
        for writer in writers:
            writer.join()
            if writer.errors:
                fail(f"partition {writer.partition}: {writer.errors[0]}")
        read_all(servers, writers)
        total = acknowledged(writers)
        if total != sum(writer.sent for writer in writers):
            fail("not everything that was sent was acknowledged in the end")
        print(f"  {total} records, each once, also after kill -9 with the disk full")
        servers.broker.terminate()
        if servers.broker.wait(60) != 0:
            fail("the broker did not stop cleanly")
    except KafkaException as e:
        fail(e)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/castlekeep")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("  skipped: mounting a small file system needs root")
        return
    folder = tempfile.mkdtemp(prefix="castlekeep-full-")
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "castlekeep-full", disk]
    if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("  skipped: no tmpfs can be mounted here")
        return
    if not options.keep:
        undo.append(lambda: shutil.rmtree(folder, ignore_errors=True))
    undo.append(lambda: subprocess.run(["umount", "-l", disk], check=False))
    try:
        run(options, folder, disk)
    finally:
        clean_up()


if __name__ == "__main__":
    sys.exit(main())
