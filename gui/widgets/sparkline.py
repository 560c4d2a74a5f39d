"""A small line of figures over time, without axes: for rows and cards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.tokens import Colour

Point = tuple[float, float]
"""How far along the line it is and how high, both 0 to 1."""


def evenly(figures: Sequence[float], least: float) -> list[Point]:
    """Points for figures at equal distances; the line is as high as the greatest of them, and `least` at least."""
    top, steps = max(least, max(figures, default=0.0)), max(1, len(figures) - 1)
    return [(place / steps, figure / top) for place, figure in enumerate(figures)]


def paint_sparkline(
    painter: QPainter, box: QRect, points: Iterable[Point], tone: Colour, *, ground: bool = True
) -> None:
    """Paint the line into `box`; with `ground`, with a breath of its colour below it."""
    left, bottom = box.left() + 0.5, box.bottom() - 0.5
    width, height = box.width() - 1, box.height() - 2
    line = QPolygonF([QPointF(left + along * width, bottom - high * height) for along, high in points])
    if line.size() < 2:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if ground:
        below = QPolygonF(line)
        below.append(QPointF(line.last().x(), bottom + 1))
        below.append(QPointF(line.first().x(), bottom + 1))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(tone))
        painter.setOpacity(0.10)
        painter.drawPolygon(below)
        painter.setOpacity(1.0)
    painter.setPen(theme.pen(tone, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(line)
    painter.restore()


@theme.coloured(512)
def drawn_line(figures: tuple[float, ...], least: float, size: QSize, tone: Colour, ratio: float) -> QPixmap:
    """A line over its ground for a row that is painted more often than its figures change; `least` as in `evenly`."""
    made = QPixmap(size * ratio)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    paint_sparkline(painter, QRect(0, 0, size.width(), size.height()), evenly(figures, least), tone)
    painter.end()
    return made


class Sparkline(QWidget):
    """A line on its own; the value beside it says the last figure."""

    def __init__(self, name: str, size: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[Point] = []
        self._tone = Colour.TEXT3
        self.setFixedSize(size)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def say(self, points: list[Point], tone: Colour) -> None:
        """Show these points; costs nothing when they are the same."""
        if (points, tone) != (self._points, self._tone):
            self._points, self._tone = points, tone
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_sparkline(painter, QRectF(self.rect()).toRect(), self._points, self._tone, ground=False)
        painter.end()
