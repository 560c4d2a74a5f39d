"""The lives that have ended: since when, and how far each was shown before it was forgotten; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bus.membership import TICK_SECONDS
from bus.packets import ORIGINS
from bus.record import Origin

DEAD_TICKS = round(6 * 60 * 60 / TICK_SECONDS)
"""6 h: the log of a life that ended this long ago, by this node's own count, is forgotten."""

PAST = 4 * ORIGINS
"""Forgotten lives that are still known as such, so that the log of one is not taken from a peer as a new one."""


class Dead:
    """The origins that do not live, and those of them that were forgotten (cluster.md rule 1)."""

    def __init__(self) -> None:
        self.ticks = DEAD_TICKS
        self._since: dict[Origin, int] = {}  # the longest dead first
        self._shown: dict[Origin, int] = {}

    @property
    def oldest(self) -> Origin | None:
        """The one that is dead for longest and not forgotten."""
        return next(iter(self._since), None)

    def look(self, origins: Iterable[Origin], lives: Callable[[Origin], bool], *, tick: int) -> list[Origin]:
        """Note which of `origins` are dead at `tick`; returns those whose time is over."""
        for origin in origins:
            if lives(origin):
                self._since.pop(origin, None)
            else:
                self._since.setdefault(origin, tick)
        return [origin for origin, since in self._since.items() if tick - since > self.ticks]

    def forget(self, origin: Origin, *, high: int) -> None:
        """Note that a log which was shown up to `high` is held no more."""
        self._since.pop(origin, None)
        self._shown[origin] = max(high, self._shown.pop(origin, 0))
        if len(self._shown) > PAST:
            del self._shown[next(iter(self._shown))]

    def forgot(self, origin: Origin) -> bool:
        """Whether it was forgotten, though it may have come back since."""
        return origin in self._shown

    def shown(self, origin: Origin) -> int:
        """How far a log was shown before it was forgotten, 0 for others."""
        return self._shown.get(origin, 0)
