"""Writes what somebody exports to a file: under another name until it is whole, for its owner alone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import AsyncIterable
from pathlib import Path

BUDGET = 0.004
"""Seconds that one slice may take."""
STEP = 32


class ExportFailed(Exception):
    """The file could not be written; the text is one sentence for a person."""


async def write(lines: AsyncIterable[bytes], path: Path) -> int:
    """Write lines to `path`, and give how many. Raises ExportFailed; then nothing is left behind.

    The loop is let go after each slice. Until all is written the file has another name, so that what was there
    before stays whole; only its owner can read it.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    count = 0
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            ends = time.perf_counter() + BUDGET
            async for line in lines:
                file.write(line)
                count += 1
                if count % STEP == 0 and time.perf_counter() > ends:
                    await asyncio.sleep(0)
                    ends = time.perf_counter() + BUDGET
        part.replace(path)
    except OSError as error:
        raise ExportFailed(sentence(error, path)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def sentence(error: OSError, path: Path) -> str:
    """Why a file could not be written, and what to do."""
    folder = path.parent
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of {folder} is full. Nothing was written; choose another folder."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"You may not write in {folder}. Choose another folder."
        case errno.ENOENT | errno.ENOTDIR:
            return f"There is no folder {folder}."
        case errno.EISDIR:
            return f"{path} is a folder. Give the name of a file."
        case errno.ENAMETOOLONG:
            return "This name is too long for a file."
        case _:
            return f"{path.name} could not be written: {error.strerror or 'unknown reason'}."
