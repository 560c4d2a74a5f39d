"""Of two processes with one node id the older one falls silent; pure."""

from __future__ import annotations

from bus.packets import Digest, Outlived, Packet
from bus.record import Origin, incarnation_of, node_of


class Fence:
    """Knows the own life, and sees a newer one of the same id, met or named by somebody who has met it."""

    def __init__(self, origin: Origin) -> None:
        self._mine, self._incarnation = node_of(origin) + ".", incarnation_of(origin)

    def newer(self, packet: Packet) -> Origin | None:
        """The newer life that a packet is of or speaks of, if any."""
        lives = [packet.sender]
        if isinstance(packet, Digest):
            lives += packet.hears
        elif isinstance(packet, Outlived):
            lives.append(packet.origin)
        for life in lives:
            if life.startswith(self._mine) and incarnation_of(life) > self._incarnation:
                return life
        return None
