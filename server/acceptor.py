"""Takes connections from the listening sockets of a node, and turns away cheaply those that it must not keep."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from server import web
from server.addresses import network_of
from server.connection import Connection
from server.connection_http import write_reply
from server.entrance import Entrance, Refusal
from server.tasks import Tasks

logger = logging.getLogger(__name__)

BACKLOG = 128
"""Connections that the system keeps until they are taken: more would only wait where nobody counts them."""
TAKEN_AT_ONCE = 64
"""Connections taken in one turn of the loop, before others are served."""
AGAIN_SECONDS = 0.2
"""When it is tried again to take connections, where the system gave no socket for one."""
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SENTENCES = {
    Refusal.FULL: (HTTPStatus.SERVICE_UNAVAILABLE, "this node is full, try another one or later"),
    Refusal.DESCRIPTORS: (HTTPStatus.SERVICE_UNAVAILABLE, "this node is full, try another one or later"),
    Refusal.ADDRESS: (HTTPStatus.TOO_MANY_REQUESTS, "too many connections from your address are open"),
    Refusal.RATE: (HTTPStatus.TOO_MANY_REQUESTS, "too many connections from your address, wait a little"),
}
REPLIES = {
    refusal: web.plain(status, sentence, **{"Retry-After": "2"}) for refusal, (status, sentence) in _SENTENCES.items()
}
"""What those hear who are turned away."""


class Acceptor:
    """The listening sockets of one node."""

    def __init__(
        self,
        entrance: Entrance[Connection],
        new_connection: Callable[[], Connection],
        *,
        now: Callable[[], float],
        tls: Callable[[Connection], asyncio.Protocol] | None = None,
        trusts: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`tls` puts TLS between a socket and its connection; None: there is none.

        `trusts` tells a proxy by its address: who is behind it is counted once that is known.
        """
        self._entrance = entrance
        self._new_connection = new_connection
        self._now = now
        self._tls = tls
        self._trusts = trusts
        self._loop: asyncio.AbstractEventLoop
        self._listeners: list[socket.socket] = []
        self._tasks = Tasks()
        self._beginning: dict[Connection, asyncio.Task[Any]] = {}
        """Those that have no transport yet."""
        self._spare: int | None = None
        """A descriptor that is given up to take, and turn away, a connection when there is no other."""
        self._paused: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Bind `host` and begin; returns address and port. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self._listeners = await _bind(self._loop, host, port)
        self._keep_spare()
        self._watch()
        address = self._listeners[0].getsockname()
        return str(address[0]), int(address[1])

    async def close(self) -> None:
        """Take nobody any more, and cut who has only begun."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
        for listener in self._listeners:
            self._loop.remove_reader(listener.fileno())
            listener.close()
        self._listeners = []
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        await self._tasks.cancel()

    def cut(self, connection: Connection) -> None:
        """End a connection that has only begun, or a later one."""
        task = self._beginning.get(connection)
        if task is not None:
            task.cancel()
        connection.abort()

    def _watch(self) -> None:
        self._paused = None
        for listener in self._listeners:
            self._loop.add_reader(listener.fileno(), self._take, listener)

    def _take(self, listener: socket.socket) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                taken, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _NO_DESCRIPTOR:
                    self._turn_some_away(listener)
                return  # of a connection that is gone already; the next is taken in the next turn
            self._admit(taken, str(address[0]))

    def _admit(self, taken: socket.socket, ip: str) -> None:
        taken.setblocking(False)
        address, now = "" if self._trusts(ip) else network_of(ip), self._now()
        refusal = self._entrance.refuses(address, now)
        if refusal is not None:
            self._turn_away(taken, refusal)
            return
        connection = self._new_connection()
        gone = self._entrance.enter(connection, address, now)
        if gone is not None:
            self.cut(gone)
        task = self._tasks.start(self._begin(taken, connection), name="connection")
        self._beginning[connection] = task
        task.add_done_callback(lambda _: self._beginning.pop(connection, None))

    async def _begin(self, taken: socket.socket, connection: Connection) -> None:
        """Make a transport, which calls the connection from then on. What fails is the client's matter."""
        protocol = connection if self._tls is None else self._tls(connection)
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, taken)
        except OSError:
            pass
        finally:
            if not connection.is_made:
                self._entrance.leave(connection)
                taken.close()

    # Those who are turned away.

    def _turn_away(self, taken: socket.socket, refusal: Refusal) -> None:
        with contextlib.suppress(OSError):
            if self._tls is None:
                taken.send(write_reply(REPLIES[refusal]))
        taken.close()

    def _turn_some_away(self, listener: socket.socket) -> None:
        """The system gives no descriptor: by the spare one tell those who wait, then wait a little."""
        for _ in range(TAKEN_AT_ONCE):
            if self._spare is None:
                break
            os.close(self._spare)
            self._spare = None
            try:
                taken, peer = listener.accept()
            except OSError:  # nobody waits any more, or another was quicker
                break
            self._turn_away(taken, Refusal.DESCRIPTORS)
            self._entrance.turn_away(network_of(str(peer[0])), Refusal.DESCRIPTORS, self._now())
            self._keep_spare()
        self._keep_spare()
        if self._paused is None:
            for each in self._listeners:
                self._loop.remove_reader(each.fileno())
            self._paused = self._loop.call_later(AGAIN_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._keep_spare()
        self._watch()

    def _keep_spare(self) -> None:
        if self._spare is None:
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)


async def _bind(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of `host`. Raises OSError."""
    try:  # a numeric address needs no thread that looks it up
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, kind, proto, _, address in dict.fromkeys(found):
            listener = socket.socket(family, kind, proto)
            listeners.append(listener)
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners
