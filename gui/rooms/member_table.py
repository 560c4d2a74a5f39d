"""The table of members: what is under the pointer, tools that act on whom they were pressed, little width."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableView, QToolTip, QWidget

from gui import wording
from gui.rooms.member_row import INDENT, RIGHT, MemberRow
from gui.rooms.members_model import AGE, LEVEL, NAME, NODE, RTT, STRIP, TOOLS, MembersModel, Sorting, resumed_words
from gui.rooms.tools import Tool, tool_at, tool_boxes
from gui.tokens import Size
from gui.widgets.columns import ColumnHeader, Table, visible_rows
from gui.widgets.labels import literal

COLUMNS = {LEVEL: 50, STRIP: 114, NODE: 60, AGE: 54, RTT: 58, TOOLS: 98}
"""Widths; the name takes the rest."""
NARROW_COLUMNS = {LEVEL: 46, STRIP: 72, NODE: 60, RTT: 54, TOOLS: 96}
NARROW = 560
"""A table below this width goes without the age."""
TIGHT = 470
"""And below this one without the node."""


class MemberTable(Table):
    """Rows of members. A tool acts on the member who was under the pointer when it was pressed."""

    tool_used = Signal(object, str)
    """A `Tool` and the session it is for."""
    sorted_by = Signal(object, bool)
    """A `Sorting`, and whether it is the other way round."""

    def __init__(self, model: MembersModel, parent: QWidget | None = None) -> None:
        header = ColumnHeader(RIGHT, {NAME: INDENT})
        super().__init__("Members", header, Size.MEMBER_ROW, parent)
        self.alone = False
        """Whether one row is selected, and no more."""
        self.hovered = ""
        """The session whose row is under the pointer."""
        self.tool: tuple[str, Tool] | None = None
        """The tool under the pointer."""
        self._pressed: tuple[str, Tool, QRect] | None = None
        self._members = model
        self.setModel(model)
        self.setItemDelegate(MemberRow(self, model))
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.selectionModel().selectionChanged.connect(self._count)
        self.setMouseTracking(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._head_clicked)
        self.sort_by(Sorting.VOICE)

    @property
    def visible_range(self) -> tuple[int, int]:
        """First and last row that can be seen."""
        return visible_rows(self)

    def sort_by(self, sorting: Sorting, reverse: bool = False) -> None:
        """Show by what the rows are sorted, and say so."""
        self.sorting, self.reverse = sorting, reverse
        header = self.horizontalHeader()
        assert isinstance(header, ColumnHeader)
        header.mark(sorting.value, up=reverse)
        self.sorted_by.emit(sorting, reverse)

    def _head_clicked(self, column: int) -> None:
        sorting = next((each for each in Sorting if each.value == column), None)
        if sorting is not None:
            self.sort_by(sorting, sorting is self.sorting and not self.reverse)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._look(event.position().toPoint())
        if self._pressed is None:
            super().mouseMoveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        self._look(at)
        if event.button() is Qt.MouseButton.LeftButton and self.tool is not None:
            session, tool = self.tool
            self._pressed = session, tool, self._boxes(at)[tool]
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            super().mouseReleaseEvent(event)
            return
        session, tool, box = pressed
        if box.contains(event.position().toPoint()):
            self.tool_used.emit(tool, session)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._look(QPoint(-1, -1))
        super().leaveEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._look(QPoint(-1, -1))
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = self._tip(event.pos())
            QToolTip.showText(event.globalPos(), literal(words), self.viewport())
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = event.size().width()
        self.setColumnHidden(AGE, width < NARROW)
        self.setColumnHidden(NODE, width < TIGHT)
        for column, size in (NARROW_COLUMNS if width < NARROW else COLUMNS).items():
            if self.columnWidth(column) != size:
                self.horizontalHeader().resizeSection(column, size)

    def _count(self) -> None:
        alone = len(self.selectionModel().selectedRows()) == 1
        if alone is not self.alone:
            self.alone = alone
            self.viewport().update()

    def _tip(self, at: QPoint) -> str:
        index = self.indexAt(at)
        if not index.isValid():
            return ""
        member = self._members.at(index)
        if self.tool is not None:
            return self.tool[1].words(member)
        if index.column() == NAME:
            return wording.name(member.name)
        if index.column() == NODE and member.resumes:
            words = resumed_words(member)
            return f"{wording.name(member.node_name)}: {words}"
        return self._members.words(member, index.column())

    def _boxes(self, at: QPoint) -> dict[Tool, QRect]:
        index = self._members.index(self.rowAt(at.y()), TOOLS)
        return tool_boxes(self.visualRect(index), leaving=self._members.leaving(self._members.at(index)))

    def _look(self, at: QPoint) -> None:
        """Note what is under the pointer, and paint its row anew."""
        index = self.indexAt(at) if self.viewport().rect().contains(at) else self._members.index(-1, -1)
        hovered, tool = "", None
        if index.isValid():
            hovered = self._members.at(index).session
            if hovered not in self._members.gone:
                found = tool_at(self._boxes(at), at)
                tool = (hovered, found) if found is not None else None
        before = self.hovered
        if (hovered, tool) == (before, self.tool):
            return
        self.hovered, self.tool = hovered, tool
        for session in {before, hovered}:
            place = self._members.place(session)
            if place is not None:
                top = self.rowViewportPosition(place)
                self.viewport().update(0, top, self.viewport().width(), Size.MEMBER_ROW)
