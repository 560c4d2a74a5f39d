"""How the Rooms view shares its width, and in what order it shows things: kept from one run to the next."""

from __future__ import annotations

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QSplitter

from gui.rooms.members_model import Sorting
from gui.rooms.members_pane import MembersPane
from gui.rooms.room_list import RoomList
from gui.rooms.rooms_model import Order
from gui.state import State
from gui.tokens import Size

LIST, SMALL_LIST = Size.ROOM_LIST, 260
TALK, SMALL_TALK = 376, 264


class Widths:
    """The widths of the list, the members and the talk.

    A window that has room for everything keeps what a person moved; a smaller one has widths of its own.
    """

    def __init__(self, state: State, whole: QSplitter, room: QSplitter) -> None:
        """Take care of the splitter of the view and that of the open room."""
        self._splitters = whole, room
        self._width = 0
        self._moved = False
        kept = [
            state.keep(key, splitter, self.reset, worth=lambda: self._moved and self._width >= Size.WIDE)
            for key, splitter in (("rooms/list", whole), ("rooms/talk", room))
        ]
        self._moved = all(kept)
        self._wide = self._layouts()
        for splitter in self._splitters:
            splitter.splitterMoved.connect(lambda *_: self._note())

    def fit(self, width: int) -> None:
        """The view is this wide now, though its splitters do not know it yet."""
        before, self._width = self._width, width
        small, was_small = width < Size.WIDE, before < Size.WIDE
        if before and small is was_small:
            return
        if small:
            self._wide = self._layouts() if before else self._wide
            self._share(SMALL_LIST, SMALL_TALK)
        elif self._moved:
            for splitter, layout in zip(self._splitters, self._wide, strict=True):
                splitter.restoreState(layout)
        else:
            self._share(LIST, TALK)

    def reset(self) -> None:
        """Share the width as in a new window."""
        self._moved = False
        small = self._width < Size.WIDE
        self._share(SMALL_LIST if small else LIST, SMALL_TALK if small else TALK)

    def _share(self, list: int, talk: int) -> None:
        whole, room = self._splitters
        whole.setSizes([list, self._width])
        room.setSizes([self._width, talk])

    def _layouts(self) -> list[QByteArray]:
        return [splitter.saveState() for splitter in self._splitters]

    def _note(self) -> None:
        self._moved = True


def keep_orders(state: State, rooms: RoomList, members: MembersPane) -> None:
    """Have rooms and members in the order in which they were, and remember the one they will be in."""
    order = state.value("rooms/order", rooms.order.name)
    if order in Order.__members__:
        rooms.sort(Order[order])
    state.remember("rooms/order", lambda: rooms.order.name)
    table = members.table
    sorting = state.value("rooms/members", table.sorting.name)
    if sorting in Sorting.__members__:
        table.sort_by(Sorting[sorting], state.value("rooms/reverse", False))
    state.remember("rooms/members", lambda: table.sorting.name)
    state.remember("rooms/reverse", lambda: table.reverse)
