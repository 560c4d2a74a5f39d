"""What waits to be written: everything that must last, and as many texts as there is room for; pure."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

from server.store.rows import Row, TextRow

MOST_TEXTS = 50_000
MOST_CHARS = 16 << 20
"""Of the texts that wait; what comes beyond either bound is not kept."""
BATCH = 500
"""Rows of each sort that are written at once, so that preparing them holds the loop for a few milliseconds."""


class Queue:
    """Rows in the order in which they came. What is being written stays until that is done."""

    def __init__(self, *, most_texts: int = MOST_TEXTS, most_chars: int = MOST_CHARS) -> None:
        self._lasting: deque[Row] = deque()
        self._texts: deque[TextRow] = deque()
        self._chars = 0
        self._most_texts = most_texts
        self._most_chars = most_chars
        self.dropped = 0
        """Texts that found no room."""
        self.taken = 0
        """Rows that must last, since the start."""

    def __len__(self) -> int:
        return len(self._lasting) + len(self._texts)

    @property
    def urgent(self) -> bool:
        """Whether anything waits that must last."""
        return bool(self._lasting)

    @property
    def kept(self) -> int:
        """How many of the rows that must last are written."""
        return self.taken - len(self._lasting)

    def put(self, row: Row) -> None:
        """Have a row wait; a text for which there is no room is dropped."""
        if not isinstance(row, TextRow):
            self._lasting.append(row)
            self.taken += 1
        elif len(self._texts) < self._most_texts and self._chars + len(row.text) <= self._most_chars:
            self._texts.append(row)
            self._chars += len(row.text)
        else:
            self.dropped += 1

    def first(self) -> list[Row]:
        """What is to be written next; empty when nothing waits."""
        return [*itertools.islice(self._lasting, BATCH), *itertools.islice(self._texts, BATCH)]

    def done(self, written: Sequence[Row]) -> None:
        """What `first` gave is written."""
        for row in written:
            if isinstance(row, TextRow):
                self._texts.popleft()
                self._chars -= len(row.text)
            else:
                self._lasting.popleft()
