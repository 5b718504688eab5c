"""The second service: reads orders as a member of the group and writes a bill for each.

    python billing.py KAFKA TOPIC GROUP LEDGER

First the work, then the commit. Killed in between, the next start does that order again: nothing is lost, one order may
be billed twice. Orders carry their number so that the ledger's reader can tell.
"""
import sys
import time

from kafka import KafkaConsumer

kafka, topic, group, ledger = sys.argv[1:5]
consumer = KafkaConsumer(
    topic,
    bootstrap_servers=[kafka],
    group_id=group,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    max_poll_records=5,
    # How long the group waits for a member that was killed before it gives its partitions to another.
    session_timeout_ms=6000,
    heartbeat_interval_ms=500,
)
while True:
    for messages in consumer.poll(timeout_ms=500).values():
        for message in messages:
            with open(ledger, "a") as bills:
                bills.write(message.value.decode() + "\n")
            time.sleep(0.005)
        consumer.commit()
