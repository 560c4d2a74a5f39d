"""The head of the open room: name, title, how many on how many nodes, since when; what goes to all of it."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.actions import Actions
from gui.rooms.room_sheet import slow_words
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.buttons import Button
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Chip
from server.views import RoomView

SLOW = "Slow"
NARROW = 760
"""A header below this width has two of its buttons without words."""
CHIPS = ("Locked", "Muted", SLOW, "Password")
"""What is not as in other rooms, in the order in which it is shown."""


class RoomHeader(QWidget):
    """Two lines, what is done to the room, and the link that invites."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(76)
        self.name = Label("", Type.ROOM, elide=True)
        self.chips = {name: Chip(name, Colour.TEXT2) for name in CHIPS}
        self.facts = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.announce = Button.of(actions.announce, icon="megaphone-simple", show_key=False)
        self.lock = Button.of(actions.lock, icon="lock-simple-fill", show_key=False)
        actions.lock.changed.connect(lambda: self.lock.restyle(actions.lock.text(), "lock-simple-fill"))
        self.more = Button(icon="dots-three", name="More for this room")
        self.copy = Button("Copy link", icon="link")
        describe(self.copy, "Copy link", hint="Copy the link that opens this room in a browser")
        self.copy.clicked.connect(self._copy)
        self._link = ""
        self._restore = QTimer(self)
        self._restore.setSingleShot(True)
        self._restore.timeout.connect(self._dress)
        self._narrow = False
        names = QHBoxLayout()
        names.setSpacing(10)
        names.addWidget(self.name)
        for chip in self.chips.values():
            chip.hide()
            names.addWidget(chip)
        names.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addStretch(1)
        words.addLayout(names)
        words.addWidget(self.facts)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addSpacing(8)
        row.addWidget(self.announce)
        row.addWidget(self.lock)
        row.addWidget(self.copy)
        row.addWidget(self.more)

    def show_room(self, room: RoomView, link: str, *, has_password: bool) -> None:
        """Show this room; `link` opens it in a browser."""
        state = room.state
        self.chips[SLOW].say(f"Slow {slow_words(state.slow_seconds)}")
        shown = (state.locked, state.muted, bool(state.slow_seconds), has_password)
        for chip, is_so in zip(self.chips.values(), shown, strict=True):
            chip.setVisible(is_so)
        self._link = link
        self.name.say(wording.name(room.name))
        parts = [wording.name(room.state.title)] if room.state.title else []
        if room.opened is None:
            parts.append("Nobody is here")
        else:
            parts.append(f"{wording.plural(room.members, 'member')} on {wording.plural(room.nodes, 'node')}")
            parts.append(f"open {wording.span(int(time.time() * 1000) - room.opened)}")
        self.facts.say("  ·  ".join(parts))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        if narrow is not self._narrow:
            self._narrow = narrow
            self._dress()

    def _dress(self) -> None:
        self.copy.setMinimumWidth(0)
        self.copy.restyle("" if self._narrow else "Copy link", "link")
        self.announce.restyle("" if self._narrow else "Announce", "megaphone-simple")
        for button in (self.copy, self.announce):
            button.updateGeometry()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._link)
        self.copy.setMinimumWidth(self.copy.width())
        self.copy.restyle("" if self._narrow else "Copied", "check")
        self._restore.start(Span.COPIED)
