"""Takes the pictures of the console from a seeded demo, in both themes: `make pictures`.

Each is read as well (`tests/gui/legibility.py`), at its size and in a small window: what is cut off, lies on
something else or is too faint to read is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import main as switchboard
from gui import app
from gui.appearance import Look
from tests.gui.legibility import faults
from tests.gui.looks import NARROW, WIDE, grab
from tests.pictures import scenes

ROOT = Path(__file__).resolve().parents[2]
SEED = 7
LOOKS = (Look.DARK, Look.LIGHT)
PAUSE_SECONDS = 0.25
"""Before each reading: Qt lays the window out, and the loop, which a reading holds, serves its node."""
HURRY_SECONDS = 20
SETTLE_SECONDS = 2.5
"""Before a picture: what was done to come there is not what it is to show, as the loop's lag of that moment."""


class Photographer:
    """Takes the pictures of one console."""

    def __init__(self, into: Path, *, settle: float) -> None:
        self._into = into
        self._settle = settle
        self.console: app.Console | None = None
        self.faults: list[str] = []
        self.taken = 0

    def looks(self, seconds: float) -> Sequence[scenes.Look]:
        """All pictures first, then the reading, which holds the loop; where there is no time, both at once."""

        async def both(name: str) -> None:
            await self.shoot(name)
            await self.read(name)

        return (self.shoot, self.read) if seconds > HURRY_SECONDS else (both,)

    async def shoot(self, name: str) -> None:
        """Keep the scene in both themes."""
        assert self.console is not None, "there is a window"
        for look in LOOKS:
            self.console.appearance.choose(look)
            await asyncio.sleep(self._settle)
            image = await grab(self.console, look, WIDE)
            path = self._into / f"{name}-{look}.png"
            if not image.save(str(path)):
                raise OSError(f"{path} cannot be written")
            self.taken += 1
        await grab(self.console, Look.DARK, WIDE)

    async def read(self, name: str) -> None:
        """Read the scene in both themes and two sizes."""
        assert self.console is not None, "there is a window"
        for look, size in itertools.product(LOOKS, (WIDE, NARROW)):
            await grab(self.console, look, size)
            await asyncio.sleep(PAUSE_SECONDS)
            found = faults(self.console.window)
            self.faults += [f"{name}, {look}, {size[0]}x{size[1]}: {fault}" for fault in found]
        await grab(self.console, Look.DARK, WIDE)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "pictures", help="the folder for them")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the demo (default {SEED})")
    parser.add_argument("--seconds", type=float, default=70, help="how long the demo lives before (default 70)")
    options = parser.parse_args(arguments)
    options.into.mkdir(parents=True, exist_ok=True)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # the same on every machine
    os.environ["LOGNAME"] = "lena"  # who sits at the console: not whoever takes the pictures
    photographer, failed = Photographer(options.into, settle=min(SETTLE_SECONDS, options.seconds / 10)), []
    opened = app.open_console

    def open_console(*given: Any) -> app.Console:
        photographer.console = console = opened(*given)
        stage = given[-1]

        async def play() -> None:
            try:
                await scenes.play(console, stage, photographer.looks(options.seconds), seconds=options.seconds)
            except BaseException:
                failed.append(traceback.format_exc())
                raise
            finally:
                console.window.close()

        console.context.tasks.start(play(), "take the pictures")
        return console

    module: Any = app
    module.open_console = open_console
    switchboard.main(["--demo", f"--demo-seed={options.seed}", "--port=0", "--log-format=json"])
    for sentence in (*failed, *photographer.faults):
        print(sentence)
    print(f"{photographer.taken} pictures in {options.into}, {len(photographer.faults)} faults")
    return 1 if failed or photographer.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
