"""The sessions in a node's hands: begun, resumed, lost, given up and ended, each written ahead to its log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bus.record import Kind, NodeId, Origin, Record
from server import session as sessions
from server.absence import Absence, Word
from server.audience import audiences
from server.closing import ELSEWHERE, KICKED
from server.deadlines import Wheel
from server.events import Deafened, SessionBegan, SessionEnded
from server.feeds import TICK_SECONDS
from server.hearsay import Hearsay
from server.resumption import LIVES
from server.session import Seat, SessionRecord, Standing
from server.takeover import Meeting, meet, reclaimed
from server.wire import native

if TYPE_CHECKING:
    from server.conversation import Conversation
    from server.node import Node
    from server.rooms import Room

logger = logging.getLogger(__name__)

LOOK_TICKS = 5
"""How often it is looked for sessions that are absent for too long."""

DUE_AT_ONCE = 100
"""How many of them are written down at one look, so that nobody else waits long."""


class Custody:
    """Keeps the conversations of this node and the records of their sessions in step.

    It also acts for sessions without a connection, where this node is the one that does
    (`server.presence.Presence.responsible`).
    """

    def __init__(self, node: Node) -> None:
        config = node.config
        self._node = node
        self._absence = Absence(lost=config.lost_seconds, over=config.resume_seconds)
        self._hearsay = Hearsay(node)
        self._ticks = 0
        self._tokens: Wheel[str] = Wheel(now=node.clock.now())
        """When sessions of this node need another resume token."""

    # Sessions with a connection here.

    def begin(self, conversation: Conversation) -> None:
        """A session begins here."""
        node, record = self._node, conversation.session
        logger.info("%s (%s) begins session %s from %s", record.name, record.user, record.session, record.ip)
        node.conversations[record.session] = conversation
        self.write(record)
        conversation.feed = node.feeds.begin(record.session, conversation, audiences=audiences(record))
        node.emit(SessionBegan(record))

    def resume(self, conversation: Conversation, record: SessionRecord, cursors: dict[Origin, int]) -> None:
        """A session goes on here, at `conversation`, as `record`; an older connection of it here is closed."""
        node = self._node
        older = node.conversations.get(record.session)
        if older is not None:
            self._release(older)
            older.close(ELSEWHERE)
        logger.info("%s (%s) resumes session %s from %s", record.name, record.user, record.session, record.ip)
        conversation.record = record
        node.conversations[record.session] = conversation
        self.write(record)
        conversation.feed = node.feeds.resume(
            record.session, conversation, audiences=audiences(record), cursors=cursors
        )

    def end(self, conversation: Conversation, reason: str) -> None:
        """A session that has its connection here is over; `reason` as in `member_left` (protocol.md section 4)."""
        if self._release(conversation):
            self._finish(conversation.session, reason)

    def lose(self, conversation: Conversation) -> None:
        """The connection of a session is lost; it may resume."""
        if self._release(conversation):
            record = conversation.session
            logger.info("%s (%s) loses the connection of session %s", record.name, record.user, record.session)
            self.write(record.gone_away())

    def token(self, record: SessionRecord) -> str:
        """A resume token for a session of this node, which is sent another one in time."""
        node, seconds = self._node, self._node.config.resume_seconds
        self._tokens.set(record.session, node.clock.now() + seconds * LIVES / 2)
        return node.keyring.tokens.issue(record, expires=node.clock.wall_ms() // 1000 + LIVES * seconds)

    def _release(self, conversation: Conversation) -> bool:
        """Let go of a connection; False if it has no session here, or not any more."""
        node, record = self._node, conversation.record
        if record is None or node.conversations.get(record.session) is not conversation:
            return False
        del node.conversations[record.session]
        for place in conversation.places.values():
            self.unseat(conversation, place.room.name)
        conversation.places = {}
        if conversation.feed is not None:
            node.feeds.end(conversation.feed)
            conversation.feed = None  # each holds the other, and the garbage collector is not asked
        self._tokens.cancel(record.session)
        return True

    # Records.

    def write(self, record: SessionRecord) -> None:
        """Write a session ahead to this node's log, then let it be true here."""
        node = self._node
        last = record.ended and not record.is_for_good  # who was put out is known to those who come later, too
        written = node.bus.append(Kind.SESSION, sessions.pack(record), session=record.session, last=last)
        feed = node.feeds.feeds.get(record.session)
        if feed is not None:
            node.feeds.listen(feed, audiences(record))
        node.tell(node.presence.merge(node.bus.origin, record, lamport=written.lamport))
        node.moderation.follow(record)

    def take(self, record: Record, session: SessionRecord) -> None:
        """Another node has written a record of a session."""
        node, key = self._node, (session.n, record.lamport, record.origin)
        conversation, mine = node.conversations.get(session.session), node.presence.key(session.session)
        if conversation is not None and mine is not None:
            match meet(mine, key, session):
                case Meeting.RECLAIMED:
                    conversation.revise(reclaimed(conversation.session, session))
                    return
                case Meeting.MOVED:
                    self._release(conversation)
                    conversation.close(ELSEWHERE)
                case Meeting.PUT_OUT:
                    self._release(conversation)
                    conversation.close(KICKED)
                    node.emit(SessionEnded(conversation.session, session.parted))
                case Meeting.STAYS:
                    pass
        node.tell(node.presence.merge(record.origin, session, lamport=record.lamport))
        node.moderation.follow(session)

    # Sessions without one.

    def acts_for(self, session: str) -> NodeId | None:
        """The node that carries out what is done to a session; None for one that is not known."""
        return self._node.presence.responsible(session)

    def change(self, record: SessionRecord) -> None:
        """Let another record of a session without a connection be true; it is this node's from now on."""
        self.write(record.gone_away() if record.standing is Standing.HERE else record)

    def finish(self, record: SessionRecord, reason: str) -> None:
        """A session without a connection is over."""
        self._finish(record, reason)

    def tick(self, now: float) -> None:
        """Do what is due; called ten times a second."""
        node, presence = self._node, self._node.presence
        presence.age += TICK_SECONDS
        self._ticks += 1
        for session in self._tokens.advance(now):
            conversation = node.conversations.get(session)
            if conversation is not None:
                conversation.send(native.ResumeToken(resume=self.token(conversation.session)))
        if self._ticks % LOOK_TICKS == 0:
            presence.expire()
            if presence.reconnecting or presence.given_up or self._absence:
                self._look()

    def _look(self) -> None:
        presence = self._node.presence
        due = self._absence.look(presence.reconnecting, presence.given_up, self._word, age=presence.age)
        acts = 0
        for sessions_due, act in ((due.over, self._expire), (due.lost, self._give_up)):
            for session in sessions_due:
                record = presence.known(session)
                if record is not None and acts < DUE_AT_ONCE and self._may_close(session, session in due.overdue):
                    acts += 1
                    act(record)

    def _may_close(self, session: str, overdue: bool) -> bool:
        """Whether this node may say that a session is lost: its own node is this one, or dead for all.

        `overdue`: who was to say so has not, and may know nothing of a session that came with an old log.
        """
        node = self._node
        owner = node.presence.owner(session)
        if owner is None or not (overdue or self.acts_for(session) == node.node_id):
            return False
        return owner == node.bus.origin or self._hearsay.is_dead(owner)

    def answer(self, body: bytes) -> bytes:
        """Tell a peer whether a life is there (server.hearsay)."""
        return self._hearsay.answer(body)

    def _word(self, session: str) -> Word:
        presence = self._node.presence
        record, key = presence.known(session), presence.key(session)
        assert record is not None, "who is absent is known"
        assert key is not None, "who is known has a key"
        return record.resumes, key[1] if record.standing is Standing.HERE else None

    def _give_up(self, record: SessionRecord) -> None:
        logger.info("%s (%s) is lost: session %s", record.name, record.user, record.session)
        self.write(record.given_up())

    def _expire(self, record: SessionRecord) -> None:
        self._finish(record, "lost")

    def _finish(self, record: SessionRecord, reason: str) -> None:
        logger.info("%s (%s) ends session %s: %s", record.name, record.user, record.session, reason)
        self.write(record.over(reason))
        self._node.emit(SessionEnded(record, reason))

    # Seats, and who is sent what is said there.

    def seat(self, conversation: Conversation, seat: Seat) -> Room:
        """Let a session of this node have `seat`, which its record names already and the log does not."""
        self.write(conversation.session)
        return self.attend(conversation, seat)

    def attend(self, conversation: Conversation, seat: Seat) -> Room:
        """Send a session of this node what happens in the room of its seat."""
        room = self._node.rooms[seat.room]
        room.outboxes[conversation.session.session] = conversation.outbox
        if not conversation.session.deafened:
            self._listen(conversation, room)
            if conversation.session.resumes:
                room.returned[seat.ssrc.to_bytes(4, "big")] = conversation.outbox
        return room

    def unseat(self, conversation: Conversation, name: str) -> None:
        """Stop that; the record of the session follows."""
        room = self._node.rooms[name]
        room.hush(conversation.session.session)
        room.outboxes.pop(conversation.session.session, None)
        self._listen_no_more(conversation, room)

    def put_out(self, session: str, room: str) -> None:
        """Somebody came too late to a room that is full (protocol.md section 4): he goes, by the hand of his node."""
        node = self._node
        conversation, record = node.conversations.get(session), node.presence.present.get(session)
        if record is None or record.moderates(room):
            return
        if conversation is not None:
            conversation.leave(room, "room_full")
        elif node.presence.is_reconnecting(session) and self.acts_for(session) == node.node_id:
            self.change(record.unseated(room, "room_full"))

    def deafen(self, conversation: Conversation, on: bool) -> None:
        """Send a session of this node no voice any more, or send it again."""
        for place in conversation.places.values():
            if on:
                self._listen_no_more(conversation, place.room)
            else:
                self._listen(conversation, place.room)
        self._node.emit(Deafened(conversation.session, on))

    def _listen(self, conversation: Conversation, room: Room) -> None:
        if not room.listeners:
            self._node.bus.subscribe(room.topic)
        room.listeners[conversation.session.session] = conversation.outbox

    def _listen_no_more(self, conversation: Conversation, room: Room) -> None:
        room.returned = {ssrc: outbox for ssrc, outbox in room.returned.items() if outbox is not conversation.outbox}
        if room.listeners.pop(conversation.session.session, None) is not None and not room.listeners:
            self._node.bus.unsubscribe(room.topic)
