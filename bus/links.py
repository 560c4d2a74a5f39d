"""Where a node looks for others, and whose streams it listens to; pure."""

from __future__ import annotations

from bus.effects import Effect, Ignore, Link, Listen, Unlink
from bus.membership import Membership, Sighting
from bus.packets import PEERS
from bus.record import Origin

LINKS = 2 * PEERS
"""Addresses that a node tries to reach."""

Whereabouts = tuple[Origin, str, tuple[str, ...]]
"""A life of a node, its address and its endpoints."""


def whereabouts(seen: Sighting) -> Whereabouts:
    """Where a node is now."""
    return seen.origin, seen.address, seen.endpoints


class Links:
    """The connections of a node. What follows is put into `effects`; how they stand is in `Membership.links`."""

    def __init__(self, address: str, membership: Membership, effects: list[Effect]) -> None:
        """`address` is the node's own, which it never looks for."""
        self._address = address
        self._membership = membership
        self._effects = effects
        for sought in membership.sought:
            self.reach(sought)

    def join(self, address: str) -> None:
        """Look for a peer there from now on, as if it had been configured."""
        if address and address != self._address:
            self._membership.configured |= {address}
            self.reach(address)

    def give_up(self, address: str) -> None:
        """Look there no more; a peer that was found there stays."""
        if address in self._membership.configured:
            self._membership.configured -= {address}
            self.leave(address)

    def move(self, address: str) -> None:
        """The node's own address is another from now on."""
        self._address = address
        if address in self._membership.links:
            del self._membership.links[address]
            self._effects.append(Unlink(address))

    def follow(self, seen: Sighting, before: Whereabouts | None) -> None:
        """Go with a node from where it was `before` to where it is now."""
        if before is not None and before[1] != seen.address:
            self.leave(before[1])
        if before is not None and before[2] != seen.endpoints:
            self._effects.append(Ignore(before[2]))
        if before is None or before[2] != seen.endpoints:
            self._effects.append(Listen(seen.endpoints))
        self.reach(seen.address)

    def reach(self, address: str) -> None:
        """Connect to an address, if it is one of another node and there is room."""
        links = self._membership.links
        if not address or address == self._address or address in links:
            return
        if len(links) >= LINKS:
            # Room is made by what was only heard of and does not answer.
            idle = [other for other, lost in links.items() if lost is not None]
            for other in sorted(idle, key=lambda other: links[other] or 0):
                if len(links) >= LINKS:
                    self.leave(other)
        if len(links) < LINKS:
            links[address] = self._membership.ticks
            self._effects.append(Link(address))

    def leave(self, address: str) -> None:
        """End the connection to an address where nobody is and nobody is looked for."""
        membership = self._membership
        used = any(seen.address == address for seen in membership.nodes.values())
        if address in membership.links and address not in membership.configured and not used:
            del membership.links[address]
            self._effects.append(Unlink(address))
