"""What a node keeps of all logs: the records that stand for themselves, oldest first, within bounds; pure."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Protocol

from bus.interface import Bounds
from bus.record import Record

_OVERHEAD = 120
"""Bytes that a record costs beside its payload: its other fields, encoded."""

_PLACE_BYTES = 30
"""The same for each place that it waits for."""


class Keeper(Protocol):
    """A log, as the shelf sees it."""

    def drop(self, seq: int) -> None:
        """Let a record go: there is no room for it."""


class Shelf:
    """The bounds of a node, shared by its logs. Each log's records stand here in the order of their numbers."""

    __slots__ = ("_logs", "_records", "_ticks", "added", "bounds", "bytes", "dropped", "records", "tick")

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
        # Side by side and not as tuples, which the garbage collector would have to look at one by one.
        self._logs: collections.deque[Keeper] = collections.deque()
        self._records: collections.deque[Record] = collections.deque()
        self._ticks: collections.deque[int] = collections.deque()

    def put(self, log: Keeper, record: Record) -> None:
        """Take the newest record, and let go what is too much or too old."""
        self._logs.append(log)
        self._records.append(record)
        self._ticks.append(self.tick)
        self.records += 1
        self.bytes += cost_of(record)
        if self.added is not None:
            self.added(record)
        self.trim()

    def trim(self) -> None:
        """Let go what is too much or too old."""
        bounds, ticks = self.bounds, self._ticks
        while ticks and (
            self.records > bounds.records or self.bytes > bounds.size or self.tick - ticks[0] > bounds.seconds
        ):
            ticks.popleft()
            log, record = self._logs.popleft(), self._records.popleft()
            self._leave(record)
            log.drop(record.seq)

    def forget(self, log: Keeper) -> None:
        """A log goes, with all that it has here."""
        lines = list(zip(self._logs, self._records, self._ticks, strict=True))
        self._logs.clear()
        self._records.clear()
        self._ticks.clear()
        for keeper, record, tick in lines:
            if keeper is log:
                self._leave(record)
            else:
                self._logs.append(keeper)
                self._records.append(record)
                self._ticks.append(tick)

    def _leave(self, record: Record) -> None:
        self.records -= 1
        self.bytes -= cost_of(record)
        if self.dropped is not None:
            self.dropped(record)


def cost_of(record: Record) -> int:
    """About the bytes that a record takes on the wire."""
    places = len(record.after) * _PLACE_BYTES if record.after else 0
    return len(record.payload) + len(record.room) + len(record.session) + _OVERHEAD + places


def _in_ticks(bounds: Bounds, seconds_per_tick: float) -> Bounds:
    return Bounds(records=bounds.records, size=bounds.size, seconds=bounds.seconds / seconds_per_tick)
