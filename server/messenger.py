"""The texts of one node: taken from their senders, written ahead, shown when two nodes hold them (section 5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bus.record import ClientId, Kind, Origin, Record
from server import texts
from server.audience import audience_of
from server.events import AnnouncementShown, TextShown
from server.feeds import Asked
from server.intent import Intent
from server.session import Actor, Role, SessionRecord
from server.store.rows import TextRow
from server.texts import ANSWER_SECONDS, History, Receipt, Sender, Text
from server.wire import native
from server.wire.moderation import Outcome
from server.wire.native import Address, Code, Refused
from server.wire.websocket import text_frame

if TYPE_CHECKING:
    from server.node import Node


class Messenger:
    """What is said, whispered and announced through a node, and what others say that is shown to its clients."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.history = History()

    # What senders want said; each hears by its `Sender` when it is shown.

    def say(self, by: Actor, room: str, id: ClientId, text: str, sender: Sender) -> None:
        """Say `text` in `room`."""
        return self._write(Kind.TEXT, by, id, text, sender, room=room)

    def whisper(self, by: Actor, to: Address, id: ClientId, text: str, sender: Sender) -> None:
        """Say `text` to one session or user alone. Raises Refused."""
        return self._write(Kind.WHISPER, by, id, text, sender, to=to, delivered=len(self.receivers(by, to)))

    def announce(self, by: Actor, room: str | None, id: ClientId, text: str, sender: Sender) -> None:
        """Say `text` to the members of `room`, or to everybody. Raises Refused."""
        if by.role is Role.USER:
            raise Refused(Code.FORBIDDEN, "only moderators may announce")
        if room is not None and room not in self._node.rooms:
            raise Refused(Code.NOT_FOUND, f"there is no room {room}")
        return self._write(Kind.ANNOUNCEMENT, by, id, text, self._audited(by, room, text, sender), room=room)

    def _audited(self, by: Actor, room: str | None, text: str, sender: Sender) -> Sender:
        """Write an announcement down that is about to be made, and when it was shown."""
        node, began = self._node, self._node.clock.now()
        act = node.audit.asked(Intent("announce", by=by, target=room or "", room=room, reason=text))

        def shown(receipt: Receipt, asked: bool) -> None:
            ms = round((node.clock.now() - began) * 1000, 1)
            node.audit.outcome(act, [Outcome(node=node.name, outcome="done", ms=ms)])
            sender.shown(receipt, asked)

        return Sender(shown, sender.unknown)

    def is_known(self, session: str, id: ClientId) -> bool:
        """Whether a text of this id was said; `repeat` tells where it stands."""
        return bool(self._node.bus.places(session, id))

    def repeat(self, session: str, id: ClientId, sender: Sender) -> None:
        """Tell the sender of a text that is known, as soon as two nodes hold it; it is not said again."""
        self._node.feeds.say(self._asked(session, id, sender), _nothing_new)

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
    ) -> None:
        node = self._node
        payload = texts.pack(Text(node.clock.wall_ms(), by.user, by.name, text, to, delivered))

        def write(after: dict[Origin, int]) -> Record:
            return node.bus.append(kind, payload, room=room or "", session=by.session, id=id, after=after)

        record = node.feeds.say(self._asked(by.session, id, sender), write)
        if node.tap is not None and record.origin == node.bus.origin:
            node.tap.took(record.seq)

    def _asked(self, session: str, id: ClientId, sender: Sender) -> Asked:
        due = self._node.clock.now() + ANSWER_SECONDS
        return Asked(session, id, due, partial(_tell_shown, sender), sender.unknown)

    # What is shown.

    def show(self, record: Record) -> None:
        """A text, whisper or announcement was worked: feed its receivers here. Raises msgspec.MsgspecError."""
        node, text = self._node, texts.unpack(record.payload)
        if not node.feeds.work(record, audience_of(record)):
            return  # it is in the list by another of its places
        origin, seq, session = record.origin, record.seq, record.session
        match record.kind:
            case Kind.TEXT:
                message = native.encode(delivered(record, text))
                self.history.add(record.room, message, lamport=record.lamport, origin=origin, shown=self._now(text))
                if node.store is not None and node.store.keeps_texts:
                    said = TextRow(origin, seq, record.room, session, text.user, text.name, text.at, text.text)
                    node.store.save(said)
                node.emit(TextShown(record.room, origin, seq, session, text))
            case Kind.ANNOUNCEMENT:
                node.emit(AnnouncementShown(record.room or None, origin, seq, session, text))

    def _now(self, text: Text) -> float:
        """When a text is shown: now, but for what others were shown before this node knew the cluster."""
        clock = self._node.clock
        return clock.now() - (0.0 if self._node.synced else max(0, clock.wall_ms() - text.at) / 1000)


def frame(record: Record) -> bytes:
    """A text as bytes for the sockets of its receivers. Raises msgspec.MsgspecError."""
    return text_frame(native.encode(delivered(record, texts.unpack(record.payload))))


def _tell_shown(sender: Sender, record: Record, copies: int, asked: bool) -> None:
    text = texts.unpack(record.payload)
    room = record.room or None
    sender.shown(Receipt(record.origin, record.seq, text.at, copies, room=room, delivered=text.delivered), asked)


def _nothing_new(after: dict[Origin, int]) -> Record:
    raise AssertionError("what is known is not said again")


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
