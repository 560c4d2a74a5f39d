"""The rail at the left: the mark, and one button for each view."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from gui import theme
from gui.frame.top_bar import BarButton
from gui.tokens import Colour, Size, Type
from gui.widgets.labels import describe
from gui.widgets.mark import Badge
from gui.widgets.painting import count_badge


class RailButton(QAbstractButton):
    """A view's button: icon over its name, filled while the view is open."""

    def __init__(self, action: QAction, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self.setText(action.text())
        self.setCheckable(True)
        self.setFixedSize(QSize(48, 52))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        describe(self, action.text(), key=key)
        self.setChecked(action.isChecked())
        self._count = 0
        action.toggled.connect(self.setChecked)
        self.clicked.connect(lambda: action.trigger())

    def count(self, number: int, words: str) -> None:
        """Show a badge with this number, none for 0; `words` say what it counts."""
        if number != self._count:
            self._count = number
            self.setAccessibleDescription(words)
            self.update()

    def nextCheckState(self) -> None:
        """The action says which is checked, not the click."""

    def paintEvent(self, event: QPaintEvent) -> None:
        on = self.isChecked()
        token = Colour.ACCENT if on else Colour.TEXT2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        if on or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.ACCENT_SOFT if on else Colour.BG3))
            painter.drawRoundedRect(box, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        if self.hasFocus():
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), Size.RADIUS_INPUT - 1, Size.RADIUS_INPUT - 1)
        name = f"{self._icon}-fill" if on else self._icon
        drawn = theme.pixmap(name, token, Size.ICON_RAIL, self.devicePixelRatioF())
        painter.drawPixmap(QPointF((self.width() - Size.ICON_RAIL) / 2, 7), drawn)
        painter.setFont(theme.font(Type.CAPTION))
        painter.setPen(theme.colour(token))
        painter.drawText(QRect(0, 31, self.width(), 16), Qt.AlignmentFlag.AlignCenter, self.text())
        if self._count:
            self._paint_badge(painter)
        painter.end()

    def _paint_badge(self, painter: QPainter) -> None:
        words = str(self._count) if self._count < 100 else "99+"
        width = max(16, theme.metrics(Type.CAPTION).horizontalAdvance(words) + 8)
        left = min(self.width() - width, self.width() / 2 + 6)
        count_badge(painter, QPointF(left + width / 2, 9), self._count)


class Rail(QWidget):
    """All the buttons; exactly one view is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "dark")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(Size.RAIL)
        self.setAccessibleName("Views")
        self._group = QActionGroup(self)
        self._buttons: dict[QAction, RailButton] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 12, 8, 12)
        self._column.setSpacing(12)
        self._column.addWidget(Badge(), 0, Qt.AlignmentFlag.AlignHCenter)
        self._column.addSpacing(12)
        self._gap = QWidget()
        self._column.addWidget(self._gap, 1)

    def add(self, action: QAction, icon: str) -> None:
        """Add a view's button below the others."""
        self._group.addAction(action)
        self._buttons[action] = RailButton(action, icon)
        self._column.insertWidget(self._column.indexOf(self._gap), self._buttons[action])

    def add_below(self, action: QAction, icon: str) -> None:
        """Add a button without words at the bottom."""
        button = BarButton(action, icon)
        self._column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)

    def button(self, action: QAction) -> RailButton:
        """The button of a view's action."""
        return self._buttons[action]
