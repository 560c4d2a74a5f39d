"""Buttons: one painter for all kinds, with icon, words and the key that does the same."""

from __future__ import annotations

import enum

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QEnterEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLayout, QSizePolicy, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type
from gui.widgets.labels import describe


class Kind(enum.Enum):
    """What a button is for: (fill, fill under the pointer, outline, words)."""

    PRIMARY = (Colour.ACCENT_FILL, Colour.ACCENT_FILL, None, Colour.ON_FILL)
    """The one next step of a screen."""
    PLAIN = (None, Colour.BG3, Colour.LINE2, Colour.TEXT)
    DANGER = (None, Colour.DANGER_SOFT, Colour.LINE2, Colour.DANGER)
    """Hurts somebody."""
    FINAL = (Colour.DANGER_FILL, Colour.DANGER_FILL, None, Colour.ON_FILL)
    """The last word of a confirmation."""
    QUIET = (None, Colour.BG3, None, Colour.TEXT2)
    """Without outline, for rows and bars."""
    LINK = (None, None, None, Colour.ACCENT)


class Button(QAbstractButton):
    """A button that looks like the rest of the console."""

    def __init__(
        self,
        text: str = "",
        *,
        kind: Kind = Kind.PLAIN,
        icon: str = "",
        key: str = "",
        name: str = "",
        icon_last: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Make a button.

        Args:
            text: Words on it; may be empty where there is an icon.
            kind: What it is for.
            icon: A file of resources/icons.
            key: The key that does the same, shown on the button.
            name: Accessible name and tooltip; the text where absent.
            icon_last: Whether the icon stands after the words, as that of what opens a list does.
            parent: As in Qt.
        """
        super().__init__(parent)
        self.setText(text)
        self.setFont(theme.font(Type.NAME))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._kind = kind
        self._icon = icon
        self._key = key
        self._icon_last = icon_last
        self._with_icon = self._with_key = True
        describe(self, name or text, key=key)

    @classmethod
    def of(
        cls, action: QAction, *, kind: Kind = Kind.PLAIN, icon: str = "", text: str = "", show_key: bool = True
    ) -> Button:
        """A button for an action: same key, enabled as it is, and its words unless `text` is shorter.

        It triggers the action when clicked.
        """
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        made = cls(text or action.text(), kind=kind, icon=icon, key=key if show_key else "")
        describe(made, action.text(), key=key)
        made.setEnabled(action.isEnabled())
        action.enabledChanged.connect(made.setEnabled)
        made.clicked.connect(lambda: action.trigger())
        return made

    def setText(self, text: str) -> None:
        """As in Qt, but an ``&`` in it marks no key."""
        super().setText(text)
        self.setShortcut(QKeySequence())

    def restyle(self, text: str, icon: str) -> None:
        """Show other words and another icon, for a short confirmation in place."""
        self._icon = icon
        self.setText(text)
        self.update()

    def trim(self, *, icon: bool, key: bool) -> None:
        """Show the icon or the key, or leave it out where there is little room; the words stay."""
        self._with_icon, self._with_key = icon, key
        self.updateGeometry()
        self.update()

    @property
    def _shown_icon(self) -> str:
        return self._icon if self._with_icon or not self.text() else ""

    @property
    def _shown_key(self) -> str:
        return self._key if self._with_key else ""

    def sizeHint(self) -> QSize:
        width = 0
        if self.text():
            width += theme.metrics(Type.NAME).horizontalAdvance(self.text())
        if self._shown_icon:
            width += Size.ICON_BUTTON + (8 if self.text() else 0)
        if self._shown_key:
            width += 10 + self._key_width()
        padding = 12 if self.text() else 7
        if self._kind is Kind.LINK:
            padding = 4
        return QSize(width + 2 * padding, Size.BUTTON)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        fill, hover, outline, words = self._kind.value
        enabled = self.isEnabled()
        if not enabled:
            fill, outline, words = (Colour.BG3 if fill else None), outline and Colour.LINE, Colour.TEXT3
        elif self.underMouse():
            fill = hover
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_box(painter, fill, outline)
        if self._kind is Kind.PRIMARY and enabled and (self.underMouse() or self.isDown()):
            painter.setOpacity(0.16 if self.isDown() else 0.08)
            self._paint_box(painter, Colour.ON_FILL, None)
            painter.setOpacity(1.0)
        self._paint_words(painter, words)
        painter.end()

    def _paint_box(self, painter: QPainter, fill: Colour | None, outline: Colour | None) -> None:
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(theme.colour(fill) if fill else Qt.BrushStyle.NoBrush)
        painter.setPen(theme.pen(outline) if outline else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(box, Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), Size.RADIUS_BUTTON - 1, Size.RADIUS_BUTTON - 1)

    def _paint_words(self, painter: QPainter, words: Colour) -> None:
        text_width = theme.metrics(Type.NAME).horizontalAdvance(self.text()) if self.text() else 0
        icon_width = Size.ICON_BUTTON + (8 if text_width else 0) if self._shown_icon else 0
        key_width = 10 + self._key_width() if self._shown_key else 0
        left = (self.width() - text_width - icon_width - key_width) // 2
        if self._shown_icon:
            top = (self.height() - Size.ICON_BUTTON) // 2
            drawn = theme.pixmap(self._shown_icon, words, Size.ICON_BUTTON, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(left + text_width + 8 if self._icon_last else left, top), drawn)
            left += 0 if self._icon_last else icon_width
        painter.setFont(self.font())
        painter.setPen(theme.colour(words))
        painter.drawText(QRect(left, 0, text_width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._shown_key:
            self._paint_key(painter, left + text_width + 10)

    def _paint_key(self, painter: QPainter, left: int) -> None:
        box = QRectF(left + 0.5, (self.height() - 18) / 2 + 0.5, self._key_width() - 1, 17)
        filled = self._kind in (Kind.PRIMARY, Kind.FINAL) and self.isEnabled()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.pen(Colour.ACCENT if filled else Colour.LINE2))
        painter.drawRoundedRect(box, 4, 4)
        painter.setFont(theme.font(Type.CAPTION))
        painter.setPen(theme.colour(Colour.ON_FILL if filled else Colour.TEXT3))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._key)

    def _key_width(self) -> int:
        return max(18, theme.metrics(Type.CAPTION).horizontalAdvance(self._key) + 10)


class Buttons(QWidget):
    """Buttons beside each other; where they have too little room their icons go first, then their keys."""

    def __init__(self, *buttons: Button) -> None:
        super().__init__()
        self._buttons = buttons
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        for button in buttons:
            self._row.addWidget(button, 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, Size.BUTTON)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        between = self._row.spacing() * (len(self._buttons) - 1)
        for icon, key in ((True, True), (False, True), (False, False)):
            for button in self._buttons:
                button.trim(icon=icon, key=key)
            if sum(button.sizeHint().width() for button in self._buttons) + between <= event.size().width():
                return
