"""What a moderator does to members: kick, mute, unmute; how far each has come, and what came of it in one line."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from gui import wording
from gui.tokens import Span
from server.wire.native import Refused

if TYPE_CHECKING:
    from gui.tasks import Tasks
    from gui.widgets.toast import Toasts
    from server.desk import Desk
    from server.views import MemberView

KICK_REASON = "a moderator removed you"

MUTE_SECONDS = 600
"""For how long `M` mutes."""


class Stage(enum.Enum):
    """How far an act has come."""

    ASKED = enum.auto()
    UNCONFIRMED = enum.auto()
    """The node of the member has not answered for two seconds."""
    DONE = enum.auto()
    """The node has done it; the record that says so is on its way."""


class Deed(enum.Enum):
    """What is done, with its word of the past."""

    KICK = "kicked"
    MUTE = "muted"
    UNMUTE = "unmuted"


ICONS = {Deed.KICK: "sign-out", Deed.MUTE: "microphone-slash", Deed.UNMUTE: "microphone"}


@dataclasses.dataclass(frozen=True, slots=True)
class Pending:
    """An act under way, shown in the member's row until the record comes that makes it true."""

    deed: Deed
    stage: Stage
    node_name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What came of an act on one member."""

    member: MemberView
    outcome: str
    """``done``, ``gone``, ``failed``, or ``refused`` with the sentence that says why."""
    milliseconds: float = 0.0
    why: str = ""


class Moderation(QObject):
    """Acts on sessions that were selected when the key or the button went down, never on rows."""

    moved = Signal(str)
    """The session of which an act went on a stage, failed, or is over."""

    def __init__(self, desk: Desk, tasks: Tasks, toasts: Toasts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._tasks = tasks
        self._toasts = toasts
        self.pending: dict[str, Pending] = {}
        """By session id."""

    def kick(self, members: Sequence[MemberView]) -> None:
        """Put these sessions out of the cluster, at once; what came of it is a toast."""
        self._start(Deed.KICK, members)

    def mute(self, members: Sequence[MemberView], room: str, seconds: float | None = MUTE_SECONDS) -> None:
        """Let these sessions not be heard in `room`, for so long or until they are unmuted."""
        self._start(Deed.MUTE, members, room=room, seconds=seconds)

    def unmute(self, members: Sequence[MemberView]) -> None:
        """Let these sessions be heard again, wherever they were muted."""
        self._start(Deed.UNMUTE, members)

    def seen(self, members: dict[str, MemberView]) -> None:
        """Let go of acts that are done, of those whose record says so; `members` are all that are there."""
        for session, pending in list(self.pending.items()):
            member = members.get(session)
            if pending.stage is Stage.DONE and (
                member is None or (pending.deed is not Deed.KICK and member.muted is (pending.deed is Deed.MUTE))
            ):
                self._stage(session, None)

    def _start(
        self, deed: Deed, members: Sequence[MemberView], *, room: str | None = None, seconds: float | None = None
    ) -> None:
        targets = [member for member in members if member.session not in self.pending]
        if not targets:
            return
        for member in targets:
            self._stage(member.session, Pending(deed, Stage.ASKED, member.node_name))
        whom = (
            wording.name(targets[0].name) if len(targets) == 1 else wording.plural(len(targets), "person", "people")
        )
        self._tasks.start(self._act(deed, targets, room, seconds), f"{deed.name.lower()} {whom}")

    async def _act(self, deed: Deed, targets: Sequence[MemberView], room: str | None, seconds: float | None) -> None:
        results = await asyncio.gather(*(self._act_on(deed, member, room, seconds) for member in targets))
        if len(results) == 1:
            self._tell_one(deed, results[0], room, seconds)
        else:
            self._tell_all(deed, results)

    async def _act_on(self, deed: Deed, member: MemberView, room: str | None, seconds: float | None) -> Result:
        desk, session, node = self._desk, member.session, member.node_name
        late = asyncio.get_running_loop().call_later(
            Span.UNCONFIRMED / 1000, self._stage, session, Pending(deed, Stage.UNCONFIRMED, node)
        )
        left: Pending | None = None
        try:
            if deed is Deed.KICK:
                outcomes = await desk.kick(desk.operator, session=session, reason=KICK_REASON)
            elif deed is Deed.MUTE:
                outcomes = await desk.mute(desk.operator, session=session, room=room, seconds=seconds)
            else:
                outcomes = await desk.unmute(desk.operator, session=session)
            if outcomes[0].outcome == "done":
                left = Pending(deed, Stage.DONE, node)
            return Result(member, outcomes[0].outcome, outcomes[0].ms)
        except Refused as refused:
            return Result(member, "refused", why=refused.message)
        finally:
            late.cancel()
            self._stage(session, left)

    def _tell_one(self, deed: Deed, result: Result, room: str | None, seconds: float | None) -> None:
        name, node, icon = wording.name(result.member.name), wording.name(result.member.node_name), ICONS[deed]
        if result.outcome == "gone":
            self._toasts.say(f"{name} had already left", icon=icon)
        elif result.outcome == "failed":
            self._toasts.warn(f"{node} could not {deed.name.lower()} {name}")
        elif result.outcome == "refused":
            self._toasts.warn(result.why)
        elif deed is Deed.KICK:
            took = wording.milliseconds(result.milliseconds)
            self._toasts.say(f"{name} kicked", f"Connection on {node} closed in {took}", icon=icon)
        elif deed is Deed.MUTE:
            span = "until unmuted" if seconds is None else f"for {wording.span(int(seconds * 1000))}"
            where = "Nobody" if room is None else f"Nobody in {wording.within(room)}"
            self._toasts.say(f"{name} muted {span}", f"{where} hears what is sent meanwhile", icon=icon)
        else:
            self._toasts.say(f"{name} may be heard again", icon=icon)

    def _tell_all(self, deed: Deed, results: Sequence[Result]) -> None:
        counts = collections.Counter(result.outcome for result in results)
        parts = [
            f"{wording.count(counts[outcome])} {words}"
            for outcome, words in (
                ("done", deed.value),
                ("gone", "already gone"),
                ("failed", "failed"),
                ("refused", "refused"),
            )
            if counts[outcome]
        ]
        why = list(dict.fromkeys(result.why for result in results if result.why))
        self._toasts.say(", ".join(parts), ". ".join(why[:2]), icon=ICONS[deed])

    def _stage(self, session: str, pending: Pending | None) -> None:
        if pending is None:
            if self.pending.pop(session, None) is None:
                return
        else:
            self.pending[session] = pending
        self.moved.emit(session)
