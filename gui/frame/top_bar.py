"""The bar at the top: where one is, how it stands there, the search, the address to give away, news, who one is."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QSizePolicy, QWidget

from gui import theme, wording
from gui.actions import Actions
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.labels import Label, describe
from gui.widgets.painting import avatar, count_badge, dot, initials, key_cap, key_width


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


class SearchButton(QAbstractButton):
    """Looks like a field and opens the palette, which has the real one."""

    WIDTH = 448
    NARROWEST = 150

    def __init__(self, action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText).replace("+", " ")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMinimumWidth(self.NARROWEST)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(self.WIDTH)
        describe(self, "Search people, rooms, nodes or run a command", key=self._key)
        self.clicked.connect(lambda: action.trigger())

    def sizeHint(self) -> QSize:
        return QSize(self.WIDTH, Size.BUTTON)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focus = self.hasFocus()
        edge = 1.0 if focus else 0.5
        painter.setPen(theme.pen(Colour.ACCENT, 2) if focus else theme.pen(Colour.FIELD))
        painter.setBrush(theme.colour(Colour.BG3 if self.underMouse() else Colour.BG2))
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        painter.drawRoundedRect(box, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        drawn = theme.pixmap("magnifying-glass", Colour.TEXT2, 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(13, (self.height() - 16) / 2), drawn)
        cap = key_width(self._key)
        key_cap(painter, QRectF(self.width() - cap - 8, (self.height() - 18) / 2, cap, 18), self._key, Colour.TEXT2)
        words = self.width() - 38 - cap - 16
        text = "Search people, rooms, nodes or run a command"
        if theme.metrics(Type.BODY).horizontalAdvance(text) > words:
            text = "Search or run"
        painter.setFont(theme.font(Type.BODY))
        painter.setPen(theme.colour(Colour.TEXT2))
        shown = theme.elided(text, Type.BODY, words)
        painter.drawText(QRect(38, 0, words, self.height()), Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


class BarButton(QAbstractButton):
    """An icon, with a count where there is something new."""

    def __init__(self, action: QAction, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._count = 0
        self.setFixedSize(QSize(32, 32))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        describe(self, action.text(), key=key)
        self.clicked.connect(lambda: action.trigger())

    def count(self, number: int) -> None:
        """Show how many are new."""
        if number != self._count:
            self._count = number
            self.setAccessibleDescription(f"{number} new" if number else "")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self.hasFocus():
            painter.setPen(theme.pen(Colour.ACCENT, 2) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.BG3))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        drawn = theme.pixmap(self._icon, Colour.TEXT2, 20, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(6, 6), drawn)
        if self._count:
            count_badge(painter, QPointF(self.width() / 2 + 8, 8), self._count)
        painter.end()


class OperatorButton(QAbstractButton):
    """Who acts through this console; a click opens what concerns this person."""

    def __init__(self, name: str, role: str, menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._menu = menu
        self.setFixedSize(32, 32)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        describe(self, f"You act as {wording.name(name)}, {role}")
        self.clicked.connect(self._open)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, avatar(self._name, initials(self._name), 32, self.devicePixelRatioF()))
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.drawEllipse(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _open(self) -> None:
        corner = self.mapToGlobal(self.rect().bottomRight())
        self._menu.popup(corner - QPoint(self._menu.sizeHint().width(), -6))


class TopBar(QWidget):
    """The bar; the window tells it the view."""

    def __init__(self, address: str, actions: Actions, operator: OperatorButton) -> None:
        super().__init__()
        self.setFixedHeight(Size.TOP_BAR)
        self.title = Label("", Type.TITLE)
        self.sentence = Label("", Type.BODY, Colour.TEXT2, elide=True)
        self.search = SearchButton(actions.search)
        self.address = AddressChip(address, actions.copy_address)
        self.bell = BarButton(actions.news, "bell")
        self.operator = operator
        where = QWidget()
        where.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # what is said moves nothing
        words = QHBoxLayout(where)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(12)
        words.addWidget(self.title)
        words.addWidget(self.sentence, 1)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(12)
        row.addWidget(where, 9)
        row.addWidget(self.search, 10)
        row.addStretch(2)
        for part in (self.address, self.bell, self.operator):
            row.addWidget(part)

    def insert(self, widget: QWidget) -> None:
        """Put something more before the address."""
        self._row.insertWidget(self._row.indexOf(self.address), widget)
