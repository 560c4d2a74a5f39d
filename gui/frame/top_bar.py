"""The bar at the top: where one is, how it stands there, the address to give away, who one is."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from gui import theme, wording
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.labels import Label, describe
from gui.widgets.painting import avatar, dot, initials


class AddressChip(QAbstractButton):
    """The address of this node; a click copies it, and it says so in place."""

    def __init__(self, address: str, action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._address = address
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.timeout.connect(self.update)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        describe(self, f"Copy address {address}", key=key, hint="Copy the address for clients")
        action.triggered.connect(self._confirm)
        self.clicked.connect(lambda: action.trigger())

    @property
    def confirming(self) -> bool:
        """Whether it says that the address was copied."""
        return self._copied.isActive()

    def sizeHint(self) -> QSize:
        return QSize(theme.metrics(Type.CODE).horizontalAdvance(self._address) + 28 + 40, Size.BUTTON)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focus = self.hasFocus()
        edge = 1.0 if focus else 0.5
        painter.setPen(theme.pen(Colour.ACCENT, 2) if focus else theme.pen(Colour.LINE2))
        painter.setBrush(theme.colour(Colour.BG3 if self.underMouse() else Colour.BG1))
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        painter.drawRoundedRect(box, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        dot(painter, QPointF(16, self.height() / 2), Colour.LIVE, 3.5)
        done = self.confirming
        painter.setFont(theme.font(Type.SMALL_STRONG if done else Type.CODE))
        painter.setPen(theme.colour(Colour.LIVE if done else Colour.TEXT))
        words = QRect(28, 0, self.width() - 68, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, "Copied" if done else self._address)
        name, token = ("check", Colour.LIVE) if done else ("copy", Colour.TEXT2)
        drawn = theme.pixmap(name, token, 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(self.width() - 28, (self.height() - 16) / 2), drawn)
        painter.end()

    def _confirm(self) -> None:
        self._copied.start(Span.COPIED)
        self.update()


class OperatorMark(QWidget):
    """Who acts through this console."""

    def __init__(self, name: str, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setFixedSize(32, 32)
        shown = wording.name(name)
        describe(self, f"You act as {shown}, {role}")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, avatar(self._name, initials(self._name), 32, self.devicePixelRatioF()))
        painter.end()


class TopBar(QWidget):
    """The bar; the window tells it the view."""

    def __init__(self, address: str, copy: QAction, operator: OperatorMark, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(Size.TOP_BAR)
        self.title = Label("", Type.TITLE)
        self.sentence = Label("", Type.BODY, Colour.TEXT2, elide=True)
        self.address = AddressChip(address, copy)
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(12)
        row.addWidget(self.title)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.address)
        row.addWidget(operator)
