"""Tabs that say how much is behind each of them; arrow keys move between them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from gui import theme, wording
from gui.tokens import Colour, Size, Type
from gui.widgets.labels import describe

_CENTRE = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


class Tab(QAbstractButton):
    """One of them: a word and a count."""

    def __init__(self, text: str, *, lined: bool, parent: QWidget | None = None) -> None:
        """Make it; `lined` ones have a line below while chosen, the others a ground."""
        super().__init__(parent)
        self._lined = lined
        self._count: int | None = None
        self._tight = False
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        describe(self, text)

    @property
    def count(self) -> int | None:
        """The count it shows."""
        return self._count

    def say(self, count: int | None) -> None:
        """Show another count, or none; costs nothing when it is the same."""
        if count != self._count:
            wider = len(self._words) != len("" if count is None else wording.count(count))
            self._count = count
            self.setAccessibleDescription(self._words)
            if wider:
                self.updateGeometry()
            self.update()

    def tighten(self, tight: bool) -> None:
        """Take little room: the count is shown only while this is chosen."""
        if tight is not self._tight:
            self._tight = tight
            self.updateGeometry()

    @property
    def _words(self) -> str:
        return "" if self._count is None else wording.count(self._count)

    @property
    def _counts(self) -> bool:
        return self._count is not None and (self.isChecked() or not self._tight)

    @property
    def _padding(self) -> int:
        return 0 if self._lined else 4 if self._tight else 10

    def sizeHint(self) -> QSize:
        width = theme.metrics(Type.NAME).horizontalAdvance(self.text())
        if self._counts:
            width += 6 + theme.metrics(Type.NAME).horizontalAdvance(self._words)
        return QSize(width + 2 * self._padding, Size.PANE_HEADER if self._lined else 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        on = self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        if self._lined:
            if on:
                painter.fillRect(QRect(0, self.height() - 2, self.width(), 2), theme.colour(Colour.ACCENT))
        elif on or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.BG3))
            painter.drawRoundedRect(box, Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
        if self.hasFocus():
            painter.setPen(theme.pen(Colour.ACCENT, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            margin = 8 if self._lined else 1
            painter.drawRoundedRect(box.adjusted(1, margin, -1, -margin), 5, 5)
        left = self._padding
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT if on or self.underMouse() else Colour.TEXT2))
        text = theme.elided(self.text(), Type.NAME, self.width() - 2 * left)
        painter.drawText(QRect(left, 0, self.width(), self.height()), _CENTRE, text)
        if self._counts:
            left += theme.metrics(Type.NAME).horizontalAdvance(self.text()) + 6
            painter.setFont(theme.font(Type.NAME))
            painter.setPen(theme.colour(Colour.TEXT2 if on else Colour.TEXT3))
            painter.drawText(QRect(left, 0, self.width(), self.height()), _CENTRE, self._words)
        painter.end()


class Tabs(QWidget):
    """A row of tabs, one of them chosen."""

    chosen = Signal(int)
    """The place of the tab that a person has chosen."""

    def __init__(self, names: Sequence[str], *, lined: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(20 if lined else 2)
        self.tabs = [Tab(name, lined=lined) for name in names]
        for place, tab in enumerate(self.tabs):
            self._group.addButton(tab, place)
            row.addWidget(tab)
        self.tabs[0].setChecked(True)
        self._group.idToggled.connect(self._toggled)

    @property
    def place(self) -> int:
        """Which is chosen, counted from 0."""
        return self._group.checkedId()

    def tighten(self, tight: bool) -> None:
        """Take little room."""
        for tab in self.tabs:
            tab.tighten(tight)

    def choose(self, place: int) -> None:
        """Choose one."""
        self.tabs[place].setChecked(True)

    def _toggled(self, place: int, on: bool) -> None:
        self.tabs[place].updateGeometry()
        if on:
            self.chosen.emit(place)
