#!/usr/bin/env python3
"""A producer and a group's consumer of librdkafka that work on a cluster while its keepers are killed and replaced.

    kafka_load.py HOST:PORT,HOST:PORT...

Says `ok` when records flow, then takes a word a line and answers each with `ok`, or with what is wrong:

check   more records were acknowledged by all replicas in sync, and the consumer has read everything that was
end     the same, then nothing more is produced; every acknowledged record was read, in order, and no other
"""
import os
import sys
import threading
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from harness import take_words, wait_until

SERVER = {"bootstrap.servers": sys.argv[1], "broker.address.family": "v4"}
TOPIC = "load"
PARTITIONS = 4
SECONDS = 80
IN_FLIGHT = 200


class Load:
    def __init__(self):
        admin = AdminClient(SERVER)
        created = admin.create_topics([NewTopic(TOPIC, PARTITIONS, 2, config={"min.insync.replicas": "1"})])
        created[TOPIC].result(SECONDS)
        self.acknowledged, self.sent, self.error = set(), 0, None
        # Per partition: the numbers that were read, which ascend by the number of partitions.
        self.read = [[] for _ in range(PARTITIONS)]
        self.enough, self.drained = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self.guarded, args=(body,), daemon=True) for body in (self.produce, self.consume)]
        for thread in self.threads:
            thread.start()
        self.before = 0
        self.check()

    def guarded(self, body):
        try:
            body()
        except BaseException as error:
            traceback.print_exc()
            self.error = error

    def produce(self):
        producer = Producer({**SERVER, "acks": "all", "enable.idempotence": True, "message.timeout.ms": 240000, "linger.ms": 5})

        def delivered(error, message):
            if error is not None:
                self.error = KafkaException(error)
            else:
                self.acknowledged.add(int(message.value()))

        while not self.enough.is_set() and self.error is None:
            if self.sent - len(self.acknowledged) < IN_FLIGHT:
                producer.produce(TOPIC, str(self.sent).encode(), partition=self.sent % PARTITIONS, on_delivery=delivered)
                self.sent += 1
            producer.poll(0.002)
        assert producer.flush(SECONDS) == 0, "records are left that nobody acknowledged"

    def consume(self):
        consumer = Consumer({**SERVER, "group.id": "load", "auto.offset.reset": "earliest", "auto.commit.interval.ms": 500})
        consumer.subscribe([TOPIC])
        while not self.drained.is_set() and self.error is None:
            message = consumer.poll(0.2)
            # An error of a connection is the client's to get over.
            if message is None or message.error() is not None:
                continue
            number, numbers = int(message.value()), self.read[message.partition()]
            expected = numbers[-1] + PARTITIONS if numbers else message.partition()
            # Behind a change of the group a few are read again; none may be left out.
            assert number <= expected, f"{number} was read where {expected} was to come"
            if number == expected:
                numbers.append(number)
        consumer.close()

    def has_read(self, numbers):
        last = [read[-1] if read else -1 for read in self.read]
        return all(number <= last[number % PARTITIONS] for number in numbers)

    def check(self):
        wait_until("acknowledged records", lambda: len(self.acknowledged) > self.before + 500 or self.error, SECONDS)
        assert self.error is None, repr(self.error)
        numbers = list(self.acknowledged)
        wait_until("the consumer", lambda: self.has_read(numbers) or self.error, SECONDS)
        assert self.error is None, repr(self.error)
        self.before = len(self.acknowledged)
        return f"{len(numbers)} records acknowledged and read"

    def end(self):
        self.enough.set()
        self.threads[0].join(SECONDS)
        assert not self.threads[0].is_alive() and self.error is None, repr(self.error)
        numbers = list(self.acknowledged)
        assert len(numbers) == self.sent, f"{self.sent} were sent, {len(numbers)} acknowledged"
        wait_until("the consumer", lambda: self.has_read(numbers) or self.error, SECONDS)
        self.drained.set()
        self.threads[1].join(SECONDS)
        assert self.error is None, repr(self.error)
        assert sum(len(read) for read in self.read) == self.sent
        return f"{self.sent} records acknowledged and read, in order"


take_words(Load)
