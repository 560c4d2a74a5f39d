"""Reads ZeroMQ sockets and their monitors from an event loop by hand, eight times as fast as by futures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, TypedDict, TypeVar

import zmq
from zmq.utils.monitor import parse_monitor_message

TURN_MESSAGES, TURN_SECONDS = 256, 0.001
"""How much is read in one turn of the loop before others have theirs."""

_log = logging.getLogger("switchboard.bus")

T = TypeVar("T")


class Drain(Generic[T]):
    """Hands every message of one socket to `handle`.

    A socket's descriptor only tells of edges, and any call on the socket may swallow one. So it is read until empty,
    `soon` must follow every other call on the same socket, and `now` must be called every 250 ms in any case.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        receive: Callable[[int], T],
        handle: Callable[[T], None],
        *,
        loop: asyncio.AbstractEventLoop,
        first: Drain[bytes] | None = None,
    ) -> None:
        self._receive, self._handle, self._loop, self._first = receive, handle, loop, first
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._due = False
        self._open = True
        loop.add_reader(self._descriptor, self._ready)
        self.soon()

    def soon(self) -> None:
        """Read at the end of this turn."""
        if not self._due:
            self._due = True
            self._loop.call_soon(self._again)

    def now(self) -> None:
        """Read what is there, within the bounds of a turn; the rest follows in the next."""
        if not self._open:
            return
        receive, handle = self._receive, self._handle
        until = time.monotonic() + TURN_SECONDS
        try:
            for _ in range(TURN_MESSAGES):
                handle(receive(zmq.NOBLOCK))
                if time.monotonic() > until:
                    break
        except zmq.Again:
            return
        except Exception:
            _log.exception("a message from the mesh could not be worked")
        self.soon()

    def close(self) -> None:
        """Read no more; call it before the socket is closed."""
        self._open = False
        self._loop.remove_reader(self._descriptor)

    def _ready(self) -> None:
        if self._first is not None:
            self._first.now()
        self.now()

    def _again(self) -> None:
        self._due = False
        self._ready()


class Happening(TypedDict):
    """What a monitor tells: `value` is a descriptor or says why, `endpoint` is where."""

    event: int
    value: int
    endpoint: bytes


class Monitor:
    """Hands what ZeroMQ tells of the connections of one socket to `handle`, these `events` alone."""

    def __init__(
        self,
        watched: zmq.Socket[bytes],
        events: int,
        handle: Callable[[Happening], None],
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Made before the socket is bound or connected, it misses none."""
        self._watched = watched
        self._socket = watched.get_monitor_socket(events)
        self._drain = Drain(
            self._socket, self._socket.recv_multipart, lambda parts: handle(parse_monitor_message(parts)), loop=loop
        )

    def now(self) -> None:
        """See `Drain.now`."""
        self._drain.now()

    def close(self) -> None:
        """Watch no more; call it before the watched socket is closed, which is left to its owner."""
        self._drain.close()
        self._watched.disable_monitor()
        self._socket.close(0)
