"""The sheet of all keys, made from the register of actions."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui.actions import EVERYWHERE, Command
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button
from gui.widgets.labels import Label
from gui.widgets.painting import key_cap, key_width
from gui.widgets.sheet import Sheet

WIDTH = 760
GAP = 4
ROW = 26


class Caps(QWidget):
    """The keys of one action."""

    def __init__(self, keys: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(" or ".join(keys))

    def sizeHint(self) -> QSize:
        return QSize(sum(key_width(key) + GAP for key in self._keys), 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = float(self.width())
        for key in reversed(self._keys):
            left -= key_width(key)
            key_cap(painter, QRectF(left, 1, key_width(key), 18), key, Colour.TEXT2)
            left -= GAP
        painter.end()


class _Area(QScrollArea):
    """As high as what is in it, or as the window allows."""

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self._page = page
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(page)
        self.setAccessibleName("Keys")

    def sizeHint(self) -> QSize:
        return self._page.sizeHint()


class KeySheet(Sheet):
    """Every action with its keys, by view; the view that is open comes first."""

    def __init__(self, window: QWidget, commands: Iterable[Command], here: str) -> None:
        """Make a closed sheet; `here` is the title of the view that is open."""
        super().__init__(window, "Keys", "Single letters act on what is selected in a list.", width=WIDTH)
        groups: dict[str, list[Command]] = {}
        for command in commands:
            groups.setdefault(command.group, []).append(command)
        first = [group for group in (here, EVERYWHERE) if group in groups]
        self.shown = [*first, *(group for group in groups if group not in first)]
        """The groups in the order in which they stand."""
        page = QWidget()
        page.setProperty("part", "pane")
        columns = QHBoxLayout(page)
        columns.setContentsMargins(0, 0, 12, 0)
        columns.setSpacing(32)
        for titles in _halves([(title, len(groups[title]) + 2) for title in self.shown]):
            column = QVBoxLayout()
            column.setSpacing(20)
            for title in titles:
                column.addLayout(_group(title, groups[title]))
            column.addStretch(1)
            columns.addLayout(column, 1)
        self._area = _Area(page)
        self.body.addWidget(self._area)
        done = Button("Close", key="Esc")
        done.clicked.connect(self.reject)
        self.buttons.addWidget(done)

    def first_focus(self) -> QWidget:
        """The list, so that the arrow keys scroll it."""
        return self._area


def _halves(groups: list[tuple[str, int]]) -> tuple[list[str], list[str]]:
    """Titles in two columns, in order, the higher one as low as can be."""
    sizes = [size for _, size in groups]
    left = min(range(1, len(groups) + 1), key=lambda place: max(sum(sizes[:place]), sum(sizes[place:])))
    titles = [title for title, _ in groups]
    return titles[:left], titles[left:]


def _group(title: str, commands: list[Command]) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(0)
    grid.setColumnStretch(0, 1)
    head = Label(title, Type.SMALL, Colour.TEXT3)
    head.setFixedHeight(ROW)
    grid.addWidget(head, 0, 0, 1, 2)
    for row, command in enumerate(commands, start=1):
        words = Label(command.text, Type.BODY, elide=True)
        words.setFixedHeight(ROW)
        grid.addWidget(words, row, 0)
        grid.addWidget(Caps(command.keys), row, 1, Qt.AlignmentFlag.AlignRight)
    return grid
