"""The window: rail, top bar, the views with one of them visible, status bar."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from gui import wording
from gui.frame.banner import Banners
from gui.frame.rail import Rail, RailButton
from gui.frame.status_bar import StatusBar
from gui.frame.top_bar import OperatorButton, TopBar
from gui.frame.trail import Trail
from gui.views import Changes, Context, View
from gui.widgets.labels import entry
from gui.widgets.mark import window_icon
from gui.widgets.panes import Divider

if TYPE_CHECKING:
    from gui.actions import Actions
    from gui.bridge import Pace
    from server.desk import Desk


class MainWindow(QMainWindow):
    """The frame around the views. It is the bridge's screen: what changed goes to the visible view only."""

    SIZE = QSize(1440, 900)
    closing = Signal()
    """The person has closed the window. What that ends, `main` decides."""

    reported = Signal()
    """Something was reported, or is worked on otherwise than before."""

    looked = Signal()
    """Nodes or launched nodes have changed, or a second is over; for what concerns every view."""

    def __init__(self, desk: Desk, pace: Pace) -> None:
        super().__init__()
        self._desk = desk
        self._pace = pace
        self.banners = Banners(self)
        self._shown: dict[View, QAction] = {}
        """The views in the order of the rail, each with the action that shows it."""
        self.setWindowTitle(f"Switchboard – {desk.name}")
        self.setWindowIcon(window_icon())
        self.setMinimumSize(QSize(960, 600))
        self.resize(self.SIZE)

    def fit_screen(self) -> None:
        """Be within the screen, as far as the least size allows: a new one may be smaller, or be drawn larger."""
        room = self.screen().availableGeometry()
        if room.contains(self.geometry()) or self.isMaximized() or self.isFullScreen():
            return
        self.resize(self.size().boundedTo(room.size()))
        left, top = room.right() - self.width() + 1, room.bottom() - self.height() + 1
        self.move(max(room.left(), min(self.x(), left)), max(room.top(), min(self.y(), top)))

    def furnish(self, context: Context, views: Sequence[View]) -> None:
        """Put the views in; done once."""
        operator = self._desk.operator
        actions = context.actions
        self.rail = Rail()
        self.top_bar = TopBar(
            self._desk.url, actions, OperatorButton(operator.name, operator.role, self._operator_menu(actions))
        )
        self.trail = Trail(self.show_view, actions.go_back, actions.go_forward)
        self.status_bar = StatusBar()
        self._stack = QStackedWidget()
        for number, view in enumerate(views, start=1):
            action = actions.view(view.title, number, view.icon)
            self.rail.add(action, view.icon)
            self._shown[view] = action
            self._stack.addWidget(view)
            action.triggered.connect(partial(self.show_view, view))
            view.moved.connect(partial(self._moved, view))
        self.rail.add_below(actions.keys, "question")
        self.rail.add_below(actions.settings, "gear-six")
        middle = QVBoxLayout()
        for part in (self.top_bar, Divider(), self.banners.strip, self._stack):
            middle.addWidget(part)
        upper = QHBoxLayout()
        upper.addWidget(self.rail)
        upper.addWidget(Divider(Qt.Orientation.Vertical))
        upper.addLayout(middle, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.addLayout(upper, 1)
        column.addWidget(Divider())
        column.addWidget(self.status_bar)
        for layout in (middle, upper, column):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
        self.setCentralWidget(whole)
        actions.filter.triggered.connect(lambda: self.view.focus_filter())
        actions.back.triggered.connect(lambda: self.view.step_back())
        actions.next_pane.triggered.connect(self._next_pane)
        self.show_view(views[0])

    @property
    def views(self) -> Sequence[View]:
        """All of them, in the order of the rail."""
        return list(self._shown)

    @property
    def view(self) -> View:
        """The visible view."""
        return list(self._shown)[self._stack.currentIndex()]

    def button(self, view: View) -> RailButton:
        """The button of a view in the rail."""
        return self.rail.button(self._shown[view])

    def show_view(self, view: View, _checked: bool = True) -> None:
        """Show a view and bring it up to date."""
        self._shown[view].setChecked(True)
        self._stack.setCurrentWidget(view)
        self.top_bar.title.say(view.title)
        self.flush(Changes.whole())
        view.focus_first()
        self.trail.note(view)

    def _moved(self, view: View) -> None:
        if view is self.view:
            self.trail.note(view)

    def _operator_menu(self, actions: Actions) -> QMenu:
        """What concerns the person at this console."""
        operator = self._desk.operator
        menu = QMenu(self)
        who = menu.addAction(entry(f"{wording.name(operator.name)}, {operator.role}"))
        who.setEnabled(False)
        menu.addSeparator()
        menu.addActions(actions.looks)
        menu.addSeparator()
        menu.addActions([actions.settings, actions.keys])
        return menu

    def _next_pane(self) -> None:
        panes = [pane for pane in self.view.panes() if pane.isVisible() and pane.isEnabled()]
        if panes:
            held = next((place for place, pane in enumerate(panes) if pane.hasFocus()), -1)
            panes[(held + 1) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)

    def watched(self) -> bool:
        return self.isVisible() and not self.isMinimized()

    def flush(self, changes: Changes) -> None:
        view = self.view
        view.refresh(changes)
        self.top_bar.sentence.say(view.sentence())
        if changes.second or changes.nodes or changes.children:
            now = int(time.time() * 1000)
            self.status_bar.show_health(self._desk.health(), self._desk.nodes(), self._desk.outages(), now)
            self.looked.emit()
        if changes.reports or changes.all:
            self.reported.emit()
        if changes.second:
            self.status_bar.show_pace(self._pace.flushes, self._pace.slowed)
            self.status_bar.show_clock(int(time.time() * 1000))

    def levels(self) -> None:
        self.view.refresh_levels()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closing.emit()
        super().closeEvent(event)
