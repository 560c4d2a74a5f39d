"""Opens the console: puts bridge, tasks, actions and views around a node, and says when the window is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication

from gui import theme, wording
from gui.actions import Actions
from gui.appearance import Appearance, Look
from gui.audit.view import AuditView
from gui.bridge import Bridge
from gui.flow.view import FlowView
from gui.frame.demo import DemoNote
from gui.frame.exposure import ExposureNews
from gui.frame.finder import Places
from gui.frame.join import JoinSheet
from gui.frame.keeping import KeepingNews
from gui.frame.overlays import LOOK, RATE, Overlays
from gui.main_window import MainWindow
from gui.moderation import Moderation
from gui.nodes.alarms import AlarmNews
from gui.nodes.guard import GuardNews
from gui.nodes.launch import LaunchDialog
from gui.nodes.news import NodeNews
from gui.nodes.peers import PeersSheet
from gui.nodes.view import NodesView
from gui.reports.news import ReportNews
from gui.reports.view import ReportsView
from gui.rooms.view import RoomsView
from gui.state import State
from gui.tasks import Tasks
from gui.tokens import Rate
from gui.undo import Undo
from gui.views import Context
from gui.widgets.toast import Toasts

if TYPE_CHECKING:
    from server.config import Config
    from server.demo.stage import Stage
    from server.desk import Desk
    from server.launcher import Launcher


VIEW = "view"


class Console:
    """An open window on a node."""

    def __init__(
        self,
        desk: Desk,
        launcher: Launcher,
        config: Config,
        appearance: Appearance,
        state: State,
        stage: Stage | None,
    ) -> None:
        self.appearance = appearance
        bridge = Bridge(desk, launcher, state.value(RATE, Rate.FLUSH))
        self.window = MainWindow(desk, bridge.pace)
        toasts = Toasts(self.window)
        tasks = Tasks(asyncio.get_running_loop(), toasts.warn)
        actions = Actions(self.window)
        undo = Undo(actions.undo, tasks, toasts, self.window)
        for action in (actions.join, actions.peers):
            action.setEnabled(bool(desk.bus_address))
        self.context = Context(
            desk=desk,
            launcher=launcher,
            config=config,
            bridge=bridge,
            tasks=tasks,
            actions=actions,
            moderation=Moderation(desk, tasks, toasts, undo, self.window),
            undo=undo,
            toasts=toasts,
            banners=self.window.banners,
            appearance=appearance,
            state=state,
        )
        self._closed = asyncio.Event()
        self._ended = False
        self.rooms = RoomsView(self.context)
        self.nodes = NodesView(self.context)
        self.flow = FlowView(self.context)
        self.audit = AuditView(self.context)
        self.reports = ReportsView(self.context)
        self.window.furnish(self.context, (self.rooms, self.nodes, self.flow, self.audit, self.reports))
        self.overlays = Overlays(self.window, self.context, self._places())
        self._restore()
        self.window.closing.connect(self._closed.set)
        self.news = NodeNews(self.context)
        self.news.restart.connect(self.nodes.restart_child)
        self.news.show_log.connect(lambda child: self._show_node(child, log=True))
        self.news.show_node.connect(lambda node: self._show_node(node, log=False))
        self.alarms = AlarmNews(self.context)
        self.alarms.show_node.connect(self._show_details)
        self.exposure = ExposureNews(desk, self.context.banners)
        self.keeping = KeepingNews(desk, self.context.banners)
        self.guard = GuardNews(self.context)
        self.guard.show_node.connect(self._show_details)
        self.report_news = ReportNews(self.context, self.window.button(self.reports))
        self.window.reported.connect(self.report_news.look)
        self.window.looked.connect(self._tell_news)
        actions.copy_address.triggered.connect(lambda: QGuiApplication.clipboard().setText(desk.url))
        actions.open_client.triggered.connect(lambda: QDesktopServices.openUrl(QUrl(desk.http)))
        actions.launch.triggered.connect(self._launch)
        actions.join.triggered.connect(lambda: self.overlays.open_sheet(JoinSheet(self.context, self.window)))
        actions.peers.triggered.connect(lambda: self.overlays.open_sheet(PeersSheet(self.context, self.window)))
        if stage is not None:
            self.demo = DemoNote(self.context, self.window, stage)
        bridge.start(self.window)

    async def closed(self) -> None:
        """Wait until the person has closed the window."""
        await self._closed.wait()

    async def close(self) -> None:
        """Take the window down: no more looks at the node, no task left. Safe to call twice."""
        self.context.bridge.stop()
        self.news.stop()
        self.nodes.stop_listening()
        await self.context.tasks.stop()
        self.window.close()
        if not self._ended:
            self._ended = True
            self.appearance.stop()
            self.overlays.save()
            self.context.state.put(VIEW, self.window.view.title)
            self.context.state.save()

    def _places(self) -> Places:
        def member(room: str, session: str) -> None:
            self.window.show_view(self.rooms)
            self.rooms.show_member(room, session)

        def room(name: str) -> None:
            self.window.show_view(self.rooms)
            self.rooms.show_member(name, "")

        def node(id: str) -> None:
            self.window.show_view(self.nodes)
            self.nodes.go(id)

        return Places(member, room, node, lambda: self.window.view)

    def _restore(self) -> None:
        """Have the window as it was when it was closed."""
        state = self.context.state
        if QGuiApplication.platformName() != "offscreen":  # there is no screen into which it would be fitted
            state.keep("window", self.window, lambda: self.window.resize(MainWindow.SIZE))
            self.window.fit_screen()
        last = state.value(VIEW, "")
        for view in self.window.views:
            if view.title == last:
                self.window.show_view(view)

    def _tell_news(self) -> None:
        wrong = self.news.look()
        self.nodes.rolling.look()
        self.nodes.leaving.look()
        words = f"{wording.plural(wrong, 'node')} lost or late" if wrong else ""
        self.window.button(self.nodes).count(wrong, words)
        alarm, stranger = self.alarms.look(), self.guard.look()
        self.window.status_bar.show_alarm(alarm or stranger)
        self.exposure.look()
        self.keeping.look()

    def _show_node(self, id: str, *, log: bool) -> None:
        self.window.show_view(self.nodes)
        self.nodes.show_row(id, log=log)

    def _show_details(self, node: str) -> None:
        self.window.show_view(self.nodes)
        self.nodes.show_details(node)

    def _launch(self) -> None:
        dialog = LaunchDialog(self.context, self.window)
        dialog.launched.connect(lambda _: self.window.show_view(self.nodes))
        dialog.open()


def open_console(desk: Desk, launcher: Launcher, config: Config, stage: Stage | None = None) -> Console:
    """Open the window; to be called on the running loop that also serves the node.

    Args:
        desk: Of a node that is started.
        launcher: Of the nodes that the window launches.
        config: What this node was told.
        stage: Of the demo that the window shows, if any.

    Returns:
        The console; await its `closed`, then its `close`.
    """
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    state = State(config.data_dir)
    look = state.value(LOOK, str(Look.SYSTEM))
    appearance = Appearance(app, Look(look) if look in list(Look) else Look.SYSTEM)
    console = Console(desk, launcher, config, appearance, state, stage)
    theme.dress(app)
    console.window.show()
    console.window.activateWindow()
    return console
