"""The JSON messages of protocol.md section 7: what moderators ask for, and what is told of it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from server.drain import LONGEST_SECONDS
from server.views import RoomState
from server.wire.native import Answer, Code, Joined, Message, Refused, Request

MUTE_SECONDS = 365 * 24 * 3600
"""The longest mute that ends by itself."""

BAN_SECONDS = 10 * MUTE_SECONDS
"""The longest ban that ends by itself."""
GRACE_SECONDS = 3600
"""The longest grace of a kick."""

BLOCK_SECONDS = MUTE_SECONDS
"""The longest time for which a kick keeps somebody out."""

TARGETS = 500
"""Whom one request may name at most."""

MuteSeconds = Annotated[float, msgspec.Meta(gt=0, le=MUTE_SECONDS)]
BanSeconds = Annotated[float, msgspec.Meta(gt=0, le=BAN_SECONDS)]

TITLE_CHARS = 100
PASSWORD_CHARS = 128

Capacity = Annotated[int, msgspec.Meta(ge=1, le=1000)]
SlowSeconds = Annotated[int, msgspec.Meta(ge=0, le=3600)]
Speakers = Annotated[int, msgspec.Meta(ge=1, le=64)]


# Requests


class Whom(msgspec.Struct, frozen=True):
    """Those for whom an act is meant: sessions, or every session of users."""

    sessions: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    many: bool = False
    """It was a list, of which some may be gone."""

    @classmethod
    def of(
        cls,
        *,
        session: str | None = None,
        user: str | None = None,
        sessions: Sequence[str] | None = None,
        users: Sequence[str] | None = None,
    ) -> Whom:
        """Those who are meant by one of these. Raises Refused bad_request."""
        given = [one for one in (session, user, sessions, users) if one is not None]
        if len(given) != 1:
            raise Refused(Code.BAD_REQUEST, "name a session, a user, or a list of either, and only one of them")
        return cls(
            sessions=tuple(dict.fromkeys(sessions or ([session] if session is not None else []))),
            users=tuple(dict.fromkeys(users or ([user] if user is not None else []))),
            many=sessions is not None or users is not None,
        )

    def named(self) -> dict[str, object]:
        """The field of a request that names them."""
        name, ids = ("user", self.users) if self.users else ("session", self.sessions)
        return {name: ids[0]} if len(ids) == 1 and not self.many else {f"{name}s": ids}


Targets = Annotated[list[str], msgspec.Meta(min_length=1, max_length=TARGETS)]


class Aimed(Request, kw_only=True, frozen=True):
    """What is done to people: one of the first four says to whom."""

    session: str | None = None
    user: str | None = None
    sessions: Targets | None = None
    users: Targets | None = None
    reason: str | None = None


class Kick(Aimed, tag="kick", kw_only=True, frozen=True):
    """Put sessions out of a room or the cluster."""

    room: str | None = None
    grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=GRACE_SECONDS)] = 0
    block_seconds: Annotated[float, msgspec.Meta(ge=0, le=BLOCK_SECONDS)] = 0


class Unkick(Aimed, tag="unkick", kw_only=True, frozen=True):
    """Undo a kick whose grace is not over."""

    room: str | None = None


class Mute(Aimed, tag="mute", kw_only=True, frozen=True):
    """Let sessions not be heard, in a room or anywhere."""

    room: str | None = None
    seconds: MuteSeconds | None = None


class Unmute(Aimed, tag="unmute", kw_only=True, frozen=True):
    """Lift the mute of a room, or without one every mute."""

    room: str | None = None


class Move(Aimed, tag="move", kw_only=True, frozen=True):
    """Let sessions leave a room and be in another."""

    room: str
    to: str


class Ban(Request, tag="ban", kw_only=True, frozen=True):
    """Let a user, or whoever comes from an address or network, come in no more (section 7)."""

    user: str | None = None
    ip: str | None = None
    room: str | None = None
    seconds: BanSeconds | None = None
    reason: str | None = None


class Unban(Request, tag="unban", kw_only=True, frozen=True):
    """Lift a ban (section 7)."""

    ban: str
    reason: str | None = None


class Bans(Request, tag="bans", kw_only=True, frozen=True):
    """Look at the bans in force (section 7)."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    after: str | None = None


class SetRoom(Request, tag="set_room", kw_only=True, frozen=True):
    """Let a room be otherwise (section 7); what is not named stays as it is."""

    room: str
    locked: bool | msgspec.UnsetType = msgspec.UNSET
    capacity: Capacity | msgspec.UnsetType = msgspec.UNSET
    slow_seconds: SlowSeconds | msgspec.UnsetType = msgspec.UNSET
    title: str | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType | None = msgspec.UNSET
    """None: it asks for none any more."""
    speakers: Speakers | msgspec.UnsetType = msgspec.UNSET
    muted: bool | msgspec.UnsetType = msgspec.UNSET
    reason: str | None = None


class Drain(Request, tag="drain", kw_only=True, frozen=True):
    """Let a node hand its clients to others (section 7)."""

    node: str
    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_SECONDS)] | None = None
    reason: str | None = None


class List(Request, tag="list", kw_only=True, frozen=True):
    """Look at nodes, rooms, sessions or members (section 7)."""

    what: Literal["nodes", "rooms", "sessions", "members", "reports"]
    room: str | None = None
    node: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    after: str | None = None


class Audit(Request, tag="audit", kw_only=True, frozen=True):
    """Look at what was done, the newest first (section 7)."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    after: str | None = None


Moderating = Kick | Unkick | Mute | Unmute | Move | Ban | Unban | Bans | SetRoom | Drain | List | Audit
"""Any request of this section."""


# Answers and events


class Moderated(Message, tag="moderated", kw_only=True, frozen=True, omit_defaults=False):
    """What is about to be done to the receiver, by whom and why (section 7)."""

    action: str
    by: str
    reason: str
    until: int | None
    room: str | None


class Moved(Message, tag="moved", kw_only=True, frozen=True):
    """A moderator has moved the receiver from one room to another."""

    room: str
    to: str
    joined: Joined


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an act on one session, or on one node."""

    session: str | msgspec.UnsetType = msgspec.UNSET
    user: str | msgspec.UnsetType = msgspec.UNSET
    ban: str | msgspec.UnsetType = msgspec.UNSET
    """Id of the ban that it is about."""
    node: str
    outcome: Literal["done", "gone", "failed"]
    ms: float


class Done(Answer, tag="done", kw_only=True, frozen=True):
    """What came of a moderator's act (section 7)."""

    results: list[Outcome]


class Listed(Answer, tag="listed", kw_only=True, frozen=True, omit_defaults=False):
    """One page of a listing (section 7); `next` is what to give as `after`."""

    what: str
    items: list[Any]
    next: str | None


class RoomUpdated(Message, tag="room_updated", kw_only=True, frozen=True):
    """The settings of a room are others (section 4)."""

    room: str
    room_state: RoomState


class AuditItem(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one act on one person or thing at one node, as `audit` lists it."""

    at: int
    by: str
    """Name of who asked; ``by_user`` is the user."""
    by_user: str
    action: str
    target: str
    """What the request named."""
    session: str | None
    user: str | None
    name: str | None
    room: str | None
    reason: str
    detail: str
    """What else the request said: where to somebody is moved, how a room is to be."""
    until: int | None
    node: str
    """Name of the node that carried it out; while that is not known, of the one that was asked."""
    outcome: str
    """As in `Outcome`, or ``unknown``."""
    ms: float | None
    act: str
    """The same for all that belongs together."""


class GoingAway(Message, tag="going_away", kw_only=True, frozen=True):
    """This node ends soon; go on at one of `urls` (section 7)."""

    urls: list[str]
    after_ms: int
