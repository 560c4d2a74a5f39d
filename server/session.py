"""A session as plain data: what the cluster knows of one client, without its socket; pure."""

from __future__ import annotations

import enum

import msgspec

from bus.record import NodeId


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


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a client of whatever node, or the operator of a console."""

    session: str
    user: str
    name: str
    role: Role


class Seat(msgspec.Struct, array_like=True, frozen=True):
    """A session's place in one room."""

    room: str
    ssrc: int
    joined: int
    """ms since 1970; shown, never used to decide."""
    order: int
    """One more than the highest order that its node knew in the room: who came later, whatever the clocks say."""
    muted: bool = False


class SessionRecord(msgspec.Struct, array_like=True, frozen=True):
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

    def seat(self, room: str) -> Seat | None:
        """Its place in `room`, or None."""
        for seat in self.seats:
            if seat.room == room:
                return seat
        return None

    def seated(self, seat: Seat) -> SessionRecord:
        """The record after joining."""
        return msgspec.structs.replace(self, seats=(*self.seats, seat))

    def unseated(self, room: str, reason: str) -> SessionRecord:
        """The record after leaving `room`."""
        seats = tuple(seat for seat in self.seats if seat.room != room)
        return msgspec.structs.replace(self, seats=seats, parted=reason)

    def over(self, reason: str) -> SessionRecord:
        """The record of a session that has ended."""
        return msgspec.structs.replace(self, seats=(), parted=reason, ended=True)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[SessionRecord] = msgspec.msgpack.Decoder(SessionRecord)


def pack(record: SessionRecord) -> bytes:
    """The record as bytes."""
    return _encoder.encode(record)


def unpack(payload: bytes) -> SessionRecord:
    """The record in `payload`. Raises msgspec.MsgspecError if there is none."""
    return _decoder.decode(payload)
