"""The table of nodes: its cells, its row tools, and the row of totals below."""

from __future__ import annotations

import enum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyleOptionViewItem, QToolTip, QWidget

from gui import theme, wording
from gui.nodes.model import Column, NodesModel, figures
from gui.nodes.rows import GONE, WRONG, NodeRow, Standing, Totals
from gui.tokens import Colour, Size, Type
from gui.widgets.cells import Cell
from gui.widgets.columns import ALIGN_LEFT, ALIGN_RIGHT, ColumnHeader, Table
from gui.widgets.painting import dot

INDENT = 36
"""Where names and the lines between rows begin."""
GAP = 8
BAR = 48
BUSY = 0.9
"""Share of a core from which CPU is an exception."""
TOOL = 32
TOTALS_ROW = 44
NAME_LEAST = 188
NAME_ALONE = 80
"""What a name has at the least beside its chips."""

WIDTHS = {
    Column.MESH: 168,
    Column.SESSIONS: 72,
    Column.CPU: 132,
    Column.MEMORY: 80,
    Column.IN: 76,
    Column.OUT: 76,
    Column.ROUND_TRIP: 96,
    Column.UP: 84,
    Column.TOOLS: 2 * TOOL + Size.PADDING,
}
YIELDING = (Column.MESH, Column.ROUND_TRIP, Column.IN, Column.MEMORY, Column.OUT)
"""Columns that go, in this order, where the table is too narrow for all."""
RIGHT = frozenset((Column.SESSIONS, Column.MEMORY, Column.IN, Column.OUT, Column.ROUND_TRIP, Column.UP))

MARKS = {
    Standing.STARTING: ("circle-notch", Colour.TEXT2),
    Standing.JOINING: ("circle-notch", Colour.TEXT2),
    Standing.STOPPING: ("circle-notch", Colour.TEXT2),
    Standing.DRAINING: ("sign-out", Colour.WARN),
    Standing.LATE: ("warning-fill", Colour.WARN),
    Standing.STOPPED: ("power", Colour.TEXT3),
    Standing.LOST: ("x-circle-fill", Colour.DANGER),
    Standing.FAILED: ("warning-circle-fill", Colour.DANGER),
}


class Tool(enum.Enum):
    """What a row offers under the pointer: (icon, words)."""

    COPY = ("copy", "Copy address")
    RESTART = ("arrow-clockwise", "Restart under the same name and ports")
    STOP = ("power", "Stop")
    DRAIN = ("sign-out", "Drain")
    KEEP = ("arrow-counter-clockwise", "Cancel the drain")
    REMOVE = ("trash", "Remove from the list")


def tools(row: NodeRow) -> tuple[Tool, ...]:
    """The tools of a row, from left to right; two at most."""
    found = []
    if row.keepable:
        found.append(Tool.KEEP)
    elif row.restartable:
        found.append(Tool.RESTART)
    elif row.url and row.standing not in GONE:
        found.append(Tool.COPY)
    if row.stoppable:
        found.append(Tool.STOP)
    elif row.removable:
        found.append(Tool.REMOVE)
    elif row.drainable:
        found.append(Tool.DRAIN)
    return tuple(found)


class NodeCell(Cell[NodeRow, "NodeTable"]):
    """One delegate for all columns; a row that has a message says it across those of the figures."""

    indent = INDENT

    def is_pointed(self, row: NodeRow, option: QStyleOptionViewItem) -> bool:
        return False

    def paint_cell(self, painter: QPainter, box: QRect, row: NodeRow, column: int, *, selected: bool) -> None:
        if column == Column.NODE:
            self._paint_node(painter, box, row)
        elif column == Column.TOOLS:
            if selected or self._table.pointed == row.id:
                self._paint_tools(painter, box, row)
            elif tools(row):
                drawn = theme.pixmap(
                    "dots-three", Colour.TEXT3, Size.ICON_BUTTON, painter.device().devicePixelRatioF()
                )
                painter.drawPixmap(box.right() - GAP - TOOL + 7, box.center().y() - Size.ICON_BUTTON // 2 + 1, drawn)
        elif row.message and column not in (Column.MESH, Column.SESSIONS):
            self._paint_message(painter, box, row)
            if column == Column.UP:
                self._paint_figure(painter, box, row, column, selected=selected)
        else:
            self._paint_figure(painter, box, row, column, selected=selected)

    def _paint_node(self, painter: QPainter, box: QRect, row: NodeRow) -> None:
        top = box.top() + 10
        if row.standing is Standing.UP:
            dot(painter, QPointF(box.left() + 22, top + 9), Colour.LIVE)
        else:
            icon, tone = MARKS[row.standing]
            drawn = theme.pixmap(icon, tone, 16, painter.device().devicePixelRatioF())
            painter.drawPixmap(box.left() + 14, top + 1, drawn)
        chips = [(row.note, Colour.ACCENT if row.here else Colour.TEXT2)] if row.note else []
        if row.standing is Standing.LATE:
            chips.insert(0, ("late", Colour.WARN))
        elif row.standing is Standing.DRAINING:
            chips.insert(0, ("draining", Colour.WARN))
        if row.lag:
            chips.insert(0, (f"lag {wording.short(row.lag)}", Colour.WARN))
        whole = box.right() - GAP - (box.left() + INDENT)
        while (room := whole - sum(_chip_width(words) for words, _ in chips)) < NAME_ALONE and chips:
            chips.pop()  # the worst news comes first and stays
        name = theme.elided(wording.name(row.name), Type.NAME, room)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT2 if row.standing is Standing.STOPPED else Colour.TEXT))
        painter.drawText(QRect(box.left() + INDENT, top, room, 18), ALIGN_LEFT, name)
        left = box.left() + INDENT + theme.metrics(Type.NAME).horizontalAdvance(name) + 8
        for words, tone in chips:
            left = _paint_chip(painter, left, top, words, tone) + 4
        painter.setFont(theme.font(Type.CODE))
        painter.setPen(theme.colour(Colour.TEXT3))
        address = theme.elided(row.address, Type.CODE, box.right() - GAP - (box.left() + INDENT))
        painter.drawText(QRect(box.left() + INDENT, top + 19, box.width() - INDENT, 18), ALIGN_LEFT, address)

    def _paint_figure(self, painter: QPainter, box: QRect, row: NodeRow, column: int, *, selected: bool) -> None:
        words = row.mesh if column == Column.MESH else figures(row).get(column, "")
        kind, tone = Type.SMALL, Colour.TEXT2
        if column == Column.MESH:
            kind, tone = Type.CODE, Colour.TEXT3
        elif column == Column.SESSIONS:
            kind, tone = Type.NAME, Colour.TEXT3 if row.standing in GONE else Colour.TEXT
        elif column == Column.UP and row.standing in WRONG:
            kind, tone = Type.SMALL_STRONG, Colour.DANGER
        elif column == Column.UP and row.standing is Standing.LATE and row.message:
            kind, tone = Type.SMALL_STRONG, Colour.WARN
        if column == Column.CPU:
            self._paint_cpu(painter, box, row, words, Colour.LINE2 if selected else Colour.BG3)
            return
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        if column == Column.MESH:
            painter.drawText(box, ALIGN_LEFT, theme.elided(words, kind, box.width() - GAP))
        else:
            painter.drawText(box, ALIGN_RIGHT, words)

    def _paint_cpu(self, painter: QPainter, box: QRect, row: NodeRow, words: str, track: Colour) -> None:
        left, middle = box.left() + 2 * GAP, box.center().y() + 0.5
        busy = row.cpu is not None and row.cpu >= BUSY
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(track))
        painter.drawRoundedRect(QRectF(left, middle - 2.5, BAR, 5), 2.5, 2.5)
        if row.cpu is not None:
            painter.setBrush(theme.colour(Colour.WARN if busy else Colour.ACCENT))
            painter.drawRoundedRect(QRectF(left, middle - 2.5, max(5, min(1.0, row.cpu) * BAR), 5), 2.5, 2.5)
        painter.setFont(theme.font(Type.SMALL_STRONG if busy else Type.SMALL))
        painter.setPen(theme.colour(Colour.WARN if busy else Colour.TEXT))
        painter.drawText(box.adjusted(0, 0, -2 * GAP, 0), ALIGN_RIGHT, words)

    def _paint_message(self, painter: QPainter, box: QRect, row: NodeRow) -> None:
        """Words that begin in the CPU column and go on behind the edges of the cells."""
        painter.save()
        painter.setClipRect(box)
        left = self._table.columnViewportPosition(Column.CPU) + 2 * GAP
        ago = theme.metrics(Type.SMALL_STRONG).horizontalAdvance(figures(row)[Column.UP])
        width = self._table.columnViewportPosition(Column.TOOLS) - ago - 2 * GAP - left
        line = QRect(left, box.top(), width, box.height())
        if row.advice:
            painter.setFont(theme.font(Type.SMALL))
            painter.setPen(theme.colour(Colour.TEXT2))
            below = line.adjusted(0, 29, 0, -9)
            painter.drawText(below, ALIGN_LEFT, theme.elided(row.advice, Type.SMALL, width))
            line = line.adjusted(0, 10, 0, -28)
        unwell = row.standing in WRONG or row.standing is Standing.LATE
        kind = Type.SMALL_STRONG if unwell else Type.SMALL
        tone = Colour.WARN if row.standing is Standing.LATE else Colour.DANGER if unwell else Colour.TEXT2
        painter.setFont(theme.font(kind))
        painter.setPen(theme.colour(tone))
        painter.drawText(line, ALIGN_LEFT, theme.elided(row.message, kind, width))
        painter.restore()

    def _paint_tools(self, painter: QPainter, box: QRect, row: NodeRow) -> None:
        ratio = painter.device().devicePixelRatioF()
        for tool, spot in spots(box, row):
            if self._table.pointed == row.id and self._table.pointed_tool is tool:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour(Colour.BG3))
                painter.drawRoundedRect(QRectF(spot), Size.RADIUS_BUTTON, Size.RADIUS_BUTTON)
            tone = Colour.DANGER if tool is Tool.STOP else Colour.TEXT2
            drawn = theme.pixmap(tool.value[0], tone, Size.ICON_BUTTON, ratio)
            inset = (TOOL - Size.ICON_BUTTON) // 2
            painter.drawPixmap(spot.topLeft() + QPoint(inset, inset), drawn)


def spots(box: QRect, row: NodeRow) -> list[tuple[Tool, QRect]]:
    """Where the tools of a row are in its last cell."""
    found = tools(row)
    left = box.right() + 1 - GAP - TOOL * len(found)
    top = box.top() + (box.height() - TOOL) // 2
    return [(tool, QRect(left + TOOL * place, top, TOOL, TOOL)) for place, tool in enumerate(found)]


def _chip_width(words: str) -> int:
    """What a chip takes, with the space before it."""
    return theme.metrics(Type.CAPTION).horizontalAdvance(words) + 24


def _paint_chip(painter: QPainter, left: int, top: int, words: str, tone: Colour) -> int:
    """A small word beside a name; gives where it ends."""
    ground = {Colour.ACCENT: Colour.ACCENT_SOFT, Colour.WARN: Colour.WARN_SOFT}.get(tone, Colour.BG3)
    width = theme.metrics(Type.CAPTION).horizontalAdvance(words) + 16
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(ground))
    painter.drawRoundedRect(QRectF(left, top, width, 18), 9, 9)
    painter.setFont(theme.font(Type.CAPTION))
    painter.setPen(theme.colour(tone))
    painter.drawText(QRect(left, top, width, 18), Qt.AlignmentFlag.AlignCenter, words)
    return left + width


class NodeTable(Table):
    """The table. Its tools act on the node that was under the pointer when the button went down."""

    used = Signal(str, Tool)
    """The id of a row and the tool that was clicked."""
    asked = Signal(str, QPoint)
    """The id of a row whose menu is wanted, and where."""

    def __init__(self, model: NodesModel, parent: QWidget | None = None) -> None:
        super().__init__(
            "Nodes", ColumnHeader(RIGHT, {Column.NODE: INDENT, Column.CPU: 2 * GAP}), Size.NODE_ROW, parent
        )
        self.pointed = ""
        """Id of the row under the pointer."""
        self.pointed_tool: Tool | None = None
        self._pointer = QPoint(-1, -1)
        self._pressed: tuple[str, Tool] | None = None
        self._model = model
        self.setModel(model)
        self.setItemDelegate(NodeCell(self, model))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.NODE, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            header.resizeSection(column, width)

    def height_of_rows(self) -> int:
        """How high it is with every row in sight."""
        return Size.COLUMN_HEADER + Size.NODE_ROW * self._model.rowCount()

    def selected(self) -> str:
        """Id of the selected row; empty where there is none."""
        index = self.currentIndex()
        return self._model.at(index).id if index.isValid() and self.selectionModel().isSelected(index) else ""

    def select(self, id: str) -> None:
        """Select a row by its id."""
        index = self._model.index_of(id)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def tool_at(self, place: QPoint) -> tuple[str, Tool] | None:
        """The tool at a point of the viewport, with the id of its row."""
        index = self.indexAt(place)
        if not index.isValid() or index.column() != Column.TOOLS:
            return None
        row = self._model.at(index)
        for tool, spot in spots(self.visualRect(index), row):
            if spot.contains(place):
                return row.id, tool
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        left = self.viewport().width() - sum(WIDTHS.values())
        for column in YIELDING:
            self.setColumnHidden(column, left < NAME_LEAST)
            left += WIDTHS[column] if left < NAME_LEAST else 0
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = (
            self.tool_at(event.position().toPoint()) if event.button() is Qt.MouseButton.LeftButton else None
        )
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        super().mouseReleaseEvent(event)
        there = self.tool_at(event.position().toPoint())
        if pressed is not None and there is not None and there[1] is pressed[1]:
            self.used.emit(*pressed)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position().toPoint())
        super().mouseMoveEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point(QPoint(-1, -1))
        elif event.type() == QEvent.Type.ToolTip and self.pointed_tool is not None:
            QToolTip.showText(self.viewport().mapToGlobal(self._pointer), self.pointed_tool.value[1], self.viewport())
            return True
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        mouse = event.reason() is QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if mouse else self.currentIndex()
        if index.isValid():
            place = event.pos() if mouse else self.visualRect(index).bottomLeft()
            self.asked.emit(self._model.at(index).id, self.viewport().mapToGlobal(place))

    def _point(self, place: QPoint) -> None:
        index = self.indexAt(place)
        pointed = self._model.at(index).id if index.isValid() else ""
        found = self.tool_at(place)
        tool = found[1] if found else None
        self._pointer = place
        if (pointed, tool) != (self.pointed, self.pointed_tool):
            touched = {self.pointed, pointed}
            self.pointed, self.pointed_tool = pointed, tool
            self._model.touch(touched, Column.TOOLS, Column.TOOLS)
            shape = Qt.CursorShape.PointingHandCursor if tool else Qt.CursorShape.ArrowCursor
            self.viewport().setCursor(shape)


class TotalsRow(QWidget):
    """What the nodes add up to, in the columns of the table above."""

    def __init__(self, table: NodeTable) -> None:
        super().__init__()
        self._table = table
        self._totals = Totals(0, None, None, 0.0, 0.0)
        self.setFixedHeight(TOTALS_ROW)
        table.horizontalHeader().sectionResized.connect(lambda *_: self.update())

    def say(self, totals: Totals) -> None:
        """Show other totals; costs nothing when they are the same."""
        if totals != self._totals:
            self._totals = totals
            self.setAccessibleName("Cluster: " + ", ".join(words for words in self._words().values() if words))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(Type.NAME))
        painter.setPen(theme.colour(Colour.TEXT2))
        painter.drawText(QRect(INDENT, 0, 120, self.height()), ALIGN_LEFT, "Cluster")
        painter.setPen(theme.colour(Colour.TEXT))
        for column, words in self._words().items():
            if self._table.isColumnHidden(column):
                continue
            left, width = self._table.columnViewportPosition(column), self._table.columnWidth(column)
            painter.setFont(theme.font(Type.NAME if column == Column.SESSIONS else Type.SMALL_STRONG))
            right = 2 * GAP if column == Column.CPU else 0
            painter.drawText(QRect(left, 0, width - right, self.height()), ALIGN_RIGHT, words)
        painter.end()

    def _words(self) -> dict[int, str]:
        totals = self._totals
        return {
            Column.SESSIONS: wording.count(totals.sessions),
            Column.CPU: "" if totals.cpu is None else wording.percent(totals.cpu),
            Column.MEMORY: "" if totals.memory is None else wording.size(totals.memory),
            Column.IN: f"{wording.short(totals.received)}/s",
            Column.OUT: f"{wording.short(totals.sent)}/s",
        }
