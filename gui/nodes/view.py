"""The Nodes view: the table of nodes above, the log of the launched ones below."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QMenu, QSplitter, QVBoxLayout, QWidget

from gui import wording
from gui.nodes.log import LogPane
from gui.nodes.model import NodesModel
from gui.nodes.rows import NodeRow, merge, sentence, total
from gui.nodes.stop import StopSheet
from gui.nodes.table import INDENT, TOTALS_ROW, NodeTable, Tool, TotalsRow
from gui.tokens import Colour, Size, Type
from gui.views import Changes, Context, View
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label
from gui.widgets.panes import Divider, PaneHeader
from server.child import Child

NOTE_ROW = 28
NODES_SHARE = 0.62
"""How much of the view the table takes at most, until somebody moves the line between it and the log."""


class NodesView(View):
    """Every node of the cluster; those launched from here can be stopped and heard."""

    title = "Nodes"
    icon = "share-network"

    def __init__(self, context: Context) -> None:
        """Make the view; `refresh` fills it."""
        super().__init__()
        self._context = context
        self._rows: list[NodeRow] = []
        self._met: set[str] = set()
        self._sheet: StopSheet | None = None
        self._shared_by_hand = False
        self.model = NodesModel(self)
        self.table = NodeTable(self.model)
        self.totals = TotalsRow(self.table)
        self.log = LogPane(Button.of(context.actions.launch, icon="plus"))
        for action in self.log.commands:
            context.actions.enter(action, self.title)
        self.header = PaneHeader("Nodes")
        self.header.controls.addWidget(Button.of(context.actions.launch, kind=Kind.PRIMARY, icon="plus"))
        self.stop = self._action("Stop or remove node", "Del", self._stop_selected)
        self.copy = self._action("Copy address of node", QKeySequence.StandardKey.Copy, self._copy_selected)
        self.table.used.connect(self._use)
        self.table.asked.connect(self._ask)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_log_of_selected())
        self._lay_out()

    def go(self, place: str) -> None:
        """Select a node."""
        self.table.select(place)

    def sentence(self) -> str:
        return sentence(self._rows)

    def refresh(self, changes: Changes) -> None:
        launched = self._context.launcher.children
        if changes.all or changes.second or changes.nodes or changes.children:
            self._rows = merge(self._context.desk.nodes(), launched, int(time.time() * 1000))
            self.model.follow(self._rows)
            self.totals.say(total(self._rows))
            self.header.count.say(wording.count(len(self._rows)))
            self.note.setVisible(any(row.stoppable for row in self._rows))
            self._share()
            self._count_sessions()
        fresh = [child for child in launched if child.id not in self._met]
        if changes.all or changes.children or fresh:
            self._met = {child.id for child in launched}
            begun = [child.id for child in fresh if not child.earlier]
            self.log.refresh(launched, choose=begun[-1] if begun else "")
            if begun:
                self.table.select(begun[-1])
        elif changes.logs:
            self.log.sync()

    def focus_first(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def step_back(self) -> None:
        self.table.clearSelection()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """Give the table the height of its rows, up to a share of the view, and the log what is left."""
        rows = self.table.height_of_rows()
        if self.table.maximumHeight() != rows:
            self.table.setMaximumHeight(rows)
        wanted = Size.PANE_HEADER + 1 + rows + TOTALS_ROW + (0 if self.note.isHidden() else NOTE_ROW)
        if self._nodes.maximumHeight() != wanted:
            self._nodes.setMaximumHeight(wanted)
        if not self._shared_by_hand and self.height():
            upper = min(wanted, round(self.height() * NODES_SHARE))
            if self.splitter.sizes()[0] != upper:
                self.splitter.setSizes([upper, self.height() - upper - 1])

    def _shared(self) -> None:
        self._shared_by_hand = True

    def _stop_selected(self) -> None:
        row = self.model.find(self.table.selected())
        if row is not None and (row.stoppable or row.removable):
            self._use(row.id, Tool.STOP if row.stoppable else Tool.REMOVE)

    def _copy_selected(self) -> None:
        if id := self.table.selected():
            self._use(id, Tool.COPY)

    def _use(self, id: str, tool: Tool) -> None:
        """Do what a tool of the row with this id says."""
        row = self.model.find(id)
        if row is None:
            return
        if tool is Tool.COPY:
            if row.url:
                QGuiApplication.clipboard().setText(row.url)
                self._context.toasts.say(f"Address of {wording.within(row.name)} copied", row.url, icon="copy")
            return
        child = next((child for child in self._context.launcher.children if child.id == row.child), None)
        if child is None:
            return
        if tool is Tool.REMOVE:
            self._context.launcher.forget(child)
        elif row.stoppable and row.sessions:
            self._confirm(row, child)
        elif row.stoppable:
            self._stop(child)

    def _confirm(self, row: NodeRow, child: Child) -> None:
        if self._sheet is not None:
            return
        sheet = StopSheet(self.window(), row.name, row.sessions, self._context.config.drain_seconds)
        sheet.setProperty("row", row.id)

        def close(result: int) -> None:
            self._sheet = None
            sheet.deleteLater()
            if result:
                self._stop(child)

        sheet.finished.connect(close)
        self._sheet = sheet
        sheet.open()

    def _count_sessions(self) -> None:
        if self._sheet is not None:
            row = self.model.find(str(self._sheet.property("row")))
            self._sheet.count(row.sessions if row is not None else 0)

    def _stop(self, child: Child) -> None:
        async def stop() -> None:
            await self._context.launcher.stop(child)
            self._context.toasts.say(f"{wording.within(child.spec.name)} stopped", icon="power")

        self._context.tasks.start(stop(), f"stop {wording.name(child.spec.name)}")

    def _ask(self, id: str, place: QPoint) -> None:
        """Open the menu of a row. What is chosen there acts on the row for which it was opened."""
        row = self.model.find(id)
        if row is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        name = wording.name(row.name).replace("&", "&&")
        if row.url:
            menu.addAction(f"Copy address of {name}").triggered.connect(lambda: self._use(id, Tool.COPY))
        if row.stoppable:
            menu.addAction(f"Stop {name}").triggered.connect(lambda: self._use(id, Tool.STOP))
        if row.removable:
            menu.addAction(f"Remove {name}").triggered.connect(lambda: self._use(id, Tool.REMOVE))
        menu.popup(place)

    def _show_log_of_selected(self) -> None:
        row = self.model.find(self.table.selected())
        if row is not None and row.child:
            self.log.tabs.choose(row.child)

    def _action(self, text: str, key: str | QKeySequence.StandardKey, act: object) -> QAction:
        made = self._context.actions.make(text, key, group=self.title, scope=Qt.ShortcutContext.WidgetShortcut)
        made.triggered.connect(act)
        self.table.addAction(made)
        return made

    def _lay_out(self) -> None:
        self._nodes = QWidget()
        column = QVBoxLayout(self._nodes)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.note = Label("Stopping a node drains it: its clients are asked to move.", Type.SMALL, Colour.TEXT3)
        self.note.setContentsMargins(INDENT, 0, Size.PADDING, 12)
        self.note.setFixedHeight(NOTE_ROW)
        for part in (self.header, Divider(), self.table, self.totals, self.note):
            column.addWidget(part)
        column.setStretch(2, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._nodes)
        self.splitter.addWidget(self.log)
        self.splitter.setStretchFactor(0, 0)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.splitterMoved.connect(self._shared)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.splitter)
