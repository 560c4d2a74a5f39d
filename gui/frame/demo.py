"""A demo as the window tells of it: its title says so, and a button at the top ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui.widgets.buttons import Button

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from gui.views import Context
    from server.demo.stage import Stage

KEY = "Ctrl+Shift+E"


class DemoNote(QObject):
    """Says that what is shown is a demo, for as long as it is one."""

    def __init__(self, context: Context, window: MainWindow, stage: Stage) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self._stage = stage
        self._title = window.windowTitle()
        window.setWindowTitle(f"{self._title} (demo)")
        self.action = context.actions.make("End the demo", KEY, icon="power", act=self._start_to_end)
        self.button = Button.of(self.action, text="End demo", icon="power", show_key=False)
        window.top_bar.insert(self.button)
        context.tasks.start(self._watch(), "watch the demo")

    def _start_to_end(self) -> None:
        self.action.setEnabled(False)
        self._context.tasks.start(self._end(), "end the demo")

    async def _end(self) -> None:
        await self._stage.end()
        self.action.setVisible(False)
        self.button.hide()
        self._window.setWindowTitle(self._title)
        self._context.toasts.say(
            "The demo has ended", "Its people have left and its nodes are stopped. This node goes on.", icon="power"
        )

    async def _watch(self) -> None:
        await self._stage.over()
        if self.action.isEnabled():
            self._context.toasts.warn("The people of the demo have left. The log of this console says why.")
