"""When a launched node that crashed is started again, and when no more; pure."""

from __future__ import annotations

from collections import deque

CRASHES = 5
"""So many crashes within `WINDOW_SECONDS` are given up."""

WINDOW_SECONDS = 600.0

LONGEST_SECONDS = 30.0
"""The wait doubles from one second up to this, and begins anew after `WINDOW_SECONDS` without a crash."""


class Restarts:
    """The schedule of one node."""

    def __init__(self) -> None:
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._in_a_row = 0

    @property
    def crashes(self) -> int:
        """How many came in a row, none of them `WINDOW_SECONDS` after the one before."""
        return self._in_a_row

    def crashed(self, now: float) -> float | None:
        """Note a crash; give the seconds to wait before the next start, or None to give up."""
        if self._crashes and now - self._crashes[-1] >= WINDOW_SECONDS:
            self._crashes.clear()
            self._in_a_row = 0
        self._crashes.append(now)
        self._in_a_row += 1
        if len(self._crashes) == CRASHES and now - self._crashes[0] < WINDOW_SECONDS:
            return None
        return min(LONGEST_SECONDS, 2.0 ** min(self._in_a_row - 1, 10))

    def forgive(self) -> None:
        """Begin anew: somebody has started it by hand."""
        self._crashes.clear()
        self._in_a_row = 0
