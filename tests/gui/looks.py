"""Takes pictures of an open console, in a theme and a size; also for looking at them while one works on a view."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from gui.appearance import Look
from gui.views import Changes

if TYPE_CHECKING:
    from gui.app import Console

WIDE = (1440, 900)
NARROW = (1024, 700)


async def grab(console: Console, look: Look = Look.DARK, size: tuple[int, int] = WIDE) -> QImage:
    """A picture of the window as it is now, brought up to date first."""
    console.appearance.choose(look)
    console.window.resize(QSize(*size))
    await asyncio.sleep(0)
    console.window.flush(Changes.whole())
    console.window.levels()
    await asyncio.sleep(0)
    return console.window.grab().toImage()


async def save(console: Console, path: Path | str) -> None:
    """Write pictures in both themes and two sizes beside each other: ``x.png`` becomes ``x-dark-1440.png``."""
    whole = Path(path)
    for look in (Look.DARK, Look.LIGHT):
        for size in (WIDE, NARROW):
            image = await grab(console, look, size)
            image.save(str(whole.with_name(f"{whole.stem}-{look}-{size[0]}{whole.suffix or '.png'}")))
