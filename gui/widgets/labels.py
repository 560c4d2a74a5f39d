"""The one place that makes labels and tooltips, so that no text of a person is ever taken for markup."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtGui import Qt as GuiText
from PySide6.QtWidgets import QLabel, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type


class Label(QLabel):
    """A line or paragraph of plain text in a style of the type scale."""

    def __init__(
        self,
        text: str = "",
        kind: Type = Type.BODY,
        tone: Colour = Colour.TEXT,
        *,
        wrap: bool = False,
        elide: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Make a label.

        Args:
            text: Shown literally.
            kind: Font.
            tone: Colour.
            wrap: Break lines at the width given.
            elide: Take less width than the text needs and end it with an ellipsis then.
            parent: As in Qt.
        """
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(kind))
        self.setWordWrap(wrap)
        self._kind = kind
        self.tone = tone
        """Its colour."""
        self._elide = elide
        self.setForegroundRole(theme.role(tone))
        self.setText(text)

    def say(self, text: str, tone: Colour | None = None) -> None:
        """Show another text, in another colour where one is given; costs nothing when both are the same."""
        if text != self.text():
            self.setText(text)
        if tone is not None and tone is not self.tone:
            self.tone = tone
            self.setForegroundRole(theme.role(tone))

    def minimumSizeHint(self) -> QSize:
        size = super().minimumSizeHint()
        return QSize(min(size.width(), 24), size.height()) if self._elide else size

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._elide:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.colour(self.tone))
        text = theme.elided(self.text(), self._kind, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.TextFlag.TextSingleLine, text)
        painter.end()


class Picture(QWidget):
    """An icon that stands beside words; it says nothing that they do not say."""

    def __init__(
        self,
        name: str = "",
        tone: Colour = Colour.TEXT2,
        size: int = Size.ICON_BUTTON,
        parent: QWidget | None = None,
    ) -> None:
        """Make a picture.

        Args:
            name: A file of resources/icons; nothing is shown while empty.
            tone: Its colour.
            size: Edge in device-independent pixels.
            parent: As in Qt.
        """
        super().__init__(parent)
        self._name = name
        self._tone = tone
        self._size = size
        self.setFixedSize(QSize(size, size))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def say(self, name: str, tone: Colour) -> None:
        """Show another icon; costs nothing when it is the same."""
        if (name, tone) != (self._name, self._tone):
            self._name, self._tone = name, tone
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._name:
            painter = QPainter(self)
            painter.drawPixmap(0, 0, theme.pixmap(self._name, self._tone, self._size, self.devicePixelRatioF()))
            painter.end()


def literal(text: str) -> str:
    """The text as a tooltip must have it: what could be taken for markup is escaped."""
    return GuiText.convertFromPlainText(text) if GuiText.mightBeRichText(text) else text


def entry(text: str) -> str:
    """The text as a menu or a tab must have it: an ``&`` is one, and marks no letter."""
    return text.replace("&", "&&")


def describe(widget: QWidget, name: str, *, key: str = "", hint: str = "") -> None:
    """Give a control its accessible name and its tooltip, with the key that does the same.

    Args:
        widget: The control.
        name: What it is or does.
        key: Its key as people read it, such as ``Ctrl+1``.
        hint: A longer tooltip than the name.
    """
    text = hint or name
    widget.setAccessibleName(name)
    widget.setToolTip(literal(f"{text}  ({key})" if key else text))
