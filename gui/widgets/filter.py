"""The field that narrows a list."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from gui import theme
from gui.tokens import Colour, Type
from gui.widgets.labels import describe


class FilterField(QLineEdit):
    """Narrows the list beside it while one types; Esc empties it."""

    def __init__(self, name: str, key: str = "/", parent: QWidget | None = None) -> None:
        """Make it; `name` is also what stands in it while it is empty."""
        super().__init__(parent)
        self.setFont(theme.font(Type.SMALL))
        self.setPlaceholderText(name)
        self.setFixedHeight(28)
        self.setMaximumWidth(176)
        self.setProperty("part", "filter")
        self.addAction(QIcon(theme.icon("funnel-simple", Colour.TEXT3, 14)), QLineEdit.ActionPosition.LeadingPosition)
        describe(self, name, key=key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)
