"""The bar between chart and table: the filter, what it finds, saved filters, and what is done with all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import theme, wording
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.columns import ALIGN_LEFT
from gui.widgets.labels import Label, describe
from gui.widgets.query_field import QueryField
from server.flow import FIELDS

CHIP = 26
CHIP_MOST = 280
CROSS = 22
NARROW = 900
"""Below this width the buttons show no keys."""
EXAMPLE = "latency>20ms not kind:voice"


class SavedChip(QAbstractButton):
    """A saved filter: a click puts it to use, its cross or ``Del`` forgets it."""

    forgotten = Signal(str)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.filter = text
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        describe(self, f"Saved filter {wording.name(text)}", hint=f"{wording.name(text)}  (Del forgets it)")

    def nextCheckState(self) -> None:
        """The filter that is in use says which is checked, not the click."""

    def sizeHint(self) -> QSize:
        words = theme.metrics(Type.CODE).horizontalAdvance(wording.name(self.filter))
        return QSize(min(CHIP_MOST, 10 + words + 4 + CROSS), CHIP)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.forgotten.emit(self.filter)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.isDown() and event.position().x() >= self.width() - CROSS and self.rect().contains(event.pos()):
            self.setDown(False)
            self.forgotten.emit(self.filter)
            return
        super().mouseReleaseEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, focus = self.isChecked(), self.hasFocus()
        painter.setPen(theme.pen(Colour.ACCENT, 2) if focus else theme.pen(Colour.LINE2))
        painter.setBrush(theme.colour(Colour.ACCENT_SOFT if on else Colour.BG3 if self.underMouse() else Colour.BG1))
        inset = 1.0 if focus else 0.5
        box = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setFont(theme.font(Type.CODE))
        painter.setPen(theme.colour(Colour.ACCENT if on else Colour.TEXT2))
        room = self.width() - 10 - CROSS
        words = theme.elided(wording.name(self.filter), Type.CODE, room)
        painter.drawText(QRect(10, 0, room + 2, self.height()), ALIGN_LEFT, words)
        cross = theme.pixmap("x", Colour.TEXT3, 12, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - CROSS + 4, (self.height() - 12) // 2, cross)
        painter.end()


class SavedFilters(QWidget):
    """Saved filters beside each other; hidden while there are none."""

    used = Signal(str)
    changed = Signal()
    """There are others than before."""

    def __init__(self) -> None:
        super().__init__()
        self.chips: list[SavedChip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addStretch(1)
        self.hide()

    @property
    def filters(self) -> list[str]:
        """The filters, oldest first."""
        return [chip.filter for chip in self.chips]

    def offer(self, filters: Sequence[str]) -> None:
        """Offer these."""
        for chip in self.chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self.chips = []
        for text in dict.fromkeys(filters):
            chip = SavedChip(text)
            chip.clicked.connect(lambda _checked=False, text=text: self.used.emit(text))
            chip.forgotten.connect(self._forget)
            self._row.insertWidget(len(self.chips), chip)
            self.chips.append(chip)
        self.setVisible(bool(self.chips))
        self._fit()

    def save(self, text: str) -> None:
        """Keep one more."""
        if text and text not in self.filters:
            self.offer([*self.filters, text])
            self.changed.emit()

    def mark(self, text: str) -> None:
        """Show which one is in use."""
        for chip in self.chips:
            chip.setChecked(chip.filter == text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, CHIP)

    def _fit(self) -> None:
        """Share the width where there are many, down to what still shows some letters."""
        if self.chips:
            each = max(64, (self.width() - 8 * len(self.chips)) // len(self.chips))
            crowded = sum(chip.sizeHint().width() + 8 for chip in self.chips) > self.width()
            for chip in self.chips:
                chip.setFixedWidth(min(each, chip.sizeHint().width()) if crowded else chip.sizeHint().width())

    def _forget(self, text: str) -> None:
        self.offer([one for one in self.filters if one != text])
        self.changed.emit()


class FilterBar(QWidget):
    """The bar. What it filters and does is its owner's."""

    def __init__(
        self,
        values: Callable[[str], Iterable[str]],
        *,
        pause: QAction,
        clear: QAction,
        export: QAction,
        save: QAction,
        highlight: QAction,
    ) -> None:
        """Make it; `values` gives the values of a field that were seen."""
        super().__init__()
        self.filter = QueryField("Filter messages", FIELDS, values, example=EXAMPLE)
        highlight_key = highlight.shortcut().toString()
        self.highlight = QueryField(
            "Highlight messages",
            FIELDS,
            values,
            key=highlight_key,
            icon="highlighter",
            example="rows to highlight, such as is:slow",
        )
        self.saved = SavedFilters()
        self.count = Label("", Type.NAME, Colour.TEXT2)
        self.problem = Label("", Type.SMALL, Colour.DANGER, elide=True)
        self.highlight_problem = Label("", Type.SMALL, Colour.DANGER, elide=True)
        self.save = Button.of(save, kind=Kind.QUIET, icon="bookmark-simple", show_key=False)
        self.save.setText("")
        self.save.setFixedSize(QSize(Size.BUTTON, Size.BUTTON))
        self.pause = Button.of(pause, icon="pause")
        self.clear = Button.of(clear, icon="trash", show_key=False)
        self.export = Button.of(export, icon="export", text="Export", show_key=False)
        for label in (self.problem, self.highlight_problem):
            label.hide()
        self.highlight.hide()
        self._pause = pause
        self._lay_out()
        self.filter.judged.connect(lambda problem: self._blame(self.problem, problem))
        self.highlight.judged.connect(lambda problem: self._blame(self.highlight_problem, problem))
        self.saved.used.connect(self.filter.put)

    def show_paused(self, paused: bool) -> None:
        """Say on the button what it does now."""
        words, icon = ("Resume", "play") if paused else ("Pause", "pause")
        if self.pause.text() != words:
            self.pause.restyle(words, icon)
            describe(self.pause, words, key=self._pause.shortcut().toString())
            self.pause.updateGeometry()

    def show_highlight(self, shown: bool) -> None:
        """Show or hide the second field."""
        self.highlight.setVisible(shown)
        self._blame(self.highlight_problem, self.highlight.problem if shown else "")

    def _blame(self, label: Label, problem: str) -> None:
        label.say(f"Not a filter yet: {problem}. The last one stays." if problem else "")
        label.setVisible(bool(problem))

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.filter, 3)
        first.addWidget(self.save)
        first.addSpacing(4)
        first.addWidget(self.count)
        first.addStretch(1)
        for button in (self.pause, self.clear, self.export):
            first.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Size.PADDING, 10, Size.PADDING, 10)
        column.setSpacing(6)
        column.addLayout(first)
        column.addWidget(self.problem)
        column.addWidget(self.highlight)
        column.addWidget(self.highlight_problem)
        column.addWidget(self.saved)
