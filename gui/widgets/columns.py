"""Tables as this console has them: quiet heads, a bar at the selected row, a selection that never slips."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QTableView,
    QWidget,
)

from gui import theme
from gui.tokens import Colour, Size, Type

ALIGN_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
ALIGN_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ColumnHeader(QHeaderView):
    """Column heads in captions over a line."""

    def __init__(self, right: frozenset[int], indents: dict[int, int], parent: QWidget | None = None) -> None:
        """Make a header.

        Args:
            right: Columns that are aligned right, as numbers are.
            indents: How far the words of a column are from the edge where they begin or, aligned right, end.
            parent: As in Qt.
        """
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._right = right
        self._indents = indents
        self._marked: tuple[int, bool] | None = None
        self.setFixedHeight(Size.COLUMN_HEADER)
        self.setFont(theme.font(Type.CAPTION))
        self.setHighlightSections(False)
        self.setSectionsClickable(False)
        self.setMinimumSectionSize(24)

    def mark(self, column: int, *, up: bool) -> None:
        """Show that the rows are sorted by this column, upwards or down."""
        self._marked = column, up
        self.viewport().update()

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        painter.save()
        painter.setFont(theme.font(Type.CAPTION))
        marked = self._marked is not None and self._marked[0] == logicalIndex
        painter.setPen(theme.colour(Colour.TEXT2 if marked else Colour.TEXT3))
        indent = self._indents.get(logicalIndex, 0)
        right = logicalIndex in self._right
        words = rect.adjusted(0, 0, -indent, 0) if right else rect.adjusted(indent, 0, 0, 0)
        align = ALIGN_RIGHT if right else ALIGN_LEFT
        text = str(self.model().headerData(logicalIndex, Qt.Orientation.Horizontal))
        painter.drawText(words, align, text)
        if marked and self._marked is not None:
            width = theme.metrics(Type.CAPTION).horizontalAdvance(text)
            left = words.right() - width - 14 if right else words.left() + width + 3
            name = "arrow-up" if self._marked[1] else "arrow-down"
            drawn = theme.pixmap(name, Colour.TEXT2, 11, painter.device().devicePixelRatioF())
            painter.drawPixmap(left, rect.center().y() - 5, drawn)
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.colour(Colour.LINE))
        painter.restore()


def prepare(view: QAbstractItemView, name: str) -> None:
    """Give a list or table the manners that all share."""
    view.setAccessibleName(name)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setMouseTracking(True)
    view.verticalScrollBar().setSingleStep(24)


class Table(QTableView):
    """A table whose selection goes away with its row instead of moving to the next.

    Without a header it is a list of one column: QListView would lay out and paint all of its rows when one changes.
    """

    def __init__(
        self, name: str, header: ColumnHeader | None, row_height: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        prepare(self, name)
        if header is not None:
            self.setHorizontalHeader(header)
        else:
            self.horizontalHeader().hide()
            self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(row_height)
        self.verticalHeader().setDefaultSectionSize(row_height)

    @property
    def chosen(self) -> QModelIndex:
        """The selected row; invalid for none. The current row may be another: it comes with the focus alone."""
        rows = self.selectionModel().selectedRows()
        return rows[0] if rows else QModelIndex()

    def moveCursor(self, cursorAction: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        action, current, model = QAbstractItemView.CursorAction, self.currentIndex(), self.model()
        if cursorAction in (action.MoveLeft, action.MoveRight):  # rows are what one moves between
            return current
        if cursorAction in (action.MoveHome, action.MoveEnd):
            last = model.rowCount() - 1
            return model.index(0 if cursorAction == action.MoveHome else last, max(0, current.column()))
        return super().moveCursor(cursorAction, modifiers)

    def rowsAboutToBeRemoved(self, parent: QModelIndex | QPersistentModelIndex, start: int, end: int) -> None:
        _let_go(self, start, end)
        super().rowsAboutToBeRemoved(parent, start, end)


def visible_rows(table: QTableView) -> tuple[int, int]:
    """First and last row that can be seen; the last is below the first where there is none."""
    first = table.rowAt(0)
    if first < 0:
        return 0, -1
    last = table.rowAt(table.viewport().height() - 1)
    return first, last if last >= 0 else table.model().rowCount() - 1


def _let_go(view: QAbstractItemView, start: int, end: int) -> None:
    """Keep the next act from hitting the neighbour of one who has just left."""
    current = view.currentIndex()
    if current.isValid() and start <= current.row() <= end:
        view.selectionModel().clearCurrentIndex()
