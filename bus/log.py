"""One origin's log as one node holds it: its contiguous prefix, what waits beyond a hole, its bounds; pure."""

from __future__ import annotations

import bisect
import collections
import dataclasses
from collections.abc import Iterator, Sequence

from bus.interface import Bounds
from bus.record import Kind, Origin, Record, Slot
from bus.shelf import Shelf, cost_of

STANDING_RECORDS, STANDING_BYTES = 20_000, 16 << 20
"""How many records that a newer one of their slot replaces (sessions) a log keeps; the oldest go first."""

RULING_RECORDS, RULING_BYTES = 100_000, 64 << 20
"""The same of rulings, which no session is to push out."""

WAITING_RECORDS, WAITING_BYTES = 2_000, 4 << 20
"""How much may wait beyond a hole; what comes when that is full is dropped and asked for again later."""

CHUNK_BYTES = 64 << 10
"""How much of a log travels in one piece, so that neither end's loop is held long."""

CHUNK_RECORDS = 500
"""The same in records."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A piece of a log: with `records` everything in ``after < seq <= upto`` that its giver still holds."""

    after: int
    upto: int
    floor: int
    """At or below it records may be missing for good; in between holes are records that newer ones replaced."""
    records: Sequence[Record]


class Log:
    """The records of one origin. Only the contiguous prefix counts as held (cluster.md rule 2).

    What stands for itself (texts, say) or ends its slot is within the bounds of the node's `Shelf`; what a newer one
    of its slot replaces is within the log's own.
    """

    __slots__ = (
        "_floor",
        "_held",
        "_high",
        "_order",
        "_rulings",
        "_sessions",
        "_shelf",
        "_slots",
        "_waiting",
        "_waiting_bytes",
        "origin",
    )

    def __init__(self, origin: Origin, shelf: Shelf | None = None) -> None:
        self.origin = origin
        self._high = 0
        self._floor = 0
        self._held: dict[int, Record] = {}
        self._order: list[int] = []  # rising; holds numbers that have left `_held` until it is swept
        self._shelf = Shelf(Bounds()) if shelf is None else shelf
        self._sessions = _Standing(STANDING_RECORDS, STANDING_BYTES)
        self._rulings = _Standing(RULING_RECORDS, RULING_BYTES)
        self._slots: dict[Slot, int] = {}
        self._waiting: dict[int, Record] = {}
        self._waiting_bytes = 0

    @property
    def high(self) -> int:
        """The end of the contiguous prefix: everything up to it is held, replaced or below the floor."""
        return self._high

    @property
    def floor(self) -> int:
        """At or below it records may be missing for good."""
        return self._floor

    @property
    def waiting(self) -> int:
        """How many records wait beyond a hole."""
        return len(self._waiting)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._held.values())

    def get(self, seq: int) -> Record | None:
        """The record of that number, if it is held."""
        return self._held.get(seq)

    def add(self, record: Record) -> Sequence[Record]:
        """Take one record, in any order and any number of times; returns those that joined the prefix, in order."""
        if record.seq == self._high + 1:
            self._high = record.seq
            self._keep(record)
            return self._joined([record]) if self._waiting else (record,)
        if record.seq > self._high and record.seq not in self._waiting:
            cost = cost_of(record)
            if len(self._waiting) < WAITING_RECORDS and self._waiting_bytes + cost <= WAITING_BYTES:
                self._waiting[record.seq] = record
                self._waiting_bytes += cost
        return ()

    def fill(self, span: Span) -> Sequence[Record]:
        """Take a piece that another holder gave; returns what joined the prefix, in order.

        A piece that does not touch the prefix, brings nothing new or contradicts itself changes nothing.
        """
        if not span.after <= self._high < span.upto or not _sound(span):
            return ()
        joined = [record for record in span.records if record.seq > self._high]
        if span.floor > self._high:
            self._floor = max(self._floor, span.floor)
        self._high = span.upto
        for record in joined:
            self._keep(record)
        return self._joined(joined)

    def span(self, after: int, *, size: int = CHUNK_BYTES) -> Span:
        """The next piece beyond `after`, about `size` bytes at most but one record at least."""
        records: list[Record] = []
        for at in range(bisect.bisect_right(self._order, after), len(self._order)):
            record = self._held.get(self._order[at])
            if record is None:
                continue
            size -= cost_of(record)
            if records and (size < 0 or len(records) == CHUNK_RECORDS):
                return Span(after, records[-1].seq, min(self._floor, records[-1].seq), records)
            records.append(record)
        upto = max(after, self._high)
        return Span(after, upto, min(self._floor, upto), records)

    def _joined(self, joined: list[Record]) -> Sequence[Record]:
        """Let what waited follow `joined`, and forget what no longer needs to wait."""
        while (record := self._waiting.get(self._high + 1)) is not None:
            self._high = record.seq
            self._keep(record)
            joined.append(record)
        if self._waiting:
            self._waiting = {seq: record for seq, record in self._waiting.items() if seq > self._high}
            self._waiting_bytes = sum(map(cost_of, self._waiting.values()))
        return joined

    def _keep(self, record: Record) -> None:
        slot = record.slot
        replaced = None if slot is None else self._slots.pop(slot, None)
        standing = self._rulings if record.kind is Kind.RULING else self._sessions
        if replaced is not None:
            standing.remove(replaced)
            del self._held[replaced]
        self._held[record.seq] = record
        self._order.append(record.seq)
        if slot is None or record.last:
            self._shelf.put(self, record)
        else:
            self._slots[slot] = record.seq
            standing.add(record)
            while (seq := standing.excess()) is not None:
                gone = self._held[seq]
                assert gone.slot is not None, "what stands has a slot"
                del self._slots[gone.slot]
                self.drop(seq)
        if len(self._order) > 2 * len(self._held) + 64:
            self._order = list(self._held)

    def drop(self, seq: int) -> None:
        """Let a record go: there is no room for it. Only the oldest of its sort goes."""
        del self._held[seq]
        self._floor = max(self._floor, seq)


class _Standing:
    """Sequence numbers with what each costs, oldest first, within bounds."""

    __slots__ = ("_bytes", "_costs", "_max_bytes", "_max_records")

    def __init__(self, records: int, size: int) -> None:
        self._max_records, self._max_bytes = records, size
        self._costs: collections.OrderedDict[int, int] = collections.OrderedDict()
        self._bytes = 0

    def add(self, record: Record) -> None:
        self._costs[record.seq] = cost = cost_of(record)
        self._bytes += cost

    def remove(self, seq: int) -> None:
        self._bytes -= self._costs.pop(seq)

    def excess(self) -> int | None:
        """Take the oldest off when there is more than the bounds allow."""
        if len(self._costs) <= self._max_records and self._bytes <= self._max_bytes:
            return None
        seq, cost = self._costs.popitem(last=False)
        self._bytes -= cost
        return seq


def _sound(span: Span) -> bool:
    """Whether the records rise within the span and its floor lies within it too."""
    last = span.after
    for record in span.records:
        if not last < record.seq <= span.upto:
            return False
        last = record.seq
    return span.floor <= span.upto
