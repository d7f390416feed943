"""Stands in for the server of the original program: original_server.py HOST PORT [options].

Where the description of the original says nothing: it stops listening once it has its connection,
and closes that before it listens again; it waits for the heartbeat connection without end; a
heartbeat wipes out the missed ones before it; after TERMINATE it waits for the client to close, and
ends.
"""

import itertools
import socket

from original_peer import CONFIRMATION, TERMINATE, Closed, Connection, Ended, Peer
from original_peer import common_options, parse, span


def live(server):
    try:
        confirm_data(server)
    except Closed:
        # As with silence: what comes next can only be heartbeats.
        pass
    echo_heartbeats(server)


def confirm_data(server):
    """Confirms whatever it reads on one connection, until nothing comes in time."""
    options = server.options
    with listen(server) as listener, accept(server, listener, "data") as connection:
        if not options.keep_listening:
            listener.close()
        server.tell("connected", **connection.addresses())
        for n in itertools.count(1):
            data = connection.receive(options.data_threshold)
            if data is None:
                server.tell("data_timeout")
                return
            server.tell("data_received", n=n, text=data)
            if n == options.terminate_after:
                terminate(server, connection, n)
            if n not in options.mute_after:
                connection.send(CONFIRMATION, glued_to=CONFIRMATION)
                server.tell("reply_sent", n=n)


def terminate(server, connection, n):
    """Tells the client to end, and gives it the time to do so: what it still sends is seen."""
    connection.send(TERMINATE, glued_to=CONFIRMATION)
    server.tell("terminate_sent", n=n)
    try:
        for late in itertools.count(n + 1):
            data = connection.receive(server.options.data_threshold)
            if data is None:
                break
            server.tell("data_received", n=late, text=data)
    except Closed:
        pass
    raise Ended("terminated")


def echo_heartbeats(server):
    """Echoes whatever it reads on one more connection, until too many in a row do not come."""
    options = server.options
    with listen(server) as listener, accept(server, listener, "heartbeats") as connection:
        listener.close()
        server.tell("heartbeat_connected", **connection.addresses())
        received = missed = 0
        while missed < options.heart_beats_missed:
            heartbeat = connection.receive(options.heart_beat_threshold)
            if heartbeat is None:
                missed += 1
                server.tell("heartbeat_missed", missed=missed)
                continue
            missed = 0
            received += 1
            server.tell("heartbeat_received", n=received, text=heartbeat)
            if received not in options.mute_heartbeats_after:
                connection.send(heartbeat)
                server.tell("heartbeat_answered", n=received, text=heartbeat)
    raise Ended("dead")


def listen(server):
    options = server.options
    listener = socket.create_server((options.host, options.port))
    # With port 0 the system chooses; the second time it has to be the same one.
    options.port = listener.getsockname()[1]
    server.tell("listening", host=options.host, port=options.port)
    return listener


def accept(server, listener, kind):
    stream, _ = listener.accept()
    return Connection(server, kind, stream)


def main():
    parser, add_fault = common_options("Stands in for the original server.")
    parser.add_argument("--heart-beats-missed", type=int, default=4)
    # A connection that comes too early is then made, left unread, and reset by the second listen.
    parser.add_argument(
        "--keep-listening", action="store_true", help="listen while data comes, without accepting"
    )
    add_fault("--terminate-after", int, None, "TERMINATE instead of the Nth confirmation")
    add_fault("--mute-after", span, (), "N[:COUNT]: leave data unconfirmed after N")
    add_fault("--mute-heartbeats-after", span, (), "N[:COUNT]: echo none after N")
    Peer(parse(parser)).run(live)


main()
