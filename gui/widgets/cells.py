"""What lies under every cell of a table: the selection with its bar, the pointer's trace, the line between rows."""

from __future__ import annotations

from typing import Generic, TypeVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui import theme
from gui.rows import Row, Rows
from gui.tokens import Colour, Size
from gui.widgets.columns import Table
from gui.widgets.painting import paint_divider

View = TypeVar("View", bound=Table)

_SELECTED = QStyle.StateFlag.State_Selected
_UNDER_POINTER = QStyle.StateFlag.State_MouseOver


class Cell(QStyledItemDelegate, Generic[Row, View]):
    """One delegate for all columns of a table. Subclasses say what stands in a cell."""

    indent: int | None = 0
    """Where the lines between rows begin; None: there are none."""

    def __init__(self, table: View, model: Rows[Row]) -> None:
        """Make it for a table, which keeps it, and its model."""
        super().__init__(table)
        self._table = table
        self._rows = model

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """As in Qt."""
        row, column = self._rows.at(index), index.column()
        box: QRect = option.rect
        selected = bool(option.state & _SELECTED)
        if selected:
            painter.fillRect(box, theme.colour(Colour.ACCENT_SOFT))
            if not column:
                width = Size.SELECTION_BAR + self._table.hasFocus()
                painter.fillRect(QRect(box.left(), box.top(), width, box.height()), theme.colour(Colour.ACCENT))
        else:
            if self.is_pointed(row, option):
                painter.fillRect(box, theme.colour(Colour.BG2))
            if self.indent is not None:
                paint_divider(painter, box, 0 if column else self.indent)
        self.paint_cell(painter, box, row, column, selected=selected)

    def is_pointed(self, row: Row, option: QStyleOptionViewItem, /) -> bool:
        """Whether the pointer is on a row. The option knows it of one cell, which in a list is all of it."""
        return bool(option.state & _UNDER_POINTER)

    def paint_cell(self, painter: QPainter, box: QRect, row: Row, column: int, /, *, selected: bool) -> None:
        """Paint what stands in the cell."""
        raise NotImplementedError
