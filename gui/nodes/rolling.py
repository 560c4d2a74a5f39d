"""The rolling restart in the window: the sheet before it, the banner while it goes on, the word at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from gui import wording
from gui.nodes import drains
from gui.nodes.drain import seconds_field
from gui.tokens import Colour, Type
from gui.widgets.buttons import Button, Kind
from gui.widgets.labels import Label
from gui.widgets.sheet import Sheet
from server.child import Child, ChildState
from server.launcher import LaunchError
from server.roll import NotBack, Roll
from server.wire.native import Refused

if TYPE_CHECKING:
    from gui.views import Context

SECONDS = 10
"""What is proposed for each node."""
KEY = "roll"
"""Of the banner."""


class RollSheet(Sheet):
    """Names who is restarted and who stays, and asks for the seconds of each."""

    def __init__(self, window: QWidget, turns: Sequence[str], stays: Sequence[str]) -> None:
        """Make it for nodes of these names; `stays` has the others, each with why."""
        act = f"Restart {wording.plural(len(turns), 'node')}"
        super().__init__(
            window,
            f"{act}, one after the other?" if len(turns) > 1 else f"{act}?",
            "Each hands its clients to the others, ends, and starts again under its name and ports with its data. The"
            " next one begins when it is back and holds all that the others hold.",
            width=480,
        )
        self.turns = Label(
            f"In this order: {wording.listed(tuple(turns), most=len(turns))}.", Type.BODY, Colour.TEXT, wrap=True
        )
        self.stays = Label(" ".join(stays), Type.SMALL, Colour.TEXT2, wrap=True)
        field, self._stepper = seconds_field(SECONDS, "in which each hands its clients on")
        self.seconds = self._stepper.box
        for part in (self.turns, self.stays, field):
            self.body.addWidget(part)
        self.cancel = Button("Not now")
        self.cancel.clicked.connect(self.reject)
        self.confirm = Button(act, kind=Kind.PRIMARY, key="Ctrl ↵")
        self.confirm.clicked.connect(self.accept)
        self.buttons.addWidget(self.cancel)
        self.buttons.addWidget(self.confirm)

    def open(self) -> None:
        super().open()
        self.seconds.selectAll()

    def first_focus(self) -> QWidget:
        return self.seconds


class Rolling(QObject):
    """Restarts the launched nodes one by one, and says how far it is whatever view is open."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        """Make it for a view."""
        super().__init__(parent)
        self._context = context
        self._view = parent
        self._roll: Roll | None = None
        self._sheet: RollSheet | None = None
        self.stop = context.actions.make("Stop the rolling restart", group="Nodes", icon="x", act=self._stop)
        self.stop.setEnabled(False)

    @property
    def name(self) -> str:
        """The name of the node whose turn it is; empty while nothing rolls."""
        return self._roll.progress.name if self._roll is not None else ""

    def ask(self) -> None:
        """Open the sheet, or say why there is nothing to restart."""
        if self._roll is not None or self._sheet is not None:
            return
        turns = self._turns()
        if not turns:
            self._context.toasts.warn(
                "No node that runs was launched from here, and this window can start no others again."
            )
            return
        names = tuple(child.spec.name for child in turns)
        sheet = self._sheet = RollSheet(self._view.window(), names, self._who_stays(turns))

        def close(result: int) -> None:
            self._sheet = None
            seconds = sheet.seconds.value()
            if result:
                self.begin(turns, seconds)

        sheet.finished.connect(close)
        sheet.open()

    def begin(self, turns: Sequence[Child], seconds: float) -> None:
        """Restart these, one after the other."""
        context = self._context
        self._roll = Roll(context.desk, context.launcher, turns, seconds=seconds)
        self.stop.setEnabled(True)
        context.banners.drop(KEY)
        context.tasks.start(self._run(self._roll), "restart the nodes")
        self.look()

    def look(self) -> None:
        """Bring the banner up to date; the window has it look once a second and when nodes change."""
        if self._roll is not None and (progress := self._roll.progress).place:
            words = drains.progress(progress)
            self._context.banners.show(KEY, "Rolling restart", words, acts=(self.stop,), tone=Colour.ACCENT)

    async def _run(self, roll: Roll) -> None:
        banners, failure = self._context.banners, ""
        try:
            done = await roll.run()
        except NotBack as why:
            failure = f"{wording.within(why.name)} {why}"
        except LaunchError as why:
            failure = str(why)
        except Refused as why:
            failure = f"{why.message[:1].upper()}{why.message[1:]}."
        finally:
            self._roll = None
            self.stop.setEnabled(False)
            banners.drop(KEY)
        if failure:
            place, of = roll.progress.place, roll.progress.of
            banners.show(KEY, f"The rolling restart stopped at {place} of {of}.", failure, tone=Colour.DANGER)
        else:
            words = (
                "The rolling restart was stopped" if done < roll.progress.of else "The rolling restart is complete"
            )
            detail = f"{wording.plural(done, 'node')} restarted."
            self._context.toasts.say(words, detail, icon="arrow-clockwise")

    def _stop(self) -> None:
        if self._roll is not None:
            self._roll.stop()
            self.look()

    def _turns(self) -> list[Child]:
        running = [child for child in self._context.launcher.children if child.state is ChildState.RUNNING]
        return sorted(running, key=lambda child: child.spec.name.casefold())

    def _who_stays(self, turns: Sequence[Child]) -> list[str]:
        """Who is not restarted, and why."""
        launched = {child.ready.node for child in turns if child.ready is not None}
        nodes = self._context.desk.nodes()
        found = [f"{wording.within(node.name)} is this console and stays." for node in nodes if node.here]
        others = tuple(
            node.name for node in nodes if not node.here and node.state != "down" and node.node not in launched
        )
        if others:
            verb = "was" if len(others) == 1 else "were"
            found.append(f"{wording.listed(others)} {verb} not launched from here: restart where it was started.")
        return found
