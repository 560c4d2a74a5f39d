"""Which of two keys a node listens with while the secret of a cluster is changed, and when the old one ends; pure."""

from __future__ import annotations

from collections.abc import Sequence

from bus.membership import TICK_SECONDS, UP_TICKS
from bus.packets import KeyId

OVERLAP_SECONDS = 600.0
"""How long after a rotation the secret before it holds at most."""

OVERLAP_TICKS = round(OVERLAP_SECONDS / TICK_SECONDS)


class Rotation:
    """The keys that hold for one node, by their ids.

    It listens with the old one until every peer that is up knows the new one, and refuses the old one when all of
    these listen with the new one; or does both when the time of a rotation is over.
    """

    def __init__(self, current: KeyId, previous: KeyId | None, *, ticks: int = 0) -> None:
        """`ticks`: how long ago the one followed the other."""
        self._current, self._previous = current, previous
        self.listens = previous or current
        """What this node's own sockets take."""
        self._since = -ticks
        self._settled = 0  # the tick from which peers had the time to be met, or to follow

    @property
    def keys(self) -> tuple[KeyId, ...]:
        """Those that hold: what this node listens with, then the other."""
        if self._previous is None:
            return (self._current,)
        other = self._current if self.listens == self._previous else self._previous
        return self.listens, other

    @property
    def under_way(self) -> bool:
        """Whether two keys hold."""
        return self._previous is not None

    def learn(self, current: KeyId, previous: KeyId | None, *, ticks: int, age: int = 0) -> None:
        """The secret is another, since so many ticks, at tick `ticks`; what is neither of the two ends now."""
        self._since, self._settled = ticks - age, ticks
        self._current, self._previous = current, previous
        if self.listens not in (current, previous):
            self.listens = previous or current

    def turn(self, peers: Sequence[Sequence[KeyId]], *, ticks: int) -> bool:
        """Go on at tick `ticks`, by what the peers that are up said of theirs. Returns whether `keys` changed."""
        if self._previous is None:
            return False
        late = ticks - self._since > OVERLAP_TICKS
        if not late and ticks - self._settled <= UP_TICKS:
            return False
        if self.listens != self._current:
            if not late and not all(self._current in keys for keys in peers):
                return False
            self.listens = self._current
        elif late or all(keys[:1] == (self._current,) for keys in map(tuple, peers)):
            self._previous = None
        else:
            return False
        self._settled = ticks
        return True
