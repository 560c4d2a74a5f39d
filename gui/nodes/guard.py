"""What the window says of those who are kept out of the mesh: one banner, and a word in the status bar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from gui.nodes import strangers
from gui.tokens import Colour

if TYPE_CHECKING:
    from gui.views import Context

KEY = "strangers"


class GuardNews(QObject):
    """Tells of them while any view is open; the window has it look once a second."""

    show_node = Signal(str)
    """The id of the node whose details somebody wants to see."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._desk = context.desk
        self._banners = context.banners
        self._details = QAction("Details of this console", self)
        self._details.triggered.connect(lambda: self.show_node.emit(self._desk.node_id))

    def look(self) -> str:
        """Bring the banner up to date; returns the newest of it in a few words, or nothing."""
        recent = strangers.news(self._desk.mesh(), int(time.time() * 1000))
        if recent:
            self._banners.show(
                KEY,
                strangers.headline(recent),
                strangers.account(recent),
                acts=(self._details,),
                tone=Colour.WARN,
            )
        else:
            self._banners.drop(KEY)
        return strangers.brief(recent)
