"""Strangers that besiege a server on 127.0.0.1: many connections from 127.0.0.2 and up, in one manner.

Usage: siege_strangers.py PORT MANNER COUNT [TEXT]

It writes what it has done so far to stdout, a line of JSON a second, and ends when its stdin does. Of
most manners there are always COUNT connections: one that the server closes is opened again.

MANNER  silent     connects and says nothing
        drip       sends the beginning of a HELLO, a byte a second
        noise      sends random bytes, as fast as the server takes them
        open       asks for a session: without a key, with one that is not known, with a wrong proof of the
                   key TEXT, or without any proof; if it gets one, it answers heartbeats and sends no data
        announce   announces a data message of 1 GiB, or the largest one allowed, in a session or without
                   one, and sends a part of it
        replay     sends TEXT, a recorded opening
        tls        begins a TLS handshake, in one of several manners, and never finishes it
        churn      opens and closes, COUNT times a second
"""

import errno
import json
import os
import random
import resource
import select
import socket
import ssl
import struct
import sys
import time

# More sources than the ports of one of them would last for, with connections that are soon closed.
SOURCES = 200
TICK_S = 1.0
# How many connections are begun between two looks at what has become of the others.
BATCH = 200
# A stranger whose test was killed must not outlive it.
LIFETIME_S = 900
GIB = 1 << 30
LARGEST = 1 << 20
NOISE = os.urandom(1 << 20)
RESET = struct.pack("ii", 1, 0)


def client_hello():
    """The bytes of a TLS client's first flight."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    sent = ssl.MemoryBIO()
    handshake = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    try:
        handshake.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


class Stranger:
    """One connection."""

    def __init__(self, siege, number):
        self.siege = siege
        self.number = number
        self.said = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        # The port is chosen at the connect: else all sources share the ports of one.
        self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)
        self.socket.bind(("127.0.%d.%d" % divmod(2 + number % SOURCES, 250), 0))
        self.socket.connect_ex(("127.0.0.1", siege.port))

    def first(self):
        """What it says at once."""
        name = "siege-%d-%d" % (os.getpid(), self.number)
        hello = "HELLO 1 %s {}\n" % name
        manner, turn = self.siege.manner, self.number % 4
        if manner == "open":
            return self.opening(name, hello).encode()
        if manner == "announce":
            size = GIB if turn < 2 else LARGEST
            opening = "" if turn == 0 else hello
            return ("%sDATA 1 %d\n%s" % (opening, size, "x" * 100)).encode()
        if manner == "replay":
            return self.siege.text
        if manner == "tls":
            whole = self.siege.client_hello
            return (whole, whole[: len(whole) // 2], whole[:5], whole + NOISE[:64])[turn]
        return b""

    def opening(self, name, hello):
        if self.number % 4 == 0:
            return hello
        key = "nobody" if self.number % 4 == 1 else self.siege.text.decode()
        keyed = 'HELLO 1 %s {"key":"%s","nonce":"%s"}\n' % (name, key, "n" * 43)
        return keyed if self.number % 4 == 3 else keyed + "PROOF %s\n" % ("p" * 43)

    def on_writable(self):
        """Sends what is to be sent now; whether more is to be sent as soon as it can be."""
        if self.siege.manner == "noise":
            for _ in range(4):
                at = random.randrange(len(NOISE) - 65536)
                self.siege.bytes += self.socket.send(NOISE[at : at + 65536])
            return True
        if self.said == 0:
            said = self.first()
            self.said = len(said)
            if said:
                self.siege.bytes += self.socket.send(said)
        return False

    def drip(self):
        text = b"HELLO 1 drip {" + b" " * 900
        self.siege.bytes += self.socket.send(text[self.said : self.said + 1])
        self.said += 1

    def on_readable(self):
        """Reads; false once the server has closed."""
        received = self.socket.recv(65536)
        if self.siege.manner == "open" and b"HEARTBEAT " in received:
            for line in received.split(b"\n"):
                if line.startswith(b"HEARTBEAT "):
                    self.socket.send(b"HEARTBEAT_REPLY " + line[10:] + b"\n")
        return len(received) > 0

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


class Siege:
    """All connections of one manner."""

    def __init__(self, port, manner, count, text=""):
        self.port = int(port)
        self.manner = manner
        self.count = int(count)
        self.text = text.encode()
        self.client_hello = client_hello()
        self.poller = select.epoll()
        self.all = {}
        self.begun = self.ended = self.failed = self.bytes = 0

    def run(self):
        self.poller.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
        until = time.monotonic() + LIFETIME_S
        self.started = tick = time.monotonic()
        while time.monotonic() < until:
            for fd, events in self.poller.poll(0 if self.open_more() else 0.005):
                if fd == sys.stdin.fileno():
                    if sys.stdin.read() == "":
                        return self.tell("end")
                elif fd in self.all:
                    self.serve(self.all[fd], events)
            if time.monotonic() >= tick + TICK_S:
                tick += TICK_S
                self.tell("tick")
                if self.manner == "drip":
                    for each in list(self.all.values()):
                        self.attempt(each, each.drip)

    def open_more(self):
        """Begins as many connections as are missing, a few at a time; true if more are."""
        if self.manner == "churn":
            due = (time.monotonic() - self.started) * self.count - self.begun
        else:
            due = self.count - len(self.all)
        for _ in range(min(BATCH, int(due))):
            try:
                each = Stranger(self, self.begun)
            except OSError as error:
                self.failed += 1
                if error.errno in (errno.EMFILE, errno.EADDRNOTAVAIL):
                    return False
                raise
            self.begun += 1
            self.all[each.socket.fileno()] = each
            self.poller.register(each.socket, select.EPOLLIN | select.EPOLLOUT)
        return due > BATCH

    def serve(self, each, events):
        if self.manner == "churn":
            return self.drop(each, reset=each.number % 2 == 0)
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            if not self.attempt(each, each.on_readable):
                return
        if events & select.EPOLLOUT:
            has_more = self.attempt(each, each.on_writable)
            if not has_more and each.socket.fileno() >= 0:
                self.poller.modify(each.socket, select.EPOLLIN)

    def attempt(self, each, act):
        """Does something on a connection: what comes of it, false if the connection has ended."""
        try:
            result = act()
        except BlockingIOError:
            return True
        except OSError:
            result = False
            self.drop(each)
        else:
            if act == each.on_readable and not result:
                self.drop(each)
        return result

    def drop(self, each, reset=False):
        self.ended += 1
        del self.all[each.socket.fileno()]
        each.close(reset)

    def tell(self, event):
        told = {"event": event, "open": len(self.all), "begun": self.begun, "ended": self.ended}
        print(json.dumps({**told, "failed": self.failed, "bytes": self.bytes}), flush=True)


if __name__ == "__main__":
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    Siege(*sys.argv[1:]).run()
