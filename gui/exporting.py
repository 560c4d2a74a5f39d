"""An export: the sheet that asks for a file, and what is said of the writing, in the sheet or after it."""

from __future__ import annotations

import datetime
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shiboken6 import Shiboken

from gui import wording
from gui.files import ExportFailed
from server.wire.native import Refused

if TYPE_CHECKING:
    from gui.views import Context
    from gui.widgets.file_sheet import FileSheet

Write = Callable[[Path], Awaitable[str]]
"""Writes to a path, and gives what was done in a few words. Raises ExportFailed, or Refused."""


def ask(context: Context, sheet: FileSheet, write: Write) -> None:
    """Open the sheet, and write when it gives a path; who closes it meanwhile stops nothing."""

    def begin(text: str) -> None:
        sheet.work()
        path = Path(text).expanduser()
        context.tasks.start(_run(context, sheet, write(path), path), "write the export")

    sheet.chosen.connect(begin)
    sheet.open()


async def _run(context: Context, sheet: FileSheet, work: Awaitable[str], path: Path) -> None:
    try:
        done = await work
    except (ExportFailed, Refused) as failed:
        if _is_open(sheet):
            sheet.blame(str(failed))
        else:
            context.toasts.warn(str(failed))
        return
    if _is_open(sheet):
        sheet.done(1)
    context.toasts.say(done, wording.name(str(path)), icon="export")


def _is_open(sheet: FileSheet) -> bool:
    return Shiboken.isValid(sheet) and not sheet.isHidden()


def proposed(what: str, ending: str) -> Path:
    """A name for an export of now in the folder of the person."""
    local = datetime.datetime.fromtimestamp(time.time(), datetime.UTC).astimezone()
    return Path.home() / f"switchboard-{what}-{local:%Y%m%d-%H%M%S}.{ending}"
