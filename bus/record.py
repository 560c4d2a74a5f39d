"""What a log holds: one record and its bytes; pure."""

from __future__ import annotations

import enum

import msgspec

VERSION = 1

NodeId = str
"""A node for good: 16 hexadecimal digits, kept in the data folder."""

Origin = str
"""One life of a node and the name of its log: ``<node id>.<incarnation>``."""

ClientId = str | int
"""The ``id`` that a client gave a request; ``1`` and ``"1"`` differ (protocol.md section 2)."""


class Kind(enum.IntEnum):
    """What a record is about. The bus looks at it for one thing: which records replace older ones."""

    TEXT = 1
    WHISPER = 2
    ANNOUNCEMENT = 3
    SESSION = 4
    MODERATION = 5
    ROOM = 6


class Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One entry of one origin's log, numbered from 1 without holes."""

    version: int
    kind: Kind
    origin: Origin
    seq: int
    lamport: int
    """Settles conflicts between origins; never a time."""
    room: str
    session: str
    id: ClientId | None
    """The client's ``id`` as sent: with ``session`` the identity of a text."""
    payload: bytes
    """What the record says, encoded by the one who appended it; opaque here."""

    @property
    def slot(self) -> tuple[Kind, str] | None:
        """The place in which a newer record of the same log replaces this one, or None if it stands for itself."""
        if self.kind is Kind.SESSION:
            return self.kind, self.session
        if self.kind is Kind.ROOM:
            return self.kind, self.room
        return None
