"""The members of a room in a table: columns, words, who speaks how loudly, who has just left."""

from __future__ import annotations

import dataclasses
import enum
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt

from gui import wording
from gui.moderation import GRACE_SECONDS, Deed, Pending, Stage
from gui.rows import Index, Rows
from gui.widgets.painting import level_word, steps
from server.talk import Stretch
from server.views import MemberView

NAME, LEVEL, STRIP, NODE, AGE, RTT, TOOLS = range(7)
SLOW_MS = 150.0
"""A round trip from here on is worth a look."""

NEW_MS = 10_000
"""For so long the node is marked to which a member came from another."""

Strip = tuple[Stretch, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Gone:
    """Why a member is no longer there; its row stays for a while."""

    words: str
    since: float
    """By the clock of `time.monotonic`."""


class MembersModel(Rows[MemberView]):
    """Members in the order they are given. Levels come apart from them, because they change twice as often."""

    heads = ("Name", "Level", "Last 60 s", "Node", "Session", "RTT", "")

    def __init__(
        self,
        pending: Mapping[str, Pending],
        strip: Callable[[str], Strip],
        parent: QObject | None = None,
    ) -> None:
        """Make it.

        Args:
            pending: What is being done to whom, by session.
            strip: Gives the turns of a session in the last minute; asked whenever a strip is painted.
            parent: As in Qt.
        """
        super().__init__(parent)
        self._pending = pending
        self._levels: dict[str, int] = {}
        self.strip = strip
        self.gone: dict[str, Gone] = {}
        """Those who have left and are still shown, by session."""

    def key(self, row: MemberView) -> str:
        return row.session

    def changed_columns(self, old: MemberView, new: MemberView) -> tuple[int, int] | None:
        if _looks(old) != _looks(new):
            return NAME, TOOLS
        sources = ((NODE, "node_name"), (AGE, "connected"), (RTT, "round_trip"))
        changed = [column for column, source in sources if getattr(old, source) != getattr(new, source)]
        return (changed[0], changed[-1]) if changed else None

    def level(self, session: str) -> int | None:
        """The level of one who speaks now, as -dBov; None of one who does not."""
        return self._levels.get(session)

    def pending(self, session: str) -> Pending | None:
        """What is being done to this session."""
        return self._pending.get(session)

    def leaving(self, member: MemberView) -> bool:
        """Whether a member is being put out, which can be undone."""
        pending = self.pending(member.session)
        kicked = pending is not None and pending.deed is Deed.KICK and pending.stage is Stage.DONE
        return member.session not in self.gone and (member.leaves is not None or kicked)

    def tell(self, member: MemberView) -> str:
        """What is said of a member who is being put out, across its row; nothing of another."""
        pending = self.pending(member.session)
        if member.leaves is not None:
            return leaving_words(member, int(time.time() * 1000))
        return pending_words(pending) if pending is not None and pending.deed is Deed.KICK else ""

    def hear(self, levels: Mapping[str, int], first: int, last: int) -> None:
        """Take the levels of those who speak now; of the rows `first` to `last` what looks different is painted."""
        old, self._levels = self._levels, dict(levels)
        for session in old.keys() | levels.keys():
            place = self.place(session)
            if place is None or not first <= place <= last:
                continue
            before, after = steps(old.get(session)), steps(levels.get(session))
            if before != after:
                self.touch((session,), LEVEL if before and after else NAME, LEVEL)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(self.at(index), index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.sentence(self.at(index)) if index.column() == NAME else self.data(index)
        return None

    def words(self, member: MemberView, column: int) -> str:
        """What a cell says."""
        if column == NAME:
            return wording.name(member.name)
        if column == LEVEL:
            return level_word(self.level(member.session))
        if column == STRIP:
            return strip_words(self.strip(member.session))
        if column == NODE:
            return wording.name(member.node_name)
        if column == AGE:
            return wording.age(int(time.time() * 1000) - member.connected)
        if column == RTT:
            return wording.milliseconds(member.round_trip)
        return ", ".join(marks(member))

    def sentence(self, member: MemberView) -> str:
        """A row for those who listen: name, state, node, round trip, what a moderator has done."""
        parts = [wording.name(member.name)]
        if member.role != "user":
            parts.append(member.role)
        parts.append(self.state(member))
        parts.append(f"node {wording.name(member.node_name)}")
        if member.round_trip is not None:
            parts.append(wording.milliseconds(member.round_trip))
        return ", ".join([*parts, *marks(member)])

    def state(self, member: MemberView) -> str:
        """What is the case with a member, the most important thing first."""
        gone, pending = self.gone.get(member.session), self.pending(member.session)
        if gone is not None:
            return gone.words
        if pending is not None:
            return pending_words(pending)
        if member.leaves is not None:
            return leaving_words(member, int(time.time() * 1000))
        if member.state == "reconnecting":
            return reconnecting_words(member)
        level = self.level(member.session)
        return "quiet" if level is None else f"speaking, level {level_word(level)}"


def _looks(member: MemberView) -> tuple[object, ...]:
    return (
        member.name,
        member.role,
        member.state,
        member.away,
        member.user,
        member.muted,
        member.muted_until,
        member.deafened,
        member.leaves,
    )


def marks(member: MemberView) -> list[str]:
    """What is not as usual with a member, in words."""
    found = []
    if member.muted and member.leaves is None:
        found.append(muted_words(member))
    if member.deafened:
        found.append("hears nobody")
    return found


def reconnecting_words(member: MemberView) -> str:
    """That a member has lost the connection, and since when where that was seen."""
    return f"reconnecting since {wording.clock(member.away, seconds=True)}" if member.away else "reconnecting"


def resumed_words(member: MemberView) -> str:
    """How often and where a member was resumed; nothing where it never was."""
    if not member.resumes:
        return ""
    times = "once" if member.resumes == 1 else f"{wording.count(member.resumes)} times"
    last = ", last" if member.resumes > 1 else ""
    if member.resumed is None:  # before this console looked
        return f"resumed {times}{last} on {wording.within(member.node_name)}"
    at = f"at {wording.clock(member.resumed, seconds=True)}"
    came = f", from {wording.within(member.before)}" if member.before else ""
    return f"resumed {times}{last} on {wording.within(member.node_name)} {at}{came}"


def is_new_here(member: MemberView, now: int) -> bool:
    """Whether a member came to its node a moment ago; `now` in ms since 1970."""
    return bool(member.before) and member.resumed is not None and now - member.resumed < NEW_MS


def muted_words(member: MemberView) -> str:
    """Until when a moderator has muted somebody."""
    return f"muted until {wording.clock(member.muted_until)}" if member.muted_until else "muted until unmuted"


def strip_words(strip: Strip) -> str:
    """How much somebody spoke in the last minute."""
    spoken = sum(turn.began - turn.ended for turn in strip)
    return f"{spoken:.0f} s spoken" if spoken else "nothing spoken"


def leaving_words(member: MemberView, now: int) -> str:
    """What is said of one who is being put out; `now` in ms since 1970."""
    seconds = max(0, math.ceil(((member.leaves or 0) - now) / 1000))
    if not member.closes:
        return f"Kicked from this room, out in {seconds} s" if seconds else "Kicked from this room"
    return f"Kicked, connection closes in {seconds} s" if seconds else "Kicked, closing the connection"


def pending_words(pending: Pending) -> str:
    """How far an act has come, for the row."""
    if pending.stage is Stage.UNCONFIRMED:
        return f"{wording.name(pending.node_name)} has not confirmed"
    if pending.deed is Deed.KICK:
        return f"Kicked, connection closes in {GRACE_SECONDS} s" if pending.stage is Stage.DONE else "Kicking"
    return {Deed.MUTE: "Muting", Deed.UNMUTE: "Unmuting", Deed.MOVE: "Moving"}[pending.deed]


class Sorting(enum.Enum):
    """By what the members are sorted, with the column whose head says so."""

    VOICE = LEVEL
    """Who spoke in the last minute, then the others, each by name."""
    NAME = NAME
    TALK = STRIP
    """Who spoke most of the last minute first."""
    NODE = NODE
    SESSION = AGE
    RTT = RTT
    """The slowest first."""

    def sort(self, members: Iterable[MemberView], strip: Callable[[str], Strip], reverse: bool) -> list[MemberView]:
        """The members in this order; equal ones by name, then by who came first."""
        named = sorted(members, key=lambda member: (member.name.casefold(), member.joined, member.session))
        ranks: dict[Sorting, Callable[[MemberView], Any]] = {
            Sorting.VOICE: lambda member: not strip(member.session),
            Sorting.TALK: lambda member: -sum(turn.began - turn.ended for turn in strip(member.session)),
            Sorting.NODE: lambda member: member.node_name,
            Sorting.SESSION: lambda member: member.connected,
            Sorting.RTT: lambda member: -(member.round_trip if member.round_trip is not None else -1.0),
        }
        rank = ranks.get(self)
        ordered = named if rank is None else sorted(named, key=rank)
        return ordered[::-1] if reverse else ordered
