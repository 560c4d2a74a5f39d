"""The composer: whispers to those who are named, announcements to a room or to everybody; one key to send."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import QEvent, QObject, QPoint, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPlainTextEdit, QVBoxLayout, QWidget

from gui import theme, wording
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, describe, entry
from gui.widgets.panes import Chip

MOST = 4000
"""Characters of a text (protocol.md section 2)."""

MANY = 100
"""An announcement to more people than this waits for `WAIT` seconds, and can be taken back until then."""
WAIT = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Whisper:
    """Goes to these sessions, never to rows."""

    sessions: tuple[str, ...]
    name: str
    """Whose they are, or how many."""


@dataclasses.dataclass(frozen=True, slots=True)
class Announcement:
    """Goes to all who are in a room, or with None to everybody in the cluster."""

    room: str | None

    @property
    def name(self) -> str:
        """To whom, in words."""
        return "everybody" if self.room is None else wording.name(self.room)


Aim = Whisper | Announcement


class Composer(QFrame):
    """Writes to one aim at a time and keeps what was begun for others."""

    sending = Signal(object, str)
    """An `Aim` and the text for it."""

    def __init__(self, send: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "composer")
        self.aim: Aim | None = None
        self._room = ""
        self._here = True
        self._reach = 0
        self._left = 0
        self._drafts: dict[Aim, str] = {}
        self._to = Label("To", Type.SMALL, Colour.TEXT3)
        self._chip = Chip("", Colour.ACCENT, Colour.ACCENT_SOFT)
        self._drop = Button(icon="x", kind=Kind.QUIET, name="Write to nobody")
        self.kind = Button("Whisper", kind=Kind.QUIET, icon="caret-down", icon_last=True, name="What to write")
        self.text = QPlainTextEdit()
        self.text.setFont(theme.font(Type.BODY))
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setTabChangesFocus(True)
        self.text.document().setDocumentMargin(0)
        self.note = Label("", Type.SMALL, Colour.TEXT3, wrap=True)
        self.button = Button("Send", kind=Kind.PRIMARY, icon="paper-plane-tilt-fill")
        self.stop = Button("Cancel")
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self._count_down)
        self._lay_out()
        self._drop.clicked.connect(lambda: self.address(None))
        self.kind.clicked.connect(self._offer)
        self.stop.clicked.connect(self.hold_back)
        self.text.textChanged.connect(self._check)
        self.text.installEventFilter(self)
        self.text.addAction(send)
        send.triggered.connect(self._send)
        self.button.clicked.connect(self._send)
        self.address(None)

    @property
    def waiting(self) -> int:
        """Seconds until an announcement to many goes out; 0 while none waits."""
        return self._left

    def address(self, aim: Aim | None) -> None:
        """Write to this aim from now on; what was begun for the one before is kept."""
        self.hold_back()
        if self.aim is not None:
            self._keep(self.aim, self.text.toPlainText())
        self.aim = aim
        there = aim is not None
        name = "" if aim is None else wording.name(aim.name)
        self._chip.say(name)
        for part in (self._chip, self._drop, self._to):
            part.setVisible(there)
        self.kind.setText("Announce" if isinstance(aim, Announcement) else "Whisper")
        self.kind.updateGeometry()
        describe(
            self.button,
            "Send the announcement" if isinstance(aim, Announcement) else "Send the whisper",
            key="Ctrl+Enter",
        )
        self.text.setEnabled(there)
        self.text.setPlainText("" if aim is None else self._drafts.get(aim, ""))
        self.text.setPlaceholderText("" if there else "Select a member and press W to whisper, or A to announce.")
        what = "Announce to" if isinstance(aim, Announcement) else "Whisper to"
        describe(self.text, f"{what} {name}" if there else "Write")
        self._check()
        if there:
            self.text.setFocus()

    def show_room(self, room: str) -> None:
        """Say which room is open: the one to which an announcement is offered."""
        self._room = room

    def show_reach(self, *, here: bool, people: int) -> None:
        """Say whether the receivers are in the open room, and how many an announcement reaches."""
        if (here, people) != (self._here, self._reach):
            self._here, self._reach = here, people
            self._check()

    def sent(self, aim: Aim) -> None:
        """It is out: begin the next one."""
        self._keep(aim, "")
        if self.aim == aim:
            self.text.clear()
        self._check()

    def hold_back(self) -> bool:
        """Take back an announcement that waits; False where none does."""
        if not self._left:
            return False
        self._left = 0
        self._second.stop()
        self._check()
        self.text.setFocus()
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.setProperty("active", event.type() == QEvent.Type.FocusIn)
            theme.restyle(self)
        return False

    def _keep(self, aim: Aim, draft: str) -> None:
        if draft.strip():
            self._drafts[aim] = draft
        else:
            self._drafts.pop(aim, None)

    def _check(self) -> None:
        length = len(self.text.toPlainText().strip())
        self.button.setEnabled(self.aim is not None and 0 < length <= MOST)
        self.button.setVisible(not self._left)
        self.stop.setVisible(bool(self._left))
        self.text.setReadOnly(bool(self._left))
        self.note.say(*self._words(length - MOST))

    def _words(self, over: int) -> tuple[str, Colour]:
        aim = self.aim
        if aim is None:
            return "", Colour.TEXT3
        if self._left:
            return f"Goes to {wording.count(self._reach)} people in {self._left} s", Colour.WARN
        if over > 0:
            return f"{wording.plural(over, 'character')} too many", Colour.DANGER
        if isinstance(aim, Announcement):
            people = wording.plural(self._reach, "person", "people")
            wait = f", after {WAIT} s" if self._reach > MANY else " at once"
            return f"Shown to {people}{wait}. It cannot be taken back.", Colour.TEXT3
        if not self._here:
            who = f"{wording.within(aim.name)} is" if len(aim.sessions) == 1 else "Not all of them are"
            return f"{who}{' not' if len(aim.sessions) == 1 else ''} in this room now.", Colour.WARN
        return f"Only {wording.within(aim.name)} {'gets' if len(aim.sessions) == 1 else 'get'} this.", Colour.TEXT3

    def _send(self) -> None:
        if self.aim is None or not self.button.isEnabled() or self._left:
            return
        if isinstance(self.aim, Announcement) and self._reach > MANY:
            self._left = WAIT
            self._second.start()
            self._check()
            self.stop.setFocus()
        else:
            self.sending.emit(self.aim, self.text.toPlainText())

    def _count_down(self) -> None:
        self._left -= 1
        if not self._left:
            self._second.stop()
            self.sending.emit(self.aim, self.text.toPlainText())
        self._check()

    def _offer(self) -> None:
        menu = QMenu(self)
        room = Announcement(self._room)
        for words, aim in ((f"Announce to {room.name}", room), ("Announce to everybody", Announcement(None))):
            menu.addAction(entry(words)).triggered.connect(lambda _=False, aim=aim: self.address(aim))
        last = next((aim for aim in reversed(self._drafts) if isinstance(aim, Whisper)), None)
        if last is not None:
            words = f"Go on whispering to {wording.name(last.name)}"
            menu.addAction(entry(words)).triggered.connect(lambda _=False: self.address(last))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.kind.mapToGlobal(QPoint(0, self.kind.height())))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(6)
        for part in (self._to, self._chip, self._drop):
            head.addWidget(part)
        head.addStretch(1)
        head.addWidget(self.kind)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.stop)
        foot.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 10, 10)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        column.addLayout(foot)
        self.setFixedHeight(136)
