#!/usr/bin/env python3
"""Cuts the power under a keeper and looks whether an acknowledged write is missing afterwards.

    power_cut.py [--binary target/release/castlekeep] [--rounds 5] [--seed N] [--port 12810] [--members 1]

With --members 3 an ensemble loses the power of all its members at once, each with a file system of its own; every member must
hold what was acknowledged afterwards. The first member's client port is --port, the other ports are any free ones.

The data folder lies on an ext4 file system in a loop-mounted file. Connections write as fast as they can; at a random
moment the file system is shut down without flushing its journal (FS_IOC_SHUTDOWN, what `xfs_io -x -c shutdown` does),
so everything that was not synced is gone, names in folders included. Then:

* the keeper must stop by itself, with an exit code that is not 0 (its next sync fails, and it never retries); of an ensemble
  so many must that the others are no quorum, who have nothing to write then;
* after unmounting and mounting again (which replays the file system's journal) it must start, and hold every write
  that was acknowledged, and for each connection a prefix of what it wrote: no gap.

What is acknowledged after the shutdown has begun does not count: a power cut would have kept that reply from leaving, and
ext4 can report success for a sync whose journal commit it is aborting at that moment (seen with a loop of pwrite and
fdatasync alone: 4 of 60 shutdowns).

Needs root, mkfs.ext4 and loop devices; without root it says so and exits with 0. Exit code 1: something is missing.
Speaks ZooKeeper's protocol itself, so it needs nothing but Python.
"""
import argparse
import fcntl
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
IMAGE_BYTES = 1 << 30


class Client:
    """A session, and the requests this script needs."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.send(struct.pack(">iqiqi16sb", 0, 0, 30000, 0, 16, bytes(16), 0))
        response = self.receive()
        if struct.unpack(">i", response[4:8])[0] == 0:
            raise OSError("no session")
        self.xid = 0

    def send(self, frame):
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self):
        length = struct.unpack(">i", self.exactly(4))[0]
        return self.exactly(length)

    def exactly(self, count):
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise OSError("the connection ended")
            parts += part
        return parts

    def request(self, opcode, body):
        self.xid += 1
        self.send(struct.pack(">ii", self.xid, opcode) + body)
        return self.xid

    def reply(self):
        """(xid, error, body)"""
        frame = self.receive()
        xid, _, error = struct.unpack(">iqi", frame[:16])
        return xid, error, frame[16:]

    def create(self, path, data):
        world = struct.pack(">ii", 1, 31) + text("world") + text("anyone")
        return self.request(1, text(path) + buffer(data) + world + struct.pack(">i", 0))

    def sync(self):
        self.request(9, text("/"))
        _, error, _ = self.reply()
        assert error == 0, f"sync: error {error}"

    def get(self, path):
        """The data, or None when there is no such node."""
        self.request(4, text(path) + b"\0")
        _, error, body = self.reply()
        if error == -101:
            return None
        assert error == 0, f"getData {path}: error {error}"
        length = struct.unpack(">i", body[:4])[0]
        return body[4:4 + max(length, 0)]


def buffer(data):
    return struct.pack(">i", len(data)) + data


def text(string):
    return buffer(string.encode())


def content(path):
    """What a node holds, from its name: sizes of every kind, so that entries end anywhere in a page."""
    chance = random.Random(path)
    return chance.randbytes(chance.choice([0, 10, 100, 100, 100, 100, 1000, 5000]))


class Writer(threading.Thread):
    """Creates /ROUND-CONNECTION-0, 1, 2 ... with many requests under way, until the connection ends."""

    def __init__(self, member, name):
        super().__init__(daemon=True)
        self.member, self.client = member, member.client()
        self.name_, self.sent, self.acknowledged, self.wrong = name, 0, 0, None
        self.certain = 0

    def run(self):
        try:
            while True:
                while self.sent - self.acknowledged < 40:
                    path = f"/{self.name_}-{self.sent}"
                    self.client.create(path, content(path))
                    self.sent += 1
                xid, error, _ = self.client.reply()
                if error or xid != self.acknowledged + 1:
                    self.wrong = f"reply {xid} with error {error} in place of {self.acknowledged + 1}"
                    return
                self.acknowledged += 1
        except OSError:
            pass


class Failure(Exception):
    """Something that must not be."""


class Member:
    """A keeper with a disk of its own."""

    def __init__(self, binary, work, number, port, lines):
        self.binary, self.port, self.lines = binary, port, lines
        self.image, self.mount = os.path.join(work, f"disk-{number}"), os.path.join(work, f"mnt-{number}")
        self.cfg = os.path.join(work, f"zoo-{number}.cfg")
        self.log = open(os.path.join(work, f"keeper-{number}.log"), "w")
        self.number, self.server = number, None
        os.mkdir(self.mount)
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        with open(self.cfg, "w") as cfg:
            cfg.write(f"dataDir={self.mount}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
                      "tickTime=2000\nadmin.enableServer=false\n4lw.commands.whitelist=*\npreAllocSize=4096\n"
                      f"snapCount=10000\nautopurge.purgeInterval=1\n{lines}")

    def mount_disk(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.mount], check=True)
        if self.lines:
            os.makedirs(f"{self.mount}/data", exist_ok=True)
            with open(f"{self.mount}/data/myid", "w") as myid:
                myid.write(f"{self.number}\n")
                myid.flush()
                os.fsync(myid.fileno())

    def unmount_disk(self):
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", self.mount], capture_output=True).returncode:
            if time.monotonic() > deadline:
                subprocess.run(["umount", "-l", self.mount])
                return
            time.sleep(0.05)

    def start(self):
        command = [self.binary, "zookeeper", self.cfg]
        self.server = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def client(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                return Client(self.port)
            except OSError:
                if self.server.poll() is not None:
                    raise Failure(f"keeper {self.number} ended with {self.server.returncode} instead of starting")
                if time.monotonic() > deadline:
                    raise Failure(f"keeper {self.number} does not serve after 20 s")
                time.sleep(0.02)

    def cut(self):
        folder = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def kill(self):
        if self.server and self.server.poll() is None:
            self.server.kill()
            self.server.wait()

    def end(self):
        self.kill()
        if os.path.ismount(self.mount):
            self.unmount_disk()


class Scene:
    """All keepers: one, or an ensemble."""

    def __init__(self, arguments, work):
        count = arguments.members
        ports = [arguments.port] + free_ports(3 * count - 1)
        clients, rest = ports[:count], ports[count:]
        lines = "".join(f"server.{n + 1}=127.0.0.1:{rest[2 * n]}:{rest[2 * n + 1]}\n" for n in range(count)) if count > 1 else ""
        if lines:
            lines = "initLimit=10\nsyncLimit=5\n" + lines
        self.members = [Member(arguments.binary, work, n + 1, clients[n], lines) for n in range(count)]

    def start(self):
        """Until each member serves."""
        for member in self.members:
            member.start()
        for member in self.members:
            member.client()

    def each(self, act):
        for member in self.members:
            act(member)

    def stopped_by_themselves(self):
        """Enough of them that nobody serves."""
        need = len(self.members) // 2 + 1
        deadline = time.monotonic() + 30
        while sum(member.server.poll() is not None for member in self.members) < need:
            if time.monotonic() > deadline:
                raise Failure("a keeper goes on although its disk is gone")
            time.sleep(0.05)
        for member in self.members:
            if member.server.poll() == 0:
                raise Failure(f"keeper {member.number} ended with 0 although its disk was gone")
            member.kill()

    def end(self):
        self.each(Member.end)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def check(client, writers):
    """Every acknowledged write is there, and behind the first missing one there is nothing."""
    held = 0
    for writer in writers:
        if writer.wrong:
            raise Failure(f"{writer.name_}: {writer.wrong}")
        missing_from = None
        for n in range(writer.sent):
            path = f"/{writer.name_}-{n}"
            data = client.get(path)
            if data is None:
                if n < writer.certain:
                    raise Failure(f"{path} was acknowledged and is missing")
                missing_from = missing_from if missing_from is not None else n
            elif missing_from is not None:
                raise Failure(f"{path} is there and number {missing_from} before it is missing")
            elif data != content(path):
                raise Failure(f"{path} holds other data than were written")
            else:
                held += 1
    return held


def held_by(member, writers):
    """What `check` finds on a member, whose leader may change meanwhile."""
    deadline = time.monotonic() + 60
    while True:
        client = member.client()
        try:
            client.sync()
            return check(client, writers)
        except OSError:
            if time.monotonic() > deadline:
                raise Failure(f"keeper {member.number} ends its connections")


def under_way(writers):
    """Waits until a write of each is acknowledged. Who lost its connection before, as an ensemble that has just started may
    elect once more, is replaced."""
    deadline = time.monotonic() + 30
    while not all(writer.acknowledged for writer in writers):
        for n, writer in enumerate(writers):
            if not writer.acknowledged and not writer.is_alive():
                writers[n] = Writer(writer.member, f"{writer.name_}-again")
                writers[n].start()
        if time.monotonic() > deadline:
            raise Failure("nothing is acknowledged")
        time.sleep(0.005)


def run(arguments, scene):
    chance = random.Random(arguments.seed)
    everything = []
    for round_ in range(arguments.rounds):
        scene.each(Member.mount_disk)
        scene.start()
        members = scene.members
        writers = [Writer(members[n % len(members)], f"{round_}-{n}") for n in range(max(4, len(members)))]
        for writer in writers:
            writer.start()
        under_way(writers)
        time.sleep(chance.uniform(0.05, 1.5))
        for member in scene.members:
            if member.server.poll() is not None:
                raise Failure(f"keeper {member.number} ended with {member.server.returncode} before the cut")
        for writer in writers:
            writer.certain = writer.acknowledged
        scene.each(Member.cut)
        scene.stopped_by_themselves()
        for writer in writers:
            writer.join(timeout=20)
        scene.each(Member.unmount_disk)
        scene.each(Member.mount_disk)
        everything += writers
        scene.start()
        held = {held_by(member, everything) for member in scene.members}
        if len(held) > 1:
            raise Failure(f"members hold different numbers of nodes: {sorted(held)}")
        acknowledged = sum(writer.certain for writer in writers)
        print(f"round {round_}: {acknowledged} writes acknowledged before the cut; {held.pop()} of all rounds are there", flush=True)
        if acknowledged == 0:
            raise Failure("nothing was written before the cut: the round shows nothing")
        # The next round begins after a crash of the processes, with the power on.
        scene.each(Member.kill)
        scene.each(Member.unmount_disk)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="target/release/castlekeep")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--port", type=int, default=12810)
    parser.add_argument("--members", type=int, default=1)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: mounting a file system needs root")
        return 0
    arguments.binary = os.path.abspath(arguments.binary)
    print(f"seed {arguments.seed}", flush=True)
    work = tempfile.mkdtemp(prefix="castlekeep-power-cut-")
    scene = Scene(arguments, work)
    try:
        run(arguments, scene)
    except Failure as failure:
        print(f"FAILED: {failure}\nthe keepers' logs are {work}/keeper-*.log")
        return 1
    finally:
        scene.end()
    shutil.rmtree(work)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
