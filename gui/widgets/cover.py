"""What opens over the whole window and keeps its keys until it closes: sheets, the palette, the list of news."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import Shiboken


class Cover(QWidget):
    """A child of the window with a card on it. It follows the window's size; closed it costs nothing."""

    def __init__(self, window: QWidget, name: str) -> None:
        """Make it, closed; `name` is for those who listen."""
        super().__init__(window)
        self.hide()
        self.setAccessibleName(name)
        self._window = window
        self._before: QWidget | None = None
        self.card = QWidget(self)
        window.installEventFilter(self)

    def place(self) -> None:
        """Cover the window as it is now."""
        raise NotImplementedError

    def cover(self) -> None:
        """Show it above everything."""
        if self.isHidden():
            self._before = QApplication.focusWidget()
        self.place()
        self.show()
        self.raise_()

    def uncover(self) -> None:
        """Hide it, and give the keyboard back to who had it, if that is still there."""
        self.hide()
        before, self._before = self._before, None
        if before is not None and Shiboken.isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)

    def event(self, event: QEvent) -> bool:
        """As in Qt: no key becomes a shortcut of the window behind."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: follow the window's size."""
        if watched is self._window and event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)
