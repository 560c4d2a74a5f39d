"""The sheet that asks where to somebody is moved."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from gui import wording
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Choice, Field
from gui.widgets.labels import describe
from gui.widgets.sheet import Sheet
from server.views import RoomView
from server.wire import names
from server.wire.names import FieldError


class MoveSheet(Sheet):
    """A choice of the open rooms, the fullest first, and a line for another one."""

    chosen = Signal(str)
    """The room where to."""

    def __init__(self, window: QWidget, whom: str, room: str, rooms: Sequence[RoomView]) -> None:
        """Make it closed; `whom` are those in `room` who are to be moved, `rooms` the others that are open."""
        super().__init__(window, f"Move {whom}", f"Out of {wording.within(room)}, at once.", width=440)
        self._room = room
        self.choice = Choice()
        ordered = sorted(rooms, key=lambda each: (-each.members, each.name.casefold()))
        for each in ordered:
            self.choice.addItem(wording.name(each.name), wording.plural(each.members, "member"))
        self._rooms = [each.name for each in ordered]
        self.choice.addItem("Another room…", "")
        self.line = QLineEdit()
        self.line.setPlaceholderText("Name of the room")
        self._field = Field("To", self.choice)
        self._other = Field("Room", self.line)
        self.body.addWidget(self._field)
        self.body.addWidget(self._other)
        self.cancel = Button("Cancel")
        describe(self.cancel, "Cancel", key="Esc")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button("Move", kind=Kind.PRIMARY)
        describe(self.confirm, f"Move {whom}", key="Ctrl+Enter")
        self.confirm.clicked.connect(self.accept)
        self.line.returnPressed.connect(self.accept)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)
        self.choice.currentIndexChanged.connect(lambda _: self._show_other())
        self._show_other()

    @property
    def is_other(self) -> bool:
        """Whether a room is wanted that is not open."""
        return self.choice.currentIndex() >= len(self._rooms)

    def first_focus(self) -> QWidget:
        return self.line if self.is_other else self.choice

    def accept(self) -> None:
        """Move them there, if that can be a room."""
        if self.isHidden():  # Enter in the line does the same
            return
        if not self.is_other:
            to = self._rooms[self.choice.currentIndex()]
        else:
            try:
                to = names.room_name(self.line.text())
            except FieldError as error:
                self._other.blame(str(error))
                return
            if to == self._room:
                self._other.blame("That is where they are.")
                return
        self.done(1)
        self.chosen.emit(to)

    def _show_other(self) -> None:
        self._other.setVisible(self.is_other)
        self._other.blame("")
