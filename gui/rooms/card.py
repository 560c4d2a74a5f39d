"""The card of the selected member: facts, and what a moderator can do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.rooms.members_model import SLOW_MS
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_RIGHT
from gui.widgets.labels import Label
from gui.widgets.painting import avatar, initials, level_word, ring
from gui.widgets.panes import Card, Chip, Divider

if TYPE_CHECKING:
    from gui.actions import Actions
    from server.views import MemberView

FACTS = ("Voice", "Node", "Session", "Address")


class Portrait(QWidget):
    """A large avatar, with the ring while its owner speaks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._identity = ("", "")
        self._speaking = False
        self.setFixedSize(46, 46)

    def say(self, identity: tuple[str, str], speaking: bool) -> None:
        """Show this user and these initials."""
        if (identity, speaking) != (self._identity, self._speaking):
            self._identity, self._speaking = identity, speaking
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(4, 4, avatar(*self._identity, 38, self.devicePixelRatioF()))
        if self._speaking:
            ring(painter, QRectF(4, 4, 38, 38))
        painter.end()


class MemberCard(Card):
    """Facts of one session; its buttons act on the session that was shown when they went down."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Selected member")
        self.member: MemberView | None = None
        self._portrait = Portrait()
        self.name = Label("", Type.SECTION, elide=True)
        self._role = Chip("", Colour.ACCENT, Colour.ACCENT_SOFT)
        self.identity = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self._round_trip = Label("", Type.SECTION)
        self._round_trip_caption = Label("RTT", Type.CAPTION, Colour.TEXT3)
        self.facts = {name: Label("–", Type.NAME, elide=True) for name in FACTS}
        self.whisper = Button.of(actions.whisper, icon="chat-circle-dots")
        self.kick = Button.of(actions.kick, kind=Kind.DANGER, icon="sign-out")
        self._facts = QWidget()
        self._line = Divider()
        self._lay_out()

    def show_member(self, member: MemberView, level: int | None, *, leaving: bool) -> None:
        """Show these facts; costs little when they are the same."""
        self.member = member
        self._portrait.say((member.user, initials(member.name)), level is not None)
        self.name.say(wording.name(member.name))
        self._role.setVisible(member.role != "user")
        self._role.say(member.role)
        parts = (wording.name(member.user), f"session {wording.name(member.session)}", wording.name(member.client))
        self.identity.say("  ·  ".join(part for part in parts if part != "?"))
        slow = member.round_trip is not None and member.round_trip >= SLOW_MS
        self._round_trip.say(wording.milliseconds(member.round_trip), Colour.WARN if slow else Colour.TEXT)
        if member.state == "reconnecting":
            self.facts["Voice"].say("Reconnecting", Colour.WARN)
        elif level is None:
            self.facts["Voice"].say("Quiet", Colour.TEXT)
        else:
            self.facts["Voice"].say(f"Level {level_word(level)}", Colour.TEXT)
        self.facts["Node"].say(wording.name(member.node_name))
        self.facts["Session"].say(wording.age(int(time.time() * 1000) - member.connected))
        self.facts["Address"].say(member.ip or "–")
        self.kick.setEnabled(not leaving)

    def fold(self, folded: bool) -> None:
        """Leave the facts out where the window is low."""
        self._facts.setVisible(not folded)
        self._line.setVisible(not folded)

    def _lay_out(self) -> None:
        names = QHBoxLayout()
        names.setSpacing(10)
        names.addWidget(self.name)
        names.addWidget(self._role)
        names.addStretch(1)
        who = QVBoxLayout()
        who.setSpacing(2)
        who.addLayout(names)
        who.addWidget(self.identity)
        trip = QVBoxLayout()
        trip.setSpacing(2)
        for label in (self._round_trip, self._round_trip_caption):
            label.setAlignment(ALIGN_RIGHT)
            trip.addWidget(label)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._portrait)
        head.addLayout(who, 1)
        head.addLayout(trip)
        grid = QGridLayout(self._facts)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(2)
        for column, (caption, value) in enumerate(self.facts.items()):
            grid.addWidget(Label(caption, Type.CAPTION, Colour.TEXT3), 0, column)
            grid.addWidget(value, 1, column)
            grid.setColumnStretch(column, 1)
            value.setAccessibleName(caption)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.whisper)
        buttons.addWidget(self.kick)
        buttons.addStretch(1)
        self.body.addLayout(head)
        self.body.addWidget(self._line)
        self.body.addWidget(self._facts)
        self.body.addLayout(buttons)
