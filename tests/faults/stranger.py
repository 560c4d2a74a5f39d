"""Somebody who means no good, or nothing at all, to the port of a node: what the rows of `strangers.py` start.

    python -m tests.faults.stranger '{"do":"half_open","url":"ws://127.0.0.1:8765/ws","count":3000,"slow":500}'

Tells what it found as lines of JSON, and ends by itself or with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import urlsplit

from server.descriptors import raise_limit
from tests.guest import Guest, Wire, masked, upgrade

AT_ONCE = 200
"""Connections that are being made at a time."""
DRIP_SECONDS = 0.5
PATIENCE = 40.0
LOGIN_SECONDS = 2.0
HELLO = masked(Wire.TEXT, b'{"type":"hello","name":"Stranger"}')


def tell(event: str, **fields: Any) -> None:
    """Write a line for who started this."""
    sys.stdout.write(json.dumps({"event": event, "at": time.monotonic(), **fields}) + "\n")
    sys.stdout.flush()


def place(url: str) -> tuple[str, int]:
    """Host and port."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@contextlib.asynccontextmanager
async def wire(url: str, *, room: int | None = None, source: str = "") -> AsyncIterator[Wire]:
    """A TCP connection, with so much room for what is received, or from this address, where that is given."""
    host, port = place(url)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if room is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    if source:
        sock.bind((source, 0))
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, port))
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield Wire(reader, writer, f"{host}:{port}")
    finally:
        writer.transport.abort()


async def half_open(url: str, count: int, slow: int) -> None:
    """Begin handshakes and do not end them; some of them a byte at a time."""
    gate, opened = asyncio.Semaphore(AT_ONCE), 0

    async def one(number: int) -> tuple[float, bytes]:
        nonlocal opened
        async with contextlib.AsyncExitStack() as stack:
            async with gate:
                connection = await stack.enter_async_context(wire(url))
                began, request = time.monotonic(), upgrade(connection.host)
                await connection.send(request[: 0 if number < slow else number % (len(request) - 4)])
            opened += 1
            if opened == count + slow:
                tell("opened")
            if number < slow:
                drip = asyncio.create_task(_drip(connection, request[:-4]))
                rest = await connection.rest()
                drip.cancel()
            else:
                rest = await connection.rest()
            return time.monotonic() - began, rest

    found = await asyncio.gather(*(one(number) for number in range(count + slow)), return_exceptions=True)
    took = [each[0] for each in found if not isinstance(each, BaseException)]
    failed = Counter(type(each).__name__ for each in found if isinstance(each, BaseException))
    answers = Counter(each[1][:12].decode("latin-1") for each in found if not isinstance(each, BaseException))
    tell("closed", first=min(took, default=0.0), last=max(took, default=0.0), failed=failed, answers=answers)


async def _drip(connection: Wire, request: bytes) -> None:
    for byte in request:
        await connection.send(bytes((byte,)))
        await asyncio.sleep(DRIP_SECONDS)


async def log_in(url: str, seconds: float, every: float, waits: bool = False) -> None:
    """Come in again and again as a good client does; tells how long each time took, from the connection on."""
    if waits:
        tell("ready")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    end, took, failed = time.monotonic() + seconds, [], Counter[str]()
    while (began := time.monotonic()) < end:
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                guest = await Guest.enter(url, name="Good")
            took.append(time.monotonic() - began)
            tell("in", took=took[-1])
            await guest.leave_for_good()
        except Exception as error:
            failed[type(error).__name__] += 1
            tell("not in", why=f"{error!r:.100}")
        await asyncio.sleep(max(0.0, began + every - time.monotonic()))
    tell("logins", took=took, failed=failed)


async def crowd(url: str, count: int, sources: Sequence[str] = ("",)) -> None:
    """Be many connections until standard input ends, and tell what those heard that were turned away.

    They come from each of these addresses in turn.
    """
    answers: Counter[str] = Counter()
    async with contextlib.AsyncExitStack() as stack:

        async def one(source: str) -> None:
            try:
                async with asyncio.timeout(2):
                    connection = await stack.enter_async_context(wire(url, source=source))
                    await connection.send(upgrade(connection.host))
                    answers[(await connection.reader.read(12)).decode("latin-1") or "closed"] += 1
            except (OSError, TimeoutError) as error:
                answers[type(error).__name__] += 1

        await asyncio.gather(*(one(sources[number % len(sources)]) for number in range(count)))
        tell("there", answers=answers)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    tell("gone")


ATTACKS: dict[str, tuple[bytes, int]] = {
    "oversized text": (masked(Wire.TEXT, b"x" * 70_000), 1009),
    "oversized binary": (masked(Wire.BINARY, b"x" * 2_000), 1009),
    "a length of 2^62": (b"\x81\xff" + (2**62).to_bytes(8, "big") + b"mask", 1009),
    "bad UTF-8": (masked(Wire.TEXT, b'{"type":"\xff"}'), 1007),
    "a compressed bomb": (b"\xc1" + masked(Wire.TEXT, b"\x00" * 60_000)[1:], 1002),
    "unmasked": (b"\x81\x02{}", 1002),
    "100,000 fragments": (
        masked(Wire.TEXT, b"x", fin=False) + masked(Wire.CONTINUED, b"y", fin=False) * 100_000, 1009,
    ),
    "100,000 empty fragments": (
        masked(Wire.TEXT, b"", fin=False) + masked(Wire.CONTINUED, b"", fin=False) * 100_000 + b"\x81\x00", 1002,
    ),
    "deep JSON": (masked(Wire.TEXT, b"[" * 60_000) * 25, 4400),
    "an unknown opcode": (masked(0x3, b"x"), 1002),
}  # fmt: skip
"""What is sent after a welcome, and the code that the close must have."""


async def attack(url: str, rounds: int) -> None:
    """Send what no good client sends; tells the code of each close."""
    for _ in range(rounds):
        for name, (data, wanted) in ATTACKS.items():
            async with wire(url) as connection:
                await connection.say_hello(name="Mallory")
                sending = asyncio.create_task(connection.send(data))
                tell("attack", name=name, wanted=wanted, code=await _code(connection))
                sending.cancel()
        for size in (1, 100, 10_000, 500_000):
            async with wire(url) as connection:
                await connection.send(os.urandom(size) + b"\r\n\r\n")
                tell("attack", name=f"{size:,} random bytes", wanted=0, code=await _answer(connection))
            async with wire(url) as connection:
                await connection.say_hello(name="Mallory")
                await connection.send(b"\xff" + os.urandom(size))
                tell("attack", name=f"{size:,} random bytes for frames", wanted=1002, code=await _code(connection))
    tell("attacked")


async def _code(connection: Wire) -> int:
    """The code of the close; what is no frame any more, or no close at all, has none."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await connection.close_code()
    except (OSError, EOFError, TimeoutError):
        return -1


async def _last_code(connection: Wire) -> int:
    """The code of the close behind all that was not read; it is the last frame."""
    connection.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    connection.writer.transport.resume_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
    rest = await connection.rest()
    at = rest.rfind(bytes((0x80 | Wire.CLOSE,)))
    return int.from_bytes(rest[at + 2 : at + 4], "big") if at >= 0 and rest[at + 1] == len(rest) - at - 2 else -1


async def _answer(connection: Wire) -> int:
    """0 where HTTP refuses or the connection ends, as it must."""
    connection.writer.write_eof()
    rest = await connection.rest()
    return 0 if rest[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 414", b"HTTP/1.1 431") else -1


async def be_deaf(url: str, count: int, room: str, size: int, every: float) -> None:
    """Be some who enter a room and never read, while two others write there; tells when each was cut."""
    async with contextlib.AsyncExitStack() as stack:
        writers = [await Guest.enter(url, name=f"Writer {number}") for number in range(2)]
        for writer in writers:
            await writer.join(room)
        deaf = [await stack.enter_async_context(wire(url, room=4096)) for _ in range(count)]
        for connection in deaf:
            await connection.say_hello(name="Deaf")
            await connection.send(masked(Wire.TEXT, json.dumps({"type": "join", "room": room}).encode()))
            connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
        began, cut, text, number = time.monotonic(), 0, "😀" * size, 0
        tell("deaf")
        while cut < count and time.monotonic() < began + PATIENCE:
            for writer in writers:
                number += 1
                await writer.send("say", id=number, room=room, text=f"{number}{text}")
            for writer in writers:
                await writer.answer(number if writer is writers[1] else number - 1)
                away = [event for event in writer.seen("member_updated") if event.get("state") == "reconnecting"]
                if writer is writers[0] and len(away) > cut:
                    cut = len(away)
                    tell("cut", after=time.monotonic() - began, cut=cut)
            writers[1].unread.clear()
            await asyncio.sleep(every)
        codes = Counter(await asyncio.gather(*map(_last_code, deaf)))
        tell("cut all", codes={str(code): times for code, times in codes.items()}, texts=number)
        for writer in writers:
            await writer.leave_for_good()


async def look_around(url: str, room: str) -> None:
    """Tell whom and what somebody finds who enters a room."""
    guest = await Guest.enter(url, name="Looker")
    joined = await guest.join(room)
    members = [member["name"] for member in joined["members"] if member["session"] != guest.session]
    tell("found", members=members, texts=len(joined["history"]))
    await guest.leave_for_good()


ACTS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "look_around": look_around,
    "half_open": half_open,
    "log_in": log_in,
    "crowd": crowd,
    "attack": attack,
    "be_deaf": be_deaf,
}

if __name__ == "__main__":
    raise_limit()
    given: dict[str, Any] = json.loads(sys.argv[1])
    asyncio.run(ACTS[given.pop("do")](**given))
