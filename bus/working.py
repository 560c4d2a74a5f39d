"""A node's own order: how it works the logs, each in order, into its one list; pure."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

from bus.record import Origin, Record


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing to work: a record, or with None a piece of a log in which there is none (left)."""

    origin: Origin
    upto: int
    """How far the log is worked by it."""
    record: Record | None
    gap: bool = False
    """Records at or below `upto` are missing for good."""


class Working:
    """What has joined the prefix of each log and is not in the list yet, and how far each was worked.

    Nothing is sorted (cluster.md rule 3): what may be worked is, in the order in which it came.
    """

    def __init__(self) -> None:
        self.worked: dict[Origin, int] = {}
        self._queues: dict[Origin, collections.deque[Step]] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    def put(self, steps: Iterable[Step]) -> None:
        """Let these be worked when they may."""
        for step in steps:
            self._queues.setdefault(step.origin, collections.deque()).append(step)

    def waits(self, origin: Origin) -> bool:
        """Whether something of this log stands before whatever comes now."""
        return origin in self._queues

    def passes(self, places: Mapping[Origin, int]) -> dict[Origin, int]:
        """Which of `places` were not worked yet."""
        worked = self.worked
        return {origin: seq for origin, seq in places.items() if worked.get(origin, 0) < seq}

    def work(self, may: Callable[[Record], bool]) -> Iterator[Step]:
        """Everything that may be worked now; each step counts as worked when it is handed out."""
        moved = bool(self._queues)
        while moved:
            moved = False
            for origin in list(self._queues):
                queue = self._queues[origin]
                # What stands before the first was worked or is no more: a newer record of its slot replaced it.
                moved = self.advance(origin, queue[0].upto - 1) or moved
                while queue and (queue[0].record is None or may(queue[0].record)):
                    step = queue.popleft()
                    self.advance(origin, step.upto)
                    moved = True
                    yield step
                if not queue:
                    del self._queues[origin]

    def advance(self, origin: Origin, upto: int) -> bool:
        """A log is worked up to here; False if it was before."""
        if upto <= self.worked.get(origin, 0):
            return False
        self.worked[origin] = upto
        return True

    def forget(self, origin: Origin) -> None:
        """A log is known no more."""
        self.worked.pop(origin, None)
        self._queues.pop(origin, None)
