"""From the node's events to the window: notes what changed and hands it on a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Qt, QTimer

from gui.tokens import Rate
from gui.views import Changes

if TYPE_CHECKING:
    from server.desk import Desk as Node
    from server.launcher import Launcher

SLICE = 80
"""Rooms handed on at once, so that no flush holds the loop for long; the rest comes with the next tick."""


class Screen(Protocol):
    """What the bridge serves: the window."""

    def watched(self) -> bool:
        """Whether anybody can see it; nothing is handed on while not."""

    def flush(self, changes: Changes) -> None:
        """Take what changed."""

    def levels(self) -> None:
        """Look at the levels of the visible room."""


class Pace:
    """How often the window is brought up to date: full speed, or less while the event loop is late.

    The server always wins over the picture: with a lag above 20 ms for two seconds the pace falls by a step, with
    one below 10 ms for five seconds it rises again.
    """

    STEPS = ((Rate.LEVELS, Rate.FLUSH), (2, 2), (1, 1))
    LATE_MS = 20.0
    CALM_MS = 10.0
    LATE_SECONDS = 2.0
    CALM_SECONDS = 5.0

    def __init__(self) -> None:
        self._step = 0
        self._since: float | None = None
        self._late = False

    @property
    def levels(self) -> int:
        """Looks at levels a second."""
        return self.STEPS[self._step][0]

    @property
    def flushes(self) -> int:
        """Flushes a second."""
        return self.STEPS[self._step][1]

    @property
    def slowed(self) -> bool:
        """Whether it is below full speed."""
        return self._step > 0

    def observe(self, lag_ms: float, now: float) -> bool:
        """Take a reading of the loop's lag; `now` in seconds. Returns whether the pace has changed."""
        late, calm = lag_ms > self.LATE_MS, lag_ms < self.CALM_MS
        if not (late or (calm and self.slowed)):
            self._since = None
            return False
        if self._since is None or late is not self._late:
            self._since, self._late = now, late
            return False
        if now - self._since < (self.LATE_SECONDS if late else self.CALM_SECONDS):
            return False
        self._since = now
        step = min(self._step + 1, len(self.STEPS) - 1) if late else self._step - 1
        changed, self._step = step != self._step, step
        return changed


class Bridge(QObject):
    """The one observer of the node and the launcher in this window.

    They call it from inside their work, so it only notes ids; one timer hands them on, and does nothing else
    when there is nothing to hand on.
    """

    def __init__(self, node: Node, launcher: Launcher, parent: QObject | None = None) -> None:
        """Make the bridge; `start` opens it."""
        super().__init__(parent)
        self.pace = Pace()
        self._node = node
        self._launcher = launcher
        self._screen: Screen | None = None
        self._unwatch: list[Callable[[], None]] = []
        self._noted: dict[str, set[str]] = {
            what: set() for what in ("room", "chat", "speaking", "node", "child", "log")
        }
        self._tick = 0
        self._second = 0
        self._speaking = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.timeout.connect(self.tick)

    def start(self, screen: Screen) -> None:
        """Begin to serve the window."""
        self._screen = screen
        self._unwatch = [self._node.watch(self._note), self._launcher.watch(self._note)]
        self._timer.start(1000 // self.pace.levels)

    def stop(self) -> None:
        """End it; safe to call twice."""
        self._timer.stop()
        while self._unwatch:
            self._unwatch.pop()()

    def forget(self) -> None:
        """Drop what is noted, because the view that is now shown looks at everything."""
        for keys in self._noted.values():
            keys.clear()

    def tick(self) -> None:
        """Hand on what is due; called by the timer."""
        if self._screen is None or not self._screen.watched():
            return
        now = time.time()
        second = int(now) != self._second
        self._second = int(now)
        if second and self.pace.observe(self._node.health().loop_lag, now):
            self._timer.setInterval(1000 // self.pace.levels)
        self._tick += 1
        every = max(1, self.pace.levels // self.pace.flushes)
        if second or self._tick % every == 0 or len(self._noted["room"]) > SLICE:
            self._flush(self._screen, second)
        self._screen.levels()

    def _note(self, what: str, key: str) -> None:
        self._noted[what].add(key)

    def _flush(self, screen: Screen, second: bool) -> None:
        noted = self._noted
        rooms = noted["room"] | noted["speaking"]
        rest: set[str] = set()
        if len(rooms) > SLICE:
            ordered = sorted(rooms)
            rooms, rest = set(ordered[:SLICE]), set(ordered[SLICE:])
        changes = Changes(
            rooms=frozenset(rooms),
            chats=frozenset(noted["chat"]),
            nodes=frozenset(noted["node"]),
            children=frozenset(noted["child"]),
            logs=frozenset(noted["log"]),
            second=second,
        )
        self.forget()
        noted["room"] = rest
        if changes != Changes():
            screen.flush(changes)
