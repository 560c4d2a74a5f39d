"""The strip above the table that says what is not complete, and what one can do about it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui import theme, wording
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label


class Notice(QWidget):
    """Says what of the flow does not show; hidden while everything does."""

    wanted = Signal(bool)
    """Every frame of voice is wanted, or not any more."""

    def __init__(self) -> None:
        super().__init__()
        self._every = False
        self._silent: tuple[str, ...] = ()
        self._tone = Colour.TEXT2
        self.sentence = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.act = Button("Show every frame", kind=Kind.LINK)
        self.act.clicked.connect(lambda: self.wanted.emit(not self._every))
        self.setFixedHeight(34)
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING + 22, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addWidget(self.sentence)
        row.addWidget(self.act)
        row.addStretch(1)
        self.hide()

    def say(self, *, sampling: int, every: bool, lost: int, silent: Sequence[str]) -> None:
        """Tell how it stands, once a second.

        Args:
            sampling: Of voice, one frame in so many is shown.
            every: Whether every frame was asked for.
            lost: Messages that are known to have been and did not come.
            silent: Names of nodes that do not tell what passes there.
        """
        # A node that was asked a moment ago has had no time to answer.
        missing = [name for name in silent if name in self._silent]
        self._silent = tuple(silent)
        self._every = every
        parts = []
        if missing:
            parts.append(f"Without {wording.listed(tuple(missing))}, which does not answer.")
        if lost:
            parts.append(f"{wording.plural(lost, 'message')} of a lost node did not come.")
        if sampling > 1:
            parts.append(f"Voice is sampled, 1 frame in {wording.count(sampling)}.")
            if not missing and not lost:
                parts.append("Chat, whispers and control messages are complete.")
        elif every:
            parts.append("Every frame of voice is shown, which costs all nodes work.")
        tone = Colour.WARN if missing or lost else Colour.TEXT2
        self.sentence.say(" ".join(parts), tone)
        self._tone = tone
        act = "Sample voice" if every else "Show every frame"
        if self.act.text() != act:
            self.act.setText(act)
            self.act.setAccessibleName(act)
            self.act.updateGeometry()
        self.act.setVisible(every or sampling > 1)
        self.setVisible(bool(parts))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(Colour.BG2))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.colour(Colour.LINE))
        drawn = theme.pixmap("info", self._tone, Size.ICON_TEXT, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(Size.PADDING, (self.height() - Size.ICON_TEXT) / 2), drawn)
        painter.end()
