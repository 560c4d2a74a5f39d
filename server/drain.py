"""The schedule by which a node empties itself: who goes when, how many are left, until when; pure."""

from __future__ import annotations

from collections.abc import Container, Sequence

LONGEST_SECONDS = 3600.0
"""Over which a node may hand its clients to others."""


class Drain:
    """Sessions that are to leave one after the other, evenly spread: a crowd at once would be a flood elsewhere."""

    def __init__(self, sessions: Sequence[str], *, seconds: float, now: float) -> None:
        """Let `sessions` go in this order; the last one's time is over in `seconds`."""
        self.of = len(sessions)
        """How many there were."""
        self.ends = now + seconds
        step = seconds / max(1, self.of)
        self._due = {session: now + step * place for place, session in enumerate(sessions, start=1)}

    @property
    def left(self) -> int:
        """How many have not gone."""
        return len(self._due)

    def wait(self, session: str, now: float) -> float:
        """Seconds until the time of one that has not gone is over."""
        return max(0.0, self._due[session] - now)

    def seconds_left(self, now: float) -> float:
        """Seconds until the time of all is over."""
        return max(0.0, self.ends - now) if self._due else 0.0

    def look(self, here: Container[str], now: float) -> list[str]:
        """Who has to go now, and is told so once. Those that are not `here` any more have gone by themselves."""
        self._due = {session: due for session, due in self._due.items() if session in here}
        over = [session for session, due in self._due.items() if due <= now]
        for session in over:
            del self._due[session]
        return over
