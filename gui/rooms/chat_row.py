"""Paints a line of chat; wrapped text is laid out once for each width."""

from __future__ import annotations

import collections

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui import theme, wording
from gui.rooms.chat_model import ChatModel, body_words, head_words
from gui.rooms.events import EVENTS, Entry, Fold, event_icon, is_harsh
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT
from gui.widgets.painting import avatar, initials
from server.views import ChatView

INDENT = 48
"""Where words begin."""
AVATAR = 24
EVENT_HEIGHT = 26
HEAD_HEIGHT = 18
SCROLL_BAR = 10
"""Its place is kept free, so that lines do not break anew when it comes and goes."""
CACHED = 600
"""Layouts kept: three times what a chat holds."""


class ChatRow(QStyledItemDelegate):
    """Messages with avatar, name, time and text; events in one quiet line; own whispers on their own ground."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._view = view
        self._layouts: collections.OrderedDict[tuple[str, int], tuple[QTextLayout, int]] = collections.OrderedDict()

    def height(self, line: Entry) -> int:
        """How high the row of a line is at the width that its view has now."""
        if isinstance(line, Fold) or line.kind in EVENTS:
            return EVENT_HEIGHT
        _, body = self._layout(line, self._view.width() - SCROLL_BAR)
        margin = 26 if line.kind in ("whisper", "announcement") else 14
        return HEAD_HEIGHT + body + margin

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        line = _line(index)
        box: QRect = option.rect
        if isinstance(line, Fold) or line.kind in EVENTS:
            self._paint_event(painter, box, line)
        else:
            self._paint_words(painter, box, line)
        if option.state & QStyle.StateFlag.State_HasFocus:  # the line on which keys act
            bar = QRect(box.left(), box.top() + 2, Size.SELECTION_BAR, box.height() - 4)
            painter.fillRect(bar, theme.colour(Colour.ACCENT))

    def _paint_event(self, painter: QPainter, box: QRect, line: Entry) -> None:
        tone = Colour.DANGER if is_harsh(line) else Colour.TEXT3
        drawn = theme.pixmap(event_icon(line), tone, 14, painter.device().devicePixelRatioF())
        painter.drawPixmap(QPoint(box.left() + 21, box.top() + (box.height() - 14) // 2), drawn)
        time_width = self._paint_time(painter, box, line)
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT2))
        words = box.adjusted(INDENT, 0, -time_width, 0)
        painter.drawText(words, ALIGN_LEFT, theme.elided(head_words(line), Type.SMALL, words.width()))

    def _paint_words(self, painter: QPainter, box: QRect, line: ChatView) -> None:
        ratio = painter.device().devicePixelRatioF()
        top = box.top() + 7
        tone = Colour.TEXT
        if line.kind in ("whisper", "announcement"):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.ACCENT_SOFT))
            painter.drawRoundedRect(QRectF(box).adjusted(8, 4, -8, -4), Size.RADIUS_INPUT, Size.RADIUS_INPUT)
            top += 6
            tone = Colour.ACCENT
            name = "chat-circle-dots-fill" if line.kind == "whisper" else "megaphone-simple-fill"
            painter.drawPixmap(QPoint(box.left() + 18, top), theme.pixmap(name, Colour.ACCENT, 20, ratio))
        else:
            drawn = avatar(line.user, initials(line.name), AVATAR, ratio)
            painter.drawPixmap(QPoint(box.left() + Size.PADDING, top), drawn)
        head = QRect(box.left() + INDENT, top - 1, box.width() - INDENT, HEAD_HEIGHT)
        time_width = self._paint_time(painter, QRect(box.left(), head.top(), box.width(), HEAD_HEIGHT), line)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(tone))
        words = theme.elided(head_words(line), Type.NAME, head.width() - time_width)
        painter.drawText(head, ALIGN_LEFT, words)
        painter.setPen(theme.colour(Colour.TEXT))
        body, _ = self._layout(line, self._view.width() - SCROLL_BAR)
        body.draw(painter, QPointF(box.left() + INDENT, head.bottom() + 1))

    def _paint_time(self, painter: QPainter, box: QRect, line: Entry) -> int:
        painter.setFont(theme.font(Type.CAPTION))
        painter.setPen(theme.colour(Colour.TEXT3))
        words = wording.clock(line.at)
        painter.drawText(box.adjusted(0, 0, -Size.PADDING, 0), ALIGN_RIGHT, words)
        return theme.metrics(Type.CAPTION).horizontalAdvance(words) + Size.PADDING + 8

    def _layout(self, line: ChatView, width: int) -> tuple[QTextLayout, int]:
        """The body and its height."""
        key = line.key, width
        found = self._layouts.get(key)
        if found is None:
            made = _laid_out(body_words(line), width - INDENT - Size.PADDING)
            found = self._layouts[key] = made, round(made.boundingRect().height())
            if len(self._layouts) > CACHED:
                self._layouts.popitem(last=False)
        return found


def _laid_out(text: str, width: int) -> QTextLayout:
    made = QTextLayout(text.replace("\n", "\u2028"), theme.font(Type.BODY))
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    made.setTextOption(option)
    made.setCacheEnabled(True)
    made.beginLayout()
    height = 0.0
    while (line := made.createLine()).isValid():
        line.setLineWidth(max(40, width))
        line.setPosition(QPointF(0, height))
        height += max(line.height(), 18.0)
    made.endLayout()
    return made


def _line(index: QModelIndex | QPersistentModelIndex) -> Entry:
    model = index.model()
    assert isinstance(model, ChatModel)
    return model.at(index)
