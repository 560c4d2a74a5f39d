"""Slow mode: when each person last said something in a room where that counts (protocol.md section 4); pure."""

from __future__ import annotations

import math

MOST = 10_000
"""People of one room of whom it is known; beyond it the one who has been silent longest is forgotten."""


class Pace:
    """When each user was last heard in one room. Times are seconds of one clock that only rises."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        """By user, who has been silent longest first."""

    def take(self, user: str, seconds: float, now: float) -> int:
        """Let `user` say something, at most once in `seconds`; returns 0, or in how many milliseconds it may."""
        said = self._said.get(user)
        if said is not None and (wait := said + seconds - now) > 0:
            return math.ceil(wait * 1000)
        self.note(user, now)
        return 0

    def note(self, user: str, now: float) -> None:
        """`user` was heard, here or on another node."""
        self._said.pop(user, None)
        if len(self._said) >= MOST:
            del self._said[next(iter(self._said))]
        self._said[user] = now

    def forget(self, seconds: float, now: float) -> None:
        """Drop those who may say something again."""
        for user in [user for user, said in self._said.items() if now - said >= seconds]:
            del self._said[user]
