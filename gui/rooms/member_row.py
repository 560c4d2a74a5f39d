"""Paints a cell of the member table."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView

from gui import theme, wording
from gui.actions import Stage
from gui.rooms.members_model import AGE, LEVEL, NAME, NODE, RTT, SLOW_MS, MembersModel, kick_words
from gui.tokens import Colour, Size, Type
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, paint_ground
from gui.widgets.painting import avatar, initials, meter, paint_divider, ring
from server.views import MemberView

INDENT = 56
"""Where names and the lines between rows begin."""
ROLE_MARKS = {"moderator": "shield-fill", "admin": "shield-check"}


class MemberRow(QStyledItemDelegate):
    """One delegate for all columns; a row that is being kicked, or reconnects, says so across them."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = index.model()
        assert isinstance(model, MembersModel)
        member, column = model.at(index), index.column()
        box: QRect = option.rect
        selected = paint_ground(painter, option, first=column == NAME)
        if not selected:
            paint_divider(painter, box, INDENT if column == NAME else 0)
        kick = model.kick(member.session)
        if column == NAME:
            speaking = model.level(member.session) is not None
            self._paint_name(painter, box, member, speaking=speaking, out=kick is not None)
        elif kick is not None:
            late = kick.stage is Stage.UNCONFIRMED
            self._paint_across(painter, box, kick_words(kick), Colour.WARN if late else Colour.DANGER)
        elif member.state == "reconnecting" and column == LEVEL:
            self._paint_across(painter, box, "reconnecting", Colour.WARN)
        elif column == LEVEL:
            meter(painter, box, model.level(member.session), painter.device().devicePixelRatioF())
        else:
            self._paint_words(painter, box, model.words(member, column), member, column)

    def _paint_name(self, painter: QPainter, box: QRect, member: MemberView, *, speaking: bool, out: bool) -> None:
        ratio = painter.device().devicePixelRatioF()
        corner = QPoint(box.left() + 16, box.top() + (box.height() - Size.AVATAR) // 2)
        away = out or member.state == "reconnecting"
        painter.drawPixmap(corner, avatar(member.user, initials(member.name), Size.AVATAR, ratio, away))
        if speaking and not away:
            ring(painter, QRectF(corner.x(), corner.y(), Size.AVATAR, Size.AVATAR))
        mark = ROLE_MARKS.get(member.role)
        width = box.width() - INDENT - (24 if mark else 4)
        name = theme.elided(wording.name(member.name), Type.NAME, width)
        painter.setFont(theme.font(Type.NAME, struck=out))
        painter.setPen(theme.colour(Colour.TEXT3 if away else Colour.TEXT))
        painter.drawText(QRect(box.left() + INDENT, box.top(), width, box.height()), ALIGN_LEFT, name)
        if mark:
            left = box.left() + INDENT + theme.metrics(Type.NAME).horizontalAdvance(name) + 6
            painter.drawPixmap(
                left, box.top() + (box.height() - 14) // 2, theme.pixmap(mark, Colour.ACCENT, 14, ratio)
            )

    def _paint_words(self, painter: QPainter, box: QRect, words: str, member: MemberView, column: int) -> None:
        kind, tone = Type.SMALL, Colour.TEXT2
        if column == RTT and member.round_trip is not None and member.round_trip >= SLOW_MS:
            kind, tone = Type.SMALL_STRONG, Colour.WARN
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        if column == NODE:
            painter.drawText(box, ALIGN_LEFT, theme.elided(words, kind, box.width() - 8))
        else:
            right = Size.PADDING if column == RTT else 0
            painter.drawText(box.adjusted(0, 0, -right, 0), ALIGN_RIGHT, words)

    def _paint_across(self, painter: QPainter, box: QRect, words: str, tone: Colour) -> None:
        """Words that begin in the level column and go on behind the edges of the cells."""
        painter.save()
        painter.setClipRect(box)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        painter.setPen(theme.colour(tone))
        left = self._table.columnViewportPosition(LEVEL)
        width = self._table.viewport().width() - left - Size.PADDING
        words = theme.elided(words, Type.SMALL_STRONG, width)
        painter.drawText(QRect(left, box.top(), width, box.height()), ALIGN_LEFT, words)
        painter.restore()


RIGHT = frozenset((AGE, RTT))
"""Columns of numbers."""
