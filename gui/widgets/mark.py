"""Switchboard's own mark: five bars of a voice."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.tokens import Colour

_BARS = (0.28, 0.62, 1.0, 0.74, 0.28)


def paint_mark(painter: QPainter, box: QRectF, bars: tuple[Colour, ...]) -> None:
    """Paint the bars so that they fill `box`; one colour for each."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    step = box.width() / (len(_BARS) * 2 - 1)
    for place, (height, token) in enumerate(zip(_BARS, bars, strict=True)):
        bar = QRectF(0, 0, step, box.height() * height)
        bar.moveCenter(box.center())
        bar.moveLeft(box.left() + place * 2 * step)
        painter.setBrush(theme.colour(token))
        painter.drawRoundedRect(bar, step / 2, step / 2)


def window_icon() -> QIcon:
    """The mark on its own ground, for the window and the task bar."""
    made = QIcon()
    for size in (32, 64, 128):
        drawn = QPixmap(QSize(size, size))
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        _paint_badge(painter, QRectF(0, 0, size, size))
        painter.end()
        made.addPixmap(drawn)
    return made


class Badge(QWidget):
    """The mark on its ground, at the top of the rail."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(32, 32)
        self.setAccessibleName("Switchboard")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        _paint_badge(painter, QRectF(self.rect()))
        painter.end()


class Emblem(QWidget):
    """The mark alone, above a first screen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(88, 52)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        calm = Colour.LINE2
        paint_mark(painter, QRectF(self.rect()), (calm, calm, Colour.ACCENT, calm, calm))
        painter.end()


def _paint_badge(painter: QPainter, box: QRectF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(Colour.ACCENT_FILL))
    painter.drawRoundedRect(box, box.width() / 4, box.width() / 4)
    inner = QRectF(0, 0, box.width() * 0.56, box.height() * 0.56)
    inner.moveCenter(box.center())
    paint_mark(painter, inner, (Colour.ON_FILL,) * 5)
