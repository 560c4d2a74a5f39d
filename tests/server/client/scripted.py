"""Nodes whose every word a test says, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from server.client.line import SUBPROTOCOL

PATIENCE = 30.0

Message = dict[str, Any]

STATE = {"locked": False, "capacity": 50, "slow_seconds": 0, "title": "", "speakers": 8, "muted": False}


class Call:
    """One connection that a client has made, and its hello."""

    def __init__(self, node: Scripted, socket: ServerConnection, hello: Message) -> None:
        self.node = node
        self.socket = socket
        self.hello = hello

    async def send(self, type: str, **fields: Any) -> None:
        """Send one message."""
        await self.socket.send(json.dumps({"type": type, **fields}))

    async def send_frame(self, frame: bytes) -> None:
        """Send a voice frame."""
        await self.socket.send(frame)

    async def read(self) -> Message | bytes:
        """The next message of the client."""
        async with asyncio.timeout(PATIENCE):
            data = await self.socket.recv()
        return data if isinstance(data, bytes) else dict(json.loads(data))

    async def request(self, type: str) -> Message:
        """The next message of the client, which is a request of this type."""
        message = await self.read()
        assert isinstance(message, dict), message
        assert message["type"] == type, message
        return message

    async def welcome(self, **changes: Any) -> None:
        """Answer the hello."""
        urls = [self.node.url, *(other.url for other in self.node.others)]
        welcome = {
            "session": "s",
            "user": "ann",
            "name": "Ann",
            "role": "user",
            "node": self.node.name,
            "resume": "token-1",
            "resume_seconds": 300,
            "urls": urls,
            "limits": {},
            "cursors": {},
            "recovered": None,
            "server": "scripted/1.0",
        }
        await self.send("welcome", id=self.hello["id"], **(welcome | changes))

    async def resume(self, *rooms: str, live: bool = True, **changes: Any) -> None:
        """Answer a hello that resumes, and send nothing that was missed."""
        cursors = self.hello["cursors"]
        given = {"recovered": True, "cursors": cursors, "rooms": [joined(room, cursors=cursors) for room in rooms]}
        await self.welcome(**(given | changes))
        if live:
            await self.send("live")

    async def answer_join(self, ssrc: int = 1, **cursors: int) -> None:
        """Let the client into the room that it asks for next."""
        request = await self.request("join")
        await self.send(**joined(request["room"], ssrc, cursors=cursors), id=request["id"])

    async def sent(self, request: Message, seq: int = 1) -> None:
        """Answer a text."""
        await self.send("sent", id=request["id"], origin="o.1", seq=seq, at=1, copies=2)

    async def refuse(self, code: str, *, close: int | None = None, **fields: Any) -> None:
        """Answer the hello with an error."""
        await self.send("error", id=self.hello["id"], code=code, message="because", **fields)
        if close is not None:
            await self.close(close)

    async def hello_again(self) -> None:
        """Read another hello on the same connection."""
        self.hello = await self.request("hello")

    async def close(self, code: int = 1012, reason: str = "") -> None:
        """Close the connection."""
        await self.socket.close(code, reason)

    def cut(self) -> None:
        """End the connection without a word."""
        self.socket.transport.abort()

    async def closed(self) -> int | None:
        """Wait for its end; returns the close code that the client gave."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
            await self.socket.wait_closed()
        return self.socket.close_code


class Scripted:
    """A port on which a test answers each client by hand."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.others: list[Scripted] = []
        self.url = ""
        self._calls: asyncio.Queue[Call] = asyncio.Queue()

    async def call(self) -> Call:
        """The next connection on which a client has said hello."""
        async with asyncio.timeout(PATIENCE):
            return await self._calls.get()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody has called whom the test has not answered."""
        return self._calls.empty()

    async def take(self, socket: ServerConnection) -> None:
        """Keep a connection until its end."""
        with contextlib.suppress(ConnectionClosed):
            self._calls.put_nowait(Call(self, socket, json.loads(await socket.recv())))
        await socket.wait_closed()

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[None]:
        """Listen within the block."""
        async with serve(
            self.take, "127.0.0.1", port, subprotocols=[SUBPROTOCOL], compression=None, ping_interval=None
        ) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
            yield


@contextlib.asynccontextmanager
async def scripted(*names: str) -> AsyncIterator[list[Scripted]]:
    """Nodes of these names that know of each other, within the block."""
    nodes = [Scripted(name) for name in names]
    async with contextlib.AsyncExitStack() as stack:
        for node in nodes:
            await stack.enter_async_context(node.serving())
        for node in nodes:
            node.others = [other for other in nodes if other is not node]
        yield nodes


def joined(room: str, ssrc: int = 1, *, cursors: dict[str, int] | None = None) -> Message:
    """What a client is told that enters a room."""
    return {
        "type": "joined",
        "room": room,
        "ssrc": ssrc,
        "members": [],
        "history": [],
        "room_state": STATE,
        "cursors": cursors or {},
    }


def said(text: str, seq: int, *, id: str | int, origin: str = "o.1", session: str = "other") -> Message:
    """A text of somebody else."""
    return {
        "type": "message",
        "room": "lobby",
        "origin": origin,
        "seq": seq,
        "id": id,
        "at": 1,
        "from": {"session": session, "user": "bob", "name": "Bob"},
        "text": text,
    }
