"""Kafka in three calls: connect a producer, send to a topic that does not exist yet, flush.

    python kafka_quickstart.py [HOST:PORT]

The address may also come from the environment variable KAFKA; without either it is localhost:9092. Topics are created
by the first use, as in Apache Kafka with its defaults. kafka_group_consumer.py reads the message back.
"""
import os
import sys

from kafka import KafkaProducer

servers = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KAFKA", "localhost:9092")

producer = KafkaProducer(bootstrap_servers=[servers])
sent = producer.send("test_topic", b"test_data")
producer.flush()

# flush() returns when the broker has answered; the answer says where the message is now.
where = sent.get(timeout=1)
print(f"sent to {where.topic}, partition {where.partition}, offset {where.offset}")
assert where.topic == "test_topic" and where.offset >= 0

producer.close()
