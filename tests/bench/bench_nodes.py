"""What the Nodes view costs: the time of each update, and of a full repaint, with few and with many nodes.

``python tests/bench/bench_nodes.py [UPDATES]`` opens a window without a screen on a node of its own, shows it made up
nodes whose figures all change with every update, and prints milliseconds of a processor.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.app import Console, open_console
from gui.application import new_application
from gui.loop import new_console_loop
from gui.nodes import ring
from gui.tokens import DARK_SCHEME, LIGHT_SCHEME
from gui.views import Changes
from server.childlog import LogLine
from server.desk import Desk
from server.launcher import Launcher
from server.views import LinkView, NodeView, OutageView
from tests.gui.conftest import Cluster

COUNTS = (1, 3, 6, 24)
SIZES = ((1440, 900), (1024, 700))
UPDATE_MS, REPAINT_MS = 8.0, 30.0
"""What one may take (docs/architecture.md, "One loop")."""


class Cast:
    """Nodes that do not exist; each look at them finds other figures."""

    def __init__(self, count: int, own: NodeView) -> None:
        self._random = random.Random(count)
        self._own = own
        self._names = [f"node-{number}" for number in range(1, count)]

    def nodes(self) -> list[NodeView]:
        return [msgspec.structs.replace(self._own, **self._figures()), *map(self._node, self._names)]

    def links(self) -> list[LinkView]:
        ids = sorted([self._own.node, *self._names])
        return [
            LinkView(a, b, "up", self._random.uniform(1, 9000), self._random.uniform(0.3, 240))
            for a, b in combinations(ids, 2)
        ]

    def outages(self) -> list[OutageView]:
        if len(self._names) < 2:
            return []
        at = int(time.time() * 1000) - 103_000
        return [OutageView(self._names[1], self._names[1], "lost", at, True, False, 214, 198)]

    def _node(self, name: str) -> NodeView:
        state = "down" if len(self._names) > 1 and name == self._names[1] else "up"
        changes: dict[str, Any] = {"node": name, "name": name, "here": False, "state": state, "round_trip": 2.0}
        return msgspec.structs.replace(self._own, **changes, **self._figures())

    def _figures(self) -> dict[str, Any]:
        draw = self._random
        return {
            "sessions": draw.randrange(500),
            "cpu": draw.random(),
            "memory": draw.randrange(10**9),
            "received_rate": draw.uniform(0, 9000),
            "sent_rate": draw.uniform(0, 90_000),
        }


def timed(act: Callable[[], object]) -> float:
    """Milliseconds of a processor, so that what else the machine does is not in it."""
    began = time.thread_time()
    act()
    return (time.thread_time() - began) * 1000


def told(name: str, found: Sequence[float], bound: float) -> None:
    worst = max(found)
    verdict = "" if worst <= bound else f"  over {bound:g} ms"
    print(f"    {name:<8} median {statistics.median(found):6.2f}  most {worst:6.2f} ms{verdict}")


def measure(console: Console, desk: Desk, count: int, updates: int) -> None:
    view, window = console.nodes, console.window
    cast = Cast(count, Desk.nodes(desk)[0])
    for name in ("nodes", "links", "outages"):
        setattr(desk, name, getattr(cast, name))
    for width, height in SIZES:
        window.resize(QSize(width, height))
        window.flush(Changes.whole())
        window.repaint()
        ring.plan.cache_clear()
        resized = timed(view.mesh.arrange)
        looks = [timed(lambda: window.flush(Changes(second=True, nodes=frozenset("x")))) for _ in range(updates)]
        paints = []
        for turn in range(updates):
            window.flush(Changes(second=True))
            if turn % 8 == 0:
                theme.apply(_application(), LIGHT_SCHEME if turn % 16 else DARK_SCHEME)
                window.repaint()
            paints.append(timed(window.repaint))
        print(f"  {count} nodes, {width}x{height}")
        told("update", looks, UPDATE_MS)
        told("repaint", paints, REPAINT_MS)
        told("arrange", [resized], REPAINT_MS)


def _application() -> QApplication:
    found = QApplication.instance()
    assert isinstance(found, QApplication)
    return found


async def main(updates: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        served = await cluster.node("alpha")
        launcher = Launcher(served.config, served.config.data_dir / "key")
        desk = Desk(served.node, "Lena")
        console = open_console(desk, launcher, served.config)
        console.window.show_view(console.nodes)
        console.context.bridge.stop()
        await asyncio.sleep(0.2)
        for number in range(5_000):
            console.nodes.own_log.append(LogLine(number, "info", f"line {number} of a log with words in it"))
        print(f"{updates} updates in which every figure changes; the log is full")
        for count in COUNTS:
            measure(console, desk, count, updates)
            await asyncio.sleep(0)
        await console.close()
        await launcher.close()
        await cluster.stop()


if __name__ == "__main__":
    application = new_application(["switchboard"])
    loop = new_console_loop(application)
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
