"""Users who are muted, whichever sessions they have: a mute that holds for those that come later, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.acts import OVER, TIME, Mute, Unmute
from server.roles import outranks
from server.rulings import MUTE, Change, Ruling, key_of, parts_of
from server.session import SessionRecord, Silence
from server.wire.native import Address

if TYPE_CHECKING:
    from server.execution import Execution
    from server.node import Node


class UserMutes:
    """The mutes of users in the cluster, as this node enforces them on sessions that it acts for."""

    def __init__(self, node: Node, execution: Execution) -> None:
        self._node = node
        self._execution = execution
        self._of_user: dict[str, dict[str | None, Ruling]] = {}
        """By user and room, None for everywhere, what is in force."""
        node.orders.follow(MUTE, self._follow)

    def of(self, user: str, room: str | None) -> list[str]:
        """The keys of what an unmute there lifts; without a room all."""
        return [ruling.key for place, ruling in self._of_user.get(user, {}).items() if room is None or place == room]

    def decide(self, act: Mute, user: str) -> Ruling:
        """Mute a user. Sessions that are here are told at once; `Orders.confirm` is to follow."""
        key = key_of(MUTE, user, act.room or "")
        return self._node.orders.decide(act.by, key, True, reason=act.reason, seconds=act.seconds, act=act.id)

    def lift(self, act: Unmute, key: str) -> Ruling:
        """Let a user be heard again, as `of` has named it; `Orders.confirm` is to follow."""
        return self._node.orders.decide(act.by, key, None, reason=act.reason, act=act.id)

    def silenced(self, record: SessionRecord) -> SessionRecord:
        """The record of a session that begins or goes on here, with the mutes of its user."""
        node = self._node
        for room, ruling in self._of_user.get(record.user, {}).items():
            if record.silence(room) is None and outranks(ruling.by, record.role):
                left = node.rulings.left(ruling.key, node.clock.now())
                until = None if left is None else node.clock.wall_ms() + round(left * 1000)
                record = record.with_silence(Silence(room, until, ruling.by.name, left, ruling.act))
        return record

    def _follow(self, change: Change) -> None:
        _, user, name = parts_of(change.key)
        room, ruling = name or None, change.now
        if ruling is not None:
            self._of_user.setdefault(user, {})[room] = ruling
        elif (rulings := self._of_user.get(user)) is not None:
            rulings.pop(room, None)
            if not rulings:
                del self._of_user[user]
        presence, to = self._node.presence, Address(user=user)
        for record in (*presence.addressed(to), *presence.absent(to)):
            if not self._execution.acts_for(record):
                continue
            if ruling is not None:
                self._mute(record, room, ruling)
            elif change.last.lifts:
                self._execution.unsilence(record, [room], change.last.by, change.last.reason, act=change.last.act)
            elif (known := record.silence(room)) is not None and known.act == change.last.act:
                self._execution.unsilence(record, [room], TIME, OVER)

    def _mute(self, record: SessionRecord, room: str | None, ruling: Ruling) -> None:
        known = record.silence(room)
        if (known is None or known.act != ruling.act) and outranks(ruling.by, record.role):
            left = self._node.rulings.left(ruling.key, self._node.clock.now())
            self._execution.silence(record, room, ruling.by, ruling.reason, left, act=ruling.act)
