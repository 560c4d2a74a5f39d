"""What happens at a node, for those who watch it: plain facts, told after they are true; pure."""

from __future__ import annotations

import dataclasses

from bus.record import NodeId
from server.session import SessionRecord
from server.texts import Text


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
class TextShown:
    """A message was shown to the members of a room."""

    room: str
    origin: str
    seq: int
    session: str
    text: Text


@dataclasses.dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Others speak in a room than before."""

    room: str


@dataclasses.dataclass(frozen=True, slots=True)
class NodeChanged:
    """A node came, went, changed its state or said something new of itself."""

    node: NodeId


Event = RoomEntered | RoomLeft | TextShown | SpeakersChanged | NodeChanged
