"""The console's event loop: asyncio's own selector loop, woken by Qt; the only importer of qasync."""

from __future__ import annotations

import asyncio
import math
import selectors
import signal
import threading
from asyncio import Handle, SelectorEventLoop, TimerHandle
from collections.abc import Callable
from contextvars import Context
from types import FrameType
from typing import TYPE_CHECKING, TypeVarTuple

import qasync
from PySide6.QtCore import QCoreApplication, QSocketNotifier, Qt, QTimer

if TYPE_CHECKING:
    import socket
    from collections import deque

    class QSelectorEventLoop(SelectorEventLoop):
        """What is used here of asyncio without being public."""

        _csock: socket.socket
        _ready: deque[Handle]
        _scheduled: list[TimerHandle]
        _signal_handlers: dict[int, Handle]
        _stopping: bool

        def _run_once(self) -> None: ...
        def _write_to_self(self) -> None: ...
else:
    from qasync import QSelectorEventLoop

Ts = TypeVarTuple("Ts")

TURN_SECONDS = 0.001
"""How long passes may follow each other, while each leaves work for the next, before Qt has its turn."""
LONGEST_SECONDS = 86_400.0


class PolledSelector(selectors.DefaultSelector):
    """A selector that never waits: Qt waits for its descriptor instead."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(0)


class ConsoleLoop(QSelectorEventLoop):
    """A qasync loop in which Qt only says when: sockets, timers, tasks and signals are asyncio's own.

    Qt watches one descriptor, that of the selector, and one timer, that of the next deadline; when either wakes it,
    asyncio makes a pass without waiting. In a slot, `call_soon`, `call_at`, `stop` and all that rests on them, such
    as ``loop.create_task``, wake the loop. A callback must not run a loop of Qt's (``exec``): until it ends, no pass
    is made.
    """

    def __init__(self, app: QCoreApplication, selector: PolledSelector, descriptor: int) -> None:
        self._app = app
        self._passing = False
        self._woken = False
        self._armed = math.inf
        self._failure: BaseException | None = None
        SelectorEventLoop.__init__(self, selector)  # not qasync's, which makes a selector of its own
        self._notifier = QSocketNotifier(descriptor, QSocketNotifier.Type.Read)
        self._notifier.setEnabled(False)
        self._notifier.activated.connect(self._turn)
        self._timer = QTimer(singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._turn)

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Handle:
        handle = SelectorEventLoop.call_soon(self, callback, *args, context=context)
        if not self._passing:
            self._wake()
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        handle = SelectorEventLoop.call_at(self, when, callback, *args, context=context)
        if not self._passing:
            self._wake()
        return handle

    def stop(self) -> None:
        SelectorEventLoop.stop(self)
        self._wake()

    def _run_once(self) -> None:
        """What `run_forever` takes for one pass is a whole run of Qt's loop, until `stop` or a failure."""
        previous = signal.getsignal(signal.SIGINT)

        def interrupt(signum: int, frame: FrameType | None) -> None:
            try:
                previous(signum, frame)  # type: ignore[operator,misc]  # installed only where it can be called
            except BaseException as failure:
                if self._passing:
                    raise
                self._fail(failure)  # Qt would print and lose what is raised in one of its slots

        if main := threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._csock.fileno())  # Qt restarts its wait after a signal: Python would never look
            if callable(previous):
                signal.signal(signal.SIGINT, interrupt)
        self._notifier.setEnabled(True)
        self._woken = False
        self._wake()
        try:
            self._app.exec()
        finally:
            self._notifier.setEnabled(False)
            self._timer.stop()
            if signal.getsignal(signal.SIGINT) is interrupt:
                signal.signal(signal.SIGINT, previous)
            if main and not self._signal_handlers:
                signal.set_wakeup_fd(-1)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _turn(self) -> None:
        """Make passes until none is due or Qt's turn has come, and have Qt wake the loop for the next."""
        if self._passing:  # a callback runs a Qt loop of its own, which must not spin on this
            self._notifier.setEnabled(False)
            return
        self._passing, self._woken = True, False
        until = self.time() + TURN_SECONDS
        try:
            super()._run_once()
            while self._ready and not self._stopping and self.time() < until:
                super()._run_once()
        except BaseException as failure:
            self._fail(failure)
        finally:
            self._passing = False
        self._notifier.setEnabled(True)
        if self._stopping:
            self._app.exit()
        elif self._ready:
            self._wake()
        elif self._scheduled:
            when = self._scheduled[0].when()
            if when < self._armed or not self._timer.isActive():
                self._armed = when
                self._timer.start(math.ceil(max(0.0, min(when - self.time(), LONGEST_SECONDS)) * 1000))

    def _wake(self) -> None:
        # Through asyncio's own pipe: a zero timer would wait until Qt is idle, a posted event would never let it be.
        if not self._woken:
            self._woken = True
            self._write_to_self()

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._app.exit()


# What qasync replaces in asyncio's loop is asyncio's again.
for _name in dir(SelectorEventLoop):
    if not _name.startswith("__") and _name not in vars(ConsoleLoop):
        if (_own := getattr(SelectorEventLoop, _name)) is not getattr(QSelectorEventLoop, _name):
            setattr(ConsoleLoop, _name, _own)


def new_console_loop(app: QCoreApplication) -> asyncio.AbstractEventLoop:
    """Make a console's loop, for ``asyncio.Runner(loop_factory=…)``; qasync's where no selector has a descriptor."""
    selector = PolledSelector()
    if (fileno := getattr(selector, "fileno", None)) is None:
        made: asyncio.AbstractEventLoop = qasync.QEventLoop(app)
        return made
    return ConsoleLoop(app, selector, fileno())
