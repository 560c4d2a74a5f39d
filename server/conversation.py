"""One client's side of the protocol over one connection: what it may ask when, and what it is answered."""

from __future__ import annotations

import dataclasses
import enum
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from bus.record import ClientId
from server.closing import ABUSE, KICKED, NOT_AUTHENTICATED, RATE, SESSION_OVER, Closing
from server.identity import TokenError
from server.limits import Abuse, Bucket, Streak
from server.listing import list_page
from server.outbox import Outbox
from server.session import Actor, Role, Seat, SessionRecord
from server.texts import Ids, Receipt, Sender
from server.wire import names, native, voice
from server.wire.names import FieldError
from server.wire.native import Code, Refused
from server.wire.websocket import text_frame

if TYPE_CHECKING:
    from server.node import Node
    from server.rooms import Room

logger = logging.getLogger(__name__)

SERVER = "switchboard/1.0"
HELLO_SECONDS = 5.0
"""How long a connection may be silent before its hello (protocol.md section 3)."""
CURSORS = 1000
OUR_MISTAKE = Refused(Code.INTERNAL, "this node made a mistake, see its log")
HELD = 64
"""Messages that may arrive between a hello and its welcome before the connection is no longer read."""


class State(enum.Enum):
    """Where a conversation stands."""

    OPENING = enum.auto()
    """No hello yet."""
    WAITING = enum.auto()
    """The hello is good; the node has not yet caught up with the cluster."""
    LIVE = enum.auto()
    OVER = enum.auto()


class Link(Protocol):
    """The connection underneath, as the gateway offers it."""

    outbox: Outbox
    ip: str

    def close(self, closing: Closing) -> None:
        """Send what is queued, then close."""

    def pause(self) -> None:
        """Read no more."""

    def resume(self) -> None:
        """Read again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A seat of this conversation and the room it is in."""

    seat: Seat
    room: Room


class Conversation:
    """A client from its first message to its last. Methods are called on the event loop and never block."""

    __slots__ = (
        "_abuse",
        "_backlog",
        "_complained",
        "_node",
        "_refused",
        "_requests",
        "_texts",
        "_voice",
        "ids",
        "link",
        "outbox",
        "places",
        "record",
        "state",
        "urls",
    )

    def __init__(self, node: Node, link: Link) -> None:
        now = node.clock.now()
        self._node = node
        self.link = link
        self.outbox = link.outbox
        self.state = State.OPENING
        self.record: SessionRecord | None = None
        self.places: dict[int, Place] = {}
        """By ssrc."""
        self.ids = Ids()
        self._backlog: list[tuple[Callable[[bytes], None], bytes]] = []
        self._texts = Bucket(native.SAY_PER_SECOND, native.SAY_BURST, now=now)
        self._requests = Bucket(50, 100, now=now)
        fps = node.config.voice_fps
        self._voice = Bucket(fps, max(1.0, fps / 2), now=now) if fps else None
        self._abuse = Abuse()
        self._refused = Streak()
        self._complained = -1.0
        self.urls: list[str] = []
        """The nodes that it was told of."""

    @property
    def session(self) -> SessionRecord:
        """The record of a session that has begun."""
        assert self.record is not None, "there is no session before the hello"
        return self.record

    @property
    def actor(self) -> Actor:
        """This session as the one who acts."""
        record = self.session
        return Actor(record.session, record.user, record.name, record.role)

    # What comes from the client.

    def hear_text(self, data: bytes) -> None:
        """Take a text message."""
        if self.state is State.WAITING:
            self._hold(self.hear_text, data)
            return
        if self.state is State.OVER:
            return
        self._node.counters.received_text += 1
        try:
            request = native.decode(data)
        except native.BrokenRequest as broken:
            if self.state is State.OPENING and broken.type != "hello":
                self._reject("the first message must be a hello", broken.id)
            else:
                self._refuse(broken.id, broken.refusal)
            return
        handle = _HANDLERS[self.state].get(type(request))
        if handle is None:
            self._reject("the first message must be a hello", request.id)
            return
        try:
            self._admit(request)
            handle(self, request)
        except Refused as refusal:
            self._refuse(request.id, refusal)
        except FieldError as error:
            self._refuse(request.id, Refused.of(error))
        except Exception:
            logger.exception("a %s of a client failed", type(request).__name__.lower())
            self._refuse(request.id, OUR_MISTAKE)

    def hear_voice(self, frame: bytes) -> None:
        """Take a binary message: one voice frame (protocol.md section 6)."""
        if self.state is not State.LIVE:
            if self.state is State.WAITING:
                self._hold(self.hear_voice, frame)
            elif self.state is State.OPENING:
                self._reject("the first message must be a hello", None)
            return
        node = self._node
        node.counters.received_voice += 1
        place = self.places.get(voice.check(frame))
        if place is None:
            self._drop("wrong", Code.BAD_REQUEST, "a voice frame of wrong form or with an ssrc that is not yours")
            return
        now = node.clock.now()
        if self._voice is not None and not self._voice.take(now):
            self._drop("rate", Code.RATE_LIMITED, f"more than {node.config.voice_fps} voice frames a second")
        elif place.seat.muted:
            self._drop("muted", Code.MUTED, "you are muted here")
        elif not node.relay(self.session.session, self.outbox, place.room, frame, now):
            self._drop("speakers", Code.ROOM_FULL, "as many people speak in this room as may at once")

    def lost(self, reason: str) -> None:
        """The connection has ended: `left` after a close with 1000, else `lost`."""
        if self.state is not State.OVER:
            self.state = State.OVER
            if self.record is not None:
                self._node.end(self, reason)

    def note_flood(self) -> None:
        """The client sends more messages than are read."""
        if self.state is State.LIVE:
            self._refuse(None, Refused(Code.RATE_LIMITED, "too many messages, wait a little", retry_after_ms=100))

    def measured(self, round_trip: float) -> None:
        """A ping was answered after `round_trip` seconds."""
        if self.state is State.LIVE:
            node = self._node
            node.round_trips.measure(self.session.session, round_trip * 1000, now=node.clock.now())

    # What goes to the client.

    def send(self, message: native.Message) -> None:
        """Queue one answer or event for this client alone."""
        self._node.counters.sent_text += 1
        self.outbox.text(text_frame(native.encode(message)))

    def close(self, closing: Closing) -> None:
        """End the conversation from this side; nothing is heard after it."""
        self.state = State.OVER
        self.link.close(closing)

    def cut(self, closing: Closing) -> None:
        """End a conversation that cannot go on; a session that has begun is lost."""
        if self.record is not None and self.state is not State.OVER:
            self._node.end(self, "lost")
        self.close(closing)

    def kick(self, room: str | None, *, by: str, reason: str) -> None:
        """Tell who does it and why, then leave `room`, or end the session and close with 4403."""
        self.send(native.Moderated(action="kick", by=by, reason=reason, until=None, room=room))
        if room is not None:
            self.leave(room, "kicked")
        else:
            self._node.end(self, "kicked")
            self.close(KICKED.because(f"kicked: {reason}" if reason else "kicked"))

    def leave(self, room: str, reason: str, *, id: ClientId | None = None) -> None:
        """Give up the seat in `room` and say so, with the reason unless the client asked for it."""
        record = self.session
        seat = record.seat(room)
        assert seat is not None, "who leaves has a seat"
        del self.places[seat.ssrc]
        self._node.unseat(self, room)
        self.send(native.Left(id=_given(id), room=room, reason=None if reason == "left" else reason))
        self.record = record.unseated(room, reason)
        self._node.write(self.record)

    def close_if_silent(self) -> None:
        """The time for a hello is over."""
        if self.state is State.OPENING:
            self._reject(f"no hello within {HELLO_SECONDS:.0f} s", None)

    def _hold(self, again: Callable[[bytes], None], data: bytes) -> None:
        self._backlog.append((again, data))
        if len(self._backlog) == HELD:
            self.link.pause()

    def _admit(self, request: native.AnyRequest) -> None:
        now = self._node.clock.now()
        bucket = self._texts if isinstance(request, native.Say | native.Whisper) else self._requests
        if not bucket.take(now):
            raise Refused(Code.RATE_LIMITED, "too many requests, wait a little", retry_after_ms=bucket.wait_ms)

    def _refuse(self, id: ClientId | None, refusal: Refused) -> None:
        self.send(
            native.Error(
                id=_given(id),
                code=refusal.code,
                message=refusal.message,
                field=refusal.field,
                retry_after_ms=refusal.retry_after_ms,
                urls=refusal.urls,
            )
        )
        now = self._node.clock.now()
        if refusal.code is Code.RATE_LIMITED and self._refused.note(now) >= 5:
            self.cut(RATE)
        elif refusal.code in (Code.BAD_REQUEST, Code.TOO_LARGE) and self._abuse.note(now):
            self.cut(ABUSE)

    def _reject(self, sentence: str, id: ClientId | None, closing: Closing = NOT_AUTHENTICATED) -> None:
        self._refuse(id, Refused(Code.UNAUTHORIZED, sentence))
        self.close(closing.because(sentence))

    def _drop(self, reason: str, code: Code, sentence: str) -> None:
        """Count a voice frame that goes nowhere, and say so once a second at most."""
        self._node.counters.voice_dropped[reason] += 1
        now = self._node.clock.now()
        if now - self._complained >= 1.0:
            self._complained = now
            self.send(native.Error(code=code, message=sentence))

    # The requests.

    def _hello(self, request: native.Hello) -> None:
        if request.resume is not None:
            self._reject("that session is over, start anew", request.id, SESSION_OVER)
            return
        if len(request.cursors or ()) > CURSORS:
            raise Refused(Code.TOO_LARGE, f"cursors has more than {CURSORS} entries", field="cursors")
        if self._node.draining:
            urls = self._node.cards.urls_of_others()
            self._refuse(request.id, Refused(Code.UNAVAILABLE, "this node is going away", urls=urls))
            self.close(self._node.farewell)
            return
        try:
            record = self._introduce(request)
        except TokenError as error:
            self._reject(str(error), request.id)
            return
        self.state = State.WAITING
        self._node.when_synced(partial(self._begin, record, request.id))

    def _introduce(self, request: native.Hello) -> SessionRecord:
        """Who the client is, as a record. Raises TokenError, FieldError."""
        node = self._node
        session, role = node.clock.new_session(), Role.USER
        name = None if request.name is None else names.person_name(request.name)
        user = None if request.user is None else names.user_name(request.user)
        if request.token is not None:
            claims = node.tokens.verify(request.token)
            user, role = claims.user, claims.role
            name = names.person_name(claims.name) if claims.name else name
        elif node.config.auth == "token":
            raise TokenError("a token is required here")
        name = name or (user[: names.NAME_CHARS] if user else "Guest")
        client = names.chat_text(request.client, field="client", limit=names.CLIENT_CHARS) if request.client else ""
        return SessionRecord(
            session=session,
            user=user or f"guest-{session[2:10]}",
            name=name,
            role=role,
            node=node.node_id,
            node_name=node.name,
            n=request.n or 1,
            connected=node.clock.wall_ms(),
            client=client,
            ip=self.link.ip,
        )

    def _begin(self, record: SessionRecord, id: ClientId | None) -> None:
        """The node knows the cluster: welcome the client and take what it has sent meanwhile."""
        if self.state is not State.WAITING:
            return
        node = self._node
        self.state = State.LIVE
        self.record = record
        self.urls = node.urls()
        node.begin(self)
        self.send(
            native.Welcome(
                id=_given(id),
                session=record.session,
                user=record.user,
                name=record.name,
                role=record.role,
                node=node.name,
                resume="",
                resume_seconds=0,
                urls=self.urls,
                limits=native.LIMITS,
                cursors=dict(node.position),
                recovered=None,
                server=SERVER,
            )
        )
        backlog, self._backlog = self._backlog, []
        for hear, data in backlog:
            hear(data)
        if len(backlog) >= HELD:
            self.link.resume()

    def _hello_again(self, request: native.Hello) -> None:
        raise Refused(Code.ALREADY, "this connection has said hello")

    def _join(self, request: native.Join) -> None:
        name = names.room_name(request.room)
        record, node = self.session, self._node
        if record.seat(name) is not None:
            raise Refused(Code.ALREADY, f"you are in {name}")
        if len(record.seats) >= native.ROOMS:
            raise Refused(Code.BAD_REQUEST, f"a session may be in {native.ROOMS} rooms", field="room")
        seats = node.presence.rooms.get(name, {})
        room = node.rooms.get(name)
        if room is not None and len(seats) >= room.state.capacity and record.role is Role.USER:
            raise Refused(Code.ROOM_FULL, f"{name} is full")
        seat = Seat(
            room=name,
            ssrc=node.free_ssrc(),
            joined=node.clock.wall_ms(),
            order=1 + max((seat.order for seat in seats.values()), default=0),
        )
        self.record = record.seated(seat)
        room = node.seat(self, seat)
        self.places[seat.ssrc] = Place(seat, room)
        self.send(
            native.Joined(
                id=_given(request.id),
                room=name,
                ssrc=seat.ssrc,
                members=node.members(name),
                history=node.history.of(name),
                room_state=room.state,
                cursors=dict(node.position),
            )
        )

    def _leave(self, request: native.Leave) -> None:
        self.leave(self._my_room(request.room), "left", id=request.id)

    def _say(self, request: native.Say) -> None:
        if not self._repeated(request.id):
            room = self._my_room(request.room)
            text = names.chat_text(request.text)
            sender = self._reply_to(request.id)
            self.ids.note(request.id, self._node.say(self.actor, room, request.id, text, sender))

    def _whisper(self, request: native.Whisper) -> None:
        if not self._repeated(request.id):
            text = names.chat_text(request.text)
            sender = self._reply_to(request.id)
            self.ids.note(request.id, self._node.whisper(self.actor, request.to, request.id, text, sender))

    def _repeated(self, id: ClientId) -> bool:
        """Answer a text whose id is known by its first `sent`, now or when it is shown."""
        known = self.ids.get(id)
        if isinstance(known, Receipt):
            self._acknowledge(id, known)
        elif known is not None:
            self._node.wait_again(known)
        return known is not None

    def _reply_to(self, id: ClientId) -> Sender:
        return Sender(shown=partial(self._shown, id), unknown=partial(self._unknown, id))

    def _shown(self, id: ClientId, receipt: Receipt, asked: bool) -> None:
        self.ids.note(id, receipt)
        if asked:
            self._acknowledge(id, receipt)

    def _acknowledge(self, id: ClientId, receipt: Receipt) -> None:
        self.send(
            native.Sent(
                id=id,
                room=receipt.room,
                delivered=receipt.delivered,
                origin=receipt.origin,
                seq=receipt.seq,
                at=receipt.at,
                copies=receipt.copies,
            )
        )

    def _unknown(self, id: ClientId) -> None:
        self._refuse(
            id, Refused(Code.UNAVAILABLE, "no second node has confirmed the text; repeat it under the same id")
        )

    def _kick(self, request: native.Kick) -> None:
        if self.session.role is Role.USER:
            raise Refused(Code.FORBIDDEN, "only moderators may kick")
        for field in ("grace_seconds", "block_seconds"):
            if getattr(request, field):
                raise Refused(Code.BAD_REQUEST, f"this node kicks at once: {field} must be 0 or absent", field=field)
        room = None if request.room is None else names.room_name(request.room)
        reason = names.chat_text(request.reason, field="reason") if request.reason else ""
        targets = self._node.targets(self.actor, session=request.session, user=request.user, room=room)
        self._node.tasks.start(self._kick_all(request.id, targets, room, reason), name="kick")

    async def _kick_all(
        self, id: ClientId | None, targets: list[SessionRecord], room: str | None, reason: str
    ) -> None:
        try:
            results = await self._node.kick(self.actor, targets, room=room, reason=reason)
        except Refused as refusal:
            self._refuse(id, refusal)
        except Exception:
            logger.exception("a kick failed")
            self._refuse(id, OUR_MISTAKE)
        else:
            self.send(native.Done(id=_given(id), results=results))

    def _list(self, request: native.List) -> None:
        if self.session.role is Role.USER and request.what != "rooms":
            raise Refused(Code.FORBIDDEN, "only moderators may list that")
        self.send(list_page(self._node, request))

    def _my_room(self, name: str) -> str:
        room = names.room_name(name)
        if self.session.seat(room) is None:
            raise Refused(Code.NOT_FOUND, f"you are not in {room}")
        return room


def _given(id: ClientId | None) -> ClientId | msgspec.UnsetType:
    return msgspec.UNSET if id is None else id


_HANDLERS: dict[State, dict[type, Callable[..., None]]] = {
    State.OPENING: {native.Hello: Conversation._hello},
    State.LIVE: {
        native.Hello: Conversation._hello_again,
        native.Join: Conversation._join,
        native.Leave: Conversation._leave,
        native.Say: Conversation._say,
        native.Whisper: Conversation._whisper,
        native.Kick: Conversation._kick,
        native.List: Conversation._list,
    },
}
"""What may be asked when; a missing entry is the error."""
