"""The parts of a form: a captioned field with its error below, a switch, a choice, a line to copy."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QHBoxLayout,
    QSpinBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.tokens import Colour, Size, Span, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_LEFT
from gui.widgets.labels import Label, describe, literal

HEIGHT = 34


class Field(QWidget):
    """A caption, something to fill in, and below it what is wrong with it."""

    def __init__(self, caption: str, control: QWidget, hint: str = "", *, around: QWidget | None = None) -> None:
        """Make a field.

        Args:
            caption: Its name, which is also the accessible name of the control.
            control: What is filled in.
            hint: A few words at the right of the caption.
            around: What holds the control, where it does not stand alone.
        """
        super().__init__()
        self.control = control
        self.hint = Label(hint, Type.CAPTION, Colour.TEXT3, elide=True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.problem = Label("", Type.SMALL, Colour.DANGER, wrap=True)
        self.problem.hide()
        control.setAccessibleName(caption)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(caption, Type.SMALL_STRONG, Colour.TEXT2))
        head.addWidget(self.hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(around or control)
        column.addWidget(self.problem)
        column.addStretch(1)

    def blame(self, problem: str) -> None:
        """Say what is wrong, or with an empty text that nothing is."""
        self.problem.say(problem)
        self.problem.setVisible(bool(problem))
        state = "wrong" if problem else ""
        if self.control.property("state") != state:
            self.control.setProperty("state", state)
            theme.restyle(self.control)
            self.control.update()
        self.control.setAccessibleDescription(problem or self.hint.text())


class Switch(QAbstractButton):
    """On or off."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """Make a switch that is off."""
        super().__init__(parent)
        self.setCheckable(True)
        self.setFixedSize(QSize(36, 24))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        describe(self, name)

    def paintEvent(self, event: QPaintEvent) -> None:
        on = self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(1, 2, 34, 20)
        if self.hasFocus():
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(track.adjusted(0, -1, 0, 1), 11, 11)
            track = track.adjusted(2, 1, -2, -1)
        painter.setPen(theme.pen(Colour.ACCENT_FILL if on else Colour.FIELD))
        painter.setBrush(theme.colour(Colour.ACCENT_FILL if on else Colour.BG2))
        painter.drawRoundedRect(track.adjusted(0.5, 0.5, -0.5, -0.5), track.height() / 2, track.height() / 2)
        size = track.height() - 6
        left = track.right() - size - 3 if on else track.left() + 3
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(Colour.ON_FILL if on else Colour.TEXT2))
        painter.drawEllipse(QRectF(left, track.top() + 3, size, size))
        painter.end()


class Stepper(QWidget):
    """A small number with a button to lower and one to raise it; `box` is what is filled in."""

    def __init__(self, least: int, most: int, *, step: int = 1) -> None:
        """Make one that begins with `least`; the buttons change it by `step`."""
        super().__init__()
        self.box = QSpinBox()
        self.box.setRange(least, most)
        self.box.setFont(theme.font(Type.NAME))
        self.box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        much = "One" if step == 1 else str(step)
        for icon, name, change, place in (("minus", f"{much} less", -step, 0), ("plus", f"{much} more", step, 2)):
            button = Button(icon=icon, name=name)
            button.setFixedSize(QSize(HEIGHT, HEIGHT))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, change=change: self.box.stepBy(change))
            if place == 2:
                row.addWidget(self.box, 1)
            row.addWidget(button)


class Choice(QComboBox):
    """One of several, each with a name and an address; the address is the item's data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Make an empty choice."""
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.setItemDelegate(_ChoiceRow(self))

    def offer(self, items: list[tuple[str, str]]) -> None:
        """Offer these names and addresses; what is chosen stays so, or becomes the first where it is gone."""
        if items == [(self.itemText(place), self.itemData(place)) for place in range(self.count())]:
            return
        chosen = self.currentData()
        self.blockSignals(True)
        self.clear()
        for name, address in items:
            self.addItem(name, address)
        self.setCurrentIndex(max(0, self.findData(chosen)) if items else -1)
        self.blockSignals(False)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused, wrong = self.hasFocus(), self.property("state") == "wrong"
        edge = Colour.ACCENT if focused else Colour.DANGER if wrong else Colour.FIELD
        painter.setPen(theme.pen(edge, 2 if focused else 1))
        painter.setBrush(theme.colour(Colour.BG2))
        inset = 1.0 if focused else 0.5
        box = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(box, Size.RADIUS_INPUT, Size.RADIUS_INPUT)
        words = self.rect().adjusted(12, 0, -36, 0)
        _paint_choice(painter, words, self.currentText(), str(self.currentData() or ""))
        arrow = theme.pixmap("caret-down", Colour.TEXT2, Size.ICON_TEXT, self.devicePixelRatioF())
        painter.drawPixmap(QPoint(self.width() - 26, (self.height() - Size.ICON_TEXT) // 2), arrow)
        painter.end()


class _ChoiceRow(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(120, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        box: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.fillRect(box, theme.colour(Colour.ACCENT_SOFT if chosen else Colour.BG2))
        name = str(index.data(Qt.ItemDataRole.DisplayRole))
        _paint_choice(painter, box.adjusted(12, 0, -12, 0), name, str(index.data(Qt.ItemDataRole.UserRole)))


def _paint_choice(painter: QPainter, box: QRect, name: str, address: str) -> None:
    room = box.width() - theme.metrics(Type.CODE).horizontalAdvance(address) - 16
    name = theme.elided(name, Type.BODY, max(40, room))
    painter.setFont(theme.font(Type.BODY))
    painter.setPen(theme.colour(Colour.TEXT))
    painter.drawText(box, ALIGN_LEFT, name)
    left = theme.metrics(Type.BODY).horizontalAdvance(name) + 16
    painter.setFont(theme.font(Type.CODE))
    painter.setPen(theme.colour(Colour.TEXT2))
    painter.drawText(box.adjusted(left, 0, 0, 0), ALIGN_LEFT, address)


class CopyLine(QWidget):
    """A command, as far as it fits into its lines, with a button that copies all of it."""

    LINES = 3
    LINE = 18

    def __init__(self, name: str) -> None:
        """Make an empty one; `name` says what is copied."""
        super().__init__()
        self.setFixedHeight(self.LINES * self.LINE + 12)
        self._name = name
        self._text = ""
        self._shown = ""
        self.setAccessibleName(name)
        self.button = Button(icon="copy", kind=Kind.QUIET)
        self.button.setFixedSize(QSize(28, 28))
        self.button.clicked.connect(self._copy)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._rest)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 4, 4)
        row.addStretch(1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self._rest()

    @property
    def text(self) -> str:
        """What is copied."""
        return self._text

    def say(self, text: str, shown: str = "") -> None:
        """Show another command; empty where there is none. Of several lines `shown` stands for all of them."""
        if text != self._text:
            self._text = text
            self._shown = shown or text
            self.setAccessibleDescription(text)
            self.setToolTip(literal(text))
            self.button.setEnabled(bool(text))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(Colour.BG2))
        painter.drawRoundedRect(QRectF(self.rect()), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
        painter.setFont(theme.font(Type.CODE))
        painter.setPen(theme.colour(Colour.TEXT2))
        width = self.width() - 12 - 40
        letters = max(8, width // theme.metrics(Type.CODE).horizontalAdvance("0"))
        for place, line in enumerate(broken(self._shown, letters, self.LINES)):
            painter.drawText(QRect(12, 6 + self.LINE * place, width + 8, self.LINE), ALIGN_LEFT, line)
        painter.end()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        self.button.restyle("", "check")
        describe(self.button, "Copied")
        self._timer.start(Span.COPIED)

    def _rest(self) -> None:
        self.button.restyle("", "copy")
        describe(self.button, f"Copy the {self._name}")


def broken(text: str, letters: int, lines: int) -> list[str]:
    """Break a text at its spaces into lines of so many letters; an ellipsis says that the last one goes on."""
    found: list[str] = []
    while text and len(found) < lines - 1:
        at = len(text) if len(text) <= letters else text.rfind(" ", 0, letters + 1)
        at = letters if at <= 0 else at
        found.append(text[:at].rstrip())
        text = text[at:].lstrip()
    if text:
        found.append(text if len(text) <= letters else text[: letters - 1] + "…")
    return found
