"""Keeps the garbage collector from holding the loop: every look of it is at what came since the one before.

Left alone, Python now and then looks through everything that lives: with 5,000 sessions that took 60 to 170 ms, three
to eight frames of voice. So what has outlived a full collection is set apart ("frozen") and not looked at again, and
each collection is bounded by the thresholds below. What is freed by counting references, as nearly all is here, is
freed there as well; connections let go of themselves to that end, and records are structs that are not looked at.
Only cycles that fall apart later would stay, such as those of a closed dialog: for them everything is looked through
when nobody here speaks or is spoken to.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

THRESHOLDS = 700, 3, 2
"""A full collection comes after some 8,000 new objects that stayed: about 5 ms of a slow core."""

LOOK_SECONDS = 60.0
GROWN = 20_000
"""Objects that were set apart since everything was looked through, before that is done again."""

MOST = 1_000_000
"""So many of them, and it is done even while somebody speaks."""


class Collector:
    """The garbage collector of this process, for as long as it serves."""

    def __init__(self, voiced: Callable[[], int]) -> None:
        """`voiced` gives a total that has risen if there was voice since it was last asked."""
        self._voiced = voiced
        self._heard = 0
        self._settled = 0
        self._before = gc.get_threshold()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Set apart what is there, and begin to look; to be called on the loop."""
        gc.callbacks.append(self._collected)
        gc.set_threshold(*THRESHOLDS)
        gc.freeze()
        self._settled = gc.get_freeze_count()
        self._heard = self._voiced()
        self._wait()

    def stop(self) -> None:
        """Leave everything as it was before. Safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.callbacks.remove(self._collected)
            gc.set_threshold(*self._before)
            gc.unfreeze()

    def look(self) -> bool:
        """Look through everything, if there is enough to be found and nobody would hear it; returns whether."""
        heard, self._heard = self._heard, self._voiced()
        grown = gc.get_freeze_count() - self._settled
        if grown <= (GROWN if self._heard == heard else MOST):
            return False
        gc.unfreeze()
        gc.collect()
        self._settled = gc.get_freeze_count()
        return True

    def _collected(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._due)

    def _due(self) -> None:
        self.look()
        self._wait()
