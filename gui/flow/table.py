"""The table of messages, painted row by row, with a cell under the keyboard and the pill that counts newer ones."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QHeaderView, QWidget

from gui import theme, wording
from gui.flow.model import FlowModel
from gui.flow.row import GAP, RIGHT, paint_row
from gui.flow.rows import Column
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, ColumnHeader, Table
from gui.widgets.labels import describe
from server.flow import FlowRow

BAR = 128
FIXED = {
    Column.TIME: 112,
    Column.NODE: 84,
    Column.KIND: 116,
    Column.BYTES: 56,
    Column.LATENCY: 84,
    Column.BAR: 2 * GAP + BAR + 4,
}
SHARED = {Column.ROOM: 10, Column.FROM: 9, Column.TO: 6}
"""Columns that share what is left, and in which parts."""
LEAST = 84
"""A shared column is not narrower than this while another may go."""
NARROWEST, WIDEST = 40, 600
"""What a person can make of a column."""
YIELDING = (Column.BAR, Column.NODE, Column.BYTES)
"""Columns that go, in this order, where the table is too narrow for all."""


class Pill(QAbstractButton):
    """Counts what came while the list stood still; a click returns to the newest."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.hide()

    def say(self, newer: int) -> None:
        """Count these; hidden at 0."""
        words = f"{wording.count(newer)} newer" if newer else ""
        if words != self.text():
            self.setText(words)
            describe(self, f"{words}, go to the newest", key="Home")
            self.resize(self.sizeHint())
            self.setVisible(bool(words))

    def sizeHint(self) -> QSize:
        return QSize(theme.metrics(Type.SMALL_STRONG).horizontalAdvance(self.text()) + 52, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.pen(Colour.FIELD if self.underMouse() else Colour.LINE2))
        painter.setBrush(theme.colour(Colour.BG3))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        arrow = theme.pixmap("arrow-up", Colour.ACCENT, 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(14, (self.height() - 16) / 2), arrow)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        painter.setPen(theme.colour(Colour.TEXT))
        painter.drawText(self.rect().adjusted(36, 0, 0, 0), ALIGN_LEFT, self.text())
        painter.end()


class FlowTable(Table):
    """The table. It paints whole rows itself (gui/flow/row.py)."""

    asked = Signal(QPoint)
    """The menu of the current cell is wanted, at a place of the screen."""
    opened = Signal()
    """Enter was pressed on a message."""
    returned = Signal()
    """The person wants the newest again."""

    def __init__(self, model: FlowModel, parent: QWidget | None = None) -> None:
        super().__init__(
            "Messages",
            ColumnHeader(RIGHT, {Column.TIME: Size.PADDING, Column.BAR: 2 * GAP}),
            Size.FLOW_ROW,
            parent,
        )
        self._model = model
        self._widths: dict[int, int] = {}
        """Of the columns that somebody has moved."""
        self._sharing = False
        self.lit: Callable[[FlowRow], bool] | None = None
        """Says which rows are highlighted."""
        self.watched_from = 0
        """Number of the first message since somebody looks; those before it are from an earlier look."""
        self.setModel(model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.verticalScrollBar().setSingleStep(Size.FLOW_ROW)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(Column.BAR, QHeaderView.ResizeMode.Fixed)
        header.sectionResized.connect(self._resized)
        header.sectionHandleDoubleClicked.connect(self._release)
        # Every pixel is painted below, so nothing behind it need be.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.pill = Pill(self)
        self.pill.clicked.connect(self.returned)

    @property
    def chosen_number(self) -> int:
        """The identity of the selected message, 0 for none."""
        index = self.chosen
        return self._model.number(index.row()) if index.isValid() else 0

    @property
    def cell(self) -> tuple[FlowRow, int] | None:
        """The message that is selected, and the column where the keyboard is."""
        index = self.chosen
        if not index.isValid():
            return None
        return self._model.at(index.row()), self.currentIndex().column()

    def choose(self, number: int, column: int = Column.TIME) -> None:
        """Select a message by its identity, if it is here."""
        row = self._model.row_of(number)
        if row >= 0:
            self.setCurrentIndex(self._model.index(row, column))

    @property
    def at_newest(self) -> bool:
        """Whether the newest row is at the top of what is seen."""
        return self.verticalScrollBar().value() <= 0

    def moveCursor(self, cursorAction: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        action, current = QAbstractItemView.CursorAction, self.currentIndex()
        if cursorAction == action.MoveHome:
            self.returned.emit()
            return QModelIndex()
        if cursorAction in (action.MoveLeft, action.MoveRight) and current.isValid():
            shown = [int(column) for column in Column if column != Column.BAR and not self.isColumnHidden(column)]
            step = -1 if cursorAction == action.MoveLeft else 1
            place = shown.index(current.column()) if current.column() in shown else 0
            return self._model.index(current.row(), shown[max(0, min(len(shown) - 1, place + step))])
        return super().moveCursor(cursorAction, modifiers)

    def scrollTo(
        self,
        index: QModelIndex | QPersistentModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """As in Qt, and so that the first row is seen whole."""
        super().scrollTo(index, hint)
        bar = self.verticalScrollBar()
        bar.setValue(-(-bar.value() // Size.FLOW_ROW) * Size.FLOW_ROW)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        mouse = event.reason() is QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if mouse else self.currentIndex()
        if not index.isValid():
            return
        if mouse:
            self.setCurrentIndex(index)
        place = event.pos() if mouse else self.visualRect(index).bottomLeft()
        self.asked.emit(self.viewport().mapToGlobal(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.chosen.isValid():
            self.opened.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._share()
        super().resizeEvent(event)
        self.place_pill()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.PaletteChange:
            self.viewport().update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        exposed = event.rect()
        painter.fillRect(exposed, theme.colour(Colour.BG1))
        first = self.rowAt(exposed.top())
        if first >= 0:
            cells = [
                (column, self.columnViewportPosition(column), self.columnWidth(column))
                for column in Column
                if not self.isColumnHidden(column)
            ]
            top, width, focused = self.rowViewportPosition(first), self.viewport().width(), self.hasFocus()
            chosen = self.chosen.row()
            for place in range(first, self._model.rowCount()):
                if top > exposed.bottom():
                    break
                number, row = self._model.entry(place)
                selected, lit = place == chosen, self.lit is not None and self.lit(row)
                paint_row(
                    painter,
                    top,
                    row,
                    cells,
                    width=width,
                    selected=selected,
                    focused=focused,
                    lit=lit,
                    earlier=number < self.watched_from,
                )
                if selected and focused:
                    self._paint_cell_focus(painter, QRect(0, top, width, Size.FLOW_ROW), self.currentIndex().column())
                top += Size.FLOW_ROW
        painter.end()

    def _paint_cell_focus(self, painter: QPainter, box: QRect, column: int) -> None:
        left, width = self.columnViewportPosition(column), self.columnWidth(column)
        inset = Size.SELECTION_BAR + 5 if column == Column.TIME else -6
        spot = QRectF(left + inset, box.top() + 2.5, width - inset - (0 if column in RIGHT else 8), box.height() - 5)
        if column in RIGHT:
            spot.setRight(left + width + 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.pen(Colour.ACCENT))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(spot, 4, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def kept(self) -> list[str]:
        """The columns that somebody has moved, for `restore`."""
        return [f"{Column(column).name} {width}" for column, width in sorted(self._widths.items())]

    def restore(self, kept: list[str]) -> None:
        """Have these widths, and of all other columns the usual ones; what cannot be read is left out."""
        self._widths = {}
        for each in kept:
            name, _, width = each.partition(" ")
            if name in Column.__members__ and width.isdecimal() and NARROWEST <= int(width) <= WIDEST:
                self._widths[Column[name]] = int(width)
        self._share()

    def _resized(self, column: int, old: int, new: int) -> None:
        """Somebody moves the edge of a column: the others that share what is left give way."""
        if self._sharing or not old or not new:
            return  # it was hidden, or is shown again
        others = [other for other in SHARED if other != column and other not in self._widths]
        spare = sum(self.columnWidth(other) - NARROWEST for other in others)
        self._widths[column] = max(NARROWEST, min(new, old + max(0, spare), WIDEST))
        self._share()

    def _release(self, column: int) -> None:
        self._widths.pop(column, None)
        self._share()

    def _share(self) -> None:
        """Give the columns their widths, and hide those that matter least where there is no room."""
        widths = FIXED | self._widths
        shared = {column: part for column, part in SHARED.items() if column not in self._widths}
        left = self.viewport().width() - sum(widths.values())
        self._sharing = True
        for column in YIELDING:
            hidden = left < LEAST * len(shared)
            self.setColumnHidden(column, hidden)
            left += widths[column] if hidden else 0
        header = self.horizontalHeader()
        for fixed, width in widths.items():
            header.resizeSection(fixed, width)
        parts = sum(shared.values())
        for each, part in shared.items():
            header.resizeSection(each, max(24, left * part // parts))
        self._sharing = False

    def place_pill(self) -> None:
        """Put the pill where it belongs; its width follows its count."""
        self.pill.move(self.width() - self.pill.width() - Size.PADDING, Size.COLUMN_HEADER + 8)
