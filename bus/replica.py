"""The mesh protocol as one state machine: packets, appends, ticks in; packets, deliveries, connections out; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bus.admission import Admission
from bus.arrival import Arrival
from bus.dead import Dead
from bus.effects import Changed, Effect, Fenced, Forgotten, Ignore, Remember, Send, Synced
from bus.fence import Fence
from bus.figures import Ledger
from bus.giving import Giving
from bus.holdings import Holdings
from bus.interface import Bounds, Peer
from bus.links import Links, Whereabouts, whereabouts
from bus.log import Log, Span
from bus.membership import TICK_SECONDS, Membership, Sighting, is_cut
from bus.packets import (
    CARD_BYTES,
    ORIGINS,
    Ack,
    Answer,
    Ask,
    Bye,
    Call,
    Digest,
    Fill,
    KeyId,
    Outlived,
    Packet,
    Ping,
    Pong,
    Records,
    batches,
)
from bus.places import Places
from bus.record import VERSION, ClientId, Kind, NodeId, Origin, Record, check_parts, node_of
from bus.repair import Question, Repair
from bus.shelf import Shelf, cost_of

BUSY_TICKS, IDLE_TICKS = 2, 8
"""A digest goes out every 250 ms while records flow, else every second."""

PING_TICKS = 8
"""How often the round trip to each peer is measured, and a node that says nothing is told of this one."""

CALM_SECONDS = 1.0
"""The node is busy for this long after a record came or went."""

REPLY_SECONDS = 0.2
"""A peer that does not know that it is heard is told so at once, this often at most."""


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
        bounds: Bounds | None = None,
    ) -> None:
        self.origin = origin
        self.address = address
        self.endpoints = endpoints
        self.places = Places()
        self.shelf = Shelf(bounds or Bounds(), seconds_per_tick=TICK_SECONDS)
        self.shelf.added, self.shelf.dropped = self.places.add, self.places.drop
        self.logs: dict[Origin, Log] = {origin: Log(origin, self.shelf)}
        self.membership = Membership(
            origin,
            (peer for peer in peers if peer != address),
            remembered=(peer for peer in remembered if peer != address),
        )
        self.card = b""
        self.keys: tuple[KeyId, ...] = ()
        """The keys of the mesh that hold for this node; set by its engine."""
        self.reached = ""
        """Where a peer reached this node, as it was told last."""
        self.fenced = False
        """A newer life of this node's id was met: this one says nothing more."""
        self.refused = 0
        """Packets that contradict themselves."""
        self.repair = Repair(self.logs, self.membership)
        self.admission = Admission(origin, self.logs, self.membership, is_past=self._is_past)
        self.ledger = Ledger()
        self._own = self.logs[origin]
        self._lamport = 0
        self._effects = self.admission.effects  # all that follows, in its order
        self.links = Links(address, self.membership, self._effects)
        self._arrival = Arrival(origin, self.logs, self.membership, now=now)
        self._fresh: list[Record] = []  # appended in this turn, not sent yet
        self._acks: dict[Origin, None] = {}
        self._giving = Giving()
        self._told: dict[NodeId, tuple[object, ...]] = {}
        self._replied: dict[NodeId, float] = {}
        self._dead = Dead()
        self._fence = Fence(origin)
        self.holdings = Holdings(origin, self.logs, self.membership, self.ledger, is_past=self._is_past)
        self._remembered = tuple(sorted(remembered))
        self._moved = now - CALM_SECONDS
        self._stirred = True

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
        after: Mapping[Origin, int] | None = None,
    ) -> Record:
        """Write the next record of the own log. Raises ValueError for a part over its limit (bus.record)."""
        check_parts(payload, room, session, id, after)
        self._lamport += 1
        record = Record(
            VERSION, kind, self.origin, self._own.high + 1, self._lamport, room, session, id, payload, last,
            dict(after) if after else None,
        )  # fmt: skip
        self._own.add(record)
        self._fresh.append(record)
        self.admission.append(record)
        return record

    def announce(self, card: bytes) -> None:
        """Set the card of the next digests. Raises ValueError when it is over 1 KiB."""
        if len(card) > CARD_BYTES:
            raise ValueError(f"a card of {len(card)} bytes is over {CARD_BYTES}")
        self.card = card

    def move(self, address: str, endpoints: tuple[str, ...]) -> None:
        """Peers find this node elsewhere from now on."""
        self.address, self.endpoints = address, endpoints
        self.links.move(address)
        self.tell()

    def tell(self) -> None:
        """Let all know at once where this node is and what holds for it."""
        self._send(None, self._digest())

    def linked(self, address: str) -> None:
        """The connection to `address` stands."""
        if address in self.membership.links:
            self.membership.links[address] = None
            self._stirred = True
            self._send(address, self._digest(address))

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
        ticks = self.shelf.tick = self.membership.ticks
        self.shelf.sweep()
        busy = bool(self.repair) or now - self._moved < CALM_SECONDS
        if ticks % (BUSY_TICKS if busy else IDLE_TICKS) == 0:
            self._send(None, self._digest())
        if ticks % PING_TICKS == 0:
            for seen in self.membership.present():
                self._send(seen.address, Ping(self.origin, now))
            for address in self.membership.strangers():
                self._send(address, self._digest(address))
            self._bury()
            self.shelf.trim()
            held = [seen.held.get(self.origin, 0) for seen in self.membership.nodes.values() if not seen.gone]
            self.ledger.confirmed(min(held, default=self._own.high))
        for question in self.repair.due(now):
            self._ask(question)
        for origin in self.admission.to_ask():
            for seen in self.membership.present():
                self._ask(Question(seen.address, origin, self.admission.held(origin)))

    def receive(self, packet: Packet, now: float) -> None:
        """A packet came. What it may not say is refused and counted; nothing is raised."""
        if packet.sender == self.origin or self.fenced or self._is_copied(packet):
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
                self._giving.owe(seen.node, packet)
            case Ping() if seen is not None:
                self._send(seen.address, Pong(self.origin, packet.stamp))
            case Pong() if seen is not None:
                trip = max(0.0, now - packet.stamp)
                seen.round_trip = trip if seen.round_trip is None else seen.round_trip + (trip - seen.round_trip) / 8
            case Bye() if seen is not None:
                seen.gone = True
                self._stirred = True
            case Ack() | Ask() | Ping() | Pong() | Bye() | Call() | Answer() | Outlived():
                pass

    def heard_cast(self, node: NodeId, frames: int) -> None:
        """So many frames of a cast came from a node."""
        seen = self.membership.nodes.get(node)
        if seen is not None:
            seen.received += frames

    # --- what comes out -------------------------------------------------------------------------------------

    def turn(self, now: float) -> list[Effect]:
        """End a turn of the loop: everything that followed from what went in, in the order to perform it."""
        if self.fenced:
            last = [effect for effect in self._effects if isinstance(effect, Fenced)]
            self._effects.clear()
            return [*last]
        if self._fresh:
            self._moved = now
            self.ledger.appended(self._own.high, now)
            for packet in batches(self.origin, self._fresh):
                self._send(None, packet)
            self._fresh = []
        for origin in self._acks:
            seen = self.membership.nodes.get(node_of(origin))
            if seen is not None and not seen.gone:
                self._send(seen.address, Ack(self.origin, origin, self.logs[origin].high))
        self._acks.clear()
        for node, ask in self._giving.due(now):
            self._give(node, ask, now)
        self.admission.turn()
        stirred, self._stirred = self._stirred, False
        if stirred:
            self._tell()
        if self._arrival.ends(now):
            self.admission.synced = stirred = True
            self._effects.append(Synced())
        # Not before it is synced, so that who is only looked for yet is not dropped.
        if stirred and self._arrival.over and (known := self.membership.memorable()) != self._remembered:
            self._remembered = known
            self._effects.append(Remember(known))
        effects = self._effects.copy()
        self._effects.clear()
        return effects

    @property
    def restless(self) -> bool:
        """Whether another turn has something to do although nothing comes in."""
        return self._giving.restless

    def peers(self) -> list[Peer]:
        """Every other node known."""
        return [self.membership.view(seen) for seen in self.membership.nodes.values()]

    def _refuse(self, sender: Origin) -> None:
        self.refused += 1
        node = node_of(sender)
        if node in self.membership.nodes:
            self.ledger.of(node).refused += 1

    # --- records --------------------------------------------------------------------------------------------

    def _on_records(self, packet: Records, seen: Sighting | None, now: float) -> None:
        if not packet.records or any(record.origin != packet.sender for record in packet.records):
            self._refuse(packet.sender)
            return
        log = self._log(packet.sender)
        if log is None:
            return
        if seen is not None:
            seen.holds(packet.sender, packet.records[-1].seq)
        joined = [joined for record in packet.records for joined in log.add(record)]
        if joined:
            self._take(packet.sender, joined, unseen=seen is None)
        if log.waiting:
            self.repair.want(packet.sender, now)
        self._acks[packet.sender] = None
        self._moved = now

    def _on_fill(self, packet: Fill, seen: Sighting | None, now: float) -> None:
        if packet.origin == self.origin or any(record.origin != packet.origin for record in packet.records):
            self._refuse(packet.sender)
            return
        self.admission.answered(packet.origin, packet.high, by=packet.sender, asked=packet.asked)
        if seen is not None:
            seen.holds(packet.origin, packet.high)
        if packet.upto <= packet.after:
            return
        log = self._log(packet.origin)
        if log is None:
            return
        before = log.high
        joined = log.fill(Span(packet.after, packet.upto, packet.floor, packet.records))
        if log.high > before:
            gap = packet.floor if packet.floor > before else 0
            self._take(packet.origin, joined, unseen=seen is None, gap=gap)
            self._moved = now
            came = sum(record.seq > before for record in packet.records)  # what waited behind the gap came otherwise
            self.ledger.of(node_of(packet.sender)).repaired += came
            self._acks[packet.origin] = None
            question = self.repair.progress(packet.origin, now)
            if question is not None:
                self._ask(question)

    def _give(self, node: NodeId, ask: Ask, now: float) -> None:
        """Give a piece of a log. It may be empty, and says then how far this node holds it."""
        seen = self.membership.nodes.get(node)
        if seen is None:
            return
        log = self.logs.get(ask.origin)
        span = Span(ask.after, ask.after, 0, []) if log is None or log.high <= ask.after else log.span(ask.after)
        self._giving.given(node, sum(map(cost_of, span.records)), now)
        self.ledger.of(node).given += len(span.records)
        self._send(
            seen.address,
            Fill(
                self.origin, ask.origin, span.after, span.upto, span.floor, self.admission.held(ask.origin),
                list(span.records), ask.asked,
            ),
        )  # fmt: skip

    def _take(self, origin: Origin, records: Sequence[Record], *, unseen: bool, gap: int = 0) -> None:
        """What joined the log of another: it is held from now on. The rest as in `Admission.take`."""
        if records:
            self._lamport = max(self._lamport, *(record.lamport for record in records))
        # Of a life that was forgotten and lives after all, texts are not shown again, and what stands must be.
        before = self._dead.shown(origin)
        if before:
            records = [record for record in records if record.seq > before or record.slot is not None]
        self.admission.take(origin, records, gap=gap, unseen=unseen)

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
            log = self.logs[origin] = Log(origin, self.shelf)
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
        if log is not None:
            self.shelf.forget(log)
        self.admission.forget(origin)
        self.repair.forget(origin)
        self._acks.pop(origin, None)
        seen = self.membership.nodes.get(node_of(origin))
        if seen is not None and seen.origin == origin:
            del self.membership.nodes[seen.node]
            self._part_from(seen)
        self._effects.append(Forgotten(origin))

    def _part_from(self, seen: Sighting) -> None:
        self._effects.append(Ignore(seen.endpoints))
        self._told.pop(seen.node, None)
        self._replied.pop(seen.node, None)
        self._giving.forget(seen.node)
        self.ledger.forget(seen.node)

    # --- repair ---------------------------------------------------------------------------------------------

    def _ask(self, question: Question) -> None:
        ask = Ask(
            self.origin, question.origin, question.after, asked=self.membership.ticks, joining=self._arrival.joining
        )
        self._send(question.address, ask)

    # --- membership -----------------------------------------------------------------------------------------

    def _on_digest(self, packet: Digest, now: float) -> None:
        node = node_of(packet.sender)
        known = self.membership.nodes.get(node)
        before = None if known is None else whereabouts(known)
        seen = self.membership.meet(packet, now)
        if seen is None or seen.gone:
            if known is not None and known.origin != packet.sender:
                # It lives, and is older than what it was when it was met: its data folder has been copied.
                if now - self._replied.get(node, -1.0) >= REPLY_SECONDS:
                    self._replied[node] = now
                    self._send(None, Outlived(self.origin, known.origin))
            return
        self._stirred = True
        self.reached = packet.reached or self.reached
        self._connect(seen, before)
        for life, address in packet.known.items():
            self.membership.tell_of(life)
            self.links.reach(address)
        for origin, (_, high) in packet.held.items():
            if origin == self.origin or high == 0 or origin in self.repair:
                continue
            if origin in self.logs:
                if self.logs[origin].high < high:
                    self.repair.want(origin, now)
            elif not self.repair.is_full and not self._is_past(origin):
                self.repair.want(origin, now)
                question = self.repair.ask(origin, now)
                if question is not None:
                    self._ask(question)
        named = self.origin in packet.hears
        if named:
            self._arrival.heard_by(packet)
        fresh = before is None or before[0] != packet.sender
        if (fresh or not named) and (fresh or now - self._replied.get(node, -1.0) >= REPLY_SECONDS):
            self._replied[node] = now
            self._send(seen.address, self._digest(seen.address))

    def _connect(self, seen: Sighting, before: Whereabouts | None) -> None:
        """Follow a node to where it is now, and part from those that had to make room for it."""
        self.links.follow(seen, before)
        for forgotten in self.membership.forgotten:
            self.links.leave(forgotten.address)
            self._part_from(forgotten)
            self._forget(forgotten.origin)
        self.membership.forgotten.clear()

    def _digest(self, address: str = "") -> Digest:
        """What goes to all, or to the node at an address alone."""
        return Digest(
            self.origin,
            self.address,
            self.endpoints,
            {origin: (log.floor, log.high) for origin, log in self.logs.items()},
            [seen.origin for seen in self.membership.heard()],
            {seen.origin: seen.address for seen in self.membership.present()},
            self.card,
            self.keys,
            address,
        )

    def _tell(self) -> None:
        """Report every peer whose life, state, address or card is not what was reported last."""
        membership = self.membership
        for node, seen in membership.nodes.items():
            cut = is_cut(membership.links.get(seen.address), membership.ticks)
            news = seen.origin, membership.state(seen), cut, seen.address, seen.card
            if self._told.get(node) != news:
                self._told[node] = news
                self._effects.append(Changed(membership.view(seen)))

    def _is_copied(self, packet: Packet) -> bool:
        """Whether a newer life of this node's id was met, or somebody who has met one: this one fences itself."""
        newer = self._fence.newer(packet)
        if newer is not None:
            self.fenced = True
            self._effects.append(Fenced(newer))
        return self.fenced

    def _send(self, address: str | None, packet: Packet) -> None:
        self._effects.append(Send(address, packet))
