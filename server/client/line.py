"""One connection to one node, which gives each message to its client as it comes, without waking a task for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event as WireEvent
from websockets.typing import Subprotocol

from server.client.events import Closed

SUBPROTOCOL = Subprotocol("switchboard.v1")
MESSAGE_BYTES = 16 * 1024 * 1024
"""The longest message taken from a node: `joined` of a full room with long texts."""
OPEN_SECONDS = 10.0
PING_SECONDS, PONG_SECONDS = 5.0, 8.0
"""A node that says nothing is asked every so often, and given up when it has not answered for so long."""
CLOSE_SECONDS = 3.0
TIMER_SECONDS = 0.002
"""A timer may wake by so much too early: some loops count whole milliseconds."""
NO_NODE = (OSError, InvalidHandshake, TimeoutError)
"""What `Client.open` raises where no node answers."""
NOT_THERE = (*NO_NODE, InvalidURI)
"""What connecting to a URL that another node gave may raise."""

Take = Callable[[bytes, bool], None]
"""What becomes of a message; the second tells whether it is binary."""


class Line(ClientConnection):
    """A connection; `ended` tells how it ended once it has."""

    def __init__(self, protocol: ClientProtocol, *, take: Take, over: Callable[[], None], **options: Any) -> None:
        super().__init__(protocol, **options)
        self._take = take
        self._over = over
        self._pieces: list[bytes] = []
        self._is_voice = False
        self.ended: Closed | None = None

    def hush(self, over: Callable[[], None] | None = None) -> None:
        """Read nothing more from it; it stays open until its node closes it, and then only `over` is called."""
        self._take = _drop
        self._over = over or _ignore

    def cut(self) -> None:
        """End it without a word."""
        self.transport.abort()

    async def ends_within(self, seconds: float) -> bool:
        """Wait for its end, `seconds` at most; returns whether it has come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait_closed()
        return self.ended is not None

    async def write(self, message: bytes | str) -> bool:
        """Send a message, text or binary; returns whether it could be."""
        try:
            await self.send(message)
        except ConnectionClosed:
            return False
        return True

    def process_event(self, event: WireEvent) -> None:
        """Take what has come."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
        else:
            if event.opcode is not Opcode.CONT:
                self._is_voice = event.opcode is Opcode.BINARY
            self._pieces.append(bytes(event.data))
            if event.fin:
                message = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces.clear()
                self._take(message, self._is_voice)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how it ended."""
        super().connection_lost(exc)
        self.ended = Closed(self.close_code or 1006, self.close_reason or "")
        self._over()


class LongLine(Line):
    """A connection on which each piece comes so many seconds later, in order."""

    def __init__(self, protocol: ClientProtocol, *, distance: Callable[[], float], **options: Any) -> None:
        super().__init__(protocol, **options)
        self._distance = distance
        self._under_way: deque[tuple[float, bytes]] = deque()

    def data_received(self, data: bytes) -> None:
        """Keep what has come until its time."""
        due = self.loop.time() + self._distance()
        if self._under_way:
            due = max(due, self._under_way[-1][0])
        else:
            self.loop.call_at(due, self._arrive)
        self._under_way.append((due, data))

    def _arrive(self, *, all: bool = False) -> None:
        now = self.loop.time() + TIMER_SECONDS
        while self._under_way and (all or self._under_way[0][0] <= now):
            super().data_received(self._under_way.popleft()[1])
        if self._under_way:
            self.loop.call_at(self._under_way[0][0], self._arrive)

    def eof_received(self) -> None:
        """End, after what is still under way."""
        self._arrive(all=True)
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, after what is still under way."""
        self._arrive(all=True)
        super().connection_lost(exc)


async def dial(
    url: str,
    *,
    take: Take,
    over: Callable[[], None],
    distance: Callable[[], float] | None = None,
    timeout: float = OPEN_SECONDS,
) -> Line:
    """Connect to `url`; what comes is given to `take`, and `over` is called at its end.

    Raises what `NOT_THERE` lists. With a `distance` the line is as long as that of somebody far away: asked for each
    piece that comes, it gives the seconds until the piece is there.
    """
    make: Callable[..., Line] = partial(Line, take=take, over=over)
    if distance is not None:
        make = partial(LongLine, take=take, over=over, distance=distance)
    line = await connect(
        url,
        subprotocols=[SUBPROTOCOL],
        compression=None,
        max_size=MESSAGE_BYTES,
        proxy=None,
        open_timeout=timeout,
        ping_interval=PING_SECONDS,
        ping_timeout=PONG_SECONDS,
        close_timeout=CLOSE_SECONDS,
        create_connection=cast(type[ClientConnection], make),
    )
    assert isinstance(line, Line)
    return line


def _drop(message: bytes, is_voice: bool) -> None:
    """Take nothing."""


def _ignore() -> None:
    """Do nothing."""
