"""The models behind the Nodes view: the table of nodes and the lines of a log."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from gui import wording
from gui.nodes.rows import MESSAGE_FROM, NodeRow, describe
from gui.rows import Index, Rows
from gui.widgets.labels import literal
from server.childlog import LogLine, LogRing

_ROOT = QModelIndex()


class Column:
    """The columns of the node table."""

    NODE = 0
    MESH = 1
    SESSIONS = 2
    CPU = 3
    MEMORY = 4
    IN = 5
    OUT = 6
    ROUND_TRIP = 7
    UP = 8
    TOOLS = 9


class NodesModel(Rows[NodeRow]):
    """The nodes; `follow` brings it up to date."""

    heads = ("Node", "Mesh address", "Sessions", "CPU", "Memory", "In", "Out", "Round trip", "Up", "")

    def key(self, row: NodeRow) -> str:
        return row.id

    def changed_columns(self, old: NodeRow, new: NodeRow) -> tuple[int, int] | None:
        if (old.standing, old.message, old.advice, old.name, old.address) != (
            new.standing,
            new.message,
            new.advice,
            new.name,
            new.address,
        ):
            return 0, len(self.heads) - 1
        # Raw figures move all the time; what counts is what they read as.
        before, after = figures(old), figures(new)
        differing = [column for column in before if before[column] != after[column]]
        return (min(differing), max(differing)) if differing else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.at(index)
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            if column == Column.NODE:
                return wording.name(row.name)
            if column == Column.MESH:
                return row.mesh
            return figures(row).get(column, "")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return describe(row) if column == Column.NODE else figures(row).get(column, "")
        if role == Qt.ItemDataRole.ToolTipRole and row.message and column in range(Column.CPU, Column.TOOLS):
            return literal(". ".join(part.rstrip(".") for part in (row.message, row.advice) if part))
        return None


def figures(row: NodeRow) -> dict[int, str]:
    """What stands in the columns of figures; a row with a message has it in the place of most of them."""
    short = row.standing in MESSAGE_FROM and row.span < 3600
    last = wording.minutes(row.span) if short else wording.age(row.span * 1000)
    sessions = wording.count(row.sessions)
    if row.standing in MESSAGE_FROM:
        return {Column.SESSIONS: sessions, Column.CPU: row.message, Column.UP: last}
    return {
        Column.SESSIONS: sessions,
        Column.CPU: "–" if row.cpu is None else wording.percent(row.cpu),
        Column.MEMORY: "–" if row.memory is None else wording.size(row.memory),
        Column.IN: f"{wording.short(row.received)}/s",
        Column.OUT: f"{wording.short(row.sent)}/s",
        Column.ROUND_TRIP: "" if row.here else wording.milliseconds(row.round_trip),
        Column.UP: last,
    }


class LogModel(QAbstractListModel):
    """The log of one launched node, following its ring."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ring: LogRing | None = None
        self._lines: deque[LogLine] = deque()
        self._next = 0

    def show(self, ring: LogRing | None) -> None:
        """Show another node's log."""
        self.beginResetModel()
        self._ring = ring
        self._lines = deque(ring.since(0) if ring is not None else ())
        self._next = ring.next if ring is not None else 0
        self.endResetModel()

    def sync(self) -> int:
        """Take what was said since the last look; give the number of lines that fell out at the top."""
        ring = self._ring
        if ring is None or ring.next == self._next:
            return 0
        fresh = ring.since(self._next)
        gone = min(len(self._lines), len(self._lines) + len(fresh) - (ring.next - ring.first))
        if gone > 0:
            self.beginRemoveRows(_ROOT, 0, gone - 1)
            for _ in range(gone):
                self._lines.popleft()
            self.endRemoveRows()
        self.beginInsertRows(_ROOT, len(self._lines), len(self._lines) + len(fresh) - 1)
        self._lines.extend(fresh)
        self._next = ring.next
        self.endInsertRows()
        return max(0, gone)

    def line(self, row: int) -> LogLine:
        """The line in a row."""
        return self._lines[row]

    def text(self, first: int, last: int) -> str:
        """The lines of a range of rows as they are copied."""
        return "\n".join(written(line) for line in islice(self._lines, first, last + 1))

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self._lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return written(line)
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(line.text)
        return None


LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR"}


def written(line: LogLine) -> str:
    """A line as text."""
    return f"{moment(line)}  {LEVELS[line.level]:5}  {line.text}"


def moment(line: LogLine) -> str:
    """When it was said, to the millisecond."""
    return f"{wording.clock(line.at, seconds=True)}.{line.at % 1000:03d}"
