"""The rooms of the cluster in a list: order, words and paint of a row."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from gui import theme, wording
from gui.rows import Index, Rows
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, paint_ground
from server.views import RoomView

_MINUTE = 60_000


class RoomsModel(Rows[RoomView]):
    """Rooms, the fullest first."""

    def key(self, row: RoomView) -> str:
        return row.name

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        room = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.name(room.name)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = f"{wording.name(room.name)}, {wording.plural(room.members, 'member')}, {voice_words(room)}"
            return f"{words}, locked" if room.state.locked else words
        return None


def ordered(rooms: Iterable[RoomView]) -> list[RoomView]:
    """The order of the list: by members, then by name."""
    return sorted(rooms, key=lambda room: (-room.members, room.name.casefold(), room.name))


def voice_words(room: RoomView) -> str:
    """Who speaks, or for how long nobody has."""
    if room.speaking:
        return f"{wording.listed(room.speaking)} speaking"
    if room.spoke is None:
        return "Nobody has spoken yet"
    quiet = int(time.time() * 1000) - room.spoke
    return "Quiet" if quiet < _MINUTE else f"Quiet for {wording.span(quiet)}"


class RoomRow(QStyledItemDelegate):
    """Paints a room: voice mark, name, who speaks, number of members."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = index.model()
        assert isinstance(model, RoomsModel)
        room = model.at(index)
        paint_ground(painter, option)
        box: QRect = option.rect
        ratio = painter.device().devicePixelRatioF()
        live = bool(room.speaking)
        name, tone = ("speaker-high", Colour.LIVE) if live else ("speaker-none", Colour.TEXT3)
        painter.drawPixmap(box.left() + 16, box.top() + 18, theme.pixmap(name, tone, 20, ratio))

        number = wording.count(room.members)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT))
        right = box.adjusted(0, 0, -Size.PADDING, 0)
        painter.drawText(right, ALIGN_RIGHT, number)
        width = box.width() - 50 - Size.PADDING - 12 - theme.metrics(Type.NAME).horizontalAdvance(number)

        locked = room.state.locked
        name = theme.elided(wording.name(room.name), Type.NAME, width - (20 if locked else 0))
        painter.drawText(QRect(box.left() + 50, box.top() + 9, width, 20), ALIGN_LEFT, name)
        if locked:
            left = box.left() + 56 + theme.metrics(Type.NAME).horizontalAdvance(name)
            painter.drawPixmap(left, box.top() + 12, theme.pixmap("lock-simple-fill", Colour.TEXT3, 14, ratio))
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT2 if live else Colour.TEXT3))
        words = theme.elided(voice_words(room), Type.SMALL, width)
        painter.drawText(QRect(box.left() + 50, box.top() + 29, width, 18), ALIGN_LEFT, words)
