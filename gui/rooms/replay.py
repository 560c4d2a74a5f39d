"""A room from one of its lines on, as this node holds it: the sheet, and the key and menu that open it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import QMenu, QWidget

from gui import theme, wording
from gui.actions import IN_LIST
from gui.rooms.chat import ChatList
from gui.rooms.chat_model import ChatModel
from gui.rows import Index, Rows
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.cells import Cell
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, Table
from gui.widgets.labels import Label, literal
from gui.widgets.sheet import Sheet
from server.views import ReplayedView, ReplayView

if TYPE_CHECKING:
    from gui.views import Context

ROW = 30
LEAST_ROWS, MOST_ROWS = 4, 14
PLACE, NAME = 168, 132
PLACED = frozenset({"message", "announcement", "whisper"})
"""Lines that stand at a place of the list."""


def place_of(text: ReplayedView) -> str:
    """Where a text stands, for people: the name of the node that took it, and its number there."""
    return f"{wording.name(text.node)}:{wording.count(text.seq)}"


def sentence(view: ReplayView, now: int) -> str:
    """What is shown, in one sentence; `now` in ms since 1970."""
    texts = wording.plural(len(view.texts), "text")
    count = f"The first {texts}" if view.more else texts
    node, at = wording.within(view.node), wording.clock(now, seconds=True)
    order = f"{count}, in the order in which {node} works them, as it holds them at {at}."
    return f"{order} A reader who begins there anew is fed the same."


def missing(view: ReplayView) -> str:
    """What is no longer held, or nothing."""
    if not view.found:
        first = f"The list begins at {wording.clock(view.texts[0].at)}: " if view.texts else ""
        gone = "the line itself is no longer held."
        return first + gone if first else gone.capitalize()
    if not view.floors:
        return ""
    logs = ", ".join(f"{wording.within(name)} up to {wording.count(seq)}" for name, seq in view.floors)
    return f"Of what came before, some is no longer held: {logs}."


class ReplayModel(Rows[ReplayedView]):
    """The texts."""

    def key(self, row: ReplayedView) -> str:
        return f"{row.origin}:{row.seq}"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.paragraph(row.text)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            at = wording.clock(row.at, seconds=True)
            return f"{at}, {wording.within(row.name)}: {wording.paragraph(row.text)}, at {place_of(row)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(f"{self.key(row)}\n{wording.paragraph(row.text)}")
        return None


class ReplayRow(Cell[ReplayedView, Table]):
    """Place, name, text and time in one line."""

    def paint_cell(self, painter: QPainter, box: QRect, text: ReplayedView, column: int, *, selected: bool) -> None:
        left, right = box.left() + Size.PADDING, box.right() - Size.PADDING
        at = wording.clock(text.at, seconds=True)
        width = theme.metrics(Type.CODE).horizontalAdvance(at)
        _put(painter, QRect(right - width, box.top(), width, ROW), at, Type.CODE, Colour.TEXT3, right=True)
        _put(painter, QRect(left, box.top(), PLACE - 8, ROW), place_of(text), Type.CODE, Colour.TEXT3)
        left += PLACE
        tone = Colour.ACCENT if text.kind == "announcement" else Colour.TEXT
        _put(painter, QRect(left, box.top(), NAME - 8, ROW), wording.name(text.name), Type.NAME, tone)
        left += NAME
        words = " ".join(wording.paragraph(text.text).split())
        _put(painter, QRect(left, box.top(), right - width - 12 - left, ROW), words, Type.BODY, Colour.TEXT)


class ReplaySheet(Sheet):
    """The texts, to look at and to copy; nothing changes for anybody."""

    def __init__(self, window: QWidget, view: ReplayView) -> None:
        now = int(time.time() * 1000)
        super().__init__(window, f"Replay of {wording.within(view.room)}", sentence(view, now), width=920)
        self._view = view
        self.missing = Label(missing(view), Type.BODY, Colour.WARN, wrap=True)
        self.missing.setVisible(bool(self.missing.text()))
        self.model = ReplayModel(self)
        self.model.follow(list(view.texts))
        self.table = Table("Texts", None, ROW)
        self.table.setModel(self.model)
        self.table.setItemDelegate(ReplayRow(self.table, self.model))
        self.table.setFixedHeight(ROW * max(LEAST_ROWS, min(MOST_ROWS, len(view.texts))))
        self.body.addWidget(self.missing)
        self.body.addWidget(self.table)
        self.copy = Button("Copy all", icon="copy")
        self.copy.clicked.connect(self._copy)
        self.shut = Button("Close", kind=Kind.PRIMARY, key="Esc")
        self.shut.clicked.connect(self.reject)
        self.buttons.addWidget(self.copy)
        self.buttons.addWidget(self.shut)
        if view.texts:
            self.table.setCurrentIndex(self.model.index(0, 0))

    def first_focus(self) -> QWidget:
        return self.table

    def _copy(self) -> None:
        """Put the texts on the clipboard, one line each with its place as the nodes know it."""
        lines = [f"{text.origin}:{text.seq}\t{text.name}\t{' '.join(text.text.split())}" for text in self._view.texts]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self.copy.restyle("Copied", "check")


class Replaying(QObject):
    """Opens the sheet from a line of the chat: by its key, or by the menu of the line under the pointer."""

    def __init__(self, context: Context, chat: ChatList, room: Callable[[], str]) -> None:
        """`room` says which room the chat shows."""
        super().__init__(chat)
        self._context, self._chat, self._room = context, chat, room
        self.action = context.actions.make(
            "Replay room from this line", "P", group="Rooms", icon="arrow-counter-clockwise", scope=IN_LIST
        )
        self.action.triggered.connect(lambda: self.open(self._line()))
        chat.addAction(self.action)
        chat.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        chat.customContextMenuRequested.connect(self._offer)
        chat.installEventFilter(self)

    def open(self, key: str) -> None:
        """Show the room from the line of this key on, or from the first one after it that is a text."""
        place = self._place(key)
        if place is None:
            self._context.toasts.warn("There is no text here from which the room could be replayed.")
            return
        self._context.tasks.start(self._show(self._room(), *place), "replay the room")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: who comes with the keyboard begins at the newest line, or at the first one in sight."""
        if event.type() == QEvent.Type.FocusIn and not self._chat.currentIndex().isValid():
            model = self._chat.model()
            last = model.index(model.rowCount() - 1, 0)
            start = last if self._chat.following else self._chat.indexAt(QPoint(1, 1))
            self._chat.selectionModel().setCurrentIndex(start, self._chat.selectionModel().SelectionFlag.NoUpdate)
        return super().eventFilter(watched, event)

    async def _show(self, room: str, origin: str, seq: int) -> None:
        view = await self._context.desk.replay(room, origin, seq)
        sheet = ReplaySheet(self._chat.window(), view)
        sheet.open()

    def menu(self, place: QPoint) -> QMenu | None:
        """The menu of the line at a point of the viewport; what is chosen there acts on that line."""
        index = self._chat.indexAt(place)
        if not index.isValid():
            return None
        model = self._chat.model()
        assert isinstance(model, ChatModel)
        key = model.at(index).key
        menu = QMenu(self._chat)
        made = menu.addAction(self.action.text())
        made.setShortcut(self.action.shortcut())
        made.triggered.connect(lambda: self.open(key))
        return menu

    def _offer(self, place: QPoint) -> None:
        menu = self.menu(place)
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self._chat.viewport().mapToGlobal(place))

    def _line(self) -> str:
        """The line that has the keyboard, or the first one in sight."""
        model, index = self._chat.model(), self._chat.currentIndex()
        assert isinstance(model, ChatModel)
        if not index.isValid():
            index = self._chat.indexAt(QPoint(1, 1))
        return model.at(index).key if index.isValid() else ""

    def _place(self, key: str) -> tuple[str, int] | None:
        model = self._chat.model()
        assert isinstance(model, ChatModel)
        index = model.index_of(key)
        for row in range(index.row() if index.isValid() else 0, model.rowCount()):
            line = model.at(model.index(row, 0))
            if line.kind in PLACED:
                origin, _, seq = line.key.rpartition(":")
                return origin, int(seq)
        return None


def _put(painter: QPainter, box: QRect, words: str, kind: Type, tone: Colour, *, right: bool = False) -> None:
    painter.setFont(theme.font(kind))
    painter.setPen(theme.colour(tone))
    painter.drawText(box, ALIGN_RIGHT if right else ALIGN_LEFT, theme.elided(words, kind, box.width()))
