"""The members of a room in a table: columns, words, who speaks how loudly."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt

from gui import wording
from gui.actions import Kick, Stage
from gui.rows import Index, Rows
from gui.widgets.painting import level_word, steps
from server.views import MemberView

NAME, LEVEL, NODE, AGE, RTT = range(5)
SLOW_MS = 150.0
"""A round trip from here on is worth a look."""


class MembersModel(Rows[MemberView]):
    """Members by name. Levels come apart from the members, because they change twice as often."""

    heads = ("Name", "Level", "Node", "In room", "RTT")

    def __init__(self, kicks: Mapping[str, Kick], parent: QObject | None = None) -> None:
        """Make it; `kicks` are those under way, by session."""
        super().__init__(parent)
        self._kicks = kicks
        self._levels: dict[str, int] = {}

    def key(self, row: MemberView) -> str:
        return row.session

    def changed_columns(self, old: MemberView, new: MemberView) -> tuple[int, int] | None:
        if (old.name, old.role, old.state, old.user) != (new.name, new.role, new.state, new.user):
            return NAME, RTT
        sources = ((NODE, "node_name"), (AGE, "joined"), (RTT, "round_trip"))
        changed = [column for column, source in sources if getattr(old, source) != getattr(new, source)]
        return (changed[0], changed[-1]) if changed else None

    def level(self, session: str) -> int | None:
        """The level of one who speaks now, as -dBov; None of one who does not."""
        return self._levels.get(session)

    def kick(self, session: str) -> Kick | None:
        """The kick of this session that is under way."""
        return self._kicks.get(session)

    def hear(self, levels: Mapping[str, int]) -> None:
        """Take the levels of those who speak now; only what looks different is painted anew."""
        old, self._levels = self._levels, dict(levels)
        for session in old.keys() | levels.keys():
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
        if column == NODE:
            return wording.name(member.node_name)
        if column == AGE:
            return wording.age(int(time.time() * 1000) - member.joined)
        return wording.milliseconds(member.round_trip)

    def sentence(self, member: MemberView) -> str:
        """A row for those who listen: name, state, node, round trip."""
        parts = [wording.name(member.name)]
        if member.role != "user":
            parts.append(member.role)
        kick = self.kick(member.session)
        if kick is not None:
            parts.append(kick_words(kick))
        elif member.state == "reconnecting":
            parts.append("reconnecting")
        else:
            level = self.level(member.session)
            parts.append("quiet" if level is None else f"speaking, level {level_word(level)}")
        parts.append(f"node {wording.name(member.node_name)}")
        if member.round_trip is not None:
            parts.append(f"{member.round_trip:.0f} milliseconds")
        return ", ".join(parts)


def kick_words(kick: Kick) -> str:
    """How far a kick has come, for the row."""
    if kick.stage is Stage.UNCONFIRMED:
        return f"{wording.name(kick.node_name)} has not confirmed"
    return "Kicked, connection closed" if kick.stage is Stage.DONE else "Kicked, closing the connection"


def ordered(members: Iterable[MemberView]) -> list[MemberView]:
    """The order of the table: by name, then by who came first."""
    return sorted(members, key=lambda member: (member.name.casefold(), member.joined, member.session))


def matches(member: MemberView, wanted: str) -> bool:
    """Whether a member has these letters in name, user or node; `wanted` is case-folded."""
    return any(wanted in part.casefold() for part in (member.name, member.user, member.node_name))
