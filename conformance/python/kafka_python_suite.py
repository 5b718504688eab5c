"""kafka-python against a Kafka broker: python kafka_python_suite.py HOST:PORT [PART OF A NAME]"""
import sys
import threading
import time

from harness import RUN, raises, run, wait_until
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import (
    InvalidReplicationFactorError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

SERVERS = [sys.argv[1]]
admin = KafkaAdminClient(bootstrap_servers=SERVERS)


def new_topic(name, partitions=1, **configs):
    topic = f"kp-{name}-{RUN}"
    admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])

    def complete():
        described = admin.describe_topics([topic])[0]["partitions"]
        return len(described) == partitions and all(partition["leader_id"] >= 0 for partition in described)

    # A consumer that sees a topic half made looks again only after minutes.
    wait_until("the topic's partitions to have leaders", complete)
    return topic


def send(topic, values, **settings):
    producer = KafkaProducer(bootstrap_servers=SERVERS, **settings)
    sent = [producer.send(topic, value) for value in values]
    producer.flush(timeout=30)
    offsets = [future.get(timeout=10).offset for future in sent]
    producer.close()
    return offsets


def read(count, *topics, seconds=30, **settings):
    """Reads `count` records and looks that no more follow at once."""
    consumer = KafkaConsumer(*topics, bootstrap_servers=SERVERS, auto_offset_reset="earliest", **settings)
    records = poll(consumer, count, seconds)
    consumer.close()
    return records


# While a group comes together polls are long: the metadata of a new topic comes 100 ms late and makes members join anew,
# and kafka-python 3.0.12 forgets the assignment that arrives in the moment when a poll is given up.
def poll(consumer, count, seconds=30):
    records, deadline = [], time.monotonic() + seconds
    while len(records) < count:
        for batch in consumer.poll(timeout_ms=500).values():
            records += batch
        assert time.monotonic() < deadline, f"read {len(records)} of {count} records in {seconds} s"
    return records


def test_a_topic_is_created_by_the_first_send():
    topic = f"kp-auto-{RUN}"
    assert send(topic, [b"first"]) == [0]
    assert [record.value for record in read(1, topic)] == [b"first"]


def test_offsets_keys_headers_and_timestamps_come_back():
    topic = new_topic("fields")
    producer = KafkaProducer(bootstrap_servers=SERVERS)
    where = producer.send(topic, key=b"k", value=b"v", headers=[("a", b"1"), ("b", b"")], timestamp_ms=1234567890123)
    assert where.get(timeout=10).offset == 0 and where.get().partition == 0
    producer.send(topic, key=b"deleted", value=None).get(timeout=10)
    producer.send(topic, value=b"").get(timeout=10)
    producer.close()
    one, two, three = read(3, topic)
    assert (one.key, one.value, one.timestamp) == (b"k", b"v", 1234567890123)
    assert [tuple(header) for header in one.headers] == [("a", b"1"), ("b", b"")]
    assert (two.key, two.value, two.offset) == (b"deleted", None, 1) and (three.key, three.value) == (None, b"")


def test_every_acks_setting_delivers():
    topic = new_topic("acks")
    for acks in ("all", 1, 0):
        producer = KafkaProducer(bootstrap_servers=SERVERS, acks=acks, enable_idempotence=False)
        for number in range(20):
            producer.send(topic, f"{acks}-{number}".encode())
        producer.flush(timeout=20)
        producer.close()
    values = [record.value for record in read(60, topic)]
    assert values == [f"{acks}-{number}".encode() for acks in ("all", 1, 0) for number in range(20)]


def test_an_idempotent_producer_keeps_order():
    topic = new_topic("idempotent")
    values = [str(number).encode() for number in range(2000)]
    offsets = send(topic, values, acks="all", enable_idempotence=True, batch_size=500, linger_ms=1)
    assert offsets == list(range(2000))
    assert [record.value for record in read(2000, topic)] == values


def test_gzip_batches_come_back():
    topic = new_topic("gzip")
    values = [b"text that repeats itself " * 40] * 200
    send(topic, values, compression_type="gzip", linger_ms=20)
    assert [record.value for record in read(200, topic)] == values


def test_keys_choose_partitions():
    topic = new_topic("partitions", partitions=4)
    producer = KafkaProducer(bootstrap_servers=SERVERS)
    chosen = {}
    for number in range(100):
        key = f"key-{number % 10}".encode()
        where = producer.send(topic, key=key, value=b"x").get(timeout=10)
        assert chosen.setdefault(key, where.partition) == where.partition
    producer.close()
    assert len(set(chosen.values())) > 1 and len(read(100, topic)) == 100


def test_offsets_by_position_end_and_time():
    topic = new_topic("seek")
    producer = KafkaProducer(bootstrap_servers=SERVERS)
    for number in range(10):
        producer.send(topic, str(number).encode(), timestamp_ms=1_000_000 + number * 1000).get(timeout=10)
    producer.close()
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=SERVERS)
    consumer.assign([partition])
    assert consumer.beginning_offsets([partition])[partition] == 0
    assert consumer.end_offsets([partition])[partition] == 10
    found = consumer.offsets_for_times({partition: 1_004_500})[partition]
    assert found.offset == 5 and found.timestamp == 1_005_000
    assert consumer.offsets_for_times({partition: 9_000_000_000})[partition] is None
    consumer.seek(partition, 7)
    assert [record.value for record in poll(consumer, 3)] == [b"7", b"8", b"9"]
    # Past the end is out of range: auto_offset_reset "latest" goes to the end.
    consumer.seek(partition, 1000)
    consumer.poll(timeout_ms=300)
    assert consumer.position(partition) == 10
    consumer.close()


def test_a_waiting_fetch_wakes_for_a_record():
    topic = new_topic("wait")
    consumer = KafkaConsumer(bootstrap_servers=SERVERS, fetch_max_wait_ms=20_000)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    consumer.poll(timeout_ms=100)
    threading.Timer(0.5, lambda: send(topic, [b"late"])).start()
    started = time.monotonic()
    assert poll(consumer, 1)[0].value == b"late"
    assert time.monotonic() - started < 10, "the fetch waited out its time although a record came"
    consumer.close()


class Member(threading.Thread):
    """A group member in a thread of its own: a member must poll on its own time, or a rebalance waits for it."""

    def __init__(self, topic, group):
        super().__init__(daemon=True)
        self.consumer = KafkaConsumer(
            topic, bootstrap_servers=SERVERS, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
            heartbeat_interval_ms=200, session_timeout_ms=10_000,
        )
        self.mine, self.read, self.commit, self.leave = frozenset(), 0, False, False
        self.start()

    def run(self):
        while not self.leave:
            self.read += sum(len(batch) for batch in self.consumer.poll(timeout_ms=500).values())
            self.mine = frozenset(self.consumer.assignment())
            if self.commit:
                self.consumer.commit()
                self.commit = False
        self.consumer.close(autocommit=False)

    def end(self):
        self.leave = True
        self.join(30)


def test_a_group_divides_partitions_and_remembers_offsets():
    topic, group = new_topic("group", partitions=4), f"kp-group-{RUN}"
    first, second = Member(topic, group), Member(topic, group)
    wait_until("each of two members to have two partitions", lambda: len(first.mine) == len(second.mine) == 2, 40)
    assert not first.mine & second.mine and len(first.mine | second.mine) == 4
    producer = KafkaProducer(bootstrap_servers=SERVERS)
    for number in range(40):
        producer.send(topic, str(number).encode(), partition=number % 4)
    producer.flush(timeout=20)
    producer.close()
    wait_until("40 records among two members", lambda: first.read + second.read == 40)
    assert (first.read, second.read) == (20, 20)
    for member in (first, second):
        member.commit = True
        wait_until("a commit", lambda: not member.commit)
    # One leaves; the other one gets all four, and reads nothing again.
    first.end()
    wait_until("the survivor to have four partitions", lambda: len(second.mine) == 4, 40)
    assert "Stable" in str(admin.describe_groups([group]))
    second.end()
    assert second.read == 20, "a committed record was read again"
    # Nobody is left; the offsets are. One record more is the only one that a new member reads.
    offsets = admin.list_group_offsets(group)
    assert sorted(kept.offset for kept in offsets[group].values()) == [10] * 4, offsets
    send(topic, [b"one more"])
    late = Member(topic, group)
    wait_until("one record more", lambda: late.read)
    late.end()
    assert late.read == 1, "a committed record was read again"


def test_a_member_that_dies_is_replaced():
    topic, group = new_topic("dead"), f"kp-dead-{RUN}"
    settings = dict(
        bootstrap_servers=SERVERS, group_id=group, auto_offset_reset="earliest", session_timeout_ms=6000,
        heartbeat_interval_ms=500,
    )
    # The first one dies without leaving: its sockets are closed under it and its heartbeats end.
    dead = KafkaConsumer(topic, **settings, max_poll_interval_ms=6000)
    wait_until("the first member's assignment", lambda: dead.poll(timeout_ms=500) or dead.assignment())
    heir = KafkaConsumer(topic, **settings)
    # It is not polled again: the group must go on without it once its time is over.
    wait_until("the second member's assignment", lambda: heir.poll(timeout_ms=500) or heir.assignment(), 40)
    heir.close()
    dead.close(autocommit=False)


def test_errors_have_their_names():
    topic = new_topic("errors")
    raises(TopicAlreadyExistsError, admin.create_topics, [NewTopic(topic, 1, 1)])
    raises(InvalidTopicError, admin.create_topics, [NewTopic("no spaces allowed", 1, 1)])
    raises(InvalidReplicationFactorError, admin.create_topics, [NewTopic(f"{topic}-2", 1, 3)])
    raises(UnknownTopicOrPartitionError, admin.delete_topics, [f"absent-{RUN}"])
    producer = KafkaProducer(bootstrap_servers=SERVERS, max_request_size=5_000_000, enable_idempotence=False)
    too_large = producer.send(topic, b"x" * 2_000_000)
    raises(MessageSizeTooLargeError, too_large.get, timeout=10)
    assert producer.send(topic, b"y" * 900_000).get(timeout=10).offset == 0
    producer.close()


def test_topics_are_listed_described_and_deleted():
    topic = new_topic("delete", partitions=3)
    assert topic in admin.list_topics()
    described = admin.describe_topics([topic])
    assert len(described[0]["partitions"]) == 3, described
    send(topic, [b"x"])
    admin.delete_topics([topic])
    wait_until("the topic to be gone", lambda: topic not in admin.list_topics())

    def made_anew():
        try:
            admin.create_topics([NewTopic(topic, 1, 1)])
        except TopicAlreadyExistsError:
            return False  # the controller has not finished the deletion
        return True

    # Made anew it is another topic: nothing of the old one is in it.
    wait_until("the topic to be made anew", made_anew)
    assert send(topic, [b"new"]) == [0]


def test_the_cluster_and_its_groups_are_described():
    cluster = admin.describe_cluster()
    broker = cluster["brokers"][0]
    assert len(cluster["brokers"]) == 1 and cluster["controller_id"] in broker.values(), cluster
    group = f"kp-listed-{RUN}"
    topic = new_topic("listed")
    send(topic, [b"x"])
    read(1, topic, group_id=group)
    assert group in str(admin.list_groups())


run(globals(), *sys.argv[2:3])
