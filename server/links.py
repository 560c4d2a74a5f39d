"""The ways between nodes: each node measures its own, and tells them to the consoles that ask; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, islice
from typing import Annotated, Literal

import msgspec

from bus.interface import Peer, PeerState
from bus.record import NodeId, Origin
from server.counters import Rate
from server.views import LinkView

TOPIC = "links"

MOST = 1000
"""Ends in one frame."""

FRESH_SECONDS = 3.5
"""What a node has said of its ends counts for this long: it says it once a second, and one may be lost."""

State = Literal["up", "late", "lost"]

_Figure = Annotated[float, msgspec.Meta(ge=0, le=1e12)]

STATES: dict[PeerState, State] = {PeerState.UP: "up", PeerState.SUSPECT: "late", PeerState.DOWN: "lost"}
"""The words of a console for the states of a peer."""
_WORSE: dict[State, int] = {"up": 0, "late": 1, "lost": 2}


class End(msgspec.Struct, array_like=True, frozen=True):
    """One end of a link, as the node there sees it."""

    peer: NodeId
    """The node at the other end."""
    state: State
    rate: _Figure | None
    """Messages a second taken from there; None until measured."""
    round_trip: _Figure | None
    """Milliseconds; None until measured."""


class _Told(msgspec.Struct, array_like=True, frozen=True):
    node: NodeId
    ends: Annotated[list[End], msgspec.Meta(max_length=MOST)]


_decoder: msgspec.msgpack.Decoder[_Told] = msgspec.msgpack.Decoder(_Told)


class Links:
    """What this node measures of its ends, and what others have said of theirs."""

    def __init__(self, node: NodeId) -> None:
        self._node = node
        self._rates: dict[Origin, Rate] = {}
        self._told: dict[NodeId, tuple[float, dict[NodeId, End]]] = {}

    def measure(self, peers: Iterable[Peer], now: float) -> None:
        """Look at the own ends; called once a second, so that rates are means of that long."""
        before, self._rates = self._rates, {}
        own: dict[NodeId, End] = {}
        for peer in peers:
            if peer.left:
                continue
            rate = before.get(peer.origin)
            if rate is None:
                self._rates[peer.origin] = rate = Rate(now=now, total=peer.received)
                measured = None
            else:
                self._rates[peer.origin] = rate
                rate.look(peer.received, now=now)
                measured = round(rate.value, 1)
            own[peer.node] = _end(peer, measured)
        self._told = {node: told for node, told in self._told.items() if now - told[0] <= FRESH_SECONDS}
        self._told[self._node] = now, own

    def tell(self) -> bytes:
        """The own ends as measured last, for the other nodes."""
        _, own = self._told.get(self._node, (0.0, {}))
        return msgspec.msgpack.encode(_Told(self._node, list(islice(own.values(), MOST))))

    def merge(self, told: bytes, now: float) -> None:
        """Take what another node says. Raises msgspec.MsgspecError if it is not readable."""
        found = _decoder.decode(told)
        if found.node != self._node:
            self._told[found.node] = now, {end.peer: end for end in found.ends}

    def views(self, nodes: Mapping[NodeId, PeerState], now: float) -> list[LinkView]:
        """Every pair of these nodes of which something is known; `nodes` says how this node sees each.

        Where neither end has spoken of late, a node that is gone or late here makes the link so.
        """
        found = []
        for a, b in combinations(sorted(nodes), 2):
            ends = self._said(a, b, now), self._said(b, a, now)
            view = _view(a, b, ends, _worst(nodes[a], nodes[b]))
            if view is not None:
                found.append(view)
        return found

    def _said(self, by: NodeId, of: NodeId, now: float) -> End | None:
        at, ends = self._told.get(by, (now, {}))
        return ends.get(of) if now - at <= FRESH_SECONDS else None


def _view(a: NodeId, b: NodeId, ends: tuple[End | None, End | None], seen: PeerState) -> LinkView | None:
    said = [end for end in ends if end is not None]
    if not said:
        return None if seen is PeerState.UP else LinkView(a, b, STATES[seen], None, None)
    state = max((end.state for end in said), key=_WORSE.__getitem__)
    if state == "lost":
        return LinkView(a, b, state, None, None)
    rates = [end.rate for end in said if end.rate is not None]
    trips = [end.round_trip for end in said if end.round_trip is not None]
    return LinkView(
        a,
        b,
        state,
        sum(rates) if len(rates) == 2 else None,
        sum(trips) / len(trips) if trips else None,
    )


def _end(peer: Peer, rate: float | None) -> End:
    trip = None if peer.round_trip is None else round(peer.round_trip * 1000, 2)
    return End(peer.node, STATES[peer.state], rate, trip)


def _worst(*states: PeerState) -> PeerState:
    return max(states, key=(PeerState.UP, PeerState.SUSPECT, PeerState.DOWN).index)
