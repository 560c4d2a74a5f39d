"""One line about what was done, bottom left in the window; a child of the window, never a window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDeadlineTimer, QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label, Picture
from gui.widgets.painting import key_cap, key_width

STEP_MS = 50
"""Between two looks of the line that shrinks."""


class Line(QWidget):
    """How much of the time is left in which something can be undone; it goes on though the toast is held."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedHeight(2)
        self._deadline = QDeadlineTimer(0)
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._step)
        self.hide()

    def begin(self, ms: int) -> None:
        """Be whole, and shrink for so long."""
        self._deadline = QDeadlineTimer(ms)
        self._timer.start()
        self.show()

    def end(self) -> None:
        """There is nothing to undo."""
        self._timer.stop()
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour(Colour.LINE2))
        left = self.width() * self._deadline.remainingTime() / Span.TOAST
        painter.fillRect(QRectF(0, 0, left, self.height()), theme.colour(Colour.ACCENT))
        painter.end()

    def _step(self) -> None:
        self.update()
        if self._deadline.hasExpired():
            self._timer.stop()


class Cap(QWidget):
    """The key that does the same as the button beside it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._key = ""

    def say(self, key: str) -> None:
        """Show another key."""
        self._key = key
        self.setFixedSize(key_width(key), 18)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        key_cap(painter, QRectF(0, 0, self.width(), 18), self._key, Colour.TEXT2)
        painter.end()


class Toast(QFrame):
    """The line itself: an icon, what happened, what follows from it, and how it is undone."""

    def __init__(self, parent: QWidget) -> None:
        """Make it, hidden."""
        super().__init__(parent)
        self.setProperty("part", "toast")
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.title = Label("", Type.NAME, wrap=True)
        self.detail = Label("", Type.SMALL, Colour.TEXT2, wrap=True)
        self._picture = Picture(size=20)
        self._words = words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.detail)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(Size.PADDING, 12, Size.PADDING, 12)
        row.setSpacing(12)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(words, 1)
        self._narrow = False
        self.undo = Button("Undo", kind=Kind.LINK)
        self.cap = Cap(self)
        self.line = Line(self)
        for part in (self.undo, self.cap):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
            part.hide()
        self.hide()

    def offer(self, key: str) -> None:
        """Offer to undo it, which `key` does as well; with an empty one there is nothing to undo."""
        self.undo.setVisible(bool(key))
        self.cap.setVisible(bool(key) and not self._narrow)
        if key:
            self.cap.say(key)
            self.line.begin(Span.TOAST)
        else:
            self.line.end()

    def narrow(self, narrow: bool) -> None:
        """Leave the key out where the words need its place."""
        self._narrow = narrow
        self.cap.setVisible(not narrow and not self.undo.isHidden())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As in Qt."""
        super().resizeEvent(event)
        self.line.setGeometry(12, self.height() - 3, self.width() - 24, 2)

    def height_for(self, width: int) -> int:
        """The height that its words need."""
        for layout in (self._words, self._row):
            layout.invalidate()  # else it is told of a word that went only by the loop
        return self._row.totalHeightForWidth(width)

    def show_icon(self, name: str, tone: Colour) -> None:
        """Set its icon."""
        self._picture.say(name, tone)


class Toasts(QObject):
    """Shows one toast at a time; hovering holds it."""

    shown = Signal()
    """A toast is on the screen."""
    said = Signal(str, str, str, object)
    """Title, detail, icon and tone of it."""

    WIDTH = 328
    NARROW = 228
    """In a small window."""

    def __init__(self, window: QWidget) -> None:
        """Make them for a window."""
        super().__init__(window)
        self._window = window
        self._toast = Toast(window)
        self._toast.setAccessibleName("Last result")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._toast.hide)
        self._undo: Callable[[], object] | None = None
        self._toast.undo.clicked.connect(self._undone)
        window.installEventFilter(self)
        self._toast.installEventFilter(self)

    @property
    def text(self) -> str:
        """What the last toast said, its two lines with a full stop between."""
        return ". ".join(part for part in (self._toast.title.text(), self._toast.detail.text()) if part)

    @property
    def undo_button(self) -> Button:
        """What undoes that of which the last toast tells, while it can be undone."""
        return self._toast.undo

    def say(
        self,
        title: str,
        detail: str = "",
        *,
        icon: str = "info",
        tone: Colour = Colour.TEXT2,
        undo: Callable[[], object] | None = None,
        key: str = "",
    ) -> None:
        """Show a result for five seconds and announce it to screen readers.

        Args:
            title: What happened, shown literally.
            detail: What follows from it.
            icon: A file of resources/icons.
            tone: Colour of the icon.
            undo: What undoes it, where something does.
            key: The key that does the same.
        """
        self._undo = undo
        self._toast.offer(key if undo is not None else "")
        self._toast.title.say(title)
        self._toast.detail.say(detail)
        self._toast.detail.setVisible(bool(detail))
        self._toast.show_icon(icon, tone)
        self._toast.show()
        self._toast.raise_()
        self._place()
        self._timer.start(Span.TOAST)
        self.shown.emit()
        self.said.emit(title, detail, icon, tone)
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._toast, self.text))

    def warn(self, sentence: str) -> None:
        """Show why something could not be done."""
        self.say(sentence, icon="warning-circle", tone=Colour.WARN)

    def _undone(self) -> None:
        undo, self._undo = self._undo, None
        self._toast.offer("")
        if undo is not None:
            undo()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As in Qt: keep the place when the window is resized, and the toast while the pointer is on it."""
        kind = event.type()
        if watched is self._window and kind == QEvent.Type.Resize:
            self._place()
        elif watched is self._toast and kind == QEvent.Type.Enter:
            self._timer.stop()
        elif watched is self._toast and kind == QEvent.Type.Leave and self._toast.isVisible():
            self._timer.start(Span.TOAST)
        return False

    def _place(self) -> None:
        width = self.WIDTH if self._window.width() >= Size.WIDE + Size.RAIL else self.NARROW
        self._toast.narrow(width < self.WIDTH)
        self._toast.setFixedWidth(width)
        height = self._toast.height_for(width)
        bottom = self._window.height() - Size.STATUS_BAR - Size.PADDING
        self._toast.setGeometry(Size.RAIL + Size.PADDING, bottom - height, width, height)
