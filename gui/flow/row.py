"""Paints one row of the table of messages at once; a delegate called for each cell would cost five times as much."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QPainter, QStaticText, QTransform

from gui import theme
from gui.flow import rows
from gui.flow.rows import Column
from gui.tokens import Colour, Size, Type
from server.flow import FlowRow

GAP = 12
HEIGHT = Size.FLOW_ROW
RIGHT = frozenset((Column.BYTES, Column.LATENCY))
NAMES = frozenset((Column.ROOM, Column.FROM, Column.TO))
"""Columns that are strong in a row that may not be overlooked."""

Cell = tuple[Column, int, int]
"""A column, its left edge and its width."""


@functools.lru_cache(maxsize=8192)
def words(text: str, kind: Type, room: int) -> tuple[QStaticText, float, float]:
    """A text laid out once, as wide as there is room for; with its width and its distance from the top of a row."""
    made = QStaticText(theme.elided(text, kind, room))
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.prepare(QTransform(), theme.font(kind))
    size = made.size()
    return made, size.width(), (HEIGHT - size.height()) / 2


def paint_row(
    painter: QPainter,
    top: int,
    row: FlowRow,
    cells: Sequence[Cell],
    *,
    width: int,
    selected: bool,
    focused: bool,
    lit: bool,
    earlier: bool = False,
) -> None:
    """Paint a row.

    Args:
        painter: Of the viewport.
        top: Of the row.
        row: The message.
        cells: The columns that are seen.
        width: Of the viewport.
        selected: Whether it is the selected one.
        focused: Whether the table has the keyboard.
        lit: Whether it is highlighted.
        earlier: Whether it came before somebody looked again; what is old does not look live.
    """
    loud = row.kind in rows.LOUD
    _paint_ground(painter, QRect(0, top, width, HEIGHT), row, selected=selected, focused=focused, lit=lit)
    for column, left, room in cells:
        if column == Column.BAR:
            _paint_bar(painter, left, top, room, row, loud=loud, selected=selected)
            continue
        kind = Type.SMALL_STRONG if loud and column in NAMES else Type.SMALL
        tone = Colour.TEXT3 if earlier else Colour.TEXT if loud else Colour.TEXT2
        if column == Column.KIND:
            kind, tone = _kind(row, tone)
            icon = theme.pixmap(rows.icon(row.kind), tone, Size.ICON_TEXT, painter.device().devicePixelRatioF())
            painter.drawPixmap(left, top + (HEIGHT - Size.ICON_TEXT) // 2, icon)
            left += Size.ICON_TEXT + 8
        elif column == Column.LATENCY and rows.is_slow(row):
            kind, tone = Type.SMALL_STRONG, Colour.WARN
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        if column == Column.TIME:
            _paint_time(painter, left + Size.PADDING, top, row.at)
            continue
        text = rows.cell(row, column)
        if text:
            drawn, wide, above = words(text, kind, room - (0 if column in RIGHT else GAP))
            painter.drawStaticText(QPointF(left + room - wide if column in RIGHT else left, top + above), drawn)


def _paint_ground(painter: QPainter, box: QRect, row: FlowRow, *, selected: bool, focused: bool, lit: bool) -> None:
    if selected:
        painter.fillRect(box, theme.colour(Colour.ACCENT_SOFT))
        painter.fillRect(0, box.top(), Size.SELECTION_BAR + focused, HEIGHT, theme.colour(Colour.ACCENT))
    elif row.kind in rows.MODERATION:
        painter.fillRect(box, theme.colour(Colour.DANGER_SOFT))
    elif lit:
        painter.fillRect(box, theme.colour(Colour.WARN_SOFT))


def _paint_time(painter: QPainter, left: int, top: int, at: int) -> None:
    """Seconds and thousandths apart: each of them is seen again, the two together are not."""
    drawn, wide, above = words(rows.second(at // 1000), Type.SMALL, 1000)
    painter.drawStaticText(QPointF(left, top + above), drawn)
    drawn, _, above = words(f".{at % 1000:03d}", Type.SMALL, 1000)
    painter.drawStaticText(QPointF(left + wide, top + above), drawn)


def _kind(row: FlowRow, tone: Colour) -> tuple[Type, Colour]:
    if row.kind in rows.MODERATION:
        return Type.SMALL_STRONG, Colour.DANGER
    if row.kind == "whisper":
        return Type.SMALL_STRONG, Colour.ACCENT
    return Type.SMALL_STRONG if row.kind in rows.LOUD else Type.SMALL, tone


def _paint_bar(
    painter: QPainter, left: int, top: int, room: int, row: FlowRow, *, loud: bool, selected: bool
) -> None:
    left, width, top = left + 2 * GAP, room - 2 * GAP - Size.PADDING, top + HEIGHT // 2 - 2
    _paint_rounded(painter, left, top, width, Colour.LINE2 if selected else Colour.BG3)
    if row.latency is not None:
        tone = Colour.WARN if rows.is_slow(row) else Colour.ACCENT if loud else Colour.FIELD
        _paint_rounded(painter, left, top, max(4, round(min(1.0, row.latency / rows.FULL_MS) * width)), tone)


def _paint_rounded(painter: QPainter, left: int, top: int, width: int, tone: Colour) -> None:
    """A bar of 4 px without its corners: as good as round, and a fraction of the cost."""
    colour = theme.colour(tone)
    painter.fillRect(left + 1, top, width - 2, 4, colour)
    painter.fillRect(left, top + 1, width, 2, colour)
