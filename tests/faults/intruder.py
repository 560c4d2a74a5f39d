"""Somebody without the cluster's key who tries everything at every port of a mesh.

    python -m tests.faults.intruder '{"targets": ["10.7.1.1:8766"], "server": "<key>", "seconds": 3}'

It speaks to each in plain ZeroMQ, with keys of its own, with keys of its own to whoever has the right one, of which
it was told the public half, and in random bytes; and connects without a word; or in those `ways` alone that it is
given. At `doors`, which are ports for clients that speak TLS, it does so in plain text and in random bytes. It goes
on for so many seconds, and until standard input ends; then it prints what it got from all of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import zmq

from tests.guest import upgrade

KINDS = (zmq.DEALER, zmq.SUB, zmq.XSUB)
SPOKEN = ("plain", "strange", "right server")
NICE = 10
WAYS = (*SPOKEN, "bytes", "silent")


def sockets(
    context: zmq.Context[zmq.Socket[bytes]], target: str, server: str, ways: Sequence[str]
) -> Iterator[zmq.Socket[bytes]]:
    """Sockets of each kind in each way."""
    for kind in KINDS:
        for way in (way for way in SPOKEN if way in ways):
            sock = context.socket(kind)
            sock.setsockopt(zmq.LINGER, 0)
            sock.setsockopt(zmq.IPV6, 1)
            if way != "plain":
                public, secret = zmq.curve_keypair()
                sock.setsockopt(zmq.CURVE_SERVERKEY, server.encode() if way == "right server" else public)
                sock.setsockopt(zmq.CURVE_PUBLICKEY, public)
                sock.setsockopt(zmq.CURVE_SECRETKEY, secret)
            if kind == zmq.SUB:
                sock.setsockopt(zmq.SUBSCRIBE, b"")
            sock.connect(f"tcp://{target}")
            if kind == zmq.DEALER:
                sock.send(b"let me in")
            elif kind == zmq.XSUB:
                sock.send(b"\x01")
            yield sock


def line_to(place: str, timeout: float = 2) -> socket.socket:
    """A connection to a port."""
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


def throw(target: str, generator: random.Random) -> None:
    """Throw bytes at a port, whatever becomes of them."""
    for head in (b"", b"\xff" + bytes(8) + b"\x7f", b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE"):
        with contextlib.suppress(OSError), line_to(target) as line:
            line.sendall(head + generator.randbytes(5000))


def knock(door: str, words: bytes) -> bool:
    """Say something to a port for clients; whether anything is given for it but a refusal."""
    answer = b""
    with contextlib.suppress(OSError), line_to(door) as line:
        line.sendall(words)
        line.shutdown(socket.SHUT_WR)
        while more := line.recv(65536):
            answer += more
    return answer.startswith((b"HTTP/1.1 1", b"HTTP/1.1 2"))


def main(given: dict[str, Any]) -> None:
    """Try, and tell."""
    # On a host of its own it would take nothing from the nodes.
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(NICE)
    generator, got = random.Random(22), Counter[str]()
    ways = given.get("ways", WAYS)
    with contextlib.ExitStack() as stack, zmq.Context[zmq.Socket[bytes]]() as context:
        poller, all_of_them = zmq.Poller(), []
        for target in given["targets"]:
            if "silent" in ways:
                stack.enter_context(line_to(target, timeout=5))
            for sock in sockets(context, target, given["server"], ways):
                stack.callback(sock.close)
                all_of_them.append((target, sock))
                poller.register(sock, zmq.POLLIN)
        until = time.monotonic() + given["seconds"]
        while time.monotonic() < until or not select.select([0], [], [], 0)[0]:
            for target in given["targets"] if "bytes" in ways else ():
                throw(target, generator)
            for door in given.get("doors", ()):
                for words in (upgrade(door), b"GET / HTTP/1.1\r\n\r\n", generator.randbytes(5000)):
                    got[door] += knock(door, words)
            ready = dict(poller.poll(200))
            for target, sock in all_of_them:
                if sock in ready:
                    sock.recv_multipart()
                    got[target] += 1
    print(json.dumps(+got))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
