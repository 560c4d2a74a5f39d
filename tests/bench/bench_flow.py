"""What a flood costs the Flow view: the time of each flush into the table, and of each repaint of it.

``python tests/bench/bench_flow.py [ROWS_PER_SECOND] [SECONDS]`` opens a window without a screen on a node of its own,
feeds the view so many rows a second at 4 Hz and prints milliseconds of a processor.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gui.app import open_console
from gui.application import new_application
from gui.flow.ring import ROWS
from gui.flow.view import FlowView
from gui.loop import new_console_loop
from gui.tokens import Rate
from server.desk import Desk
from server.flow import FlowRow
from server.launcher import Launcher
from tests.gui.conftest import Cluster

CASES = ("", "latency>3ms not room:lobby", "text:hello or from:p1*")


class Flood:
    """A feed that has so many rows whenever it is asked."""

    def __init__(self, each: int) -> None:
        self.each = each
        self.seen = self.matched = self.lost = 0
        self.sampling = 8
        self.silent: tuple[str, ...] = ()
        self._numbers = itertools.count(1)
        self._made = [_row(number) for number in range(512)]

    def rows(self) -> Sequence[tuple[int, FlowRow]]:
        self.seen += self.each * 8
        self.matched += self.each * 8
        return [(number, self._made[number % 512]) for number in itertools.islice(self._numbers, self.each)]

    def set_query(self, query: str) -> None:
        """Everything comes, whatever is asked for: the worst case."""

    def set_every_voice(self, every: bool) -> None:
        """It does not matter."""

    def close(self) -> None:
        """Nothing is held."""


def _row(number: int) -> FlowRow:
    chat = number % 20 == 0
    return FlowRow(
        at=int(time.time() * 1000) + number,
        node=f"n{number % 5}",
        kind="chat" if chat else "voice",
        room=f"room-{number % 40}",
        sender=f"p{number % 300}",
        sender_session=f"s_{number % 300}",
        to="room",
        size=170,
        latency=random.expovariate(1 / 20),
        origin="o",
        seq=number,
        ssrc=number,
        data=b'{"type":"message","text":"hello there"}' if chat else bytes([0x51]) + os.urandom(169),
    )


def timed(act: Callable[[], object]) -> float:
    """Milliseconds of a processor, so that what else the machine does is not in it."""
    began = time.thread_time()
    act()
    return (time.thread_time() - began) * 1000


def told(name: str, found: list[float]) -> None:
    found.sort()
    middle, p99 = statistics.median(found), found[min(len(found) - 1, round(len(found) * 0.99))]
    print(f"  {name:<6} {len(found):>5}  median {middle:6.2f}  p99 {p99:6.2f}  most {found[-1]:6.2f} ms")


async def flood(view: FlowView, feed: Flood, flushes: int) -> None:
    for case, reading in ((CASES[0], False), (CASES[0], True), (CASES[1], False), (CASES[2], False)):
        slices: list[float] = []
        began = timed(functools.partial(view.bar.filter.put, case))
        while view.capture.searching:
            slices.append(timed(view.capture.look_further))
            await asyncio.sleep(0)
        if reading:
            view.table.verticalScrollBar().setValue(4000)
        took, painted = [], []
        for _ in range(flushes):
            took.append(timed(view.capture.flush))
            painted.append(timed(view.table.viewport().repaint))
            await asyncio.sleep(0.02)
        print(f"{case or 'no filter'}{', scrolled away' if reading else ''}: {view.model.rowCount():,} rows")
        told("begin", [began])
        if slices:
            told("slice", slices)
        told("flush", took)
        told("paint", painted)
        view.commands.newest.trigger()


async def main(rate: int, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        served = await cluster.node("alpha")
        launcher = Launcher(served.config, served.config.data_dir / "key")
        desk = Desk(served.node, "Lena")
        feed = Flood(rate // Rate.FLUSH)
        desk.open_flow = lambda query, *, every_voice=False: feed  # type: ignore[method-assign,assignment,return-value]
        console = open_console(desk, launcher, served.config)
        console.window.show_view(console.flow)
        console.context.bridge.stop()
        while len(console.flow.capture.ring) < ROWS:
            console.flow.capture.flush()
            await asyncio.sleep(0)
        print(f"{rate:,} rows a second, {Rate.FLUSH} flushes of {feed.each}, window 1440x900, {ROWS:,} rows kept")
        await flood(console.flow, feed, seconds * Rate.FLUSH)
        await console.close()
        await launcher.close()
        await cluster.stop()


if __name__ == "__main__":
    application = new_application(["switchboard"])
    loop = new_console_loop(application)
    asyncio.set_event_loop(loop)
    arguments = [int(word) for word in sys.argv[1:]]
    loop.run_until_complete(main(*(arguments + [2_000, 20][len(arguments) :])))
