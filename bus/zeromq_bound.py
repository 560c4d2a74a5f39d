"""A socket of a mesh that others connect to: opened, opened again with another key, and who failed at it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

import zmq

from bus.interface import BusStartError, Reason
from bus.zeromq_address import PortInUseError, joined, next_free, plain_host
from bus.zeromq_curve import FAILED, Key, reason_of
from bus.zeromq_door import Doorman
from bus.zeromq_drain import Happening, Monitor

AGAIN_SECONDS = 0.01
"""How soon a port that is not free yet is tried again."""

_WATCHED = zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | FAILED | zmq.EVENT_DISCONNECTED


class Bound:
    """One such socket."""

    def __init__(
        self,
        sock: zmq.Socket[bytes],
        refused: Callable[[str, Reason], None],
        doorman: Doorman | None,
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`refused` is told the host of who did not come through the handshake; empty where it is gone already."""
        self._doorman = doorman
        self.socket = sock
        self.host, self.port = "", 0
        self._refused, self._loop = refused, loop
        self._names: dict[int, tuple[str, int]] = {}
        """Descriptor of a connection to its host, and how many had come in when it began."""
        self._came_in = 0
        self._reason: Reason | None = None
        self._open = True
        # Before anybody can connect, so that none is missed.
        self._monitor = Monitor(sock, _WATCHED, self._on_event, loop=loop)

    def bind(self, host: str, port: int) -> int:
        """Listen on one port, 0 for any free one; returns it. Raises BusStartError."""
        try:
            if self._doorman is not None:
                port, descriptor = self._doorman.open(host, port)
                self.socket.setsockopt(zmq.USE_FD, descriptor)
            self.socket.bind(f"tcp://{joined(host, port)}")
        except (zmq.ZMQError, OSError) as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(host, port) from error
            reason = error.strerror
            raise BusStartError(f"The mesh cannot listen on {joined(host, port)}: {reason}.") from error
        self.host = host
        self.port = int(self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        return self.port

    def bind_next(self, host: str, port: int) -> int:
        """Listen on `port` or the next free one above it; returns it. Raises BusStartError where there is none."""
        return next_free(self.bind, host, port)

    def reopen(self, key: Key) -> None:
        """End all connections and take new ones with `key` alone, at the same port."""
        self.socket.unbind(f"tcp://{joined(self.host, self.port)}")
        key.serve(self.socket)
        self._bind_again()

    def _bind_again(self) -> None:
        """The port is free as soon as the thread of ZeroMQ has let go of it."""
        if not self._open:
            return
        if self._doorman is not None:
            self.socket.setsockopt(zmq.USE_FD, self._doorman.again(self.port))
        try:
            self.socket.bind(f"tcp://{joined(self.host, self.port)}")
        except zmq.ZMQError:
            self._loop.call_later(AGAIN_SECONDS, self._bind_again)

    def now(self) -> None:
        """See `Drain.now`."""
        self._monitor.now()

    def close(self) -> None:
        """Watch no more; the socket is left to its owner."""
        self._open = False
        self._monitor.close()

    def _on_event(self, told: Happening) -> None:
        event, value = int(told["event"]), int(told["value"])
        if event == zmq.EVENT_ACCEPTED:
            self._names[value] = _peer_of(value), self._came_in
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._came_in += 1
        elif event & FAILED:
            # Who it was follows at once, as the end of its connection.
            self._reason = reason_of(event, value)
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._came_in += 1
        else:
            host, came_in = self._names.pop(value, ("", -1))
            reason, self._reason = self._reason, None
            if reason is not None:
                self._refused(host, reason)
            elif came_in == self._came_in:
                # Nobody has come in since it began: of what is no greeting at all ZeroMQ says no more than this.
                self._refused(host, Reason.GARBAGE)


def _peer_of(descriptor: int) -> str:
    """The host at the other end of a connection of this process; empty where it has ended."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            return plain_host(str(copy.getpeername()[0]))
    except OSError:
        return ""
