"""Cells as terms of the filter language, and terms put into a filter; no Qt here."""

from __future__ import annotations

from gui.flow.rows import Column
from server.flow import FIELDS, FlowRow
from server.query import QueryError, parse
from server.query_lexer import as_value
from server.query_tree import Either

NAMES = {
    Column.NODE: "node",
    Column.ROOM: "room",
    Column.FROM: "from",
    Column.TO: "to",
    Column.KIND: "kind",
    Column.BYTES: "bytes",
    Column.LATENCY: "latency",
    Column.BAR: "latency",
}
"""The field of the filter language that each column shows."""


def term(row: FlowRow, column: int) -> str:
    """What finds messages with the same value in a column; empty where nothing can."""
    name = NAMES.get(Column(column), "")
    value = row.get(name)
    if isinstance(value, str) and value:
        return f"{name}:{as_value(value)}"
    if name == "latency" and isinstance(value, float):
        return f"latency:{value:.1f}ms" if value < 0.95 else f"latency:{value:.0f}ms"
    if name == "bytes" and isinstance(value, int):
        return f"bytes:{value}"
    return ""


def narrowed(text: str, term: str, *, out: bool) -> str:
    """A filter that holds also for this term, or that leaves it out."""
    wanted = f"not {term}" if out else term
    if not text:
        return wanted
    try:
        several = isinstance(parse(text, FIELDS).tree, Either)
    except QueryError:
        return wanted
    return f"({text}) {wanted}" if several else f"{text} {wanted}"
