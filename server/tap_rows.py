"""What passes a node, as rows of Flow; what was whispered is never in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from bus.interface import PeerState
from bus.record import Kind, NodeId, Record
from server import messenger, texts
from server.events import (
    Deafened,
    Event,
    Moderated,
    PeerTurned,
    Revealed,
    RoomEntered,
    RoomLeft,
    SessionBegan,
    SessionEnded,
)
from server.flow import FlowRow, RowKind
from server.session import SessionRecord
from server.wire import moderation, native
from server.wire.native import Address

if TYPE_CHECKING:
    from server.node import Node

_DEEDS: dict[str, RowKind] = {deed: deed for deed in ("kick", "unkick", "mute", "unmute", "move", "ban")}


class Rows:
    """Makes the rows of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def of(self, event: Event, *, speaks_for_the_lost: bool) -> FlowRow | None:
        """The row for what happened at this node; None for what happened elsewhere and is shown from there.

        `speaks_for_the_lost`: who was lost with another node is shown from here, as that node cannot.
        """
        node = self._node
        match event:
            case RoomEntered(room, record) if record.node == node.node_id:
                return self._coming("join", room, record, self._joined(room, record))
            case RoomLeft(room, record, reason) if record.node == node.node_id or (
                speaks_for_the_lost and self._is_lost(record.node)
            ):
                left = native.MemberLeft(room=room, session=record.session, reason=reason)
                return self._coming("leave", room, record, native.encode(left))
            case Moderated() if event.origin == node.bus.origin:
                return self._deed(event)
            case Deafened(record, on):
                return self._fact("deafen", record, {"on": on})
            case SessionBegan(record):
                said = {"session": record.session, "user": record.user, "client": record.client}
                return self._fact("hello", record, said)
            case SessionEnded(record, reason):
                return self._fact("bye", record, {"session": record.session, "reason": reason})
            case PeerTurned(peer, name, state):
                data = _json("peer", {"node": peer, "name": name, "state": state})
                return FlowRow(node.clock.wall_ms(), node.name, "peer", sender=name, data=data)
            case Revealed():
                return self._revealed(event)
        return None

    def text(self, record: Record, latency: float | None) -> FlowRow:
        """A text that was taken here; of a whisper who, to whom, when and how long. Raises msgspec.MsgspecError."""
        text = texts.unpack(record.payload)
        data = native.encode(messenger.delivered(record, text))
        private = record.kind is Kind.WHISPER
        return FlowRow(
            at=text.at,
            node=self._node.name,
            kind="whisper" if private else "announcement" if record.kind is Kind.ANNOUNCEMENT else "chat",
            room=record.room,
            sender=text.name,
            sender_session=record.session,
            to=self.name_of(text.to) if private else "room" if record.room else "all",
            size=len(data),
            latency=latency,
            origin=record.origin,
            seq=record.seq,
            id="" if record.id is None else str(record.id),
            data=b"" if private else data,
        )

    def voice(self, session: str, room: str, frame: bytes, *, to: str, size: int) -> FlowRow:
        """A voice frame that was taken here."""
        node = self._node
        record = node.presence.present.get(session)
        number = int.from_bytes(frame[4:10], "big")
        return FlowRow(
            at=node.clock.wall_ms(),
            node=node.name,
            kind="voice",
            room=room,
            sender=record.name if record else "",
            sender_session=session,
            to=to,
            size=size,
            origin=node.bus.origin,
            seq=number & 0xFFFF,
            ssrc=number >> 16,
            data=frame,
        )

    def name_of(self, to: Address | None) -> str:
        """The name of whom a whisper is for."""
        if to is None:
            return ""
        found = self._node.presence.addressed(to)
        return found[0].name if found else to.user or to.session or ""

    def _is_lost(self, node: NodeId) -> bool:
        return self._node.cards.state_of(node) in (None, PeerState.DOWN)

    def _coming(self, kind: RowKind, room: str, record: SessionRecord, data: bytes) -> FlowRow:
        return FlowRow(
            self._node.clock.wall_ms(),
            self._node.name,
            kind,
            room=room,
            sender=record.name,
            sender_session=record.session,
            to="room",
            size=len(data),
            data=data,
        )

    def _joined(self, room: str, record: SessionRecord) -> bytes:
        member = next((one for one in self._node.members(room) if one.session == record.session), None)
        return b"" if member is None else native.encode(native.MemberJoined(room=room, member=member))

    def _fact(self, kind: RowKind, record: SessionRecord, said: Mapping[str, object]) -> FlowRow:
        """What is delivered to nobody, in words of this node."""
        at, name = self._node.clock.wall_ms(), self._node.name
        data = _json(kind, said)
        return FlowRow(at, name, kind, sender=record.name, sender_session=record.session, data=data)

    def _revealed(self, event: Revealed) -> FlowRow:
        node, by = self._node, event.by
        said = {"by": by.name, "user": by.user, "reason": event.reason, "origin": event.origin, "seq": event.seq}
        return FlowRow(
            node.clock.wall_ms(),
            node.name,
            "reveal",
            sender=by.name,
            sender_session=by.session,
            origin=event.origin,
            seq=event.seq,
            data=_json("reveal", said),
        )

    def _deed(self, event: Moderated) -> FlowRow:
        room, by = event.room, event.by
        told = moderation.Moderated(
            action=event.action, by=by.name, reason=event.reason, until=event.until, room=room
        )
        data = native.encode(told)
        return FlowRow(
            at=event.at,
            node=self._node.name,
            kind=_DEEDS[event.action],
            room=room or "",
            sender=by.name,
            sender_session=by.session,
            to=event.name,
            size=len(data),
            origin=event.origin,
            seq=event.seq,
            data=data,
        )


def _json(kind: RowKind, said: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"type": kind, **said})
