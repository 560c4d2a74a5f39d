"""What all engines share: one replica worked by a loop's turns and ticks, casts gathered, calls matched."""

from __future__ import annotations

import abc
import asyncio
import collections
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from bus.calls import Calls, Done
from bus.effects import (
    Changed,
    Effect,
    Fenced,
    Forgotten,
    Gap,
    Ignore,
    Link,
    Listen,
    Reached,
    Remember,
    Send,
    Shown,
    Synced,
    Unlink,
)  # fmt: skip
from bus.interface import Bounds, BusError, Figures, Listener, Peer, PeerState, Reason, Refusal, Sought
from bus.keys import Identity
from bus.membership import TICK_SECONDS
from bus.packets import CALL_BYTES, Answer, Call, Packet
from bus.record import ClientId, Kind, NodeId, Origin, Record, node_of
from bus.refusals import Refusals
from bus.replica import Replica

FRAME_BYTES = 0xFFFF
"""The longest frame of a cast."""

TURN_RECORDS = 40
"""Records that the listener is given in one turn of the loop, 2 ms' worth; the rest follows in the next."""

WAITING_EFFECTS = 2000
"""What may wait for that. Beyond it the loop is held, so that no more is read than is worked."""

_LISTED = (Shown, Gap, Reached, Synced, Forgotten)
"""What the listener is told of the list, in its order."""

_log = logging.getLogger("switchboard.bus")


class Timer(Protocol):
    """Something to come."""

    def cancel(self) -> None:
        """Let it not come."""


class Clock(Protocol):
    """What an engine needs of an event loop; asyncio's have it."""

    def time(self) -> float:
        """Seconds that do not jump."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Timer:
        """Call when this turn is over."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call in `delay` seconds."""


class Engine(abc.ABC):
    """A `bus.interface.Bus` but for how bytes travel, which its subclasses know.

    What happens in one turn of the loop goes out together at its end, casts first; the listener is called then.
    """

    def __init__(self, identity: Identity, *, peers: Sequence[str], bounds: Bounds | None = None) -> None:
        self._identity = identity
        self._bounds = bounds or Bounds()
        self._configured = tuple(peers)
        self._calls = Calls()
        self._tasks: set[asyncio.Task[None]] = set()
        self._casts: dict[str, list[bytes]] = {}
        self._card = b""
        self._replica: Replica | None = None
        self._listener: Listener
        self._clock: Clock
        self._timer: Timer | None = None
        self._turning = False
        self._listed: collections.deque[Effect] = collections.deque()
        self._refusals = Refusals()
        self.garbage = 0
        """What came in and was no packet, subscription or cast; dropped."""
        self.stale = 0
        """Frames of casts that came too late and were dropped."""

    # --- bus.interface.Bus ----------------------------------------------------------------------------------

    @property
    def node(self) -> NodeId:
        """This node."""
        return self._identity.node

    @property
    def origin(self) -> Origin:
        """The log that this node appends to."""
        return self._identity.origin

    @property
    @abc.abstractmethod
    def address(self) -> str:
        """Where peers reach it."""

    def join(self, address: str) -> None:
        """Look for a peer there from now on. Raises ValueError for an address that cannot be reached."""
        self._running.links.join(self._reachable(address))
        self._touch()

    def give_up(self, address: str) -> None:
        """Look there no more, as it was given; a peer that was found there stays."""
        self._running.links.give_up(self._reachable(address))
        self._touch()

    def sought(self) -> Sequence[Sought]:
        """Where this node looks because it was told to."""
        if self._replica is None:
            return []
        membership = self._replica.membership
        return [
            Sought(address, address, membership.links.get(address, 0) is None)
            for address in sorted(membership.configured)
        ]

    def refusals(self) -> Sequence[Refusal]:
        """Who wanted to have a part in the mesh, or did not let this node have one, the newest first; bounded."""
        return self._refusals.listed()

    @property
    def refused_connections(self) -> Mapping[Reason, int]:
        """How often that was since the start, by reason."""
        return self._refusals.counts

    @property
    def fingerprint(self) -> str:
        """What people compare of the key with which this node listens; empty where the mesh has none."""
        return ""

    def derived(self, purpose: str) -> Sequence[bytes]:
        """Keys that only nodes of this mesh have, by a purpose; empty where the mesh has no secret."""
        return []

    def append(
        self,
        kind: Kind,
        payload: bytes,
        *,
        room: str = "",
        session: str = "",
        id: ClientId | None = None,
        last: bool = False,
        after: Mapping[Origin, int] | None = None,
    ) -> Record:
        """Write the next record of the own log. Raises ValueError for a part over its limit (bus.record)."""
        record = self._running.append(kind, payload, room=room, session=session, id=id, last=last, after=after)
        self._touch()
        return record

    def places(self, session: str, id: ClientId) -> Sequence[Record]:
        """Every place at which this node holds a text."""
        return self._running.places.of(session, id)

    def held(self, origin: Origin) -> int:
        """How far this node holds a log without a hole."""
        return self._running.admission.held(origin)

    def copies(self, origin: Origin, seq: int) -> int:
        """How many nodes hold a place by acknowledgements received; 0 where a second is to be expected."""
        return self._running.admission.copies(origin, seq)

    def when_held(self, places: Mapping[Origin, int], ready: Callable[[], None]) -> Callable[[], None]:
        """Call `ready` once these places are held, or held by nobody who is not down."""
        end = self._running.admission.when_held(places, ready)
        self._touch()
        return end

    def cast(self, topic: str, frame: bytes) -> None:
        """Send to the peers that subscribed `topic`. Raises ValueError for a frame over 65,535 bytes."""
        gathered = self._casts.get(topic)
        if gathered is None:
            if not self.wanted(topic):
                return
            gathered = self._casts[topic] = []
            self._touch()
        if len(frame) > FRAME_BYTES:
            raise ValueError(f"a frame of {len(frame)} bytes is over {FRAME_BYTES}")
        gathered.append(frame)

    @abc.abstractmethod
    def wanted(self, topic: str) -> bool:
        """Whether any peer subscribes `topic` now."""

    async def call(self, node: NodeId, body: bytes, *, timeout: float = 3.0) -> bytes:
        """Ask one peer. Raises BusError when it is not known, is down, fails or does not answer in time."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def done(result: bytes | BusError) -> None:
            if future.done():
                return
            if isinstance(result, BusError):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.ask(node, body, timeout=timeout, done=done)
        return await future

    def ask(self, node: NodeId, body: bytes, *, timeout: float, done: Done) -> None:
        """The same without a loop: `done` is called with the answer or with the BusError."""
        replica = self._running
        seen = replica.membership.nodes.get(node)
        if seen is None:
            done(BusError(f"Node {node} is not known here."))
        elif replica.membership.state(seen) is PeerState.DOWN:
            done(BusError(f"Node {node} is down."))
        elif len(body) > CALL_BYTES:
            done(BusError(f"A call of {len(body)} bytes to node {node} is over {CALL_BYTES}."))
        else:
            number = self._calls.ask(node, timeout=timeout, now=self._clock.time(), done=done)
            self._send(seen.address, Call(self.origin, number, body))

    def find(self, origin: Origin, seq: int) -> Record | None:
        """A record that is held here, or None."""
        log = None if self._replica is None else self._replica.logs.get(origin)
        return None if log is None else log.get(seq)

    def announce(self, card: bytes) -> None:
        """Set what goes out with every heart-beat about this node. Raises ValueError when it is over 1 KiB."""
        self._card = card
        if self._replica is not None:
            self._replica.announce(card)

    @property
    def refused(self) -> int:
        """How much was dropped because it was garbage or contradicted itself."""
        return self.garbage + (0 if self._replica is None else self._replica.refused)

    def peers(self) -> Sequence[Peer]:
        """Every peer known, itself not among them."""
        return [] if self._replica is None else self._replica.peers()

    def figures(self, node: NodeId) -> Figures | None:
        """How the copying to and from one of them goes; None for one that is not known."""
        return None if self._replica is None else self._replica.holdings.figures(node, self._clock.time())

    def holdings(self, node: NodeId) -> Mapping[Origin, int] | None:
        """How far a node holds each log; None for one that is not known, or said goodbye."""
        return None if self._replica is None else self._replica.holdings.of(node)

    # --- for the subclass: what it calls --------------------------------------------------------------------

    def _begin(self, listener: Listener, clock: Clock, *, endpoints: tuple[str, ...]) -> None:
        """Start the replica, once `address` is known."""
        self._listener, self._clock = listener, clock
        self._replica = Replica(
            self.origin,
            now=clock.time(),
            address=self.address,
            endpoints=endpoints,
            peers=self._configured,
            remembered=self._identity.peers,
            bounds=self._bounds,
        )
        self._replica.announce(self._card)
        self._timer = clock.call_later(TICK_SECONDS, self._tick)
        self._touch()

    def _end(self) -> bool:
        """Say goodbye and stop turning; False if that has been done or nothing was started."""
        if self._replica is None:
            return False
        try:
            self._replica.bye()
            self._flush_casts()
            self._perform_all(effect for effect in self._replica.turn(self._clock.time()) if isinstance(effect, Send))
        finally:
            self._abandon()
        return True

    def _abandon(self) -> None:
        """Stop turning without a word."""
        self._replica = None
        self._listed.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._calls.close()
        for task in self._tasks:
            task.cancel()

    def _received(self, packet: Packet) -> None:
        """A packet came."""
        replica = self._replica
        if replica is None:
            return
        replica.receive(packet, self._clock.time())
        if isinstance(packet, Call):
            self._on_call(packet)
        elif isinstance(packet, Answer):
            node = node_of(packet.sender)
            self._calls.answer(
                node, packet.number, packet.body if packet.done else BusError(f"Node {node} failed to answer.")
            )
        self._touch()

    def _heard_cast(self, sender: NodeId, topic: str, frames: Sequence[bytes]) -> None:
        """Frames of a topic subscribed here came from a peer."""
        if self._replica is not None:
            self._replica.heard_cast(sender, len(frames))
            self._listener.on_cast(topic, frames)

    def _linked(self, address: str) -> None:
        """The connection to `address` stands."""
        if self._replica is not None:
            self._replica.linked(address)
            self._touch()

    def _lost(self, address: str) -> None:
        """It is lost."""
        if self._replica is not None:
            self._replica.lost(address)
            self._touch()

    def _touch(self) -> None:
        """Something happened: let the turn be ended."""
        if not self._turning:
            self._turning = True
            self._clock.call_soon(self._turn)

    # --- for the subclass: what it does ---------------------------------------------------------------------

    @abc.abstractmethod
    def _send(self, address: str | None, packet: Packet) -> None:
        """Send to the node at `address`, or to all who listen; without a connection it is lost."""

    @abc.abstractmethod
    def _send_cast(self, topic: str, frames: list[bytes]) -> None:
        """Send what one turn gathered."""

    def _reachable(self, address: str) -> str:
        """The address in the form in which peers tell it. Raises ValueError for one that cannot be reached."""
        return address

    @abc.abstractmethod
    def _link(self, address: str) -> None:
        """Connect and keep trying; tell `_linked` and `_lost`."""

    @abc.abstractmethod
    def _unlink(self, address: str) -> None:
        """End that."""

    @abc.abstractmethod
    def _listen(self, endpoints: tuple[str, ...]) -> None:
        """Listen to a peer's streams."""

    @abc.abstractmethod
    def _ignore(self, endpoints: tuple[str, ...]) -> None:
        """End that."""

    # --- turns ----------------------------------------------------------------------------------------------

    @property
    def _running(self) -> Replica:
        if self._replica is None:
            raise RuntimeError("the bus is not started, or stopped")
        return self._replica

    def _tick(self) -> None:
        if self._replica is None:
            return
        now = self._clock.time()
        self._timer = self._clock.call_later(TICK_SECONDS, self._tick)
        self._replica.tick(now)
        self._calls.expire(now)
        if line := self._refusals.line(now):
            _log.warning("%s", line)
        self._touch()

    def _turn(self) -> None:
        self._turning = False
        replica = self._replica
        if replica is None:
            return
        self._flush_casts()
        effects = replica.turn(self._clock.time())
        self._perform_all(effect for effect in effects if not isinstance(effect, _LISTED))
        self._listed.extend(effect for effect in effects if isinstance(effect, _LISTED))
        self._perform_all(self._next_listed())
        if replica.restless or self._listed:
            self._touch()

    def _next_listed(self) -> Iterator[Effect]:
        """What the listener is told in this turn."""
        records = 0
        while self._listed and (records < TURN_RECORDS or len(self._listed) > WAITING_EFFECTS):
            effect = self._listed.popleft()
            records += isinstance(effect, Shown)
            yield effect

    def _flush_casts(self) -> None:
        if self._casts:
            casts, self._casts = self._casts, {}
            for topic, frames in casts.items():
                self._send_cast(topic, frames)

    def _perform_all(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            try:
                self._perform(effect)
            except Exception:
                # The fault of a listener, or of one connection, must not cost the others what they are owed now.
                _log.exception("what a turn of the bus brought was not done: %s", type(effect).__name__)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Shown(record, copies):
                self._listener.on_record(record, copies)
            case Send(address, packet):
                self._send(address, packet)
            case Changed(peer):
                if peer.state is PeerState.DOWN:
                    self._calls.drop(peer.node)
                self._listener.on_peer(peer)
            case Link(address):
                self._link(address)
            case Unlink(address):
                self._unlink(address)
            case Listen(endpoints):
                self._listen(endpoints)
            case Ignore(endpoints):
                self._ignore(endpoints)
            case Gap(origin, upto):
                self._listener.on_gap(origin, upto)
            case Reached(ready):
                ready()
            case Fenced(origin):
                _log.critical("another process runs under this node's id, as %s: this one says nothing more", origin)
                self._listed.clear()
                self._listener.on_fenced(origin)
            case Synced():
                self._listener.on_synced()
            case Forgotten(origin):
                self._listener.on_forgotten(origin)
            case Remember(peers):
                try:
                    self._identity.remember(peers)
                except OSError as error:
                    _log.warning("the addresses of peers cannot be kept for the next start: %s", error)

    # --- calls ----------------------------------------------------------------------------------------------

    def _on_call(self, call: Call) -> None:
        try:
            result = self._listener.on_call(node_of(call.sender), call.body)
        except BusError as error:
            _log.warning("a call of node %s is not answered: %s", node_of(call.sender), error)
            self._answer(call, None)
            return
        except Exception:
            _log.exception("a call to this node failed")
            self._answer(call, None)
            return
        if isinstance(result, bytes):
            self._answer(call, result)
        else:
            task = asyncio.ensure_future(self._answer_later(call, result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, call: Call, result: Awaitable[bytes]) -> None:
        try:
            body = await result
        except Exception:
            _log.exception("a call to this node failed")
            self._answer(call, None)
        else:
            self._answer(call, body)

    def _answer(self, call: Call, body: bytes | None) -> None:
        seen = None if self._replica is None else self._replica.membership.nodes.get(node_of(call.sender))
        if seen is not None:
            done = body is not None and len(body) <= CALL_BYTES
            self._send(seen.address, Answer(self.origin, call.number, done, body if done and body else b""))
