"""Repeats what a client says: through our connections, or through a plain server of `websockets` to compare.

    python -m tests.autobahn.echo ours|websockets

Prints the URL, and ends with standard input. Our connections are those of a node, with all that they do themselves;
only the conversation on them is another one, and messages may be longer, as the suite wants them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bus.keys import Identity
from bus.memory import MemoryNetwork
from server import connection
from server.closing import Closing
from server.config import Config
from server.gateway import Gateway
from server.identity import Key, Tokens
from server.link import State
from server.node import Node
from server.wire import native
from server.wire.websocket import binary_frame, text_frame

LONGEST = 32 << 20
"""The suite sends messages of 16 MiB."""


class Echo:
    """Stands where a conversation does (`server.conversation.Conversation`)."""

    def __init__(self, node: Node, link: connection.Connection) -> None:
        self.state = State.LIVE
        self._link = link

    def hear_text(self, data: bytes) -> None:
        self._link.outbox.text(text_frame(data))

    def hear_voice(self, frame: bytes) -> None:
        self._link.outbox.text(binary_frame(frame))

    def cut(self, closing: Closing) -> None:
        self._link.close(closing)

    def close_if_silent(self) -> float:
        return 0.0

    def lost(self, reason: str) -> None:
        pass

    def go_on(self) -> None:
        pass

    def measured(self, round_trip: float) -> None:
        pass


async def ours(folder: Path) -> str:
    """Serve by the gateway of a node; returns the URL."""
    changes: tuple[tuple[Any, str, object], ...] = (
        (native, "TEXT_BYTES", LONGEST),
        (native, "BINARY_BYTES", LONGEST),
        (connection, "TEXT_LIMIT", 2 * LONGEST),
        (connection, "Conversation", Echo),
    )
    for module, name, value in changes:
        setattr(module, name, value)
    config = Config(name="echo", port=0, bus="memory", data_dir=folder, voice_fps=0)
    bus = MemoryNetwork().bus(Identity("0" * 16, 1), bounds=config.bounds)
    node = Node(config, bus, Tokens(Key("HS256", bytes(32))))
    host, port = await Gateway(node, config).listen()
    return f"ws://{host}:{port}/ws"


async def plain() -> str:
    """Serve by the library alone; returns the URL."""

    async def repeat(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    server = await serve(repeat, "127.0.0.1", 0, max_size=LONGEST, compression=None, ping_interval=None)
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"


async def main(which: str) -> None:
    """Serve until standard input ends."""
    with tempfile.TemporaryDirectory(prefix="autobahn-") as folder:
        url = await (ours(Path(folder)) if which == "ours" else plain())
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
        ended = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
        await ended.read()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
