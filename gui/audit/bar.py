"""What narrows the list of acts: words, the action, who acted, since when; and the way to a file."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from gui import wording
from gui.audit import words
from gui.tokens import Size
from gui.widgets.buttons import Button
from gui.widgets.filter import FilterField
from gui.widgets.labels import describe, entry
from server.ledger import Wanted

REST = 200
"""Milliseconds after the last key until it is looked for."""

NAME_CHARS = 16

SPANS = (("Today", 0), ("7 days", 6), ("30 days", 29), ("All", -1))
"""The words, and how many days before today it begins; -1 for no beginning."""


class Pick(Button):
    """A button that opens a list, one of which is chosen."""

    picked = Signal()
    """Another one was chosen."""

    def __init__(self, name: str) -> None:
        super().__init__("", icon="caret-down", icon_last=True)
        self._name = name
        self._items: list[tuple[str, str]] = []
        self.chosen = ""
        """The value of what is chosen."""
        self.clicked.connect(self._open)

    def offer(self, items: Sequence[tuple[str, str]]) -> None:
        """Offer these values, each with its words; the first one where what was chosen is none of them."""
        self._items = list(items)
        if self.chosen not in (value for value, _ in items):
            self.chosen = items[0][0]
        self._say()

    def choose(self, value: str) -> None:
        """Let this be chosen."""
        if value != self.chosen:
            self.chosen = value
            self._say()
            self.picked.emit()

    def _say(self) -> None:
        chosen = dict(self._items).get(self.chosen, "")
        if chosen != self.text():
            self.setText(chosen)
            self.updateGeometry()
        describe(self, f"{self._name}: {chosen}")

    def _open(self) -> None:
        menu = QMenu(self)
        for value, name in self._items:
            action = menu.addAction(entry(name))
            action.setCheckable(True)
            action.setChecked(value == self.chosen)
            action.triggered.connect(lambda _=False, value=value: self.choose(value))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.mapToGlobal(self.rect().bottomLeft()))


class AuditBar(QWidget):
    """The row above the table of acts."""

    changed = Signal()
    """Something else is looked for."""

    def __init__(self, export: QAction) -> None:
        super().__init__()
        self.setFixedHeight(Size.TOP_BAR)
        self.text = FilterField("Person, room, reason or moderator")
        self.text.setFixedHeight(Size.BUTTON)
        self.text.setMaximumWidth(372)
        self.action = Pick("Action")
        self.moderator = Pick("Moderator")
        self.since = Pick("Since")
        self.action.offer([("", "Any action"), *((name, words.kind(name)) for name in words.NAMES)])
        self.moderator.offer([("", "Any moderator")])
        self.since.offer([(str(days), name) for name, days in SPANS])
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self.changed)
        self.text.textChanged.connect(lambda _: self._rest.start())
        for pick in (self.action, self.moderator, self.since):
            pick.picked.connect(self.changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        row.addWidget(self.action)
        row.addWidget(self.moderator)
        row.addWidget(self.since)
        row.addStretch(0)
        row.addWidget(Button.of(export, icon="export", text="Export", show_key=False))

    def offer_moderators(self, found: Sequence[tuple[str, str]]) -> None:
        """Offer those who have acted."""
        self.moderator.offer([("", "Any moderator"), *((user, _short(wording.name(name))) for user, name in found)])

    def wanted(self, now: int) -> Wanted:
        """What is looked for; `now` in ms since 1970."""
        days = int(self.since.chosen)
        return Wanted(
            text=self.text.text().strip(),
            action=self.action.chosen,
            by=self.moderator.chosen,
            since=None if days < 0 else _days_before(words.day_of(now), days),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the time narrows the list."""
        return bool(self.text.text().strip() or self.action.chosen or self.moderator.chosen)

    def clear(self) -> None:
        """Look for all of that time."""
        self.text.clear()
        self.action.choose("")
        self.moderator.choose("")


def _short(name: str) -> str:
    """A name as a button has room for it."""
    return name if len(name) <= NAME_CHARS else f"{name[: NAME_CHARS - 1]}…"


def _days_before(day: int, days: int) -> int:
    """The beginning of a day so many days before: by its noon, as the clocks may be set in between."""
    return words.day_of(day + (12 - 24 * days) * 3_600_000)
