"""librdkafka through confluent-kafka against a Kafka broker: python confluent_suite.py HOST:PORT [PART OF A NAME]"""
import sys
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from harness import RUN, run, wait_until

SERVER = {"bootstrap.servers": sys.argv[1], "broker.address.family": "v4"}
admin = AdminClient(SERVER)


def new_topic(name, partitions=1, **config):
    topic = f"rd-{name}-{RUN}"
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(20)
    # Another connection may see the topic a moment later.
    wait_until("the topic", lambda: len(admin.list_topics(topic).topics[topic].partitions) == partitions)
    return topic


def send(topic, values, **settings):
    reports = []
    producer = Producer({**SERVER, **settings})
    for value in values:
        producer.produce(topic, value, partition=0, on_delivery=lambda error, message: reports.append((error, message)))
        producer.poll(0)
    assert producer.flush(30) == 0
    assert all(error is None for error, _ in reports), reports[0]
    return [message.offset() for _, message in reports]


def take(consumer, count, seconds=30):
    messages, deadline = [], time.monotonic() + seconds
    while len(messages) < count:
        for message in consumer.consume(count - len(messages), 0.2):
            assert message.error() is None, message.error()
            messages.append(message)
        assert time.monotonic() < deadline, f"read {len(messages)} of {count} messages in {seconds} s"
    return messages


def read(topic, count):
    consumer = Consumer({**SERVER, "group.id": "not-used", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    messages = take(consumer, count)
    consumer.close()
    return messages


def test_every_codec_comes_back():
    topic = new_topic("codecs")
    values = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        batch = [f"{codec} {number} ".encode() * 50 for number in range(100)]
        send(topic, batch, **{"compression.type": codec, "linger.ms": 20})
        values += batch
    messages = read(topic, len(values))
    assert [message.value() for message in messages] == values
    assert [message.offset() for message in messages] == list(range(len(values)))


def test_idempotent_delivery_in_small_batches():
    topic = new_topic("idempotent")
    values = [str(number).encode() for number in range(3000)]
    settings = {"enable.idempotence": True, "batch.num.messages": 7, "linger.ms": 0}
    assert send(topic, values, **settings) == list(range(3000))
    assert [message.value() for message in read(topic, 3000)] == values


def test_acks_of_every_kind():
    topic = new_topic("acks")
    for acks in ("all", "1", "0"):
        send(topic, [acks.encode()] * 10, acks=acks)
    assert [message.value() for message in read(topic, 30)] == [b"all"] * 10 + [b"1"] * 10 + [b"0"] * 10


def test_watermarks_and_offsets_for_times():
    topic = new_topic("watermarks")
    producer = Producer(SERVER)
    for number in range(5):
        producer.produce(topic, b"x", partition=0, timestamp=1_000_000 + number * 1000)
        producer.flush(20)
    consumer = Consumer({**SERVER, "group.id": "not-used"})
    assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (0, 5)
    found = consumer.offsets_for_times([TopicPartition(topic, 0, 1_002_500)], timeout=10)
    assert found[0].offset == 3, found
    consumer.close()


def test_a_topic_is_created_by_the_first_produce():
    topic = f"rd-auto-{RUN}"
    assert send(topic, [b"first"]) == [0]
    assert read(topic, 1)[0].value() == b"first"


def group_settings(group, strategy):
    return {
        **SERVER,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "partition.assignment.strategy": strategy,
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 200,
    }


def group_story(strategy):
    topic, group = new_topic(f"group-{strategy}", partitions=4), f"rd-{strategy}-{RUN}"
    producer = Producer(SERVER)
    for number in range(80):
        producer.produce(topic, str(number).encode(), partition=number % 4)
    assert producer.flush(20) == 0
    first, second = (Consumer(group_settings(group, strategy)) for _ in range(2))
    first.subscribe([topic])
    assert len(take(first, 80)) == 80
    first.commit(asynchronous=False)
    second.subscribe([topic])

    def divided():
        assert first.poll(0.05) is None and second.poll(0.05) is None, "a committed record was read again"
        return len(first.assignment()) == len(second.assignment()) == 2

    wait_until("two members to have two partitions each", divided, 40)
    first.close()

    def inherited():
        assert second.poll(0.05) is None, "a committed record was read again"
        return len(second.assignment()) == 4

    wait_until("the remaining member to have all partitions", inherited, 40)
    committed = second.committed([TopicPartition(topic, number) for number in range(4)], timeout=10)
    assert [partition.offset for partition in committed] == [20] * 4
    second.close()


def test_a_group_with_the_range_assignor():
    group_story("range")


def test_a_group_with_the_cooperative_assignor():
    group_story("cooperative-sticky")


def test_a_static_member_keeps_its_partitions():
    topic, group = new_topic("static"), f"rd-static-{RUN}"
    send(topic, [b"one", b"two"])
    settings = {**group_settings(group, "range"), "group.instance.id": "the-one"}
    first = Consumer(settings)
    first.subscribe([topic])
    assert take(first, 1)[0].value() == b"one"
    first.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    first.close()
    again = Consumer(settings)
    again.subscribe([topic])
    assert take(again, 1)[0].value() == b"two"
    again.close()


def test_describe_and_list():
    topic = new_topic("describe", partitions=2)
    resource = ConfigResource("topic", topic)
    config = admin.describe_configs([resource])[resource].result(20)
    assert config["cleanup.policy"].value == "delete" and config["retention.ms"].value == "604800000"
    cluster = admin.describe_cluster().result(20)
    assert len(cluster.nodes) == 1 and cluster.controller is not None
    group = f"rd-described-{RUN}"
    consumer = Consumer(group_settings(group, "range"))
    consumer.subscribe([topic])
    wait_until("an assignment", lambda: consumer.poll(0.1) or len(consumer.assignment()) == 2)
    described = admin.describe_consumer_groups([group])[group].result(20)
    assert described.state.name == "STABLE" and len(described.members) == 1, described
    assert group in [listed.group_id for listed in admin.list_consumer_groups().result(20).valid]
    consumer.close()


def test_delete_and_errors():
    topic = new_topic("delete")
    try:
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
        raise AssertionError("a topic was created twice")
    except KafkaException as error:
        assert error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    admin.delete_topics([topic])[topic].result(20)
    wait_until("the topic to be gone", lambda: topic not in admin.list_topics().topics)
    try:
        admin.delete_topics([topic])[topic].result(20)
        raise AssertionError("a topic was deleted twice")
    except KafkaException as error:
        assert error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_waiting_fetch_wakes_for_a_record():
    topic = new_topic("wait")
    consumer = Consumer({**SERVER, "group.id": "not-used", "fetch.wait.max.ms": 20_000, "socket.timeout.ms": 60_000})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    consumer.poll(0.3)
    threading.Timer(0.5, lambda: send(topic, [b"late"])).start()
    started = time.monotonic()
    take(consumer, 1)
    assert time.monotonic() - started < 10, "the fetch waited out its time although a record came"
    consumer.close()


run(globals(), *sys.argv[2:3])
