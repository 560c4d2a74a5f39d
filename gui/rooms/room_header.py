"""The head of the open room: name, title, how many on how many nodes, since when; what goes to all of it."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.actions import Actions
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.buttons import Button
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Chip
from server.views import RoomView


class RoomHeader(QWidget):
    """Two lines, and the link that invites."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(76)
        self.name = Label("", Type.ROOM, elide=True)
        self._locked = Chip("Locked", Colour.TEXT2)
        self.facts = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.announce = Button.of(actions.announce, icon="megaphone-simple", show_key=False)
        self.copy = Button("Copy link", icon="link")
        describe(self.copy, "Copy link", hint="Copy the link that opens this room in a browser")
        self.copy.clicked.connect(self._copy)
        self._link = ""
        self._restore = QTimer(self)
        self._restore.setSingleShot(True)
        self._restore.timeout.connect(lambda: self.copy.restyle("Copy link", "link"))
        names = QHBoxLayout()
        names.setSpacing(10)
        names.addWidget(self.name)
        names.addWidget(self._locked)
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
        row.addWidget(self.copy)

    def show_room(self, room: RoomView, link: str) -> None:
        """Show this room; `link` opens it in a browser."""
        self._link = link
        self.name.say(wording.name(room.name))
        self._locked.setVisible(room.state.locked)
        parts = [wording.name(room.state.title)] if room.state.title else []
        if room.opened is None:
            parts.append("Nobody is here")
        else:
            parts.append(f"{wording.plural(room.members, 'member')} on {wording.plural(room.nodes, 'node')}")
            parts.append(f"open {wording.span(int(time.time() * 1000) - room.opened)}")
        self.facts.say("  ·  ".join(parts))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._link)
        self.copy.setMinimumWidth(self.copy.width())
        self.copy.restyle("Copied", "check")
        self._restore.start(Span.COPIED)
