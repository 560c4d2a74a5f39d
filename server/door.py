"""Lets newcomers in, so many in a turn of the loop that those who are in are not held up; pure."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

V = TypeVar("V")


class Door(Generic[V]):
    """Open for so many seconds of each turn, and for one visitor at least; the others wait in line."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._closes = 0.0
        self._first = False
        self._waiting: deque[V] = deque()

    @property
    def has_line(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def open(self, now: float) -> None:
        """A turn begins."""
        self._closes = now + self._seconds
        self._first = True

    def enter(self, visitor: V, now: float) -> bool:
        """Whether `visitor` may come in; else it stands in line, for `next` to give."""
        if not self._waiting and self._lets_in(now):
            return True
        self._waiting.append(visitor)
        return False

    def next(self, now: float) -> V | None:
        """The first in line, if it may come in in this turn."""
        return self._waiting.popleft() if self._waiting and self._lets_in(now) else None

    def _lets_in(self, now: float) -> bool:
        first, self._first = self._first, False
        return first or now < self._closes
