"""The one list of a node: its texts in the order in which it worked them, each once, within bounds; pure."""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping

from bus.interface import Bounds
from bus.record import Origin, Record

AUDIENCES = 4096
"""Audiences of which it is known what was dropped; of the others, anything may have been."""

PAST = 4000
"""Forgotten lives of which it is known how far they were worked."""

FORGOTTEN = 64
"""The last of them stand among cursors: a node that began later than this one forgets them later."""

_EVERYBODY = ""


class Timeline:
    """Positions rise by one with each text and are never used again. Nothing is sorted (cluster.md rule 3).

    An *audience* is a word for whom a text is for; what the words are is the business of those who use it.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.worked: dict[Origin, int] = {}
        """How far each log was worked into the list: where a client that is shown everything now stands."""
        self._start = 0
        self._lines: list[tuple[Record, str, int, float] | None] = []  # record, audience, bytes, time
        self._base = 0  # position of _lines[0]
        self._size = 0
        self._of_origin: dict[Origin, list[int]] = {}
        self._floors: OrderedDict[str, dict[Origin, int]] = OrderedDict()
        self._lost: dict[Origin, int] = {}
        self._past: OrderedDict[Origin, int] = OrderedDict()

    def __len__(self) -> int:
        return self.end - self._start

    @property
    def start(self) -> int:
        """The first position that is held."""
        return self._start

    @property
    def end(self) -> int:
        """The position of what comes next."""
        return self._base + len(self._lines)

    @property
    def size(self) -> int:
        """Bytes that it holds, about."""
        return self._size

    def cursors(self) -> dict[Origin, int]:
        """Where a client that is shown everything now stands: also in logs that others may not have forgotten yet."""
        if not self._past:
            return dict(self.worked)
        return {**dict(itertools.islice(reversed(self._past.items()), FORGOTTEN)), **self.worked}

    def work(self, origin: Origin, upto: int) -> None:
        """A log is worked up to here."""
        if upto > self.worked.get(origin, 0):
            self.worked[origin] = upto

    def add(self, record: Record, audience: str, places: Iterable[Record], *, now: float) -> bool:
        """Take a text that is worked now; False if it is in the list, or was, by another of its places (rule 5)."""
        worked = self.worked
        again = any(
            worked.get(place.origin, 0) >= place.seq or self._past.get(place.origin, 0) >= place.seq
            for place in places
            if place.origin != record.origin or place.seq != record.seq
        )
        self.work(record.origin, record.seq)
        if again:
            return False
        size = len(record.payload) + len(audience) + 200
        self._of_origin.setdefault(record.origin, []).append(self.end)
        self._lines.append((record, audience, size, now))
        self._size += size
        self.trim(now)
        return True

    def gap(self, origin: Origin, upto: int) -> None:
        """Of a log, what was not worked up to here never will be."""
        self._lost[origin] = max(upto, self._lost.get(origin, 0))
        self.work(origin, upto)

    def trim(self, now: float) -> None:
        """Let go what is too much or too old."""
        bounds = self.bounds
        while self._start < self.end:
            line = self._lines[self._start - self._base]
            assert line is not None, "what was let go stands before the start"
            record, audience, size, at = line
            if len(self) <= bounds.records and self._size <= bounds.size and now - at <= bounds.seconds:
                return
            self._lines[self._start - self._base] = None
            self._start += 1
            self._size -= size
            if record.origin in self._of_origin:  # else its life is forgotten
                self._lower(audience, {record.origin: record.seq})
                self._sweep(record.origin)
            if self._start - self._base > 64 + len(self._lines) // 2:
                del self._lines[: self._start - self._base]
                self._base = self._start

    def after(self, at: int, cursors: Mapping[Origin, int], *, limit: int) -> list[tuple[int, Record, str]]:
        """The first texts from `at` on that no cursor covers by their place here: position, record, audience."""
        found = []
        for position in itertools.islice(self._beyond(at, cursors, limit), limit):
            line = self._lines[position - self._base]
            assert line is not None, "only what is held is looked for"
            found.append((position, line[0], line[1]))
        return found

    def find(self, origin: Origin, seq: int) -> int | None:
        """The position of a text by its place; None for one that is not in the list, or not any more."""
        positions = self._of_origin.get(origin, [])
        first = bisect.bisect_left(positions, self._start)
        first = bisect.bisect_left(positions, seq, lo=first, key=self._seq)
        return positions[first] if first < len(positions) and self._seq(positions[first]) == seq else None

    def lines(self, at: int, *, limit: int) -> list[tuple[int, Record, str]]:
        """What is held from `at` on, `limit` texts at most: position, record, audience."""
        first = max(at, self._start) - self._base
        found = []
        for position, line in enumerate(self._lines[first : first + limit], first + self._base):
            assert line is not None, "what was let go stands before the start"
            found.append((position, line[0], line[1]))
        return found

    def floors(self, audiences: Iterable[str]) -> dict[Origin, int]:
        """The logs of which something for these audiences is or may be no longer held, and up to where."""
        found = dict(self._lost)
        for audience in (*audiences, _EVERYBODY):
            for origin, seq in self._floors.get(audience, {}).items():
                found[origin] = max(seq, found.get(origin, 0))
        return found

    def missing(self, cursors: Mapping[Origin, int], audiences: Iterable[str]) -> list[str]:
        """Of `audiences`, those for whom something beyond `cursors` is or may be no longer held."""
        everybody = any(cursors.get(origin, 0) < upto for origin, upto in self._lost.items())
        everybody = everybody or self._is_below(cursors, _EVERYBODY)
        return [audience for audience in audiences if everybody or self._is_below(cursors, audience)]

    def forget(self, origin: Origin) -> None:
        """A life is known no more; nobody is sent its texts any more, and nobody is told of those."""
        self._of_origin.pop(origin, None)
        self._past[origin] = self.worked.pop(origin, 0)
        if len(self._past) > PAST:
            self._past.popitem(last=False)
        self._lost.pop(origin, None)
        for floors in self._floors.values():
            floors.pop(origin, None)

    def _is_below(self, cursors: Mapping[Origin, int], audience: str) -> bool:
        floors = self._floors.get(audience, {})
        return any(cursors.get(origin, 0) < seq for origin, seq in floors.items())

    def _lower(self, audience: str, floors: Mapping[Origin, int]) -> None:
        known = self._floors.setdefault(audience, {})
        for origin, seq in floors.items():
            known[origin] = max(seq, known.get(origin, 0))
        self._floors.move_to_end(audience)
        if len(self._floors) > AUDIENCES:
            oldest = next(name for name in self._floors if name != _EVERYBODY)
            self._lower(_EVERYBODY, self._floors.pop(oldest))

    def _sweep(self, origin: Origin) -> None:
        positions = self._of_origin[origin]
        if positions[len(positions) // 2] < self._start:
            del positions[: bisect.bisect_left(positions, self._start)]
            if not positions:
                del self._of_origin[origin]

    def _beyond(self, at: int, cursors: Mapping[Origin, int], limit: int) -> Iterator[int]:
        """The first positions from `at` on whose place no cursor covers, rising; at least `limit` if there are."""
        at = max(at, self._start)
        runs = []
        for origin, positions in self._of_origin.items():
            first = bisect.bisect_left(positions, at)
            cursor = cursors.get(origin, 0)
            if cursor and first < len(positions):
                first = bisect.bisect_right(positions, cursor, lo=first, key=self._seq)
            if first < len(positions):
                runs.append(positions[first : first + limit])
        return heapq.merge(*runs)

    def _seq(self, position: int) -> int:
        line = self._lines[position - self._base]
        assert line is not None, "only what is held is looked for"
        return line[0].seq
