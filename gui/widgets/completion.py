"""What one may mean while one types: a list below the cursor, a child of the window and never a window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui import theme, wording
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT
from server.query_completion import Completion

ROW = 28
MOST = 9
"""Offers that are shown at once."""
EDGE = 4
LEAST = 220
MARGIN = 8
"""Least distance from the edge of the window."""


class Completions(QWidget):
    """The offers. The field that owns it has the keyboard and moves through them."""

    taken = Signal(Completion)
    """An offer was clicked."""

    def __init__(self, name: str, window: QWidget) -> None:
        """Make a hidden list; `name` is that of its field."""
        super().__init__(window)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(f"Offers for {name}")
        self._window = window
        self._offers: list[Completion] = []
        self._place = 0
        self._first = 0
        self.hide()
        window.installEventFilter(self)

    @property
    def offers(self) -> Sequence[Completion]:
        """What is offered, the best first; empty while it is hidden."""
        return self._offers if self.isVisibleTo(self._window) else ()

    @property
    def current(self) -> Completion | None:
        """The offer that would be taken."""
        return self._offers[self._place] if self.offers else None

    def offer(self, offers: Sequence[Completion], at: QPoint) -> None:
        """Show these below a point of the window, or hide if there are none."""
        self._offers = list(offers)
        self._place = self._first = 0
        if not self._offers:
            self.hide()
            return
        width = max(
            theme.metrics(Type.CODE).horizontalAdvance(wording.name(one.label))
            + theme.metrics(Type.CAPTION).horizontalAdvance(one.hint)
            for one in self._offers
        )
        width = min(max(LEAST, width + 56), self._window.width() - 2 * MARGIN)
        height = ROW * min(MOST, len(self._offers)) + 2 * EDGE
        left = max(MARGIN, min(at.x(), self._window.width() - MARGIN - width))
        self.setGeometry(left, at.y(), width, height)
        self.show()
        self.raise_()
        self._tell()
        self.update()

    def move_by(self, step: int) -> None:
        """Go to the next offer or the one before; from the last to the first."""
        if self._offers:
            self._place = (self._place + step) % len(self._offers)
            self._first = max(min(self._first, self._place), self._place - MOST + 1)
            self._tell()
            self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: a window of another size has the field elsewhere."""
        if watched is self._window and event.type() == QEvent.Type.Resize:
            self.hide()
        return False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position().toPoint())
        if place is not None and place != self._place:
            self._place = place
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position().toPoint())
        if place is not None:
            self.taken.emit(self._offers[place])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.pen(Colour.LINE2))
        painter.setBrush(theme.colour(Colour.BG2))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        for row, one in enumerate(self._offers[self._first : self._first + MOST]):
            line = QRect(EDGE, EDGE + ROW * row, self.width() - 2 * EDGE, ROW)
            if self._first + row == self._place:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(Colour.ACCENT_SOFT))
                painter.drawRoundedRect(QRectF(line), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            line = line.adjusted(10, 0, -10, 0)
            hint = theme.metrics(Type.CAPTION).horizontalAdvance(one.hint)
            painter.setFont(theme.font(Type.CODE))
            painter.setPen(theme.colour(Colour.TEXT))
            painter.drawText(
                line, ALIGN_LEFT, theme.elided(wording.name(one.label), Type.CODE, line.width() - hint - 16)
            )
            painter.setFont(theme.font(Type.CAPTION))
            painter.setPen(theme.colour(Colour.TEXT3))
            painter.drawText(line, ALIGN_RIGHT, one.hint)
        painter.end()

    def _at(self, place: QPoint) -> int | None:
        row = (place.y() - EDGE) // ROW
        there = 0 <= row < MOST and self._first + row < len(self._offers)
        return self._first + row if there else None

    def _tell(self) -> None:
        one = self._offers[self._place]
        of = f"{self._place + 1} of {len(self._offers)}"
        self.setAccessibleDescription(", ".join(part for part in (wording.name(one.label), one.hint, of) if part))
