"""The bar that takes the place of the card when several members are selected: who, and what to do to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Card
from gui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from gui.actions import Actions
    from server.views import MemberView

CONFIRMED = 10
"""An act on more people than this is confirmed first."""


class CrowdBar(Card):
    """A count, names, and buttons that act on all."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Selected members")
        self.count = Label("", Type.SECTION)
        self.names = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.mute = Button.of(actions.mute, icon="microphone-slash", text="Mute")
        self.whisper = Button.of(actions.whisper, icon="chat-circle-dots")
        self.moving = Button.of(actions.move, icon="arrow-right", text="Move")
        self.kick = Button.of(actions.kick, kind=Kind.DANGER, icon="sign-out")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.count)
        words.addWidget(self.names)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addLayout(words, 1)
        for button in (self.mute, self.moving, self.whisper, self.kick):
            row.addWidget(button)
        self.body.addLayout(row)

    def show_members(self, members: Sequence[MemberView]) -> None:
        """Show how many they are, and who."""
        self.count.say(people(len(members)))
        self.names.say(wording.listed(tuple(member.name for member in members), 12))
        unmute = all(member.muted for member in members)
        self.mute.restyle(*(("Unmute", "microphone") if unmute else ("Mute", "microphone-slash")))


class CrowdSheet(Sheet):
    """Asks before something is done to many; the safe button has the keyboard."""

    def __init__(self, window: QWidget, verb: str, members: Sequence[MemberView], consequence: str) -> None:
        """Make it closed; `verb` as on the button, such as ``Kick``."""
        whom = people(len(members))
        super().__init__(window, f"{verb} {whom}?", consequence)
        self.body.addWidget(Label(wording.listed(tuple(member.name for member in members), 24), wrap=True))
        self.keep = Button("Cancel")
        describe(self.keep, "Cancel", key="Esc")
        self.keep.clicked.connect(self.reject)
        final = verb == "Kick"
        self.confirm = Button(f"{verb} {whom}", kind=Kind.FINAL if final else Kind.PRIMARY)
        describe(self.confirm, self.confirm.text(), key="Ctrl+Enter")
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(self.keep)
        self.buttons.addWidget(self.confirm)

    def first_focus(self) -> QWidget:
        return self.keep


def people(number: int) -> str:
    """How many they are, in words."""
    return wording.plural(number, "person", "people")
