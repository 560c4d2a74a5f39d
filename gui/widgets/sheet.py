"""A sheet over the window: a question or a form that comes before everything else; never a window of its own."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.cover import Cover
from gui.widgets.labels import Label, describe
from gui.widgets.panes import Divider

SHADOW = 12
LINE = 12
"""What is no further below something than this stands beside it."""
MARGIN = 16
"""Least distance from the edge of the window."""


def paint_card(painter: QPainter, whole: QRect, card: QRectF) -> None:
    """Dim the window, and paint a card that floats above it."""
    painter.fillRect(whole, theme.colour(Colour.SCRIM))
    paint_floating(painter, card, Size.RADIUS_DIALOG)


def paint_floating(painter: QPainter, card: QRectF, radius: int) -> None:
    """Paint a card and its shadow."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(Colour.SHADOW))
    painter.setOpacity(theme.scheme().shadow)
    for step in range(SHADOW, 0, -2):
        painter.drawRoundedRect(card.adjusted(-step, -step + 4, step, step + 4), radius + step, radius + step)
    painter.setOpacity(1.0)
    painter.setBrush(theme.colour(Colour.BG1))
    painter.setPen(theme.pen(Colour.LINE2))
    painter.drawRoundedRect(card.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


class Sheet(Cover):
    """A card in the middle of its window, which is dimmed and cannot be reached while the sheet is open.

    Keys stay inside: Tab goes around, shortcuts of the window rest, Esc rejects, Ctrl+Enter accepts. When it
    is closed, the focus returns to where it was.
    """

    finished = Signal(int)
    """It has closed: 1 accepted, 0 rejected."""

    def __init__(self, window: QWidget, title: str, sentence: str = "", *, width: int = 528) -> None:
        """Make a closed sheet.

        Args:
            window: What it covers.
            title: Its head.
            sentence: A line below.
            width: Of the card, in pixels, where the window has them.
        """
        super().__init__(window, title)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._width = width
        self.title = Label(title, Type.TITLE)
        self.sentence = Label(sentence, Type.BODY, Colour.TEXT2, wrap=True)
        if not sentence:
            self.sentence.hide()
        self._close = Button(icon="x", kind=Kind.QUIET)
        describe(self._close, "Close", key="Esc")
        self._close.clicked.connect(self.reject)
        self.body = QVBoxLayout()
        self.body.setSpacing(20)
        self.buttons = QHBoxLayout()
        self.buttons.setContentsMargins(Size.DIALOG_PADDING, 16, Size.DIALOG_PADDING, 16)
        self.buttons.setSpacing(8)
        self.buttons.addStretch(1)
        self._arrange()

    def open(self) -> None:
        """Cover the window and take the keyboard."""
        self.cover()
        self.first_focus().setFocus(Qt.FocusReason.PopupFocusReason)

    def first_focus(self) -> QWidget:
        """What has the keyboard at first."""
        return self._stops()[0]

    def accept(self) -> None:
        """Close it with consent; a form overrides this to check first."""
        self.done(1)

    def reject(self) -> None:
        """Close it without."""
        self.done(0)

    def done(self, result: int) -> None:
        """Close it for good: it lets itself go."""
        if self.isHidden():
            return
        self.uncover()
        self._window.removeEventFilter(self)
        self.finished.emit(result)
        self.deleteLater()

    def place(self) -> None:
        """Cover the window as it is now, with the card in its middle."""
        self.setGeometry(self._window.rect())
        width = min(self._width, self.width() - 2 * MARGIN)
        wanted = self._column.totalHeightForWidth(width)
        if wanted < 0:
            wanted = self._column.totalSizeHint().height()
        height = min(wanted, self.height() - 2 * MARGIN)
        self.card.setGeometry((self.width() - width) // 2, max(MARGIN, (self.height() - height) // 2), width, height)
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: follow what the card holds, too."""
        if watched is self.card and event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """As in Qt."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape:
            self.reject()
        elif enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.accept()
        elif enter and isinstance(focus := QApplication.focusWidget(), QAbstractButton):
            focus.click()
        event.accept()

    def focusNextPrevChild(self, next: bool) -> bool:
        """As in Qt: the keyboard goes around inside."""
        stops = self._stops()
        focus = QApplication.focusWidget()
        place = stops.index(focus) if focus in stops else -1
        stops[(place + (1 if next else -1)) % len(stops)].setFocus(
            Qt.FocusReason.TabFocusReason if next else Qt.FocusReason.BacktabFocusReason
        )
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """As in Qt."""
        painter = QPainter(self)
        paint_card(painter, self.rect(), QRectF(self.card.geometry()))
        painter.end()

    def _arrange(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.title)
        words.addWidget(self.sentence)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addLayout(words, 1)
        head.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        inner = QVBoxLayout()
        inner.setContentsMargins(Size.DIALOG_PADDING, 20, Size.DIALOG_PADDING, 20)
        inner.setSpacing(20)
        inner.addLayout(head)
        inner.addLayout(self.body)
        self._column = column = QVBoxLayout(self.card)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inner, 1)
        column.addWidget(Divider())
        column.addLayout(self.buttons)
        self.card.installEventFilter(self)

    def _stops(self) -> list[QWidget]:
        """What the Tab key reaches, in the order of the screen; the cross comes last, as Esc does the same."""
        # Not by nextInFocusChain: PySide takes what that returns for a child, and ends it when it collects garbage.
        found = [
            widget
            for widget in self.findChildren(QWidget)
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and widget is not self._close
            and not widget.objectName().startswith("qt_")  # a part of another, such as the line of a spin box
            and widget.isVisibleTo(self)
            and widget.isEnabled()
        ]
        return [*sorted(found, key=self._line), self._close]

    def _line(self, widget: QWidget) -> tuple[int, int]:
        """Where a widget is read: line by line, from the left."""
        centre = widget.mapTo(self, widget.rect().center())
        return centre.y() // LINE, widget.mapTo(self, QPoint(0, 0)).x()
