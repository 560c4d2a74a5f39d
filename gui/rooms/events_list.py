"""The events of a room in a list: one line each, folds open to what is in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget

from gui import theme, wording
from gui.rooms.events import Entry, Fold, event_icon, event_words, folded, is_harsh
from gui.rows import Index, Rows
from gui.tokens import Colour, Size, Type
from gui.widgets.cells import Cell
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, Table
from server.views import ChatView

HEIGHT = 30
INDENT = 44
"""Where words begin."""


@dataclasses.dataclass(frozen=True, slots=True)
class EventRow:
    """A line of the list."""

    entry: Entry
    open: bool = False
    """Whether the lines of this fold follow."""
    inner: bool = False
    """Whether it is a line of the fold before it."""


class EventsModel(Rows[EventRow]):
    """Events, oldest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self._open: set[str] = set()

    def key(self, row: EventRow) -> str:
        return f"in {row.entry.key}" if row.inner else row.entry.key

    def show_lines(self, lines: Iterable[ChatView]) -> None:
        """Become these events."""
        self._entries = folded(lines)
        self._show()

    def toggle(self, key: str) -> None:
        """Open a fold, or close it."""
        self._open ^= {key}
        self._show()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return event_words(row.entry)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = f", {'open' if row.open else 'closed'}" if isinstance(row.entry, Fold) else ""
            return f"{wording.clock(row.entry.at, seconds=True)}, {event_words(row.entry)}{state}"
        return None

    def _show(self) -> None:
        rows: list[EventRow] = []
        for entry in self._entries:
            open_ = isinstance(entry, Fold) and entry.key in self._open
            rows.append(EventRow(entry, open=open_))
            if isinstance(entry, Fold) and open_:
                rows.extend(EventRow(line, inner=True) for line in entry.lines)
        self.follow(rows)


class EventLine(Cell[EventRow, Table]):
    """Paints a line: icon, words, time."""

    indent = None

    def paint_cell(self, painter: QPainter, box: QRect, row: EventRow, column: int, *, selected: bool) -> None:
        ratio = painter.device().devicePixelRatioF()
        entry, middle = row.entry, box.top() + (box.height() - 14) // 2
        left = box.left() + (INDENT if row.inner else Size.PADDING)
        if isinstance(entry, Fold):
            name, tone = ("caret-down" if row.open else "caret-right"), Colour.TEXT2
        else:
            name, tone = event_icon(entry), Colour.DANGER if is_harsh(entry) else Colour.TEXT3
        painter.drawPixmap(QPoint(left, middle), theme.pixmap(name, tone, 14, ratio))
        painter.setFont(theme.font(Type.CAPTION))
        painter.setPen(theme.colour(Colour.TEXT3))
        clock = wording.clock(entry.at, seconds=True)
        painter.drawText(box.adjusted(0, 0, -Size.PADDING, 0), ALIGN_RIGHT, clock)
        left += INDENT - Size.PADDING
        right = box.right() - Size.PADDING - theme.metrics(Type.CAPTION).horizontalAdvance(clock) - 8
        painter.setFont(theme.font(Type.SMALL))
        painter.setPen(theme.colour(Colour.TEXT if isinstance(entry, Fold) else Colour.TEXT2))
        words = theme.elided(event_words(entry), Type.SMALL, right - left)
        painter.drawText(QRect(left, box.top(), right - left, box.height()), ALIGN_LEFT, words)


class EventsList(Table):
    """The list. A click or Enter opens a fold; at its end it follows what comes."""

    followed = Signal(bool)
    """Whether it follows the end, when that changes."""

    def __init__(self, model: EventsModel, parent: QWidget | None = None) -> None:
        super().__init__("Events", None, HEIGHT, parent)
        self._events = model
        self.setModel(model)
        self.setItemDelegate(EventLine(self, model))
        self.clicked.connect(self._toggle)
        self.following = True
        bar = self.verticalScrollBar()
        bar.actionTriggered.connect(lambda _: self._scrolled())
        bar.rangeChanged.connect(lambda *_: self._stick())

    def show_lines(self, lines: Iterable[ChatView], *, anew: bool) -> None:
        """Show these events; `anew` when they are those of another room."""
        self._events.show_lines(lines)
        if anew:
            self._set_following(True)
        self._stick()

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event)
        self._scrolled()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._toggle(self.chosen)
        else:
            super().keyPressEvent(event)
            self._scrolled()

    def _scrolled(self) -> None:
        """Only a person ends the following, and a person begins it again: at the end of the list."""
        bar = self.verticalScrollBar()
        self._set_following(bar.sliderPosition() >= bar.maximum() - 4)

    def _set_following(self, following: bool) -> None:
        if following is not self.following:
            self.following = following
            self.followed.emit(following)

    def _stick(self) -> None:
        if self.following:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _toggle(self, index: QModelIndex) -> None:
        if index.isValid():
            entry = self._events.at(index).entry
            if isinstance(entry, Fold):
                self._set_following(False)
                self._events.toggle(entry.key)
                self._scrolled()
