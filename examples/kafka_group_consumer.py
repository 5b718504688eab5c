"""Reads test_topic as a member of a consumer group, and commits how far it got.

    python kafka_group_consumer.py [HOST:PORT]

Run kafka_quickstart.py first. Run this one twice: the second run finds nothing new, because the group's offset is kept
by the broker. It exits with 1 when the group has never seen a message.
"""
import os
import sys

from kafka import KafkaConsumer, TopicPartition

servers = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KAFKA", "localhost:9092")

consumer = KafkaConsumer(
    bootstrap_servers=[servers],
    group_id="quickstart",
    auto_offset_reset="earliest",  # a group without an offset starts at the first message
    enable_auto_commit=False,
    consumer_timeout_ms=3000,  # the loop below ends after three quiet seconds
)
partition = TopicPartition("test_topic", 0)
before = consumer.committed(partition) or 0
consumer.subscribe(["test_topic"])

expected = consumer.end_offsets([partition])[partition] - before
read = 0
for message in consumer if expected else ():
    print(f"offset {message.offset}: {message.value.decode()}")
    assert message.value == b"test_data" and message.offset == before + read
    read += 1
    if read == expected:
        break
consumer.commit()
print(f"{read} new messages; the group is at offset {consumer.committed(partition) or before}")
consumer.close()

if read != expected or before + read == 0:
    sys.exit(f"expected {expected} new messages and at least one in all, read {read}")
