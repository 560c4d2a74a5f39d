"""What panes are built of: header, divider, card, chip, empty state."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button
from gui.widgets.labels import Label, Picture
from gui.widgets.painting import dot


class PaneHeader(QWidget):
    """The head of a pane: title, count, a sentence, then controls at the right."""

    def __init__(self, title: str, *, height: int = Size.PANE_HEADER, parent: QWidget | None = None) -> None:
        """Make a header; `controls` is the layout for what stands at the right."""
        super().__init__(parent)
        self.setFixedHeight(height)
        self.title = Label(title, Type.SECTION)
        self.count = Label("", Type.SECTION, Colour.TEXT3)
        self.sentence = Label("", Type.SMALL, Colour.TEXT2, elide=True)
        self.controls = QHBoxLayout()
        self.controls.setSpacing(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 0, Size.PADDING, 0)
        row.setSpacing(8)
        row.addWidget(self.title)
        row.addWidget(self.count)
        row.addSpacing(8)
        row.addWidget(self.sentence, 1)
        row.addLayout(self.controls)


class Divider(QWidget):
    """A line of 1 px between panes."""

    def __init__(
        self, orientation: Qt.Orientation = Qt.Orientation.Horizontal, parent: QWidget | None = None
    ) -> None:
        """Make a divider."""
        super().__init__(parent)
        if orientation is Qt.Orientation.Horizontal:
            self.setFixedHeight(1)
        else:
            self.setFixedWidth(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(Colour.LINE))
        painter.end()


class Dot(QWidget):
    """A dot of state; the words beside it say the same."""

    def __init__(self, tone: Colour, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self.setFixedSize(QSize(10, 10))

    def say(self, tone: Colour) -> None:
        """Show another state; costs nothing when it is the same."""
        if tone is not self._tone:
            self._tone = tone
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        dot(painter, QPointF(5, 5), self._tone)
        painter.end()


class Card(QFrame):
    """A raised surface with round corners; its look is in console.qss."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty card."""
        super().__init__(parent)
        self.setProperty("part", "card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(Size.PADDING, Size.PADDING, Size.PADDING, Size.PADDING)
        self.body.setSpacing(12)


SHORTEST_CHIP = 48


class Chip(QWidget):
    """A short word on a soft ground, shortened where there is little room."""

    def __init__(
        self,
        text: str = "",
        tone: Colour = Colour.TEXT2,
        ground: Colour = Colour.BG3,
        parent: QWidget | None = None,
    ) -> None:
        """Make a chip.

        Args:
            text: Shown literally.
            tone: Colour of the word and the dot.
            ground: Colour behind it.
            parent: As in Qt.
        """
        super().__init__(parent)
        self._text = text
        self._tone = tone
        self._ground = ground
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    def say(self, text: str, tone: Colour | None = None, ground: Colour | None = None) -> None:
        """Show something else; costs nothing when it is the same."""
        wanted = (text, tone or self._tone, ground or self._ground)
        if wanted == (self._text, self._tone, self._ground):
            return
        self._text, self._tone, self._ground = wanted
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        words = theme.metrics(Type.SMALL_STRONG).horizontalAdvance(self._text)
        return QSize(words + 16, 22)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(SHORTEST_CHIP, self.sizeHint().width()), 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(self._ground))
        painter.drawRoundedRect(QRectF(self.rect()), 11, 11)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        painter.setPen(theme.colour(self._tone))
        words = theme.elided(self._text, Type.SMALL_STRONG, self.width() - 14)  # whose measure may be rounded
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
        painter.end()


class Section(QWidget):
    """A caption with something at its right, and what stands below."""

    def __init__(self, title: str, *below: QWidget) -> None:
        super().__init__()
        self.title = Label(title, Type.CAPTION, Colour.TEXT2)
        self.note = Label("", Type.SMALL_STRONG, Colour.TEXT2)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.note)
        inner = QVBoxLayout()
        inner.setContentsMargins(Size.PADDING, 12, Size.PADDING, 12)
        inner.setSpacing(6)
        inner.addLayout(head)
        for part in below:
            inner.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inner)
        column.addWidget(Divider())
        self._column = column

    def settle(self) -> None:
        """Ask for the room that what stands below takes now."""
        self._column.activate()


class Sections(QScrollArea):
    """Sections below each other, as a whole scrolled up and down."""

    def __init__(self, *sections: Section) -> None:
        super().__init__()
        self.inside = QWidget()
        self.inside.setProperty("part", "pane")
        column = self._column = QVBoxLayout(self.inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._sections = sections
        for section in sections:
            column.addWidget(section)
        column.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(self.inside)

    def settle(self) -> None:
        """Give what grew its place now, before it is painted."""
        for section in self._sections:
            section.settle()
        self._column.invalidate()
        room = self.viewport().size()
        self.inside.resize(room.width(), max(room.height(), self._column.sizeHint().height()))
        self._column.activate()


DETAILS_HEAD = 54


class DetailsHead(QWidget):
    """The head of a pane of details: what is shown, a sentence on it, and what can be done at the right."""

    def __init__(self, picture: QWidget, title: Label, sentence: Label, *controls: QWidget) -> None:
        super().__init__()
        self.setFixedHeight(DETAILS_HEAD)
        words = QVBoxLayout()
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(1)
        words.addStretch(1)
        words.addWidget(title)
        words.addWidget(sentence)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(picture)
        row.addLayout(words, 1)
        for control in controls:
            row.addWidget(control)


class EmptyState(QWidget):
    """Why a list is empty and the one next act."""

    def __init__(
        self,
        sentence: str,
        *,
        title: str = "",
        icon: str = "",
        button: Button | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Make an empty state.

        Args:
            sentence: Why there is nothing here.
            title: A few words above it.
            icon: A file of resources/icons.
            button: The next act.
            parent: As in Qt.
        """
        super().__init__(parent)
        self.title = Label(title, Type.SECTION)
        self.sentence = Label(sentence, Type.BODY, Colour.TEXT2, wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(Size.DIALOG_PADDING, Size.DIALOG_PADDING, Size.DIALOG_PADDING, Size.DIALOG_PADDING)
        column.setSpacing(8)
        column.addStretch(2)
        if icon:
            column.addWidget(Picture(icon, Colour.LINE2, 40), 0, Qt.AlignmentFlag.AlignHCenter)
            column.addSpacing(8)
        for part in (self.title, self.sentence):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(part)
            part.setVisible(bool(part.text()))
        if button is not None:
            column.addSpacing(8)
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def say(self, sentence: str) -> None:
        """Give another reason."""
        self.sentence.say(sentence)
        self.sentence.setVisible(bool(sentence))
