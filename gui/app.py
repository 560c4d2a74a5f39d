"""Opens the console: puts bridge, tasks, actions and views around a node, and says when the window is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication

from gui.actions import Actions
from gui.appearance import Appearance
from gui.bridge import Bridge
from gui.main_window import MainWindow
from gui.moderation import Moderation
from gui.nodes.launch import LaunchDialog
from gui.nodes.view import NodesView
from gui.rooms.view import RoomsView
from gui.tasks import Tasks
from gui.views import Context
from gui.widgets.toast import Toasts

if TYPE_CHECKING:
    from server.config import Config
    from server.desk import Desk
    from server.launcher import Launcher


class Console:
    """An open window on a node."""

    def __init__(self, desk: Desk, launcher: Launcher, config: Config, appearance: Appearance) -> None:
        self.appearance = appearance
        bridge = Bridge(desk, launcher)
        self.window = MainWindow(desk, bridge.pace)
        toasts = Toasts(self.window)
        tasks = Tasks(asyncio.get_running_loop(), toasts.warn)
        actions = Actions(self.window)
        self.context = Context(
            desk=desk,
            launcher=launcher,
            config=config,
            bridge=bridge,
            tasks=tasks,
            actions=actions,
            moderation=Moderation(desk, tasks, toasts, self.window),
            toasts=toasts,
            banners=self.window.banners,
        )
        self._closed = asyncio.Event()
        self.rooms = RoomsView(self.context)
        self.nodes = NodesView(self.context)
        self.window.furnish(self.context, (self.rooms, self.nodes))
        self.window.closing.connect(self._closed.set)
        actions.copy_address.triggered.connect(lambda: QGuiApplication.clipboard().setText(desk.url))
        actions.open_client.triggered.connect(lambda: QDesktopServices.openUrl(QUrl(desk.http)))
        actions.launch.triggered.connect(self._launch)
        bridge.start(self.window)

    async def closed(self) -> None:
        """Wait until the person has closed the window."""
        await self._closed.wait()

    async def close(self) -> None:
        """Take the window down: no more looks at the node, no task left. Safe to call twice."""
        self.context.bridge.stop()
        await self.context.tasks.stop()
        self.appearance.stop()
        self.window.close()

    def _launch(self) -> None:
        dialog = LaunchDialog(self.context, self.window)
        dialog.launched.connect(lambda _: self.window.show_view(self.nodes))
        dialog.finished.connect(lambda _: dialog.deleteLater())
        dialog.open()


def open_console(desk: Desk, launcher: Launcher, config: Config) -> Console:
    """Open the window; to be called on the running loop that also serves the node.

    Args:
        desk: Of a node that is started.
        launcher: Of the nodes that the window launches.
        config: What this node was told.

    Returns:
        The console; await its `closed`, then its `close`.
    """
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    console = Console(desk, launcher, config, Appearance(app))
    console.window.show()
    console.window.activateWindow()
    return console
