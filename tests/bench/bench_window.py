"""Measures how long the window holds the loop with 5,000 sessions in 300 rooms: `make bench-window-size`.

The sessions live on two more nodes in this process, on a memory bus: their records, joins, leaves, speakers and
texts reach the console's node as those of any node do. Printed are the flushes, looks at levels and paintings of the
window while that goes on, the longest and the 99th of a hundred, and what a full repaint and a step of scrolling
take. Nothing is asserted: how fast this machine is, is not known.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent

from bus.keys import Identity
from bus.memory import MemoryNetwork
from gui import app
from gui.application import new_application
from gui.loop import new_console_loop
from gui.main_window import MainWindow
from gui.views import Changes
from server.config import Config
from server.desk import Desk
from server.identity import Key, Tokens
from server.launcher import Launcher
from server.node import Node
from server.session import Actor, Role, Seat, SessionRecord
from server.texts import Sender

SESSIONS, ROOMS, NODES = 5_000, 300, 2
TICK_SECONDS = 0.1
CHURN, TURNS, TEXTS = 5, 15, 10
"""Sessions that come and go, turns that begin, and texts, in each tick of the load."""


class Times:
    """Seconds that each kind of work took: by the clock, and of a core, which others do not lengthen."""

    def __init__(self) -> None:
        self.spent: dict[str, list[tuple[float, float]]] = {}

    def timed(self, what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time noted under `what`."""

        def run(*arguments: Any, **named: Any) -> Any:
            began, worked = time.perf_counter(), time.thread_time()
            try:
                return act(*arguments, **named)
            finally:
                spent = time.perf_counter() - began, time.thread_time() - worked
                self.spent.setdefault(what, []).append(spent)

        return run

    def lines(self) -> list[str]:
        """A line for each kind."""
        lines = []
        for what, spent in sorted(self.spent.items()):
            clock, core = (sorted(each * 1000 for each in column) for column in zip(*spent, strict=True))
            late = int(len(spent) * 0.99)
            lines.append(
                f"{what:<20} {len(spent):>5} times  median {statistics.median(clock):6.2f}  p99 {clock[late]:6.2f}"
                f"  max {clock[-1]:6.2f}  of a core: p99 {core[late]:6.2f}  max {core[-1]:6.2f}"
            )
        return lines


class Crowd:
    """Sessions on nodes of this process that do what people do."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._chance = random.Random(1)
        self._records: list[tuple[Node, SessionRecord]] = []
        self._begun = 0

    def fill(self, sessions: int) -> None:
        """Have that many more of them come."""
        for _ in range(sessions):
            self._come()

    def live(self) -> None:
        """A tick of their life: some come and go, some begin to speak, some write."""
        for _ in range(CHURN):
            place = self._chance.randrange(len(self._records))
            node, record = self._records.pop(place)
            node.write(record.over("left"))
            self._come()
        for node, record in self._chance.sample(self._records, TURNS):
            room = node.rooms[record.seats[0].room]
            room.speak(record.session, node=node.node_id, level=self._chance.randrange(10, 60), now=node.clock.now())
        for node in self._nodes:
            for room in node.rooms.values():
                for session, talker in room.talkers.items():
                    if talker.node == node.node_id and self._chance.random() < 0.97:
                        room.speak(
                            session, node=node.node_id, level=self._chance.randrange(10, 60), now=node.clock.now()
                        )
        for node, record in self._chance.sample(self._records, TEXTS):
            by = Actor(record.session, record.user, record.name, record.role)
            self._begun += 1
            node.messenger.say(by, record.seats[0].room, self._begun, "a few words " * 4, Sender(_heard, _unheard))
        for node in self._nodes:
            node.tick(0.0)

    def _come(self) -> None:
        self._begun += 1
        number, node = self._begun, self._nodes[self._begun % len(self._nodes)]
        now = node.clock.wall_ms()
        seat = Seat(room=f"Room {number % ROOMS:03}", ssrc=number, joined=now, order=number)
        record = SessionRecord(
            session=f"s_{number}",
            user=f"user{number}",
            name=f"Person {number}",
            role=Role.USER,
            node=node.node_id,
            node_name=node.name,
            n=1,
            connected=now,
            client="bench/1.0",
            ip="127.0.0.1",
            seats=(seat,),
        )
        node.write(record)
        self._records.append((node, record))


def _heard(*_: object) -> None:
    """A text was shown."""


def _unheard() -> None:
    """Nobody confirmed a text."""


def watch_window(times: Times) -> None:
    """Put the stop-watch on every window that is opened from now on."""
    window: Any = MainWindow
    plain = MainWindow.event

    def event(self: MainWindow, event: QEvent) -> bool:
        if event.type() != QEvent.Type.UpdateRequest:
            return plain(self, event)
        return bool(times.timed("paint", plain)(self, event))

    window.event = event
    window.levels = times.timed("levels", MainWindow.levels)
    flush = MainWindow.flush

    def named(self: MainWindow, changes: Changes) -> None:
        what = "flush of everything" if changes.all else "flush at a second" if changes.second else "flush"
        times.timed(what, flush)(self, changes)

    window.flush = named


async def measure(seconds: float, folder: Path) -> Times:
    """Open the window on a full cluster, let it live, and repaint and scroll it."""
    network, tokens = MemoryNetwork(), Tokens(Key("HS256", b"a key for measuring, 32 bytes at least"))
    nodes = []
    for number, name in enumerate(("here", "far-1", "far-2")[: NODES + 1], start=1):
        config = Config(name=name, port=0, data_dir=folder / name)
        bus = network.bus(Identity(f"{number:016x}", 1), address=name, peers=("here",) if number > 1 else ())
        node = Node(config, bus, tokens)
        await node.start(url=f"ws://{name}/ws", http=f"http://{name}/")
        nodes.append(node)
    for node in nodes:
        synced = asyncio.Event()
        node.when_synced(synced.set)
        await synced.wait()
    crowd = Crowd(nodes[1:])
    for _ in range(SESSIONS // 100):
        crowd.fill(100)
        await asyncio.sleep(0)
    times = Times()
    watch_window(times)
    launcher = Launcher(nodes[0].config, folder / "key")
    console = app.open_console(Desk(nodes[0], "Lena"), launcher, nodes[0].config)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        crowd.live()
        nodes[0].tick(0.0)
        await asyncio.sleep(TICK_SECONDS)
    for _ in range(20):
        times.timed("full repaint", console.window.repaint)()
        await asyncio.sleep(0.02)
    listing = console.rooms.list.list
    for step in range(60):
        listing.verticalScrollBar().setValue(step * 40)
        times.timed("scrolled repaint", listing.viewport().repaint)()
        await asyncio.sleep(0)
    console.window.show_view(console.rooms)
    await console.close()
    await launcher.close()
    for node in reversed(nodes):
        await node.stop()
    return times


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secs", type=float, default=15.0, help="how long the crowd lives (15)")
    options = parser.parse_args(arguments)
    loop = new_console_loop(new_application(["switchboard"]))
    with tempfile.TemporaryDirectory() as folder:
        times = loop.run_until_complete(measure(options.secs, Path(folder)))
    print(f"{SESSIONS} sessions in {ROOMS} rooms on {NODES} nodes; milliseconds that the loop was held:")
    print("\n".join(times.lines()))


if __name__ == "__main__":
    main(sys.argv[1:])
