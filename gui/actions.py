"""Everything a person can do, as actions with their keys; and what becomes of a kick."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from gui import wording
from gui.tokens import Span

if TYPE_CHECKING:
    from gui.tasks import Tasks
    from gui.widgets.toast import Toasts
    from server.desk import Desk
    from server.views import MemberView

KICK_REASON = "a moderator removed you"


class Stage(enum.Enum):
    """How far a kick has come."""

    ASKED = enum.auto()
    UNCONFIRMED = enum.auto()
    """The node of the member has not answered for two seconds."""
    DONE = enum.auto()
    """Its connection is closed; the record that it left is on its way."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kick:
    """A kick under way, shown in the member's row until the member leaves the list."""

    stage: Stage
    node_name: str


class Actions(QObject):
    """The actions of the window.

    Those that need an object do not look for it: a view connects them and passes the id that was selected when the
    key or the button went down.
    """

    kicked = Signal(str)
    """The session of which the kick went on a stage, failed, or is over."""

    def __init__(self, window: QWidget, desk: Desk, tasks: Tasks, toasts: Toasts) -> None:
        super().__init__(window)
        self._desk = desk
        self._tasks = tasks
        self._toasts = toasts
        self.kicks: dict[str, Kick] = {}
        """By session id."""
        in_list = Qt.ShortcutContext.WidgetWithChildrenShortcut
        self.kick = self._make("Kick", "K", context=in_list)
        self.whisper = self._make("Whisper", "W", context=in_list)
        self.send = self._make("Send", "Ctrl+Return", "Ctrl+Enter", context=in_list)
        self.launch = self._make("Launch node", "N")
        self.copy_address = self._make("Copy address", "Ctrl+Shift+C")
        self.open_client = self._make("Open the browser client", "Ctrl+Shift+O")
        self.filter = self._make("Filter", "/")
        self.back = self._make("Back", "Esc")
        self.next_pane = self._make("Next pane", "F6")
        everywhere = (self.launch, self.copy_address, self.open_client, self.filter, self.back, self.next_pane)
        for action in everywhere:
            window.addAction(action)

    def view(self, title: str, number: int) -> QAction:
        """The action that shows the view with that place in the rail, counted from 1."""
        made = self._make(title, f"Ctrl+{number}")
        made.setCheckable(True)
        return made

    def kick_member(self, member: MemberView) -> None:
        """Kick this session out of the cluster, at once; the result comes as a toast."""
        if member.session in self.kicks:
            return
        self._stage(member.session, Kick(Stage.ASKED, member.node_name))
        self._tasks.start(self._kick(member), f"kick {wording.name(member.name)}")

    def forget_kick(self, session: str) -> None:
        """The member has left the list: nothing more to show."""
        self.kicks.pop(session, None)

    async def _kick(self, member: MemberView) -> None:
        name, node = wording.name(member.name), member.node_name
        late = asyncio.get_running_loop().call_later(
            Span.UNCONFIRMED / 1000, self._stage, member.session, Kick(Stage.UNCONFIRMED, node)
        )
        kick: Kick | None = None
        try:
            outcome = (await self._desk.kick(self._desk.operator, session=member.session, reason=KICK_REASON))[0]
            if outcome.outcome == "done":
                kick = Kick(Stage.DONE, node)
                self._toasts.say(
                    f"{name} kicked",
                    f"Connection on {node} closed in {wording.milliseconds(outcome.ms)}",
                    icon="sign-out",
                )
            elif outcome.outcome == "gone":
                self._toasts.say(f"{name} had already left", icon="sign-out")
            else:
                self._toasts.warn(f"{node} could not kick {name}")
        finally:
            late.cancel()
            self._stage(member.session, kick)

    def _stage(self, session: str, kick: Kick | None) -> None:
        if kick is None:
            self.kicks.pop(session, None)
        else:
            self.kicks[session] = kick
        self.kicked.emit(session)

    def _make(
        self, text: str, *keys: str, context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut
    ) -> QAction:
        made = QAction(text, self)
        made.setShortcuts([QKeySequence(key) for key in keys])
        made.setShortcutContext(context)
        made.setAutoRepeat(False)
        return made
