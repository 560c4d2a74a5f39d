"""The bans in force: whom, where and why, how much of the time is left, and the word that lifts one."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QAction, QMouseEvent, QPainter
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from gui import theme, wording
from gui.audit import words
from gui.audit.model import BansModel
from gui.tokens import Colour, Size, Type
from gui.widgets.buttons import Button
from gui.widgets.cells import Cell
from gui.widgets.columns import Table, visible_rows
from gui.widgets.painting import write
from gui.widgets.panes import Divider, EmptyState, PaneHeader
from server.views import BanView

ROW = 78
LIFT = 64
"""How wide the place of the word is."""
NAME_SHARE = 0.30
"""How much of the width who decided takes beside the bar."""


class BanCell(Cell[BanView, "BanTable"]):
    """Three lines: whom and how long, where and why, by whom and a bar of what is left."""

    indent = Size.PADDING

    def paint_cell(self, painter: QPainter, box: QRect, ban: BanView, column: int, *, selected: bool) -> None:
        now = words.now_ms()
        box = box.adjusted(Size.PADDING, 11, -Size.PADDING, -11)
        first = QRect(box.left(), box.top(), box.width(), 18)
        left = words.left(ban, now)
        room = first.width() - theme.metrics(Type.SMALL_STRONG).horizontalAdvance(left) - 12
        kind = Type.CODE if ban.ip else Type.NAME
        write(painter, first, theme.elided(words.whom(ban), kind, room), kind, Colour.TEXT)
        for_good = Colour.DANGER if ban.until is None else Colour.TEXT
        write(painter, first, left, Type.SMALL_STRONG, for_good, right=True)
        second = first.translated(0, 19)
        scope = theme.elided(words.scope(ban), Type.SMALL, second.width() - LIFT)
        write(painter, second, scope, Type.SMALL, Colour.TEXT2)
        lift = Colour.ACCENT if self._table.pointed == ban.ban else Colour.TEXT2
        write(painter, second, "Lift", Type.SMALL_STRONG, lift, right=True)
        third = first.translated(0, 38)
        name = round(third.width() * NAME_SHARE)
        who = theme.elided(f"by {wording.name(ban.by)}", Type.SMALL, name)
        write(painter, third, who, Type.SMALL, Colour.TEXT3)
        track = QRectF(third.left() + name + 8, third.center().y() - 1.5, third.width() - name - 8, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(Colour.BG3))
        painter.drawRoundedRect(track, 2, 2)
        painter.setBrush(theme.colour(Colour.DANGER if ban.until is None else Colour.TEXT2))
        track.setWidth(max(4.0, track.width() * words.share(ban, now)))
        painter.drawRoundedRect(track, 2, 2)


class BanTable(Table):
    """The list; ``Lift`` acts on the ban that was under the pointer when it went down."""

    lifted = Signal(str)
    """The ban of which the word was clicked."""

    def __init__(self, model: BansModel) -> None:
        super().__init__("Bans in force", None, ROW)
        self._model = model
        self.setModel(model)
        self.setItemDelegate(BanCell(self, model))
        self.pointed = ""
        """The ban whose ``Lift`` is under the pointer."""
        self._pressed = ""

    @property
    def selected(self) -> str:
        """The selected ban; empty for none."""
        return self._model.at(self.chosen).ban if self.chosen.isValid() else ""

    def age(self) -> None:
        """Have the times that can be seen painted anew."""
        first, last = visible_rows(self)
        if last >= first:
            self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._lift_at(event.position().toPoint())
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._pressed and self._lift_at(event.position().toPoint()) == self._pressed:
            self.lifted.emit(self._pressed)
        self._pressed = ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        pointed = self._lift_at(event.position().toPoint())
        if pointed != self.pointed:
            self.pointed = pointed
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if pointed else Qt.CursorShape.ArrowCursor)
            self.viewport().update()

    def _lift_at(self, place: QPoint) -> str:
        index = self.indexAt(place)
        if not index.isValid():
            return ""
        box = self.visualRect(index)
        line = QRect(box.right() - Size.PADDING - LIFT, box.top() + 28, LIFT + Size.PADDING, 22)
        return self._model.at(index).ban if line.contains(place) else ""


class BansPane(QWidget):
    """Head, list, and what stands there while there is none."""

    def __init__(self, add: QAction) -> None:
        super().__init__()
        self._shown: list[BanView] | None = None
        self.model = BansModel()
        self.table = BanTable(self.model)
        self.header = PaneHeader("Bans in force", height=56)
        self.header.controls.addWidget(Button.of(add, icon="plus", text="Add ban", show_key=False))
        self.empty = EmptyState("No bans in force.", icon="shield-check")
        stage = QWidget()
        self._pages = QStackedLayout(stage)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(Divider())
        column.addWidget(stage, 1)

    def follow(self, bans: list[BanView]) -> None:
        """Show these; the same list as before is the same bans."""
        if bans is self._shown:
            return
        self._shown = bans
        self.model.follow(bans)
        self.header.count.say(wording.count(len(bans)) if bans else "")
        self._pages.setCurrentIndex(1 if bans else 0)
