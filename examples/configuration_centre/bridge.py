"""The bridge: watches the znode that holds the setting and pushes each change to a topic.

    python bridge.py ZOOKEEPER KAFKA ZNODE TOPIC

kazoo's DataWatch sets the watch again after each event and reads the znode, so the newest value is never missed; values
that were overwritten before anybody looked may be skipped, as with every watch.
"""
import sys
import time

from kafka import KafkaProducer
from kazoo.client import KazooClient

zookeeper, kafka, znode, topic = sys.argv[1:5]
producer = KafkaProducer(bootstrap_servers=[kafka], acks="all")
zk = KazooClient(hosts=zookeeper)
zk.start()


@zk.DataWatch(znode)
def push(data, stat):
    if stat is not None:
        # The key is the znode's version, so that a reader can tell old from new.
        producer.send(topic, key=str(stat.version).encode(), value=data)
        producer.flush()


print("bridge is running", flush=True)
while True:
    time.sleep(1)
