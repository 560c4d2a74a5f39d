"""Who is in the rooms of a node: rooms open and close, and their members are told who came and went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from server.events import MemberChanged, RoomEntered, RoomLeft, SessionLost, SessionResumed
from server.presence import Change, Entered, Lost, Parted, Resumed, Updated
from server.rooms import Room
from server.session import Seat, SessionRecord
from server.wire import native

if TYPE_CHECKING:
    from server.node import Node


class Attendance:
    """Follows what `Presence` says has changed."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def tell(self, changes: Sequence[Change]) -> None:
        """Open and close rooms, and tell their members here who came and went."""
        node = self._node
        for change in changes:
            match change:
                case Entered(record, seat):
                    self._tell_entered(record, seat)
                case Parted(record, name, reason):
                    self._tell_parted(record, name, reason)
                case Updated():
                    self._tell_update(change)
                case Lost(record):
                    node.emit(SessionLost(record))
                case Resumed(old, record):
                    node.emit(SessionResumed(record, old.node_name))

    def _tell_entered(self, record: SessionRecord, seat: Seat) -> None:
        node = self._node
        room = node.rooms.get(seat.room)
        if room is None:
            room = node.rooms[seat.room] = Room(seat.room, opened=seat.joined)
            node.settings.furnish(room)
        node.broadcast(room, native.MemberJoined(room=room.name, member=node.member(record, seat)))
        node.emit(RoomEntered(room.name, record))
        seats = node.presence.rooms[room.name]
        if len(seats) > room.state.capacity and not record.moderates(room.name):
            # Two nodes may each have let the last one in: who came later goes. Not those who had been there before,
            # who may be more than a moderator has said since.
            in_order = sorted(seats, key=lambda session: (seats[session].order, seats[session].ssrc))
            for session in in_order[room.state.capacity :]:
                if node.synced and seats[session].order >= seat.order:
                    node.custody.put_out(session, room.name)

    def _tell_parted(self, record: SessionRecord, name: str, reason: str) -> None:
        node = self._node
        room = node.rooms.get(name)
        if room is not None:  # of several who left at once the first closed it
            room.hush(record.session)
            node.broadcast(room, native.MemberLeft(room=name, session=record.session, reason=reason))
            if name not in node.presence.rooms:
                del node.rooms[name]
        node.emit(RoomLeft(name, record, reason))

    def _tell_update(self, change: Updated) -> None:
        node, old, record = self._node, change.old, change.record
        room = node.rooms[change.room]
        muted, resumed = record.muted(room.name), record.resumes != old.resumes
        if muted or change.is_away or resumed:
            talker = room.hush(record.session)
            if talker is not None and (change.is_away or resumed):
                node.interruptions.broke(
                    record.session, room.name, node=talker.node, resumes=old.resumes, at=talker.heard
                )
        message = native.MemberUpdated(
            room=room.name,
            session=record.session,
            muted=muted if muted != old.muted(room.name) else None,
            state=("reconnecting" if change.is_away else "online")
            if resumed or change.is_away != change.was_away
            else None,
            node=record.node_name if resumed or record.node_name != old.node_name else None,
            role=record.role if record.role != old.role else None,
        )
        if message != native.MemberUpdated(room=room.name, session=record.session):
            node.broadcast(room, message, but=record.session)
        node.emit(MemberChanged(room.name))
