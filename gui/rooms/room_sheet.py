"""The sheet with all settings of a room; only what was changed in it is asked for."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui import wording
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.forms import Choice, Field, Stepper, Switch
from gui.widgets.labels import Label, describe
from gui.widgets.sheet import Sheet
from server.views import RoomState
from server.wire.moderation import PASSWORD_CHARS, TITLE_CHARS

SLOW = (0, 5, 10, 30, 60, 300, 900)
"""Seconds between two messages of one person, to choose from."""

PASSWORD = "password"

Value = bool | int | str | None


class Row(QWidget):
    """A switch with what it does beside it."""

    def __init__(self, name: str, sentence: str, on: bool) -> None:
        super().__init__()
        self.switch = Switch(name)
        self.switch.setChecked(on)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label(name, Type.NAME))
        words.addWidget(Label(sentence, Type.SMALL, Colour.TEXT2, elide=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(words, 1)
        row.addWidget(self.switch)


class RoomSheet(Sheet):
    """Shows how a room is, and says what somebody wants otherwise."""

    wanted = Signal(object)
    """Settings by name, as `set_room` takes them."""

    def __init__(self, window: QWidget, room: str, state: RoomState, *, has_password: bool) -> None:
        super().__init__(window, f"Settings of {wording.within(room)}", "They hold on every node.")
        self._state = state
        self._had = has_password
        self.title_line = QLineEdit(state.title)
        self.title_line.setMaxLength(TITLE_CHARS)
        self.slow = Choice()
        for seconds in sorted({*SLOW, state.slow_seconds}):
            self.slow.addItem(slow_words(seconds), "")
            self.slow.setItemData(self.slow.count() - 1, seconds, SECONDS_ROLE)
        self.slow.setCurrentIndex(self.slow.findData(state.slow_seconds, SECONDS_ROLE))
        self.capacity, self.speakers = Stepper(1, 1000, step=5), Stepper(1, 64)
        self.capacity.box.setValue(state.capacity)
        self.speakers.box.setValue(state.speakers)
        self.locked = Row("Locked", "Nobody but moderators comes in", state.locked)
        self.muted = Row("Muted", "Only moderators are heard and may write", state.muted)
        self.guarded = Row("Password", "Who comes in is asked for it", has_password)
        self.secret = QLineEdit()
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.secret.setMaxLength(PASSWORD_CHARS)
        self.secret.setPlaceholderText("Leave it as it is" if has_password else "New password")
        self._secret = Field("New password", self.secret)
        self._arrange_fields()
        self._add_buttons()
        self.guarded.switch.toggled.connect(self._secret.setVisible)
        self._secret.setVisible(has_password)

    def first_focus(self) -> QWidget:
        return self.title_line

    def changes(self) -> dict[str, Value]:
        """What is otherwise than it was."""
        wanted: dict[str, Value] = {
            "title": self.title_line.text().strip(),
            "slow_seconds": int(self.slow.currentData(SECONDS_ROLE)),
            "capacity": self.capacity.box.value(),
            "speakers": self.speakers.box.value(),
            "locked": self.locked.switch.isChecked(),
            "muted": self.muted.switch.isChecked(),
        }
        changed = {field: value for field, value in wanted.items() if value != getattr(self._state, field)}
        guarded = self.guarded.switch.isChecked()
        if guarded and self.secret.text():
            changed[PASSWORD] = self.secret.text()
        elif self._had and not guarded:
            changed[PASSWORD] = None
        return changed

    def accept(self) -> None:
        """Ask for what was changed; a password that is to be asked for must be given."""
        if self.isHidden():
            return
        if self.guarded.switch.isChecked() and not self._had and not self.secret.text().strip():
            self._secret.blame("Give a password, or switch it off.")
            self.secret.setFocus()
            return
        changes = self.changes()
        self.done(1)
        if changes:
            self.wanted.emit(changes)

    def _arrange_fields(self) -> None:
        self.body.addWidget(Field("Title", self.title_line, f"Up to {TITLE_CHARS} characters"))
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(Field("Slow mode", self.slow), 1)
        line.addWidget(Field("Members at most", self.capacity.box, around=self.capacity), 1)
        line.addWidget(Field("Speakers at once", self.speakers.box, around=self.speakers), 1)
        self.body.addLayout(line)
        for row in (self.locked, self.muted, self.guarded):
            self.body.addWidget(row)
        self.body.addWidget(self._secret)

    def _add_buttons(self) -> None:
        cancel = Button("Cancel")
        describe(cancel, "Cancel", key="Esc")
        cancel.clicked.connect(self.reject)
        self.save = Button("Save", kind=Kind.PRIMARY)
        describe(self.save, "Save", key="Ctrl+Enter")
        self.save.clicked.connect(self.accept)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.save)


SECONDS_ROLE = 0x0101
"""Where the choice keeps its seconds, as its data is shown."""


def slow_words(seconds: int) -> str:
    """A time between two messages: ``Off``, ``10 s``, ``5 min``."""
    if not seconds:
        return "Off"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
