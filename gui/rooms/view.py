"""The Rooms view: the list at the left, the open room beside it, a first screen while there is none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedLayout, QWidget

from gui import wording
from gui.rooms.first_run import FirstRun
from gui.rooms.layout import Widths, keep_orders
from gui.rooms.room_list import RoomList
from gui.rooms.room_pane import RoomPane
from gui.tokens import Size
from gui.views import Changes, Context, View
from gui.widgets.panes import EmptyState
from server.addresses import is_loopback
from server.views import MemberView

LOW = 700
"""Below this height the member card is folded."""
QUIET_TICK = 10
"""Seconds between two looks at how long rooms have been quiet."""


class RoomsView(View):
    """Watch rooms and tend to their members."""

    title = "Rooms"
    icon = "chats"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._seconds = 0
        self.first_run = FirstRun(context.desk.url, context.actions, local=is_loopback(context.config.host))
        self.list = RoomList(context.desk, context.actions)
        self.pane = RoomPane(context)
        self.closed = EmptyState("", title="This room is closed", icon="chats")
        beside = QWidget()
        self._beside = QStackedLayout(beside)
        self._beside.addWidget(self.pane)
        self._beside.addWidget(self.closed)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(beside)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([Size.ROOM_LIST, 1016])
        self.list.setMinimumWidth(220)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.first_run)
        self._pages.addWidget(self.splitter)
        self._widths = Widths(context.state, self.splitter, self.pane.splitter)
        keep_orders(context.state, self.list, self.pane.members)
        self.list.opened.connect(self._wanted)
        self.list.list.addActions([context.actions.announce, *self.pane.acts.actions])

    def place(self) -> str:
        return self.pane.room

    def go(self, place: str) -> None:
        if place in self.list.rooms:
            self.open(place)

    def subject(self) -> MemberView | None:
        return self.pane.members.selected if self.pane.room in self.list.rooms else None

    def show_member(self, room: str, session: str) -> None:
        """Open a room and select somebody in it."""
        self.go(room)
        if self.pane.room == room:
            self.pane.members.select(session)
        self.moved.emit()

    def open(self, name: str) -> None:
        """Show a room."""
        self.pane.open(name)
        self.list.select(name)
        self._beside.setCurrentIndex(0)

    def sentence(self) -> str:
        rooms = self.list.rooms
        if not rooms:
            return "none open yet"
        speaking = sum(len(room.speaking) for room in rooms.values())
        people = f"{wording.plural(speaking, 'person', 'people')} speaking" if speaking else "nobody speaks"
        return f"{wording.count(len(rooms))} open, {people}"

    def refresh(self, changes: Changes) -> None:
        node = self._context.desk
        if changes.all:
            self.list.take_all(node.rooms())
        elif changes.rooms:
            self.list.take({name: node.room(name) for name in changes.rooms})
        if changes.second:
            self._tick()
        self._show_page()
        room = self.pane.room
        if room not in self.list.rooms:
            return
        if changes.all or changes.second or room in changes.rooms:
            self.pane.refresh(chat=changes.all or room in changes.chats)
        elif room in changes.chats:
            self.pane.refresh_chat()

    def refresh_levels(self) -> None:
        if self.pane.room in self.list.rooms:
            self.pane.members.refresh_levels()

    def focus_first(self) -> None:
        (self.list.list if self.list.rooms else self.first_run).setFocus()

    def panes(self) -> Sequence[QWidget]:
        return (self.list.list, self.pane.members.table, *self.pane.chat.panes(), self.pane.composer.text)

    def focus_filter(self) -> None:
        if self.list.list.hasFocus():
            self.list.narrow()
        else:
            self.pane.members.filter.setFocus()
            self.pane.members.filter.select_all()

    def step_back(self) -> None:
        members, composer = self.pane.members, self.pane.composer
        if composer.hold_back():
            return
        if composer.text.hasFocus():
            members.table.setFocus()
        elif members.filter.text or members.filter.line.hasFocus():
            members.filter.put("")
            members.table.setFocus()
        elif not self.list.widen():
            members.table.selectionModel().clear()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._widths.fit(event.size().width())
        self.pane.members.fold(event.size().height() < LOW)

    def _wanted(self, room: str) -> None:
        if room != self.pane.room or self._beside.currentIndex():
            self.open(room)
            self.moved.emit()

    def _tick(self) -> None:
        self._seconds += 1
        self.list.tick()
        self.pane.members.tick()
        if self._seconds % QUIET_TICK == 0:
            self.list.model.touch_all(0, 0)

    def _show_page(self) -> None:
        rooms = self.list.rooms
        if self._pages.currentIndex() != bool(rooms):
            self._pages.setCurrentIndex(1 if rooms else 0)
            self.focus_first()
        if not rooms:
            self.first_run.show_nodes(len(self._context.desk.nodes()))
            return
        room = self.pane.room
        if not room:
            self.open(self.list.order.sort(rooms.values())[0].name)
        elif room in rooms:
            self.list.select(room)
            self._beside.setCurrentIndex(0)
        else:
            self.closed.say(f"Everybody has left {wording.within(room)}. It opens again when someone joins it.")
            self._beside.setCurrentIndex(1)
