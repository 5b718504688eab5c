"""Kafka traffic for the captures: librdkafka through confluent-kafka, with every codec, a group and a transaction."""
import sys

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

server = {"bootstrap.servers": sys.argv[1], "broker.address.family": "v4"}
admin = AdminClient(server)
for future in admin.create_topics([NewTopic("capture-codecs", 2, 1), NewTopic("capture-transaction", 1, 1)]).values():
    future.result(20)
for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    producer = Producer({**server, "compression.type": codec, "enable.idempotence": True, "linger.ms": 50})
    for number in range(20):
        producer.produce("capture-codecs", key=f"{codec}-{number}", value=b"some text that repeats " * 4)
    assert producer.flush(20) == 0
producer = Producer({**server, "transactional.id": "capture-tx"})
producer.init_transactions(20)
for outcome in (producer.commit_transaction, producer.abort_transaction):
    producer.begin_transaction()
    producer.produce("capture-transaction", b"in a transaction")
    outcome(20)
settings = {**server, "group.id": "capture-rd", "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
consumer = Consumer({**settings, "partition.assignment.strategy": "cooperative-sticky"})
consumer.subscribe(["capture-codecs", "capture-transaction"])
read = 0
for _ in range(200):
    message = consumer.poll(0.2)
    if message is not None and message.error() is None:
        read += 1
    if read == 101:
        break
assert read == 101, read
consumer.commit(asynchronous=False)
producer.begin_transaction()
producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 20)
producer.commit_transaction(20)
consumer.close()
for future in admin.describe_configs([ConfigResource("topic", "capture-codecs")]).values():
    future.result(20)
admin.list_consumer_groups().result(20)
for future in admin.describe_consumer_groups(["capture-rd"]).values():
    future.result(20)
admin.describe_cluster().result(20)
