"""The rooms of the cluster in a list: which are shown in what order, and the words of a row."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QObject, Qt

from gui import wording
from gui.rows import Index, Rows
from server.views import RoomView

_MINUTE = 60_000

Activity = tuple[float, ...]
"""How lively a room was in the last five minutes, oldest first."""


class RoomsModel(Rows[RoomView]):
    """Rooms, each with its activity, which is looked up when a row is first painted and then once a second."""

    def __init__(self, look: Callable[[str], Activity], parent: QObject | None = None) -> None:
        """Make it; `look` gives the activity of a room."""
        super().__init__(parent)
        self._look = look
        self._activity: dict[str, Activity] = {}

    def key(self, row: RoomView) -> str:
        return row.name

    def activity(self, name: str) -> Activity:
        """The activity as it was when it was last looked up."""
        found = self._activity.get(name)
        if found is None:
            found = self._activity[name] = self._look(name)
        return found

    def look_again(self, first: int, last: int) -> None:
        """Look up the activity of the rows from `first` to `last`, and forget that of the others."""
        shown = {self.key(self.at(row)): None for row in range(first, last + 1)}
        before, self._activity = self._activity, {name: self._look(name) for name in shown}
        self.touch((name for name in shown if before.get(name) != self._activity[name]), 0, 0)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        room = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.name(room.name)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = f"{wording.name(room.name)}, {wording.plural(room.members, 'member')}, {voice_words(room)}"
            return f"{words}, locked" if room.state.locked else words
        return None


class Shown(enum.Enum):
    """Which rooms the list shows, in the order of its tabs."""

    ALL = "All"
    SPEAKING = "Speaking"
    QUIET = "Quiet"

    def has(self, room: RoomView) -> bool:
        """Whether it shows this room."""
        return self is Shown.ALL or bool(room.speaking) is (self is Shown.SPEAKING)


class Order(enum.Enum):
    """How the rooms are sorted."""

    MEMBERS = "Most members first"
    LIVELY = "Most speakers first"
    NEWEST = "Newest first"
    NAME = "By name"

    def sort(self, rooms: Iterable[RoomView]) -> list[RoomView]:
        """The rooms in this order; equal ones by name."""
        return sorted(rooms, key=lambda room: (_RANKS[self](room), room.name.casefold(), room.name))


_RANKS: dict[Order, Callable[[RoomView], int]] = {
    Order.MEMBERS: lambda room: -room.members,
    Order.LIVELY: lambda room: -len(room.speaking),
    Order.NEWEST: lambda room: -(room.opened or 0),
    Order.NAME: lambda room: 0,
}


def voice_words(room: RoomView) -> str:
    """Who speaks, or for how long nobody has."""
    if room.speaking:
        return f"{wording.listed(room.speaking)} speaking"
    if not room.members:
        return "Nobody is here"
    if room.spoke is None:
        return "Nobody has spoken yet"
    quiet = int(time.time() * 1000) - room.spoke
    return "Quiet" if quiet < _MINUTE else f"Quiet for {wording.span(quiet)}"
