"""What opens over the window at a key: palette, list of keys, settings, what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QActionGroup

from gui import wording
from gui.appearance import Look
from gui.frame.finder import Finder, Places
from gui.frame.keys import KeySheet
from gui.frame.news import News, NewsPanel
from gui.frame.palette import Palette
from gui.frame.settings import SettingsSheet
from gui.widgets.buttons import Button
from gui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from gui.views import Context

RECENT = "palette/recent"
LOOK = "look"
RATE = "rate"


class Overlays(QObject):
    """Makes them when they are wanted, one sheet at a time, and keeps what was chosen in them."""

    def __init__(self, window: MainWindow, context: Context, places: Places) -> None:
        """Connect the actions; `places` is how the palette goes somewhere."""
        super().__init__(window)
        self._window = window
        self._context = context
        self._sheet: Sheet | None = None
        state = context.state
        nothing: list[str] = []
        self.finder = Finder(context.desk, context.actions, places, state.value(RECENT, nothing))
        self.palette = Palette(window, self.finder)
        self.news = News(self)
        self.panel = NewsPanel(window, self.news)
        context.toasts.said.connect(self.news.note)
        context.banners.said.connect(self.news.note)
        context.banners.dropped.connect(self.news.close)
        self.news.came.connect(lambda: window.top_bar.bell.count(self.news.unseen))
        self._connect()

    def save(self) -> None:
        """Put what was chosen into the state."""
        state = self._context.state
        state.put(RECENT, [key for key in self.finder.recent if key.startswith("command:")])
        state.put(LOOK, str(self._context.appearance.look))
        state.put(RATE, self._context.bridge.pace.rate)

    def open_palette(self, text: str = "") -> None:
        """Open the palette with this typed into it."""
        view = self._window.view
        self.palette.open(text, wording.name(view.place()) if view.subject() is not None else "")

    def _connect(self) -> None:
        actions, appearance = self._context.actions, self._context.appearance
        actions.search.triggered.connect(lambda: self.open_palette())
        actions.news.triggered.connect(self.panel.open)
        actions.keys.triggered.connect(self._show_keys)
        actions.settings.triggered.connect(self._show_settings)
        actions.reset_layout.triggered.connect(self._context.state.reset_layout)
        group = QActionGroup(self)
        for action, look in zip(actions.looks, Look, strict=True):
            action.setCheckable(True)
            action.setChecked(look is appearance.look)
            group.addAction(action)
            action.triggered.connect(lambda _=False, look=look: appearance.choose(look))
        appearance.changed.connect(self._look_changed)

    def _look_changed(self) -> None:
        for action, look in zip(self._context.actions.looks, Look, strict=True):
            action.setChecked(look is self._context.appearance.look)

    def _show_keys(self) -> None:
        self.open_sheet(KeySheet(self._window, self._context.actions.commands(), self._window.view.title))

    def _show_settings(self) -> None:
        reset = Button.of(self._context.actions.reset_layout)
        context = self._context
        told = context.desk.settings()
        self.open_sheet(SettingsSheet(self._window, context.appearance, context.bridge, reset, told))

    def open_sheet(self, sheet: Sheet) -> None:
        """Open a sheet, unless there is one already."""
        if self._sheet is not None:
            sheet.deleteLater()
            return

        def close(_: int) -> None:
            self._sheet = None
            self.save()

        sheet.finished.connect(close)
        self._sheet = sheet
        sheet.open()
