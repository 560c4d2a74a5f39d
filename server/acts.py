"""What moderators do to people, as plain data: orders between nodes, what the log says of it, who is meant; pure."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from bus.record import NAME_CHARS, ClientId, Kind, Record
from server.events import Moderated
from server.roles import Command
from server.session import Actor, Role
from server.wire.moderation import BLOCK_SECONDS, GRACE_SECONDS, TARGETS, MuteSeconds, Outcome
from server.wire.names import TEXT_CHARS

TIME = Actor("", "", "", Role.ADMIN)
"""Who ends what is over."""

OVER = "its time is over"
"""Why."""

REMEMBERED = 100_000
"""Sessions to whom something was done of which it is known by which act; beyond it the oldest acts go."""

Reason = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]
_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]
_Sessions = Annotated[tuple[_Name, ...], msgspec.Meta(max_length=TARGETS)]


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is done to sessions. Each node is asked for those that live there."""

    command: ClassVar[Command]

    by: Actor
    reason: Reason = ""
    id: _Name
    """Carried out once for each session, however often it comes."""
    sessions: _Sessions = ()
    room: _Name | None
    """None: everywhere."""

    @property
    def places(self) -> tuple[str | None, ...]:
        """Where who does it must be allowed to."""
        return (self.room,)


class Kick(Act, frozen=True, kw_only=True, tag="kick"):
    """Put them out of a room or the cluster."""

    command = Command.KICK
    grace: Annotated[float, msgspec.Meta(ge=0, le=GRACE_SECONDS)] = 0
    """They are put out after so many seconds, and silent until then."""
    block: Annotated[float, msgspec.Meta(ge=0, le=BLOCK_SECONDS)] = 0
    """For so long their users may not come in again."""


class Unkick(Act, frozen=True, kw_only=True, tag="unkick"):
    """Undo a kick that is still to come; without a room, all of them."""

    command = Command.UNKICK


class Mute(Act, frozen=True, kw_only=True, tag="mute"):
    """Let them not be heard."""

    command = Command.MUTE
    seconds: MuteSeconds | None = None
    """How long; None: until it is lifted."""


class Unmute(Act, frozen=True, kw_only=True, tag="unmute"):
    """Lift the mute of a room; without one, every mute."""

    command = Command.UNMUTE


class Move(Act, frozen=True, kw_only=True, tag="move"):
    """Let them leave a room and be in another."""

    command = Command.MOVE
    room: _Name
    to: _Name

    @property
    def places(self) -> tuple[str | None, ...]:
        """See Act."""
        return self.room, self.to


AnyAct = Kick | Unkick | Mute | Unmute | Move


def act_id(session: str, id: ClientId, content: bytes) -> str:
    """The id of the act that a request is: the same one of a session, sent again to any node, is the same act."""
    asked = msgspec.msgpack.encode((session, id, content))
    return hashlib.sha256(asked).hexdigest()[:32]


def block_id(act: str, user: str) -> str:
    """The id of the ban that keeps a kicked user out."""
    return "b_" + hashlib.sha256(f"{act}/{user}".encode()).hexdigest()[:16]


class Deed(msgspec.Struct, array_like=True, frozen=True, tag="deed"):
    """Payload of a moderation record: an act that was carried out. Its room and session are the record's."""

    action: Literal["kick", "unkick", "mute", "unmute", "move", "ban"]
    by: Actor
    user: str
    name: str
    """Of the one to whom it was done, as is `user`."""
    reason: str
    until: int | None
    at: int
    """ms since 1970."""
    act: str = ""
    node: str = ""
    """Name of the node that did it."""
    to: str = ""
    """The room that somebody was moved to."""


class Verdict(msgspec.Struct, array_like=True, frozen=True, tag="verdict"):
    """Payload of a moderation record: all that came of a request, so that any node can say it again."""

    act: str
    outcomes: tuple[Outcome, ...]


def event_of(record: Record, deed: Deed) -> Moderated:
    """What the record of a deed tells those who watch."""
    return Moderated(
        action=deed.action,
        by=deed.by,
        session=record.session,
        name=deed.name,
        room=record.room or None,
        reason=deed.reason,
        until=deed.until,
        at=deed.at,
        origin=record.origin,
        seq=record.seq,
        to=deed.to,
    )


def unpack(record: Record) -> Deed | Verdict:
    """What a moderation record says. Raises one of `server.unreadable.UNREADABLE` if it is not readable."""
    assert record.kind is Kind.MODERATION, "only these are read here"
    return _decoder.decode(record.payload)


class _Known:
    """What is known of one act."""

    __slots__ = ("at", "deeds", "users", "verdict")

    def __init__(self, at: float) -> None:
        self.at = at
        self.deeds: dict[str, Outcome] = {}
        self.users: dict[str, str] = {}
        self.verdict: tuple[Outcome, ...] | None = None


class Memory:
    """The acts of the last while and what came of them, as far as this node did it or the log says it."""

    def __init__(self, *, seconds: float) -> None:
        """`seconds`: for so long an act that comes again is the same act."""
        self._seconds = seconds
        self._acts: OrderedDict[str, _Known] = OrderedDict()
        self._size = 0

    def did(self, act: str, outcome: Outcome, user: str, now: float) -> None:
        """Somebody carried an act out on one session, which is or was of `user`."""
        if isinstance(outcome.session, str):
            known = self._note(act, now)
            if outcome.session not in known.deeds:
                known.deeds[outcome.session] = outcome
                known.users[outcome.session] = user
                self._grow(1)

    def answered(self, verdict: Verdict, now: float) -> None:
        """A request was answered by this."""
        known = self._note(verdict.act, now)
        if known.verdict is None:
            known.verdict = verdict.outcomes
            self._grow(len(verdict.outcomes))

    def verdict(self, act: str, now: float) -> list[Outcome] | None:
        """What a request was answered by, or None."""
        known = self._get(act, now)
        return None if known is None or known.verdict is None else list(known.verdict)

    def deeds(self, act: str, now: float) -> dict[str, Outcome]:
        """What came of an act so far, by session."""
        known = self._get(act, now)
        return {} if known is None else known.deeds

    def users(self, act: str, now: float) -> dict[str, str]:
        """The users of those sessions."""
        known = self._get(act, now)
        return {} if known is None else known.users

    def _get(self, act: str, now: float) -> _Known | None:
        known = self._acts.get(act)
        return known if known is not None and now - known.at <= self._seconds else None

    def _note(self, act: str, now: float) -> _Known:
        known = self._get(act, now)
        if known is None:
            self._drop(act)
            known = self._acts[act] = _Known(now)
            self._grow(1)
        return known

    def _grow(self, by: int) -> None:
        self._size += by
        while self._size > REMEMBERED and len(self._acts) > 1:
            self._drop(next(iter(self._acts)))

    def _drop(self, act: str) -> None:
        known = self._acts.pop(act, None)
        if known is not None:
            self._size -= 1 + len(known.deeds) + len(known.verdict or ())


def pack(said: Deed | Verdict) -> bytes:
    """It as bytes."""
    return _encoder.encode(said)


def pack_act(act: AnyAct) -> bytes:
    """An order as bytes."""
    return _encoder.encode(act)


def unpack_act(body: bytes) -> AnyAct:
    """The order in `body`. Raises one of `server.unreadable.UNREADABLE` if there is none."""
    return _act_decoder.decode(body)


def pack_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    """What came of it as bytes."""
    return _encoder.encode(outcomes)


def unpack_outcomes(body: bytes) -> list[Outcome]:
    """What came of it. Raises one of `server.unreadable.UNREADABLE` if it is not readable."""
    return _outcomes_decoder.decode(body)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Deed | Verdict] = msgspec.msgpack.Decoder(Deed | Verdict)
_act_decoder: msgspec.msgpack.Decoder[AnyAct] = msgspec.msgpack.Decoder(AnyAct)
_outcomes_decoder: msgspec.msgpack.Decoder[list[Outcome]] = msgspec.msgpack.Decoder(list[Outcome])
