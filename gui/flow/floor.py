"""What table and message stand on: they share its width, and a person can move the edge between them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.tokens import Colour, Size

WIDTH = 424
"""Of the pane of one message, until somebody moves its edge."""
LEAST = 320
TABLE_LEAST = 480
"""What the table keeps beside it."""
STRIP = 120
"""What is seen of the table where the pane stands over it."""
REACH = 4
"""Pixels at either side of the line at which it can be taken."""


class Edge(QWidget):
    """A line of 1 px that can be dragged sideways; a double click puts it back."""

    dragged = Signal(int)
    """Where it is wanted, in pixels from the left of its parent."""
    released = Signal()
    """It is to go back to where it belongs."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self._held = False

    def place(self, left: int, height: int) -> None:
        """Have its line at `left`."""
        self.setGeometry(left - REACH, 0, 2 * REACH + 1, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._held = event.button() is Qt.MouseButton.LeftButton

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self.dragged.emit(self.mapToParent(event.position().toPoint()).x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.released.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(REACH, 0, 1, self.height(), theme.colour(Colour.LINE))
        painter.end()


class Floor(QWidget):
    """A table, and the pane of a message beside it, or over it where there is no room for both."""

    def __init__(self, table: QWidget, pane: QWidget) -> None:
        """Put them on it; `place` is to be called when the pane is shown or hidden."""
        super().__init__()
        self._table, self._pane = table, pane
        self.wanted = WIDTH
        """How wide the pane is where there is room."""
        for part in (table, pane):
            part.setParent(self)
        self.edge = Edge(self)
        self.edge.dragged.connect(lambda left: self.widen(self.width() - left - 1))
        self.edge.released.connect(lambda: self.widen(WIDTH))

    def widen(self, width: int) -> None:
        """Give the pane this width, or one as near as there is room for."""
        self.wanted = max(LEAST, width)
        self.place()

    def place(self) -> None:
        """Put the parts where they belong."""
        width, height = self.width(), self.height()
        shown = self._pane.isVisibleTo(self)
        beside = shown and width >= Size.WIDE
        most = width - (TABLE_LEAST if beside else STRIP)
        pane = max(min(self.wanted, most), min(LEAST, width - STRIP))
        self._table.setGeometry(0, 0, width - pane - 1 if beside else width, height)
        self._pane.setGeometry(width - pane, 0, pane, height)
        self.edge.place(width - pane - 1, height)
        self.edge.setVisible(shown)
        if shown:
            self._pane.raise_()
            self.edge.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place()
