"""Writes messages to a file of JSON Lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from gui.files import write
from server.flow import FlowRow, as_json


async def export(rows: Iterable[FlowRow], path: Path) -> int:
    """Write rows to `path`, one to a line, and give how many. Raises ExportFailed; then nothing is left behind."""
    return await write(_lines(rows), path)


async def _lines(rows: Iterable[FlowRow]) -> AsyncIterator[bytes]:
    for row in rows:
        yield as_json(row) + b"\n"
