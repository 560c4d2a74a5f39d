"""The texts of one node: taken from their senders, written ahead, shown when two nodes hold them (section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.record import ClientId, Kind, Record
from server import texts
from server.events import AnnouncementShown, TextShown, WhisperShown
from server.session import Actor, Role, SessionRecord
from server.texts import ANSWER_SECONDS, History, Pending, Receipt, Sender, Text, Waiting
from server.wire import native
from server.wire.native import Address, Code, Refused
from server.wire.websocket import text_frame

if TYPE_CHECKING:
    from server.node import Node


class Messenger:
    """What is said, whispered and announced through a node, and what others say that is shown to its clients."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pending = Pending()
        self.history = History()

    # What senders want said; each hears by its `Sender` when it is shown.

    def say(self, by: Actor, room: str, id: ClientId, text: str, sender: Sender) -> Waiting:
        """Say `text` in `room`."""
        return self._write(Kind.TEXT, by, id, text, sender, room=room)

    def whisper(self, by: Actor, to: Address, id: ClientId, text: str, sender: Sender) -> Waiting:
        """Say `text` to one session or user alone. Raises Refused."""
        return self._write(Kind.WHISPER, by, id, text, sender, to=to, delivered=len(self.receivers(by, to)))

    def announce(self, by: Actor, room: str | None, id: ClientId, text: str, sender: Sender) -> Waiting:
        """Say `text` to the members of `room`, or to everybody. Raises Refused."""
        if by.role is Role.USER:
            raise Refused(Code.FORBIDDEN, "only moderators may announce")
        if room is not None and room not in self._node.rooms:
            raise Refused(Code.NOT_FOUND, f"there is no room {room}")
        return self._write(Kind.ANNOUNCEMENT, by, id, text, sender, room=room)

    def wait_again(self, waiting: Waiting) -> None:
        """The sender repeats a text that is not shown yet."""
        waiting.due = self._node.clock.now() + ANSWER_SECONDS
        waiting.given_up = False
        self._pending.add(waiting)

    def receivers(self, by: Actor, to: Address) -> list[SessionRecord]:
        """Whom a whisper of `by` is for. Raises Refused: bad_request, not_found, forbidden."""
        if (to.session is None) == (to.user is None):
            raise Refused(Code.BAD_REQUEST, "to must name a session or a user", field="to")
        presence = self._node.presence
        found = [record for record in presence.addressed(to) if record.session != by.session]
        if not found:
            raise Refused(Code.NOT_FOUND, "nobody of that name is here")
        if by.role is Role.USER:
            mine = {seat.room for seat in presence.present[by.session].seats}
            if not any(seat.room in mine for record in found for seat in record.seats):
                raise Refused(Code.FORBIDDEN, "you may whisper only to somebody who shares a room with you")
        return found

    def _write(
        self,
        kind: Kind,
        by: Actor,
        id: ClientId,
        text: str,
        sender: Sender,
        *,
        room: str | None = None,
        to: Address | None = None,
        delivered: int | None = None,
    ) -> Waiting:
        node, at = self._node, self._node.clock.wall_ms()
        payload = texts.pack(Text(at, by.user, by.name, text, to))
        record = node.bus.append(kind, payload, room=room or "", session=by.session, id=id)
        waiting = Waiting(record.seq, at, node.clock.now() + ANSWER_SECONDS, sender, room=room, delivered=delivered)
        self._pending.add(waiting)
        if node.tap is not None:
            node.tap.took(record.seq)
        return waiting

    # What is shown.

    def show(self, record: Record) -> None:
        """Show a text, whisper or announcement to its receivers here. Raises msgspec.MsgspecError."""
        text = texts.unpack(record.payload)
        match record.kind:
            case Kind.TEXT:
                self._show_said(record, text)
            case Kind.WHISPER:
                self._show_whisper(record, text)
            case Kind.ANNOUNCEMENT:
                self._show_announcement(record, text)

    def confirm(self, record: Record, copies: int) -> None:
        """A record of this node's log is shown: tell its sender."""
        waiting = self._pending.pop(record.seq)
        if waiting is not None:
            receipt = Receipt(
                record.origin, record.seq, waiting.at, copies, room=waiting.room, delivered=waiting.delivered
            )
            waiting.sender.shown(receipt, not waiting.given_up)

    def tick(self, now: float) -> None:
        """Tell the senders of what has waited too long that nothing is known of it."""
        for waiting in self._pending.expire(now):
            waiting.sender.unknown()

    def _show_said(self, record: Record, text: Text) -> None:
        node = self._node
        message = native.encode(delivered(record, text))
        self.history.add(record.room, message, lamport=record.lamport, origin=record.origin)
        room = node.rooms.get(record.room)
        if room is not None:
            node.feed(room.outboxes, text_frame(message), but=record.session)
        node.emit(TextShown(record.room, record.origin, record.seq, record.session, text))

    def _show_whisper(self, record: Record, text: Text) -> None:
        node, whispered = self._node, delivered(record, text)
        for target in node.presence.addressed(text.to or Address()):
            conversation = node.conversations.get(target.session)
            if conversation is not None and target.session != record.session:
                conversation.send(whispered)
        node.emit(WhisperShown(record.origin, record.seq, record.session, text))

    def _show_announcement(self, record: Record, text: Text) -> None:
        node, name = self._node, record.room or None
        frame = text_frame(native.encode(delivered(record, text)))
        if name is None:
            everybody = {session: conversation.outbox for session, conversation in node.conversations.items()}
            node.feed(everybody, frame, but=record.session)
        elif (room := node.rooms.get(name)) is not None:
            node.feed(room.outboxes, frame, but=record.session)
        node.emit(AnnouncementShown(name, record.origin, record.seq, record.session, text))


def delivered(record: Record, text: Text) -> native.Said | native.Whispered | native.Announced:
    """A text as its receivers get it."""
    sender, id = native.Sender(record.session, text.user, text.name), "" if record.id is None else record.id
    origin, seq = record.origin, record.seq
    match record.kind:
        case Kind.WHISPER:
            to = text.to or Address()
            return native.Whispered(id=id, sender=sender, to=to, origin=origin, seq=seq, at=text.at, text=text.text)
        case Kind.ANNOUNCEMENT:
            room = record.room or None
            return native.Announced(
                id=id, sender=sender, room=room, text=text.text, origin=origin, seq=seq, at=text.at
            )
        case _:
            return native.Said(
                room=record.room, origin=origin, seq=seq, id=id, at=text.at, sender=sender, text=text.text
            )
