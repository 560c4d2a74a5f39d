"""The model of the node table."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from gui import wording
from gui.nodes.rows import NodeRow, describe
from gui.rows import Index, Rows
from gui.widgets.labels import literal


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
        differing = [Column.NODE] if old.lag != new.lag else []
        differing += [column for column in before if before[column] != after[column]]
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
    short = row.message and row.span < 3600
    last = wording.minutes(row.span) if short else wording.age(row.span * 1000)
    sessions = wording.count(row.sessions)
    if row.message:
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
