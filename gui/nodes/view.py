"""The Nodes view: the drawing of the mesh beside the table of nodes, and below what they say."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from gui import wording
from gui.nodes.copies import marked
from gui.nodes.details import NARROW, WIDTH, NodeDetails
from gui.nodes.leaving import DrainNews
from gui.nodes.lines import Source
from gui.nodes.log import ALL, LogPane
from gui.nodes.mesh import Mesh, up
from gui.nodes.model import NodesModel
from gui.nodes.rolling import Rolling
from gui.nodes.rows import NodeRow, Standing, merge, sentence, total
from gui.nodes.table import INDENT, NodeTable, Tool, TotalsRow
from gui.nodes.tending import Tending
from gui.tokens import Colour, Size, Type
from gui.views import Changes, Context, View
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label
from gui.widgets.panes import Divider, PaneHeader
from server import journal
from server.childlog import LogRing

NOTE_ROW = 28
MESH_SHARE = 0.46
"""How much of the width the drawing takes where it stands beside the table."""
BESIDE = 880
"""From this width on they stand beside each other."""
TABLE_LEAST = 620
LOG_SHARE = 0.31
"""How much of the height the log takes, until somebody moves the line above it."""
MESH_HEIGHT = 250
"""How high the drawing is where it stands above the table."""
MESH_LOW = 190
"""The same beside the details of a node."""
LOG_LEAST = 120
OWN = "console"
"""The id of the log of this console."""


class NodesView(View):
    """Every node of the cluster; those launched from here can be stopped, restarted and heard."""

    title = "Nodes"
    icon = "share-network"

    def __init__(self, context: Context) -> None:
        """Make the view; `refresh` fills it."""
        super().__init__()
        self._context = context
        self._rows: list[NodeRow] = []
        self._met: set[str] = set()
        self._shared_by_hand = False
        self.own_log = LogRing()
        self.stop_listening = journal.listen(self.own_log)
        self.model = NodesModel(self)
        self.table = NodeTable(self.model)
        self.totals = TotalsRow(self.table)
        self.mesh = Mesh()
        self.tending = Tending(context, self)
        self.rolling = Rolling(context, self)
        self.leaving = DrainNews(context, self.tending, self.rolling)
        self.details = NodeDetails(context)
        self.details.closed.connect(self._close_details)
        launch = context.actions.launch
        self.log = LogPane(
            Button.of(launch, icon="plus"), context.actions.make, Source(OWN, context.desk.name, self.own_log)
        )
        self.mesh_header = PaneHeader("Mesh")
        self.mesh_header.count.hide()
        self.legend = Label("Circle: sessions   Ring: CPU   Line: rate and round trip", Type.CAPTION, Colour.TEXT2)
        self.mesh_header.controls.addWidget(self.legend)
        self.header = PaneHeader("Nodes")
        self.stop = self._action("Stop or remove node", "Del", self._stop_selected, icon="power", danger=True)
        self.restart = self._action(
            "Restart node", "R", lambda: self._use_selected(Tool.RESTART), icon="arrow-clockwise"
        )
        self.copy = self._action(
            "Copy address of node",
            QKeySequence.StandardKey.Copy,
            lambda: self._use_selected(Tool.COPY),
            icon="copy",
        )
        self.drain = self._action("Drain node", "D", lambda: self._use_selected(Tool.DRAIN), icon="sign-out")
        self.keep = self._action(
            "Cancel drain of node",
            "Shift+D",
            lambda: self._use_selected(Tool.KEEP),
            icon="arrow-counter-clockwise",
        )
        self.roll = self._action("Restart nodes one by one", "Shift+R", self.rolling.ask, icon="arrow-clockwise")
        self.open_log = self._action("Show log of node", "Return", self._open_log, icon="terminal-window")
        self.look_closer = self._action("Details of node", "I", self._toggle_details, icon="info")
        self.header.controls.addWidget(Button.of(self.roll, icon="arrow-clockwise", text="Roll", show_key=False))
        self.header.controls.addWidget(Button.of(self.look_closer, icon="info", text="Details"))
        self.header.controls.addWidget(Button.of(launch, kind=Kind.PRIMARY, icon="plus"))
        self.table.used.connect(self._use)
        self.table.asked.connect(self._ask)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._selected())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.mesh.select(self.table.selected()))
        self.mesh.chosen.connect(self.table.select)
        self.mesh.opened.connect(lambda _: self._open_log())
        self._lay_out()
        for key, splitter in (("nodes/mesh", self.upper), ("nodes/log", self.splitter)):
            kept = context.state.keep(key, splitter, self._share_anew, worth=self._is_worth_keeping)
            self._shared_by_hand |= kept

    def place(self) -> str:
        return self.table.selected()

    def go(self, place: str) -> None:
        """Select a node, by its id or that of its row."""
        self.show_row(place)

    def show_row(self, id: str, *, log: bool = False) -> None:
        """Select the row of a node, whose id or `Child.id` this is; with `log` what it says gets the keyboard."""
        row = next((row for row in self._rows if id in (row.id, row.node, row.child)), None)
        if row is not None:
            self.table.select(row.id)
            if log:
                self._open_log()

    def show_details(self, id: str) -> None:
        """Select the row of a node, and open its details."""
        self.show_row(id)
        self.details.show()
        self._show_details()
        self._share()

    def restart_child(self, id: str) -> None:
        """Start a launched node again that has ended; `id` is its `Child.id`."""
        self.tending.restart(id)

    def sentence(self) -> str:
        return sentence(self._rows)

    def refresh(self, changes: Changes) -> None:
        launched = self._context.launcher.children
        if changes.all or changes.second or changes.nodes or changes.children:
            self._look(figures=changes.all or changes.second or bool(changes.children))
        fresh = [child for child in launched if child.id not in self._met]
        if changes.all or changes.children or fresh:
            self._met = {child.id for child in launched}
            begun = [child.id for child in fresh if not child.earlier]
            self.log.refresh(launched, choose=begun[-1] if begun else "")
            if begun:
                self.table.select(begun[-1])
                if len(begun) > 1:
                    self.log.tabs.choose(ALL)
        elif changes.logs or changes.second:
            self.log.sync()

    def focus_first(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def panes(self) -> Sequence[QWidget]:
        return (self.mesh, self.table, self.details.body, self.log.list)

    def focus_filter(self) -> None:
        self.log.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def step_back(self) -> None:
        if self.log.search.text():
            self.log.search.clear()
        elif self.details.isVisible():
            self._close_details()
        else:
            self.table.clearSelection()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def _look(self, *, figures: bool) -> None:
        """Bring table and drawing up to date; the drawing at most once a second, or when a node stands otherwise."""
        desk, before = self._context.desk, list(map(_marks, self._rows))
        rows = merge(desk.nodes(), self._context.launcher.children, int(time.time() * 1000), desk.outages())
        self._rows = marked(rows, desk.copies() or ())
        self.model.follow(self._rows)
        self.totals.say(total(self._rows))
        self.header.count.say(wording.count(len(self._rows)))
        self.note.setVisible(any(row.stoppable for row in self._rows))
        if figures or before != list(map(_marks, self._rows)):
            self.mesh.follow(self._rows, desk.links())
            self.mesh_header.sentence.say(up(self.mesh.drawing))
        self._fit_table()
        if figures and self.details.isVisible():
            self._show_details()
        if asked := self.model.find(self.tending.asked):
            self.tending.count(asked.sessions)

    def _fit_table(self) -> None:
        rows = self.table.height_of_rows()
        if self.table.maximumHeight() != rows:
            self.table.setMaximumHeight(rows)

    def _share(self) -> None:
        """Put drawing and table beside or above each other, and give the log its share."""
        self.details.setFixedWidth(WIDTH if self.width() >= Size.WIDE else NARROW)
        width = self.width() - (self.details.width() if self.details.isVisibleTo(self) else 0)
        wide = width >= BESIDE
        orientation = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        self.legend.setVisible(width >= Size.WIDE)
        if self.upper.orientation() != orientation:
            self.upper.setOrientation(orientation)
            self._shared_by_hand = False
        if self._shared_by_hand or not self.height():
            return
        whole = self.layout()
        if whole is not None:
            whole.activate()
        log = max(LOG_LEAST, round(self.height() * LOG_SHARE)) if wide else LOG_LEAST
        self.splitter.setSizes([self.height() - log - 1, log])
        if wide:
            mesh = max(300, min(round(width * MESH_SHARE), width - TABLE_LEAST))
            self.upper.setSizes([mesh, width - mesh - 1])
        else:
            mesh = MESH_HEIGHT if width == self.width() else MESH_LOW
            self.upper.setSizes([mesh, self.height() - log - mesh - 2])

    def _share_anew(self) -> None:
        self._shared_by_hand = False
        self._share()

    def _is_worth_keeping(self) -> bool:
        return self._shared_by_hand and self.width() >= BESIDE

    def _shared(self) -> None:
        self._shared_by_hand = True

    def _selected(self) -> None:
        row = self.model.find(self.table.selected())
        if row is not None and row.child:
            self.log.tabs.choose(row.child)
        if self.details.isVisible():
            self._show_details()

    def _toggle_details(self) -> None:
        if self.details.isVisible():
            self._close_details()
        else:
            self.show_details(self.table.selected())

    def _close_details(self) -> None:
        self.details.hide()
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        self._share()

    def _show_details(self) -> None:
        """Bring the details up to date: those of the selected node, else of this one."""
        row = self.model.find(self.table.selected()) or next((row for row in self._rows if row.here), None)
        if row is not None:
            self.details.show_row(row)

    def _open_log(self) -> None:
        row = self.model.find(self.table.selected())
        if row is not None and (row.child or row.here):
            self.log.tabs.choose(row.child or OWN)
            self.log.list.setFocus(Qt.FocusReason.OtherFocusReason)
        elif row is not None:
            self._context.toasts.say(
                f"{wording.within(row.name)} was not launched from here", "Its log is where it was started."
            )

    def _stop_selected(self) -> None:
        row = self.model.find(self.table.selected())
        if row is not None and (row.stoppable or row.removable):
            self.tending.use(row, Tool.STOP if row.stoppable else Tool.REMOVE)

    def _use_selected(self, tool: Tool) -> None:
        if id := self.table.selected():
            self._use(id, tool)

    def _use(self, id: str, tool: Tool) -> None:
        row = self.model.find(id)
        if row is not None:
            self.tending.use(row, tool)

    def _ask(self, id: str, place: QPoint) -> None:
        row = self.model.find(id)
        if row is not None:
            menu = self.tending.menu(row)
            details = menu.addAction(f"Details of {wording.name(row.name)}".replace("&", "&&"))
            details.triggered.connect(lambda: self.show_details(id))
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)

    def _action(
        self, text: str, key: str | QKeySequence.StandardKey, act: object, *, icon: str, danger: bool = False
    ) -> QAction:
        made = self._context.actions.make(
            text, key, group=self.title, icon=icon, scope=Qt.ShortcutContext.WidgetShortcut, danger=danger
        )
        made.triggered.connect(act)
        self.table.addAction(made)
        self.mesh.addAction(made)
        return made

    def _lay_out(self) -> None:
        self.note = Label(
            "Draining and stopping move clients to other nodes. A restart keeps name, ports and identity.",
            Type.SMALL,
            Colour.TEXT3,
        )
        self.note.setMinimumWidth(0)
        self.note.setContentsMargins(INDENT, 0, Size.PADDING, 12)
        self.note.setFixedHeight(NOTE_ROW)
        self.upper = _splitter(
            Qt.Orientation.Horizontal,
            _column(self.mesh_header, Divider(), self.mesh),
            _column(self.header, Divider(), self.table, self.totals, self.note, stretch=True),
        )
        self.log.setMinimumHeight(LOG_LEAST)
        self.splitter = _splitter(Qt.Orientation.Vertical, self.upper, self.log)
        for splitter in (self.upper, self.splitter):
            splitter.splitterMoved.connect(self._shared)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.splitter, 1)
        whole.addWidget(self.details)


def _marks(row: NodeRow) -> tuple[str, Standing, int | None]:
    """What the drawing shows at once where it changes."""
    return row.id, row.standing, None if row.drain is None else row.drain.left


def _column(*parts: QWidget, stretch: bool = False) -> QWidget:
    made = QWidget()
    made.setMinimumSize(280, 120)
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in parts:
        column.addWidget(part)
    column.setStretch(2, 1)
    if stretch:
        column.addStretch(0)
    return made


def _splitter(orientation: Qt.Orientation, *parts: QWidget) -> QSplitter:
    made = QSplitter(orientation)
    made.setHandleWidth(1)
    made.setChildrenCollapsible(False)
    for part in parts:
        made.addWidget(part)
    return made
