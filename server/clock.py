"""Time and chance as a node meets them; the only place of the server that asks the machine for them."""

from __future__ import annotations

import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """Where a node has its times and random ids from; a test brings its own."""

    def now(self) -> float:
        """Seconds that only ever rise."""

    def wall_ms(self) -> int:
        """ms since 1970; shown, never used to decide."""

    def new_session(self) -> str:
        """An id that nobody can guess or has."""

    def new_act(self) -> str:
        """An id that no act has."""

    def new_ssrc(self) -> int:
        """32 random bits, not 0."""


class SystemClock:
    """The machine's own."""

    def now(self) -> float:
        """See Clock."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """See Clock."""
        return time.time_ns() // 1_000_000

    def new_session(self) -> str:
        """See Clock."""
        return "s_" + secrets.token_urlsafe(12)

    def new_act(self) -> str:
        """See Clock."""
        return secrets.token_hex(16)

    def new_ssrc(self) -> int:
        """See Clock."""
        return secrets.randbits(32) or 1
