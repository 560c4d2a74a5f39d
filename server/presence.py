"""Who is where in the cluster: session records of every origin, merged; pure.

A session is present until it has ended or is given up. While its connection is lost, or its node, it is present and
reconnecting: it may go on at any node (protocol.md section 8).
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict

from bus.record import NodeId, Origin
from server.session import Seat, SessionRecord, Standing
from server.wire.native import Address


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """A session is reconnecting from now on."""

    record: SessionRecord


@dataclasses.dataclass(frozen=True, slots=True)
class Resumed:
    """A session goes on: its client came again, or its node answers again."""

    old: SessionRecord
    record: SessionRecord


@dataclasses.dataclass(frozen=True, slots=True)
class GivenUp:
    """A session that was reconnecting is present no more; it may still resume."""

    record: SessionRecord


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
    was_away: bool = False
    is_away: bool = False
    """Whether it is reconnecting."""


Change = Lost | Resumed | GivenUp | Entered | Parted | Updated

Key = tuple[int, int, Origin]
"""The client's hello number, the record's Lamport number, its origin: what decides who has a session."""

BEYOND = 2**63
"""Above every number of a hello: by it those have ended who were put out. And above every Lamport number."""

ENDED = 200_000
"""Sessions that ended and are known as such; beyond it the oldest go before their time."""

REMEMBER_SECONDS = 3600.0


class Presence:
    """All sessions of the cluster. Every change returns what it changed; the same one again returns nothing."""

    def __init__(self, *, remember: float = REMEMBER_SECONDS) -> None:
        """`remember`: for so many seconds it is known of a session that it has ended."""
        self._remember = remember
        self._records: dict[str, tuple[Origin, SessionRecord]] = {}
        self._keys: dict[str, Key] = {}
        self._ended: OrderedDict[str, tuple[Key, float, bool]] = OrderedDict()
        """By what it ended, when, and whether it did for good; the one that ended first comes first."""
        self._of_origin: defaultdict[Origin, set[str]] = defaultdict(set)
        self._live: set[Origin] = set()
        self._by_user: dict[str, tuple[str, ...]] = {}
        """Nearly everybody has one session; the garbage collector passes over a tuple of strings, not over a set."""
        self._ssrcs: set[int] = set()
        self.age = 0.0
        """Seconds by the ticks of the owner, who sets it."""
        self.version = 0
        """Another after each change, so that what was read from here can be told to be old."""
        self.present: dict[str, SessionRecord] = {}
        """Session id to record, of those who are here now or reconnecting."""
        self.reconnecting: set[str] = set()
        """Those of them who are."""
        self.given_up: set[str] = set()
        """Sessions that are not present and may resume."""
        self.rooms: dict[str, dict[str, Seat]] = {}
        """Room to session id to seat, in the order of joining; a room without members is not there."""
        self.per_node: defaultdict[NodeId, int] = defaultdict(int)
        """How many sessions are present on each node, or were there before they were lost."""

    def of_user(self, user: str) -> list[SessionRecord]:
        """The sessions of `user` that are present."""
        return [self.present[session] for session in sorted(self._by_user.get(user, ()))]

    def addressed(self, to: Address) -> list[SessionRecord]:
        """The present sessions that `to` names."""
        if to.user is not None:
            return self.of_user(to.user)
        record = self.present.get(to.session or "")
        return [] if record is None else [record]

    def absent(self, to: Address) -> list[SessionRecord]:
        """The sessions that `to` names and that are given up."""
        found = [self._records[session][1] for session in sorted(self.given_up)]
        return [record for record in found if to.session == record.session or to.user == record.user]

    def is_reconnecting(self, session: str) -> bool:
        """Whether a session is present without a connection."""
        return session in self.reconnecting

    def has_ssrc(self, ssrc: int) -> bool:
        """Whether a session that has not ended uses `ssrc` in any room."""
        return ssrc in self._ssrcs

    def known(self, session: str) -> SessionRecord | None:
        """The record that has a session, whether or not its node lives; None for one that ended or never was."""
        known = self._records.get(session)
        return None if known is None else known[1]

    def key(self, session: str) -> Key | None:
        """By what that record has it; also of a session that ended not long ago."""
        key = self._keys.get(session)
        if key is None:
            ended = self._ended.get(session)
            key = None if ended is None else ended[0]
        return key

    def has_ended(self, session: str) -> bool:
        """Whether it is known to have ended."""
        return session in self._ended

    def lives(self, origin: Origin) -> bool:
        """Whether the node of `origin` is there."""
        return origin in self._live

    def owner(self, session: str) -> Origin | None:
        """Whose log has a session; None for one that has ended or never was."""
        known = self._records.get(session)
        return None if known is None else known[0]

    def responsible(self, session: str) -> NodeId | None:
        """The node that acts for a session: its own while that lives, else the lowest that does; None for none."""
        known = self._records.get(session)
        if known is None:
            return None
        return _node_of(known[0]) if known[0] in self._live else min(map(_node_of, self._live), default=None)

    def merge(self, origin: Origin, record: SessionRecord, *, lamport: int = 0) -> list[Change]:
        """Take a record of a session: the one with the highest key has it (cluster.md rule 10).

        Who was put out has ended, whatever else a record says.
        """
        session = record.session
        # By its hand or a moderator's a session ends whatever others have written who could not reach its node.
        rank = BEYOND if record.ended and record.parted != "lost" else lamport
        key = (BEYOND if record.is_for_good else record.n, rank, origin)
        before, ended = self.key(session), self._ended.get(session)
        if ended is not None and ended[2] and not record.is_for_good:
            return []
        if before is not None and before[2] != origin and before > key:
            return []
        known = self._records.get(session)
        self._ended.pop(session, None)
        self._keys.pop(session, None)
        if known is not None:
            self._of_origin[known[0]].discard(session)
            self._ssrcs.difference_update(seat.ssrc for seat in known[1].seats)
        if record.ended:
            self._records.pop(session, None)
            self._ended[session] = key, self.age, record.is_for_good
            if len(self._ended) > ENDED:
                self._ended.popitem(last=False)
        else:
            self._keys[session] = key
            self._records[session] = origin, record
            self._of_origin[origin].add(session)
            self._ssrcs.update(seat.ssrc for seat in record.seats)
        return self._settle(session, record.parted, before=None if known is None else known[1])

    def revive(self, origin: Origin) -> list[Change]:
        """The node of `origin` lives: its sessions are here."""
        if origin in self._live:
            return []
        self._live.add(origin)
        return self._settle_all(origin)

    def lose(self, origin: Origin) -> list[Change]:
        """The node of `origin` is gone, for now or for good: its sessions are reconnecting."""
        if origin not in self._live:
            return []
        self._live.discard(origin)
        return self._settle_all(origin)

    def forget(self, origin: Origin) -> list[Change]:
        """The life of a node is known no more, and nothing that it wrote is."""
        self._live.discard(origin)
        changes: list[Change] = []
        for session in sorted(self._of_origin.pop(origin, ())):
            before = self._records.pop(session)[1]
            del self._keys[session]
            self._ssrcs.difference_update(seat.ssrc for seat in before.seats)
            changes += self._settle(session, "lost", before=before)
        return changes

    def expire(self) -> None:
        """Forget of which sessions it is known for long enough that they have ended."""
        while self._ended:
            session, (_, at, _) = next(iter(self._ended.items()))
            if self.age - at <= self._remember:
                break
            del self._ended[session]

    def _settle_all(self, origin: Origin) -> list[Change]:
        return [
            change
            for session in sorted(self._of_origin.get(origin, ()))
            for change in self._settle(session, "lost", before=self._records[session][1])
        ]

    def _settle(self, session: str, reason: str, *, before: SessionRecord | None) -> list[Change]:
        """Let be seen of a session what its record and the life of its node make of it."""
        origin, record = self._records.get(session, ("", None))
        lost = record is not None and record.standing is Standing.LOST
        new = None if lost else record
        old, was_away = self.present.get(session), session in self.reconnecting
        is_away = new is not None and (new.standing is Standing.AWAY or origin not in self._live)
        if lost:
            self.given_up.add(session)
        else:
            self.given_up.discard(session)
        if old == new and was_away == is_away:
            return []
        self.version += 1
        self._index(old, new)
        if is_away:
            self.reconnecting.add(session)
        else:
            self.reconnecting.discard(session)
        changes: list[Change] = []
        if new is None:
            if lost and old is not None and record is not None:
                changes.append(GivenUp(record))
        elif is_away:
            if not was_away:
                changes.append(Lost(new))
        elif before is not None and (was_away or new.resumes != before.resumes):
            changes.append(Resumed(before, new))
        changes += self._move(session, old, new, reason, was_away=was_away, is_away=is_away)
        return changes

    def _move(
        self,
        session: str,
        old: SessionRecord | None,
        new: SessionRecord | None,
        reason: str,
        *,
        was_away: bool,
        is_away: bool,
    ) -> list[Change]:
        """What changes in rooms."""
        before = {seat.room: seat for seat in old.seats} if old else {}
        after = {seat.room: seat for seat in new.seats} if new else {}
        changes: list[Change] = []
        for room in before.keys() - after.keys():
            seats = self.rooms[room]
            del seats[session]
            if not seats:
                del self.rooms[room]
            assert old is not None, "who had a seat had a record"
            changes.append(Parted(new or old, room, reason))
        for room, seat in after.items():
            self.rooms.setdefault(room, {})[session] = seat
            if new is not None and room not in before:
                changes.append(Entered(new, seat))
            elif new is not None and old is not None and (was_away != is_away or _differ(old, new)):
                changes.append(Updated(old, new, room, was_away, is_away))
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
    return (
        old.silences != new.silences
        or old.notices != new.notices
        or old.deafened != new.deafened
        or old.resumes != new.resumes
        or old.role != new.role
        or old.node_name != new.node_name
    )


def _node_of(origin: Origin) -> NodeId:
    return origin.partition(".")[0]
