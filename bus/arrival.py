"""Whether a node that begins has caught up with all whom it has met, and met all whom they hear; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from bus.log import Log
from bus.membership import Membership
from bus.packets import Digest
from bus.record import NodeId, Origin, node_of

SYNC_SECONDS = 2.0
"""A node counts as synced after this at the latest."""

JOIN_SECONDS = 60.0
"""For so long at most it takes what was there before it came at its own pace; then it is paced as any other."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Target:
    """What a peer held and heard when it first heard this node: to have that is to be synced."""

    held: dict[Origin, int]
    hears: frozenset[Origin]


class Arrival:
    """The beginning of a node, until it is synced and has all that was there."""

    def __init__(self, origin: Origin, logs: Mapping[Origin, Log], membership: Membership, *, now: float) -> None:
        self.over = False
        """It is synced."""
        self.joining = True
        """It still lacks some of what was there before it came, though it may count as synced."""
        self._origin = origin
        self._logs = logs
        self._membership = membership
        self._began = now
        self._targets: dict[NodeId, _Target] = {}

    def heard_by(self, peer: Digest) -> None:
        """A peer says that it hears this node; what it tells the first time is to be reached."""
        if self.joining and (node := node_of(peer.sender)) not in self._targets:
            held = {origin: high for origin, (_, high) in peer.held.items() if origin != self._origin}
            self._targets[node] = _Target(held, frozenset(peer.hears) - {self._origin})

    def ends(self, now: float) -> bool:
        """Whether it is over by now and was not before."""
        passed = now - self._began
        if self.joining and (passed >= JOIN_SECONDS or self._is_reached()):
            self.joining = False
            self._targets.clear()
        if self.over or (self.joining and passed < SYNC_SECONDS):
            return False
        self.over = True
        return True

    def _is_reached(self) -> bool:
        if not self._membership.sought:
            return True
        # Every one of them: the peer that is asked first may itself be behind another.
        present = self._membership.present()
        return bool(present) and all(self._has_reached(self._targets.get(seen.node)) for seen in present)

    def _has_reached(self, target: _Target | None) -> bool:
        """Whether all is held and met that a peer told; None until it has told."""
        return (
            target is not None
            and all(map(self._membership.has_met, target.hears))
            and all(
                high == 0 or (origin in self._logs and self._logs[origin].high >= high)
                for origin, high in target.held.items()
            )
        )
