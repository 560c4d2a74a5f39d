"""Measures how long the window holds the loop with 5,000 sessions in 300 rooms: `make bench-window-size`.

The sessions live on two nodes that the console has launched: members who only are there (`loadgen.c`), and a crowd
that comes, goes, speaks and writes (`crowd.py`). The console is the one of `main.py`, with a stop-watch on all that
holds its loop. While the crowd lives, the list of rooms is scrolled with the wheel, the views and the theme are
changed and everything is painted anew. Nothing is asserted: how fast this machine is, is not known.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QTableView

import main as switchboard
from bus.keys import claim
from gui import app
from gui.app import Console
from gui.appearance import Look
from gui.application import new_application
from gui.loop import new_console_loop
from gui.main_window import MainWindow
from gui.views import Changes
from server.child import ChildState, Spec
from server.config import Config
from server.descriptors import raise_limit
from server.desk import Desk
from server.identity import Tokens, key_file, load_key
from server.launcher import Launcher
from server.node import Node
from tests.bench import run as bench

SESSIONS, ROOMS, NODES = 5_000, 300, 2
MEMBERS = 16
"""Members of each room who only are there; the crowd is the rest."""
CROWD = SESSIONS - ROOMS * MEMBERS
WHEEL_SECONDS = 1 / 60
FPS, HOLD_MS, REPAINT_MS = 30.0, 8.0, 30.0
"""What is wanted: repaints a second while scrolling, an update at most, a full repaint at most."""


class Times:
    """Seconds that each kind of work took: by the clock, and of a core, which others do not lengthen."""

    def __init__(self) -> None:
        self.spent: dict[str, list[tuple[float, float]]] = {}
        self._begun: tuple[float, float] | None = None

    @contextlib.contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Note the time of the block under `what`."""
        began, worked = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            spent = time.perf_counter() - began, time.thread_time() - worked
            self.spent.setdefault(what, []).append(spent)

    def timed(self, what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time noted under `what`."""

        def run(*arguments: Any, **named: Any) -> Any:
            with self.noting(what):
                return act(*arguments, **named)

        return run

    def collected(self, phase: str, info: dict[str, Any]) -> None:
        """Take note of garbage collections; for `gc.callbacks`."""
        now = time.perf_counter(), time.thread_time()
        if phase == "start":
            self._begun = now
        elif self._begun is not None:
            spent = now[0] - self._begun[0], now[1] - self._begun[1]
            self.spent.setdefault(f"garbage, generation {info['generation']}", []).append(spent)

    def worst(self, *kinds: str) -> float:
        """The longest of these kinds, in milliseconds of a core."""
        return max((core * 1000 for kind in kinds for _, core in self.spent.get(kind, ())), default=0.0)

    def lines(self) -> list[str]:
        """A row for each kind."""
        rows = []
        for what, spent in sorted(self.spent.items()):
            clock, core = (sorted(each * 1000 for each in column) for column in zip(*spent, strict=True))
            late = min(len(spent) - 1, int(len(spent) * 0.99))
            figures = [
                statistics.median(core),
                core[late],
                core[-1],
                statistics.median(clock),
                clock[late],
                clock[-1],
            ]
            rows.append(f"| {what} | {len(spent)} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")
        return rows


def watch(times: Times) -> None:
    """Put the stop-watch on whatever holds the loop, of all that is made from now on."""
    window: Any = MainWindow
    plain = MainWindow.event

    def event(self: MainWindow, event: QEvent) -> bool:
        if event.type() != QEvent.Type.UpdateRequest:
            return plain(self, event)
        return bool(times.timed("painting", plain)(self, event))

    window.event = event
    window.levels = times.timed("levels", MainWindow.levels)
    flush = MainWindow.flush

    def named(self: MainWindow, changes: Changes) -> None:
        what = "all of" if changes.all else "update at a second," if changes.second else "update,"
        times.timed(f"{what} {self.view.title}", flush)(self, changes)

    window.flush = named
    node: Any = Node
    node.on_record = times.timed("a record of the mesh", Node.on_record)
    node.on_cast = times.timed("a cast of the mesh", Node.on_cast)
    node.tick = times.timed("tick of the node", Node.tick)
    opened: Any = app
    opened.open_console = times.timed("opening the window", app.open_console)
    gc.callbacks.append(times.collected)


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[None]:
    """Run something for as long as the block lasts, once it has said that it is ready."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            bench.wait_for_line(process, seconds=180)
            yield
        finally:
            process.send_signal(signal.SIGKILL)


async def launched(desk: Desk, launcher: Launcher) -> list[str]:
    """Launch the nodes; returns their addresses."""
    urls = []
    for number in range(1, NODES + 1):
        host, _, port = desk.bus_address.rpartition(":")
        spec = Spec(name=f"far-{number}", host="127.0.0.1", port=0, bus_host=host, bus_port=0, peer=f"{host}:{port}")
        child = launcher.launch(spec)
        await launcher.until(child, ChildState.RUNNING)
        assert child.ready is not None
        urls.append(child.ready.url)
    return urls


async def crowded(node: Node, urls: Sequence[str], stack: contextlib.ExitStack) -> None:
    """Let the people come, and wait until the console knows them."""
    ports = [url.removesuffix("/ws").rpartition(":")[2] for url in urls]
    sizes = ("--mode", "idle", "--rooms", ROOMS, "--members", MEMBERS, "--speakers", 1, "--secs", 3600)
    command = [str(bench.BUILD / "loadgen"), "--port", ports[0], "--port2", ports[1], *bench.SPEAK_TO_US]
    idle = running([*command, *map(str, sizes)])
    living = running([sys.executable, str(bench.BENCH / "crowd.py"), str(CROWD), str(ROOMS), *urls])
    loop = asyncio.get_running_loop()
    for people in (idle, living):  # the loop goes on while they come
        await loop.run_in_executor(None, stack.enter_context, people)
    known = asyncio.Event()

    def look(*_: object) -> None:
        if len(node.presence.present) >= SESSIONS - 10:
            known.set()

    end = node.watch(look)
    look()
    await known.wait()
    end()


async def scroll(table: QTableView, times: Times, seconds: float) -> float:
    """Turn the wheel over a table without a pause; returns how often a second it was painted."""
    step, began, painted = -60, time.perf_counter(), len(times.spent.get("painting", ()))
    bar = table.verticalScrollBar()
    while time.perf_counter() - began < seconds:
        if bar.value() in (bar.minimum(), bar.maximum()):
            step = 60 if bar.value() == bar.maximum() else -60
        with times.noting("a step of the wheel"):
            QApplication.sendEvent(table.viewport(), _wheel(table, step))
        await asyncio.sleep(WHEEL_SECONDS)
    return (len(times.spent.get("painting", ())) - painted) / (time.perf_counter() - began)


def _wheel(table: QTableView, step: int) -> QWheelEvent:
    at = QPointF(table.viewport().rect().center())
    buttons, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    nothing = Qt.ScrollPhase.NoScrollPhase
    return QWheelEvent(at, at, QPoint(0, 0), QPoint(0, step), buttons, keys, nothing, False)


async def tour(console: Console, times: Times, seconds: float) -> float:
    """Look on, scroll, and have everything painted; returns the repaints a second while scrolling."""
    window = console.window
    await asyncio.sleep(seconds)
    rate = await scroll(console.rooms.list.list, times, seconds / 2)
    for _ in range(3):
        for view in (*window.views[1:], window.views[0]):
            with times.noting(f"{view.title} is shown"):
                window.show_view(view)
            await asyncio.sleep(0.7)
    for look in (Look.LIGHT, Look.DARK) * 2:
        with times.noting("another theme"):
            console.appearance.choose(look)
        await asyncio.sleep(0.5)
    for view in window.views:
        window.show_view(view)
        await asyncio.sleep(1.2)
        for _ in range(10):
            with times.noting(f"full repaint, {view.title}"):
                window.repaint()
            await asyncio.sleep(0.02)
    return rate


async def measure(config: Config, times: Times, seconds: float) -> float:
    """Run a console as `main.py` does, with its launched nodes and their people, and take the tour."""
    key = load_key(config.auth_key_file, config.data_dir)
    launcher = Launcher(config, key_file(config.auth_key_file, config.data_dir))
    with claim(config.data_dir) as identity, contextlib.ExitStack() as stack:
        async with switchboard.serving(config, identity, Tokens(key), beside=launcher.close) as node:
            desk = Desk(node, "Lena")
            urls = await launched(desk, launcher)
            await crowded(node, urls, stack)
            console = app.open_console(desk, launcher, config)
            rate = await tour(console, times, seconds)
            await console.close()
            stack.close()
    return rate


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench-window-size", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--secs", type=float, default=20.0, help="how long it is only looked at (20)")
    parser.add_argument("--save", action="store_true", help="keep the table as docs/results/window-size-<date>.md")
    options = parser.parse_args(arguments)
    raise_limit()
    bench.compile_yardsticks()
    times = Times()
    watch(times)
    loop = new_console_loop(new_application(["switchboard"]))
    with tempfile.TemporaryDirectory() as folder:
        config = Config(name="here", port=0, bus="zeromq", bus_port=0, data_dir=Path(folder))
        rate = loop.run_until_complete(measure(config, times, options.secs))
    repaint = times.worst(*(kind for kind in times.spent if kind.startswith("full repaint")), "another theme")
    update = times.worst("levels", *(kind for kind in times.spent if kind.startswith("update")))
    met = rate > FPS and update <= HOLD_MS and repaint <= REPAINT_MS
    lines = bench.header(arguments, make="bench-window-size", runs=1, secs=options.secs)
    lines += [
        f"{SESSIONS:,} sessions in {ROOMS} rooms on {NODES} launched nodes; {CROWD} come, go, speak and write.",
        "How long each thing held the loop of the console, in milliseconds: of a core, and by the clock, in which",
        "the time is in which others had the core.",
        "",
        "| | times | core p50 | p99 | max | clock p50 | p99 | max |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *times.lines(),
        "",
        f"Repaints a second while scrolling with the wheel turned 60 times a second: {rate:.0f}.",
        "",
        f"Wanted: scrolling above {FPS:.0f}, no update over {HOLD_MS:.0f} ms, a full repaint at most "
        f"{REPAINT_MS:.0f} ms: {'met' if met else 'NOT met'} (of a core {update:.1f} and {repaint:.1f}).",
        "",
    ]
    bench.publish(lines, save="window-size" if options.save else None)


if __name__ == "__main__":
    main(sys.argv[1:])
