"""The connection of one of the people of a load: what comes is given at once, as there are thousands a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosedError
from websockets.protocol import State
from websockets.typing import Subprotocol

TEXT, BINARY = 0x81, 0x82
"""How an unfragmented message begins."""

Take = Callable[[str | bytes], None]


class Line(ClientConnection):
    """A connection that reads messages by itself and leaves the rest, such as pings, to the library."""

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self._first: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._take: Take = self._first.put_nowait
        self._rest = b""
        self._failed: Exception | None = None

    async def first(self) -> str | bytes:
        """The next message, before `give_to`. Raises ConnectionClosedError at the end."""
        message = await self._first.get()
        if message is None:
            raise ConnectionClosedError(None, None)
        return message

    async def give_to(self, take: Take) -> None:
        """Give all that comes from now on to `take`, until the end."""
        self._take = self._careful(take)
        while not self._first.empty():
            if (message := self._first.get_nowait()) is not None:
                take(message)
        await self.wait_closed()
        if self._failed is not None:
            raise self._failed

    def _careful(self, take: Take) -> Take:
        """What a connection gives messages to: a fault there is raised by `give_to`, and is the end."""

        def taken(message: str | bytes) -> None:
            try:
                take(message)
            except Exception as error:
                self._failed = self._failed or error
                self.transport.abort()

        return taken

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self.protocol.state is State.CONNECTING:
            super().data_received(data)
            return
        data, at = self._rest + data, 0
        while len(data) - at >= 2:
            size, start = data[at + 1], at + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(data[at + 2 : start], "big")
            if start + size > len(data):
                break
            first, payload = data[at], data[start : start + size]
            if first == BINARY:
                self._take(payload)
            elif first == TEXT:
                self._take(payload.decode())
            else:
                super().data_received(data[at : start + size])
            at = start + size
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for a first message that none comes."""
        super().connection_lost(exc)
        self._first.put_nowait(None)


async def dial(url: str) -> Line:
    """Connect to a node."""
    line = await connect(
        url,
        subprotocols=[Subprotocol("switchboard.v1")],
        compression=None,
        max_size=None,
        proxy=None,
        create_connection=cast(type[ClientConnection], Line),
    )
    assert isinstance(line, Line)
    return line
