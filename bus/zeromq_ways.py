"""The connections that a node makes: one to each peer alone, and to their streams, with the key that is right."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterable

import zmq

from bus.membership import Sighting
from bus.packets import KeyId
from bus.zeromq_curve import FAILED, Key, Ring
from bus.zeromq_drain import Happening, Monitor

AGAIN_TICKS = 8
"""1 s: how soon ZeroMQ is made to try again where it gave up, because who was there was no such mesh."""

FAILURES = 3
"""Handshakes that fail in a row before it is said that a peer does not let this node in."""

_GIVEN_UP = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
"""What ZeroMQ does not try again after."""
_WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | FAILED


@dataclasses.dataclass(frozen=True, slots=True)
class _Connection:
    """The way to one peer."""

    socket: zmq.Socket[bytes]
    monitor: Monitor
    key: Key | None


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """Who is told what becomes of connections, each by the address."""

    linked: Callable[[str], None]
    lost: Callable[[str], None]
    refused: Callable[[str], None]
    """The peer does not let this node in."""


class Ways:
    """All connections of one node. A key that turns out wrong is followed by the other one that holds."""

    def __init__(
        self,
        new_socket: Callable[[], zmq.Socket[bytes]],
        streams: tuple[zmq.Socket[bytes], ...],
        ring: Ring | None,
        told: Told,
        *,
        linger_ms: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`new_socket` makes one for a single peer; `streams` listen to each peer's endpoints, in their order."""
        self._new_socket, self._streams, self._ring, self._told = new_socket, streams, ring, told
        self._linger_ms, self._loop = linger_ms, loop
        self._connections: dict[str, _Connection] = {}
        self._failures: collections.Counter[str] = collections.Counter()
        self._nodes: dict[str, Sighting] = {}
        self._tries: dict[str, tuple[Key, tuple[KeyId, ...]]] = {}
        """By address: the key to try, and what the node there told when that was decided."""
        self._listening: collections.Counter[str] = collections.Counter()
        self._heard_with: dict[str, Key | None] = {}
        self._given_up: set[str] = set()
        """Where ZeroMQ tries no more: addresses of peers, and endpoints."""
        self._monitors = [Monitor(stream, _GIVEN_UP, self._on_stream_failed, loop=loop) for stream in streams]

    def __contains__(self, address: str) -> bool:
        return address in self._connections

    @property
    def addresses(self) -> list[str]:
        """Where it connects to."""
        return list(self._connections)

    def send(self, address: str, message: bytes) -> None:
        """Send to one peer; lost where there is no connection, or the queue is full."""
        connection = self._connections.get(address)
        # Asking what the socket is ready for, unlike sending, always works what its thread has told it meanwhile.
        if connection is not None and int(connection.socket.getsockopt(zmq.EVENTS)) & zmq.POLLOUT:
            with contextlib.suppress(zmq.Again):  # the connection was lost between asking and sending
                connection.socket.send(message, zmq.NOBLOCK)

    def link(self, address: str) -> None:
        """Connect, and keep trying."""
        sock, key = self._new_socket(), self._key_at(address)
        if key is not None:
            key.call(sock)

        def changed(told: Happening) -> None:
            event = int(told["event"])
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._failures.pop(address, None)
                self._told.linked(address)
            elif event == zmq.EVENT_DISCONNECTED:
                self._told.lost(address)
            else:
                if event & _GIVEN_UP:
                    self._given_up.add(address)
                self._on_failed(address)

        monitor = Monitor(sock, _WATCHED, changed, loop=self._loop)
        self._connections[address] = _Connection(sock, monitor, key)
        sock.connect(f"tcp://{address}")

    def unlink(self, address: str) -> None:
        """End that."""
        self._failures.pop(address, None)
        self._tries.pop(address, None)
        self._cut(address)

    def listen(self, endpoints: tuple[str, ...]) -> None:
        """Listen to the streams of a node."""
        address = next((seen.address for seen in self._nodes.values() if seen.endpoints == endpoints), "")
        for sock, endpoint in zip(self._streams, endpoints, strict=True):
            self._listening[endpoint] += 1
            if self._listening[endpoint] == 1:
                self._hear(sock, endpoint, self._key_at(address))

    def ignore(self, endpoints: tuple[str, ...]) -> None:
        """End that."""
        for sock, endpoint in zip(self._streams, endpoints, strict=True):
            self._listening[endpoint] -= 1
            if self._listening[endpoint] == 0:
                sock.disconnect(f"tcp://{endpoint}")
                self._heard_with.pop(endpoint, None)
                self._given_up.discard(endpoint)

    def see(self, nodes: Iterable[Sighting]) -> None:
        """These are the nodes that are known, and what they tell."""
        self._nodes = {seen.address: seen for seen in nodes}

    def follow(self, ticks: int) -> None:
        """Connect anew wherever the key is not right any more, and at times where ZeroMQ has given up."""
        again: set[str] = set()
        if ticks % AGAIN_TICKS == 0 and self._given_up:
            again, self._given_up = self._given_up, set()
        for seen in self._nodes.values():
            key = self._key_at(seen.address)
            for sock, endpoint in zip(self._streams, seen.endpoints, strict=False):
                if endpoint in self._heard_with and (self._heard_with[endpoint] != key or endpoint in again):
                    sock.disconnect(f"tcp://{endpoint}")
                    self._hear(sock, endpoint, key)
        for address, connection in list(self._connections.items()):
            if connection.key != self._key_at(address) or address in again:
                self._cut(address)
                self._told.lost(address)
                self.link(address)

    def now(self) -> None:
        """See `Drain.now`."""
        for monitor in [*self._monitors, *(connection.monitor for connection in self._connections.values())]:
            monitor.now()

    def close(self) -> None:
        """End all of them; the sockets of the streams are left to their owner."""
        for address in list(self._connections):
            self.unlink(address)
        for monitor in self._monitors:
            monitor.close()

    def _hear(self, sock: zmq.Socket[bytes], endpoint: str, key: Key | None) -> None:
        if key is not None:
            key.call(sock)
        self._heard_with[endpoint] = key
        sock.connect(f"tcp://{endpoint}")

    def _cut(self, address: str) -> None:
        connection = self._connections.pop(address, None)
        if connection is not None:
            connection.monitor.close()
            connection.socket.close(self._linger_ms)

    def _on_stream_failed(self, told: Happening) -> None:
        endpoint = bytes(told["endpoint"]).decode(errors="replace")
        self._given_up.add(endpoint.removeprefix("tcp://"))

    def _on_failed(self, address: str) -> None:
        """A handshake with the node there failed."""
        self._failures[address] += 1
        if self._failures[address] == FAILURES:
            self._told.refused(address)
        connection = self._connections.get(address)
        # Once may only have been the door there, which cuts whom it does not expect.
        twice = self._failures[address] % 2 == 0
        if twice and self._ring is not None and connection is not None and connection.key is not None:
            other = self._ring.after(connection.key)
            if other != connection.key:
                self._tries[address] = other, self._keys_told(address)  # it follows at the next tick

    def _keys_told(self, address: str) -> tuple[KeyId, ...]:
        seen = self._nodes.get(address)
        return seen.keys if seen is not None else ()

    def _key_at(self, address: str) -> Key | None:
        """The key to connect with: the one to be tried, until the node tells something else; else as it told."""
        if self._ring is None:
            return None
        told = self._keys_told(address)
        tried, when_told = self._tries.get(address, (None, ()))
        if tried is not None and tried in self._ring.keys and when_told == told:
            return tried
        return self._ring.find(told) or self._ring.keys[0]
