"""What nodes tell each other of their clients and links once a second, for the consoles that ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from server.links import TOPIC as LINKS
from server.refusals import TOPIC as REFUSALS
from server.roundtrips import TOPIC as ROUND_TRIPS

if TYPE_CHECKING:
    from server.node import Node


class Gossip:
    """Casts the round trips, refusals and links of its node, and has it take those of others."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def hearers(self) -> dict[str, Callable[[bytes], None]]:
        """By topic what takes the word of another node; it may raise msgspec.MsgspecError."""
        node = self._node
        return {
            ROUND_TRIPS: lambda told: node.round_trips.merge(told, now=node.clock.now()),
            REFUSALS: lambda told: node.refusals.merge(told, now=node.clock.now()),
            LINKS: lambda told: node.links.merge(told, node.clock.now()),
        }

    def tell(self, now: float) -> None:
        """Count anew, and say what came of it; once a second."""
        node, present = self._node, self._node.presence.present
        node.round_trips.forget(present)
        self._cast(ROUND_TRIPS, node.round_trips.take())
        node.refusals.look(now)
        node.refusals.forget(present)
        self._cast(REFUSALS, node.refusals.take())
        node.links.measure(node.bus.peers(), now)
        if node.bus.wanted(LINKS):
            node.bus.cast(LINKS, node.links.tell())

    def _cast(self, topic: str, figures: bytes) -> None:
        if figures and self._node.bus.wanted(topic):
            self._node.bus.cast(topic, figures)
