"""The card of the selected member: who it is, what it says and how, and what a moderator can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui import wording
from gui.rooms.members_model import SLOW_MS, muted_words, reconnecting_words, resumed_words
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Buttons, Kind
from gui.widgets.columns import ALIGN_RIGHT
from gui.widgets.labels import Label, literal
from gui.widgets.painting import avatar, initials, level_word, ring
from gui.widgets.panes import Card, Chip, Divider
from gui.widgets.sparkline import Point, Sparkline
from server.roundtrips import KEPT
from server.talk import TalkView

if TYPE_CHECKING:
    from gui.actions import Actions
    from server.views import MemberView

SPEAKING, SHARE, OVER, NODE = "Speaking now", "Talk share, 10 min", "Talks over others", "Node, address"
FACTS = (SPEAKING, SHARE, OVER, NODE)
OFTEN = 10
"""Talking over others more often than this in ten minutes is worth a look."""

Figures = Sequence[tuple[float, float]]
"""Round trips: seconds ago, and milliseconds."""


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
        self.muted = Chip("")
        self.identity = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.course = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        """Since when it reconnects, or how often and where it was resumed."""
        self.refused = Label("", Type.SMALL, Colour.WARN, elide=True)
        """How many of its requests were refused of late."""
        self.line = Sparkline("Round trips of five minutes", QSize(88, 28))
        self.round_trip = Label("", Type.SECTION)
        self._round_trip_caption = Label("RTT, 5 min", Type.CAPTION, Colour.TEXT3)
        self.facts = {name: Label("–", Type.NAME, elide=True) for name in FACTS}
        self.mute = Button.of(actions.mute, icon="microphone-slash", text="Mute")
        self.whisper = Button.of(actions.whisper, icon="chat-circle-dots")
        self.moving = Button.of(actions.move, icon="arrow-right", text="Move")
        self.kick = Button.of(actions.kick, kind=Kind.DANGER, icon="sign-out")
        self.ban = Button.of(actions.ban, kind=Kind.DANGER, icon="prohibit")
        self.history = Label("–", Type.SMALL, Colour.TEXT2, elide=True)
        """What was done to this user before."""
        self._facts = QWidget()
        self._lines = (Divider(), Divider())
        self._lay_out()

    def show_member(self, member: MemberView, level: int | None, state: str) -> None:
        """Show who it is and how it is; costs little when that is the same.

        Args:
            member: The session.
            level: Its -dBov while it speaks.
            state: What is the case with it in words, for one who does not speak.
        """
        self.member = member
        self._portrait.say((member.user, initials(member.name)), level is not None)
        self.name.say(wording.name(member.name))
        self._role.setVisible(member.role != "user")
        self._role.say(member.role)
        self.muted.setVisible(member.muted)
        away = member.state == "reconnecting"
        course = f"{reconnecting_words(member)}, was on {wording.within(member.node_name)}" if away else ""
        course = course or resumed_words(member)
        self.course.say(course[:1].upper() + course[1:], Colour.WARN if away else Colour.TEXT2)
        self.course.setVisible(bool(course))
        if member.muted:
            self.muted.say(muted_words(member).capitalize())
        self.mute.restyle(*(("Unmute", "microphone") if member.muted else ("Mute", "microphone-slash")))
        parts = (member.user, f"session {member.session}", member.client)
        self.identity.say("  ·  ".join(wording.name(part) for part in parts if part.strip()))
        slow = member.round_trip is not None and member.round_trip >= SLOW_MS
        self.round_trip.say(wording.milliseconds(member.round_trip), Colour.WARN if slow else Colour.TEXT)
        self._state = "reconnecting" if away else state if level is None else f"level {level_word(level)}"

    def show_figures(self, talk: TalkView, figures: Figures, refused: int) -> None:
        """Show what it has said and how far away it has been; at most twice a second, so that it can be read.

        `refused` is how many of its requests were refused in the last minute.
        """
        member = self.member
        if member is None:
            return
        self.refused.setVisible(refused > 0)
        if refused:
            self.refused.say(f"{wording.plural(refused, 'request')} refused in the last minute")
        now = f"{wording.minutes(talk.since)}, {self._state}" if talk.since is not None else self._state.capitalize()
        away = member.state == "reconnecting"
        self.facts[SPEAKING].say(now, Colour.WARN if away else Colour.TEXT)
        self.facts[SHARE].say("–" if talk.share is None else wording.percent(talk.share))
        self.facts[OVER].say(wording.plural(talk.over, "time"), Colour.DANGER if talk.over > OFTEN else Colour.TEXT)
        self.facts[NODE].say(", ".join(wording.name(part) for part in (member.node_name, member.ip) if part))
        slow = member.round_trip is not None and member.round_trip >= SLOW_MS
        self.line.say(_points(figures), Colour.WARN if slow else Colour.TEXT3)

    def show_history(self, words: str | None) -> None:
        """Show what was done to this user before; None while that is being looked for."""
        self.history.say(words or "–")
        self.history.setToolTip(literal((words or "").replace("  ·  ", "\n")))

    def fold(self, folded: bool) -> None:
        """Leave the facts out where the window is low."""
        self._facts.setVisible(not folded)
        for line in self._lines:
            line.setVisible(not folded)

    def _lay_out(self) -> None:
        names = QHBoxLayout()
        names.setSpacing(10)
        names.addWidget(self.name)
        names.addWidget(self._role)
        names.addWidget(self.muted)
        names.addStretch(1)
        who = QVBoxLayout()
        who.setSpacing(2)
        who.addLayout(names)
        who.addWidget(self.identity)
        self.course.setContentsMargins(0, 4, 0, 0)
        who.addWidget(self.course)
        who.addWidget(self.refused)
        trip = QVBoxLayout()
        trip.setSpacing(2)
        for label in (self.round_trip, self._round_trip_caption):
            label.setAlignment(ALIGN_RIGHT)
            trip.addWidget(label)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._portrait)
        head.addLayout(who, 1)
        head.addWidget(self.line)
        head.addLayout(trip)
        grid = QGridLayout(self._facts)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(2)
        grid.addWidget(Label("Before", Type.CAPTION, Colour.TEXT3), 2, 0)
        grid.addWidget(self.history, 3, 0, 1, len(self.facts))
        grid.setRowMinimumHeight(2, 24)
        self.history.setAccessibleName("What was done before")
        for column, (caption, value) in enumerate(self.facts.items()):
            grid.addWidget(Label(caption, Type.CAPTION, Colour.TEXT3, elide=True), 0, column)
            grid.addWidget(value, 1, column)
            grid.setColumnStretch(column, 1)
            value.setAccessibleName(caption)
        self.body.addLayout(head)
        self.body.addWidget(self._lines[0])
        self.body.addWidget(self._facts)
        self.body.addWidget(self._lines[1])
        self.body.addWidget(Buttons(self.mute, self.whisper, self.moving, self.kick, self.ban))


def _points(figures: Figures) -> list[Point]:
    """Points of a line over five minutes, now at its end; between two figures it is straight."""
    top = max((figure for _, figure in figures), default=0.0)
    bottom = min((figure for _, figure in figures), default=0.0)
    span = max(top - bottom, 20.0)
    middle = (top + bottom) / 2
    return [(1 - ago / KEPT, 0.5 + (figure - middle) / span * 0.9) for ago, figure in figures]
