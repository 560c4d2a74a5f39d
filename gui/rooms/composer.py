"""The whisper composer: one named receiver, one text, one key to send."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from gui import theme, wording
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Chip

MOST = 4000
"""Characters of a text (protocol.md section 2)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Receiver:
    """To whom a whisper goes: a session, never a row."""

    session: str
    name: str


class Composer(QFrame):
    """Writes to one receiver at a time and keeps what was begun for others."""

    sending = Signal(str, str)
    """Session and text."""

    def __init__(self, send: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "composer")
        self.receiver: Receiver | None = None
        self._here = True
        self._drafts: dict[str, str] = {}
        self._to = Label("To", Type.SMALL, Colour.TEXT3)
        self._chip = Chip("", Colour.ACCENT, Colour.ACCENT_SOFT)
        self._drop = Button(icon="x", kind=Kind.QUIET, name="Write to nobody")
        self._kind = Label("Whisper", Type.SMALL_STRONG, Colour.TEXT2)
        self.text = QPlainTextEdit()
        self.text.setFont(theme.font(Type.BODY))
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setTabChangesFocus(True)
        self.text.document().setDocumentMargin(0)
        self._note = Label("", Type.SMALL, Colour.TEXT3, wrap=True)
        self.button = Button("Send", kind=Kind.PRIMARY, icon="paper-plane-tilt-fill")
        describe(self.button, "Send the whisper", key="Ctrl+Enter")
        self._lay_out()
        self._drop.clicked.connect(lambda: self.address(None))
        self.text.textChanged.connect(self._check)
        self.text.installEventFilter(self)
        self.text.addAction(send)
        send.triggered.connect(self._send)
        self.button.clicked.connect(self._send)
        self.address(None)

    def address(self, receiver: Receiver | None) -> None:
        """Write to this receiver from now on; what was begun for the one before is kept."""
        if self.receiver is not None:
            self._keep(self.receiver.session, self.text.toPlainText())
        self.receiver = receiver
        there = receiver is not None
        name = wording.name(receiver.name) if receiver is not None else ""
        self._chip.say(name)
        for part in (self._chip, self._drop, self._to):
            part.setVisible(there)
        self.text.setEnabled(there)
        self.text.setPlainText(self._drafts.get(receiver.session, "") if receiver is not None else "")
        self.text.setPlaceholderText("" if there else "Select a member and press W to whisper.")
        describe(self.text, f"Whisper to {name}" if there else "Whisper")
        self._check()
        if there:
            self.text.setFocus()

    def show_presence(self, here: bool) -> None:
        """Say whether the receiver is in the room that is open."""
        if here is not self._here:
            self._here = here
            self._check()

    def sent(self, session: str) -> None:
        """The whisper is out: begin the next one."""
        self._keep(session, "")
        if self.receiver is not None and self.receiver.session == session:
            self.text.clear()
        self._check()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.setProperty("active", event.type() == QEvent.Type.FocusIn)
            self.style().unpolish(self)
            self.style().polish(self)
        return False

    def _keep(self, session: str, draft: str) -> None:
        if draft.strip():
            self._drafts[session] = draft
        else:
            self._drafts.pop(session, None)

    def _check(self) -> None:
        length = len(self.text.toPlainText().strip())
        over = length - MOST
        self.button.setEnabled(self.receiver is not None and 0 < length <= MOST)
        if self.receiver is None:
            self._note.say("")
        elif over > 0:
            self._note.say(f"{wording.plural(over, 'character')} too many", Colour.DANGER)
        elif not self._here:
            self._note.say(f"{wording.within(self.receiver.name)} is not in this room now.", Colour.WARN)
        else:
            self._note.say(f"Only {wording.within(self.receiver.name)} sees this.", Colour.TEXT3)

    def _send(self) -> None:
        if self.receiver is not None and self.button.isEnabled():
            self.sending.emit(self.receiver.session, self.text.toPlainText())

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(6)
        for part in (self._to, self._chip, self._drop):
            head.addWidget(part)
        head.addStretch(1)
        head.addWidget(self._kind)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self._note, 1)
        foot.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 10, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        column.addLayout(foot)
        self.setFixedHeight(136)
