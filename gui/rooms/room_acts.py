"""What is done to the open room: locked, muted, slowed down, and all of its settings; each can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from gui import wording
from gui.rooms.room_sheet import PASSWORD, SLOW, RoomSheet, slow_words
from gui.undo import Step
from gui.widgets.labels import entry
from server.views import RoomState

if TYPE_CHECKING:
    from gui.views import Context

Changes = Mapping[str, Any]
"""Settings by name, as `set_room` takes them."""


class RoomActs(QObject):
    """Has the open room be otherwise on every node; it says so when they have confirmed it."""

    def __init__(self, context: Context, place: QWidget, room: Callable[[], str]) -> None:
        """Make it; `room` tells which room is open, and `place` is where that is shown."""
        super().__init__(place)
        self._context = context
        self._place = place
        self._room = room
        actions = context.actions
        self.actions = (actions.lock, actions.mute_room, actions.room_settings)
        actions.lock.triggered.connect(self.toggle_lock)
        actions.mute_room.triggered.connect(self.toggle_mute)
        actions.room_settings.triggered.connect(self.open_sheet)
        self.show(None)

    def show(self, state: RoomState | None) -> None:
        """Let the actions say what they would do; None: no room is open."""
        actions = self._context.actions
        for action in self.actions:
            action.setEnabled(state is not None)
        actions.lock.setText("Unlock" if state is not None and state.locked else "Lock")
        actions.mute_room.setText("Unmute the room" if state is not None and state.muted else "Mute the room")

    def toggle_lock(self) -> None:
        """Let nobody new in but moderators, or everybody again."""
        room = self._room()
        locked = not self._context.desk.settings_of(room).locked
        follows = "Nobody but moderators comes in" if locked else "Everybody may come in"
        self.change(room, {"locked": locked}, "locked" if locked else "unlocked", follows, icon="lock-simple-fill")

    def toggle_mute(self) -> None:
        """Let nobody but moderators be heard and write, or everybody again."""
        room = self._room()
        muted = not self._context.desk.settings_of(room).muted
        follows = "Only moderators are heard and may write" if muted else ""
        self.change(room, {"muted": muted}, "muted" if muted else "unmuted", follows, icon="speaker-slash")

    def slow(self, seconds: int) -> None:
        """Let everybody wait so long between two messages."""
        title = f"slowed down: {slow_words(seconds)}" if seconds else "no longer slowed down"
        self.change(self._room(), {"slow_seconds": seconds}, title, icon="clock")

    def open_sheet(self) -> None:
        """Ask how the room is to be."""
        room, desk = self._room(), self._context.desk
        sheet = RoomSheet(self._place.window(), room, desk.settings_of(room), has_password=desk.has_password(room))
        sheet.wanted.connect(lambda changes: self.change(room, changes, "is otherwise", told(changes)))
        sheet.open()

    def menu(self, parent: QWidget) -> QMenu:
        """What else can be done to the room than lock it."""
        menu, actions = QMenu(parent), self._context.actions
        state = self._context.desk.settings_of(self._room())
        menu.addActions([actions.room_settings, actions.mute_room])
        menu.addSeparator()
        for seconds in SLOW:
            each = menu.addAction(entry(f"Slow mode: {slow_words(seconds)}"))
            each.setCheckable(True)
            each.setChecked(seconds == state.slow_seconds)
            each.triggered.connect(partial(self._slow, seconds))
        return menu

    def change(self, room: str, changes: Changes, words: str, follows: str = "", *, icon: str = "gear-six") -> None:
        """Let a room have these settings; `words` say of it what it is then."""
        self._context.tasks.start(self._change(room, changes, words, follows, icon), "set the room")

    def _slow(self, seconds: int, _: bool = False) -> None:
        self.slow(seconds)

    async def _change(self, room: str, changes: Changes, words: str, follows: str, icon: str) -> None:
        desk = self._context.desk
        before, had = desk.settings_of(room), desk.has_password(room)
        outcomes = await desk.set_room(desk.operator, room, **changes)
        nodes = wording.plural(len({outcome.node for outcome in outcomes}), "node")
        old: dict[str, Any] = {field: getattr(before, field) for field in changes if field != PASSWORD}
        parts = [follows] if follows else []
        if PASSWORD in changes and had:
            parts.append("The old password cannot be brought back")
        elif PASSWORD in changes:
            old[PASSWORD] = None
        parts.append(f"Confirmed by {nodes}")
        title, detail = f"{wording.name(room)} {words}", ". ".join(parts)
        if old:
            self._context.undo.did(Step(title, partial(self._put_back, room, old)), detail, icon=icon)
        else:
            self._context.toasts.say(title, detail, icon=icon)

    async def _put_back(self, room: str, old: Changes) -> tuple[str, str]:
        await self._context.desk.set_room(self._context.desk.operator, room, **old)
        return f"{wording.name(room)} is as it was", told(old)


def told(changes: Changes) -> str:
    """Settings in words: ``locked, capacity 20, slow mode 10 s``."""
    parts = []
    for field, value in changes.items():
        if field == PASSWORD:
            parts.append("no password" if value is None else "a new password")
        elif field == "slow_seconds":
            parts.append(f"slow mode {slow_words(int(value or 0)).lower()}")
        elif field == "title":
            parts.append(f"title {wording.within(str(value))}" if value else "no title")
        elif isinstance(value, bool):
            parts.append(field if value else f"not {field}")
        else:
            parts.append(f"{field} {value}")
    words = ", ".join(parts)
    return words[:1].upper() + words[1:]
