"""The last acts of this window that can be undone, and the key that undoes the newest."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui import wording
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from gui.tasks import Tasks
    from gui.widgets.toast import Toasts

KEPT = 50
"""Acts that can be undone one after the other."""


@dataclasses.dataclass(slots=True, eq=False)
class Step:
    """One act, on however many; what undoes it is known only here."""

    title: str
    """What was done: ``Bob kicked``."""
    work: Callable[[], Awaitable[tuple[str, str]]]
    """Undoes it, and returns what came of that: a title, and what follows from it. Raises Refused."""
    marks: frozenset[str] = frozenset()
    """What it undoes, as others name it who may undo the same."""


def muted(room: str | None, session: str) -> str:
    """The mark of a mute."""
    return f"mute/{room}/{session}"


def kicked(session: str) -> str:
    """The mark of a kick."""
    return f"kick/{session}"


def banned(ban: str) -> str:
    """The mark of a ban."""
    return f"ban/{ban}"


class Undo(QObject):
    """The acts, the newest last. One that could not be undone now stays, unless there is nothing left to undo."""

    def __init__(self, action: QAction, tasks: Tasks, toasts: Toasts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self._tasks = tasks
        self._toasts = toasts
        self._steps: list[Step] = []
        action.setEnabled(False)
        action.triggered.connect(lambda: self.undo())

    def did(self, step: Step, detail: str = "", *, icon: str) -> None:
        """Remember an act, and say that it was done and can be undone."""
        self._steps = [*self._steps[1 - KEPT :], step]
        self._action.setEnabled(True)
        key = wording.keys(self._action.shortcut().toString())
        self._toasts.say(step.title, detail, icon=icon, undo=lambda: self.undo(step), key=key)

    def drop(self, step: Step) -> None:
        """There is nothing left to undo of it."""
        self._steps = [one for one in self._steps if one is not step]
        self._action.setEnabled(bool(self._steps))

    def undone(self, marks: Iterable[str]) -> None:
        """All of this was undone in another way: nothing is left of the acts that were no more than that."""
        known = frozenset(marks)
        for step in [one for one in self._steps if one.marks and one.marks <= known]:
            self.drop(step)

    def undo(self, step: Step | None = None) -> None:
        """Undo an act, or else the newest; what came of it is a toast."""
        step = step or next(reversed(self._steps), None)
        if step is not None and step in self._steps:
            self.drop(step)
            self._tasks.start(self._undo(step), "undo that")

    async def _undo(self, step: Step) -> None:
        try:
            title, detail = await step.work()
        except Refused as refused:
            if refused.code is not Code.NOT_FOUND:
                self._steps.append(step)
                self._action.setEnabled(True)
            raise
        self._toasts.say(title, detail, icon="arrow-counter-clockwise")
