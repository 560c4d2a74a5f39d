"""The list of rooms: tabs, filter and order; held still while a person uses it, put in order when left alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QActionGroup, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from gui.actions import Actions
from gui.rooms.room_row import NARROW, RoomRow
from gui.rooms.rooms_model import Order, RoomsModel, Shown
from gui.tokens import Size
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import Table, visible_rows
from gui.widgets.filter import FilterField
from gui.widgets.hold import Hold
from gui.widgets.labels import describe
from gui.widgets.panes import Divider, EmptyState
from gui.widgets.tabs import Tabs
from server.desk import Desk
from server.views import RoomView

_SETTLE_SECONDS = 2.0
"""Between two sortings, so that the list can be read."""

EMPTY = {
    Shown.ALL: "No room has these letters in its name.",
    Shown.SPEAKING: "Nobody speaks anywhere now.",
    Shown.QUIET: "Somebody speaks in every room.",
}


class RoomList(QWidget):
    """Tabs over the list; the filter comes when it is asked for."""

    opened = Signal(str)
    """The room that a person has selected."""

    def __init__(self, desk: Desk, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = RoomsModel(desk.activity, self)
        self.list = Table("Rooms", None, Size.ROOM_ROW)
        self.list.setModel(self.model)
        self.list.setItemDelegate(RoomRow(self.list, self.model))
        self.tabs = Tabs([shown.value for shown in Shown])
        self.filter = FilterField("Filter rooms")
        self.filter.setMaximumWidth(16_000)
        self.order = Order.MEMBERS
        self.changed = Button("Order changed", kind=Kind.LINK, icon="arrows-down-up")
        describe(self.changed, "Order changed", hint="Show the rooms in their new order")
        self._rooms: dict[str, RoomView] = {}
        self.shown = Shown.ALL
        """Which of them the list shows."""
        self._wanted = ""
        self._sorted_at = 0.0
        self._hold = Hold(self.list)
        self._clear = Button("Clear filter", kind=Kind.LINK)
        self._none = EmptyState("", button=self._clear)
        self._lay_out()
        self._connect(actions)

    @property
    def rooms(self) -> Mapping[str, RoomView]:
        """Every open room, shown or not."""
        return self._rooms

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.tabs.tighten(event.size().width() < NARROW)

    def take_all(self, rooms: Iterable[RoomView]) -> None:
        """Show these rooms, in order."""
        self._rooms = {room.name: room for room in rooms}
        self._settle(time.monotonic())

    def take(self, changed: Mapping[str, RoomView | None]) -> None:
        """Take rooms that have changed; None for those that are closed."""
        for name, room in changed.items():
            if room is None:
                self._rooms.pop(name, None)
            else:
                self._rooms[name] = room
        now = time.monotonic()
        if now - self._sorted_at >= _SETTLE_SECONDS and not self._hold.held:
            self._settle(now)
        elif any((name in self._rooms and self._has(name)) is not (name in self.model) for name in changed):
            self._follow()
        else:
            self.model.change(room for room in changed.values() if room is not None)

    def tick(self) -> None:
        """A second is over: count, put the list in order if it may be, look at how lively the visible rooms are."""
        self._count()
        now = time.monotonic()
        if not self._hold.held:
            if now - self._sorted_at >= _SETTLE_SECONDS:
                self._settle(now)
        else:
            self._say_order()
        first, last = visible_rows(self.list)
        self.model.look_again(first, last)

    def sort(self, order: Order) -> None:
        """Have them in another order, now."""
        self.order = order
        self._settle(time.monotonic())

    def select(self, name: str) -> None:
        """Select a room, if the list shows it."""
        index = self.model.index_of(name)
        if index.isValid() and not self.list.selectionModel().isSelected(index):
            self.list.setCurrentIndex(index)

    def narrow(self) -> None:
        """Show the field that narrows the list, and put the cursor there."""
        self.filter.show()
        self.filter.setFocus()
        self.filter.selectAll()

    def widen(self) -> bool:
        """Take the filter away; False where there was none."""
        if self.filter.isHidden():
            return False
        self.filter.clear()
        self.filter.hide()
        self.list.setFocus()
        return True

    def _has(self, name: str) -> bool:
        return self._wanted in name.casefold() and self.shown.has(self._rooms[name])

    def _settle(self, now: float) -> None:
        self._sorted_at = now
        self._show(self._in_order())

    def _follow(self) -> None:
        """Show what is to be shown; rows that are there stay where they are, and all of them while a person looks."""
        held = self._hold.held
        known = [name for name in self.model.identities() if name in self._rooms and (held or self._has(name))]
        there = set(known)
        self._show([*known, *(name for name in self._in_order() if name not in there)])

    def _in_order(self) -> list[str]:
        rooms = self.order.sort(self._rooms.values())
        return [room.name for room in rooms if self._has(room.name)]

    def _show(self, names: Sequence[str]) -> None:
        self.model.follow([self._rooms[name] for name in names])
        self._either.setCurrentIndex(0 if names else 1)
        if not names:
            self._none.say(EMPTY[Shown.ALL if self._wanted else self.shown])
            self._clear.setVisible(bool(self._wanted))
        self._count()
        self._say_order()

    def _say_order(self) -> None:
        held = self._hold.held and self.model.identities() != self._in_order()
        self.changed.setVisible(held)

    def _count(self) -> None:
        speaking = sum(bool(room.speaking) for room in self._rooms.values())
        for tab, number in zip(
            self.tabs.tabs, (len(self._rooms), speaking, len(self._rooms) - speaking), strict=True
        ):
            tab.say(number)

    def _choose(self, place: int) -> None:
        self.shown = list(Shown)[place]
        self._settle(time.monotonic())

    def _narrowed(self, text: str) -> None:
        self._wanted = text.strip().casefold()
        self._settle(time.monotonic())

    def _selected(self) -> None:
        index = self.list.chosen
        if index.isValid():
            self.opened.emit(self.model.at(index).name)

    def _offer_orders(self) -> None:
        menu = QMenu(self)
        for action in self._orders.actions():
            menu.addAction(action)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._sort.mapToGlobal(QPoint(0, self._sort.height())))

    def _connect(self, actions: Actions) -> None:
        self._orders = QActionGroup(self)
        for order in Order:
            action = actions.make(f"Rooms: {order.value.lower()}", group="Rooms", icon="sort-descending")
            action.setCheckable(True)
            action.setChecked(order is self.order)
            action.triggered.connect(lambda _=False, order=order: self.sort(order))
            self._orders.addAction(action)
        self._sort.clicked.connect(self._offer_orders)
        self._funnel.clicked.connect(lambda: self.narrow() if self.filter.isHidden() else self.widen())
        self._clear.clicked.connect(self.widen)
        self.changed.clicked.connect(self._hold.release)
        self.changed.clicked.connect(lambda: self._settle(time.monotonic()))
        self.tabs.chosen.connect(self._choose)
        self.list.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        self.filter.textChanged.connect(self._narrowed)

    def _lay_out(self) -> None:
        self._funnel = Button(icon="funnel-simple", kind=Kind.QUIET)
        describe(self._funnel, "Filter rooms", key="/")
        self._sort = Button(icon="sort-descending", kind=Kind.QUIET, name="Order of the rooms")
        head = QWidget()
        head.setFixedHeight(Size.PANE_HEADER)
        row = QHBoxLayout(head)
        row.setContentsMargins(Size.PADDING, 0, 8, 0)
        row.setSpacing(0)
        row.addWidget(self.tabs)
        row.addStretch(1)
        row.addWidget(self._funnel)
        row.addWidget(self._sort)
        below = QHBoxLayout()
        below.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        below.addWidget(self.filter)
        self.filter.hide()
        self.changed.hide()
        holder = QWidget()
        self._either = QStackedLayout(holder)
        self._either.addWidget(self.list)
        self._either.addWidget(self._none)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addLayout(below)
        column.addWidget(Divider())
        column.addWidget(self.changed)
        column.addWidget(holder, 1)
