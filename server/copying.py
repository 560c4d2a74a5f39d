"""How the copying of the logs goes: each node measures its own part, and tells it to the consoles that ask; pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

import msgspec

from bus.interface import Figures, Peer
from bus.record import NodeId, Origin
from server.counters import Rate
from server.links import STATES, State
from server.views import CopyView, LogView, WantView

TOPIC = "copying"

FRESH_SECONDS = 3.5
"""What a node has said counts for this long: it says it once a second, and one may be lost."""

ROOMS, ROOM_BYTES = 200, 24_000
"""Names of rooms in one frame."""

PEERS = 200
"""Peers in one frame."""

LOGS = 6
"""Logs named of those of which a node lacks something, the worst first."""


class Part(msgspec.Struct, array_like=True, frozen=True):
    """How one node sees the copying to and from one peer."""

    peer: NodeId
    state: State
    round_trip: float | None
    lag: int
    behind: int
    queue: int
    unconfirmed: float
    repaired: int
    repairs: float | None
    given: int
    gifts: float | None
    refused: int


class _Told(msgspec.Struct, array_like=True, frozen=True):
    node: NodeId
    rooms: list[str]
    more: int
    parts: list[Part]


_decoder: msgspec.msgpack.Decoder[_Told] = msgspec.msgpack.Decoder(_Told)


class Copying:
    """What this node measures, and what others have said."""

    def __init__(self, node: NodeId) -> None:
        self._node = node
        self._rates: dict[Origin, tuple[Rate, Rate]] = {}
        self._parts: dict[NodeId, Part] = {}
        self._told: dict[NodeId, tuple[float, _Told]] = {}

    @property
    def parts(self) -> Mapping[NodeId, Part]:
        """The own part of each peer that did not say goodbye, as measured last."""
        return self._parts

    def measure(self, peers: Iterable[Peer], figures: Mapping[NodeId, Figures], now: float) -> None:
        """Look at the own part; called once a second, so that rates are means of that long."""
        before, self._rates, self._parts = self._rates, {}, {}
        for peer in peers:
            own = figures.get(peer.node)
            if peer.left or own is None:
                continue
            rates = before.get(peer.origin)
            known = rates is not None
            if rates is None:
                rates = Rate(now=now, total=own.repaired), Rate(now=now, total=own.given)
            self._rates[peer.origin] = rates
            rates[0].look(own.repaired, now=now)
            rates[1].look(own.given, now=now)
            self._parts[peer.node] = Part(
                peer=peer.node,
                state=STATES[peer.state],
                round_trip=None if peer.round_trip is None else round(peer.round_trip * 1000, 2),
                lag=own.lag,
                behind=own.behind,
                queue=own.queue,
                unconfirmed=round(own.unconfirmed, 3),
                repaired=own.repaired,
                repairs=round(rates[0].value, 1) if known else None,
                given=own.given,
                gifts=round(rates[1].value, 1) if known else None,
                refused=own.refused,
            )

    def tell(self, rooms: Iterable[str]) -> bytes:
        """The own part, and of which rooms this node wants the voice, for the consoles."""
        names: list[str] = []
        size = more = 0
        for name in sorted(rooms):
            size += len(name.encode())
            if len(names) < ROOMS and size <= ROOM_BYTES:
                names.append(name)
            else:
                more += 1
        return msgspec.msgpack.encode(_Told(self._node, names, more, list(self._parts.values())[:PEERS]))

    def merge(self, told: bytes, now: float) -> None:
        """Take what another node says. Raises msgspec.MsgspecError if it is not readable."""
        found = _decoder.decode(told)
        if found.node != self._node:
            self._told[found.node] = now, found

    def said(self, node: NodeId, now: float) -> Mapping[NodeId, Part] | None:
        """How another node sees its part; None where it has not said so of late."""
        told = self._fresh(node, now)
        return None if told is None else {part.peer: part for part in told.parts}

    def wants(self, node: NodeId, now: float) -> WantView | None:
        """Of which rooms another node wants the voice; None where it has not said so of late."""
        told = self._fresh(node, now)
        return None if told is None else WantView(tuple(told.rooms), told.more)

    def forget(self, nodes: Iterable[NodeId]) -> None:
        """Keep only what these nodes have said."""
        for node in self._told.keys() - set(nodes):
            del self._told[node]

    def _fresh(self, node: NodeId, now: float) -> _Told | None:
        at, told = self._told.get(node, (0.0, None))
        return told if told is not None and now - at <= FRESH_SECONDS else None


def view(part: Part, name: str, logs: tuple[LogView, ...] = (), open_for: float = 0.0) -> CopyView:
    """One part as a window sees it."""
    return CopyView(
        node=part.peer,
        name=name,
        state=part.state,
        round_trip=part.round_trip,
        lag=part.lag,
        logs=logs,
        open_for=open_for,
        behind=part.behind,
        queue=part.queue,
        oldest=part.unconfirmed * 1000,
        repaired=part.repaired,
        repairs=part.repairs,
        given=part.given,
        gifts=part.gifts,
        refused=part.refused,
    )


def lacking(here: Mapping[Origin, int], there: Mapping[Origin, int]) -> list[tuple[Origin, int, int]]:
    """The logs that are held less far there than here: origin, how far here, how far there; the worst first."""
    found = ((origin, high, there.get(origin, 0)) for origin, high in here.items() if there.get(origin, 0) < high)
    return heapq.nsmallest(LOGS, found, key=lambda log: (log[2] - log[1], log[0]))
