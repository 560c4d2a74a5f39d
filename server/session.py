"""A session as plain data: what the cluster knows of one client, without its socket; pure."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from bus.record import NAME_CHARS, NodeId
from server.scopes import Scope, covers


class Role(enum.StrEnum):
    """What a person may do."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Higher acts on lower and equal, never the other way (protocol.md section 7)."""
        return _RANKS[self]


_RANKS = {Role.USER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}

Rights = tuple[Role, Scope]
"""What somebody may do, and where: what a token gives (protocol.md section 3)."""

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]


class Actor(msgspec.Struct, frozen=True, gc=False):
    """Who acts: a client of whatever node, or the operator of a console."""

    session: _Name
    user: _Name
    name: _Name
    role: Role
    scope: Scope = None
    """The rooms that the role is limited to."""


class Seat(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A session's place in one room."""

    room: str
    ssrc: int
    joined: int
    """ms since 1970; shown, never used to decide."""
    order: int
    """One more than the highest order that its node knew in the room: who came later, whatever the clocks say."""


class Silence(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A session may not be heard: a mute that lasts (protocol.md section 7)."""

    room: str | None
    """Where; None: everywhere."""
    until: int | None
    """ms since 1970; None: until it is lifted. Shown; its node alone decides when the time is over."""
    by: str
    """Name of who muted."""
    seconds: float | None = None
    """How long it is from when it was written; by this, and by its own clock, a node decides when it is over."""
    act: str = ""
    """What it comes from."""


class Notice(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A kick that is still to come: until then the session may not be heard, and it can be undone."""

    room: str | None
    """Out of which it is put; None: out of the cluster."""
    until: int
    """ms since 1970; shown, its node alone decides when the time is over."""
    seconds: float
    """How long it is from when it was written; by this, and by its own clock, a node decides when it is over."""
    by: Actor
    reason: str
    block: float = 0
    """For so many seconds its user may not come in again, from when it is put out."""
    act: str = ""
    """What it comes from."""


Term = Silence | Notice
"""What is done to a session for a time. Of each kind one for a room at most, and one for everywhere."""


class Standing(enum.StrEnum):
    """How a session that has not ended stands."""

    HERE = "here"
    """Its client is connected to the node that wrote this; where that node is gone, it may resume."""
    AWAY = "away"
    """Its connection is lost; it may resume, and its members see it reconnecting."""
    LOST = "lost"
    """Its members were told that it is gone; its seats are kept, as it may still resume."""


class Aim(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Whom a session's voice frames with one target number are for (protocol.md section 6): one of the two."""

    target: int
    session: str | None
    user: str | None


RECORD_BYTES = 2048
"""A record is no longer than this by what its client asks for; its rooms, and those of its token, come on top."""


class SessionRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What every node keeps of a session; written to the log on every change, never holds a socket."""

    session: str
    user: str
    name: str
    role: Role
    node: NodeId
    node_name: str
    n: int
    """The client's own count of hellos for this session (protocol.md section 3)."""
    connected: int
    """ms since 1970."""
    client: str
    ip: str
    seats: tuple[Seat, ...] = ()
    parted: str = "left"
    """Why it last left a room (protocol.md section 4, reasons of `member_left`)."""
    ended: bool = False
    """The session is over; `parted` says why."""
    silences: tuple[Silence, ...] = ()
    """One for a room at most, and one for everywhere; also for rooms that it is not in."""
    deafened: bool = False
    """It wants no voice."""
    standing: Standing = Standing.HERE
    resumes: int = 0
    """How often its client has come again."""
    whole: bool = True
    """Whether nothing that it had missed was lost when its client last came."""
    aims: tuple[Aim, ...] = ()
    """Its targets of whispered voice."""
    scope: Scope = None
    """The rooms that its role is limited to."""
    notices: tuple[Notice, ...] = ()
    """The kicks that are still to come."""

    def seat(self, room: str) -> Seat | None:
        """Its place in `room`, or None."""
        for seat in self.seats:
            if seat.room == room:
                return seat
        return None

    def moderates(self, room: str) -> bool:
        """Whether what holds for others in `room` does not for it; a moderator may be limited to other rooms."""
        return self.role is not Role.USER and covers(self.scope, room)

    def has_ssrc(self, ssrc: int) -> bool:
        """Whether one of its seats has this ssrc."""
        return any(seat.ssrc == ssrc for seat in self.seats)

    def silence(self, room: str | None) -> Silence | None:
        """The mute of `room`, with None of everywhere, or None."""
        return next((silence for silence in self.silences if silence.room == room), None)

    def muted(self, room: str | None = None) -> bool:
        """Whether it may not be heard in `room`; without one, anywhere."""
        return any(term.room is None or term.room == room for term in self.silences) or any(
            term.room is None or term.room == room for term in self.notices
        )

    def muted_until(self, room: str) -> int | None:
        """When it may be heard in `room` again, ms since 1970; None: not by itself, or it is not muted."""
        terms: tuple[Term, ...] = (*self.silences, *self.notices)
        ends = [term.until for term in terms if term.room is None or term.room == room]
        return max((end for end in ends if end is not None), default=None) if None not in ends else None

    def notice(self, room: str | None) -> Notice | None:
        """The kick out of `room` that is still to come, with None the one out of the cluster, or None."""
        return next((notice for notice in self.notices if notice.room == room), None)

    def leaves(self, room: str) -> int | None:
        """When a kick puts it out of `room`, ms since 1970; None: none does."""
        return min((n.until for n in self.notices if n.room is None or n.room == room), default=None)

    def with_notice(self, notice: Notice) -> SessionRecord:
        """The record after a kick with a grace, which replaces an earlier one of the same room."""
        return msgspec.structs.replace(self, notices=(*self._other_notices(notice.room), notice))

    def without_notice(self, room: str | None) -> SessionRecord:
        """The record after that kick is undone, or carried out."""
        return msgspec.structs.replace(self, notices=self._other_notices(room))

    def _other_notices(self, room: str | None) -> tuple[Notice, ...]:
        return tuple(notice for notice in self.notices if notice.room != room)

    def with_silence(self, silence: Silence) -> SessionRecord:
        """The record after a mute, which replaces an earlier one of the same room."""
        return msgspec.structs.replace(self, silences=(*self._others(silence.room), silence))

    def without_silence(self, room: str | None) -> SessionRecord:
        """The record after that mute is lifted."""
        return msgspec.structs.replace(self, silences=self._others(room))

    def _others(self, room: str | None) -> tuple[Silence, ...]:
        return tuple(silence for silence in self.silences if silence.room != room)

    def seated(self, seat: Seat) -> SessionRecord:
        """The record after joining."""
        return msgspec.structs.replace(self, seats=(*self.seats, seat))

    def unseated(self, room: str, reason: str) -> SessionRecord:
        """The record after leaving `room`."""
        seats = tuple(seat for seat in self.seats if seat.room != room)
        notices = self._other_notices(room) if reason == "kicked" else self.notices
        return msgspec.structs.replace(self, seats=seats, parted=reason, notices=notices)

    def reseated(self, room: str, seat: Seat) -> SessionRecord:
        """The record after being moved from `room` to another."""
        return self.unseated(room, "moved").seated(seat)

    def aimed(self, aim: Aim) -> SessionRecord:
        """The record with a target, which replaces the one of the same number."""
        others = tuple(other for other in self.aims if other.target != aim.target)
        return msgspec.structs.replace(self, aims=(*others, aim))

    def moved(
        self, *, node: NodeId, node_name: str, n: int, ip: str, rights: Rights | None = None, whole: bool = True
    ) -> SessionRecord:
        """The record after its client came to a node: all else is as before, with `rights` given but for these."""
        role, scope = rights or (self.role, self.scope)
        return msgspec.structs.replace(
            self,
            node=node,
            node_name=node_name,
            n=n,
            ip=ip,
            role=role,
            scope=scope,
            whole=whole,
            standing=Standing.HERE,
            resumes=self.resumes + 1,
        )

    def gone_away(self) -> SessionRecord:
        """The record after its connection was lost."""
        return msgspec.structs.replace(self, standing=Standing.AWAY)

    def given_up(self) -> SessionRecord:
        """The record of a session that is taken for lost."""
        return msgspec.structs.replace(self, standing=Standing.LOST, parted="lost")

    def over(self, reason: str) -> SessionRecord:
        """The record of a session that has ended."""
        return msgspec.structs.replace(self, seats=(), silences=(), notices=(), aims=(), parted=reason, ended=True)

    @property
    def is_for_good(self) -> bool:
        """It was put out: whatever another record says, it has ended."""
        return self.ended and self.parted in FOR_GOOD


FOR_GOOD = ("kicked", "banned")
"""Reasons to end a session against which nothing else counts."""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[SessionRecord] = msgspec.msgpack.Decoder(SessionRecord)


def pack(record: SessionRecord) -> bytes:
    """The record as bytes."""
    return _encoder.encode(record)


def unpack(payload: bytes) -> SessionRecord:
    """The record in `payload`. Raises msgspec.MsgspecError if there is none."""
    return _decoder.decode(payload)
