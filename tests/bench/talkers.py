"""People who write: how long each waits for `sent`. What `promises.py` starts beside real nodes.

``python tests/bench/talkers.py RATE SECONDS ROOMS URL…``: in each room one person on each node, all together that
many texts a second. Prints a line of JSON. Plain sockets and frames, so that the clients take little of the machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.run import starved

PACE_SECONDS = 0.002
WARM_SECONDS = 1.0
TEXT = "what people say to each other in a room is about as long as this"
_TEXT_FRAME, _PING, _PONG = 0x81, 0x89, 0x8A


class Person(asyncio.Protocol):
    """One connection: comes in, enters a room, and notes how long its texts take."""

    def __init__(self, host: str, room: str, took: list[float]) -> None:
        self.there = asyncio.get_running_loop().create_future()
        self.waiting: dict[str, float] = {}
        self.refused: list[str] = []
        self.read = 0
        self._host, self._room, self._took = host, room, took
        self._data = b""
        self._upgraded = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.refused.append("connection lost")

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        at = 0
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                self._upgraded, at = True, end + 4
                self._send(type="hello", id=0, name="Person")
        while self._upgraded and len(data) >= at + 2:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if len(data) < at + head + size:
                break
            self._take(data[at], data[at + head : at + head + size])
            at += head + size
        self._data = data[at:]

    def say(self, id: str) -> None:
        """Say something, and wait for `sent`."""
        self.waiting[id] = time.monotonic()
        self._send(type="say", id=id, room=self._room, text=TEXT)

    def leave(self) -> None:
        """Go."""
        self._transport.abort()

    def _take(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self._frame(_PONG, payload)
        elif payload.startswith(b'{"type":"message"'):
            self.read += 1
        elif payload.startswith(b'{"type":"sent"'):
            self._took.append(time.monotonic() - self.waiting.pop(json.loads(payload)["id"]))
        elif payload.startswith(b'{"type":"welcome"'):
            self._send(type="join", id=1, room=self._room)
        elif payload.startswith(b'{"type":"joined"'):
            self.there.set_result(None)
        elif payload.startswith(b'{"type":"error"'):
            self.refused.append(json.loads(payload)["code"])

    def _send(self, **request: object) -> None:
        self._frame(_TEXT_FRAME, json.dumps(request).encode())

    def _frame(self, first: int, payload: bytes) -> None:
        # Masked with zeroes, which changes nothing.
        size = bytes((128 | len(payload),)) if len(payload) < 126 else bytes((254, *len(payload).to_bytes(2, "big")))
        self._transport.write(bytes((first,)) + size + bytes(4) + payload)


def _itself(person: Person) -> Person:
    return person


async def talk(rate: float, seconds: float, rooms: int, urls: Sequence[str]) -> dict[str, float]:
    """Let them come and write for so long."""
    loop = asyncio.get_running_loop()
    took: list[float] = []
    people: list[Person] = []
    for room in range(rooms):
        for url in urls:
            parts = urlsplit(url)
            assert parts.hostname is not None
            assert parts.port is not None
            person = Person(parts.netloc, f"r{room:04}", took)
            await loop.create_connection(partial(_itself, person), parts.hostname, parts.port)
            async with asyncio.timeout(10):
                await person.there
            people.append(person)
    said = 0

    async def write(until: float) -> None:
        nonlocal said
        began, before = loop.time(), said
        while (now := loop.time()) < until:
            for _ in range(int((now - began) * rate) - (said - before)):
                people[said % len(people)].say(f"t{said}")
                said += 1
            await asyncio.sleep(PACE_SECONDS)

    await write(loop.time() + WARM_SECONDS)
    took.clear()
    first, began, without = said, loop.time(), starved()
    await write(began + seconds)
    spent, without = loop.time() - began, starved() - without
    for _ in range(100):
        if any(person.waiting for person in people):
            await asyncio.sleep(0.1)
    took.sort()
    lost = sum(len(person.waiting) for person in people)
    refused = [code for person in people for code in person.refused]
    for person in people:
        person.leave()
    return {
        "per_second": round((said - first) / spent),
        "p50_ms": round(took[len(took) // 2] * 1000, 2),
        "p99_ms": round(took[len(took) * 99 // 100] * 1000, 2),
        "most_ms": round(took[-1] * 1000, 2),
        "unanswered": lost,
        "refused": len(refused),
        "read": sum(person.read for person in people),
        "waited_pct": round(without / spent * 100, 1),
    }


if __name__ == "__main__":
    rate, seconds, rooms = (float(word) for word in sys.argv[1:4])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(talk(rate, seconds, int(rooms), sys.argv[4:]))), flush=True)
