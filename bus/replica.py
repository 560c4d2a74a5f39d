"""The mesh protocol as one state machine: packets, appends, ticks in; packets, deliveries, connections out; pure."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence

from bus.dead import Dead
from bus.effects import (
    Changed,
    Effect,
    Forgotten,
    Ignore,
    Link,
    Listen,
    Remember,
    Send,
    Shown,
    Synced,
    Unlink,
)
from bus.interface import Peer
from bus.log import CHUNK_BYTES, Log, Span
from bus.membership import Membership, Sighting
from bus.packets import (
    CARD_BYTES,
    ORIGINS,
    PEERS,
    Ack,
    Answer,
    Ask,
    Bye,
    Call,
    Digest,
    Fill,
    Packet,
    Ping,
    Pong,
    Records,
    batches,
    node_of,
)
from bus.record import NAME_CHARS, PAYLOAD_BYTES, VERSION, ClientId, Kind, NodeId, Origin, Record

BUSY_TICKS, IDLE_TICKS = 2, 8
"""A digest goes out every 250 ms while records flow, else every second."""

PING_TICKS = 8
"""How often the round trip to each peer is measured, and a node that says nothing is told of this one."""

CALM_SECONDS = 1.0
"""The node is busy for this long after a record came or went."""

ASK_AFTER, ASK_AGAIN = 0.05, 0.3
"""Seconds that a log may be behind before it is asked for, and that an answer may take before another is asked."""

REPLY_SECONDS = 0.2
"""A peer that does not know that it is heard is told so at once, this often at most."""

SYNC_SECONDS = 2.0
"""`on_synced` comes after this at the latest."""

LINKS = 2 * PEERS
"""Addresses that a node tries to reach."""


@dataclasses.dataclass(slots=True)
class _Want:
    """A log that others hold further than this node."""

    since: float
    asked: float | None = None
    times: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class _Target:
    """What a peer held and heard when it first heard this node: to have that is to be synced."""

    held: dict[Origin, int]
    hears: frozenset[Origin]


class Replica:
    """One node's part in the mesh: its own log, a copy of everybody's, and its one list (cluster.md).

    Every method only notes what follows; `turn` hands it over. `now` is in seconds of any clock that does not jump.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        now: float,
        address: str = "",
        endpoints: tuple[str, ...] = (),
        peers: Iterable[str] = (),
        remembered: Sequence[str] = (),
    ) -> None:
        self.origin = origin
        self.address = address
        self.endpoints = endpoints
        self.logs: dict[Origin, Log] = {origin: Log(origin)}
        self.membership = Membership(
            origin,
            (peer for peer in peers if peer != address),
            remembered=(peer for peer in remembered if peer != address),
        )
        self.card = b""
        self.refused = 0
        """Packets that contradict themselves."""
        self._own = self.logs[origin]
        self._lamport = 0
        self._effects: list[Effect] = []
        self._fresh: list[Record] = []  # appended in this turn, not sent yet
        self._pending: collections.deque[Record] = collections.deque()  # own, not in the list yet
        self._acks: set[Origin] = set()
        self._wants: dict[Origin, _Want] = {}
        self._told: dict[NodeId, Peer] = {}
        self._replied: dict[NodeId, float] = {}
        self._synced = False
        self._targets: dict[NodeId, _Target] = {}
        self._dead = Dead()
        self._joined: set[str] = set()
        self._remembered = tuple(sorted(remembered))
        self._started = now
        self._moved = now - CALM_SECONDS
        self._stirred = True
        for peer in self.membership.sought:
            self._reach(peer)

    # --- what goes in ---------------------------------------------------------------------------------------

    def append(
        self,
        kind: Kind,
        payload: bytes,
        *,
        room: str = "",
        session: str = "",
        id: ClientId | None = None,
        last: bool = False,
    ) -> Record:
        """Write the next record of the own log. Raises ValueError for a part over its limit (bus.record)."""
        if len(payload) > PAYLOAD_BYTES:
            raise ValueError(f"a payload of {len(payload)} bytes is over {PAYLOAD_BYTES}")
        if max(len(room), len(session), len(id) if isinstance(id, str) else 0) > NAME_CHARS:
            raise ValueError(f"a room, session or id is over {NAME_CHARS} characters")
        self._lamport += 1
        record = Record(
            VERSION, kind, self.origin, self._own.high + 1, self._lamport, room, session, id, payload, last
        )
        self._own.add(record)
        self._fresh.append(record)
        self._pending.append(record)
        return record

    def join(self, address: str) -> None:
        """Look for a peer at `address` from now on, as if it had been configured."""
        if address and address != self.address:
            if address not in self.membership.configured:
                self.membership.configured |= {address}
                self._joined.add(address)
            self._reach(address)

    def give_up(self, address: str) -> None:
        """Look there no more; a peer that was found there stays, and so does what was configured at the start."""
        if address in self._joined:
            self._joined.discard(address)
            self.membership.configured -= {address}
            self._leave(address)

    def announce(self, card: bytes) -> None:
        """Set the card of the next digests. Raises ValueError when it is over 1 KiB."""
        if len(card) > CARD_BYTES:
            raise ValueError(f"a card of {len(card)} bytes is over {CARD_BYTES}")
        self.card = card

    def linked(self, address: str) -> None:
        """The connection to `address` stands."""
        if address in self.membership.links:
            self.membership.links[address] = None
            self._stirred = True
            self._send(address, self._digest())

    def lost(self, address: str) -> None:
        """The connection to `address` is lost; the engine tries to make it again."""
        if self.membership.links.get(address, 0) is None:
            self.membership.links[address] = self.membership.ticks

    def bye(self) -> None:
        """Say goodbye to all, so that they see this node down at once."""
        for address in self.membership.links:
            self._send(address, Bye(self.origin))

    def tick(self, now: float) -> None:
        """`bus.membership.TICK_SECONDS` of this node's loop have passed."""
        self.membership.ticks += 1
        self._stirred = True
        ticks = self.membership.ticks
        busy = bool(self._wants) or now - self._moved < CALM_SECONDS
        if ticks % (BUSY_TICKS if busy else IDLE_TICKS) == 0:
            self._send(None, self._digest())
        if ticks % PING_TICKS == 0:
            for seen in self.membership.present():
                self._send(seen.address, Ping(self.origin, now))
            for address in self.membership.strangers():
                self._send(address, self._digest())
            self._bury()
        for origin, want in list(self._wants.items()):
            if now - (want.since + ASK_AFTER if want.asked is None else want.asked + ASK_AGAIN) >= 0:
                self._ask(origin, now)

    def receive(self, packet: Packet, now: float) -> None:
        """A packet came. What it may not say is refused and counted; nothing is raised."""
        if packet.sender == self.origin:
            return
        seen = self.membership.hear(packet.sender, now)
        if seen is not None:
            seen.received += len(packet.records) or 1 if isinstance(packet, Records | Fill) else 1
        match packet:
            case Records():
                self._on_records(packet, seen, now)
            case Digest():
                self._on_digest(packet, now)
            case Fill():
                self._on_fill(packet, seen, now)
            case Ack() if seen is not None:
                seen.holds(packet.origin, packet.high)
            case Ask() if seen is not None:
                self._on_ask(packet, seen)
            case Ping() if seen is not None:
                self._send(seen.address, Pong(self.origin, packet.stamp))
            case Pong() if seen is not None:
                trip = max(0.0, now - packet.stamp)
                seen.round_trip = trip if seen.round_trip is None else seen.round_trip + (trip - seen.round_trip) / 8
            case Bye() if seen is not None:
                seen.gone = True
                self._stirred = True
            case Ack() | Ask() | Ping() | Pong() | Bye() | Call() | Answer():
                pass

    def heard_cast(self, node: NodeId, frames: int) -> None:
        """So many frames of a cast came from a node."""
        seen = self.membership.nodes.get(node)
        if seen is not None:
            seen.received += frames

    # --- what comes out -------------------------------------------------------------------------------------

    def turn(self, now: float) -> list[Effect]:
        """End a turn of the loop: everything that followed from what went in, in the order to perform it."""
        if self._fresh:
            self._moved = now
            for packet in batches(self.origin, self._fresh):
                self._send(None, packet)
            self._fresh = []
        for origin in self._acks:
            seen = self.membership.nodes.get(node_of(origin))
            if seen is not None and not seen.gone:
                self._send(seen.address, Ack(self.origin, origin, self.logs[origin].high))
        self._acks.clear()
        if self._pending:
            self._show_own()
        stirred, self._stirred = self._stirred, False
        if stirred:
            self._tell()
        if not self._synced and self._is_synced(now):
            self._synced = stirred = True
            self._targets.clear()
            self._effects.append(Synced())
        # Not before it is synced, so that who is only looked for yet is not dropped.
        if stirred and self._synced and (known := self.membership.memorable()) != self._remembered:
            self._remembered = known
            self._effects.append(Remember(known))
        effects, self._effects = self._effects, []
        return effects

    def peers(self) -> list[Peer]:
        """Every other node known."""
        return [self.membership.view(seen) for seen in self.membership.nodes.values()]

    # --- records --------------------------------------------------------------------------------------------

    def _on_records(self, packet: Records, seen: Sighting | None, now: float) -> None:
        if not packet.records or any(record.origin != packet.sender for record in packet.records):
            self.refused += 1
            return
        log = self._log(packet.sender)
        if log is None:
            return
        if seen is not None:
            seen.holds(packet.sender, packet.records[-1].seq)
        self._show([joined for record in packet.records for joined in log.add(record)], unseen=seen is None)
        if log.waiting:
            self._want(packet.sender, now)
        self._acks.add(packet.sender)
        self._moved = now

    def _on_fill(self, packet: Fill, seen: Sighting | None, now: float) -> None:
        if packet.origin == self.origin or any(record.origin != packet.origin for record in packet.records):
            self.refused += 1
            return
        log = self._log(packet.origin)
        if log is None:
            return
        before = log.high
        if seen is not None:
            seen.holds(packet.origin, packet.high)
        self._show(log.fill(Span(packet.after, packet.upto, packet.floor, packet.records)), unseen=seen is None)
        if log.high > before:
            self._moved = now
            self._acks.add(packet.origin)
            want = self._wants.pop(packet.origin, None)
            if self._holders(packet.origin, log.high):
                # The next piece is asked for when this one is worked: the pace of a joiner is its own.
                self._want(packet.origin, now if want is None else want.since)
                self._ask(packet.origin, now)

    def _on_ask(self, packet: Ask, seen: Sighting) -> None:
        log = self.logs.get(packet.origin)
        if log is None or log.high <= packet.after:
            return
        span = log.span(packet.after, size=CHUNK_BYTES)
        self._send(
            seen.address,
            Fill(self.origin, packet.origin, span.after, span.upto, span.floor, log.high, list(span.records)),
        )

    def _show(self, records: Sequence[Record], *, unseen: bool) -> None:
        """Others' records enter the list on receipt (cluster.md rule 4); `unseen`: their sender has no sighting."""
        if not records:
            return
        self._lamport = max(self._lamport, *(record.lamport for record in records))
        origin, base = records[0].origin, 1 + unseen
        held = [seen.held.get(origin, 0) for seen in self.membership.present()]
        # Of a life that was forgotten and lives after all, texts are not shown again, and what stands must be.
        before = self._dead.shown(origin)
        self._effects += [
            Shown(record, base + sum(high >= record.seq for high in held))
            for record in records
            if record.seq > before or record.slot is not None
        ]

    def _show_own(self) -> None:
        """Own records enter it when a peer that is up has acknowledged them, at once where none is."""
        origin = self.origin
        up = [seen.held.get(origin, 0) for seen in self.membership.up()]
        upto = max(up) if up else 0 if self.membership.expecting else self._own.high
        if self._pending[0].seq > upto:
            return
        held = [seen.held.get(origin, 0) for seen in self.membership.present()]
        while self._pending and self._pending[0].seq <= upto:
            record = self._pending.popleft()
            self._effects.append(Shown(record, 1 + sum(high >= record.seq for high in held)))

    def _log(self, origin: Origin) -> Log | None:
        """The log to put records of `origin` in; None for one that was forgotten and does not live."""
        log = self.logs.get(origin)
        if log is None:
            if self._is_past(origin):
                return None
            if len(self.logs) >= ORIGINS:
                self._bury()
            while len(self.logs) >= ORIGINS and (oldest := self._dead.oldest) is not None:
                self._forget(oldest)
            log = self.logs[origin] = Log(origin)
        return log

    # --- lives that ended -----------------------------------------------------------------------------------

    def _is_past(self, origin: Origin) -> bool:
        return self._dead.forgot(origin) and not self.membership.lives(origin)

    def _bury(self) -> None:
        """Forget whose time is over (cluster.md rule 1)."""
        origins = [*self.logs, *(seen.origin for seen in self.membership.nodes.values())]
        for origin in self._dead.look(origins, self.membership.lives, tick=self.membership.ticks):
            self._forget(origin)

    def _forget(self, origin: Origin) -> None:
        """Let nothing stay of a life but the address at which it was, in case it was only out of reach."""
        log = self.logs.pop(origin, None)
        self._dead.forget(origin, high=0 if log is None else log.high)
        self._wants.pop(origin, None)
        self._acks.discard(origin)
        seen = self.membership.nodes.get(node_of(origin))
        if seen is not None and seen.origin == origin:
            del self.membership.nodes[seen.node]
            self._part_from(seen)
        self._effects.append(Forgotten(origin))

    def _part_from(self, seen: Sighting) -> None:
        self._effects.append(Ignore(seen.endpoints))
        self._told.pop(seen.node, None)
        self._replied.pop(seen.node, None)

    # --- repair ---------------------------------------------------------------------------------------------

    def _want(self, origin: Origin, now: float) -> None:
        if origin not in self._wants:
            self._wants[origin] = _Want(now)

    def _holders(self, origin: Origin, high: int) -> list[Sighting]:
        """Who holds more of a log, the node whose log it is first."""
        holders = [seen for seen in self.membership.present() if seen.held.get(origin, 0) > high]
        holders.sort(key=lambda seen: (seen.origin != origin, seen.node))
        return holders

    def _ask(self, origin: Origin, now: float) -> None:
        """Ask the next holder, or give up where nobody holds more."""
        log = self.logs.get(origin)
        high = 0 if log is None else log.high
        holders = self._holders(origin, high)
        if not holders:
            del self._wants[origin]
            return
        want = self._wants[origin]
        self._send(holders[want.times % len(holders)].address, Ask(self.origin, origin, high))
        want.asked = now
        want.times += 1

    # --- membership -----------------------------------------------------------------------------------------

    def _on_digest(self, packet: Digest, now: float) -> None:
        node = node_of(packet.sender)
        known = self.membership.nodes.get(node)
        before = None if known is None else (known.origin, known.address, known.endpoints)
        seen = self.membership.meet(packet, now)
        if seen is None or seen.gone:
            return
        self._stirred = True
        self._connect(seen, before)
        for address in packet.known:
            self._reach(address)
        for origin, (_, high) in packet.held.items():
            if origin == self.origin or high == 0 or origin in self._wants:
                continue
            if origin in self.logs:
                if self.logs[origin].high < high:
                    self._want(origin, now)
            elif len(self._wants) < ORIGINS and not self._is_past(origin):
                self._want(origin, now)
                self._ask(origin, now)
        named = self.origin in packet.hears
        if named and not self._synced and node not in self._targets:
            held = {origin: high for origin, (_, high) in packet.held.items() if origin != self.origin}
            self._targets[node] = _Target(held, frozenset(packet.hears) - {self.origin})
        fresh = before is None or before[0] != packet.sender
        if (fresh or not named) and (fresh or now - self._replied.get(node, -1.0) >= REPLY_SECONDS):
            self._replied[node] = now
            self._send(seen.address, self._digest())

    def _connect(self, seen: Sighting, before: tuple[Origin, str, tuple[str, ...]] | None) -> None:
        """Follow a node to where it is now."""
        if before is not None and before[1] != seen.address:
            self._leave(before[1])
        if before is not None and before[2] != seen.endpoints:
            self._effects.append(Ignore(before[2]))
        if before is None or before[2] != seen.endpoints:
            self._effects.append(Listen(seen.endpoints))
        self._reach(seen.address)
        for forgotten in self.membership.forgotten:
            self._leave(forgotten.address)
            self._part_from(forgotten)
            self._forget(forgotten.origin)
        self.membership.forgotten.clear()

    def _reach(self, address: str) -> None:
        links = self.membership.links
        if not address or address == self.address or address in links:
            return
        if len(links) >= LINKS:
            # Room is made by what was only heard of and does not answer.
            idle = [other for other, lost in links.items() if lost is not None]
            for other in sorted(idle, key=lambda other: links[other] or 0):
                if len(links) >= LINKS:
                    self._leave(other)
        if len(links) < LINKS:
            links[address] = self.membership.ticks
            self._effects.append(Link(address))

    def _leave(self, address: str) -> None:
        used = any(seen.address == address for seen in self.membership.nodes.values())
        if address in self.membership.links and address not in self.membership.configured and not used:
            del self.membership.links[address]
            self._effects.append(Unlink(address))

    def _digest(self) -> Digest:
        heard = self.membership.heard()
        return Digest(
            self.origin,
            self.address,
            self.endpoints,
            {origin: (log.floor, log.high) for origin, log in self.logs.items()},
            [seen.origin for seen in heard],
            [seen.address for seen in heard],
            self.card,
        )

    def _tell(self) -> None:
        """Report every peer whose life, state, address or card is not what was reported last."""
        for seen in self.membership.nodes.values():
            peer = self.membership.view(seen)
            old = self._told.get(peer.node)
            if old is None or (old.origin, old.state, old.cut, old.address, old.card) != (
                peer.origin,
                peer.state,
                peer.cut,
                peer.address,
                peer.card,
            ):
                self._told[peer.node] = peer
                self._effects.append(Changed(peer))

    def _is_synced(self, now: float) -> bool:
        if not self.membership.sought or now - self._started >= SYNC_SECONDS:
            return True
        # Every one of them: the peer that is asked first may itself be behind another.
        present = self.membership.present()
        return bool(present) and all(self._is_reached(self._targets.get(seen.node)) for seen in present)

    def _is_reached(self, target: _Target | None) -> bool:
        """Whether all is held and met that a peer told when it first heard this node; None until it has."""
        return (
            target is not None
            and all(map(self.membership.has_met, target.hears))
            and all(
                high == 0 or (origin in self.logs and self.logs[origin].high >= high)
                for origin, high in target.held.items()
            )
        )

    def _send(self, address: str | None, packet: Packet) -> None:
        self._effects.append(Send(address, packet))
