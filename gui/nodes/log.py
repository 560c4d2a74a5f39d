"""The log pane: a tab for each launched node, its lines, and a view that follows the newest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import theme, wording
from gui.nodes.lines import LEVELS, LogModel, Matches, Source, matching, moment
from gui.nodes.log_bar import LevelButton, Tabs, TabStrip
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, Table
from gui.widgets.filter import FilterField
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Divider, EmptyState
from server.child import Child, ChildState
from server.childlog import Level
from server.query import QueryError

MakeAction = Callable[..., QAction]

ALL = "all"
"""The id of the tab of all logs."""
NODE_LETTERS = 14

TONES = {
    "debug": Colour.TEXT3,
    "info": Colour.TEXT3,
    "warning": Colour.WARN,
    "error": Colour.DANGER,
}


class LogRow(QStyledItemDelegate):
    """Paints a line: time, level, text."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = index.model()
        assert isinstance(model, LogModel)
        entry = model.entry(index.row())
        line = entry.line
        box: QRect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.colour(Colour.ACCENT_SOFT))
        elif line.level == "error":
            painter.fillRect(box, theme.colour(Colour.DANGER_SOFT))
        step = theme.metrics(Type.CODE).horizontalAdvance("0")
        times = f"× {wording.count(entry.count)}" if entry.count > 1 else ""
        painter.setFont(theme.font(Type.CODE))
        left = box.left() + Size.PADDING
        room = box.right() - Size.PADDING - (step * (len(times) + 2) if times else 0)
        loud = line.level not in ("debug", "info")
        for words, tone, width in (
            (moment(line), Colour.TEXT3, step * 14),
            (wording.name(entry.node), Colour.TEXT2, step * NODE_LETTERS if model.several else 0),
            (LEVELS[line.level], TONES[line.level], step * 8),
            (line.text, Colour.TEXT if loud else Colour.TEXT2, room),
        ):
            if width <= 0:
                continue
            width = min(width, room - left)
            painter.setPen(theme.colour(tone))
            painter.drawText(
                QRect(left, box.top(), width, box.height()), ALIGN_LEFT, theme.elided(words, Type.CODE, width - step)
            )
            left += width
        if times:
            painter.setPen(theme.colour(Colour.TEXT3))
            painter.drawText(box.adjusted(0, 0, -Size.PADDING, 0), ALIGN_RIGHT, times)


class LogList(Table):
    """The lines; several can be selected and copied. A table, as a list would go through all lines when one comes."""

    def __init__(self, model: LogModel) -> None:
        super().__init__("Log", None, Size.LOG_ROW)
        self.setProperty("part", "log")
        self.setModel(model)
        self.setItemDelegate(LogRow(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.verticalScrollBar().setSingleStep(Size.LOG_ROW)
        self._model = model

    def copy(self) -> None:
        """Copy the selected lines."""
        rows = [index.row() for index in self.selectionModel().selectedRows()]
        if rows:
            QGuiApplication.clipboard().setText(self._model.text(min(rows), max(rows)))


class LogPane(QWidget):
    """What the launched nodes and this console say, all together or one of them."""

    chosen = Signal(str)
    """`Child.id` of the tab that was chosen."""

    def __init__(self, launch: Button, make: MakeAction, own: Source | None = None) -> None:
        """Make an empty pane.

        Args:
            launch: Is offered while there is no log.
            make: Makes the actions of the list, as `gui.actions.Actions.make` does.
            own: The log of this console.
        """
        super().__init__()
        self.setProperty("part", "dark")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = LogModel(self)
        self.list = LogList(self.model)
        self.tabs = Tabs("Log of")
        self.strip = TabStrip(self.tabs)
        self.follow = Button("Following", kind=Kind.QUIET)
        self.search = FilterField("Find in log")
        self.reason = Label("", Type.SMALL, Colour.DANGER, elide=True)
        self.levels: dict[tuple[Level, ...], LevelButton] = {
            ("error",): LevelButton("Errors", Colour.DANGER),
            ("warning",): LevelButton("Warnings", Colour.WARN),
            ("info", "debug"): LevelButton("Info", Colour.TEXT3),
        }
        self._own = own
        self._matches: Matches | None = None
        self._sources: dict[str, Source] = {}
        self._exited: set[str] = set()
        self._shown = ""
        self._following = True
        self._newer = 0
        self._moving = False
        self._silent = EmptyState("It has not said anything yet.")
        empty = EmptyState(
            "What a node says shows here once you launch one from this window.",
            title="No node was launched from this window yet",
            icon="terminal-window",
            button=launch,
        )
        self.stack = QStackedWidget()
        for page in (empty, self._silent, self.list):
            self.stack.addWidget(page)
        self._lay_out()
        self.tabs.currentChanged.connect(lambda _: self._choose())
        self.follow.clicked.connect(self.pause)
        self.search.textChanged.connect(lambda _: self._narrow())
        for button in self.levels.values():
            button.toggled.connect(lambda _: self._narrow())
        bar = self.list.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._stretched)
        scope = Qt.ShortcutContext.WidgetShortcut
        copy = QKeySequence.StandardKey.Copy
        for action in (
            make("Copy lines of the log", copy, group="Nodes", icon="copy", scope=scope, act=self.list.copy),
            make(
                "Follow the newest line", "End", group="Nodes", icon="arrow-down", scope=scope, act=self.follow_newest
            ),
            make("Pause the log, or follow it", "Space", group="Nodes", icon="pause", scope=scope, act=self.pause),
        ):
            self.list.addAction(action)
        self._show_following()

    def refresh(self, children: Sequence[Child], *, choose: str = "") -> None:
        """Show a tab for each of these, and the lines that are new in the current one; `choose` another one."""
        launched = [Source(child.id, child.spec.name, child.log) for child in children]
        own = [self._own] if self._own is not None else []
        sources = [*launched, *own]
        self._sources = {source.id: source for source in sources}
        self._exited = {child.id for child in children if child.state is ChildState.EXITED}
        every = [(ALL, "All nodes")] if len(sources) > 1 else []
        self.tabs.offer([*every, *((source.id, wording.name(source.name)) for source in sources)])
        self.strip.fit()
        if choose in self._sources:
            self.tabs.choose(choose)
        self._choose()
        self.sync()

    def sync(self) -> None:
        """Take what was said since the last look."""
        bar = self.list.verticalScrollBar()
        value, had = bar.value(), self.model.rowCount()
        self._moving = True
        gone = self.model.sync()
        fresh = self.model.rowCount() - had + gone
        if self._following:
            self.list.scrollToBottom()
        elif gone:
            bar.setValue(max(0, value - gone * Size.LOG_ROW))
        self._moving = False
        if fresh and not self._following:
            self._newer += fresh
            self._show_following()
        self._turn()

    def follow_newest(self) -> None:
        """Go to the end and stay there."""
        self._following, self._newer = True, 0
        self._stretched()
        self._show_following()

    def pause(self) -> None:
        """Stay where it is while more is said, or go on."""
        if self._following and self.model.rowCount():
            self._following, self._newer = False, 0
            self._show_following()
        else:
            self.follow_newest()

    def _choose(self) -> None:
        """Show the logs of the current tab."""
        tab = self.tabs.current()
        wanted = list(self._sources.values()) if tab == ALL else [self._sources[tab]] if tab in self._sources else []
        ids = tuple(source.id for source in wanted)
        if (tab, ids) == (self._shown, self.model.sources):
            self._turn()
            return
        more = [source for source in wanted if source.id not in self.model.sources]
        if tab == self._shown == ALL and set(self.model.sources) <= set(ids):
            for source in more:
                self.model.add(source)
        else:
            changed, self._shown = tab != self._shown, tab
            self._moving = True
            self.model.show(wanted, several=tab == ALL)
            self._moving = False
            if changed:
                self.follow_newest()
                self.chosen.emit("" if tab == ALL else tab)
        self._turn()

    def _narrow(self) -> None:
        """Read filter and levels; while the filter cannot be read, the last one stays."""
        off = [level for levels, button in self.levels.items() if not button.isChecked() for level in levels]
        problem = ""
        try:
            self._matches = matching(self.search.text())
        except QueryError as error:
            problem = error.message
        self.reason.say(problem[:1].upper() + problem[1:])
        state = "wrong" if problem else ""
        if self.search.property("state") != state:
            self.search.setProperty("state", state)
            theme.restyle(self.search)
        self._moving = True
        self.model.narrow(off, self._matches)
        self._moving = False
        self.follow_newest()
        self._turn()

    def _turn(self) -> None:
        """Show the page that fits what there is."""
        some = self.model.rowCount() > 0
        for levels, button in self.levels.items():
            button.count(sum(self.model.counts[level] for level in levels))
        if not some and not self.model.silent:
            self._silent.say("No line matches. Clear the search, or show more levels.")
        elif not some:
            self._silent.say("It said nothing." if self._shown in self._exited else "It says nothing yet.")
        page = 0 if not self._sources else 2 if some else 1
        if page != self.stack.currentIndex():
            self.stack.setCurrentIndex(page)
        for part in (self.strip, self.search, *self.levels.values()):
            part.setVisible(bool(self._sources))
        self.follow.setVisible(some)

    def _stretched(self) -> None:
        """The list became longer or its pane lower: stay at the end."""
        if self._following:
            self._moving = True
            self.list.scrollToBottom()
            self._moving = False

    def _scrolled(self, value: int) -> None:
        if self._moving:
            return
        at_end = value >= self.list.verticalScrollBar().maximum()
        if at_end != self._following:
            self._following = at_end
            self._newer = 0
            self._show_following()

    def _show_following(self) -> None:
        if self._following:
            self.follow.restyle("Following", "check")
            describe(self.follow, "Following the newest line: stay here", key="Space")
        else:
            words = f"{wording.count(self._newer)} newer" if self._newer else "Newest"
            self.follow.restyle(words, "arrow-down")
            describe(self.follow, "Go to the newest line", key="End")
        self.follow.updateGeometry()

    def _lay_out(self) -> None:
        head = QWidget()
        head.setFixedHeight(Size.PANE_HEADER)
        row = QHBoxLayout(head)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addWidget(Label("Log", Type.SECTION))
        row.addSpacing(8)
        row.addWidget(self.strip, 3)
        row.addSpacing(8)
        for button in self.levels.values():
            row.addWidget(button)
        row.addWidget(self.reason, 1)
        row.addWidget(self.search)
        row.addWidget(self.follow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(Divider())
        column.addWidget(self.stack, 1)
