"""The console as `main.py` runs it, with a stop-watch on its window: what `window_load.py` starts and loads.

At SIGUSR1 it begins anew; at SIGUSR2 it writes what it measured since as one line of JSON on stderr:
`lag_ms`, how late a callback of the loop was, looked at every 5 ms; `cores`, the share of one core that was spent on
painting, on flushing models, and on all; `longest_ms`, the longest single paint and flush.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtCore import QEvent

import main as switchboard
from gui import app
from gui.bridge import Bridge
from gui.main_window import MainWindow

LOOK_SECONDS = 0.005


class Watch:
    """What was measured since the last `begin`."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}
        self.late: list[float] = []
        self.begin()

    def begin(self) -> None:
        """Forget what was before."""
        self.spent = {"paint": [], "flush": []}
        self.late = []
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def look(self, due: float | None = None) -> None:
        """Note how late this call is, and call again."""
        now = asyncio.get_running_loop().time()
        if due is not None:
            self.late.append((now - due) * 1000)
        due = now + LOOK_SECONDS
        asyncio.get_running_loop().call_at(due, self.look, due)

    def timed(self, what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time added to `what`."""

        def run(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return act(*arguments)
            finally:
                self.spent[what].append(time.perf_counter() - began)

        return run

    def tell(self) -> None:
        """Write the report."""
        print(json.dumps(self.report()), file=sys.stderr, flush=True)

    def report(self) -> dict[str, Any]:
        """All of it; times in milliseconds, shares of one core."""
        wall = time.monotonic() - self.wall
        late = sorted(self.late) or [0.0]
        return {
            "seconds": round(wall, 2),
            "lag_ms": {str(part): round(late[int((len(late) - 1) * part)], 2) for part in (0.5, 0.99, 1.0)},
            "cores": {
                "all": round((time.process_time() - self.cpu) / wall, 4),
                **{what: round(sum(times) / wall, 4) for what, times in self.spent.items()},
            },
            "longest_ms": {what: round(max(times, default=0.0) * 1000, 2) for what, times in self.spent.items()},
            "times": {what: len(times) for what, times in self.spent.items()},
        }


def watch_console(watch: Watch) -> None:
    """Put the stop-watch where the window paints, and where the bridge brings it up to date."""
    plain = MainWindow.event

    def event(window: MainWindow, event: QEvent) -> bool:
        # All that a window has to paint is painted when its backing store is brought up to date.
        if event.type() != QEvent.Type.UpdateRequest:
            return plain(window, event)
        return bool(watch.timed("paint", plain)(window, event))

    window: Any = MainWindow
    window.event = event
    bridge: Any = Bridge
    bridge.tick = watch.timed("flush", Bridge.tick)
    opened = app.open_console

    def open_console(*arguments: Any) -> app.Console:
        watch.look()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, watch.begin)
        loop.add_signal_handler(signal.SIGUSR2, watch.tell)
        return opened(*arguments)

    module: Any = app
    module.open_console = open_console


if __name__ == "__main__":
    watch_console(Watch())
    sys.exit(switchboard.main(sys.argv[1:]))
