"""Clients written from protocol.md alone: one that speaks it well, and one that speaks whatever bytes it is told."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

PATIENCE = 20.0
"""Seconds after which a test gives up; a bound on failure, never a measure."""

Event = dict[str, Any]

VOICE = struct.Struct("!BBBBIHHI")
FIRST, LAST = 0x01, 0x02


def frame(
    ssrc: int,
    *,
    kind: int = 0x51,
    flags: int = 0,
    level: int = 0x80 | 40,
    codec: int = 0x02,
    seq: int = 0,
    target: int = 0,
    ts: int = 0,
    packet: bytes = b"opus",
) -> bytes:
    """A voice frame of protocol.md section 6."""
    return VOICE.pack(kind, flags, level, codec, ssrc, seq, target, ts) + packet


class Guest:
    """A client: what it receives is kept in order until it is taken."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.unread: deque[Event | bytes] = deque()
        self.welcome: Event = {}
        self.token = ""
        """The newest resume token."""
        self.cursors: dict[str, int] = {}
        """With the token all that a client needs to resume."""
        self._ids = itertools.count(1)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        subprotocols: tuple[str, ...] = ("switchboard.v1",),
        origin: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Open a WebSocket and say nothing."""
        return cls(
            await connect(
                url,
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                origin=None if origin is None else Origin(origin),
                compression=None,
                max_size=None,
                proxy=None,
                ping_interval=None,
                open_timeout=PATIENCE,
                ssl=tls or blind(url),
            )
        )

    @classmethod
    async def enter(cls, url: str, **hello: Any) -> Self:
        """Open a WebSocket and be welcomed."""
        guest = await cls.connect(url)
        guest.welcome = await guest.ask("hello", **hello)
        assert guest.welcome["type"] == "welcome", guest.welcome
        return guest

    @classmethod
    async def resume(cls, url: str, resume: str, cursors: dict[str, int], /, **hello: Any) -> Self:
        """Open a WebSocket and go on with a session; returns when it is live. What was missed is unread."""
        guest = await cls.connect(url)
        guest.cursors = dict(cursors)
        guest.welcome = await guest.ask("hello", resume=resume, cursors=cursors, **hello)
        assert guest.welcome["type"] == "welcome", guest.welcome
        await guest.next("live")
        return guest

    async def come_again(self, url: str, **hello: Any) -> Self:
        """Resume at `url`, by the token and the cursors that this one kept."""
        return await self.resume(url, self.token, self.cursors, **hello)

    @property
    def session(self) -> str:
        return str(self.welcome["session"])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.leave_for_good()

    async def leave_for_good(self, code: int = 1000) -> None:
        """Close with `code`."""
        await self.socket.close(code)

    def vanish(self) -> None:
        """Be gone without a close frame."""
        self.socket.transport.abort()

    async def send(self, type: str, **fields: Any) -> None:
        """Send one request."""
        await self.socket.send(json.dumps({"type": type, **fields}))

    async def send_raw(self, message: str | bytes) -> None:
        """Send one text or binary message as it is."""
        await self.socket.send(message)

    async def ask(self, type: str, **fields: Any) -> Event:
        """Send a request and wait for its answer, which may be an error."""
        id = fields.setdefault("id", f"ask-{next(self._ids)}")
        await self.send(type, **fields)
        return await self.answer(id)

    async def answer(self, id: str | int) -> Event:
        """The next message with this id that is no message or whisper of somebody else."""
        answer = await self.take(
            lambda event: (
                isinstance(event, dict)
                and "from" not in event
                and "id" in event
                and type(event["id"]) is type(id)
                and event["id"] == id
            )
        )
        assert isinstance(answer, dict)
        return answer

    async def join(self, room: str = "lobby") -> Event:
        """Be in a room."""
        joined = await self.ask("join", room=room)
        assert joined["type"] == "joined", joined
        return joined

    async def say(self, text: str, room: str = "lobby") -> Event:
        """Say something, and wait until it is `sent`."""
        sent = await self.ask("say", room=room, text=text)
        assert sent["type"] == "sent", sent
        return sent

    async def whisper(self, text: str, **to: str) -> Event:
        """Whisper, and wait until it is `sent`."""
        sent = await self.ask("whisper", to=to, text=text)
        assert sent["type"] == "sent", sent
        return sent

    async def next(self, type: str, **having: Any) -> Event:
        """The next event of this type that has these values."""
        event = await self.take(
            lambda event: (
                isinstance(event, dict)
                and event["type"] == type
                and all(event.get(key) == value for key, value in having.items())
            )
        )
        assert isinstance(event, dict)
        return event

    async def voice(self) -> bytes:
        """The next voice frame."""
        heard = await self.take(lambda event: isinstance(event, bytes))
        assert isinstance(heard, bytes)
        return heard

    async def take(self, fits: Callable[[Event | bytes], bool]) -> Event | bytes:
        """The first message that fits; what came before it stays unread."""
        for index, message in enumerate(self.unread):
            if fits(message):
                del self.unread[index]
                return message
        async with asyncio.timeout(PATIENCE):
            while True:
                data = await self.socket.recv()
                message = json.loads(data) if isinstance(data, str) else data
                self._keep(message)
                if fits(message):
                    return message
                self.unread.append(message)

    def _keep(self, message: Event | bytes) -> None:
        """Note what a client keeps for a resume."""
        if isinstance(message, bytes):
            return
        self.token = message.get("resume", self.token)
        seen = message.get("cursors") or ({message["origin"]: message["seq"]} if "origin" in message else {})
        for origin, seq in seen.items():
            self.cursors[origin] = max(seq, self.cursors.get(origin, 0))

    async def settle(self) -> None:
        """Wait until all that this node had for this client before now has arrived."""
        await self.ask("leave", room="nowhere")

    def seen(self, type: str) -> list[Event]:
        """The unread events of a type."""
        return [event for event in self.unread if isinstance(event, dict) and event["type"] == type]

    def heard(self) -> list[bytes]:
        """The unread voice frames."""
        return [event for event in self.unread if isinstance(event, bytes)]

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the close frame of the node: code and reason. What comes before it stays unread."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    data = await self.socket.recv()
                    self.unread.append(json.loads(data) if isinstance(data, str) else data)
                    self._keep(self.unread[-1])
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


class Wire:
    """A TCP connection to a node's port, for bytes that no library would send."""

    TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader = reader
        self.writer = writer
        self.host = host

    async def send(self, data: bytes) -> None:
        """Send bytes; that nobody takes them any more is no fault here."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def shake_hands(self) -> None:
        """Become a WebSocket."""
        await self.send(upgrade(self.host))
        head = await self.head()
        assert head.startswith(b"HTTP/1.1 101 "), head

    async def head(self) -> bytes:
        """Read the head of an HTTP answer."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """Read until the node ends the connection; a reset counts as an end."""
        data = b""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while chunk := await self.reader.read(1 << 16):
                    data += chunk
        return data

    async def read_frame(self) -> tuple[int, bytes]:
        """Read one frame: opcode and payload. Raises IncompleteReadError at the end."""
        async with asyncio.timeout(PATIENCE):
            first, size = await self.reader.readexactly(2)
            assert first & 0x80, "the node fragments nothing"
            assert size < 0x80, "the node masks nothing"
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def read_message(self) -> Event:
        """Read one text message; pings are answered."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == self.PING:
                await self.send(masked(self.PONG, payload))
            elif opcode == self.TEXT:
                return dict(json.loads(payload))
            else:
                raise AssertionError(f"opcode {opcode}: {payload!r}")

    async def close_code(self) -> int:
        """Read until the close frame; returns its code."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == self.CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def say_hello(self, **hello: Any) -> Event:
        """Shake hands and be welcomed."""
        await self.shake_hands()
        await self.send(masked(self.TEXT, json.dumps({"type": "hello", **hello}).encode()))
        return await self.read_message()


def blind(url: str) -> ssl.SSLContext | None:
    """What a client needs for `url` that does not ask whom it speaks with; tests of that bring their own."""
    return _blind() if url.startswith(("wss:", "https:")) else None


@functools.cache
def _blind() -> ssl.SSLContext:
    """One for all, without the certificates of this machine: to read those takes longer than a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def upgrade(host: str, *, key: str = "AAAAAAAAAAAAAAAAAAAAAA==", **headers: str) -> bytes:
    """The request that makes a WebSocket of a connection; underscores in names of headers become dashes."""
    lines = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return ("GET /ws HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode()


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """One frame as a client must send it (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes((fin << 7 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((fin << 7 | opcode, 0x80 | 126)) + struct.pack("!H", size)
    else:
        head = bytes((fin << 7 | opcode, 0x80 | 127)) + struct.pack("!Q", size)
    mask = os.urandom(4)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


@contextlib.asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A TCP connection to the host and port of `url`, within the block."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 22, ssl=blind(url))
    if (limit := getattr(writer.transport, "set_read_buffer_limits", None)) is not None:
        limit(4096)  # who pauses reading shall not read on into buffers of asyncio's TLS
    try:
        yield Wire(reader, writer, parts.netloc)
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def fetch(url: str, path: str, *, method: str = "GET", body: bytes = b"", **headers: str) -> Answered:
    """Send one HTTP request with `path` exactly as it is."""
    async with wire(url) as connection:
        lines = {"Host": connection.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body:
            lines["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
        await connection.send(head.encode("latin-1") + body)
        return Answered(await connection.rest())


class Answered:
    """An HTTP answer, taken apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        assert status.startswith("HTTP/1.1 "), data
        self.status = int(status.split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@contextlib.asynccontextmanager
async def speaking(guest: Guest, ssrc: int, *, target: int = 0) -> AsyncIterator[None]:
    """Let `guest` speak within the block, 50 frames a second, as long as its socket takes them."""

    async def speak() -> None:
        with contextlib.suppress(ConnectionClosed):
            for seq in itertools.count():
                flags = FIRST if seq == 0 else 0
                await guest.send_raw(frame(ssrc, seq=seq & 0xFFFF, flags=flags, target=target))
                await asyncio.sleep(0.02)

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
