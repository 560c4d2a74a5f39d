"""The table of messages, newest first, that changes only by exact ranges at its two ends."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gui.flow import rows
from gui.flow.rows import HEADS, Column

if TYPE_CHECKING:
    from server.flow import FlowRow

Index = QModelIndex | QPersistentModelIndex
Numbered = tuple[int, "FlowRow"]
_ROOT = QModelIndex()
SPARE = 4096
"""Places of rows that have gone, until the list is cut."""


class FlowModel(QAbstractTableModel):
    """Messages by falling number, which is their identity."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._new: list[Numbered] = []
        """By rising number: what came since the list was begun."""
        self._gone = 0
        """Places at the front of `_new` whose rows have gone."""
        self._old: list[Numbered] = []
        """By falling number: what was there before, found later."""

    # Reading.

    def entry(self, row: int) -> Numbered:
        """The message in a row, with its number."""
        fresh = len(self._new) - self._gone
        return self._new[len(self._new) - 1 - row] if row < fresh else self._old[row - fresh]

    def at(self, row: int) -> FlowRow:
        """The message in a row."""
        return self.entry(row)[1]

    def number(self, row: int) -> int:
        """The identity of the message in a row."""
        return self.entry(row)[0]

    def row_of(self, number: int) -> int:
        """The row of a message, -1 where it is not here."""
        new, old = self._new, self._old
        place = bisect.bisect_left(new, number, lo=self._gone, key=lambda entry: entry[0])
        if place < len(new) and new[place][0] == number:
            return len(new) - 1 - place
        place = bisect.bisect_left(old, -number, key=lambda entry: -entry[0])
        if place < len(old) and old[place][0] == number:
            return len(new) - self._gone + place
        return -1

    def entries(self) -> list[Numbered]:
        """All messages with their numbers, oldest first."""
        return self._old[::-1] + self._new[self._gone :]

    # Changing.

    def begin(self, entries: Sequence[Numbered] = ()) -> None:
        """Start anew with these messages, newest first."""
        self.beginResetModel()
        self._new, self._gone, self._old = [], 0, list(entries)
        self.endResetModel()

    def put_newer(self, entries: Sequence[Numbered]) -> None:
        """Put messages on top; they come oldest first and are newer than all that are here."""
        if entries:
            self.beginInsertRows(_ROOT, 0, len(entries) - 1)
            self._new.extend(entries)
            self.endInsertRows()

    def put_older(self, entries: Sequence[Numbered]) -> None:
        """Put messages at the bottom; they come newest first and are older than all that are here."""
        if entries:
            count = self.rowCount()
            self.beginInsertRows(_ROOT, count, count + len(entries) - 1)
            self._old.extend(entries)
            self.endInsertRows()

    def drop_before(self, number: int) -> None:
        """Let messages go that are older than this one."""
        count, new, old = self.rowCount(), self._new, self._old
        kept_old = bisect.bisect_right(old, -number, key=lambda entry: -entry[0])
        first_new = bisect.bisect_left(new, number, lo=self._gone, key=lambda entry: entry[0])
        going = len(old) - kept_old + first_new - self._gone
        if not going:
            return
        self.beginRemoveRows(_ROOT, count - going, count - 1)
        del old[kept_old:]
        self._gone = first_new
        if self._gone > SPARE:
            del new[: self._gone]
            self._gone = 0
        self.endRemoveRows()

    # As in Qt.

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._new) - self._gone + len(self._old)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(HEADS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return rows.cell(self.at(index.row()), index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            row = self.at(index.row())
            if index.column() == Column.TIME:
                return rows.describe(row)
            return f"{HEADS[index.column()] or 'Latency'} {rows.cell(row, min(index.column(), Column.LATENCY))}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None
