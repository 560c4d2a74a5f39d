"""Whether a person is at a list, so that nothing moves under the pointer or the keys."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QAbstractItemView

from gui.tokens import Span


class Hold(QObject):
    """Watches one list: it is held while the pointer is over it, and for two seconds after a key in it."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self._touched = float("-inf")
        view.installEventFilter(self)

    @property
    def held(self) -> bool:
        """Whether its rows must stay where they are."""
        return self._view.underMouse() or self._pressed

    @property
    def firm(self) -> int:
        """The last row that must stay where it is, -1 where all may move: those under the pointer may."""
        if self._pressed:
            return self._view.model().rowCount() - 1
        if not self._view.underMouse():
            return -1
        return self._view.indexAt(self._view.viewport().mapFromGlobal(QCursor.pos())).row()

    @property
    def _pressed(self) -> bool:
        return time.monotonic() - self._touched < Span.REST / 1000

    def release(self) -> None:
        """The person has asked for the new order."""
        self._touched = float("-inf")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: note the keys."""
        if event.type() == QEvent.Type.KeyPress:
            self._touched = time.monotonic()
        return False
