"""What a node keeps of all logs: the records that stand for themselves, oldest first, within bounds; pure."""

from __future__ import annotations

import collections
import heapq
from collections.abc import Callable
from typing import Protocol

from bus.interface import Bounds
from bus.record import Record

_OVERHEAD = 120
"""Bytes that a record costs beside its payload: its other fields, encoded."""

_PLACE_BYTES = 30
"""The same for each place that it waits for."""


SWEPT = 1000
"""Records of logs that went of which is told at once."""


class Keeper(Protocol):
    """A log, as the shelf sees it."""

    def drop(self, seq: int) -> None:
        """Let a record go: there is no room for it."""


class _Line:
    """What one log has on the shelf, oldest first."""

    __slots__ = ("bytes", "gone", "log", "numbers", "records", "ticks")

    def __init__(self, log: Keeper) -> None:
        self.log = log
        self.bytes = 0
        self.gone = False
        # Side by side and not as tuples, which the garbage collector would have to look at one by one.
        self.records: collections.deque[Record] = collections.deque()
        self.numbers: collections.deque[int] = collections.deque()  # how many the shelf had taken before
        self.ticks: collections.deque[int] = collections.deque()


class Shelf:
    """The bounds of a node, shared by its logs. Each log's records stand here in the order of their numbers."""

    __slots__ = (
        "_heads",
        "_leaving",
        "_lines",
        "_taken",
        "added",
        "bounds",
        "bytes",
        "dropped",
        "records",
        "tick",
    )

    def __init__(self, bounds: Bounds, *, seconds_per_tick: float = 1.0) -> None:
        self.bounds = bounds if seconds_per_tick == 1.0 else _in_ticks(bounds, seconds_per_tick)
        self.records = 0
        self.bytes = 0
        self.tick = 0
        """Set by the owner; the age of a record is counted in these."""
        self.added: Callable[[Record], None] | None = None
        """Told of each record that came."""
        self.dropped: Callable[[Record], None] | None = None
        """Told of each that had to go, later."""
        self._lines: dict[Keeper, _Line] = {}
        self._heads: list[tuple[int, _Line]] = []  # a heap: the number of the oldest of each line
        self._taken = 0
        self._leaving: collections.deque[collections.deque[Record]] = collections.deque()

    def put(self, log: Keeper, record: Record) -> None:
        """Take the newest record, and let go what is too much or too old."""
        line = self._lines.get(log)
        if line is None:
            line = self._lines[log] = _Line(log)
        if not line.records:
            heapq.heappush(self._heads, (self._taken, line))
        cost = cost_of(record)
        line.records.append(record)
        line.numbers.append(self._taken)
        line.ticks.append(self.tick)
        line.bytes += cost
        self._taken += 1
        self.records += 1
        self.bytes += cost
        if self.added is not None:
            self.added(record)
        self.trim()

    def trim(self) -> None:
        """Let go what is too much or too old."""
        bounds, heads = self.bounds, self._heads
        while heads:
            line = heads[0][1]
            if line.gone:
                heapq.heappop(heads)
                continue
            late = self.tick - line.ticks[0] > bounds.seconds
            if not (late or self.records > bounds.records or self.bytes > bounds.size):
                return
            record = line.records.popleft()
            line.numbers.popleft()
            line.ticks.popleft()
            if line.records:
                heapq.heapreplace(heads, (line.numbers[0], line))
            else:
                heapq.heappop(heads)
            cost = cost_of(record)
            line.bytes -= cost
            self.records -= 1
            self.bytes -= cost
            if self.dropped is not None:
                self.dropped(record)
            line.log.drop(record.seq)

    def forget(self, log: Keeper) -> None:
        """A log goes, with all that it has here. Of which records these were `sweep` tells later."""
        line = self._lines.pop(log, None)
        if line is not None:
            line.gone = True
            self.records -= len(line.records)
            self.bytes -= line.bytes
            self._leaving.append(line.records)

    def sweep(self) -> None:
        """Tell of some records of the logs that went, so that no turn of the loop has to tell of all."""
        for _ in range(SWEPT):
            if not self._leaving:
                return
            records = self._leaving[0]
            if not records:
                self._leaving.popleft()
            elif self.dropped is None:
                records.clear()
            else:
                self.dropped(records.popleft())


def cost_of(record: Record) -> int:
    """About the bytes that a record takes on the wire."""
    places = len(record.after) * _PLACE_BYTES if record.after else 0
    return len(record.payload) + len(record.room) + len(record.session) + _OVERHEAD + places


def _in_ticks(bounds: Bounds, seconds_per_tick: float) -> Bounds:
    return Bounds(records=bounds.records, size=bounds.size, seconds=bounds.seconds / seconds_per_tick)
