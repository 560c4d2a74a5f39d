"""All deadlines of a node on one wheel, so that no connection has a timer of its own; pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Wheel(Generic[K]):
    """One deadline for each key; setting it again moves it.

    A deadline fires at the first `advance` after it, up to one `step` late and never early.
    """

    def __init__(self, *, now: float, step: float = 0.25) -> None:
        self._step = step
        self._turned = int(now / step)
        self._slots: dict[int, set[K]] = {}
        self._slot_of: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._slot_of)

    def set(self, key: K, due: float) -> None:
        """Let `key` fire at `due` seconds instead of any time set before."""
        self.cancel(key)
        slot = max(int(due / self._step) + 1, self._turned + 1)
        self._slots.setdefault(slot, set()).add(key)
        self._slot_of[key] = slot

    def cancel(self, key: K) -> None:
        """Forget the deadline of `key`, if it has one."""
        slot = self._slot_of.pop(key, None)
        if slot is not None:
            keys = self._slots[slot]
            keys.discard(key)
            if not keys:
                del self._slots[slot]

    def advance(self, now: float) -> list[K]:
        """The keys whose deadline has passed, oldest first; each is forgotten by this."""
        until = int(now / self._step)
        fired: list[K] = []
        if until - self._turned > len(self._slots):
            due = sorted(slot for slot in self._slots if slot <= until)
        else:
            due = [slot for slot in range(self._turned + 1, until + 1) if slot in self._slots]
        for slot in due:
            for key in self._slots.pop(slot):
                del self._slot_of[key]
                fired.append(key)
        self._turned = max(self._turned, until)
        return fired
