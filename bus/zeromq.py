"""The bus over a ZeroMQ mesh: which socket carries what, and with which options."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
from collections.abc import Callable, Sequence

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.casts import KEY_BYTES, STALE_MS, Ages, key_of, pack, unpack
from bus.engine import Engine
from bus.interface import Bounds, BusStartError, Listener
from bus.keys import Identity
from bus.membership import TICK_SECONDS
from bus.packets import Packet, decode, encode
from bus.zeromq_address import DEFAULT_PORT, bind, bind_next, joined, loopback, peer_address, reachable
from bus.zeromq_drain import Drain

MESSAGE_BYTES = 1 << 20
"""No message is longer; a connection that sends one is cut."""

LINGER_MS = 500
"""How long what is queued may still go out after `stop`."""

RECORD_BATCHES, VOICE_BATCHES, CONTROL_PACKETS = 10_000, 200, 2_000
"""What may wait to go to each peer. What does not fit is lost: records are repaired, voice is not."""

UNREAD = 100_000
"""Messages of each peer that may wait for a loop that is held. A queue that is full misses heart-beats, and when its
connection ends for that, libzmq 4.3.5 ends the process (its issue 3937): so this is more than a held loop meets."""

TOPICS = 100_000
"""Topics that peers may want."""

_OPTIONS = {
    zmq.MAXMSGSIZE: MESSAGE_BYTES,
    zmq.LINGER: LINGER_MS,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.HEARTBEAT_TTL: 3000,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.CONNECT_TIMEOUT: 500,  # a lost SYN costs this, not the second after which TCP repeats it
    zmq.RECONNECT_IVL: 100,
    zmq.RECONNECT_IVL_MAX: 200,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 30,
    zmq.TCP_KEEPALIVE_INTVL: 10,
    zmq.TCP_KEEPALIVE_CNT: 3,
}

_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH


@dataclasses.dataclass(frozen=True, slots=True)
class _Connection:
    """The way to one peer."""

    socket: zmq.Socket[bytes]
    monitor: zmq.Socket[bytes]
    drain: Drain[list[bytes]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Sockets:
    """What an open mesh has, but for the connections to single peers."""

    context: zmq.Context[zmq.Socket[bytes]]
    inbox: zmq.Socket[bytes]
    """ROUTER, bound at the mesh address: what peers send to this node alone. It never answers on it."""
    records: zmq.Socket[bytes]
    """PUB, bound: records and digests to all."""
    voice: zmq.Socket[bytes]
    """XPUB, bound: casts; tells which topics are wanted."""
    heard_records: zmq.Socket[bytes]
    """SUB, connected to every peer's `records`."""
    heard_voice: zmq.Socket[bytes]
    """SUB, connected to every peer's `voice`; a connection of its own, so that text never waits behind voice."""


class ZeroMQBus(Engine):
    """One node of a mesh on loopback. `port` None takes 8766 or the next free one, 0 any free one."""

    def __init__(
        self,
        identity: Identity,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        peers: Sequence[str] = (),
        bounds: Bounds | None = None,
    ) -> None:
        """Raises BusStartError for a host or peer that is not on loopback, or is no address at all."""
        super().__init__(identity, peers=[peer_address(peer) for peer in peers], bounds=bounds)
        self._host = loopback(host)
        self._port = port
        self._address = ""
        self._sockets: _Sockets | None = None
        self._loop: asyncio.AbstractEventLoop
        self._drains: list[Drain[bytes] | Drain[list[bytes]]] = []
        self._voice_drain: Drain[bytes]
        self._wants_drain: Drain[bytes]
        self._connections: dict[str, _Connection] = {}
        self._listening: collections.Counter[str] = collections.Counter()
        self._wanted: set[bytes] = set()
        self._topics: dict[bytes, str] = {}
        self._ages = Ages()
        self._sender = bytes.fromhex(identity.node)

    @property
    def address(self) -> str:
        """``host:port`` that peers give to ``--peer``; known after `start`."""
        return self._address

    async def start(self, listener: Listener) -> None:
        """Bind and begin to look for peers. Raises BusStartError when a port cannot be had."""
        self._loop = asyncio.get_running_loop()
        sockets = self._sockets = _open()
        bound = (sockets.inbox, sockets.records, sockets.voice)
        # Before anybody can connect, so that none is missed.
        monitors = [sock.get_monitor_socket(_FAILED) for sock in bound]
        try:
            if self._port is None:
                port = bind_next(sockets.inbox, self._host, DEFAULT_PORT)
            else:
                port = bind(sockets.inbox, self._host, self._port)
            further = 0 if self._port == 0 else port + 1
            endpoints = tuple(
                joined(self._host, bind_next(sock, self._host, further) if further else bind(sock, self._host, 0))
                for sock in (sockets.records, sockets.voice)
            )
        except BusStartError:
            self._sockets = None
            sockets.context.destroy(linger=0)
            raise
        self._address = joined(self._host, port)
        for key in self._topics:
            sockets.heard_voice.setsockopt(zmq.SUBSCRIBE, key)
        loop, heard, wants = self._loop, sockets.heard_voice, sockets.voice
        first = self._voice_drain = Drain(heard, heard.recv, self._on_voice, loop=loop)
        self._wants_drain = Drain(wants, wants.recv, self._on_want, loop=loop, first=first)
        self._drains += (
            first,
            self._wants_drain,
            Drain(sockets.heard_records, sockets.heard_records.recv, self._on_packet, loop=loop, first=first),
            Drain(sockets.inbox, sockets.inbox.recv_multipart, self._on_inbox, loop=loop, first=first),
            *(self._watch(monitor, self._on_failed) for monitor in monitors),
        )
        self._begin(listener, loop, endpoints=endpoints)

    async def stop(self) -> None:
        """Tell the peers, hand over what is queued (0.5 s at most), release every socket. Safe to call twice."""
        try:
            self._end()
        finally:
            self._release()

    def _release(self) -> None:
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        for address in list(self._connections):
            self._unlink(address)
        for drain in self._drains:
            drain.close()
        self._drains.clear()
        sockets.context.destroy()

    # --- casts ----------------------------------------------------------------------------------------------

    def wanted(self, topic: str) -> bool:
        """Whether any peer subscribes `topic` now."""
        return key_of(topic) in self._wanted

    def subscribe(self, topic: str) -> None:
        """Ask for the casts of `topic`, from peers of now and later."""
        key = key_of(topic)
        if key not in self._topics:
            self._topics[key] = topic
            if self._sockets is not None:
                self._sockets.heard_voice.setsockopt(zmq.SUBSCRIBE, key)
                self._voice_drain.soon()

    def unsubscribe(self, topic: str) -> None:
        """End that."""
        key = key_of(topic)
        if self._topics.pop(key, None) is not None and self._sockets is not None:
            self._sockets.heard_voice.setsockopt(zmq.UNSUBSCRIBE, key)
            self._voice_drain.soon()

    def _send_cast(self, topic: str, frames: list[bytes]) -> None:
        if self._sockets is None:
            return
        stamp = int(self._loop.time() * 1000)
        for message in pack(key_of(topic), self._sender, stamp, frames):
            self._sockets.voice.send(message, zmq.NOBLOCK)
        self._wants_drain.soon()

    def _on_voice(self, message: bytes) -> None:
        cast = unpack(message)
        if cast is None:
            self.garbage += 1
            return
        key, sender, stamp, frames = cast
        if self._ages.age(sender, stamp, int(self._loop.time() * 1000)) > STALE_MS:
            self.stale += len(frames)
            return
        topic = self._topics.get(key)
        if topic is not None:
            self._heard_cast(sender.hex(), topic, frames)

    def _on_want(self, message: bytes) -> None:
        """A peer's SUB socket began (1) or ended (0) to want a topic."""
        key = message[1:]
        if len(key) != KEY_BYTES or message[0] > 1:
            self.garbage += 1
        elif message[0] == 0:
            self._wanted.discard(key)
        elif len(self._wanted) < TOPICS:
            self._wanted.add(key)

    # --- packets --------------------------------------------------------------------------------------------

    def _send(self, address: str | None, packet: Packet) -> None:
        if self._sockets is None:
            return
        if address is None:
            self._sockets.records.send(encode(packet), zmq.NOBLOCK)
            return
        connection = self._connections.get(address)
        # Asking what the socket is ready for, unlike sending, always works what its thread has told it meanwhile.
        if connection is not None and int(connection.socket.getsockopt(zmq.EVENTS)) & zmq.POLLOUT:
            with contextlib.suppress(zmq.Again):  # the connection was lost between asking and sending
                connection.socket.send(encode(packet), zmq.NOBLOCK)
        # Else it is not connected, or its queue is full: whatever matters is asked for again.

    def _on_packet(self, message: bytes) -> None:
        packet = decode(message)
        if packet is None:
            self.garbage += 1
        else:
            self._received(packet)

    def _on_inbox(self, parts: list[bytes]) -> None:
        if len(parts) == 2:
            self._on_packet(parts[1])
        else:
            self.garbage += 1

    # --- connections ----------------------------------------------------------------------------------------

    def _reachable(self, address: str) -> str:
        try:
            return peer_address(address)
        except BusStartError as error:
            raise ValueError(str(error)) from None

    def _link(self, address: str) -> None:
        if self._sockets is None or address in self._connections:
            return
        if not reachable(address):
            self.garbage += 1
            return
        sock = _socket(self._sockets.context, zmq.DEALER, CONTROL_PACKETS)
        sock.setsockopt(zmq.IMMEDIATE, 1)

        def changed(parts: list[bytes]) -> None:
            event = parse_monitor_message(parts)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._linked(address)
            elif event == zmq.EVENT_DISCONNECTED:
                self._lost(address)

        monitor = sock.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._connections[address] = _Connection(sock, monitor, self._watch(monitor, changed))
        sock.connect(f"tcp://{address}")

    def _unlink(self, address: str) -> None:
        connection = self._connections.pop(address, None)
        if connection is not None:
            connection.drain.close()
            connection.socket.disable_monitor()
            connection.monitor.close(0)
            connection.socket.close(LINGER_MS)

    def _listen(self, endpoints: tuple[str, ...]) -> None:
        if self._sockets is None:
            return
        if len(endpoints) != 2 or not all(map(reachable, endpoints)):
            self.garbage += 1
            return
        for sock, endpoint in zip((self._sockets.heard_records, self._sockets.heard_voice), endpoints, strict=True):
            self._listening[endpoint] += 1
            if self._listening[endpoint] == 1:
                sock.connect(f"tcp://{endpoint}")
        self._voice_drain.soon()

    def _ignore(self, endpoints: tuple[str, ...]) -> None:
        if self._sockets is None or len(endpoints) != 2:
            return
        for sock, endpoint in zip((self._sockets.heard_records, self._sockets.heard_voice), endpoints, strict=True):
            self._listening[endpoint] -= 1
            if self._listening[endpoint] == 0:
                sock.disconnect(f"tcp://{endpoint}")
        self._voice_drain.soon()

    def _watch(self, monitor: zmq.Socket[bytes], handle: Callable[[list[bytes]], None]) -> Drain[list[bytes]]:
        return Drain(monitor, monitor.recv_multipart, handle, loop=self._loop)

    def _on_failed(self, parts: list[bytes]) -> None:
        """Somebody connected who does not speak ZeroMQ."""
        self.garbage += 1

    def _tick(self) -> None:
        for drain in self._drains:
            drain.now()
        for connection in list(self._connections.values()):
            connection.drain.now()
        self._ages.drift(TICK_SECONDS)
        super()._tick()


def _open() -> _Sockets:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    sockets = _Sockets(
        context,
        inbox=_socket(context, zmq.ROUTER, CONTROL_PACKETS),
        records=_socket(context, zmq.PUB, RECORD_BATCHES),
        voice=_socket(context, zmq.XPUB, VOICE_BATCHES),
        heard_records=_socket(context, zmq.SUB, RECORD_BATCHES),
        heard_voice=_socket(context, zmq.SUB, VOICE_BATCHES),
    )
    for heard in (sockets.heard_records, sockets.heard_voice):
        heard.setsockopt(zmq.LINGER, 0)  # they would linger for subscriptions that a dead peer has not taken
        heard.setsockopt(zmq.SNDHWM, TOPICS)  # what a SUB socket sends is subscriptions, and none may be lost
    sockets.heard_records.setsockopt(zmq.SUBSCRIBE, b"")
    return sockets


def _socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, bound: int) -> zmq.Socket[bytes]:
    sock = context.socket(kind)
    for option, value in _OPTIONS.items():
        sock.setsockopt(option, value)
    sock.setsockopt(zmq.IPV6, 1)
    sock.setsockopt(zmq.SNDHWM, bound)
    sock.setsockopt(zmq.RCVHWM, UNREAD)
    return sock
