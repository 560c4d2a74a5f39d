"""The bus over a ZeroMQ mesh: which socket carries what, and with which options."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

import zmq

from bus.casts import KEY_BYTES, STALE_MS, Ages, key_of, pack, unpack
from bus.engine import Engine
from bus.interface import Bounds, BusStartError, Listener, Reason, Sought
from bus.keys import Identity
from bus.membership import TICK_SECONDS
from bus.packets import Packet, decode, encode
from bus.replica import Replica
from bus.secret import SecretFile
from bus.zeromq_address import DEFAULT_PORT, listening, peer_address, reachable, split
from bus.zeromq_bound import Bound
from bus.zeromq_curve import Gate, Key, Ring
from bus.zeromq_door import Doorman, is_possible
from bus.zeromq_drain import Drain
from bus.zeromq_names import AGAIN_TICKS, Names
from bus.zeromq_place import Place
from bus.zeromq_ways import Told, Ways

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

LOOK_TICKS = 8
"""1 s: how often the file of the secret is looked at, and whether this machine has another address."""

NAMES_SECONDS = 2.0
"""How long a start waits for the names of peers to be found."""

_log = logging.getLogger("switchboard.bus")


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
    """One node of a mesh. `port` None takes 8766 or the next free one, 0 any free one.

    With a `secret` every connection is CURVE with the one key pair that it makes, and the mesh may be on many hosts;
    without one it is on loopback, and open to everybody there.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        peers: Sequence[str] = (),
        bounds: Bounds | None = None,
        secret: SecretFile | None = None,
        advertise: str = "",
    ) -> None:
        """`advertise` is the host, perhaps with a port, that peers are told instead of that where it listens.

        Raises BusStartError for a host or peer that is no address at all, or not on loopback without a secret.
        """
        self._keyed = secret is not None
        self._names = Names([peer_address(peer, keyed=self._keyed) for peer in peers], self._on_moved)
        super().__init__(identity, peers=self._names.numbers, bounds=bounds)
        self._ring = None if secret is None else Ring(secret)
        self._host = listening(host, keyed=self._keyed)
        self._place = Place(self._host, advertise, self._names.numbers)
        self._port = port
        self._address = ""
        self._sockets: _Sockets | None = None
        self._bound: tuple[Bound, ...] = ()
        self._served: Key | None = None
        self._gate: Gate | None = None
        self._doorman: Doorman | None = None
        self._ways: Ways
        self._loop: asyncio.AbstractEventLoop
        self._drains: list[Drain[bytes] | Drain[list[bytes]]] = []
        self._voice_drain: Drain[bytes]
        self._wants_drain: Drain[bytes]
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
        loop = self._loop = asyncio.get_running_loop()
        sockets = self._sockets = _open()
        served = sockets.inbox, sockets.records, sockets.voice
        if self._ring is not None:
            # First of all, so that there is nobody whom nobody asks for a key.
            self._gate = Gate(sockets.context, self._refuse, loop=loop)
            self._gate.admit(self._ring.keys)
            self._served = self._ring.keys[0]
            for sock in served:
                self._served.serve(sock)
            if is_possible():
                self._doorman = Doorman(self._refuse, [key.raw for key in self._ring.keys], loop=loop)
        self._bound = tuple(Bound(sock, self._on_not_let_in, self._doorman, loop=loop) for sock in served)
        self._ways = Ways(
            lambda: _way(sockets.context),
            (sockets.heard_records, sockets.heard_voice),
            self._ring,
            Told(self._on_linked, self._on_lost, lambda address: self._refuse(address, Reason.ANSWER)),
            linger_ms=LINGER_MS,
            loop=loop,
        )
        try:
            self._bind()
        except BusStartError:
            self._release()
            raise
        for key in self._topics:
            sockets.heard_voice.setsockopt(zmq.SUBSCRIBE, key)
        heard, wants = sockets.heard_voice, sockets.voice
        first = self._voice_drain = Drain(heard, heard.recv, self._on_voice, loop=loop)
        self._wants_drain = Drain(wants, wants.recv, self._on_want, loop=loop, first=first)
        self._drains += (
            first,
            self._wants_drain,
            Drain(sockets.heard_records, sockets.heard_records.recv, self._on_packet, loop=loop, first=first),
            Drain(sockets.inbox, sockets.inbox.recv_multipart, self._on_inbox, loop=loop, first=first),
        )
        await self._names.first(NAMES_SECONDS)
        if self._sockets is None:
            return  # it was stopped meanwhile
        self._configured = self._names.numbers
        self._begin(listener, loop, endpoints=self._place.endpoints)
        if self._ring is not None:
            self._running.keys = self._ring.ids

    def _bind(self) -> None:
        inbox, *streams = self._bound
        if self._port is None:
            inbox.bind_next(self._host, DEFAULT_PORT)
        else:
            inbox.bind(self._host, self._port)
        for number, stream in enumerate(streams):
            if self._port == 0:
                stream.bind(self._host, 0)
            else:
                stream.bind_next(self._host, inbox.port + 1 + number)
        self._place.settle([bound.port for bound in self._bound])
        self._address = self._place.address

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
        self._names.close()
        self._ways.close()
        for drain in (*self._drains, *self._bound):
            drain.close()
        self._drains.clear()
        if self._gate is not None:
            self._gate.close()
        if self._doorman is not None:
            self._doorman.close()
        sockets.context.destroy()

    # --- where others are -----------------------------------------------------------------------------------

    def join(self, address: str) -> None:
        """Look for a peer there from now on. Raises ValueError for an address that cannot be reached."""
        number = self._names.add(self._reachable(address))
        if number:
            super().join(number)

    def give_up(self, address: str) -> None:
        """Look there no more, as it was given; a peer that was found there stays."""
        number = self._names.remove(self._reachable(address))
        if number:
            super().give_up(number)

    def sought(self) -> Sequence[Sought]:
        """Where this node looks because it was told to, in the order in which it was."""
        links = {} if self._replica is None else self._replica.membership.links
        return [each for each in self._names.sought(links) if each.address != self._address]

    def _on_moved(self, before: str, address: str) -> None:
        """A name of a peer leads elsewhere now."""
        if self._replica is not None:  # else it is only started
            if before:
                super().give_up(before)
            super().join(address)

    def _look_around(self, replica: Replica) -> None:
        """Whether this node is elsewhere now, and whether the names of peers lead elsewhere."""
        ticks = replica.membership.ticks
        if ticks % AGAIN_TICKS == 0:
            self._names.look(replica.membership.links)
        if ticks % LOOK_TICKS == 0 and self._place.look(replica.reached):
            self._address = self._place.address
            _log.info("this node is reached at %s now", self._address)
            replica.move(self._address, self._place.endpoints)
            self._touch()

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
        self._ways.send(address, encode(packet))
        # Where it is not connected, or its queue is full, it is lost: whatever matters is asked for again.

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
            return peer_address(address, keyed=self._keyed)
        except BusStartError as error:
            raise ValueError(str(error)) from None

    def _link(self, address: str) -> None:
        if self._sockets is None or address in self._ways:
            return
        if not reachable(address, keyed=self._keyed):
            self.garbage += 1
            return
        self._expect(address)
        self._ways.link(address)

    def _unlink(self, address: str) -> None:
        self._ways.unlink(address)

    def _listen(self, endpoints: tuple[str, ...]) -> None:
        if self._sockets is None:
            return
        if len(endpoints) != 2 or not all(reachable(endpoint, keyed=self._keyed) for endpoint in endpoints):
            self.garbage += 1
            return
        self._ways.see(self._running.membership.nodes.values())
        self._ways.listen(endpoints)
        self._voice_drain.soon()

    def _ignore(self, endpoints: tuple[str, ...]) -> None:
        if self._sockets is not None and len(endpoints) == 2:
            self._ways.ignore(endpoints)
            self._voice_drain.soon()

    def _on_linked(self, address: str) -> None:
        self._expect(address)
        self._linked(address)

    def _on_lost(self, address: str) -> None:
        self._expect(address)
        self._lost(address)

    def _expect(self, address: str) -> None:
        """The node there may connect to this one in a moment."""
        if self._doorman is not None:
            self._doorman.expect(split(address)[0])

    def _on_not_let_in(self, host: str, reason: Reason) -> None:
        """Somebody did not come through a handshake. Where ZeroMQ does not say who, it is whom the door expected."""
        expected = () if self._doorman is None else self._doorman.expected
        self._refuse(host or (expected[0] if len(expected) == 1 else ""), reason)

    def _refuse(self, address: str, reason: Reason) -> None:
        """Somebody wanted to have a part in the mesh, or did not let this node have one."""
        if reason in (Reason.KEY, Reason.ANSWER) and self._ring is not None and self._ring.rotation.under_way:
            host = address if reason is Reason.KEY else split(address)[0]
            nodes = [] if self._replica is None else self._replica.membership.present()
            if any(split(seen.address)[0] == host for seen in nodes):
                return  # it only has not heard yet which of the two keys is right
        self.garbage += 1
        self._refusals.note(address, reason, now=self._loop.time())

    # --- keys -----------------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """What people compare of the key with which this node listens; empty where the mesh has none."""
        return "" if self._ring is None else self._ring.keys[0].fingerprint

    def derived(self, purpose: str) -> Sequence[bytes]:
        """Keys that only nodes of this mesh have, by a purpose; empty where the mesh has no secret."""
        return [] if self._ring is None else self._ring.derived(purpose)

    def _turn_keys(self, replica: Replica, ring: Ring) -> None:
        """Follow the secret, and go on with a rotation (`bus.rotation`)."""
        ticks = replica.membership.ticks
        changed = ticks % LOOK_TICKS == 0 and ring.look(ticks)
        changed |= ring.rotation.turn([seen.keys for seen in replica.membership.up()], ticks=ticks)
        if changed and self._gate is not None:
            for key, word in zip(ring.keys, ("listens with", "takes also"), strict=False):
                _log.info("the mesh %s the key %s now", word, key.fingerprint)
            self._gate.admit(ring.keys)
            if self._doorman is not None:
                self._doorman.secrets = tuple(key.raw for key in ring.keys)
            replica.keys = ring.ids
            replica.tell()
            self._touch()
            # Not before that is on its way: who hears it connects with the new key as soon as the old way ends.
            self._loop.call_soon(self._serve_with, ring.keys[0])

    def _serve_with(self, key: Key) -> None:
        """Take connections with this key alone."""
        if self._sockets is not None and key != self._served:
            self._served = key
            for bound in self._bound:
                bound.reopen(key)
            self._wants_drain.soon()

    def _tick(self) -> None:
        for drain in self._drains:
            drain.now()
        if self._sockets is not None:
            self._ways.now()
            for bound in self._bound:
                bound.now()
        if self._gate is not None:
            self._gate.now()
        if self._doorman is not None:
            self._doorman.tick()
        self._ages.drift(TICK_SECONDS)
        super()._tick()
        if self._replica is not None:
            self._look_around(self._replica)
            if self._ring is not None:
                self._turn_keys(self._replica, self._ring)
            self._ways.see(self._replica.membership.nodes.values())
            self._ways.follow(self._replica.membership.ticks)
            self._voice_drain.soon()


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


def _way(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    sock = _socket(context, zmq.DEALER, CONTROL_PACKETS)
    sock.setsockopt(zmq.IMMEDIATE, 1)
    return sock


def _socket(context: zmq.Context[zmq.Socket[bytes]], kind: int, bound: int) -> zmq.Socket[bytes]:
    sock = context.socket(kind)
    for option, value in _OPTIONS.items():
        sock.setsockopt(option, value)
    sock.setsockopt(zmq.IPV6, 1)
    sock.setsockopt(zmq.SNDHWM, bound)
    sock.setsockopt(zmq.RCVHWM, UNREAD)
    return sock
