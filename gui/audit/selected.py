"""The act that is selected: all that is known of it, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.audit import words
from gui.audit.undoing import Way
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, Picture
from gui.widgets.panes import Card
from server.views import ActView

LINES = 4
"""Nodes of which it is told what came of it there."""


class SelectedAct(QWidget):
    """A card below the bans."""

    undone = Signal(str)
    banned = Signal(str)
    """The person of this act is to be banned."""

    def __init__(self) -> None:
        super().__init__()
        self.act: ActView | None = None
        """What is shown."""
        self._picture = Picture("info")
        self.title = Label("", Type.SECTION, elide=True)
        self.time = Label("", Type.SMALL, Colour.TEXT3)
        self.what = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.results = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self.undo = Button("Undo", icon="arrow-counter-clockwise")
        self.ban = Button("Ban…", icon="prohibit", kind=Kind.DANGER)
        self.undo.clicked.connect(lambda: self.act and self.undone.emit(self.act.act))
        self.ban.clicked.connect(lambda: self.act and self.banned.emit(self.act.act))
        card = Card()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._picture)
        head.addWidget(self.title, 1)
        head.addWidget(self.time)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.undo)
        buttons.addWidget(self.ban)
        buttons.addStretch(1)
        card.body.addLayout(head)
        card.body.addWidget(self.what)
        card.body.addWidget(self.results)
        card.body.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(Size.PADDING, 12, Size.PADDING, Size.PADDING)
        column.setSpacing(8)
        column.addWidget(Label("Selected", Type.CAPTION, Colour.TEXT2))
        column.addWidget(card)
        self.hide()

    def show_act(self, act: ActView | None, way: Way | None) -> None:
        """Show an act, or none; costs nothing when it is the same."""
        self.setVisible(act is not None)
        self.act = act
        if act is None:
            return
        now = words.now_ms()
        self._picture.say(*words.icon(act.action))
        self.title.say(f"{words.action(act)} {words.on(act)}".strip())
        self.time.say(words.moment(act.at, now))
        self.what.say(account(act))
        told = list(words.results(act))
        if len(told) > LINES:
            told[LINES - 1 :] = [f"{wording.count(len(told) - LINES + 1)} more"]
        self.results.say("\n".join(told))
        self.undo.setVisible(way is not None)
        if way is not None and way.word != self.undo.text():
            self.undo.setText(way.word)
            self.undo.updateGeometry()
        self.ban.setVisible(act.action not in ("ban", "unban", "ban_ended") and len(act.people) == 1)


def account(act: ActView) -> str:
    """What was done, by whom, where and why, in sentences."""
    parts = [f"By {words.by(act)} at {wording.name(act.node)}."]
    if where := words.where(act):
        parts.append(f"{where}.")
    if act.detail.strip():
        parts.append(f"{wording.name(act.detail)}.")
    if act.reason.strip():
        parts.append(f"“{wording.name(act.reason)}”")
    return " ".join(parts)
