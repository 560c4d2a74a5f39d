"""Lets so many through a second, and tells each of the others its own time; pure."""

from __future__ import annotations

import math

RESUMES_PER_SECOND = 200
"""Sessions that one node takes over in a second (cluster.md section on resuming): a crash brings them all at once."""

BURST = 20
"""How many of them may come at once."""

EARLY_SECONDS = 0.005
"""A timer of a client may wake by so much too early."""


class Turnstile:
    """A queue of times: who comes when all are taken gets the next one, so that nobody comes in a second wave."""

    def __init__(self, rate: float = RESUMES_PER_SECOND, burst: float = BURST) -> None:
        self._step = 1.0 / rate
        self._slack = (burst - 1) / rate
        self._next = -math.inf

    def enter(self, now: float) -> float:
        """The time at which who comes now may pass: `now` or before it, at once; else it is kept for him."""
        time = max(self._next, now - self._slack)
        self._next = time + self._step
        return time


def is_time(time: float, now: float) -> bool:
    """Whether somebody with this time may pass."""
    return now >= time - EARLY_SECONDS
