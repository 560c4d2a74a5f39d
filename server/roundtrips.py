"""How far away each client is: measured here, told to the consoles that ask; pure."""

from __future__ import annotations

from collections.abc import Container
from itertools import islice

import msgspec

TOPIC = "round-trips"

MOST = 1000
"""Figures in one frame."""

_decoder: msgspec.msgpack.Decoder[dict[str, float]] = msgspec.msgpack.Decoder(dict[str, float])


class RoundTrips:
    """Milliseconds between each session and its node."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._fresh: dict[str, float] = {}

    def of(self, session: str) -> float | None:
        """The last figure, or None until there is one."""
        return self._known.get(session)

    def measure(self, session: str, milliseconds: float) -> None:
        """Note a figure of a session of this node."""
        self._known[session] = self._fresh[session] = round(milliseconds, 2)

    def take(self) -> bytes:
        """What was measured here and not taken yet, for the other nodes: `MOST` figures, or nothing."""
        taken = dict(islice(self._fresh.items(), MOST))
        for session in taken:
            del self._fresh[session]
        return msgspec.msgpack.encode(taken) if taken else b""

    def merge(self, told: bytes) -> None:
        """Take what another node measured. Raises msgspec.MsgspecError if it is not readable."""
        self._known.update(_decoder.decode(told))

    def forget(self, present: Container[str]) -> None:
        """Drop the figures of sessions that are not `present`."""
        for session in [session for session in self._known if session not in present]:
            del self._known[session]
