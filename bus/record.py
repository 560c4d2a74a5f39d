"""What a log holds: one record and the limits of its parts; pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec

VERSION = 1

NodeId = str
"""A node for good: 16 hexadecimal digits, kept in the data folder."""

Origin = str
"""One life of a node and the name of its log: ``<node id>.<incarnation>``."""

Slot = tuple[str, str]
"""A place in a log that holds one record: what it is of, and whose. Of strings alone, because there are thousands and
the garbage collector passes over such tuples."""

ClientId = str | int
"""The ``id`` that a client gave a request; ``1`` and ``"1"`` differ (protocol.md section 2)."""

PAYLOAD_BYTES = 60 * 1024
"""The longest payload of a record: one record always fits the chunk of 64 KiB in which logs are handed over."""

NAME_CHARS = 256
"""The longest room, session or client id in a record; far above what clients may use."""

HIGHEST = 1 << 53
"""No sequence or Lamport number goes beyond it, so a forged one cannot overflow anybody's."""

AFTER_PLACES = 1000
"""How many places one record may wait for."""

Place = tuple["Origin", int]
"""Where a record stands: whose log, and its number there."""

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]


class Kind(enum.IntEnum):
    """What a record is about. The bus looks at it for one thing: which records replace older ones."""

    TEXT = 1
    WHISPER = 2
    ANNOUNCEMENT = 3
    SESSION = 4
    MODERATION = 5
    RULING = 6
    AUDIT = 7


class Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One entry of one origin's log, numbered from 1 without holes."""

    version: int
    kind: Kind
    origin: _Name
    seq: _Number
    lamport: _Number
    """Settles conflicts between origins; never a time."""
    room: _Name
    session: _Name
    id: _Name | int | None
    """The client's ``id`` as sent: with ``session`` the identity of a text. Of a ruling its key."""
    payload: Annotated[bytes, msgspec.Meta(max_length=PAYLOAD_BYTES)]
    """What the record says, encoded by the one who appended it; opaque here."""
    last: bool = False
    """Nothing replaces it: its slot is free after it, and it goes as old as any record that stands for itself."""
    after: Annotated[dict[_Name, _Number], msgspec.Meta(max_length=AFTER_PLACES)] | None = None
    """Origin to number: no node works past this record before it has worked those places (cluster.md rule 7)."""

    @property
    def slot(self) -> Slot | None:
        """The place in which a newer record of the same log replaces this one, or None if it stands for itself."""
        if self.kind is Kind.SESSION:
            return "session", self.session
        if self.kind is Kind.RULING:
            return "ruling", str(self.id)
        return None


def node_of(origin: Origin) -> NodeId:
    """The node of which `origin` is one life."""
    return origin.partition(".")[0]


def incarnation_of(origin: Origin) -> int:
    """The number of that life."""
    return int(origin.partition(".")[2])


def check_parts(
    payload: bytes, room: str, session: str, id: ClientId | None, after: Mapping[Origin, int] | None
) -> None:
    """Raise ValueError for a part of a record that is over its limit."""
    if len(payload) > PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes is over {PAYLOAD_BYTES}")
    if max(len(room), len(session), len(id) if isinstance(id, str) else 0) > NAME_CHARS:
        raise ValueError(f"a room, session or id is over {NAME_CHARS} characters")
    if after is not None and len(after) > AFTER_PLACES:
        raise ValueError(f"a record waits for {AFTER_PLACES} places at most")
