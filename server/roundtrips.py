"""How far away each client is: measured here, told to the consoles that ask; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import Annotated

import msgspec

from server.untold import MOST, Untold

TOPIC = "round-trips"

KEPT = 300.0
"""Seconds of figures that are remembered for those who want them."""

FIGURES = 60
"""Of one session, at most; clients are measured every ten seconds."""

_Told = Annotated[dict[str, Annotated[float, msgspec.Meta(ge=0, le=1e9)]], msgspec.Meta(max_length=MOST)]

_decoder: msgspec.msgpack.Decoder[_Told] = msgspec.msgpack.Decoder(_Told)


class RoundTrips:
    """Milliseconds between each session and its node. Times are seconds of one clock that only rises."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._fresh: Untold[float] = Untold()
        self._past: dict[str, deque[tuple[float, float]]] | None = None

    def remember(self) -> None:
        """From now on keep the figures of five minutes: a console looks at them."""
        if self._past is None:
            self._past = {}

    def of(self, session: str) -> float | None:
        """The last figure, or None until there is one."""
        return self._known.get(session)

    def past(self, session: str, *, now: float) -> tuple[tuple[float, float], ...]:
        """Its figures of the last five minutes, oldest first, each with how many seconds ago it came."""
        figures = self._past.get(session, ()) if self._past is not None else ()
        return tuple((now - at, figure) for at, figure in figures if now - at <= KEPT)

    def measure(self, session: str, milliseconds: float, *, now: float) -> None:
        """Note a figure of a session of this node."""
        self._known[session] = figure = round(milliseconds, 2)
        self._fresh.note(session, figure)
        self._keep(session, figure, now)

    def take(self) -> bytes:
        """What was measured here and not taken yet, for the other nodes: `MOST` figures, or nothing."""
        return self._fresh.take()

    def merge(self, told: bytes, *, now: float) -> None:
        """Take what another node measured. Raises msgspec.MsgspecError if it is not readable."""
        figures = _decoder.decode(told)
        self._known.update(figures)
        if self._past is not None:
            for session, figure in figures.items():
                self._keep(session, figure, now)

    def forget(self, present: Container[str]) -> None:
        """Drop the figures of sessions that are not `present`."""
        for session in [session for session in self._known if session not in present]:
            del self._known[session]
            if self._past is not None:
                self._past.pop(session, None)

    def _keep(self, session: str, figure: float, now: float) -> None:
        if self._past is None:
            return
        figures = self._past.get(session)
        if figures is None:
            figures = self._past[session] = deque(maxlen=FIGURES)
        figures.append((now, figure))
