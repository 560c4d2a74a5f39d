"""The models of the Audit view: acts as far back as somebody has looked, and the bans in force."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal

from gui.audit import words
from gui.rows import Index, Rows
from gui.widgets.labels import literal
from server.views import ActView, BanView

_ROOT = QModelIndex()


class Column:
    """The columns of the table of acts."""

    TIME = 0
    BY = 1
    ACTION = 2
    ON = 3
    WHERE = 4
    REASON = 5
    UNDO = 6


class ActsModel(Rows[ActView]):
    """Acts, the newest first. More are asked for as somebody scrolls down."""

    heads = ("Time", "By", "Action", "On", "Where", "Reason", "")

    wanted = Signal()
    """More is to be seen than has been fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.more = False
        """Whether there are older ones."""
        self.undoable: dict[str, str] = {}
        """By act, what the word for its undoing is."""

    def key(self, row: ActView) -> str:
        return row.act

    def canFetchMore(self, parent: QModelIndex | QPersistentModelIndex) -> bool:
        return self.more

    def fetchMore(self, parent: QModelIndex | QPersistentModelIndex) -> None:
        self.wanted.emit()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        act, column = self.at(index), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(act, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.described(act, words.now_ms()) if column == Column.TIME else self.cell(act, column)
        if role == Qt.ItemDataRole.ToolTipRole and column in (Column.ON, Column.WHERE, Column.REASON):
            return literal(self.cell(act, column)) or None
        return None

    def cell(self, act: ActView, column: int) -> str:
        """What stands in a cell."""
        match column:
            case Column.TIME:
                return words.moment(act.at, words.now_ms())
            case Column.BY:
                return words.by(act)
            case Column.ACTION:
                return words.action(act)
            case Column.ON:
                return words.on(act)
            case Column.WHERE:
                return words.where(act)
            case Column.REASON:
                return words.why(act)
            case _:
                return words.came(act) or self.undoable.get(act.act, "")


class BansModel(Rows[BanView]):
    """The bans in force, the newest first."""

    def key(self, row: BanView) -> str:
        return row.ban

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        ban = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return words.whom(ban)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.ban_described(ban, words.now_ms())
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(words.scope(ban))
        return None
