"""The table of acts: who did what to whom, where and why, with the way back in its row."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QStyleOptionViewItem

from gui import theme
from gui.audit import words
from gui.audit.model import ActsModel, Column
from gui.tokens import Colour, Size, Type
from gui.widgets.cells import Cell
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, ColumnHeader, Table
from gui.widgets.painting import avatar, initials
from server.views import ActView

ROW = 48
GAP = 8
FACE = 18
WIDTHS = {
    Column.TIME: 112,
    Column.BY: 104,
    Column.ACTION: 176,
    Column.ON: 136,
    Column.WHERE: 136,
    Column.UNDO: 104,
}
LEAST = 160
"""Width of the reason, before other columns go."""
YIELDING = (Column.WHERE, Column.BY)
"""Columns that go, in this order, where the table is too narrow for all."""


class ActCell(Cell[ActView, "ActTable"]):
    """One delegate for all columns."""

    indent = Size.PADDING

    def __init__(self, table: ActTable, model: ActsModel) -> None:
        super().__init__(table, model)
        self._model = model

    def is_pointed(self, act: ActView, option: QStyleOptionViewItem) -> bool:
        return False

    def paint_cell(self, painter: QPainter, box: QRect, act: ActView, column: int, *, selected: bool) -> None:
        model = self._model
        room = box.adjusted(Size.PADDING if column == Column.TIME else 0, 0, -GAP, 0)
        text = model.cell(act, column)
        if column == Column.BY and act.by_user:
            face = avatar(act.by_user, initials(act.by), FACE, painter.device().devicePixelRatioF())
            painter.drawPixmap(room.left(), room.center().y() - FACE // 2 + 1, face)
            room.adjust(FACE + GAP, 0, 0, 0)
        elif column == Column.ACTION:
            name, tone = words.icon(act.action)
            drawn = theme.pixmap(name, tone, Size.ICON_BUTTON, painter.device().devicePixelRatioF())
            painter.drawPixmap(room.left(), room.center().y() - Size.ICON_BUTTON // 2 + 1, drawn)
            room.adjust(Size.ICON_BUTTON + GAP, 0, 0, 0)
        kind, tone = look(act, column, model)
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        align = ALIGN_RIGHT if column == Column.UNDO else ALIGN_LEFT
        painter.drawText(
            room.adjusted(0, 0, -GAP, 0) if column == Column.UNDO else room,
            align,
            theme.elided(text, kind, room.width()),
        )


def look(act: ActView, column: int, model: ActsModel) -> tuple[Type, Colour]:
    """Style and colour of a cell."""
    if column == Column.ACTION:
        return Type.NAME, Colour.TEXT
    if column == Column.ON:
        return Type.NAME, Colour.TEXT
    if column == Column.BY:
        return (Type.SMALL_STRONG, Colour.TEXT) if act.by_user else (Type.SMALL, Colour.TEXT2)
    if column == Column.UNDO:
        if words.came(act):
            return Type.SMALL, Colour.WARN
        return Type.SMALL_STRONG, Colour.ACCENT if act.act in model.undoable else Colour.TEXT3
    return Type.SMALL, Colour.TEXT2


class ActTable(Table):
    """Keys and clicks act on the act that was under them, never on a row."""

    undone = Signal(str)
    """The word at the end of a row was clicked: of this act."""

    def __init__(self, model: ActsModel) -> None:
        header = ColumnHeader(frozenset(), {Column.TIME: Size.PADDING})
        super().__init__("Acts", header, ROW)
        self._model = model
        self.setModel(model)
        self.setItemDelegate(ActCell(self, model))
        self._pressed = ""

    @property
    def selected(self) -> str:
        """The selected act; empty for none."""
        return self._model.at(self.chosen).act if self.chosen.isValid() else ""

    def select(self, act: str) -> None:
        """Select an act, if it is here."""
        index = self._model.index_of(act)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        whole = self.viewport().width()
        hidden: set[int] = set()
        for column in (*YIELDING, None):
            taken = sum(width for each, width in WIDTHS.items() if each not in hidden)
            if whole - taken >= LEAST or column is None:
                break
            hidden.add(column)
        for each, width in WIDTHS.items():
            self.setColumnHidden(each, each in hidden)
            self.setColumnWidth(each, width)
        self.setColumnWidth(Column.REASON, max(80, whole - taken))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._undo_at(event.position().toPoint())
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._pressed and self._undo_at(event.position().toPoint()) == self._pressed:
            self.undone.emit(self._pressed)
        self._pressed = ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        over = bool(self._undo_at(event.position().toPoint()))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def _undo_at(self, place: QPoint) -> str:
        index = self.indexAt(place)
        if not index.isValid() or index.column() != Column.UNDO:
            return ""
        act = self._model.at(index).act
        return act if act in self._model.undoable else ""
