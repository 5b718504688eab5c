"""Message sets (record formats 0 and 1) as clients before 0.11 send and ask for them, byte by byte, against a Kafka broker:
python message_sets_suite.py HOST:PORT [PART OF A NAME]"""
import gzip
import socket
import struct
import sys
import zlib

from confluent_kafka.admin import AdminClient, NewTopic
from harness import RUN, run, wait_until

HOST, PORT = sys.argv[1].rsplit(":", 1)
PRODUCE, FETCH, LIST_OFFSETS = 0, 1, 2
NONE, OUT_OF_RANGE, CORRUPT, UNSUPPORTED_VERSION, INVALID_RECORD = 0, 1, 2, 35, 87
admin = AdminClient({"bootstrap.servers": sys.argv[1], "broker.address.family": "v4"})
connection = socket.create_connection((HOST, int(PORT)), 20)


def new_topic(name, **config):
    topic = f"sets-{name}-{RUN}"
    admin.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result(20)
    wait_until("the topic", lambda: len(admin.list_topics(topic).topics[topic].partitions) == 1)
    return topic


def sized(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def message(magic, offset, timestamp, key, value, attributes=0):
    body = struct.pack(">bb", magic, attributes)
    body += (struct.pack(">q", timestamp) if magic else b"") + sized(key) + sized(value)
    body = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", offset, len(body)) + body


def messages(data):
    """(offset, magic, timestamp, key, value) of each whole message, compressed ones unpacked."""
    found = []
    while len(data) >= 26:
        offset, size = struct.unpack(">qi", data[:12])
        if len(data) < 12 + size:
            break
        body, data = data[12:12 + size], data[12 + size:]
        assert zlib.crc32(body[4:]) == struct.unpack(">I", body[:4])[0]
        magic, attributes, at = body[4], body[5], 6
        timestamp = struct.unpack(">q", body[6:14])[0] if magic else None
        at = 14 if magic else 6
        parts = []
        for _ in range(2):
            length = struct.unpack(">i", body[at:at + 4])[0]
            at += 4
            parts.append(None if length < 0 else body[at:at + length])
            at += max(length, 0)
        if attributes & 7 == 1:
            inner = messages(gzip.decompress(parts[1]))
            first = offset - inner[-1][0] if magic else 0
            found += [(first + one[0], *one[1:]) for one in inner]
        else:
            found.append((offset, magic, timestamp, *parts))
    return found


def call(key, version, body):
    frame = struct.pack(">hhih", key, version, 7, 4) + b"sets" + body
    connection.sendall(struct.pack(">i", len(frame)) + frame)
    size = struct.unpack(">i", receive(4))[0]
    answer = receive(size)
    assert struct.unpack(">i", answer[:4])[0] == 7
    return answer[4:]


def receive(count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, "the broker closed the connection"
        data += more
    return data


def one_partition(topic):
    return struct.pack(">ih", 1, len(topic)) + topic.encode() + struct.pack(">ii", 1, 0)


def produce(topic, version, records):
    transactional_id = struct.pack(">h", -1) if version >= 3 else b""
    body = transactional_id + struct.pack(">hi", -1, 10000) + one_partition(topic) + sized(records)
    answer = call(PRODUCE, version, body)[4 + 2 + len(topic) + 4 + 4:]
    return struct.unpack(">hq", answer[:10])


def fetch(topic, version, offset):
    bytes_max = struct.pack(">i", 1 << 20) if version >= 3 else b""
    body = struct.pack(">iii", -1, 500, 1) + bytes_max + one_partition(topic) + struct.pack(">qi", offset, 1 << 20)
    answer = call(FETCH, version, body)[(4 if version >= 1 else 0) + 4 + 2 + len(topic) + 4 + 4:]
    error, high_watermark, size = struct.unpack(">hqi", answer[:14])
    return error, high_watermark, messages(answer[14:14 + size])


def list_offsets(topic, timestamp, count):
    answer = call(LIST_OFFSETS, 0, struct.pack(">i", -1) + one_partition(topic) + struct.pack(">qi", timestamp, count))
    error, found = struct.unpack(">hi", answer[4 + 2 + len(topic) + 4 + 4:][:6])
    return error, list(struct.unpack(f">{found}q", answer[4 + 2 + len(topic) + 4 + 4 + 6:]))


def fill(topic):
    inner = message(1, 0, 50, b"k", b"packed 0") + message(1, 1, 60, b"k", b"packed 1")
    assert produce(topic, 0, message(0, 0, 0, b"k", b"zero")) == (NONE, 0)
    assert produce(topic, 1, message(0, 0, 0, None, b"one") + message(0, 9, 0, b"two", None)) == (NONE, 1)
    assert produce(topic, 2, message(1, 0, 1000, b"k", b"three")) == (NONE, 3)
    assert produce(topic, 2, message(1, 1, 60, None, gzip.compress(inner), 1)) == (NONE, 4)


def test_old_producers_and_old_consumers():
    topic = new_topic("both")
    fill(topic)
    expected = [(0, None, b"k", b"zero"), (1, None, None, b"one"), (2, None, b"two", None), (3, 1000, b"k", b"three"),
                (4, 50, b"k", b"packed 0"), (5, 60, b"k", b"packed 1")]
    for version in range(4):
        error, high_watermark, found = fetch(topic, version, 0)
        assert (error, high_watermark) == (NONE, 6)
        magic = int(version >= 2)
        times = [-1 if time is None else time for _, time, _, _ in expected]
        wanted = [(offset, magic, time if magic else None, key, value)
                  for (offset, _, key, value), time in zip(expected, times)]
        assert found == wanted, (version, found)
        # A compressed set may come whole, with what lies before the offset.
        assert [one for one in fetch(topic, version, 5)[2] if one[0] >= 5] == wanted[5:]
        assert fetch(topic, version, 6) == (NONE, 6, [])
        assert fetch(topic, version, 7)[0] == OUT_OF_RANGE


def test_what_is_refused():
    topic = new_topic("refused")
    plain = message(1, 0, 5, b"k", b"v")
    inner = gzip.compress(plain)
    damaged = bytearray(plain)
    damaged[-1] ^= 1
    for name, version, records, expected in [
        ("nothing", 2, b"", (NONE, -1)),
        ("half a message", 2, plain[:20], (NONE, -1)),
        ("a wrong checksum", 2, bytes(damaged), (CORRUPT, -1)),
        ("format 1 in version 3", 3, plain, (INVALID_RECORD, -1)),
        ("a compressed message and another", 2, message(1, 0, 5, None, inner, 1) + plain, (INVALID_RECORD, -1)),
        ("zstd, which is younger", 2, message(1, 0, 5, None, b"v", 4), (INVALID_RECORD, -1)),
        ("compressed twice", 2, message(1, 0, 5, None, gzip.compress(message(1, 0, 5, None, inner, 1)), 1),
         (INVALID_RECORD, -1)),
        ("format 1 in version 1", 1, plain, (NONE, 0)),
    ]:
        assert produce(topic, version, records) == expected, name
    strict = new_topic("strict", **{"message.downconversion.enable": "false"})
    assert fetch(strict, 3, 0)[0] == UNSUPPORTED_VERSION


def test_offsets_of_segments():
    topic = new_topic("offsets")
    assert list_offsets(topic, -1, 5) == (NONE, [0])
    fill(topic)
    for timestamp, count, expected in [(-1, 5, [6, 0]), (-1, 1, [6]), (-2, 5, [0]), (5, 5, []), (-1, 0, [])]:
        assert list_offsets(topic, timestamp, count) == (NONE, expected), (timestamp, count)


run(globals(), *sys.argv[2:3])
