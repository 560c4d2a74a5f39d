"""Who has a session when its client comes to a node, and when two nodes say that they have it; pure."""

from __future__ import annotations

import dataclasses
import enum

import msgspec

from server.presence import Key, Presence
from server.session import SessionRecord, Standing

LOOK_SECONDS = 0.5
"""For so long a node looks for a session that it does not know, before it takes the word of its client."""

LAST_N = 2**63 - 1


@dataclasses.dataclass(frozen=True, slots=True)
class Resume:
    """The session goes on here."""

    record: SessionRecord
    """As it is known."""
    n: int
    """The number of this hello."""


@dataclasses.dataclass(frozen=True, slots=True)
class Elsewhere:
    """Its client has said a later hello."""


@dataclasses.dataclass(frozen=True, slots=True)
class Over:
    """It has ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known of it: if that stays so, it goes on by the word of its client."""

    n: int


def decide(presence: Presence, session: str, n: int | None) -> Resume | Elsewhere | Over | Unknown:
    """What a hello that resumes `session` means now; `n` is the client's count of hellos, or None."""
    if presence.has_ended(session):
        return Over()
    record, key = presence.known(session), presence.key(session)
    if record is None or key is None:
        return Unknown(1 if n is None else n)
    if n is not None and n < key[0]:
        return Elsewhere()
    return Resume(record, min(key[0] + 1, LAST_N) if n is None else n)


class Meeting(enum.Enum):
    """What a node that serves a session does when it reads another's record of it."""

    STAYS = enum.auto()
    """Its own record is the higher one."""
    RECLAIMED = enum.auto()
    """The other wrote for a node that it took for dead: the session is here, and that is said again."""
    MOVED = enum.auto()
    """The session is elsewhere: 4409."""
    PUT_OUT = enum.auto()
    """A moderator has ended it: 4403."""


def meet(mine: Key, theirs: Key, record: SessionRecord) -> Meeting:
    """What the record of another node means for a session that is served here by the key `mine`."""
    if record.is_for_good:
        return Meeting.PUT_OUT
    if theirs < mine:
        return Meeting.STAYS
    gone = record.standing is not Standing.HERE or (record.ended and record.parted == "lost")
    return Meeting.RECLAIMED if gone and theirs[0] == mine[0] else Meeting.MOVED


def reclaimed(mine: SessionRecord, theirs: SessionRecord) -> SessionRecord:
    """The record of a session that is here after all; what moderators did to it meanwhile counts."""
    for silence in theirs.silences:
        mine = mine.with_silence(silence)
    for notice in theirs.notices:
        mine = mine.with_notice(notice)
    return msgspec.structs.replace(mine, standing=Standing.HERE)
