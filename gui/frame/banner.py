"""The strip under the top bar: what needs a person, since when, and the next steps as buttons."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAction, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui import theme
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, describe

HEIGHT = 48
BAR = 3
LOOKS = {
    Colour.DANGER: (Colour.DANGER_SOFT, "warning-circle-fill"),
    Colour.WARN: (Colour.WARN_SOFT, "warning-fill"),
    Colour.LIVE: (Colour.LIVE_SOFT, "check-circle-fill"),
}
"""Ground and icon of each tone; any other is news of no weight."""
_PLAIN = (Colour.BG2, "info")
_WEIGHT = {Colour.DANGER: 0, Colour.WARN: 1}


@dataclasses.dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a banner says."""

    title: str
    detail: str
    acts: tuple[QAction, ...]
    tone: Colour


class Banner(QWidget):
    """The strip itself: icon, what happened, what became of it, the next steps, a cross."""

    def __init__(self) -> None:
        """Make it, hidden."""
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self._tone = Colour.TEXT2
        self._buttons: list[Button] = []
        self._offered: tuple[QAction, ...] = ()
        self.title = Label("", Type.NAME)
        self.detail = Label("", Type.BODY, Colour.TEXT2, elide=True)
        self.more = Button(kind=Kind.LINK)
        self.cross = Button(icon="x", kind=Kind.QUIET)
        describe(self.cross, "Close this notice")
        self._acts = QHBoxLayout()
        self._acts.setSpacing(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(52, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.title)
        row.addWidget(self.detail, 1)
        row.addWidget(self.more)
        row.addLayout(self._acts)
        row.addWidget(self.cross)
        self.hide()

    def say(self, notice: Notice, others: int) -> None:
        """Show a notice, and how many more there are."""
        self._tone = notice.tone
        self.title.say(notice.title)
        self.detail.say(notice.detail)
        self.setAccessibleName(notice.title)
        self.setAccessibleDescription(notice.detail)
        words = f"+{others} more" if others else ""
        if words != self.more.text():
            self.more.setText(words)
            describe(self.more, f"Show the next of {others + 1} notices")
            self.more.updateGeometry()
        self.more.setVisible(bool(others))
        self._offer(notice.acts)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        ground, icon = LOOKS.get(self._tone, _PLAIN)
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(ground))
        painter.fillRect(0, 0, BAR, self.height(), theme.colour(self._tone))
        drawn = theme.pixmap(icon, self._tone, 20, self.devicePixelRatioF())
        painter.drawPixmap(20, (self.height() - 20) // 2, drawn)
        painter.end()

    def _offer(self, acts: tuple[QAction, ...]) -> None:
        if acts == self._offered:
            return
        self._offered = acts
        for button in self._buttons:
            self._acts.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = [Button.of(act, show_key=False) for act in acts]
        for button in self._buttons:
            self._acts.addWidget(button)


class Banners(QObject):
    """All notices, of which one is shown: the worst, of equals the newest, until somebody asks for the next.

    A notice that was closed stays closed until whoever showed it drops it.
    """

    closed = Signal(str)
    """The key of a notice that the person has closed."""
    said = Signal(str, str, str, object, str)
    """Title, detail, icon, tone and key of a notice that is new, or says something else than before."""
    dropped = Signal(str)
    """The key of a notice that is said no more."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Make them, with nothing to say; `strip` is what the window mounts."""
        super().__init__(parent)
        self.strip = Banner()
        self.strip.more.clicked.connect(self._show_next)
        self.strip.cross.clicked.connect(self._close)
        self._notices: dict[str, Notice] = {}
        self._closed: set[str] = set()
        self._key = ""
        self._chosen = ""

    @property
    def key(self) -> str:
        """Of the notice on the screen; empty where there is none."""
        return self._key

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all that are not closed, in the order in which they are shown."""
        placed = [
            (_WEIGHT.get(notice.tone, 2), -place, key) for place, (key, notice) in enumerate(self._notices.items())
        ]
        return tuple(key for _, _, key in sorted(placed) if key not in self._closed)

    def show(
        self, key: str, title: str, detail: str = "", *, acts: Sequence[QAction] = (), tone: Colour = Colour.DANGER
    ) -> None:
        """Say something, or say it anew; costs nothing when it is the same.

        Args:
            key: Its identity, under which it is dropped.
            title: What happened and since when.
            detail: What became of it so far.
            acts: The next steps, as buttons; they belong to whoever shows it.
            tone: `Colour.DANGER`, `WARN`, `LIVE`, or any other for news of no weight.
        """
        notice = Notice(title, detail, tuple(acts), tone)
        if self._notices.get(key) == notice:
            return
        fresh = key not in self._notices
        self._notices[key] = notice
        if fresh:
            self._chosen = ""
        self.said.emit(title, detail, LOOKS.get(tone, _PLAIN)[1], tone, key)
        self._settle()
        if fresh and key == self._key and QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.strip, f"{title} {detail}".strip()))

    def drop(self, key: str) -> None:
        """Say it no more; safe for one that is not there."""
        if self._notices.pop(key, None) is not None:
            self._closed.discard(key)
            self.dropped.emit(key)
            self._settle()

    def _settle(self) -> None:
        """Put on the screen what belongs there."""
        keys = self.keys
        self._key = self._chosen if self._chosen in keys else keys[0] if keys else ""
        if self._key:
            self.strip.say(self._notices[self._key], len(keys) - 1)
        self.strip.setVisible(bool(self._key))

    def _show_next(self) -> None:
        keys = self.keys
        self._chosen = keys[(keys.index(self._key) + 1) % len(keys)]
        self._settle()

    def _close(self) -> None:
        key = self._key
        self._closed.add(key)
        self._settle()
        self.closed.emit(key)
