"""How what was done to members is undone: at once as if it had not been, later as far as that goes."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from gui import wording
from gui.undo import Step, kicked
from server.wire.moderation import TARGETS, Outcome, Whom
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from gui.undo import Undo
    from server.desk import Desk
    from server.views import MemberView

SETTLED_SECONDS = 8
"""So long after a kick its block has come to all nodes, if there is one."""

AT_ONCE = 16
"""Blocks that are lifted at once."""

Said = tuple[str, str]
"""A title, and what follows from it."""


@dataclasses.dataclass(slots=True, eq=False)
class Kick:
    """A kick of some, as far as it was not undone."""

    left: dict[str, tuple[MemberView, str]]
    """By session: who it was, and the ban that keeps it out."""
    at: float
    """When it was confirmed, by the clock of the loop."""


class Undoing:
    """Undoes; each returns what came of it, and raises Refused, not_found where there is nothing to undo."""

    def __init__(self, desk: Desk, undo: Undo, forget: Callable[[Iterable[str]], None]) -> None:
        """Make it; `forget` is told of those of whom something is undone."""
        self._desk = desk
        self._forget = forget
        self._undo = undo
        self._kicks: list[tuple[Kick, Step]] = []

    def remember(self, kick: Kick, title: str) -> Step:
        """The step that undoes a kick, of which each can be undone by itself before."""
        step = Step(title, partial(self._unkick, kick), frozenset(map(kicked, kick.left)))
        self._kicks = [*self._kicks[-20:], (kick, step)]
        return step

    async def one(self, member: MemberView) -> Said:
        """Undo the kick of one."""
        for kick, step in reversed(self._kicks):
            if member.session in kick.left:
                said = await self._unkick(Kick({member.session: kick.left[member.session]}, kick.at))
                kick.left.pop(member.session, None)
                if not kick.left:
                    self._undo.drop(step)
                return said
        return await self._unkick(Kick({member.session: (member, "")}, asyncio.get_running_loop().time()))

    async def unmute(self, members: Sequence[MemberView], room: str) -> Said:
        """Undo a mute."""
        outcomes = await self._each(members, partial(self._desk.unmute, self._desk.operator, room=room))
        return _said(members, outcomes, "may be heard again"), ""

    async def mute_again(self, members: Sequence[MemberView], room: str) -> Said:
        """Undo the lift of mutes: each is muted for what was left of it."""
        now, outcomes = int(time.time() * 1000), list[Outcome]()
        ends: dict[int | None, list[MemberView]] = collections.defaultdict(list)
        for member in members:
            ends[member.muted_until].append(member)
        for until, some in ends.items():
            seconds = None if until is None else (until - now) / 1000
            if seconds is None or seconds > 0:
                mute = partial(self._desk.mute, self._desk.operator, room=room, seconds=seconds)
                outcomes += await self._each(some, mute)
        if not outcomes:
            raise Refused(Code.NOT_FOUND, "The mute would be over by now, there is nothing to undo")
        return _said(members, outcomes, "muted again"), f"In {wording.within(room)}"

    async def move_back(self, members: Sequence[MemberView], room: str, to: str) -> Said:
        """Undo a move from `to` to `room`."""
        outcomes = await self._each(members, partial(self._desk.move, self._desk.operator, room=room, to=to))
        return _said(members, outcomes, f"moved back to {wording.within(to)}"), ""

    async def _unkick(self, kick: Kick) -> Said:
        """Undo the kicks whose grace is not over, and lift the blocks of the others."""
        back = await self._back([member for member, _ in kick.left.values()])
        late = [(member, ban) for session, (member, ban) in kick.left.items() if session not in back]
        allowed = 0
        for start in range(0, len(late), AT_ONCE):
            some = late[start : start + AT_ONCE]
            allowed += sum(await asyncio.gather(*(self._lift(ban) for _, ban in some)))
        whose = wording.name(next(iter(kick.left.values()))[0].name) if len(kick.left) == 1 else ""
        if not back and not allowed:
            if late and asyncio.get_running_loop().time() - kick.at < SETTLED_SECONDS:
                raise Refused(Code.UNAVAILABLE, f"{whose or 'They'} is being put out just now. Undo it in a moment")
            raise Refused(Code.NOT_FOUND, f"The kick{whose and f' of {whose}'} is over, there is nothing to undo")
        if whose:
            return (f"Kick of {whose} undone", "") if back else ("Rejoin allowed", f"{whose} may come in again")
        parts = [f"{wording.plural(len(back), 'kick')} undone"] if back else []
        parts += [f"rejoin allowed to {wording.count(allowed)}"] if allowed else []
        words = ", ".join(parts)
        return words[:1].upper() + words[1:], ""

    async def _back(self, members: Sequence[MemberView]) -> set[str]:
        """Those of whom the kick was undone."""
        try:
            outcomes = await self._each(members, partial(self._desk.unkick, self._desk.operator))
        except Refused as refused:
            if refused.code is not Code.NOT_FOUND:
                raise
            return set()
        return {str(outcome.session) for outcome in outcomes if outcome.outcome == "done"}

    async def _lift(self, ban: str) -> bool:
        """Lift the block of one; False where there is none."""
        try:
            return bool(ban) and bool(await self._desk.unban(self._desk.operator, ban))
        except Refused as refused:
            if refused.code is not Code.NOT_FOUND:
                raise
            return False

    async def _each(
        self, members: Sequence[MemberView], act: Callable[[Whom], Awaitable[list[Outcome]]]
    ) -> list[Outcome]:
        """Do something to all of them, in as few requests as take them."""
        outcomes, sessions = list[Outcome](), [member.session for member in members]
        self._forget(sessions)
        for start in range(0, len(sessions), TARGETS):
            outcomes += await act(Whom.of(sessions=sessions[start : start + TARGETS]))
        return outcomes


def _said(members: Sequence[MemberView], outcomes: Sequence[Outcome], words: str) -> str:
    """What came of undoing: ``Bob moved back``, ``5 moved back, 1 already gone``. Raises Refused if nothing did."""
    counts = collections.Counter(outcome.outcome for outcome in outcomes)
    done, one = counts["done"], len(members) == 1
    name = wording.name(members[0].name)
    if not done:
        raise Refused(Code.NOT_FOUND, f"{name} had already left" if one else "They had already left")
    parts = [f"{name if one else wording.count(done)} {words}"]
    parts += [f"{wording.count(counts['gone'])} already gone"] if counts["gone"] else []
    parts += [f"{wording.count(counts['failed'])} failed"] if counts["failed"] else []
    return ", ".join(parts)
