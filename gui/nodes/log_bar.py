"""The bar over the log: a tab for each node, as far as there is room, and what shows or hides a level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QTabBar, QWidget

from gui import theme, wording
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT
from gui.widgets.labels import describe, entry


class Tabs(QTabBar):
    """Tabs of names, each with an id."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFont(theme.font(Type.SMALL_STRONG))

    def offer(self, items: Sequence[tuple[str, str]]) -> None:
        """Show these (id, name); the current one stays so, or becomes the first where it is gone."""
        if items == [(self.tabData(place), self._name(place)) for place in range(self.count())]:
            return
        current = self.current()
        self.blockSignals(True)
        while self.count() > len(items):
            self.removeTab(self.count() - 1)
        for place, (id, name) in enumerate(items):
            # A single ampersand would become a short cut.
            text = entry(name)
            if place >= self.count():
                self.addTab(text)
            self.setTabText(place, text)
            self.setTabData(place, id)
        self.blockSignals(False)
        self.choose(current)

    def choose(self, id: str) -> None:
        """Make a tab the current one."""
        place = next((place for place in range(self.count()) if self.tabData(place) == id), 0)
        if place != self.currentIndex():
            self.setCurrentIndex(place)
        else:
            self.currentChanged.emit(place)

    def current(self) -> str:
        """The id of the current tab; empty where there is none."""
        return str(self.tabData(self.currentIndex()) or "")

    def tabSizeHint(self, index: int) -> QSize:
        return QSize(theme.metrics(Type.SMALL_STRONG).horizontalAdvance(self._name(index)) + 28, 28)

    def minimumTabSizeHint(self, index: int) -> QSize:
        return self.tabSizeHint(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(Type.SMALL_STRONG))
        pointer = self.mapFromGlobal(self.cursor().pos())
        for place in range(self.count()):
            box = self.tabRect(place).adjusted(0, 0, -4, 0)
            chosen = place == self.currentIndex()
            if chosen or box.contains(pointer):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(Colour.BG3 if chosen else Colour.BG2))
                painter.drawRoundedRect(QRectF(box), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            if chosen and self.hasFocus():
                painter.setPen(theme.pen(Colour.ACCENT, 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            painter.setPen(theme.colour(Colour.TEXT if chosen else Colour.TEXT2))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._name(place))
        painter.end()

    def _name(self, place: int) -> str:
        return self.tabText(place).replace("&&", "&")


class TabStrip(QWidget):
    """Tabs as far as there is room; the others are in a menu. The current one is always in sight."""

    def __init__(self, tabs: Tabs) -> None:
        """Put `tabs` in a strip."""
        super().__init__()
        self.tabs = tabs
        self.more = Button("More", kind=Kind.QUIET)
        describe(self.more, "Logs of more nodes")
        self.more.clicked.connect(self._open)
        self.more.hide()
        self.setFixedHeight(Size.BUTTON)
        self.setMinimumWidth(self.more.sizeHint().width())
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        tabs.setParent(self)
        tabs.setUsesScrollButtons(False)
        tabs.currentChanged.connect(lambda _: self.fit())

    def fit(self) -> None:
        """Hide the tabs for which there is no room."""
        sizes = [self.tabs.tabSizeHint(place).width() for place in range(self.tabs.count())]
        more = self.more.sizeHint().width()
        room = self.width() - (more if sum(sizes) > self.width() else 0)
        current = self.tabs.currentIndex()
        left = room - (sizes[current] if 0 <= current < len(sizes) else 0)
        hidden = False
        for place, size in enumerate(sizes):
            if place != current:
                left -= size
            shown = place == current or left >= 0
            hidden = hidden or not shown
            if self.tabs.isTabVisible(place) is not shown:
                self.tabs.setTabVisible(place, shown)
        used = min(room, sum(size for place, size in enumerate(sizes) if self.tabs.isTabVisible(place)))
        self.tabs.setGeometry(0, 2, used, 28)
        self.more.setVisible(hidden)
        if hidden:
            self.more.setParent(self)
            self.more.setGeometry(used, 0, more, Size.BUTTON)
            self.more.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.fit()

    def _open(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for place in range(self.tabs.count()):
            if not self.tabs.isTabVisible(place):
                act = menu.addAction(self.tabs.tabText(place))
                act.triggered.connect(partial(self.tabs.choose, str(self.tabs.tabData(place))))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))


class LevelButton(QAbstractButton):
    """Shows or hides the lines of a level, and says how many there are."""

    def __init__(self, word: str, tone: Colour) -> None:
        """Make one that shows them."""
        super().__init__()
        self._word = word
        self._tone = tone
        self._number = 0
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.toggled.connect(lambda _: self._describe())
        self._describe()

    def count(self, number: int) -> None:
        """Say how many lines there are."""
        if number != self._number:
            self._number = number
            self._describe()
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        words = theme.metrics(Type.SMALL_STRONG).horizontalAdvance
        figure = words(wording.short(self._number)) + 6 if self._number else 0
        return QSize(words(self._word) + figure + 16, 28)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        on = self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.underMouse() or self.hasFocus():
            painter.setPen(theme.pen(Colour.ACCENT, 2) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(Colour.BG2) if self.underMouse() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
        painter.setFont(theme.font(Type.SMALL_STRONG, not on))
        painter.setPen(theme.colour(Colour.TEXT2 if on else Colour.TEXT3))
        words = self.rect().adjusted(8, 0, -8, 0)
        painter.drawText(words, ALIGN_LEFT, self._word)
        if self._number:
            painter.setFont(theme.font(Type.SMALL_STRONG))
            painter.setPen(theme.colour(self._tone if on else Colour.TEXT3))
            painter.drawText(words, ALIGN_RIGHT, wording.short(self._number))
        painter.end()

    def _describe(self) -> None:
        state = "shown" if self.isChecked() else "hidden"
        describe(self, f"{self._word}: {wording.count(self._number)}, {state}", hint=f"Show or hide: {self._word}")
