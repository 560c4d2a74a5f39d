"""The field that narrows a list."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type
from gui.widgets.labels import describe


class FilterField(QLineEdit):
    """Narrows the list beside it while one types; `View.step_back` empties it."""

    def __init__(self, name: str, key: str = "/", parent: QWidget | None = None) -> None:
        """Make it; `name` is also what stands in it while it is empty."""
        super().__init__(parent)
        self.setFont(theme.font(Type.SMALL))
        self.setPlaceholderText(name)
        self.setFixedHeight(28)
        self.setMaximumWidth(176)
        self.setProperty("part", "filter")
        self.setTextMargins(22, 0, 0, 0)
        describe(self, name, key=key)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        top = (self.height() - Size.ICON_TEXT) // 2
        drawn = theme.pixmap("funnel-simple", Colour.TEXT3, Size.ICON_TEXT, self.devicePixelRatioF())
        painter.drawPixmap(9, top, drawn)
        painter.end()
