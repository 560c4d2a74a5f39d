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

    gone: bool
    """It is forgotten, and so is all that it has here."""

    def drop(self, seq: int) -> None:
        """Let a record go: there is no room for it."""


class Shelf:
    """The bounds of a node, shared by its logs. Each log's records stand here in the order of their numbers."""

    __slots__ = ("_lines", "added", "bounds", "bytes", "dropped", "records", "tick")

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
        self._lines: collections.deque[tuple[Keeper, Record, int, int]] = collections.deque()

    def put(self, log: Keeper, record: Record) -> None:
        """Take the newest record, and let go what is too much or too old."""
        cost = cost_of(record)
        self._lines.append((log, record, cost, self.tick))
        self.records += 1
        self.bytes += cost
        if self.added is not None:
            self.added(record)
        self.trim()

    def trim(self) -> None:
        """Let go what is too much or too old."""
        bounds, lines = self.bounds, self._lines
        while lines and (
            self.records > bounds.records or self.bytes > bounds.size or self.tick - lines[0][3] > bounds.seconds
        ):
            log, record, cost, _ = lines.popleft()
            self.records -= 1
            self.bytes -= cost
            if not log.gone:
                log.drop(record.seq)
            if self.dropped is not None:
                self.dropped(record)

    def forget(self, log: Keeper) -> None:
        """A log goes, with all that it has here."""
        log.gone = True
        kept: collections.deque[tuple[Keeper, Record, int, int]] = collections.deque()
        for line in self._lines:
            if line[0] is log:
                self.records -= 1
                self.bytes -= line[2]
                if self.dropped is not None:
                    self.dropped(line[1])
            else:
                kept.append(line)
        self._lines = kept


def cost_of(record: Record) -> int:
    """About the bytes that a record takes on the wire."""
    places = len(record.after) * _PLACE_BYTES if record.after else 0
    return len(record.payload) + len(record.room) + len(record.session) + _OVERHEAD + places


def _in_ticks(bounds: Bounds, seconds_per_tick: float) -> Bounds:
    return Bounds(records=bounds.records, size=bounds.size, seconds=bounds.seconds / seconds_per_tick)
