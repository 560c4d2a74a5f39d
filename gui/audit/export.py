"""The sheet and the file to which the audit is written."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path

from PySide6.QtWidgets import QWidget

from gui.widgets.file_sheet import FileSheet


class AuditSheet(FileSheet):
    """Asks where; the ending of the name says how."""

    def __init__(self, window: QWidget, *, path: Path) -> None:
        sentence = "What the filter lets through, newest first. A name that ends in .json gives JSON, any other CSV."
        super().__init__(window, "Export the audit", sentence, path=path)


async def as_bytes(pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """The text of a file as it is written."""
    async for piece in pieces:
        yield piece.encode()


def proposed(now: int) -> Path:
    """A name for an export in the folder of the person; `now` in ms since 1970."""
    local = datetime.datetime.fromtimestamp(now / 1000, datetime.UTC).astimezone()
    return Path.home() / f"switchboard-audit-{local:%Y%m%d-%H%M%S}.csv"
