"""The inbox: a row for each report, those that wait on top."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from gui import theme, wording
from gui.audit.words import moment, now_ms
from gui.reports import words
from gui.rows import Index, Rows
from gui.tokens import Colour, Size, Type
from gui.widgets.cells import Cell
from gui.widgets.columns import Table
from gui.widgets.labels import literal
from gui.widgets.painting import write
from server.inbox import ReportView

ROW = 78
ICON = 18


class ReportsModel(Rows[ReportView]):
    """The reports, as `gui.reports.words.sorted_for_work` has them."""

    def key(self, row: ReportView) -> str:
        return row.report

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        report = self.at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return words.headline(report)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.described(report, now_ms())
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(words.said(report))
        return None


class ReportCell(Cell[ReportView, "ReportTable"]):
    """Three lines: whom and where, what was written, by whom and how it stands."""

    indent = Size.PADDING

    def paint_cell(self, painter: QPainter, box: QRect, report: ReportView, column: int, *, selected: bool) -> None:
        now = now_ms()
        over = report.state == "closed"
        how, tone = words.standing(report)
        icon = "check" if over else "flag-fill" if report.state == "open" else "flag"
        drawn = theme.pixmap(icon, tone, ICON, painter.device().devicePixelRatioF())
        painter.drawPixmap(box.left() + Size.PADDING, box.top() + 11, drawn)
        box = box.adjusted(Size.PADDING + ICON + 10, 11, -Size.PADDING, -11)
        first = QRect(box.left(), box.top(), box.width(), 18)
        second, third = first.translated(0, 19), first.translated(0, 38)
        when = moment(report.at, now)
        room = first.width() - theme.metrics(Type.SMALL).horizontalAdvance(when) - 12
        head = Colour.TEXT2 if over else Colour.TEXT
        write(painter, first, theme.elided(words.headline(report), Type.NAME, room), Type.NAME, head)
        write(painter, first, when, Type.SMALL, Colour.TEXT3, right=True)
        text = theme.elided(words.said(report), Type.SMALL, second.width())
        write(painter, second, text, Type.SMALL, Colour.TEXT2)
        room = third.width() - theme.metrics(Type.SMALL_STRONG).horizontalAdvance(how) - 12
        who = theme.elided(f"by {wording.name(report.reporter.name)}", Type.SMALL, room)
        write(painter, third, who, Type.SMALL, Colour.TEXT3)
        write(painter, third, how, Type.SMALL_STRONG, tone, right=True)


class ReportTable(Table):
    """The list."""

    def __init__(self, model: ReportsModel) -> None:
        super().__init__("Reports", None, ROW)
        self._model = model
        self.setModel(model)
        self.setItemDelegate(ReportCell(self, model))

    @property
    def selected(self) -> str:
        """The selected report; empty for none."""
        return self._model.at(self.chosen).report if self.chosen.isValid() else ""

    def select(self, report: str) -> None:
        """Select a report, if it is here."""
        index = self._model.index_of(report)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)
