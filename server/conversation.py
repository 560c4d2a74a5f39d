"""One client's side of the protocol over one connection: what it may ask when, and what it is answered."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from bus.record import ClientId, Origin
from server import session as sessions
from server.addresses import network_of
from server.asides import Target
from server.audience import room_of
from server.backlog import Backlog
from server.closing import KICKED, NOT_AUTHENTICATED, TOO_SLOW, Closing
from server.feeds import Feed
from server.identity import TokenError
from server.limits import Allowance, Bucket, Echo
from server.link import HELLO_SECONDS, Link, State
from server.outbox import Outbox
from server.requests import HANDLERS
from server.session import RECORD_BYTES, Actor, Aim, Seat, SessionRecord
from server.wire import moderation, native, reading, voice
from server.wire.names import FieldError
from server.wire.native import OUR_MISTAKE, Address, Code, Refused
from server.wire.websocket import text_frame

if TYPE_CHECKING:
    from server.node import Node
    from server.rooms import Room

logger = logging.getLogger(__name__)

BATCH = 16
"""Frames of a replay that are queued in one turn of the loop: a quarter of what may wait for a slow receiver."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A room in which this conversation has a seat."""

    room: Room
    muted: bool


class Conversation:
    """A client from its first message to its last. Methods are called on the event loop and never block."""

    __slots__ = (
        "_allowance",
        "_backlog",
        "_continuing",
        "_ear",
        "_told",
        "_voice",
        "echoes",
        "feed",
        "link",
        "network",
        "node",
        "outbox",
        "places",
        "record",
        "state",
        "targets",
        "turn",
        "urls",
    )

    def __init__(self, node: Node, link: Link) -> None:
        now = node.clock.now()
        self.node = node
        self.link = link
        self.outbox = link.outbox
        self.network = network_of(link.ip)
        """Whose the address is; empty for loopback."""
        self.state = State.OPENING
        self.record: SessionRecord | None = None
        self.places: dict[int, Place] = {}
        """By ssrc."""
        self.targets: dict[int, Target] = {}
        """By the number that its whispered frames carry."""
        self.echoes: dict[str, Echo] = {}
        """By room, what it said there last."""
        self._ear: Outbox | None = link.outbox
        """The outbox, if it is sent voice."""
        self.feed: Feed | None = None
        """What it is fed from the node's list, from its welcome on."""
        self.turn: float | None = None
        """When it may resume, where many wanted to at once (server.turnstile)."""
        self._backlog = Backlog()
        self._continuing = False
        self._told: frozenset[str] = frozenset()
        """Audiences of which the client was told that something is missing."""
        self._allowance = Allowance(now=now)
        fps = node.config.voice_fps
        self._voice = Bucket(fps, max(1.0, fps / 2), now=now) if fps else None
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
        return Actor(record.session, record.user, record.name, record.role, record.scope)

    # What comes from the client.

    def hear_text(self, data: bytes) -> None:
        """Take a text message."""
        if self.state is State.WAITING or self.state is State.REPLAYING:
            self._hold(self.hear_text, data)
            return
        if self.state is State.OVER:
            return
        self.node.counters.received_text += 1
        try:
            request = reading.decode(data)
        except reading.BrokenRequest as broken:
            if self.state is State.OPENING and broken.type != "hello":
                self.reject("the first message must be a hello", broken.id)
            else:
                self.refuse(broken.id, broken.refusal)
            return
        self._hear(request)

    def _hear(self, request: reading.AnyRequest) -> None:
        handle: Callable[[Conversation, Any], None] = HANDLERS[type(request)]
        if self.state is State.OPENING:
            if not isinstance(request, native.Hello):
                self.reject("the first message must be a hello", request.id)
                return
            handle = self.node.reception.receive
        try:
            self._admit(request)
            handle(self, request)
        except Refused as refusal:
            self.refuse(request.id, refusal)
        except FieldError as error:
            self.refuse(request.id, Refused.of(error))
        except TokenError as error:
            self.reject(str(error), request.id)
        except Exception:
            logger.exception("a %s of a client failed", type(request).__name__.lower())
            self.refuse(request.id, OUR_MISTAKE)

    def hear_voice(self, frame: bytes) -> None:
        """Take a binary message: one voice frame (protocol.md section 6)."""
        if self.state is not State.LIVE and not self._may_speak(frame):
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

    def _may_speak(self, frame: bytes) -> bool:
        """Whether a frame of a client that is not live is taken now: from its welcome on."""
        if self.state is State.WAITING:
            self._hold(self.hear_voice, frame)
        elif self.state is State.OPENING:
            self.reject("the first message must be a hello", None)
        return self.state is State.REPLAYING

    def _whisper(self, target: Target, frame: bytes) -> None:
        try:
            self.node.asides.speak(self, target, frame)
        except Refused as refusal:
            self._drop("scope", refusal.code, refusal.message)

    def lost(self, reason: str) -> None:
        """The connection has ended: `left` after a close with 1000, which ends the session, else `lost`."""
        if self.state is not State.OVER:
            self.state = State.OVER
            if self.record is None:
                return
            if reason == "left":
                self.node.custody.end(self, reason)
            else:
                self.node.custody.lose(self)

    # What the node's list tells it (server.feeds.Reader).

    @property
    def outlet(self) -> Outbox:
        """Where its frames go."""
        return self.outbox

    def has_room(self) -> bool:
        """Whether the client takes what it is sent; if not, the replay goes on when it does."""
        if self.outbox.stalled:
            return False
        if len(self.outbox.frames) < BATCH:
            return True
        if not self._continuing:
            self._continuing = True
            self.node.soon(self.go_on)
        return False

    def go_on(self) -> None:
        """What was sent is on its way: a replay may go on."""
        self._continuing = False
        if self.state is State.REPLAYING and self.feed is not None:
            self.node.feeds.go_on(self.feed)

    def went_live(self) -> None:
        """All that a resumed session has missed is queued: its requests are taken now."""
        if self.state is State.REPLAYING:
            self.state = State.LIVE
            self.send(native.Live())
            self.take_backlog()

    def missed(self, audiences: list[str]) -> None:
        """Something that the client should have got is held by nobody any more: say so, unless it was told."""
        rooms = [room for room in map(room_of, audiences) if room is not None]
        if self.state is State.LIVE or not self._told.issuperset(audiences):
            self.send(native.Gap(rooms=rooms))

    def was_overtaken(self) -> None:
        """What it was still to be sent has left the list."""
        self.cut(TOO_SLOW)

    def note_flood(self) -> None:
        """The client sends more messages than are read."""
        if self.state is State.LIVE or self.state is State.REPLAYING:
            self.refuse(None, self.one_too_many("messages", "too many messages, wait a little", 100))

    def measured(self, round_trip: float) -> None:
        """A ping was answered after `round_trip` seconds."""
        if self.state is State.LIVE or self.state is State.REPLAYING:
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
        """End a conversation that cannot go on; its session may resume at another."""
        if self.record is not None and self.state is not State.OVER:
            self.node.custody.lose(self)
        self.close(closing)

    def tell_moderated(self, action: str, *, by: str, reason: str, until: int | None, room: str | None) -> None:
        """Tell what is about to be done, by whom and why (protocol.md section 7)."""
        self.send(moderation.Moderated(action=action, by=by, reason=reason, until=until, room=room))

    def kick(self, room: str | None, *, reason: str) -> None:
        """Leave `room`, or end the session and close with 4403."""
        if room is not None:
            self.leave(room, "kicked")
        else:
            self.node.custody.end(self, "kicked")
            self.close(KICKED.because(f"kicked: {reason}" if reason else "kicked"))

    def revise(self, record: SessionRecord) -> None:
        """Let another record of this session, in the same rooms, be true from now on."""
        self.record = record
        self.node.custody.write(record)
        self.look_at_mutes()

    def look_at_mutes(self) -> None:
        """Somebody has muted the session or one of its rooms, or may be heard again."""
        self.places = {
            ssrc: dataclasses.replace(place, muted=self._is_muted(place.room)) for ssrc, place in self.places.items()
        }

    def _is_muted(self, room: Room) -> bool:
        record = self.session
        return record.muted(room.name) or (room.state.muted and not record.moderates(room.name))

    def deafen(self, on: bool) -> None:
        """Let the client be sent no voice, or voice again."""
        record = self.session
        if on != record.deafened:
            self._ear = None if on else self.outbox
            self.node.custody.deafen(self, on)
            self.revise(msgspec.structs.replace(record, deafened=on))

    def aim(self, aim: Aim) -> None:
        """Let voice frames with this target be for those whom it names. Raises Refused when it has too many."""
        record = self.session.aimed(aim)
        if len(sessions.pack(msgspec.structs.replace(record, scope=None))) > RECORD_BYTES:
            raise Refused(Code.BAD_REQUEST, "the session has as many targets as it may have", field="target")
        self.targets[aim.target] = Target(Address(session=aim.session, user=aim.user))
        self.revise(record)

    def take_seat(self, seat: Seat) -> Room:
        """Be in the room of `seat` from now on."""
        return self._sit(seat, self.session.seated(seat))

    def _sit(self, seat: Seat, record: SessionRecord) -> Room:
        self.record = record
        room = self.node.custody.seat(self, seat)
        self.places[seat.ssrc] = Place(room, self._is_muted(room))
        return room

    def move(self, room: str, to: str) -> None:
        """Give up the seat in `room`, have one in another, and say so."""
        self._rise(room)
        seat = self.node.new_seat(to)
        self._sit(seat, self.session.reseated(room, seat))
        self.send(moderation.Moved(room=room, to=to, joined=self.node.joined(seat)))

    def _rise(self, room: str) -> None:
        """Hear and say no more in `room`; the record follows."""
        seat = self.session.seat(room)
        assert seat is not None, "who leaves has a seat"
        del self.places[seat.ssrc]
        self.echoes.pop(room, None)
        self.node.custody.unseat(self, room)

    def leave(self, room: str, reason: str, *, id: ClientId | None = None) -> None:
        """Give up the seat in `room` and say so, with the reason unless the client asked for it."""
        self._rise(room)
        self.send(native.Left(id=native.given(id), room=room, reason=None if reason == "left" else reason))
        self.record = self.session.unseated(room, reason)
        self.node.custody.write(self.record)

    def close_if_silent(self) -> float:
        """The time for a hello is over; returns for how many seconds more it is waited for, where it has a turn."""
        if self.state is not State.OPENING:
            return 0.0
        if self.turn is not None and (more := self.turn + HELLO_SECONDS - self.node.clock.now()) > 0:
            return more
        self.reject(f"no hello within {HELLO_SECONDS:.0f} s", None)
        return 0.0

    def _hold(self, hear: Callable[[bytes], None], data: bytes) -> None:
        self._backlog.hold(hear, data)
        if self._backlog.is_full:
            self.link.pause()

    def _admit(self, request: reading.AnyRequest) -> None:
        now = self.node.clock.now()
        if wait := self._allowance.asks(now, text=isinstance(request, native.Say | native.Whisper)):
            raise self.one_too_many("session", "too many requests, wait a little", wait)
        quotas = self.node.quotas
        if self.record is not None and (wait := quotas.users.take(self.record.user, now)):
            raise self.one_too_many("user", "too many requests of all your sessions, wait a little", wait)
        if self.network and (wait := quotas.addresses.take(self.network, now)):
            raise self.one_too_many("address", "too many requests from your address, wait a little", wait)

    def one_too_many(self, limit: str, sentence: str, wait_ms: int) -> Refused:
        """The refusal of a request that is over a limit (see `Counters.limited`), which is counted."""
        self.node.counters.limited[limit] += 1
        return Refused(Code.RATE_LIMITED, sentence, retry_after_ms=wait_ms)

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
        self.node.counters.refused[refusal.code] += 1
        if self.record is not None:
            self.node.refusals.note(self.record.session, now)
        if refusal.floods and (closing := self._allowance.refused(refusal.code, now)):
            self.cut(closing)

    def reject(self, sentence: str, id: ClientId | None, closing: Closing = NOT_AUTHENTICATED) -> None:
        self.refuse(id, Refused(Code.UNAUTHORIZED, sentence))
        self.close(closing.because(sentence))

    def _drop(self, reason: str, code: Code, sentence: str) -> None:
        """Count a voice frame that goes nowhere, and say so once a second at most."""
        self.node.counters.voice_dropped[reason] += 1
        if self._allowance.complains(self.node.clock.now()):
            self.send(native.Error(code=code, message=sentence))

    # The hello, as `server.reception` goes through it.

    def say_hello_again(self, hello: native.Hello) -> None:
        """Take a hello that could not be read before, if the client still waits, and what it sent since."""
        if self.state is State.WAITING:
            self.state = State.OPENING
            self._hear(hello)
            self.take_backlog()

    def wait(self) -> None:
        """The hello is good, and its welcome comes later: what the client sends meanwhile is held."""
        self.state = State.WAITING

    @property
    def is_live(self) -> bool:
        """Whether it is answered what it asks."""
        return self.state is State.LIVE

    @property
    def is_waiting(self) -> bool:
        """Whether it still waits for its welcome."""
        return self.state is State.WAITING

    def begin(self, record: SessionRecord) -> bool:
        """Begin a session, if the client still waits; its welcome and `take_backlog` are to follow."""
        if self.state is not State.WAITING:
            return False
        self.state = State.LIVE
        self.record = self.node.moderation.mutes.silenced(record)
        self.urls = self.node.urls()
        self.node.custody.begin(self)
        return True

    def resume(self, record: SessionRecord, cursors: dict[Origin, int], *, told: frozenset[str]) -> bool:
        """Go on with a session, if the client still waits; its welcome is to follow.

        `cursors` is what the client has seen, `told` of which audiences it is told that something is missing.
        """
        if self.state is not State.WAITING:
            return False
        self.state = State.REPLAYING
        self._told = told
        self.urls = self.node.urls()
        self.node.custody.resume(self, record, cursors)
        self._ear = None if record.deafened else self.outbox
        self.targets = {aim.target: Target(Address(session=aim.session, user=aim.user)) for aim in record.aims}
        rooms = [(seat.ssrc, self.node.custody.attend(self, seat)) for seat in record.seats]
        self.places = {ssrc: Place(room, self._is_muted(room)) for ssrc, room in rooms}
        return True

    def take_backlog(self) -> None:
        """Take what the client sent while it waited."""
        full = self._backlog.is_full
        self._backlog.hear()
        if full:
            self.link.resume()
