"""Paints a room of the list: voice mark, name, who speaks, the last five minutes, number of members."""

from __future__ import annotations

import functools

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter

from gui import theme, wording
from gui.rooms.rooms_model import RoomsModel, voice_words
from gui.tokens import Colour, Size, Type
from gui.widgets.cells import Cell
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, Table
from gui.widgets.sparkline import drawn_line
from server.views import RoomView

LEFT = 50
"""Where words begin."""
NUMBER = 36
"""What the number of members takes, from the right."""
LINE = 66
"""The line of activity."""
NARROW = 300
"""A row below this width goes without that line."""
LIVELY = 6.0
"""Seconds spoken and texts in five seconds, at least, for a line that goes up to the top."""


class RoomRow(Cell[RoomView, Table]):
    """One delegate for the whole list."""

    indent = None

    def __init__(self, table: Table, model: RoomsModel) -> None:
        super().__init__(table, model)
        self._model = model

    def paint_cell(self, painter: QPainter, box: QRect, room: RoomView, column: int, *, selected: bool) -> None:
        ratio = painter.device().devicePixelRatioF()
        name, tone = _mark(room)
        painter.drawPixmap(box.left() + 16, box.top() + 18, theme.pixmap(name, tone, 20, ratio))
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT))
        painter.drawText(box.adjusted(0, 0, -Size.PADDING, 0), ALIGN_RIGHT, wording.count(room.members))
        right = box.right() - Size.PADDING - NUMBER
        if box.width() >= NARROW:
            right -= LINE
            lively = Colour.ACCENT if selected else Colour.TEXT3
            drawn = drawn_line(self._model.activity(room.name), LIVELY, QSize(LINE, 24), lively, ratio)
            painter.drawPixmap(right, box.top() + 16, drawn)
            right -= 10
        self._paint_words(painter, QRect(box.left() + LEFT, box.top(), right - box.left() - LEFT, box.height()), room)

    def _paint_words(self, painter: QPainter, box: QRect, room: RoomView) -> None:
        locked = room.state.locked
        name = theme.elided(wording.name(room.name), Type.NAME, box.width() - (20 if locked else 0))
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT))
        painter.drawText(QRect(box.left(), box.top() + 9, box.width(), 20), ALIGN_LEFT, name)
        if locked:
            left = box.left() + 6 + theme.metrics(Type.NAME).horizontalAdvance(name)
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(left, box.top() + 12, theme.pixmap("lock-simple-fill", Colour.TEXT3, 14, ratio))
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT2 if room.speaking else Colour.TEXT3))
        words = _speaking(room.speaking, box.width()) or theme.elided(voice_words(room), Type.SMALL, box.width())
        painter.drawText(QRect(box.left(), box.top() + 29, box.width(), 18), ALIGN_LEFT, words)


def _mark(room: RoomView) -> tuple[str, Colour]:
    if room.speaking:
        return "speaker-high", Colour.LIVE
    if room.state.muted:
        return "speaker-slash", Colour.TEXT3
    return ("chat-circle" if room.spoke is None else "speaker-none"), Colour.TEXT3


@functools.lru_cache(maxsize=1024)
def _speaking(names: tuple[str, ...], width: int) -> str:
    """Who speaks in the words that fit: as many names as there is place for, the others as a number; else nothing."""
    for most in (3, 2, 1):
        if len(names) < most:
            continue
        words = f"{wording.listed(names, most)} speaking"
        if theme.metrics(Type.SMALL).horizontalAdvance(words) <= width:
            return words
    return ""
