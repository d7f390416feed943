"""Stands in for the client of the original program: original_client.py HOST PORT [options].

Where the description of the original says nothing: when the other side closes a connection or does
not take one, this client ends; an answered heartbeat wipes out the missed ones before it; any bytes
answer a heartbeat; only a recv that gives TERMINATE and nothing else is a TERMINATE.
"""

import itertools
import socket
import threading
import time

from original_peer import DATA, HEARTBEAT, TERMINATE, Connection, Ended, Peer
from original_peer import common_options, parse, span


def live(client):
    exchange_data(client)
    time.sleep(client.options.reconnect_wait)
    exchange_heartbeats(client)


def exchange_data(client):
    """Sends data and waits for the reply, by turns, until one does not come in time."""
    options = client.options
    with connect(client, "data") as connection:
        client.tell("connected", **connection.addresses())
        for n in itertools.count(1):
            if n in options.lose_after:
                client.tell("data_lost", n=n)
            else:
                connection.send(DATA, glued_to=DATA)
                client.tell("data_sent", n=n)
            reply = connection.receive(options.data_threshold)
            if reply is None:
                client.tell("data_timeout", n=n)
                return
            client.tell("reply", n=n, text=reply)
            if reply == TERMINATE:
                client.tell("terminate_received")
                raise Ended("terminated")
            time.sleep(options.data_interval)


def exchange_heartbeats(client):
    """Sends heartbeats on a second connection until too many in a row are unanswered."""
    options = client.options
    with connect(client, "heartbeats") as connection:
        client.tell("heartbeat_connected", **connection.addresses())
        missed = 0
        for n in itertools.count(1):
            connection.send(HEARTBEAT, glued_to=HEARTBEAT)
            client.tell("heartbeat_sent", n=n)
            echo = connection.receive(options.heart_beat_threshold)
            if echo is None:
                missed += 1
                client.tell("heartbeat_missed", n=n, missed=missed)
                if missed > options.heart_beat_additional_tries:
                    raise Ended("dead")
            else:
                missed = 0
                client.tell("heartbeat_answered", n=n, text=echo)
                time.sleep(options.heart_beat_interval)


def connect(client, kind):
    options = client.options
    source = (options.source_host, 0)
    try:
        stream = socket.create_connection((options.host, options.port), source_address=source)
    except OSError as error:
        client.tell("not_connected", connection=kind, error=str(error))
        raise Ended("not_connected") from error
    return Connection(client, kind, stream)


def main():
    parser, add_fault = common_options("Stands in for the original client.")
    parser.add_argument("--heart-beat-additional-tries", type=int, default=3)
    parser.add_argument("--reconnect-wait", type=float, default=5, metavar="SECONDS")
    parser.add_argument("--source-host", default="", help="the address to call from")
    parser.add_argument("--clients", type=int, default=1, help="how many, each in its own thread")
    # Nothing is then left unread at the timeout, as when a firewall drops what is sent.
    add_fault("--lose-after", span, (), "N[:COUNT]: lose data messages after the Nth")
    options = parse(parser)
    for number in range(2, options.clients + 1):
        threading.Thread(target=Peer(options, client=number).run, args=[live]).start()
    Peer(options, client=1).run(live)


main()
