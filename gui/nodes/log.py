"""The log pane: a tab for each launched node, its lines, and a view that follows the newest."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from gui import theme, wording
from gui.nodes.model import LEVELS, LogModel, moment
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_LEFT, Listing
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Divider, EmptyState
from server.child import Child, ChildState

TONES = {
    "debug": Colour.TEXT3,
    "info": Colour.TEXT3,
    "warning": Colour.WARN,
    "error": Colour.DANGER,
}


class LogRow(QStyledItemDelegate):
    """Paints a line: time, level, text."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, Size.LOG_ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = index.model()
        assert isinstance(model, LogModel)
        line = model.line(index.row())
        box: QRect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.colour(Colour.ACCENT_SOFT))
        elif line.level == "error":
            painter.fillRect(box, theme.colour(Colour.DANGER_SOFT))
        step = theme.metrics(Type.CODE).horizontalAdvance("0")
        painter.setFont(theme.font(Type.CODE))
        left = box.left() + Size.PADDING
        for words, tone, width in (
            (moment(line), Colour.TEXT3, step * 14),
            (LEVELS[line.level], TONES[line.level], step * 8),
            (line.text, Colour.TEXT2 if line.level in ("debug", "info") else Colour.TEXT, 0),
        ):
            width = width or box.right() - left - Size.PADDING
            painter.setPen(theme.colour(tone))
            painter.drawText(
                QRect(left, box.top(), width, box.height()), ALIGN_LEFT, theme.elided(words, Type.CODE, width)
            )
            left += width


class LogList(Listing):
    """The lines; several can be selected and copied."""

    def __init__(self, model: LogModel) -> None:
        super().__init__("Log")
        self.setProperty("part", "log")
        self.setModel(model)
        self.setItemDelegate(LogRow(self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.verticalScrollBar().setSingleStep(Size.LOG_ROW)
        self._model = model
        self.copy = copy = QAction("Copy lines", self)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self._copy)
        self.addAction(copy)

    def _copy(self) -> None:
        rows = [index.row() for index in self.selectionModel().selectedRows()]
        if rows:
            QGuiApplication.clipboard().setText(self._model.text(min(rows), max(rows)))


class Tabs(QTabBar):
    """Tabs of names, each with an id."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFont(theme.font(Type.SMALL_STRONG))

    def offer(self, items: Sequence[tuple[str, str]]) -> None:
        """Show these (id, name); the current one stays so, or becomes the first where it is gone."""
        if items == [(self.tabData(place), self._name(place)) for place in range(self.count())]:
            return
        current = self.current()
        self.blockSignals(True)
        while self.count() > len(items):
            self.removeTab(self.count() - 1)
        for place, (id, name) in enumerate(items):
            # A single ampersand would become a short cut.
            text = name.replace("&", "&&")
            if place >= self.count():
                self.addTab(text)
            self.setTabText(place, text)
            self.setTabData(place, id)
        self.blockSignals(False)
        self.choose(current)

    def choose(self, id: str) -> None:
        """Make a tab the current one."""
        place = next((place for place in range(self.count()) if self.tabData(place) == id), 0)
        if place != self.currentIndex():
            self.setCurrentIndex(place)
        else:
            self.currentChanged.emit(place)

    def current(self) -> str:
        """The id of the current tab; empty where there is none."""
        return str(self.tabData(self.currentIndex()) or "")

    def tabSizeHint(self, index: int) -> QSize:
        return QSize(theme.metrics(Type.SMALL_STRONG).horizontalAdvance(self._name(index)) + 28, 28)

    def minimumTabSizeHint(self, index: int) -> QSize:
        return self.tabSizeHint(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        pointer = self.mapFromGlobal(self.cursor().pos())
        for place in range(self.count()):
            box = self.tabRect(place).adjusted(0, 0, -4, 0)
            chosen = place == self.currentIndex()
            if chosen or box.contains(pointer):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(Colour.BG3 if chosen else Colour.BG2))
                painter.drawRoundedRect(QRectF(box), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            if chosen and self.hasFocus():
                painter.setPen(theme.pen(Colour.ACCENT, 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            painter.setPen(theme.colour(Colour.TEXT if chosen else Colour.TEXT2))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._name(place))
        painter.end()

    def _name(self, place: int) -> str:
        return self.tabText(place).replace("&&", "&")


class LogPane(QWidget):
    """What the launched nodes say, one of them at a time."""

    chosen = Signal(str)
    """`Child.id` of the tab that was chosen."""

    def __init__(self, launch: Button) -> None:
        """Make an empty pane; `launch` is offered while no node was launched."""
        super().__init__()
        self.setProperty("part", "dark")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = LogModel(self)
        self.list = LogList(self.model)
        self.tabs = Tabs("Log of")
        self.follow = Button("Following", kind=Kind.QUIET)
        self._children: dict[str, Child] = {}
        self._shown: Child | None = None
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
        self.follow.clicked.connect(self.follow_newest)
        bar = self.list.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._stretched)
        end = QAction("Follow the newest line", self.list)
        end.setShortcut(QKeySequence(Qt.Key.Key_End))
        end.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        end.triggered.connect(self.follow_newest)
        self.list.addAction(end)
        self.commands = (self.list.copy, end)
        """For the register of actions."""
        self._show_following()

    def refresh(self, children: Sequence[Child], *, choose: str = "") -> None:
        """Show a tab for each of these, and the lines that are new in the current one; `choose` another one."""
        self._children = {child.id: child for child in children}
        self.tabs.offer([(child.id, wording.name(child.spec.name)) for child in children])
        if choose in self._children:
            self.tabs.choose(choose)
        if self.tabs.current() not in self._children or self._shown is not self._children[self.tabs.current()]:
            self._choose()
        self.sync()

    def sync(self) -> None:
        """Take what the current node said since the last look."""
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

    def _choose(self) -> None:
        child = self._children.get(self.tabs.current())
        if child is not self._shown:
            self._shown = child
            self._moving = True
            self.model.show(child.log if child is not None else None)
            self._moving = False
            self.follow_newest()
            if child is not None:
                self.chosen.emit(child.id)
        self._turn()

    def _turn(self) -> None:
        """Show the page that fits what there is."""
        some = self.model.rowCount() > 0
        if self._shown is not None and not some:
            self._silent.say("It said nothing." if self._shown.state is ChildState.EXITED else "It says nothing yet.")
        page = 0 if self._shown is None else 2 if some else 1
        if page != self.stack.currentIndex():
            self.stack.setCurrentIndex(page)
        self.tabs.setVisible(self._shown is not None)
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
            describe(self.follow, "Following the newest line")
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
        row.setSpacing(16)
        row.addWidget(Label("Log", Type.SECTION))
        row.addWidget(self.tabs)
        row.addStretch(1)
        row.addWidget(self.follow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(Divider())
        column.addWidget(self.stack, 1)
