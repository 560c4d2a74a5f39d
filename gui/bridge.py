"""From the node's events to the window: notes what changed and hands it on a few times a second."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Qt, QTimer

from gui.tokens import Rate
from gui.views import Changes

if TYPE_CHECKING:
    from server.desk import Desk
    from server.launcher import Launcher

NOTED = ("room", "chat", "node", "child", "log", "audit", "report")
SLICE = 80
"""Rooms handed on at once, so that no flush holds the loop for long; the rest comes with the next tick."""
SLICE_AT_SECOND = SLICE // 4
"""The same in the tick that ends a second, in which there is the most to do besides."""


class Screen(Protocol):
    """What the bridge serves: the window."""

    def watched(self) -> bool:
        """Whether anybody can see it; nothing is handed on while not."""

    def flush(self, changes: Changes) -> None:
        """Take what changed."""

    def levels(self) -> None:
        """Look at the levels of the visible room."""


class Pace:
    """How often the window is brought up to date: as a person wants it, or less while the event loop is late.

    The server always wins over the picture: with a lag above 20 ms for two seconds the pace falls by a step, with
    one below 10 ms for five seconds it rises again.
    """

    LATE_MS = 20.0
    CALM_MS = 10.0
    LATE_SECONDS = 2.0
    CALM_SECONDS = 5.0

    def __init__(self, rate: int = Rate.FLUSH) -> None:
        """Begin at full speed; `rate` is how many flushes a second are wanted."""
        self.rate = rate
        self._step = 0
        self._since: float | None = None
        self._late = False

    @property
    def flushes(self) -> int:
        """Flushes a second."""
        return min(self.rate, Rate.CEILINGS[self._step])

    @property
    def levels(self) -> int:
        """Looks at levels a second: a multiple of the flushes, 6 to 10 at full speed."""
        return self.flushes * max(1, Rate.CEILINGS[self._step] // self.flushes)

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
        step = min(self._step + 1, len(Rate.CEILINGS) - 1) if late else self._step - 1
        changed, self._step = step != self._step, step
        return changed


class Bridge(QObject):
    """The one observer of the node and the launcher in this window.

    They call it from inside their work, so it only notes ids; one timer hands them on, and does nothing else
    when there is nothing to hand on. Rooms and lines of text go on different ticks, so that what each makes the
    window paint is a slice of its own.
    """

    def __init__(self, desk: Desk, launcher: Launcher, rate: int = Rate.FLUSH, parent: QObject | None = None) -> None:
        """Make the bridge; `start` opens it. `rate` as in `set_rate`."""
        super().__init__(parent)
        self.pace = Pace(max(Rate.SLOWEST, min(Rate.FASTEST, rate)))
        self._desk = desk
        self._launcher = launcher
        self._screen: Screen | None = None
        self._unwatch: list[Callable[[], None]] = []
        self._noted: dict[str, dict[str, None]] = {what: {} for what in NOTED}
        self._missed = False
        self._owed = False
        """Whether there are rooms that the next tick hands on, whichever it is."""
        self._tick = 0
        self._second = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.timeout.connect(self.tick)

    def start(self, screen: Screen) -> None:
        """Begin to serve the window."""
        self._screen = screen
        self._unwatch = [self._desk.watch(self._note), self._launcher.watch(self._note)]
        self._timer.start(1000 // self.pace.levels)

    def set_rate(self, rate: int) -> None:
        """Bring the window up to date this often from now on, while the loop has time for it."""
        self.pace.rate = max(Rate.SLOWEST, min(Rate.FASTEST, rate))
        self._timer.setInterval(1000 // self.pace.levels)

    def stop(self) -> None:
        """End it; safe to call twice."""
        self._timer.stop()
        while self._unwatch:
            self._unwatch.pop()()

    def tick(self) -> None:
        """Hand on what is due; called by the timer."""
        screen, now = self._screen, time.time()
        second, self._second = int(now) != self._second, int(now)
        if second and self.pace.observe(self._desk.health().loop_lag, now):
            self._timer.setInterval(1000 // self.pace.levels)
        if screen is None or not screen.watched():
            self._missed = True
            for keys in self._noted.values():
                keys.clear()
            return
        self._tick += 1
        if self._missed:
            self._missed = False
            screen.flush(Changes.whole())
        else:
            self._flush(screen, second)
        screen.levels()

    def _note(self, what: str, key: str) -> None:
        self._noted["room" if what == "speaking" else what][key] = None

    def _flush(self, screen: Screen, second: bool) -> None:
        every = max(1, self.pace.levels // self.pace.flushes)
        turn = self._tick % every
        rooms = second or turn == 0 or self._owed or len(self._noted["room"]) > SLICE
        texts = turn == every // 2
        changes = Changes(
            rooms=self._take("room", SLICE_AT_SECOND if second else SLICE) if rooms else frozenset(),
            nodes=self._take("node") if rooms else frozenset(),
            children=self._take("child") if rooms else frozenset(),
            chats=self._take("chat") if texts else frozenset(),
            logs=self._take("log") if texts else frozenset(),
            audit=self._take("audit") if texts else frozenset(),
            reports=self._take("report") if texts else frozenset(),
            second=second,
        )
        self._owed = rooms and bool(self._noted["room"])
        if changes != Changes():
            screen.flush(changes)

    def _take(self, what: str, most: int | None = None) -> frozenset[str]:
        """What was noted, oldest first, `most` at once; the rest stays for the next tick."""
        noted = self._noted[what]
        taken = frozenset(itertools.islice(noted, most))
        for key in taken:
            del noted[key]
        return taken
