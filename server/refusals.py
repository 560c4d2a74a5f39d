"""How often each session was refused something in the last minute; told to the consoles that ask; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import Annotated

import msgspec

from server.untold import MOST, Untold

TOPIC = "refusals"

WINDOW = 60.0
"""Seconds that are looked back."""

_Told = Annotated[dict[str, Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]], msgspec.Meta(max_length=MOST)]

_decoder: msgspec.msgpack.Decoder[_Told] = msgspec.msgpack.Decoder(_Told)


class Refusals:
    """Counts by the second. Times are seconds of one clock that only rises."""

    def __init__(self) -> None:
        self._mine: dict[str, deque[list[int]]] = {}
        """Of sessions of this node: seconds, each with how often."""
        self._known: dict[str, tuple[int, float]] = {}
        """What of each session was said last, and when."""
        self._fresh: Untold[int] = Untold()

    def note(self, session: str, now: float) -> None:
        """A request of a session of this node was refused."""
        seconds = self._mine.get(session)
        if seconds is None:
            seconds = self._mine[session] = deque(maxlen=int(WINDOW) + 1)
        if seconds and seconds[-1][0] == int(now):
            seconds[-1][1] += 1
        else:
            seconds.append([int(now), 1])

    def of(self, session: str, now: float) -> int:
        """How often it was refused something in the last minute, as far as is known here."""
        count, at = self._known.get(session, (0, now))
        return count if now - at < WINDOW else 0

    def look(self, now: float) -> None:
        """Count anew; to be called about once a second."""
        for session, seconds in list(self._mine.items()):
            while seconds and now - seconds[0][0] > WINDOW:
                seconds.popleft()
            count = sum(times for _, times in seconds)
            self._fresh.note(session, count)
            self._known[session] = count, now
            if not count:
                del self._mine[session], self._known[session]

    def take(self) -> bytes:
        """What was counted here and not taken yet, for the other nodes: `MOST` figures, or nothing."""
        return self._fresh.take()

    def merge(self, told: bytes, *, now: float) -> None:
        """Take what another node counted. Raises msgspec.MsgspecError if it is not readable."""
        for session, count in _decoder.decode(told).items():
            if count:
                self._known[session] = count, now
            else:
                self._known.pop(session, None)

    def forget(self, present: Container[str]) -> None:
        """Drop the figures of sessions that are not `present`."""
        for session in [session for session in self._known if session not in present]:
            del self._known[session]
            self._mine.pop(session, None)
