"""Marks that several painters share: avatar, dot, speaking ring, level meter."""

from __future__ import annotations

import functools
import zlib

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPixmap

from gui import theme
from gui.tokens import AVATAR_HUES, Colour, Type

_NO_PEN = Qt.PenStyle.NoPen
METER_STEPS = 7


def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return (name.strip() or "?")[0].upper()
    if len(words) > 1 and words[0][0].isascii():
        return (words[0][0] + words[-1][0]).upper()
    return words[0][0].upper()


@theme.coloured(4096)
def avatar(identity: str, letters: str, size: int, ratio: float = 1.0, dimmed: bool = False) -> QPixmap:
    """A disc on a muted hue that follows from the identity, with the initials in it.

    Args:
        identity: A user or session id; equal ids have equal hues.
        letters: What stands in it.
        size: Diameter in device-independent pixels.
        ratio: Device pixels for each of these.
        dimmed: For somebody who is leaving or not connected.
    """
    made = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    hue = AVATAR_HUES[zlib.crc32(identity.encode()) % len(AVATAR_HUES)]
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_NO_PEN)
    painter.setOpacity(0.45 if dimmed else 1.0)
    painter.setBrush(theme.avatar_ground(hue))
    painter.drawEllipse(QRectF(0, 0, size, size))
    painter.setPen(theme.colour(theme.scheme().avatar_letters))
    painter.setFont(_letters(size))
    painter.drawText(QRectF(0, 0, size, size), Qt.AlignmentFlag.AlignCenter, letters)
    painter.end()
    return made


def ring(painter: QPainter, disc: QRectF, token: Colour = Colour.LIVE) -> None:
    """The ring around an avatar of one who speaks."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(theme.pen(token, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(disc.adjusted(-3, -3, 3, 3))


def dot(painter: QPainter, centre: QPointF, token: Colour, radius: float = 4) -> None:
    """A dot of state; always beside a word that says the same."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_NO_PEN)
    painter.setBrush(theme.colour(token))
    painter.drawEllipse(centre, radius, radius)


def steps(level: int | None) -> int:
    """How many steps of the meter a level lights, 0 for silence.

    Args:
        level: -dBov, 0 loud to 127 silent; None while not speaking.
    """
    if level is None:
        return 0
    return max(1, min(METER_STEPS, METER_STEPS - (level - 12) // 7))


def level_word(level: int | None) -> str:
    """The level in a word, for those who read."""
    lit = steps(level)
    if not lit:
        return "silent"
    return "low" if lit <= 2 else "medium" if lit <= 4 else "high"


def meter(painter: QPainter, box: QRect, level: int | None, ratio: float = 1.0) -> None:
    """The level meter, vertically in the middle of `box`."""
    drawn = _meter(steps(level), ratio)
    painter.drawPixmap(box.left(), box.top() + (box.height() - METER_SIZE.height()) // 2, drawn)


METER_SIZE = QSize(METER_STEPS * 5, 12)


@theme.coloured()
def _meter(lit: int, ratio: float) -> QPixmap:
    made = QPixmap(METER_SIZE * ratio)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_NO_PEN)
    middle = METER_SIZE.height() / 2
    for step in range(METER_STEPS):
        height = (3 + step) if lit else 2
        painter.setBrush(theme.colour(Colour.LIVE if step < lit else Colour.LINE2))
        painter.drawRoundedRect(QRectF(step * 5, middle - height / 2, 3, height), 1.5, 1.5)
    painter.end()
    return made


@functools.cache
def _letters(size: int) -> QFont:
    made = QFont(theme.font(Type.NAME))
    made.setPixelSize(max(9, round(size * 0.42)))
    return made


def key_width(words: str) -> int:
    """How wide the cap of a key is."""
    return max(18, theme.metrics(Type.CAPTION).horizontalAdvance(words) + 10)


def key_cap(painter: QPainter, box: QRectF, words: str, tone: Colour = Colour.TEXT3, *, filled: bool = False) -> None:
    """The cap of a key; `filled` sets off the one that would be pressed next."""
    painter.setBrush(theme.colour(Colour.BG1) if filled else Qt.BrushStyle.NoBrush)
    painter.setPen(theme.pen(Colour.ACCENT if filled else Colour.LINE2))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    painter.setFont(theme.font(Type.CAPTION))
    painter.setPen(theme.colour(tone))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)


def count_badge(painter: QPainter, centre: QPointF, number: int) -> None:
    """A number that asks to be looked at."""
    words = str(number) if number < 100 else "99+"
    width = max(16, theme.metrics(Type.CAPTION).horizontalAdvance(words) + 8)
    box = QRectF(centre.x() - width / 2, centre.y() - 8, width, 16)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_NO_PEN)
    painter.setBrush(theme.colour(Colour.DANGER_FILL))
    painter.drawRoundedRect(box, 8, 8)
    painter.setFont(theme.font(Type.CAPTION))
    painter.setPen(theme.colour(Colour.ON_FILL))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)


def write(painter: QPainter, box: QRect, text: str, kind: Type, tone: Colour, *, right: bool = False) -> None:
    """A line of text, in the middle of the height of `box`, at its left or right."""
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.setFont(theme.font(kind))
    painter.setPen(theme.colour(tone))
    painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, text)


def paint_divider(painter: QPainter, box: QRect, indent: int) -> None:
    """The line between two rows of a table, in one cell of the upper one, from `indent` on."""
    left = box.left() + indent
    painter.fillRect(QRect(left, box.bottom(), box.right() - left + 1, 1), theme.colour(Colour.LINE))
