"""What a moderator does to members: kick, mute, move; how far each has come, and what came of it in one line."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import enum
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from gui import wording
from gui.tokens import Colour, Span
from gui.undo import Step, muted
from gui.undoing import Kick, Undoing
from server.wire.moderation import TARGETS, Outcome, Whom
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from gui.tasks import Tasks
    from gui.undo import Undo
    from gui.widgets.toast import Toasts
    from server.desk import Desk
    from server.views import MemberView

KICK_REASON = "a moderator removed you"

GRACE_SECONDS = 5
"""For so long a kick can be undone as if it had not been; who was kicked is silent at once."""

BLOCK_SECONDS = 600
"""For so long who was kicked may not come in again."""

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
    MOVE = "moved"


ICONS = {
    Deed.KICK: "sign-out",
    Deed.MUTE: "microphone-slash",
    Deed.UNMUTE: "microphone",
    Deed.MOVE: "arrow-right",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Pending:
    """An act under way, shown in the member's row until the record comes that makes it true."""

    deed: Deed
    stage: Stage
    node_name: str
    since: float
    """By the clock of `time.monotonic`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What is to be done to some members."""

    deed: Deed
    room: str = ""
    """Where they are."""
    seconds: float | None = None
    """How long they are muted; None: until they are unmuted."""
    to: str = ""
    """Where to they are moved."""


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What came of an act on one member."""

    member: MemberView
    outcome: str
    """``done``, ``gone``, ``failed``, or ``refused`` or ``open`` with the sentence that says why."""
    ban: str = ""
    """Which ban keeps out who was kicked."""
    why: str = ""


class Moderation(QObject):
    """Acts on sessions that were selected when the key or the button went down, never on rows."""

    moved = Signal(object)
    """The sessions of which an act went on a stage, failed, or is over."""

    def __init__(self, desk: Desk, tasks: Tasks, toasts: Toasts, undo: Undo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._tasks = tasks
        self._toasts = toasts
        self._undo = undo
        self._undoing = Undoing(desk, undo, self.forget)
        self.pending: dict[str, Pending] = {}
        """By session id."""

    def kick(self, members: Sequence[MemberView]) -> None:
        """Silence these sessions at once and put them out of the cluster in a moment, for a time."""
        self._start(Order(Deed.KICK), members)

    def mute(self, members: Sequence[MemberView], room: str, seconds: float | None = MUTE_SECONDS) -> None:
        """Let these sessions not be heard in `room`, for so long or until they are unmuted."""
        self._start(Order(Deed.MUTE, room, seconds=seconds), members)

    def unmute(self, members: Sequence[MemberView], room: str) -> None:
        """Let these sessions be heard again, wherever they were muted."""
        self._start(Order(Deed.UNMUTE, room), members)

    def move(self, members: Sequence[MemberView], room: str, to: str) -> None:
        """Take these sessions out of `room` into another one."""
        self._start(Order(Deed.MOVE, room, to=to), members)

    def unkick(self, member: MemberView) -> None:
        """Undo the kick of one, whoever has kicked it."""
        self._tasks.start(self._unkick(member), f"undo the kick of {wording.name(member.name)}")

    def seen(self, members: dict[str, MemberView]) -> None:
        """Let go of acts that are done, of those whose record says so; `members` are all that are there."""
        stale = time.monotonic() - Span.UNCONFIRMED / 1000
        self._end(
            session
            for session, pending in self.pending.items()
            if pending.stage is Stage.DONE and (pending.since < stale or _shows(members.get(session), pending.deed))
        )

    def forget(self, sessions: Iterable[str]) -> None:
        """Let go of acts that are done, because they are being undone."""
        done = {session for session, pending in self.pending.items() if pending.stage is Stage.DONE}
        self._end(done.intersection(sessions))

    async def _unkick(self, member: MemberView) -> None:
        title, detail = await self._undoing.one(member)
        self._toasts.say(title, detail, icon="arrow-counter-clockwise")

    def _start(self, order: Order, members: Sequence[MemberView]) -> None:
        targets = [member for member in members if member.session not in self.pending]
        if not targets:
            return
        self._stage(order.deed, Stage.ASKED, targets)
        whom = (
            wording.name(targets[0].name) if len(targets) == 1 else wording.plural(len(targets), "person", "people")
        )
        self._tasks.start(self._act(order, targets), f"{order.deed.name.lower()} {whom}")

    async def _act(self, order: Order, targets: Sequence[MemberView]) -> None:
        late = asyncio.get_running_loop().call_later(
            Span.UNCONFIRMED / 1000, self._stage, order.deed, Stage.UNCONFIRMED, targets
        )
        store = self._desk.store
        block = 0 if store is not None and store.failing else BLOCK_SECONDS
        results: list[Result] = []
        try:
            for start in range(0, len(targets), TARGETS):
                results += await self._ask(order, targets[start : start + TARGETS], block)
        finally:
            late.cancel()
            done = {result.member.session for result in results if result.outcome == "done"}
            self._end(member.session for member in targets if member.session not in done)
            self._stage(order.deed, Stage.DONE, [member for member in targets if member.session in done])
        self._tell(order, results, block)

    async def _ask(self, order: Order, targets: Sequence[MemberView], block: float) -> list[Result]:
        """Have it done to so many as one request takes."""
        try:
            outcomes = await self._request(order, [member.session for member in targets], block)
        except Refused as refused:
            # Of several, those of other nodes may have it done to them; their rows say so.
            open_end = refused.code is Code.UNAVAILABLE and len(targets) > 1
            return [Result(member, "open" if open_end else "refused", why=refused.message) for member in targets]
        came = {outcome.session: outcome for outcome in outcomes}
        return [
            Result(member, one.outcome, one.ban if isinstance(one.ban, str) else "")
            if (one := came.get(member.session)) is not None
            else Result(member, "gone")
            for member in targets
        ]

    async def _request(self, order: Order, sessions: Sequence[str], block: float) -> list[Outcome]:
        desk, by = self._desk, self._desk.operator
        whom = Whom(sessions=tuple(sessions), many=len(sessions) > 1)
        if order.deed is Deed.KICK:
            return await desk.kick(by, whom, reason=KICK_REASON, grace_seconds=GRACE_SECONDS, block_seconds=block)
        if order.deed is Deed.MUTE:
            return await desk.mute(by, whom, room=order.room, seconds=order.seconds)
        if order.deed is Deed.UNMUTE:
            return await desk.unmute(by, whom)
        return await desk.move(by, whom, room=order.room, to=order.to)

    # What is told.

    def _tell(self, order: Order, results: Sequence[Result], block: float) -> None:
        one = results[0] if len(results) == 1 else None
        done = [result for result in results if result.outcome == "done"]
        title = _line(order.deed, results) if one is None else _sentence(order, one)
        why = list(dict.fromkeys(result.why for result in results if result.why))
        if not done:
            if one is not None and one.outcome == "gone":
                self._toasts.say(title, icon=ICONS[order.deed])
            else:
                detail = "" if one is not None else ". ".join(why[:2])
                self._toasts.say(title, detail, icon="warning-circle", tone=Colour.WARN)
            return
        detail = ". ".join([*_follows(order, block), *why[:2]])
        self._undo.did(self._step(order, title, done), detail, icon=ICONS[order.deed])

    def _step(self, order: Order, title: str, done: Sequence[Result]) -> Step:
        undoing, members = self._undoing, [result.member for result in done]
        if order.deed is Deed.KICK:
            at = asyncio.get_running_loop().time()
            kick = Kick({result.member.session: (result.member, result.ban) for result in done}, at)
            return undoing.remember(kick, title)
        if order.deed is Deed.MUTE:
            marks = frozenset(muted(order.room, member.session) for member in members)
            return Step(title, partial(undoing.unmute, members, order.room), marks)
        if order.deed is Deed.UNMUTE:
            return Step(title, partial(undoing.mute_again, members, order.room))
        return Step(title, partial(undoing.move_back, members, order.to, order.room))

    # How far it is.

    def _stage(self, deed: Deed, stage: Stage, members: Sequence[MemberView]) -> None:
        now = time.monotonic()
        self.pending |= {member.session: Pending(deed, stage, member.node_name, now) for member in members}
        if members:
            self.moved.emit([member.session for member in members])

    def _end(self, sessions: Iterable[str]) -> None:
        ended = [session for session in list(sessions) if self.pending.pop(session, None) is not None]
        if ended:
            self.moved.emit(ended)


def _shows(member: MemberView | None, deed: Deed) -> bool:
    """Whether the record of a member says that it was done."""
    if member is None:
        return True
    if deed is Deed.KICK:
        return member.leaves is not None
    return deed is not Deed.MOVE and member.muted is (deed is Deed.MUTE)


def _sentence(order: Order, result: Result) -> str:
    """What came of an act on one."""
    name, deed = wording.name(result.member.name), order.deed
    if result.outcome == "gone":
        return f"{name} had already left"
    if result.outcome == "failed":
        return f"{wording.name(result.member.node_name)} could not {deed.name.lower()} {name}"
    if result.outcome == "refused":
        return result.why
    if deed is Deed.KICK:
        return f"{name} kicked"
    if deed is Deed.MUTE:
        span = "until unmuted" if order.seconds is None else f"for {wording.span(int(order.seconds * 1000))}"
        return f"{name} muted {span}"
    return f"{name} may be heard again" if deed is Deed.UNMUTE else f"{name} moved to {wording.within(order.to)}"


def _line(deed: Deed, results: Sequence[Result]) -> str:
    """What came of an act on several: ``6 kicked, 1 already gone``."""
    counts = collections.Counter(result.outcome for result in results)
    words = {
        "done": deed.value,
        "gone": "already gone",
        "failed": "failed",
        "refused": "refused",
        "open": "not confirmed",
    }
    return ", ".join(f"{wording.count(counts[outcome])} {said}" for outcome, said in words.items() if counts[outcome])


def _follows(order: Order, block: float) -> list[str]:
    """What else happens."""
    if order.deed is Deed.KICK:
        span = wording.span(int(block * 1000))
        return [f"Rejoin blocked for {span}" if block else "Rejoin is not blocked, as the store fails"]
    if order.deed is Deed.MUTE:
        return [f"Nobody in {wording.within(order.room)} hears what is sent meanwhile"]
    return []
