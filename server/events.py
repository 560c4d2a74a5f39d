"""What happens at a node, for those who watch it: plain facts, told after they are true; pure."""

from __future__ import annotations

import dataclasses

from bus.record import NodeId
from server.session import Actor, SessionRecord
from server.texts import Text


@dataclasses.dataclass(frozen=True, slots=True)
class SessionBegan:
    """A session began at this node."""

    record: SessionRecord


@dataclasses.dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session of this node is over; `reason` as in `member_left` (protocol.md section 4)."""

    record: SessionRecord
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class SessionLost:
    """The connection of a session is lost, on whichever node, or its node is; it may resume."""

    record: SessionRecord


@dataclasses.dataclass(frozen=True, slots=True)
class SessionResumed:
    """A session that was lost, or had another connection, goes on; on whichever node."""

    record: SessionRecord
    before: str
    """Name of the node where it was."""


@dataclasses.dataclass(frozen=True, slots=True)
class RoomEntered:
    """Somebody joined a room."""

    room: str
    record: SessionRecord


@dataclasses.dataclass(frozen=True, slots=True)
class RoomLeft:
    """Somebody left a room."""

    room: str
    record: SessionRecord
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class RoomSet:
    """A moderator has changed the settings of a room, in which there may be nobody."""

    room: str


@dataclasses.dataclass(frozen=True, slots=True)
class MemberChanged:
    """Somebody in a room was muted or may be heard again, wants voice no more or again, went away or came again."""

    room: str


@dataclasses.dataclass(frozen=True, slots=True)
class Deafened:
    """A session of this node wants no voice any more, or wants it again."""

    record: SessionRecord
    on: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Moderated:
    """A moderator did something to a session, on whichever node; also when a mute ended by itself."""

    action: str
    """``kick``, ``unkick``, ``mute``, ``unmute``, ``move`` or ``ban``."""
    by: Actor
    """Without a name where it is the time of a mute that was over."""
    session: str
    name: str
    """Of the one to whom it was done."""
    room: str | None
    """None: everywhere."""
    reason: str
    until: int | None
    """When it ends, ms since 1970; None: not by itself."""
    at: int
    """When it was done, ms since 1970 by the clock of the session's node."""
    origin: str
    seq: int
    to: str = ""
    """The room that somebody was moved to."""


@dataclasses.dataclass(frozen=True, slots=True)
class TextShown:
    """A message was shown to the members of a room."""

    room: str
    origin: str
    seq: int
    session: str
    text: Text


@dataclasses.dataclass(frozen=True, slots=True)
class AnnouncementShown:
    """An announcement was shown to a room, or with None to everybody."""

    room: str | None
    origin: str
    seq: int
    session: str
    text: Text


@dataclasses.dataclass(frozen=True, slots=True)
class Audited:
    """Something more is known of who did what."""


@dataclasses.dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Others speak in a room than before."""

    room: str


@dataclasses.dataclass(frozen=True, slots=True)
class Revealed:
    """A moderator was shown what a whisper says, and why."""

    by: Actor
    origin: str
    seq: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class ReportChanged:
    """A report came, somebody works on it, or it left the inbox."""

    report: str


@dataclasses.dataclass(frozen=True, slots=True)
class PeerTurned:
    """Another node changed its state."""

    node: NodeId
    name: str
    state: str
    """``up``, ``suspect``, ``down``, or ``left`` when it said goodbye."""


@dataclasses.dataclass(frozen=True, slots=True)
class NodeChanged:
    """A node came, went, changed its state or said something new of itself."""

    node: NodeId


Event = (
    SessionBegan
    | SessionEnded
    | SessionLost
    | SessionResumed
    | RoomEntered
    | RoomLeft
    | RoomSet
    | MemberChanged
    | Deafened
    | Moderated
    | TextShown
    | AnnouncementShown
    | Revealed
    | Audited
    | ReportChanged
    | SpeakersChanged
    | PeerTurned
    | NodeChanged
)
