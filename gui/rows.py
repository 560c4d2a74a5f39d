"""A table model that follows snapshots by the identity of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class Rows(QAbstractTableModel, Generic[Row]):
    """Rows with an identity, in an order that its owner gives.

    A new snapshot becomes the fewest and smallest changes: removed, moved, inserted and changed rows, each of these
    with the range of columns that changed. It is never reset, so selection and scroll position follow the rows.
    Subclasses say what the key of a row is, which columns differ, and what `data` gives.
    """

    heads: tuple[str, ...] = ("",)
    """The column heads; their number is the number of columns."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}

    def key(self, row: Row) -> str:
        """The identity of a row."""
        raise NotImplementedError

    def changed_columns(self, old: Row, new: Row) -> tuple[int, int] | None:
        """First and last column that look different, or None; asked only where ``old != new``."""
        return 0, len(self.heads) - 1

    def at(self, index: Index | int) -> Row:
        """The row at an index."""
        return self._rows[index if isinstance(index, int) else index.row()]

    def find(self, key: str) -> Row | None:
        """The row with this identity."""
        place = self._places.get(key)
        return None if place is None else self._rows[place]

    def place(self, key: str) -> int | None:
        """The row of this identity, or None."""
        return self._places.get(key)

    def index_of(self, key: str, column: int = 0) -> QModelIndex:
        """The index of the row with this identity; invalid where there is none."""
        place = self._places.get(key)
        return QModelIndex() if place is None else self.index(place, column)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def identities(self) -> list[str]:
        """The identities in order."""
        return list(self._places)

    def follow(self, rows: Sequence[Row]) -> None:
        """Become these rows, in this order."""
        wanted = {self.key(row): row for row in rows}
        if list(wanted) != list(self._places):
            self._remove([place for key, place in self._places.items() if key not in wanted])
            self._sort([key for key in wanted if key in self._places])
            self._insert(list(wanted.items()))
        held = zip(self._rows, wanted.values(), strict=True)
        self._change([row for old, row in held if old is not row and old != row])

    def change(self, rows: Iterable[Row]) -> None:
        """Take new values of rows that are here already."""
        self._change(rows)

    def touch(self, keys: Iterable[str], first: int, last: int) -> None:
        """Have these columns of these rows painted anew: something beside the row has changed."""
        for key in keys:
            place = self._places.get(key)
            if place is not None:
                self.dataChanged.emit(self.index(place, first), self.index(place, last))

    def touch_all(self, first: int, last: int) -> None:
        """Have these columns of all rows painted anew."""
        if self._rows:
            self.dataChanged.emit(self.index(0, first), self.index(len(self._rows) - 1, last))

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.heads[section]
        return None

    def _remove(self, places: list[int]) -> None:
        for first, last in reversed(_runs(places)):
            self.beginRemoveRows(_ROOT, first, last)
            del self._rows[first : last + 1]
            self._number()
            self.endRemoveRows()

    def _sort(self, keys: list[str]) -> None:
        if keys == list(self._places):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        held = [self.key(self._rows[index.row()]) for index in before]
        self._rows = [self._rows[self._places[key]] for key in keys]
        self._number()
        after = [self.index(self._places[key], index.column()) for key, index in zip(held, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _insert(self, wanted: list[tuple[str, Row]]) -> None:
        for first, last in _runs([place for place, (key, _) in enumerate(wanted) if key not in self._places]):
            self.beginInsertRows(_ROOT, first, last)
            self._rows[first:first] = [row for _, row in wanted[first : last + 1]]
            self._number()
            self.endInsertRows()

    def _change(self, rows: Iterable[Row]) -> None:
        for row in rows:
            place = self._places.get(self.key(row))
            if place is None or self._rows[place] == row:
                continue
            old, self._rows[place] = self._rows[place], row
            columns = self.changed_columns(old, row)
            if columns is not None:
                self.dataChanged.emit(self.index(place, columns[0]), self.index(place, columns[1]))

    def _number(self) -> None:
        self._places = {self.key(row): place for place, row in enumerate(self._rows)}


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Ascending places as runs of neighbours, first and last of each."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], place
        else:
            runs.append((place, place))
    return runs
