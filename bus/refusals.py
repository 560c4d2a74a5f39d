"""Who wanted to have a part in the mesh and was refused: by address, bounded; pure."""

from __future__ import annotations

from collections import Counter

from bus.interface import Reason, Refusal

REFUSALS = 200
"""Addresses and reasons that are kept; the longest silent go first."""

LINE_SECONDS = 1.0
"""One line is said of them in this time at most."""


class Refusals:
    """What was refused. `now` is in seconds of any clock that does not jump."""

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter()
        """How often, by reason."""
        self._kept: dict[tuple[str, Reason], Refusal] = {}
        self._fresh: dict[tuple[str, Reason], int] = {}
        self._said = float("-inf")

    def note(self, address: str, reason: Reason, *, now: float) -> None:
        """Somebody was refused."""
        self.counts[reason] += 1
        key = address, reason
        before = self._kept.pop(key, None)
        self._kept[key] = Refusal(
            address=address,
            reason=reason,
            count=1 + (before.count if before else 0),
            first=before.first if before else now,
            last=now,
        )
        if len(self._kept) > REFUSALS:
            del self._kept[next(iter(self._kept))]
        if key in self._fresh or len(self._fresh) < REFUSALS:
            self._fresh[key] = self._fresh.get(key, 0) + 1

    def listed(self) -> list[Refusal]:
        """All that are kept, the newest first."""
        return list(reversed(self._kept.values()))

    def line(self, now: float) -> str:
        """What is to be said of those since the line before; empty where that is nothing, or too soon."""
        if not self._fresh or now - self._said < LINE_SECONDS:
            return ""
        fresh, self._fresh, self._said = self._fresh, {}, now
        (address, reason), count = max(fresh.items(), key=lambda each: each[1])
        others = len(fresh) - 1
        more = f", and {others} more" if others else ""
        often = "once" if count == 1 else f"{count} times"
        return f"the mesh refused {address or 'an unknown address'} ({reason}, {often}){more}"
