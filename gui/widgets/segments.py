"""One of a few, all of them visible beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type


class Segments(QWidget):
    """A choice among a few words; the arrow keys change it."""

    chosen = Signal(str)
    """The id that a person has chosen."""

    def __init__(self, name: str, items: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        """Make a choice among these (id, words), with the first one chosen; `name` is its accessible name."""
        super().__init__(parent)
        self._name = name
        self._items = list(items)
        self._current = self._items[0][0]
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self._describe()

    @property
    def current(self) -> str:
        """The id that is chosen."""
        return self._current

    def show_choice(self, id: str) -> None:
        """Show that this is chosen."""
        if id != self._current:
            self._current = id
            self._describe()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(sum(width for _, _, width in self._boxes()) + 4, Size.BUTTON)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        ids = [id for id, _ in self._items]
        self._choose(ids[(ids.index(self._current) + step) % len(ids)])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for id, left, width in self._boxes():
            if left <= event.position().x() < left + width:
                self._choose(id)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(theme.colour(Colour.BG2))
        painter.setPen(theme.pen(Colour.ACCENT, 2) if self.hasFocus() else theme.pen(Colour.LINE2))
        inner = box.adjusted(0.5, 0.5, -0.5, -0.5) if self.hasFocus() else box
        painter.drawRoundedRect(inner, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        words = dict(self._items)
        for id, left, width in self._boxes():
            place = QRectF(left, 3, width, self.height() - 6)
            if id == self._current:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(Colour.ACCENT_SOFT))
                painter.drawRoundedRect(place.adjusted(1, 0, -1, 0), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            painter.setPen(theme.colour(Colour.ACCENT if id == self._current else Colour.TEXT2))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words[id])
        painter.end()

    def _choose(self, id: str) -> None:
        if id != self._current:
            self.show_choice(id)
            self.chosen.emit(id)

    def _boxes(self) -> list[tuple[str, int, int]]:
        """Id, left edge and width of each."""
        found, left = [], 2
        for id, words in self._items:
            width = theme.metrics(Type.SMALL_STRONG).horizontalAdvance(words) + 28
            found.append((id, left, width))
            left += width
        return found

    def _describe(self) -> None:
        self.setAccessibleDescription(dict(self._items)[self._current])
