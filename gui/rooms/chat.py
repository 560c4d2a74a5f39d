"""The chat pane: lines that follow while one looks at the end, and stay put while one reads."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from gui import wording
from gui.rooms.chat_model import ChatModel
from gui.rooms.chat_row import EVENT_HEIGHT, ChatRow
from gui.rooms.events import EVENTS, Entry, folded, settled
from gui.rooms.events_list import EventsList, EventsModel
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import Table
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Divider, Dot, EmptyState
from gui.widgets.tabs import Tabs
from server.views import ChatView

NARROW = 320
"""A pane below this width says things in fewer words."""


class ChatList(Table):
    """The lines, with a pill that counts what came while one was reading further up.

    A table, because a list would ask for the height of every line when one comes.
    """

    followed = Signal(bool)
    """Whether it follows the end, when that changes."""

    def __init__(self, model: ChatModel, parent: QWidget | None = None) -> None:
        super().__init__("Chat", None, EVENT_HEIGHT, parent)
        self.setSelectionMode(Table.SelectionMode.NoSelection)
        self._lines = model
        self._row = ChatRow(self)
        self.setModel(model)
        self.setItemDelegate(self._row)
        model.rowsInserted.connect(lambda _, first, last: self._measure(first, last))
        model.dataChanged.connect(lambda first, last: self._measure(first.row(), last.row()))
        model.layoutChanged.connect(self._measure_all)
        self.following = True
        self.newer = 0
        self.pill = Button("", kind=Kind.PRIMARY, icon="arrow-down", parent=self)
        describe(self.pill, "Go to the newest line", key="End")
        self.pill.hide()
        self.pill.clicked.connect(self.follow)
        bar = self.verticalScrollBar()
        bar.actionTriggered.connect(lambda _: self._scrolled())
        bar.rangeChanged.connect(lambda *_: self._stick())

    def follow(self) -> None:
        """Go to the newest line and stay there."""
        self._set_following(True)
        self._stick()

    def show_lines(self, lines: Sequence[Entry], *, anew: bool) -> None:
        """Show these lines; `anew` when they are those of another room."""
        model = self._lines
        known = set(model.identities())
        held = None if self.following or anew else self.indexAt(QPoint(1, 1))
        top = self.visualRect(held).top() if held is not None else 0
        key = model.at(held).key if held is not None and held.isValid() else ""
        model.follow(lines)
        if anew:
            self.follow()
        elif key:
            fresh = sum(line.key not in known for line in lines)
            kept = model.index_of(key)
            if kept.isValid():
                bar = self.verticalScrollBar()
                self.scheduleDelayedItemsLayout()
                self.executeDelayedItemsLayout()
                bar.setValue(bar.value() + self.visualRect(kept).top() - top)
            self._count(self.newer + fresh)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event)
        self._scrolled()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() == Qt.Key.Key_End:
            self.follow()
            return
        if event.key() == Qt.Key.Key_Home:  # the first line may be the current one already
            self.scrollToTop()
        self._scrolled()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._measure_all()
        self._place_pill()

    def _measure_all(self) -> None:
        self._measure(0, self._lines.rowCount() - 1)

    def _measure(self, first: int, last: int) -> None:
        header = self.verticalHeader()
        for row in range(first, last + 1):
            height = self._row.height(self._lines.at(row))
            if header.sectionSize(row) != height:
                header.resizeSection(row, height)

    def _scrolled(self) -> None:
        bar = self.verticalScrollBar()
        self._set_following(bar.sliderPosition() >= bar.maximum() - 4)

    def _set_following(self, following: bool) -> None:
        if following:
            self._count(0)
        if following is not self.following:
            self.following = following
            self.followed.emit(following)

    def _stick(self) -> None:
        if self.following:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _count(self, newer: int) -> None:
        if newer == self.newer:
            return
        self.newer = newer
        self.pill.setVisible(newer > 0)
        self.pill.restyle(f"{wording.count(newer)} newer", "arrow-down")
        self._place_pill()

    def _place_pill(self) -> None:
        size = self.pill.sizeHint()
        viewport = self.viewport()
        self.pill.setGeometry((viewport.width() - size.width()) // 2, viewport.height() - 44, size.width(), 32)


class ChatPane(QWidget):
    """Chat and events behind tabs, or why there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ChatModel(self)
        self.list = ChatList(self.model)
        self.events = EventsList(EventsModel(self))
        self.tabs = Tabs(["Chat", "Events"], lined=True)
        self._dot = Dot(Colour.LIVE)
        self._state = Label("Following live", Type.SMALL_STRONG, Colour.TEXT2)
        self._quiet = EmptyState("Nobody has written here yet. What members write appears here as it is sent.")
        self._calm = EmptyState("Nothing has happened here yet. Who comes, goes or is muted appears here.")
        self._lines: Sequence[ChatView] = ()
        self._narrow = False
        self.list.followed.connect(lambda _: self._show_state())
        self.events.followed.connect(lambda _: self._show_state())
        self.tabs.chosen.connect(lambda _: self._show(anew=False))
        self._lay_out()

    def show_lines(self, lines: Sequence[ChatView], *, anew: bool) -> None:
        """Show these lines; `anew` when they are those of another room."""
        lines = self._lines = settled(lines)
        events = sum(line.kind in EVENTS for line in lines)
        self.tabs.tabs[0].say(len(lines) - events)
        self.tabs.tabs[1].say(events)
        self._show(anew=anew)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._narrow = event.size().width() < NARROW
        self._show_state()

    def panes(self) -> Sequence[QWidget]:
        """The lists behind the tabs."""
        return self.list, self.events

    def _show(self, *, anew: bool) -> None:
        """Bring the list of the chosen tab up to date; the other one waits until it is chosen."""
        on_chat = self.tabs.place == 0
        if on_chat:
            page: QWidget = self.list if self._lines else self._quiet
            self.list.show_lines(folded(self._lines), anew=anew)
        else:
            events = [line for line in self._lines if line.kind in EVENTS]
            page = self.events if events else self._calm
            self.events.show_lines(events, anew=anew)
        self._pages.setCurrentWidget(page)
        self._show_state()

    def _show_state(self) -> None:
        following = self.list.following if self.tabs.place == 0 else self.events.following
        self._dot.say(Colour.LIVE if following else Colour.TEXT3)
        words = ("Live", "Staying") if self._narrow else ("Following live", "Staying here")
        self._state.say(words[0] if following else words[1])

    def _lay_out(self) -> None:
        head = QWidget()
        head.setFixedHeight(Size.PANE_HEADER)
        row = QHBoxLayout(head)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addWidget(self.tabs)
        row.addStretch(1)
        row.addWidget(self._dot)
        row.addWidget(self._state)
        holder = QWidget()
        self._pages = QStackedLayout(holder)
        for page in (self._quiet, self.list, self._calm, self.events):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(Divider())
        column.addWidget(holder, 1)
