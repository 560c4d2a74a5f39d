"""Paints a cell of the member table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from gui import theme, wording
from gui.moderation import Deed, Pending, Stage
from gui.rooms.members_model import (
    AGE,
    LEVEL,
    NAME,
    NODE,
    RTT,
    SLOW_MS,
    STRIP,
    TOOLS,
    MembersModel,
    is_new_here,
    pending_words,
    reconnecting_words,
)
from gui.rooms.members_model import Strip as Turns
from gui.rooms.tools import TOOL_SIZE, UNDO_WIDTH, Tool, tool_boxes
from gui.tokens import Colour, Size, Type
from gui.widgets.cells import Cell
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT
from gui.widgets.painting import METER_STEPS, avatar, initials, meter, ring, steps
from server.talk import STRIP as STRIP_SECONDS
from server.views import MemberView

if TYPE_CHECKING:
    from gui.rooms.member_table import MemberTable

INDENT = 56
"""Where names and the lines between rows begin."""
ROLE_MARKS = {"moderator": "shield-fill", "admin": "shield-check"}
RIGHT = frozenset((AGE, RTT))
"""Columns of numbers."""


class MemberRow(Cell[MemberView, "MemberTable"]):
    """One delegate for all columns; a row that is being kicked, reconnects or has left says so across them.

    Its table says which row and which tool are under the pointer.
    """

    indent = INDENT

    def __init__(self, table: MemberTable, model: MembersModel) -> None:
        super().__init__(table, model)
        self._model = model

    def is_pointed(self, member: MemberView, option: QStyleOptionViewItem) -> bool:
        return self._table.hovered == member.session

    def paint_cell(self, painter: QPainter, box: QRect, member: MemberView, column: int, *, selected: bool) -> None:
        model, hovered = self._model, self._table.hovered == member.session
        gone, pending = model.gone.get(member.session), model.pending(member.session)
        if column == NAME:
            self._paint_name(painter, box, member, model)
        elif gone is not None:
            self._paint_across(painter, box, gone.words, Colour.TEXT3)
        elif words := model.tell(member):
            leaving = model.leaving(member)
            tone = _tone(pending) if pending is not None else Colour.DANGER
            self._paint_across(painter, box, words, tone, UNDO_WIDTH if leaving else 0)
            if leaving and column == TOOLS:
                self._paint_undo(painter, box, member)
        elif member.state == "reconnecting":
            self._paint_away(painter, box, member)
        elif column == LEVEL:
            meter(painter, box, model.level(member.session), painter.device().devicePixelRatioF())
        elif column == STRIP:
            paint_strip(painter, box, model.strip(member.session))
        elif column == TOOLS:
            if hovered or (selected and self._table.alone):
                self._paint_tools(painter, box, member)
            elif pending is not None:
                self._paint_late(painter, box, pending)
            else:
                self._paint_marks(painter, box, member)
        else:
            self._paint_words(painter, box, model.words(member, column), member, column)

    def _paint_name(self, painter: QPainter, box: QRect, member: MemberView, model: MembersModel) -> None:
        ratio = painter.device().devicePixelRatioF()
        corner = QPoint(box.left() + 16, box.top() + (box.height() - Size.AVATAR) // 2)
        pending = model.pending(member.session)
        out = member.leaves is not None or (pending is not None and pending.deed is Deed.KICK)
        away = out or member.session in model.gone or member.state == "reconnecting"
        painter.drawPixmap(corner, avatar(member.user, initials(member.name), Size.AVATAR, ratio, away))
        if model.level(member.session) is not None and not away:
            ring(painter, QRectF(corner.x(), corner.y(), Size.AVATAR, Size.AVATAR))
        mark = ROLE_MARKS.get(member.role)
        width = box.width() - INDENT - (24 if mark else 4)
        name = theme.elided(wording.name(member.name), Type.NAME, width)
        painter.setFont(theme.font(Type.NAME, struck=out))
        painter.setPen(theme.colour(Colour.TEXT3 if away else Colour.TEXT))
        painter.drawText(QRect(box.left() + INDENT, box.top(), width, box.height()), ALIGN_LEFT, name)
        if mark:
            left = box.left() + INDENT + theme.metrics(Type.NAME).horizontalAdvance(name) + 6
            drawn = theme.pixmap(mark, Colour.TEXT3 if away else Colour.ACCENT, 14, ratio)
            painter.drawPixmap(left, box.top() + (box.height() - 14) // 2, drawn)

    def _paint_words(self, painter: QPainter, box: QRect, words: str, member: MemberView, column: int) -> None:
        kind, tone = Type.SMALL, Colour.TEXT2
        if column == RTT and member.round_trip is not None and member.round_trip >= SLOW_MS:
            kind, tone = Type.SMALL_STRONG, Colour.WARN
        elif column == NODE and is_new_here(member, int(time.time() * 1000)):
            kind, tone = Type.SMALL_STRONG, Colour.TEXT
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        if column == NODE:
            painter.drawText(box, ALIGN_LEFT, theme.elided(words, kind, box.width() - 8))
        else:
            painter.drawText(box, ALIGN_RIGHT, words)

    def _paint_marks(self, painter: QPainter, box: QRect, member: MemberView) -> None:
        """Shapes for what is not as usual: nobody hears him, he hears nobody."""
        ratio, left = painter.device().devicePixelRatioF(), box.right() - Size.PADDING - 17
        for name in [*(["microphone-slash"] if member.muted else []), *(["ear-slash"] if member.deafened else [])]:
            drawn = theme.pixmap(name, Colour.TEXT3, 18, ratio)
            painter.drawPixmap(left, box.top() + (box.height() - 18) // 2, drawn)
            left -= 26

    def _paint_late(self, painter: QPainter, box: QRect, pending: Pending) -> None:
        painter.setFont(theme.font(Type.SMALL_STRONG))
        painter.setPen(theme.colour(_tone(pending)))
        words = "unconfirmed" if pending.stage is Stage.UNCONFIRMED else pending_words(pending)
        words = theme.elided(words, Type.SMALL_STRONG, box.width() - Size.PADDING - 4)
        painter.drawText(box.adjusted(0, 0, -Size.PADDING, 0), ALIGN_RIGHT, words)

    def _paint_tools(self, painter: QPainter, box: QRect, member: MemberView) -> None:
        ratio = painter.device().devicePixelRatioF()
        for tool, place in tool_boxes(box).items():
            under = self._table.tool == (member.session, tool)
            if under:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(Colour.DANGER_SOFT if tool is Tool.KICK else Colour.BG3))
                painter.drawRoundedRect(QRectF(place), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            tone = Colour.DANGER if tool is Tool.KICK else Colour.TEXT if under else Colour.TEXT2
            drawn = theme.pixmap(tool.icon(member), tone, 16, ratio)
            painter.drawPixmap(place.left() + (TOOL_SIZE - 16) // 2, place.top() + (TOOL_SIZE - 16) // 2, drawn)

    def _paint_away(self, painter: QPainter, box: QRect, member: MemberView) -> None:
        """That it reconnects, since when, and where it was: calm words, as it is nothing that needs a person."""
        left, ratio = self._table.columnViewportPosition(LEVEL), painter.device().devicePixelRatioF()
        painter.save()
        painter.setClipRect(box)
        drawn = theme.pixmap("plugs", Colour.WARN, 16, ratio)
        painter.drawPixmap(left, box.top() + (box.height() - 16) // 2, drawn)
        width = self._table.viewport().width() - left - 24 - Size.PADDING
        words = f"{reconnecting_words(member)}, was on {wording.within(member.node_name)}"
        if theme.metrics(Type.SMALL).horizontalAdvance(words) > width:
            words = reconnecting_words(member)
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT2))
        place = QRect(left + 24, box.top(), width, box.height())
        painter.drawText(place, ALIGN_LEFT, theme.elided(words, Type.SMALL, width))
        painter.restore()

    def _paint_undo(self, painter: QPainter, box: QRect, member: MemberView) -> None:
        """The word that undoes a kick."""
        place = tool_boxes(box, leaving=True)[Tool.UNDO]
        if self._table.tool == (member.session, Tool.UNDO):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.BG3))
            painter.drawRoundedRect(QRectF(place), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.ACCENT))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "Undo")

    def _paint_across(self, painter: QPainter, box: QRect, words: str, tone: Colour, spare: int = 0) -> None:
        """Words that begin in the level column and go on behind the edges of the cells, up to what is spared."""
        painter.save()
        painter.setClipRect(box)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        painter.setPen(theme.colour(tone))
        left = self._table.columnViewportPosition(LEVEL)
        width = self._table.viewport().width() - left - Size.PADDING - spare
        words = theme.elided(words, Type.SMALL_STRONG, width)
        painter.drawText(QRect(left, box.top(), width, box.height()), ALIGN_LEFT, words)
        painter.restore()


def _tone(pending: Pending) -> Colour:
    if pending.stage is Stage.UNCONFIRMED:
        return Colour.WARN
    return Colour.DANGER if pending.deed is Deed.KICK else Colour.TEXT2


def paint_strip(painter: QPainter, box: QRect, turns: Turns) -> None:
    """The last minute of a member: a block for each turn, as high as it was loud, now at the right edge."""
    middle, width = box.top() + box.height() // 2, box.width() - 12
    painter.fillRect(QRect(box.left(), middle, width, 1), theme.colour(Colour.LINE2))
    if not turns:
        return
    live, right = theme.colour(Colour.LIVE), box.left() + width
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(live)
    painter.setOpacity(0.55)
    for turn in turns:
        left, end = (right - ago / STRIP_SECONDS * width for ago in (turn.began, turn.ended))
        height = 4 + 10 * steps(turn.level) / METER_STEPS
        painter.drawRoundedRect(QRectF(left, middle - height / 2, max(2.0, end - left), height), 1.5, 1.5)
    painter.setOpacity(1.0)
    if not turns[0].ended:
        painter.fillRect(QRect(right - 2, middle - 8, 3, 16), live)
