#!/usr/bin/env python3
"""Kills a broker with SIGKILL while producers write, and looks whether an acknowledged record is missing afterwards.

    kill9_log.py [--binary target/release/castlekeep] [--rounds 5] [--seed N] [--keep]

Each round starts `castlekeep` (keeper and broker) on the same data folder, lets idempotent producers write numbered
records with acks=all to the partitions of one topic whose segments are small, and kills the process at a random
moment. After the restart, with a consumer that reads everything:

* every acknowledged record is at the offset that was acknowledged, with its value;
* of each producer, the records are 0, 1, 2, ... without a gap and without a duplicate, up to the last acknowledged one
  at least;
* the offsets of each partition are dense.

At the end the process is stopped with SIGTERM, started again and read once more. Prints, per round, how many records
were acknowledged, and how long after the restart a new one was (a new client's first connection included). Needs kafka-python (conformance/requirements.txt).
Exit code 1: something is missing, doubled or misplaced.
"""
import argparse
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

TOPIC = "kill9"
PARTITIONS = 3
PRODUCERS = 4
READY_SECONDS_MAX = 30
# Held to the end: a producer that is collected complains about the records that a kill cut off.
made = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """The process, on one data folder, always on the same ports."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.ports = [free_port() for _ in range(3)]
        self.process = None
        self.address = f"127.0.0.1:{self.ports[1]}"

    def start(self):
        zookeeper, kafka, http = map(str, self.ports)
        command = [self.binary, "start", "--data-dir", os.path.join(self.folder, "data")]
        command += ["--zookeeper-port", zookeeper, "--kafka-port", kafka, "--http-port", http]
        with open(os.path.join(self.folder, "server.log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                fail(f"the server ended with {self.process.returncode}; see {self.folder}/server.log")
            try:
                socket.create_connection(("127.0.0.1", self.ports[1]), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        fail("the server does not listen")

    def stop(self, number):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def fail(message):
    print("FAILED:", message, flush=True)
    os._exit(1)


class Writer(threading.Thread):
    """One producer: numbered records to one partition, as fast as they are acknowledged in batches."""

    def __init__(self, address, name, partition, stop):
        super().__init__(daemon=True)
        self.address, self.name_, self.partition, self.stop = address, name, partition, stop
        self.acknowledged = []
        self.sent = 0

    def run(self):
        producer = producer_of(self.address)
        try:
            while not self.stop.is_set():
                futures = []
                for _ in range(20):
                    value = f"{self.name_} {self.sent}".encode()
                    futures.append((value, producer.send(TOPIC, value, partition=self.partition)))
                    self.sent += 1
                for value, future in futures:
                    while not future.is_done and not self.stop.is_set():
                        time.sleep(0.001)
                    if not future.is_done or future.failed():
                        return
                    self.acknowledged.append((future.value.offset, value))
        except (KafkaError, OSError):
            pass
        finally:
            try:
                producer.close(timeout=0)
            except KafkaError:
                pass


def producer_of(address):
    producer = KafkaProducer(
        bootstrap_servers=[address], acks="all", enable_idempotence=True, retries=1000, linger_ms=1,
        max_block_ms=20000, request_timeout_ms=20000, delivery_timeout_ms=30000,
    )
    made.append(producer)
    return producer


def restart(broker, name, acknowledged, last):
    """Starts the process and writes one record at once; the seconds until it is acknowledged."""
    begin = time.monotonic()
    broker.start()
    producer = producer_of(broker.address)
    value = f"{name} 0".encode()
    offset = producer.send(TOPIC, value, partition=0).get(timeout=READY_SECONDS_MAX).offset
    took = time.monotonic() - begin
    producer.close(timeout=5)
    if acknowledged[0].setdefault(offset, value) != value:
        fail(f"offset {offset} of partition 0 was acknowledged twice")
    last[name] = 0
    return took


def read_everything(address):
    """Partition -> [(offset, value)]."""
    consumer = KafkaConsumer(bootstrap_servers=[address], enable_auto_commit=False, auto_offset_reset="earliest")
    partitions = [TopicPartition(TOPIC, p) for p in range(PARTITIONS)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found = {p: [] for p in range(PARTITIONS)}
    consumer.seek_to_beginning(*partitions)
    deadline = time.monotonic() + 60
    while any(consumer.position(tp) < ends[tp] for tp in partitions):
        if time.monotonic() > deadline:
            fail(f"reading stands still at {[consumer.position(tp) for tp in partitions]} of {list(ends.values())}")
        for tp, records in consumer.poll(timeout_ms=500).items():
            found[tp.partition].extend((record.offset, record.value) for record in records)
    consumer.close()
    return found


def check(found, acknowledged, last):
    """`acknowledged`: partition -> {offset: value}; `last`: producer -> number of the last acknowledged record."""
    for partition, records in found.items():
        offsets = [offset for offset, _ in records]
        if offsets != list(range(len(offsets))):
            fail(f"the offsets of partition {partition} are not dense")
        values = dict(records)
        for offset, value in acknowledged[partition].items():
            if values.get(offset) != value:
                fail(f"partition {partition} offset {offset}: acknowledged {value}, found {values.get(offset)}")
    numbers = {}
    for records in found.values():
        for _, value in records:
            name, number = value.decode().rsplit(" ", 1)
            numbers.setdefault(name, []).append(int(number))
    for name, seen in numbers.items():
        if seen != list(range(len(seen))):
            wrong = next(i for i, n in enumerate(seen) if n != i)
            fail(f"producer {name}: {seen[wrong]} where {wrong} was expected, of {len(seen)}")
    for name, number in last.items():
        if len(numbers.get(name, [])) <= number:
            fail(f"producer {name}: record {number} was acknowledged, only {len(numbers.get(name, []))} are there")


def create_topic(address):
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            admin = KafkaAdminClient(bootstrap_servers=[address])
            admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1, topic_configs={"segment.bytes": "65536"})])
            admin.close()
            return
        except KafkaError as e:
            if time.monotonic() > deadline:
                fail(f"creating the topic: {e}")
            time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/castlekeep")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--keep", action="store_true", help="leave the data folder")
    options = parser.parse_args()
    # The clients tell at length about connections that we cut.
    logging.disable(logging.CRITICAL)
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    folder = tempfile.mkdtemp(prefix="kill9-log-")
    broker = Broker(options.binary, folder)
    broker.start()
    create_topic(broker.address)
    acknowledged = {p: {} for p in range(PARTITIONS)}
    last = {}
    for number in range(options.rounds):
        stop = threading.Event()
        writers = [
            Writer(broker.address, f"r{number}p{i}", i % PARTITIONS, stop) for i in range(PRODUCERS)
        ]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not all(writer.acknowledged for writer in writers):
            if time.monotonic() > deadline:
                fail(f"round {number}: not every producer was acknowledged within {READY_SECONDS_MAX} s")
            time.sleep(0.01)
        time.sleep(chance.uniform(0.2, 2.0))
        broker.stop(signal.SIGKILL)
        stop.set()
        for writer in writers:
            writer.join(timeout=60)
            for offset, value in writer.acknowledged:
                if acknowledged[writer.partition].setdefault(offset, value) != value:
                    fail(f"offset {offset} of partition {writer.partition} was acknowledged twice")
            last[writer.name_] = int(writer.acknowledged[-1][1].decode().rsplit(" ", 1)[1])
        count = sum(len(writer.acknowledged) for writer in writers)
        took = restart(broker, f"restart{number}", acknowledged, last)
        check(read_everything(broker.address), acknowledged, last)
        print(f"round {number}: {count} records acknowledged before kill -9, all there; "
              f"the next one {took:.2f} s after the restart", flush=True)
    code = broker.stop(signal.SIGTERM)
    if code != 0:
        fail(f"after SIGTERM the server ended with {code}")
    restart(broker, "clean", acknowledged, last)
    check(read_everything(broker.address), acknowledged, last)
    broker.stop(signal.SIGTERM)
    total = sum(len(values) for values in acknowledged.values())
    print(f"{total} acknowledged records over {options.rounds} kills, all there; also after a clean stop", flush=True)
    if not options.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
    # Not sys.exit: the clients' exit handlers would wait for what was cut off.
    sys.stdout.flush()
    os._exit(0)
