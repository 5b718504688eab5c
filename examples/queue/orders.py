"""The first service: takes orders and puts them on the topic.

    python orders.py KAFKA TOPIC COUNT

acks="all" and get(): an order counts as taken only when the broker has it.
"""
import sys

from kafka import KafkaProducer

kafka, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
producer = KafkaProducer(bootstrap_servers=[kafka], acks="all")
for number in range(count):
    producer.send(topic, f"order {number}".encode()).get(timeout=20)
producer.close()
