"""An application node: takes its setting from the topic and goes on with the new one, without a restart.

    python node.py KAFKA TOPIC

Every node must see every change, so each reads the topic on its own, without a group, from its beginning.
"""
import sys

from kafka import KafkaConsumer

kafka, topic = sys.argv[1:3]
setting, version = None, -1
for message in KafkaConsumer(topic, bootstrap_servers=[kafka], auto_offset_reset="earliest"):
    # A bridge that was restarted sends the current value once more; the version says that it is not news.
    if int(message.key) > version:
        setting, version = message.value.decode(), int(message.key)
        print(setting, flush=True)
