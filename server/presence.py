"""Who is where in the cluster: session records of every origin, merged; pure.

A session is present while its record has not ended and its origin is alive, so that what a dead node left behind
neither shows nor is forgotten before the node's log is.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict

from bus.record import HIGHEST, NodeId, Origin
from server.session import Seat, SessionRecord
from server.wire.native import Address


@dataclasses.dataclass(frozen=True, slots=True)
class Entered:
    """A session took a seat."""

    record: SessionRecord
    seat: Seat


@dataclasses.dataclass(frozen=True, slots=True)
class Parted:
    """A session lost a seat."""

    record: SessionRecord
    room: str
    reason: str
    """As in `member_left` (protocol.md section 4)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Updated:
    """A session in a room is otherwise than before."""

    old: SessionRecord
    record: SessionRecord
    room: str


Change = Entered | Parted | Updated

Key = tuple[int, int, Origin]
"""The client's hello number, the record's Lamport number, its origin: what decides who has a session."""

ENDED = 20_000
"""Sessions that ended and are known as such, so that an older record does not bring them back."""


class Presence:
    """All sessions of the cluster. Every change returns what it changed; the same one again returns nothing."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[Origin, SessionRecord]] = {}
        self._keys: dict[str, Key] = {}
        self._ended: OrderedDict[str, Key] = OrderedDict()
        self._of_origin: defaultdict[Origin, set[str]] = defaultdict(set)
        self._live: set[Origin] = set()
        self._by_user: dict[str, tuple[str, ...]] = {}
        """Nearly everybody has one session; the garbage collector passes over a tuple of strings, not over a set."""
        self._ssrcs: set[int] = set()
        self.version = 0
        """Another after each change, so that what was read from here can be told to be old."""
        self.present: dict[str, SessionRecord] = {}
        """Session id to record, of those who are here now."""
        self.rooms: dict[str, dict[str, Seat]] = {}
        """Room to session id to seat, in the order of joining; a room without members is not there."""
        self.per_node: defaultdict[NodeId, int] = defaultdict(int)
        """How many sessions are present on each node."""

    def of_user(self, user: str) -> list[SessionRecord]:
        """The sessions of `user` that are present."""
        return [self.present[session] for session in sorted(self._by_user.get(user, ()))]

    def addressed(self, to: Address) -> list[SessionRecord]:
        """The present sessions that `to` names."""
        if to.user is not None:
            return self.of_user(to.user)
        record = self.present.get(to.session or "")
        return [] if record is None else [record]

    def has_ssrc(self, ssrc: int) -> bool:
        """Whether a present session uses `ssrc` in any room."""
        return ssrc in self._ssrcs

    def known(self, session: str) -> SessionRecord | None:
        """The record that has a session, whether or not its node lives; None for one that ended or never was."""
        known = self._records.get(session)
        return None if known is None else known[1]

    def key(self, session: str) -> Key | None:
        """By what that record has it; also of a session that ended not long ago."""
        return self._keys.get(session) or self._ended.get(session)

    def merge(self, origin: Origin, record: SessionRecord, *, lamport: int = 0) -> list[Change]:
        """Take a record of a session: the one with the highest key has it (cluster.md rule 10)."""
        known = self._records.get(record.session)
        key = (HIGHEST if record.is_for_good else record.n, lamport, origin)
        before = self.key(record.session)
        if before is not None and before[2] != origin and before > key:
            return []
        self._ended.pop(record.session, None)
        self._keys.pop(record.session, None)
        if not record.ended:
            self._keys[record.session] = key
        else:
            self._ended[record.session] = key
            if len(self._ended) > ENDED:
                self._ended.popitem(last=False)
        if known is not None and known[0] != origin:
            self._of_origin[known[0]].discard(record.session)
        if record.ended:
            self._records.pop(record.session, None)
            self._of_origin[origin].discard(record.session)
        else:
            self._records[record.session] = (origin, record)
            self._of_origin[origin].add(record.session)
        here = not record.ended and origin in self._live
        return self._replace(record.session, record if here else None, record.parted)

    def revive(self, origin: Origin) -> list[Change]:
        """The node of `origin` lives: its sessions are here."""
        if origin in self._live:
            return []
        self._live.add(origin)
        return [
            change
            for session in sorted(self._of_origin.get(origin, ()))
            for change in self._replace(session, self._records[session][1], "lost")
        ]

    def lose(self, origin: Origin) -> list[Change]:
        """The node of `origin` is down: its sessions are gone, unless it comes back."""
        if origin not in self._live:
            return []
        self._live.discard(origin)
        return [
            change
            for session in sorted(self._of_origin.get(origin, ()))
            for change in self._replace(session, None, "lost")
        ]

    def forget(self, origin: Origin) -> list[Change]:
        """The node of `origin` has begun another life: nothing of this one comes back."""
        changes = self.lose(origin)
        for session in self._of_origin.pop(origin, ()):
            del self._records[session]
            del self._keys[session]
        return changes

    def _replace(self, session: str, new: SessionRecord | None, reason: str) -> list[Change]:
        old = self.present.get(session)
        if old == new:
            return []
        self.version += 1
        self._index(old, new)
        before = {seat.room: seat for seat in old.seats} if old else {}
        after = {seat.room: seat for seat in new.seats} if new else {}
        changes: list[Change] = []
        for room in before.keys() - after.keys():
            seats = self.rooms[room]
            del seats[session]
            if not seats:
                del self.rooms[room]
            self._ssrcs.discard(before[room].ssrc)
            assert old is not None, "who had a seat had a record"
            changes.append(Parted(new or old, room, reason))
        for room, seat in after.items():
            self.rooms.setdefault(room, {})[session] = seat
            self._ssrcs.add(seat.ssrc)
            if new is not None and room not in before:
                changes.append(Entered(new, seat))
            elif new is not None and old is not None and _differ(old, new):
                changes.append(Updated(old, new, room))
        return changes

    def _index(self, old: SessionRecord | None, new: SessionRecord | None) -> None:
        if old is not None:
            del self.present[old.session]
            self.per_node[old.node] -= 1
            others = tuple(session for session in self._by_user.pop(old.user) if session != old.session)
            if others:
                self._by_user[old.user] = others
        if new is not None:
            self.present[new.session] = new
            self.per_node[new.node] += 1
            self._by_user[new.user] = (*self._by_user.get(new.user, ()), new.session)


def _differ(old: SessionRecord, new: SessionRecord) -> bool:
    """Whether others see more of a change than that somebody came or went."""
    return old.silences != new.silences or old.deafened != new.deafened
