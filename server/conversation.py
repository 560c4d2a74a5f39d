"""One client's side of the protocol over one connection: what it may ask when, and what it is answered."""

from __future__ import annotations

import dataclasses
import enum
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from bus.record import ClientId
from server.asides import Target
from server.audience import room_of
from server.closing import ABUSE, ELSEWHERE, KICKED, NOT_AUTHENTICATED, RATE, SESSION_OVER, TOO_SLOW, Closing
from server.feeds import Feed
from server.identity import TokenError
from server.introduction import introduce
from server.limits import Abuse, Bucket, Streak
from server.outbox import Outbox
from server.requests import HANDLERS, OUR_MISTAKE
from server.session import Actor, Seat, SessionRecord
from server.wire import native, reading, voice
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
    muted: bool


class Conversation:
    """A client from its first message to its last. Methods are called on the event loop and never block."""

    __slots__ = (
        "_abuse",
        "_backlog",
        "_complained",
        "_ear",
        "_refused",
        "_requests",
        "_texts",
        "_voice",
        "feed",
        "link",
        "node",
        "outbox",
        "places",
        "record",
        "state",
        "targets",
        "urls",
    )

    def __init__(self, node: Node, link: Link) -> None:
        now = node.clock.now()
        self.node = node
        self.link = link
        self.outbox = link.outbox
        self.state = State.OPENING
        self.record: SessionRecord | None = None
        self.places: dict[int, Place] = {}
        """By ssrc."""
        self.targets: dict[int, Target] = {}
        """By the number that its whispered frames carry."""
        self._ear: Outbox | None = link.outbox
        """The outbox, if it is sent voice."""
        self.feed: Feed | None = None
        """What it is fed from the node's list, from its welcome on."""
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
        self.node.counters.received_text += 1
        try:
            request = reading.decode(data)
        except reading.BrokenRequest as broken:
            if self.state is State.OPENING and broken.type != "hello":
                self._reject("the first message must be a hello", broken.id)
            else:
                self.refuse(broken.id, broken.refusal)
            return
        handle: Callable[[Conversation, Any], None] = HANDLERS[type(request)]
        if self.state is State.OPENING:
            if not isinstance(request, native.Hello):
                self._reject("the first message must be a hello", request.id)
                return
            handle = Conversation._hello
        try:
            self._admit(request)
            handle(self, request)
        except Refused as refusal:
            self.refuse(request.id, refusal)
        except FieldError as error:
            self.refuse(request.id, Refused.of(error))
        except Exception:
            logger.exception("a %s of a client failed", type(request).__name__.lower())
            self.refuse(request.id, OUR_MISTAKE)

    def hear_voice(self, frame: bytes) -> None:
        """Take a binary message: one voice frame (protocol.md section 6)."""
        if self.state is not State.LIVE:
            if self.state is State.WAITING:
                self._hold(self.hear_voice, frame)
            elif self.state is State.OPENING:
                self._reject("the first message must be a hello", None)
            return
        node = self.node
        node.counters.received_voice += 1
        target: Target | None = None
        place = self.places.get(voice.check(frame))
        if place is None:
            ssrc, number = voice.check_whispered(frame)
            place, target = self.places.get(ssrc), self.targets.get(number)
            if place is None or target is None:
                sentence = "a voice frame of wrong form, or with an ssrc or a target that is not yours"
                self._drop("wrong", Code.BAD_REQUEST, sentence)
                return
        now = node.clock.now()
        if self._voice is not None and not self._voice.take(now):
            self._drop("rate", Code.RATE_LIMITED, f"more than {node.config.voice_fps} voice frames a second")
        elif place.muted:
            self._drop("muted", Code.MUTED, "you are muted here")
        elif target is not None:
            self._whisper(target, frame)
        elif not node.relay(self.session.session, self._ear, place.room, frame, now):
            self._drop("speakers", Code.ROOM_FULL, "as many people speak in this room as may at once")

    def drop_late(self) -> None:
        """Count a voice frame that waited too long while the node stood still."""
        self.node.counters.received_voice += 1
        self.node.counters.voice_dropped["late"] += 1

    def _whisper(self, target: Target, frame: bytes) -> None:
        try:
            self.node.asides.speak(self, target, frame)
        except Refused as refusal:
            self._drop("scope", refusal.code, refusal.message)

    def lost(self, reason: str) -> None:
        """The connection has ended: `left` after a close with 1000, else `lost`."""
        if self.state is not State.OVER:
            self.state = State.OVER
            if self.record is not None:
                self.node.end(self, reason)

    # What the node's list tells it (server.feeds.Reader).

    @property
    def outlet(self) -> Outbox:
        """Where its frames go."""
        return self.outbox

    def has_room(self) -> bool:
        """Whether the client takes what it is sent."""
        return not self.outbox.stalled

    def went_live(self) -> None:
        """A new session is live from its welcome on."""

    def missed(self, audiences: list[str]) -> None:
        """Something that the client should have got is held by nobody any more: say so."""
        rooms = [room for room in map(room_of, audiences) if room is not None]
        self.send(native.Gap(rooms=rooms))

    def was_overtaken(self) -> None:
        """What it was still to be sent has left the list."""
        self.cut(TOO_SLOW)

    def was_superseded(self) -> None:
        """The session goes on at another connection."""
        self.close(ELSEWHERE)

    def note_flood(self) -> None:
        """The client sends more messages than are read."""
        if self.state is State.LIVE:
            self.refuse(None, Refused(Code.RATE_LIMITED, "too many messages, wait a little", retry_after_ms=100))

    def measured(self, round_trip: float) -> None:
        """A ping was answered after `round_trip` seconds."""
        if self.state is State.LIVE:
            node = self.node
            node.round_trips.measure(self.session.session, round_trip * 1000, now=node.clock.now())

    # What goes to the client.

    def send(self, message: native.Message) -> None:
        """Queue one answer or event for this client alone."""
        self.node.counters.sent_text += 1
        self.outbox.text(text_frame(native.encode(message)))

    def close(self, closing: Closing) -> None:
        """End the conversation from this side; nothing is heard after it."""
        self.state = State.OVER
        self.link.close(closing)

    def cut(self, closing: Closing) -> None:
        """End a conversation that cannot go on; a session that has begun is lost."""
        if self.record is not None and self.state is not State.OVER:
            self.node.end(self, "lost")
        self.close(closing)

    def tell_moderated(self, action: str, *, by: str, reason: str, until: int | None, room: str | None) -> None:
        """Tell what is about to be done, by whom and why (protocol.md section 7)."""
        self.send(native.Moderated(action=action, by=by, reason=reason, until=until, room=room))

    def kick(self, room: str | None, *, reason: str) -> None:
        """Leave `room`, or end the session and close with 4403."""
        if room is not None:
            self.leave(room, "kicked")
        else:
            self.node.end(self, "kicked")
            self.close(KICKED.because(f"kicked: {reason}" if reason else "kicked"))

    def revise(self, record: SessionRecord) -> None:
        """Let another record of this session, in the same rooms, be true from now on."""
        self.record = record
        self.node.write(record)
        self.places = {
            ssrc: dataclasses.replace(place, muted=record.muted(place.room.name))
            for ssrc, place in self.places.items()
        }

    def deafen(self, on: bool) -> None:
        """Let the client be sent no voice, or voice again."""
        record = self.session
        if on != record.deafened:
            self._ear = None if on else self.outbox
            self.node.deafen(self, on)
            self.revise(msgspec.structs.replace(record, deafened=on))

    def take_seat(self, seat: Seat) -> Room:
        """Be in the room of `seat` from now on."""
        self.record = self.session.seated(seat)
        room = self.node.seat(self, seat)
        self.places[seat.ssrc] = Place(seat, room, self.session.muted(seat.room))
        return room

    def leave(self, room: str, reason: str, *, id: ClientId | None = None) -> None:
        """Give up the seat in `room` and say so, with the reason unless the client asked for it."""
        record = self.session
        seat = record.seat(room)
        assert seat is not None, "who leaves has a seat"
        del self.places[seat.ssrc]
        self.node.unseat(self, room)
        self.send(native.Left(id=native.given(id), room=room, reason=None if reason == "left" else reason))
        self.record = record.unseated(room, reason)
        self.node.write(self.record)

    def close_if_silent(self) -> None:
        """The time for a hello is over."""
        if self.state is State.OPENING:
            self._reject(f"no hello within {HELLO_SECONDS:.0f} s", None)

    def _hold(self, again: Callable[[bytes], None], data: bytes) -> None:
        self._backlog.append((again, data))
        if len(self._backlog) == HELD:
            self.link.pause()

    def _admit(self, request: native.AnyRequest) -> None:
        now = self.node.clock.now()
        bucket = self._texts if isinstance(request, native.Say | native.Whisper) else self._requests
        if not bucket.take(now):
            raise Refused(Code.RATE_LIMITED, "too many requests, wait a little", retry_after_ms=bucket.wait_ms)

    def refuse(self, id: ClientId | None, refusal: Refused) -> None:
        self.send(
            native.Error(
                id=native.given(id),
                code=refusal.code,
                message=refusal.message,
                field=refusal.field,
                retry_after_ms=refusal.retry_after_ms,
                urls=refusal.urls,
            )
        )
        now = self.node.clock.now()
        if refusal.code is Code.RATE_LIMITED and self._refused.note(now) >= 5:
            self.cut(RATE)
        elif refusal.code in (Code.BAD_REQUEST, Code.TOO_LARGE) and self._abuse.note(now):
            self.cut(ABUSE)

    def _reject(self, sentence: str, id: ClientId | None, closing: Closing = NOT_AUTHENTICATED) -> None:
        self.refuse(id, Refused(Code.UNAUTHORIZED, sentence))
        self.close(closing.because(sentence))

    def _drop(self, reason: str, code: Code, sentence: str) -> None:
        """Count a voice frame that goes nowhere, and say so once a second at most."""
        self.node.counters.voice_dropped[reason] += 1
        now = self.node.clock.now()
        if now - self._complained >= 1.0:
            self._complained = now
            self.send(native.Error(code=code, message=sentence))

    # The hello.

    def _hello(self, request: native.Hello) -> None:
        if self.node.draining:
            self._send_away(request.id)
            return
        if request.resume is not None:
            self._reject("that session is over, start anew", request.id, SESSION_OVER)
            return
        try:
            record = introduce(self.node, request, ip=self.link.ip)
        except TokenError as error:
            self._reject(str(error), request.id)
            return
        self.state = State.WAITING
        self.node.when_synced(partial(self._begin, record, request.id))

    def _send_away(self, id: ClientId | None) -> None:
        """This node takes nobody in: say where else to go."""
        urls = self.node.cards.urls_of_others()
        self.refuse(id, Refused(Code.UNAVAILABLE, "this node is going away", urls=urls))
        self.close(self.node.farewell)

    def _begin(self, record: SessionRecord, id: ClientId | None) -> None:
        """The node knows the cluster: welcome the client and take what it has sent meanwhile."""
        if self.state is not State.WAITING:
            return
        node = self.node
        if node.draining:
            self._send_away(id)
            return
        self.state = State.LIVE
        self.record = record
        self.urls = node.urls()
        node.begin(self)
        self.send(
            native.Welcome(
                id=native.given(id),
                session=record.session,
                user=record.user,
                name=record.name,
                role=record.role,
                node=node.name,
                resume="",
                resume_seconds=0,
                urls=self.urls,
                limits=native.LIMITS,
                cursors=dict(node.feeds.timeline.worked),
                recovered=None,
                server=SERVER,
            )
        )
        backlog, self._backlog = self._backlog, []
        for hear, data in backlog:
            hear(data)
        if len(backlog) >= HELD:
            self.link.resume()
