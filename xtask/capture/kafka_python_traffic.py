"""Kafka traffic for the captures: kafka-python's producer, group consumer and admin client."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic

servers = [sys.argv[1]]
producer = KafkaProducer(bootstrap_servers=servers)
producer.send("capture-auto", b"created by sending").get(timeout=20)
producer.close()
for acks, compression in (("all", None), (1, "gzip"), (0, None)):
    producer = KafkaProducer(bootstrap_servers=servers, acks=acks, compression_type=compression, enable_idempotence=False)
    for number in range(10):
        producer.send("capture-auto", key=b"k%d" % number, value=b"v%d" % number, headers=[("h", b"1")])
    producer.flush(timeout=20)
    producer.close()
admin = KafkaAdminClient(bootstrap_servers=servers)
admin.create_topics([NewTopic("capture-admin", num_partitions=2, replication_factor=1)])
admin.create_partitions({"capture-admin": NewPartitions(total_count=3)})
admin.describe_topics(["capture-admin", "capture-auto"])
consumer = KafkaConsumer(
    "capture-auto", bootstrap_servers=servers, group_id="capture-group", auto_offset_reset="earliest", consumer_timeout_ms=4000
)
read = 0
for record in consumer:
    read += 1
    if read >= 21:
        break
consumer.commit()
consumer.end_offsets([TopicPartition("capture-auto", 0)])
consumer.offsets_for_times({TopicPartition("capture-auto", 0): 0})
admin.list_groups()
admin.describe_groups(["capture-group"])
admin.list_group_offsets("capture-group")
consumer.close()
admin.delete_groups(["capture-group"])
admin.delete_topics(["capture-admin"])
admin.close()
assert read >= 21, read
