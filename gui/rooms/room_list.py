"""The list of rooms: held still while a person uses it, put in order when it is left alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from gui import wording
from gui.rooms.rooms_model import RoomRow, RoomsModel, ordered
from gui.tokens import Size, Span
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import Table
from gui.widgets.filter import FilterField
from gui.widgets.panes import Divider, EmptyState, PaneHeader
from server.views import RoomView

_SETTLE_SECONDS = 2.0
"""Between two sortings, so that the list can be read."""


class RoomList(QWidget):
    """Header with filter, and the list."""

    opened = Signal(str)
    """The room that a person has selected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = RoomsModel(self)
        self.list = Table("Rooms", None, Size.ROOM_ROW)
        self.list.setModel(self.model)
        self.list.setItemDelegate(RoomRow(self.list))
        self.filter = FilterField("Filter rooms")
        self.header = PaneHeader("Open")
        self.header.controls.addWidget(self.filter)
        self._rooms: dict[str, RoomView] = {}
        self._wanted = ""
        self._sorted_at = 0.0
        self._touched_at = 0.0
        clear = Button("Clear filter", kind=Kind.LINK)
        clear.clicked.connect(self.filter.clear)
        self._none = EmptyState("No room has these letters in its name.", button=clear)
        holder = QWidget()
        self._either = QStackedLayout(holder)
        self._either.addWidget(self.list)
        self._either.addWidget(self._none)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.header, Divider(), holder):
            column.addWidget(part)
        self.list.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        self.list.installEventFilter(self)
        self.filter.textChanged.connect(self._narrow)

    @property
    def rooms(self) -> Mapping[str, RoomView]:
        """Every open room, shown or filtered out."""
        return self._rooms

    def take_all(self, rooms: Iterable[RoomView]) -> None:
        """Show these rooms, in order."""
        self._rooms = {room.name: room for room in rooms}
        self._settle(time.monotonic())

    def take(self, changed: Mapping[str, RoomView | None]) -> None:
        """Take rooms that have changed; None for those that are closed."""
        structure = False
        for name, room in changed.items():
            structure |= (room is None) is (name in self._rooms)
            if room is None:
                self._rooms.pop(name, None)
            else:
                self._rooms[name] = room
        now = time.monotonic()
        if now - self._sorted_at >= _SETTLE_SECONDS and not self._held(now):
            self._settle(now)
        elif structure:
            known = [name for name in self.model.identities() if name in self._rooms]
            fresh = self._rooms.keys() - set(known)
            self._follow([*(self._rooms[name] for name in known), *ordered(self._rooms[name] for name in fresh)])
        else:
            self.model.change(room for room in changed.values() if room is not None)

    def tick(self) -> None:
        """A second is over: put the list in order if it may be."""
        now = time.monotonic()
        if now - self._sorted_at >= _SETTLE_SECONDS and not self._held(now):
            self._settle(now)

    def select(self, name: str) -> None:
        """Select a room, if the list shows it."""
        index = self.model.index_of(name)
        if index.isValid() and not self.list.selectionModel().isSelected(index):
            self.list.setCurrentIndex(index)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress:
            self._touched_at = time.monotonic()
        return False

    def _held(self, now: float) -> bool:
        return self.list.underMouse() or now - self._touched_at < Span.REST / 1000

    def _settle(self, now: float) -> None:
        self._sorted_at = now
        self._follow(ordered(self._rooms.values()))

    def _follow(self, rooms: list[RoomView]) -> None:
        wanted = self._wanted
        self.model.follow([room for room in rooms if wanted in room.name.casefold()] if wanted else rooms)
        self.header.count.say(wording.count(len(self._rooms)))
        self._either.setCurrentIndex(1 if wanted and not self.model.rowCount() else 0)

    def _narrow(self, text: str) -> None:
        self._wanted = text.strip().casefold()
        self._settle(time.monotonic())

    def _selected(self) -> None:
        index = self.list.chosen
        if index.isValid():
            self.opened.emit(self.model.at(index).name)
