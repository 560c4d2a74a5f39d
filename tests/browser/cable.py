"""A cable between a page and its node, which can be cut."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from tests.browser.nodes import RunningNode


class Cable:
    """A port of its own that leads to the port of a node."""

    def __init__(self, node: RunningNode) -> None:
        self.node = node
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()

    @property
    def http(self) -> str:
        """Where the page comes from through this cable."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """End all connections without a word; new ones are let through."""
        for wire in self._wires:
            wire.transport.abort()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(self.node.port))
        ends = {writer, far_writer}
        self._wires |= ends
        await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        self._wires -= ends


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()
