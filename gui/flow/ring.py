"""The last messages that the console has seen, oldest first, within a bound of rows and of bytes; no Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

ROWS = 50_000
BYTES = 64 * 1024 * 1024

OVERHEAD = 640
"""Bytes that a row takes beside those of its message."""

Row = TypeVar("Row")


class Ring(Generic[Row]):
    """Rows with numbers that rise by one; the oldest go when there is no room.

    The number is the identity of a row for as long as the ring lives, whatever has gone since.
    """

    def __init__(self, *, rows: int = ROWS, octets: int = BYTES) -> None:
        """Make an empty ring with room for so many rows and bytes."""
        self._most = rows
        self._octets_most = octets
        self._rows: list[tuple[Row, int]] = []
        self._gone = 0
        """Places at the front of the list whose rows have gone."""
        self._octets = 0
        self._first = 1

    def __len__(self) -> int:
        return len(self._rows) - self._gone

    @property
    def first(self) -> int:
        """The number of the oldest row, or of the next one to come while there is none."""
        return self._first

    @property
    def next(self) -> int:
        """The number that the next row gets."""
        return self._first + len(self)

    @property
    def octets(self) -> int:
        """What the rows take, in bytes."""
        return self._octets

    def extend(self, rows: Iterable[tuple[Row, int]]) -> None:
        """Take new rows, each with the bytes of its message, in their order."""
        for row, size in rows:
            self._rows.append((row, size + OVERHEAD))
            self._octets += size + OVERHEAD
        self._trim()

    def get(self, number: int) -> Row | None:
        """The row with this number, or None when it has gone or not come."""
        place = number - self._first
        return self._rows[self._gone + place][0] if 0 <= place < len(self) else None

    def since(self, number: int) -> Iterator[tuple[int, Row]]:
        """Rows from this number on, with their numbers, oldest first, as far as they are there when asked for."""
        number = max(number, self._first)
        while number < self.next:
            yield number, self._rows[self._gone + number - self._first][0]
            number = max(number + 1, self._first)

    def backwards(self) -> Iterator[tuple[int, Row]]:
        """Rows with their numbers, newest first, as they are now; what goes meanwhile is left out."""
        number = self.next - 1
        while number >= self._first:
            yield number, self._rows[self._gone + number - self._first][0]
            number -= 1

    def copy(self) -> Ring[Row]:
        """The same rows under the same numbers, which stay whatever becomes of this ring."""
        made: Ring[Row] = Ring(rows=self._most, octets=self._octets_most)
        made._rows = self._rows[self._gone :]
        made._octets, made._first = self._octets, self._first
        return made

    def clear(self) -> None:
        """Let all rows go; numbers go on."""
        self._first = self.next
        self._rows.clear()
        self._gone = self._octets = 0

    def _trim(self) -> None:
        gone = self._gone
        while len(self._rows) - gone > self._most or (self._octets > self._octets_most and gone < len(self._rows)):
            self._octets -= self._rows[gone][1]
            gone += 1
        self._first += gone - self._gone
        # Cutting the front of a list moves all of it, so it is done seldom; until then at most so many rows stay.
        if gone > max(64, self._most // 8):
            del self._rows[:gone]
            gone = 0
        self._gone = gone
