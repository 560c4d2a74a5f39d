"""What a key costs in the palette of a large cluster: opening it, and finding and painting with each letter.

``python tests/bench/bench_palette.py [PEOPLE] [ROOMS]`` opens a window without a screen on a node that knows so many
sessions, types into the palette and prints milliseconds of a processor.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec

from gui.app import Console, open_console
from gui.application import new_application
from gui.loop import new_console_loop
from server.desk import Desk
from server.launcher import Launcher
from server.session import Role, Seat, SessionRecord
from server.views import RoomState, RoomView
from tests.gui.conftest import Cluster

TYPED = ("kestrel", "mute kes", "whisper mar", "@a", "#room 12", "e", "xqz", "launch", "mkrl", "kick ann")
ROUNDS = 5
LETTERS = "aeioukrstmnlv"


def person(number: int, rooms: int, chance: random.Random) -> SessionRecord:
    """Somebody in one of the rooms."""
    name = "".join(chance.choice(LETTERS) for _ in range(chance.randint(4, 11))).capitalize()
    seat = Seat(f"room {number % rooms}", number + 1, 0, number)
    return SessionRecord(
        f"s_{number}", f"u_{number}", name, Role.USER, f"{9:016x}", "fra-9", 1, 0, "bench", "127.0.0.1", (seat,)
    )


class Collector:
    """How long the garbage collector took to look at everything, which it does now and then, whatever happens."""

    def __init__(self) -> None:
        self.total = self.longest = 0.0
        self._began = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, about: dict[str, int]) -> None:
        if about["generation"] < 2:
            return
        if phase == "start":
            self._began = time.thread_time()
        else:
            took = (time.thread_time() - self._began) * 1000
            self.total, self.longest = self.total + took, max(self.longest, took)


COLLECTOR = Collector()


def timed(act: Callable[[], object]) -> float:
    """Milliseconds of a processor, so that what else the machine does is not in it, nor a full collection."""
    began, collected = time.thread_time(), COLLECTOR.total
    act()
    return (time.thread_time() - began) * 1000 - (COLLECTOR.total - collected)


def told(name: str, found: list[float]) -> None:
    found.sort()
    print(f"  {name:<14} {len(found):>4}  median {statistics.median(found):6.2f}  most {found[-1]:6.2f} ms")


def measure(console: Console) -> None:
    palette = console.overlays.palette
    opened: list[float] = []
    first: list[float] = []
    found: list[float] = []
    painted: list[float] = []
    for _ in range(ROUNDS):
        for typed in TYPED:
            opened.append(timed(console.overlays.open_palette) + timed(palette.grab))
            for end in range(1, len(typed) + 1):
                took = timed(partial(palette.field.setText, typed[:end]))
                (first if end == 1 else found).append(took)
                painted.append(timed(palette.card.grab))
            palette.close_up()
    told("open", opened)
    told("first letter", first)
    told("other letters", found)
    told("paint", painted)
    whole = [one + other for one, other in zip(sorted(first + found), sorted(painted), strict=True)]
    print(f"  the slowest key takes {whole[-1]:.1f} ms at worst; 50 ms is the limit")
    print(f"  a full collection of garbage, which can meet a key: {COLLECTOR.longest:.1f} ms")


async def main(people: int, rooms: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        served = await cluster.node("alpha")
        launcher = Launcher(served.config, served.config.data_dir / "key")
        console = open_console(Desk(served.node, "Lena"), launcher, served.config)
        console.context.bridge.stop()
        chance = random.Random(7)
        served.node.presence.revive(f"{9:016x}.1")
        for number in range(people):
            served.node.presence.merge(f"{9:016x}.1", person(number, rooms, chance))
        print(f"{len(console.context.desk.people()):,} people in {rooms} rooms, window 1440x900")
        view = RoomView("", 17, 1, (), 0, None, RoomState())
        named = [msgspec.structs.replace(view, name=f"room {number}") for number in range(rooms)]
        console.context.desk.rooms = lambda: named  # type: ignore[method-assign]
        gc.collect()  # what was made here is no part of what is measured
        measure(console)
        await console.close()
        await launcher.close()
        await cluster.stop()


if __name__ == "__main__":
    application = new_application(["switchboard"])
    loop = new_console_loop(application)
    asyncio.set_event_loop(loop)
    arguments = [int(word) for word in sys.argv[1:]]
    loop.run_until_complete(main(*(arguments + [5_000, 300][len(arguments) :])))
