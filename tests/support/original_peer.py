"""What the two stand-ins for the original program share: messages, connections, events, faults.

The original has no framing. What one send sends is a message, and what one recv gives is taken for
one, even if TCP has glued several together or cut one in two. Everything that a test can make go
wrong is done here or named `..._after`, so that original_client.py and original_server.py can be
read as a description of the original.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from collections import Counter

DATA = "CLIENT_DATA_MESSAGE"
CONFIRMATION = "SERVER_DATA_REPLY"
HEARTBEAT = "MSG_HEARTBEAT"
TERMINATE = "TERMINATE"

# As much as one recv gives.
RECEIVE_BYTES = 1024
# A peer may go on for ever; it must not outlive a test that was killed and could not end it.
LIFETIME_S = 120
# Several clients of one process share its stdout.
WRITING = threading.Lock()


class Ended(Exception):
    """This peer ends; the argument is the reason."""


class Closed(Exception):
    """The other side has closed or reset the connection."""


class Peer:
    """One side: tells what happens, and does what a test wants done at that step."""

    def __init__(self, options, **identity):
        self.options = options
        self.identity = identity
        self.told = Counter()

    def tell(self, event, **fields):
        time_ms = round(time.monotonic() * 1000, 3)
        line = json.dumps({"time_ms": time_ms, "event": event, **fields, **self.identity})
        with WRITING:
            print(line, flush=True)
        self.told[event] += 1
        step = (event, self.told[event])
        if step == self.options.vanish_after:
            self.tell("vanished")
            # The sockets stay open, so that only silence can show it.
            time.sleep(LIFETIME_S)
        if step == self.options.close_after:
            raise Ended("close_after")

    def run(self, live):
        """Lives until it ends or the other side ends it."""
        try:
            live(self)
        except Ended as ended:
            reason = str(ended)
        except Closed:
            reason = "closed"
        self.tell("ended", reason=reason)


class Connection:
    """One connection; closes it at the end of a `with`."""

    def __init__(self, peer, kind, stream):
        self.peer = peer
        self.kind = kind
        self.stream = stream
        self.lost = False
        # The system must not wait with a part of a message until it can send it with the next.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        if not self.lost:
            self.peer.tell("closed", connection=self.kind, by="self")

    def addresses(self):
        """Both addresses, each as `host:port`."""
        try:
            local, remote = self.stream.getsockname(), self.stream.getpeername()
        except OSError:
            # It can be reset before it is first looked at.
            self.lose("reset")
        return {"local": f"{local[0]}:{local[1]}", "remote": f"{remote[0]}:{remote[1]}"}

    def send(self, message, glued_to=""):
        """Sends a message: behind others if it is to be glued, in parts if it is to be cut."""
        options = self.peer.options
        content = (glued_to * (options.glue - 1) + message).encode("latin-1")
        part_bytes = -(-len(content) // options.cut)
        try:
            for start in range(0, len(content), part_bytes):
                if start > 0:
                    time.sleep(options.cut_pause)
                self.stream.sendall(content[start : start + part_bytes])
        except ConnectionError:
            self.lose("reset")

    def receive(self, threshold):
        """Gives what one recv gives, or None if that is nothing within so many seconds."""
        self.stream.settimeout(threshold)
        try:
            content = self.stream.recv(RECEIVE_BYTES)
        except socket.timeout:
            return None
        except ConnectionError:
            self.lose("reset")
        if not content:
            self.lose("peer")
        # Not ASCII: whatever comes has to come back byte for byte.
        return content.decode("latin-1")

    def lose(self, by):
        self.lost = True
        self.peer.tell("closed", connection=self.kind, by=by)
        raise Closed


def common_options(description):
    """A parser of the arguments that both sides take, and a function that adds a fault to it."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    for name, seconds in [
        ("--data-interval", 5),
        ("--data-threshold", 20),
        ("--heart-beat-interval", 5),
        ("--heart-beat-threshold", 10),
    ]:
        parser.add_argument(name, type=float, default=seconds, metavar="SECONDS")
    faults = parser.add_argument_group("faults")

    def add_fault(name, kind, default, meaning):
        faults.add_argument(name, type=kind, default=default, help=meaning)

    add_fault("--glue", int, 1, "send so many messages in one send")
    add_fault("--cut", int, 1, "send each message in so many parts, of one byte at least")
    add_fault("--cut-pause", float, 0.01, "seconds between two parts")
    add_fault("--vanish-after", step, None, "EVENT[:N]: fall silent at its Nth, and stay")
    add_fault("--close-after", step, None, "EVENT[:N]: close and end at its Nth")
    return parser, add_fault


def parse(parser):
    """Parses the arguments, and limits the lifetime of this process."""
    lifetime = threading.Timer(LIFETIME_S, os._exit, [1])
    lifetime.daemon = True
    lifetime.start()
    return parser.parse_args()


def step(text):
    """The event and its number of `EVENT:N`; `EVENT` is the first one."""
    event, _, number = text.partition(":")
    return event, int(number or 1)


def span(text):
    """The numbers that `N:COUNT` stands for: so many after N; `N` is all after it."""
    after, _, count = text.partition(":")
    first = int(after) + 1
    return range(first, first + int(count) if count else sys.maxsize)
