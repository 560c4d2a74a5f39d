"""What the nodes say of themselves: the own card, measured every second, and the cards of the others."""

from __future__ import annotations

import os
import urllib.parse
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated

import msgspec
import psutil

from bus.interface import Peer, PeerState
from bus.record import NodeId, Origin
from server.counters import Rate

if TYPE_CHECKING:
    from server.node import Node

MEASURE_SECONDS = 1.0
PAGES = 64
"""Origins remembered of which nodes have served pages."""


_Count = Annotated[int, msgspec.Meta(ge=0)]
_Figure = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class Card(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One node in its own words; goes out with its heart-beats."""

    name: str
    url: str
    bus: str
    started: _Count
    """ms since 1970."""
    pid: _Count
    sessions: _Count
    cpu: _Figure
    """Share of one core since the last card, 0 to 1 and above."""
    memory: _Count
    """Resident bytes."""
    received_rate: _Figure
    """Messages a second from clients."""
    sent_rate: _Figure
    """Deliveries a second to clients."""
    wants: int | None = None
    """Of how many rooms it wants the voice; None where it does not say."""
    drain: tuple[_Count, _Count, _Count, bool] | None = None
    """The figures of its `DrainView` while it goes away."""
    audit: Annotated[bytes, msgspec.Meta(max_length=8)] | None = None
    """What tells whether it knows the same lines of the audit."""


_decoder: msgspec.msgpack.Decoder[Card] = msgspec.msgpack.Decoder(Card)


class CardBoard:
    """The cards of the cluster, as this node has them."""

    def __init__(self, node: Node) -> None:
        now = node.clock.now()
        self._node = node
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._due = now + MEASURE_SECONDS
        self._worst = 0.0
        self._received = Rate(now=now)
        self._sent = Rate(now=now)
        self.loop_lag = 0.0
        """Seconds that the event loop was late in the last second, at worst."""
        self.peers: dict[NodeId, tuple[Peer, Card | None]] = {}
        """Peer and its newest readable card, by node."""
        self._pages: OrderedDict[str, None] = OrderedDict()
        self.card = self._measure()
        """This node's."""

    def write(self) -> bytes:
        """Measure this node, and return its new card as bytes."""
        self.card = self._measure()
        return msgspec.msgpack.encode(self.card)

    def look(self, now: float, late: float) -> bool:
        """Note a tick that came `late` seconds late; returns once a second that it is time for a new card."""
        self._worst = max(self._worst, late)
        if now < self._due:
            return False
        self._due = now + MEASURE_SECONDS
        self.loop_lag, self._worst = self._worst, 0.0
        counters = self._node.counters
        self._received.look(counters.received, now=now)
        self._sent.look(counters.sent, now=now)
        return True

    def note(self, peer: Peer) -> Origin | None:
        """Take what the bus knows of a peer; returns the origin of its former life when it began another.

        One that said goodbye is no longer on the board; one that is down without a word is.
        """
        known = self.peers.get(peer.node)
        if peer.left:
            self.peers.pop(peer.node, None)
            return None
        card = known[1] if known else None
        if peer.card:
            try:
                said = _decoder.decode(peer.card)
                self._note_page(_origin(said.url))
                card = said
            except ValueError:  # of msgspec, or of an address that is none
                pass  # a newer version may say more; what it said before stands
        self.peers[peer.node] = (peer, card)
        return known[0].origin if known and known[0].origin != peer.origin else None

    def forget(self, origin: Origin) -> NodeId | None:
        """Take the node whose life `origin` is off the board; returns it, or None if no such life is on it."""
        for node, (peer, _) in self.peers.items():
            if peer.origin == origin:
                del self.peers[node]
                return node
        return None

    def state_of(self, node: NodeId) -> PeerState | None:
        """What is known of a node, or None."""
        known = self.peers.get(node)
        return known[0].state if known else None

    def name_of(self, node: NodeId) -> str:
        """The name of a node, this one included, or its id until it has said its name."""
        if node == self._node.node_id:
            return self._node.name
        known = self.peers.get(node)
        return known[1].name if known and known[1] else node

    def find(self, name: str) -> NodeId | None:
        """The node with this id or name, this one included; None where there is none."""
        if name in (self._node.node_id, self._node.name):
            return self._node.node_id
        if name in self.peers:
            return name
        named = [peer for peer, card in self.peers.values() if card is not None and card.name == name]
        named.sort(key=lambda peer: peer.state is not PeerState.UP)  # of a name that was used before, who has it now
        return named[0].node if named else None

    def wanted_by(self, node: NodeId) -> int | None:
        """Of how many rooms a peer wants the voice; None where it does not say."""
        known = self.peers.get(node)
        return known[1].wants if known and known[1] else None

    def urls_of_others(self) -> list[str]:
        """Where clients of other nodes that are up and take sessions connect."""
        return [
            card.url
            for peer, card in self.peers.values()
            if card and card.url and peer.state is PeerState.UP and card.drain is None
        ]

    def may_be_refuge(self) -> bool:
        """Whether another node may take sessions again in a moment, although it does not answer now."""
        return any(
            card is not None and card.drain is None and peer.state is PeerState.SUSPECT
            for peer, card in self.peers.values()
        )

    def is_page_of_other(self, origin: str) -> bool:
        """Whether another node served pages of this origin. One that is gone counts: its pages come here now."""
        return origin in self._pages

    def _note_page(self, origin: str) -> None:
        self._pages[origin] = None
        self._pages.move_to_end(origin)
        if len(self._pages) > PAGES:
            self._pages.popitem(last=False)

    def _measure(self) -> Card:
        node = self._node
        drain = node.departure.view()
        try:
            cpu, memory = self._process.cpu_percent() / 100, self._process.memory_info().rss
        except (OSError, psutil.Error):  # no descriptor is free: the figures of before stand
            cpu, memory = self.card.cpu, self.card.memory
        return Card(
            name=node.name,
            url=node.url,
            bus=node.bus.address,
            started=node.started,
            pid=os.getpid(),
            sessions=len(node.conversations),
            cpu=cpu,
            memory=memory,
            received_rate=self._received.value,
            sent_rate=self._sent.value,
            wants=sum(bool(room.listeners) for room in node.rooms.values()),
            drain=None if drain is None else (drain.left, drain.of, drain.seconds, drain.ending),
            audit=node.audit.summary,
        )


def _origin(url: str) -> str:
    """The origin of the page that the node at this WebSocket URL serves."""
    parts = urllib.parse.urlsplit(url)
    return f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}".lower()
